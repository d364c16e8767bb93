/*
 * Damage in run.db: what SQLite says against the file (pages, order, indices beside tables), and
 * rows whose keys do not match what stands in them (keys.h).
 */
#ifndef SC_EXPERIMENT_STORE_DAMAGE_H
#define SC_EXPERIMENT_STORE_DAMAGE_H

#include "base/text.h"
#include "experiment/store/database.h"

/* Calls for each table of a run that the file has. */
typedef enum sc_status sc_table_visitor(struct sc_store *store, const char *table, void *context,
                                        struct sc_error *error);
enum sc_status sc_store_each_table(struct sc_store *store, sc_table_visitor *visit, void *context,
                                   struct sc_error *error);

/* A row whose key is not that of its content. */
struct sc_row_damage {
    const char *table;
    int64_t row;             /* its number in the table */
    bool of_instance;        /* the two below are known */
    int64_t instance, trace; /* trace -1: the prompt's; as the row says, which may be the damage */
};
typedef enum sc_status sc_row_damage_reader(void *context, const struct sc_row_damage *damage,
                                            struct sc_error *error);
/* Looks through all rows of one table, or of all tables of a run (NULL).  A file of a version
 * without keys has none that could be wrong.  *n_rows (or NULL): how many were looked at. */
enum sc_status sc_rows_scan(struct sc_store *store, const char *table, sc_row_damage_reader *reader,
                            void *context, size_t *n_rows, struct sc_error *error);

/* Says of which trace of which prompt a damaged row is: `trace 7 of prompt "x" (table token)`. */
void sc_row_damage_say(struct sc_store *store, const struct sc_row_damage *damage,
                       struct sc_text *out);

/* What SQLite itself says against the file, at most `most` sentences one after another; none: it is
 * sound. */
typedef enum sc_status sc_file_damage_reader(void *context, const char *what,
                                             struct sc_error *error);
enum sc_status sc_file_scan(struct sc_store *store, int most, sc_file_damage_reader *reader,
                            void *context, struct sc_error *error);

/* Fails at the first thing that is wrong: with the file, or with a row. */
enum sc_status sc_store_check(struct sc_store *store, struct sc_error *error);

#endif
