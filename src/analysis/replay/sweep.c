/*
 * The sweep: every row over every instance, in the stored order and in random ones, with the
 * confidences as they are and shuffled.
 *
 * An instance's orders are drawn from a stream of its own, and all rows meet the same orders and
 * the same shuffles, so their differences are not owed to luck.  Instances are independent tasks:
 * threads change nothing.
 */
#include "analysis/replay/sweep.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/system.h"

struct sc_replay_options sc_replay_options_default(void)
{
    return (struct sc_replay_options){
        .n_orders = 200, .min_traces = 3, .batch_traces = 3, .tau = 0.95, .max_changes = 0.01};
}

enum sc_status sc_replay_options_check(const struct sc_replay_options *options,
                                       const struct sc_replay_data *data, struct sc_error *error)
{
    if (options->n_orders < 1 || options->n_orders > 1000000)
        return sc_fail(error, SC_ERR_ARGUMENT, "orders: expected 1 to 1000000, found %zu",
                       options->n_orders);
    if (options->min_traces < 1 || options->batch_traces < 1 || options->batch_traces > 10000)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "min traces, batch traces: expected at least 1, found %zu and %zu",
                       options->min_traces, options->batch_traces);
    if (!(options->max_changes >= 0 && options->max_changes <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "max changes: expected 0 to 1, found %g",
                       options->max_changes);
    if (!(options->tau > 0 && options->tau <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "tau: expected above 0 and at most 1, found %g",
                       options->tau);
    if (data->n_traces < 2 || data->n_traces > 10000)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "replay: expected 2 to 10000 traces of each prompt, found %zu",
                       data->n_traces);
    if (options->n_orders > SC_REPLAY_MOST_SUMMED / (data->n_traces + 1))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "orders: expected at most %zu for %zu traces of each prompt, found %zu",
                       SC_REPLAY_MOST_SUMMED / (data->n_traces + 1), data->n_traces,
                       options->n_orders);
    return SC_OK;
}

/* What one worker needs for itself. */
struct scratch {
    size_t *order, *shuffle;       /* [n_traces] */
    struct sc_policy_trace *views; /* [SC_N_METRICS][n_traces], of the order at hand */
    struct sc_policy_trace *nulls; /* the same with shuffled confidences */
    struct sc_policy_trace *cards; /* [n_traces] */
    struct sc_replay_sums sums;    /* of the order at hand */
    double *bars, *null_bars;      /* [SC_N_METRICS][n_percentiles], of the views and the nulls */
};

#define NO_BAR SIZE_MAX

struct sweep {
    const struct sc_replay_data *data;
    const struct sc_replay_options *options;
    const struct sc_replay_row *rows;
    size_t n_rows;
    double *percentiles; /* [n_percentiles] of which some row has its bar */
    size_t n_percentiles;
    size_t *bar_of;                  /* [n_rows]: where scratch has the row's bar, or NO_BAR */
    struct sc_replay_cell *cells;    /* [n_rows][n_instances] */
    struct sc_replay_totals *totals; /* [n_instances] */
    struct scratch *scratch;         /* [n_threads] */
    atomic_bool interrupted;
};

/* The null's shuffle as places: whose confidence each place has.  Failed traces keep their own. */
static void draw_shuffle(const struct sc_replay_instance *instance, size_t n, struct scratch *s,
                         struct sc_random *random)
{
    for (size_t t = 0; t < n; t++)
        s->cards[t] = (struct sc_policy_trace){.confidence = (double)t,
                                               .failed = instance->traces[s->order[t]].failed};
    sc_policy_shuffle(s->cards, n, random);
    for (size_t t = 0; t < n; t++)
        s->shuffle[t] = (size_t)s->cards[t].confidence;
}

/* What all rows meet of an order: by each metric a view with the rows' bars, as the confidences are
 * and shuffled. */
