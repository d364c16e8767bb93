/*
 * A prompt's tree of answers as it is described and shown, wherever it comes from: from sampled
 * traces, whose masses are shares, or from an exploration, whose masses are probabilities.  What is
 * said of it is in decided.h.
 */
#ifndef SC_TREE_SHAPE_H
#define SC_TREE_SHAPE_H

#include <safeconf/vocabulary.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SC_NO_PARENT UINT32_MAX

/* A stretch of tokens without a fork: the answers that begin with the parent's tokens and then with
 * these.  Nodes stand in depth-first order, parents before children and the heavier child first;
 * node 0 is the beginning of all and has no tokens. */
struct sc_tree_node {
    uint32_t parent;  /* SC_NO_PARENT for node 0 */
    uint32_t depth;   /* tokens from the beginning of the answer to the end of this stretch; it
                       * begins behind the parent's depth */
    int32_t token;    /* the first of the stretch; -1: none, of node 0, of an answer that ends where
                       * others go on, and of what is not explored further from the parent on */
    uint32_t answer;  /* of those it was built from: one that begins so, if any with its text */
    const char *text; /* what it adds to the answer, UTF-8; "" where that is nothing or not known */
    double mass;      /* of all answers, those that begin so */
    /* That an answer begins so, under the distribution that was sampled from: the product of its
     * tokens' probabilities; NaN: not known. */
    double probability;
    /* Of mass: what is known, or estimated, to end in a refusal (partial ones with it) and in
     * compliance; the rest is neither (empty, not judged) or not known. */
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

/* An answer, or the beginning of answers that were not explored further. */
struct sc_tree_answer {
    const int32_t *ids;        /* [n], from the beginning of the answer; an end token among them */
    size_t n;                  /* for what is not explored at an inner node: that node's tokens */
    const char *text;          /* UTF-8; NULL: not known */
    const uint32_t *text_ends; /* [n] bytes of text that the tokens up to this one complete */
    const struct sc_token_stats *stats; /* [n] sampled_logprob is read; NULL: not known */
    double mass;                        /* as in struct sc_tree_node */
    double refused, complied;
    uint64_t n_traces;
    bool ended; /* false: a beginning alone */
};

/* Builds the tree of n answers (at least one); equal ones are one leaf, and masses are summed.
 * Takes time in proportion to the tokens, memory to the answers; nothing recurses.  All is copied
 * out of the answers. */
enum sc_status sc_tree_build(const struct sc_tree_answer *answers, size_t n, bool exact,
                             struct sc_tree *out, struct sc_error *error);

/* The answers' text up to the end of a node, its beginning first; the caller releases it with
 * sc_free.  NULL: no memory. */
char *sc_tree_text(const struct sc_tree *tree, size_t node);

#endif
