/* What the two halves of the store share: the connection, the names of columns, errors. */
#ifndef SC_EXPERIMENT_STORE_STORE_INTERNAL_H
#define SC_EXPERIMENT_STORE_STORE_INTERNAL_H

#include <sqlite3.h>

#include "experiment/store/lock.h"
#include "experiment/store/store.h"

struct sc_store {
    sqlite3 *db;
    char *path;          /* of run.db */
    struct sc_lock lock; /* not held when opened to read */
    char *config_json;
    bool judged_again; /* verdicts are read of a detector that may not have seen every trace */
    sqlite3_stmt *put_trace, *put_tokens, *put_verdict, *put_harm, *put_decision, *put_cut;
};

/* Fails with what SQLite said last. */
enum sc_status sc_store_fail(struct sc_store *store, const char *doing, struct sc_error *error);
enum sc_status sc_store_prepare(struct sc_store *store, const char *sql, sqlite3_stmt **out,
                                struct sc_error *error);
enum sc_status sc_store_exec(struct sc_store *store, const char *sql, const char *doing,
                             struct sc_error *error);
enum sc_status sc_store_begin(struct sc_store *store, struct sc_error *error);
/* Ends a transaction: commits when status is SC_OK, else takes everything back. */
enum sc_status sc_store_commit(struct sc_store *store, enum sc_status status,
                               struct sc_error *error);
/* One number that a statement gives. */
enum sc_status sc_store_number(struct sc_store *store, const char *sql, int64_t *out,
                               struct sc_error *error);
/* Copies a text column: valid UTF-8 without NUL, else an error that names the row. NULL stays NULL
 * when it may. */
enum sc_status sc_store_text(struct sc_store *store, sqlite3_stmt *row, int column,
                             bool may_be_null, const char *where, char **out,
                             struct sc_error *error);

#endif
