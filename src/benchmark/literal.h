/*
 * Lists and dictionaries as Python prints them, which is what a CSV file has where a program wrote
 * a column of lists into it: ['a', "b"], [{'role': 'user', 'content': 'x'}], and NumPy's ['a' 'b'].
 * Untrusted.  Private to this room.
 */
#ifndef SC_BENCHMARK_LITERAL_H
#define SC_BENCHMARK_LITERAL_H

#include "base/json.h"

/* Lists, tuples, dictionaries with texts as keys, texts, numbers, True, False and None.  Refused,
 * with the byte: all else (calls, bytes, sets), nesting past 32, texts with NUL or surrogates, two
 * equal keys.  *out is NULL after an error. */
enum sc_status sc_literal_parse(const char *text, size_t n, json_t **out, struct sc_error *error);

#endif
