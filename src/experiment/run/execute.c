/*
 * A whole run: options, benchmark, model, engine and memory are checked in this order, from cheap
 * to dear; only then is the folder made, and the runner takes over (runner.c).
 *
 * The one file of this room that knows models.  Refuses nothing by itself: it hands on what the
 * rooms below refuse.
 */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "detection/detection.h"
#include "experiment/run/config.h"
#include "experiment/run/runner.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"

struct execution {
    const struct sc_run_options *options;
    struct sc_benchmark benchmark;
    char *model_folder;
    char name[NAME_MAX + 1], fingerprint[33], tokenizer_fingerprint[17];
    bool demo;
    struct sc_model *model;
    struct sc_tokenizer *tokenizer;
    struct sc_engine *engine;
    struct sc_sampling sampling;
    int32_t end_ids[8];
    size_t n_end_ids;
    struct sc_batch_options batch;
    struct sc_batch_plan plan;
    char *config;
    struct sc_store *store;
    double seconds_load;
};

/* ---- the tokenizer as the runner wants it -----------------------------------------------------
 */

static enum sc_status encode(void *context, const char *prompt, int32_t **ids, size_t *n_ids,
                             struct sc_error *error)
{
    const struct execution *run = context;
    return sc_chat_encode(run->tokenizer, prompt, run->options->thinking, ids, n_ids, error);
}

static enum sc_status decode(void *context, const int32_t *ids, size_t n_ids, char **text,
                             struct sc_error *error)
{
    const struct execution *run = context;
    return sc_tokenizer_decode(run->tokenizer, ids, n_ids, false, text, error);
}

static size_t reasoning_length(void *context, const int32_t *ids, size_t n_ids)
{
    const struct execution *run = context;
    return sc_chat_reasoning_length(run->tokenizer, ids, n_ids, run->options->thinking);
}

