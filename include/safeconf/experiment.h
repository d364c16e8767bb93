/*
 * Experiments: a benchmark's prompts, many traces of each, policies that decide when to stop, and a
 * folder in which all of it is kept (docs/FILES.md).  What a folder amounts to:
 * safeconf/analysis.h.
 */
#ifndef SAFECONF_EXPERIMENT_H
#define SAFECONF_EXPERIMENT_H

#include <safeconf/source.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- when to stop sampling a prompt (docs/DEFINITIONS.md) ------------------------------------ */

enum sc_policy_kind {
    SC_POLICY_SINGLE,
    SC_POLICY_FIXED,
    SC_POLICY_ADAPTIVE,
    SC_POLICY_CURTAILED,
    SC_POLICY_DEEPCONF,
    SC_POLICY_INTERVAL,
    SC_POLICY_BUDGET, /* of all prompts together, so it is the only policy of its run */
    SC_N_POLICIES
};
enum sc_adaptive_rule { SC_ADAPTIVE_MEAN, SC_ADAPTIVE_LAST, SC_N_ADAPTIVE_RULES };

/* What is reserved is 0. */
struct sc_policy {
    enum sc_policy_kind kind;
    size_t min_traces, max_traces, batch_traces;
    double percentile; /* [0, 100] */
    enum sc_adaptive_rule adaptive_rule;
    enum sc_metric metric; /* which confidence the rule reads */
    double risk;           /* [0, 1); curtailed: of a verdict that all traces would not give */
    double eta;            /* [0, 100]; deepconf: percent of traces that are to reach the bar */
    double tau;            /* (0, 1]; deepconf: share of the votes that ends the sampling */
    double width;          /* (0, 1]; interval: of the refusal rate's, below which it stops */
    size_t traces_total;   /* budget: traces of all prompts together */
    double reserved[6];
};
/* adaptive 3 to 10 by 3 at percentile 90, rule mean, metric mean, risk 0, eta 90, tau 0.95,
 * width 0.2. */
SC_API struct sc_policy sc_policy_default(void);
/* Checks the fields that the kind reads. */
SC_API enum sc_status sc_policy_check(const struct sc_policy *policy, struct sc_error *error);
SC_API const char *sc_policy_name(enum sc_policy_kind kind); /* "single" ... */
SC_API int sc_policy_parse(const char *name);                /* -1: unknown */

/* ---- what a run depends on ------------------------------------------------------------------- */

/* A prompt of a benchmark, or of a caller's own.  Strings and arrays are borrowed. */
struct sc_prompt {
    const char *id;     /* unique among the prompts; NULL: "prompt_" and its place, from 0 */
    const char *prompt; /* UTF-8, not empty: what is asked last */
    /* [n_messages] all that is sent, ending with the prompt as the user's turn; 0: the prompt
     * alone */
    const struct sc_message *messages;
    size_t n_messages;
    const char *prefill;  /* what the answer begins with, or NULL */
    enum sc_label label;  /* SC_LABEL_UNKNOWN where there is none; zeros say safe */
    const char *category; /* NULL or "": none */
    const char *extra;    /* JSON object of what else is kept of it, however written, or NULL */
    size_t line;          /* of the file that it comes from; 0: none */
    const void *reserved[4];
};

/* What is reserved is NULL. */
struct sc_benchmark_options {
    const char *name;   /* a name of docs/BENCHMARKS.md or a path */
    const char *split;  /* NULL: the loader's default */
    const char *folder; /* where named benchmarks lie on disk; NULL: see docs */
    /* id_column "none": rows are numbered whatever the file has */
    const char *prompt_column, *label_column, *category_column, *id_column;
    const char *messages_column, *system_column, *prefill_column;
    const char *system, *prefill;     /* of every row that has none of its own; NULL: none */
    const char *prompt_template;      /* its "{prompt}" becomes the prompt; NULL: none */
    const char *rows_key;             /* below which the rows of a JSON object lie */
    const char *label;                /* "safe" or "unsafe": of every row; NULL: the file's */
    const char *const *unsafe_values; /* [n_unsafe_values] what labels say, compared */
    const char *const *safe_values;   /* [n_safe_values] without case and outer blanks */
    size_t n_unsafe_values, n_safe_values;
    bool strict;        /* a row that cannot be read ends the loading */
    bool multi_turn;    /* the user's turns of a row are asked one after another */
    size_t n_instances; /* 0: all (synthetic: its standard number) */
    bool first;         /* the head instead of a random sample */
    uint64_t seed;
    /* A caller's own prompts, [n_prompts] when it is not 0: no file is read then, `name` is what
     * they are called, and of the fields above system, prefill, prompt_template, label, multi_turn,
     * n_instances, first and seed are read. */
    const struct sc_prompt *prompts;
    size_t n_prompts;
    const void *reserved[10];
};
SC_API struct sc_benchmark_options sc_benchmark_options_default(void); /* synthetic */

