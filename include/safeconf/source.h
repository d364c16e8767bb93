/*
 * Sources of traces: the model in this process, and whatever a caller supplies (a server, a
 * function).  A source takes messages and gives text and, of the figures that are measured of each
 * token, those that it knows.  What it does not know is absent: never 0, never a guess.
 *
 * A source is a table of functions.  All of them are called from one thread, in this order:
 *
 *   describe    once: what the source is, and how it will sample
 *   prepare     once for each prompt
 *   plan        once, when all prompts are prepared
 *   sample      once: runs until the feed has no more requests
 *   decode, check   at any time after describe, also from within the feed's functions
 *   drop        once for each prepared prompt;  close  at the end
 *
 * Where a conversation's turns are asked one after another (wish.n_turns above 1), the prompts of
 * later turns hold the answers before: they are prepared while it samples, from within the feed's
 * `next`, and dropped within `next` or `done`, once no trace of theirs is under way.  Before `plan`
 * the longest of them, without those answers, is prepared and dropped, so that it can be planned
 * for.
 */
#ifndef SAFECONF_SOURCE_H
#define SAFECONF_SOURCE_H

#include <safeconf/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sc_reproducible {
    SC_REPRODUCIBLE_NO,
    SC_REPRODUCIBLE_YES, /* the same request gives the same trace, bit for bit */
    SC_REPRODUCIBLE_UNKNOWN,
    SC_N_REPRODUCIBLES
};
SC_API const char *sc_reproducible_name(enum sc_reproducible reproducible); /* "no" ... */
SC_API int sc_reproducible_parse(const char *name);                         /* -1: unknown */

#define SC_SOURCE_IN_PROCESS "in-process" /* the kind of the model in this process */

/* The set of all figures; a set is a sum of 1u << enum sc_figure. */
#define SC_ALL_FIGURES ((1u << SC_N_FIGURES) - 1)

/* What a run wants of all its traces. */
struct sc_source_wish {
    size_t size;                 /* sizeof(struct sc_source_wish) */
    struct sc_sampling sampling; /* NaN and top_k -1: the source's own values */
    size_t max_new_tokens;       /* of an answer, at least 1; reasoning included without a budget */
    size_t confidence_top_k;     /* most likely tokens that a confidence looks at */
    bool thinking;               /* the model is to reason before it answers */
    uint64_t seed;               /* passed on to where traces are drawn */
    /* Sampled tokens after which a reasoning that goes on is closed by words that are put in; the
     * answer then has max_new_tokens of its own.  0: none */
    size_t thinking_budget;
    bool special;   /* control tokens written in messages are control tokens */
    size_t n_turns; /* most turns of a conversation, each answer in the next one's prompt; 1 */
    bool limit_is_default; /* nobody asked for max_new_tokens: a smaller context is no fault */
};

/* What a source says of itself.  Strings are its own and live until it is closed; NULL and 0 stand
 * for what it does not know. */
struct sc_source_info {
    size_t size;                 /* sizeof(struct sc_source_info), set by the caller of describe */
    const char *kind;            /* SC_SOURCE_IN_PROCESS; such as "server" or "callable" */
    const char *name;            /* of the model */
    const char *fingerprint;     /* of the model's content */
    const char *tokenizer;       /* fingerprint of the tokenizer */
    const char *dtype, *kernels; /* arithmetic, where it is known */
    bool demo;                   /* the bundled demonstration model */
    size_t n_vocab;              /* tokens in P */
    const int32_t *end_ids;      /* [n_end_ids] tokens that end an answer */
    size_t n_end_ids;
    struct sc_sampling sampling;   /* in use; NaN and top_k -1 where nobody knows */
    enum sc_logprob_kind logprobs; /* what its log-probabilities are those of */
    size_t top_k;                  /* log-probabilities given at each token; 0: none */
    enum sc_reproducible reproducible;
    unsigned figures;    /* that its traces can have */
    bool ids, text_ends; /* whether its traces have these */
    const char *frame;   /* what is unusual in how it frames prompts; part of the configuration */
    const char *remarks; /* lines for people, each with its end: what it does otherwise than its
                          * model's files say; NULL: nothing */
    size_t thinking_budget; /* of the wish, where it holds to it; 0: it knows none */
    size_t n_turns;       /* of the wish, where prompts can be prepared while it samples; else 0 */
    const char *software; /* what samples, as it says of itself, such as "vllm 0.32.0"; NULL */
    const char *revision; /* of the model, as a hub names it; NULL */
    const char *device;   /* that computes, in this process: "cpu", "cuda:0 NVIDIA H200"; NULL */
};

