/*
 * What is known of the files of a set that were fetched: "source.json" beside them.  Private to
 * this room.
 */
#ifndef SC_HUB_RECORD_H
#define SC_HUB_RECORD_H

#include "hub/sets.h"

#define SC_RECORD_NAME "source.json"

/* Fills sha256, revision and fetched of the parts that the record in the folder has; without one
 * they stay as they are.  A record that cannot be read is an error that names it. */
enum sc_status sc_record_read(struct sc_set_state *state, struct sc_error *error);
/* Writes those of the parts, all that have a checksum; what it has of others stays. */
enum sc_status sc_record_write(const struct sc_set *set, const struct sc_set_state *state,
                               struct sc_error *error);

#endif
