/* What a judge in process is asked, as tokens.  Private to this room. */
#ifndef SC_JUDGE_ASKING_H
#define SC_JUDGE_ASKING_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "judge/config.h"
#include "judge/judge.h"
#include "judge/kinds.h"
#include "judge/own_template.h"

struct sc_asking {
    const struct sc_judge_kind *kind;
    const struct sc_judge_config *config; /* of the kind: its frames */
    const struct sc_tokenizer *tokenizer;
    struct sc_own_template own; /* of a kind whose model asks */
};

/* The rest is borrowed.  frame: a file with a chat template in the place of that in the model's
 * folder, or NULL.  Refuses a tokenizer without the control tokens of the frame. */
enum sc_status sc_asking_open(struct sc_asking *asking, const char *frame, struct sc_error *error);
void sc_asking_close(struct sc_asking *asking);

/* How often an item is asked about. */
size_t sc_asking_n_asks(const struct sc_asking *asking);

/* n turns, and last what was asked, in the words of Qwen3Guard's frame, which begins one with
 * "USER: ".  What comes before the first question, a system message too, has no place there.
 * *text: sc_free it. */
enum sc_status sc_judge_conversation(const struct sc_message *turns, size_t n, const char *prompt,
                                     char **text, struct sc_error *error);

struct sc_asked {
    int32_t *ids; /* [n]: sc_free it */
    size_t n;
};

/* The tokens of the frame around an item, for one of its asks: control tokens are those of the
 * frame alone; what the item's texts hold is text, encoded together with the frame's text around
 * it.  */
enum sc_status sc_asking_encode(const struct sc_asking *asking, const struct sc_judge_item *item,
                                size_t ask, struct sc_asked *out, struct sc_error *error);

#endif
