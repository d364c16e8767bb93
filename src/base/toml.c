/* Tables, arrays and lines of TOML; see toml.h.  The words of a line are toml_words.c's. */
#include "base/toml.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/toml_words.h"

/* How a table came to be, which decides whether it may be named again. */
enum origin {
    IMPLIED = 1, /* on the way to another: a header may still define it */
    DEFINED,     /* by its header, or an element of an array of tables */
    DOTTED,      /* by a key with dots: such keys, and headers of tables below it, may add */
    CLOSED,      /* inline: nothing may add */
    LISTED       /* an array of tables */
};

struct parser {
    struct sc_toml_cursor cursor;
    json_t *origins; /* by address: jansson's values have no place for it */
    size_t depth;
};

/* ---- tables and where they come from --------------------------------------------------------- */

static void name_address(const json_t *value, char out[32])
{
    snprintf(out, 32, "%p", (const void *)value);
}

static enum origin origin_of(const struct parser *parser, const json_t *value)
{
    char address[32];
    name_address(value, address);
    return (enum origin)json_integer_value(json_object_get(parser->origins, address));
}

static enum sc_status set_origin(struct parser *parser, const json_t *value, enum origin origin)
{
    char address[32];
    name_address(value, address);
    return json_object_set_new(parser->origins, address, json_integer(origin)) == 0
               ? SC_OK
               : sc_toml_fail_nomem(&parser->cursor);
}

/* An empty object or array as a new member of the table; *out is borrowed. */
static enum sc_status add_new(struct parser *parser, json_t *table, const char *key, json_t *value,
                              json_t **out)
{
    if (value == NULL || json_object_set_new(table, key, value) != 0)
        return sc_toml_fail_nomem(&parser->cursor);
    *out = value;
    return SC_OK;
}

static enum sc_status add_table(struct parser *parser, json_t *parent, const char *key,
                                enum origin origin, json_t **out)
{
    SC_TRY(add_new(parser, parent, key, json_object(), out));
    return set_origin(parser, *out, origin);
}

/* "a.b" as people wrote it, in messages. */
static enum sc_status fail_key(const struct parser *parser, const struct sc_toml_key *key,
                               size_t n_parts, const char *why)
{
    char name[200];
    size_t length = 0;
    name[0] = '\0';
    for (size_t i = 0; i < n_parts && length < sizeof name; i++)
        length += (size_t)snprintf(name + length, sizeof name - length, "%s%s", i > 0 ? "." : "",
                                   key->parts[i]);
    return sc_toml_fail(&parser->cursor, key->at, "\"%s\" %s", name, why);
}

/* ---- values ---------------------------------------------------------------------------------- */

static enum sc_status read_value(struct parser *parser, json_t **out);

/* The table in which the last part of a key stands, those on the way to it made where there are
 * none. */
static enum sc_status descend_dotted(struct parser *parser, json_t *table,
                                     const struct sc_toml_key *key, json_t **out)
{
    for (size_t i = 0; i + 1 < key->n; i++) {
        json_t *next = json_object_get(table, key->parts[i]);
        if (next == NULL) {
            SC_TRY(add_table(parser, table, key->parts[i], DOTTED, &next));
        } else {
            enum origin origin = json_is_object(next) ? origin_of(parser, next) : CLOSED;
            if (origin != DOTTED && origin != IMPLIED)
                return fail_key(parser, key, i + 1, "is there already, and nothing can be added");
            SC_TRY(set_origin(parser, next, DOTTED));
        }
        table = next;
    }
    *out = table;
    return SC_OK;
}

static enum sc_status assign(struct parser *parser, json_t *table, const struct sc_toml_key *key)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    json_t *value = NULL, *parent = NULL;
    if (*cursor->at != '=')
        return sc_toml_unexpected(cursor, "= behind the key");
    cursor->at++;
    sc_toml_blanks(cursor);
    SC_TRY(descend_dotted(parser, table, key, &parent));
    const char *last = key->parts[key->n - 1];
    if (json_object_get(parent, last) != NULL)
        return fail_key(parser, key, key->n, "is given twice");
    SC_TRY(read_value(parser, &value));
    if (json_object_set_new(parent, last, value) != 0)
        return sc_toml_fail_nomem(cursor);
    return SC_OK;
}

