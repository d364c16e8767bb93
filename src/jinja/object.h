/* Lists, dicts and what holds of all values: truth, equality, order, hash. */
#ifndef SC_JINJA_OBJECT_H
#define SC_JINJA_OBJECT_H

#include "jinja/string.h"

struct value sc_jinja_none(void);
struct value sc_jinja_bool(bool truth);
struct value sc_jinja_int(int64_t integer, bool outside);
struct value sc_jinja_float(double real, bool outside);

/* An undefined value: a variable or attribute of that name (of a value of that kind, or NULL), or
 * what a hint says. */
enum sc_status sc_jinja_undefined(struct run *run, const struct string *name, const char *kind,
                                  struct value *out);
enum sc_status sc_jinja_undefined_hint(struct run *run, const char *hint, struct value *out);
/* The error of using an undefined value. */
enum sc_status sc_jinja_fail_undefined(struct run *run, const struct value *value);

enum sc_status sc_jinja_list(struct run *run, size_t cap, struct list **out);
enum sc_status sc_jinja_push(struct run *run, struct list *list, struct value item);
struct value sc_jinja_list_value(enum value_kind kind, struct list *list);
/* A tuple of two. */
enum sc_status sc_jinja_pair(struct run *run, struct value a, struct value b, struct value *out);

enum sc_status sc_jinja_dict(struct run *run, struct dict **out);
/* The last value of equal keys counts, at the place of the first; a key that cannot be one (a list)
 * is an error. */
enum sc_status sc_jinja_put(struct run *run, struct dict *dict, struct value key,
                            struct value value);
/* NULL where there is none, *able false where the key can be none; the steps of the search count.
 */
enum sc_status sc_jinja_get(struct run *run, const struct dict *dict, struct value key, bool *able,
                            const struct value **out);
/* Of a key that is a text. */
const struct value *sc_jinja_get_text(const struct dict *dict, const struct string *key);

/* Whether a value can be gone through; what it gives then, as a list that is not to be changed
 * (an iterator is spent by it). */
bool sc_jinja_can_iterate(struct value value);
enum sc_status sc_jinja_items(struct run *run, struct value value, const struct list **out);

bool sc_jinja_truth(struct value value);
enum sc_status sc_jinja_equal(struct run *run, struct value a, struct value b, bool *out);
/* -1, 0, 1, or 2 where one is no number; an error where Python has no order of such values. */
enum sc_status sc_jinja_compare(struct run *run, struct value a, struct value b, int *out);
/* The length that len() gives, -1 where there is none. */
int64_t sc_jinja_length(struct value value);

/* An int, bool or float: as a real. */
bool sc_jinja_is_number(struct value value);
double sc_jinja_real(struct value value);
/* An int or bool. */
bool sc_jinja_is_integer(struct value value);
int64_t sc_jinja_integer(struct value value);

#endif
