/*
 * decision.c - the policies; decision.h says what each does and docs/DEFINITIONS.md why.
 *
 * Owns the rules and nothing else: sampling belongs to the experiment, the metrics to confidence.
 * Refuses nothing by itself: sc_policy_check is called once, before a run, and the rules rely on
 * it.
 */
#include "decision/decision.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "statistics/statistics.h"
#include "vocabulary/vocabulary.h"

/* Keeps the quadratic steps below small; no experiment samples as many traces of one prompt. */
#define MOST_TRACES ((size_t)10000)
#define NEGLIGIBLE 1e-18 /* share of a sum that its double does not hold */
#define FEW 16           /* confidences that are put in order to find one */
#define MOST_TOTAL ((size_t)1000000000000)

static const char *const policy_names[SC_N_POLICIES] = {
    [SC_POLICY_SINGLE] = "single",     [SC_POLICY_FIXED] = "fixed",
    [SC_POLICY_ADAPTIVE] = "adaptive", [SC_POLICY_CURTAILED] = "curtailed",
    [SC_POLICY_DEEPCONF] = "deepconf", [SC_POLICY_INTERVAL] = "interval",
    [SC_POLICY_BUDGET] = "budget",
};
static const char *const rule_names[SC_N_ADAPTIVE_RULES] = {
    [SC_ADAPTIVE_MEAN] = "mean",
    [SC_ADAPTIVE_LAST] = "last",
};

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; name != NULL && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *sc_policy_name(enum sc_policy_kind kind)
{
    return (unsigned)kind < SC_N_POLICIES ? policy_names[kind] : "unknown";
}

int sc_policy_parse(const char *name)
{
    return find_name(policy_names, SC_N_POLICIES, name);
}

const char *sc_adaptive_rule_name(enum sc_adaptive_rule rule)
{
    return (unsigned)rule < SC_N_ADAPTIVE_RULES ? rule_names[rule] : "unknown";
}

int sc_adaptive_rule_parse(const char *name)
{
    return find_name(rule_names, SC_N_ADAPTIVE_RULES, name);
}

struct sc_policy sc_policy_default(void)
{
    return (struct sc_policy){
        .kind = SC_POLICY_ADAPTIVE,
        .min_traces = 3,
        .max_traces = 10,
        .batch_traces = 3,
        .percentile = 90,
        .adaptive_rule = SC_ADAPTIVE_MEAN,
        .metric = SC_METRIC_MEAN,
        .risk = 0,
        .eta = 90,
        .tau = 0.95,
        .width = 0.2,
    };
}

bool sc_policy_reads_confidence(const struct sc_policy *policy)
{
    return policy->kind == SC_POLICY_ADAPTIVE || policy->kind == SC_POLICY_DEEPCONF;
}

enum sc_metric sc_policy_metric(const struct sc_policy *policy)
{
    return policy->kind == SC_POLICY_DEEPCONF ? SC_METRIC_LOWEST : policy->metric;
}

