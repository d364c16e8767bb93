/*
 * run.db, reading rows.  The file may have been damaged or made by anybody: positions, lengths,
 * names and text are checked here, so that what is handed on can be used without a further look.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/schema.h"
#include "experiment/store/store.h"
#include "vocabulary/vocabulary.h"

enum { MAX_TOKENS = 1 << 24 }; /* of one trace; far more than any context has */

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

void sc_store_free_instances(struct sc_instance *instances, size_t n_instances)
{
    for (size_t i = 0; i < n_instances; i++) {
        sc_free(instances[i].id);
        sc_free(instances[i].prompt);
        sc_free(instances[i].category);
        sc_free(instances[i].extra);
    }
    sc_free(instances);
}

static enum sc_status read_instance(const struct sc_row *row, size_t position,
                                    struct sc_instance *out, struct sc_error *error)
{
    int64_t stored = 0;
    int label = 0;
    SC_TRY(sc_row_int(row, 0, (int64_t)position, (int64_t)position, &stored, error));
    SC_TRY(sc_row_text(row, 1, false, &out->id, error));
    SC_TRY(sc_row_text(row, 2, false, &out->prompt, error));
    SC_TRY(sc_row_name(row, 3, sc_label_parse, &label, error));
    SC_TRY(sc_row_text(row, 4, false, &out->category, error));
    SC_TRY(sc_row_text(row, 5, true, &out->extra, error));
    out->label = (enum sc_label)label;
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
    SC_TRY(sc_store_prepare(
        store,
        "SELECT position, id, prompt, label, category, extra FROM instance ORDER BY position",
        &row.statement, error));
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

/* ---- traces ---------------------------------------------------------------------------------- */

void sc_run_trace_free(struct sc_run_trace *trace)
{
    sc_free(trace->text);
    sc_free(trace->answer);
    sc_free(trace->ids);
    sc_free(trace->stats);
    sc_free(trace->text_ends);
    sc_free(trace->failure);
    sc_free(trace->detector);
    sc_free(trace->rule);
}

/* Columns of the queries below. */
enum {
    AT_INSTANCE,
    AT_TRACE,
    AT_FINISH,
    AT_FAILURE,
    AT_TEXT,
    AT_ANSWER,
    AT_N_TOKENS,
    AT_N_REASONING,
    AT_METRICS,
    AT_DETECTOR = AT_METRICS + 3 * SC_N_METRICS,
    AT_VERDICT,
    AT_RULE,
    AT_BEGIN,
    AT_END,
    AT_HARM,
    AT_TOKEN, /* not null: there is a row of tokens */
    AT_IDS,
    AT_FIGURES, /* in the order of enum sc_figure */
    AT_TEXT_END = AT_FIGURES + SC_N_FIGURES,
    AT_POLICY = AT_TOKEN
};
#define METRICS_OF_TRACE                                                                           \
    SC_METRIC_COLUMNS("t.")                                                                        \
    ", " SC_METRIC_COLUMNS("t.reasoning_") ", " SC_METRIC_COLUMNS("t.answer_")
#define TRACE_COLUMNS                                                                              \
    "SELECT t.instance, t.trace, finish, failure, text, answer, n_tokens, "                        \
    "n_reasoning, " METRICS_OF_TRACE ", v.detector, verdict, rule, range_begin, range_end, harm"
#define TOKEN_COLUMNS ", k.trace, ids, logprob, sampled_logprob, confidence, entropy, "
#define TRACE_TABLES                                                                               \
    " FROM trace t"                                                                                \
    " LEFT JOIN verdict v ON v.instance = t.instance AND v.trace = t.trace AND v.detector = ?"     \
    " LEFT JOIN harm h ON h.instance = t.instance AND h.trace = t.trace AND h.judge = ?"
#define TOKEN_TABLE " LEFT JOIN token k ON k.instance = t.instance AND k.trace = t.trace"
#define TRACE_ORDER " ORDER BY t.instance, t.trace"

static const char sql_plain[] = TRACE_COLUMNS TRACE_TABLES TRACE_ORDER;
/* Early files have no ends of tokens. */
static const char *const sql_tokens[] = {
    TRACE_COLUMNS TOKEN_COLUMNS "NULL AS text_end" TRACE_TABLES TOKEN_TABLE TRACE_ORDER,
    TRACE_COLUMNS TOKEN_COLUMNS "text_end" TRACE_TABLES TOKEN_TABLE TRACE_ORDER};
#define NOTHING_FIRST(arg, id, name, sign, unit, label) "NULL"
#define NOTHING_NEXT(arg, id, name, sign, unit, label) ", NULL"
#define NO_METRICS SC_METRIC_MAP(NOTHING_FIRST, NOTHING_NEXT, )
#define ONE_TRACE(text_end)                                                                        \
    "SELECT t.instance, t.trace, finish, failure, text, answer, n_tokens, "                        \
    "n_reasoning, " NO_METRICS ", " NO_METRICS ", " NO_METRICS                                     \
    ", NULL, NULL, NULL, NULL, NULL, NULL" TOKEN_COLUMNS text_end " FROM trace t" TOKEN_TABLE      \
    " WHERE t.instance = ? AND t.trace = ?"
static const char *const sql_one[] = {ONE_TRACE("NULL AS text_end"), ONE_TRACE("text_end")};

static bool has_text_ends(const struct sc_store *store)
{
    return store->version >= SC_SCHEMA_TEXT_ENDS;
}

/* Spreads a little-endian array over 32-bit values that lie `step` bytes apart. */
static void unpack_column(void *first, size_t step, const unsigned char *from, size_t n)
{
    char *out = first;
    for (size_t i = 0; i < n; i++, out += step, from += 4) {
        uint32_t bits = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
                        (uint32_t)from[3] << 24;
        memcpy(out, &bits, sizeof bits);
    }
}

/* Ends follow one another, at borders of characters of the text. */
static enum sc_status check_text_ends(const struct sc_row *row, const struct sc_run_trace *trace,
                                      struct sc_error *error)
{
    size_t length = strlen(trace->text), before = 0;
    for (size_t i = 0; trace->text_ends != NULL && i < trace->n_tokens; i++) {
        size_t end = trace->text_ends[i];
        if (end < before || end > length || ((unsigned char)trace->text[end] & 0xc0) == 0x80)
            return sc_fail(error, SC_ERR_FORMAT,
                           "%s: %s: token %zu: expected text_end %zu to %zu between characters, "
                           "found %zu",
                           row->store->path, row->where, i, before, length, end);
        before = end;
    }
    return SC_OK;
}

static enum sc_status check_ids(const struct sc_row *row, const struct sc_run_trace *trace,
                                struct sc_error *error)
{
    for (size_t i = 0; trace->ids != NULL && i < trace->n_tokens; i++)
        if (trace->ids[i] < 0)
            return sc_fail(error, SC_ERR_FORMAT, "%s: %s: token %zu: expected an id, found %d",
                           row->store->path, row->where, i, trace->ids[i]);
    return SC_OK;
}

/* Whether a blob holds a value for each token; null where the source gave none. */
static enum sc_status check_blob(const struct sc_row *row, int column,
                                 const struct sc_run_trace *trace, struct sc_error *error)
{
    if (sc_row_is_null(row, column))
        return SC_OK;
    size_t n = trace->n_tokens, bytes = (size_t)sqlite3_column_bytes(row->statement, column);
    if (sqlite3_column_type(row->statement, column) == SQLITE_BLOB && bytes == 4 * n &&
        trace->n_tokens_known)
        return SC_OK;
    return sc_fail(
        error, SC_ERR_FORMAT, "%s: %s: %s: expected a blob of %zu bytes for %zu tokens, found %zu",
        row->store->path, row->where, sqlite3_column_name(row->statement, column), 4 * n, n, bytes);
}

/* Fills an array of n values from a blob; *out stays NULL where there is none. */
static enum sc_status read_array(const struct sc_row *row, int column, size_t n, void **out,
                                 struct sc_error *error)
{
    if (sc_row_is_null(row, column))
        return SC_OK;
    *out = sc_alloc_array(n, 4);
    if (*out == NULL)
        return sc_fail_nomem(error, row->store->path);
    unpack_column(*out, 4, sqlite3_column_blob(row->statement, column), n);
    return SC_OK;
}

static enum sc_status read_figures(const struct sc_row *row, struct sc_run_trace *trace,
                                   struct sc_error *error)
{
    size_t n = trace->n_tokens;
    for (int f = 0; f < SC_N_FIGURES; f++)
        if (!sc_row_is_null(row, AT_FIGURES + f))
            trace->figures |= 1u << f;
    if (trace->figures == 0)
        return SC_OK;
    trace->stats = sc_alloc_array(n, sizeof *trace->stats);
    if (trace->stats == NULL)
        return sc_fail_nomem(error, row->store->path);
    for (size_t i = 0; i < n; i++)
        trace->stats[i] = (struct sc_token_stats){NAN, NAN, NAN, NAN};
    float *const first[SC_N_FIGURES] = {
        [SC_FIGURE_LOGPROB] = &trace->stats->logprob,
        [SC_FIGURE_SAMPLED_LOGPROB] = &trace->stats->sampled_logprob,
        [SC_FIGURE_CONFIDENCE] = &trace->stats->confidence,
        [SC_FIGURE_ENTROPY] = &trace->stats->entropy,
    };
    for (int f = 0; f < SC_N_FIGURES; f++)
        if (trace->figures >> f & 1)
            unpack_column(first[f], sizeof *trace->stats,
                          sqlite3_column_blob(row->statement, AT_FIGURES + f), n);
    return SC_OK;
}

static enum sc_status read_tokens(const struct sc_row *row, struct sc_run_trace *trace,
                                  struct sc_error *error)
{
    void *ids = NULL, *ends = NULL;
    if (sc_row_is_null(row, AT_TOKEN))
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected its row of tokens, found none",
                       row->store->path, row->where);
    for (int column = AT_IDS; column <= AT_TEXT_END; column++)
        SC_TRY(check_blob(row, column, trace, error));
    SC_TRY(read_array(row, AT_IDS, trace->n_tokens, &ids, error));
    trace->ids = ids;
    SC_TRY(read_array(row, AT_TEXT_END, trace->n_tokens, &ends, error));
    trace->text_ends = ends;
    SC_TRY(read_figures(row, trace, error));
    SC_TRY(check_ids(row, trace, error));
    return check_text_ends(row, trace, error);
}

