/*
 * A run whose total of traces was shared among its prompts (decision/budget.h): the phases are
 * shared out again from the stored verdicts, which says what of each prompt's traces belongs to
 * which, and gives the rates that are unbiased.
 */
#include "decision/budget.h"

#include <math.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* What the sharing out again needs. */
struct phases {
    size_t n;                         /* of them */
    struct sc_budget_prompt *prompts; /* [n_instances] */
    struct sc_budget_part *parts;     /* [n_instances][n] */
    struct sc_budget_claim *heap;     /* [n_instances] */
};

static bool alloc_phases(struct phases *p, size_t n_instances)
{
    p->prompts = sc_alloc_zero(n_instances, sizeof *p->prompts);
    p->parts = sc_alloc_zero(sc_size_mul(n_instances, p->n), sizeof *p->parts);
    p->heap = sc_alloc_array(n_instances, sizeof *p->heap);
    return p->prompts != NULL && p->parts != NULL && p->heap != NULL;
}

static void free_phases(struct phases *p)
{
    sc_free(p->prompts);
    sc_free(p->parts);
    sc_free(p->heap);
}

/* Counts traces [from, prompt->n_traces); false where there are fewer. */
static bool count_part(const struct sc_run_instance *instance, size_t from,
                       struct sc_budget_prompt *prompt, struct sc_budget_part *part)
{
    if (prompt->n_traces > instance->n_traces)
        return false;
    for (size_t t = from; t < prompt->n_traces; t++) {
        const struct sc_run_trace *trace = &instance->traces[t];
        bool judged = trace->finish != SC_FINISH_FAILED && sc_verdict_is_judged(trace->verdict);
        part->n_judged += judged;
        part->n_refused += judged && sc_verdict_is_refused(trace->verdict);
    }
    prompt->n_judged += part->n_judged;
    prompt->n_refused += part->n_refused;
    return true;
}

/* Whether the stored verdicts lead to the numbers of traces that are stored. */
static bool share_out(const struct sc_run *run, const struct sc_policy *policy, struct phases *p)
{
    for (size_t k = 0; k < p->n; k++) {
        for (size_t i = 0; i < run->n_instances; i++) /* where each prompt's phase begins */
            p->parts[i * p->n + k].n_judged = p->prompts[i].n_traces;
        sc_budget_allot(policy, k, p->prompts, run->n_instances, p->heap);
        for (size_t i = 0; i < run->n_instances; i++) {
            struct sc_budget_part *part = &p->parts[i * p->n + k];
            size_t from = part->n_judged;
            part->n_judged = 0;
            if (!count_part(&run->instances[i], from, &p->prompts[i], part))
                return false;
        }
    }
    for (size_t i = 0; i < run->n_instances; i++)
        if (p->prompts[i].n_traces != run->instances[i].decisions[0].n_traces)
            return false;
    return true;
}

enum sc_status sc_budget_rates(const struct sc_run *run, double *rates, bool *known,
                               struct sc_error *error)
{
    const struct sc_policy *policy = &run->policies[0];
    size_t n = run->n_instances;
    *known = false;
    for (size_t i = 0; i < n; i++)
        rates[i] = NAN;
    if (policy->kind != SC_POLICY_BUDGET || n == 0 || sc_budget_check(policy, n, NULL) != SC_OK)
        return SC_OK;
    struct phases p = {.n = sc_budget_phases(policy, n)};
    bool made = alloc_phases(&p, n);
    *known = made && share_out(run, policy, &p);
    for (size_t i = 0; *known && i < n; i++)
        rates[i] = sc_budget_rate(policy, n, p.parts + i * p.n);
    free_phases(&p);
    return made ? SC_OK : sc_fail_nomem(error, "phases of the run");
}

struct sc_estimate sc_budget_mean(const struct sc_analysis *a, size_t policy,
                                  struct sc_error *error)
{
    size_t n = 0, n_all = a->run->n_instances;
    if (a->run->policies[policy].kind != SC_POLICY_BUDGET)
        return sc_estimate_none(0, "the policy does not share a total among prompts");
    double *rates = sc_alloc_array(sc_size_mul(n_all, 2), sizeof *rates);
    if (rates == NULL) {
        sc_fail_nomem(error, "unbiased rates");
        return sc_estimate_none(0, "out of memory");
    }
    for (size_t i = 0; i < n_all; i++)
        if (!isnan(a->views[policy].instances[i].refusal_unbiased))
            rates[n++] = a->views[policy].instances[i].refusal_unbiased;
    for (size_t i = 0; i < n; i++)
        rates[n_all + i] = 1;
    struct sc_estimate out = sc_cluster_share(
        &(struct sc_shares){rates, rates + n_all, n, true},
        (struct sc_draws){SC_N_RESAMPLES, a->run->seed},
        "not all prompts are finished, or their verdicts are not those by which the traces were "
        "given",
        error);
    sc_free(rates);
    return out;
}
