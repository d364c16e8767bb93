/*
 * The tree of answers: sorted by their tokens, answers with a common beginning stand together, and
 * a range of them is a node.
 */
#include "tree/shape.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* An answer in the order of its tokens. */
struct place {
    const int32_t *ids;
    size_t n;
    uint32_t answer;
};

/* Answers [low, high) of the order, which have `depth` tokens in common that are nodes already. */
struct range {
    size_t low, high, depth;
    uint32_t parent;
};

struct builder {
    const struct sc_tree_answer *answers;
    struct place *order; /* [n] */
    struct range *stack;
    size_t n, n_stack, cap_stack;
    struct sc_tree_node *nodes; /* parents first; otherwise in no order yet */
    size_t n_nodes, cap_nodes;
};

static int by_tokens(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    size_t n = a->n < b->n ? a->n : b->n;
    for (size_t i = 0; i < n; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    return a->answer < b->answer ? -1 : a->answer > b->answer;
}

static enum sc_status push(struct builder *b, struct range range, struct sc_error *error)
{
    if (sc_grow((void **)&b->stack, b->n_stack, &b->cap_stack, sizeof *b->stack) != 0)
        return sc_fail_nomem(error, "tree of answers");
    b->stack[b->n_stack++] = range;
    return SC_OK;
}

static enum sc_status add_node(struct builder *b, const struct sc_tree_node *node,
                               struct sc_error *error)
{
    if (sc_grow((void **)&b->nodes, b->n_nodes, &b->cap_nodes, sizeof *b->nodes) != 0)
        return sc_fail_nomem(error, "tree of answers");
    b->nodes[b->n_nodes++] = *node;
    return SC_OK;
}

/* A node that is a leaf: answers [low, high) end there, all alike. */
static enum sc_status add_leaf(struct builder *b, struct sc_tree_node node, size_t low, size_t high,
                               struct sc_error *error)
{
    for (size_t i = low; i < high; i++) {
        const struct sc_tree_answer *answer = &b->answers[b->order[i].answer];
        node.mass += answer->mass;
        node.refused += answer->refused;
        node.complied += answer->complied;
        node.n_traces += answer->n_traces;
        node.ended |= answer->ended;
    }
    return add_node(b, &node, error);
}

/* The ranges below a node: answers [low, high) go on behind their first `depth` tokens, but those
 * that end there. */
static enum sc_status add_branches(struct builder *b, const struct range *of, size_t depth,
                                   uint32_t node, struct sc_error *error)
{
    size_t low = of->low;
    while (low < of->high && b->order[low].n == depth)
        low++;
    if (low > of->low)
        SC_TRY(add_leaf(b,
                        (struct sc_tree_node){.parent = node,
                                              .depth = (uint32_t)depth,
                                              .token = -1,
                                              .answer = b->order[of->low].answer},
                        of->low, low, error));
    while (low < of->high) {
        size_t high = low + 1;
        while (high < of->high && b->order[high].ids[depth] == b->order[low].ids[depth])
            high++;
        SC_TRY(push(b, (struct range){low, high, depth, node}, error));
        low = high;
    }
    return SC_OK;
}

/* One range becomes a node that reaches as far as its answers agree. */
static enum sc_status add_range(struct builder *b, const struct range *range,
                                struct sc_error *error)
{
    const struct place *first = &b->order[range->low], *last = &b->order[range->high - 1];
    size_t depth = range->depth;
    while (depth < first->n && first->ids[depth] == last->ids[depth])
        depth++;
    struct sc_tree_node node = {.parent = range->parent,
                                .depth = (uint32_t)depth,
                                .token = first->ids[range->depth],
                                .answer = first->answer};
    if (last->n == depth)
        return add_leaf(b, node, range->low, range->high, error);
    SC_TRY(add_node(b, &node, error));
    return add_branches(b, range, depth, (uint32_t)b->n_nodes - 1, error);
}

static enum sc_status add_all(struct builder *b, struct sc_error *error)
{
    const struct range all = {0, b->n, 0, SC_NO_PARENT};
    for (size_t i = 0; i < b->n; i++)
        b->order[i] = (struct place){b->answers[i].ids, b->answers[i].n, (uint32_t)i};
    qsort(b->order, b->n, sizeof *b->order, by_tokens);
    SC_TRY(add_node(
        b,
        &(struct sc_tree_node){.parent = SC_NO_PARENT, .token = -1, .answer = b->order[0].answer},
        error));
    SC_TRY(add_branches(b, &all, 0, 0, error));
    while (b->n_stack > 0) {
        struct range range = b->stack[--b->n_stack];
        SC_TRY(add_range(b, &range, error));
    }
    for (size_t i = b->n_nodes; i-- > 1;) { /* children stand behind their parents */
        struct sc_tree_node *node = &b->nodes[i], *parent = &b->nodes[node->parent];
        parent->mass += node->mass;
        parent->refused += node->refused;
        parent->complied += node->complied;
        parent->n_traces += node->n_traces;
        if (b->answers[parent->answer].text_ends == NULL) /* one whose text is known says more */
            parent->answer = node->answer;
    }
    return SC_OK;
}

/* ---- depth first, the heavier first ---------------------------------------------------------- */

struct child {
    uint32_t parent, node;
    double mass;
    int32_t token;
};

static int by_parent_and_mass(const void *left, const void *right)
{
    const struct child *a = left, *b = right;
    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    if (a->mass > b->mass || a->mass < b->mass)
        return a->mass > b->mass ? -1 : 1;
    return a->token < b->token ? -1 : a->token > b->token;
}

/* Puts the nodes into their order; first [n + 1], stack and place [n] are scratch. */
static void order_nodes(const struct builder *b, const struct child *children, size_t *first,
                        uint32_t *stack, struct sc_tree_node *out)
{
    size_t n = b->n_nodes, n_out = 0, n_stack = 0, at = 0;
    uint32_t *place = stack + n;
    for (size_t i = 0; i <= n; i++) { /* children[k] is of node k + 1 and those behind it */
        while (at < n - 1 && children[at].parent < i)
            at++;
        first[i] = at;
    }
    stack[n_stack++] = 0;
    while (n_stack > 0) {
        uint32_t node = stack[--n_stack];
        out[n_out] = b->nodes[node];
        if (node != 0)
            out[n_out].parent = place[b->nodes[node].parent];
        place[node] = (uint32_t)n_out++;
        for (size_t k = first[node + 1]; k-- > first[node];)
            stack[n_stack++] = children[k].node;
    }
}

static enum sc_status sort_nodes(const struct builder *b, struct sc_tree *out,
                                 struct sc_error *error)
{
    size_t n = b->n_nodes;
    struct child *children = sc_alloc_array(n, sizeof *children);
    size_t *first = sc_alloc_array(n + 1, sizeof *first);
    uint32_t *stack = sc_alloc_array(sc_size_mul(n, 2), sizeof *stack);
    out->nodes = sc_alloc_array(n, sizeof *out->nodes);
    bool made = children != NULL && first != NULL && stack != NULL && out->nodes != NULL;
    if (made) {
        for (size_t i = 1; i < n; i++)
            children[i - 1] = (struct child){.parent = b->nodes[i].parent,
                                             .node = (uint32_t)i,
                                             .mass = b->nodes[i].mass,
                                             .token = b->nodes[i].token};
        qsort(children, n - 1, sizeof *children, by_parent_and_mass);
        order_nodes(b, children, first, stack, out->nodes);
        out->n = n;
    }
    sc_free(children);
    sc_free(first);
    sc_free(stack);
    return made ? SC_OK : sc_fail_nomem(error, "tree of answers");
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* Bytes of an answer's text that its first n tokens complete. */
static size_t text_end(const struct sc_tree_answer *answer, size_t n)
{
    return n == 0 || answer->text == NULL || answer->text_ends == NULL ? 0
                                                                       : answer->text_ends[n - 1];
}

static enum sc_status put_texts(const struct sc_tree_answer *answers, struct sc_tree *tree,
                                struct sc_error *error)
{
    struct sc_text all = {0};
    size_t *begins = sc_alloc_array(tree->n, sizeof *begins);
    for (size_t i = 0; i < tree->n && begins != NULL; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        const struct sc_tree_answer *answer = &answers[node->answer];
        size_t from = i > 0 ? text_end(answer, tree->nodes[node->parent].depth) : 0;
        size_t to = text_end(answer, node->depth);
        size_t length = answer->text != NULL ? strnlen(answer->text, to) : 0;
        begins[i] = all.len;
        if (from < to && to <= length)
            sc_text_add_repaired(&all, answer->text + from, to - from);
        sc_text_add(&all, "", 1);
    }
    tree->texts = begins != NULL ? sc_text_take(&all) : NULL;
    for (size_t i = 0; i < tree->n && tree->texts != NULL; i++)
        tree->nodes[i].text = tree->texts + begins[i];
    sc_free(begins);
    sc_text_free(&all);
    return tree->texts != NULL ? SC_OK : sc_fail_nomem(error, "texts of a tree");
}

/* ---- probabilities --------------------------------------------------------------------------- */

static void put_probabilities(const struct sc_tree_answer *answers, struct sc_tree *tree)
{
    tree->nodes[0].probability = 1;
    for (size_t i = 1; i < tree->n; i++) {
        struct sc_tree_node *node = &tree->nodes[i];
        const struct sc_token_stats *stats = answers[node->answer].stats;
        double sum = 0;
        for (size_t k = tree->nodes[node->parent].depth; k < node->depth; k++)
            sum += stats != NULL ? (double)stats[k].sampled_logprob : NAN;
        node->probability =
            node->token < 0 ? NAN : tree->nodes[node->parent].probability * exp(sum);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum sc_status build(struct builder *b, struct sc_tree *out, struct sc_error *error)
{
    b->order = sc_alloc_array(b->n, sizeof *b->order);
    if (b->order == NULL)
        return sc_fail_nomem(error, "tree of answers");
    SC_TRY(add_all(b, error));
    SC_TRY(sort_nodes(b, out, error));
    put_probabilities(b->answers, out);
    return put_texts(b->answers, out, error);
}

enum sc_status sc_tree_build(const struct sc_tree_answer *answers, size_t n, bool exact,
                             struct sc_tree *out, struct sc_error *error)
{
    assert(n > 0 && n < UINT32_MAX / 4);
    struct builder b = {.answers = answers, .n = n};
    *out = (struct sc_tree){.exact = exact};
    enum sc_status status = build(&b, out, error);
    sc_free(b.order);
    sc_free(b.stack);
    sc_free(b.nodes);
    if (status != SC_OK)
        sc_tree_free(out);
    return status;
}

void sc_tree_free(struct sc_tree *tree)
{
    sc_free(tree->nodes);
    sc_free(tree->texts);
    *tree = (struct sc_tree){0};
}

char *sc_tree_text(const struct sc_tree *tree, size_t node)
{
    size_t length = 0;
    for (uint32_t i = (uint32_t)node; i != SC_NO_PARENT; i = tree->nodes[i].parent)
        length += strlen(tree->nodes[i].text);
    char *out = sc_alloc(length + 1);
    if (out == NULL)
        return NULL;
    out[length] = '\0';
    for (uint32_t i = (uint32_t)node; i != SC_NO_PARENT; i = tree->nodes[i].parent) {
        size_t n = strlen(tree->nodes[i].text);
        length -= n;
        memcpy(out + length, tree->nodes[i].text, n);
    }
    return out;
}
