/* See keys.h. */
#include "experiment/store/keys.h"

enum sc_status sc_store_prepare_text(struct sc_store *store, struct sc_text *sql,
                                     sqlite3_stmt **out, struct sc_error *error)
{
    enum sc_status status = sql->failed ? sc_fail_nomem(error, store->path)
                                        : sc_store_prepare(store, sql->data, out, error);
    sc_text_free(sql);
    return status;
}

enum sc_status sc_keys_prepare_put(struct sc_store *store, const char *verb, const char *table,
                                   int n, sqlite3_stmt **out, struct sc_error *error)
{
    struct sc_text sql = {0};
    sc_text_printf(&sql, "%s INTO %s VALUES (", verb, table);
    for (int i = 1; i <= n; i++)
        sc_text_printf(&sql, "?%d, ", i);
    sc_text_printf(&sql, "sc_row_key('%s'", table);
    for (int i = 1; i <= n; i++)
        sc_text_printf(&sql, ", ?%d", i);
    sc_text_puts(&sql, "))");
    return sc_store_prepare_text(store, &sql, out, error);
}

enum sc_status sc_store_begin_row(struct sc_store *store, const char *table, int n,
                                  struct sc_binder *put, struct sc_error *error)
{
    *put = (struct sc_binder){0};
    return sc_keys_prepare_put(store, "INSERT OR REPLACE", table, n, &put->statement, error);
}

static enum sc_status put_columns(const struct sc_row *row, const char *table, struct sc_text *out,
                                  struct sc_error *error)
{
    struct sc_binder binder = {.statement = row->statement};
    sc_bind_text(&binder, table);
    if (binder.failed)
        return sc_store_fail(row->store, "read", error);
    for (bool more, first = true;; first = false) {
        SC_TRY(sc_row_next(row, &more, error));
        if (!more)
            return out->failed ? sc_fail_nomem(error, row->store->path) : SC_OK;
        const char *name = (const char *)sqlite3_column_text(row->statement, 0);
        if (name == NULL)
            return sc_fail_nomem(error, row->store->path);
        sc_text_printf(out, "%s\"%s\"", first ? "" : ", ", name);
    }
}

enum sc_status sc_keys_columns(struct sc_store *store, const char *table, struct sc_text *out,
                               struct sc_error *error)
{
    struct sc_row row = {.store = store, .where = table};
    SC_TRY(sc_store_prepare(store,
                            "SELECT name FROM pragma_table_info(?) WHERE name <> 'row_key'"
                            " ORDER BY cid",
                            &row.statement, error));
    enum sc_status status = put_columns(&row, table, out, error);
    sqlite3_finalize(row.statement);
    return status;
}

static enum sc_status renew(struct sc_store *store, const char *table, const char *columns,
                            const char *where, struct sc_error *error)
{
    struct sc_text sql = {0};
    struct sc_binder put = {0};
    sc_text_printf(&sql, "UPDATE %s SET row_key = sc_row_key('%s', %s)%s%s", table, table, columns,
                   where != NULL ? " WHERE " : "", where != NULL ? where : "");
    SC_TRY(sc_store_prepare_text(store, &sql, &put.statement, error));
    return sc_store_end_put(store, &put, error);
}

enum sc_status sc_keys_renew(struct sc_store *store, const char *table, const char *where,
                             struct sc_error *error)
{
    struct sc_text columns = {0};
    enum sc_status status = sc_keys_columns(store, table, &columns, error);
    status = status != SC_OK ? status : renew(store, table, columns.data, where, error);
    sc_text_free(&columns);
    return status;
}