/* What sampling takes, for people to see: nothing in it changes a result. */
struct sc_source_plan {
    size_t parallel; /* traces in flight */
    size_t n_threads;
    size_t weight_bytes, batch_bytes; /* memory; 0: none here */
    const char *remarks; /* lines for people on the prompts, each with its end; NULL: nothing */
};

/* One trace that is wanted.  A source that is reproducible draws token j of it (from 0) with random
 * numbers that are a function of (seed, instance_key, trace_index, j) alone. */
struct sc_source_request {
    void *prompt; /* from prepare */
    uint64_t instance_key;
    uint32_t trace_index;
    void *user; /* the feed's own */
    uint64_t
        n_traces; /* traces of this prompt may be asked for with indices below it; 0: not known */
    uint64_t reserved[3];
};

/* What came of it.  Everything is the source's and lives until done returns. */
struct sc_source_trace {
    enum sc_finish finish;
    const char *failure;                /* why, when finish is SC_FINISH_FAILED; else NULL */
    const char *text;                   /* valid UTF-8: all that was said, without control tokens */
    const char *answer;                 /* the part after the reasoning; NULL: all of text */
    bool n_tokens_known;                /* false: n_tokens is 0 and the arrays are NULL */
    size_t n_tokens;                    /* the end token included */
    size_t n_reasoning;                 /* tokens of the reasoning; 0 when there is none */
    const int32_t *ids;                 /* [n_tokens], or NULL: not given */
    unsigned figures;                   /* what of stats is given */
    const struct sc_token_stats *stats; /* [n_tokens] or NULL: none; what is not given is NaN */
    const uint32_t *text_ends; /* [n_tokens] bytes of text that the tokens up to this one complete,
                                * between characters; or NULL: not given */
    /* Tokens [forced_begin, forced_begin + n_forced) were put in to close the reasoning, which they
     * belong to; their figures are not read.  n_forced 0: none. */
    size_t forced_begin, n_forced;
    /* Bounds of each token's entropy over the vocabulary, nats, where only the likeliest tokens are
     * known; [n_tokens] or NULL.  Upper ones need the size of the vocabulary. */
    const float *entropy_low, *entropy_high;
    /* As a server gave them; NULL or 0: it did not. */
    const char *finish_reason;
    const char *reasoning;               /* said apart from the text; UTF-8 */
    size_t n_prompt_tokens, n_generated; /* its own count of this request */
    uint64_t reserved[8];                /* 0 */
};

/* The words of some tokens.  Allocated with malloc; they become the caller's. */
struct sc_source_words {
    char *text;
    char *answer;       /* NULL: all of the text */
    size_t n_reasoning; /* as in struct sc_source_trace */
};

/* Counters since sampling began; what a source does not measure stays 0. */
struct sc_source_progress {
    size_t width, parallel; /* traces in flight now; at most */
    double mean_width;      /* over the run so far */
    uint64_t n_tokens;      /* generated */
    double seconds_prefill, seconds_decode, seconds_sampling;
    uint64_t n_requests, n_retries; /* to servers; retries are requests too */
    uint64_t n_prompt_tokens;       /* that servers counted */
    uint64_t n_rows;    /* of the network behind the prompts: tokens that traces share are one */
    double reserved[4]; /* 0 */
};

/* Where requests come from and traces go to. */
struct sc_feed {
    void *context;
    /* Fills the next request: 1; nothing now but more may come when a running trace ends: 0 (asked
     * again after the next done); no more ever: -1. */
    int (*next)(void *context, struct sc_source_request *request);
    /* A trace ended.  A failure here (such as a full disk) ends sampling with that status. */
    enum sc_status (*done)(void *context, const struct sc_source_request *request,
                           const struct sc_source_trace *trace, struct sc_error *error);
    /* After each sampled token, n so far (1 again where a trace begins anew); may be NULL.  false
     * cuts the trace (SC_FINISH_CUT) unless it ended with this token anyway.  A source that sees no
     * single tokens need not call it. */
    bool (*keep)(void *context, const struct sc_source_request *request,
                 const struct sc_token_stats *stats, size_t n);
    /* Every now and then, at least once a second.  false ends sampling with SC_ERR_INTERRUPTED;
     * traces under way are dropped without done. */
    bool (*step)(void *context, const struct sc_source_progress *progress);
};

