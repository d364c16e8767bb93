/* See choices.h. */
#include "remote/choices.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

enum { MOST_TOKENS = 1 << 20, MOST_CANDIDATES = 1 << 22 };

#define TOKEN_ID "token_id:" /* how vLLM writes an id in the place of a text */

/* A log-probability may be this much above zero by rounding. */
static const double rounding = 1e-3;
/* Servers cannot write an infinity in JSON, and some say this instead. */
static const double not_given = -9999;

/* ---- parsing --------------------------------------------------------------------------------- */

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

/* Words that Python writes for numbers that JSON does not have. */
static size_t no_number_at(const char *text, size_t n)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (length <= n && memcmp(text, words[i], length) == 0)
            return length;
    }
    return 0;
}

/* Appends a text with null for such words outside its strings; returns how many there were. */
static size_t add_without_bad_numbers(struct sc_text *out, const char *text, size_t n)
{
    size_t n_found = 0;
    bool within = false;
    for (size_t i = 0; i < n;) {
        size_t length = within ? 0 : no_number_at(text + i, n - i);
        if (length > 0) {
            sc_text_puts(out, "null");
            n_found++;
            i += length;
            continue;
        }
        size_t step = within && text[i] == '\\' && i + 1 < n ? 2 : 1;
        within = within != (text[i] == '"');
        sc_text_add(out, text + i, step);
        i += step;
    }
    return n_found;
}

/* Parses valid UTF-8, mending numbers that are none only where that is why it is no JSON. */
static enum sc_status parse_numbers(const char *text, size_t n, json_t **root,
                                    struct sc_error *error)
{
    static const char what[] = "the server's answer";
    struct sc_error why = {0};
    enum sc_status status = sc_json_parse_foreign(text, n, what, root, &why);
    if (*root != NULL)
        return SC_OK;
    struct sc_text mended = {0};
    bool any = status == SC_ERR_FORMAT && add_without_bad_numbers(&mended, text, n) > 0;
    if (mended.failed)
        status = sc_fail_nomem(error, what);
    else if (any)
        status = sc_json_parse_foreign(mended.data, mended.len, what, root, error);
    else
        sc_fail(error, status, "%s", why.text);
    sc_text_free(&mended);
    return status;
}

/* Whether nothing in the body needs mending. */
static bool is_clean(const char *body, size_t n)
{
    return sc_utf8_valid(body, n) == n && memchr(body, '\0', n) == NULL &&
           memmem(body, n, "\\u", 2) == NULL;
}

enum sc_status sc_remote_parse(const char *body, size_t n, json_t **root, struct sc_error *error)
{
    *root = NULL;
    if (is_clean(body, n))
        return parse_numbers(body, n, root, error);
    struct sc_text valid = {0}, clean = {0};
    sc_text_add_repaired(&valid, body, n);
    add_without_bad_escapes(&clean, valid.len ? valid.data : "", valid.len);
    enum sc_status status =
        valid.failed || clean.failed
            ? sc_fail_nomem(error, "a server's answer")
            : parse_numbers(clean.len ? clean.data : "", clean.len, root, error);
    sc_text_free(&valid);
    sc_text_free(&clean);
    return status;
}

