/*
 * Options of a run: defaults and checks.  Refuses what no model could be asked for, before anything
 * is opened or made; what depends on the model is checked in execute.c.
 */
#include "base/options.h"

#include <math.h>
#include <string.h>

#include "detection/detection.h"
#include "experiment/experiment.h"
#include "experiment/store/config_shard.h"
#include "vocabulary/device_name.h"
#include "vocabulary/sampling.h"
#include "vocabulary/vocabulary.h"

struct sc_run_options sc_run_options_default(void)
{
    return (struct sc_run_options){
        .size = sizeof(struct sc_run_options),
        .model = "demo",
        .dtype = -1,
        .benchmark = sc_benchmark_options_default(),
        .temperature = NAN,
        .top_p = NAN,
        .min_p = NAN,
        .repetition_penalty = NAN,
        .top_k = -1,
        .window = 32,
        .confidence_top_k = 20,
        .confident_quantile = 0.5,
        .confident_threshold = NAN,
        .metric = SC_METRIC_MEAN,
        .detector = sc_detector_kind_name(sc_detector_default()),
        .judge = SC_NO_JUDGE,
    };
}

size_t sc_default_new_tokens(bool thinking)
{
    return thinking ? 2048 : 256;
}

static enum sc_status check_range(const char *name, size_t value, size_t low, size_t high,
                                  struct sc_error *error)
{
    if (value < low || value > high)
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: expected %zu to %zu, found %zu", name, low,
                       high, value);
    return SC_OK;
}

static enum sc_status check_confidence(const struct sc_run_options *options, struct sc_error *error)
{
    SC_TRY(check_range("window", options->window, 1, 1 << 24, error));
    SC_TRY(check_range("confidence-top-k", options->confidence_top_k, 1, 1 << 16, error));
    if ((unsigned)options->metric >= SC_N_METRICS)
        return sc_fail(error, SC_ERR_ARGUMENT, "metric: unknown number %d", (int)options->metric);
    if (isnan(options->confident_threshold) &&
        !(options->confident_quantile >= 0 && options->confident_quantile <= 1))
        return sc_fail(error, SC_ERR_ARGUMENT, "confident-quantile: expected 0 to 1, found %g",
                       options->confident_quantile);
    if (isinf(options->confident_threshold))
        return sc_fail(error, SC_ERR_ARGUMENT, "confident-threshold: expected a number, found %g",
                       options->confident_threshold);
    return SC_OK;
}

static enum sc_status check_policies(const struct sc_run_options *options, struct sc_error *error)
{
    SC_TRY(check_range("policies", options->n_policies, 1, 1000, error));
    if (options->policies == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "policies: expected %zu, found none",
                       options->n_policies);
    SC_TRY(check_range("primary policy", options->primary, 0, options->n_policies - 1, error));
    for (size_t i = 0; i < options->n_policies; i++)
        SC_TRY(sc_policy_check(&options->policies[i], error));
    for (size_t i = 0; i < options->n_policies; i++) {
        if (options->policies[i].kind != SC_POLICY_BUDGET)
            continue;
        if (options->n_policies > 1)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy budget: expected no other policies beside it, found %zu",
                           options->n_policies - 1);
        if (options->n_shards > 0)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "policy budget: a total over all prompts cannot be shared out by one "
                           "shard of them");
    }
    return SC_OK;
}

enum sc_status sc_run_options_read(const struct sc_run_options *given, struct sc_run_options *out,
                                   struct sc_error *error)
{
    if (given == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "options: expected some, found none");
    *out = sc_run_options_default();
    SC_TRY(sc_options_take(out, sizeof *out, given, given->size, "options", error));
    out->benchmark = sc_benchmark_options_read(&out->benchmark);
    return SC_OK;
}

static enum sc_status check_names(const struct sc_run_options *options, struct sc_error *error)
{
    if (options->source == NULL && (options->model == NULL || *options->model == '\0'))
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a name or a folder, found nothing");
    if (options->benchmark.name == NULL || *options->benchmark.name == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark: expected a name or a file, found nothing");
    if (options->out == NULL || *options->out == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "out: expected a folder, found nothing");
    if (options->dtype < -1 || options->dtype > SC_DTYPE_INT8)
        return sc_fail(error, SC_ERR_ARGUMENT, "dtype: unknown number %d", options->dtype);
    int detector = sc_detector_kind_parse(options->detector);
    if (detector < 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED, "detector: expected patterns or reader, found %s",
                       options->detector != NULL ? options->detector : "nothing");
    SC_TRY(sc_detector_check((enum sc_detector_kind)detector, error));
    if (options->judge == NULL || !sc_judge_is_none(options->judge))
        return sc_fail(error, SC_ERR_UNSUPPORTED, "judge: expected none, found %s",
                       options->judge != NULL ? options->judge : "nothing");
    return SC_OK;
}

static enum sc_status check_shard(const struct sc_run_options *options, struct sc_error *error)
{
    if (options->shard == 0 && options->n_shards == 0)
        return SC_OK;
    SC_TRY(check_range("shards", options->n_shards, 1, SC_MOST_SHARDS, error));
    return check_range("shard", options->shard, 1, options->n_shards, error);
}

enum sc_status sc_run_options_check(const struct sc_run_options *given, struct sc_error *error)
{
    struct sc_run_options read;
    SC_TRY(sc_run_options_read(given, &read, error));
    const struct sc_run_options *options = &read;
    SC_TRY(check_names(options, error));
    SC_TRY(check_range("max-new-tokens", options->max_new_tokens, 0, 1 << 24, error));
    SC_TRY(check_range("thinking-budget", options->thinking_budget, 0, 1 << 24, error));
    if (options->thinking_budget > 0 && !options->thinking)
        return sc_fail(error, SC_ERR_ARGUMENT, "thinking-budget: goes with thinking");
    struct sc_device_wish unused;
    SC_TRY(sc_device_wish_read(&unused, options->device, error));
    SC_TRY(check_range("parallel", options->parallel, 0, 1 << 20, error));
    SC_TRY(check_range("threads", options->n_threads < 0 ? SIZE_MAX : (size_t)options->n_threads, 0,
                       1 << 16, error));
    if (!(options->max_minutes >= 0 && isfinite(options->max_minutes)))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "max-minutes: expected a number of 0 or more, found %g",
                       options->max_minutes);
    const struct sc_sampling sampling = {.temperature = options->temperature,
                                         .top_p = options->top_p,
                                         .min_p = options->min_p,
                                         .top_k = options->top_k,
                                         .repetition_penalty = options->repetition_penalty};
    SC_TRY(sc_sampling_check(&sampling, error));
    SC_TRY(check_confidence(options, error));
    SC_TRY(check_shard(options, error));
    return check_policies(options, error);
}
