/* See labels.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/labels.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/store/database.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"
#include "vocabulary/vocabulary.h"

const struct sc_table_made sc_label_tables[] = {
    {"labelled", "CREATE TABLE labelled (labels TEXT NOT NULL, item INTEGER NOT NULL,\n"
                 " first INTEGER NOT NULL, refusal TEXT, harm TEXT,\n"
                 " PRIMARY KEY (labels, item)) STRICT"},
    {"label_reading", "CREATE TABLE label_reading (labels TEXT NOT NULL, item INTEGER NOT NULL,\n"
                      " reader TEXT NOT NULL, verdict TEXT, harm TEXT,\n"
                      " p_unsafe REAL, p_refused REAL,\n"
                      " PRIMARY KEY (labels, item, reader)) STRICT"},
    {"calibration", "CREATE TABLE calibration (reader TEXT NOT NULL, what TEXT NOT NULL,\n"
                    " labels TEXT NOT NULL, title TEXT NOT NULL, content TEXT NOT NULL,\n"
                    " PRIMARY KEY (reader, what)) STRICT"},
    {NULL, NULL},
};

static const char *const whats[] = {"refusal", "harm"};

/* ---- writing --------------------------------------------------------------------------------- */

static enum sc_status put_labelled(struct sc_store *store, const struct sc_labelled *labelled,
                                   struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_row(store, "labelled", 5, &put, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < labelled->n; i++) {
        const struct sc_labelled_row *row = &labelled->rows[i];
        put.place = 0;
        sc_bind_text(&put, labelled->texts);
        sc_bind_size(&put, i);
        sc_bind_size(&put, row->first);
        sc_bind_text(&put, row->refusal != SC_N_VERDICTS ? sc_verdict_name(row->refusal) : NULL);
        sc_bind_text(&put, row->harm != SC_N_HARMS ? sc_harm_name(row->harm) : NULL);
        status = sc_store_run(store, &put, error);
    }
    sqlite3_finalize(put.statement);
    return status;
}

/* Rows of one reader: of its verdicts, of its harms, or of both where one name stands for both. */
static enum sc_status put_readings(struct sc_store *store, const struct sc_store_labels *labels,
                                   const char *reader, bool verdicts, bool harms,
                                   struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_put(store,
                              "INSERT INTO label_reading VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)"
                              " ON CONFLICT DO UPDATE SET verdict = coalesce(?4, verdict),"
                              " harm = coalesce(?5, harm), p_unsafe = ?6, p_refused = ?7,"
                              " row_key = 0",
                              &put, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < labels->labelled->n; i++) {
        const struct sc_label_reading *reading = &labels->readings[i];
        put.place = 0;
        sc_bind_text(&put, labels->labelled->texts);
        sc_bind_size(&put, i);
        sc_bind_text(&put, reader);
        sc_bind_text(&put, verdicts ? sc_verdict_name(reading->verdict) : NULL);
        sc_bind_text(&put, harms ? sc_harm_name(reading->harm) : NULL);
        sc_bind_real(&put, reading->p_unsafe);
        sc_bind_real(&put, reading->p_refused);
        status = sc_store_run(store, &put, error);
    }
    sqlite3_finalize(put.statement);
    return status == SC_OK ? sc_keys_renew(store, "label_reading", "row_key = 0", error) : status;
}

static enum sc_status put_calibration(struct sc_store *store, const struct sc_labelled *labelled,
                                      const char *reader, const char *what, struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_begin_row(store, "calibration", 5, &put, error));
    sc_bind_text(&put, reader);
    sc_bind_text(&put, what);
    sc_bind_text(&put, labelled->texts);
    sc_bind_text(&put, labelled->title);
    sc_bind_text(&put, labelled->content);
    return sc_store_end_put(store, &put, error);
}

static enum sc_status put_all(struct sc_store *store, const struct sc_store_labels *labels,
                              struct sc_error *error)
{
    const struct sc_labelled *labelled = labels->labelled;
    bool judged = labels->judge != NULL;
    bool one = judged && strcmp(labels->detector, labels->judge) == 0;
    for (const struct sc_table_made *table = sc_label_tables; table->name != NULL; table++)
        SC_TRY(sc_store_make_table(store, table, error));
    SC_TRY(put_labelled(store, labelled, error));
    SC_TRY(put_readings(store, labels, labels->detector, true, one, error));
    if (judged && !one)
        SC_TRY(put_readings(store, labels, labels->judge, false, true, error));
    if (labelled->n_refusals > 0)
        SC_TRY(put_calibration(store, labelled, labels->detector, whats[0], error));
    if (judged && labelled->n_harms > 0)
        SC_TRY(put_calibration(store, labelled, labels->judge, whats[1], error));
    return SC_OK;
}

enum sc_status sc_store_put_labels(struct sc_store *store, const struct sc_store_labels *labels,
                                   struct sc_error *error)
{
    SC_TRY(sc_store_check_place(store, error));
    SC_TRY(sc_store_begin(store, error));
    return sc_store_commit(store, put_all(store, labels, error), error);
}

/* ---- reading --------------------------------------------------------------------------------- */

