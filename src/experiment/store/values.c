/* See values.h. */
#include "experiment/store/values.h"

#include <math.h>

#include "vocabulary/vocabulary.h"

#define ROUNDING 1e-3       /* what it may put beyond a bound, as where figures are imported */
#define MOST_ENTROPY 21.488 /* nats: of as many tokens as there are ids */

struct range {
    double low, high;
};

/* Negative means of logarithms of probabilities, but for the one that is a probability. */
static struct range metric_range(enum sc_metric metric)
{
    return (struct range){-ROUNDING, metric == SC_METRIC_PROB ? 1 + ROUNDING : HUGE_VAL};
}

static struct range figure_range(enum sc_figure figure)
{
    switch (figure) {
    case SC_FIGURE_CONFIDENCE:
        return (struct range){-ROUNDING, HUGE_VAL};
    case SC_FIGURE_ENTROPY:
        return (struct range){-ROUNDING, MOST_ENTROPY + ROUNDING};
    default:
        return (struct range){-HUGE_VAL, ROUNDING};
    }
}

static bool is_in(double value, struct range range)
{
    return isfinite(value) && value >= range.low && value <= range.high;
}

static enum sc_status check_metrics(const struct sc_row *row, const char *segment,
                                    const double *metrics, struct sc_error *error)
{
    for (int m = 0; m < SC_N_METRICS; m++) {
        enum sc_metric metric = (enum sc_metric)m;
        if (!isnan(metrics[m]) && !is_in(metrics[m], metric_range(metric)))
            return sc_fail(error, SC_ERR_FORMAT, "%s: %s: %s%s: %g is no such figure",
                           row->store->path, row->where, segment, sc_metric_info(metric)->name,
                           metrics[m]);
    }
    return SC_OK;
}

static bool is_forced(const struct sc_run_trace *trace, size_t token)
{
    return token >= trace->forced_begin && token - trace->forced_begin < trace->n_forced;
}

static enum sc_status check_token(const struct sc_row *row, const struct sc_run_trace *trace,
                                  size_t token, struct sc_error *error)
{
    const struct sc_token_stats *stats = &trace->stats[token];
    const float figures[SC_N_FIGURES] = {
        [SC_FIGURE_LOGPROB] = stats->logprob,
        [SC_FIGURE_SAMPLED_LOGPROB] = stats->sampled_logprob,
        [SC_FIGURE_CONFIDENCE] = stats->confidence,
        [SC_FIGURE_ENTROPY] = stats->entropy,
    };
    for (int f = 0; f < SC_N_FIGURES; f++) {
        enum sc_figure figure = (enum sc_figure)f;
        if ((trace->figures >> f & 1) && !is_in((double)figures[f], figure_range(figure)))
            return sc_fail(error, SC_ERR_FORMAT, "%s: %s: token %zu: %g is no %s", row->store->path,
                           row->where, token, (double)figures[f], sc_figure_name(figure));
    }
    return SC_OK;
}

/* An upper bound may lie above what it bounds could reach. */
static enum sc_status check_bounds(const struct sc_row *row, const struct sc_run_trace *trace,
                                   const float *bounds, struct sc_error *error)
{
    for (size_t i = 0; bounds != NULL && i < trace->n_tokens; i++)
        if (!isnan(bounds[i]) && !is_in((double)bounds[i], (struct range){-ROUNDING, HUGE_VAL}))
            return sc_fail(error, SC_ERR_FORMAT, "%s: %s: token %zu: %g is no bound of an entropy",
                           row->store->path, row->where, i, (double)bounds[i]);
    return SC_OK;
}

enum sc_status sc_values_check(const struct sc_row *row, const struct sc_run_trace *trace,
                               struct sc_error *error)
{
    SC_TRY(check_metrics(row, "", trace->metrics, error));
    SC_TRY(check_metrics(row, "reasoning_", trace->reasoning_metrics, error));
    SC_TRY(check_metrics(row, "answer_", trace->answer_metrics, error));
    if (trace->finish == SC_FINISH_FAILED) /* its figures are why it failed */
        return SC_OK;
    for (size_t i = 0; trace->stats != NULL && i < trace->n_tokens; i++)
        if (!is_forced(trace, i))
            SC_TRY(check_token(row, trace, i, error));
    SC_TRY(check_bounds(row, trace, trace->entropy_low, error));
    return check_bounds(row, trace, trace->entropy_high, error);
}
