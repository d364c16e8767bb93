/*
 * run.db, the tables of later judgements (judgements.h).  What is read back is untrusted like the
 * rest of the file.
 */
#include "experiment/store/judgements.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/judgement_row.h"
#include "experiment/store/keys.h"
#include "experiment/store/scores.h"
#include "experiment/store/tables.h"
#include "experiment/store/weighed.h"

/* Compared with the stored text, as those of schema.c are. */
const struct sc_table_made sc_judgement_tables[] = {
    {"judgement", "CREATE TABLE judgement (instance INTEGER NOT NULL, trace INTEGER NOT NULL,\n"
                  " judge TEXT NOT NULL, " SC_JUDGEMENT_COLUMNS ",\n"
                  " PRIMARY KEY (instance, trace, judge)) STRICT"},
    {"reading", "CREATE TABLE reading (id INTEGER PRIMARY KEY CHECK (id = 1),\n"
                " detector TEXT NOT NULL, judge TEXT NOT NULL) STRICT"},
    {"open_judgement", "CREATE TABLE open_judgement (instance INTEGER NOT NULL,\n"
                       " trace INTEGER NOT NULL, judge TEXT NOT NULL, again INTEGER NOT NULL,\n"
                       " unscored TEXT, PRIMARY KEY (instance, trace, judge)) STRICT"},
    {NULL, NULL},
};
enum { TABLE_JUDGEMENT, TABLE_READING, TABLE_OPEN };

enum sc_status sc_store_prepare_judging(struct sc_store *store, struct sc_error *error)
{
    return sc_store_make_tables(store, sc_judgement_tables, error);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A judgement under way: of a trace, or with trace -1 of the prompt itself. */
struct subject {
    size_t position;
    int64_t trace;
    const char *by;
};

static enum sc_status put_judgement(struct sc_store *store, const struct subject *subject,
                                    const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_row(store, "judgement", 16, &put, error));
    sc_bind_size(&put, subject->position);
    sc_bind_int(&put, subject->trace);
    sc_bind_text(&put, subject->by);
    sc_judgement_bind(&put, judgement);
    return sc_store_end_put(store, &put, error);
}

static enum sc_status put_score(struct sc_store *store, const struct subject *subject,
                                const struct sc_judgement *judgement, struct sc_error *error)
{
    const struct sc_store_score score = {subject->by, subject->position, subject->trace,
                                         judgement->score};
    return isnan(judgement->score) ? SC_OK : sc_store_put_score(store, &score, error);
}

/* What a judgement leaves open: whether it is to be asked for again, and why it has no score. */
static enum sc_status put_open(struct sc_store *store, const struct subject *subject,
                               const struct sc_judgement *judgement, struct sc_error *error)
{
    static const char drop[] =
        "DELETE FROM open_judgement WHERE instance = ?1 AND trace = ?2 AND judge = ?3";
    bool is_open = judgement->again || judgement->unscored != NULL;
    struct sc_binder put;
    SC_TRY(is_open ? sc_store_begin_row(store, "open_judgement", 5, &put, error)
                   : sc_store_begin_put(store, drop, &put, error));
    sc_bind_size(&put, subject->position);
    sc_bind_int(&put, subject->trace);
    sc_bind_text(&put, subject->by);
    if (is_open) {
        sc_bind_int(&put, judgement->again);
        sc_bind_text(&put, judgement->unscored);
    }
    return sc_store_end_put(store, &put, error);
}

static enum sc_status put_verdict(struct sc_store *store, const struct sc_store_opinion *opinion,
                                  struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_row(store, "verdict", 7, &put, error));
    sc_bind_size(&put, opinion->position);
    sc_bind_int(&put, opinion->trace);
    sc_bind_text(&put, opinion->detector);
    sc_bind_text(&put, sc_verdict_name(opinion->verdict));
    sc_bind_text(&put, opinion->rule);
    sc_bind_size(&put, opinion->begin);
    sc_bind_size(&put, opinion->end);
    SC_TRY(sc_store_end_put(store, &put, error));
    return sc_weighed_put(store, &opinion->weighed, opinion->position, opinion->trace,
                          opinion->detector, error);
}

