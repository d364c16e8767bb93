/*
 * Attention of a step: which rows read what together, as tasks for the kernels
 * (kernels/attention.h, kernels/attention_plain.h).
 *
 * A step is computed in one of two ways, which give the same bits.  Where there are rows enough to
 * fill the card, a task is some rows and all tiles of their histories, and what comes out is
 * written at once.  Where there are few, each tile is a task, what it gives is kept, and
 * attend_merge puts the tiles of a row together.
 *
 * Next: kernels/attention_arguments.h, the tables that are sent to the card.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/device.h"
#include "engine/gpu/session.h"

/* Parts of tiles that are kept take no more than this. */
#define PARTS_BYTES ((size_t)32 << 20)
/* Tasks of a multiprocessor from which on all tiles of rows are one task: two of its blocks. */
#define ENOUGH_TASKS (2 * SC_GPU_ATTENTION_WARPS)
/* What the plain kernel may use of a block's memory, that every card has. */
#define PLAIN_SHARED_BYTES ((size_t)48 << 10)

/* The rows [max_rows], then tasks, then spans, sent in one piece. */
struct sc_gpu_attention {
    struct sc_gpu_table plan;
    uint32_t *places;                 /* [max_rows][n_positions] */
    float *parts;                     /* [n_slots][n_heads][head_dim] */
    float *marks;                     /* [n_slots][n_heads][2] */
    size_t n_slots, n_tasks, n_spans; /* room */
};

typedef struct sc_gpu_attention_row attention_row;
typedef struct sc_gpu_attention_task attention_task;
typedef struct sc_gpu_attention_span attention_span;

static const struct sc_model_config *config_of(const struct sc_gpu_session *s)
{
    return &s->weights->config;
}

static size_t heads_per_kv(const struct sc_model_config *c)
{
    return c->n_heads / c->n_kv_heads;
}

/* Kernels take up to SC_GPU_TASK_QUERIES queries at once: so many rows, or so many parts of a kv
 * head's queries of one row. */
static size_t rows_at_once(const struct sc_model_config *c)
{
    return heads_per_kv(c) < SC_GPU_TASK_QUERIES ? SC_GPU_TASK_QUERIES / heads_per_kv(c) : 1;
}

static size_t n_parts(const struct sc_model_config *c)
{
    return (heads_per_kv(c) + SC_GPU_TASK_QUERIES - 1) / SC_GPU_TASK_QUERIES;
}

static size_t n_tiles(size_t n_positions)
{
    return n_positions / SC_GPU_TILE + (n_positions % SC_GPU_TILE > 0);
}

static size_t n_rounded_tasks(size_t n)
{
    size_t rounded = SC_GPU_ATTENTION_WARPS;
    while (rounded < n)
        rounded *= 2;
    return rounded;
}

static bool uses_tensor_cores(const struct sc_gpu_session *s)
{
    size_t d = config_of(s)->head_dim;
    return s->weights->bf16 && d % 8 == 0 && d <= 256;
}

/* Of the plain kernel, for each warp. */
static size_t plain_bytes(const struct sc_model_config *c)
{
    return sc_size_mul(SC_GPU_TASK_QUERIES * sizeof(float), c->head_dim + 32);
}

/* ---- life ------------------------------------------------------------------------------------ */

void sc_gpu_attention_layout(struct sc_gpu_session *s, struct sc_gpu_arenas *arenas)
{
    const struct sc_model_config *c = config_of(s);
    struct sc_gpu_attention a = {0};
    size_t slot_floats = c->n_heads * (c->head_dim + 2);
    size_t most = PARTS_BYTES / sizeof(float) / slot_floats + 1;
    a.n_slots = sc_size_mul(s->max_rows, n_tiles(s->sizes.n_positions));
    if (a.n_slots > most)
        a.n_slots = most;
    a.n_tasks = n_rounded_tasks(a.n_slots > s->max_rows ? a.n_slots : s->max_rows);
    a.n_spans = sc_size_mul(s->max_rows, s->sizes.max_spans);
    size_t bytes = s->max_rows * sizeof(attention_row) + a.n_tasks * sizeof(attention_task);
    a.plan = sc_gpu_table_take(arenas, 1,
                               sc_size_add(bytes, sc_size_mul(a.n_spans, sizeof(attention_span))));
    a.places = sc_arena_take(&arenas->card, s->max_rows,
                             sc_size_mul(s->sizes.n_positions, sizeof *a.places));
    a.parts = sc_arena_take(&arenas->card, a.n_slots, c->n_heads * c->head_dim * sizeof *a.parts);
    a.marks = sc_arena_take(&arenas->card, a.n_slots, c->n_heads * 2 * sizeof *a.marks);
    if (s->attention != NULL)
        *s->attention = a;
}

