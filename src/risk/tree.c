/* See tree.h. */
#include "risk/tree.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/tokenizer.h"
#include "report/html/tree.h"
#include "source/text_ends.h"
#include "vocabulary/vocabulary.h"

/* Nodes of a tree that a line keeps. */
enum { MOST_NODES = 300 };
#define LEAST_REST 1e-9 /* what rounding leaves of nothing is not shown */

/* ---- from an exploration --------------------------------------------------------------------- */

/* Answers, and beginnings of those that are not known. */
struct leaves {
    struct sc_tokenizer *tokenizer;
    struct sc_tree_answer *answers; /* [n] */
    char **texts;                   /* [n] */
    uint32_t **ends;                /* [n] */
    int32_t **paths;                /* [n] NULL where the ids are the exploration's */
    size_t n;
};

static enum sc_status decode(void *context, const int32_t *ids, size_t n, char **text,
                             struct sc_error *error)
{
    return sc_tokenizer_decode(context, ids, n, false, text, error);
}

static enum sc_status add_leaf(struct leaves *leaves, const struct sc_tree_answer *leaf,
                               struct sc_error *error)
{
    const struct sc_decoder decoder = {.context = leaves->tokenizer, .decode = decode};
    size_t i = leaves->n++;
    leaves->answers[i] = *leaf;
    leaves->ends[i] = sc_alloc_array(leaf->n, sizeof *leaves->ends[i]);
    if (leaves->ends[i] == NULL)
        return sc_fail_nomem(error, "tree of answers");
    SC_TRY(decode(leaves->tokenizer, leaf->ids, leaf->n, &leaves->texts[i], error));
    leaves->answers[i].text = leaves->texts[i];
    leaves->answers[i].text_ends = leaves->ends[i];
    return sc_token_text_ends(&decoder, leaf->ids, leaf->n, leaves->texts[i], leaves->ends[i],
                              error);
}

static enum sc_status add_answer(struct leaves *leaves, const struct sc_found_answer *found,
                                 struct sc_error *error)
{
    double p = found->answer.probability;
    const struct sc_tree_answer leaf = {.ids = found->answer.ids,
                                        .n = found->answer.n,
                                        .mass = p,
                                        .refused = sc_verdict_is_refused(found->verdict) ? p : 0,
                                        .complied = sc_verdict_is_answer(found->verdict) ? p : 0,
                                        .ended = true};
    return add_leaf(leaves, &leaf, error);
}

static enum sc_status add_beginning(struct leaves *leaves, const struct sc_risk_seen *seen,
                                    size_t node, const struct sc_risk_rest *rest,
                                    struct sc_error *error)
{
    size_t n = sc_risk_path(seen, node, NULL);
    int32_t *ids = sc_alloc_array(n, sizeof *ids);
    if (ids == NULL)
        return sc_fail_nomem(error, "tree of answers");
    leaves->paths[leaves->n] = ids;
    sc_risk_path(seen, node, ids);
    const struct sc_tree_answer leaf = {.ids = ids,
                                        .n = n,
                                        .mass = rest->mass,
                                        .refused = rest->refused,
                                        .complied = rest->complied};
    return add_leaf(leaves, &leaf, error);
}

static enum sc_status add_beginnings(struct leaves *leaves, const struct sc_risk_found *found,
                                     struct sc_error *error)
{
    const struct sc_risk_seen *seen = &found->seen;
    struct sc_risk_rest *rests = sc_alloc_array(seen->n_nodes, sizeof *rests);
    enum sc_status status = SC_OK;
    if (rests == NULL)
        return sc_fail_nomem(error, "tree of answers");
    sc_risk_rest(seen, &found->answers, rests);
    for (size_t i = 0; status == SC_OK && i < seen->n_nodes; i++)
        if (rests[i].mass > LEAST_REST)
            status = add_beginning(leaves, seen, i, &rests[i], error);
    sc_free(rests);
    return status;
}

static enum sc_status build(const struct sc_risk_found *found, struct leaves *leaves,
                            struct sc_tree *out, struct sc_error *error)
{
    const struct sc_exploration *answers = &found->answers;
    size_t n = answers->n_answers + found->seen.n_nodes;
    leaves->answers = sc_alloc_zero(n, sizeof *leaves->answers);
    leaves->texts = sc_alloc_zero(n, sizeof *leaves->texts);
    leaves->ends = sc_alloc_zero(n, sizeof *leaves->ends);
    leaves->paths = sc_alloc_zero(n, sizeof *leaves->paths);
    if (leaves->answers == NULL || leaves->texts == NULL || leaves->ends == NULL ||
        leaves->paths == NULL)
        return sc_fail_nomem(error, "tree of answers");
    for (size_t i = 0; i < answers->n_answers; i++)
        SC_TRY(add_answer(leaves, &answers->answers[i], error));
    SC_TRY(add_beginnings(leaves, found, error));
    return sc_tree_build(leaves->answers, leaves->n, true, out, error);
}

