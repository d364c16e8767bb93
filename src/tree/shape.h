/*
 * A prompt's tree of answers as it is described and shown, wherever it comes from: from sampled
 * traces, whose masses are shares, or from an exploration, whose masses are probabilities.
 */
#ifndef SC_TREE_SHAPE_H
#define SC_TREE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SC_NO_PARENT UINT32_MAX

/* A distinct beginning of answers.  Nodes stand in depth-first order, parents before children and
 * the heavier child first; node 0 is the beginning of all. */
struct sc_tree_node {
    uint32_t parent;  /* SC_NO_PARENT for node 0 */
    uint32_t depth;   /* tokens from the beginning of the answer */
    int32_t token;    /* the last of them */
    const char *text; /* what it adds to the answer, UTF-8; "" for node 0 and ends */
    double mass;      /* of all answers, those that begin so */
    /* Of mass: what is known, or estimated, to end in a refusal (partial answers with it) and in
     * compliance; the rest is neither or unknown. */
    double refused, complied;
    uint64_t n_traces; /* sampled ones that begin so; 0 where masses are exact */
    bool ended;        /* an answer ends here */
};

struct sc_tree {
    struct sc_tree_node *nodes; /* [n] */
    size_t n;
    char *texts; /* where the nodes' texts lie */
    bool exact;  /* masses are probabilities, not shares of traces */
};

void sc_tree_free(struct sc_tree *tree); /* zeros are fine */

#endif
