/* See prompts.h. */
#include "serving/prompts.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static void free_prompt(struct sc_serving_prompt *prompt)
{
    sc_free(prompt->ids);
    sc_free(prompt);
}

/* Forgets those that nobody has, longest unused first, until few enough are left. */
static void forget(struct sc_serving_prompts *book)
{
    for (;;) {
        size_t n_idle = 0, oldest = 0;
        for (size_t i = 0; i < book->n; i++) {
            const struct sc_serving_prompt *p = book->prompts[i];
            if (p->n_users > 0)
                continue;
            if (n_idle == 0 || p->last_use < book->prompts[oldest]->last_use)
                oldest = i;
            n_idle++;
        }
        if (n_idle <= SC_SERVING_KEPT_PROMPTS)
            return;
        free_prompt(book->prompts[oldest]);
        book->prompts[oldest] = book->prompts[--book->n];
    }
}

static struct sc_serving_prompt *find(const struct sc_serving_prompts *book, const int32_t *ids,
                                      size_t n, uint64_t hash)
{
    for (size_t i = 0; i < book->n; i++) {
        struct sc_serving_prompt *p = book->prompts[i];
        if (p->hash == hash && p->n == n && memcmp(p->ids, ids, n * sizeof *ids) == 0)
            return p;
    }
    return NULL;
}

static struct sc_serving_prompt *add(struct sc_serving_prompts *book, const int32_t *ids, size_t n)
{
    if (sc_grow((void **)&book->prompts, book->n, &book->cap, sizeof(struct sc_serving_prompt *)) !=
        0)
        return NULL;
    struct sc_serving_prompt *prompt = sc_alloc_zero(1, sizeof *prompt);
    if (prompt == NULL)
        return NULL;
    prompt->ids = sc_alloc_array(n, sizeof *prompt->ids);
    if (prompt->ids == NULL) {
        sc_free(prompt);
        return NULL;
    }
    memcpy(prompt->ids, ids, n * sizeof *ids);
    prompt->n = n;
    prompt->key = ++book->n_keys;
    book->prompts[book->n++] = prompt;
    return prompt;
}

struct sc_serving_prompt *sc_serving_prompts_take(struct sc_serving_prompts *book,
                                                  const int32_t *ids, size_t n)
{
    assert(n > 0);
    uint64_t hash = sc_hash64(ids, n * sizeof *ids);
    struct sc_serving_prompt *prompt = find(book, ids, n, hash);
    if (prompt == NULL) {
        forget(book);
        prompt = add(book, ids, n);
    }
    if (prompt == NULL)
        return NULL;
    prompt->hash = hash;
    prompt->n_users++;
    prompt->last_use = ++book->clock;
    return prompt;
}

void sc_serving_prompts_leave(struct sc_serving_prompt *prompt)
{
    if (prompt == NULL)
        return;
    assert(prompt->n_users > 0);
    prompt->n_users--;
}

void sc_serving_prompts_free(struct sc_serving_prompts *book)
{
    for (size_t i = 0; i < book->n; i++)
        free_prompt(book->prompts[i]);
    sc_free(book->prompts);
    *book = (struct sc_serving_prompts){0};
}
