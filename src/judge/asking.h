/* What a judge in process is asked, as tokens.  Private to this room. */
#ifndef SC_JUDGE_ASKING_H
#define SC_JUDGE_ASKING_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "judge/config.h"
#include "judge/judge.h"
#include "judge/kinds.h"

/* All of it borrowed. */
struct sc_asking {
    const struct sc_judge_kind *kind;
    const struct sc_judge_config *config; /* of the kind: its frames */
    const struct sc_tokenizer *tokenizer;
};

/* n turns, and last what was asked, in the words of Qwen3Guard's frame, which begins one with
 * "USER: ".  What comes before the first question, a system message too, has no place there.
 * *text: sc_free it. */
enum sc_status sc_judge_conversation(const struct sc_message *turns, size_t n, const char *prompt,
                                     char **text, struct sc_error *error);

/* Refuses a tokenizer without the control tokens of the frame. */
enum sc_status sc_asking_check(const struct sc_asking *asking, struct sc_error *error);

/* The tokens of the frame around an item: control tokens are those of the frame alone; what the
 * item's texts hold is text, encoded together with the frame's text around it.  *ids: sc_free it.
 */
enum sc_status sc_asking_encode(const struct sc_asking *asking, const struct sc_judge_item *item,
                                int32_t **ids, size_t *n_ids, struct sc_error *error);

#endif
