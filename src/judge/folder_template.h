/* The chat template in a model's folder, and the special tokens that it names.  Private to this
 * room. */
#ifndef SC_JUDGE_FOLDER_TEMPLATE_H
#define SC_JUDGE_FOLDER_TEMPLATE_H

#include <jansson.h>

#include "base/error.h"

struct sc_folder_template {
    char *text; /* [n]; NULL: the folder has none */
    size_t n;
    json_t *special; /* an object: "bos_token", ... */
};

/* chat_template.jinja, else "chat_template" of tokenizer_config.json: a text, or of a list the one
 * called "default". */
enum sc_status sc_folder_template_read(const char *folder, struct sc_folder_template *out,
                                       struct sc_error *error);
void sc_folder_template_free(struct sc_folder_template *template);

#endif