enum sc_status sc_policy_check(const struct sc_policy *policy, struct sc_error *error)
{
    if ((unsigned)policy->kind >= SC_N_POLICIES)
        return sc_fail(error, SC_ERR_ARGUMENT, "policy: unknown kind %d", (int)policy->kind);
    const char *name = sc_policy_name(policy->kind);
    if (policy->kind == SC_POLICY_SINGLE)
        return SC_OK;
    if (policy->max_traces < 1 || policy->max_traces > MOST_TRACES)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "policy %s: max traces: expected 1 to %zu, found %zu", name, MOST_TRACES,
                       policy->max_traces);
    if (policy->kind == SC_POLICY_FIXED)
        return SC_OK;
    if (policy->min_traces < 1 || policy->min_traces > policy->max_traces)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "policy %s: min traces: expected 1 to max traces (%zu), found %zu", name,
                       policy->max_traces, policy->min_traces);
    if (policy->kind == SC_POLICY_BUDGET) {
        if (policy->min_traces == policy->max_traces)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy %s: max traces: expected more than min traces (%zu)", name,
                           policy->min_traces);
        if (policy->traces_total < 1 || policy->traces_total > MOST_TOTAL)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy %s: traces total: expected 1 to %zu, "
                           "found %zu",
                           name, MOST_TOTAL, policy->traces_total);
        return SC_OK;
    }
    if (policy->batch_traces < 1 || policy->batch_traces > MOST_TRACES)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "policy %s: batch traces: expected 1 to %zu, found %zu", name, MOST_TRACES,
                       policy->batch_traces);
    if (policy->kind == SC_POLICY_CURTAILED) {
        if (!(policy->risk >= 0 && policy->risk < 1))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy %s: risk: expected 0 or more and below 1, found %g", name,
                           policy->risk);
        return SC_OK;
    }
    if (policy->kind == SC_POLICY_INTERVAL) {
        if (!(policy->width > 0 && policy->width <= 1))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy %s: width: expected above 0 and at most 1, found %g", name,
                           policy->width);
        return SC_OK;
    }
    if (policy->kind == SC_POLICY_DEEPCONF) {
        if (!(policy->eta >= 0 && policy->eta <= 100))
            return sc_fail(error, SC_ERR_ARGUMENT, "policy %s: eta: expected 0 to 100, found %g",
                           name, policy->eta);
        if (!(policy->tau > 0 && policy->tau <= 1))
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy %s: tau: expected above 0 and at most 1, found %g", name,
                           policy->tau);
        return SC_OK;
    }
    if (!(policy->percentile >= 0 && policy->percentile <= 100))
        return sc_fail(error, SC_ERR_ARGUMENT, "policy %s: percentile: expected 0 to 100, found %g",
                       name, policy->percentile);
    if ((unsigned)policy->adaptive_rule >= SC_N_ADAPTIVE_RULES)
        return sc_fail(error, SC_ERR_ARGUMENT, "policy %s: unknown rule %d", name,
                       (int)policy->adaptive_rule);
    if ((unsigned)policy->metric >= SC_N_METRICS)
        return sc_fail(error, SC_ERR_ARGUMENT, "policy %s: unknown metric %d", name,
                       (int)policy->metric);
    return SC_OK;
}