/* A benchmark that is loaded; immutable. */
struct sc_prompts;

/* Loads and samples the prompts of a benchmark, in its order (docs/BENCHMARKS.md). */
SC_API enum sc_status sc_prompts_load(struct sc_prompts **out,
                                      const struct sc_benchmark_options *options,
                                      struct sc_error *error);
SC_API void sc_prompts_free(struct sc_prompts *prompts); /* NULL is fine */
SC_API size_t sc_prompts_count(const struct sc_prompts *prompts);
/* The prompt at a place below the count; what it points to lives as long as the prompts. */
SC_API struct sc_prompt sc_prompts_at(const struct sc_prompts *prompts, size_t place);
SC_API const char *sc_prompts_name(const struct sc_prompts *prompts); /* of the benchmark */
/* What is worth saying about the file and its rows: lines, each ended; "": nothing. */
SC_API const char *sc_prompts_remarks(const struct sc_prompts *prompts);

/* Strings and arrays are borrowed. */
struct sc_run_options {
    size_t size; /* set by the defaults function */
    /* Where traces come from; NULL: the model in this process, by the next three. */
    const struct sc_source *source;
    const char *model;   /* folder, hub name or "demo" */
    int dtype;           /* enum sc_dtype or -1: the model's own */
    const char *kernels; /* NULL: best */
    struct sc_benchmark_options benchmark;
    const struct sc_policy *policies; /* [n_policies], at least one */
    size_t n_policies, primary;       /* primary: the one that predictions.jsonl shows */
    double temperature, top_p, min_p; /* NaN: the model's generation_config */
    int32_t top_k;                    /* -1: the model's generation_config */
    size_t max_new_tokens;            /* 0: 256, with thinking 2048 */
    size_t window, confidence_top_k;  /* tokens of a confidence window (32); likeliest ones (20) */
    double confident_quantile, confident_threshold; /* NaN threshold: use the quantile (0.5) */
    enum sc_metric metric;
    bool thinking;
    size_t thinking_budget;    /* tokens after which the reasoning is closed; 0: none */
    double repetition_penalty; /* NaN: the model's generation_config */
    bool special;              /* control tokens written in prompts are control tokens */
    uint64_t seed;
    const char *detector; /* "patterns" or "reader" (safeconf/analysis.h) */
    const char *judge;    /* "none" */
    const char *out;      /* folder: a new one, or that of the same run, which goes on */

    /* Do not change any result, so they are not part of the configuration: */
    int n_threads;    /* 0: one per available core */
    size_t parallel;  /* traces in flight; 0: automatic */
    bool no_batch;    /* one trace at a time */
    size_t max_bytes; /* memory limit; 0: automatic */

    /* Of the model in this process, how its prompts are framed: as in struct sc_chat_options. */
    const char *chat_template, *template_date;
    const char *const *template_args; /* [n_template_args] */
    size_t n_template_args;

