/*
 * Where the values of a JSON text lie, without reading them: so that each row can be read, and
 * fail, alone.  What stands inside is whoever reads it to judge.
 */
#ifndef SC_BENCHMARK_JSON_EXTENT_H
#define SC_BENCHMARK_JSON_EXTENT_H

#include <stdbool.h>
#include <stddef.h>

/* Behind the white space at `at`, at most n. */
size_t sc_json_skip_space(const char *data, size_t n, size_t at);
/* Behind the value that begins at `at`; `at` itself where none does or it never ends. */
size_t sc_json_value_end(const char *data, size_t n, size_t at);

/* The items of a list or the members of an object, one after another. */
struct json_walk {
    const char *data;
    size_t n;                  /* of data */
    size_t at;                 /* where to read on; begins at the '[' or '{' */
    size_t key_begin, key_end; /* of a member's key, quotes included */
    size_t begin, end;         /* of the value */
    bool started, members;
};
enum json_step {
    JSON_ITEM,  /* begin and end are set; in an object the key's too */
    JSON_END,   /* `at` is behind the closing bracket */
    JSON_BROKEN /* not a list or object that ends */
};
enum json_step sc_json_walk_next(struct json_walk *walk);

#endif
