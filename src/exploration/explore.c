/*
 * explore.c - the phases: compute what is heavy, look around in what is left, then draw from it by
 * strata until the interval is as narrow as wanted or the rows are spent.
 *
 * Why strata and not draws without replacement (Kool et al., 2019; Shi et al., 2020): once the
 * heavy answers are computed, the rest consists of answers so light that hardly any is drawn twice,
 * so excluding those that were seen gains little; that whole beginnings lead to one verdict gains
 * much. Draws with replacement beneath pieces of fixed mass are binomial in each stratum, so that
 * an interval for few events is at hand.
 *
 * Why the estimate has no bias: strata, their masses and their shares of the traces are fixed by
 * the exploration and the pilot, whose traces are not used again; given them, the traces of a
 * stratum are independent draws from it, and the mean of their verdicts has the stratum's rate as
 * its expectation, so that exact part + sum of mass * mean has the share itself.  How often more
 * traces are added does depend on what was seen where a width is wanted; there are few such looks,
 * and the strata's proportions stay.  The answers that traces find raise the exact bounds, and
 * nothing else.
 */
#include <math.h>

#include "base/memory.h"
#include "exploration/result.h"
#include "vocabulary/vocabulary.h"

/* Rows that a sampled trace is taken to cost before any was, as a share of an answer's length. */
#define FIRST_COST 0.5
/* Distance of the upper limit of a rate that no trace showed, in traces. */
#define NONE_SEEN 2.5
/* Of the rows that sampling will take, those that are computed before it is asked what they save: a
 * model of many tokens may finish no answer for long. */
#define HEAVIEST_SHARE 0.1
/* Of all rows, those that the heaviest nodes may take: an interval of a handful of traces is not to
 * be relied on. */
#define MOST_HEAVIEST 0.6
/* Traces without which a stratum is none of its own. */
#define LEAST_OF_STRATUM 16.0
/* Of the rows that sampling will take, those of the pilot, and its rounds. */
#define PILOT_SHARE 0.1
#define PILOT_ROUNDS 4
#define LEAST_PILOT 8
#define MOST_PILOT 2048
/* Of the rows that are left, those that one batch of traces is planned to take. */
#define BATCH_SHARE 0.6
#define LEAST_BATCH 8.0

struct phases {
    struct sc_nodes nodes;
    struct sc_pieces strata;
    struct sc_pilot_count seen[SC_MOST_STRATA];
    double cost; /* rows of a sampled trace */
    uint32_t n_traces;
    struct sc_sampled sampled;
    size_t cap_walks;
};

static double rows_left(const struct phases *p)
{
    uint64_t most = p->nodes.options->max_rows;
    return most > p->nodes.rows ? (double)(most - p->nodes.rows) : 0;
}

static double mass_left(const struct phases *p)
{
    double left = 1 - sc_total_value(&p->nodes.finished_mass);
    return left > 0 ? left : 0;
}

/* Rows that sampling what is left would take. */
static double sampling_rows(const struct phases *p)
{
    double width = p->nodes.options->width, left = rows_left(p);
    if (!(width > 0))
        return left;
    return fmin(left, p->cost * fmax(LEAST_PILOT, NONE_SEEN * mass_left(p) / width));
}

/* ---- the heaviest first ---------------------------------------------------------------------- */

static bool is_enough(const struct phases *p, enum sc_exploration_end *end)
{
    struct sc_share refusal = sc_result_share(&p->nodes, &p->sampled, SC_SHARE_REFUSAL);
    const struct sc_exploration_options *o = p->nodes.options;
    if (p->nodes.n_pieces == 0)
        *end = SC_EXPLORED_EXHAUSTED;
    else if (o->width > 0 && refusal.high - refusal.low <= o->width)
        *end = SC_EXPLORED_WIDTH;
    else if (o->mass < 1 && mass_left(p) <= 1 - o->mass)
        *end = SC_EXPLORED_MASS;
    else
        return false;
    return true;
}

/* Where the curve of finished mass stood some rows ago. */
struct point {
    double rows, mass;
};

/* Computes the heaviest nodes as long as the mass that they finish saves more rows of sampling than
 * they cost: d(mass) / d(rows) * (rows of sampling) > mass left, where sampling takes rows in
 * proportion to the mass that is left. */
