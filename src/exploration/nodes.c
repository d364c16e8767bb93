/*
 * nodes.c - the nodes that are known: computing them, keeping their handles as long as something
 * may be asked beneath them, and reading the answers that end.
 *
 * Where the table has no room for more handles, those of the lightest nodes are given back; a node
 * that is needed again is then computed again from the nearest one above it, for a row each.
 */
#include "exploration/nodes.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void sc_total_add(struct sc_total *total, double x)
{
    double sum = total->sum + x;
    total->lost += fabs(total->sum) >= fabs(x) ? (total->sum - sum) + x : (x - sum) + total->sum;
    total->sum = sum;
}

double sc_total_value(const struct sc_total *total)
{
    return total->sum + total->lost;
}

/* ---- the frontier ---------------------------------------------------------------------------- */

/* Of equal mass the branch that was found first. */
static bool heavier(struct sc_frontier_entry a, struct sc_frontier_entry b)
{
    return a.mass > b.mass || (a.mass == b.mass && a.branch < b.branch);
}

static enum sc_status push(struct sc_nodes *t, struct sc_frontier_entry entry,
                           struct sc_error *error)
{
    if (sc_grow((void **)&t->frontier, t->n_frontier, &t->cap_frontier, sizeof *t->frontier) != 0)
        return sc_fail_nomem(error, "branches to explore");
    size_t at = t->n_frontier++;
    for (size_t above; at > 0 && heavier(entry, t->frontier[above = (at - 1) / 2]); at = above)
        t->frontier[at] = t->frontier[above];
    t->frontier[at] = entry;
    return SC_OK;
}

static struct sc_frontier_entry pop(struct sc_nodes *t)
{
    struct sc_frontier_entry top = t->frontier[0], last = t->frontier[--t->n_frontier];
    size_t at = 0;
    for (size_t below; (below = 2 * at + 1) < t->n_frontier; at = below) {
        if (below + 1 < t->n_frontier && heavier(t->frontier[below + 1], t->frontier[below]))
            below++;
        if (!heavier(t->frontier[below], last))
            break;
        t->frontier[at] = t->frontier[below];
    }
    t->frontier[at] = last;
    return top;
}

bool sc_nodes_take_heaviest(struct sc_nodes *t, uint32_t *branch)
{
    while (t->n_frontier > 0) {
        *branch = pop(t).branch;
        if (t->branches[*branch].to == SC_NOWHERE)
            return true;
    }
    return false;
}

/* ---- answers that end ------------------------------------------------------------------------ */

size_t sc_nodes_ids(const struct sc_nodes *t, const struct sc_finished *finished, int32_t *ids)
{
    size_t n = t->nodes[finished->node].depth + 1;
    ids[n - 1] = t->branches[finished->branch].token;
    uint32_t at = finished->node;
    for (size_t i = n - 1; i-- > 0; at = t->nodes[at].parent)
        ids[i] = t->branches[t->nodes[at].branch].token;
    return n;
}

/* Whether the branch and all above it are listed. */
static bool is_listed(const struct sc_nodes *t, uint32_t branch)
{
    const struct sc_node *node = &t->nodes[t->branches[branch].of];
    return node->listed && branch >= node->first && branch < node->first + node->n;
}

static bool is_end(const struct sc_exploration_options *options, int32_t token)
{
    for (size_t i = 0; i < options->n_end_ids; i++)
        if (options->end_ids[i] == token)
            return true;
    return false;
}

static enum sc_status finish(struct sc_nodes *t, uint32_t branch, bool stopped,
                             struct sc_error *error)
{
    if (sc_grow((void **)&t->finished, t->n_finished, &t->cap_finished, sizeof *t->finished) != 0)
        return sc_fail_nomem(error, "finished answers");
    uint32_t node = t->branches[branch].of;
    struct sc_finished *f = &t->finished[t->n_finished];
    *f = (struct sc_finished){.node = node,
                              .branch = branch,
                              .stopped = stopped,
                              .listed = is_listed(t, branch),
                              .logmass = sc_nodes_branch_logmass(t, branch)};
    struct sc_answer answer = {.ids = t->path,
                               .n = sc_nodes_ids(t, f, t->path),
                               .stopped = stopped,
                               .probability = exp(f->logmass)};
    SC_TRY(t->reading->read(t->reading->context, &answer, &f->verdict, error));
    t->branches[branch].to = (uint32_t)t->n_finished++;
    t->branches[branch].ends = true;
    sc_total_add(&t->finished_mass, answer.probability);
    return SC_OK;
}