/* Finish, failure, text and lengths. */
static enum sc_status read_contents(const struct sc_row *row, struct sc_run_trace *trace,
                                    struct sc_error *error)
{
    int finish = 0;
    int64_t n_tokens = 0, n_reasoning = 0;
    SC_TRY(sc_row_name(row, AT_FINISH, sc_finish_parse, &finish, error));
    trace->finish = (enum sc_finish)finish;
    SC_TRY(sc_row_text(row, AT_FAILURE, true, &trace->failure, error));
    if ((trace->failure != NULL) != (finish == SC_FINISH_FAILED))
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: failure: expected one in failed traces only",
                       row->store->path, row->where);
    SC_TRY(sc_row_text(row, AT_TEXT, false, &trace->text, error));
    SC_TRY(sc_row_text(row, AT_ANSWER, true, &trace->answer, error));
    if (trace->answer == NULL)
        trace->answer = sc_strdup(trace->text);
    if (trace->answer == NULL)
        return sc_fail_nomem(error, row->store->path);
    if (sc_row_is_null(row, AT_N_TOKENS) && sc_row_is_null(row, AT_N_REASONING))
        return SC_OK;
    SC_TRY(sc_row_int(row, AT_N_TOKENS, 0, MAX_TOKENS, &n_tokens, error));
    SC_TRY(sc_row_int(row, AT_N_REASONING, 0, n_tokens, &n_reasoning, error));
    trace->n_tokens_known = true;
    trace->n_tokens = (size_t)n_tokens;
    trace->n_reasoning = (size_t)n_reasoning;
    return SC_OK;
}

