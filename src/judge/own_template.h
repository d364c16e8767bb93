/*
 * The chat template of a judge's model: what asks Llama Guard and ShieldGemma, whose makers put
 * their question into it.  Private to this room.
 */
#ifndef SC_JUDGE_OWN_TEMPLATE_H
#define SC_JUDGE_OWN_TEMPLATE_H

#include "judge/judge.h"
#include "judge/template.h"

struct sc_own_template {
    struct sc_jinja *template;
    json_t *variables;      /* the special tokens by their names */
    bool parts;             /* contents are lists of parts */
    bool guideline_is_turn; /* it reads a guideline from a system message, not from a variable */
    uint64_t key;           /* of its source */
};

/* Parses n bytes, and finds by rendering how it takes its texts; refuses a template that leaves one
 * of them out.  guideline: any that it will be given, or NULL where it takes none. */
enum sc_status sc_own_template_open(struct sc_own_template *out, const char *source, size_t n,
                                    const json_t *special, const char *guideline,
                                    struct sc_error *error);
void sc_own_template_free(struct sc_own_template *own);

/* What it makes of an item; *out is appended to.  A refusal of the template's is the item's fault.
 */
enum sc_status sc_own_template_render(const struct sc_own_template *own,
                                      const struct sc_judge_item *item, const char *guideline,
                                      struct sc_marked_text *out, struct sc_error *error);

#endif