/* A branch that is known now: an answer that ends, or one more to compute. */
static enum sc_status meet_branch(struct sc_nodes *t, uint32_t branch, bool explored,
                                  struct sc_error *error)
{
    const struct sc_branch *b = &t->branches[branch];
    struct sc_node *node = &t->nodes[b->of];
    bool stopped = is_end(t->options, b->token);
    if (stopped || node->depth + 1 >= t->options->max_new_tokens)
        return finish(t, branch, stopped, error);
    node->open++;
    if (!explored)
        return SC_OK;
    t->n_pieces++;
    return push(t, (struct sc_frontier_entry){exp(sc_nodes_branch_logmass(t, branch)), branch},
                error);
}

/* ---- handles --------------------------------------------------------------------------------- */

static void give_back(struct sc_nodes *t, struct sc_node *node)
{
    if (node->handle == SC_NO_NODE)
        return;
    t->expanding->release(t->expanding->context, node->handle);
    node->handle = SC_NO_NODE;
    t->n_kept--;
}

static void give_back_if_done(struct sc_nodes *t, struct sc_node *node)
{
    if (node->open == 0 && node->rest <= 0 && !node->pinned)
        give_back(t, node);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Gives back the lighter half of the handles that nothing needs now; false: there is none. */
static bool make_room(struct sc_nodes *t)
{
    double *masses = sc_alloc_array(t->n_kept > 0 ? t->n_kept : 1, sizeof *masses);
    if (masses == NULL)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].handle != SC_NO_NODE && !t->nodes[i].pinned)
            masses[n++] = t->nodes[i].logmass;
    qsort(masses, n, sizeof *masses, compare_doubles);
    double middle = n > 0 ? masses[n / 2] : 0;
    for (size_t i = 0; n > 0 && i < t->n_nodes; i++)
        if (!t->nodes[i].pinned && t->nodes[i].logmass <= middle)
            give_back(t, &t->nodes[i]);
    sc_free(masses);
    return n > 0;
}

/* ---- computing ------------------------------------------------------------------------------- */

static struct sc_node_request prepare(struct sc_nodes *t, size_t place)
{
    const struct sc_wanted *w = &t->wanted[place];
    const struct sc_branch *b = w->branch != SC_NOWHERE ? &t->branches[w->branch] : NULL;
    return (struct sc_node_request){
        .parent = b != NULL ? t->nodes[b->of].handle : SC_NO_NODE,
        .token = b != NULL ? b->token : 0,
        .branches = {.max = t->options->max_branches,
                     .ids = &t->ids[place * t->options->max_branches],
                     .logprobs = &t->logprobs[place * t->options->max_branches],
                     .u = &t->u[place * t->max_drawn],
                     .n_drawn = w->n_drawn,
                     .drawn = &t->drawn[place * t->max_drawn],
                     .drawn_logprobs = &t->drawn_logprobs[place * t->max_drawn]}};
}

static enum sc_status add_node(struct sc_nodes *t, const struct sc_wanted *w,
                               const struct sc_node_request *r, struct sc_error *error)
{
    const struct sc_branches *got = &r->branches;
    if (sc_grow((void **)&t->nodes, t->n_nodes, &t->cap_nodes, sizeof *t->nodes) != 0) {
        t->expanding->release(t->expanding->context, r->node);
        return sc_fail_nomem(error, "nodes of the answers");
    }
    uint32_t number = (uint32_t)t->n_nodes;
    struct sc_node *node = &t->nodes[number];
    *node = (struct sc_node){.parent = SC_NOWHERE,
                             .branch = w->branch,
                             .handle = r->node,
                             .first = (uint32_t)t->n_branches,
                             .drawn = SC_NOWHERE,
                             .wanted = SC_NOWHERE,
                             .listed = true,
                             .rest = got->rest > 0 ? got->rest : 0};
    t->n_nodes++;
    t->n_kept++;
    if (w->branch != SC_NOWHERE) {
        struct sc_branch *b = &t->branches[w->branch];
        struct sc_node *parent = &t->nodes[b->of];
        node->parent = b->of;
        node->depth = parent->depth + 1;
        node->logmass = parent->logmass + b->logprob;
        node->listed = is_listed(t, w->branch);
        t->n_pieces -= node->listed;
        b->to = number;
        parent->open -= node->rest > 0 ? 0 : 1; /* its draws will need the parent again */
    }
    for (size_t i = 0; i < got->n; i++) {
        if (!(got->logprobs[i] > -INFINITY))
            continue;
        if (sc_grow((void **)&t->branches, t->n_branches, &t->cap_branches, sizeof *t->branches) !=
            0)
            return sc_fail_nomem(error, "branches of the answers");
        t->branches[t->n_branches++] = (struct sc_branch){.token = got->ids[i],
                                                          .to = SC_NOWHERE,
                                                          .of = number,
                                                          .next = SC_NOWHERE,
                                                          .wanted = SC_NOWHERE,
                                                          .logprob = got->logprobs[i]};
        node->n++;
    }
    t->n_pieces += t->nodes[number].listed && t->nodes[number].rest > 0;
    for (uint32_t i = 0; i < t->nodes[number].n; i++)
        SC_TRY(meet_branch(t, t->nodes[number].first + i, t->nodes[number].listed, error));
    return SC_OK;
}