static enum sc_status read_verdict(const struct sc_row *row, struct sc_run_trace *trace,
                                   struct sc_error *error)
{
    int verdict = 0;
    int64_t begin = 0, end = 0, length = (int64_t)strlen(trace->answer);
    if (row->store->judged_again && sc_row_is_null(row, AT_VERDICT)) {
        trace->verdict = SC_UNPARSED;
        trace->detector = sc_strdup("none");
        trace->rule = sc_strdup("not-judged");
        return trace->detector != NULL && trace->rule != NULL
                   ? SC_OK
                   : sc_fail_nomem(error, row->store->path);
    }
    SC_TRY(sc_row_name(row, AT_VERDICT, sc_verdict_parse, &verdict, error));
    trace->verdict = (enum sc_verdict)verdict;
    SC_TRY(sc_row_text(row, AT_DETECTOR, false, &trace->detector, error));
    SC_TRY(sc_row_text(row, AT_RULE, false, &trace->rule, error));
    SC_TRY(sc_row_int(row, AT_BEGIN, 0, length, &begin, error));
    SC_TRY(sc_row_int(row, AT_END, begin, length, &end, error));
    trace->begin = (size_t)begin;
    trace->end = (size_t)end;
    return SC_OK;
}

static enum sc_status read_harm(const struct sc_row *row, struct sc_run_trace *trace,
                                struct sc_error *error)
{
    int harm = 0;
    trace->harm = SC_UNJUDGED;
    if (row->store->judged_again && sc_row_is_null(row, AT_HARM))
        return SC_OK;
    SC_TRY(sc_row_name(row, AT_HARM, sc_harm_parse, &harm, error));
    trace->harm = (enum sc_harm)harm;
    return SC_OK;
}