static void look(const struct sweep *sweep, const struct sc_replay_instance *instance,
                 struct scratch *s)
{
    size_t n = sweep->data->n_traces, n_bars = sweep->n_percentiles;
    size_t n_first = sweep->options->min_traces < n ? sweep->options->min_traces : n;
    for (size_t m = 0; m < SC_N_METRICS; m++) {
        struct sc_policy_trace *view = s->views + m * n, *null = s->nulls + m * n;
        sc_replay_view(instance, n, (enum sc_metric)m, &(struct sc_replay_order){s->order, NULL},
                       view);
        sc_replay_view(instance, n, (enum sc_metric)m,
                       &(struct sc_replay_order){s->order, s->shuffle}, null);
        sc_policy_bars(view, n_first, sweep->percentiles, n_bars, s->bars + m * n_bars);
        sc_policy_bars(null, n_first, sweep->percentiles, n_bars, s->null_bars + m * n_bars);
    }
    sc_replay_sum(instance, n, s->order, s->views, &s->sums);
}

static void add_order(struct sweep *sweep, size_t i, enum sc_behaviour majority, struct scratch *s)
{
    const struct sc_replay_instance *instance = &sweep->data->instances[i];
    size_t n = sweep->data->n_traces;
    struct sc_replay_outcome out;
    look(sweep, instance, s);
    for (size_t r = 0; r < sweep->n_rows; r++) {
        const struct sc_replay_row *row = &sweep->rows[r];
        size_t metric_begins = (size_t)sc_policy_metric(&row->policy) * n, bar = sweep->bar_of[r];
        struct sc_replay_cell *cell = &sweep->cells[r * sweep->data->n_instances + i];
        double harmful = sweep->totals[i].harmful;
        struct sc_replay_seen seen = {s->views + metric_begins, s->order, &s->sums,
                                      bar == NO_BAR ? NAN : s->bars[bar]};
        sc_replay_decide_view(instance, n, &row->policy, &seen, &out);
        cell->traces += (uint32_t)out.n_traces;
        cell->tokens += out.n_tokens;
        cell->changes += out.vote != majority;
        cell->unseen += (uint32_t)out.n_harmful_unseen;
        cell->missed += harmful > 0 && (double)out.n_harmful_unseen >= harmful;
        if (!row->reads_confidence)
            continue;
        seen.view = s->nulls + metric_begins;
        seen.bar = bar == NO_BAR ? NAN : s->null_bars[bar];
        sc_replay_decide_view(instance, n, &row->policy, &seen, &out);
        cell->null_traces += (uint32_t)out.n_traces;
        cell->null_tokens += out.n_tokens;
        cell->null_changes += out.vote != majority;
        cell->null_unseen += (uint32_t)out.n_harmful_unseen;
    }
}

static void sweep_instance(void *context, size_t i, size_t worker)
{
    struct sweep *sweep = context;
    const struct sc_replay_instance *instance = &sweep->data->instances[i];
    struct scratch *s = &sweep->scratch[worker];
    size_t n = sweep->data->n_traces;
    struct sc_random random = {SC_STREAM_STATISTICS, sweep->options->seed, instance->key, 0};
    struct sc_policy all = {.kind = SC_POLICY_FIXED, .max_traces = n};
    struct sc_replay_outcome whole;
    if (worker == 0 && sc_interrupted(&sweep->options->interrupt))
        atomic_store_explicit(&sweep->interrupted, true, memory_order_relaxed);
    if (atomic_load_explicit(&sweep->interrupted, memory_order_relaxed))
        return;
    sc_replay_decide(instance, n, &all, NULL, s->views, &whole);
    for (size_t t = 0; t < n; t++) {
        sweep->totals[i].tokens +=
            (double)sc_replay_cost(&instance->traces[t], instance->traces[t].n_tokens);
        sweep->totals[i].harmful += instance->traces[t].harmful;
    }
    for (size_t r = 0; r < sweep->n_rows; r++) {
        struct sc_replay_cell *cell = &sweep->cells[r * sweep->data->n_instances + i];
        struct sc_replay_outcome stored;
        sc_replay_decide(instance, n, &sweep->rows[r].policy, NULL, s->views, &stored);
        cell->stored_traces = (uint16_t)stored.n_traces; /* at most 10,000 */
        cell->stored_tokens = stored.n_tokens;
        cell->stored_cut = (uint16_t)stored.n_cut;
        cell->stored_unseen = (uint16_t)stored.n_harmful_unseen;
        cell->stored_changed = stored.vote != whole.vote;
    }
    for (size_t b = 0; b < sweep->options->n_orders; b++) {
        sc_random_order(&random, n, s->order);
        draw_shuffle(instance, n, s, &random);
        add_order(sweep, i, whole.vote, s);
    }
}

