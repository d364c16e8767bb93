/*
 * What lies in a model's folder about the frame around its prompts: the source of the chat template
 * and the special tokens that templates name (bos_token and its like).
 *
 * Nothing here runs or parses a template, and no template makes a tokenizer unusable: what is wrong
 * with one is noted, for whoever wants to frame something (format.h).
 */
#ifndef SC_MODEL_CHAT_SOURCE_H
#define SC_MODEL_CHAT_SOURCE_H

#include <jansson.h>

#include "base/error.h"

#define SC_TEMPLATE_BYTES_MAX ((size_t)1 << 20)

/* Whether a text that stands alone begins with bos_token ("add_bos_token"). */
enum sc_bos { SC_BOS_UNSAID, SC_BOS_LEFT_OUT, SC_BOS_ADDED };

struct sc_chat_source {
    char *text; /* [n] the template; NULL: none */
    size_t n;
    char *fault;     /* why what is there is no template; NULL: nothing is wrong */
    json_t *special; /* an object: "bos_token", "eos_token" and so on, those that are given */
    enum sc_bos bos;
};

void sc_chat_source_free(struct sc_chat_source *source);

/* Of tokenizer_config.json: the special tokens, and "chat_template": a text, or a list of
 * {"name", "template"} of which "default" is taken, else the only one.  config may be NULL. */
enum sc_status sc_chat_source_of_config(const json_t *config, struct sc_chat_source *out,
                                        struct sc_error *error);
/* Of the folder's other files: chat_template.jinja goes before the configuration's template, and
 * special_tokens_map.json names what the configuration does not.  *out holds what that said. */
enum sc_status sc_chat_source_of_folder(const char *folder, struct sc_chat_source *out,
                                        struct sc_error *error);
/* A template that somebody names. */
enum sc_status sc_chat_source_read(const char *path, char **text, size_t *n,
                                   struct sc_error *error);

#endif
