/*
 * The policies of the sweep: which ones, their names, and what the adaptive rule does on noise.
 */
#include <math.h>
#include <stdio.h>

#include "analysis/replay/sweep.h"
#include "base/memory.h"

enum { NOISE_ROUNDS = 20000, NOISE_KEY = 0x6e01 };

static const double percentiles[] = {20, 30, 40, 50, 60, 70, 80, 90};
static const double risks[] = {0, 0.05, 0.1, 0.2};
static const double widths[] = {0.1, 0.2, 0.4};
enum {
    N_PERCENTILES = sizeof percentiles / sizeof *percentiles,
    N_RISKS = sizeof risks / sizeof *risks,
    N_WIDTHS = sizeof widths / sizeof *widths,
    MOST_ROWS =
        3 + 2 * N_PERCENTILES * SC_N_METRICS + N_PERCENTILES + 1 + 2 * N_RISKS + 2 * N_WIDTHS
};

struct list {
    struct sc_replay_row *rows;
    size_t n, n_left_out;
    bool has[SC_N_METRICS]; /* some trace has this confidence */
};

static void find_confidences(const struct sc_replay_data *data, struct list *list)
{
    for (size_t i = 0; i < data->n_instances; i++)
        for (size_t t = 0; t < data->n_traces; t++)
            for (int m = 0; m < SC_N_METRICS; m++)
                list->has[m] = list->has[m] || isfinite(data->instances[i].traces[t].confidence[m]);
}

/* Whether the policy can be replayed; else it is counted as left out. */
static bool can_read(struct list *list, const struct sc_policy *policy)
{
    bool can = list->has[sc_policy_metric(policy)];
    list->n_left_out += !can;
    return can;
}

static struct sc_replay_row *add(struct list *list, const struct sc_policy *policy)
{
    struct sc_replay_row *row = &list->rows[list->n++];
    *row = (struct sc_replay_row){.policy = *policy, .noise_traces = NAN};
    row->reads_confidence = sc_policy_reads_confidence(policy);
    return row;
}

static void add_fixed(struct list *list, struct sc_policy policy, size_t n_traces)
{
    policy.kind = n_traces == 1 ? SC_POLICY_SINGLE : SC_POLICY_FIXED;
    policy.max_traces = n_traces;
    struct sc_replay_row *row = add(list, &policy);
    if (n_traces == 1)
        snprintf(row->name, sizeof row->name, "single");
    else
        snprintf(row->name, sizeof row->name, "fixed %zu", n_traces);
}

/* The rules that read verdicts alone.  One trace at a time costs rounds and no tokens: each is
 * shown both ways. */
static void add_verdict_rules(struct list *list, struct sc_policy policy, size_t batch)
{
    for (size_t i = 0; i < 2 * (N_RISKS + N_WIDTHS); i++) {
        bool curtailed = i / 2 < N_RISKS;
        policy.kind = curtailed ? SC_POLICY_CURTAILED : SC_POLICY_INTERVAL;
        policy.risk = curtailed ? risks[i / 2] : 0;
        policy.width = curtailed ? policy.width : widths[i / 2 - N_RISKS];
        policy.batch_traces = i % 2 ? 1 : batch;
        if (i % 2 && batch == 1)
            continue;
        struct sc_replay_row *row = add(list, &policy);
        snprintf(row->name, sizeof row->name, "%s %g by %zu", sc_policy_name(policy.kind),
                 curtailed ? policy.risk : policy.width, policy.batch_traces);
    }
}

static void add_adaptive(struct list *list, struct sc_policy policy, size_t batch)
{
    policy.kind = SC_POLICY_ADAPTIVE;
    for (int rule = 0; rule < SC_N_ADAPTIVE_RULES; rule++)
        for (size_t p = 0; p < N_PERCENTILES; p++) {
            policy.adaptive_rule = (enum sc_adaptive_rule)rule;
            policy.batch_traces = rule == SC_ADAPTIVE_LAST ? 1 : batch;
            policy.percentile = percentiles[p];
            for (int m = 0; m < SC_N_METRICS; m++) {
                policy.metric = (enum sc_metric)m;
                if (!can_read(list, &policy))
                    continue;
                struct sc_replay_row *row = add(list, &policy);
                snprintf(row->name, sizeof row->name, "%s %s %g %s", sc_policy_name(policy.kind),
                         sc_adaptive_rule_name(policy.adaptive_rule), policy.percentile,
                         sc_metric_name(policy.metric));
            }
        }
}

