/*
 * A guard model as judge: Qwen3Guard-Gen, in process.  docs/JUDGES.md says what is asked, what is
 * read, and what the scores mean.
 */
#ifndef SC_JUDGE_GUARD_H
#define SC_JUDGE_GUARD_H

#include "base/error.h"
#include "inference/inference.h"
#include "judge/judgement.h"

struct sc_guard;

struct sc_guard_options {
    const char *model;   /* folder or hub name */
    int dtype;           /* enum sc_dtype, or -1: the model's own */
    const char *kernels; /* NULL: the best of this machine */
    int n_threads;       /* 0: one per available core */
    size_t parallel;     /* judgements in flight; 0: chosen for the machine */
    size_t max_bytes;    /* memory limit; 0: automatic */
    bool no_sharing;     /* compute the beginning of the frame for every judgement anew */
};

enum sc_status sc_guard_open(struct sc_guard **out, const struct sc_guard_options *options,
                             struct sc_error *error);
void sc_guard_close(struct sc_guard *guard); /* NULL is fine */

/* Name and version kept with each judgement: reading rules, model, arithmetic, and the content of
 * the model: "guard/1:Qwen3Guard-Gen-0.6B:bf16:avx512@0123456789ab". */
const char *sc_guard_name(const struct sc_guard *guard);

/* A text to judge. */
struct sc_guard_item {
    const char *prompt, *response; /* response NULL: the prompt alone is judged */
};

struct sc_guard_counts {
    size_t n_done, n_failed, n_unparsed, n_forced; /* judgements; no label, or scores were forced */
    uint64_t n_prompt_tokens, n_prefilled, n_generated; /* asked for; computed; generated */
    double seconds;
};

struct sc_guard_sink {
    void *context;
    /* One judgement, in no certain order; item is a place in the array.  Not SC_OK ends the run. */
    enum sc_status (*done)(void *context, size_t item, const struct sc_judgement *judgement,
                           struct sc_error *error);
    /* After each step, may be NULL; false ends the run with SC_ERR_INTERRUPTED. */
    bool (*step)(void *context, const struct sc_guard_counts *counts);
};

/* Judges all items: greedy, at most 128 tokens each.  What cannot be judged (a text beyond the
 * model's context) is handed over with its reason; it ends nothing. */
enum sc_status sc_guard_run(struct sc_guard *guard, const struct sc_guard_item *items, size_t n,
                            const struct sc_guard_sink *sink, struct sc_guard_counts *counts,
                            struct sc_error *error);

#endif
