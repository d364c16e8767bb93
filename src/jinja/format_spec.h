/* How one value is to stand in a format, "%5.2f" or "{:>5.2f}". */
#ifndef SC_JINJA_FORMAT_SPEC_H
#define SC_JINJA_FORMAT_SPEC_H

#include "jinja/object.h"

#define MAX_WIDTH 100000

struct spec {
    char fill[5]; /* one character; "" is a blank */
    char align;   /* '<' '>' '^' '=', 0: as its kind has it */
    char sign;    /* '+', '-', ' ' or 0 */
    char group;   /* ',' or '_' between groups of digits, or 0 */
    bool alternate, zero, no_minus_zero;
    int width, precision; /* precision -1: none */
    char kind;            /* 's' 'd' 'f' ..., 0: none given */
};

enum sc_status sc_jinja_bad_format(struct run *run, const char *what);
enum sc_status sc_jinja_add_padded(struct builder *b, const struct string *s,
                                   const struct spec *spec, char align);
enum sc_status sc_jinja_add_fills(struct builder *b, const struct spec *spec, int64_t n);
/* A value's repr with all that is no ASCII escaped; the character of a number. */
enum sc_status sc_jinja_add_ascii(struct builder *b, struct value value);
enum sc_status sc_jinja_add_character(struct builder *b, struct value value);
/* An int or bool by the kinds d n b o x X or none, with a precision at least so many digits; a
 * float by e E f F g G n % or none. */
enum sc_status sc_jinja_add_number(struct builder *b, struct value value, const struct spec *spec);

#endif
