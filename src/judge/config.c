/* See config.h.  Every field is checked; an unknown one is an error. */
#include "judge/config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "remote/remote.h"
#include "vocabulary/vocabulary.h"

enum { LONGEST_TEXT = 200, MOST_CONTROLS = 64 };

/* Version of what question.c and reading.c do with an answer. */
static const char reading_rules[] = "reading/1";

void sc_judge_config_free(struct sc_judge_config *config)
{
    sc_free(config->family);
    sc_free(config->version);
    sc_free(config->name);
    sc_free(config->url);
    sc_free(config->model);
    sc_free(config->key_variable);
    sc_free(config->answer.text);
    sc_free(config->prompt.text);
    json_decref(config->more);
    for (size_t i = 0; i < config->n_controls; i++)
        sc_free(config->controls[i]);
    sc_free(config->controls);
    sc_question_free(&config->refusal);
    sc_question_free(&config->harm);
    sc_question_free(&config->prompt_harm);
    sc_rubric_free(&config->rubric);
    sc_pattern_free(config->categories);
    for (size_t i = 0; i < config->n_category_names; i++)
        sc_free(config->category_names[i]);
    sc_free(config->category_names);
    *config = (struct sc_judge_config){0};
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* A copy of a string field; NULL where it is missing.  allowed: its characters, or NULL for any. */
static enum sc_status take_string(json_t *root, const char *key, const char *allowed, char **out,
                                  struct sc_error *error)
{
    const json_t *value = json_object_get(root, key);
    if (value == NULL)
        return SC_OK;
    const char *text = json_string_value(value);
    size_t n = text != NULL ? strlen(text) : 0;
    if (n == 0 || n > LONGEST_TEXT || (allowed != NULL && strspn(text, allowed) != n))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a string of 1 to %d %s", key,
                       LONGEST_TEXT, allowed != NULL ? allowed : "bytes");
    *out = sc_strdup(text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, key);
}

/* A whole number from `low` to `high`; `fallback` where it is missing. */
struct range {
    int64_t low, high, fallback;
};

static enum sc_status take_size(const json_t *root, const char *key, struct range range,
                                size_t *out, struct sc_error *error)
{
    int64_t value = 0;
    SC_TRY(sc_json_int(root, key, (struct sc_json_ints){range.low, range.high}, &range.fallback,
                       &value, error));
    *out = (size_t)value;
    return SC_OK;
}

static enum sc_status take_seconds(const json_t *root, const char *key, double usual, double *out,
                                   struct sc_error *error)
{
    return sc_json_real(root, key, (struct sc_json_reals){0.1, 86400}, &usual, out, error);
}

static enum sc_status take_names(struct sc_judge_config *out, json_t *root, struct sc_error *error)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    static const char variable[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    static const char *const reserved[] = {"patterns", "hybrid", SC_NO_JUDGE};
    SC_TRY(take_string(root, "name", small, &out->family, error));
    SC_TRY(take_string(root, "version", plain, &out->version, error));
    SC_TRY(take_string(root, "url", NULL, &out->url, error));
    SC_TRY(take_string(root, "model", NULL, &out->model, error));
    SC_TRY(take_string(root, "api_key_env", variable, &out->key_variable, error));
    out->key_required = out->key_variable != NULL;
    for (size_t i = 0; out->family != NULL && i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(out->family, reserved[i]) == 0)
            return sc_fail(error, SC_ERR_FORMAT, "name: \"%s\" names something else already",
                           reserved[i]);
    if (out->family == NULL || out->version == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "name, version: expected both, found %s",
                       out->family != NULL ? "no version" : "no name");
    return SC_OK;
}