static void add_deepconf(struct list *list, struct sc_policy policy)
{
    policy.kind = SC_POLICY_DEEPCONF;
    for (size_t p = 0; p <= N_PERCENTILES; p++) {
        policy.eta = p < N_PERCENTILES ? 100 - percentiles[N_PERCENTILES - 1 - p] : 90;
        if (!can_read(list, &policy))
            continue;
        struct sc_replay_row *row = add(list, &policy);
        snprintf(row->name, sizeof row->name, "deepconf eta %g", policy.eta);
    }
}

enum sc_status sc_replay_rows(const struct sc_replay_options *options,
                              const struct sc_replay_data *data, struct sc_replay *out,
                              struct sc_error *error)
{
    size_t n_traces = data->n_traces;
    struct list list = {.rows = sc_alloc_array(MOST_ROWS, sizeof *list.rows)};
    out->rows = list.rows; /* which *out owns, whatever happens */
    if (list.rows == NULL)
        return sc_fail_nomem(error, "policies to replay");
    struct sc_policy policy = sc_policy_default();
    policy.max_traces = n_traces;
    policy.min_traces = options->min_traces < n_traces ? options->min_traces : n_traces;
    policy.batch_traces = options->batch_traces;
    policy.tau = options->tau;
    find_confidences(data, &list);
    add_fixed(&list, policy, 1);
    for (size_t k = 3; k <= 5 && k < n_traces; k += 2)
        add_fixed(&list, policy, k);
    add_verdict_rules(&list, policy, options->batch_traces);
    add_adaptive(&list, policy, options->batch_traces);
    add_deepconf(&list, policy);
    for (size_t i = 0; i < list.n; i++)
        SC_TRY(sc_policy_check(&list.rows[i].policy, error));
    out->n_rows = list.n;
    out->n_without_confidence = list.n_left_out;
    return SC_OK;
}

static bool is_same_rule(const struct sc_policy *a, const struct sc_policy *b)
{
    return a->kind == b->kind && a->adaptive_rule == b->adaptive_rule &&
           fabs(a->percentile - b->percentile) < 1e-9;
}

/* Whether a row's rule is that of the row before: the metrics of one rule follow one another, and
 * noise is the same to all. */
static bool repeats(const struct sc_replay_row *rows, size_t r)
{
    return r > 0 && is_same_rule(&rows[r - 1].policy, &rows[r].policy);
}

/* Confidences that are independent normal values (Box and Muller). */
static void draw_noise(struct sc_random *random, size_t n, struct sc_policy_trace *traces)
{
    for (size_t t = 0; t < n; t++) {
        double u = sc_random_next(random), v = sc_random_next(random);
        traces[t] =
            (struct sc_policy_trace){.confidence = sqrt(-2 * log(u)) * cos(6.283185307179586 * v)};
    }
}

enum sc_status sc_replay_noise(struct sc_replay_row *rows, size_t n, size_t n_traces, uint64_t seed,
                               struct sc_error *error)
{
    struct sc_random random = {SC_STREAM_STATISTICS, seed, NOISE_KEY, 0};
    struct sc_policy_trace *noise = sc_alloc_array(n_traces, sizeof *noise);
    size_t *n_used = sc_alloc_zero(n, sizeof *n_used);
    bool made = noise != NULL && n_used != NULL;
    for (int round = 0; made && round < NOISE_ROUNDS; round++) {
        draw_noise(&random, n_traces, noise);
        for (size_t r = 0; r < n; r++)
            if (rows[r].policy.kind == SC_POLICY_ADAPTIVE && !repeats(rows, r))
                n_used[r] += sc_policy_replay(&rows[r].policy, noise, n_traces, NULL);
    }
    for (size_t r = 0; made && r < n; r++)
        if (rows[r].policy.kind == SC_POLICY_ADAPTIVE)
            rows[r].noise_traces =
                repeats(rows, r) ? rows[r - 1].noise_traces : (double)n_used[r] / NOISE_ROUNDS;
    sc_free(noise);
    sc_free(n_used);
    return made ? SC_OK : sc_fail_nomem(error, "policies on noise");
}
