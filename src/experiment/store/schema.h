/*
 * The tables of run.db and their versions.
 *
 *   1   no table of cuts at first, no ends of tokens
 *   2   token.text_end
 *   3   token's figures and ids, and numbers of tokens, may be NULL: not given by the source
 *   4   instance.messages, prefill, line; trace.forced_begin, n_forced; the table of turns
 *   5   row_key in every table (keys.h)
 *
 * A file of any of these is read as it is.  One that is opened to be written to is brought to the
 * newest version first.
 */
#ifndef SC_EXPERIMENT_STORE_SCHEMA_H
#define SC_EXPERIMENT_STORE_SCHEMA_H

#include "experiment/store/database.h"
#include "experiment/store/store.h"

enum { SC_SCHEMA_VERSION = 5, SC_SCHEMA_TEXT_ENDS = 2, SC_SCHEMA_TURNS = 4, SC_SCHEMA_KEYS = 5 };

/* Whether the tables are exactly those of a version that is known, which it notes in the store;
 * *empty: there are none at all. */
enum sc_status sc_schema_check(struct sc_store *store, bool *empty, struct sc_error *error);

/* Writes tables, configuration and instances into an empty file: all or nothing. */
enum sc_status sc_schema_create(struct sc_store *store, const struct sc_store_run *run,
                                struct sc_error *error);

/* Brings a file to the newest version, in one transaction; every row is given its key. */
enum sc_status sc_schema_migrate(struct sc_store *store, struct sc_error *error);

/* The i-th of the tables that every file has; NULL: there are no more. */
const char *sc_schema_table(size_t i);

#endif
