/*
 * What a total shared among the prompts (decision/budget.h) would have given, over the stored
 * traces in random orders: against as many traces for each prompt, and against the null, the same
 * numbers of traces given to prompts without regard to their verdicts.
 *
 * One order after another, which all rows meet; within it a row is one task, so threads change
 * nothing.
 */
#include <math.h>
#include <string.h>

#include "analysis/replay/sweep.h"
#include "base/memory.h"
#include "decision/budget.h"
#include "vocabulary/vocabulary.h"

/* Keeps these orders apart from those of the sweep, which count from 0. */
#define FIRST_NUMBER ((uint64_t)1 << 40)
#define PROMPTS_KEY 0x70a1

/* Of one prompt's traces in the order of the day: judged and refusing ones among the first n. */
struct running {
    uint32_t n_judged, n_refused;
};

/* Sums over the orders of one prompt, of one way to share out. */
struct sums {
    double error2, changes, settled;
};
struct cell {
    struct sums budget, uniform, null;
    double weighted2, plain, weighted; /* error of the weighted rate, squared; errors with signs */
};

/* What a row needs for itself. */
struct scratch {
    struct sc_budget_prompt *prompts; /* [n_instances] */
    struct sc_budget_part *parts;     /* [n_instances][n_phases of the row] */
    struct sc_budget_claim *heap;     /* [n_instances] */
    struct cell *cells;               /* [n_instances] */
    double *x;                        /* [n_instances] */
};

struct work {
    const struct sc_replay_data *data;
    const struct sc_replay_options *options;
    struct sc_replay_total *rows;
    size_t *settled_at;      /* [n_traces + 1]: largest minority that settles, plus 1 */
    struct scratch *scratch; /* [n_totals] */
    /* Of the order at hand: */
    struct running *running; /* [n_instances][n_traces + 1] */
    size_t *order;           /* [n_traces] */
    size_t *mixed;           /* [n_instances]: whose number of traces each has under the null */
};

static struct running *running_of(const struct work *w, size_t i)
{
    return w->running + i * (w->data->n_traces + 1);
}

/* Random orders of all prompts' traces; or the stored ones. */
static void count_running(struct work *w, size_t order, bool stored)
{
    for (size_t i = 0; i < w->data->n_instances; i++) {
        const struct sc_replay_instance *instance = &w->data->instances[i];
        struct running *running = running_of(w, i);
        struct sc_random random = {SC_STREAM_STATISTICS, w->options->seed, instance->key,
                                   FIRST_NUMBER + ((uint64_t)order << 20)};
        sc_random_order(stored ? NULL : &random, w->data->n_traces, w->order);
        running[0] = (struct running){0, 0};
        for (size_t t = 0; t < w->data->n_traces; t++) {
            const struct sc_replay_trace *trace = &instance->traces[w->order[t]];
            bool judged = !trace->failed && sc_verdict_is_judged(trace->verdict);
            running[t + 1] = running[t];
            running[t + 1].n_judged += judged;
            running[t + 1].n_refused += judged && sc_verdict_is_refused(trace->verdict);
        }
    }
}

/* Who gets how many, and what of it belongs to which phase. */
static void share_out(const struct work *w, struct scratch *s, const struct sc_policy *policy,
                      size_t n_phases)
{
    size_t n = w->data->n_instances;
    memset(s->prompts, 0, n * sizeof *s->prompts);
    for (size_t k = 0; k < n_phases; k++) {
        sc_budget_allot(policy, k, s->prompts, n, s->heap);
        for (size_t i = 0; i < n; i++) {
            struct sc_budget_prompt *prompt = &s->prompts[i];
            struct running now = running_of(w, i)[prompt->n_traces];
            s->parts[i * n_phases + k] = (struct sc_budget_part){now.n_judged - prompt->n_judged,
                                                                 now.n_refused - prompt->n_refused};
            prompt->n_judged = now.n_judged;
            prompt->n_refused = now.n_refused;
        }
    }
}

/* One half where nothing was judged: nothing speaks for either side. */
static double rate_of(struct running r)
{
    return r.n_judged > 0 ? (double)r.n_refused / (double)r.n_judged : 0.5;
}

static bool is_settled(const struct work *w, struct running r)
{
    size_t refused = r.n_refused, others = r.n_judged - r.n_refused;
    return (refused < others ? refused : others) < w->settled_at[r.n_judged];
}

static void add(const struct work *w, struct running seen, struct running all, struct sums *sums)
{
    double error = rate_of(seen) - rate_of(all);
    sums->error2 += error * error;
    sums->settled += is_settled(w, seen);
    sums->changes +=
        sc_behaviour_of((double)seen.n_refused, (double)(seen.n_judged - seen.n_refused)) !=
        sc_behaviour_of((double)all.n_refused, (double)(all.n_judged - all.n_refused));
}