const char *sc_remote_words(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *places[] = {json_object_get(error, "message"), error,
                              json_object_get(root, "message"), json_object_get(root, "detail")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (json_is_string(places[i]))
            return json_string_value(places[i]);
    return NULL;
}

/* ---- log-probabilities ----------------------------------------------------------------------- */

/* The number in "token_id:123", or -1. */
static int32_t id_in(const char *text, size_t n)
{
    const size_t n_head = strlen(TOKEN_ID);
    int64_t id = 0;
    if (n <= n_head || n > n_head + 9 || memcmp(text, TOKEN_ID, n_head) != 0)
        return -1;
    for (size_t i = n_head; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        id = 10 * id + (text[i] - '0');
    }
    return (int32_t)id;
}

/* An id as a number, which llama-server lists beside a token's text, or -1. */
static int32_t read_id(const json_t *value)
{
    json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
    return id >= 0 && id <= INT32_MAX ? (int32_t)id : -1;
}

/* Appends the text of a token: its bytes where the server lists them, else its string. */
static void add_text(struct sc_choice *choice, const json_t *bytes, const char *string, size_t n)
{
    if (!json_is_array(bytes)) {
        sc_text_add_repaired(&choice->bytes, string, n);
        return;
    }
    for (size_t i = 0; i < json_array_size(bytes); i++) {
        const json_t *byte = json_array_get(bytes, i);
        json_int_t value = json_is_integer(byte) ? json_integer_value(byte) : -1;
        choice->strange = choice->strange || value < 0 || value > 255;
        sc_text_putc(&choice->bytes, (char)(unsigned char)value);
    }
}

/* One that is not a number, or stands for an infinity, is not given. */
static double logprob_of(struct sc_choice *choice, const json_t *value)
{
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    choice->strange = choice->strange || number > rounding ||
                      (value != NULL && !json_is_number(value) && !json_is_null(value));
    return !(number > not_given) ? NAN : number < 0 ? number : 0;
}

/* A token as it is listed. */
struct listed_token {
    const json_t *bytes, *string, *logprob, *id;
};

static void add_token(struct sc_choice *choice, const struct listed_token *given, bool exact)
{
    const char *string = json_string_value(given->string);
    size_t n = json_string_length(given->string);
    if (string == NULL || choice->n_tokens == MOST_TOKENS) {
        choice->strange = true;
        return;
    }
    if (sc_grow((void **)&choice->tokens, choice->n_tokens, &choice->cap_tokens,
                sizeof *choice->tokens) != 0) {
        choice->failed = true;
        return;
    }
    struct sc_listed_token *token = &choice->tokens[choice->n_tokens++];
    *token = (struct sc_listed_token){
        .begin = choice->bytes.len, .logprob = NAN, .id = -1, .first = choice->n_candidates};
    if (!exact) {
        token->logprob = logprob_of(choice, given->logprob);
        token->id = id_in(string, n);
    }
    if (token->id < 0) {
        token->id = exact ? -1 : read_id(given->id);
        add_text(choice, given->bytes, string, n);
    }
    token->n = choice->bytes.len - token->begin;
}

/* A candidate as it is listed; text NULL: it has none. */
struct listed {
    const json_t *bytes;
    const char *text; /* [n] */
    size_t n;
    const json_t *logprob;
};

static void add_candidate(struct sc_choice *choice, const struct listed *one, bool exact)
{
    double value;
    if (exact) {
        value = json_is_number(one->logprob) ? json_number_value(one->logprob) : NAN;
        choice->strange = choice->strange || one->text == NULL || !(value <= rounding);
        value = value < 0 ? value : 0;
    } else {
        value = logprob_of(choice, one->logprob);
    }
    choice->strange =
        choice->strange || choice->n_tokens == 0 || choice->n_candidates == MOST_CANDIDATES;
    if (choice->strange || isnan(value))
        return;
    if (sc_grow((void **)&choice->candidates, choice->n_candidates, &choice->cap_candidates,
                sizeof *choice->candidates) != 0) {
        choice->failed = true;
        return;
    }
    struct sc_listed_candidate *candidate = &choice->candidates[choice->n_candidates++];
    *candidate = (struct sc_listed_candidate){.begin = choice->bytes.len, .logprob = value};
    if (exact)
        add_text(choice, one->bytes, one->text, one->n);
    candidate->n = choice->bytes.len - candidate->begin;
    choice->tokens[choice->n_tokens - 1].n_candidates++;
}

static bool going(const struct sc_choice *choice)
{
    return !choice->failed && !choice->strange && !choice->bytes.failed;
}

static void list_content(struct sc_choice *choice, const json_t *content, bool exact)
{
    for (size_t t = 0; going(choice) && t < json_array_size(content); t++) {
        const json_t *token = json_array_get(content, t);
        const json_t *top = json_object_get(token, "top_logprobs");
        add_token(
            choice,
            &(struct listed_token){json_object_get(token, "bytes"), json_object_get(token, "token"),
                                   json_object_get(token, "logprob"), json_object_get(token, "id")},
            exact);
        for (size_t i = 0; going(choice) && i < json_array_size(top); i++) {
            const json_t *one = json_array_get(top, i), *text = json_object_get(one, "token");
            add_candidate(choice,
                          &(struct listed){json_object_get(one, "bytes"), json_string_value(text),
                                           json_string_length(text),
                                           json_object_get(one, "logprob")},
                          exact);
        }
    }
}

static void list_columns(struct sc_choice *choice, const json_t *logprobs, bool exact)
{
    const json_t *tokens = json_object_get(logprobs, "tokens");
    const json_t *chosen = json_object_get(logprobs, "token_logprobs");
    const json_t *top = json_object_get(logprobs, "top_logprobs");
    for (size_t t = 0; going(choice) && t < json_array_size(tokens); t++) {
        const char *text;
        size_t n;
        json_t *logprob, *one = json_array_get(top, t);
        add_token(choice,
                  &(struct listed_token){NULL, json_array_get(tokens, t), json_array_get(chosen, t),
                                         NULL},
                  exact);
        json_object_keylen_foreach(one, text, n, logprob) if (going(choice))
            add_candidate(choice, &(struct listed){NULL, text, n, logprob}, exact);
    }
}

static void list_tokens(struct sc_choice *choice, const json_t *logprobs, bool exact)
{
    const json_t *content = json_object_get(logprobs, "content");
    if (!json_is_array(content) && !exact)
        content = json_object_get(logprobs, "refusal");
    if (json_is_array(content))
        list_content(choice, content, exact);
    else if (json_is_array(json_object_get(logprobs, "tokens")))
        list_columns(choice, logprobs, exact);
}

/* The ids of what was generated, which vLLM lists beside the choice. */
static void list_ids(struct sc_choice *choice, const json_t *ids)
{
    for (size_t i = 0; going(choice) && i < json_array_size(ids); i++) {
        if (choice->n_ids == MOST_TOKENS || sc_grow((void **)&choice->ids, choice->n_ids,
                                                    &choice->cap_ids, sizeof *choice->ids) != 0) {
            choice->failed = choice->n_ids < MOST_TOKENS;
            return;
        }
        choice->ids[choice->n_ids++] = read_id(json_array_get(ids, i));
    }
}

/* ---- choices --------------------------------------------------------------------------------- */

static void add_string(struct sc_text *out, const json_t *value)
{
    if (json_is_string(value))
        sc_text_add_repaired(out, json_string_value(value), json_string_length(value));
}

/* What a choice says: of a whole answer "message" or "text", of an event "delta" or "text". */
static enum sc_status add_said(const struct sc_choices *all, struct sc_choice *choice,
                               const json_t *given, bool event, struct sc_error *error)
{
    const json_t *message = json_object_get(given, "message");
    if (event && message == NULL)
        message = json_object_get(given, "delta");
    const json_t *text =
        message != NULL ? json_object_get(message, "content") : json_object_get(given, "text");
    const json_t *reasoning = json_object_get(message, "reasoning_content");
    const json_t *refusal = all->exact ? NULL : json_object_get(message, "refusal");
    if (!json_is_string(reasoning))
        reasoning = json_object_get(message, "reasoning");
    /* A message whose content is null says nothing: all of it went into reasoning. */
    bool said = json_is_string(text) || (message != NULL && json_is_null(text)) || event ||
                json_is_string(refusal);
    if (!said)
        return sc_fail(error, SC_ERR_FORMAT,
                       "the server's answer: expected a text in its choice, found none");
    add_string(&choice->text, text);
    add_string(&choice->reasoning, reasoning);
    add_string(&choice->text, refusal);
    choice->refused = choice->refused || (json_is_string(refusal) && json_string_length(refusal));
    return SC_OK;
}

static enum sc_status add_choice(struct sc_choices *all, struct sc_choice *choice,
                                 const json_t *given, bool event, struct sc_error *error)
{
    if (choice->begun && !event)
        return sc_fail(
            error, SC_ERR_FORMAT,
            "the server's answer: expected choices of different index, found two of one");
    choice->begun = true;
    SC_TRY(add_said(all, choice, given, event, error));
    const char *finish = json_string_value(json_object_get(given, "finish_reason"));
    if (finish != NULL) {
        size_t n = strnlen(finish, sizeof choice->finish - 1);
        snprintf(choice->finish, sizeof choice->finish, "%.*s", (int)sc_utf8_valid(finish, n),
                 finish);
    }
    list_tokens(choice, json_object_get(given, "logprobs"), all->exact);
    if (!all->exact)
        list_ids(choice, json_object_get(given, "token_ids"));
    bool failed =
        choice->failed || choice->text.failed || choice->reasoning.failed || choice->bytes.failed;
    return failed ? sc_fail_nomem(error, "a server's answer") : SC_OK;
}

static enum sc_status add_choices(struct sc_choices *all, const json_t *root, bool event,
                                  struct sc_error *error)
{
    const json_t *list = json_object_get(root, "choices");
    if (!json_is_object(root) || (!json_is_array(list) && !event))
        return sc_fail(error, SC_ERR_FORMAT, "the server's answer: expected choices, found none");
    if (json_array_size(list) == 0 && !event)
        return sc_fail(error, SC_ERR_FORMAT, "the server's answer: expected a choice, found none");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *given = json_array_get(list, i), *index = json_object_get(given, "index");
        if (!json_is_object(given))
            return sc_fail(error, SC_ERR_FORMAT,
                           "the server's answer: expected a choice, found none");
        bool numbered = json_is_integer(index) && !all->exact;
        json_int_t at = numbered ? json_integer_value(index) : event ? 0 : (json_int_t)i;
        if (all->exact && at > 0)
            break;
        if (at < 0 || (size_t)at >= all->n)
            return sc_fail(error, SC_ERR_FORMAT,
                           "the server's answer: expected %zu choice%s, found index %lld", all->n,
                           all->n == 1 ? "" : "s", (long long)at);
        SC_TRY(add_choice(all, &all->choices[at], given, event, error));
    }
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static size_t count_of(const json_t *usage, const char *key)
{
    const json_t *value = json_object_get(usage, key);
    json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
    return n > 0 && n <= INT32_MAX ? (size_t)n : 0;
}

/* Keeps a text of the top; the last one counts. */
static enum sc_status keep_name(const json_t *root, const char *key, char **out,
                                struct sc_error *error)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_string(value) || (*out != NULL && strcmp(*out, json_string_value(value)) == 0))
        return SC_OK;
    sc_free(*out);
    *out = sc_strndup(json_string_value(value), json_string_length(value));
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "a server's answer");
}

