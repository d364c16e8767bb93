/* See columns.h. */
#include "experiment/import/columns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

static const struct sc_import_column nowhere = {.column = -1};

/* ---- finding --------------------------------------------------------------------------------- */

/* A column of that name, or the field of one. */
static struct sc_import_column find(const struct sc_table *table, const char *name)
{
    const char *dot = strchr(name, '.');
    int whole = sc_table_column(table, name);
    if (whole >= 0 || dot == NULL)
        return (struct sc_import_column){.column = whole};
    for (size_t i = 0; i < table->n_columns; i++)
        if (strlen(table->columns[i]) == (size_t)(dot - name) &&
            memcmp(table->columns[i], name, (size_t)(dot - name)) == 0)
            return (struct sc_import_column){(int)i, dot + 1};
    return nowhere;
}

/* The first of the names, which end with NULL, in any case of letters. */
static struct sc_import_column find_first(const struct sc_table *table, const char *const *names)
{
    for (; *names != NULL; names++)
        for (size_t i = 0; i < table->n_columns; i++)
            if (strcasecmp(table->columns[i], *names) == 0)
                return (struct sc_import_column){.column = (int)i};
    return nowhere;
}

static enum sc_status fail_column(const struct sc_import_options *options,
                                  const struct sc_table *table, const char *what,
                                  struct sc_error *error)
{
    struct sc_text names = {0};
    for (size_t i = 0; i < table->n_columns && names.len < 300; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", table->columns[i]);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: %s: the file has %s", sc_input_name(options->file),
                what, names.data != NULL ? names.data : "none");
    sc_text_free(&names);
    return status;
}

/* One thing that is looked for. */
struct wish {
    struct sc_import_column *out;
    const char *given, *option; /* named by whom imports, which must be there */
    const char *const *usual;   /* else the first of these, or none */
};

static enum sc_status choose(const struct sc_import_options *options, const struct sc_table *table,
                             const struct wish *wish, struct sc_error *error)
{
    char what[200];
    *wish->out = wish->given != NULL   ? find(table, wish->given)
                 : wish->usual != NULL ? find_first(table, wish->usual)
                                       : nowhere;
    if (wish->given == NULL || wish->out->column >= 0)
        return SC_OK;
    snprintf(what, sizeof what, "no column '%.120s' (%s)", wish->given, wish->option);
    return fail_column(options, table, what, error);
}

static bool has(const struct sc_table *table, const char *name)
{
    return sc_table_column(table, name) >= 0;
}

static enum sc_import_shape shape_of(const struct sc_table *table, const struct sc_import_log *log)
{
    if (log->kind != SC_LOG_NONE)
        return log->kind == SC_LOG_GARAK ? SC_IMPORT_GARAK : SC_IMPORT_LOG;
    if (has(table, "custom_id") && (has(table, "response") || has(table, "result")))
        return SC_IMPORT_BATCH;
    if (has(table, "resps") && (has(table, "arguments") || has(table, "doc")))
        return SC_IMPORT_HARNESS;
    if (has(table, "instance_id") && has(table, "traces") && has(table, "verdicts"))
        return SC_IMPORT_PREDICTIONS;
    if (has(table, "jailbroken") && has(table, "prompt") && has(table, "response"))
        return SC_IMPORT_ARTIFACTS;
    return SC_IMPORT_ROWS;
}

/* Names that say that a cell holds several answers. */
static const char *const several[] = {"completions", "responses",   "answers", "outputs",
                                      "generations", "predictions", "traces",  "resps",
                                      "choices",     "samples",     NULL};

static bool is_several(const char *name)
{
    for (const char *const *known = several; *known != NULL; known++)
        if (strcasecmp(name, *known) == 0)
            return true;
    return false;
}

/* What our own logs say beside the answers. */
static void find_own(const struct sc_table *table, struct sc_import_columns *out)
{
    out->label = find(table, "label");
    out->category = find(table, "category");
    out->harm = find(table, "harm");
    out->finish = find(table, "finish");
    out->metrics = find(table, "metrics");
    out->id_governs = true;
}

