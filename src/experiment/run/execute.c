/*
 * A whole run: options, benchmark, source and prompts are checked in this order, from cheap to
 * dear; only then is the folder made, and the runner takes over (runner.c).
 *
 * Refuses nothing by itself: it hands on what the rooms below refuse.  Knows sources, not models.
 */
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "decision/budget.h"
#include "detection/detection.h"
#include "experiment/run/runner.h"
#include "experiment/run/shard.h"
#include "experiment/run/turns.h"
#include "experiment/store/config.h"

struct execution {
    const struct sc_run_options *options; /* checked */
    bool limit_is_default;                /* room for reasoning was left open */
    struct sc_benchmark benchmark;        /* all of it */
    struct sc_shard shard;                /* where only a part of it is run */
    const struct sc_instance *instances;  /* [n_instances] what is run */
    size_t n_instances;
    size_t n_turns;                       /* most of an instance */
    struct sc_source source;              /* the caller's or our own */
    struct sc_source_functions functions; /* of the caller's */
    struct sc_source_info info;
    struct sc_source_plan plan;
    struct sc_run_prompt *prompts; /* [n_instances] */
    bool faulty; /* the source has refused every prompt so far, and not for its length */
    char *config;
    struct sc_store *store;
    struct sc_open_detector detector;
    double started, seconds_load;
    struct sc_interrupt interrupt; /* the observer's */
};

static enum sc_status load_benchmark(struct execution *run, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    SC_TRY(sc_benchmark_load(&options->benchmark, &run->benchmark, error));
    run->instances = run->benchmark.instances;
    run->n_instances = run->benchmark.n_instances;
    if (options->n_shards == 0)
        return SC_OK;
    SC_TRY(sc_shard_choose(&run->benchmark, options->shard, options->n_shards, &run->shard, error));
    run->instances = run->shard.instances;
    run->n_instances = run->shard.n;
    return SC_OK;
}

/* Most turns of an instance, of whatever shard. */
static size_t most_turns(const struct execution *run)
{
    size_t most = 1;
    for (size_t i = 0; i < run->benchmark.n_instances; i++) {
        size_t n = sc_turn_count(&run->benchmark.instances[i], run->options->benchmark.multi_turn);
        most = n > most ? n : most;
    }
    return most;
}

static enum sc_status open_source(struct execution *run, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    double before = sc_seconds();
    if (options->source != NULL) {
        SC_TRY(sc_source_adopt(options->source, &run->functions, &run->source, error));
    } else {
        struct sc_model_source_options model = sc_model_source_options_default();
        model.model = options->model;
        model.dtype = options->dtype;
        model.kernels = options->kernels;
        model.device = options->device;
        model.n_threads = options->n_threads;
        model.chat.chat_template = options->chat_template;
        model.chat.template_date = options->template_date;
        model.chat.template_args = options->template_args;
        model.chat.n_template_args = options->n_template_args;
        model.parallel = options->no_batch ? 1 : options->parallel;
        model.max_bytes = options->max_bytes;
        model.no_sharing = options->no_sharing;
        model.keep_going = run->interrupt.keep_going;
        model.context = run->interrupt.context;
        SC_TRY(sc_source_open_model(&model, &run->source, error));
    }
    const struct sc_source_wish wish = {
        .size = sizeof wish,
        .sampling = {.temperature = options->temperature,
                     .top_p = options->top_p,
                     .min_p = options->min_p,
                     .top_k = options->top_k,
                     .repetition_penalty = options->repetition_penalty},
        .max_new_tokens = options->max_new_tokens,
        .confidence_top_k = options->confidence_top_k,
        .thinking = options->thinking,
        .thinking_budget = options->thinking_budget,
        .seed = options->seed,
        .special = options->special,
        .n_turns = run->n_turns,
        .limit_is_default = run->limit_is_default};
    run->info.size = sizeof run->info;
    SC_TRY(run->source.functions->describe(run->source.context, &wish, &run->info, error));
    run->seconds_load = sc_seconds() - before;
    if (run->n_turns > 1 && run->info.n_turns != run->n_turns)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "multi-turn: expected a source that takes prompts while it samples, found "
                       "one that does not");
    if (options->thinking_budget > 0 && run->info.thinking_budget != options->thinking_budget)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "thinking-budget: expected a source that closes a reasoning after so many "
                       "tokens, found one that does not");
    return SC_OK;
}

/* What a policy cannot do without. */
static enum sc_status check_policies(const struct execution *run, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    const struct sc_source_info *info = &run->info;
    for (size_t p = 0; p < options->n_policies; p++) {
        if (options->policies[p].kind == SC_POLICY_BUDGET)
            SC_TRY(sc_budget_check(&options->policies[p], run->n_instances, error));
        if (options->policies[p].kind != SC_POLICY_DEEPCONF)
            continue;
        if (!(info->figures >> SC_FIGURE_CONFIDENCE & 1))
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "deepconf: expected a source that gives the confidence of each token");
        if (options->n_policies > 1 && !info->ids && !info->text_ends)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "deepconf beside other policies: expected a source that gives ids or "
                           "says where the text of each token ends");
    }
    return SC_OK;
}