static enum sc_status add_root(struct sc_choices *all, const json_t *root, bool event,
                               struct sc_error *error)
{
    const json_t *usage = json_object_get(root, "usage");
    if (event && json_object_get(root, "error") != NULL &&
        !json_is_null(json_object_get(root, "error"))) {
        const char *words = sc_remote_words(root);
        /* Nothing behind the words: of a key that they cut the beginning is masked at their end. */
        return sc_fail(error, SC_ERR_FORMAT, "the server's stream ended with an error: %.200s",
                       words != NULL ? words : "no words");
    }
    SC_TRY(add_choices(all, root, event, error));
    SC_TRY(keep_name(root, "model", &all->model, error));
    SC_TRY(keep_name(root, "system_fingerprint", &all->fingerprint, error));
    if (json_is_object(usage)) {
        all->n_prompt_tokens = count_of(usage, "prompt_tokens");
        all->n_generated = count_of(usage, "completion_tokens");
    }
    return SC_OK;
}

static enum sc_status add(struct sc_choices *all, const char *body, size_t n, bool event,
                          struct sc_error *error)
{
    assert(all->n > 0);
    if (all->choices == NULL)
        all->choices = sc_alloc_zero(all->n, sizeof *all->choices);
    if (all->choices == NULL)
        return sc_fail_nomem(error, "a server's answer");
    json_t *root = NULL;
    SC_TRY(sc_remote_parse(body, n, &root, error));
    enum sc_status status = add_root(all, root, event, error);
    json_decref(root);
    return status;
}

