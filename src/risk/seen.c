/* See seen.h. */
#include "risk/seen.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* Nodes with less of all answers are not noted; what is not known behind one and is less is given
 * to its parent. */
static const double least_mass = 1e-5, least_rest = 1e-4;

static uint32_t child_of(const struct sc_risk_seen *seen, uint32_t node, int32_t token)
{
    uint32_t child = seen->nodes[node].first_child;
    while (child != SC_NO_NODE && seen->nodes[child].token != token)
        child = seen->nodes[child].next_sibling;
    return child;
}

/* The probability of a token behind a node; 0: it is no branch of it. */
static double probability_of(const struct sc_risk_seen *seen, uint32_t node, int32_t token)
{
    const struct sc_risk_seen_node *at = &seen->nodes[node];
    for (size_t i = 0; i < at->n_branches; i++)
        if (seen->branches[at->first_branch + i].token == token)
            return exp(seen->branches[at->first_branch + i].logprob);
    return 0;
}

static enum sc_status add_branch(struct sc_risk_seen *seen, int32_t token, double logprob,
                                 struct sc_error *error)
{
    if (sc_grow((void **)&seen->branches, seen->n_branches, &seen->cap_branches,
                sizeof *seen->branches) != 0)
        return sc_fail_nomem(error, "tree of answers");
    seen->branches[seen->n_branches++] =
        (struct sc_risk_seen_branch){.token = token, .logprob = logprob};
    return SC_OK;
}

/* Those that may come, and those that were drawn from what is not listed. */
static enum sc_status add_branches(struct sc_risk_seen *seen, const struct sc_branches *given,
                                   struct sc_error *error)
{
    for (size_t i = 0; i < given->n; i++)
        SC_TRY(add_branch(seen, given->ids[i], given->logprobs[i], error));
    for (size_t i = 0; given->rest > 0 && i < given->n_drawn; i++)
        SC_TRY(add_branch(seen, given->drawn[i], given->drawn_logprobs[i], error));
    return SC_OK;
}

static enum sc_status add_node(struct sc_risk_seen *seen, uint32_t parent,
                               const struct sc_node_request *request, double mass,
                               struct sc_error *error)
{
    if (sc_grow((void **)&seen->nodes, seen->n_nodes, &seen->cap_nodes, sizeof *seen->nodes) != 0)
        return sc_fail_nomem(error, "tree of answers");
    struct sc_risk_seen_node *node = &seen->nodes[seen->n_nodes];
    *node = (struct sc_risk_seen_node){.parent = parent,
                                       .token = parent != SC_NO_NODE ? request->token : -1,
                                       .mass = mass,
                                       .first_child = SC_NO_NODE,
                                       .next_sibling = SC_NO_NODE,
                                       .first_branch = seen->n_branches};
    SC_TRY(add_branches(seen, &request->branches, error));
    node->n_branches = seen->n_branches - node->first_branch;
    if (parent != SC_NO_NODE) {
        node->next_sibling = seen->nodes[parent].first_child;
        seen->nodes[parent].first_child = (uint32_t)seen->n_nodes;
    }
    seen->n_nodes++;
    return SC_OK;
}

/* Notes which node a handle now stands for. */
static enum sc_status put_place(struct sc_risk_seen *seen, uint32_t handle, uint32_t node,
                                struct sc_error *error)
{
    if (handle >= seen->n_places) {
        size_t n = 2 * (size_t)handle + 64;
        uint32_t *places = sc_resize(seen->places, n, sizeof *places);
        if (places == NULL)
            return sc_fail_nomem(error, "tree of answers");
        memset(places + seen->n_places, 0xff, (n - seen->n_places) * sizeof *places);
        seen->places = places;
        seen->n_places = n;
    }
    seen->places[handle] = node;
    return SC_OK;
}

/* A node may be computed again where there was no room for it to stay. */
static enum sc_status note(struct sc_risk_seen *seen, uint32_t parent,
                           const struct sc_node_request *request, struct sc_error *error)
{
    bool begins = request->parent == SC_NO_NODE;
    uint32_t node = SC_NO_NODE;
    double mass = 1;
    if (begins && seen->n_nodes > 0)
        node = 0;
    if (!begins && parent != SC_NO_NODE) {
        node = child_of(seen, parent, request->token);
        mass = seen->nodes[parent].mass * probability_of(seen, parent, request->token);
    }
    bool wanted = node == SC_NO_NODE && (begins || parent != SC_NO_NODE) && mass >= least_mass;
    if (wanted && seen->n_nodes < UINT32_MAX - 1) {
        node = (uint32_t)seen->n_nodes;
        SC_TRY(add_node(seen, begins ? SC_NO_NODE : parent, request, mass, error));
    }
    return put_place(seen, request->node, node, error);
}

