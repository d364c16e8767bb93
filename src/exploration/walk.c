/*
 * walk.c - traces in lockstep.  Each step asks for the nodes that the traces stand before, as many
 * as a step computes, and moves every trace on as far as what is known goes.
 */
#include "exploration/walk.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

/* Of each position two numbers: which branch, and which of those that are not listed. */
enum choice { CHOICE_BRANCH, CHOICE_REST, N_CHOICES };

static double uniform(const struct sc_exploration_options *o, uint32_t trace, size_t position,
                      enum choice choice)
{
    return sc_random_uniform(SC_STREAM_EXPLORATION, o->seed, o->instance, trace,
                             (uint32_t)(position * N_CHOICES + choice));
}

double sc_walk_choice(const struct sc_exploration_options *o, uint32_t trace)
{
    return sc_random_uniform(SC_STREAM_EXPLORATION, o->seed, o->instance, trace, UINT32_MAX);
}

/* Where a trace stands. */
struct walker {
    struct sc_walk *walk;
    uint32_t branch; /* that it takes next; SC_NOWHERE: it draws at `at` */
    uint32_t at;
    bool from_rest;       /* it draws from the rest of `at` */
    uint32_t place, draw; /* in the step that is computed; SC_NOWHERE: none */
};

/* Which listed branch the number falls on, SC_NOWHERE for the rest. */
static uint32_t branch_at(const struct sc_nodes *t, const struct sc_node *node, double u)
{
    double below = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        below += exp(t->branches[node->first + i].logprob);
        if (u < below)
            return node->first + i;
    }
    return node->rest > 0 ? SC_NOWHERE : node->first + node->n - 1;
}

/* Asks for what the walker needs next. */
static void ask(struct sc_nodes *t, struct walker *w)
{
    const struct sc_exploration_options *o = t->options;
    w->draw = SC_NOWHERE;
    w->place = w->from_rest ? sc_nodes_want_again(t, w->at) : sc_nodes_want_branch(t, w->branch);
    if (w->place == SC_NOWHERE)
        return;
    /* A node that is computed for the first time may be asked for a draw as well: whether the trace
     * uses it is not known before. */
    size_t depth = w->from_rest ? t->nodes[w->at].depth
                                : t->nodes[t->branches[w->branch].of].depth + (size_t)1;
    w->draw = sc_nodes_want_drawn(t, w->place, uniform(o, w->walk->trace, depth, CHOICE_REST));
}

/* Moves on as far as is known, and asks for the next node; true: the answer is finished. */
static bool advance(struct sc_nodes *t, struct walker *w)
{
    for (;;) {
        if (w->branch != SC_NOWHERE) {
            const struct sc_branch *b = &t->branches[w->branch];
            if (b->to == SC_NOWHERE)
                break;
            if (b->ends) {
                w->walk->finished = b->to;
                return true;
            }
            w->at = b->to;
            w->branch = SC_NOWHERE;
        }
        if (w->from_rest)
            break;
        const struct sc_node *node = &t->nodes[w->at];
        w->branch =
            branch_at(t, node, uniform(t->options, w->walk->trace, node->depth, CHOICE_BRANCH));
        w->from_rest = w->branch == SC_NOWHERE;
    }
    ask(t, w);
    return false;
}

/* Uses what the step gave the walker. */
static enum sc_status receive(struct sc_nodes *t, struct walker *w, struct sc_error *error)
{
    if (w->place == SC_NOWHERE)
        return SC_OK;
    if (!w->from_rest) {
        w->at = t->branches[w->branch].to;
        w->branch =
            branch_at(t, &t->nodes[w->at],
                      uniform(t->options, w->walk->trace, t->nodes[w->at].depth, CHOICE_BRANCH));
        w->from_rest = w->branch == SC_NOWHERE;
    }
    if (!w->from_rest || w->draw == SC_NOWHERE)
        return SC_OK;
    const struct sc_branches *got = &t->requests[w->place].branches;
    w->from_rest = false;
    return sc_nodes_drawn_branch(t, w->at, got->drawn[w->draw], got->drawn_logprobs[w->draw],
                                 &w->branch, error);
}

static enum sc_status step(struct sc_nodes *t, struct walker *walkers, size_t n,
                           struct sc_error *error)
{
    SC_TRY(sc_nodes_compute(t, error));
    for (size_t i = 0; i < n; i++)
        SC_TRY(receive(t, &walkers[i], error));
    return SC_OK;
}

static enum sc_status walk_all(struct sc_nodes *t, struct walker *walkers, size_t n_places,
                               struct sc_walk *walks, size_t n, bool *complete,
                               struct sc_error *error)
{
    size_t n_active = 0, next = 0;
    while (next < n || n_active > 0) {
        if (t->options->stop != NULL && t->options->stop(t->options->stop_context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        size_t kept = 0;
        for (size_t i = 0; i < n_active; i++)
            if (!advance(t, &walkers[i]))
                walkers[kept++] = walkers[i];
        for (n_active = kept; n_active < n_places && next < n && t->n_wanted < t->step; next++) {
            struct walker *w = &walkers[n_active];
            *w = (struct walker){.walk = &walks[next],
                                 .branch = walks[next].branch,
                                 .at = walks[next].rest_of,
                                 .from_rest = walks[next].branch == SC_NOWHERE};
            n_active += !advance(t, w);
        }
        if (t->rows + t->n_wanted > t->options->max_rows) {
            *complete = false;
            sc_nodes_forget(t);
            return SC_OK;
        }
        if (t->n_wanted > 0)
            SC_TRY(step(t, walkers, n_active, error));
    }
    return SC_OK;
}

enum sc_status sc_walk(struct sc_nodes *t, struct sc_walk *walks, size_t n, bool *complete,
                       struct sc_error *error)
{
    *complete = true;
    for (size_t i = 0; i < n; i++)
        walks[i].finished = SC_NOWHERE;
    size_t n_places = 2 * t->step;
    struct walker *walkers = sc_alloc_array(n_places, sizeof *walkers);
    if (walkers == NULL)
        return sc_fail_nomem(error, "traces in lockstep");
    enum sc_status status = walk_all(t, walkers, n_places, walks, n, complete, error);
    sc_free(walkers);
    return status;
}
