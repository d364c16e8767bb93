/*
 * From a prompt to what a model may answer to it: the model in this process, ready to be explored,
 * and those who read its answers.
 */
#ifndef SC_CLI_RISK_ASKER_H
#define SC_CLI_RISK_ASKER_H

#include "benchmark/benchmark.h"
#include "cli/answer.h"
#include "cli/risk_seen.h"
#include "detection/detection.h"
#include "engine/open.h"
#include "judge/judge.h"
#include "model/chat/chat.h"

/* All zero but for what its caller sets; cli_risk_close in any case. */
struct cli_risk_asker {
    struct sc_exploration_options explore; /* set by the caller but for what a prompt says */
    size_t max_new_tokens, max_bytes;      /* set by the caller */
    struct sc_sampling sampling;           /* set by the caller, once the model is open */
    struct sc_opened model;                /* opened and framed by the caller */
    struct sc_open_detector detector;      /* opened by the caller */
    struct sc_judge *judge;                /* NULL: labels stand in */
    struct sc_judge_repeats repeats;
    struct sc_judge_counts judged; /* of all prompts together */
    struct sc_expander *expander;
};

/* What a prompt is to the model; sc_framed_free.  SC_ERR_LIMIT: it leaves no place for an answer.
 */
enum sc_status cli_risk_frame(const struct cli_risk_asker *asker,
                              const struct sc_instance *instance, struct sc_framed *framed,
                              struct sc_error *error);
/* Takes the memory; longest: tokens of the longest prompt. */
enum sc_status cli_risk_start(struct cli_risk_asker *asker, size_t longest, struct sc_error *error);
/* What was found of a prompt, and what was computed for it; zeros are fine to free. */
struct cli_risk_found {
    struct sc_exploration answers;
    struct cli_risk_seen seen;
};
enum sc_status cli_risk_explore(struct cli_risk_asker *asker, const struct sc_instance *instance,
                                const struct sc_framed *framed, struct cli_risk_found *out,
                                struct sc_error *error);
void cli_risk_found_free(struct cli_risk_found *found);
/* Tokens of its longest answer. */
size_t cli_risk_room(const struct cli_risk_asker *asker, const struct sc_framed *framed);
/* Who reads a prompt's answers; the reader is written here and lives as long as the reading. */
struct cli_risk_reader {
    struct cli_risk_asker *asker;
    const struct sc_instance *instance;
    struct cli_answered asked;
};
struct sc_reading cli_risk_reading(struct cli_risk_reader *reader, struct cli_risk_asker *asker,
                                   const struct sc_instance *instance,
                                   const struct sc_framed *framed);
/* What its answers say: *text: sc_release it. */
enum sc_status cli_risk_answer(const struct cli_risk_asker *asker,
                               const struct sc_instance *instance, const struct sc_framed *framed,
                               const struct sc_answer *answer, char **text, struct sc_error *error);
/* Who says what is harmful: the judge's name, "proxy", or NULL where nobody can, for *reason. */
const char *cli_risk_harm_basis(const struct cli_risk_asker *asker,
                                const struct sc_instance *instance, const char **reason);
void cli_risk_close(struct cli_risk_asker *asker);

#endif