static enum sc_status compute_heaviest(struct phases *p, double least_rows, struct sc_error *error)
{
    struct sc_nodes *t = &p->nodes;
    const struct sc_exploration_options *o = t->options;
    double begun = (double)t->rows;
    struct point past[2] = {{begun, sc_total_value(&t->finished_mass)}};
    past[1] = past[0];
    for (;;) {
        if (o->stop != NULL && o->stop(o->stop_context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        uint32_t branch;
        while (t->n_wanted < t->step && (double)t->n_wanted < rows_left(p) &&
               sc_nodes_take_heaviest(t, &branch))
            sc_nodes_want_branch(t, branch);
        if (t->n_wanted == 0)
            return SC_OK;
        SC_TRY(sc_nodes_compute(t, error));
        struct point now = {(double)t->rows, sc_total_value(&t->finished_mass)};
        if (o->mass < 1 && now.mass >= o->mass)
            return SC_OK;
        if (now.rows - begun < least_rows)
            continue;
        double rate = (now.mass - past[0].mass) / (now.rows - past[0].rows);
        if (rate * sampling_rows(p) <= mass_left(p) ||
            now.rows > MOST_HEAVIEST * (double)o->max_rows)
            return SC_OK;
        /* The rate over the last third or so of the way. */
        if (now.rows - past[1].rows > fmax(least_rows / 2, (now.rows - begun) / 4)) {
            past[0] = past[1];
            past[1] = now;
        }
    }
}

/* ---- the pilot ------------------------------------------------------------------------------- */

/* Draws pieces that are uncertain rather than heavy: what the pilot finds out is where verdicts
 * differ. */
static void draw_pilot(const struct phases *p, const double *below, struct sc_walk *walk)
{
    size_t last = p->strata.n_pieces - 1, low = 0, high = last;
    double at = sc_walk_choice(p->nodes.options, walk->trace) * below[last];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (below[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    walk->branch = p->strata.pieces[low].branch;
    walk->rest_of = p->strata.pieces[low].rest_of;
    walk->stratum = p->strata.pieces[low].stratum;
}

static void count_pilot(struct phases *p, const struct sc_walk *walks, size_t n)
{
    for (int c = 0; c < SC_MOST_STRATA;
         c++) { /* what earlier rounds promised was promised on less */
        p->seen[c].n /= 2;
        p->seen[c].refused /= 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (walks[i].finished == SC_NOWHERE)
            continue;
        enum sc_verdict verdict = p->nodes.finished[walks[i].finished].verdict;
        struct sc_pilot_count *seen = &p->seen[p->strata.strata[walks[i].stratum].promise];
        seen->n += 1;
        seen->refused += sc_verdict_is_refused(verdict);
    }
}

static enum sc_status pilot_round(struct phases *p, struct sc_walk *walks, double *below, size_t n,
                                  struct sc_error *error)
{
    double sum = 0;
    for (size_t i = 0; i < p->strata.n_pieces; i++) {
        const struct sc_piece *piece = &p->strata.pieces[i];
        sum += sqrt(piece->mass) * (0.15 + sqrt(piece->promise * (1 - piece->promise)));
        below[i] = sum;
    }
    for (size_t i = 0; i < n; i++) {
        walks[i].trace = p->n_traces++;
        draw_pilot(p, below, &walks[i]);
    }
    uint64_t before = p->nodes.rows;
    bool complete;
    SC_TRY(sc_walk(&p->nodes, walks, n, &complete, error));
    p->cost = fmax(0.5, (double)(p->nodes.rows - before) / (double)n);
    count_pilot(p, walks, n);
    return SC_OK;
}

static enum sc_status pilot(struct phases *p, struct sc_error *error)
{
    double rows = PILOT_SHARE * sampling_rows(p) / PILOT_ROUNDS;
    for (int round = 0; round < PILOT_ROUNDS; round++) {
        sc_pieces_free(&p->strata);
        SC_TRY(sc_pieces_make(&p->nodes, false, &p->strata, error));
        double fit = fmin(rows / p->cost, rows_left(p) / (double)p->nodes.options->max_new_tokens);
        size_t n = fit < LEAST_PILOT ? LEAST_PILOT : fit > MOST_PILOT ? MOST_PILOT : (size_t)fit;
        if (p->strata.n_pieces == 0 ||
            (double)(n * p->nodes.options->max_new_tokens) > rows_left(p))
            return SC_OK;
        struct sc_walk *walks = sc_alloc_array(n, sizeof *walks);
        double *below = sc_alloc_array(p->strata.n_pieces, sizeof *below);
        enum sc_status status = walks == NULL || below == NULL
                                    ? sc_fail_nomem(error, "traces of the pilot")
                                    : pilot_round(p, walks, below, n, error);
        sc_free(walks);
        sc_free(below);
        SC_TRY(status);
    }
    return SC_OK;
}

/* ---- sampling -------------------------------------------------------------------------------- */

/* Fixes the strata, or one where there are rows for few traces: from here on what is found does not
 * change them. */
static enum sc_status fix_strata(struct phases *p, struct sc_error *error)
{
    double traces = rows_left(p) / p->cost;
    for (int together = 0; together < 2; together++) {
        sc_pieces_free(&p->strata);
        SC_TRY(sc_pieces_make(&p->nodes, together != 0, &p->strata, error));
        if (traces >= LEAST_OF_STRATUM * (double)p->strata.n_strata)
            break;
    }
    p->sampled.strata = &p->strata;
    p->sampled.n_finished = p->nodes.n_finished;
    return SC_OK;
}

/* Adds traces until stratum i has target[i]; they count when all are finished. */
static enum sc_status draw_batch(struct phases *p, const double *target, bool *complete,
                                 struct sc_error *error)
{
    struct sc_sampled *s = &p->sampled;
    size_t n = s->n_walks, added[SC_MOST_STRATA] = {0};
    for (size_t i = 0; i < p->strata.n_strata; i++)
        for (double k = s->n[i]; k < target[i]; k++) {
            if (sc_grow((void **)&s->walks, n, &p->cap_walks, sizeof *s->walks) != 0)
                return sc_fail_nomem(error, "sampled traces");
            s->walks[n] = (struct sc_walk){.trace = p->n_traces++};
            sc_pieces_draw(&p->strata, p->nodes.options, i, &s->walks[n++]);
            added[i]++;
        }
    uint64_t before = p->nodes.rows;
    SC_TRY(sc_walk(&p->nodes, &s->walks[s->n_walks], n - s->n_walks, complete, error));
    if (!*complete || n == s->n_walks)
        return SC_OK;
    p->cost = fmax(0.05, (double)(p->nodes.rows - before) / (double)(n - s->n_walks));
    s->n_walks = n;
    for (size_t i = 0; i < p->strata.n_strata; i++)
        s->n[i] += (double)added[i];
    return SC_OK;
}

/* Traces that surely fit into the rows that are left, as far as their cost is known: a batch that
 * breaks off for want of rows is lost, since the traces that end early would count too much. */
static double that_fit(const struct phases *p, double share)
{
    double left = rows_left(p), n = share * left / p->cost;
    double longest = (double)p->nodes.options->max_new_tokens;
    double spread = 2 * fmin(longest, 2 * p->cost + 4) * sqrt(fmax(n, 1));
    return fmax(floor(left / longest), floor(fmax(0, share * left - spread) / p->cost));
}

static enum sc_status draw(struct phases *p, enum sc_exploration_end *end, struct sc_error *error)
{
    double width = p->nodes.options->width, drawn = 0;
    double affordable = fmax(LEAST_BATCH, rows_left(p) / p->cost);
    struct sc_allocation plan = sc_allocate_total(&p->strata, p->seen, affordable);
    double wanted = plan.total;
    if (width > 0) {
        struct sc_allocation enough = sc_allocate_for_width(&p->strata, p->seen, width);
        plan = enough.total < plan.total ? enough : plan;
        wanted = plan.total * sc_allocation_share(&p->strata, p->seen, &plan, width);
    }
    while (!is_enough(p, end)) {
        double more = fmin(wanted - drawn, that_fit(p, BATCH_SHARE));
        if (more < LEAST_BATCH)
            more = that_fit(p, 1);
        if (more < 1 || (more < LEAST_BATCH && drawn > 0)) {
            *end = SC_EXPLORED_ROWS;
            return SC_OK;
        }
        double target[SC_MOST_STRATA] = {0};
        for (size_t i = 0; i < p->strata.n_strata; i++)
            target[i] = fmax(1, ceil(plan.n[i] * (drawn + more) / plan.total));
        bool complete;
        SC_TRY(draw_batch(p, target, &complete, error));
        if (!complete) {
            *end = SC_EXPLORED_ROWS;
            return SC_OK;
        }
        drawn += more;
        if (drawn < wanted - 0.5 || !(width > 0))
            continue;
        struct sc_share refusal = sc_result_share(&p->nodes, &p->sampled, SC_SHARE_REFUSAL);
        double lacks = (refusal.high - refusal.low) / width;
        wanted = drawn * fmin(4, fmax(1.3, 1.1 * lacks * lacks));
    }
    return SC_OK;
}

/* ---- together -------------------------------------------------------------------------------- */

static enum sc_status run_phases(struct phases *p, enum sc_exploration_end *end,
                                 struct sc_error *error)
{
    const struct sc_exploration_options *o = p->nodes.options;
    p->cost = fmax(1, FIRST_COST * (double)o->max_new_tokens);
    double least = fmax(4 * (double)o->max_new_tokens, HEAVIEST_SHARE * sampling_rows(p));
    SC_TRY(compute_heaviest(p, fmin(least, (double)o->max_rows / 8), error));
    if (is_enough(p, end))
        return SC_OK;
    SC_TRY(pilot(p, error));
    SC_TRY(fix_strata(p, error));
    if (is_enough(p, end))
        return SC_OK;
    return draw(p, end, error);
}

static enum sc_status run(struct phases *p, struct sc_exploration *out, struct sc_error *error)
{
    out->end = SC_EXPLORED_ROWS;
    SC_TRY(run_phases(p, &out->end, error));
    out->n_traces = p->n_traces;
    return sc_result_fill(&p->nodes, &p->sampled, out, error);
}

enum sc_status sc_explore(const struct sc_expanding *expanding, const struct sc_reading *reading,
                          const struct sc_exploration_options *options, struct sc_exploration *out,
                          struct sc_error *error)
{
    *out = (struct sc_exploration){0};
    SC_TRY(sc_exploration_options_check(options, error));
    struct phases p = {0};
    enum sc_status status = sc_nodes_open(&p.nodes, expanding, reading, options, error);
    status = status != SC_OK ? status : run(&p, out, error);
    if (status != SC_OK)
        sc_exploration_free(out);
    sc_free(p.sampled.walks);
    sc_pieces_free(&p.strata);
    sc_nodes_close(&p.nodes);
    return status;
}
