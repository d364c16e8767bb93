/*
 * Inference: traces of prompts, many at once.
 *
 * An engine (immutable, shared) holds packed weights.  A session holds key/value memory and
 * scratch, sized and known before it is taken; several may run on one engine, each from a thread of
 * its own.  Traces of one prompt that have said the same share a row of each step; the scheduler
 * keeps the rows full: when a trace ends, its row goes at once to another or to the next prompt.
 */
#ifndef SC_ENGINE_INFERENCE_H
#define SC_ENGINE_INFERENCE_H

#include "base/error.h"
#include "model/model.h"

const struct sc_model *sc_engine_model(const struct sc_engine *engine);

/* The likeliest tokens at a place. */
struct sc_top {
    size_t n;        /* that are wanted, at most the vocabulary's; 0: none */
    int32_t *ids;    /* [n] out: the likeliest first, of equal ones the lower id */
    float *logprobs; /* [n] out: their log P */
};

/* After how much reasoning an answer is to begin.  When n_tokens were sampled without close_id, the
 * tokens of closing are put in their place: not sampled, without a random number and without
 * figures.  The answer begins behind them, or behind the close_id that was sampled. */
struct sc_reasoning_budget {
    size_t n_tokens; /* 0: no budget */
    int32_t close_id;
    const int32_t *closing; /* [n_closing] at least one, with close_id among them */
    size_t n_closing;
};

/* One trace to sample.  The prompt's ids are the caller's and must stay until done() was called for
 * the last trace of it.  Token j of the answer (from 0) is drawn with the random number
 * (seed, instance_key, trace_index, j). */
struct sc_trace_request {
    uint64_t prompt_key;   /* traces of one prompt share it; never reused for another prompt */
    const int32_t *prompt; /* [n_prompt] */
    size_t n_prompt;
    uint64_t instance_key; /* sc_hash64 of the instance's id: names the random stream */
    uint32_t trace_index;
    /* Traces of this prompt may be asked for with indices below it; 0: none but this one is known.
     */
    uint64_t n_traces;
    uint64_t seed;
    struct sc_sampling sampling;
    /* >= 1; the model's context may end the answer earlier.  With a budget those of the answer
     * alone: the rows of a session are then for budget + closing + max_new_tokens. */
    size_t max_new_tokens;
    struct sc_reasoning_budget budget;
    const int32_t *end_ids; /* [n_end_ids] */
    size_t n_end_ids;
    /* Tokens whose log P the result gives at every place of the answer, chosen or not. */
    const int32_t *watch; /* [n_watch] */
    size_t n_watch;
    /* Likeliest tokens whose ids and log P the result gives at every place.  A trace with these or
     * with watched tokens has its rows to itself. */
    size_t n_top;
    void *user; /* handed back */
};

/* What came of it.  The arrays belong to the scheduler and live until done() returns. */
struct sc_trace_result {
    const struct sc_trace_request *request;
    enum sc_finish finish;
    const int32_t *ids;                 /* [n]; the end token included */
    const struct sc_token_stats *stats; /* [n] */
    size_t n;
    /* Tokens [forced_begin, forced_begin + n_forced) were put in by the budget; their figures are
     * NaN. */
    size_t forced_begin, n_forced;
    const float *watched; /* [n][request->n_watch] log P of the watched tokens; NULL without any */
    /* [n][request->n_top] the likeliest tokens, likeliest first, and their log P (raw); NULL where
     * none are asked for.  Where a token was put in they are -1 and NaN. */
    const int32_t *top_ids;
    const float *top_logprobs;
    const char *failure; /* why, when finish is SC_FINISH_FAILED; else NULL */
};

/* Counters of the run so far.  A step is one pass of the network; those that only read prompts
 * count with width 0, so that width_sum / n_steps is the honest mean width. */
struct sc_step_report {
    size_t width;                  /* rows of answers in this step */
    size_t parallel;               /* at most */
    uint64_t n_steps, n_prefilled; /* steps; tokens of prompts */
    /* Sampled tokens of all traces that were asked for, handed over or under way; rows that passed
     * the network for them, fewer where traces say the same. */
    uint64_t n_generated, n_rows;
    double width_sum; /* sum of width over all steps */
    /* A step's time, shared out by its rows; statistics and drawing apart. */
    double seconds_prefill, seconds_decode, seconds_sampling;
};

