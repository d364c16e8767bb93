/*
 * A file's rows (rows.h): answers, and the prompts that they belong to.
 *
 * A row that cannot be read is reported by its line and left out.  Rows of one prompt, which is one
 * text, or one id where the file's own ids name prompts, become traces of one instance.
 */
#include "experiment/import/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

struct reader {
    const struct sc_import_options *options;
    const struct sc_import_observer *observer;
    struct sc_import_summary *summary;
    struct sc_import_rows *out;
    struct sc_import_columns columns;
    struct sc_import_requests requests;
    size_t *slots; /* [n_slots], a power of two: 1 + a prompt, by the hash of its key; 0: free */
    size_t n_slots;
    char **keys; /* [out->n_prompts] what makes rows one prompt */
    size_t cap_keys;
    char *filter; /* of the harness, whose rows are read; NULL: not known yet */
    char first_fault[256];
};

/* ---- what is said ---------------------------------------------------------------------------- */

static void report_row(struct reader *r, size_t line, const char *why)
{
    r->summary->n_rows_failed++;
    if (r->first_fault[0] == '\0')
        snprintf(r->first_fault, sizeof r->first_fault, "line %zu: %s", line, why);
    if (r->observer->row_failed != NULL)
        r->observer->row_failed(r->observer->context, line, why);
}

static void note(const struct reader *r, const char *text)
{
    if (r->observer->note != NULL)
        r->observer->note(r->observer->context, text);
}

/* ---- whose answers --------------------------------------------------------------------------- */

/* The models that a file names. */
struct models {
    struct sc_text names; /* for messages */
    char *first;
    size_t n; /* different ones, about: enough to tell one from several */
    bool wanted;
};

/* Takes the name. */
static void add_model(struct models *models, char *name, const char *wanted)
{
    if (wanted != NULL && strcmp(name, wanted) == 0)
        models->wanted = true;
    if (models->first == NULL || strcmp(models->first, name) != 0) {
        char quoted[100];
        snprintf(quoted, sizeof quoted, "'%.90s'", name);
        if (models->n == 0 || strstr(models->names.data, quoted) == NULL) {
            if (models->names.len < 300)
                sc_text_printf(&models->names, "%s%s", models->n > 0 ? ", " : "", quoted);
            models->n++;
        }
    }
    if (models->first == NULL)
        models->first = name;
    else
        sc_free(name);
}

static enum sc_status list_models(const struct reader *r, struct models *models,
                                  struct sc_error *error)
{
    const struct sc_table *table = &r->out->table;
    for (size_t row = 0; row < table->n_rows; row++) {
        char *name = NULL;
        if (table->faults[row] != NULL)
            continue;
        enum sc_status status =
            sc_import_cell_text(table, row, r->columns.model, &name, NULL, NULL);
        if (status != SC_OK && status != SC_ERR_FORMAT) /* which is said when the row is read */
            return sc_fail_nomem(error, "names of models");
        if (name != NULL)
            add_model(models, name, r->options->model);
        if (models->names.failed)
            return sc_fail_nomem(error, "names of models");
    }
    return SC_OK;
}

static enum sc_status choose_model(struct reader *r, struct models *models, struct sc_error *error)
{
    SC_TRY(list_models(r, models, error));
    if (models->n > 1 && !models->wanted)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: answers of %zu models (%s): name the one to take with --model",
                       sc_input_name(r->options->file), models->n, models->names.data);
    if (models->n <= 1)
        r->columns.model.column = -1; /* nothing to choose */
    const char *name = r->options->model != NULL ? r->options->model
                       : models->first != NULL   ? models->first
                                                 : r->out->log.model;
    r->out->model = sc_strdup(name);
    return name == NULL || r->out->model != NULL ? SC_OK : sc_fail_nomem(error, "name of a model");
}

/* The model that the file names; of several the one that was asked for. */
static enum sc_status find_model(struct reader *r, struct sc_error *error)
{
    struct models models = {0};
    enum sc_status status = choose_model(r, &models, error);
    sc_text_free(&models.names);
    sc_free(models.first);
    return status;
}