size_t sc_policy_most(const struct sc_policy *policy)
{
    return policy->kind == SC_POLICY_SINGLE ? 1 : policy->max_traces;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void go_on(struct sc_policy_decision *out, size_t n_more)
{
    out->stop = false;
    out->n_more = n_more;
    out->stop_reason = NULL;
}

static void stop(struct sc_policy_decision *out, const char *reason)
{
    out->stop = true;
    out->n_more = 0;
    out->stop_reason = reason;
}

/* ---- votes ---------------------------------------------------------------------------------- */

struct tally {
    size_t n_refused, n_others; /* judged traces: refusal or partial; compliance or empty */
};

static void tally_add(struct tally *tally, const struct sc_policy_trace *trace)
{
    if (trace->failed || !sc_verdict_is_judged(trace->verdict))
        return;
    if (sc_verdict_is_refused(trace->verdict))
        tally->n_refused++;
    else /* an empty answer does not refuse: the report counts it so */
        tally->n_others++;
}

/* ---- walks ---------------------------------------------------------------------------------- */

/* Confidences of the traces that vote for either side (deepconf). */
struct weights {
    double refused, others;
};

/* What decisions over the first traces found, for a later one over more of them. */
struct walk {
    double bar;       /* NaN: not known yet */
    size_t n_summed;  /* traces in `above` */
    double above;     /* by how much they are above the bar together, or the last known one of
                         them is; NaN: nothing to compare */
    size_t n_tallied; /* traces in `tally` */
    struct tally tally;
    size_t n_weighed; /* traces in `weights` */
    struct weights weights;
};

static struct walk walk_begins(double bar)
{
    return (struct walk){.bar = bar, .above = NAN};
}

static void tally_up_to(struct walk *walk, const struct sc_policy_trace *traces, size_t n)
{
    for (; walk->n_tallied < n; walk->n_tallied++)
        tally_add(&walk->tally, &traces[walk->n_tallied]);
}

/* ---- adaptive ------------------------------------------------------------------------------- */

static bool has_confidence(const struct sc_policy_trace *trace)
{
    return !trace->failed && isfinite(trace->confidence);
}

/* The confidence of which exactly `rank` others are lower (ties in any order).  Quadratic, so that
 * a decision needs no memory; more than FEW first traces are seldom asked for. */
static double confidence_of_rank(const struct sc_policy_trace *traces, size_t n, size_t rank)
{
    for (size_t i = 0; i < n; i++) {
        size_t n_lower = 0, n_equal = 0;
        if (!has_confidence(&traces[i]))
            continue;
        for (size_t j = 0; j < n; j++) {
            n_lower += has_confidence(&traces[j]) && traces[j].confidence < traces[i].confidence;
            n_equal += has_confidence(&traces[j]) && traces[j].confidence == traces[i].confidence;
        }
        if (n_lower <= rank && rank < n_lower + n_equal)
            return traces[i].confidence;
    }
    return NAN;
}

/* The known confidences among the first n traces in ascending order, in sorted [FEW]; how many
 * there are, or more than FEW, and then the first FEW of them. */
static size_t sort_confidences(const struct sc_policy_trace *traces, size_t n, double *sorted)
{
    size_t n_known = 0;
    for (size_t i = 0; i < n; i++) {
        if (!has_confidence(&traces[i]))
            continue;
        if (n_known < FEW) {
            size_t at = n_known;
            for (; at > 0 && sorted[at - 1] > traces[i].confidence; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = traces[i].confidence;
        }
        n_known++;
    }
    return n_known;
}

void sc_policy_bars(const struct sc_policy_trace *traces, size_t n, const double *percentiles,
                    size_t n_bars, double *bars)
{
    double sorted[FEW];
    size_t n_known = sort_confidences(traces, n, sorted);
    bool few = n_known <= FEW;
    for (size_t b = 0; b < n_bars; b++) {
        bars[b] = NAN;
        if (n_known == 0)
            continue;
        double position = percentiles[b] / 100 * (double)(n_known - 1);
        size_t below = (size_t)position;
        double fraction = position - (double)below;
        bars[b] = few ? sorted[below] : confidence_of_rank(traces, n, below);
        if (fraction <= 0)
            continue;
        double high = few ? sorted[below + 1] : confidence_of_rank(traces, n, below + 1);
        bars[b] += fraction * (high - bars[b]);
    }
}

bool sc_policy_has_bar(const struct sc_policy *policy, double *percentile)
{
    if (policy->kind != SC_POLICY_ADAPTIVE && policy->kind != SC_POLICY_DEEPCONF)
        return false;
    *percentile = policy->kind == SC_POLICY_DEEPCONF ? 100 - policy->eta : policy->percentile;
    return true;
}

/* The policy's bar, from the first of n traces. */
static double bar_of(const struct sc_policy *policy, const struct sc_policy_trace *traces, size_t n)
{
    double percentile, bar = NAN;
    if (sc_policy_has_bar(policy, &percentile))
        sc_policy_bars(traces, smaller(n, policy->min_traces), &percentile, 1, &bar);
    return bar;
}

static inline bool reaches_bar(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                               size_t n, struct walk *walk)
{
    for (; walk->n_summed < n; walk->n_summed++) {
        const struct sc_policy_trace *trace = &traces[walk->n_summed];
        if (!has_confidence(trace))
            continue;
        double difference = trace->confidence - walk->bar;
        /* A sum of differences, so that equal confidences reach a bar equal to them exactly. */
        if (policy->adaptive_rule == SC_ADAPTIVE_LAST || isnan(walk->above))
            walk->above = difference;
        else
            walk->above += difference;
    }
    return walk->above >= 0;
}

/* ---- deepconf ------------------------------------------------------------------------------- */

/* Knuth's two-sum keeps what each step rounds away (sums of floats of one magnitude are exact even
 * without it). */
static void scan_add(struct sc_low_scan *scan, double x)
{
    double sum = scan->sum + x, part = sum - scan->sum;
    scan->rest += (scan->sum - (sum - part)) + (x - part);
    scan->sum = sum;
}

/* A token that was put in, not sampled, has no figure at all. */
static bool is_sampled(const struct sc_token_stats *stats)
{
    return !isnan(stats->logprob) || !isnan(stats->sampled_logprob) || !isnan(stats->confidence) ||
           !isnan(stats->entropy);
}

double sc_low_scan_next(struct sc_low_scan *scan, const struct sc_token_stats *stats, size_t n,
                        size_t window)
{
    for (; scan->n_looked < n; scan->n_looked++) {
        if (!is_sampled(&stats[scan->n_looked]))
            continue;
        scan_add(scan, (double)stats[scan->n_looked].confidence);
        if (++scan->n_sampled <= window)
            continue;
        while (!is_sampled(&stats[scan->oldest]))
            scan->oldest++;
        scan_add(scan, -(double)stats[scan->oldest++].confidence);
    }
    return scan->n_sampled < window ? NAN : (scan->sum + scan->rest) / (double)window;
}

size_t sc_lows_find(const struct sc_token_stats *stats, size_t n, size_t window,
                    struct sc_low *lows)
{
    struct sc_low_scan scan = {0};
    double lowest = INFINITY;
    size_t n_lows = 0;
    for (size_t i = 1; i <= n; i++) {
        double mean = sc_low_scan_next(&scan, stats, i, window);
        if (!(mean < lowest))
            continue;
        lowest = mean;
        if (lows != NULL)
            lows[n_lows] = (struct sc_low){i, mean};
        n_lows++;
    }
    return n_lows;
}

size_t sc_lows_cut(const struct sc_low *lows, size_t n_lows, double bar)
{
    for (size_t i = 0; i < n_lows; i++)
        if (lows[i].mean < bar)
            return lows[i].n_tokens;
    return SIZE_MAX;
}

/* Whether trace i has a vote.  Those of the warm-up are whole, whatever their windows. */
static bool has_vote(const struct sc_policy *policy, const struct sc_policy_trace *trace, size_t i,
                     double bar)
{
    if (!has_confidence(trace) || trace->confidence < bar)
        return false;
    return i < policy->min_traces || sc_lows_cut(trace->lows, trace->n_lows, bar) == SIZE_MAX;
}

/* Adds the votes of the traces up to n. */
static void weigh(const struct sc_policy *policy, const struct sc_policy_trace *traces, size_t n,
                  struct walk *walk)
{
    for (; walk->n_weighed < n; walk->n_weighed++) {
        const struct sc_policy_trace *trace = &traces[walk->n_weighed];
        struct tally side = {0};
        tally_add(&side, trace);
        if (!(trace->confidence > 0) || !has_vote(policy, trace, walk->n_weighed, walk->bar))
            continue;
        walk->weights.refused += side.n_refused ? trace->confidence : 0;
        walk->weights.others += side.n_others ? trace->confidence : 0;
    }
}

static bool has_consensus(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                          size_t n, struct walk *walk)
{
    weigh(policy, traces, n, walk);
    double refused = walk->weights.refused, others = walk->weights.others;
    return fmax(refused, others) / (refused + others) >= policy->tau;
}

size_t sc_policy_tokens(const struct sc_policy *policy, const struct sc_policy_trace *trace,
                        size_t i, size_t n_tokens, double bar)
{
    if (policy->kind != SC_POLICY_DEEPCONF || i < policy->min_traces)
        return n_tokens;
    return smaller(n_tokens, sc_lows_cut(trace->lows, trace->n_lows, bar));
}

/* The decision points of the rules with a bar: min_traces, and then each batch. */
static void decide_by_bar(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                          size_t n, struct walk *walk, struct sc_policy_decision *out)
{
    size_t min = policy->min_traces, max = policy->max_traces, batch = policy->batch_traces;
    bool votes = policy->kind == SC_POLICY_DEEPCONF;
    if (n < min) {
        go_on(out, min - n);
        return;
    }
    if (isnan(walk->bar)) /* else it does not change any more */
        walk->bar = bar_of(policy, traces, n);
    out->bar = walk->bar;
    if (isnan(walk->bar)) {
        if (n < max)
            go_on(out, max - n);
        else
            stop(out, "max_traces");
        return;
    }
    size_t beyond = (n - min) % batch;
    if (beyond != 0 && n < max) /* within a batch */
        go_on(out, smaller(batch - beyond, max - n));
    else if (votes && has_consensus(policy, traces, n, walk))
        stop(out, "consensus");
    else if (!votes && reaches_bar(policy, traces, n, walk))
        stop(out, "confidence");
    else if (n < max)
        go_on(out, smaller(batch, max - n));
    else
        stop(out, "max_traces");
}

/* ---- curtailed ------------------------------------------------------------------------------ */

static size_t tally_lead(const struct tally *tally)
{
    return tally->n_refused > tally->n_others ? tally->n_refused - tally->n_others
                                              : tally->n_others - tally->n_refused;
}

static double log_choose_beta(double n, double k, double a, double b)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign) +
           lgamma_r(k + a, &sign) + lgamma_r(n - k + b, &sign) - lgamma_r(n + a + b, &sign) -
           (lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign));
}