/* The order at hand under row r. */
static void add_order(void *context, size_t r, size_t worker)
{
    const struct work *w = context;
    const struct sc_replay_total *row = &w->rows[r];
    struct scratch *s = &w->scratch[r];
    (void)worker;
    size_t n = w->data->n_instances, each = row->policy.traces_total / n;
    share_out(w, s, &row->policy, row->n_phases);
    for (size_t i = 0; i < n; i++) {
        const struct running *running = running_of(w, i);
        struct running all = running[w->data->n_traces];
        struct cell *cell = &s->cells[i];
        if (all.n_judged == 0)
            continue;
        add(w, running[s->prompts[i].n_traces], all, &cell->budget);
        add(w, running[s->prompts[w->mixed[i]].n_traces], all, &cell->null);
        add(w, running[each], all, &cell->uniform);
        double weighted = sc_budget_rate(&row->policy, n, s->parts + i * row->n_phases);
        weighted = (isnan(weighted) ? 0.5 : weighted) - rate_of(all);
        cell->weighted2 += weighted * weighted;
        cell->weighted += weighted;
        cell->plain += rate_of(running[s->prompts[i].n_traces]) - rate_of(all);
    }
}

/* ---- estimates ------------------------------------------------------------------------------- */

/* Values of the prompts that have a judged trace, from their places in a cell (the second less than
 * the first; NULL: none). */
static size_t column(const struct work *w, const struct scratch *s, size_t first,
                     const size_t *second)
{
    size_t n = 0;
    double weight = 1 / (double)w->options->n_orders;
    for (size_t i = 0; i < w->data->n_instances; i++) {
        const char *cell = (const char *)&s->cells[i];
        double a = 0, b = 0;
        if (running_of(w, i)[w->data->n_traces].n_judged == 0)
            continue;
        memcpy(&a, cell + first, sizeof a);
        if (second != NULL)
            memcpy(&b, cell + *second, sizeof b);
        s->x[n++] = weight * (a - b);
    }
    return n;
}

static struct sc_estimate mean_at(const struct work *w, const struct scratch *s, size_t first,
                                  const size_t *second)
{
    return sc_replay_mean(s->x, column(w, s, first, second));
}

static struct sc_replay_sharing sharing_at(const struct work *w, const struct scratch *s,
                                           size_t sums)
{
    return (struct sc_replay_sharing){
        .error2 = mean_at(w, s, sums + offsetof(struct sums, error2), NULL),
        .changes = sc_replay_share(mean_at(w, s, sums + offsetof(struct sums, changes), NULL)),
        .settled = sc_replay_share(mean_at(w, s, sums + offsetof(struct sums, settled), NULL))};
}

#define AT(way, what) (offsetof(struct cell, way) + offsetof(struct sums, what))

static void estimate(const struct work *w, const struct scratch *s, struct sc_replay_total *row)
{
    row->budget = sharing_at(w, s, offsetof(struct cell, budget));
    row->uniform = sharing_at(w, s, offsetof(struct cell, uniform));
    row->null = sharing_at(w, s, offsetof(struct cell, null));
    row->weighted_error2 = mean_at(w, s, offsetof(struct cell, weighted2), NULL);
    row->error_over_uniform = mean_at(w, s, AT(budget, error2), &(size_t){AT(uniform, error2)});
    row->error_over_null = mean_at(w, s, AT(budget, error2), &(size_t){AT(null, error2)});
    row->changes_over_uniform = mean_at(w, s, AT(budget, changes), &(size_t){AT(uniform, changes)});
    row->changes_over_null = mean_at(w, s, AT(budget, changes), &(size_t){AT(null, changes)});
    row->bias = mean_at(w, s, offsetof(struct cell, plain), NULL).value;
    row->weighted_bias = mean_at(w, s, offsetof(struct cell, weighted), NULL).value;
}

/* What the live run would have done; the order at hand is the stored one. */
static void note_stored(const struct work *w, struct scratch *s, struct sc_replay_total *row)
{
    size_t n = w->data->n_instances, n_rates = 0, n_weighted = 0;
    share_out(w, s, &row->policy, row->n_phases);
    row->stored.least = SIZE_MAX;
    row->stored.refusal_rate = row->stored.weighted_rate = 0;
    for (size_t i = 0; i < n; i++) {
        size_t n_traces = s->prompts[i].n_traces;
        struct running seen = running_of(w, i)[n_traces];
        double weighted = sc_budget_rate(&row->policy, n, s->parts + i * row->n_phases);
        row->stored.n_traces += n_traces;
        row->stored.least = n_traces < row->stored.least ? n_traces : row->stored.least;
        row->stored.most = n_traces > row->stored.most ? n_traces : row->stored.most;
        row->stored.n_settled += is_settled(w, seen);
        row->stored.refusal_rate += seen.n_judged > 0 ? rate_of(seen) : 0;
        n_rates += seen.n_judged > 0 ? 1 : 0;
        row->stored.weighted_rate += isnan(weighted) ? 0 : weighted;
        n_weighted += isnan(weighted) ? 0 : 1;
    }
    row->stored.refusal_rate /= n_rates > 0 ? (double)n_rates : NAN;
    row->stored.weighted_rate /= n_weighted > 0 ? (double)n_weighted : NAN;
}