/* A prompt that the source cannot take fails as traces, with its reason. */
static enum sc_status prepare_prompt(struct execution *run, size_t position, struct sc_error *error)
{
    struct sc_run_prompt *prompt = &run->prompts[position];
    struct sc_error why = {0};
    const struct sc_turn first = {.instance = &run->instances[position],
                                  .multi_turn = run->options->benchmark.multi_turn};
    enum sc_status status = sc_turn_prepare(&run->source, &first, &prompt->handle, &why);
    if (status == SC_OK) {
        run->faulty = false;
        return first.multi_turn ? sc_turn_foresee(&run->source, first.instance, error) : SC_OK;
    }
    if (status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED)
        return sc_fail(error, status, "%s", why.text);
    run->faulty = run->faulty && status != SC_ERR_LIMIT;
    prompt->handle = NULL;
    prompt->failure = sc_strdup(why.text[0] != '\0' ? why.text : sc_status_text(status));
    return prompt->failure != NULL ? SC_OK : sc_fail_nomem(error, "failure of a prompt");
}

/* Whether the source refuses all prompts of the other shards for the same reason: a shard may have
 * none but the bad ones of a good run. */
static enum sc_status try_others(const struct execution *run, const char *failure, bool *same,
                                 struct sc_error *error)
{
    for (size_t i = 0; *same && i < run->benchmark.n_instances; i++) {
        struct sc_error why = {0};
        void *handle = NULL;
        const struct sc_turn first = {.instance = &run->benchmark.instances[i],
                                      .multi_turn = run->options->benchmark.multi_turn};
        enum sc_status status = sc_turn_prepare(&run->source, &first, &handle, &why);
        if (status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED)
            return sc_fail(error, status, "%s", why.text);
        *same = status != SC_OK && strcmp(why.text, failure) == 0;
        if (status != SC_OK)
            continue;
        sc_source_drop(&run->source, handle);
    }
    return SC_OK;
}

/* A source that refuses every prompt for one reason cannot be asked at all: then nothing is sampled
 * and nothing stored. */
static enum sc_status check_prompts(const struct execution *run, struct sc_error *error)
{
    size_t n = run->benchmark.n_instances;
    bool same = true;
    if (!run->faulty || run->n_instances == 0)
        return SC_OK;
    for (size_t i = 1; i < run->n_instances; i++)
        if (strcmp(run->prompts[i].failure, run->prompts[0].failure) != 0)
            return SC_OK;
    if (run->n_instances < n)
        SC_TRY(try_others(run, run->prompts[0].failure, &same, error));
    if (!same)
        return SC_OK;
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the model cannot be asked: %s (%zu of %zu prompts)",
                   run->prompts[0].failure, n, n);
}

static enum sc_status prepare_prompts(struct execution *run, struct sc_error *error)
{
    run->prompts = sc_alloc_zero(run->n_instances, sizeof *run->prompts);
    if (run->prompts == NULL)
        return sc_fail_nomem(error, "prompts of the run");
    run->faulty = true;
    for (size_t i = 0; i < run->n_instances; i++)
        SC_TRY(sc_interrupted(&run->interrupt)
                   ? sc_fail(error, SC_ERR_INTERRUPTED, "interrupted before sampling began")
                   : prepare_prompt(run, i, error));
    SC_TRY(check_prompts(run, error));
    return sc_source_plan(&run->source, &run->plan, error);
}

