/*
 * What the chat template of a model's makers says of the frame around a prompt.
 *
 * The frame is ChatML (chat.c), whatever the template is: it is not run, only looked through for
 * pieces that tell another frame, so that a model is not asked in silence in a way that it was
 * never trained on.  No template makes a model unusable.
 */
#ifndef SC_MODEL_CHAT_TEMPLATE_CHECK_H
#define SC_MODEL_CHAT_TEMPLATE_CHECK_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

struct sc_template_facts {
    bool found;      /* there is a template; all else is false where there is none */
    bool unreadable; /* there is a file, but no text in it: nothing else is known */
    bool chatml;     /* writes <|im_start|> */
    bool thinks;     /* knows of a reasoning segment */
    bool switches;   /* whether to think is asked of it (enable_thinking) */
    bool own_system; /* writes a system message of its own */
};

/* Looks through a template. */
struct sc_template_facts sc_template_look(const char *source);
/* The same of tokenizer_config.json's "chat_template": a text, or a list of {"name","template"} of
 * which "default" is taken, else the first.  config may be NULL. */
struct sc_template_facts sc_template_of_config(const json_t *config);
/* The template of a folder's chat_template.jinja goes before that of the configuration: *facts
 * stays where there is no such file.  Fails for want of memory alone. */
enum sc_status sc_template_of_folder(const char *folder, struct sc_template_facts *facts,
                                     struct sc_error *error);

/* Without thinking the frame has an empty reasoning segment, unless the template knows of none. */
bool sc_template_has_reasoning(const struct sc_template_facts *facts);
/* Appends a line, with its end, for each way in which the frame is not the template's. */
void sc_template_remarks(const struct sc_template_facts *facts, struct sc_text *out);

#endif
