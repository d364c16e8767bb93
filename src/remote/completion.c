/*
 * See completion.h.  Log-probabilities come in two shapes, and some servers use one at the other's
 * endpoint, so both are looked for at both:
 *
 *   {"content": [{"token", "bytes", "top_logprobs": [{"token", "bytes", "logprob"}]}]}
 *   {"tokens": [...], "top_logprobs": [{"token": logprob}]}
 */
#include "remote/completion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_TOKENS = 1 << 20, MOST_CANDIDATES = 1 << 22 };

/* A log-probability may be this much above zero by rounding. */
static const double rounding = 1e-3;

/* ---- asking ---------------------------------------------------------------------------------- */

const char *sc_endpoint_path(enum sc_endpoint endpoint)
{
    return endpoint == SC_ENDPOINT_CHAT ? "/chat/completions" : "/completions";
}

/* Whether a field of ours is to be written: no other value is given for it. */
static bool is_ours(const struct sc_completion_request *request, const char *key)
{
    return json_object_get(request->more, key) == NULL;
}

/* A value that is JSON already. */
static void put_json(struct sc_json_writer *out, const char *key, const json_t *value)
{
    struct sc_text text = {0};
    sc_json_write(&text, value);
    if (text.failed)
        out->text->failed = true;
    else
        sc_json_put_raw(out, key, text.data);
    sc_text_free(&text);
}

static void put_text(struct sc_json_writer *out, const struct sc_completion_request *request)
{
    if (request->endpoint != SC_ENDPOINT_CHAT) {
        sc_json_put_string(out, "prompt", request->text);
        return;
    }
    if (request->messages != NULL) {
        put_json(out, "messages", request->messages);
        return;
    }
    sc_json_put_array(out, "messages");
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "role", "user");
    sc_json_put_string(out, "content", request->text);
    sc_json_put_end_object(out);
    sc_json_put_end_array(out);
}

static void put_logprobs(struct sc_json_writer *out, const struct sc_completion_request *request)
{
    if (request->n_top == 0 || !is_ours(request, "logprobs"))
        return;
    if (request->endpoint != SC_ENDPOINT_CHAT) {
        sc_json_put_count(out, "logprobs", request->n_top);
        return;
    }
    sc_json_put_bool(out, "logprobs", true);
    sc_json_put_count(out, "top_logprobs", request->n_top);
}

static void put_more(struct sc_json_writer *out, json_t *more)
{
    const char *key;
    json_t *value;
    json_object_foreach(more, key, value)
    {
        if (!json_is_null(value))
            put_json(out, key, value);
    }
}

enum sc_status sc_completion_body(const struct sc_completion_request *request, char **body,
                                  size_t *n, struct sc_error *error)
{
    size_t n_text = strlen(request->text), valid = sc_utf8_valid(request->text, n_text);
    *body = NULL;
    if (valid < n_text)
        return sc_fail(error, SC_ERR_FORMAT, "text: byte %zu: expected UTF-8", valid);
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text};
    sc_json_put_object(&out, NULL);
    sc_json_put_string(&out, "model", request->model);
    put_text(&out, request);
    if (is_ours(request, "max_tokens"))
        sc_json_put_count(&out, "max_tokens", request->max_tokens);
    if (is_ours(request, "temperature"))
        sc_json_put_number(&out, "temperature", request->temperature);
    if (is_ours(request, "seed"))
        sc_json_put_count(&out, "seed", request->seed);
    put_logprobs(&out, request);
    put_more(&out, request->more);
    sc_json_put_end_object(&out);
    *n = text.len;
    *body = sc_text_take(&text);
    return *body != NULL ? SC_OK : sc_fail_nomem(error, "a request to a server");
}

/* ---- log-probabilities ----------------------------------------------------------------------- */

/* Growing lists; texts are places in bytes until all are there. */
struct listing {
    struct sc_text bytes;
    struct sc_completion_token *tokens;
    struct sc_candidate *candidates;
    size_t *begins; /* of each token and candidate, in the order in which they came */
    size_t n_tokens, cap_tokens, n_candidates, cap_candidates, n_begins, cap_begins;
    bool failed, strange;
};

/* Appends the text of a token: its bytes where the server lists them, else its string. */
static size_t add_text(struct listing *l, const json_t *bytes, const char *string, size_t n)
{
    size_t begin = l->bytes.len;
    if (json_is_array(bytes)) {
        for (size_t i = 0; i < json_array_size(bytes); i++) {
            const json_t *byte = json_array_get(bytes, i);
            json_int_t value = json_is_integer(byte) ? json_integer_value(byte) : -1;
            l->strange = l->strange || value < 0 || value > 255;
            sc_text_putc(&l->bytes, (char)(unsigned char)value);
        }
    } else {
        sc_text_add_repaired(&l->bytes, string, n);
    }
    if (sc_grow((void **)&l->begins, l->n_begins, &l->cap_begins, sizeof *l->begins) != 0)
        l->failed = true;
    else
        l->begins[l->n_begins++] = begin;
    return l->bytes.len - begin;
}