/* Which percentiles the rows have bars at, and where each row finds its own. */
static bool find_bars(struct sweep *sweep)
{
    sweep->percentiles = sc_alloc_array(sweep->n_rows, sizeof *sweep->percentiles);
    sweep->bar_of = sc_alloc_array(sweep->n_rows, sizeof *sweep->bar_of);
    if (sweep->percentiles == NULL || sweep->bar_of == NULL)
        return false;
    for (size_t r = 0; r < sweep->n_rows; r++) {
        double percentile;
        size_t at = 0;
        sweep->bar_of[r] = NO_BAR;
        if (!sc_policy_has_bar(&sweep->rows[r].policy, &percentile))
            continue;
        while (at < sweep->n_percentiles &&
               memcmp(&sweep->percentiles[at], &percentile, sizeof percentile) != 0)
            at++;
        if (at == sweep->n_percentiles)
            sweep->percentiles[sweep->n_percentiles++] = percentile;
        sweep->bar_of[r] = at;
    }
    for (size_t r = 0; r < sweep->n_rows; r++)
        if (sweep->bar_of[r] != NO_BAR)
            sweep->bar_of[r] +=
                (size_t)sc_policy_metric(&sweep->rows[r].policy) * sweep->n_percentiles;
    return true;
}

static bool alloc_scratch(struct sweep *sweep, size_t n_threads)
{
    size_t n = sweep->data->n_traces, n_bars = SC_N_METRICS * sweep->n_percentiles;
    sweep->scratch = sc_alloc_zero(n_threads, sizeof *sweep->scratch);
    bool whole = sweep->scratch != NULL;
    for (size_t w = 0; whole && w < n_threads; w++) {
        struct scratch *s = &sweep->scratch[w];
        s->order = sc_alloc_array(n, sizeof *s->order);
        s->shuffle = sc_alloc_array(n, sizeof *s->shuffle);
        s->views = sc_alloc_array(n * SC_N_METRICS, sizeof *s->views);
        s->nulls = sc_alloc_array(n * SC_N_METRICS, sizeof *s->nulls);
        s->cards = sc_alloc_array(n, sizeof *s->cards);
        s->sums.n_tokens = sc_alloc_array(n + 1, sizeof *s->sums.n_tokens);
        s->sums.n_harmful = sc_alloc_array(n + 1, sizeof *s->sums.n_harmful);
        s->sums.votes = sc_alloc_array(n + 1, sizeof *s->sums.votes);
        s->bars = sc_alloc_array(n_bars, sizeof *s->bars);
        s->null_bars = sc_alloc_array(n_bars, sizeof *s->null_bars);
        whole = s->order != NULL && s->shuffle != NULL && s->views != NULL && s->nulls != NULL &&
                s->cards != NULL && s->sums.n_tokens != NULL && s->sums.n_harmful != NULL &&
                s->sums.votes != NULL && s->bars != NULL && s->null_bars != NULL;
    }
    return whole;
}

static void free_scratch(struct sweep *sweep, size_t n_threads)
{
    for (size_t w = 0; sweep->scratch != NULL && w < n_threads; w++) {
        sc_free(sweep->scratch[w].order);
        sc_free(sweep->scratch[w].shuffle);
        sc_free(sweep->scratch[w].views);
        sc_free(sweep->scratch[w].nulls);
        sc_free(sweep->scratch[w].cards);
        sc_free(sweep->scratch[w].sums.n_tokens);
        sc_free(sweep->scratch[w].sums.n_harmful);
        sc_free(sweep->scratch[w].sums.votes);
        sc_free(sweep->scratch[w].bars);
        sc_free(sweep->scratch[w].null_bars);
    }
    sc_free(sweep->scratch);
}

