/* Fields of a request's body that are not the same everywhere.  Private to this folder. */
#ifndef SC_SOURCE_SERVER_FIELDS_H
#define SC_SOURCE_SERVER_FIELDS_H

#include <jansson.h>
#include <safeconf/engine.h>
#include <stdbool.h>

/* Whether a server that says to be "vllm 0.32.0" is "vllm"; software NULL is nothing. */
bool sc_software_is(const char *software, const char *name);

/* Puts the filters and the penalty of a sampling; NaN, and top_k -1, are not put.  What is off is
 * put where it is known how: other servers may refuse fields that OpenAI's interface lacks.  The
 * temperature is not among them.  false: out of memory. */
bool sc_fields_put_filters(json_t *body, const struct sc_sampling *sampling, const char *software);

/* Variables of the chat template on the server's side (chat_template_kwargs): those that were
 * given, and enable_thinking where reasoning is wanted or the software is known to pass it on,
 * since without is how a model is asked in this process.  *out: json_decref it; NULL: none. */
enum sc_status sc_fields_template_args(const struct sc_chat_options *chat, bool thinking,
                                       const char *software, json_t **out, struct sc_error *error);

#endif