/* Rows of other models, and those in which the harness repeats answers under another filter. */
static enum sc_status is_meant(struct reader *r, size_t row, bool *out, struct sc_error *error)
{
    char *model = NULL, *filter = NULL;
    *out = true;
    SC_TRY(sc_import_cell_text(&r->out->table, row, r->columns.model, &model, NULL, error));
    if (r->columns.model.column >= 0)
        *out = model != NULL && strcmp(model, r->options->model) == 0;
    sc_free(model);
    SC_TRY(sc_import_cell_text(&r->out->table, row, r->columns.filter, &filter, NULL, error));
    if (filter == NULL)
        return SC_OK;
    if (r->filter == NULL) {
        r->filter = filter;
        return SC_OK;
    }
    *out = *out && strcmp(filter, r->filter) == 0;
    sc_free(filter);
    return SC_OK;
}

/* ---- the prompt of a row --------------------------------------------------------------------- */

/* The context in a sample of the harness, which may be a conversation written as JSON. */
static enum sc_status read_arguments(json_t *arguments, char **text, bool *nested,
                                     struct sc_error *error)
{
    json_t *first = json_object_get(json_object_get(arguments, "gen_args_0"), "arg_0"),
           *parsed = NULL;
    if (first == NULL)
        first = json_array_get(json_array_get(arguments, 0), 0);
    if (json_is_array(first) && json_is_string(json_array_get(first, 0)))
        first = json_array_get(first, 0);
    if (!json_is_string(first))
        return sc_fail(error, SC_ERR_FORMAT, "arguments: expected the context first, found %s",
                       sc_json_kind(first));
    const char *context = json_string_value(first);
    enum sc_status status = SC_OK;
    if (context[0] == '[')
        status = sc_json_parse(context, strlen(context), "arguments", &parsed, NULL);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "prompt");
    bool chat = json_is_string(json_object_get(json_array_get(parsed, 0), "role"));
    status = sc_import_prompt_read(chat ? parsed : first, NULL, text, nested, error);
    json_decref(parsed);
    return status;
}

/* A conversation that ends with the answer is asked without it. */
static enum sc_status read_messages(const struct reader *r, json_t *value, char **text,
                                    bool *nested, struct sc_error *error)
{
    size_t n = json_array_size(value);
    const char *role = json_string_value(json_object_get(json_array_get(value, n - 1), "role"));
    bool answered = r->columns.prompt.column == r->columns.completion.column &&
                    r->columns.completion.path == NULL;
    if (answered && role != NULL && strcmp(role, "assistant") == 0)
        json_array_remove(value, n - 1); /* the cell was parsed for us */
    return sc_import_prompt_read(value, NULL, text, nested, error);
}

static enum sc_status read_request(struct reader *r, size_t row, char **text, bool *nested,
                                   struct sc_error *error)
{
    char *id = NULL;
    SC_TRY(sc_import_cell_text(&r->out->table, row, r->columns.id, &id, NULL, error));
    const struct sc_import_request *request =
        id != NULL ? sc_import_request_find(&r->requests, id) : NULL;
    enum sc_status status = SC_OK;
    if (request == NULL)
        status = sc_fail(error, SC_ERR_FORMAT, "no request has the custom_id '%s'",
                         id != NULL ? id : "");
    else if ((*text = sc_strdup(request->prompt)) == NULL)
        status = sc_fail_nomem(error, "prompt");
    *nested = request != NULL && request->nested;
    sc_free(id);
    return status;
}

/* A log says why a sample has none. */
static enum sc_status fail_prompt(const struct reader *r, size_t row, struct sc_error *error)
{
    char *why = NULL;
    SC_TRY(sc_import_cell_text(&r->out->table, row, r->columns.fault, &why, NULL, error));
    enum sc_status status = sc_fail(error, SC_ERR_FORMAT, "%s", why != NULL ? why : "no prompt");
    sc_free(why);
    return status;
}

