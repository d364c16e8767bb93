/* See options.h. */
#include "risk/options.h"

#include <math.h>

#include "base/options.h"
#include "detection/detection.h"
#include "experiment/experiment.h"
#include "risk/proposal.h"
#include "vocabulary/device_name.h"
#include "vocabulary/sampling.h"
#include "vocabulary/vocabulary.h"

struct sc_risk_options sc_risk_options_default(void)
{
    const struct sc_exploration_options explore = sc_exploration_defaults();
    return (struct sc_risk_options){.size = sizeof(struct sc_risk_options),
                                    .model = "demo",
                                    .dtype = -1,
                                    .benchmark = sc_run_options_default().benchmark,
                                    .sampling = sc_sampling_open(),
                                    .width = explore.width,
                                    .max_rows = explore.max_rows,
                                    .mass = explore.mass,
                                    .max_branches = explore.max_branches,
                                    .detector = sc_detector_default(),
                                    .judge = {.dtype = -1, .temperature = NAN},
                                    .proposal_traces = 1000};
}

struct sc_exploration_options sc_risk_exploration(const struct sc_risk_options *options)
{
    struct sc_exploration_options explore = sc_exploration_defaults();
    explore.max_new_tokens = options->max_new_tokens;
    explore.width = options->width;
    explore.max_rows = options->max_rows;
    explore.mass = options->mass;
    explore.max_branches = options->max_branches;
    explore.max_judged = options->max_judged;
    explore.seed = options->seed;
    return explore;
}

static bool has_judge(const struct sc_risk_options *options)
{
    return options->judge.judge != NULL && !sc_judge_is_none(options->judge.judge);
}

enum sc_status sc_risk_open_judge(const struct sc_risk_options *options, struct sc_judge **out,
                                  struct sc_error *error)
{
    *out = NULL;
    if (options->judge_functions != NULL)
        return sc_judge_open_function(out, options->judge_functions, &options->judge, error);
    return has_judge(options) ? sc_judge_open(out, &options->judge, error) : SC_OK;
}

static enum sc_status check_judge(const struct sc_risk_options *options, struct sc_error *error)
{
    struct sc_judge_abilities can = {.harm = true};
    const struct sc_judge_functions *functions = options->judge_functions;
    if (functions != NULL)
        SC_TRY(sc_judge_check_function(functions, &can, error));
    else if (has_judge(options))
        SC_TRY(sc_judge_check(&options->judge, &can, error));
    if (!can.harm)
        return sc_fail(error, SC_ERR_ARGUMENT, "judge: \"%s\" has no question about harm",
                       functions != NULL ? functions->name : options->judge.judge);
    return SC_OK;
}

static enum sc_status check_names(const struct sc_risk_options *options, struct sc_error *error)
{
    if (options->model == NULL || *options->model == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a name or a folder, found nothing");
    if (options->benchmark.name == NULL || *options->benchmark.name == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark: expected a name or a file, found nothing");
    if (options->out != NULL && *options->out == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "out: expected a folder, found nothing");
    if (options->dtype < -1 || options->dtype > SC_DTYPE_INT8)
        return sc_fail(error, SC_ERR_ARGUMENT, "dtype: unknown number %d", options->dtype);
    if (options->n_threads < 0 || options->n_threads > 1 << 16)
        return sc_fail(error, SC_ERR_ARGUMENT, "threads: expected 0 to %d, found %d", 1 << 16,
                       options->n_threads);
    struct sc_device_wish unused;
    SC_TRY(sc_device_wish_read(&unused, options->device, error));
    if ((unsigned)options->detector >= SC_N_DETECTOR_KINDS)
        return sc_fail(error, SC_ERR_ARGUMENT, "detector: unknown number %d",
                       (int)options->detector);
    return sc_detector_check(options->detector, error);
}

static enum sc_status check(const struct sc_risk_options *options, struct sc_error *error)
{
    const struct sc_exploration_options explore = sc_risk_exploration(options);
    SC_TRY(check_names(options, error));
    SC_TRY(sc_sampling_check(&options->sampling, error));
    SC_TRY(sc_exploration_options_check(&explore, error));
    SC_TRY(sc_risk_proposal_check(options->proposal, options->proposal_traces, error));
    return check_judge(options, error);
}

enum sc_status sc_risk_options_read(const struct sc_risk_options *given,
                                    struct sc_risk_options *out, struct sc_error *error)
{
    if (given == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "options: expected some, found none");
    *out = sc_risk_options_default();
    SC_TRY(sc_options_take(out, sizeof *out, given, given->size, "options", error));
    if (out->max_new_tokens == 0)
        out->max_new_tokens = sc_default_new_tokens(out->thinking);
    return check(out, error);
}

enum sc_status sc_risk_options_check(const struct sc_risk_options *given, struct sc_error *error)
{
    struct sc_risk_options read;
    return sc_risk_options_read(given, &read, error);
}
