/* A prompt that is computed alone, before anything else, in the first pages of a session. */
#ifndef SC_ENGINE_PREFILL_H
#define SC_ENGINE_PREFILL_H

#include "engine/engine.h"

/* Rows of a step of it. */
#define SC_PREFILL_ROWS 128

struct sc_prefill {
    const int32_t *ids; /* [n] */
    size_t n;
    struct sc_span *spans; /* [sc_prompt_pages(n)] */
    bool is_long;          /* as in struct sc_row */
};

/* Says where it lies, and what it is with answers of at most max_new tokens: fills spans and
 * is_long. */
void sc_prefill_place(struct sc_prefill *prompt, const struct sc_model_config *config,
                      size_t max_new);

/* Computes it, and keeps the logits behind it as kept row 0.  rows: [SC_PREFILL_ROWS] scratch. */
enum sc_status sc_prefill_run(const struct sc_prefill *prompt, const struct sc_device *device,
                              void *session, struct sc_row *rows, struct sc_error *error);

#endif