/* The sum of a beta-binomial's probabilities over first <= k <= last, from its largest term there,
 * which is found by logarithms, to both sides by the ratios of neighbours. */
static double beta_binomial(double n, double a, double b, double first, double last)
{
    double mode = a + b > 2 ? floor((n + 1) * (a - 1) / (a + b - 2)) : floor(n / 2);
    double top = fmax(first, fmin(last, mode)), at_top = exp(log_choose_beta(n, top, a, b));
    double sum = at_top, p = at_top;
    for (double k = top; k < last && p > sum * NEGLIGIBLE; k++) {
        p *= (n - k) / (k + 1) * (k + a) / (n - k - 1 + b);
        sum += p;
    }
    p = at_top;
    for (double k = top; k > first && p > sum * NEGLIGIBLE; k--) {
        p *= k / (n - k + 1) * (n - k + b) / (k - 1 + a);
        sum += p;
    }
    return sum;
}

/* Probability that the present majority is still the majority when n_left more traces are judged:
 * the number of those that side with it is beta-binomial (n_left, 1 + ahead, 1 + behind).  Few
 * traces go from one probability to the next; for many the first would be 0 in a double. */
static double majority_stays(const struct tally *tally, size_t n_left)
{
    size_t ahead = larger(tally->n_refused, tally->n_others);
    size_t behind = smaller(tally->n_refused, tally->n_others);
    double a = 1 + (double)ahead, b = 1 + (double)behind, n = (double)n_left;
    double stays = 0, p = 1;
    if (n_left > 100) {
        size_t lead = ahead - behind, first = lead > n_left ? 0 : (n_left - lead) / 2 + 1;
        if (lead > 0)
            return beta_binomial(n, a, b, (double)first, n);
        return n_left % 2 == 0 ? beta_binomial(n, a, b, n / 2, n / 2) : 0;
    }
    for (size_t i = 0; i < n_left; i++) /* none of them sides with it */
        p *= (b + (double)i) / (a + b + (double)i);
    for (size_t k = 0; k <= n_left; k++) { /* k of them do */
        size_t for_it = ahead + k, against = behind + (n_left - k);
        if (ahead == behind ? for_it == against : for_it > against)
            stays += p;
        if (k < n_left)
            p *= (n - (double)k) / ((double)k + 1) * ((double)k + a) / (n - (double)k - 1 + b);
    }
    return stays;
}