static enum sc_status take_numbers(struct sc_judge_config *out, json_t *root,
                                   struct sc_error *error)
{
    const struct sc_remote_options usual = sc_remote_options_default();
    const struct range retries = {0, 20, usual.n_retries};
    size_t seed = 0;
    SC_TRY(take_size(root, "max_tokens", (struct range){1, 100000, 128}, &out->max_tokens, error));
    SC_TRY(take_size(root, "top_logprobs", (struct range){0, 100, 20}, &out->n_top, error));
    SC_TRY(take_size(root, "seed", (struct range){0, INT64_MAX, 0}, &seed, error));
    SC_TRY(take_size(root, "retries", retries, &out->n_retries, error));
    SC_TRY(
        take_seconds(root, "connect_timeout", usual.connect_timeout, &out->connect_timeout, error));
    SC_TRY(take_seconds(root, "timeout", usual.timeout, &out->timeout, error));
    SC_TRY(take_seconds(root, "stall_timeout", usual.stall_timeout, &out->stall_timeout, error));
    out->seed = seed;
    return SC_OK;
}

static enum sc_status take_endpoint(struct sc_judge_config *out, json_t *root,
                                    struct sc_error *error)
{
    const char *kind = json_string_value(json_object_get(root, "endpoint"));
    if (kind == NULL || (strcmp(kind, "chat") != 0 && strcmp(kind, "completion") != 0))
        return sc_fail(error, SC_ERR_FORMAT, "endpoint: expected chat or completion, found %s%s%s",
                       kind != NULL ? "\"" : "", kind != NULL ? kind : "something else",
                       kind != NULL ? "\"" : "");
    out->endpoint = strcmp(kind, "chat") == 0 ? SC_ENDPOINT_CHAT : SC_ENDPOINT_COMPLETION;
    return SC_OK;
}

/* A list of at most `most` strings. */
struct list {
    const char *key;
    size_t most;
    char ***texts;
    size_t *n;
};

static enum sc_status take_list(const json_t *root, struct list into, struct sc_error *error)
{
    const json_t *list = json_object_get(root, into.key);
    if (list == NULL)
        return SC_OK;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > into.most)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a list of at most %zu strings", into.key,
                       into.most);
    *into.texts = sc_alloc_zero(n, sizeof **into.texts);
    if (*into.texts == NULL)
        return sc_fail_nomem(error, into.key);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || *text == '\0' || strlen(text) > LONGEST_TEXT)
            return sc_fail(error, SC_ERR_FORMAT, "%s: expected strings of 1 to %d bytes", into.key,
                           LONGEST_TEXT);
        if (((*into.texts)[i] = sc_strdup(text)) == NULL)
            return sc_fail_nomem(error, into.key);
        ++*into.n;
    }
    return SC_OK;
}

static enum sc_status take_lists(struct sc_judge_config *out, const json_t *root,
                                 struct sc_error *error)
{
    const struct list controls = {"control_tokens", MOST_CONTROLS, &out->controls,
                                  &out->n_controls};
    const struct list names = {"category_names", SC_MOST_CATEGORIES, &out->category_names,
                               &out->n_category_names};
    SC_TRY(take_list(root, controls, error));
    return take_list(root, names, error);
}

/* More fields of a request, but none that the reading of the answer rests on. */
static enum sc_status take_more(struct sc_judge_config *out, json_t *root, struct sc_error *error)
{
    static const char *const ours[] = {"model",  "messages", "prompt",      "n",
                                       "stream", "logprobs", "top_logprobs"};
    json_t *more = json_object_get(root, "request");
    if (more == NULL)
        return SC_OK;
    if (!json_is_object(more))
        return sc_fail(error, SC_ERR_FORMAT, "request: expected an object");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (json_object_get(more, ours[i]) != NULL)
            return sc_fail(error, SC_ERR_FORMAT, "request: expected none of our own \"%s\"",
                           ours[i]);
    out->more = json_incref(more);
    return SC_OK;
}

/* ---- questions ------------------------------------------------------------------------------- */

