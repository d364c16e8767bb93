/* See positions.h.  What is read back is untrusted like the rest of the file. */
#include "experiment/store/positions.h"

#include "base/memory.h"
#include "experiment/store/database.h"
#include "experiment/store/keys.h"
#include "experiment/store/tables.h"

const struct sc_table_made sc_position_tables[] = {
    {"shard",
     "CREATE TABLE shard (instance INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT"},
    {NULL, NULL}};

enum sc_status sc_store_put_positions(struct sc_store *store, const size_t *positions, size_t n,
                                      struct sc_error *error)
{
    struct sc_binder put;
    SC_TRY(sc_store_make_table(store, sc_position_tables, error));
    SC_TRY(sc_store_begin_row(store, "shard", 2, &put, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < n; i++) {
        put.place = 0;
        sc_bind_size(&put, i);
        sc_bind_size(&put, positions[i]);
        status = sc_store_run(store, &put, error);
    }
    sqlite3_finalize(put.statement);
    return status;
}

static enum sc_status read_rows(const struct sc_row *row, size_t n, size_t n_all, size_t *positions,
                                struct sc_error *error)
{
    int64_t next = 0, position = 0, least = 0;
    for (bool more;;) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            break;
        SC_TRY(sc_row_int(row, 0, next, next, &position, error));
        if ((uint64_t)next >= n)
            return sc_fail(error, SC_ERR_FORMAT, "%s: shard: expected %zu rows, found more",
                           row->store->path, n);
        SC_TRY(sc_row_int(row, 1, least, (int64_t)n_all - 1, &position, error));
        positions[next++] = (size_t)position;
        least = position + 1;
    }
    return (uint64_t)next == n
               ? SC_OK
               : sc_fail(error, SC_ERR_FORMAT, "%s: shard: expected %zu rows, found %lld",
                         row->store->path, n, (long long)next);
}

static enum sc_status read_all(struct sc_row *row, size_t n, size_t n_all, size_t *positions,
                               struct sc_error *error)
{
    SC_TRY(sc_store_prepare(row->store, "SELECT instance, position FROM shard ORDER BY instance",
                            &row->statement, error));
    enum sc_status status = read_rows(row, n, n_all, positions, error);
    sqlite3_finalize(row->statement);
    return status;
}

enum sc_status sc_store_read_positions(struct sc_store *store, size_t n, size_t n_all,
                                       size_t **positions, struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = "shard"};
    bool there = false;
    *positions = NULL;
    SC_TRY(sc_store_check_table(store, sc_position_tables, &there, error));
    if (!there)
        return sc_fail(error, SC_ERR_FORMAT, "%s: table shard: expected that of a run, found none",
                       store->path);
    *positions = sc_alloc_array(n, sizeof **positions);
    if (*positions == NULL)
        return sc_fail_nomem(error, store->path);
    enum sc_status status = read_all(&row, n, n_all, *positions, error);
    if (status != SC_OK) {
        sc_free(*positions);
        *positions = NULL;
    }
    return status;
}