static enum sc_status take(struct sc_nodes *t, size_t place, struct sc_error *error)
{
    const struct sc_wanted *w = &t->wanted[place];
    const struct sc_node_request *r = &t->requests[place];
    if (t->n_branches + r->branches.n >= SC_NOWHERE)
        return sc_fail(error, SC_ERR_LIMIT, "more branches of answers than can be numbered");
    if (!r->ok)
        return sc_fail(error, SC_ERR_NUMERIC,
                       "after %zu tokens of an answer: the logits are not finite numbers",
                       w->branch == SC_NOWHERE
                           ? (size_t)0
                           : t->nodes[t->branches[w->branch].of].depth + (size_t)1);
    if (r->branches.n == 0 && !(r->branches.rest > 0))
        return sc_fail(error, SC_ERR_NUMERIC, "a node of the answers has no branch");
    if (w->again == SC_NOWHERE)
        return add_node(t, w, r, error);
    struct sc_node *node = &t->nodes[w->again];
    if (node->handle != SC_NO_NODE) {
        t->expanding->release(t->expanding->context, r->node);
    } else {
        node->handle = r->node;
        t->n_kept++;
    }
    return SC_OK;
}

/* Expands the requests at places first .. first + n - 1, of which nothing is computed when there is
 * no room. */
static enum sc_status expand_some(struct sc_nodes *t, size_t first, size_t n,
                                  struct sc_error *error)
{
    for (size_t i = first; i < first + n; i++)
        t->requests[i] = prepare(t, i);
    SC_TRY(t->expanding->expand(t->expanding->context, &t->requests[first], n, error));
    bool beginning = t->n_nodes == 0; /* comes with the prompt */
    t->rows += n - beginning;
    return SC_OK;
}

/* Times that room is made for one path: beyond them there is not enough for the path itself. */
#define MOST_ROOMS 64

/* One request that has no place in the step: a node whose handle was given back. */
static enum sc_status restore(struct sc_nodes *t, uint32_t node, struct sc_error *error)
{
    size_t n_rooms = 0;
    while (t->nodes[node].handle == SC_NO_NODE) {
        uint32_t chain = node; /* the uppermost that must be computed */
        for (; t->nodes[chain].parent != SC_NOWHERE &&
               t->nodes[t->nodes[chain].parent].handle == SC_NO_NODE;)
            chain = t->nodes[chain].parent;
        struct sc_node *above = &t->nodes[chain];
        uint32_t branch = above->branch;
        struct sc_node_request r = {
            .parent = branch == SC_NOWHERE ? SC_NO_NODE : t->nodes[above->parent].handle,
            .token = branch == SC_NOWHERE ? 0 : t->branches[branch].token,
            .branches = {.max = 1, .ids = (int32_t[1]){0}, .logprobs = (double[1]){0}}};
        struct sc_error local = {0};
        enum sc_status status = t->expanding->expand(t->expanding->context, &r, 1, &local);
        if (status == SC_ERR_LIMIT && n_rooms++ < MOST_ROOMS && make_room(t))
            continue;
        if (status != SC_OK)
            return sc_fail(error, status, "%s", local.text);
        if (!r.ok)
            return sc_fail(error, SC_ERR_NUMERIC, "a node gave no finite logits again");
        above->handle = r.node;
        t->n_kept++;
        t->rows++;
        /* What leads to it may go as soon as the next below it is there. */
        if (above->parent != SC_NOWHERE)
            give_back_if_done(t, &t->nodes[above->parent]);
    }
    return SC_OK;
}

