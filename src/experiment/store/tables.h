/*
 * The tables that come into being later than their file, or only in some files.  Each is made in
 * one place and listed here, so that whoever copies a run (merge) copies all of it.  Those that
 * every file has: schema.h.
 */
#ifndef SC_EXPERIMENT_STORE_TABLES_H
#define SC_EXPERIMENT_STORE_TABLES_H

#include <stddef.h>

/* The text is compared with the stored one, so a change needs another name or a new version of the
 * schema.  Lists end with NULL. */
struct sc_table_made {
    const char *name, *sql;
};
extern const struct sc_table_made sc_judgement_tables[]; /* judgements.c */
extern const struct sc_table_made sc_score_tables[];     /* scores.c */
extern const struct sc_table_made sc_reply_tables[];     /* replies.c */
extern const struct sc_table_made sc_label_tables[];     /* labels.c */
extern const struct sc_table_made sc_given_tables[];     /* given.c */
extern const struct sc_table_made sc_weighed_tables[];   /* weighed.c */
extern const struct sc_table_made sc_position_tables[];  /* positions.c */

/* That of any of these lists with this name; NULL: there is none. */
const struct sc_table_made *sc_table_made_of(const char *name);
/* The i-th of all of them; NULL: there are no more. */
const struct sc_table_made *sc_table_made_at(size_t i);

#endif
