/* See replies.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/replies.h"

#include <math.h>

#include "base/memory.h"
#include "experiment/store/judgement_row.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

const struct sc_table_made sc_reply_tables[] = {
    {"reply", "CREATE TABLE reply (labels TEXT NOT NULL, item INTEGER NOT NULL,\n"
              " trace INTEGER NOT NULL, judge TEXT NOT NULL,\n"
              " repeat INTEGER NOT NULL, " SC_JUDGEMENT_COLUMNS ",\n"
              " again INTEGER NOT NULL, unscored TEXT, score REAL,\n"
              " PRIMARY KEY (labels, item, trace, judge, repeat)) STRICT"},
    {"repeats",
     "CREATE TABLE repeats (judge TEXT PRIMARY KEY, asked TEXT NOT NULL, n INTEGER NOT NULL,\n"
     " temperature REAL NOT NULL, deterministic INTEGER NOT NULL) STRICT"},
    {NULL, NULL},
};

enum { TABLE_REPLY, TABLE_REPEATS };

enum sc_status sc_store_prepare_replies(struct sc_store *store, struct sc_error *error)
{
    return sc_store_make_tables(store, sc_reply_tables, error);
}

/* ---- replies --------------------------------------------------------------------------------- */

enum sc_status sc_store_put_reply(struct sc_store *store, const struct sc_reply *reply,
                                  const struct sc_judgement *judgement, struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin_row(store, "reply", 21, &put, error));
    sc_bind_text(&put, reply->labels);
    sc_bind_size(&put, reply->item);
    sc_bind_int(&put, reply->trace);
    sc_bind_text(&put, reply->asked);
    sc_bind_int(&put, reply->repeat);
    sc_judgement_bind(&put, judgement);
    sc_bind_int(&put, judgement->again);
    sc_bind_text(&put, judgement->unscored);
    sc_bind_real(&put, judgement->score);
    return sc_store_end_put(store, &put, error);
}

struct reply_query {
    const char *labels, *asked;
    sc_store_reply_reader *reader;
    void *context;
};

static enum sc_status hand_on_reply(const struct sc_row *row, const struct reply_query *query,
                                    struct sc_judgement_texts *texts, struct sc_error *error)
{
    struct sc_reply reply = {.labels = query->labels, .asked = query->asked};
    struct sc_judgement judgement;
    bool bad = false;
    int64_t item = 0, repeat = 0;
    SC_TRY(sc_judgement_read(row, 3, &judgement, texts, &bad, error));
    SC_TRY(sc_row_int(row, 0, 0, INT64_MAX, &item, error));
    SC_TRY(sc_row_int(row, 1, -1, INT32_MAX, &reply.trace, error));
    SC_TRY(sc_row_int(row, 2, 0, SC_MOST_REPEATS - 1, &repeat, error));
    judgement.score = sc_row_real(row, 18);
    bad = bad || isinf(judgement.score);
    reply.item = (size_t)item;
    reply.repeat = (uint32_t)repeat;
    if (bad)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: reply %lld about item %lld: expected a row of a run, found another",
                       row->store->path, (long long)repeat, (long long)item);
    return query->reader(query->context, &reply, &judgement, error);
}

static enum sc_status read_reply(const struct sc_row *row, const struct reply_query *query,
                                 struct sc_error *error)
{
    struct sc_judgement_texts texts;
    enum sc_status status = hand_on_reply(row, query, &texts, error);
    sc_judgement_texts_free(&texts);
    return status;
}

static enum sc_status read_replies(const struct sc_row *row, const struct reply_query *query,
                                   struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    sc_bind_text(&binder, query->labels);
    sc_bind_text(&binder, query->asked);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(read_reply(row, query, error));
    }
}

enum sc_status sc_store_read_replies(struct sc_store *store, const char *labels, const char *asked,
                                     sc_store_reply_reader *reader, void *context,
                                     struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = "reply"};
    bool there = false;
    SC_TRY(sc_store_check_table(store, &sc_reply_tables[TABLE_REPLY], &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(
        store,
        "SELECT item, trace, repeat, safety, refused, categories, p_unsafe,"
        " p_controversial, safety_mass, p_refused, refused_mass, safety_forced,"
        " refused_forced, n_tokens, output, failure, again, unscored, score FROM reply"
        " WHERE labels = ?1 AND judge = ?2 ORDER BY item, trace, repeat",
        &row.statement, error));
    enum sc_status status =
        read_replies(&row, &(struct reply_query){labels, asked, reader, context}, error);
    sqlite3_finalize(row.statement);
    return status;
}

/* ---- how a judge was asked ------------------------------------------------------------------- */

enum sc_status sc_store_put_repeats(struct sc_store *store, const struct sc_store_repeats *repeats,
                                    struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin_row(store, "repeats", 5, &put, error));
    sc_bind_text(&put, repeats->judge);
    sc_bind_text(&put, repeats->asked);
    sc_bind_size(&put, repeats->n);
    sc_bind_real(&put, repeats->temperature);
    sc_bind_int(&put, repeats->deterministic);
    return sc_store_end_put(store, &put, error);
}

struct repeats_query {
    sc_store_repeats_reader *reader;
    void *context;
    char *judge, *asked; /* of the row under way */
};

static enum sc_status hand_on_repeats(const struct sc_row *row, struct repeats_query *query,
                                      struct sc_error *error)
{
    int64_t n = 0;
    double temperature = sc_row_real(row, 3);
    SC_TRY(sc_row_int(row, 2, 1, SC_MOST_REPEATS, &n, error));
    if (!(temperature >= 0 && isfinite(temperature)))
        return sc_fail(error, SC_ERR_FORMAT, "%s: repeats: temperature: expected 0 or more",
                       row->store->path);
    SC_TRY(sc_row_text(row, 0, false, &query->judge, error));
    SC_TRY(sc_row_text(row, 1, false, &query->asked, error));
    const struct sc_store_repeats repeats = {.judge = query->judge,
                                             .asked = query->asked,
                                             .n = (size_t)n,
                                             .temperature = temperature,
                                             .deterministic =
                                                 sqlite3_column_int(row->statement, 4) != 0};
    return query->reader(query->context, &repeats, error);
}

static enum sc_status read_repeats(const struct sc_row *row, struct repeats_query *query,
                                   struct sc_error *error)
{
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        enum sc_status status = hand_on_repeats(row, query, error);
        sc_free(query->judge);
        sc_free(query->asked);
        query->judge = query->asked = NULL;
        SC_TRY(status);
    }
}

enum sc_status sc_store_read_repeats(struct sc_store *store, sc_store_repeats_reader *reader,
                                     void *context, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = "repeats"};
    bool there = false;
    SC_TRY(sc_store_check_table(store, &sc_reply_tables[TABLE_REPEATS], &there, error));
    if (!there)
        return SC_OK;
    SC_TRY(sc_store_prepare(store,
                            "SELECT judge, asked, n, temperature, deterministic FROM repeats"
                            " ORDER BY judge",
                            &row.statement, error));
    struct repeats_query query = {.reader = reader, .context = context};
    enum sc_status status = read_repeats(&row, &query, error);
    sqlite3_finalize(row.statement);
    return status;
}
