/* What a line of TOML is made of: blanks, keys, texts, numbers, dates; for toml.c alone. */
#ifndef SC_BASE_TOML_WORDS_H
#define SC_BASE_TOML_WORDS_H

#include "base/toml.h"

struct sc_toml_cursor {
    const char *begin, *at, *end; /* *end is NUL */
    const char *what;
    struct sc_error *error;
};

/* A key: its parts, without their dots and quotes. */
struct sc_toml_key {
    char *parts[SC_TOML_MOST_PARTS]; /* [n], owned */
    size_t n;
    const char *at; /* where it begins */
};

/* SC_ERR_FORMAT with line and column of `at`. */
enum sc_status sc_toml_fail(const struct sc_toml_cursor *cursor, const char *at, const char *format,
                            ...) SC_PRINTF(3, 4);
enum sc_status sc_toml_fail_nomem(const struct sc_toml_cursor *cursor);
/* "expected EXPECTED, found ...": what stands at the cursor. */
enum sc_status sc_toml_unexpected(const struct sc_toml_cursor *cursor, const char *expected);

void sc_toml_blanks(struct sc_toml_cursor *cursor); /* past blanks and tabs */
/* Past a comment, if there is one, and the end of the line; at the end of the text it is done. */
enum sc_status sc_toml_line_end(struct sc_toml_cursor *cursor);
/* Past blanks, comments and ends of lines. */
enum sc_status sc_toml_space(struct sc_toml_cursor *cursor);

/* A key with the blanks around its dots; sc_toml_key_free in any case. */
enum sc_status sc_toml_read_key(struct sc_toml_cursor *cursor, struct sc_toml_key *key);
void sc_toml_key_free(struct sc_toml_key *key);

/* A value that is neither an array nor an inline table. */
enum sc_status sc_toml_read_scalar(struct sc_toml_cursor *cursor, json_t **out);

#endif
