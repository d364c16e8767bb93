/*
 * The policies of a run side by side, on the same stored traces.  Every saving stands beside what
 * it cost: verdicts that change against the policy that samples most, and harmful answers not seen.
 * A confidence-driven saving stands beside its null, the same rule with the confidences of all
 * traces shuffled.  What was not sampled is not guessed: it is none, with a reason.
 */
#include <math.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/vocabulary.h"

#define N_SHUFFLES 200
#define NULL_KEY 0x9011 /* keeps these draws apart from those of the estimates */

struct work {
    double *a, *b;   /* [n] */
    size_t *members; /* [n] */
    size_t n;
};

static void free_work(struct work *w)
{
    sc_free(w->a);
    sc_free(w->b);
    sc_free(w->members);
}

static bool alloc_work(struct work *w, size_t n)
{
    w->n = n;
    w->a = sc_alloc_array(n, sizeof *w->a);
    w->b = sc_alloc_array(n, sizeof *w->b);
    w->members = sc_alloc_array(n, sizeof *w->members);
    return w->a != NULL && w->b != NULL && w->members != NULL;
}

/* 100 * (1 - ratio): what was saved, from what was used. */
static struct sc_estimate saved_percent(struct sc_estimate used)
{
    struct sc_estimate out = used;
    out.value = 100 * (1 - used.value);
    out.low = 100 * (1 - used.high);
    out.high = 100 * (1 - used.low);
    return out;
}

static uint64_t tokens_of_first(const struct sc_run_instance *instance, size_t n)
{
    uint64_t sum = 0;
    for (size_t t = 0; t < n; t++)
        sum += sc_run_trace_cost(&instance->traces[t]);
    return sum;
}

/* Whether the tokens of all traces of the finished instances are counted. */
static bool tokens_are_known(const struct sc_analysis *a, size_t policy)
{
    for (size_t i = 0; i < a->run->n_instances; i++)
        for (size_t t = 0;
             a->views[policy].instances[i].decided && t < a->run->instances[i].n_traces; t++)
            if (!a->run->instances[i].traces[t].n_tokens_known)
                return false;
    return true;
}

/* Savings against a fixed number of traces: the most that any policy of the run may ask for. */
static void measure_savings(const struct sc_analysis *a, struct sc_policy_result *r, struct work *w,
                            struct sc_error *error)
{
    const struct sc_run *run = a->run;
    size_t most = sc_policy_most(&run->policies[a->largest]), n = 0;
    bool whole = true;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *s = &a->views[r->policy].instances[i];
        if (!s->decided)
            continue;
        w->a[n] = (double)s->n_traces;
        w->b[n++] = (double)most;
        whole = whole && run->instances[i].n_traces >= most;
        for (size_t t = 0; whole && t < most; t++) /* what was cut for good has no end to count */
            whole = run->instances[i].traces[t].finish != SC_FINISH_CUT;
    }
    r->trace_savings_percent = saved_percent(sc_cluster_share(
        &(struct sc_shares){w->a, w->b, n, false}, (struct sc_draws){SC_N_RESAMPLES, run->seed},
        "no instance is finished", error));
    r->trace_savings_percent.n = n;
    if (!whole) {
        r->token_savings_percent = sc_estimate_none(
            n, "the traces that were not sampled have no tokens to count; compare samples them");
        return;
    }
    if (!tokens_are_known(a, r->policy)) {
        r->token_savings_percent = sc_estimate_none(n, SC_NO_TOKEN_COUNT);
        return;
    }
    n = 0;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *s = &a->views[r->policy].instances[i];
        if (!s->decided)
            continue;
        w->a[n] = (double)s->n_tokens;
        w->b[n++] = (double)tokens_of_first(&run->instances[i], most);
    }
    r->token_savings_percent = saved_percent(sc_cluster_share(
        &(struct sc_shares){w->a, w->b, n, false}, (struct sc_draws){SC_N_RESAMPLES, run->seed},
        "no tokens were generated", error));
    r->token_savings_percent.n = n;
}

