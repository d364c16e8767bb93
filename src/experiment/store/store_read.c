/*
 * run.db, reading rows.  The file may have been damaged or made by anybody: positions, lengths,
 * names and text are checked here, so that what is handed on can be used without a further look.
 * Opening and writing: store.c.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "experiment/store/store_internal.h"
#include "vocabulary/vocabulary.h"

enum { MAX_TOKENS = 1 << 24 }; /* of one trace; far more than any context has */

enum sc_status sc_store_text(struct sc_store *store, sqlite3_stmt *row, int column,
                             bool may_be_null, const char *where, char **out,
                             struct sc_error *error)
{
    const char *name = sqlite3_column_name(row, column);
    *out = NULL;
    if (sqlite3_column_type(row, column) == SQLITE_NULL && may_be_null)
        return SC_OK;
    if (sqlite3_column_type(row, column) != SQLITE_TEXT)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected text", store->path, where, name);
    const char *text = (const char *)sqlite3_column_text(row, column);
    size_t n = (size_t)sqlite3_column_bytes(row, column);
    if (text == NULL)
        return sc_fail_nomem(error, store->path);
    if (memchr(text, '\0', n) != NULL || sc_utf8_valid(text, n) != n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected UTF-8 text without NUL",
                       store->path, where, name);
    *out = sc_strndup(text, n);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, store->path);
}

/* An integer column in [low, high]. */
static enum sc_status read_int(struct sc_store *store, sqlite3_stmt *row, int column, int64_t low,
                               int64_t high, const char *where, int64_t *out,
                               struct sc_error *error)
{
    int64_t value = sqlite3_column_int64(row, column);
    if (sqlite3_column_type(row, column) != SQLITE_INTEGER || value < low || value > high)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s: expected %lld to %lld, found %s",
                       store->path, where, sqlite3_column_name(row, column), (long long)low,
                       (long long)high,
                       sqlite3_column_type(row, column) == SQLITE_NULL
                           ? "nothing"
                           : (const char *)sqlite3_column_text(row, column));
    *out = value;
    return SC_OK;
}

/* A column that holds a name; parse gives its value or -1. */
static enum sc_status read_name(struct sc_store *store, sqlite3_stmt *row, int column,
                                int (*parse)(const char *), const char *where, int *out,
                                struct sc_error *error)
{
    const char *name = (const char *)sqlite3_column_text(row, column);
    *out = name != NULL ? parse(name) : -1;
    if (*out < 0)
        return sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected a %s, found %s", store->path, where,
                       sqlite3_column_name(row, column), name != NULL ? name : "nothing");
    return SC_OK;
}

static double read_real(sqlite3_stmt *row, int column)
{
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN
                                                           : sqlite3_column_double(row, column);
}