static enum sc_status read_question(struct reader *r, size_t row, char **text, bool *nested,
                                    struct sc_error *error)
{
    json_t *value = NULL;
    if (r->requests.n > 0)
        return read_request(r, row, text, nested, error);
    SC_TRY(sc_import_cell(&r->out->table, row, r->columns.messages, &value, error));
    if (value == NULL)
        SC_TRY(sc_import_cell(&r->out->table, row, r->columns.prompt, &value, error));
    if (value == NULL)
        return fail_prompt(r, row, error);
    bool sample = r->columns.shape == SC_IMPORT_HARNESS && !json_is_string(value) &&
                  r->options->benchmark.prompt_column == NULL;
    enum sc_status status = sample ? read_arguments(value, text, nested, error)
                                   : read_messages(r, value, text, nested, error);
    json_decref(value);
    return status;
}

static enum sc_status read_prompt(struct reader *r, size_t row, char **text, bool *nested,
                                  struct sc_error *error)
{
    *text = NULL;
    SC_TRY(read_question(r, row, text, nested, error));
    if ((*text)[strspn(*text, " \t\r\n")] != '\0')
        return SC_OK;
    sc_free(*text);
    *text = NULL;
    return sc_fail(error, SC_ERR_FORMAT, "no prompt");
}

/* ---- prompts --------------------------------------------------------------------------------- */

static size_t slot_of(const struct reader *r, const char *key)
{
    size_t at = (size_t)sc_hash64(key, strlen(key)) & (r->n_slots - 1);
    while (r->slots[at] != 0 && strcmp(r->keys[r->slots[at] - 1], key) != 0)
        at = (at + 1) & (r->n_slots - 1);
    return at;
}

static enum sc_status make_slots(struct reader *r, struct sc_error *error)
{
    if (r->slots != NULL && 2 * (r->out->n_prompts + 1) < r->n_slots)
        return SC_OK;
    sc_free(r->slots);
    r->n_slots = r->n_slots == 0 ? 1024 : 2 * r->n_slots;
    r->slots = sc_alloc_zero(r->n_slots, sizeof *r->slots);
    if (r->slots == NULL)
        return sc_fail_nomem(error, "prompts");
    for (size_t i = 0; i < r->out->n_prompts; i++)
        r->slots[slot_of(r, r->keys[i])] = i + 1;
    return SC_OK;
}

/* Adds a cell to a key, ended. */
static enum sc_status add_to_key(const struct reader *r, size_t row, struct sc_import_column column,
                                 struct sc_text *key, struct sc_error *error)
{
    char *cell = NULL;
    SC_TRY(sc_import_cell_text(&r->out->table, row, column, &cell, NULL, error));
    if (cell != NULL)
        sc_text_puts(key, cell);
    sc_text_putc(key, '\x1f');
    sc_free(cell);
    return SC_OK;
}

/* What makes rows one prompt: their id, or all that was asked. */
static enum sc_status add_key(const struct reader *r, size_t row, const char *text,
                              struct sc_text *key, struct sc_error *error)
{
    if (r->columns.id_governs)
        SC_TRY(add_to_key(r, row, r->columns.id, key, error));
    if (key->len > 1) /* it has an id */
        return SC_OK;
    sc_text_puts(key, text);
    SC_TRY(add_to_key(r, row, r->columns.system, key, error));
    return add_to_key(r, row, r->columns.prefill, key, error);
}

static enum sc_status make_key(const struct reader *r, size_t row, const char *text, char **out,
                               struct sc_error *error)
{
    struct sc_text key = {0};
    enum sc_status status = add_key(r, row, text, &key, error);
    *out = sc_text_take(&key);
    return status != SC_OK || *out != NULL ? status : sc_fail_nomem(error, "prompts");
}

/* Adds the row's prompt under the key, and takes both. */
static enum sc_status add_prompt(struct reader *r, struct sc_import_prompt *prompt, char **key,
                                 struct sc_error *error)
{
    struct sc_import_rows *out = r->out;
    if (sc_grow((void **)&out->prompts, out->n_prompts, &out->cap_prompts, sizeof *out->prompts) ||
        sc_grow((void **)&r->keys, out->n_prompts, &r->cap_keys, sizeof *r->keys))
        return sc_fail_nomem(error, "prompts");
    r->keys[out->n_prompts] = *key;
    out->prompts[out->n_prompts++] = *prompt;
    prompt->text = *key = NULL;
    return SC_OK;
}

