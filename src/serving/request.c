/*
 * See request.h.
 *
 * Owns what fields there are; next: prompt_fields.c, the texts; plan.c, what a model makes of it.
 */
#include "serving/request.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "serving/prompt_fields.h"

/* Of a body, outside its strings: more than any request that is answered has. */
enum { MOST_BRACKETS = 1 << 15, MOST_COMMAS = 1 << 20 };

/* Fields that are read below, by the interface that has them. */
enum { BOTH, CHAT, TEXT };
static const struct {
    const char *name;
    int where;
} read_here[] = {
    {"model", BOTH},
    {"n", BOTH},
    {"max_tokens", BOTH},
    {"max_completion_tokens", CHAT},
    {"temperature", BOTH},
    {"top_p", BOTH},
    {"top_k", BOTH},
    {"min_p", BOTH},
    {"repetition_penalty", BOTH},
    {"seed", BOTH},
    {"stream", BOTH},
    {"stream_options", BOTH},
    {"logprobs", BOTH},
    {"top_logprobs", CHAT},
    {"return_token_ids", BOTH},
    {"return_tokens_as_token_ids", BOTH},
    {"skip_special_tokens", BOTH},
    {"stop", BOTH},
    {"stop_token_ids", BOTH},
    {"messages", CHAT},
    {"add_generation_prompt", CHAT},
    {"continue_final_message", CHAT},
    {"chat_template_kwargs", CHAT},
    {"prompt", TEXT},
    {"echo", TEXT},
    {"best_of", TEXT},
    {"add_special_tokens", TEXT},
};

/* Fields of which only these values are taken, a list of them in JSON, since they change nothing;
 * NULL: any value, since none does. */
static const struct {
    const char *name, *values;
} neutral[] = {
    {"user", NULL},
    {"metadata", NULL},
    {"store", NULL},
    {"service_tier", NULL},
    {"safety_identifier", NULL},
    {"prompt_cache_key", NULL},
    {"prompt_cache_retention", NULL},
    {"parallel_tool_calls", NULL},
    {"request_id", NULL},
    {"priority", NULL},
    {"cache_salt", NULL},
    {"include_reasoning", "[true]"},
    {"spaces_between_special_tokens", "[true]"},
    {"presence_penalty", "[0]"},
    {"frequency_penalty", "[0]"},
    {"logit_bias", "[{}]"},
    {"suffix", "[\"\"]"},
    {"tools", "[[]]"},
    {"tool_choice", "[\"none\",\"auto\"]"},
    {"functions", "[[]]"},
    {"function_call", "[\"none\",\"auto\"]"},
    {"response_format", "[{\"type\":\"text\"}]"},
    {"modalities", "[[\"text\"]]"},
    {"ignore_eos", "[false]"},
    {"min_tokens", "[0]"},
    {"use_beam_search", "[false]"},
    {"length_penalty", "[1]"},
    {"include_stop_str_in_output", "[false]"},
    {"detokenize", "[true]"},
};

/* ---- which fields ---------------------------------------------------------------------------- */

static bool is_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b) != 0;
}

static enum sc_status check_neutral(const json_t *value, const char *values, struct sc_error *error)
{
    if (values == NULL)
        return SC_OK;
    json_t *list = NULL;
    SC_TRY(sc_json_parse_any(values, strlen(values), "values", &list, error));
    bool found = false;
    for (size_t i = 0; i < json_array_size(list); i++)
        found = found || is_same(value, json_array_get(list, i));
    json_decref(list);
    return found ? SC_OK
                 : sc_fail(error, SC_ERR_ARGUMENT,
                           "not supported: it may be left out, or one of %s", values);
}

static enum sc_status check_field(const char *name, const json_t *value, bool chat,
                                  struct sc_error *error)
{
    if (json_is_null(value)) /* not given, as clients write it */
        return SC_OK;
    for (size_t i = 0; i < sizeof read_here / sizeof *read_here; i++)
        if (strcmp(name, read_here[i].name) == 0 && read_here[i].where != (chat ? TEXT : CHAT))
            return SC_OK;
    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++)
        if (strcmp(name, neutral[i].name) == 0)
            return check_neutral(value, neutral[i].values, error);
    return sc_fail(error, SC_ERR_ARGUMENT, "unknown field: what it asks for is not done here");
}

