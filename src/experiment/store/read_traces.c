/*
 * run.db, reading traces: what was sampled, turn by turn, and what policies cut.  As in read.c,
 * every row is checked before it is handed on.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/blobs.h"
#include "experiment/store/given.h"
#include "experiment/store/schema.h"
#include "experiment/store/store.h"
#include "experiment/store/values.h"
#include "vocabulary/vocabulary.h"

enum { MAX_TOKENS = 1 << 24 }; /* of one trace; far more than any context has */

void sc_run_trace_free(struct sc_run_trace *trace)
{
    sc_free(trace->text);
    sc_free(trace->answer);
    sc_free(trace->ids);
    sc_free(trace->stats);
    sc_free(trace->text_ends);
    sc_free(trace->failure);
    sc_free(trace->finish_given);
    sc_free(trace->reasoning);
    sc_free(trace->entropy_low);
    sc_free(trace->entropy_high);
    sc_free(trace->detector);
    sc_free(trace->rule);
    for (size_t i = 0; i < trace->n_turns; i++)
        sc_run_trace_free(&trace->turns[i]);
    sc_free(trace->turns);
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
    AT_FORCED_BEGIN,
    AT_N_FORCED,
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
    AT_POLICY = AT_TOKEN,
    AT_TURN = AT_TEXT_END + 1
};
#define METRICS_OF_TRACE                                                                           \
    SC_METRIC_COLUMNS("t.")                                                                        \
    ", " SC_METRIC_COLUMNS("t.reasoning_") ", " SC_METRIC_COLUMNS("t.answer_")
#define CONTENTS(forced)                                                                           \
    "t.instance, t.trace, finish, failure, text, answer, n_tokens, n_reasoning, " forced
#define FORCED "forced_begin, n_forced, "
#define NO_FORCED "NULL AS forced_begin, NULL AS n_forced, "
#define TRACE_COLUMNS(forced)                                                                      \
    "SELECT " CONTENTS(forced) METRICS_OF_TRACE                                                    \
        ", v.detector, verdict, rule, range_begin, range_end, harm"
#define TOKEN_COLUMNS ", k.trace, ids, logprob, sampled_logprob, confidence, entropy, "
#define TRACE_TABLES                                                                               \
    " FROM trace t"                                                                                \
    " LEFT JOIN verdict v ON v.instance = t.instance AND v.trace = t.trace AND v.detector = ?"     \
    " LEFT JOIN harm h ON h.instance = t.instance AND h.trace = t.trace AND h.judge = ?"
#define TOKEN_TABLE " LEFT JOIN token k ON k.instance = t.instance AND k.trace = t.trace"
#define TRACE_ORDER " ORDER BY t.instance, t.trace"

#define NOTHING_FIRST(arg, id, name, sign, unit, label) "NULL"
#define NOTHING_NEXT(arg, id, name, sign, unit, label) ", NULL"
#define NO_METRICS SC_METRIC_MAP(NOTHING_FIRST, NOTHING_NEXT, )
#define NO_VERDICT ", NULL, NULL, NULL, NULL, NULL, NULL"

#define ALL_PLAIN(forced) TRACE_COLUMNS(forced) TRACE_TABLES TRACE_ORDER
#define ALL_WITH_TOKENS(forced, text_end)                                                          \
    TRACE_COLUMNS(forced) TOKEN_COLUMNS text_end TRACE_TABLES TOKEN_TABLE TRACE_ORDER
#define ONE_TRACE(forced, text_end)                                                                \
    "SELECT " CONTENTS(forced) NO_METRICS                                                          \
        ", " NO_METRICS ", " NO_METRICS NO_VERDICT TOKEN_COLUMNS text_end                          \
        " FROM trace t" TOKEN_TABLE " WHERE t.instance = ? AND t.trace = ?"

/* What a file has by its version: no ends of tokens; no tokens that were put in; all. */
enum { WITHOUT_ENDS, WITHOUT_FORCED, WHOLE, N_LEVELS };
static const char *const sql_plain[N_LEVELS] = {ALL_PLAIN(NO_FORCED), ALL_PLAIN(NO_FORCED),
                                                ALL_PLAIN(FORCED)};