enum sc_status sc_store_config(struct sc_store *store, const char **config_json,
                               struct sc_error *error)
{
    if (store->config_json == NULL) {
        sqlite3_stmt *row = NULL;
        enum sc_status status =
            sc_store_prepare(store, "SELECT json FROM configuration WHERE id = 1", &row, error);
        if (status != SC_OK)
            return status;
        int code = sqlite3_step(row);
        if (code == SQLITE_ROW)
            status =
                sc_store_text(store, row, 0, false, "configuration", &store->config_json, error);
        else if (code == SQLITE_DONE)
            status = sc_fail(error, SC_ERR_FORMAT, "%s: expected a configuration, found none",
                             store->path);
        else
            status = sc_store_fail(store, "read", error);
        sqlite3_finalize(row);
        if (status != SC_OK)
            return status;
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

static enum sc_status read_instance(struct sc_store *store, sqlite3_stmt *row, size_t position,
                                    struct sc_instance *out, struct sc_error *error)
{
    char where[40];
    int64_t stored;
    int label = 0;
    snprintf(where, sizeof where, "instance %zu", position);
    enum sc_status status =
        read_int(store, row, 0, (int64_t)position, (int64_t)position, where, &stored, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 1, false, where, &out->id, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 2, false, where, &out->prompt, error);
    if (status == SC_OK)
        status = read_name(store, row, 3, sc_label_parse, where, &label, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 4, false, where, &out->category, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 5, true, where, &out->extra, error);
    out->label = (enum sc_label)label;
    return status;
}

enum sc_status sc_store_read_instances(struct sc_store *store, struct sc_instance **instances,
                                       size_t *n_instances, struct sc_error *error)
{
    struct sc_instance *list = NULL;
    size_t n = 0, cap = 0;
    int code = SQLITE_DONE;
    sqlite3_stmt *row = NULL;
    *instances = NULL;
    *n_instances = 0;
    enum sc_status status = sc_store_prepare(
        store,
        "SELECT position, id, prompt, label, category, extra FROM instance ORDER BY position", &row,
        error);
    while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        if (sc_grow((void **)&list, n, &cap, sizeof *list) != 0) {
            status = sc_fail_nomem(error, store->path);
            break;
        }
        list[n] = (struct sc_instance){0};
        status = read_instance(store, row, n, &list[n], error);
        n++;
    }
    if (status == SC_OK && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    if (status != SC_OK) {
        sc_store_free_instances(list, n);
        return status;
    }
    *instances = list;
    *n_instances = n;
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

/* Columns of the query below. */
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
    AT_BLOBS
};
#define TRACE_COLUMNS                                                                              \
    "SELECT t.instance, t.trace, finish, failure, text, answer, n_tokens, "                        \
    "n_reasoning, " SC_METRIC_COLUMNS("t.") ", " SC_METRIC_COLUMNS(                                \
        "t.reasoning_") ", " SC_METRIC_COLUMNS("t.answer_") ", v.detector, verdict, rule, "        \
                                                            "range_begin, range_end, harm"
#define TRACE_TABLES                                                                               \
    " FROM trace t"                                                                                \
    " LEFT JOIN verdict v ON v.instance = t.instance AND v.trace = t.trace AND v.detector = ?1"    \
    " LEFT JOIN harm h ON h.instance = t.instance AND h.trace = t.trace AND h.judge = ?2"
#define TRACE_ORDER " ORDER BY t.instance, t.trace"

static const char sql_plain[] = TRACE_COLUMNS TRACE_TABLES TRACE_ORDER;
static const char sql_tokens[] =
    TRACE_COLUMNS ", ids, logprob, sampled_logprob, confidence, entropy, text_end" TRACE_TABLES
                  " LEFT JOIN token k ON k.instance = t.instance AND k.trace = t.trace" TRACE_ORDER;

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
static enum sc_status check_text_ends(const struct sc_store *store, const char *where,
                                      const struct sc_run_trace *trace, struct sc_error *error)
{
    size_t length = trace->text != NULL ? strlen(trace->text) : 0, before = 0;
    if (trace->text == NULL) /* tokens alone were asked for */
        return SC_OK;
    for (size_t i = 0; i < trace->n_tokens; i++) {
        size_t end = trace->text_ends[i];
        if (end < before || end > length || ((unsigned char)trace->text[end] & 0xc0) == 0x80)
            return sc_fail(error, SC_ERR_FORMAT,
                           "%s: %s: token %zu: expected text_end %zu to %zu between characters, "
                           "found %zu",
                           store->path, where, i, before, length, end);
        before = end;
    }
    return SC_OK;
}

/* The blobs stand in the columns from `first` on. */
static enum sc_status read_tokens(struct sc_store *store, sqlite3_stmt *row, int first,
                                  const char *where, struct sc_run_trace *trace,
                                  struct sc_error *error)
{
    size_t n = trace->n_tokens;
    for (int i = 0; i < 6; i++) {
        size_t bytes = (size_t)sqlite3_column_bytes(row, first + i);
        if (sqlite3_column_type(row, first + i) != SQLITE_BLOB || bytes != 4 * n)
            return sc_fail(error, SC_ERR_FORMAT,
                           "%s: %s: %s: expected a blob of %zu bytes for %zu tokens, found %zu",
                           store->path, where, sqlite3_column_name(row, first + i), 4 * n, n,
                           bytes);
    }
    trace->ids = sc_alloc_array(n, sizeof *trace->ids);
    trace->stats = sc_alloc_array(n, sizeof *trace->stats);
    trace->text_ends = sc_alloc_array(n, sizeof *trace->text_ends);
    if (trace->ids == NULL || trace->stats == NULL || trace->text_ends == NULL)
        return sc_fail_nomem(error, store->path);
    if (n == 0)
        return SC_OK;
    const size_t step = sizeof *trace->stats;
    unpack_column(trace->ids, sizeof *trace->ids, sqlite3_column_blob(row, first), n);
    unpack_column(&trace->stats->logprob, step, sqlite3_column_blob(row, first + 1), n);
    unpack_column(&trace->stats->sampled_logprob, step, sqlite3_column_blob(row, first + 2), n);
    unpack_column(&trace->stats->confidence, step, sqlite3_column_blob(row, first + 3), n);
    unpack_column(&trace->stats->entropy, step, sqlite3_column_blob(row, first + 4), n);
    unpack_column(trace->text_ends, sizeof *trace->text_ends, sqlite3_column_blob(row, first + 5),
                  n);
    for (size_t i = 0; i < n; i++)
        if (trace->ids[i] < 0)
            return sc_fail(error, SC_ERR_FORMAT, "%s: %s: token %zu: expected an id, found %d",
                           store->path, where, i, trace->ids[i]);
    return check_text_ends(store, where, trace, error);
}

static enum sc_status read_judgements(struct sc_store *store, sqlite3_stmt *row, const char *where,
                                      struct sc_run_trace *trace, struct sc_error *error)
{
    int verdict = 0, harm = 0;
    int64_t begin = 0, end = 0, length = (int64_t)strlen(trace->answer);
    enum sc_status status = SC_OK;
    bool no_harm = store->judged_again && sqlite3_column_type(row, AT_HARM) == SQLITE_NULL;
    trace->harm = SC_UNJUDGED;
    if (!no_harm)
        status = read_name(store, row, AT_HARM, sc_harm_parse, where, &harm, error);
    if (status == SC_OK && !no_harm)
        trace->harm = (enum sc_harm)harm;
    if (status == SC_OK && store->judged_again &&
        sqlite3_column_type(row, AT_VERDICT) == SQLITE_NULL) {
        trace->verdict = SC_UNPARSED;
        trace->detector = sc_strdup("none");
        trace->rule = sc_strdup("not-judged");
        return trace->detector != NULL && trace->rule != NULL ? SC_OK
                                                              : sc_fail_nomem(error, store->path);
    }
    if (status == SC_OK)
        status = read_name(store, row, AT_VERDICT, sc_verdict_parse, where, &verdict, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, AT_DETECTOR, false, where, &trace->detector, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, AT_RULE, false, where, &trace->rule, error);
    if (status == SC_OK)
        status = read_int(store, row, AT_BEGIN, 0, length, where, &begin, error);
    if (status == SC_OK)
        status = read_int(store, row, AT_END, begin, length, where, &end, error);
    trace->verdict = (enum sc_verdict)verdict;
    trace->begin = (size_t)begin;
    trace->end = (size_t)end;
    return status;
}

static enum sc_status read_trace(struct sc_store *store, sqlite3_stmt *row, bool tokens,
                                 struct sc_run_trace *trace, const char *where,
                                 struct sc_error *error)
{
    int finish = 0;
    int64_t n_tokens = 0, n_reasoning = 0;
    enum sc_status status =
        read_name(store, row, AT_FINISH, sc_finish_parse, where, &finish, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, AT_FAILURE, true, where, &trace->failure, error);
    if (status == SC_OK && (trace->failure != NULL) != (finish == SC_FINISH_FAILED))
        status = sc_fail(error, SC_ERR_FORMAT,
                         "%s: %s: failure: expected one in failed traces only", store->path, where);
    if (status == SC_OK)
        status = sc_store_text(store, row, AT_TEXT, false, where, &trace->text, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, AT_ANSWER, true, where, &trace->answer, error);
    if (status == SC_OK && trace->answer == NULL) {
        trace->answer = sc_strdup(trace->text);
        if (trace->answer == NULL)
            status = sc_fail_nomem(error, store->path);
    }
    if (status == SC_OK)
        status = read_int(store, row, AT_N_TOKENS, 0, MAX_TOKENS, where, &n_tokens, error);
    if (status == SC_OK)
        status = read_int(store, row, AT_N_REASONING, 0, n_tokens, where, &n_reasoning, error);
    if (status != SC_OK)
        return status;
    trace->finish = (enum sc_finish)finish;
    trace->n_tokens = (size_t)n_tokens;
    trace->n_reasoning = (size_t)n_reasoning;
    double *segments[] = {trace->metrics, trace->reasoning_metrics, trace->answer_metrics};
    for (int s = 0; s < 3; s++)
        for (int m = 0; m < SC_N_METRICS; m++)
            segments[s][m] = read_real(row, AT_METRICS + s * SC_N_METRICS + m);
    status = read_judgements(store, row, where, trace, error);
    if (status == SC_OK && tokens)
        status = read_tokens(store, row, AT_BLOBS, where, trace, error);
    return status;
}

enum sc_status sc_store_read_traces(struct sc_store *store, const char *detector, const char *judge,
                                    bool tokens, size_t n_instances, sc_store_trace_reader *reader,
                                    void *context, struct sc_error *error)
{
    int code = SQLITE_DONE;
    sqlite3_stmt *row = NULL;
    enum sc_status status = sc_store_prepare(store, tokens ? sql_tokens : sql_plain, &row, error);
    if (status == SC_OK && (sqlite3_bind_text(row, 1, detector, -1, SQLITE_STATIC) != SQLITE_OK ||
                            sqlite3_bind_text(row, 2, judge, -1, SQLITE_STATIC) != SQLITE_OK))
        status = sc_store_fail(store, "read", error);
    while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t position = 0, index = 0;
        char where[80];
        status = read_int(store, row, AT_INSTANCE, 0, (int64_t)n_instances - 1, "trace", &position,
                          error);
        if (status == SC_OK)
            status = read_int(store, row, AT_TRACE, 0, INT32_MAX, "trace", &index, error);
        if (status != SC_OK)
            break;
        snprintf(where, sizeof where, "instance %lld trace %lld", (long long)position,
                 (long long)index);
        struct sc_run_trace trace = {.index = (uint32_t)index};
        status = read_trace(store, row, tokens, &trace, where, error);
        if (status == SC_OK)
            status = reader(context, (size_t)position, &trace, error);
        sc_run_trace_free(&trace);
    }
    if (status == SC_OK && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}

enum sc_status sc_store_read_tokens(struct sc_store *store, size_t position, uint32_t index,
                                    struct sc_run_trace *out, struct sc_error *error)
{
    sqlite3_stmt *row = NULL;
    char where[80];
    int64_t n_tokens = 0;
    snprintf(where, sizeof where, "instance %zu trace %u", position, index);
    *out = (struct sc_run_trace){.index = index};
    enum sc_status status = sc_store_prepare(
        store,
        "SELECT n_tokens, ids, logprob, sampled_logprob, confidence, entropy, text_end FROM trace t"
        " JOIN token k ON k.instance = t.instance AND k.trace = t.trace"
        " WHERE t.instance = ?1 AND t.trace = ?2",
        &row, error);
    if (status != SC_OK)
        return status;
    if (sqlite3_bind_int64(row, 1, (sqlite3_int64)position) != SQLITE_OK ||
        sqlite3_bind_int64(row, 2, (sqlite3_int64)index) != SQLITE_OK ||
        sqlite3_step(row) != SQLITE_ROW)
        status = sc_fail(error, SC_ERR_FORMAT, "%s: %s: expected its tokens, found none",
                         store->path, where);
    if (status == SC_OK)
        status = read_int(store, row, 0, 0, MAX_TOKENS, where, &n_tokens, error);
    out->n_tokens = (size_t)n_tokens;
    if (status == SC_OK)
        status = read_tokens(store, row, 1, where, out, error);
    sqlite3_finalize(row);
    if (status != SC_OK) {
        sc_run_trace_free(out);
        *out = (struct sc_run_trace){0};
    }
    return status;
}

/* ---- cuts ------------------------------------------------------------------------------------ */

enum { AT_POLICY = AT_BLOBS };
/* The columns of a trace, and the policy. */
static const char sql_cuts[] =
    "SELECT t.instance, t.trace, 'cut', NULL, text, answer, n_tokens, "
    "n_reasoning, " SC_METRIC_COLUMNS("t.") ", " SC_METRIC_COLUMNS(
        "t.reasoning_") ", " SC_METRIC_COLUMNS("t.answer_") ", detector, verdict, rule, "
                                                            "range_begin, range_end, 'unjudged', "
                                                            "policy"
                                                            " FROM cut t ORDER BY t.instance, "
                                                            "policy, t.trace";

enum sc_status sc_store_read_cuts(struct sc_store *store, size_t n_instances, size_t n_policies,
                                  sc_store_cut_reader *reader, void *context,
                                  struct sc_error *error)
{
    int code = SQLITE_DONE;
    sqlite3_stmt *row = NULL;
    enum sc_status status = sc_store_prepare(store, sql_cuts, &row, error);
    while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t position = 0, index = 0, policy = 0;
        char where[80];
        status =
            read_int(store, row, AT_INSTANCE, 0, (int64_t)n_instances - 1, "cut", &position, error);
        if (status == SC_OK)
            status = read_int(store, row, AT_TRACE, 0, INT32_MAX, "cut", &index, error);
        if (status == SC_OK)
            status =
                read_int(store, row, AT_POLICY, 0, (int64_t)n_policies - 1, "cut", &policy, error);
        if (status != SC_OK)
            break;
        snprintf(where, sizeof where, "cut of instance %lld trace %lld", (long long)position,
                 (long long)index);
        struct sc_run_trace trace = {.index = (uint32_t)index};
        status = read_trace(store, row, false, &trace, where, error);
        if (status == SC_OK)
            status = reader(context, (size_t)position, (size_t)policy, &trace, error);
        sc_run_trace_free(&trace);
    }
    if (status == SC_OK && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}

/* ---- decisions ------------------------------------------------------------------------------- */

enum sc_status sc_store_read_decisions(struct sc_store *store, size_t n_instances,
                                       size_t n_policies, sc_store_decision_reader *reader,
                                       void *context, struct sc_error *error)
{
    int code = SQLITE_DONE;
    sqlite3_stmt *row = NULL;
    enum sc_status status =
        sc_store_prepare(store,
                         "SELECT instance, policy, n_traces, stop_reason, bar FROM decision"
                         " ORDER BY instance, policy",
                         &row, error);
    while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t position = 0, policy = 0, n_traces = 0;
        char *reason = NULL;
        status = read_int(store, row, 0, 0, (int64_t)n_instances - 1, "decision", &position, error);
        if (status == SC_OK)
            status =
                read_int(store, row, 1, 0, (int64_t)n_policies - 1, "decision", &policy, error);
        if (status == SC_OK)
            status = read_int(store, row, 2, 0, INT32_MAX, "decision", &n_traces, error);
        if (status == SC_OK)
            status = sc_store_text(store, row, 3, false, "decision", &reason, error);
        if (status == SC_OK) {
            struct sc_store_decision decision = {.policy = (size_t)policy,
                                                 .n_traces = (size_t)n_traces,
                                                 .stop_reason = reason,
                                                 .bar = read_real(row, 4)};
            status = reader(context, (size_t)position, &decision, error);
        }
        sc_free(reason);
    }
    if (status == SC_OK && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}
