/* Log-probabilities as servers and files give them (answers.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/import/answers.h"
#include "vocabulary/likeliest.h"

/* Servers cannot write an infinity in JSON and say this instead, or less. */
#define NOT_GIVEN (-9999.0)
/* What rounding may put a certain token above 0. */
#define ROUNDING 1e-3

/* One token in any of the forms. */
struct given_token {
    const json_t *logprob;
    const json_t *text; /* a string, or a list of bytes; NULL: not given */
    json_t *likeliest;  /* a list of {"logprob"}, an object of numbers, or NULL */
};

/* Where the tokens lie. */
struct given_tokens {
    const json_t *list;                     /* numbers or objects; NULL in the older form */
    const json_t *texts, *chosen, *objects; /* the older form: lists side by side */
    size_t n;
};

void sc_import_tokens_free(struct sc_import_tokens *tokens)
{
    sc_free(tokens->logprobs);
    sc_free(tokens->likeliest);
    sc_free(tokens->text_ends);
    sc_free(tokens->given);
    *tokens = (struct sc_import_tokens){0};
}

float sc_import_confidence(const struct sc_import_tokens *tokens, size_t token, size_t k)
{
    return sc_likeliest_confidence(tokens->likeliest + token * tokens->stride, k);
}

static enum sc_status find_tokens(const json_t *value, struct given_tokens *out,
                                  struct sc_error *error)
{
    const json_t *content = json_object_get(value, "content");
    const json_t *refusal = json_object_get(value, "refusal");
    *out = (struct given_tokens){0};
    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (json_is_array(value))
        out->list = value;
    else if (json_is_array(content) || json_is_array(refusal))
        out->list = json_is_array(content) ? content : refusal;
    if (out->list != NULL) {
        out->n = json_array_size(out->list);
        return SC_OK;
    }
    out->chosen = json_object_get(value, "token_logprobs");
    if (json_is_array(out->chosen)) {
        out->texts = json_object_get(value, "tokens");
        out->objects = json_object_get(value, "top_logprobs");
        out->n = json_array_size(out->chosen);
        return SC_OK;
    }
    if (json_is_null(content) || json_is_null(refusal))
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT,
                   "log-probabilities: expected a list of numbers, \"content\" or "
                   "\"token_logprobs\", found %s",
                   sc_json_kind(value));
}

static struct given_token token_at(const struct given_tokens *tokens, size_t i)
{
    if (tokens->list == NULL)
        return (struct given_token){json_array_get(tokens->chosen, i),
                                    json_array_get(tokens->texts, i),
                                    json_array_get(tokens->objects, i)};
    const json_t *item = json_array_get(tokens->list, i);
    if (!json_is_object(item))
        return (struct given_token){.logprob = item};
    const json_t *bytes = json_object_get(item, "bytes");
    return (struct given_token){json_object_get(item, "logprob"),
                                json_is_array(bytes) ? bytes : json_object_get(item, "token"),
                                json_object_get(item, "top_logprobs")};
}

/* NaN: not given. */
static enum sc_status read_number(const json_t *value, size_t token, double *out,
                                  struct sc_error *error)
{
    *out = NAN;
    if (value == NULL || json_is_null(value))
        return SC_OK;
    if (!json_is_number(value))
        return sc_fail(error, SC_ERR_FORMAT,
                       "log-probabilities: token %zu: expected a number, found %s", token,
                       sc_json_kind(value));
    double number = json_number_value(value);
    if (number > ROUNDING)
        return sc_fail(error, SC_ERR_FORMAT,
                       "log-probabilities: token %zu: expected at most 0, found %g", token, number);
    if (number > NOT_GIVEN)
        *out = number < 0 ? number : 0;
    return SC_OK;
}

/* The likeliest tokens of one position, *n of them. */
static enum sc_status read_likeliest(json_t *value, size_t token, size_t most, float *out,
                                     size_t *n, struct sc_error *error)
{
    double number = NAN;
    *n = 0;
    const char *key;
    json_t *item;
    size_t i;
    json_object_foreach(value, key, item)
    {
        SC_TRY(read_number(item, token, &number, error));
        if (!isnan(number))
            *n = sc_likeliest_put(out, *n, most, (float)number);
    }
    json_array_foreach(value, i, item)
    {
        SC_TRY(read_number(json_object_get(item, "logprob"), token, &number, error));
        if (!isnan(number))
            *n = sc_likeliest_put(out, *n, most, (float)number);
    }
    return SC_OK;
}

