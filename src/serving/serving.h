/*
 * The engine in this process behind OpenAI's interface (docs/SERVE.md): a server of one model.
 *
 * sc_serving_open takes the memory and listens; sc_serving_run watches over it until it is told to
 * end.  The program alone has it: whoever uses the library samples without a server.
 */
#ifndef SC_SERVING_SERVING_H
#define SC_SERVING_SERVING_H

#include "engine/open.h"

/* Strings are borrowed until the server is closed. */
struct sc_serving_options {
    const char *model; /* folder, hub name or "demo", present on this machine */
    const char *name;  /* what requests call it; NULL: its own */
    const char *host;  /* an address of this machine */
    uint16_t port;     /* 0: one that is free */
    const char *key;   /* API key; NULL: none is asked for.  Never shown. */
    struct sc_chat_options chat;
    struct sc_engine_options engine;
    size_t parallel;            /* rows of answers in a step; 0: chosen */
    size_t max_prompt, max_new; /* tokens; 0: 4096 and 1024, or what the context has */
    size_t max_bytes;           /* memory for traces and prompts; 0: automatic */
    size_t most_jobs;           /* requests in hand, waiting ones included */
    size_t max_top;             /* likeliest tokens that a request may ask for */
    double grace;               /* seconds that requests in hand have at the end */
};
struct sc_serving_options sc_serving_options_default(void);

struct sc_serving;
enum sc_status sc_serving_open(struct sc_serving **out, const struct sc_serving_options *options,
                               struct sc_error *error);
/* What it serves, and where. */
struct sc_serving_facts {
    const char *name, *host, *dtype, *kernels, *device, *remarks;
    uint16_t port;
    size_t parallel, max_prompt, max_new, n_threads;
    size_t weight_bytes, batch_bytes;
};
struct sc_serving_facts sc_serving_facts(const struct sc_serving *serving);
/* Returns when `ends` says so and what was in hand is done, or dropped after the grace: *n_dropped
 * requests. */
void sc_serving_run(struct sc_serving *serving, bool (*ends)(void), size_t *n_dropped);
void sc_serving_close(struct sc_serving *serving); /* NULL is fine */

#endif
