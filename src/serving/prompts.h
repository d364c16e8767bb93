/*
 * Prompts that requests have in hand or had of late, each once: equal ids are one prompt with one
 * key, so that a prompt which is asked for again finds its keys and values computed.  Not for
 * several threads at once.
 */
#ifndef SC_SERVING_PROMPTS_H
#define SC_SERVING_PROMPTS_H

#include <stddef.h>
#include <stdint.h>

enum { SC_SERVING_KEPT_PROMPTS = 256 }; /* that nobody has in hand; fewer if they are long */

struct sc_serving_prompt {
    int32_t *ids; /* [n] */
    size_t n;
    uint64_t key;  /* never given to another prompt */
    uint64_t hash; /* of the ids: names the prompt's random numbers */
    size_t n_users;
    uint64_t last_use;
};

/* Zeros are an empty book. */
struct sc_serving_prompts {
    struct sc_serving_prompt **prompts; /* [n] */
    size_t n, cap;
    uint64_t n_keys, clock;
};

/* The prompt of these ids, with one user more; NULL: out of memory. */
struct sc_serving_prompt *sc_serving_prompts_take(struct sc_serving_prompts *book,
                                                  const int32_t *ids, size_t n);
/* One user less; NULL is fine. */
void sc_serving_prompts_leave(struct sc_serving_prompt *prompt);
void sc_serving_prompts_free(struct sc_serving_prompts *book);

#endif
