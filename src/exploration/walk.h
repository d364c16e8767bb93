/*
 * Answers drawn at random beneath given beginnings, many in lockstep: a node that several stand at
 * is computed once, and one that is known costs nothing.
 */
#ifndef SC_EXPLORATION_WALK_H
#define SC_EXPLORATION_WALK_H

#include "exploration/nodes.h"

/* One trace. */
struct sc_walk {
    uint32_t trace; /* its number: the key of its random numbers */
    /* in: a branch that is not computed and that it takes; or, with SC_NOWHERE, a node from whose
     * rest it draws */
    uint32_t branch, rest_of;
    size_t stratum;    /* the caller's */
    uint32_t finished; /* out: the answer */
};

/* Draws n answers.  *complete is false where options.max_rows was reached before all were drawn;
 * those that were not have SC_NOWHERE.  What a trace draws does not depend on the others. */
enum sc_status sc_walk(struct sc_nodes *nodes, struct sc_walk *walks, size_t n, bool *complete,
                       struct sc_error *error);

/* The random number of a trace at a position, apart from those of its tokens. */
double sc_walk_choice(const struct sc_exploration_options *options, uint32_t trace);

#endif