/* Where traces come from and go to.  All calls are made from the thread that runs the scheduler. */
struct sc_trace_source {
    void *context;
    /* Fills the next request: 1; nothing now but more may come when a running trace ends: 0 (asked
     * again after the next done()); no more ever: -1.  A few requests more than fill the rows
     * (1 + parallel / 8, those of one prompt counting as one) are taken, so that their prompts are
     * ready in time. */
    int (*next)(void *context, struct sc_trace_request *request);
    /* A trace ended.  A failure here (such as a full disk) ends the run with that status. */
    enum sc_status (*done)(void *context, const struct sc_trace_result *result,
                           struct sc_error *error);
    /* After each sampled token, may be NULL: false cuts the trace (finish SC_FINISH_CUT), unless it
     * ended with this token anyway (SC_FINISH_STOP, SC_FINISH_LENGTH).  From the first token on
     * again where a trace begins anew: what it had was given up for room, and it says the same. */
    bool (*keep)(void *context, const struct sc_trace_request *request,
                 const struct sc_token_stats *stats, size_t n);
    /* The same for a source that reads along, in the place of keep: all that the trace has so far,
     * as done() will have it; finish is not given. */
    bool (*follow)(void *context, const struct sc_trace_result *so_far);
    /* After each step and some times a second within a long one, may be NULL: false ends the run
     * with SC_ERR_INTERRUPTED; traces under way are dropped without done(). */
    bool (*step)(void *context, const struct sc_step_report *report);
    /* Requests come from elsewhere at any time: after a 0 `next` is asked again in each step.
     * While nothing is under way it waits for one: a 0 is an error then. */
    bool arrives;
};

struct sc_batch_options {
    size_t parallel; /* wanted rows of answers in a step; 0: chosen for the machine and memory */
    size_t max_new_tokens; /* largest over all requests */
    size_t max_prompt;     /* tokens of the longest prompt */
    size_t max_watch;      /* most watched tokens of a request; 0: none */
    size_t max_top;        /* most of the likeliest tokens that a request wants listed; 0: none */
    /* Memory limit for the batch, wherever it lies; 0: a share of what is available. */
    size_t max_bytes;
    bool no_sharing; /* compute for each trace, and prompt, what it has in common with others */
};

/* What a batch takes, computed without taking it. */
struct sc_batch_plan {
    size_t parallel;     /* rows of answers that fit, at most what was wanted */
    size_t prefill_rows; /* largest number of prompt rows in one step */
    size_t n_pages;      /* of prompts' key/value memory, at least those of one longest prompt */
    size_t trace_bytes;  /* key/value memory of answers, and what is measured of their tokens */
    size_t prompt_bytes; /* key/value memory of prompts, and their last logits */
    size_t scratch_bytes;
    size_t total_bytes;
    size_t device_bytes; /* of them in a memory of the device's own */
};
enum sc_status sc_batch_plan(const struct sc_engine *engine, const struct sc_batch_options *options,
                             struct sc_batch_plan *plan, struct sc_error *error);

/* Takes the memory of a plan, for any number of runs one after the other; prompts that one computed
 * are there for the next.  The engine must outlive it. */
enum sc_status sc_session_start(struct sc_session **out, const struct sc_engine *engine,
                                const struct sc_batch_plan *plan,
                                const struct sc_batch_options *options, struct sc_error *error);
/* sc_session_close ends it. */

/* Runs until the source says that there is no more and all traces ended. */
enum sc_status sc_session_run(struct sc_session *session, const struct sc_trace_source *source,
                              struct sc_error *error);

/* sc_engine_score with the likeliest tokens after each: top->n of them for every token, rows of
 * top->ids and top->logprobs [n][top->n]. */
enum sc_status sc_score_listed(const struct sc_engine *engine, const int32_t *ids, size_t n,
                               const struct sc_score_arrays *out, const struct sc_top *top,
                               struct sc_error *error);

/* All three: a session for one run. */
enum sc_status sc_engine_run(const struct sc_engine *engine, const struct sc_batch_plan *plan,
                             const struct sc_batch_options *options,
                             const struct sc_trace_source *source, struct sc_error *error);

#endif
