/* Prompts as requests hold them, and files of requests (answers.h). */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "benchmark/table.h"
#include "experiment/import/answers.h"

/* ---- what was asked -------------------------------------------------------------------------- */

static char *text_of(const json_t *value)
{
    struct sc_text text = {0};
    if (json_is_string(value))
        return sc_strdup(json_string_value(value));
    sc_json_write(&text, value);
    return sc_text_take(&text);
}

/* The text of a message of the user that stands alone, or NULL. */
static const char *only_text(const json_t *messages, const char *system)
{
    const json_t *message = json_array_get(messages, 0),
                 *content = json_object_get(message, "content");
    const char *role = json_string_value(json_object_get(message, "role"));
    if (json_array_size(messages) != 1 || system != NULL)
        return NULL;
    if (json_is_string(message))
        return json_string_value(message);
    return role != NULL && strcmp(role, "user") == 0 ? json_string_value(content) : NULL;
}

/* The messages with the system's before them. */
static enum sc_status with_system(json_t *messages, const char *system, char **out,
                                  struct sc_error *error)
{
    json_t *whole = json_array(),
           *first = json_pack("{s:s,s:s}", "role", "system", "content", system);
    int failed = json_array_append_new(whole, first);
    if (failed == 0 && json_is_string(messages))
        failed = json_array_append_new(whole,
                                       json_pack("{s:s,s:O}", "role", "user", "content", messages));
    else if (failed == 0)
        failed = json_array_extend(whole, messages);
    *out = failed == 0 ? text_of(whole) : NULL;
    json_decref(whole);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "prompt");
}

enum sc_status sc_import_prompt_read(json_t *value, const char *system, char **out, bool *nested,
                                     struct sc_error *error)
{
    const char *alone = json_is_string(value) ? json_string_value(value) : only_text(value, system);
    *out = NULL;
    if (!json_is_string(value) && json_array_size(value) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "prompt: expected text or messages, found %s",
                       sc_json_kind(value));
    *nested = alone == NULL || system != NULL;
    if (system != NULL)
        return with_system(value, system, out, error);
    *out = alone != NULL ? sc_strdup(alone) : text_of(value);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "prompt");
}

/* ---- files of requests ----------------------------------------------------------------------- */

void sc_import_requests_free(struct sc_import_requests *requests)
{
    for (size_t i = 0; i < requests->n; i++) {
        sc_free(requests->items[i].id);
        sc_free(requests->items[i].prompt);
    }
    sc_free(requests->items);
    *requests = (struct sc_import_requests){0};
}

static int compare_ids(const void *a, const void *b)
{
    const struct sc_import_request *x = a, *y = b;
    return strcmp(x->id, y->id);
}

const struct sc_import_request *sc_import_request_find(const struct sc_import_requests *requests,
                                                       const char *id)
{
    size_t low = 0, high = requests->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(requests->items[middle].id, id);
        if (order == 0)
            return &requests->items[middle];
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* The prompt of a request's body: OpenAI's chat, completions and responses, Anthropic's messages.
 */
static enum sc_status read_body(const json_t *body, struct sc_import_request *out,
                                struct sc_error *error)
{
    static const char *const names[] = {"messages", "prompt", "input"};
    json_t *value = NULL;
    const char *system = json_string_value(json_object_get(body, "system"));
    if (system == NULL)
        system = json_string_value(json_object_get(body, "instructions"));
    for (size_t i = 0; i < sizeof names / sizeof *names && value == NULL; i++)
        value = json_object_get(body, names[i]);
    return sc_import_prompt_read(value, system, &out->prompt, &out->nested, error);
}

static enum sc_status add_request(const struct sc_table *table, size_t row,
                                  struct sc_import_requests *out, struct sc_error *error)
{
    int id = sc_table_column(table, "custom_id"), body = sc_table_column(table, "body");
    char *const *cells = table->cells + row * table->n_columns;
    struct sc_import_request request = {.line = table->lines[row]};
    json_t *parsed = NULL;
    body = body >= 0 && cells[body] != NULL ? body : sc_table_column(table, "params");
    if (cells[id] == NULL || body < 0 || cells[body] == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "expected \"custom_id\" and \"body\"");
    if (sc_grow((void **)&out->items, out->n, &out->cap, sizeof *out->items) != 0)
        return sc_fail_nomem(error, "requests");
    SC_TRY(sc_json_parse(cells[body], strlen(cells[body]), "body", &parsed, error));
    enum sc_status status = read_body(parsed, &request, error);
    json_decref(parsed);
    SC_TRY(status);
    request.id = sc_strdup(cells[id]);
    if (request.id == NULL) {
        sc_free(request.prompt);
        return sc_fail_nomem(error, "requests");
    }
    out->items[out->n++] = request;
    return SC_OK;
}

static enum sc_status add_requests(const struct sc_table *table, const char *path,
                                   struct sc_import_requests *out, struct sc_error *error)
{
    if (sc_table_column(table, "custom_id") < 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected requests with \"custom_id\"", path);
    for (size_t row = 0; row < table->n_rows; row++) {
        struct sc_error why = {0};
        if (table->faults[row] != NULL)
            return sc_fail(error, SC_ERR_FORMAT, "%s: line %zu: %s", path, table->lines[row],
                           table->faults[row]);
        enum sc_status status = add_request(table, row, out, &why);
        if (status != SC_OK)
            return sc_fail(error, status, "%s: line %zu: %s", path, table->lines[row], why.text);
    }
    qsort(out->items, out->n, sizeof *out->items, compare_ids);
    for (size_t i = 1; i < out->n; i++)
        if (strcmp(out->items[i - 1].id, out->items[i].id) == 0)
            return sc_fail(error, SC_ERR_FORMAT, "%s: lines %zu and %zu have one custom_id, '%s'",
                           path, out->items[i - 1].line, out->items[i].line, out->items[i].id);
    return SC_OK;
}

enum sc_status sc_import_requests_read(const char *path, struct sc_import_requests *out,
                                       struct sc_error *error)
{
    struct sc_table table = {0};
    SC_TRY(sc_table_read(path, NULL, &table, error));
    enum sc_status status = add_requests(&table, path, out, error);
    sc_table_free(&table);
    return status;
}