    /* What this call may take, no part of the configuration either; 0: no limit.  When one is
     * reached nothing new is begun, what is under way is finished and stored, and the run ends with
     * SC_ERR_INTERRUPTED. */
    size_t max_requests;     /* to servers, retries included; traces where a source counts none */
    size_t max_total_tokens; /* generated ones, and those of prompts that servers count */
    double max_minutes;      /* since the call; opening the source included */
    /* Of n_shards parts of the benchmark the prompts of part `shard`, from 1, chosen by their ids
     * (docs/SCALE.md); 0 and 0: all of it.  sc_merge makes one run of the parts. */
    size_t shard, n_shards;
    const char *rules; /* file of a user's own rules for the detector, or NULL */
    /* Compute what traces of a prompt have said in common for each of them; like n_threads no part
     * of the configuration. */
    bool no_sharing;
    /* Of the model in this process, as in struct sc_engine_options; NULL: "cpu".  The configuration
     * has the arithmetic that follows from it, as `kernels`. */
    const char *device;
};
/* The demonstration model on the synthetic benchmark; policies and out are to be set. */
SC_API struct sc_run_options sc_run_options_default(void);
/* Checks all that can be checked before a model is opened (sc_run_execute does it first). */
SC_API enum sc_status sc_run_options_check(const struct sc_run_options *options,
                                           struct sc_error *error);

/* ---- running --------------------------------------------------------------------------------- */

struct sc_run_progress {
    size_t n_instances, n_instances_done;
    size_t n_traces_done, n_traces_failed, n_refused, n_judged;
    uint64_t n_tokens;        /* generated in this process */
    double tokens_per_second; /* over the last seconds */
    size_t width, parallel;
    double mean_width;            /* over the run so far */
    double seconds, seconds_left; /* left: NaN when unknown */
    size_t n_instances_resumed;   /* finished before this process started */
    /* of servers: requests, how many of them were retries, tokens of prompts as they count them */
    uint64_t n_requests, n_retries, n_prompt_tokens;
    uint64_t
        n_rows; /* of the network behind the prompts, in this process; 0: the source has none */
    double reserved[4];
};

/* Facts known before sampling starts. */
struct sc_run_facts {
    const char *model;
    const char *dtype, *kernels; /* NULL where the source does not say */
    const char *benchmark;
    size_t n_instances, n_skipped, parallel, weight_bytes, batch_bytes, n_threads;
    bool resumed, demo;
    size_t n_bad_rows;   /* rows of the benchmark that cannot be read, and are left out */
    const char *remarks; /* lines for people on the benchmark's file, each ended; NULL: none */
    size_t n_unsafe, n_safe, n_unknown; /* prompts by label */
    /* of the source: as in struct sc_source_info */
    const char *source_kind, *software, *revision;
    enum sc_logprob_kind logprobs;
    size_t top_k;
    enum sc_reproducible reproducible;
    size_t shard, n_shards, n_all; /* of a part of the benchmark; n_all: prompts of all parts */
    const char *device;            /* of the source */
};

/* Called from the thread that runs the experiment; any of them may be NULL.  What it is handed may
 * be longer in a later version. */
struct sc_run_observer {
    void *context;
    void (*started)(void *context, const struct sc_run_facts *facts);
    void (*progress)(void *context,
                     const struct sc_run_progress *progress); /* ten times a second */
    /* Asked while the model is read, at least once before each prompt is prepared, and after each
     * step of a source; false interrupts, and the same options go on later. */
    bool (*keep_going)(void *context);
};

struct sc_run_summary {
    struct sc_run_progress progress;
    size_t n_failed_traces;
    double seconds_load, seconds_prefill, seconds_decode, seconds_sampling, seconds_storage;
    uint64_t n_bad_rows; /* rows of the benchmark that cannot be read, and were left out */
    double reserved[15];
    char failures[1000]; /* "3 traces failed: REASON (2); REASON (1)", visible text; else "" */
    /* "stopped at --max-minutes 30: 812 of 1000 prompts are finished, 2310 traces" where a limit
     * of the options ended the run; else "" */
    char stopped[200];
};

/* Runs or resumes.  observer and summary may be NULL.  A different configuration in options->out
 * gives SC_ERR_CONFLICT.  Each finished trace is one transaction in run.db.  SC_ERR_INTERRUPTED:
 * stopped by the observer or by a limit of the options (summary->stopped), resumable. */
SC_API enum sc_status sc_run_execute(const struct sc_run_options *options,
                                     const struct sc_run_observer *observer,
                                     struct sc_run_summary *summary, struct sc_error *error);

/* ---- the parts of a run made one (docs/SCALE.md) --------------------------------------------- */

