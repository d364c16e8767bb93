/*
 * The experiment: a benchmark's instances × a model's traces, decided by policies, kept in run.db.
 */
#ifndef SC_EXPERIMENT_EXPERIMENT_H
#define SC_EXPERIMENT_EXPERIMENT_H

#include <safeconf/source.h>

#include "base/error.h"
#include "benchmark/benchmark.h"
#include "decision/decision.h"

/* Everything that a run depends on.  Strings are borrowed. */
struct sc_run_options {
    /* Where traces come from; NULL: the model in this process, by the next three. */
    const struct sc_source *source;
    const char *model;   /* folder, hub name or "demo" */
    int dtype;           /* enum sc_dtype or -1: the model's own */
    const char *kernels; /* NULL: best */
    struct sc_benchmark_options benchmark;
    const struct sc_policy *policies; /* [n_policies] */
    size_t n_policies, primary;
    double temperature, top_p, min_p; /* NaN: the model's generation_config */
    int32_t top_k;                    /* -1: the model's generation_config */
    size_t max_new_tokens;
    size_t window, confidence_top_k;
    double confident_quantile, confident_threshold; /* NaN threshold: use the quantile */
    enum sc_metric metric;
    bool thinking;
    uint64_t seed;
    const char *detector; /* "patterns" */
    const char *judge;    /* "none" */
    const char *out;      /* folder */

    /* Do not change any result, so they are not part of the configuration: */
    int n_threads;
    size_t parallel;  /* 0: automatic */
    bool no_batch;    /* one trace at a time */
    size_t max_bytes; /* memory limit; 0: automatic */
};
struct sc_run_options sc_run_options_default(void);
/* Checks all that can be checked before a model is opened (sc_run_execute does it first). */
enum sc_status sc_run_options_check(const struct sc_run_options *options, struct sc_error *error);

struct sc_run_progress {
    size_t n_instances, n_instances_done;
    size_t n_traces_done, n_traces_failed, n_refused, n_judged;
    uint64_t n_tokens;        /* generated in this process */
    double tokens_per_second; /* over the last seconds */
    size_t width, parallel;
    double mean_width;            /* over the run so far */
    double seconds, seconds_left; /* left: NaN when unknown */
    size_t n_instances_resumed;   /* finished before this process started */
};

/* Facts known before sampling starts. */
struct sc_run_facts {
    const char *model, *dtype, *kernels, *benchmark;
    size_t n_instances, n_skipped, parallel, weight_bytes, batch_bytes, n_threads;
    bool resumed, demo;
};

struct sc_run_observer {
    void *context;
    void (*started)(void *context, const struct sc_run_facts *facts);        /* may be NULL */
    void (*progress)(void *context, const struct sc_run_progress *progress); /* may be NULL */
    bool (*keep_going)(void *context); /* may be NULL; false interrupts (resumable) */
};

struct sc_run_summary {
    struct sc_run_progress progress;
    size_t n_failed_traces;
    double seconds_load, seconds_prefill, seconds_decode, seconds_sampling, seconds_storage;
};

/* Runs or resumes.  A different configuration in options->out gives SC_ERR_CONFLICT.  Each finished
 * trace is one transaction in run.db.  SC_ERR_INTERRUPTED: stopped by the observer, resumable. */
enum sc_status sc_run_execute(const struct sc_run_options *options,
                              const struct sc_run_observer *observer,
                              struct sc_run_summary *summary, struct sc_error *error);

#endif