static void count_unseen(const struct sc_analysis *a, size_t i, struct sc_policy_result *r)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    size_t seen = a->views[r->policy].instances[i].n_traces, n_seen = 0, n_unseen = 0;
    size_t n = a->views[a->largest].instances[i].n_traces;
    for (size_t t = 0; t < n; t++) {
        const struct sc_run_trace *trace = sc_run_trace_seen(instance, a->largest, t);
        if (!sc_harm_is_harmful(sc_trace_harm(a->run, instance, trace), true))
            continue;
        bool cut = t < seen && sc_run_trace_seen(instance, r->policy, t) != trace;
        *(t < seen && !cut ? &n_seen : &n_unseen) += 1;
    }
    r->harmful_unseen += n_unseen;
    r->harmful_prompts_unseen += n_unseen > 0 && n_seen == 0;
}

/* Tokens used against those of the largest policy, both known, over the instances of both. */
static void measure_token_difference(const struct sc_analysis *a, struct sc_policy_result *r,
                                     struct work *w, struct sc_error *error)
{
    size_t n = 0, n_uncounted = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *mine = &a->views[r->policy].instances[i];
        const struct sc_summary *most = &a->views[a->largest].instances[i];
        if (!mine->decided || !most->decided)
            continue;
        n_uncounted += mine->n_uncounted + most->n_uncounted;
        w->a[n] = (double)mine->n_tokens;
        w->b[n++] = (double)most->n_tokens;
    }
    r->token_difference_percent = saved_percent(sc_cluster_share(
        &(struct sc_shares){w->a, w->b, n, false}, (struct sc_draws){SC_N_RESAMPLES, a->run->seed},
        "no tokens were generated", error));
    r->token_difference_percent.n = n;
    if (n_uncounted > 0)
        r->token_difference_percent = sc_estimate_none(n, SC_NO_TOKEN_COUNT);
}

/* Against the policy that samples most, over the instances that both have decided. */
static void compare_with_largest(const struct sc_analysis *a, struct sc_policy_result *r,
                                 struct work *w, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    size_t n_rates = 0;
    measure_token_difference(a, r, w, error); /* before the rates, in the same places */
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_summary *mine = &a->views[r->policy].instances[i];
        const struct sc_summary *most = &a->views[a->largest].instances[i];
        if (!mine->decided || !most->decided)
            continue;
        r->n_common++;
        r->verdict_changes += mine->behaviour != most->behaviour;
        count_unseen(a, i, r);
        if (isnan(mine->refusal_rate) || isnan(most->refusal_rate))
            continue;
        w->a[n_rates] = mine->refusal_rate;
        w->b[n_rates++] = most->refusal_rate;
    }
    r->verdict_change_share =
        r->n_common ? sc_wilson(r->verdict_changes, r->n_common)
                    : sc_estimate_none(0, "no instance was finished under both policies");
    if (r->largest) {
        const char *reason = "this is the policy that the others are compared with";
        r->verdict_change_share = r->refusal_difference = sc_estimate_none(r->n_common, reason);
    } else if (n_rates < 2) {
        r->refusal_difference =
            sc_estimate_none(n_rates, "fewer than two instances were judged under both policies");
    } else {
        r->refusal_difference =
            sc_paired_difference(w->a, w->b, n_rates, SC_N_RESAMPLES, run->seed, error);
        sc_estimate_cover(&r->refusal_difference);
    }
}

/* Confidences of all stored traces of finished instances; *n of them. */
static double *pool_confidences(const struct sc_analysis *a, size_t p, size_t *n,
                                struct sc_error *error)
{
    const struct sc_run *run = a->run;
    size_t n_places = 0;
    for (size_t i = 0; i < run->n_instances; i++)
        n_places += run->instances[i].n_traces;
    double *pool = sc_alloc_array(n_places, sizeof *pool);
    *n = 0;
    if (pool == NULL) {
        sc_fail_nomem(error, "null of the adaptive rule");
        return NULL;
    }
    for (size_t i = 0; i < run->n_instances; i++)
        for (size_t t = 0; a->views[p].instances[i].decided && t < run->instances[i].n_traces;
             t++) {
            double c = sc_trace_confidence(&run->instances[i].traces[t], run->policies[p].metric);
            if (isfinite(c))
                pool[(*n)++] = c;
        }
    return pool;
}

