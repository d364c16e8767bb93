/*
 * What is given up when pages are short, so that the oldest trace that was asked for always goes
 * on.
 */
#ifndef SC_ENGINE_ROOM_H
#define SC_ENGINE_ROOM_H

#include "engine/seats.h"

/* No piece is free for the strand's newest token: gives up something that holds some, or notes that
 * the oldest trace runs alone from now on (run->careful).  It may be the strand itself. */
void sc_room_make(struct sc_sampling_run *run, struct sc_strand *strand);
/* Gives up the tree that is idle longest; false: there is none. */
bool sc_room_give_up_idle(struct sc_sampling_run *run);

#endif
