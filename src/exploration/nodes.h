/*
 * What is known of a tree of answers: the nodes that were computed, their branches, and the answers
 * that are finished.  A node stands behind its parent in the order of their numbers.
 *
 * A node that was reached by a branch of every node above it is *listed*; one that was reached by a
 * draw from what a node does not list is not, and neither is what lies beneath it.  Every answer
 * lies either beneath listed branches or beneath the rest of one listed node.
 */
#ifndef SC_EXPLORATION_NODES_H
#define SC_EXPLORATION_NODES_H

#include "exploration/exploration.h"

#define SC_NOWHERE UINT32_MAX

struct sc_branch {
    int32_t token;
    uint32_t to;     /* a node, or an answer, or SC_NOWHERE: not computed yet */
    uint32_t of;     /* the node that it leaves */
    uint32_t next;   /* of the branches drawn from the same rest; SC_NOWHERE: the last */
    uint32_t wanted; /* scratch of a step: its request, or SC_NOWHERE */
    bool ends;       /* to is an answer */
    double logprob;  /* given its node */
};

struct sc_node {
    uint32_t parent; /* SC_NOWHERE: the beginning */
    uint32_t branch; /* that led here */
    uint32_t depth;  /* tokens */
    uint32_t handle; /* SC_NO_NODE: given back */
    uint32_t first, n;
    uint32_t drawn;  /* first of the branches drawn from its rest */
    uint32_t open;   /* branches, and children with a rest, that still need the handle */
    uint32_t wanted; /* scratch of a step, as in a branch */
    bool listed, pinned;
    double logmass, rest;
};

struct sc_finished {
    uint32_t node, branch;
    bool stopped, listed;
    enum sc_verdict verdict;
    double logmass;
};

/* A node that is to be computed, or computed again for draws from its rest. */
struct sc_wanted {
    uint32_t branch; /* SC_NOWHERE: the beginning */
    uint32_t again;  /* the node, where it is known; else SC_NOWHERE */
    size_t n_drawn;
};

/* Compensated, so that it does not drift over a million answers. */
struct sc_total {
    double sum, lost;
};
void sc_total_add(struct sc_total *total, double x);
double sc_total_value(const struct sc_total *total);

struct sc_frontier_entry {
    double mass;
    uint32_t branch;
};

struct sc_nodes {
    const struct sc_expanding *expanding;
    const struct sc_reading *reading;
    const struct sc_exploration_options *options;
    struct sc_node *nodes;
    struct sc_branch *branches;
    struct sc_finished *finished;
    struct sc_frontier_entry *frontier; /* a heap: branches to compute, the heaviest first */
    size_t n_nodes, cap_nodes, n_branches, cap_branches, n_finished, cap_finished, n_frontier,
        cap_frontier;
    uint64_t rows; /* computed, the beginning left out */
    struct sc_total finished_mass;
    size_t n_pieces;     /* listed branches that are not computed, and rests of listed nodes */
    size_t n_kept, step; /* nodes with a handle; nodes computed at once */
    size_t max_drawn;    /* draws that a request takes */
    /* Scratch of a step. */
    struct sc_wanted *wanted; /* [step] */
    size_t n_wanted;
    struct sc_node_request *requests; /* [step] */
    int32_t *ids, *drawn;             /* [step * max_branches], [step * max_drawn] */
    double *logprobs, *u, *drawn_logprobs;
    int32_t *path; /* [max_new_tokens] */
};

/* Computes the beginning. */
enum sc_status sc_nodes_open(struct sc_nodes *out, const struct sc_expanding *expanding,
                             const struct sc_reading *reading,
                             const struct sc_exploration_options *options, struct sc_error *error);
void sc_nodes_close(struct sc_nodes *nodes); /* zeros are fine */

/* Asks for a node in the step that is prepared: its place there, or SC_NOWHERE where the step is
 * full.  One that is asked for twice has one place. */
uint32_t sc_nodes_want_branch(struct sc_nodes *nodes, uint32_t branch);
uint32_t sc_nodes_want_again(struct sc_nodes *nodes, uint32_t node);
/* Has the request at this place draw from its rest with u, too: the draw's number among its draws;
 * SC_NOWHERE: it has as many as it takes. */
uint32_t sc_nodes_want_drawn(struct sc_nodes *nodes, uint32_t place, double u);
/* Computes the step that was prepared.  Its draws can be read until the next is prepared. */
enum sc_status sc_nodes_compute(struct sc_nodes *nodes, struct sc_error *error);

/* Gives up the step that was prepared. */
void sc_nodes_forget(struct sc_nodes *nodes);

/* The heaviest branch that is not computed, which it takes out; false: there is none. */
bool sc_nodes_take_heaviest(struct sc_nodes *nodes, uint32_t *branch);

/* A branch of the rest of a node, made where the token was not drawn before. */
enum sc_status sc_nodes_drawn_branch(struct sc_nodes *nodes, uint32_t node, int32_t token,
                                     double logprob, uint32_t *branch, struct sc_error *error);

static inline double sc_nodes_branch_logmass(const struct sc_nodes *nodes, uint32_t branch)
{
    const struct sc_branch *b = &nodes->branches[branch];
    return nodes->nodes[b->of].logmass + b->logprob;
}

/* The ids of a finished answer, in ids [max_new_tokens]; their number. */
size_t sc_nodes_ids(const struct sc_nodes *nodes, const struct sc_finished *finished, int32_t *ids);

#endif