/* Traces per prompt that the adaptive rule uses when confidences say nothing: each prompt's are
 * drawn from those of all prompts.  The interval holds 95 % of such runs. */
static struct sc_estimate measure_null(const struct sc_analysis *a, size_t p,
                                       struct sc_error *error)
{
    const struct sc_policy *policy = &a->run->policies[p];
    size_t most = sc_policy_most(policy), n = a->policies[p].group.n_instances, n_pool = 0;
    if (policy->kind != SC_POLICY_ADAPTIVE)
        return sc_estimate_none(0, "the policy does not read confidences");
    struct sc_estimate out = sc_estimate_none(n, "no trace has a confidence");
    double *pool = pool_confidences(a, p, &n_pool, error);
    double *used = sc_alloc_array(2 * N_SHUFFLES, sizeof *used);
    struct sc_policy_trace *traces = sc_alloc_zero(most, sizeof *traces);
    if (pool == NULL || used == NULL || traces == NULL)
        sc_fail_nomem(error, "null of the adaptive rule");
    struct sc_random random = {SC_STREAM_STATISTICS, a->run->seed, NULL_KEY, 0};
    for (size_t b = 0;
         b < N_SHUFFLES && n > 0 && n_pool > 0 && pool != NULL && used != NULL && traces != NULL;
         b++) {
        size_t total = 0;
        for (size_t i = 0; i < n; i++) {
            struct sc_policy_decision last;
            for (size_t t = 0; t < most; t++)
                traces[t].confidence = pool[sc_random_below(&random, n_pool)];
            total += sc_policy_replay(policy, traces, most, &last);
        }
        used[b] = (double)total / (double)n;
        if (b + 1 == N_SHUFFLES) {
            out.value = sc_mean(used, N_SHUFFLES);
            out.low = sc_percentile(used, N_SHUFFLES, 2.5, used + N_SHUFFLES);
            out.high = sc_percentile(used, N_SHUFFLES, 97.5, used + N_SHUFFLES);
            out.reason = NULL;
            sc_estimate_cover(&out);
        }
    }
    sc_free(pool);
    sc_free(used);
    sc_free(traces);
    return out;
}

size_t sc_largest_policy(const struct sc_run *run)
{
    size_t largest = 0;
    for (size_t p = 1; p < run->n_policies; p++) {
        size_t most = sc_policy_most(&run->policies[largest]);
        size_t asks = sc_policy_most(&run->policies[p]);
        if (asks > most || (asks == most && run->policies[p].kind == SC_POLICY_FIXED))
            largest = p; /* among equals a fixed one, which does use all */
    }
    return largest;
}

void sc_analyse_policies(struct sc_analysis *a, struct sc_error *error)
{
    const struct sc_run *run = a->run;
    struct work w = {0};
    a->policies = sc_alloc_zero(run->n_policies, sizeof *a->policies);
    if (a->policies == NULL || !alloc_work(&w, run->n_instances)) {
        sc_fail_nomem(error, "comparison of the policies");
        goto done;
    }
    a->largest = sc_largest_policy(run);
    for (size_t p = 0; p < run->n_policies; p++) {
        struct sc_policy_result *r = &a->policies[p];
        size_t n = 0;
        r->name = run->policy_names[p];
        r->policy = p;
        r->primary = p == run->primary;
        r->largest = p == a->largest;
        for (size_t i = 0; i < run->n_instances; i++)
            if (a->views[p].instances[i].decided)
                w.members[n++] = i;
        if (r->primary)
            r->group = a->overall; /* the same instances under the same policy */
        else
            sc_group_make(run, &a->views[p], (struct sc_members){w.members, n}, &r->group, error);
        measure_savings(a, r, &w, error);
        compare_with_largest(a, r, &w, error);
        r->null_traces = measure_null(a, p, error);
        r->refusal_unbiased = sc_budget_mean(a, p, error);
    }
done:
    free_work(&w);
}
