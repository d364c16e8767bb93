/* Strings whose bytes know their origin: made piece by piece, cut, searched and compared. */
#ifndef SC_JINJA_STRING_H
#define SC_JINJA_STRING_H

#include "jinja/run.h"

/* A string in the making.  When memory runs out `failed` is set and further pieces do nothing, so
 * that a caller checks once, by finishing it. */
struct builder {
    struct run *run;
    char *bytes;
    uint8_t *marks; /* NULL while all bytes are of one origin */
    size_t n, cap;
    size_t max; /* bytes; 0: as the memory allows */
    bool outside, markup, failed;
};

struct builder sc_jinja_builder(struct run *run);
void sc_jinja_add_bytes(struct builder *b, const char *bytes, size_t n, bool outside);
void sc_jinja_add_text(struct builder *b, const char *text); /* the template's own */
void sc_jinja_add(struct builder *b, const struct string *s);
/* Bytes [begin, end) of s. */
void sc_jinja_add_part(struct builder *b, const struct string *s, size_t begin, size_t end);
void sc_jinja_add_char(struct builder *b, uint32_t cp, bool outside);
enum sc_status sc_jinja_built(struct builder *b, const struct string **out);
enum sc_status sc_jinja_built_value(struct builder *b, struct value *out);

/* The template's own, not copied. */
struct string sc_jinja_own(const char *bytes, size_t n);
enum sc_status sc_jinja_own_value(struct run *run, const char *text, struct value *out);
struct value sc_jinja_string_value(const struct string *s);

/* Whether byte i, any byte, any of [begin, end) came from outside. */
bool sc_jinja_outside_at(const struct string *s, size_t i);
bool sc_jinja_any_outside(const struct string *s);
bool sc_jinja_part_outside(const struct string *s, size_t begin, size_t end);

/* Bytes [begin, end) of s as a string: it shares them. */
enum sc_status sc_jinja_part(struct run *run, const struct string *s, size_t begin, size_t end,
                             const struct string **out);
enum sc_status sc_jinja_part_value(struct run *run, const struct string *s, size_t begin,
                                   size_t end, struct value *out);

/* Bytes before the code point number i (at most n_chars). */
size_t sc_jinja_offset(const struct string *s, size_t i);
/* Code points among the first n bytes. */
size_t sc_jinja_chars_before(const struct string *s, size_t n);
/* The code point at byte i; *n: its bytes. */
uint32_t sc_jinja_char_at(const struct string *s, size_t i, size_t *n);
/* The begin of the code point that ends before byte i > 0. */
size_t sc_jinja_char_before(const struct string *s, size_t i);

bool sc_jinja_same(const struct string *a, const struct string *b); /* bytes alone */
bool sc_jinja_is(const struct string *s, const char *text);
int sc_jinja_order(const struct string *a, const struct string *b);
/* The first place of what at or after `from` and before `to`, SIZE_MAX when there is none. */
size_t sc_jinja_find(const struct string *s, const struct string *what, size_t from, size_t to);
/* The last place of what within [from, to). */
size_t sc_jinja_find_last(const struct string *s, const struct string *what, size_t from,
                          size_t to);
bool sc_jinja_starts(const struct string *s, const struct string *with, size_t at);

/* A copy with <, >, &, ' and " as entities, marked as markup. */
enum sc_status sc_jinja_escaped(struct run *run, const struct string *s, const struct string **out);

#endif