enum sc_status sc_risk_build_tree(const struct sc_risk_line *line, struct sc_tree *out,
                                  struct sc_error *error)
{
    struct leaves leaves = {.tokenizer = line->asker->model.tokenizer};
    enum sc_status status = build(line->found, &leaves, out, error);
    for (size_t i = 0; i < leaves.n; i++) {
        sc_release(leaves.texts[i]);
        sc_free(leaves.ends[i]);
        sc_free(leaves.paths[i]);
    }
    sc_free(leaves.answers);
    sc_free(leaves.texts);
    sc_free(leaves.ends);
    sc_free(leaves.paths);
    return status;
}

/* ---- in a line ------------------------------------------------------------------------------- */

static int heavier_first(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a > b ? -1 : a < b;
}

/* The share of all answers that a node must have to stand by itself, for MOST_NODES or fewer. */
static double least_share(const struct sc_tree *tree, struct sc_text *failure)
{
    const double finest = 1e-9;
    if (tree->n <= MOST_NODES)
        return finest;
    double *masses = sc_alloc_array(tree->n, sizeof *masses);
    if (masses == NULL) {
        failure->failed = true;
        return 1;
    }
    for (size_t i = 0; i < tree->n; i++)
        masses[i] = tree->nodes[i].mass;
    qsort(masses, tree->n, sizeof *masses, heavier_first);
    double least = masses[MOST_NODES - 1] / tree->nodes[0].mass;
    sc_free(masses);
    return fmax(least, finest);
}

void sc_risk_put_tree(struct sc_json_writer *out, const char *key, const struct sc_tree *tree,
                      const struct sc_decided *decided)
{
    sc_html_put_tree(out, key, tree, least_share(tree, out->text), decided, NULL);
}

/* [parent, depth, mass, refused, complied, n_below, probability, text, ended] */
static bool read_node(json_t *item, size_t place, struct sc_tree_node *node)
{
    int parent = -1, depth = 0, n_below = 0, ended = 0;
    const char *text = NULL;
    json_t *probability = NULL;
    double mass, refused, complied;
    if (json_unpack(item, "[i,i,F,F,F,i,o,s,b]", &parent, &depth, &mass, &refused, &complied,
                    &n_below, &probability, &text, &ended) != 0)
        return false;
    bool root = place == 0;
    if (depth < 0 || (root ? parent != -1 : parent < 0 || (size_t)parent >= place))
        return false;
    *node = (struct sc_tree_node){.parent = root ? SC_NO_PARENT : (uint32_t)parent,
                                  .depth = (uint32_t)depth,
                                  .token = -1,
                                  .text = text,
                                  .mass = mass,
                                  .refused = refused,
                                  .complied = complied,
                                  .ended = ended != 0};
    return true;
}

/* Of small branches, which stand last. */
static bool is_sum(const json_t *item)
{
    return json_is_null(json_array_get(item, 7));
}

enum sc_status sc_risk_take_tree(const json_t *line, struct sc_tree *out, struct sc_error *error)
{
    json_t *nodes = json_object_get(json_object_get(line, "tree"), "nodes");
    size_t n = json_array_size(nodes);
    *out = (struct sc_tree){.exact = true};
    if (n == 0 || is_sum(json_array_get(nodes, 0)))
        return sc_fail(error, SC_ERR_FORMAT, "tree: expected its nodes, found none");
    out->nodes = sc_alloc_array(n, sizeof *out->nodes);
    if (out->nodes == NULL)
        return sc_fail_nomem(error, "tree of answers");
    for (out->n = 0; out->n < n; out->n++) {
        json_t *item = json_array_get(nodes, out->n);
        if (is_sum(item))
            break;
        if (read_node(item, out->n, &out->nodes[out->n]))
            continue;
        size_t at = out->n;
        sc_tree_free(out);
        return sc_fail(error, SC_ERR_FORMAT, "tree: node %zu: expected its nine values", at);
    }
    return SC_OK;
}
