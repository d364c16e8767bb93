/* See json.h. */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_estimate.h"
#include "base/memory.h"

/* A text that is being parsed, on this thread.
 *
 * jansson's lexer does not look whether the token it collects could grow: where memory runs out
 * just there it goes on with a token that lacks its last byte, reads and writes beyond the end of
 * it, or asserts that nothing was lost.  So the first allocation that fails is made from a reserve
 * that holds any token of the text, and from then on there is no more text and no more memory:
 * jansson ends in an error of its own.  Only where jansson allocates through us. */
struct parsing {
    const char *text;
    size_t n, at;
    bool lost; /* memory, and with it the rest of the text */
    char *reserve;
    size_t n_reserve;
};

static _Thread_local struct parsing *parsing;

static void *allocate(size_t bytes)
{
    if (parsing != NULL && parsing->lost)
        return NULL;
    void *memory = sc_alloc(bytes);
    if (memory != NULL || parsing == NULL)
        return memory;
    parsing->lost = true;
    return bytes <= parsing->n_reserve ? parsing->reserve : NULL;
}

static void release(void *memory)
{
    if (parsing == NULL || memory != parsing->reserve)
        sc_free(memory);
}

/* A byte for each call: none is taken beyond the one at which memory is lost. */
static size_t next_byte(void *to, size_t most, void *context)
{
    struct parsing *from = context;
    (void)most;
    if (from->lost || from->at == from->n)
        return 0;
    *(char *)to = from->text[from->at++];
    return 1;
}

void sc_json_use_own_memory(void)
{
    json_set_alloc_funcs(allocate, release);
}

static enum sc_status fail_parse(const char *text, size_t n, const char *what,
                                 const json_error_t *why, struct sc_error *error)
{
    if (sc_is_lfs_pointer(text, n))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: a Git LFS pointer, not the file: git lfs pull fetches it", what);
    if (json_error_code(why) == json_error_null_byte_in_key)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: line %d: expected JSON: the name of a field holds \\u0000", what,
                       why->line);
    return sc_fail(error, SC_ERR_FORMAT, "%s: line %d: expected JSON: %s", what, why->line,
                   why->text);
}

/* Whether a value holds a text with U+0000; the parser has bounded how deep it goes. */
static bool holds_nul(json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value))
        return memchr(json_string_value(value), 0, json_string_length(value)) != NULL;
    json_array_foreach(value, i, item)
    {
        if (holds_nul(item))
            return true;
    }
    json_object_foreach(value, key, item)
    {
        if (holds_nul(item))
            return true;
    }
    return false;
}

static enum sc_status refuse_nul(json_t *value, const char *text, size_t n, const char *what,
                                 struct sc_error *error)
{
    if (memmem(text, n, "\\u0000", 6) == NULL || !holds_nul(value))
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: expected JSON: a text holds \\u0000, which only \"tokenize\" takes", what);
}

