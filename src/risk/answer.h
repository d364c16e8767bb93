/* From the tokens that a model gave to what its answer says, for the commands that sample without a
 * run. */
#ifndef SC_RISK_ANSWER_H
#define SC_RISK_ANSWER_H

#include "detection/detection.h"
#include "engine/open.h"
#include "model/chat/chat.h"

/* What was asked, and who reads. */
struct sc_answered {
    const struct sc_opened *model;
    const struct sc_detector *detector;
    const char *prompt, *prefill;      /* prefill: what the answer begins with, or NULL */
    enum sc_reasoning_state reasoning; /* where the framed prompt ends */
};

/* The answer behind its reasoning, and its verdict; ids [n] with the end token, where it ended with
 * one.  *answer: sc_release it. */
enum sc_status sc_answered_read(const struct sc_answered *asked, const int32_t *ids, size_t n,
                                char **answer, struct sc_detection *out, struct sc_error *error);

#endif
