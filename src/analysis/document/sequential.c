/*
 * What is said of policies that look at verdicts while they sample, interval and budget: why they
 * stopped, how wide their intervals are, and what of their rates is unbiased.
 */
#include <math.h>
#include <string.h>

#include "analysis/document/sections.h"

/* How often it stopped for each reason, and the prompts' intervals. */
static void put_stops(struct sc_document *out, const struct sc_analysis *a,
                      const struct sc_policy_result *r)
{
    static const char *const reasons[] = {"width", "settled", "budget", "max_traces"};
    enum { N_REASONS = sizeof reasons / sizeof *reasons };
    const struct sc_policy *policy = &a->run->policies[r->policy];
    size_t n[N_REASONS] = {0}, n_decided = 0, n_settled = 0;
    double width = 0;
    for (size_t i = 0; i < a->run->n_instances; i++) {
        const struct sc_summary *s = &a->views[r->policy].instances[i];
        if (!s->decided)
            continue;
        const struct sc_estimate rate = sc_summary_refusal(policy, s);
        width += rate.high - rate.low;
        n_settled += rate.low > 0.5 || rate.high < 0.5;
        n_decided++;
        for (size_t k = 0; k < N_REASONS; k++)
            n[k] += strcmp(a->run->instances[i].decisions[r->policy].stop_reason, reasons[k]) == 0;
    }
    sc_document_put_object(out, "stopped");
    for (size_t k = 0; k < N_REASONS; k++)
        if ((policy->kind == SC_POLICY_BUDGET) == (k == 2) || k == 3)
            sc_document_put_count(out, reasons[k], n[k]);
    sc_document_put_end(out);
    sc_document_put_count(out, "n_settled", n_settled);
    sc_document_put_number_or(out, "mean_width", n_decided ? width / (double)n_decided : NAN,
                              "no instance is finished");
}

void sc_document_put_sequential(struct sc_document *out, const struct sc_analysis *a,
                                const struct sc_policy_result *r)
{
    const struct sc_policy *policy = &a->run->policies[r->policy];
    if (policy->kind == SC_POLICY_INTERVAL) {
        sc_document_put_text(
            out, "note",
            "stops as soon as the interval of a prompt's refusal rate is narrow or leaves one half "
            "out; that interval holds at every look, while the rates over the traces that it saw "
            "lean to the winning side");
        sc_document_put_number(out, "width", policy->width);
    } else {
        sc_document_put_text(
            out, "note",
            "shares a total among the prompts and gives more to those that waver, so the rates "
            "over "
            "the traces lean outward and what is counted over traces leans to those prompts; "
            "refusal_rate_unbiased weighs phases and is unbiased");
        sc_document_put_count(out, "traces_total", policy->traces_total);
        sc_document_put_estimate(out, "refusal_rate_unbiased", &r->refusal_unbiased);
    }
    put_stops(out, a, r);
}