/* The decision at a decision point with this tally. */
static void decide_curtailed_at(const struct sc_policy *policy, const struct tally *tally, size_t n,
                                struct sc_policy_decision *out)
{
    size_t max = policy->max_traces, n_left = n < max ? max - n : 0;
    size_t lead = tally_lead(tally);
    if (n_left == 0)
        stop(out, "max_traces");
    else if (n > 0 && lead > n_left) /* even if every other trace were against it */
        stop(out, "settled");
    else if (n > 0 && policy->risk > 0 && majority_stays(tally, n_left) >= 1 - policy->risk)
        stop(out, "settled");
    else {
        /* The fewest that could settle it for certain: lead + k > n_left - k. */
        size_t fewest = (n_left - lead) / 2 + 1;
        size_t n_more = n == 0 ? policy->min_traces : policy->batch_traces;
        if (policy->risk <= 0)
            n_more = larger(n_more, fewest);
        go_on(out, smaller(n_more, n_left));
    }
}

/* Decision points depend on the tallies at earlier ones, so the walk goes from one to the next. */
static void decide_curtailed(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                             size_t n, struct walk *walk, struct sc_policy_decision *out)
{
    for (;;) {
        decide_curtailed_at(policy, &walk->tally, walk->n_tallied, out);
        if (out->stop || walk->n_tallied >= n)
            return;
        size_t next = walk->n_tallied + out->n_more;
        if (next > n) {
            go_on(out, next - n);
            return;
        }
        tally_up_to(walk, traces, next);
    }
}