static enum sc_status parse(const char *text, size_t n, size_t flags, bool keeps_nul,
                            const char *what, json_t **out, struct sc_error *error)
{
    json_error_t why;
    *out = NULL;
    SC_TRY(sc_json_check_memory(text, n, what, error));
    /* what collects a token holds 16 bytes at first, and twice as many whenever it is full */
    struct parsing from = {.text = text, .n = n, .n_reserve = sc_size_add(sc_size_mul(n, 2), 32)};
    from.reserve = sc_alloc(from.n_reserve);
    if (from.reserve == NULL)
        return sc_fail_nomem(error, what);
    parsing = &from;
    *out = json_load_callback(next_byte, &from, flags | JSON_ALLOW_NUL, &why);
    bool lost = from.lost || (*out == NULL && json_error_code(&why) == json_error_out_of_memory);
    if (lost) {
        json_decref(*out); /* while the reserve is known */
        *out = NULL;
    }
    parsing = NULL;
    sc_free(from.reserve);
    enum sc_status status = lost           ? sc_fail_nomem(error, what)
                            : *out == NULL ? fail_parse(text, n, what, &why, error)
                            : keeps_nul    ? SC_OK
                                           : refuse_nul(*out, text, n, what, error);
    if (status != SC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

enum sc_status sc_json_parse(const char *text, size_t n, const char *what, json_t **out,
                             struct sc_error *error)
{
    return parse(text, n, JSON_REJECT_DUPLICATES, false, what, out, error);
}

enum sc_status sc_json_parse_any(const char *text, size_t n, const char *what, json_t **out,
                                 struct sc_error *error)
{
    return parse(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, false, what, out, error);
}

enum sc_status sc_json_parse_nul(const char *text, size_t n, const char *what, json_t **out,
                                 struct sc_error *error)
{
    return parse(text, n, JSON_REJECT_DUPLICATES, true, what, out, error);
}

enum sc_status sc_json_parse_foreign(const char *text, size_t n, const char *what, json_t **out,
                                     struct sc_error *error)
{
    return parse(text, n, 0, false, what, out, error);
}

enum sc_status sc_json_known_keys(json_t *object, const char *const *keys, size_t n,
                                  const char *what, struct sc_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known = known || strcmp(key, keys[i]) == 0;
        if (!known)
            return sc_fail(error, SC_ERR_FORMAT, "%s: unknown field \"%s\"", what, key);
    }
    return SC_OK;
}

enum sc_status sc_json_read(const char *path, size_t max_bytes, json_t **out,
                            struct sc_error *error)
{
    *out = NULL;
    char *text;
    size_t n;
    SC_TRY(sc_file_read(path, max_bytes, &text, &n, error));
    enum sc_status status = sc_json_parse(text, n, path, out, error);
    sc_free(text);
    if (status != SC_OK || json_is_object(*out))
        return status;
    json_decref(*out);
    *out = NULL;
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected a JSON object", path);
}

static int append(const char *bytes, size_t n, void *text)
{
    sc_text_add(text, bytes, n);
    return ((struct sc_text *)text)->failed ? -1 : 0;
}

void sc_json_write(struct sc_text *text, const json_t *value)
{
    if (value == NULL ||
        json_dump_callback(value, append, text,
                           JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) != 0)
        text->failed = true;
}

enum sc_status sc_json_int(const json_t *object, const char *key, struct sc_json_ints range,
                           const int64_t *fallback, int64_t *out, struct sc_error *error)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        if (fallback == NULL)
            return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected an integer, found nothing", key);
        *out = *fallback;
        return SC_OK;
    }
    if (!json_is_integer(value))
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected an integer", key);
    int64_t number = (int64_t)json_integer_value(value);
    if (number < range.low || number > range.high)
        return sc_fail(error, SC_ERR_FORMAT,
                       "\"%s\": expected %" PRId64 " to %" PRId64 ", found %" PRId64, key,
                       range.low, range.high, number);
    *out = number;
    return SC_OK;
}

enum sc_status sc_json_real(const json_t *object, const char *key, struct sc_json_reals range,
                            const double *fallback, double *out, struct sc_error *error)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        if (fallback == NULL)
            return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected a number, found nothing", key);
        *out = *fallback;
        return SC_OK;
    }
    if (!json_is_number(value))
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected a number", key);
    double number = json_number_value(value);
    if (!(number >= range.low && number <= range.high))
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected %g to %g, found %g", key, range.low,
                       range.high, number);
    *out = number;
    return SC_OK;
}

enum sc_status sc_json_bool(const json_t *object, const char *key, const bool *fallback, bool *out,
                            struct sc_error *error)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || json_is_null(value)) {
        if (fallback == NULL)
            return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected true or false, found nothing",
                           key);
        *out = *fallback;
        return SC_OK;
    }
    if (!json_is_boolean(value))
        return sc_fail(error, SC_ERR_FORMAT, "\"%s\": expected true or false", key);
    *out = json_is_true(value);
    return SC_OK;
}

json_t *sc_json_copy_flat(const json_t *object)
{
    json_t *copy = json_deep_copy(object);
    if (copy == NULL || json_object_size(copy) == json_object_size(object))
        return copy;
    json_decref(copy);
    return NULL;
}

const char *sc_json_kind(const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "a list",    [JSON_STRING] = "text",
        [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number",   [JSON_TRUE] = "true or false",
        [JSON_FALSE] = "true or false", [JSON_NULL] = "no content",
    };
    return value != NULL ? kinds[json_typeof(value)] : "nothing";
}