/* Which prompt a row's is; what is taken of it and of the key becomes NULL there. */
static enum sc_status place_prompt(struct reader *r, struct sc_import_prompt *prompt, char **key,
                                   size_t *position, struct sc_error *error)
{
    SC_TRY(make_slots(r, error));
    SC_TRY(make_key(r, prompt->row, prompt->text, key, error));
    size_t at = slot_of(r, *key);
    if (r->slots[at] == 0) {
        SC_TRY(add_prompt(r, prompt, key, error));
        r->slots[at] = r->out->n_prompts;
    }
    *position = r->slots[at] - 1;
    const struct sc_import_prompt *known = &r->out->prompts[*position];
    if (prompt->text == NULL || strcmp(known->text, prompt->text) == 0)
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT,
                   "the id '%.*s' stands for another prompt at line %zu (--id-column none takes "
                   "equal texts as one prompt)",
                   (int)strcspn(*key, "\x1f"), *key, r->out->table.lines[known->row]);
}

static enum sc_status find_prompt(struct reader *r, size_t row, size_t *position,
                                  struct sc_error *error)
{
    struct sc_import_prompt prompt = {.row = row};
    char *key = NULL;
    SC_TRY(read_prompt(r, row, &prompt.text, &prompt.nested, error));
    enum sc_status status = place_prompt(r, &prompt, &key, position, error);
    sc_free(prompt.text);
    sc_free(key);
    return status;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum sc_status add_answers(struct reader *r, size_t row, const json_t *value,
                                  struct sc_error *error)
{
    struct sc_import_answers *answers = &r->out->answers;
    size_t before = answers->n;
    /* Pairs of a number and whether the answer was the likeliest. */
    if (r->columns.shape == SC_IMPORT_HARNESS &&
        json_is_array(json_array_get(json_array_get(value, 0), 0)))
        return sc_fail(error, SC_ERR_FORMAT, "scores of given answers, which nobody sampled");
    SC_TRY(sc_import_completions(value, answers, error));
    return sc_import_details(
        &r->out->table, &r->columns,
        &(struct sc_import_row_answers){row, answers->n - before, answers->items + before},
        r->options->confidence_top_k, error);
}

/* Several answers in a cell of a CSV are JSON; a text that begins with a bracket stays one. */
static enum sc_status read_answers(struct reader *r, size_t row, const json_t *value,
                                   struct sc_error *error)
{
    const char *text = json_string_value(value);
    json_t *list = NULL;
    enum sc_status status = SC_OK;
    if (text != NULL && r->columns.completions && *text == '[')
        status = sc_json_parse(text, strlen(text), "", &list, NULL);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "answers");
    status = add_answers(r, row, list != NULL ? list : value, error);
    json_decref(list);
    return status;
}

/* The answers, or the server's reason for having none. */
static enum sc_status read_completion(struct reader *r, size_t row, struct sc_error *error)
{
    json_t *value = NULL, *problem = NULL;
    SC_TRY(sc_import_cell(&r->out->table, row, r->columns.completion, &value, error));
    if (value == NULL) {
        SC_TRY(sc_import_cell(&r->out->table, row, r->columns.problem, &problem, error));
        if (problem == NULL)
            return sc_fail(error, SC_ERR_FORMAT, "no answer");
        value = json_object();
        if (json_object_set_new(value, "error", problem) != 0) {
            json_decref(value);
            return sc_fail_nomem(error, "failure of an answer");
        }
    }
    enum sc_status status = read_answers(r, row, value, error);
    json_decref(value);
    return status;
}