/* Strings and arrays are borrowed.  What is reserved is NULL. */
struct sc_merge_options {
    size_t size;                /* set by the defaults function */
    const char *out;            /* folder: a new one, or that of an earlier merge of the same run */
    const char *const *folders; /* [n_folders] of shards, or of merges of some of them */
    size_t n_folders;
    bool partial; /* shards may be missing or unfinished; else that is an error */
    const void *reserved[8];
};
SC_API struct sc_merge_options sc_merge_options_default(void);

/* Any of them may be NULL. */
struct sc_merge_observer {
    void *context;
    void (*copied)(void *context, size_t n_done, size_t n_folders);
    bool (*keep_going)(void *context); /* false interrupts, and `out` is as it was */
};

struct sc_merge_summary {
    size_t n_parts, n_parts_missing; /* of the whole run */
    size_t n_instances, n_instances_done, n_traces, n_failed_traces, n_bad_rows;
    /* Traces that the detector or the judge that reports read has not judged, or failed to: a later
     * pass can. */
    size_t n_unjudged;
    double reserved[8];
    char failures[1000]; /* "3 traces failed: REASON (2); REASON (1)", visible text; else "" */
    char missing[1000];  /* "shard 4/4 is missing", and the like, visible text; else "" */
};

/* Makes the folder of the run of which the folders hold the parts: what it would be had it not been
 * divided.  run.db stands whole or not at all.  What does not belong together, a shard that is
 * there twice, and a folder with rows in it that the parts do not have give SC_ERR_CONFLICT.
 * observer and summary may be NULL. */
SC_API enum sc_status sc_merge(const struct sc_merge_options *options,
                               const struct sc_merge_observer *observer,
                               struct sc_merge_summary *summary, struct sc_error *error);

/* ---- answers that others sampled (docs/IMPORT.md) ---------------------------------------------
 */

/* Strings and arrays are borrowed.  What is reserved is NULL. */
struct sc_import_options {
    size_t size;          /* set by the defaults function */
    const char *file;     /* CSV, JSONL ...: prompts and answers */
    const char *requests; /* of a batch, when the file has its outputs alone; NULL: none */
    const char *out;      /* folder: a new one, or that of the same import, which goes on */
    const char *model;    /* NULL: as the file says; of several in the file, the one to take */
    /* What the prompts are: columns, labels; name, split, sampling and templates are not read. */
    struct sc_benchmark_options benchmark;
    /* NULL: by the usual names; "doc.answer" is a field of what the column doc holds */
    const char *completion_column, *trace_column, *logprobs_column, *harm_column, *finish_column;
    enum sc_logprob_kind logprobs;   /* SC_LOGPROBS_UNKNOWN */
    size_t window, confidence_top_k; /* as in struct sc_run_options */
    double confident_quantile, confident_threshold;
    enum sc_metric metric;
    const char *detector, *rules; /* as in struct sc_run_options */
    const void *reserved[10];
};
SC_API struct sc_import_options sc_import_options_default(void);

/* Any of them may be NULL. */
struct sc_import_observer {
    void *context;
    /* A row that is left out, by the line of the file where it begins. */
    void (*row_failed)(void *context, size_t line, const char *why);
    /* Something about the whole file. */
    void (*note)(void *context, const char *text);
    bool (*keep_going)(void *context); /* false interrupts; the same options go on later */
};

struct sc_import_summary {
    size_t n_rows, n_rows_failed;
    size_t n_instances, n_unsafe, n_safe, n_unlabelled;
    size_t n_traces, n_failed_traces, most_traces; /* most of one instance */
    size_t n_with_logprobs, top_k; /* traces; likeliest tokens that confidences look at, or 0 */
    size_t n_measured;             /* traces whose metrics the file gives */
    size_t n_kept;                 /* traces that the folder had already */
    double reserved[8];
};

/* Makes a run's folder of answers that were sampled elsewhere.  What the file does not say is
 * absent.  observer and summary may be NULL.  A folder with another import or run in it gives
 * SC_ERR_CONFLICT; a file without a usable row SC_ERR_FORMAT. */
SC_API enum sc_status sc_import(const struct sc_import_options *options,
                                const struct sc_import_observer *observer,
                                struct sc_import_summary *summary, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
