/* The texts that judge models are asked with: frames with two marks for text (docs/JUDGES.md). */
#ifndef SC_JUDGE_TEMPLATE_H
#define SC_JUDGE_TEMPLATE_H

#include "base/text.h"
#include "jinja/jinja.h"

enum sc_template {
    SC_TEMPLATE_GUARD_PROMPT,
    SC_TEMPLATE_GUARD_RESPONSE,
    SC_TEMPLATE_WILDGUARD,
    SC_TEMPLATE_STRONGREJECT,
    SC_N_TEMPLATES
};

/* The frame's bytes, {prompt} and {response} in it; n may be NULL. */
const char *sc_template_text(enum sc_template which, size_t *n);

/* What is put into a frame. */
struct sc_template_texts {
    const char *prompt, *response; /* response NULL: nothing */
};

/* A text of which some bytes came from outside; sc_marked_free it. */
struct sc_marked_text {
    struct sc_text text; /* .failed also where there was no room for a span */
    struct sc_jinja_span *outside;
    size_t n_outside, cap_outside;
};
void sc_marked_free(struct sc_marked_text *text);
/* Appends a text that is the frame's own, or one from outside. */
void sc_marked_add(struct sc_marked_text *out, const char *bytes, size_t n, bool outside);

/* A frame of n bytes with both texts put in, at the same time. */
void sc_frame_render(const char *frame, size_t n, struct sc_template_texts texts,
                     struct sc_marked_text *out);

#endif