/* A trace or a cut, without its tokens. */
static enum sc_status read_trace(const struct sc_row *row, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    double *segments[] = {trace->metrics, trace->reasoning_metrics, trace->answer_metrics};
    SC_TRY(read_contents(row, trace, error));
    for (int s = 0; s < 3; s++)
        for (int m = 0; m < SC_N_METRICS; m++)
            segments[s][m] = sc_row_real(row, AT_METRICS + s * SC_N_METRICS + m);
    SC_TRY(read_harm(row, trace, error));
    return read_verdict(row, trace, error);
}

struct trace_query {
    const struct sc_store_traces *wanted;
    sc_store_trace_reader *reader;
    void *context;
};

static enum sc_status read_and_hand_on(const struct sc_row *row, const struct trace_query *query,
                                       size_t position, struct sc_run_trace *trace,
                                       struct sc_error *error)
{
    SC_TRY(read_trace(row, trace, error));
    if (query->wanted->tokens)
        SC_TRY(read_tokens(row, trace, error));
    return query->reader(query->context, position, trace, error);
}

static enum sc_status hand_on_trace(struct sc_row *row, const struct trace_query *query,
                                    struct sc_error *error)
{
    int64_t position = 0, index = 0, most = (int64_t)query->wanted->n_instances - 1;
    char where[80];
    row->where = "trace";
    SC_TRY(sc_row_int(row, AT_INSTANCE, 0, most, &position, error));
    SC_TRY(sc_row_int(row, AT_TRACE, 0, INT32_MAX, &index, error));
    snprintf(where, sizeof where, "instance %lld trace %lld", (long long)position,
             (long long)index);
    row->where = where;
    struct sc_run_trace trace = {.index = (uint32_t)index};
    enum sc_status status = read_and_hand_on(row, query, (size_t)position, &trace, error);
    sc_run_trace_free(&trace);
    return status;
}

static enum sc_status read_traces(struct sc_row *row, const struct trace_query *query,
                                  struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    sc_bind_text(&binder, query->wanted->detector);
    sc_bind_text(&binder, query->wanted->judge);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(hand_on_trace(row, query, error));
    }
}

