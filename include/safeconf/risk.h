/*
 * What a model almost never says: how likely it refuses, complies and harms on a prompt.  The
 * likeliest answers are computed exactly and the rest is sampled; docs/RISK.md says how, and what
 * the figures mean.
 */
#ifndef SAFECONF_RISK_H
#define SAFECONF_RISK_H

#include <safeconf/experiment.h>
#include <safeconf/judging.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings, arrays and the engine are borrowed. */
struct sc_risk_options {
    size_t size;       /* set by the defaults function */
    const char *model; /* folder, hub name or "demo" */
    /* Weights that are packed already: an engine of that model, whose dtype, kernels and threads
     * are then used; a proposal's are packed here.  NULL: all are. */
    const struct sc_engine *engine;
    int dtype;                             /* enum sc_dtype, or -1: the model's own */
    const char *kernels;                   /* NULL: the best of this machine */
    int n_threads;                         /* 0: one per available core */
    struct sc_benchmark_options benchmark; /* whose prompts; or a caller's own */
    /* How they are framed, as in struct sc_chat_options. */
    const char *chat_template, *template_date;
    const char *const *template_args; /* [n_template_args] */
    size_t n_template_args;
    bool thinking, special;
    struct sc_sampling sampling; /* NaN, and top_k -1: the model's own */
    size_t max_new_tokens;       /* longest answer; 0: 256, with thinking 2048 */

    /* A prompt's exploration ends with the first of these. */
    double width;      /* of the 95 % interval of P(refusal), (0, 1]; 0: not asked for; 0.001 */
    uint64_t max_rows; /* of the network behind the prompt: a row is one token; 20000 */
    double mass;       /* of the finished answers, (0, 1]; 1 */

    size_t max_branches; /* tokens that are told apart at a fork, 1 to 4096; 64 */
    uint64_t seed;       /* of all that is sampled; that of a sample of prompts is theirs */
    enum sc_detector_kind detector;
    const char *rules;             /* file of a user's own rules, or NULL */
    struct sc_judge_options judge; /* of harm; its judge NULL or "none": labels stand in */
    const struct sc_judge_functions *judge_functions; /* as in struct sc_classify_options */
    size_t max_judged; /* answers of a prompt that it reads, likeliest first; 0: all */
    /* Importance sampling beside it: a model with the same tokens, "prefill:TEXT" or "system:TEXT";
     * NULL: none. */
    const char *proposal;
    size_t proposal_traces; /* a fifth of them the model's own; 1000 */
    /* Folder of risk.jsonl, risk.json and risk.html: a new one, or that of the same prompts, model
     * and options, which goes on.  NULL: nothing is written. */
    const char *out;
    size_t max_bytes;   /* memory limit of branches and prompts; 0: automatic */
    const char *device; /* as in struct sc_engine_options; NULL: "cpu" */
};
/* The demonstration model and the synthetic benchmark, no judge. */
SC_API struct sc_risk_options sc_risk_options_default(void);
/* Checks all that can be checked before prompts are read and a model is opened (sc_risk does it
 * first). */
SC_API enum sc_status sc_risk_options_check(const struct sc_risk_options *options,
                                            struct sc_error *error);

/* Facts known before the first prompt is explored. */
struct sc_risk_facts {
    const char *model, *dtype, *kernels;
    size_t n_threads;
    bool demo;                                     /* the bundled demonstration model */
    const char *benchmark;                         /* its name */
    size_t n_prompts, n_unsafe, n_safe, n_unknown; /* by label */
    size_t n_resumed;                              /* prompts that the folder had already */
    const char *remarks; /* lines for people on file and model, each ended; "": nothing */
    const char *device;  /* that computes: "cpu", "cuda:0 NVIDIA H200" */
};

struct sc_risk_progress {
    size_t n_prompts, n_done; /* done: those before it and the one that was just explored */
    double seconds, seconds_left;
};

/* Called from the thread that explores; any of them may be NULL.  What it is handed may be longer
 * in a later version. */
struct sc_risk_observer {
    void *context;
    void (*started)(void *context, const struct sc_risk_facts *facts);
    /* A prompt is explored, and kept where there is a folder: what is known of it, a JSON object
     * (docs/RISK.md) without the tree that the folder's line has.  It lives until this returns;
     * another status than SC_OK ends all with it. */
    enum sc_status (*prompt)(void *context, const char *object, struct sc_error *error);
    /* One that could not be explored. */
    void (*failed)(void *context, const char *instance_id, const char *reason);
    void (*progress)(void *context, const struct sc_risk_progress *progress);
    /* Asked while models are read and between steps of the network; false interrupts, and with a
     * folder the same call goes on. */
    bool (*keep_going)(void *context);
};

struct sc_risk_summary {
    size_t n_prompts, n_explored, n_resumed, n_failed;
    size_t n_bad_rows;             /* rows of the file that cannot be read, and were left out */
    struct sc_judge_counts judged; /* n_done, n_failed and n_unparsed alone */
    char *json; /* "summary" of risk.json: what all prompts come to; NULL until all are through */
    double reserved[8];
};
SC_API void sc_risk_summary_free(struct sc_risk_summary *summary);

/* Explores prompt after prompt, in their order; one that fails ends nothing.  observer and summary
 * may be NULL; *summary is filled also where it fails, and released by sc_risk_summary_free.
 * SC_ERR_CONFLICT: the folder is in use, or holds prompts explored with other options.
 * SC_ERR_INTERRUPTED: stopped by the observer. */
SC_API enum sc_status sc_risk(const struct sc_risk_options *options,
                              const struct sc_risk_observer *observer,
                              struct sc_risk_summary *summary, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
