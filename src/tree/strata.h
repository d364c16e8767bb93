/* Branches and first tokens of many prompts, each prompt a stratum: a part of pool.c. */
#ifndef SC_TREE_STRATA_H
#define SC_TREE_STRATA_H

#include "tree/pool.h"

struct sc_stratum; /* a branch in one prompt */
struct sc_opening; /* a first token in one prompt */

struct sc_strata {
    struct sc_stratum *branches; /* [n_branches] */
    size_t n_branches, cap_branches;
    struct sc_opening *openings; /* [n_openings] */
    size_t n_openings, cap_openings;
    size_t n_prompts, n_traces;               /* that were added; their traces with verdict */
    double *first_refusing, *first_complying; /* [n_prompts], once finished */
};

void sc_strata_free(struct sc_strata *strata);
enum sc_status sc_strata_add(struct sc_strata *strata, size_t number, const struct sc_tree *tree,
                             const struct sc_tree_answer *answers, struct sc_error *error);
/* Fills forks and first tokens of out. */
enum sc_status sc_strata_finish(struct sc_strata *strata, struct sc_decided_run *out,
                                struct sc_error *error);

#endif