/* ---- values ---------------------------------------------------------------------------------- */

/* What is being read: the object, and the field that a failure is about. */
struct reading {
    json_t *root;
    char *field; /* [64] */
    struct sc_error *error;
};

/* The value of a field, noted as the one that is read; NULL where it is not given. */
static json_t *value_of(struct reading *r, const char *name)
{
    json_t *value = json_object_get(r->root, name);
    snprintf(r->field, 64, "%s", name);
    return json_is_null(value) ? NULL : value;
}

static enum sc_status read_bool(struct reading *r, const char *name, bool *out)
{
    const json_t *value = value_of(r, name);
    if (value != NULL && !json_is_boolean(value))
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected true or false, found %s",
                       sc_json_kind(value));
    *out = value != NULL ? json_is_true(value) : *out;
    return SC_OK;
}

/* Whole numbers in a range; *given may be NULL. */
static enum sc_status read_whole(struct reading *r, const char *name, struct sc_json_ints range,
                                 int64_t *out, bool *given)
{
    const json_t *value = value_of(r, name);
    if (given != NULL)
        *given = value != NULL;
    if (value == NULL)
        return SC_OK;
    bool fits = json_is_integer(value) && json_integer_value(value) >= range.low &&
                json_integer_value(value) <= range.high;
    if (!fits)
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected a whole number from %lld to %lld",
                       (long long)range.low, (long long)range.high);
    *out = json_integer_value(value);
    return SC_OK;
}

static enum sc_status read_real(struct reading *r, const char *name, struct sc_json_reals range,
                                double *out)
{
    const json_t *value = value_of(r, name);
    if (value == NULL)
        return SC_OK;
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    if (!(number >= range.low && number <= range.high))
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected a number from %g to %g", range.low,
                       range.high);
    *out = number;
    return SC_OK;
}

/* ---- groups of fields ------------------------------------------------------------------------ */

static enum sc_status read_sampling(struct reading *r, struct sc_serving_request *out)
{
    struct sc_sampling *s = &out->sampling;
    int64_t top_k = -1;
    SC_TRY(read_real(r, "temperature", (struct sc_json_reals){0, 100}, &s->temperature));
    SC_TRY(read_real(r, "top_p", (struct sc_json_reals){1e-6, 1}, &s->top_p));
    SC_TRY(read_real(r, "min_p", (struct sc_json_reals){0, 0.999999}, &s->min_p));
    SC_TRY(read_real(r, "repetition_penalty", (struct sc_json_reals){0.01, 100},
                     &s->repetition_penalty));
    bool given;
    SC_TRY(read_whole(r, "top_k", (struct sc_json_ints){-1, INT32_MAX}, &top_k, &given));
    s->top_k = !given ? -1 : top_k > 0 ? (int32_t)top_k : 0; /* -1 and 0: off */
    int64_t seed = 0;
    SC_TRY(read_whole(r, "seed", (struct sc_json_ints){INT64_MIN, INT64_MAX}, &seed,
                      &out->seed_is_given));
    out->seed = (uint64_t)seed;
    return SC_OK;
}

static enum sc_status read_amounts(struct reading *r, struct sc_serving_request *out)
{
    int64_t n = 1, most = 0, newer = 0;
    bool given;
    const int64_t least = out->chat ? 1 : 0; /* of a text that is only scored there may be none */
    SC_TRY(read_whole(r, "n", (struct sc_json_ints){1, SC_SERVING_MOST_CHOICES}, &n, NULL));
    SC_TRY(read_whole(r, "max_tokens", (struct sc_json_ints){least, INT32_MAX}, &most,
                      &out->max_is_given));
    if (out->chat) {
        SC_TRY(read_whole(r, "max_completion_tokens", (struct sc_json_ints){1, INT32_MAX}, &newer,
                          &given));
        if (given && out->max_is_given && newer != most)
            return sc_fail(r->error, SC_ERR_ARGUMENT, "expected no other max_tokens beside it");
        most = given ? newer : most;
        out->max_is_given = out->max_is_given || given;
    }
    int64_t best_of = n;
    if (!out->chat)
        SC_TRY(read_whole(r, "best_of", (struct sc_json_ints){1, n}, &best_of, NULL));
    out->n = (size_t)n;
    out->max_tokens = (size_t)most;
    return SC_OK;
}