static void add_token(struct listing *l, const json_t *bytes, const json_t *string)
{
    if (!json_is_string(string) || l->n_tokens == MOST_TOKENS) {
        l->strange = true;
        return;
    }
    if (sc_grow((void **)&l->tokens, l->n_tokens, &l->cap_tokens, sizeof *l->tokens) != 0) {
        l->failed = true;
        return;
    }
    struct sc_completion_token *token = &l->tokens[l->n_tokens++];
    *token = (struct sc_completion_token){.first = l->n_candidates};
    token->n = add_text(l, bytes, json_string_value(string), json_string_length(string));
}

static void add_candidate(struct listing *l, const json_t *bytes, const char *string, size_t n,
                          const json_t *logprob)
{
    double value = json_is_number(logprob) ? json_number_value(logprob) : NAN;
    if (string == NULL || !(value <= rounding) || l->n_tokens == 0 ||
        l->n_candidates == MOST_CANDIDATES) {
        l->strange = true;
        return;
    }
    if (sc_grow((void **)&l->candidates, l->n_candidates, &l->cap_candidates,
                sizeof *l->candidates) != 0) {
        l->failed = true;
        return;
    }
    struct sc_candidate *candidate = &l->candidates[l->n_candidates++];
    *candidate = (struct sc_candidate){.logprob = value < 0 ? value : 0};
    candidate->n = add_text(l, bytes, string, n);
    l->tokens[l->n_tokens - 1].n_candidates++;
}

static bool going(const struct listing *l)
{
    return !l->failed && !l->strange && !l->bytes.failed;
}

static void list_content(struct listing *l, const json_t *content)
{
    for (size_t t = 0; going(l) && t < json_array_size(content); t++) {
        const json_t *token = json_array_get(content, t);
        const json_t *top = json_object_get(token, "top_logprobs");
        add_token(l, json_object_get(token, "bytes"), json_object_get(token, "token"));
        for (size_t i = 0; going(l) && i < json_array_size(top); i++) {
            const json_t *one = json_array_get(top, i), *text = json_object_get(one, "token");
            add_candidate(l, json_object_get(one, "bytes"), json_string_value(text),
                          json_string_length(text), json_object_get(one, "logprob"));
        }
    }
}

static void list_columns(struct listing *l, const json_t *tokens, const json_t *top)
{
    for (size_t t = 0; going(l) && t < json_array_size(tokens); t++) {
        const char *text;
        size_t n;
        json_t *logprob, *one = json_array_get(top, t);
        add_token(l, NULL, json_array_get(tokens, t));
        json_object_keylen_foreach(one, text, n, logprob) if (going(l))
            add_candidate(l, NULL, text, n, logprob);
    }
}

/* Points every text into the bytes, which move no more. */
static void settle_texts(struct listing *l, char *bytes)
{
    size_t next = 0;
    for (size_t t = 0; t < l->n_tokens; t++) {
        l->tokens[t].text = bytes + l->begins[next++];
        for (size_t i = 0; i < l->tokens[t].n_candidates; i++)
            l->candidates[l->tokens[t].first + i].text = bytes + l->begins[next++];
    }
}

static enum sc_status read_logprobs(const json_t *logprobs, struct sc_completion *out,
                                    struct sc_error *error)
{
    struct listing l = {0};
    const json_t *content = json_object_get(logprobs, "content");
    const json_t *tokens = json_object_get(logprobs, "tokens");
    if (json_is_array(content))
        list_content(&l, content);
    else if (json_is_array(tokens))
        list_columns(&l, tokens, json_object_get(logprobs, "top_logprobs"));
    out->no_tokens = l.strange             ? "the server's log-probabilities have an unknown shape"
                     : l.n_candidates == 0 ? "the server gave no log-probabilities of tokens"
                                           : NULL;
    bool failed = l.failed || l.bytes.failed;
    if (out->no_tokens != NULL || failed) {
        sc_free(l.tokens);
        sc_free(l.candidates);
        sc_text_free(&l.bytes);
    } else {
        out->bytes = sc_text_take(&l.bytes);
        settle_texts(&l, out->bytes);
        out->tokens = l.tokens;
        out->n_listed = l.n_tokens;
        out->candidates = l.candidates;
    }
    sc_free(l.begins);
    return failed ? sc_fail_nomem(error, "a server's answer") : SC_OK;
}

/* ---- answers --------------------------------------------------------------------------------- */

static size_t count_of(const json_t *usage, const char *key)
{
    const json_t *value = json_object_get(usage, key);
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    return n > 0 && n <= INT32_MAX ? (size_t)n : 0;
}