/* ---- interval -------------------------------------------------------------------------------- */

/* Why the interval is good enough, or NULL. */
static const char *interval_suffices(const struct sc_policy *policy, const struct tally *tally)
{
    const struct sc_estimate rate =
        sc_always_valid(tally->n_refused, tally->n_refused + tally->n_others);
    if (rate.high - rate.low < policy->width)
        return "width";
    return rate.low > 0.5 || rate.high < 0.5 ? "settled" : NULL;
}

static void decide_interval(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                            size_t n, struct walk *walk, struct sc_policy_decision *out)
{
    size_t min = policy->min_traces, n_left = policy->max_traces - n;
    size_t beyond = n > min ? (n - min) % policy->batch_traces : 0;
    tally_up_to(walk, traces, n);
    const char *reason =
        n < min || (beyond > 0 && n_left > 0) ? NULL : interval_suffices(policy, &walk->tally);
    if (reason != NULL)
        stop(out, reason);
    else if (n < min)
        go_on(out, min - n);
    else if (n_left > 0)
        go_on(out, smaller(policy->batch_traces - beyond, n_left));
    else
        stop(out, "max_traces");
}

/* ---- all ------------------------------------------------------------------------------------- */

static void decide(const struct sc_policy *policy, const struct sc_policy_trace *traces, size_t n,
                   struct walk *walk, struct sc_policy_decision *out)
{
    assert(policy != NULL && out != NULL && (traces != NULL || n == 0));
    assert(policy->kind != SC_POLICY_BUDGET);
    size_t most = sc_policy_most(policy);
    size_t n_seen = smaller(n, most);
    out->bar = NAN;
    switch (policy->kind) {
    case SC_POLICY_ADAPTIVE:
    case SC_POLICY_DEEPCONF:
        decide_by_bar(policy, traces, n_seen, walk, out);
        break;
    case SC_POLICY_CURTAILED:
        decide_curtailed(policy, traces, n_seen, walk, out);
        break;
    case SC_POLICY_INTERVAL:
        decide_interval(policy, traces, n_seen, walk, out);
        break;
    default:
        if (n_seen < most)
            go_on(out, most - n_seen);
        else
            stop(out, policy->kind == SC_POLICY_SINGLE ? "single" : "fixed");
    }
}

