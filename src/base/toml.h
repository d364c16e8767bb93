/*
 * TOML 1.0 (https://toml.io/en/v1.0.0) as JSON values: for files that people write.
 *
 * Tables are objects in the order of the file, arrays are arrays, integers have 64 bits.  What JSON
 * has no value for is its text as it was written: dates, times, inf and nan.  Refused, with line
 * and column: what the standard refuses (a key or table twice, a table that is extended after it
 * was closed, bad numbers, dates that no calendar has, control characters, bytes that are not
 * UTF-8), and beyond it texts with U+0000, integers past 64 bits, keys of more than
 * SC_TOML_MOST_PARTS parts and values nested deeper than SC_TOML_MOST_DEPTH.  A byte order mark at
 * the beginning is passed over.
 */
#ifndef SC_BASE_TOML_H
#define SC_BASE_TOML_H

#include "base/json.h"

enum { SC_TOML_MOST_PARTS = 32, SC_TOML_MOST_DEPTH = 32 };

/* Parses n bytes; what names their source in messages: "WHAT: line 3, column 7: expected ...". */
enum sc_status sc_toml_parse(const char *text, size_t n, const char *what, json_t **out,
                             struct sc_error *error);
/* The same of a file of at most max_bytes. */
enum sc_status sc_toml_read(const char *path, size_t max_bytes, json_t **out,
                            struct sc_error *error);

#endif