enum sc_status sc_gpu_attention_open(struct sc_gpu_session *s, struct sc_error *error)
{
    const struct sc_model_config *c = config_of(s);
    if (!uses_tensor_cores(s) && plain_bytes(c) > PLAIN_SHARED_BYTES)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "heads of %zu numbers are too wide for a GPU here", c->head_dim);
    s->attention = sc_alloc_zero(1, sizeof *s->attention);
    return s->attention != NULL ? SC_OK : sc_fail(error, SC_ERR_NOMEM, "out of memory");
}

void sc_gpu_attention_close(struct sc_gpu_session *s)
{
    sc_free(s->attention);
    s->attention = NULL;
}

/* ---- what rows read -------------------------------------------------------------------------- */

/* Positions from 0 on of which both rows read the same keys; UINT32_MAX: all that b's row and a's
 * before it see. */
static uint32_t n_alike(const struct sc_row *a, const struct sc_row *b)
{
    size_t most = (a->position < b->position ? a->position : b->position) + 1, n = 0;
    if (a->history == b->history)
        return a->position <= b->position ? UINT32_MAX : (uint32_t)most;
    for (size_t i = 0; n < most; i++) {
        const struct sc_span x = a->history[i], y = b->history[i];
        if (x.page != y.page || x.begin != y.begin)
            break;
        n += x.n < y.n ? x.n : y.n;
        if (x.n != y.n)
            break;
    }
    return (uint32_t)(n < most ? n : most);
}

/* The step's plan while it is made. */
struct planning {
    const struct sc_gpu_session *session;
    attention_row *rows;
    attention_task *tasks;
    size_t n_rows, n_tasks;
};

static attention_row *plan_rows(const struct sc_gpu_attention *a)
{
    return a->plan.host;
}

static size_t tasks_at(const struct sc_gpu_session *s)
{
    return s->max_rows * sizeof(attention_row);
}

static size_t spans_at(const struct sc_gpu_session *s, size_t n_rounded)
{
    return tasks_at(s) + n_rounded * sizeof(attention_task);
}

/* Rows as the kernels see them; how many slots their tiles have is returned. */
static size_t describe_rows(const struct sc_gpu_session *s, const struct sc_row *rows, size_t n)
{
    attention_row *out = plan_rows(s->attention);
    size_t slot = 0, history = 0;
    for (size_t r = 0; r < n; r++) {
        const struct sc_row *row = &rows[r];
        assert(row->position < s->sizes.n_positions);
        history += r > 0 && row->history != row[-1].history;
        out[r] = (attention_row){(uint32_t)history, (uint32_t)row->position + 1,
                                 r > 0 ? n_alike(&row[-1], row) : 0, (uint32_t)slot};
        slot = sc_size_add(slot, n_tiles(row->position + 1));
    }
    memset(out + n, 0, (s->max_rows - n) * sizeof *out);
    return slot;
}

/* The rows that a warp takes at once from `begin` on: those that share whole tiles with the one
 * before them. */
static size_t end_of_group(const struct planning *p, size_t begin)
{
    size_t most = begin + rows_at_once(config_of(p->session)), end = begin + 1;
    while (end < p->n_rows && end < most && p->rows[end].alike >= SC_GPU_TILE)
        end++;
    return end;
}

static size_t longest(const struct planning *p, size_t begin, size_t end)
{
    size_t most = 0;
    for (size_t r = begin; r < end; r++)
        if (p->rows[r].end > most)
            most = p->rows[r].end;
    return n_tiles(most);
}

static void add_task(struct planning *p, size_t begin, size_t end, size_t tile, size_t n)
{
    p->tasks[p->n_tasks++] =
        (attention_task){(uint32_t)begin, (uint32_t)(end - begin), (uint32_t)tile, (uint32_t)n};
}

/* A task for each group of rows. */
static void plan_whole(struct planning *p)
{
    for (size_t begin = 0, end; begin < p->n_rows; begin = end) {
        end = end_of_group(p, begin);
        add_task(p, begin, end, 0, longest(p, begin, end));
    }
}

/* A task for each tile and the rows of a group for which it lies in the same places (gpu_run_of,
 * which finds the same rows). */
