/*
 * From a prompt to what a model may answer to it: the model in this process, ready to be explored,
 * and those who read its answers.
 */
#ifndef SC_RISK_ASKER_H
#define SC_RISK_ASKER_H

#include "base/interrupt.h"
#include "benchmark/benchmark.h"
#include "detection/detection.h"
#include "engine/open.h"
#include "judge/judge.h"
#include "model/chat/chat.h"
#include "risk/answer.h"
#include "risk/seen.h"

/* All zero but for what its caller sets; sc_risk_close in any case. */
struct sc_risk_asker {
    struct sc_exploration_options explore; /* set by the caller but for what a prompt says */
    struct sc_interrupt interrupt;         /* set by the caller */
    size_t max_new_tokens, max_bytes;      /* set by the caller */
    struct sc_sampling sampling;           /* set by the caller, once the model is open */
    struct sc_opened model;                /* read and framed by the caller */
    const struct sc_engine *engine;        /* the model's, or one that the caller's caller lends */
    char fingerprint[33];                  /* set by the caller: the model's */
    struct sc_open_detector detector;      /* opened by the caller */
    struct sc_judge *judge;                /* NULL: labels stand in */
    struct sc_judge_repeats repeats;
    struct sc_judge_counts judged; /* of all prompts together */
    struct sc_expander *expander;
};

/* What a prompt is to the model; sc_framed_free.  SC_ERR_LIMIT: it leaves no place for an answer.
 */
enum sc_status sc_risk_frame(const struct sc_risk_asker *asker, const struct sc_instance *instance,
                             struct sc_framed *framed, struct sc_error *error);
/* Takes the memory; longest: tokens of the longest prompt. */
enum sc_status sc_risk_start(struct sc_risk_asker *asker, size_t longest, struct sc_error *error);
/* What was found of a prompt, and what was computed for it; zeros are fine to free. */
struct sc_risk_found {
    struct sc_exploration answers;
    struct sc_risk_seen seen;
};
enum sc_status sc_risk_explore(struct sc_risk_asker *asker, const struct sc_instance *instance,
                               const struct sc_framed *framed, struct sc_risk_found *out,
                               struct sc_error *error);
void sc_risk_found_free(struct sc_risk_found *found);
/* Whether it is to end; asker: struct sc_risk_asker. */
bool sc_risk_is_stopped(void *asker);
/* Tokens of its longest answer. */
size_t sc_risk_room(const struct sc_risk_asker *asker, const struct sc_framed *framed);
/* Who reads a prompt's answers; the reader is written here and lives as long as the reading. */
struct sc_risk_reader {
    struct sc_risk_asker *asker;
    const struct sc_instance *instance;
    struct sc_answered asked;
};
struct sc_reading sc_risk_reading(struct sc_risk_reader *reader, struct sc_risk_asker *asker,
                                  const struct sc_instance *instance,
                                  const struct sc_framed *framed);
/* What its answers say: *text: sc_release it. */
enum sc_status sc_risk_answer(const struct sc_risk_asker *asker, const struct sc_instance *instance,
                              const struct sc_framed *framed, const struct sc_answer *answer,
                              char **text, struct sc_error *error);
/* Who says what is harmful: the judge's name, "proxy", or NULL where nobody can, for *reason. */
const char *sc_risk_harm_basis(const struct sc_risk_asker *asker,
                               const struct sc_instance *instance, const char **reason);
void sc_risk_close(struct sc_risk_asker *asker);

#endif