static const char *const sql_tokens[N_LEVELS] = {ALL_WITH_TOKENS(NO_FORCED, "NULL AS text_end"),
                                                 ALL_WITH_TOKENS(NO_FORCED, "text_end"),
                                                 ALL_WITH_TOKENS(FORCED, "text_end")};
static const char *const sql_one[N_LEVELS] = {ONE_TRACE(NO_FORCED, "NULL AS text_end"),
                                              ONE_TRACE(NO_FORCED, "text_end"),
                                              ONE_TRACE(FORCED, "text_end")};

static int level_of(const struct sc_store *store)
{
    return store->version >= SC_SCHEMA_TURNS       ? WHOLE
           : store->version >= SC_SCHEMA_TEXT_ENDS ? WITHOUT_FORCED
                                                   : WITHOUT_ENDS;
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
    sc_blob_unpack(*out, 4, sqlite3_column_blob(row->statement, column), n);
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
            sc_blob_unpack(first[f], sizeof *trace->stats,
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

/* Which of the tokens were put in, not sampled. */
static enum sc_status read_forced(const struct sc_row *row, struct sc_run_trace *trace,
                                  struct sc_error *error)
{
    int64_t begin = 0, n = 0, n_tokens = (int64_t)trace->n_tokens;
    if (sc_row_is_null(row, AT_FORCED_BEGIN) && sc_row_is_null(row, AT_N_FORCED))
        return SC_OK;
    SC_TRY(sc_row_int(row, AT_N_FORCED, 1, n_tokens, &n, error));
    SC_TRY(sc_row_int(row, AT_FORCED_BEGIN, 0, n_tokens - n, &begin, error));
    trace->forced_begin = (size_t)begin;
    trace->n_forced = (size_t)n;
    return SC_OK;
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
    return read_forced(row, trace, error);
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
    if (trace->verdict == SC_EMPTY && trace->finish == SC_FINISH_FILTERED)
        trace->verdict = SC_FILTERED; /* as earlier programs stored it */
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

static void read_metrics(const struct sc_row *row, struct sc_run_trace *trace)
{
    double *segments[] = {trace->metrics, trace->reasoning_metrics, trace->answer_metrics};
    for (int s = 0; s < 3; s++)
        for (int m = 0; m < SC_N_METRICS; m++)
            segments[s][m] = sc_row_real(row, AT_METRICS + s * SC_N_METRICS + m);
}

/* A trace or a cut, without its tokens. */
static enum sc_status read_trace(const struct sc_row *row, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    SC_TRY(read_contents(row, trace, error));
    read_metrics(row, trace);
    SC_TRY(read_harm(row, trace, error));
    return read_verdict(row, trace, error);
}

/* ---- earlier answers of a conversation ------------------------------------------------------- */

/* The columns of a trace with tokens, and the turn; in the order of traces. */
static const char sql_turns[] =
    "SELECT t.instance, t.trace, finish, NULL, text, answer, n_tokens, n_reasoning, " FORCED
        METRICS_OF_TRACE NO_VERDICT ", t.trace, ids, logprob, sampled_logprob, confidence,"
    " entropy, text_end, turn FROM turn t ORDER BY t.instance, t.trace, turn";

/* Reads all turns beside the traces.  Those of a trace that somebody removed are passed over. */
struct turn_cursor {
    struct sc_row row; /* statement NULL: the file has no turns */
    bool more;
    int64_t instance, trace;
};

static enum sc_status next_turn(struct turn_cursor *cursor, struct sc_error *error)
{
    SC_TRY(sc_row_next(&cursor->row, &cursor->more, error));
    if (!cursor->more)
        return SC_OK;
    SC_TRY(sc_row_int(&cursor->row, AT_INSTANCE, 0, INT64_MAX, &cursor->instance, error));
    return sc_row_int(&cursor->row, AT_TRACE, 0, INT32_MAX, &cursor->trace, error);
}

static enum sc_status open_turns(struct sc_store *store, struct turn_cursor *cursor,
                                 struct sc_error *error)
{
    *cursor = (struct turn_cursor){.row = {.store = store, .where = "turn"}};
    if (level_of(store) < WHOLE)
        return SC_OK;
    SC_TRY(sc_store_prepare(store, sql_turns, &cursor->row.statement, error));
    return next_turn(cursor, error);
}

/* Reads the turn at the cursor to the end of the trace's. */
static enum sc_status add_turn(struct turn_cursor *cursor, bool tokens, struct sc_run_trace *trace,
                               struct sc_error *error)
{
    int64_t number = 0, expected = (int64_t)trace->n_turns;
    SC_TRY(sc_row_int(&cursor->row, AT_TURN, expected, expected, &number, error));
    if (sc_grow((void **)&trace->turns, trace->n_turns, &trace->cap_turns, sizeof *trace->turns) !=
        0)
        return sc_fail_nomem(error, "turns of a trace");
    struct sc_run_trace *turn = &trace->turns[trace->n_turns++];
    *turn = (struct sc_run_trace){.index = trace->index};
    SC_TRY(read_contents(&cursor->row, turn, error));
    read_metrics(&cursor->row, turn);
    if (tokens)
        SC_TRY(read_tokens(&cursor->row, turn, error));
    return sc_values_check(&cursor->row, turn, error);
}

static enum sc_status take_turns(struct turn_cursor *cursor, size_t position, bool tokens,
                                 struct sc_run_trace *trace, struct sc_error *error)
{
    int64_t instance = (int64_t)position, index = (int64_t)trace->index;
    while (cursor->more && (cursor->instance < instance ||
                            (cursor->instance == instance && cursor->trace <= index))) {
        if (cursor->instance == instance && cursor->trace == index) {
            char where[80];
            snprintf(where, sizeof where, "turn %zu of instance %zu trace %u", trace->n_turns,
                     position, trace->index);
            cursor->row.where = where;
            SC_TRY(add_turn(cursor, tokens, trace, error));
            cursor->row.where = "turn";
        }
        SC_TRY(next_turn(cursor, error));
    }
    return SC_OK;
}

/* ---- traces ---------------------------------------------------------------------------------- */

struct trace_query {
    const struct sc_store_traces *wanted;
    sc_store_trace_reader *reader;
    void *context;
    struct turn_cursor *turns;
    struct sc_given_cursor *given;
};

static enum sc_status read_and_hand_on(const struct sc_row *row, const struct trace_query *query,
                                       size_t position, struct sc_run_trace *trace,
                                       struct sc_error *error)
{
    SC_TRY(read_trace(row, trace, error));
    if (query->wanted->tokens)
        SC_TRY(read_tokens(row, trace, error));
    SC_TRY(take_turns(query->turns, position, query->wanted->tokens, trace, error));
    SC_TRY(sc_given_take(query->given, position, query->wanted->tokens, trace, error));
    SC_TRY(sc_values_check(row, trace, error));
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
    struct turn_cursor turns;
    struct sc_given_cursor given = {0};
    const struct trace_query query = {wanted, reader, context, &turns, &given};
    struct sc_row row = {.store = store};
    assert(wanted->detector != NULL && wanted->judge != NULL);
    const char *sql = (wanted->tokens ? sql_tokens : sql_plain)[level_of(store)];
    enum sc_status status = open_turns(store, &turns, error);
    if (status != SC_OK)
        goto done;
    status = sc_given_open(store, &given, error);
    if (status != SC_OK)
        goto done;
    status = sc_store_prepare(store, sql, &row.statement, error);
    if (status != SC_OK)
        goto done;
    status = read_traces(&row, &query, error);
done:
    sc_given_close(&given);
    sqlite3_finalize(turns.row.statement);
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
    SC_TRY(sc_store_prepare(store, sql_one[level_of(store)], &row.statement, error));
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
    "SELECT t.instance, t.trace, 'cut', NULL, text, answer, n_tokens, n_reasoning, " NO_FORCED
        METRICS_OF_TRACE ", detector, verdict, rule, range_begin, range_end, 'unjudged', policy"
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
    status = status != SC_OK ? status : sc_values_check(row, &trace, error);
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