static enum sc_status put_harm(struct sc_store *store, const struct sc_store_opinion *opinion,
                               struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_row(store, "harm", 4, &put, error));
    sc_bind_size(&put, opinion->position);
    sc_bind_int(&put, opinion->trace);
    sc_bind_text(&put, opinion->judge);
    sc_bind_text(&put, sc_harm_name(opinion->harm));
    return sc_store_end_put(store, &put, error);
}

static enum sc_status put_opinion(struct sc_store *store, const struct sc_store_opinion *opinion,
                                  const struct sc_judgement *judgement, const char *by,
                                  struct sc_error *error)
{
    const struct subject subject = {opinion->position, opinion->trace, by};
    if (opinion->detector != NULL)
        SC_TRY(put_verdict(store, opinion, error));
    if (opinion->judge != NULL)
        SC_TRY(put_harm(store, opinion, error));
    if (judgement == NULL)
        return SC_OK;
    SC_TRY(put_judgement(store, &subject, judgement, error));
    SC_TRY(put_score(store, &subject, judgement, error));
    return put_open(store, &subject, judgement, error);
}

enum sc_status sc_store_put_opinion(struct sc_store *store, const struct sc_store_opinion *opinion,
                                    const struct sc_judgement *judgement, const char *by,
                                    struct sc_error *error)
{
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin(store, error));
    return sc_store_commit(store, put_opinion(store, opinion, judgement, by, error), error);
}

enum sc_status sc_store_put_prompt_judgement(struct sc_store *store, size_t position,
                                             const struct sc_judgement *judgement, const char *by,
                                             struct sc_error *error)
{
    const struct subject subject = {position, -1, by};
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin(store, error));
    enum sc_status status = put_judgement(store, &subject, judgement, error);
    if (status == SC_OK)
        status = put_open(store, &subject, judgement, error);
    return sc_store_commit(store, status, error);
}

enum sc_status sc_store_set_reading(struct sc_store *store, const char *detector, const char *judge,
                                    struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin_row(store, "reading", 3, &put, error));
    sc_bind_int(&put, 1);
    sc_bind_text(&put, detector);
    sc_bind_text(&put, judge);
    return sc_store_end_put(store, &put, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum sc_status damaged(const struct sc_row *row, int64_t position, int64_t trace,
                              struct sc_error *error)
{
    return sc_fail(error, SC_ERR_FORMAT,
                   "%s: %s of instance %lld trace %lld: expected a row of a run, found another",
                   row->store->path, row->where, (long long)position, (long long)trace);
}

/* Who receives the rows. */
struct judgement_query {
    size_t n_instances;
    sc_store_judgement_reader *reader;
    void *context;
};

static enum sc_status hand_on(const struct sc_row *row, const struct judgement_query *query,
                              struct sc_judgement_texts *texts, char **by, struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row->statement, 0);
    int64_t trace = sqlite3_column_int64(row->statement, 1);
    struct sc_judgement judgement;
    bool bad = false;
    SC_TRY(sc_judgement_read(row, 3, &judgement, texts, &bad, error));
    if (bad || position < 0 || (uint64_t)position >= query->n_instances || trace < -1 ||
        trace > INT32_MAX)
        return damaged(row, position, trace, error);
    SC_TRY(sc_row_text(row, 2, false, by, error));
    return query->reader(query->context, *by, (size_t)position, trace, &judgement, error);
}

static enum sc_status read_judgement(const struct sc_row *row, const struct judgement_query *query,
                                     struct sc_error *error)
{
    struct sc_judgement_texts texts;
    char *by = NULL;
    enum sc_status status = hand_on(row, query, &texts, &by, error);
    sc_free(by);
    sc_judgement_texts_free(&texts);
    return status;
}

