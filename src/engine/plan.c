/*
 * How much memory a session takes, and how many traces fit; docs/INFERENCE.md has the formula.
 *
 * Next: session.c, which takes it.
 */
#include <stdint.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "engine/limits.h"

#define MOST_PARALLEL 4096

/* Traces that are asked for beside those that have a row, and traces that nobody asked for. */
#define SEATS_PER_ROW 16
#define AHEAD_PER_ROW 64
#define LEAST_AHEAD 256

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Strands, what they say, and the book of answers. */
static void lay_out_answers(struct sc_batch *b, const struct sc_batch_sizes *s,
                            struct sc_arena *arena)
{
    sc_book_layout(&b->book, &s->book, arena);
    b->strands = sc_arena_take(arena, s->parallel, sizeof *b->strands);
    b->order = sc_arena_take(arena, s->parallel, sizeof *b->order);
    for (size_t i = 0; i < s->parallel; i++) {
        struct sc_strand strand = {.group = SC_NONE};
        strand.history = sc_arena_take(arena, s->max_spans, sizeof *strand.history);
        strand.ids = sc_arena_take(arena, s->max_new, sizeof *strand.ids);
        strand.stats = sc_arena_take(arena, s->max_new, sizeof *strand.stats);
        strand.watched =
            sc_arena_take(arena, sc_size_mul(s->max_new, s->max_watch), sizeof *strand.watched);
        const size_t n_top = sc_size_mul(s->max_new, s->max_top);
        strand.top_ids = sc_arena_take(arena, n_top, sizeof *strand.top_ids);
        strand.top_logprobs = sc_arena_take(arena, n_top, sizeof *strand.top_logprobs);
        if (arena->base == NULL)
            continue;
        b->strands[i] = strand;
        b->order[i] = (uint32_t)i;
    }
    b->seats = sc_arena_take(arena, s->book.n_seats, sizeof *b->seats);
    b->free_seat = SC_NONE;
    for (size_t i = s->book.n_seats; arena->base != NULL && i-- > 0; b->free_seat = (uint32_t)i)
        b->seats[i] = (struct sc_seat){.next = b->free_seat};
    b->path_ids = sc_arena_take(arena, s->max_new, sizeof *b->path_ids);
    b->path_stats = sc_arena_take(arena, s->max_new, sizeof *b->path_stats);
}

static size_t n_members(const struct sc_batch_sizes *s)
{
    return sc_size_add(s->book.n_seats, s->book.n_ahead);
}

/* What a step is made of. */
static void lay_out_step(struct sc_batch *b, const struct sc_batch_sizes *s, struct sc_arena *arena)
{
    b->rows = sc_arena_take(arena, s->parallel + s->prefill_rows, sizeof *b->rows);
    b->drawing = sc_arena_take(arena, s->parallel, sizeof(struct sc_strand *));
    b->draws = sc_arena_take(arena, s->parallel, sizeof *b->draws);
    b->forcing = sc_arena_take(arena, s->parallel, sizeof(struct sc_strand *));
    b->ending = sc_arena_take(arena, SC_PROMPT_ENDS, sizeof(struct sc_prompt *));
    b->waiting = sc_arena_take(arena, s->book.n_trees, sizeof *b->waiting);
    b->u = sc_arena_take(arena, n_members(s), sizeof *b->u);
    b->drawn = sc_arena_take(arena, n_members(s), sizeof *b->drawn);
    b->figures = sc_arena_take(arena, n_members(s), sizeof *b->figures);
    b->parts = sc_arena_take(arena, n_members(s), sizeof *b->parts);
}

void sc_batch_layout(struct sc_batch *b, const struct sc_batch_sizes *s, struct sc_arena *arena)
{
    size_t start = arena->used;
    *b = (struct sc_batch){0};
    lay_out_answers(b, s, arena);
    b->own.pages = arena->used - start;
    start = arena->used;
    const struct sc_prompt_cache_sizes cache = {s->n_slots, s->max_prompt, s->n_pages,
                                                s->book.n_pages};
    sc_prompt_cache_layout(&b->cache, &cache, arena);
    b->cache.no_sharing = s->no_sharing;
    b->own.kept = arena->used - start;
    start = arena->used;
    lay_out_step(b, s, arena);
    b->own.scratch = arena->used - start;
}

struct sc_session_sizes sc_session_sizes_of(const struct sc_batch_sizes *s)
{
    return (struct sc_session_sizes){
        .max_rows = s->parallel + s->prefill_rows,
        .max_logit_rows = s->parallel + SC_PROMPT_ENDS,
        .max_draws = n_members(s),
        .n_positions = s->n_positions,
        .max_spans = s->max_spans,
        .n_pages = sc_size_add(s->book.n_pages, s->n_pages),
        .n_dense_pages = s->book.n_pages,
        .n_kept = s->n_slots,
    };
}

/* Requests taken before there is a place, so that a prompt is computed by the time one is free;
 * few, since a request that was taken cannot be called back by a policy. */
static size_t look_ahead(size_t parallel)
{
    return 1 + parallel / 8;
}

/* Seats are cheap, and many traces may stand in one row; the pages are those of the longest answers
 * in all rows, and a few for branches that leave pages unfilled. */