enum sc_status sc_store_read_traces(struct sc_store *store, const struct sc_store_traces *wanted,
                                    sc_store_trace_reader *reader, void *context,
                                    struct sc_error *error)
{
    const struct trace_query query = {wanted, reader, context};
    struct sc_row row = {.store = store};
    assert(wanted->detector != NULL && wanted->judge != NULL);
    const char *sql = wanted->tokens ? sql_tokens[has_text_ends(store)] : sql_plain;
    SC_TRY(sc_store_prepare(store, sql, &row.statement, error));
    enum sc_status status = read_traces(&row, &query, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status read_one(const struct sc_row *row, size_t position, struct sc_run_trace *out,
                               struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    bool more = false;
    sc_bind_size(&binder, position);
    sc_bind_int(&binder, out->index);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    SC_TRY(sc_row_next(row, &more, error));
    if (!more)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected it, found none", row->store->path,
                       row->where);
    SC_TRY(read_contents(row, out, error));
    return read_tokens(row, out, error);
}

enum sc_status sc_store_read_trace(struct sc_store *store, size_t position, uint32_t index,
                                   struct sc_run_trace *out, struct sc_error *error)
{
    char where[80];
    snprintf(where, sizeof where, "instance %zu trace %u", position, index);
    struct sc_row row = {.store = store, .where = where};
    *out = (struct sc_run_trace){.index = index};
    SC_TRY(sc_store_prepare(store, sql_one[has_text_ends(store)], &row.statement, error));
    enum sc_status status = read_one(&row, position, out, error);
    sqlite3_finalize(row.statement);
    if (status != SC_OK) {
        sc_run_trace_free(out);
        *out = (struct sc_run_trace){0};
    }
    return status;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* The columns of a trace, and the policy. */
static const char sql_cuts[] =
    "SELECT t.instance, t.trace, 'cut', NULL, text, answer, n_tokens, "
    "n_reasoning, " METRICS_OF_TRACE
    ", detector, verdict, rule, range_begin, range_end, 'unjudged', policy"
    " FROM cut t ORDER BY t.instance, policy, t.trace";

struct cut_query {
    size_t n_instances, n_policies;
    sc_store_cut_reader *reader;
    void *context;
};

static enum sc_status hand_on_cut(struct sc_row *row, const struct cut_query *query,
                                  struct sc_error *error)
{
    int64_t position = 0, index = 0, policy = 0;
    char where[80];
    row->where = "cut";
    SC_TRY(sc_row_int(row, AT_INSTANCE, 0, (int64_t)query->n_instances - 1, &position, error));
    SC_TRY(sc_row_int(row, AT_TRACE, 0, INT32_MAX, &index, error));
    SC_TRY(sc_row_int(row, AT_POLICY, 0, (int64_t)query->n_policies - 1, &policy, error));
    snprintf(where, sizeof where, "cut of instance %lld trace %lld", (long long)position,
             (long long)index);
    row->where = where;
    struct sc_run_trace trace = {.index = (uint32_t)index};
    enum sc_status status = read_trace(row, &trace, error);
    if (status == SC_OK)
        status = query->reader(query->context, (size_t)position, (size_t)policy, &trace, error);
    sc_run_trace_free(&trace);
    return status;
}

static enum sc_status read_cuts(struct sc_row *row, const struct cut_query *query,
                                struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(hand_on_cut(row, query, error));
    }
}

enum sc_status sc_store_read_cuts(struct sc_store *store, size_t n_instances, size_t n_policies,
                                  sc_store_cut_reader *reader, void *context,
                                  struct sc_error *error)
{
    const struct cut_query query = {n_instances, n_policies, reader, context};
    struct sc_row row = {.store = store};
    if (!store->has_cuts)
        return SC_OK;
    SC_TRY(sc_store_prepare(store, sql_cuts, &row.statement, error));
    enum sc_status status = read_cuts(&row, &query, error);
    sqlite3_finalize(row.statement);
    return status;
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