static enum sc_status read_judgements(const struct sc_row *row, const char *by,
                                      const struct judgement_query *query, struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    sc_bind_text(&binder, by);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(read_judgement(row, query, error));
    }
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
    const struct judgement_query query = {n_instances, reader, context};
    bool there = false, open_there = false;
    struct sc_row row = {.store = store, .where = "judgement"};
    SC_TRY(sc_store_check_table(store, &sc_judgement_tables[TABLE_JUDGEMENT], &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_check_table(store, &sc_judgement_tables[TABLE_OPEN], &open_there, error));
    SC_TRY(sc_store_prepare(store, sql[open_there], &row.statement, error));
    enum sc_status status = read_judgements(&row, by, &query, error);
    sqlite3_finalize(row.statement);
    return status;
}

struct opinion_query {
    bool harms; /* else verdicts */
    size_t n_instances;
    sc_store_opinion_reader *reader;
    void *context;
};

static enum sc_status read_opinion(const struct sc_row *row, const struct opinion_query *query,
                                   struct sc_error *error)
{
    int64_t position = sqlite3_column_int64(row->statement, 0);
    int64_t trace = sqlite3_column_int64(row->statement, 1);
    const char *name = (const char *)sqlite3_column_text(row->statement, 3);
    int value = name == NULL ? -1 : query->harms ? sc_harm_parse(name) : sc_verdict_parse(name);
    char *by = NULL;
    if (position < 0 || (uint64_t)position >= query->n_instances || trace < 0 ||
        trace > INT32_MAX || value < 0)
        return damaged(row, position, trace, error);
    SC_TRY(sc_row_text(row, 2, false, &by, error));
    const struct sc_opinion opinion = {.by = by,
                                       .position = (size_t)position,
                                       .trace = (uint32_t)trace,
                                       .verdict =
                                           query->harms ? SC_N_VERDICTS : (enum sc_verdict)value,
                                       .harm = query->harms ? (enum sc_harm)value : SC_N_HARMS};
    enum sc_status status = query->reader(query->context, &opinion, error);
    sc_free(by);
    return status;
}

static enum sc_status read_opinions(const struct sc_row *row, const struct opinion_query *query,
                                    struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(read_opinion(row, query, error));
    }
}

enum sc_status sc_store_read_opinions(struct sc_store *store, size_t n_instances,
                                      sc_store_opinion_reader *reader, void *context,
                                      struct sc_error *error)
{
    static const char *const sql[] = {
        "SELECT instance, trace, detector, verdict FROM verdict ORDER BY detector, instance, trace",
        "SELECT instance, trace, judge, harm FROM harm ORDER BY judge, instance, trace"};
    for (int harms = 0; harms < 2; harms++) {
        const struct opinion_query query = {harms, n_instances, reader, context};
        struct sc_row row = {.store = store, .where = harms ? "harm" : "verdict"};
        SC_TRY(sc_store_prepare(store, sql[harms], &row.statement, error));
        enum sc_status status = read_opinions(&row, &query, error);
        sqlite3_finalize(row.statement);
        SC_TRY(status);
    }
    return SC_OK;
}

static enum sc_status read_reading(const struct sc_row *row, char **detector, char **judge,
                                   struct sc_error *error)
{
    bool more = false;
    SC_TRY(sc_row_next(row, &more, error));
    if (!more)
        return SC_OK;
    SC_TRY(sc_row_text(row, 0, false, detector, error));
    return sc_row_text(row, 1, false, judge, error);
}

enum sc_status sc_store_apply_reading(struct sc_store *store, char **detector, char **judge,
                                      bool *found, struct sc_error *error)
{
    char *new_detector = NULL, *new_judge = NULL;
    struct sc_row row = {.store = store, .where = "reading"};
    bool there = false;
    *found = false;
    SC_TRY(sc_store_check_table(store, &sc_judgement_tables[TABLE_READING], &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(store, "SELECT detector, judge FROM reading WHERE id = 1",
                            &row.statement, error));
    enum sc_status status = read_reading(&row, &new_detector, &new_judge, error);
    sqlite3_finalize(row.statement);
    if (status != SC_OK || new_judge == NULL) {
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