enum sc_status sc_choices_add(struct sc_choices *choices, const char *body, size_t n,
                              struct sc_error *error)
{
    return add(choices, body, n, false, error);
}

enum sc_status sc_choices_add_event(struct sc_choices *choices, const char *data, size_t n,
                                    struct sc_error *error)
{
    if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
        choices->ended = true;
        return SC_OK;
    }
    return add(choices, data, n, true, error);
}

bool sc_choices_are_whole(const struct sc_choices *choices, bool stream)
{
    for (size_t i = 0; i < choices->n; i++) {
        const struct sc_choice *choice = choices->choices != NULL ? &choices->choices[i] : NULL;
        if (choice == NULL || !choice->begun ||
            (stream && choice->finish[0] == '\0' && !choices->ended))
            return false;
    }
    return true;
}

void sc_choices_clear(struct sc_choices *choices)
{
    for (size_t i = 0; choices->choices != NULL && i < choices->n; i++) {
        struct sc_choice *choice = &choices->choices[i];
        sc_text_free(&choice->text);
        sc_text_free(&choice->reasoning);
        sc_text_free(&choice->bytes);
        sc_free(choice->tokens);
        sc_free(choice->candidates);
        sc_free(choice->ids);
    }
    sc_free(choices->choices);
    sc_free(choices->model);
    sc_free(choices->fingerprint);
    *choices = (struct sc_choices){.n = choices->n, .exact = choices->exact};
}