static uint32_t parent_of(const struct sc_nodes *t, size_t place)
{
    uint32_t branch = t->wanted[place].branch;
    return branch == SC_NOWHERE ? SC_NOWHERE : t->branches[branch].of;
}

/* Has the parents of a stretch of requests keep their handles, or no longer. */
static void pin(struct sc_nodes *t, size_t first, size_t n, bool pinned)
{
    for (size_t i = first; i < first + n; i++)
        if (parent_of(t, i) != SC_NOWHERE)
            t->nodes[parent_of(t, i)].pinned = pinned;
}

static enum sc_status restore_parents(struct sc_nodes *t, size_t first, size_t n,
                                      struct sc_error *error)
{
    for (size_t i = first; i < first + n; i++)
        if (parent_of(t, i) != SC_NOWHERE)
            SC_TRY(restore(t, parent_of(t, i), error));
    return SC_OK;
}

static enum sc_status try_stretch(struct sc_nodes *t, size_t first, size_t n,
                                  struct sc_error *error)
{
    SC_TRY(restore_parents(t, first, n, error));
    return expand_some(t, first, n, error);
}

/* Computes requests from `first` on: *n of them, or fewer where there is less room. */
static enum sc_status compute_stretch(struct sc_nodes *t, size_t first, size_t *n,
                                      struct sc_error *error)
{
    for (;; *n = (*n + 1) / 2) {
        struct sc_error local = {0};
        pin(t, first, *n, true);
        enum sc_status status = try_stretch(t, first, *n, &local);
        pin(t, first, *n, false);
        if (status != SC_ERR_LIMIT || (!make_room(t) && *n == 1))
            return status == SC_OK ? SC_OK : sc_fail(error, status, "%s", local.text);
    }
}

static enum sc_status take_stretch(struct sc_nodes *t, size_t first, size_t n,
                                   struct sc_error *error)
{
    size_t i = first;
    enum sc_status status = SC_OK;
    while (i < first + n && status == SC_OK)
        status = take(t, i++, error);
    for (; i < first + n; i++) /* nobody will ask beneath the others */
        if (t->requests[i].ok)
            t->expanding->release(t->expanding->context, t->requests[i].node);
    return status;
}

static enum sc_status compute_all(struct sc_nodes *t, struct sc_error *error)
{
    for (size_t done = 0, n; done < t->n_wanted; done += n) {
        n = t->n_wanted - done;
        SC_TRY(compute_stretch(t, done, &n, error));
        SC_TRY(take_stretch(t, done, n, error));
    }
    for (size_t i = 0; i < t->n_wanted; i++) {
        uint32_t branch = t->wanted[i].branch;
        if (branch != SC_NOWHERE)
            give_back_if_done(t, &t->nodes[t->branches[branch].of]);
        give_back_if_done(t, &t->nodes[branch != SC_NOWHERE ? t->branches[branch].to : 0]);
    }
    return SC_OK;
}

enum sc_status sc_nodes_compute(struct sc_nodes *t, struct sc_error *error)
{
    enum sc_status status = compute_all(t, error);
    sc_nodes_forget(t);
    return status;
}

void sc_nodes_forget(struct sc_nodes *t)
{
    for (size_t i = 0; i < t->n_wanted; i++) {
        if (t->wanted[i].branch != SC_NOWHERE)
            t->branches[t->wanted[i].branch].wanted = SC_NOWHERE;
        if (t->wanted[i].again != SC_NOWHERE)
            t->nodes[t->wanted[i].again].wanted = SC_NOWHERE;
    }
    t->n_wanted = 0;
}

static uint32_t want(struct sc_nodes *t, struct sc_wanted wanted)
{
    if (t->n_wanted == t->step)
        return SC_NOWHERE;
    t->wanted[t->n_wanted] = wanted;
    return (uint32_t)t->n_wanted++;
}

uint32_t sc_nodes_want_branch(struct sc_nodes *t, uint32_t branch)
{
    struct sc_branch *b = &t->branches[branch];
    assert(b->to == SC_NOWHERE);
    if (b->wanted == SC_NOWHERE)
        b->wanted = want(t, (struct sc_wanted){.branch = branch, .again = SC_NOWHERE});
    return b->wanted;
}

