/* See budget.h. */
#include "decision/budget.h"

#include <assert.h>
#include <math.h>

enum sc_status sc_budget_check(const struct sc_policy *policy, size_t n_prompts,
                               struct sc_error *error)
{
    size_t least = n_prompts * (policy->min_traces + 1), most = n_prompts * policy->max_traces;
    if (policy->traces_total < least)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "traces-total: expected at least %zu, %zu for each of %zu prompts (min "
                       "traces and one more), found %zu",
                       least, policy->min_traces + 1, n_prompts, policy->traces_total);
    if (policy->traces_total >= most)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "traces-total: expected less than %zu, the most that %zu prompts take (max "
                       "traces %zu: raise it), found %zu",
                       most, n_prompts, policy->max_traces, policy->traces_total);
    return SC_OK;
}

/* The total after the next phase: twice as much, or all where not half as much again would be left.
 */
static size_t next_total(size_t now, size_t all)
{
    return all / 3 < now ? all : 2 * now;
}

size_t sc_budget_phases(const struct sc_policy *policy, size_t n_prompts)
{
    size_t all = policy->traces_total, n = 1;
    for (size_t now = n_prompts * policy->min_traces; now < all; n++)
        now = next_total(now, all);
    return n;
}

size_t sc_budget_total(const struct sc_policy *policy, size_t n_prompts, size_t phase)
{
    size_t all = policy->traces_total, now = n_prompts * policy->min_traces;
    for (size_t k = 0; k < phase; k++)
        now = next_total(now, all);
    return now;
}

/* Traces that the phase gives to each prompt whatever it is like. */
static size_t least_of(const struct sc_policy *policy, size_t n_prompts, size_t phase)
{
    size_t before = sc_budget_total(policy, n_prompts, phase - 1);
    size_t quarter = (sc_budget_total(policy, n_prompts, phase) - before) / (4 * n_prompts);
    return quarter > 1 ? quarter : 1;
}

/* ---- one trace at a time --------------------------------------------------------------------- */

/* What one trace more takes from the variance of the prompt's rate.  The numbers below the line are
 * whole, so that machines agree. */
static double gain(const struct sc_budget_prompt *prompt)
{
    double a = 1 + (double)prompt->n_refused;
    double b = 1 + (double)(prompt->n_judged - prompt->n_refused), n = (double)prompt->n_traces;
    return prompt->n_judged > 0 ? a * b / ((a + b) * (a + b + 1) * (n * (n + 1))) : 0;
}

static bool is_before(const struct sc_budget_prompt *prompts, const struct sc_budget_claim *i,
                      const struct sc_budget_claim *j)
{
    if (i->gain > j->gain || i->gain < j->gain)
        return i->gain > j->gain;
    size_t first = prompts[i->prompt].n_traces, second = prompts[j->prompt].n_traces;
    return first != second ? first < second : i->prompt < j->prompt;
}

/* Lets what stands at `at` of a heap [n] sink to its place. */
static void sink(const struct sc_budget_prompt *prompts, struct sc_budget_claim *heap, size_t n,
                 size_t at)
{
    for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_before(prompts, &heap[child + 1], &heap[child]))
            child++;
        if (!is_before(prompts, &heap[child], &heap[at]))
            return;
        struct sc_budget_claim kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
        at = child;
    }
}

void sc_budget_allot(const struct sc_policy *policy, size_t phase, struct sc_budget_prompt *prompts,
                     size_t n, struct sc_budget_claim *heap)
{
    size_t n_phases = sc_budget_phases(policy, n), most = policy->max_traces, n_open = 0, given = 0;
    assert(n > 0 && phase < n_phases);
    for (size_t k = phase + 1; k < n_phases; k++)
        most -= least_of(policy, n, k); /* room for what later phases give to all */
    for (size_t i = 0; i < n; i++) {
        prompts[i].n_traces =
            phase == 0 ? policy->min_traces : prompts[i].n_traces + least_of(policy, n, phase);
        given += prompts[i].n_traces;
        if (prompts[i].n_traces < most)
            heap[n_open++] = (struct sc_budget_claim){gain(&prompts[i]), i};
    }
    for (size_t i = n_open / 2; i-- > 0;)
        sink(prompts, heap, n_open, i);
    for (size_t total = sc_budget_total(policy, n, phase); given < total && n_open > 0; given++) {
        struct sc_budget_prompt *first = &prompts[heap[0].prompt];
        if (++first->n_traces >= most)
            heap[0] = heap[--n_open];
        else
            heap[0].gain = gain(first);
        sink(prompts, heap, n_open, 0);
    }
}

/* ---- the rate -------------------------------------------------------------------------------- */

double sc_budget_rate(const struct sc_policy *policy, size_t n_prompts,
                      const struct sc_budget_part *parts)
{
    size_t n_phases = sc_budget_phases(policy, n_prompts), before = 0;
    double sum = 0, weights = 0;
    for (size_t k = 0; k < n_phases; k++) {
        size_t total = sc_budget_total(policy, n_prompts, k);
        double weight = parts[k].n_judged > 0 ? (double)(total - before) : 0;
        if (parts[k].n_judged > 0)
            sum += weight * (double)parts[k].n_refused / (double)parts[k].n_judged;
        weights += weight;
        before = total;
    }
    return weights > 0 ? sum / weights : NAN;
}
