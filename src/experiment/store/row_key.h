/*
 * The key of a row of run.db: XXH3-64 of its table's name and of all its other columns.  Each value
 * is a byte for its type (i r t b n) and eight for the number or the length, the lowest first, and
 * then the bytes of text or blob.
 */
#ifndef SC_EXPERIMENT_STORE_ROW_KEY_H
#define SC_EXPERIMENT_STORE_ROW_KEY_H

#include <sqlite3.h>

/* Makes the function sc_row_key(table, column, ...) of SQL on a connection; SQLite's code. */
int sc_row_key_install(sqlite3 *db);

/* The text of a table with the column of the keys, from the text without; sc_free it. */
char *sc_keyed_sql(const char *plain);

#endif
