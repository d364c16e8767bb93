/*
 * Nodes of a prompt's tree of answers on a device: see expand.h.
 *
 * A node below the beginning has a slot for its keys and values (slots.h) and is numbered by it;
 * the beginning is the prompt's last token and has the number after them all.  A node is kept as
 * long as it is asked for or has children that are.  A call's nodes pass in steps of `width` rows,
 * those that begin alike side by side, so that they share the reading of what they have in common.
 * The prompt passes first, in steps of its own; the logits behind it are kept, so that its
 * beginning can be asked for again.  Next: device.h.
 */
#include "engine/expand.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/limits.h"
#include "engine/prefill.h"
#include "engine/prompts.h"
#include "engine/slots.h"

#define DEFAULT_WIDTH 32
/* More nodes than anybody walks through; it bounds what the book of them takes. */
#define MOST_SLOTS ((size_t)1 << 22)

struct node {
    uint32_t parent;
    int32_t token;
    uint32_t depth;  /* tokens of the answer with which it begins */
    uint32_t n_refs; /* children that are kept, and whether it is asked for; 0: there is none */
};

/* A node of the step that is under way. */
struct entry {
    struct sc_node_request *request;
    uint32_t node;
    struct sc_span *history; /* [max_spans] */
    size_t n_spans;
    int32_t *answer; /* [max_new] the tokens up to it */
};

struct sizes {
    size_t width, max_prompt, max_new, max_branches, n_positions;
    size_t n_pages; /* of nodes; the device has those of the prompt before them */
};

struct sc_expander {
    const struct sc_engine *engine;
    struct sc_sampling sampling;
    struct sizes sizes;
    void *memory, *on_device;
    struct sc_slots slots;
    struct node *nodes;            /* [slots + 1] */
    struct sc_row *rows;           /* [most_rows] */
    struct sc_branching *branched; /* [width] */
    struct entry *entries;         /* [width] */
    struct sc_prefill prompt;      /* its ids are the caller's */
    bool prompt_computed;
    uint64_t n_rows;
};

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t prompt_pages(const struct sizes *s)
{
    return sc_prompt_pages(s->max_prompt);
}

static size_t max_spans(const struct sizes *s)
{
    return prompt_pages(s) + s->max_new;
}

static size_t most_rows(const struct sizes *s)
{
    return s->width > SC_PREFILL_ROWS ? s->width : SC_PREFILL_ROWS;
}

static struct sc_session_sizes device_sizes(const struct sizes *s)
{
    return (struct sc_session_sizes){.max_rows = most_rows(s),
                                     .max_logit_rows = s->width,
                                     .max_draws = s->max_branches,
                                     .n_positions = s->n_positions,
                                     .max_spans = max_spans(s),
                                     .n_pages = prompt_pages(s) + s->n_pages,
                                     .n_dense_pages = prompt_pages(s),
                                     .n_kept = 1};
}

static void layout(struct sc_expander *e, const struct sizes *s, struct sc_arena *arena)
{
    sc_slots_layout(&e->slots, s->n_pages, arena);
    e->nodes = sc_arena_take(arena, s->n_pages * SC_PAGE_POSITIONS + 1, sizeof *e->nodes);
    e->rows = sc_arena_take(arena, most_rows(s), sizeof *e->rows);
    e->branched = sc_arena_take(arena, s->width, sizeof *e->branched);
    e->entries = sc_arena_take(arena, s->width, sizeof *e->entries);
    e->prompt.spans = sc_arena_take(arena, prompt_pages(s), sizeof *e->prompt.spans);
    for (size_t i = 0; i < s->width; i++) {
        struct sc_span *history = sc_arena_take(arena, max_spans(s), sizeof *history);
        int32_t *answer = sc_arena_take(arena, s->max_new, sizeof *answer);
        if (arena->base != NULL)
            e->entries[i] = (struct entry){.history = history, .answer = answer};
    }
}

/* What an expander of these sizes takes. */
static struct sc_taken measure(const struct sc_engine *engine, const struct sc_limits *limits,
                               const struct sizes *s)
{
    const struct sc_session_sizes sizes = device_sizes(s);
    const struct sc_session_bytes there = engine->device->measure(engine->weights, &sizes);
    struct sc_arena arena = {0};
    struct sc_expander unused;
    layout(&unused, s, &arena);
    return sc_taken_of(limits, &there, arena.used);
}

