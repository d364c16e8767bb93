/*
 * The connection to run.db, and what the files of this room share: statements, binding, rows that
 * are checked as they are read, errors.
 */
#ifndef SC_EXPERIMENT_STORE_DATABASE_H
#define SC_EXPERIMENT_STORE_DATABASE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "experiment/store/lock.h"
#include "experiment/store/tables.h"

struct sc_store {
    sqlite3 *db;
    char *path;          /* of run.db */
    struct sc_lock lock; /* not held when opened to read */
    int version;         /* of the schema in the file (schema.h) */
    bool has_cuts;       /* early files have no table of cuts */
    dev_t device;        /* of the file, to notice that it was removed or replaced */
    ino_t inode;
    char *config_json;
    bool has_weighed;  /* the table of what the reader found is there; while writing */
    bool has_given;    /* the table of what sources say besides is there; while writing */
    int64_t n_settled; /* changes of rows that are on the disk */
    bool judged_again; /* verdicts are read of a detector that may not have seen every trace */
    sqlite3_stmt *put_trace, *put_tokens, *put_verdict, *put_harm, *put_decision, *put_cut;
    sqlite3_stmt *put_turn, *drop_turns;
};

/* Opens a regular file, never anything else, and lets nothing in it run code or touch other files.
 * flags are SQLite's.  The path is never read as a URI. */
enum sc_status sc_database_open(struct sc_store *store, int flags, struct sc_error *error);

/* Fails with what SQLite said last. */
enum sc_status sc_store_fail(struct sc_store *store, const char *doing, struct sc_error *error);
/* Fails with a code that one of its files gave, and words for it. */
enum sc_status sc_store_fail_with(struct sc_store *store, int code, const char *words,
                                  const char *doing, struct sc_error *error);
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
/* The text with which a table was made, or NULL when there is none; sc_free it. */
enum sc_status sc_store_table_sql(struct sc_store *store, const char *table, char **out,
                                  struct sc_error *error);

/* Of a table that comes into being later than the file: *there: it exists and was made with this
 * text (and the column of keys, keys.h); another one is an error.  make: it is made where it is
 * missing. */
enum sc_status sc_store_check_table(struct sc_store *store, const struct sc_table_made *table,
                                    bool *there, struct sc_error *error);
enum sc_status sc_store_make_table(struct sc_store *store, const struct sc_table_made *table,
                                   struct sc_error *error);
/* All of a list, in one transaction. */
enum sc_status sc_store_make_tables(struct sc_store *store, const struct sc_table_made *list,
                                    struct sc_error *error);

/* What `reading` needs beside it, once it is there: the table of one row has no index of its own,
 * and without one nobody would see that the row is gone.  Of other tables nothing. */
extern const char sc_store_twin_sql[];
enum sc_status sc_store_make_twin(struct sc_store *store, const char *table,
                                  struct sc_error *error);

/* Fails when the path no longer names the file that was opened: a folder that was removed, or moved
 * away and made again, takes traces and keeps none of them. */
enum sc_status sc_store_check_place(const struct sc_store *store, struct sc_error *error);

/* ---- writing --------------------------------------------------------------------------------- */

/* Binds values to the places of a statement, one after another. */
struct sc_binder {
    sqlite3_stmt *statement;
    int place; /* of the last one bound */
    bool failed;
};
void sc_bind_text(struct sc_binder *binder, const char *text); /* NULL: null; must stay */
void sc_bind_int(struct sc_binder *binder, int64_t value);
void sc_bind_size(struct sc_binder *binder, size_t value);
void sc_bind_real(struct sc_binder *binder, double value);                   /* NaN: null */
void sc_bind_blob(struct sc_binder *binder, const void *bytes, size_t size); /* NULL: null */
void sc_bind_null(struct sc_binder *binder);
/* Runs a statement that gives no rows and makes it ready for the next time. */
enum sc_status sc_store_run(struct sc_store *store, const struct sc_binder *binder,
                            struct sc_error *error);
/* Prepares a statement that is run once; runs it and lets go of it. */
enum sc_status sc_store_begin_put(struct sc_store *store, const char *sql, struct sc_binder *put,
                                  struct sc_error *error);
enum sc_status sc_store_end_put(struct sc_store *store, struct sc_binder *put,
                                struct sc_error *error);

/* ---- reading --------------------------------------------------------------------------------- */

/* A row under way; `where` names it in messages. */
struct sc_row {
    struct sc_store *store;
    sqlite3_stmt *statement;
    const char *where;
};
/* *more: there is a row. */
enum sc_status sc_row_next(const struct sc_row *row, bool *more, struct sc_error *error);
bool sc_row_is_null(const struct sc_row *row, int column);
/* Copies a text column: valid UTF-8 without NUL, else an error that names the row. NULL stays NULL
 * when it may. */
enum sc_status sc_row_text(const struct sc_row *row, int column, bool may_be_null, char **out,
                           struct sc_error *error);
/* An integer column in [low, high]. */
enum sc_status sc_row_int(const struct sc_row *row, int column, int64_t low, int64_t high,
                          int64_t *out, struct sc_error *error);
/* A column that holds a name; parse gives its value or -1. */
enum sc_status sc_row_name(const struct sc_row *row, int column, int (*parse)(const char *),
                           int *out, struct sc_error *error);
double sc_row_real(const struct sc_row *row, int column); /* null: NaN */

#endif
