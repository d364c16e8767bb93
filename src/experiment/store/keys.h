/*
 * A key for every row of run.db (row_key.h), in the column row_key, the last one.  A row that was
 * damaged, or written by anybody else, does not have the key of what stands in it, and is named
 * before anything is computed from it (damage.h).
 *
 * Rows that are missing are none of the keys' business: traces may be taken out to be sampled
 * again.
 */
#ifndef SC_EXPERIMENT_STORE_KEYS_H
#define SC_EXPERIMENT_STORE_KEYS_H

#include "base/text.h"
#include "experiment/store/database.h"

/* Prepares a statement from its text, which it releases. */
enum sc_status sc_store_prepare_text(struct sc_store *store, struct sc_text *sql,
                                     sqlite3_stmt **out, struct sc_error *error);
/* Prepares "verb INTO table VALUES (...)" with n places; the key is the row's last column. */
enum sc_status sc_keys_prepare_put(struct sc_store *store, const char *verb, const char *table,
                                   int n, sqlite3_stmt **out, struct sc_error *error);
/* Of one that is run once, and puts its row in the place of one that is there. */
enum sc_status sc_store_begin_row(struct sc_store *store, const char *table, int n,
                                  struct sc_binder *put, struct sc_error *error);
/* Gives all rows of a table, or those that a condition selects, the keys of what stands in them. */
enum sc_status sc_keys_renew(struct sc_store *store, const char *table, const char *where,
                             struct sc_error *error);
/* The columns of a table but for the key, with commas between. */
enum sc_status sc_keys_columns(struct sc_store *store, const char *table, struct sc_text *out,
                               struct sc_error *error);

#endif
