/*
 * What repeated sampling shows and what more of it would: how rates differ between prompts
 * (beta-binomial), attack success extrapolated to more attempts, the traces that a wanted precision
 * takes, and how the decision settles as traces come in.
 */
#include <math.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

#define N_CHECKS 199
#define N_FIT_RESAMPLES 400

/* Trials and successes by prompt. */
struct tally {
    size_t *trials, *successes, n;
};

static bool tally_alloc(struct tally *t, size_t n)
{
    t->n = 0;
    t->trials = sc_alloc_array(sc_size_mul(n, 2), sizeof *t->trials);
    t->successes = t->trials != NULL ? t->trials + n : NULL;
    return t->trials != NULL;
}

static void tally_harm(const struct sc_analysis *a, struct tally *t)
{
    t->n = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[a->largest].instances[i];
        if (a->run->instances[i].label != SC_LABEL_UNSAFE || !s->decided || s->n_known == 0)
            continue;
        t->trials[t->n] = s->n_known;
        t->successes[t->n++] = s->n_harmful;
    }
}

static void tally_refusals(const struct sc_analysis *a, struct tally *t)
{
    t->n = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[a->largest].instances[i];
        if (!s->decided || s->n_judged == 0)
            continue;
        t->trials[t->n] = s->n_judged;
        t->successes[t->n++] = s->n_refused;
    }
}

static double check_fit(const struct sc_analysis *a, const struct tally *t,
                        const struct sc_beta_binomial *fit, struct sc_error *error)
{
    return sc_beta_binomial_check(&(struct sc_trials){t->trials, t->successes, t->n}, fit,
                                  (struct sc_draws){N_CHECKS, a->run->seed}, NULL, error);
}

static void extrapolate(struct sc_analysis *a, const struct tally *t, struct sc_error *error)
{
    static const size_t wanted[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
    struct sc_repeats *out = &a->repeats;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (wanted[i] <= a->n_asr || wanted[i] <= 10 * a->n_asr)
            out->k[out->n_k++] = wanted[i];
    sc_beta_binomial_extrapolate(&(struct sc_trials){t->trials, t->successes, t->n}, out->k,
                                 out->n_k, (struct sc_draws){N_FIT_RESAMPLES, a->run->seed},
                                 out->at_k, error);
}

/* Unbiased mean of rate * (1 - rate) over prompts with two judged traces, as the rate below 1/2
 * that has it. */
static double typical_rate(const struct tally *t)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < t->n; i++) {
        double trials = (double)t->trials[i], hits = (double)t->successes[i];
        if (trials < 2)
            continue;
        sum += hits * (trials - hits) / (trials * (trials - 1));
        n++;
    }
    double spread = fmin(0.25, sum / n); /* 0 / 0: not known */
    return n > 0 ? (1 - sqrt(1 - 4 * spread)) / 2 : NAN;
}

static void find_needed(struct sc_repeats *out, const struct tally *refusals)
{
    static const double half_widths[SC_N_PRECISIONS] = {0.05, 0.1, 0.2};
    double traces = 0;
    out->typical_rate = typical_rate(refusals);
    for (int i = 0; i < SC_N_PRECISIONS; i++) {
        out->half_width[i] = half_widths[i];
        out->worst_needed[i] = sc_trials_needed(0.5, half_widths[i]);
        out->typical_needed[i] = isnan(out->typical_rate)
                                     ? SIZE_MAX
                                     : sc_trials_needed(out->typical_rate, half_widths[i]);
    }
    for (size_t i = 0; i < refusals->n; i++)
        traces += (double)refusals->trials[i];
    out->mean_traces = refusals->n ? traces / (double)refusals->n : NAN;
    double rho = out->refusal.correlation;
    out->within_share = (1 - rho) / (1 - rho + out->mean_traces * rho);
}

/* ---- how the decision settles ---------------------------------------------------------------- */

static enum sc_behaviour behaviour_after(const struct sc_run_instance *instance, size_t policy,
                                         size_t n, double *rate)
{
    size_t judged = 0, refused = 0;
    for (size_t t = 0; t < n; t++) {
        const struct sc_run_trace *trace = sc_run_trace_seen(instance, policy, t);
        if (!sc_trace_is_judged(trace))
            continue;
        judged++;
        refused += sc_verdict_is_refused(trace->verdict);
    }
    *rate = judged ? (double)refused / (double)judged : NAN;
    if (judged == 0)
        return SC_BEHAVIOUR_NONE;
    if (2 * refused == judged)
        return SC_SPLIT;
    return 2 * refused > judged ? SC_REFUSED : SC_COMPLIED;
}

/* Over the prompts that have as many traces as the largest policy may ask for, so that each step
 * sees the same ones. */
static void evolve(struct sc_analysis *a, double *scratch, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    struct sc_repeats *out = &a->repeats;
    double *rates = scratch, *one = scratch + run->n_instances;
    size_t most = a->n_asr;
    out->evolution = sc_alloc_zero(most, sizeof *out->evolution);
    if (out->evolution == NULL) {
        sc_fail_nomem(error, "evolution of the decision");
        return;
    }
    out->n_evolution = most;
    for (size_t n = 1; n <= most; n++) {
        struct sc_evolution *e = &out->evolution[n - 1];
        size_t same = 0, n_rates = 0;
        e->n_traces = n;
        for (size_t i = 0; i < run->n_instances; i++) {
            double rate, last;
            if (a->views[a->largest].instances[i].n_traces < most)
                continue;
            enum sc_behaviour now = behaviour_after(&run->instances[i], a->largest, n, &rate);
            e->n_instances++;
            e->n_behaviours[now]++;
            same += now == behaviour_after(&run->instances[i], a->largest, most, &last);
            if (!isnan(rate)) {
                rates[n_rates] = rate;
                one[n_rates++] = 1;
            }
        }
        e->same = e->n_instances ? sc_wilson(same, e->n_instances)
                                 : sc_estimate_none(0, "no prompt has all traces");
        e->refusal_rate = sc_cluster_share(&(struct sc_shares){rates, one, n_rates, true},
                                           (struct sc_draws){SC_N_RESAMPLES / 4, run->seed},
                                           "no trace was judged", error);
    }
}

void sc_analyse_sampling(struct sc_analysis *a, struct sc_error *error)
{
    struct sc_repeats *out = &a->repeats;
    struct tally t;
    double *scratch = sc_alloc_array(sc_size_mul(a->run->n_instances, 2), sizeof *scratch);
    if (!tally_alloc(&t, a->run->n_instances) || scratch == NULL) {
        sc_fail_nomem(error, "trials by prompt");
        goto done;
    }
    tally_harm(a, &t);
    sc_beta_binomial_fit(&(struct sc_trials){t.trials, t.successes, t.n}, &out->harm, error);
    out->harm_check = check_fit(a, &t, &out->harm, error);
    extrapolate(a, &t, error);
    tally_refusals(a, &t);
    sc_beta_binomial_fit(&(struct sc_trials){t.trials, t.successes, t.n}, &out->refusal, error);
    out->refusal_check = check_fit(a, &t, &out->refusal, error);
    find_needed(out, &t);
    evolve(a, scratch, error);
done:
    sc_free(t.trials);
    sc_free(scratch);
}