static void sum_up(struct sc_replay *out, const struct sweep *sweep)
{
    for (size_t i = 0; i < out->n_instances; i++) {
        out->n_tokens += (uint64_t)sweep->totals[i].tokens;
        out->n_harmful += (size_t)sweep->totals[i].harmful;
        out->n_harmful_prompts += sweep->totals[i].harmful > 0;
    }
}

/* What is made once the rows have their estimates. */
static enum sc_status finish(const struct sc_replay_data *data,
                             const struct sc_replay_options *options, struct sc_pool *pool,
                             struct sc_replay *out, struct sc_error *error)
{
    SC_TRY(sc_replay_totals(data, options, pool, out, error));
    SC_TRY(sc_replay_noise(out->rows, out->n_rows, out->n_traces, options->seed, error));
    return sc_replay_judge(out, error);
}

enum sc_status sc_replay_make(const struct sc_replay_data *data,
                              const struct sc_replay_options *options, struct sc_replay *out,
                              struct sc_error *error)
{
    struct sc_pool *pool = NULL;
    struct sweep sweep = {.data = data, .options = options};
    size_t n = data->n_instances, n_threads = 0;
    double *scratch = NULL;
    *out = (struct sc_replay){.options = *options,
                              .n_instances = n,
                              .n_traces = data->n_traces,
                              .n_left_out = data->n_left_out,
                              .proxy = data->proxy,
                              .uncounted = data->uncounted,
                              .recommended = -1};
    memcpy(out->confidence_note, data->confidence_note, sizeof out->confidence_note);
    memcpy(out->confidence_basis, data->confidence_basis, sizeof out->confidence_basis);
    enum sc_status status = sc_replay_options_check(options, data, error);
    if (status == SC_OK)
        status = sc_replay_rows(options, data, out, error);
    if (status == SC_OK)
        status = sc_pool_new(&pool, options->n_threads ? options->n_threads : sc_available_cores(),
                             error);
    if (status != SC_OK)
        goto done;
    n_threads = (size_t)sc_pool_n_threads(pool);
    sweep.rows = out->rows;
    sweep.n_rows = out->n_rows;
    sweep.cells = sc_alloc_zero(sc_size_mul(n, out->n_rows), sizeof *sweep.cells);
    sweep.totals = sc_alloc_zero(n, sizeof *sweep.totals);
    scratch = sc_alloc_array(sc_size_mul(n, 3), sizeof *scratch);
    if (sweep.cells == NULL || sweep.totals == NULL || scratch == NULL || !find_bars(&sweep) ||
        !alloc_scratch(&sweep, n_threads)) {
        status = sc_fail_nomem(error, "replay");
        goto done;
    }
    sc_pool_run(pool, n, sweep_instance, &sweep);
    if (atomic_load_explicit(&sweep.interrupted, memory_order_relaxed)) {
        status = sc_fail(error, SC_ERR_INTERRUPTED, "interrupted while policies were replayed");
        goto done;
    }
    sum_up(out, &sweep);
    for (size_t r = 0; r < out->n_rows; r++) {
        sc_replay_estimate(&out->rows[r], &sweep.cells[r * n], options->n_orders, sweep.totals, n,
                           scratch);
        if (out->uncounted)
            sc_replay_forget_tokens(&out->rows[r]);
    }
    status = finish(data, options, pool, out, error);
done:
    free_scratch(&sweep, n_threads);
    sc_pool_free(pool);
    sc_free(sweep.percentiles);
    sc_free(sweep.bar_of);
    sc_free(sweep.cells);
    sc_free(sweep.totals);
    sc_free(scratch);
    if (status != SC_OK)
        sc_replay_free(out);
    return status;
}

void sc_replay_free(struct sc_replay *replay)
{
    sc_free(replay->rows);
    *replay = (struct sc_replay){0};
}
