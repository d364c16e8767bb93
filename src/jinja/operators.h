/* Operators between values, and parts of values by index and slice. */
#ifndef SC_JINJA_OPERATORS_H
#define SC_JINJA_OPERATORS_H

#include "jinja/object.h"
#include "jinja/tree.h"

enum sc_status sc_jinja_binary(struct run *run, enum operation op, struct value a, struct value b,
                               struct value *out);
enum sc_status sc_jinja_sign(struct run *run, bool negative, struct value a, struct value *out);
/* The comparison operators, `in` and `not in` among them. */
enum sc_status sc_jinja_relation(struct run *run, enum operation op, struct value a, struct value b,
                                 bool *out);
enum sc_status sc_jinja_contains(struct run *run, struct value whole, struct value part, bool *out);

/* What int(value) of an index is; *able false where a value is none. */
bool sc_jinja_index(struct value value, int64_t *out);
/* Item number i of n, negative from the end; false where there is none. */
bool sc_jinja_in_range(int64_t i, size_t n, size_t *out);
/* of[start:stop:step]; each is none where it is left out. */
enum sc_status sc_jinja_slice(struct run *run, struct value of, const struct value part[3],
                              struct value *out);
/* Character number i of a text. */
enum sc_status sc_jinja_character(struct run *run, const struct string *s, size_t i,
                                  struct value *out);

#endif
