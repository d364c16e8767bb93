/* Characters as Python sees them: blanks, letters, case. */
#ifndef SC_JINJA_UNICODE_H
#define SC_JINJA_UNICODE_H

#include "jinja/string.h"

bool sc_jinja_is_blank(uint32_t cp);     /* str.isspace */
bool sc_jinja_is_line_end(uint32_t cp);  /* where splitlines splits */
bool sc_jinja_is_printable(uint32_t cp); /* str.isprintable */
bool sc_jinja_is_alpha(uint32_t cp);
bool sc_jinja_is_decimal(uint32_t cp); /* Nd */
bool sc_jinja_is_digit(uint32_t cp);   /* and superscripts and their like */
bool sc_jinja_is_numeric(uint32_t cp);
bool sc_jinja_is_upper(uint32_t cp);
bool sc_jinja_is_lower(uint32_t cp);
bool sc_jinja_is_title(uint32_t cp);
bool sc_jinja_is_cased(uint32_t cp);
bool sc_jinja_is_word(uint32_t cp); /* what a pattern's \w means */

/* Moves begin and end of [*begin, *end) past blanks. */
void sc_jinja_strip_blanks(const struct string *s, size_t *begin, size_t *end);

enum letter_case { CASE_UPPER, CASE_LOWER, CASE_TITLE };
/* str.isupper, islower, istitle: there are letters with case, and all are so. */
bool sc_jinja_all_cased(const struct string *s, enum letter_case as);
/* Adds the bytes [begin, end) of s in another case; what becomes of a byte from outside is from
 * outside. */
void sc_jinja_add_in_case(struct builder *b, const struct string *s, size_t begin, size_t end,
                          enum letter_case to);

#endif
