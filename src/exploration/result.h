/* What an exploration amounts to: shares from what is known and what was sampled. */
#ifndef SC_EXPLORATION_RESULT_H
#define SC_EXPLORATION_RESULT_H

#include "exploration/strata.h"

/* The traces that an estimate rests on, and what they were drawn beside. */
struct sc_sampled {
    const struct sc_pieces *strata; /* NULL: nothing was drawn */
    size_t n_finished;              /* answers that were known when the strata were fixed */
    struct sc_walk *walks;          /* [n_walks], all finished */
    size_t n_walks;
    double n[SC_MOST_STRATA];  /* of each stratum */
    const enum sc_harm *harms; /* of finished answers; NULL: nobody judged yet */
};

/* Shares that the verdict decides. */
struct sc_share sc_result_share(const struct sc_nodes *nodes, const struct sc_sampled *sampled,
                                enum sc_share_kind kind);
/* Everything; judges what is to be judged. */
enum sc_status sc_result_fill(const struct sc_nodes *nodes, struct sc_sampled *sampled,
                              struct sc_exploration *out, struct sc_error *error);

#endif