static enum sc_status read_pair(struct parser *parser, json_t *table)
{
    struct sc_toml_key key;
    enum sc_status status = sc_toml_read_key(&parser->cursor, &key);
    if (status != SC_OK)
        goto done;
    status = assign(parser, table, &key);
done:
    sc_toml_key_free(&key);
    return status;
}

/* On one line, without a comma behind the last pair. */
static enum sc_status read_inline(struct parser *parser, json_t *table)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    cursor->at++;
    sc_toml_blanks(cursor);
    if (*cursor->at == '}') {
        cursor->at++;
        return set_origin(parser, table, CLOSED);
    }
    for (;;) {
        SC_TRY(read_pair(parser, table));
        sc_toml_blanks(cursor);
        if (*cursor->at == '}') {
            cursor->at++;
            return set_origin(parser, table, CLOSED);
        }
        if (*cursor->at != ',')
            return sc_toml_unexpected(cursor, ", or } (an inline table stands on one line)");
        cursor->at++;
        sc_toml_blanks(cursor);
    }
}

static enum sc_status read_array(struct parser *parser, json_t *array)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    cursor->at++;
    for (;;) {
        json_t *value = NULL;
        SC_TRY(sc_toml_space(cursor));
        if (*cursor->at == ']')
            break;
        SC_TRY(read_value(parser, &value));
        if (json_array_append_new(array, value) != 0)
            return sc_toml_fail_nomem(cursor);
        SC_TRY(sc_toml_space(cursor));
        if (*cursor->at == ']')
            break;
        if (*cursor->at != ',')
            return sc_toml_unexpected(cursor, ", or ]");
        cursor->at++;
    }
    cursor->at++;
    return SC_OK;
}

static enum sc_status read_value(struct parser *parser, json_t **out)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    bool is_array = *cursor->at == '[';
    if (!is_array && *cursor->at != '{')
        return sc_toml_read_scalar(cursor, out);
    if (parser->depth == SC_TOML_MOST_DEPTH)
        return sc_toml_fail(cursor, cursor->at, "expected values at most %d deep",
                            SC_TOML_MOST_DEPTH);
    json_t *value = is_array ? json_array() : json_object();
    if (value == NULL)
        return sc_toml_fail_nomem(cursor);
    parser->depth++;
    enum sc_status status = is_array ? read_array(parser, value) : read_inline(parser, value);
    parser->depth--;
    if (status != SC_OK) {
        json_decref(value);
        return status;
    }
    *out = value;
    return SC_OK;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* The table above the one that a header names. */
static enum sc_status descend_header(struct parser *parser, json_t *root,
                                     const struct sc_toml_key *key, json_t **out)
{
    json_t *table = root;
    for (size_t i = 0; i + 1 < key->n; i++) {
        json_t *next = json_object_get(table, key->parts[i]);
        if (next == NULL)
            SC_TRY(add_table(parser, table, key->parts[i], IMPLIED, &next));
        if (json_is_array(next) && origin_of(parser, next) == LISTED)
            next = json_array_get(next, json_array_size(next) - 1);
        if (!json_is_object(next) || origin_of(parser, next) == CLOSED)
            return fail_key(parser, key, i + 1, "is a value, and nothing can be added");
        table = next;
    }
    *out = table;
    return SC_OK;
}

static enum sc_status define_table(struct parser *parser, json_t *parent,
                                   const struct sc_toml_key *key, json_t **out)
{
    const char *last = key->parts[key->n - 1];
    json_t *there = json_object_get(parent, last);
    if (there == NULL)
        return add_table(parser, parent, last, DEFINED, out);
    if (!json_is_object(there) || origin_of(parser, there) != IMPLIED)
        return fail_key(parser, key, key->n, "is given twice");
    *out = there;
    return set_origin(parser, there, DEFINED);
}

