/*
 * Strands: the groups of traces that have a row of each step.  A strand's logits give every one of
 * its traces a token, by the trace's own random number; those that draw the same stay together.
 * The part with the oldest request goes on in the strand, others that were asked for become
 * pending, and what nobody asked for is parked.
 */
#ifndef SC_ENGINE_STRANDS_H
#define SC_ENGINE_STRANDS_H

#include "engine/seats.h"

/* Gives a group that begins or is pending a free row. */
struct sc_strand *sc_strand_begin(struct sc_sampling_run *run, uint32_t group);
/* The trace of that seat, as a group by itself, taken out of one that begins; SC_NONE: it is not in
 * it. */
uint32_t sc_group_apart(struct sc_sampling_run *run, uint32_t group, uint32_t seat);
/* Frees the row; its group has gone elsewhere. */
void sc_strand_end(struct sc_sampling_run *run, struct sc_strand *strand);
/* The strand that has the group. */
struct sc_strand *sc_strand_of(const struct sc_sampling_run *run, uint32_t group);

/* Gives the newest token its place in a page; false: no piece of one is free. */
bool sc_strand_feed(struct sc_sampling_run *run, struct sc_strand *strand);
/* Strands side by side that have the more in common, the closer they stand. */
void sc_strands_sort(struct sc_sampling_run *run);

/* Adds the strand to those that get a token, from these logits. */
void sc_strand_add_draw(struct sc_sampling_run *run, struct sc_strand *strand, size_t logits);
/* Draws for all that were added, and hands over what has ended. */
enum sc_status sc_strands_draw(struct sc_sampling_run *run);
/* Puts the next token of a closing into the answer. */
enum sc_status sc_strand_force(struct sc_sampling_run *run, struct sc_strand *strand);

/* A trace of the group, which went along ahead, is asked for: its source sees all that it has said
 * so far, and gets it where it has ended. */
enum sc_status sc_group_ask(struct sc_sampling_run *run, uint32_t group, uint32_t seat);

#endif
