/*
 * strata.c - what is not known, by what it promises, and how many traces each part deserves.
 *
 * The promise of a node is the mean, over its children of which an answer is known, of the share of
 * refusals beneath them, and of its parent's promise as one more child: each branch counts once,
 * however heavy, since what is predicted is another branch.
 */
#include "exploration/strata.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/vocabulary.h"

static const double edges[SC_MOST_STRATA - 1] = {0.03, 0.25, 0.75, 0.97};

static int class_of(double promise)
{
    int class = 0;
    while (class < SC_MOST_STRATA - 1 && promise >= edges[class])
        class ++;
    return class;
}

/* ---- promises -------------------------------------------------------------------------------- */

struct evidence {
    double refused, finished; /* mass beneath the node */
    double shares, n;         /* sum over children of which an answer is known */
    double promise;
};

static void gather(const struct sc_nodes *t, struct evidence *e)
{
    for (size_t i = 0; i < t->n_finished; i++) {
        const struct sc_finished *f = &t->finished[i];
        if (!sc_verdict_is_judged(f->verdict))
            continue;
        double mass = exp(f->logmass), refused = sc_verdict_is_refused(f->verdict) ? 1 : 0;
        e[f->node].finished += mass;
        e[f->node].refused += mass * refused;
        e[f->node].shares += refused;
        e[f->node].n += 1;
    }
    for (size_t i = t->n_nodes; i-- > 1;) {
        struct evidence *above = &e[t->nodes[i].parent];
        if (!(e[i].finished > 0))
            continue;
        above->finished += e[i].finished;
        above->refused += e[i].refused;
        above->shares += e[i].refused / e[i].finished;
        above->n += 1;
    }
    for (size_t i = 0; i < t->n_nodes; i++) {
        double before = i > 0               ? e[t->nodes[i].parent].promise
                        : e[0].finished > 0 ? e[0].refused / e[0].finished
                                            : 0.5;
        e[i].promise = (e[i].shares + before) / (e[i].n + 1);
    }
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void fill_pieces(const struct sc_nodes *t, const struct evidence *e, struct sc_piece *pieces)
{
    size_t n = 0;
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct sc_node *node = &t->nodes[i];
        if (!node->listed)
            continue;
        for (uint32_t k = 0; k < node->n; k++)
            if (t->branches[node->first + k].to == SC_NOWHERE)
                pieces[n++] =
                    (struct sc_piece){.branch = node->first + k,
                                      .mass = exp(sc_nodes_branch_logmass(t, node->first + k)),
                                      .promise = e[i].promise};
        if (node->rest > 0)
            pieces[n++] = (struct sc_piece){.branch = SC_NOWHERE,
                                            .rest_of = i,
                                            .mass = exp(node->logmass) * node->rest,
                                            .promise = e[i].promise};
    }
}

/* Strata that hold hardly anything join their neighbour. */
#define LEAST_SHARE 5e-4

/* Which stratum each class becomes. */
static size_t join_classes(const double *mass, double least, size_t *stratum_of)
{
    size_t n = 0;
    double here = 0;
    for (int c = 0; c < SC_MOST_STRATA; c++) {
        here += mass[c];
        stratum_of[c] = n;
        if (here > least) {
            n++;
            here = 0;
        }
    }
    if (n == 0)
        return 1;
    for (int c = SC_MOST_STRATA; c-- > 0 && stratum_of[c] == n;)
        stratum_of[c] = n - 1; /* what is left over at the end */
    return n;
}

static void sort_into(const struct sc_piece *from, const size_t *stratum_of, struct sc_pieces *out)
{
    size_t at = 0;
    for (size_t s = 0; s < out->n_strata; s++) {
        struct sc_piece_stratum *stratum = &out->strata[s];
        *stratum = (struct sc_piece_stratum){.first = at};
        struct sc_total mass = {0};
        double heaviest[SC_MOST_STRATA] = {0};
        for (size_t i = 0; i < out->n_pieces; i++) {
            int class = class_of(from[i].promise);
            if (stratum_of[class] != s)
                continue;
            sc_total_add(&mass, from[i].mass);
            heaviest[class] += from[i].mass;
            out->pieces[at] = from[i];
            out->pieces[at].stratum = s;
            out->pieces[at++].below = sc_total_value(&mass);
        }
        stratum->n = at - stratum->first;
        stratum->mass = sc_total_value(&mass);
        for (int c = 1; c < SC_MOST_STRATA; c++)
            if (heaviest[c] > heaviest[stratum->promise])
                stratum->promise = c;
    }
}

static enum sc_status make(const struct sc_nodes *t, struct evidence *e, struct sc_piece *pieces,
                           double least_share, struct sc_pieces *out, struct sc_error *error)
{
    gather(t, e);
    fill_pieces(t, e, pieces);
    double mass[SC_MOST_STRATA] = {0};
    struct sc_total all = {0};
    for (size_t i = 0; i < out->n_pieces; i++) {
        mass[class_of(pieces[i].promise)] += pieces[i].mass;
        sc_total_add(&all, pieces[i].mass);
    }
    out->mass = sc_total_value(&all);
    size_t stratum_of[SC_MOST_STRATA];
    out->n_strata = join_classes(mass, least_share * out->mass, stratum_of);
    out->pieces = sc_alloc_array(out->n_pieces, sizeof *out->pieces);
    if (out->pieces == NULL)
        return sc_fail_nomem(error, "unknown parts of the answers");
    sort_into(pieces, stratum_of, out);
    return SC_OK;
}