void sc_run_labels_free(struct sc_run_labels *labels)
{
    sc_free(labels->title);
    sc_free(labels->content);
    sc_free(labels->rows);
    *labels = (struct sc_run_labels){0};
}

/* What a row says of a yes-or-no question; NULL: nothing. */
static int parse_value(const char *name, bool harm)
{
    return name == NULL ? -1 : harm ? sc_harm_parse(name) : sc_verdict_parse(name);
}

static enum sc_status add_row(const struct sc_row *row, bool harm, struct sc_run_labels *out,
                              size_t *cap, struct sc_error *error)
{
    const char *label = (const char *)sqlite3_column_text(row->statement, 2);
    const char *said = (const char *)sqlite3_column_text(row->statement, 3);
    int by_people = parse_value(label, harm), by_reader = parse_value(said, harm);
    int64_t item = 0, first = 0;
    SC_TRY(sc_row_int(row, 0, 0, INT64_MAX, &item, error));
    SC_TRY(sc_row_int(row, 1, 0, item, &first, error));
    double score = sc_row_real(row, 4);
    if (by_people < 0 || by_reader < 0 || (!isnan(score) && !(score >= 0 && score <= 1.000001)))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: labelled answer %lld: expected a row of a run, found another",
                       row->store->path, (long long)item);
    if (sc_grow((void **)&out->rows, out->n, cap, sizeof *out->rows) != 0)
        return sc_fail_nomem(error, "labelled answers");
    out->rows[out->n++] = (struct sc_run_label){.first = (size_t)first,
                                                .label = (unsigned char)by_people,
                                                .said = (unsigned char)by_reader,
                                                .score = score};
    return SC_OK;
}

static enum sc_status add_rows(struct sc_row *row, const char *labels, const char *reader,
                               bool harm, struct sc_run_labels *out, struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    size_t cap = 0;
    sc_bind_text(&binder, labels);
    sc_bind_text(&binder, reader);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return SC_OK;
        SC_TRY(add_row(row, harm, out, &cap, error));
    }
}

static enum sc_status load_rows(struct sc_store *store, const char *labels, const char *reader,
                                bool harm, struct sc_run_labels *out, struct sc_error *error)
{
    static const char *const sql[] = {
        "SELECT item, first, refusal, verdict, p_refused FROM labelled JOIN label_reading"
        " USING (labels, item) WHERE labels = ?1 AND reader = ?2 AND refusal IS NOT NULL"
        " AND verdict IS NOT NULL ORDER BY item",
        "SELECT item, first, labelled.harm, label_reading.harm, p_unsafe FROM labelled"
        " JOIN label_reading USING (labels, item) WHERE labels = ?1 AND reader = ?2"
        " AND labelled.harm IS NOT NULL AND label_reading.harm IS NOT NULL ORDER BY item"};
    struct sc_row row = {.store = store, .where = "label_reading"};
    SC_TRY(sc_store_prepare(store, sql[harm], &row.statement, error));
    enum sc_status status = add_rows(&row, labels, reader, harm, out, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status read_file(const struct sc_row *row, const char *reader, const char *what,
                                char **labels, struct sc_run_labels *out, struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    bool more = false;
    sc_bind_text(&binder, reader);
    sc_bind_text(&binder, what);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    SC_TRY(sc_row_next(row, &more, error));
    if (!more)
        return SC_OK;
    SC_TRY(sc_row_text(row, 0, false, labels, error));
    SC_TRY(sc_row_text(row, 1, false, &out->title, error));
    return sc_row_text(row, 2, false, &out->content, error);
}

/* Which file one reader was measured with; *labels: sc_free it, NULL: none. */
static enum sc_status find_file(struct sc_store *store, const char *reader, const char *what,
                                char **labels, struct sc_run_labels *out, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = "calibration"};
    SC_TRY(sc_store_prepare(store,
                            "SELECT labels, title, content FROM calibration WHERE reader = ?1"
                            " AND what = ?2",
                            &row.statement, error));
    enum sc_status status = read_file(&row, reader, what, labels, out, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status load_labels(struct sc_store *store, const char *reader, int of, char **labels,
                                  struct sc_run_labels *out, struct sc_error *error)
{
    SC_TRY(find_file(store, reader, whats[of], labels, out, error));
    return *labels == NULL ? SC_OK
                           : load_rows(store, *labels, reader, of == SC_LABELS_OF_HARM, out, error);
}

enum sc_status sc_run_load_labels(struct sc_store *store, struct sc_run *run,
                                  struct sc_error *error)
{
    const char *const readers[] = {run->detector, run->judge};
    for (const struct sc_table_made *table = sc_label_tables; table->name != NULL; table++) {
        bool there = false;
        SC_TRY(sc_store_check_table(store, table, &there, error));
        if (!there)
            return SC_OK;
    }
    for (int of = 0; of < 2; of++) {
        char *labels = NULL;
        enum sc_status status =
            load_labels(store, readers[of], of, &labels, &run->labels[of], error);
        sc_free(labels);
        SC_TRY(status);
    }
    return SC_OK;
}
