/*
 * What a server says of itself: the models that it lists, its software, its context.  Nothing of
 * this is standard but the list, so each is asked for where that software has it, and what is not
 * said is absent.  Private to this folder.
 *
 *   GET /models           below the base: ids; "max_model_len" and its like; "owned_by"
 *   GET /version          beside the base's last part (/version for /v1): vLLM
 *   GET /server_info      SGLang; older ones: /get_server_info
 *   GET /props            llama.cpp's server
 *   GET /api/version      Ollama
 *   GET /info             text-generation-inference
 */
#ifndef SC_SOURCE_SERVER_IDENTITY_H
#define SC_SOURCE_SERVER_IDENTITY_H

#include <jansson.h>

#include "base/text.h"
#include "remote/remote.h"

struct sc_identity {
    bool lists;           /* it listed at least one model */
    size_t n_models;      /* that it listed */
    bool has_model;       /* the one that is wanted is among them */
    char *only;           /* the name of the only one; NULL: there are several or none */
    struct sc_text names; /* of the first ones, for a message: "a, b, ..." */
    char *software;       /* "vllm 0.32.0"; NULL: it does not say */
    char *revision;       /* NULL: it does not say */
    size_t context;       /* tokens; 0: it does not say */
};

/* Asks server `server` (from 1).  model: the one that is wanted, or NULL.  An error: it cannot be
 * reached, or wants another key. */
enum sc_status sc_identity_ask(struct sc_remote *remote, size_t server, const char *model,
                               struct sc_identity *out, struct sc_error *error);
/* Reads an answer to /models into *out, which begins as zeros; *owner: of the model's entry or the
 * first one's, within root; NULL: none. */
enum sc_status sc_identity_read(const json_t *root, const char *model, struct sc_identity *out,
                                const char **owner, struct sc_error *error);
void sc_identity_free(struct sc_identity *identity);

#endif
