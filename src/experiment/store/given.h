/*
 * What a source says of its traces beside their text and figures: the end as it names it, reasoning
 * that it keeps apart, its own counts of tokens, bounds of the entropy.  Rows of run.db beside
 * those of the traces and of the turns before.
 *
 * The table comes into being with the first row; a run of the model in this process has none.
 */
#ifndef SC_EXPERIMENT_STORE_GIVEN_H
#define SC_EXPERIMENT_STORE_GIVEN_H

#include "experiment/store/database.h"
#include "experiment/store/run_data.h"

/* Notes whether the table is there, before the first trace is written. */
enum sc_status sc_given_prepare(struct sc_store *store, struct sc_error *error);
/* Keeps what there is of a trace and of its turns, within the caller's transaction. */
enum sc_status sc_given_put(struct sc_store *store, size_t position,
                            const struct sc_run_trace *trace, struct sc_error *error);

/* Reads all rows beside the traces, in the order of these.  Rows of a trace that somebody removed
 * are passed over. */
struct sc_given_cursor {
    struct sc_row row; /* statement NULL: there is no table */
    bool more;
    int64_t instance, trace;
};
/* sc_given_close it in any case. */
enum sc_status sc_given_open(struct sc_store *store, struct sc_given_cursor *cursor,
                             struct sc_error *error);
/* Fills a trace that was read with its turns; bounds only where its tokens are wanted. */
enum sc_status sc_given_take(struct sc_given_cursor *cursor, size_t position, bool tokens,
                             struct sc_run_trace *trace, struct sc_error *error);
void sc_given_close(struct sc_given_cursor *cursor);

#endif