struct sc_source_functions {
    size_t size; /* sizeof(struct sc_source_functions); a shorter, older table is fine */
    /* Takes the wish and fills info, which begins as zeros but for its size. */
    enum sc_status (*describe)(void *context, const struct sc_source_wish *wish,
                               struct sc_source_info *info, struct sc_error *error);
    /* Frames and, where it can, encodes a prompt of n messages; *prompt is the source's own.  When
     * the last one is the assistant's, the answer begins with it: it is not closed, and not part of
     * what is sampled.
     * SC_ERR_NOMEM and SC_ERR_INTERRUPTED end the run; any other failure is the prompt's own (too
     * long, say), and its traces fail with the message. */
    enum sc_status (*prepare)(void *context, const struct sc_message *messages, size_t n,
                              void **prompt, struct sc_error *error);
    void (*drop)(void *context, void *prompt); /* may be NULL */
    /* May be NULL.  plan begins as zeros. */
    enum sc_status (*plan)(void *context, struct sc_source_plan *plan, struct sc_error *error);
    enum sc_status (*sample)(void *context, const struct sc_feed *feed, struct sc_error *error);
    /* The words of a trace's first n tokens, for sources whose traces have ids; else NULL. */
    enum sc_status (*decode)(void *context, const int32_t *ids, size_t n,
                             struct sc_source_words *words, struct sc_error *error);
    /* May be NULL.  Fails when the source is no longer what it said (a model's file has changed):
     * what it gives now must not be stored. */
    enum sc_status (*check)(void *context, struct sc_error *error);
    void (*close)(void *context); /* may be NULL */
};

struct sc_source {
    const struct sc_source_functions *functions;
    void *context;
};
/* Ends a source that a function below opened; zeros are fine. */
SC_API void sc_source_close(struct sc_source *source);

/* ---- the model in this process as a source --------------------------------------------------- */

/* Strings, arrays and the engine are borrowed until the source is closed. */
struct sc_model_source_options {
    size_t size;       /* set by the defaults function */
    const char *model; /* folder, hub name or "demo" */
    /* Weights that are packed already: an engine of that model, whose dtype, kernels, threads and
     * confidence_top_k are then those of the source; a wish for another confidence_top_k is
     * refused.  NULL: the weights are packed when the source is asked what it is. */
    const struct sc_engine *engine;
    int dtype;                   /* enum sc_dtype or -1: the model's own */
    const char *kernels;         /* NULL: best */
    int n_threads;               /* 0: one per available core */
    struct sc_chat_options chat; /* thinking and special are the wish's */
    size_t parallel;             /* traces in flight; 0: chosen for the machine and memory */
    size_t max_bytes;            /* memory limit for traces and prompts; 0: automatic */
    bool no_sharing;             /* compute what traces have said in common for each of them */
    /* As in struct sc_engine_options, also while the files are read. */
    bool (*keep_going)(void *context);
    void *context;
    const char *device; /* as in struct sc_engine_options; NULL: "cpu" */
    const void *reserved[7];
};
SC_API struct sc_model_source_options sc_model_source_options_default(void);

/* Only notes the options: the model is opened by describe, once, so that each run takes a source of
 * its own; any number of them may use one engine at the same time.  The traces and the
 * configuration of a run are those of sc_run_options with the same model and no source. */
SC_API enum sc_status sc_source_open_model(const struct sc_model_source_options *options,
                                           struct sc_source *out, struct sc_error *error);

/* ---- a server as a source (docs/SERVERS.md) -------------------------------------------------- */

/* Strings and arrays are borrowed until the source is closed. */
struct sc_server_options {
    size_t size; /* set by the defaults function */
    /* [n_urls] bases such as "http://127.0.0.1:8000/v1", of servers that are alike */
    const char *const *urls;
    size_t n_urls;
    const char *model; /* the server's name for it; NULL: the only one that it has */
    const char *key;   /* API key; NULL: none.  Never shown or stored. */
    /* Folder, hub name or "demo" whose tokenizer and chat template frame the prompts, which then
     * go to /completions; NULL: messages go to /chat/completions. */
    const char *tokenizer;
    struct sc_chat_options chat; /* with a tokenizer; thinking and special are the wish's */
    size_t parallel;             /* requests in flight, all servers together */
    size_t n_choices;            /* traces of one prompt asked for in one request; 1 */
    double timeout;              /* seconds of one request in all */
    size_t most_failures;        /* of requests in a row, which end the run */
    /* Asked while servers are asked what they are; false interrupts.  NULL: nothing does. */
    bool (*keep_going)(void *context);
    void *context;
    const void *reserved[6]; /* NULL */
};
SC_API struct sc_server_options sc_server_options_default(void);

/* Only notes the options and checks them: the server is asked by describe. */
SC_API enum sc_status sc_source_open_server(const struct sc_server_options *options,
                                            struct sc_source *out, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
