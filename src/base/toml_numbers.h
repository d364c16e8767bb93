/* The values of TOML that stand without quotes: truth, numbers, dates and times. */
#ifndef SC_BASE_TOML_NUMBERS_H
#define SC_BASE_TOML_NUMBERS_H

#include <jansson.h>
#include <stdbool.h>

/* The value of a word.  True: *out, or NULL without memory.  False: it is none, and *expected says
 * what would be one. */
bool sc_toml_bare_value(const char *word, json_t **out, const char **expected);

#endif