static bool fits(const struct sc_engine *engine, const struct sc_limits *limits,
                 const struct sizes *s, size_t *left)
{
    const struct sc_taken taken = measure(engine, limits, s);
    return sc_limits_hold(limits, &taken, left);
}

/* As many pages as fit, at least those of one longest answer.  Of a device's own memory half is
 * left, since a judge or a sampler may want some beside it. */
static enum sc_status find_pages(const struct sc_engine *engine, struct sizes *s, size_t asked,
                                 struct sc_error *error)
{
    size_t least = s->max_new / SC_PAGE_POSITIONS + 1, most = MOST_SLOTS / SC_PAGE_POSITIONS;
    struct sc_limits limits = sc_limits_of(engine, asked);
    limits.device /= asked > 0 ? 1 : 2;
    s->n_pages = least;
    size_t left = 0;
    const struct sc_taken taken = measure(engine, &limits, s);
    if (!sc_limits_hold(&limits, &taken, &left)) {
        const struct sc_excess excess = sc_limits_excess(&limits, &taken);
        return sc_fail(error, SC_ERR_LIMIT,
                       "engine: memory %sfor the answers of a prompt of %zu + %zu tokens: "
                       "expected at most %zu bytes, found %zu",
                       excess.of, s->max_prompt, s->max_new, excess.most, excess.found);
    }
    size_t page = engine->device->page_bytes(engine->weights) + sizeof(uint32_t) +
                  SC_PAGE_POSITIONS * sizeof(struct node);
    size_t more = left / page;
    s->n_pages = more < most - least ? least + more : most;
    while (s->n_pages > least && !fits(engine, &limits, s, &left))
        s->n_pages--;
    return SC_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum sc_status fill(struct sc_expander *e, struct sc_error *error)
{
    const struct sc_session_sizes sizes = device_sizes(&e->sizes);
    struct sc_arena arena = {0};
    layout(e, &e->sizes, &arena);
    e->memory = sc_alloc_aligned(arena.used);
    if (e->memory == NULL)
        return sc_fail(error, SC_ERR_NOMEM, "engine: %zu bytes for nodes of answers: not available",
                       arena.used);
    arena = (struct sc_arena){.base = e->memory};
    layout(e, &e->sizes, &arena);
    return e->engine->device->session_open(&e->on_device, e->engine->weights, &sizes, error);
}

enum sc_status sc_expander_open(struct sc_expander **out, const struct sc_engine *engine,
                                const struct sc_expander_options *options, struct sc_error *error)
{
    assert(options->max_prompt > 0 && options->max_new_tokens > 0);
    size_t context = engine->config.max_positions;
    struct sizes sizes = {.width = options->width > 0 ? options->width : DEFAULT_WIDTH,
                          .max_prompt = options->max_prompt,
                          .max_new = options->max_new_tokens,
                          .max_branches = options->max_branches};
    *out = NULL;
    const char *refused = sc_sampling_refused(&options->sampling);
    if (refused != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "sampling: %s", refused);
    sizes.max_prompt = sizes.max_prompt < context ? sizes.max_prompt : context;
    sizes.max_new = sizes.max_new < context ? sizes.max_new : context;
    size_t both = sizes.max_prompt + sizes.max_new;
    sizes.n_positions = both < context ? both : context;
    SC_TRY(find_pages(engine, &sizes, options->max_bytes, error));
    struct sc_expander *e = sc_alloc_zero(1, sizeof *e);
    if (e == NULL)
        return sc_fail_nomem(error, "expander");
    e->engine = engine;
    e->sampling = options->sampling;
    e->sizes = sizes;
    enum sc_status status = fill(e, error);
    if (status != SC_OK) {
        sc_expander_close(e);
        return status;
    }
    *out = e;
    return SC_OK;
}

void sc_expander_close(struct sc_expander *expander)
{
    if (expander == NULL)
        return;
    expander->engine->device->session_close(expander->on_device);
    sc_free(expander->memory);
    sc_free(expander);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static uint32_t beginning(const struct sc_expander *e)
{
    return (uint32_t)(e->slots.n_pages * SC_PAGE_POSITIONS);
}

/* One reference less; a node without any goes, and its parent loses one. */
static void unref(struct sc_expander *e, uint32_t node)
{
    for (;;) {
        struct node *n = &e->nodes[node];
        assert(n->n_refs > 0);
        if (--n->n_refs > 0 || node == beginning(e))
            return;
        sc_slots_give_back(&e->slots, node);
        node = n->parent;
    }
}

/* The node of a request, which gets a reference. */
static uint32_t open_node(struct sc_expander *e, const struct sc_node_request *request)
{
    if (request->parent == SC_NO_NODE) {
        e->nodes[beginning(e)].n_refs++;
        return beginning(e);
    }
    struct node *parent = &e->nodes[request->parent];
    assert(request->parent <= beginning(e) && parent->n_refs > 0);
    assert(parent->depth + 1 < e->sizes.max_new);
    assert(e->prompt.n + parent->depth < e->sizes.n_positions);
    uint32_t slot =
        sc_slots_take(&e->slots, request->parent == beginning(e) ? SC_NO_SLOT : request->parent);
    assert(slot != SC_NO_SLOT);
    parent->n_refs++;
    e->nodes[slot] = (struct node){request->parent, request->token, parent->depth + 1, 1};
    return slot;
}

static void release(void *context, uint32_t node)
{
    unref(context, node);
}

enum sc_status sc_expander_begin(struct sc_expander *e, const int32_t *ids, size_t n,
                                 struct sc_error *error)
{
    const struct sc_model_config *c = &e->engine->config;
    if (n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "prompt: expected at least one token, found none");
    if (n >= c->max_positions)
        return sc_fail(error, SC_ERR_LIMIT,
                       "prompt: expected at most %zu tokens (context %zu), found %zu",
                       c->max_positions - 1, c->max_positions, n);
    if (n > e->sizes.max_prompt)
        return sc_fail(error, SC_ERR_LIMIT,
                       "prompt: expected at most %zu tokens (planned), found %zu",
                       e->sizes.max_prompt, n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->n_vocab)
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "prompt: token %zu: expected an id from 0 to %zu, found %d", i,
                           c->n_vocab - 1, (int)ids[i]);
    sc_slots_clear(&e->slots);
    e->nodes[beginning(e)] = (struct node){.parent = SC_NO_NODE};
    e->prompt.ids = ids;
    e->prompt.n = n;
    e->prompt_computed = false;
    sc_prefill_place(&e->prompt, c, e->sizes.max_new);
    return SC_OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static enum sc_status compute_prompt(struct sc_expander *e, struct sc_error *error)
{
    SC_TRY(sc_prefill_run(&e->prompt, e->engine->device, e->on_device, e->rows, error));
    e->prompt_computed = true;
    return SC_OK;
}

/* The tokens and the places of a path, from the beginning on. */
static void trace_path(const struct sc_expander *e, struct entry *entry)
{
    entry->n_spans = sc_prompt_pages(e->prompt.n);
    memcpy(entry->history, e->prompt.spans, entry->n_spans * sizeof *entry->history);
    uint32_t at = entry->node;
    if (at == beginning(e))
        return;
    /* Upwards the slots are put where the tokens go, then downwards one replaces the other. */
    for (size_t i = e->nodes[at].depth; i > 0; i--) {
        entry->answer[i - 1] = (int32_t)at;
        at = e->nodes[at].parent;
    }
    for (size_t i = 0; i < e->nodes[entry->node].depth; i++) {
        uint32_t slot = (uint32_t)entry->answer[i];
        entry->n_spans =
            sc_slots_append(entry->history, entry->n_spans, slot, prompt_pages(&e->sizes));
        entry->answer[i] = e->nodes[slot].token;
    }
}

/* By their histories, so that those that begin alike stand side by side.  Two nodes differ in their
 * own slots at the latest. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    for (size_t i = 0; i < x->n_spans && i < y->n_spans; i++) {
        const struct sc_span *p = &x->history[i], *q = &y->history[i];
        if (p->page != q->page)
            return p->page < q->page ? -1 : 1;
        if (p->begin != q->begin)
            return p->begin < q->begin ? -1 : 1;
        if (p->n != q->n)
            return p->n < q->n ? -1 : 1;
    }
    return x->n_spans < y->n_spans ? -1 : x->n_spans > y->n_spans;
}

/* One step: n nodes that are open. */
static enum sc_status compute_step(struct sc_expander *e, size_t n, struct sc_error *error)
{
    const struct sc_device *device = e->engine->device;
    struct sc_step_seconds unused;
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++)
        trace_path(e, &e->entries[i]);
    qsort(e->entries, n, sizeof *e->entries, compare_entries);
    for (size_t i = 0; i < n; i++) {
        const struct entry *entry = &e->entries[i];
        bool begins = entry->node == beginning(e);
        size_t depth = begins ? 0 : e->nodes[entry->node].depth;
        e->branched[i] =
            (struct sc_branching){.logits = begins ? e->sizes.width : n_rows,
                                  .sampling = &e->sampling,
                                  .context = {e->prompt.ids, entry->answer, e->prompt.n, depth},
                                  .branches = &entry->request->branches};
        if (!begins)
            e->rows[n_rows++] = (struct sc_row){.token = entry->request->token,
                                                .position = e->prompt.n + depth - 1,
                                                .history = entry->history,
                                                .is_long = e->prompt.is_long,
                                                .wants_logits = true};
    }
    if (n_rows > 0)
        SC_TRY(device->forward(e->on_device, e->rows, n_rows, NULL, &unused, error));
    e->n_rows += n_rows;
    SC_TRY(device->branch(e->on_device, e->branched, n, error));
    for (size_t i = 0; i < n; i++)
        e->entries[i].request->ok = e->branched[i].ok;
    return SC_OK;
}

static enum sc_status compute(struct sc_expander *e, struct sc_node_request *requests, size_t n,
                              struct sc_error *error)
{
    if (!e->prompt_computed)
        SC_TRY(compute_prompt(e, error));
    for (size_t begin = 0; begin < n; begin += e->sizes.width) {
        size_t n_step = n - begin < e->sizes.width ? n - begin : e->sizes.width;
        for (size_t i = 0; i < n_step; i++) {
            e->entries[i].request = &requests[begin + i];
            e->entries[i].node = requests[begin + i].node;
        }
        SC_TRY(compute_step(e, n_step, error));
    }
    return SC_OK;
}

static enum sc_status expand(void *context, struct sc_node_request *requests, size_t n,
                             struct sc_error *error)
{
    struct sc_expander *e = context;
    assert(e->prompt.ids != NULL);
    size_t n_slots = 0;
    for (size_t i = 0; i < n; i++) {
        assert(requests[i].branches.max <= e->sizes.max_branches &&
               requests[i].branches.n_drawn <= e->sizes.max_branches);
        n_slots += requests[i].parent != SC_NO_NODE;
    }
    if (n_slots > e->slots.n_free)
        return sc_fail(error, SC_ERR_LIMIT,
                       "engine: nodes of answers: expected at most %zu more (memory), found %zu",
                       e->slots.n_free, n_slots);
    for (size_t i = 0; i < n; i++)
        requests[i].node = open_node(e, &requests[i]);
    enum sc_status status = compute(e, requests, n, error);
    for (size_t i = 0; i < n; i++) {
        if (status != SC_OK || !requests[i].ok) {
            unref(e, requests[i].node);
            requests[i].node = SC_NO_NODE;
        }
    }
    return status;
}

struct sc_expanding sc_expander_table(struct sc_expander *expander)
{
    return (struct sc_expanding){.context = expander, .expand = expand, .release = release};
}

size_t sc_expander_width(const struct sc_expander *expander)
{
    return expander->sizes.width;
}

size_t sc_expander_most(const struct sc_expander *expander)
{
    return expander->slots.n_pages * SC_PAGE_POSITIONS;
}

uint64_t sc_expander_n_rows(const struct sc_expander *expander)
{
    return expander->n_rows;
}