static enum sc_status read_row(struct reader *r, size_t row, struct sc_error *error)
{
    struct sc_import_answers *answers = &r->out->answers;
    size_t before = answers->n, prompt = 0;
    bool meant = false;
    SC_TRY(is_meant(r, row, &meant, error));
    if (!meant)
        return SC_OK;
    r->summary->n_rows++;
    SC_TRY(read_completion(r, row, error));
    SC_TRY(find_prompt(r, row, &prompt, error));
    for (size_t i = before; i < answers->n; i++) {
        answers->items[i].prompt = prompt;
        answers->items[i].line = r->out->table.lines[row];
        r->out->judged = r->out->judged || answers->items[i].harm != SC_UNJUDGED;
    }
    return SC_OK;
}

/* Reports a row that cannot be read and goes on; other failures end the import. */
static enum sc_status take_row(struct reader *r, size_t row, struct sc_error *error)
{
    const struct sc_table *table = &r->out->table;
    struct sc_error why = {0};
    size_t before = r->out->answers.n;
    bool unreadable = table->faults[row] != NULL;
    r->summary->n_rows += unreadable;
    enum sc_status status = unreadable ? sc_fail(&why, SC_ERR_FORMAT, "%s", table->faults[row])
                                       : read_row(r, row, &why);
    bool goes_on = status == SC_OK || status == SC_ERR_FORMAT;
    if (status != SC_OK)
        sc_import_answers_cut(&r->out->answers, before);
    if (!goes_on || (status != SC_OK && r->options->benchmark.strict))
        return sc_fail(error, status, "%s: line %zu: %s", sc_input_name(r->options->file),
                       table->lines[row], why.text);
    if (status != SC_OK)
        report_row(r, table->lines[row], why.text);
    return SC_OK;
}

static enum sc_status read_rows(struct reader *r, struct sc_error *error)
{
    for (size_t row = 0; row < r->out->table.n_rows; row++)
        SC_TRY(take_row(r, row, error));
    return SC_OK;
}

/* ---- all rows -------------------------------------------------------------------------------- */

/* By prompt, then as the file counts its traces, then as they stand in it. */
static int compare_answers(const void *a, const void *b)
{
    const struct sc_import_answer *x = a, *y = b;
    if (x->prompt != y->prompt)
        return x->prompt < y->prompt ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->line != y->line ? x->line < y->line ? -1 : 1 : x->order < y->order ? -1 : 1;
}

/* Of two answers with one number the first stays. */
static void drop_doubles(struct reader *r)
{
    struct sc_import_answers *answers = &r->out->answers;
    size_t kept = 0;
    for (size_t i = 0; i < answers->n; i++) {
        const struct sc_import_answer *last = kept > 0 ? &answers->items[kept - 1] : NULL;
        struct sc_import_answer *answer = &answers->items[i];
        if (last != NULL && answer->number != SIZE_MAX && last->prompt == answer->prompt &&
            last->number == answer->number) {
            char why[120];
            snprintf(why, sizeof why, "trace %zu of its prompt stands at line %zu already",
                     answer->number, last->line);
            report_row(r, answer->line, why);
            sc_import_answer_free(answer);
            continue;
        }
        answers->items[kept++] = *answer;
    }
    answers->n = kept;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* The ids of all prompts, sorted; ids [n_prompts] begins as NULL. */
static enum sc_status read_ids(const struct reader *r, char **ids, size_t *n,
                               struct sc_error *error)
{
    const struct sc_import_rows *rows = r->out;
    for (size_t i = 0; i < rows->n_prompts; i++) {
        SC_TRY(sc_import_cell_text(&rows->table, rows->prompts[i].row, r->columns.id, &ids[*n],
                                   NULL, error));
        *n += ids[*n] != NULL;
    }
    qsort(ids, *n, sizeof *ids, compare_texts);
    return SC_OK;
}

/* An id column that does not name prompts (it counts rows or samples) is left alone: the prompts
 * are numbered. */
static enum sc_status check_ids(struct reader *r, struct sc_error *error)
{
    size_t n = 0;
    bool twice = false;
    if (r->columns.id.column < 0 || r->columns.id_governs)
        return SC_OK;
    char **ids = sc_alloc_zero(r->out->n_prompts, sizeof *ids);
    if (ids == NULL)
        return sc_fail_nomem(error, "ids");
    enum sc_status status = read_ids(r, ids, &n, error);
    for (size_t i = 0; i < n; i++) {
        twice = twice || (i > 0 && strcmp(ids[i - 1], ids[i]) == 0);
        if (i > 0)
            sc_free(ids[i - 1]);
    }
    if (n > 0)
        sc_free(ids[n - 1]);
    sc_free(ids);
    if (status != SC_OK || !twice)
        return status;
    note(r, "the ids do not name prompts (one stands for several): the prompts are numbered");
    r->columns.id.column = -1;
    return SC_OK;
}

/* What the file itself does not say may stand beside it. */
static enum sc_status find_model_beside(struct reader *r, struct sc_error *error)
{
    if (r->columns.shape != SC_IMPORT_HARNESS || r->options->model != NULL)
        return SC_OK;
    return sc_import_harness_model(r->options->file, &r->out->log.model, error);
}

static enum sc_status open_files(struct reader *r, struct sc_error *error)
{
    const struct sc_table_options how = {.rows_key = r->options->benchmark.rows_key,
                                         .strict = r->options->benchmark.strict};
    struct sc_table *table = &r->out->table;
    SC_TRY(sc_import_table_read(r->options->file, &how, table, &r->out->log, error));
    if (table->note != NULL)
        note(r, table->note);
    if (r->options->requests != NULL)
        SC_TRY(sc_import_requests_read(r->options->requests, &r->requests, error));
    SC_TRY(sc_import_columns_find(r->options, table, &r->out->log, &r->columns, error));
    if (r->options->requests != NULL && r->columns.shape != SC_IMPORT_BATCH)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: requests belong to the outputs of a batch (custom_id, response), which "
                       "this file has not",
                       sc_input_name(r->options->file));
    SC_TRY(find_model_beside(r, error));
    if (r->out->log.n_damaged > 0)
        note(r, "lines of the report that cannot be read were passed over");
    return find_model(r, error);
}