static enum sc_status announce(const struct execution *run, const struct sc_run_observer *observer,
                               bool resumed, struct sc_error *error)
{
    if (observer == NULL || observer->started == NULL)
        return SC_OK;
    const struct sc_benchmark *benchmark = &run->benchmark;
    struct sc_text remarks = {0};
    sc_benchmark_remark(benchmark, &remarks);
    sc_text_add_visible(&remarks, run->info.remarks != NULL ? run->info.remarks : "",
                        run->info.remarks != NULL ? strlen(run->info.remarks) : 0, true);
    sc_text_add_visible(&remarks, run->plan.remarks != NULL ? run->plan.remarks : "",
                        run->plan.remarks != NULL ? strlen(run->plan.remarks) : 0, true);
    size_t n_labels[SC_N_LABELS] = {0};
    for (size_t i = 0; i < run->n_instances; i++)
        n_labels[run->instances[i].label]++;
    if (remarks.failed) {
        sc_text_free(&remarks);
        return sc_fail_nomem(error, "remarks on the benchmark");
    }
    const struct sc_run_facts facts = {
        .model = run->info.name != NULL ? run->info.name : "",
        .dtype = run->info.dtype,
        .kernels = run->info.kernels,
        .benchmark = run->benchmark.name,
        .n_instances = run->n_instances,
        .n_skipped = run->benchmark.n_skipped,
        .parallel = run->plan.parallel,
        .weight_bytes = run->plan.weight_bytes,
        .batch_bytes = run->plan.batch_bytes,
        .n_threads = run->plan.n_threads,
        .resumed = resumed,
        .demo = run->info.demo,
        .n_bad_rows = benchmark->bad_rows.n,
        .remarks = remarks.data,
        .n_unsafe = n_labels[SC_LABEL_UNSAFE],
        .n_safe = n_labels[SC_LABEL_SAFE],
        .n_unknown = n_labels[SC_LABEL_UNKNOWN],
        .source_kind = run->info.kind,
        .software = run->info.software,
        .revision = run->info.revision,
        .logprobs = run->info.logprobs,
        .top_k = run->info.top_k,
        .reproducible = run->info.reproducible,
        .shard = run->options->shard,
        .n_shards = run->options->n_shards,
        .n_all = benchmark->n_instances,
        .device = run->info.device,
    };
    observer->started(observer->context, &facts);
    sc_text_free(&remarks);
    return SC_OK;
}

static enum sc_status write_config(struct execution *run, const struct sc_config_facts *facts,
                                   struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    char *whole = NULL;
    SC_TRY(sc_config_write(options, facts, &whole, error));
    if (options->n_shards == 0) {
        run->config = whole;
        return SC_OK;
    }
    enum sc_status status =
        sc_shard_config(&run->shard, whole, options->shard, options->n_shards, &run->config, error);
    sc_free(whole);
    return status;
}

static enum sc_status execute(struct execution *run, const struct sc_run_observer *observer,
                              struct sc_run_summary *summary, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    bool resumed = false;
    SC_TRY(sc_run_options_check(options, error));
    SC_TRY(sc_detector_open(&run->detector,
                            (enum sc_detector_kind)sc_detector_kind_parse(options->detector),
                            options->rules, error));
    SC_TRY(load_benchmark(run, error));
    run->n_turns = most_turns(run);
    SC_TRY(open_source(run, error));
    SC_TRY(check_policies(run, error));
    SC_TRY(prepare_prompts(run, error));
    const struct sc_config_facts facts = {
        .source = &run->info, .benchmark = &run->benchmark, .detector = run->detector.name};
    SC_TRY(write_config(run, &facts, error));
    SC_TRY(sc_make_folders(options->out, error));
    const struct sc_store_run stored = {run->config, run->instances, run->n_instances,
                                        run->shard.positions};
    SC_TRY(sc_store_open(&run->store, options->out, &stored, &resumed, error));
    SC_TRY(announce(run, observer, resumed, error));
    summary->seconds_load = run->seconds_load;
    summary->n_bad_rows = run->benchmark.bad_rows.n;
    const struct sc_runner_setup setup = {
        .store = run->store,
        .instances = run->instances,
        .prompts = run->prompts,
        .n_instances = run->n_instances,
        .options = options,
        .detector = run->detector.name,
        .reads = &run->detector.reads,
        .source = &run->source,
        .observer = observer,
        .started = run->started,
    };
    SC_TRY(sc_runner_run(&setup, summary, error));
    return sc_store_rest(run->store, error);
}

static void release(struct execution *run)
{
    sc_store_close(run->store);
    for (size_t i = 0; run->prompts != NULL && i < run->n_instances; i++) {
        sc_source_drop(&run->source, run->prompts[i].handle);
        sc_free(run->prompts[i].failure);
    }
    sc_free(run->prompts);
    if (run->options->source == NULL)
        sc_source_close(&run->source);
    sc_shard_free(&run->shard);
    sc_detector_close(&run->detector);
    sc_benchmark_free(&run->benchmark);
    sc_free(run->config);
}

enum sc_status sc_run_execute(const struct sc_run_options *options,
                              const struct sc_run_observer *observer,
                              struct sc_run_summary *summary, struct sc_error *error)
{
    struct sc_run_options all;
    struct execution run = {.options = &all, .started = sc_seconds()};
    struct sc_run_summary unused;
    if (summary == NULL)
        summary = &unused;
    *summary = (struct sc_run_summary){0};
    SC_TRY(sc_run_options_read(options, &all, error));
    run.limit_is_default = all.max_new_tokens == 0 && all.thinking;
    if (observer != NULL)
        run.interrupt = (struct sc_interrupt){observer->keep_going, observer->context};
    if (all.max_new_tokens == 0)
        all.max_new_tokens = sc_default_new_tokens(all.thinking && all.thinking_budget == 0);
    enum sc_status status = execute(&run, observer, summary, error);
    release(&run);
    return status;
}
