/*
 * run.db, reading rows: configuration, instances, decisions (traces: read_traces.c).  The file may
 * have been damaged or made by anybody: positions, lengths, names and text are checked here, so
 * that what is handed on can be used without a further look.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/schema.h"
#include "experiment/store/store.h"
#include "vocabulary/vocabulary.h"

static enum sc_status read_config(const struct sc_row *row, char **out, struct sc_error *error)
{
    bool more = false;
    SC_TRY(sc_row_next(row, &more, error));
    if (!more)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a configuration, found none",
                       row->store->path);
    return sc_row_text(row, 0, false, out, error);
}

enum sc_status sc_store_config(struct sc_store *store, const char **config_json,
                               struct sc_error *error)
{
    if (store->config_json == NULL) {
        struct sc_row row = {.store = store, .where = "configuration"};
        SC_TRY(sc_store_prepare(store, "SELECT json FROM configuration WHERE id = 1",
                                &row.statement, error));
        enum sc_status status = read_config(&row, &store->config_json, error);
        sqlite3_finalize(row.statement);
        SC_TRY(status);
    }
    *config_json = store->config_json;
    return SC_OK;
}

/* ---- instances ------------------------------------------------------------------------------- */

#define INSTANCES(later)                                                                           \
    "SELECT position, id, prompt, label, category, extra, " later " FROM instance ORDER BY "       \
    "position"
static const char *const sql_instances[] = {
    INSTANCES("NULL AS messages, NULL AS prefill, NULL AS line"),
    INSTANCES("messages, prefill, line")};

void sc_store_free_instances(struct sc_instance *instances, size_t n_instances)
{
    for (size_t i = 0; i < n_instances; i++)
        sc_instance_free(&instances[i]);
    sc_free(instances);
}

/* A conversation ends with what is asked. */
static enum sc_status read_messages(const struct sc_row *row, int column,
                                    struct sc_conversation *out, struct sc_error *error)
{
    char *json = NULL;
    SC_TRY(sc_row_text(row, column, true, &json, error));
    if (json == NULL)
        return SC_OK;
    enum sc_status status = sc_conversation_read(json, out, error);
    sc_free(json);
    if (status != SC_OK)
        sc_error_prefix(error, "%s: %s", row->store->path, row->where);
    else if (out->n == 0 || sc_role_parse(out->messages[out->n - 1].role) != SC_ROLE_USER)
        status = sc_fail(error, SC_ERR_FORMAT,
                         "%s: %s: messages: expected the user's turn as the last one",
                         row->store->path, row->where);
    return status;
}

static enum sc_status read_instance(const struct sc_row *row, size_t position,
                                    struct sc_instance *out, struct sc_error *error)
{
    int64_t stored = 0, line = 0;
    int label = 0;
    SC_TRY(sc_row_int(row, 0, (int64_t)position, (int64_t)position, &stored, error));
    SC_TRY(sc_row_text(row, 1, false, &out->id, error));
    SC_TRY(sc_row_text(row, 2, false, &out->prompt, error));
    SC_TRY(sc_row_name(row, 3, sc_label_parse, &label, error));
    SC_TRY(sc_row_text(row, 4, false, &out->category, error));
    SC_TRY(sc_row_text(row, 5, true, &out->extra, error));
    out->label = (enum sc_label)label;
    SC_TRY(read_messages(row, 6, &out->conversation, error));
    SC_TRY(sc_row_text(row, 7, true, &out->prefill, error));
    if (sc_row_is_null(row, 8))
        return SC_OK;
    SC_TRY(sc_row_int(row, 8, 1, INT64_MAX, &line, error));
    out->line = (size_t)line;
    return SC_OK;
}

struct instance_list {
    struct sc_instance *items;
    size_t n, cap;
};

static enum sc_status read_all_instances(struct sc_row *row, struct instance_list *list,
                                         struct sc_error *error)
{
    for (bool more;;) {
        char where[40];
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        if (sc_grow((void **)&list->items, list->n, &list->cap, sizeof *list->items) != 0)
            return sc_fail_nomem(error, row->store->path);
        snprintf(where, sizeof where, "instance %zu", list->n);
        row->where = where;
        struct sc_instance *instance = &list->items[list->n++];
        *instance = (struct sc_instance){0};
        SC_TRY(read_instance(row, list->n - 1, instance, error));
    }
}

enum sc_status sc_store_read_instances(struct sc_store *store, struct sc_instance **instances,
                                       size_t *n_instances, struct sc_error *error)
{
    struct instance_list list = {0};
    struct sc_row row = {.store = store};
    *instances = NULL;
    *n_instances = 0;
    SC_TRY(sc_store_prepare(store, sql_instances[store->version >= SC_SCHEMA_TURNS], &row.statement,
                            error));
    enum sc_status status = read_all_instances(&row, &list, error);
    sqlite3_finalize(row.statement);
    if (status != SC_OK) {
        sc_store_free_instances(list.items, list.n);
        return status;
    }
    *instances = list.items;
    *n_instances = list.n;
    return SC_OK;
}

/* ---- decisions ------------------------------------------------------------------------------- */

struct decision_query {
    size_t n_instances, n_policies;
    sc_store_decision_reader *reader;
    void *context;
};

static enum sc_status hand_on_decision(const struct sc_row *row, const struct decision_query *query,
                                       struct sc_error *error)
{
    int64_t position = 0, policy = 0, n_traces = 0;
    char *reason = NULL;
    SC_TRY(sc_row_int(row, 0, 0, (int64_t)query->n_instances - 1, &position, error));
    SC_TRY(sc_row_int(row, 1, 0, (int64_t)query->n_policies - 1, &policy, error));
    SC_TRY(sc_row_int(row, 2, 0, INT32_MAX, &n_traces, error));
    SC_TRY(sc_row_text(row, 3, false, &reason, error));
    const struct sc_store_decision decision = {.policy = (size_t)policy,
                                               .n_traces = (size_t)n_traces,
                                               .stop_reason = reason,
                                               .bar = sc_row_real(row, 4)};
    enum sc_status status = query->reader(query->context, (size_t)position, &decision, error);
    sc_free(reason);
    return status;
}

static enum sc_status read_decisions(const struct sc_row *row, const struct decision_query *query,
                                     struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(hand_on_decision(row, query, error));
    }
}

enum sc_status sc_store_read_decisions(struct sc_store *store, size_t n_instances,
                                       size_t n_policies, sc_store_decision_reader *reader,
                                       void *context, struct sc_error *error)
{
    const struct decision_query query = {n_instances, n_policies, reader, context};
    struct sc_row row = {.store = store, .where = "decision"};
    SC_TRY(sc_store_prepare(store,
                            "SELECT instance, policy, n_traces, stop_reason, bar FROM decision"
                            " ORDER BY instance, policy",
                            &row.statement, error));
    enum sc_status status = read_decisions(&row, &query, error);
    sqlite3_finalize(row.statement);
    return status;
}