/* Where a shape has what by itself; NULL: by the usual names, or not at all. */
static void find_by_shape(const struct sc_table *table, const struct sc_import_log *log,
                          struct sc_import_columns *out)
{
    switch (out->shape) {
    case SC_IMPORT_HARNESS:
        out->prompt = find(table, "arguments");
        out->completion = find(table, "resps");
        out->id = find(table, "doc_id");
        out->filter = find(table, "filter");
        break;
    case SC_IMPORT_BATCH:
        out->prompt = nowhere; /* of the requests, or a column that somebody added */
        out->completion = find(table, has(table, "response") ? "response" : "result");
        out->id = find(table, "custom_id");
        out->model =
            find(table, has(table, "response") ? "response.body.model" : "result.message.model");
        out->problem = find(table, "error");
        break;
    case SC_IMPORT_PREDICTIONS:
        out->completion = find(table, "traces");
        out->id = find(table, "instance_id");
        out->harm = find(table, "harm");
        out->metrics = find(table, "metrics");
        out->failures = find(table, "failures");
        out->messages = find(table, "messages");
        out->prefill = find(table, "prefill");
        out->label = find(table, "ground_truth_label");
        out->id_governs = true;
        break;
    case SC_IMPORT_ARTIFACTS:
        out->id = find(table, "behavior");
        out->harm = find(table, "jailbroken");
        break;
    case SC_IMPORT_LOG:
        out->prompt = find(table, "prompt");
        out->completion = find(table, "output");
        out->prefill = find(table, "prefill");
        out->fault = find(table, "fault");
        out->id = find(table, log->own ? "instance_id" : "id");
        if (log->own)
            find_own(table, out);
        break;
    case SC_IMPORT_GARAK:
        out->prompt = find(table, "prompt");
        out->completion = find(table, "output");
        out->fault = find(table, "fault");
        out->category = find(table, "category");
        break;
    case SC_IMPORT_ROWS:
        break;
    }
}

static const char *const prompts[] = {
    "prompt",   "question",         "instruction", "user_input",   "input",         "query", "goal",
    "behavior", "forbidden_prompt", "messages",    "conversation", "conversations", "turns", NULL};
static const char *const completions[] = {
    "completion",   "response",       "answer",       "output", "generation", "generated_text",
    "model_output", "model_response", "model_answer", "reply",  "prediction", NULL};
static const char *const messages[] = {"messages", "conversation", "conversations", NULL};
static const char *const finishes[] = {"finish_reason", "finish_reasons", "stop_reason", NULL};
static const char *const counts[] = {"n_tokens", "tokens_per_trace", "completion_tokens", NULL};
static const char *const models[] = {"model", "model_name", "model_id", "generator", NULL};
static const char *const ids[] = {"id",          "instance_id", "prompt_id",
                                  "question_id", "behavior_id", NULL};
static const char *const logprobs[] = {"logprobs", "token_logprobs", "log_probs", NULL};

static void fall_back(struct sc_import_column *column, struct sc_import_column other)
{
    if (column->column < 0)
        *column = other;
}

static enum sc_status find_answers(const struct sc_import_options *options,
                                   const struct sc_table *table, struct sc_import_columns *out,
                                   struct sc_error *error)
{
    if (options->completion_column == NULL && out->completion.column < 0) {
        out->completion = find_first(table, completions);
        fall_back(&out->completion, find_first(table, several));
        fall_back(&out->completion, find_first(table, messages)); /* it ends with the answer */
    }
    if (out->completion.column < 0)
        return fail_column(options, table,
                           "no column of answers (name one with --completion-column)", error);
    out->completions = options->completion_column == NULL || out->completion.path == NULL
                           ? is_several(table->columns[out->completion.column])
                           : is_several(strrchr(options->completion_column, '.') + 1);
    return SC_OK;
}

static enum sc_status find_prompts(const struct sc_import_options *options,
                                   const struct sc_table *table, struct sc_import_columns *out,
                                   struct sc_error *error)
{
    if (out->shape == SC_IMPORT_BATCH && options->requests == NULL && out->prompt.column < 0) {
        out->prompt = find_first(table, prompts);
        if (out->prompt.column < 0)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "%s: outputs of a batch without their prompts: name the file of the "
                           "requests with --requests",
                           sc_input_name(options->file));
    }
    if (out->shape != SC_IMPORT_BATCH)
        fall_back(&out->prompt, find_first(table, prompts));
    if (out->prompt.column < 0 && options->requests == NULL)
        return fail_column(options, table, "no column of prompts (name one with --prompt-column)",
                           error);
    return SC_OK;
}