/* Chat says whether and how many; completions say how many, none being none. */
static enum sc_status read_lists(struct reading *r, struct sc_serving_request *out)
{
    int64_t n_top = 0;
    const struct sc_json_ints range = {0, 1024};
    if (!out->chat) {
        SC_TRY(read_whole(r, "logprobs", range, &n_top, &out->lists));
    } else {
        bool given;
        SC_TRY(read_bool(r, "logprobs", &out->lists));
        SC_TRY(read_whole(r, "top_logprobs", range, &n_top, &given));
        if (n_top > 0 && !out->lists)
            return sc_fail(r->error, SC_ERR_ARGUMENT, "expected logprobs true beside it");
    }
    out->n_top = (size_t)n_top;
    SC_TRY(read_bool(r, "return_token_ids", &out->gives_ids));
    return read_bool(r, "return_tokens_as_token_ids", &out->ids_as_tokens);
}

static enum sc_status read_stream(struct reading *r, struct sc_serving_request *out)
{
    SC_TRY(read_bool(r, "stream", &out->stream));
    json_t *options = value_of(r, "stream_options");
    if (options == NULL)
        return SC_OK;
    if (!json_is_object(options))
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected an object, found %s",
                       sc_json_kind(options));
    struct reading inner = {options, r->field, r->error};
    return read_bool(&inner, "include_usage", &out->usage_in_stream);
}

static enum sc_status read_model(struct reading *r, struct sc_serving_request *out)
{
    const json_t *value = value_of(r, "model");
    if (value == NULL)
        return SC_OK;
    if (!json_is_string(value))
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected a name, found %s", sc_json_kind(value));
    out->model = sc_strdup(json_string_value(value));
    return out->model != NULL ? SC_OK : sc_fail_nomem(r->error, "a request");
}

/* The frame closes every turn but the assistant's last, which the answer then goes on with. */
static enum sc_status read_chat(struct reading *r, struct sc_serving_request *out)
{
    bool asks = true, continues = false;
    SC_TRY(sc_serving_read_messages(value_of(r, "messages"), out, r->error));
    const char *last = out->messages.messages[out->messages.n - 1].role;
    bool open = strcmp(last, sc_role_name(SC_ROLE_ASSISTANT)) == 0;
    SC_TRY(read_bool(r, "continue_final_message", &continues));
    if (continues != open)
        return sc_fail(r->error, SC_ERR_ARGUMENT,
                       "expected %s, as the last message is the %s's: an answer begins with the "
                       "assistant's message or follows the user's",
                       open ? "true" : "false", last);
    const json_t *given = value_of(r, "add_generation_prompt");
    SC_TRY(read_bool(r, "add_generation_prompt", &asks));
    if (given != NULL && asks == open)
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected %s, as the last message is the %s's",
                       open ? "false" : "true", last);
    return sc_serving_read_arguments(value_of(r, "chat_template_kwargs"), out, r->error);
}

static enum sc_status read_text(struct reading *r, struct sc_serving_request *out)
{
    out->adds_special = true;
    SC_TRY(sc_serving_read_prompt(value_of(r, "prompt"), out, r->error));
    SC_TRY(read_bool(r, "add_special_tokens", &out->adds_special));
    SC_TRY(read_bool(r, "echo", &out->echo));
    if (out->echo && out->stream)
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected no stream beside it");
    value_of(r, "max_tokens");
    if (out->max_is_given && out->max_tokens == 0 && !out->echo)
        return sc_fail(r->error, SC_ERR_ARGUMENT, "expected at least 1, or echo beside 0");
    value_of(r, "n");
    if (out->n * out->n_prompts > SC_SERVING_MOST_CHOICES)
        return sc_fail(r->error, SC_ERR_ARGUMENT,
                       "expected at most %d choices of all prompts together, found %zu",
                       SC_SERVING_MOST_CHOICES, out->n * out->n_prompts);
    return SC_OK;
}

