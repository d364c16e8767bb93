/*
 * What is not known of a tree of answers, in groups whose answers are thought to be alike.
 *
 * Each branch that was not computed, and each rest that a node does not list, is a *piece*: its
 * mass is known, its answers are not.  What is known around a piece says how they may read; pieces
 * that promise the same are one stratum.  A wrong promise costs precision and nothing else.
 */
#ifndef SC_EXPLORATION_STRATA_H
#define SC_EXPLORATION_STRATA_H

#include "exploration/walk.h"

enum { SC_MOST_STRATA = 5 };

struct sc_piece {
    uint32_t branch, rest_of; /* as in struct sc_walk */
    size_t stratum;
    double mass;
    double promise; /* share of refusals that is expected beneath it */
    double below;   /* sum of the weights of the pieces of its stratum up to and with it */
};

struct sc_piece_stratum {
    size_t first, n; /* of the pieces */
    double mass;
    int promise; /* class: 0 hardly ever refused ... SC_MOST_STRATA - 1 nearly always */
};

struct sc_pieces {
    struct sc_piece *pieces; /* by stratum */
    size_t n_pieces, n_strata;
    struct sc_piece_stratum strata[SC_MOST_STRATA];
    double mass; /* of all */
};

/* The pieces of what is known now, those that are listed; together: in one stratum. */
enum sc_status sc_pieces_make(const struct sc_nodes *nodes, bool together, struct sc_pieces *out,
                              struct sc_error *error);
void sc_pieces_free(struct sc_pieces *strata); /* zeros are fine */

/* Has a trace begin at a piece of the stratum, drawn by mass. */
void sc_pieces_draw(const struct sc_pieces *strata, const struct sc_exploration_options *options,
                    size_t stratum, struct sc_walk *walk);

/* What a pilot saw of pieces of each class of promise. */
struct sc_pilot_count {
    double n, refused;
};

/* How many traces each stratum is given. */
struct sc_allocation {
    double n[SC_MOST_STRATA];
    double total;
    double width; /* of the interval that is expected with them */
};
/* The least traces whose interval is expected to be so narrow. */
struct sc_allocation sc_allocate_for_width(const struct sc_pieces *strata,
                                           const struct sc_pilot_count *seen, double width);
/* The narrowest interval of so many traces. */
struct sc_allocation sc_allocate_total(const struct sc_pieces *strata,
                                       const struct sc_pilot_count *seen, double total);
/* The share of a plan after which the interval may be so narrow already: if the pilot saw all there
 * is to see. */
double sc_allocation_share(const struct sc_pieces *strata, const struct sc_pilot_count *seen,
                           const struct sc_allocation *plan, double width);

#endif