static enum sc_status expand(void *context, struct sc_node_request *requests, size_t n,
                             struct sc_error *error)
{
    struct sc_risk_seen *seen = context;
    SC_TRY(seen->inner.expand(seen->inner.context, requests, n, error));
    for (size_t i = 0; i < n; i++) {
        const struct sc_node_request *request = &requests[i];
        uint32_t parent =
            request->parent < seen->n_places ? seen->places[request->parent] : SC_NO_NODE;
        if (request->ok)
            SC_TRY(note(seen, parent, request, error));
    }
    return SC_OK;
}

static void release(void *context, uint32_t node)
{
    struct sc_risk_seen *seen = context;
    seen->inner.release(seen->inner.context, node);
}

struct sc_expanding sc_risk_watch(struct sc_risk_seen *seen)
{
    assert(seen->inner.expand != NULL);
    return (struct sc_expanding){.context = seen, .expand = expand, .release = release};
}

void sc_risk_seen_free(struct sc_risk_seen *seen)
{
    sc_free(seen->nodes);
    sc_free(seen->branches);
    sc_free(seen->places);
    *seen = (struct sc_risk_seen){0};
}

/* ---- what is not known ----------------------------------------------------------------------- */

/* The deepest node that is noted on the way to an answer. */
static uint32_t deepest(const struct sc_risk_seen *seen, const struct sc_answer *answer)
{
    uint32_t node = 0;
    for (size_t i = 0; i < answer->n; i++) {
        uint32_t child = child_of(seen, node, answer->ids[i]);
        if (child == SC_NO_NODE)
            break;
        node = child;
    }
    return node;
}

/* Takes the answers' mass off what is not known where they stand, and notes what they do. */
static void take_answers(const struct sc_risk_seen *seen, const struct sc_exploration *found,
                         struct sc_risk_rest *rests)
{
    for (size_t a = 0; a < found->n_answers; a++) {
        const struct sc_found_answer *answer = &found->answers[a];
        struct sc_risk_rest *at = &rests[deepest(seen, &answer->answer)];
        double p = answer->answer.probability;
        at->mass -= p;
        at->refused += sc_verdict_is_refused(answer->verdict) ? p : 0;
        at->complied += sc_verdict_is_answer(answer->verdict) ? p : 0;
    }
}

/* From what is known behind each node to what is not: parents come first, and still hold what is
 * known when their children ask. */
static void share_out(const struct sc_risk_seen *seen, struct sc_risk_rest *rests)
{
    for (size_t i = seen->n_nodes; i-- > 0;) {
        size_t at = i;
        while (rests[at].refused + rests[at].complied <= 0 && at > 0)
            at = seen->nodes[at].parent;
        double known = rests[at].refused + rests[at].complied;
        double refused = known > 0 ? rests[at].refused / known : 0;
        double complied = known > 0 ? rests[at].complied / known : 0;
        rests[i].refused = rests[i].mass * refused;
        rests[i].complied = rests[i].mass * complied;
    }
}

void sc_risk_rest(const struct sc_risk_seen *seen, const struct sc_exploration *found,
                  struct sc_risk_rest *rests)
{
    if (seen->n_nodes == 0)
        return;
    for (size_t i = 0; i < seen->n_nodes; i++)
        rests[i] = (struct sc_risk_rest){.mass = seen->nodes[i].mass};
    for (size_t i = 1; i < seen->n_nodes; i++)
        rests[seen->nodes[i].parent].mass -= seen->nodes[i].mass;
    take_answers(seen, found, rests);
    for (size_t i = seen->n_nodes; i-- > 1;) {
        struct sc_risk_rest *parent = &rests[seen->nodes[i].parent];
        parent->refused += rests[i].refused;
        parent->complied += rests[i].complied;
        if (rests[i].mass >= least_rest)
            continue;
        parent->mass += rests[i].mass;
        rests[i].mass = 0;
    }
    share_out(seen, rests);
}

size_t sc_risk_path(const struct sc_risk_seen *seen, size_t node, int32_t *ids)
{
    size_t depth = 0;
    for (size_t at = node; seen->nodes[at].parent != SC_NO_NODE; at = seen->nodes[at].parent)
        depth++;
    size_t i = depth;
    for (size_t at = node; ids != NULL && i > 0; at = seen->nodes[at].parent)
        ids[--i] = seen->nodes[at].token;
    return depth;
}
