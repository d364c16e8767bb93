/* See memory.h. */
#include "engine/gpu/memory.h"

#include "base/memory.h"
#include "engine/gpu/products.h"

static size_t element_bytes(const struct sc_gpu_weights *w)
{
    return w->bf16 ? sizeof(uint16_t) : sizeof(float);
}

size_t sc_gpu_page_bytes(const struct sc_gpu_weights *w)
{
    const struct sc_model_config *c = &w->config;
    const size_t row = c->head_dim * element_bytes(w);
    return sc_size_mul(2 * c->n_layers * c->n_kv_heads, SC_PAGE_POSITIONS * row);
}

/* All that products read and write begins where the card likes it. */
static void *take(struct sc_arena *card, size_t count, size_t size)
{
    const size_t bytes = sc_size_add(sc_size_mul(count, size), SC_GPU_ALIGNMENT - 1);
    return bytes == SIZE_MAX ? sc_arena_take(card, SIZE_MAX, 1)
                             : sc_arena_take(card, bytes / SC_GPU_ALIGNMENT, SC_GPU_ALIGNMENT);
}

static void *take_rows(struct sc_arena *card, size_t n_rows, size_t n, size_t bytes)
{
    return take(card, n_rows, sc_gpu_stride(n) * bytes);
}

/* What passes from stage to stage of a step. */
static void lay_out_rows(struct sc_gpu_session *s, struct sc_arena *card)
{
    const struct sc_gpu_weights *w = s->weights;
    const struct sc_model_config *c = &w->config;
    const size_t queries = c->n_heads * c->head_dim, keys = c->n_kv_heads * c->head_dim;
    const size_t narrow = element_bytes(w), n = s->max_rows;
    s->x = take_rows(card, n, c->hidden, sizeof(float));
    s->branch = take_rows(card, n, c->hidden, sizeof(float));
    s->entered = take_rows(card, n, c->hidden, narrow);
    s->qkv = take_rows(card, n, queries + 2 * keys, sizeof(float));
    s->attended = take_rows(card, n, queries, narrow);
    if (c->layer.n_experts > 0) {
        s->routed = take_rows(card, n, c->hidden, sizeof(float));
        return;
    }
    s->gate_up = take_rows(card, n, 2 * c->ffn, sizeof(float));
    s->gated = take_rows(card, n, c->ffn, narrow);
}

struct sc_session_bytes sc_gpu_session_layout(struct sc_gpu_session *s,
                                              struct sc_gpu_arenas *arenas)
{
    struct sc_session_bytes bytes = {0};
    struct sc_arena *card = &arenas->card;
    const size_t n_vocab = s->weights->n_vocab;
    s->max_rows = sc_gpu_round_rows(s->sizes.max_rows);
    s->max_logit_rows = sc_gpu_round_rows(s->sizes.max_logit_rows);
    s->page_bytes = sc_gpu_page_bytes(s->weights);
    s->pages = take(card, s->sizes.n_pages, s->page_bytes);
    bytes.pages = card->used;
    s->kept = take_rows(card, s->sizes.n_kept, n_vocab, sizeof(float));
    bytes.kept = card->used - bytes.pages;
    s->logits = take_rows(card, s->max_logit_rows, n_vocab, sizeof(float));
    lay_out_rows(s, card);
    sc_gpu_steps_layout(s, arenas);
    sc_gpu_attention_layout(s, arenas);
    sc_gpu_experts_layout(s, arenas);
    sc_gpu_ends_layout(s, arenas);
    bytes.scratch = card->used - bytes.pages - bytes.kept;
    bytes.host = arenas->host.used;
    if (card->used == SIZE_MAX || arenas->host.used == SIZE_MAX)
        bytes.pages = SIZE_MAX;
    return bytes;
}

struct sc_session_bytes sc_gpu_session_measure(const struct sc_gpu_weights *weights,
                                               const struct sc_session_sizes *sizes)
{
    struct sc_gpu_session s = {.weights = weights, .sizes = *sizes};
    struct sc_gpu_arenas arenas = {0};
    return sc_gpu_session_layout(&s, &arenas);
}

size_t sc_gpu_least_session(const struct sc_gpu_weights *weights)
{
    const struct sc_session_sizes sizes = {.max_rows = 9,
                                           .max_logit_rows = 9,
                                           .max_draws = 1,
                                           .n_positions = 4 * SC_PAGE_POSITIONS,
                                           .max_spans = 4,
                                           .n_pages = 4,
                                           .n_dense_pages = 2,
                                           .n_kept = 4};
    const struct sc_session_bytes b = sc_gpu_session_measure(weights, &sizes);
    return sc_size_add(b.pages, sc_size_add(b.kept, b.scratch));
}
