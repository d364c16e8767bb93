/*
 * What the reader found in an answer, where one was asked: how likely it is that it refuses, and
 * the pieces that weighed most.  Rows of run.db beside the verdicts, in a table that comes into
 * being with the first.
 */
#ifndef SC_EXPERIMENT_STORE_WEIGHED_H
#define SC_EXPERIMENT_STORE_WEIGHED_H

#include "experiment/store/database.h"
#include "experiment/store/run_data.h"

/* What there is of a verdict; `there` is false where no reader was asked. */
struct sc_weighed sc_weighed_of(const struct sc_detection *found);

/* Notes whether the table is there, before the first trace is written. */
enum sc_status sc_weighed_prepare(struct sc_store *store, struct sc_error *error);
/* Keeps what was found for one verdict, within the caller's transaction. */
enum sc_status sc_weighed_put(struct sc_store *store, const struct sc_weighed *weighed,
                              size_t position, uint32_t trace, const char *detector,
                              struct sc_error *error);
/* Takes away what stands there of a trace that is sampled again. */
enum sc_status sc_weighed_drop(struct sc_store *store, size_t position, uint32_t trace,
                               struct sc_error *error);
/* Fills the loaded traces that carry verdicts of run->detector. */
enum sc_status sc_weighed_load(struct sc_store *store, struct sc_run *run, struct sc_error *error);

#endif