static enum sc_status run_engine(void *context, const struct sc_trace_source *source,
                                 struct sc_error *error)
{
    struct execution *run = context;
    return sc_engine_run(run->engine, &run->plan, &run->batch, source, error);
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* The last part of a folder's path, however it was written: it does not name a place. */
static void name_model(struct execution *run)
{
    char path[PATH_MAX], bundled_path[PATH_MAX];
    char *bundled = NULL;
    const char *name = run->options->model;
    run->demo = strcmp(name, "demo") == 0;
    if (!run->demo && realpath(run->model_folder, path) != NULL) {
        if (sc_is_folder(name))
            name = strrchr(path, '/') + 1;
        if (sc_model_locate("demo", &bundled, NULL) == SC_OK &&
            realpath(bundled, bundled_path) != NULL)
            run->demo = strcmp(path, bundled_path) == 0;
        sc_free(bundled);
    }
    snprintf(run->name, sizeof run->name, "%s", run->demo ? "demo" : name);
}

static enum sc_status hash_tokenizer(struct execution *run, struct sc_error *error)
{
    struct sc_map map;
    char *path = sc_path_join(run->model_folder, "tokenizer.json");
    if (path == NULL)
        return sc_fail_nomem(error, run->model_folder);
    enum sc_status status = sc_map_open(&map, path, error);
    sc_free(path);
    if (status != SC_OK)
        return status;
    snprintf(run->tokenizer_fingerprint, sizeof run->tokenizer_fingerprint, "%016" PRIx64,
             sc_hash64(map.data, map.size));
    sc_map_close(&map);
    return SC_OK;
}

/* Takes the model's own value where the options leave it open. */
static void resolve_sampling(struct execution *run)
{
    const struct sc_run_options *options = run->options;
    const struct sc_generation_config *generation = sc_model_generation(run->model);
    run->sampling = generation->sampling;
    if (!isnan(options->temperature))
        run->sampling.temperature = options->temperature;
    if (!isnan(options->top_p))
        run->sampling.top_p = options->top_p;
    if (!isnan(options->min_p))
        run->sampling.min_p = options->min_p;
    if (options->top_k >= 0)
        run->sampling.top_k = options->top_k;
    run->n_end_ids = sc_chat_end_ids(run->tokenizer, generation, run->end_ids);
}

static enum sc_status open_model(struct execution *run, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    double before = sc_seconds();
    enum sc_status status = sc_model_locate(options->model, &run->model_folder, error);
    if (status == SC_OK)
        status = sc_model_open(&run->model, run->model_folder, error);
    if (status == SC_OK)
        status = sc_tokenizer_open(&run->tokenizer, run->model_folder, error);
    if (status == SC_OK)
        status = hash_tokenizer(run, error);
    if (status != SC_OK)
        return status;
    const struct sc_model_config *config = sc_model_config(run->model);
    if (options->max_new_tokens >= config->max_positions)
        return sc_fail(error, SC_ERR_LIMIT,
                       "max-new-tokens: expected less than the model's context of %zu, found %zu",
                       config->max_positions, options->max_new_tokens);
    name_model(run);
    resolve_sampling(run);
    struct sc_engine_options engine = sc_engine_options_default();
    size_t n_tokens = sc_tokenizer_n_tokens(run->tokenizer);
    engine.dtype = options->dtype;
    engine.n_threads = options->n_threads;
    engine.kernels = options->kernels;
    engine.n_vocab = (int)(n_tokens < config->n_vocab ? n_tokens : config->n_vocab);
    engine.confidence_top_k = (int)options->confidence_top_k;
    status = sc_engine_open(&run->engine, run->model, &engine, error);
    if (status == SC_OK)
        sc_model_fingerprint(run->model, run->fingerprint);
    run->seconds_load = sc_seconds() - before;
    return status;
}

/* The longest prompt that leaves one place for its answer.  An answer that reaches the end of the
 * context ends there, with the finish `length`. */
static size_t longest_allowed(const struct execution *run)
{
    return sc_model_config(run->model)->max_positions - 1;
}

/* Sizes the batch by the longest prompt that will run. */
static enum sc_status plan_batch(struct execution *run, struct sc_error *error)
{
    const struct sc_run_options *options = run->options;
    size_t allowed = longest_allowed(run);
    run->batch = (struct sc_batch_options){.parallel = options->no_batch ? 1 : options->parallel,
                                           .max_new_tokens = options->max_new_tokens,
                                           .max_prompt = 1,
                                           .max_bytes = options->max_bytes};
    for (size_t i = 0; i < run->benchmark.n_instances; i++) {
        int32_t *ids = NULL;
        size_t n = 0;
        struct sc_error why = {0};
        enum sc_status status = encode(run, run->benchmark.instances[i].prompt, &ids, &n, &why);
        sc_free(ids);
        if (status == SC_ERR_NOMEM)
            return sc_fail(error, status, "%s", why.text);
        if (status == SC_OK && n <= allowed && n > run->batch.max_prompt)
            run->batch.max_prompt = n; /* others fail as traces, with their reason */
    }
    return sc_batch_plan(run->engine, &run->batch, &run->plan, error);
}

static enum sc_status configure(struct execution *run, struct sc_error *error)
{
    const struct sc_config_facts facts = {
        .model_name = run->name,
        .model_fingerprint = run->fingerprint,
        .tokenizer_fingerprint = run->tokenizer_fingerprint,
        .demo = run->demo,
        .dtype = sc_dtype_name(sc_engine_dtype(run->engine)),
        .kernels = sc_engine_kernels(run->engine),
        .n_vocab = sc_engine_n_vocab(run->engine),
        .sampling = run->sampling,
        .end_ids = run->end_ids,
        .n_end_ids = run->n_end_ids,
        .benchmark = &run->benchmark,
        .detector = sc_detector_version(),
    };
    return sc_config_write(run->options, &facts, &run->config, error);
}

static void announce(const struct execution *run, const struct sc_run_observer *observer,
                     bool resumed)
{
    if (observer == NULL || observer->started == NULL)
        return;
    const struct sc_run_facts facts = {
        .model = run->name,
        .dtype = sc_dtype_name(sc_engine_dtype(run->engine)),
        .kernels = sc_engine_kernels(run->engine),
        .benchmark = run->benchmark.name,
        .n_instances = run->benchmark.n_instances,
        .n_skipped = run->benchmark.n_skipped,
        .parallel = run->plan.parallel,
        .weight_bytes = sc_engine_weight_bytes(run->engine),
        .batch_bytes = run->plan.total_bytes,
        .n_threads = sc_engine_n_threads(run->engine),
        .resumed = resumed,
        .demo = run->demo,
    };
    observer->started(observer->context, &facts);
}

static enum sc_status sample(struct execution *run, const struct sc_run_observer *observer,
                             struct sc_run_summary *summary, struct sc_error *error)
{
    const struct sc_runner_setup setup = {
        .store = run->store,
        .instances = run->benchmark.instances,
        .n_instances = run->benchmark.n_instances,
        .options = run->options,
        .sampling = run->sampling,
        .end_ids = run->end_ids,
        .n_end_ids = run->n_end_ids,
        .max_prompt = longest_allowed(run),
        .detector = sc_detector_version(),
        .language = {run, encode, decode, reasoning_length},
        .backend = {run, run_engine},
        .observer = observer,
    };
    return sc_runner_run(&setup, summary, error);
}

static void release(struct execution *run)
{
    sc_store_close(run->store);
    sc_engine_close(run->engine);
    sc_tokenizer_close(run->tokenizer);
    sc_model_close(run->model);
    sc_benchmark_free(&run->benchmark);
    sc_free(run->model_folder);
    sc_free(run->config);
}

enum sc_status sc_run_execute(const struct sc_run_options *options,
                              const struct sc_run_observer *observer,
                              struct sc_run_summary *summary, struct sc_error *error)
{
    struct execution run = {.options = options};
    struct sc_run_summary unused;
    bool resumed = false;
    if (summary == NULL)
        summary = &unused;
    *summary = (struct sc_run_summary){0};
    enum sc_status status = sc_run_options_check(options, error);
    if (status == SC_OK)
        status = sc_benchmark_load(&options->benchmark, &run.benchmark, error);
    if (status == SC_OK)
        status = open_model(&run, error);
    if (status == SC_OK)
        status = plan_batch(&run, error);
    if (status == SC_OK)
        status = configure(&run, error);
    if (status == SC_OK)
        status = sc_make_folders(options->out, error);
    if (status == SC_OK)
        status = sc_store_open(&run.store, options->out, run.config, run.benchmark.instances,
                               run.benchmark.n_instances, &resumed, error);
    if (status == SC_OK) {
        announce(&run, observer, resumed);
        summary->seconds_load = run.seconds_load;
        status = sample(&run, observer, summary, error);
    }
    release(&run);
    return status;
}