static enum sc_status append_table(struct parser *parser, json_t *parent,
                                   const struct sc_toml_key *key, json_t **out)
{
    const char *last = key->parts[key->n - 1];
    json_t *array = json_object_get(parent, last);
    if (array == NULL) {
        SC_TRY(add_new(parser, parent, last, json_array(), &array));
        SC_TRY(set_origin(parser, array, LISTED));
    } else if (!json_is_array(array) || origin_of(parser, array) != LISTED) {
        return fail_key(parser, key, key->n, "is there already, and is no array of tables");
    }
    json_t *table = json_object();
    if (table == NULL || json_array_append_new(array, table) != 0)
        return sc_toml_fail_nomem(&parser->cursor);
    *out = table;
    return set_origin(parser, table, DEFINED);
}

/* [table] and [[array of tables]]; *table: where the pairs that follow belong. */
static enum sc_status read_header(struct parser *parser, json_t *root, json_t **table)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    struct sc_toml_key key = {.n = 0};
    json_t *parent = NULL;
    bool listed = cursor->at[1] == '[';
    cursor->at += listed ? 2 : 1;
    sc_toml_blanks(cursor);
    enum sc_status status = sc_toml_read_key(cursor, &key);
    if (status != SC_OK)
        goto done;
    if (*cursor->at != ']' || (listed && cursor->at[1] != ']')) {
        status = sc_toml_unexpected(cursor, listed ? "]] behind the name" : "] behind the name");
        goto done;
    }
    cursor->at += listed ? 2 : 1;
    status = descend_header(parser, root, &key, &parent);
    if (status != SC_OK)
        goto done;
    status = listed ? append_table(parser, parent, &key, table)
                    : define_table(parser, parent, &key, table);
done:
    sc_toml_key_free(&key);
    return status;
}

static enum sc_status read_lines(struct parser *parser, json_t *root)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    json_t *table = root;
    for (;;) {
        SC_TRY(sc_toml_space(cursor));
        if (cursor->at == cursor->end)
            return SC_OK;
        if (*cursor->at == '[')
            SC_TRY(read_header(parser, root, &table));
        else
            SC_TRY(read_pair(parser, table));
        SC_TRY(sc_toml_line_end(cursor));
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status check_bytes(const struct sc_toml_cursor *cursor)
{
    size_t n = (size_t)(cursor->end - cursor->begin);
    size_t valid = sc_utf8_valid(cursor->begin, n);
    const char *nul = memchr(cursor->begin, 0, n);
    if (nul != NULL && (size_t)(nul - cursor->begin) <= valid)
        return sc_toml_fail(cursor, nul, "expected text, found a byte 0");
    if (valid != n)
        return sc_toml_fail(cursor, cursor->begin + valid, "is not valid UTF-8");
    return SC_OK;
}

static enum sc_status parse(struct parser *parser, json_t *root)
{
    struct sc_toml_cursor *cursor = &parser->cursor;
    if (root == NULL || parser->origins == NULL)
        return sc_toml_fail_nomem(cursor);
    SC_TRY(check_bytes(cursor));
    if (strncmp(cursor->at, "\xef\xbb\xbf", 3) == 0)
        cursor->begin = cursor->at += 3;
    return read_lines(parser, root);
}

enum sc_status sc_toml_parse(const char *text, size_t n, const char *what, json_t **out,
                             struct sc_error *error)
{
    assert(text != NULL && what != NULL && out != NULL);
    /* The words look a few bytes ahead of where they are: a copy ends with NUL. */
    char *copy = sc_strndup(text, n);
    *out = NULL;
    if (copy == NULL)
        return sc_fail_nomem(error, what);
    struct parser parser = {
        .cursor = {.begin = copy, .at = copy, .end = copy + n, .what = what, .error = error},
        .origins = json_object()};
    json_t *root = json_object();
    enum sc_status status = parse(&parser, root);
    json_decref(parser.origins);
    sc_free(copy);
    if (status != SC_OK) {
        json_decref(root);
        return status;
    }
    *out = root;
    return SC_OK;
}

enum sc_status sc_toml_read(const char *path, size_t max_bytes, json_t **out,
                            struct sc_error *error)
{
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    SC_TRY(sc_file_read(path, max_bytes, &text, &n, error));
    enum sc_status status = sc_toml_parse(text, n, path, out, error);
    sc_free(text);
    return status;
}