enum sc_status sc_import_columns_find(const struct sc_import_options *options,
                                      const struct sc_table *table, const struct sc_import_log *log,
                                      struct sc_import_columns *out, struct sc_error *error)
{
    const struct sc_benchmark_options *asked = &options->benchmark;
    struct sc_import_columns found = {.shape = shape_of(table, log),
                                      .prompt = nowhere,
                                      .messages = nowhere,
                                      .completion = nowhere,
                                      .trace = nowhere,
                                      .logprobs = nowhere,
                                      .finish = nowhere,
                                      .n_tokens = nowhere,
                                      .harm = nowhere,
                                      .model = nowhere,
                                      .id = nowhere,
                                      .metrics = nowhere,
                                      .filter = nowhere,
                                      .failures = nowhere,
                                      .problem = nowhere,
                                      .system = nowhere,
                                      .prefill = nowhere,
                                      .label = nowhere,
                                      .category = nowhere,
                                      .fault = nowhere};
    bool numbered = asked->id_column != NULL && strcmp(asked->id_column, "none") == 0;
    find_by_shape(table, log, &found);
    const char *named =
        asked->prompt_column != NULL ? asked->prompt_column : asked->messages_column;
    const struct wish wishes[] = {
        {&found.prompt, named, "--prompt-column", NULL},
        {&found.completion, options->completion_column, "--completion-column", NULL},
        {&found.trace, options->trace_column, "--trace-column", NULL},
        {&found.logprobs, options->logprobs_column, "--logprobs-column", logprobs},
        {&found.finish, options->finish_column, "--finish-column", finishes},
        {&found.n_tokens, NULL, NULL, counts},
        {&found.harm, options->harm_column, "--harm-column", NULL},
        {&found.model, NULL, NULL, models},
        {&found.id, numbered ? NULL : asked->id_column, "--id-column", ids},
        {&found.system, asked->system_column, "--system-column", NULL},
        {&found.prefill, asked->prefill_column, "--prefill-column", NULL},
        {&found.label, asked->label_column, "--label-column", NULL},
        {&found.category, asked->category_column, "--category-column", NULL},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        if (wishes[i].given != NULL || wishes[i].out->column < 0)
            SC_TRY(choose(options, table, &wishes[i], error));
    if (numbered)
        found.id = nowhere;
    found.id_governs = !numbered && (found.id_governs || asked->id_column != NULL);
    *out = found;
    SC_TRY(find_answers(options, table, out, error));
    return find_prompts(options, table, out, error);
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* The field within a value, borrowed from it; NULL: there is none. */
static json_t *follow(json_t *value, const char *path)
{
    while (path != NULL && value != NULL) {
        size_t length = strcspn(path, ".");
        char *end = NULL;
        unsigned long index = strtoul(path, &end, 10);
        value = json_is_array(value) && end == path + length
                    ? json_array_get(value, index)
                    : json_object_getn(value, path, length);
        path = path[length] == '.' ? path + length + 1 : NULL;
    }
    return json_is_null(value) ? NULL : value;
}

enum sc_status sc_import_cell(const struct sc_table *table, size_t row,
                              struct sc_import_column column, json_t **out, struct sc_error *error)
{
    *out = NULL;
    if (column.column < 0)
        return SC_OK;
    size_t at = row * table->n_columns + (size_t)column.column;
    const char *text = table->cells[at];
    if (text == NULL)
        return SC_OK;
    bool nested = table->nested[at] ||
                  (column.path != NULL && (*text == '{' || *text == '[')); /* JSON within CSV */
    if (!nested) {
        *out = column.path == NULL ? json_string(text) : NULL;
        return *out != NULL || column.path != NULL ? SC_OK : sc_fail_nomem(error, "cell");
    }
    json_t *whole = NULL;
    SC_TRY(sc_json_parse(text, strlen(text), table->columns[column.column], &whole, error));
    *out = json_incref(follow(whole, column.path));
    json_decref(whole);
    return SC_OK;
}

enum sc_status sc_import_cell_text(const struct sc_table *table, size_t row,
                                   struct sc_import_column column, char **out, bool *nested,
                                   struct sc_error *error)
{
    json_t *value = NULL;
    struct sc_text text = {0};
    *out = NULL;
    SC_TRY(sc_import_cell(table, row, column, &value, error));
    if (nested != NULL)
        *nested = json_is_object(value) || json_is_array(value);
    if (value == NULL)
        return SC_OK;
    if (json_is_string(value))
        sc_text_puts(&text, json_string_value(value));
    else
        sc_json_write(&text, value);
    json_decref(value);
    *out = sc_text_take(&text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "cell");
}