/* Which requests nobody answered. */
static void note_requests(struct reader *r)
{
    char text[160];
    size_t n = r->requests.n, answered = r->summary->n_rows - r->summary->n_rows_failed;
    if (n <= answered)
        return;
    snprintf(text, sizeof text, "%zu of %zu requests have no row in the file", n - answered, n);
    note(r, text);
}

static enum sc_status read_all(struct reader *r, struct sc_error *error)
{
    struct sc_import_answers *answers = &r->out->answers;
    SC_TRY(open_files(r, error));
    SC_TRY(read_rows(r, error));
    if (answers->n == 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: none of %zu rows has a prompt and an answer: %s",
                       sc_input_name(r->options->file), r->summary->n_rows, r->first_fault);
    for (size_t i = 0; i < answers->n; i++)
        answers->items[i].order = i;
    qsort(answers->items, answers->n, sizeof *answers->items, compare_answers);
    drop_doubles(r);
    note_requests(r);
    SC_TRY(check_ids(r, error));
    r->out->columns = r->columns;
    return SC_OK;
}

enum sc_status sc_import_rows_read(const struct sc_import_options *options,
                                   const struct sc_import_observer *observer,
                                   struct sc_import_summary *summary, struct sc_import_rows *out,
                                   struct sc_error *error)
{
    struct reader r = {.options = options, .observer = observer, .summary = summary, .out = out};
    enum sc_status status = read_all(&r, error);
    for (size_t i = 0; r.keys != NULL && i < out->n_prompts; i++)
        sc_free(r.keys[i]);
    sc_free(r.keys);
    sc_free(r.slots);
    sc_free(r.filter);
    sc_import_requests_free(&r.requests);
    return status;
}

void sc_import_rows_free(struct sc_import_rows *rows)
{
    sc_import_answers_cut(&rows->answers, 0);
    sc_free(rows->answers.items);
    for (size_t i = 0; i < rows->n_prompts; i++)
        sc_free(rows->prompts[i].text);
    sc_free(rows->prompts);
    sc_free(rows->model);
    sc_table_free(&rows->table);
    sc_import_log_free(&rows->log);
    *rows = (struct sc_import_rows){0};
}