static enum sc_status read_all(struct reading *r, struct sc_serving_request *out)
{
    const char *name;
    json_t *value;
    bool skips = true;
    if (!json_is_object(r->root))
        return sc_fail(r->error, SC_ERR_ARGUMENT, "body: expected a JSON object, found %s",
                       sc_json_kind(r->root));
    json_object_foreach(r->root, name, value)
    {
        snprintf(r->field, 64, "%s", name);
        SC_TRY(check_field(name, value, out->chat, r->error));
    }
    SC_TRY(read_model(r, out));
    SC_TRY(read_amounts(r, out));
    SC_TRY(read_sampling(r, out));
    SC_TRY(read_stream(r, out));
    SC_TRY(read_lists(r, out));
    SC_TRY(read_bool(r, "skip_special_tokens", &skips));
    out->shows_special = !skips;
    SC_TRY(sc_serving_read_stop(value_of(r, "stop"), out, r->error));
    SC_TRY(sc_serving_read_stop_ids(value_of(r, "stop_token_ids"), out, r->error));
    SC_TRY(out->chat ? read_chat(r, out) : read_text(r, out));
    r->field[0] = '\0';
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What stands outside strings, whatever else is wrong. */
struct shape {
    size_t n_brackets, n_commas;
    size_t depth; /* of brackets in each other */
};

static struct shape shape_of(const char *body, size_t n)
{
    struct shape shape = {0};
    size_t depth = 0;
    bool within = false;
    for (size_t i = 0; i < n; i++) {
        if (within && body[i] == '\\') {
            i++;
            continue;
        }
        within = within != (body[i] == '"');
        if (within)
            continue;
        shape.n_commas += body[i] == ',';
        if (body[i] == '{' || body[i] == '[') {
            shape.n_brackets++;
            shape.depth = ++depth > shape.depth ? depth : shape.depth;
        } else if ((body[i] == '}' || body[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return shape;
}

/* What is parsed takes many times its text: an empty object some 300 bytes, a number 40. */
static enum sc_status check_shape(const char *body, size_t n, struct sc_error *error)
{
    const struct shape shape = shape_of(body, n);
    if (shape.depth > SC_SERVING_MOST_DEPTH)
        return sc_fail(error, SC_ERR_ARGUMENT, "body: expected at most %d brackets in each other",
                       SC_SERVING_MOST_DEPTH);
    if (shape.n_brackets > MOST_BRACKETS || shape.n_commas > MOST_COMMAS)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "body: expected at most %d lists and objects with %d values", MOST_BRACKETS,
                       MOST_COMMAS);
    return SC_OK;
}

enum sc_status sc_serving_request_read(struct sc_serving_request *out, bool chat, const char *body,
                                       size_t n, char field[64], struct sc_error *error)
{
    *out = (struct sc_serving_request){.chat = chat,
                                       .sampling = {.temperature = NAN,
                                                    .top_p = NAN,
                                                    .min_p = NAN,
                                                    .top_k = -1,
                                                    .repetition_penalty = NAN}};
    field[0] = '\0';
    SC_TRY(check_shape(body, n, error));
    json_t *root = NULL;
    SC_TRY(sc_json_parse(body, n, "body", &root, error));
    struct reading reading = {root, field, error};
    enum sc_status status = read_all(&reading, out);
    json_decref(root);
    if (status != SC_OK && field[0] != '\0')
        sc_error_prefix(error, "%s", field);
    return status;
}

void sc_serving_request_free(struct sc_serving_request *request)
{
    sc_free(request->model);
    for (size_t i = 0; i < request->n_stops; i++)
        sc_free(request->stops[i]);
    for (size_t i = 0; i < request->n_arguments; i++)
        sc_free(request->arguments[i]);
    for (size_t i = 0; i < request->n_prompts; i++) {
        sc_free(request->prompts[i].text);
        sc_free(request->prompts[i].ids);
    }
    sc_free(request->prompts);
    sc_conversation_free(&request->messages);
    *request = (struct sc_serving_request){0};
}
