/* What the values of a JSON text take in memory, before it is parsed. */
#ifndef SC_BASE_JSON_ESTIMATE_H
#define SC_BASE_JSON_ESTIMATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Values of up to this much are taken of any text, and of long ones eight times the text, as far as
 * the second bound: log-probabilities of 20 tokens with their bytes at each of 32,000 places take
 * some 480 MB. */
#define SC_JSON_MEMORY ((uint64_t)128 << 20)
#define SC_JSON_MOST_MEMORY ((uint64_t)512 << 20)

/* Fails where n bytes of JSON would take more.  Whether they are JSON is not looked at. */
enum sc_status sc_json_check_memory(const char *text, size_t n, const char *what,
                                    struct sc_error *error);

#endif
