/*
 * A prompt's answers as a tree, computed node by node: a node is a beginning of an answer, its
 * branches are the tokens that may come next under the distribution that is sampled from, each with
 * its probability.  Who asks decides which nodes are computed; what a node gives does not depend on
 * what is computed beside it.
 *
 * The table at the end is all that an exploration sees, so that one can be tried on tables of
 * numbers; sc_expander is the model in this process behind it.
 */
#ifndef SC_ENGINE_EXPAND_H
#define SC_ENGINE_EXPAND_H

#include "engine/branches.h"
#include "engine/inference.h"

#define SC_NO_NODE UINT32_MAX

/* One node to be computed. */
struct sc_node_request {
    uint32_t parent; /* in: a node that is kept; SC_NO_NODE: this is the beginning of the answer */
    int32_t token;   /* in: a branch of the parent; not read for the beginning */
    struct sc_branches branches;
    uint32_t node; /* out: its handle, which stays kept until it is released */
    bool ok;       /* out: the logits were finite; else there is no handle and nothing is given */
};

struct sc_expanding {
    void *context;
    /* Computes n nodes, whose parents were computed by earlier calls.  SC_ERR_LIMIT: there is no
     * room for as many kept nodes; nothing was computed then, and what is kept stays. */
    enum sc_status (*expand)(void *context, struct sc_node_request *requests, size_t n,
                             struct sc_error *error);
    /* Nothing further will be asked beneath this node.  Nodes beneath it that are kept go on. */
    void (*release)(void *context, uint32_t node);
};

/* ---- the model in this process --------------------------------------------------------------- */

struct sc_expander_options {
    struct sc_sampling sampling;
    size_t max_prompt;     /* tokens of the longest prompt */
    size_t max_new_tokens; /* longest answer: the deepest node has one token less */
    size_t width;          /* nodes computed in one step; 0: chosen */
    size_t max_branches;   /* largest struct sc_branches.max and n_drawn */
    size_t max_bytes;      /* memory limit for nodes and prompts; 0: a share of what is available */
};

struct sc_expander;

enum sc_status sc_expander_open(struct sc_expander **out, const struct sc_engine *engine,
                                const struct sc_expander_options *options, struct sc_error *error);
void sc_expander_close(struct sc_expander *expander); /* NULL is fine */

/* Turns to another prompt, ids [n], borrowed until the next; all nodes are released. */
enum sc_status sc_expander_begin(struct sc_expander *expander, const int32_t *ids, size_t n,
                                 struct sc_error *error);
/* Its table; the beginning of the answer is computed with the prompt, by the first expand. */
struct sc_expanding sc_expander_table(struct sc_expander *expander);

size_t sc_expander_width(const struct sc_expander *expander); /* nodes that fill a step */
size_t sc_expander_most(const struct sc_expander *expander);  /* nodes that can be kept at once */
uint64_t sc_expander_n_rows(const struct sc_expander *expander); /* behind the prompt, since open */

#endif