uint32_t sc_nodes_want_again(struct sc_nodes *t, uint32_t node)
{
    struct sc_node *n = &t->nodes[node];
    if (n->wanted == SC_NOWHERE)
        n->wanted = want(t, (struct sc_wanted){.branch = n->branch, .again = node});
    return n->wanted;
}

uint32_t sc_nodes_want_drawn(struct sc_nodes *t, uint32_t place, double u)
{
    struct sc_wanted *w = &t->wanted[place];
    if (w->n_drawn == t->max_drawn)
        return SC_NOWHERE;
    t->u[place * t->max_drawn + w->n_drawn] = u;
    return (uint32_t)w->n_drawn++;
}

enum sc_status sc_nodes_drawn_branch(struct sc_nodes *t, uint32_t node, int32_t token,
                                     double logprob, uint32_t *branch, struct sc_error *error)
{
    for (*branch = t->nodes[node].drawn; *branch != SC_NOWHERE; *branch = t->branches[*branch].next)
        if (t->branches[*branch].token == token)
            return SC_OK;
    if (sc_grow((void **)&t->branches, t->n_branches, &t->cap_branches, sizeof *t->branches) != 0)
        return sc_fail_nomem(error, "branches of the answers");
    *branch = (uint32_t)t->n_branches++;
    t->branches[*branch] = (struct sc_branch){.token = token,
                                              .to = SC_NOWHERE,
                                              .of = node,
                                              .next = t->nodes[node].drawn,
                                              .wanted = SC_NOWHERE,
                                              .logprob = logprob};
    t->nodes[node].drawn = *branch;
    return meet_branch(t, *branch, false, error);
}

/* ---- open and close -------------------------------------------------------------------------- */

/* Draws of one request: walkers beyond them wait for the next step. */
#define MOST_DRAWN 16

static enum sc_status reserve(struct sc_nodes *t, struct sc_error *error)
{
    size_t listed = sc_size_mul(t->step, t->options->max_branches);
    size_t drawn = sc_size_mul(t->step, t->max_drawn);
    t->wanted = sc_alloc_array(t->step, sizeof *t->wanted);
    t->requests = sc_alloc_array(t->step, sizeof *t->requests);
    t->ids = sc_alloc_array(listed, sizeof *t->ids);
    t->logprobs = sc_alloc_array(listed, sizeof *t->logprobs);
    t->u = sc_alloc_array(drawn, sizeof *t->u);
    t->drawn = sc_alloc_array(drawn, sizeof *t->drawn);
    t->drawn_logprobs = sc_alloc_array(drawn, sizeof *t->drawn_logprobs);
    t->path = sc_alloc_array(t->options->max_new_tokens, sizeof *t->path);
    if (t->wanted == NULL || t->requests == NULL || t->ids == NULL || t->logprobs == NULL ||
        t->u == NULL || t->drawn == NULL || t->drawn_logprobs == NULL || t->path == NULL)
        return sc_fail_nomem(error, "a step of the exploration");
    return SC_OK;
}

enum sc_status sc_nodes_open(struct sc_nodes *out, const struct sc_expanding *expanding,
                             const struct sc_reading *reading,
                             const struct sc_exploration_options *options, struct sc_error *error)
{
    *out = (struct sc_nodes){.expanding = expanding,
                             .reading = reading,
                             .options = options,
                             .step = options->step,
                             .max_drawn = options->max_branches < MOST_DRAWN ? options->max_branches
                                                                             : MOST_DRAWN};
    SC_TRY(reserve(out, error));
    out->wanted[out->n_wanted++] = (struct sc_wanted){.branch = SC_NOWHERE, .again = SC_NOWHERE};
    return sc_nodes_compute(out, error);
}

void sc_nodes_close(struct sc_nodes *t)
{
    for (size_t i = 0; i < t->n_nodes; i++)
        give_back(t, &t->nodes[i]);
    sc_free(t->nodes);
    sc_free(t->branches);
    sc_free(t->finished);
    sc_free(t->frontier);
    sc_free(t->wanted);
    sc_free(t->requests);
    sc_free(t->ids);
    sc_free(t->logprobs);
    sc_free(t->u);
    sc_free(t->drawn);
    sc_free(t->drawn_logprobs);
    sc_free(t->path);
    *t = (struct sc_nodes){0};
}