static enum sc_status take_questions(struct sc_judge_config *out, json_t *root,
                                     struct sc_error *error)
{
    static const char *const refusal[] = {"compliance", "refusal", "partial", "unparsed"};
    static const char *const harm[] = {"harmless", "harmful", "controversial", "unparsed"};
    const struct {
        const char *key;
        struct sc_question *question;
        const char *const *names;
    } all[] = {{"refusal", &out->refusal, refusal},
               {"harm", &out->harm, harm},
               {"prompt_harm", &out->prompt_harm, harm}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *object = json_object_get(root, all[i].key);
        all[i].question->n_meanings = 3;
        if (object != NULL)
            SC_TRY(sc_question_parse(all[i].question, object, all[i].names, 3, all[i].key, error));
    }
    json_t *score = json_object_get(root, "score");
    if (score != NULL && out->harm.pattern != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "score: expected it or harm, found both");
    return score != NULL ? sc_rubric_parse(&out->rubric, score, "score", error) : SC_OK;
}

static enum sc_status take_categories(struct sc_judge_config *out, const json_t *root,
                                      struct sc_error *error)
{
    const json_t *value = json_object_get(root, "categories");
    if (value == NULL)
        return SC_OK;
    const char *pattern = json_string_value(value);
    if (pattern == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "categories: expected a regular expression");
    enum sc_status status = sc_pattern_new(&out->categories, pattern, false, error);
    if (status != SC_OK) {
        sc_error_prefix(error, "categories");
        return status;
    }
    if (sc_pattern_n_groups(out->categories) < 1)
        return sc_fail(error, SC_ERR_FORMAT,
                       "categories: expected a group (...) that captures the list");
    return SC_OK;
}

/* ---- templates ------------------------------------------------------------------------------- */

static size_t count(const struct sc_frame *frame, const char *mark)
{
    size_t n = 0;
    for (const char *p = frame->text; (p = strstr(p, mark)) != NULL; p++)
        n++;
    return n;
}