static void plan_tiles(struct planning *p, size_t begin, size_t end)
{
    for (size_t tile = 0, n = longest(p, begin, end); tile < n; tile++)
        for (size_t r = begin, next; r < end; r = next) {
            for (next = r + 1; next < end && p->rows[next].alike >= (tile + 1) * SC_GPU_TILE;)
                next++;
            if (longest(p, r, next) > tile)
                add_task(p, r, next, tile, 1);
        }
}

static void plan_spread(struct planning *p)
{
    for (size_t begin = 0, end; begin < p->n_rows; begin = end) {
        end = end_of_group(p, begin);
        plan_tiles(p, begin, end);
    }
}

/* Makes the tasks, each of one tile if that is wanted and there is room. */
static bool plan_tasks(struct planning *p, size_t n_slots)
{
    const struct sc_gpu_session *s = p->session;
    const struct sc_model_config *c = config_of(s);
    plan_whole(p);
    size_t n_warps = p->n_tasks * c->n_kv_heads * n_parts(c);
    if (longest(p, 0, p->n_rows) == 1 || n_slots > s->attention->n_slots ||
        n_warps >= (size_t)ENOUGH_TASKS * s->weights->card.n_processors)
        return false;
    p->n_tasks = 0;
    plan_spread(p);
    return true;
}

/* Spans of the histories, up to where their last row sees them. */
static size_t describe_spans(const struct sc_gpu_session *s, const struct sc_row *rows, size_t n,
                             attention_span *out)
{
    const attention_row *planned = plan_rows(s->attention);
    size_t n_out = 0;
    for (size_t r = 0, next; r < n; r = next) {
        size_t end = 0, before = 0;
        for (next = r; next < n && planned[next].history == planned[r].history; next++)
            end = planned[next].end > end ? planned[next].end : end;
        for (const struct sc_span *span = rows[r].history; before < end; before += span++->n) {
            assert(n_out < s->attention->n_spans && span->n > 0 &&
                   span->begin + span->n <= SC_PAGE_POSITIONS);
            size_t n_seen = span->n < end - before ? span->n : end - before;
            out[n_out++] =
                (attention_span){planned[r].history, (uint32_t)before,
                                 span->page * SC_PAGE_POSITIONS + span->begin, (uint32_t)n_seen};
        }
    }
    return n_out;
}

/* extent: twice the rounded number of tasks, and 1 where they are tiles. */
static size_t extent_tasks(uint32_t extent)
{
    return extent / 2;
}

static bool extent_is_spread(uint32_t extent)
{
    return extent % 2 != 0;
}

static enum sc_status find_places(const struct sc_gpu_session *s, uint32_t extent, size_t n_spans,
                                  struct sc_error *error)
{
    const unsigned char *plan = s->attention->plan.card;
    const struct sc_gpu_places args = {
        .places = s->attention->places,
        .spans = (const void *)(plan + spans_at(s, extent_tasks(extent))),
        .n_spans = (uint32_t)n_spans,
        .stride = (uint32_t)s->sizes.n_positions,
    };
    return SC_GPU_LAUNCH(&s->queue, places, (uint32_t)(n_spans / 8 + 1), 256, 0, args, error);
}

enum sc_status sc_gpu_attention_prepare(struct sc_gpu_session *s, const struct sc_row *rows,
                                        size_t n_rows, uint32_t *extent, struct sc_error *error)
{
    struct sc_gpu_attention *a = s->attention;
    unsigned char *host = a->plan.host;
    assert(n_rows > 0 && n_rows <= s->max_rows);
    struct planning p = {.session = s,
                         .rows = plan_rows(a),
                         .tasks = (void *)(host + tasks_at(s)),
                         .n_rows = n_rows};
    bool is_spread = plan_tasks(&p, describe_rows(s, rows, n_rows));
    size_t n_rounded = n_rounded_tasks(p.n_tasks);
    memset(p.tasks + p.n_tasks, 0, (n_rounded - p.n_tasks) * sizeof *p.tasks);
    *extent = (uint32_t)(2 * n_rounded + is_spread);
    size_t at = spans_at(s, n_rounded);
    size_t n_spans = describe_spans(s, rows, n_rows, (void *)(host + at));
    SC_TRY(sc_gpu_send(&s->queue, &a->plan, at + n_spans * sizeof(attention_span), error));
    return find_places(s, *extent, n_spans, error);
}

/* ---- launches -------------------------------------------------------------------------------- */