static enum sc_status read_choice(const json_t *root, struct sc_completion *out,
                                  struct sc_error *error)
{
    const json_t *choices = json_object_get(root, "choices"), *choice = json_array_get(choices, 0);
    if (!json_is_object(root) || !json_is_array(choices))
        return sc_fail(error, SC_ERR_FORMAT, "the server's answer: expected choices, found none");
    if (!json_is_object(choice))
        return sc_fail(error, SC_ERR_FORMAT, "the server's answer: expected a choice, found none");
    const json_t *message = json_object_get(choice, "message");
    const json_t *text =
        message != NULL ? json_object_get(message, "content") : json_object_get(choice, "text");
    /* A message whose content is null says nothing: all of it went into reasoning. */
    if (!json_is_string(text) && !(message != NULL && json_is_null(text)))
        return sc_fail(error, SC_ERR_FORMAT,
                       "the server's answer: expected a text in its choice, found none");
    struct sc_text repaired = {0};
    if (json_is_string(text))
        sc_text_add_repaired(&repaired, json_string_value(text), json_string_length(text));
    out->n = repaired.len;
    out->text = sc_text_take(&repaired);
    if (out->text == NULL)
        return sc_fail_nomem(error, "a server's answer");
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    out->cut = finish != NULL && strcmp(finish, "length") == 0;
    return read_logprobs(json_object_get(choice, "logprobs"), out, error);
}

/* The value of "\uXXXX" at text, or -1. */
static long escape_at(const char *text, size_t n)
{
    char digits[5] = {0};
    if (n < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    memcpy(digits, text + 2, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* Appends a body of valid UTF-8 with U+FFFD for the escapes that JSON allows and no text holds:
 * NUL, and halves of surrogate pairs. */
static void add_without_bad_escapes(struct sc_text *out, const char *body, size_t n)
{
    size_t begin = 0, i = 0;
    while (i < n) {
        long value = escape_at(body + i, n - i);
        if (value < 0) {
            i += body[i] == '\\' && i + 1 < n ? 2 : 1; /* \\ escapes what follows it */
            continue;
        }
        long after = escape_at(body + i + 6, n - i - 6);
        bool high = value >= 0xD800 && value < 0xDC00, low = value >= 0xDC00 && value < 0xE000;
        if (high && after >= 0xDC00 && after < 0xE000) {
            i += 12;
            continue;
        }
        if (value == 0 || high || low) {
            sc_text_add(out, body + begin, i - begin);
            sc_text_puts(out, "\\ufffd");
            begin = i + 6;
        }
        i += 6;
    }
    sc_text_add(out, body + begin, n - begin);
}

/* Parses a body, whatever a server puts into its strings. */
static enum sc_status parse(const char *body, size_t n, json_t **root, struct sc_error *error)
{
    struct sc_text valid = {0}, clean = {0};
    *root = NULL;
    sc_text_add_repaired(&valid, body, n);
    add_without_bad_escapes(&clean, valid.len ? valid.data : "", valid.len);
    enum sc_status status =
        valid.failed || clean.failed
            ? sc_fail_nomem(error, "a server's answer")
            : sc_json_parse_foreign(clean.data, clean.len, "the server's answer", root, error);
    sc_text_free(&valid);
    sc_text_free(&clean);
    return status;
}

static enum sc_status read_root(const json_t *root, struct sc_completion *out,
                                struct sc_error *error)
{
    SC_TRY(read_choice(root, out, error));
    const json_t *usage = json_object_get(root, "usage");
    out->n_prompt_tokens = count_of(usage, "prompt_tokens");
    out->n_tokens = count_of(usage, "completion_tokens");
    if (out->n_tokens == 0)
        out->n_tokens = out->n_listed;
    return SC_OK;
}

enum sc_status sc_completion_read(const char *body, size_t n, struct sc_completion *out,
                                  struct sc_error *error)
{
    *out = (struct sc_completion){0};
    json_t *root = NULL;
    SC_TRY(parse(body, n, &root, error));
    enum sc_status status = read_root(root, out, error);
    if (status != SC_OK)
        sc_completion_free(out);
    json_decref(root);
    return status;
}

void sc_completion_free(struct sc_completion *completion)
{
    sc_free(completion->text);
    sc_free(completion->tokens);
    sc_free(completion->candidates);
    sc_free(completion->bytes);
    *completion = (struct sc_completion){0};
}

void sc_completion_error(const char *body, size_t n, char *out, size_t size)
{
    json_t *root = NULL;
    struct sc_error unused = {0};
    const char *words = NULL;
    if (parse(body, n, &root, &unused) == SC_OK) {
        const json_t *error = json_object_get(root, "error");
        const json_t *places[] = {json_object_get(error, "message"), error,
                                  json_object_get(root, "message"),
                                  json_object_get(root, "detail")};
        for (size_t i = 0; words == NULL && i < sizeof places / sizeof *places; i++)
            words = json_string_value(places[i]);
    }
    snprintf(out, size, "%.*s",
             words != NULL ? (int)strnlen(words, size) : (int)strnlen(body, n < size ? n : size),
             words != NULL ? words : body);
    json_decref(root);
}
