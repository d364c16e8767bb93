/*
 * What an exploration has computed of a prompt's tree, so that every branch can be shown with all
 * of its mass and not with that of its finished answers alone.  It stands between the exploration
 * and the model, and notes the heavier nodes that pass.
 */
#ifndef SC_RISK_SEEN_H
#define SC_RISK_SEEN_H

#include "exploration/exploration.h"

/* A beginning of answers, in the order in which they were computed: parents first. */
struct sc_risk_seen_node {
    uint32_t parent;                    /* SC_NO_NODE: it is the beginning of all */
    int32_t token;                      /* the last one */
    double mass;                        /* of all answers, those that begin so */
    uint32_t first_child, next_sibling; /* SC_NO_NODE: none */
    size_t first_branch, n_branches;    /* in branches */
};

/* Begins as zeros but for inner; sc_risk_seen_free. */
struct sc_risk_seen {
    struct sc_expanding inner; /* the model */
    struct sc_risk_seen_node *nodes;
    size_t n_nodes, cap_nodes;
    struct sc_risk_seen_branch {
        int32_t token;
        double logprob;
    } * branches; /* that may come behind the nodes */
    size_t n_branches, cap_branches;
    uint32_t *places; /* [n_places] by handle of the model: the node, or SC_NO_NODE */
    size_t n_places;
};

/* The model's table, watched. */
struct sc_expanding sc_risk_watch(struct sc_risk_seen *seen);
void sc_risk_seen_free(struct sc_risk_seen *seen);

/* What is not known behind a node, and how much of it is taken to refuse and to comply: as much as
 * of the answers that are known behind it, or behind the nearest beginning of which one is. */
struct sc_risk_rest {
    double mass, refused, complied;
};
/* rests [n_nodes]; little ones are given to their parents. */
void sc_risk_rest(const struct sc_risk_seen *seen, const struct sc_exploration *found,
                  struct sc_risk_rest *rests);
/* Tokens of a node, from the beginning of the answer: as many as its depth, which is returned;
 * ids may be NULL. */
size_t sc_risk_path(const struct sc_risk_seen *seen, size_t node, int32_t *ids);

#endif