static struct sc_gpu_attend arguments_of(const struct sc_gpu_session *s, size_t layer,
                                         uint32_t extent)
{
    const struct sc_gpu_attention *a = s->attention;
    const struct sc_model_config *c = config_of(s);
    const unsigned char *plan = a->plan.card;
    size_t row_bytes = c->head_dim * (s->weights->bf16 ? sizeof(uint16_t) : sizeof(float));
    size_t head_bytes = SC_PAGE_POSITIONS * row_bytes, kind_bytes = c->n_kv_heads * head_bytes;
    return (struct sc_gpu_attend){
        .qkv = s->qkv,
        .keys = s->pages + 2 * layer * kind_bytes,
        .values = s->pages + (2 * layer + 1) * kind_bytes,
        .places = a->places,
        .rows = (const void *)plan,
        .tasks = (const void *)(plan + tasks_at(s)),
        .out = {s->attended, sc_gpu_stride(c->n_heads * c->head_dim), s->weights->bf16},
        .parts = a->parts,
        .marks = a->marks,
        .page_bytes = s->page_bytes,
        .head_bytes = (uint32_t)head_bytes,
        .row_bytes = (uint32_t)row_bytes,
        .qkv_stride = sc_gpu_stride((c->n_heads + 2 * c->n_kv_heads) * c->head_dim),
        .places_stride = (uint32_t)s->sizes.n_positions,
        .n_heads = (uint32_t)c->n_heads,
        .heads_per_kv = (uint32_t)heads_per_kv(c),
        .n_parts = (uint32_t)n_parts(c),
        .head_dim = (uint32_t)c->head_dim,
        .window = sc_layer_is_local(c, layer) ? (uint32_t)c->layer.window : 0,
        .scale = c->layer.attention_scale != 0 ? c->layer.attention_scale
                                               : (float)(1.0 / sqrt((double)c->head_dim)),
        .softcap = c->layer.attention_softcap,
        .bf16 = s->weights->bf16,
        .is_spread = extent_is_spread(extent),
    };
}

static enum sc_gpu_kernel kernel_of(const struct sc_gpu_session *s)
{
    size_t d = config_of(s)->head_dim;
    if (!uses_tensor_cores(s))
        return SC_GPU_attend_plain;
    return d <= 64 ? SC_GPU_attend_64 : d <= 128 ? SC_GPU_attend_128 : SC_GPU_attend_256;
}

/* Warps of a block, and what they share. */
static void set_block(const struct sc_gpu_session *s, struct sc_gpu_launch *launch)
{
    size_t n_warps = SC_GPU_ATTENTION_WARPS, bytes = 0;
    if (launch->kernel == SC_GPU_attend_plain) {
        bytes = plain_bytes(config_of(s));
        while (n_warps * bytes > PLAIN_SHARED_BYTES)
            n_warps /= 2;
    }
    launch->threads = (uint32_t)n_warps * 32;
    launch->shared_bytes = (uint32_t)(n_warps * bytes);
}

static enum sc_status merge(const struct sc_gpu_session *s, const struct sc_gpu_attend *from,
                            size_t n_rows, struct sc_error *error)
{
    const struct sc_gpu_attend_merge args = {
        .rows = from->rows,
        .parts = from->parts,
        .marks = from->marks,
        .out = from->out,
        .n_rows = (uint32_t)n_rows,
        .n_heads = from->n_heads,
        .head_dim = from->head_dim,
        .window = from->window,
    };
    return SC_GPU_LAUNCH(&s->queue, attend_merge, (uint32_t)((n_rows * from->n_heads + 3) / 4), 128,
                         0, args, error);
}

enum sc_status sc_gpu_attention_run(struct sc_gpu_session *s, size_t layer, size_t n_rows,
                                    uint32_t extent, struct sc_error *error)
{
    const struct sc_gpu_attend args = arguments_of(s, layer, extent);
    struct sc_gpu_launch launch = {
        .kernel = kernel_of(s), .arguments = &args, .argument_bytes = sizeof args};
    assert(n_rows <= s->max_rows);
    set_block(s, &launch);
    launch.blocks[0] = (uint32_t)extent_tasks(extent) / (launch.threads / 32);
    launch.blocks[1] = (uint32_t)(config_of(s)->n_kv_heads * args.n_parts);
    launch.blocks[2] = 1;
    SC_TRY(sc_gpu_launch(&s->queue, &launch, error));
    return args.is_spread ? merge(s, &args, n_rows, error) : SC_OK;
}