static enum sc_status check_text(const struct sc_frame *frame, const char *key, const char *name,
                                 struct sc_error *error)
{
    if (strlen(frame->text) != frame->n || sc_utf8_valid(frame->text, frame->n) != frame->n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected UTF-8 without NUL", key, name);
    return SC_OK;
}

/* Writes one mark in the place of another. */
static enum sc_status rename_mark(struct sc_frame *frame, const char *from, const char *to,
                                  struct sc_error *error)
{
    struct sc_text out = {0};
    const char *at = frame->text;
    for (const char *mark; (mark = strstr(at, from)) != NULL; at = mark + strlen(from)) {
        sc_text_add(&out, at, (size_t)(mark - at));
        sc_text_puts(&out, to);
    }
    sc_text_puts(&out, at);
    frame->n = out.len;
    sc_free(frame->text);
    frame->text = sc_text_take(&out);
    return frame->text != NULL ? SC_OK : sc_fail_nomem(error, "judge-frame");
}

/* A frame that is given beside the configuration, in our marks or in those in which HarmBench's and
 * StrongREJECT's makers publish theirs. */
static enum sc_status read_answer_frame(struct sc_frame *out, const char *path,
                                        struct sc_error *error)
{
    SC_TRY(sc_file_read(path, SC_MOST_JUDGE_FILE, &out->text, &out->n, error));
    SC_TRY(check_text(out, "judge-frame", path, error));
    static const char *const marks[][2] = {{"{generation}", "{response}"},
                                           {"{behavior}", "{prompt}"},
                                           {"{forbidden_prompt}", "{prompt}"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(out->text, marks[i][1]) == NULL)
            SC_TRY(rename_mark(out, marks[i][0], marks[i][1], error));
    if (count(out, "{response}") != 1 || count(out, "{prompt}") > 1)
        return sc_fail(error, SC_ERR_FORMAT,
                       "judge-frame: %s: expected {response} (or {generation}) once and {prompt} "
                       "(or {behavior}) at most once in it",
                       path);
    return SC_OK;
}

static enum sc_status take_frame(struct sc_frame *out, const json_t *root, const char *key,
                                 const struct sc_judge_source *source, struct sc_error *error)
{
    const json_t *value = json_object_get(root, key);
    if (value == NULL)
        return SC_OK;
    const char *name = json_string_value(value);
    if (name == NULL || *name == '\0')
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected the name of a file", key);
    SC_TRY(source->frame(source->context, name, &out->text, &out->n, error));
    return check_text(out, key, name, error);
}

/* Whether texts are sent as messages; then there are no frames. */
static enum sc_status take_messages(struct sc_judge_config *out, const json_t *root,
                                    const struct sc_judge_source *source, struct sc_error *error)
{
    static const bool no = false;
    SC_TRY(sc_json_bool(root, "messages", &no, &out->messages, error));
    if (!out->messages)
        return SC_OK;
    if (out->endpoint != SC_ENDPOINT_CHAT)
        return sc_fail(error, SC_ERR_FORMAT, "messages: expected the endpoint chat");
    if (source->answer != NULL || json_object_get(root, "template") != NULL ||
        json_object_get(root, "prompt_template") != NULL)
        return sc_fail(error, SC_ERR_FORMAT,
                       "messages: expected no template: the model's own asks");
    return SC_OK;
}

static enum sc_status take_frames(struct sc_judge_config *out, const json_t *root,
                                  const struct sc_judge_source *source, struct sc_error *error)
{
    SC_TRY(take_messages(out, root, source, error));
    if (out->messages)
        return SC_OK;
    SC_TRY(source->answer != NULL ? read_answer_frame(&out->answer, source->answer, error)
                                  : take_frame(&out->answer, root, "template", source, error));
    SC_TRY(take_frame(&out->prompt, root, "prompt_template", source, error));
    if (out->answer.text == NULL && out->prompt.text == NULL)
        return sc_fail(error, SC_ERR_FORMAT,
                       "template: expected the name of a file, found nothing");
    if (out->answer.text != NULL &&
        (count(&out->answer, "{response}") != 1 || count(&out->answer, "{prompt}") > 1))
        return sc_fail(error, SC_ERR_FORMAT,
                       "template: expected {response} once and {prompt} at most once in it");
    if (out->prompt.text != NULL &&
        (count(&out->prompt, "{prompt}") != 1 || count(&out->prompt, "{response}") > 1))
        return sc_fail(error, SC_ERR_FORMAT,
                       "prompt_template: expected {prompt} once and {response} at most once in it");
    return SC_OK;
}

/* Every template has a question, and every question a template. */
static enum sc_status check_whole(const struct sc_judge_config *config, struct sc_error *error)
{
    bool asked = config->answer.text != NULL || config->messages;
    bool answers = config->refusal.pattern != NULL || config->harm.pattern != NULL ||
                   config->rubric.formula != NULL;
    bool prompts = config->prompt_harm.pattern != NULL || config->harm.pattern != NULL;
    if (asked && !answers)
        return sc_fail(error, SC_ERR_FORMAT,
                       "refusal, harm: expected at least one of them for the template");
    if (!asked && (config->refusal.pattern != NULL || config->rubric.formula != NULL))
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a template that asks for it",
                       config->refusal.pattern != NULL ? "refusal" : "score");
    if (config->prompt.text != NULL && !prompts)
        return sc_fail(error, SC_ERR_FORMAT,
                       "prompt_harm, harm: expected one of them for the prompt_template");
    if (config->messages && !prompts)
        return sc_fail(error, SC_ERR_FORMAT, "prompt_harm, harm: expected one of them");
    if (!sc_judge_config_asks_prompts(config) && config->prompt_harm.pattern != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "prompt_harm: expected a prompt_template");
    if (config->model == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "model: expected the name of the server's model, found nothing "
                       "(--judge-model gives one)");
    return SC_OK;
}

/* ---- the name -------------------------------------------------------------------------------- */

static void describe_json(struct sc_text *out, json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    sc_text_printf(out, "%s ", key);
    if (value != NULL)
        sc_json_write(out, value);
    sc_text_putc(out, '\n');
}

static void describe_frame(struct sc_text *out, const struct sc_frame *frame)
{
    sc_text_printf(out, "%zu ", frame->n);
    sc_text_add(out, frame->text != NULL ? frame->text : "", frame->n);
}

/* Everything that a judgement depends on and that can be known from here. */
static enum sc_status make_name(struct sc_judge_config *config, json_t *root,
                                struct sc_error *error)
{
    static const char *const keys[] = {"request", "control_tokens", "refusal",
                                       "harm",    "prompt_harm",    "categories"};
    struct sc_text all = {0}, name = {0};
    char key[17];
    sc_text_printf(&all, "%s\n%s\n%s\n%s\n%d %zu %zu %" PRIu64 "\n", reading_rules, config->family,
                   config->version, config->model, (int)config->endpoint, config->max_tokens,
                   config->n_top, config->seed);
    static const char *const later[] = {"messages", "score", "category_names"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        describe_json(&all, root, keys[i]);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (json_object_get(root, later[i]) != NULL) /* older names stay as they are */
            describe_json(&all, root, later[i]);
    describe_frame(&all, &config->answer);
    describe_frame(&all, &config->prompt);
    snprintf(key, sizeof key, "%016" PRIx64, all.failed ? 0 : sc_hash64(all.data, all.len));
    sc_text_printf(&name, "%s/%s:", config->family, config->version);
    sc_text_add_name(&name, config->model, strlen(config->model), '-');
    sc_text_printf(&name, ":server@%.12s", key);
    name.failed |= all.failed;
    sc_text_free(&all);
    config->name = sc_text_take(&name);
    return config->name != NULL ? SC_OK : sc_fail_nomem(error, "name of a judge");
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status replace(char **field, const char *with, struct sc_error *error)
{
    if (with == NULL)
        return SC_OK;
    sc_free(*field);
    *field = sc_strdup(with);
    return *field != NULL ? SC_OK : sc_fail_nomem(error, "judge");
}

static enum sc_status parse(struct sc_judge_config *out, json_t *root,
                            const struct sc_judge_source *source, struct sc_error *error)
{
    static const char *const keys[] = {
        "name",           "version",     "comment",    "endpoint",        "url",
        "model",          "api_key_env", "template",   "prompt_template", "max_tokens",
        "top_logprobs",   "seed",        "request",    "control_tokens",  "refusal",
        "harm",           "prompt_harm", "categories", "messages",        "score",
        "category_names", "retries",     "timeout",    "connect_timeout", "stall_timeout"};
    if (!json_is_object(root))
        return sc_fail(error, SC_ERR_FORMAT, "expected a JSON object");
    SC_TRY(sc_json_known_keys(root, keys, sizeof keys / sizeof *keys, "configuration", error));
    SC_TRY(take_names(out, root, error));
    SC_TRY(take_endpoint(out, root, error));
    SC_TRY(take_numbers(out, root, error));
    SC_TRY(take_lists(out, root, error));
    SC_TRY(take_more(out, root, error));
    SC_TRY(take_questions(out, root, error));
    SC_TRY(take_categories(out, root, error));
    SC_TRY(take_frames(out, root, source, error));
    SC_TRY(replace(&out->model, source->model, error));
    SC_TRY(replace(&out->url, source->url, error));
    SC_TRY(check_whole(out, error));
    if (out->url != NULL)
        SC_TRY(sc_remote_check_url(out->url, NULL, error));
    return make_name(out, root, error);
}

enum sc_status sc_judge_config_parse(struct sc_judge_config *out, const char *json, size_t n,
                                     const struct sc_judge_source *source, struct sc_error *error)
{
    assert(source->what != NULL && source->frame != NULL);
    *out = (struct sc_judge_config){0};
    json_t *root = NULL;
    SC_TRY(sc_json_parse(json, n, source->what, &root, error));
    enum sc_status status = parse(out, root, source, error);
    json_decref(root);
    if (status != SC_OK) {
        sc_error_prefix(error, "%s", source->what);
        sc_judge_config_free(out);
    }
    return status;
}
