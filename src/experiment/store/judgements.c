/*
 * run.db, the tables of later judgements (judgements.h).  What is read back is untrusted like the
 * rest of the file.
 */
#include "experiment/store/judgements.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "experiment/store/store_internal.h"

/* Compared with the stored text, as the tables of store.c are. */
static const struct {
    const char *name, *sql;
} tables[] = {
    {"judgement", "CREATE TABLE judgement (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                  " judge TEXT NOT NULL, safety TEXT NOT NULL, refused TEXT NOT NULL,\n"
                  " categories INTEGER NOT NULL, p_unsafe REAL, p_controversial REAL,\n"
                  " safety_mass REAL, p_refused REAL, refused_mass REAL,\n"
                  " safety_forced INTEGER NOT NULL, refused_forced INTEGER NOT NULL,\n"
                  " n_tokens INTEGER NOT NULL, output TEXT NOT NULL, failure TEXT,\n"
                  " PRIMARY KEY (instance, trace, judge)) STRICT"},
    {"reading", "CREATE TABLE reading (id INTEGER PRIMARY KEY CHECK (id = 1),\n"
                " detector TEXT NOT NULL, judge TEXT NOT NULL) STRICT"},
    {"open_judgement", "CREATE TABLE open_judgement (instance INTEGER NOT NULL,\n"
                       " trace INTEGER NOT NULL, judge TEXT NOT NULL, again INTEGER NOT NULL,\n"
                       " unscored TEXT, PRIMARY KEY (instance, trace, judge)) STRICT"},
};
enum { TABLE_JUDGEMENT, TABLE_READING, TABLE_OPEN };