static struct sc_book_sizes book_sizes(const struct sc_batch_sizes *s)
{
    size_t pages = sc_size_mul(s->parallel, sc_prompt_pages(s->max_new));
    struct sc_book_sizes book = {.n_seats = s->parallel + s->look_ahead, .n_pages = pages};
    if (!s->no_sharing) {
        book.n_seats += SEATS_PER_ROW * s->parallel;
        book.n_ahead = LEAST_AHEAD + AHEAD_PER_ROW * s->parallel;
        book.n_pages = sc_size_add(pages, 4 + s->parallel / 8);
    }
    book.n_trees = book.n_seats + 1;
    return book;
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
    s.max_top = min_size(options->max_top, engine->n_vocab);
    s.no_sharing = options->no_sharing;
    s.book = book_sizes(&s);
    s.max_spans = sc_prompt_pages(s.max_prompt) +
                  min_size(s.max_new, sc_size_mul(s.book.n_pages, SC_PAGE_PIECES));
    /* Each place and each waiting request may have a prompt of its own; the other slots keep
     * prompts between the batches of a policy. */
    s.n_slots = 2 * parallel + s.look_ahead + 2;
    return s;
}

static size_t prompt_pages(const struct sc_batch_sizes *s, size_t n_prompts)
{
    return sc_size_mul(n_prompts, sc_prompt_pages(s->max_prompt));
}

struct sc_batch_sizes sc_batch_sizes_of(const struct sc_engine *engine,
                                        const struct sc_batch_plan *plan,
                                        const struct sc_batch_options *options)
{
    struct sc_batch_sizes s = sizes_for(engine, options, plan->parallel ? plan->parallel : 1,
                                        plan->prefill_rows ? plan->prefill_rows : 1);
    size_t least = prompt_pages(&s, 1);
    s.n_pages = plan->n_pages > least ? plan->n_pages : least;
    return s;
}

/* What a session of these sizes takes. */
static struct sc_batch_plan measure(const struct sc_engine *engine, const struct sc_limits *limits,
                                    const struct sc_batch_sizes *s)
{
    const struct sc_session_sizes sizes = sc_session_sizes_of(s);
    const struct sc_session_bytes there = engine->device->measure(engine->weights, &sizes);
    struct sc_arena arena = {0};
    struct sc_batch batch;
    sc_batch_layout(&batch, s, &arena);
    size_t page = engine->device->page_bytes(engine->weights);
    const struct sc_taken taken = sc_taken_of(limits, &there, 0);
    size_t for_prompts = sc_size_mul(s->n_pages, page);
    size_t for_traces = there.pages > for_prompts ? there.pages - for_prompts : 0;
    struct sc_batch_plan plan = {
        .parallel = s->parallel,
        .prefill_rows = s->prefill_rows,
        .n_pages = s->n_pages,
        .trace_bytes = sc_size_add(batch.own.pages, for_traces),
        .prompt_bytes = sc_size_add(batch.own.kept, sc_size_add(for_prompts, there.kept)),
        .scratch_bytes = sc_size_add(batch.own.scratch, sc_size_add(there.scratch, there.host))};
    plan.total_bytes =
        sc_size_add(sc_size_add(plan.trace_bytes, plan.prompt_bytes), plan.scratch_bytes);
    plan.device_bytes = taken.device;
    return plan;
}

static bool fits(const struct sc_batch_plan *plan, const struct sc_limits *limits, size_t *left)
{
    return sc_limits_hold(limits, &(struct sc_taken){plan->device_bytes, plan->total_bytes}, left);
}

/* Room for a prompt of its own per place is good, but not worth all memory: as much of it as stays
 * within the limits, of which so many bytes are left. */
static void add_pages(const struct sc_engine *engine, const struct sc_batch_sizes *s,
                      const struct sc_limits *limits, size_t left, struct sc_batch_plan *plan)
{
    size_t page = engine->device->page_bytes(engine->weights) + sizeof(uint32_t) +
                  sizeof(struct sc_prompt_page);
    size_t wanted = s->n_pages + left / page;
    wanted = min_size(wanted, prompt_pages(s, s->parallel + s->look_ahead));
    for (; wanted > s->n_pages; wanted--) {
        struct sc_batch_sizes larger = *s;
        larger.n_pages = wanted;
        struct sc_batch_plan more = measure(engine, limits, &larger);
        if (fits(&more, limits, &left)) {
            *plan = more;
            return;
        }
    }
}

/* Not even one trace fits. */
static enum sc_status fail_for_room(const struct sc_batch_options *options,
                                    const struct sc_batch_plan *plan,
                                    const struct sc_limits *limits, struct sc_error *error)
{
    const struct sc_taken taken = {plan->device_bytes, plan->total_bytes};
    const struct sc_excess excess = sc_limits_excess(limits, &taken);
    return sc_fail(error, SC_ERR_LIMIT,
                   "engine: memory %sfor one trace of %zu + %zu tokens: expected at most %zu "
                   "bytes, found %zu",
                   excess.of, options->max_prompt, options->max_new_tokens, excess.most,
                   excess.found);
}

enum sc_status sc_batch_plan(const struct sc_engine *engine, const struct sc_batch_options *options,
                             struct sc_batch_plan *plan, struct sc_error *error)
{
    const struct sc_device_room room = engine->device->room(engine->weights);
    const struct sc_limits limits = sc_limits_of(engine, options->max_bytes);
    size_t parallel = options->parallel ? options->parallel : room.parallel;
    size_t prefill_rows = room.prefill_rows, left = 0;
    if (parallel > MOST_PARALLEL)
        parallel = MOST_PARALLEL;
    for (;;) {
        struct sc_batch_sizes s = sizes_for(engine, options, parallel, prefill_rows);
        size_t least = parallel == 1 ? 1 : min_size(parallel + s.look_ahead, 2 + parallel / 4);
        s.n_pages = prompt_pages(&s, least);
        *plan = measure(engine, &limits, &s);
        if (fits(plan, &limits, &left)) {
            add_pages(engine, &s, &limits, left, plan);
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
    return fail_for_room(options, plan, &limits, error);
}
