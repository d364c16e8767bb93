/* What filters and methods both do with texts. */
#ifndef SC_JINJA_WORDS_H
#define SC_JINJA_WORDS_H

#include "jinja/object.h"
#include "jinja/unicode.h"

/* chars NULL: blanks. */
enum sc_status sc_jinja_strip(struct run *run, const struct string *s, const struct string *chars,
                              bool left, bool right, const struct string **out);
/* count < 0: all. */
enum sc_status sc_jinja_replace(struct run *run, const struct string *s, const struct string *what,
                                const struct string *with, int64_t count,
                                const struct string **out);
enum sc_status sc_jinja_in_case(struct run *run, const struct string *s, enum letter_case to,
                                const struct string **out);
/* The first character in title case, the rest in lower case. */
enum sc_status sc_jinja_capitalized(struct run *run, const struct string *s,
                                    const struct string **out);
/* With so many fills before and behind it. */
enum sc_status sc_jinja_filled(struct run *run, const struct string *s, int64_t left, int64_t right,
                               const struct string *fill, const struct string **out);
enum sc_status sc_jinja_centred(struct run *run, const struct string *s, int64_t width,
                                const struct string *fill, const struct string **out);
enum sc_status sc_jinja_lines(struct run *run, const struct string *s, bool keep_ends,
                              struct list **out);
/* The last place of what within [from, to), SIZE_MAX where there is none; its steps count. */
enum sc_status sc_jinja_find_last_counted(struct run *run, const struct string *s,
                                          const struct string *what, size_t from, size_t to,
                                          size_t *out);
/* The parts between separators, at most max + 1 of them (max < 0: all); separator NULL: blanks. */
enum sc_status sc_jinja_split(struct run *run, const struct string *s,
                              const struct string *separator, int64_t max, struct list **out);
enum sc_status sc_jinja_split_last(struct run *run, const struct string *s,
                                   const struct string *separator, int64_t max, struct list **out);

#endif