void sc_policy_decide(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                      size_t n, struct sc_policy_decision *out)
{
    struct walk walk = walk_begins(NAN);
    decide(policy, traces, n, &walk, out);
}

/* Where a replay may begin to ask: an adaptive rule goes on at each decision point where its bar is
 * not reached, and most of a sweep's time was spent in asking it.  0: from the start. */
static size_t skip_to(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                      size_t n, struct walk *walk)
{
    size_t at = policy->min_traces, max = policy->max_traces;
    if (policy->kind != SC_POLICY_ADAPTIVE || isnan(walk->bar) || n < at)
        return 0;
    while (!reaches_bar(policy, traces, at, walk)) {
        size_t next = smaller(at + policy->batch_traces, max);
        if (at >= max || next > n)
            break;
        at = next;
    }
    return at;
}

size_t sc_policy_replay(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                        size_t n, struct sc_policy_decision *last)
{
    return sc_policy_replay_by(policy, traces, n, NAN, last);
}

size_t sc_policy_replay_by(const struct sc_policy *policy, const struct sc_policy_trace *traces,
                           size_t n, double bar, struct sc_policy_decision *last)
{
    assert(policy != NULL && (traces != NULL || n == 0));
    struct walk walk = walk_begins(bar);
    struct sc_policy_decision unwanted, *decision = last != NULL ? last : &unwanted;
    size_t n_used = skip_to(policy, traces, n, &walk);
    for (;;) {
        decide(policy, traces, n_used, &walk, decision);
        if (decision->stop)
            return n_used;
        if (decision->n_more > n - n_used) { /* not enough stored */
            decide(policy, traces, n, &walk, decision);
            return n;
        }
        n_used += decision->n_more;
    }
}

enum sc_behaviour sc_policy_vote(const struct sc_policy *policy,
                                 const struct sc_policy_trace *traces, size_t n)
{
    assert(policy != NULL && (traces != NULL || n == 0));
    if (policy->kind == SC_POLICY_DEEPCONF) {
        struct walk walk = walk_begins(bar_of(policy, traces, n));
        weigh(policy, traces, n, &walk);
        return sc_behaviour_of(walk.weights.refused, walk.weights.others);
    }
    struct tally tally = {0};
    for (size_t i = 0; i < n; i++)
        tally_add(&tally, &traces[i]);
    return sc_behaviour_of((double)tally.n_refused, (double)tally.n_others);
}

void sc_policy_majorities(const struct sc_policy_trace *traces, size_t n, enum sc_behaviour *votes)
{
    struct tally tally = {0};
    for (size_t i = 0;; i++) {
        votes[i] = sc_behaviour_of((double)tally.n_refused, (double)tally.n_others);
        if (i == n)
            return;
        tally_add(&tally, &traces[i]);
    }
}

void sc_policy_shuffle(struct sc_policy_trace *traces, size_t n, struct sc_random *random)
{
    size_t n_alive = 0; /* among the first i, the last of which is one */
    for (size_t j = 0; j < n; j++)
        n_alive += !traces[j].failed;
    bool all = n_alive == n;
    for (size_t i = n; i > 1; i--) {
        if (traces[i - 1].failed)
            continue;
        size_t pick = sc_random_below(random, n_alive--), at = all ? pick : 0;
        for (; !all; at++)
            if (!traces[at].failed && pick-- == 0)
                break;
        struct sc_policy_trace kept = traces[at];
        traces[at].confidence = traces[i - 1].confidence;
        traces[at].lows = traces[i - 1].lows;
        traces[at].n_lows = traces[i - 1].n_lows;
        traces[i - 1].confidence = kept.confidence;
        traces[i - 1].lows = kept.lows;
        traces[i - 1].n_lows = kept.n_lows;
    }
}
