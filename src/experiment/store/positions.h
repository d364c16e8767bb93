/*
 * Of a shard's instances, where they stand in the whole run: a table that a whole run does not
 * have.  Positions everywhere else in run.db are those in the shard, from 0 without gaps.
 */
#ifndef SC_EXPERIMENT_STORE_POSITIONS_H
#define SC_EXPERIMENT_STORE_POSITIONS_H

#include "experiment/store/store.h"

/* Makes the table and fills it, within the transaction that is open. */
enum sc_status sc_store_put_positions(struct sc_store *store, const size_t *positions, size_t n,
                                      struct sc_error *error);
/* Of all n instances of the shard, those of a run of n_all: they ascend.  *positions [n]: sc_free
 * it. */
enum sc_status sc_store_read_positions(struct sc_store *store, size_t n, size_t n_all,
                                       size_t **positions, struct sc_error *error);

#endif