/* Orders are drawn here, so that rows share them and no thread changes which. */
static enum sc_status make_rows(struct work *w, size_t n_rows, struct sc_pool *pool,
                                struct sc_error *error)
{
    struct sc_random random = {SC_STREAM_STATISTICS, w->options->seed, PROMPTS_KEY, 0};
    for (size_t b = 0; b < w->options->n_orders; b++) {
        if (sc_interrupted(&w->options->interrupt))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted while totals were replayed");
        count_running(w, b, false);
        sc_random_order(&random, w->data->n_instances, w->mixed);
        sc_pool_run(pool, n_rows, add_order, w);
    }
    for (size_t r = 0; r < n_rows; r++)
        estimate(w, &w->scratch[r], &w->rows[r]);
    count_running(w, 0, true);
    for (size_t r = 0; r < n_rows; r++)
        note_stored(w, &w->scratch[r], &w->rows[r]);
    return SC_OK;
}

/* ---- all together ---------------------------------------------------------------------------- */

/* Up to SC_REPLAY_MOST_TOTALS means per prompt between min and n_traces, evenly in their logarithm.
 */
static size_t choose_totals(const struct sc_replay_data *data,
                            const struct sc_replay_options *options, struct sc_replay_total *rows)
{
    size_t low = options->min_traces + 2, high = data->n_traces, n = 0;
    struct sc_policy policy = sc_policy_default();
    policy.kind = SC_POLICY_BUDGET;
    policy.min_traces = options->min_traces;
    policy.max_traces = data->n_traces;
    for (size_t k = 0; low < high && k < SC_REPLAY_MOST_TOTALS; k++) {
        double share = (double)k / (double)(SC_REPLAY_MOST_TOTALS - 1);
        size_t each = (size_t)(0.5 + (double)low * pow((double)(high - 1) / (double)low, share));
        policy.traces_total = each * data->n_instances;
        if (n > 0 && rows[n - 1].policy.traces_total == policy.traces_total)
            continue;
        rows[n] = (struct sc_replay_total){.policy = policy};
        rows[n++].n_phases = sc_budget_phases(&policy, data->n_instances);
    }
    return n;
}

/* settled_at [n_traces + 1]. */
static void find_settled(size_t *settled_at, size_t n_traces)
{
    size_t minority = 0; /* the largest that settles, plus 1; it grows with the traces */
    for (size_t n = 0; n <= n_traces; n++) {
        while (2 * minority < n && sc_always_valid(minority, n).high < 0.5)
            minority++;
        settled_at[n] = minority;
    }
}

static bool alloc_work(struct work *w, size_t n_rows)
{
    size_t n = w->data->n_instances, n_traces = w->data->n_traces;
    w->settled_at = sc_alloc_array(n_traces + 1, sizeof *w->settled_at);
    w->scratch = sc_alloc_zero(n_rows, sizeof *w->scratch);
    w->running = sc_alloc_array(sc_size_mul(n, n_traces + 1), sizeof *w->running);
    w->order = sc_alloc_array(n_traces, sizeof *w->order);
    w->mixed = sc_alloc_array(n, sizeof *w->mixed);
    bool whole = w->settled_at != NULL && w->scratch != NULL && w->running != NULL &&
                 w->order != NULL && w->mixed != NULL;
    for (size_t r = 0; whole && r < n_rows; r++) {
        struct scratch *s = &w->scratch[r];
        s->prompts = sc_alloc_array(n, sizeof *s->prompts);
        s->parts = sc_alloc_array(sc_size_mul(n, w->rows[r].n_phases), sizeof *s->parts);
        s->heap = sc_alloc_array(n, sizeof *s->heap);
        s->cells = sc_alloc_zero(n, sizeof *s->cells);
        s->x = sc_alloc_array(n, sizeof *s->x);
        whole = s->prompts != NULL && s->parts != NULL && s->heap != NULL && s->cells != NULL &&
                s->x != NULL;
    }
    return whole;
}

static void free_work(struct work *w, size_t n_rows)
{
    for (size_t r = 0; w->scratch != NULL && r < n_rows; r++) {
        sc_free(w->scratch[r].prompts);
        sc_free(w->scratch[r].parts);
        sc_free(w->scratch[r].heap);
        sc_free(w->scratch[r].cells);
        sc_free(w->scratch[r].x);
    }
    sc_free(w->settled_at);
    sc_free(w->scratch);
    sc_free(w->running);
    sc_free(w->order);
    sc_free(w->mixed);
}

enum sc_status sc_replay_totals(const struct sc_replay_data *data,
                                const struct sc_replay_options *options, struct sc_pool *pool,
                                struct sc_replay *out, struct sc_error *error)
{
    struct work w = {.data = data, .options = options, .rows = out->totals};
    size_t n_rows = choose_totals(data, options, out->totals);
    out->n_totals = n_rows;
    if (n_rows == 0)
        return SC_OK;
    enum sc_status status = SC_OK;
    if (alloc_work(&w, n_rows)) {
        find_settled(w.settled_at, data->n_traces);
        status = make_rows(&w, n_rows, pool, error);
    } else {
        status = sc_fail_nomem(error, "totals to replay");
    }
    free_work(&w, n_rows);
    return status;
}
