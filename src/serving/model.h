/*
 * The model that is served, and what it makes of a request: ids of its prompts, the values that the
 * request leaves open.  May be used from several threads at once.
 */
#ifndef SC_SERVING_MODEL_H
#define SC_SERVING_MODEL_H

#include <pthread.h>

#include "engine/open.h"
#include "model/chat/chat.h"
#include "serving/request.h"

enum { SC_SERVING_FORMATS = 16 }; /* frames with different arguments that are kept open */

/* A chat format with the arguments of a request. */
struct sc_serving_format {
    char *key; /* thinking and arguments as one text; NULL: free */
    struct sc_chat_format *format;
    size_t n_users;
    uint64_t last_use;
};

struct sc_serving_model {
    struct sc_opened opened;
    struct sc_chat_options chat; /* as the server was started */
    const char *name;            /* under which it is served */
    const char *path;            /* as it was named at the start */
    size_t max_prompt, max_new;  /* tokens */
    size_t max_top;              /* likeliest tokens that a request may ask for */
    pthread_mutex_t lock;        /* of what follows */
    struct sc_serving_format formats[SC_SERVING_FORMATS];
    uint64_t clock;
};

/* A request made ready to be sampled. */
struct sc_serving_encoded {
    int32_t *ids; /* [n] */
    size_t n;
    enum sc_reasoning_state reasoning;
};

/* Checks what only the model knows (its name, how many tokens there are, what it samples with) and
 * fills in what the request leaves open.  *field as in sc_serving_request_read. */
enum sc_status sc_serving_model_resolve(const struct sc_serving_model *model,
                                        struct sc_serving_request *request, char field[64],
                                        struct sc_error *error);
/* The ids of prompt i, 0 for chat; sc_free them. */
enum sc_status sc_serving_model_encode(struct sc_serving_model *model,
                                       const struct sc_serving_request *request, size_t i,
                                       struct sc_serving_encoded *out, struct sc_error *error);
/* Closes the formats; opened is the caller's. */
void sc_serving_model_forget(struct sc_serving_model *model);

#endif
