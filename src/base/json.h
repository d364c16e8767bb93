/*
 * JSON through jansson: reading untrusted files with clear errors, and typed access.  A json_t that
 * a function returns in *out is owned by the caller (json_decref).
 */
#ifndef SC_BASE_JSON_H
#define SC_BASE_JSON_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

/* Makes jansson allocate through base/memory.h, in the whole process: for sc_process_setup. */
void sc_json_use_own_memory(void);

/* Reads and parses a file of at most max_bytes whose top is an object. */
enum sc_status sc_json_read(const char *path, size_t max_bytes, json_t **out,
                            struct sc_error *error);
/* Parses n bytes; what names the source in the message.  A text that holds U+0000 is refused, in
 * words: most of what reads texts takes it for their end. */
enum sc_status sc_json_parse(const char *text, size_t n, const char *what, json_t **out,
                             struct sc_error *error);
/* The same of any value, a text or a number too. */
enum sc_status sc_json_parse_any(const char *text, size_t n, const char *what, json_t **out,
                                 struct sc_error *error);
/* The same for a caller that asks each text for its length: texts may hold U+0000. */
enum sc_status sc_json_parse_nul(const char *text, size_t n, const char *what, json_t **out,
                                 struct sc_error *error);
/* Parses n bytes that another program said: of two equal keys the last one counts. */
enum sc_status sc_json_parse_foreign(const char *text, size_t n, const char *what, json_t **out,
                                     struct sc_error *error);
/* Whether an object has none but these keys; else an error "WHAT: unknown field". */
enum sc_status sc_json_known_keys(json_t *object, const char *const *keys, size_t n,
                                  const char *what, struct sc_error *error);
/* Appends the compact text of a value; keys in the order of insertion, reals as %.17g. */
void sc_json_write(struct sc_text *text, const json_t *value);

/* An object with the same members, which are no containers themselves; NULL without memory, where
 * the JSON library's own copy may lack some without a word. */
json_t *sc_json_copy_flat(const json_t *object);

/* "a list", "an object", "no content" ...: for messages; NULL is "nothing". */
const char *sc_json_kind(const json_t *value);

struct sc_json_ints {
    int64_t low, high;
};
struct sc_json_reals {
    double low, high;
};

/* Fields of an object: a missing one gives `fallback` (NULL: it must not be missing); one of the
 * wrong type or outside the range, ends included, is an error that names the field. */
enum sc_status sc_json_int(const json_t *object, const char *key, struct sc_json_ints range,
                           const int64_t *fallback, int64_t *out, struct sc_error *error);
enum sc_status sc_json_real(const json_t *object, const char *key, struct sc_json_reals range,
                            const double *fallback, double *out, struct sc_error *error);
enum sc_status sc_json_bool(const json_t *object, const char *key, const bool *fallback, bool *out,
                            struct sc_error *error);

#endif
