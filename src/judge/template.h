/* The prompts of judge models: fixed frames with two marks for text (docs/JUDGES.md). */
#ifndef SC_JUDGE_TEMPLATE_H
#define SC_JUDGE_TEMPLATE_H

#include <safeconf/engine.h>

#include "base/error.h"
#include "base/text.h"

enum sc_template {
    SC_TEMPLATE_GUARD_PROMPT,
    SC_TEMPLATE_GUARD_RESPONSE,
    SC_TEMPLATE_WILDGUARD,
    SC_N_TEMPLATES
};

/* The frame's bytes, {prompt} and {response} in it; n may be NULL. */
const char *sc_template_text(enum sc_template which, size_t *n);

/* A frame of n bytes with both texts put in, at the same time; response NULL: nothing. */
void sc_frame_render(const char *frame, size_t n, const char *prompt, const char *response,
                     struct sc_text *out);

/* One of ours as tokens: control tokens are those of the frame alone; what the texts hold is text,
 * and is encoded together with the frame's text around it.  *ids: sc_free it. */
struct sc_template_texts {
    const char *prompt, *response; /* response NULL: nothing */
};
enum sc_status sc_template_encode(const struct sc_tokenizer *tokenizer, enum sc_template which,
                                  struct sc_template_texts texts, int32_t **ids, size_t *n_ids,
                                  struct sc_error *error);

#endif
