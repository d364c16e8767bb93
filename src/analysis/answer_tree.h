/* The tree of a stored prompt's answers, from the policy that samples most. */
#ifndef SC_ANALYSIS_ANSWER_TREE_H
#define SC_ANALYSIS_ANSWER_TREE_H

#include "analysis/analysis.h"
#include "tree/shape.h"

struct sc_answer_tree {
    struct sc_tree tree;            /* n 0: there is none */
    struct sc_tree_answer *answers; /* [n] */
    size_t *traces;                 /* [n] the trace of each */
    int32_t *ids;                   /* of answers whose source gives texts of tokens alone */
    size_t n;
};

/* Of all its traces but failed ones.  None where these are fewer than two, where the source did not
 * give the tokens of one, or where earlier turns were generated, so that traces began differently.
 * Texts and ids are borrowed from the run. */
enum sc_status sc_answer_tree_make(const struct sc_run *run, size_t instance, size_t policy,
                                   struct sc_answer_tree *out, struct sc_error *error);
void sc_answer_tree_free(struct sc_answer_tree *tree); /* zeros are fine */

#endif