enum sc_status sc_pieces_make(const struct sc_nodes *t, bool together, struct sc_pieces *out,
                              struct sc_error *error)
{
    *out = (struct sc_pieces){.n_pieces = t->n_pieces};
    if (out->n_pieces == 0)
        return SC_OK;
    struct evidence *e = sc_alloc_zero(t->n_nodes, sizeof *e);
    struct sc_piece *pieces = sc_alloc_array(out->n_pieces, sizeof *pieces);
    enum sc_status status = e == NULL || pieces == NULL
                                ? sc_fail_nomem(error, "unknown parts of the answers")
                                : make(t, e, pieces, together ? 1 : LEAST_SHARE, out, error);
    sc_free(e);
    sc_free(pieces);
    return status;
}

void sc_pieces_free(struct sc_pieces *strata)
{
    sc_free(strata->pieces);
    *strata = (struct sc_pieces){0};
}

void sc_pieces_draw(const struct sc_pieces *strata, const struct sc_exploration_options *options,
                    size_t stratum, struct sc_walk *walk)
{
    const struct sc_piece_stratum *s = &strata->strata[stratum];
    const struct sc_piece *pieces = &strata->pieces[s->first];
    double at = sc_walk_choice(options, walk->trace) * pieces[s->n - 1].below;
    size_t low = 0, high = s->n - 1; /* the first whose sum reaches beyond `at` */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pieces[middle].below > at)
            high = middle;
        else
            low = middle + 1;
    }
    walk->branch = pieces[low].branch;
    walk->rest_of = pieces[low].rest_of;
    walk->stratum = stratum;
}

/* ---- allocation ------------------------------------------------------------------------------ */

#define Z95 1.959963984540054
/* Limits of few events: their distance from the rate is about this over n. */
#define FEW 1.26

/* Expected square of the half width that a stratum of mass 1 brings. */
static double half_square(double variance, double n)
{
    return Z95 * Z95 * variance / n + FEW * FEW / (n * n);
}

/* Of the verdicts that the pilot saw, with so many of either added: rates of 0 and 1 are not to be
 * believed. */
static double variance_of(struct sc_pilot_count seen, double added)
{
    double n = seen.n + 2 * added, rate = n > 0 ? (seen.refused + added) / n : 0.5;
    return rate * (1 - rate);
}

#define ADDED 0.15
/* How much narrower than wanted a first look is planned for. */
#define SURE_BY 0.97

/* The n at which one more trace narrows a stratum by `gain`, as Neyman's allocation (1934) has it
 * for the variance alone. */
static double traces_at(double mass, double variance, double gain)
{
    double low = 1, high = 1e12; /* the gain falls as n grows */
    for (int i = 0; i < 60 && high > 1.001 * low; i++) {
        double n = sqrt(low * high);
        double here = mass * mass * (Z95 * Z95 * variance / (n * n) + 2 * FEW * FEW / (n * n * n));
        *(here > gain ? &low : &high) = n;
    }
    return high;
}

/* Traces that no stratum goes without. */
#define LEAST_TRACES 8.0

static struct sc_allocation at_gain(const struct sc_pieces *strata,
                                    const struct sc_pilot_count *seen, double gain)
{
    struct sc_allocation out = {0};
    double half = 0;
    for (size_t i = 0; i < strata->n_strata; i++) {
        const struct sc_piece_stratum *s = &strata->strata[i];
        double variance = variance_of(seen[s->promise], ADDED);
        out.n[i] = fmax(LEAST_TRACES, ceil(traces_at(s->mass, variance, gain)));
        out.total += out.n[i];
        half += s->mass * s->mass * half_square(variance, out.n[i]);
    }
    out.width = 2 * sqrt(half);
    return out;
}

/* The gain is found by halving: with less, there are more traces and a narrower interval. */
static struct sc_allocation search(const struct sc_pieces *strata,
                                   const struct sc_pilot_count *seen, double width, double total)
{
    double low = 1e-30, high = 10;
    struct sc_allocation best = at_gain(strata, seen, high);
    for (int i = 0; i < 60; i++) {
        double gain = sqrt(low * high);
        struct sc_allocation here = at_gain(strata, seen, gain);
        bool more = total > 0 ? here.total <= total : here.width > width;
        *(more ? &high : &low) = gain;
        if (more == (total > 0))
            best = here;
    }
    return best;
}

struct sc_allocation sc_allocate_for_width(const struct sc_pieces *strata,
                                           const struct sc_pilot_count *seen, double width)
{
    assert(width > 0);
    return search(strata, seen, width, 0);
}

struct sc_allocation sc_allocate_total(const struct sc_pieces *strata,
                                       const struct sc_pilot_count *seen, double total)
{
    assert(total > 0);
    return search(strata, seen, 0, total);
}

double sc_allocation_share(const struct sc_pieces *strata, const struct sc_pilot_count *seen,
                           const struct sc_allocation *plan, double width)
{
    double low = 0.01, high = 1;
    for (int i = 0; i < 30; i++) {
        double share = sqrt(low * high), half = 0;
        for (size_t k = 0; k < strata->n_strata; k++) {
            const struct sc_piece_stratum *s = &strata->strata[k];
            half += s->mass * s->mass *
                    half_square(variance_of(seen[s->promise], 0), fmax(1, share * plan->n[k]));
        }
        *(2 * sqrt(half) > SURE_BY * width ? &low : &high) = share;
    }
    return high;
}
