/* Inside the chat folder: a format and the parts that make prompts with it. */
#ifndef SC_MODEL_CHAT_FORMAT_H
#define SC_MODEL_CHAT_FORMAT_H

#include <jansson.h>

#include "jinja/jinja.h"
#include "model/chat/chat.h"

struct sc_chat_format {
    const struct sc_tokenizer *tokenizer;
    struct sc_jinja *template; /* NULL: the prompt alone, behind `head` */
    char *head;                /* the tokenizer's beginning of a text, as its tokens are written */
    uint64_t hash;             /* of the template's source */
    json_t *variables;         /* all but messages and add_generation_prompt */
    int year, month, day;
    bool special, thinking;
    bool may_reason; /* the template has a place for reasoning: what is sampled may begin with it */
    struct sc_text arguments; /* ", NAME=VALUE" for each that was given */
    /* What rendering shows (probe.c). */
    int32_t end_id;
    char *identity; /* or NULL */
    struct sc_text remarks;
};

/* ---- render.c -------------------------------------------------------------------------------- */

/* Variables by which templates are told whether the model is to think. */
enum { SC_N_SWITCHES = 2 };
extern const char *const sc_thinking_switches[SC_N_SWITCHES];

/* What stands behind the last turn. */
enum sc_prompt_end {
    SC_PROMPT_LEFT_OPEN,    /* nothing: it is the beginning of the answer, or none is wanted */
    SC_PROMPT_ASKS,         /* the beginning of the assistant's turn */
    SC_PROMPT_ASKS_TO_THINK /* the same, of one that thinks whatever the format says */
};

/* Runs the template over the turns; bytes of their texts are marked as coming from outside. */
enum sc_status sc_format_render(const struct sc_chat_format *format,
                                const struct sc_message *messages, size_t n, enum sc_prompt_end end,
                                struct sc_jinja_output *out, struct sc_error *error);

/* ---- frame.c --------------------------------------------------------------------------------- */

/* A prompt before it becomes ids. */
struct sc_frame_text {
    struct sc_jinja_output out;
    enum sc_reasoning_state reasoning;
    bool trimmed;
};
/* The text of a prompt; on success its `out` is to be freed. */
enum sc_status sc_format_text(const struct sc_chat_format *format,
                              const struct sc_message *messages, size_t n,
                              struct sc_frame_text *text, struct sc_error *error);

/* ---- probe.c --------------------------------------------------------------------------------- */

/* Fills what rendering shows of a format.  chatml: the same with sc_chatml_template. */
enum sc_status sc_format_probe(struct sc_chat_format *format, const struct sc_chat_format *chatml,
                               struct sc_error *error);

#endif