/* *there: the table exists and is ours. */
static enum sc_status check_table(struct sc_store *store, size_t i, bool *there,
                                  struct sc_error *error)
{
    sqlite3_stmt *row = NULL;
    enum sc_status status = sc_store_prepare(
        store, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", &row, error);
    *there = false;
    if (status != SC_OK)
        return status;
    sqlite3_bind_text(row, 1, tables[i].name, -1, SQLITE_STATIC);
    int code = sqlite3_step(row);
    const char *sql = code == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    else if (code == SQLITE_ROW && (sql == NULL || strcmp(sql, tables[i].sql) != 0))
        status =
            sc_fail(error, SC_ERR_FORMAT, "%s: table %s: expected that of a run, found another",
                    store->path, tables[i].name);
    *there = code == SQLITE_ROW;
    sqlite3_finalize(row);
    return status;
}

enum sc_status sc_store_prepare_judging(struct sc_store *store, struct sc_error *error)
{
    enum sc_status status = sc_store_begin(store, error);
    if (status != SC_OK)
        return status;
    for (size_t i = 0; status == SC_OK && i < sizeof tables / sizeof *tables; i++) {
        bool there = false;
        status = check_table(store, i, &there, error);
        if (status == SC_OK && !there)
            status = sc_store_exec(store, tables[i].sql, "write", error);
    }
    return sc_store_commit(store, status, error);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *put, int place, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text64(put, place, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
}

/* Runs a statement with its values bound; a value that could not be bound is NULL and refused by
 * its column. */
static enum sc_status run_once(struct sc_store *store, sqlite3_stmt *put, struct sc_error *error)
{
    enum sc_status status =
        sqlite3_step(put) == SQLITE_DONE ? SC_OK : sc_store_fail(store, "write", error);
    sqlite3_finalize(put);
    return status;
}

static enum sc_status put_judgement(struct sc_store *store, size_t position, int64_t trace,
                                    const struct sc_judgement *judgement, const char *by,
                                    struct sc_error *error)
{
    sqlite3_stmt *put = NULL;
    enum sc_status status = sc_store_prepare(
        store,
        "INSERT OR REPLACE INTO judgement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &put, error);
    if (status != SC_OK)
        return status;
    const double scores[] = {judgement->p_unsafe, judgement->p_controversial,
                             judgement->safety_mass, judgement->p_refused, judgement->refused_mass};
    sqlite3_bind_int64(put, 1, (sqlite3_int64)position);
    sqlite3_bind_int64(put, 2, trace);
    bind_text(put, 3, by);
    bind_text(put, 4, sc_safety_name(judgement->safety));
    bind_text(put, 5, sc_refused_name(judgement->refused));
    sqlite3_bind_int64(put, 6, judgement->categories);
    for (int i = 0; i < 5; i++) /* SQLite keeps NaN as NULL */
        sqlite3_bind_double(put, 7 + i, scores[i]);
    sqlite3_bind_int64(put, 12, judgement->safety_forced);
    sqlite3_bind_int64(put, 13, judgement->refused_forced);
    sqlite3_bind_int64(put, 14, (sqlite3_int64)judgement->n_tokens);
    bind_text(put, 15, judgement->output);
    bind_text(put, 16, judgement->failure);
    return run_once(store, put, error);
}

/* What a judgement leaves open: whether it is to be asked for again, and why it has no score. */
static enum sc_status put_open(struct sc_store *store, size_t position, int64_t trace,
                               const struct sc_judgement *judgement, const char *by,
                               struct sc_error *error)
{
    static const char *const sql[] = {
        "DELETE FROM open_judgement WHERE instance = ?1 AND trace = ?2 AND judge = ?3",
        "INSERT OR REPLACE INTO open_judgement VALUES (?1, ?2, ?3, ?4, ?5)"};
    bool is_open = judgement->again || judgement->unscored != NULL;
    sqlite3_stmt *put = NULL;
    enum sc_status status = sc_store_prepare(store, sql[is_open], &put, error);
    if (status != SC_OK)
        return status;
    sqlite3_bind_int64(put, 1, (sqlite3_int64)position);
    sqlite3_bind_int64(put, 2, trace);
    bind_text(put, 3, by);
    if (is_open) {
        sqlite3_bind_int64(put, 4, judgement->again);
        bind_text(put, 5, judgement->unscored);
    }
    return run_once(store, put, error);
}

static enum sc_status put_verdict(struct sc_store *store, const struct sc_store_opinion *opinion,
                                  struct sc_error *error)
{
    sqlite3_stmt *put = NULL;
    enum sc_status status = sc_store_prepare(
        store, "INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?)", &put, error);
    if (status != SC_OK)
        return status;
    sqlite3_bind_int64(put, 1, (sqlite3_int64)opinion->position);
    sqlite3_bind_int64(put, 2, opinion->trace);
    bind_text(put, 3, opinion->detector);
    bind_text(put, 4, sc_verdict_name(opinion->verdict));
    bind_text(put, 5, opinion->rule);
    sqlite3_bind_int64(put, 6, (sqlite3_int64)opinion->begin);
    sqlite3_bind_int64(put, 7, (sqlite3_int64)opinion->end);
    return run_once(store, put, error);
}

static enum sc_status put_harm(struct sc_store *store, const struct sc_store_opinion *opinion,
                               struct sc_error *error)
{
    sqlite3_stmt *put = NULL;
    enum sc_status status =
        sc_store_prepare(store, "INSERT OR REPLACE INTO harm VALUES (?, ?, ?, ?)", &put, error);
    if (status != SC_OK)
        return status;
    sqlite3_bind_int64(put, 1, (sqlite3_int64)opinion->position);
    sqlite3_bind_int64(put, 2, opinion->trace);
    bind_text(put, 3, opinion->judge);
    bind_text(put, 4, sc_harm_name(opinion->harm));
    return run_once(store, put, error);
}

enum sc_status sc_store_put_opinion(struct sc_store *store, const struct sc_store_opinion *opinion,
                                    const struct sc_judgement *judgement, const char *by,
                                    struct sc_error *error)
{
    enum sc_status status = sc_store_begin(store, error);
    if (status != SC_OK)
        return status;
    if (opinion->detector != NULL)
        status = put_verdict(store, opinion, error);
    if (status == SC_OK && opinion->judge != NULL)
        status = put_harm(store, opinion, error);
    if (status == SC_OK && judgement != NULL)
        status = put_judgement(store, opinion->position, opinion->trace, judgement, by, error);
    if (status == SC_OK && judgement != NULL)
        status = put_open(store, opinion->position, opinion->trace, judgement, by, error);
    return sc_store_commit(store, status, error);
}

enum sc_status sc_store_put_prompt_judgement(struct sc_store *store, size_t position,
                                             const struct sc_judgement *judgement, const char *by,
                                             struct sc_error *error)
{
    enum sc_status status = sc_store_begin(store, error);
    if (status == SC_OK)
        status = put_judgement(store, position, -1, judgement, by, error);
    if (status == SC_OK)
        status = put_open(store, position, -1, judgement, by, error);
    return sc_store_commit(store, status, error);
}

enum sc_status sc_store_set_reading(struct sc_store *store, const char *detector, const char *judge,
                                    struct sc_error *error)
{
    sqlite3_stmt *put = NULL;
    enum sc_status status =
        sc_store_prepare(store, "INSERT OR REPLACE INTO reading VALUES (1, ?, ?)", &put, error);
    if (status != SC_OK)
        return status;
    bind_text(put, 1, detector);
    bind_text(put, 2, judge);
    return run_once(store, put, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum sc_status damaged(struct sc_store *store, const char *table, int64_t position,
                              int64_t trace, struct sc_error *error)
{
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: %s of instance %lld trace %lld: expected a row of a run, found another",
                   store->path, table, (long long)position, (long long)trace);
}

static double read_share(sqlite3_stmt *row, int column, bool *bad)
{
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return NAN;
    double value = sqlite3_column_double(row, column);
    *bad = *bad || !(value >= 0 && value <= 1.000001);
    return value;
}

static enum sc_status read_judgement(struct sc_store *store, sqlite3_stmt *row, size_t n_instances,
                                     sc_store_judgement_reader *reader, void *context,
                                     struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row, 0), trace = sqlite3_column_int64(row, 1);
    int64_t n_tokens = sqlite3_column_int64(row, 13), categories = sqlite3_column_int64(row, 5);
    const char *safety = (const char *)sqlite3_column_text(row, 3);
    const char *refused = (const char *)sqlite3_column_text(row, 4);
    int said = safety != NULL ? sc_safety_parse(safety) : -1,
        no = refused != NULL ? sc_refused_parse(refused) : -1;
    bool bad = position < 0 || (uint64_t)position >= n_instances || trace < -1 ||
               trace > INT32_MAX || said < 0 || no < 0 || n_tokens < 0 || n_tokens > INT32_MAX ||
               categories < 0 || categories >= 2 * SC_CATEGORY_OTHER;
    char *by = NULL, *output = NULL, *failure = NULL, *unscored = NULL;
    struct sc_judgement judgement = {.safety = (enum sc_safety)said,
                                     .refused = (enum sc_refused)no,
                                     .categories = (unsigned)categories,
                                     .p_unsafe = read_share(row, 6, &bad),
                                     .p_controversial = read_share(row, 7, &bad),
                                     .safety_mass = read_share(row, 8, &bad),
                                     .p_refused = read_share(row, 9, &bad),
                                     .refused_mass = read_share(row, 10, &bad),
                                     .safety_forced = sqlite3_column_int(row, 11) != 0,
                                     .refused_forced = sqlite3_column_int(row, 12) != 0,
                                     .again = sqlite3_column_int(row, 16) != 0,
                                     .n_tokens = (size_t)n_tokens};
    if (bad)
        return damaged(store, "judgement", position, trace, error);
    enum sc_status status = sc_store_text(store, row, 2, false, "judgement", &by, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 14, false, "judgement", &output, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 15, true, "judgement", &failure, error);
    if (status == SC_OK)
        status = sc_store_text(store, row, 17, true, "open_judgement", &unscored, error);
    judgement.output = output;
    judgement.failure = failure;
    judgement.unscored = unscored;
    if (status == SC_OK)
        status = reader(context, by, (size_t)position, trace, &judgement, error);
    sc_free(by);
    sc_free(output);
    sc_free(failure);
    sc_free(unscored);
    return status;
}

/* All columns of a judgement; what it leaves open is NULL where nothing is kept about that. */
#define JUDGEMENT_COLUMNS                                                                          \
    "SELECT instance, trace, judge, safety, refused, categories, p_unsafe, p_controversial,"       \
    " safety_mass, p_refused, refused_mass, safety_forced, refused_forced, n_tokens, output,"      \
    " failure, "

enum sc_status sc_store_read_judgements(struct sc_store *store, const char *by, size_t n_instances,
                                        sc_store_judgement_reader *reader, void *context,
                                        struct sc_error *error)
{
    static const char *const sql[] = {
        JUDGEMENT_COLUMNS "NULL, NULL FROM judgement WHERE ?1 IS NULL OR judge = ?1"
                          " ORDER BY judge, instance, trace",
        JUDGEMENT_COLUMNS "again, unscored FROM judgement"
                          " LEFT JOIN open_judgement USING (instance, trace, judge)"
                          " WHERE ?1 IS NULL OR judge = ?1 ORDER BY judge, instance, trace"};
    bool there = false, open_there = false;
    int code = SQLITE_DONE;
    sqlite3_stmt *row = NULL;
    enum sc_status status = check_table(store, TABLE_JUDGEMENT, &there, error);
    if (status != SC_OK || !there)
        return status;
    status = check_table(store, TABLE_OPEN, &open_there, error);
    if (status == SC_OK)
        status = sc_store_prepare(store, sql[open_there], &row, error);
    if (status == SC_OK)
        bind_text(row, 1, by);
    while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW)
        status = read_judgement(store, row, n_instances, reader, context, error);
    if (status == SC_OK && code != SQLITE_DONE)
        status = sc_store_fail(store, "read", error);
    sqlite3_finalize(row);
    return status;
}

static enum sc_status read_opinion(struct sc_store *store, sqlite3_stmt *row, bool harms,
                                   size_t n_instances, sc_store_opinion_reader *reader,
                                   void *context, struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row, 0), trace = sqlite3_column_int64(row, 1);
    const char *name = (const char *)sqlite3_column_text(row, 3);
    int value = name == NULL ? -1 : harms ? sc_harm_parse(name) : sc_verdict_parse(name);
    char *by = NULL;
    if (position < 0 || (uint64_t)position >= n_instances || trace < 0 || trace > INT32_MAX ||
        value < 0)
        return damaged(store, harms ? "harm" : "verdict", position, trace, error);
    enum sc_status status = sc_store_text(store, row, 2, false, "verdict", &by, error);
    if (status == SC_OK)
        status = reader(context, by, (size_t)position, (uint32_t)trace,
                        harms ? SC_N_VERDICTS : (enum sc_verdict)value,
                        harms ? (enum sc_harm)value : SC_N_HARMS, error);
    sc_free(by);
    return status;
}

enum sc_status sc_store_read_opinions(struct sc_store *store, size_t n_instances,
                                      sc_store_opinion_reader *reader, void *context,
                                      struct sc_error *error)
{
    static const char *const sql[] = {
        "SELECT instance, trace, detector, verdict FROM verdict ORDER BY detector, instance, trace",
        "SELECT instance, trace, judge, harm FROM harm ORDER BY judge, instance, trace"};
    enum sc_status status = SC_OK;
    for (int harms = 0; status == SC_OK && harms < 2; harms++) {
        int code = SQLITE_DONE;
        sqlite3_stmt *row = NULL;
        status = sc_store_prepare(store, sql[harms], &row, error);
        while (status == SC_OK && (code = sqlite3_step(row)) == SQLITE_ROW)
            status = read_opinion(store, row, harms, n_instances, reader, context, error);
        if (status == SC_OK && code != SQLITE_DONE)
            status = sc_store_fail(store, "read", error);
        sqlite3_finalize(row);
    }
    return status;
}

enum sc_status sc_store_apply_reading(struct sc_store *store, char **detector, char **judge,
                                      bool *found, struct sc_error *error)
{
    char *new_detector = NULL, *new_judge = NULL;
    sqlite3_stmt *row = NULL;
    *found = false;
    bool there = false;
    enum sc_status status = check_table(store, TABLE_READING, &there, error);
    if (status != SC_OK || !there)
        return status;
    status =
        sc_store_prepare(store, "SELECT detector, judge FROM reading WHERE id = 1", &row, error);
    if (status != SC_OK)
        return status;
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW) {
        status = sc_store_text(store, row, 0, false, "reading", &new_detector, error);
        if (status == SC_OK)
            status = sc_store_text(store, row, 1, false, "reading", &new_judge, error);
    } else if (code != SQLITE_DONE) {
        status = sc_store_fail(store, "read", error);
    }
    sqlite3_finalize(row);
    if (status != SC_OK || code != SQLITE_ROW) {
        sc_free(new_detector);
        sc_free(new_judge);
        return status;
    }
    sc_free(*detector);
    sc_free(*judge);
    *detector = new_detector;
    *judge = new_judge;
    store->judged_again = true;
    *found = true;
    return SC_OK;
}
