/*
 * How much memory a run takes, and how many traces fit; docs/INFERENCE.md has the formula.
 *
 * Next: scheduler.c, which takes it.
 */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/system.h"
#include "engine/batch.h"

#define DEFAULT_PARALLEL 32
#define MOST_PARALLEL 4096
#define PREFILL_ROWS 128

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

void sc_batch_layout(struct sc_batch *b, const struct sc_engine *engine,
                     const struct sc_batch_sizes *s, struct sc_arena *arena)
{
    size_t own_bytes = sc_kv_bytes(engine, s->max_new), start = arena->used;
    size_t n_rows = s->parallel + s->prefill_rows;

    *b = (struct sc_batch){.sizes = *s};
    b->places = sc_arena_take(arena, s->parallel, sizeof *b->places);
    for (size_t i = 0; i < s->parallel; i++) {
        unsigned char *own = sc_arena_take(arena, 1, own_bytes);
        int32_t *ids = sc_arena_take(arena, s->max_new, sizeof *ids);
        struct sc_token_stats *stats = sc_arena_take(arena, s->max_new, sizeof *stats);
        float *watched =
            sc_arena_take(arena, sc_size_mul(s->max_new, s->max_watch), sizeof *watched);

        if (arena->base != NULL)
            b->places[i] =
                (struct sc_place){.own = own, .ids = ids, .stats = stats, .watched = watched};
    }
    b->trace_bytes = arena->used - start;
    start = arena->used;
    sc_prompt_cache_layout(&b->cache, engine, s->n_slots, s->n_pages, s->max_prompt, arena);
    b->prompt_bytes = arena->used - start;
    start = arena->used;
    sc_forward_layout(&b->forward, engine, n_rows, s->parallel + SC_PROMPT_ENDS, s->n_positions,
                      arena);
    b->scratch = sc_arena_take(arena, engine->n_threads, sizeof *b->scratch);
    for (size_t i = 0; i < engine->n_threads; i++) {
        struct sc_logit_scratch scratch;

        sc_logit_scratch_layout(&scratch, engine->n_vocab, arena);
        if (arena->base != NULL)
            b->scratch[i] = scratch;
    }
    b->rows = sc_arena_take(arena, n_rows, sizeof *b->rows);
    b->order = sc_arena_take(arena, s->parallel, sizeof(struct sc_place *));
    b->drawing = sc_arena_take(arena, s->parallel, sizeof(struct sc_place *));
    b->drawing_logits = sc_arena_take(arena, s->parallel, sizeof(float *));
    b->ending = sc_arena_take(arena, SC_PROMPT_ENDS, sizeof(struct sc_prompt *));
    b->waiting = sc_arena_take(arena, s->parallel + s->look_ahead, sizeof *b->waiting);
    b->scratch_bytes = arena->used - start;
}

/* Requests taken before there is a place, so that a prompt is computed by the time one is free;
 * few, since a request that was taken cannot be called back by a policy. */
static size_t look_ahead(size_t parallel)
{
    return 1 + parallel / 8;
}

static struct sc_batch_sizes sizes_for(const struct sc_engine *engine,
                                       const struct sc_batch_options *options, size_t parallel,
                                       size_t prefill_rows)
{
    size_t context = engine->config.max_positions;
    struct sc_batch_sizes s = {
        .parallel = parallel, .look_ahead = look_ahead(parallel), .prefill_rows = prefill_rows};

    s.max_prompt = min_size(options->max_prompt ? options->max_prompt : 1, context);
    s.max_new = min_size(options->max_new_tokens ? options->max_new_tokens : 1, context);
    s.n_positions = min_size(s.max_prompt + s.max_new, context);
    s.max_watch = options->max_watch;
    /* Each place and each waiting request may have a prompt of its own; the other slots keep
     * prompts between the batches of a policy. */
    s.n_slots = 2 * parallel + s.look_ahead + 2;
    return s;
}

static size_t prompt_pages(const struct sc_batch_sizes *s, size_t n_prompts)
{
    return sc_size_mul(n_prompts, sc_kv_pages(s->max_prompt));
}

struct sc_batch_sizes sc_batch_sizes_of(const struct sc_engine *engine,
                                        const struct sc_batch_plan *plan,
                                        const struct sc_batch_options *options)
{
    struct sc_batch_sizes s = sizes_for(engine, options, plan->parallel ? plan->parallel : 1,
                                        plan->prefill_rows ? plan->prefill_rows : 1);
    size_t slots = s.n_slots * sc_prompt_slot_bytes(engine, s.max_prompt);
    size_t page = sc_kv_bytes(engine, SC_PAGE_POSITIONS) + sizeof(unsigned char *);

    s.n_pages = plan->prompt_bytes > slots ? (plan->prompt_bytes - slots) / page : 0;
    if (s.n_pages < prompt_pages(&s, 1))
        s.n_pages = prompt_pages(&s, 1);
    return s;
}

/* What a run of these sizes takes. */
static struct sc_batch_plan measure(const struct sc_engine *engine, const struct sc_batch_sizes *s)
{
    struct sc_arena arena = {0};
    struct sc_batch batch;

    sc_batch_layout(&batch, engine, s, &arena);
    return (struct sc_batch_plan){s->parallel,        s->prefill_rows,     batch.trace_bytes,
                                  batch.prompt_bytes, batch.scratch_bytes, arena.used};
}

enum sc_status sc_batch_plan(const struct sc_engine *engine, const struct sc_batch_options *options,
                             struct sc_batch_plan *plan, struct sc_error *error)
{
    size_t limit = options->max_bytes ? options->max_bytes : sc_available_memory() / 2;
    size_t parallel = options->parallel ? options->parallel : DEFAULT_PARALLEL;
    size_t prefill_rows = PREFILL_ROWS;

    if (parallel > MOST_PARALLEL)
        parallel = MOST_PARALLEL;
    for (;;) {
        struct sc_batch_sizes s = sizes_for(engine, options, parallel, prefill_rows);
        size_t page = sc_kv_bytes(engine, SC_PAGE_POSITIONS) + sizeof(unsigned char *);
        size_t most = parallel + s.look_ahead, least = min_size(most, 2 + parallel / 4), wanted;

        if (parallel == 1)
            least = 1;
        s.n_pages = prompt_pages(&s, least);
        *plan = measure(engine, &s);
        if (plan->total_bytes <= limit) {
            /* Room for a prompt of its own per place is good, but not worth all memory. */
            wanted = s.n_pages + (limit - plan->total_bytes) / page;
            wanted = min_size(wanted, prompt_pages(&s, most));
            for (; wanted > s.n_pages; wanted--) {
                struct sc_batch_sizes larger = s;
                struct sc_batch_plan more;

                larger.n_pages = wanted;
                more = measure(engine, &larger);
                if (more.total_bytes <= limit) {
                    *plan = more;
                    break;
                }
            }
            return SC_OK;
        }
        if (parallel == 1 && prefill_rows <= 8)
            break;
        if (parallel > 1)
            parallel -= 1 + parallel / 8;
        else
            prefill_rows /= 2;
        if (parallel < 8 && prefill_rows > 32)
            prefill_rows = 32;
    }
    return sc_fail(error, SC_ERR_LIMIT,
                   "engine: memory for one trace of %zu + %zu tokens: expected at most %zu bytes, "
                   "found %zu",
                   options->max_prompt, options->max_new_tokens, limit, plan->total_bytes);
}
