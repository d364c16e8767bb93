/*
 * A judge in process: a guard model of one of the kinds of kinds.h.  docs/JUDGES.md says what is
 * asked, what is read, and what the scores mean.
 */
#ifndef SC_JUDGE_GUARD_H
#define SC_JUDGE_GUARD_H

#include "base/error.h"
#include "judge/judge.h"

struct sc_guard;

struct sc_guard_options {
    const char *kind;    /* a name of kinds.h; NULL: "guard" */
    const char *frame;   /* a file in the place of the frame around an answer, or NULL */
    const char *model;   /* folder or hub name */
    int dtype;           /* enum sc_dtype, or -1: the model's own */
    const char *kernels; /* NULL: the best of this machine */
    int n_threads;       /* 0: one per available core */
    const char *device;  /* NULL: the CPU */
    size_t parallel;     /* judgements in flight; 0: chosen for the machine */
    size_t max_bytes;    /* memory limit; 0: automatic */
    double temperature;  /* 0: the likeliest token */
    uint64_t seed;       /* of what is drawn */
    bool no_sharing;     /* compute for every judgement what it has in common with others */
};

enum sc_status sc_guard_open(struct sc_guard **out, const struct sc_guard_options *options,
                             struct sc_error *error);
void sc_guard_close(struct sc_guard *guard); /* NULL is fine */

/* Name and version kept with each judgement: reading rules, model, arithmetic, and the content of
 * the model: "guard/1:Qwen3Guard-Gen-0.6B:bf16:avx512@0123456789ab"; a key of the frame follows
 * where it was given, "+01234567". */
const char *sc_guard_name(const struct sc_guard *guard);

const char *sc_guard_family(const struct sc_guard *guard); /* "guard" */

/* Judges all items: at most as many tokens each as the configuration says.  What cannot be
 * judged (a text beyond the model's context) is handed over with its reason; it ends nothing. */
enum sc_status sc_guard_run(struct sc_guard *guard, const struct sc_judge_item *items, size_t n,
                            const struct sc_judge_sink *sink, struct sc_judge_counts *counts,
                            struct sc_error *error);

#endif