/* Moves *at behind the token's text, where that stands there; at the end of the text a token may
 * be one that is not shown.  false: it does not. */
static bool follow_text(const json_t *token, const char *text, size_t length, size_t *at)
{
    size_t rest = length - *at, n = json_array_size(token);
    if (json_is_string(token)) {
        n = json_string_length(token);
        if (n > rest || memcmp(text + *at, json_string_value(token), n) != 0)
            return rest == 0;
    } else if (!json_is_array(token)) {
        return false;
    }
    for (size_t i = 0; !json_is_string(token) && i < n; i++)
        if (i >= rest || json_integer_value(json_array_get(token, i)) !=
                             (json_int_t)(unsigned char)text[*at + i])
            return rest == 0;
    *at += n;
    return true;
}

/* Where each token's text ends, when the tokens are the text; else NULL stays. */
static enum sc_status find_ends(const struct given_tokens *given, const char *text,
                                struct sc_import_tokens *out, struct sc_error *error)
{
    size_t at = 0, length = strlen(text);
    bool fits = true;
    uint32_t *ends = sc_alloc_array(out->n, sizeof *ends);
    if (ends == NULL)
        return sc_fail_nomem(error, "ends of tokens");
    for (size_t i = 0; i < out->n && fits; i++) {
        struct given_token token = token_at(given, i);
        fits = follow_text(token.text, text, length, &at);
        size_t end = at;
        while (end > 0 && end < length && ((unsigned char)text[end] & 0xc0) == 0x80)
            end--; /* within a character: what is whole before it */
        ends[i] = (uint32_t)end;
    }
    if (fits && at == length) {
        out->text_ends = ends;
        return SC_OK;
    }
    sc_free(ends);
    return SC_OK;
}

static enum sc_status read_tokens(const struct given_tokens *given, const char *text,
                                  struct sc_import_tokens *out, struct sc_error *error)
{
    bool all = true;
    out->logprobs = sc_alloc_array(out->n, sizeof *out->logprobs);
    out->likeliest = sc_alloc_zero(sc_size_mul(out->n, out->stride), sizeof *out->likeliest);
    if (out->logprobs == NULL || out->likeliest == NULL)
        return sc_fail_nomem(error, "log-probabilities");
    out->n_likeliest = out->stride;
    for (size_t i = 0; i < out->n; i++) {
        struct given_token token = token_at(given, i);
        double logprob = NAN;
        size_t n = 0;
        SC_TRY(read_number(token.logprob, i, &logprob, error));
        SC_TRY(read_likeliest(token.likeliest, i, out->stride, out->likeliest + i * out->stride, &n,
                              error));
        out->logprobs[i] = (float)logprob;
        all = all && !isnan(logprob);
        out->n_likeliest = n < out->n_likeliest ? n : out->n_likeliest;
    }
    if (!all) {
        sc_free(out->logprobs);
        out->logprobs = NULL;
    }
    if (out->n_likeliest == 0) {
        sc_free(out->likeliest);
        out->likeliest = NULL;
    }
    return find_ends(given, text, out, error);
}

static enum sc_status read_both(const struct given_tokens *given, const json_t *figures,
                                const char *text, struct sc_import_tokens *out,
                                struct sc_error *error)
{
    if (given->n > 0)
        SC_TRY(read_tokens(given, text, out, error));
    return sc_import_figures(figures, out, error);
}

enum sc_status sc_import_logprobs(const json_t *value, const char *text, size_t stride,
                                  struct sc_import_tokens *out, struct sc_error *error)
{
    struct given_tokens given = {0};
    const json_t *figures = json_object_get(value, SC_OWN_FIGURES);
    if (figures == NULL || json_object_size(value) > 1)
        SC_TRY(find_tokens(value, &given, error));
    if (given.n == 0 && figures == NULL)
        return SC_OK;
    out->n = given.n;
    out->stride = stride;
    enum sc_status status = read_both(&given, figures, text, out, error);
    if (status != SC_OK)
        sc_import_tokens_free(out);
    return status;
}
