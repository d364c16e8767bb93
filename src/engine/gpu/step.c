/*
 * One pass of the network, as launches in a queue: the order is that of cpu/forward.c.
 *
 * A row that wants no logits is done when the last layer has its keys and values; those that do
 * want them leave the others before that layer's FFN (`picked`).  Which way a row takes changes
 * nothing of its figures.
 *
 * Steps of which every row is of a sequence of its own come again and again with the same launches:
 * they are recorded when they are met for the second time, and then replayed (recordings.c).  The
 * tables of rows are sent before, and the kernels read from the card how many rows there are, so a
 * recording for a rounded number of rows serves any number below.
 *
 * Next: attention.c, products.c; kernels/rows.h for what the launches do.
 */
#include <assert.h>

#include "base/memory.h"
#include "engine/angles.h"
#include "engine/gpu/products.h"
#include "engine/gpu/recordings.h"
#include "engine/gpu/session.h"

enum { MARK_BEGIN, MARK_OUTPUT, MARK_END };
enum { WARP = 32, MOST_THREADS = 512, PIECE_THREADS = 256 };

struct sc_gpu_steps {
    struct sc_gpu_recordings *recordings;
    bool has_angles; /* the card has the tables of angles */
    bool is_marked;  /* a step was put into the queue whose seconds nobody has asked for */
};

/* A step on its way into the queue. */
struct pass {
    struct sc_gpu_session *session;
    const struct sc_gpu_weights *weights;
    const struct sc_model_config *config;
    uint32_t n_rows, n_logit_rows; /* rounded as products want them */
    uint32_t extent;               /* of attention */
};

/* ---- memory ---------------------------------------------------------------------------------- */

enum sc_status sc_gpu_steps_open(struct sc_gpu_session *s, struct sc_error *error)
{
    s->steps = sc_alloc_zero(1, sizeof *s->steps);
    if (s->steps == NULL)
        return sc_fail_nomem(error, "steps");
    s->steps->recordings = sc_gpu_recordings_new();
    return s->steps->recordings != NULL ? SC_OK : sc_fail_nomem(error, "recordings of steps");
}

void sc_gpu_steps_close(struct sc_gpu_session *s)
{
    if (s->steps == NULL)
        return;
    sc_gpu_recordings_free(s->steps->recordings, &s->queue);
    sc_free(s->steps);
    s->steps = NULL;
}

/* The part of a table that is still free. */
struct cut {
    struct sc_gpu_table all;
    size_t used;
};

static struct sc_gpu_table cut(struct cut *from, size_t count, size_t size)
{
    struct sc_gpu_table table = {0};
    if (from->all.card != NULL)
        table = (struct sc_gpu_table){(unsigned char *)from->all.host + from->used,
                                      (unsigned char *)from->all.card + from->used};
    from->used += (count * size + 15) / 16 * 16;
    return table;
}

static void cut_rows(struct sc_gpu_row_tables *rows, const struct sc_gpu_session *s,
                     struct cut *from)
{
    rows->counts = cut(from, 2, sizeof(uint32_t));
    rows->logit_rows = cut(from, s->max_logit_rows, sizeof(uint32_t));
    rows->tokens = cut(from, s->max_rows, sizeof(int32_t));
    rows->positions = cut(from, s->max_rows, sizeof(uint32_t));
    rows->pages = cut(from, s->max_rows, sizeof(uint32_t));
    rows->places = cut(from, s->max_rows, sizeof(uint32_t));
    rows->is_long = cut(from, s->max_rows, sizeof(uint8_t));
    rows->bytes = from->used;
}

static void lay_out_angles(struct sc_gpu_session *s, struct sc_gpu_arenas *arenas)
{
    const struct sc_model_config *c = &s->weights->config;
    const size_t n_positions = s->sizes.n_positions;
    for (enum sc_rope_kind kind = 0; kind < SC_N_ROPES; kind++) {
        struct sc_gpu_angles *angles = &s->angles[kind];
        const struct sc_rope *rope = &c->rope[kind];
        *angles = (struct sc_gpu_angles){0};
        if (!sc_angles_needed(c, kind))
            continue;
        angles->n = (uint32_t)rope->n;
        angles->cosines = sc_gpu_table_take(arenas, n_positions, rope->n * sizeof(float));
        angles->sines = sc_gpu_table_take(arenas, n_positions, rope->n * sizeof(float));
        if (arenas->host.base != NULL)
            sc_angles_fill(angles->cosines.host, angles->sines.host, rope, n_positions);
    }
}

void sc_gpu_steps_layout(struct sc_gpu_session *s, struct sc_gpu_arenas *arenas)
{
    struct cut measured = {0};
    cut_rows(&s->rows, s, &measured);
    struct cut table = {.all = sc_gpu_table_take(arenas, measured.used, 1)};
    s->rows.all = table.all;
    cut_rows(&s->rows, s, &table);
    s->picked = sc_arena_take(&arenas->card, s->max_logit_rows,
                              sc_gpu_stride(s->weights->config.hidden) * sizeof(float));
    lay_out_angles(s, arenas);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Returns how many want logits. */
static size_t fill_rows(const struct sc_gpu_session *s, const struct sc_row *rows, size_t n_rows)
{
    const struct sc_gpu_row_tables *t = &s->rows;
    int32_t *tokens = t->tokens.host;
    uint32_t *positions = t->positions.host, *pages = t->pages.host, *places = t->places.host;
    uint32_t *logit_rows = t->logit_rows.host, *counts = t->counts.host;
    uint8_t *is_long = t->is_long.host;
    uint32_t n_logit_rows = 0;
    for (size_t r = 0; r < n_rows; r++) {
        const struct sc_place place = sc_row_place(&rows[r]);
        tokens[r] = rows[r].token;
        positions[r] = (uint32_t)rows[r].position;
        pages[r] = place.page;
        places[r] = (uint32_t)place.at;
        is_long[r] = rows[r].is_long;
        if (rows[r].wants_logits)
            logit_rows[n_logit_rows++] = (uint32_t)r;
    }
    counts[0] = (uint32_t)n_rows;
    counts[1] = n_logit_rows;
    return n_logit_rows;
}

static enum sc_status send_angles(struct sc_gpu_session *s, struct sc_error *error)
{
    for (enum sc_rope_kind kind = 0; kind < SC_N_ROPES && !s->steps->has_angles; kind++) {
        const struct sc_gpu_angles *angles = &s->angles[kind];
        const size_t bytes = s->sizes.n_positions * angles->n * sizeof(float);
        SC_TRY(sc_gpu_send(&s->queue, &angles->cosines, bytes, error));
        SC_TRY(sc_gpu_send(&s->queue, &angles->sines, bytes, error));
    }
    s->steps->has_angles = true;
    return SC_OK;
}

/* Whether no two rows are of one sequence: those stand side by side. */
static bool all_single(const struct sc_row *rows, size_t n_rows)
{
    for (size_t r = 1; r < n_rows; r++)
        if (rows[r].history == rows[r - 1].history)
            return false;
    return true;
}

/* ---- launches -------------------------------------------------------------------------------- */

/* How many rows there are, and how many of them want logits, as the card reads it. */
static const uint32_t *count_of_rows(const struct pass *p)
{
    return p->session->rows.counts.card;
}

static const uint32_t *count_of_logit_rows(const struct pass *p)
{
    return (const uint32_t *)p->session->rows.counts.card + 1;
}

static uint32_t hidden_stride(const struct pass *p)
{
    return sc_gpu_stride(p->config->hidden);
}

/* Threads for a row whose numbers lie so far apart: four numbers each, as long as that is not more
 * than a block should have.  Of the row's length alone, since sums are taken by thread. */
static uint32_t row_threads(uint32_t stride)
{
    const uint32_t threads = (stride / 4 + WARP - 1) / WARP * WARP;
    return threads < MOST_THREADS ? threads : MOST_THREADS;
}

/* Blocks over rows and, of each, over pieces of four numbers a thread. */
static struct sc_gpu_launch launch_of_pieces(enum sc_gpu_kernel kernel, size_t n_rows, size_t n)
{
    const size_t piece = 4 * PIECE_THREADS;
    return (struct sc_gpu_launch){
        .kernel = kernel,
        .blocks = {(uint32_t)n_rows, (uint32_t)((n + piece - 1) / piece), 1},
        .threads = PIECE_THREADS};
}

static enum sc_status embed(const struct pass *p, struct sc_error *error)
{
    const struct sc_gpu_matrix *m = &p->weights->embedding;
    const float scale = p->config->layer.embedding_scale;
    const struct sc_gpu_embed args = {.x = p->session->x,
                                      .embedding = {m->data, m->stride, m->bf16},
                                      .tokens = p->session->rows.tokens.card,
                                      .n_rows = count_of_rows(p),
                                      .x_stride = hidden_stride(p),
                                      .hidden = (uint32_t)p->config->hidden,
                                      .scale = scale != 0 ? scale : 1};
    return SC_GPU_LAUNCH(&p->session->queue, embed, p->n_rows, row_threads(args.x_stride), 0, args,
                         error);
}

static struct sc_gpu_enter enter_of(const struct pass *p)
{
    const struct sc_gpu_session *s = p->session;
    return (struct sc_gpu_enter){.x = s->x,
                                 .sum = s->x,
                                 .entered = {s->entered, hidden_stride(p), p->weights->bf16},
                                 .n_rows = count_of_rows(p),
                                 .stride = hidden_stride(p),
                                 .hidden = (uint32_t)p->config->hidden,
                                 .eps = p->config->rms_eps};
}

static enum sc_status enter(const struct pass *p, const struct sc_gpu_enter *args, uint32_t n_rows,
                            struct sc_error *error)
{
    return SC_GPU_LAUNCH(&p->session->queue, enter, n_rows, row_threads(args->stride),
                         SC_GPU_ENTER_SHARED(args->stride), *args, error);
}

static enum sc_status enter_attention(const struct pass *p, size_t layer, struct sc_error *error)
{
    const struct sc_gpu_layer *w = &p->weights->layers[layer];
    struct sc_gpu_enter args = enter_of(p);
    args.gain = w->input_norm;
    if (layer > 0) {
        args.branch = p->session->branch;
        args.branch_gain = w[-1].ffn_out_norm;
    }
    return enter(p, &args, p->n_rows, error);
}

/* In the last layer the rows that want logits go on side by side. */
static enum sc_status enter_ffn(const struct pass *p, size_t layer, bool is_last,
                                struct sc_error *error)
{
    const struct sc_gpu_layer *w = &p->weights->layers[layer];
    struct sc_gpu_enter args = enter_of(p);
    args.branch = p->session->branch;
    args.bias = w->o_bias;
    args.branch_gain = w->attention_out_norm;
    args.gain = w->ffn_norm;
    if (p->config->layer.n_experts > 0)
        args.routed = p->session->routed;
    if (!is_last)
        return enter(p, &args, p->n_rows, error);
    args.rows = p->session->rows.logit_rows.card;
    args.sum = p->session->picked;
    args.n_rows = count_of_logit_rows(p);
    return enter(p, &args, p->n_logit_rows, error);
}

static enum sc_status enter_output(const struct pass *p, struct sc_error *error)
{
    struct sc_gpu_enter args = enter_of(p);
    args.x = args.sum = p->session->picked;
    args.branch = p->session->branch;
    args.branch_gain = p->weights->layers[p->config->n_layers - 1].ffn_out_norm;
    args.gain = p->weights->final_norm;
    args.n_rows = count_of_logit_rows(p);
    return enter(p, &args, p->n_logit_rows, error);
}

/* A family that has angles of their own for local layers has none for long sequences. */
static struct sc_gpu_turn turn_of(const struct pass *p, size_t layer, bool is_long)
{
    const struct sc_gpu_angles *all = p->session->angles, *angles = &all[SC_ROPE_GLOBAL];
    if (all[SC_ROPE_LOCAL].n > 0 && sc_layer_is_local(p->config, layer))
        angles = &all[SC_ROPE_LOCAL];
    else if (is_long && all[SC_ROPE_LONG].n > 0)
        angles = &all[SC_ROPE_LONG];
    return (struct sc_gpu_turn){angles->cosines.card, angles->sines.card, angles->n};
}

static enum sc_status heads(const struct pass *p, size_t layer, struct sc_error *error)
{
    const struct sc_gpu_session *s = p->session;
    const struct sc_gpu_layer *w = &p->weights->layers[layer];
    const struct sc_model_config *c = p->config;
    const size_t n_heads = c->n_heads + 2 * c->n_kv_heads, d = c->head_dim;
    const size_t element = p->weights->bf16 ? sizeof(uint16_t) : sizeof(float);
    const bool whole = c->layer.qk_norm == SC_QK_NORM_WHOLE;
    const struct sc_gpu_heads args = {
        .qkv = s->qkv,
        .bias = w->qkv_bias,
        .q_norm = w->q_norm,
        .k_norm = w->k_norm,
        .turn = turn_of(p, layer, false),
        .turn_long = turn_of(p, layer, true),
        .pages = s->pages + layer * 2 * c->n_kv_heads * SC_PAGE_POSITIONS * d * element,
        .page_bytes = s->page_bytes,
        .positions = s->rows.positions.card,
        .page = s->rows.pages.card,
        .place = s->rows.places.card,
        .is_long = s->rows.is_long.card,
        .n_rows = count_of_rows(p),
        .stride = sc_gpu_stride(n_heads * d),
        .n_heads = (uint32_t)c->n_heads,
        .n_kv_heads = (uint32_t)c->n_kv_heads,
        .head_dim = (uint32_t)d,
        .eps = c->rms_eps,
        .whole = whole,
        .bf16 = p->weights->bf16,
    };
    const uint32_t most = whole ? MOST_THREADS / WARP : 4;
    const uint32_t n_warps = n_heads < most ? (uint32_t)n_heads : most, threads = n_warps * WARP;
    const uint32_t n_blocks = whole ? 1 : (uint32_t)((n_heads + n_warps - 1) / n_warps);
    const struct sc_gpu_launch launch = {.kernel = SC_GPU_heads,
                                         .blocks = {p->n_rows, n_blocks, 1},
                                         .threads = threads,
                                         .shared_bytes = SC_GPU_HEADS_SHARED(threads, d),
                                         .arguments = &args,
                                         .argument_bytes = sizeof args};
    return sc_gpu_launch(&s->queue, &launch, error);
}

static enum sc_status dense_ffn(const struct pass *p, size_t layer, bool is_last,
                                struct sc_error *error)
{
    const struct sc_gpu_session *s = p->session;
    const struct sc_gpu_layer *w = &p->weights->layers[layer];
    const uint32_t n_rows = is_last ? p->n_logit_rows : p->n_rows;
    const struct sc_gpu_gate args = {
        .gate_up = s->gate_up,
        .gated = {s->gated, sc_gpu_stride(p->config->ffn), p->weights->bf16},
        .n_rows = is_last ? count_of_logit_rows(p) : count_of_rows(p),
        .stride = sc_gpu_stride(2 * p->config->ffn),
        .ffn = (uint32_t)p->config->ffn,
        .gelu = p->config->layer.activation == SC_ACTIVATION_GELU_TANH};
    struct sc_gpu_launch gate = launch_of_pieces(SC_GPU_gate, n_rows, args.gated.stride);
    gate.arguments = &args;
    gate.argument_bytes = sizeof args;
    SC_TRY(sc_gpu_multiply(&s->queue, &w->gate_up, s->entered, s->gate_up, n_rows, error));
    SC_TRY(sc_gpu_launch(&s->queue, &gate, error));
    return sc_gpu_multiply(&s->queue, &w->down, s->gated, s->branch, n_rows, error);
}

static enum sc_status ffn(const struct pass *p, size_t layer, bool is_last, struct sc_error *error)
{
    if (p->config->layer.n_experts == 0)
        return dense_ffn(p, layer, is_last, error);
    return is_last ? sc_gpu_experts_run(p->session, layer, p->n_logit_rows, count_of_logit_rows(p),
                                        error)
                   : sc_gpu_experts_run(p->session, layer, p->n_rows, count_of_rows(p), error);
}

static enum sc_status run_layer(const struct pass *p, size_t layer, struct sc_error *error)
{
    struct sc_gpu_session *s = p->session;
    const struct sc_gpu_layer *w = &p->weights->layers[layer];
    const bool is_last = layer + 1 == p->config->n_layers;
    SC_TRY(enter_attention(p, layer, error));
    SC_TRY(sc_gpu_multiply(&s->queue, &w->qkv, s->entered, s->qkv, p->n_rows, error));
    SC_TRY(heads(p, layer, error));
    if (is_last && p->n_logit_rows == 0)
        return SC_OK;
    SC_TRY(sc_gpu_attention_run(s, layer, p->n_rows, p->extent, error));
    SC_TRY(sc_gpu_multiply(&s->queue, &w->o, s->attended, s->branch, p->n_rows, error));
    SC_TRY(enter_ffn(p, layer, is_last, error));
    return ffn(p, layer, is_last, error);
}

/* ---- the step -------------------------------------------------------------------------------- */

static enum sc_status put_layers(const void *context, struct sc_error *error)
{
    const struct pass *p = context;
    SC_TRY(embed(p, error));
    for (size_t layer = 0; layer < p->config->n_layers; layer++)
        SC_TRY(run_layer(p, layer, error));
    return SC_OK;
}

static enum sc_status put_output(const void *context, struct sc_error *error)
{
    const struct pass *p = context;
    const struct sc_gpu_session *s = p->session;
    const struct sc_gpu_softcap args = {.logits = s->logits,
                                        .n_rows = count_of_logit_rows(p),
                                        .stride = sc_gpu_stride(p->weights->n_vocab),
                                        .n_vocab = (uint32_t)p->weights->n_vocab,
                                        .cap = p->config->layer.logit_softcap};
    if (p->n_logit_rows == 0)
        return SC_OK;
    SC_TRY(enter_output(p, error));
    SC_TRY(sc_gpu_multiply(&s->queue, &p->weights->output, s->entered, s->logits, p->n_logit_rows,
                           error));
    if (args.cap == 0)
        return SC_OK;
    struct sc_gpu_launch launch = launch_of_pieces(SC_GPU_softcap, p->n_logit_rows, args.n_vocab);
    launch.arguments = &args;
    launch.argument_bytes = sizeof args;
    return sc_gpu_launch(&s->queue, &launch, error);
}

/* As it is, or as it was recorded. */
static enum sc_status run_part(const struct pass *p, enum sc_gpu_part part, bool is_single,
                               struct sc_error *error)
{
    sc_gpu_put *const put = part == SC_GPU_LAYERS ? put_layers : put_output;
    struct sc_gpu_session *s = p->session;
    if (part == SC_GPU_OUTPUT && p->n_logit_rows == 0)
        return SC_OK;
    void *recording =
        is_single ? sc_gpu_recordings_of(s->steps->recordings, &s->queue, part, put, p) : NULL;
    return recording != NULL ? sc_gpu_replay(&s->queue, recording, error) : put(p, error);
}

/* Waits for the last step, whose seconds are then known. */
static enum sc_status wait_for_last(struct sc_gpu_session *s, struct sc_step_seconds *seconds,
                                    struct sc_error *error)
{
    const struct sc_gpu_queue *q = &s->queue;
    *seconds = (struct sc_step_seconds){0};
    SC_TRY(sc_gpu_wait(q, error));
    if (s->steps->is_marked)
        *seconds = (struct sc_step_seconds){
            .layers = q->module->seconds(q->queue, MARK_BEGIN, MARK_OUTPUT),
            .output = q->module->seconds(q->queue, MARK_OUTPUT, MARK_END)};
    s->steps->is_marked = false;
    return SC_OK;
}

enum sc_status sc_gpu_step(struct sc_gpu_session *s, const struct sc_row *rows, size_t n_rows,
                           struct sc_step_seconds *seconds, struct sc_error *error)
{
    assert(n_rows <= s->sizes.max_rows);
    SC_TRY(wait_for_last(s, seconds, error));
    if (n_rows == 0)
        return SC_OK;
    const size_t n_logit_rows = fill_rows(s, rows, n_rows);
    assert(n_logit_rows <= s->sizes.max_logit_rows);
    struct pass p = {.session = s,
                     .weights = s->weights,
                     .config = &s->weights->config,
                     .n_rows = (uint32_t)sc_gpu_round_rows(n_rows),
                     .n_logit_rows =
                         n_logit_rows > 0 ? (uint32_t)sc_gpu_round_rows(n_logit_rows) : 0};
    const bool is_single = all_single(rows, n_rows);
    SC_TRY(send_angles(s, error));
    SC_TRY(sc_gpu_send(&s->queue, &s->rows.all, s->rows.bytes, error));
    SC_TRY(sc_gpu_attention_prepare(s, rows, n_rows, &p.extent, error));
    if (is_single)
        sc_gpu_recordings_meet(s->steps->recordings, &s->queue,
                               &(struct sc_gpu_step_kind){p.n_rows, p.n_logit_rows, p.extent});
    SC_TRY(sc_gpu_mark(&s->queue, MARK_BEGIN, error));
    SC_TRY(run_part(&p, SC_GPU_LAYERS, is_single, error));
    SC_TRY(sc_gpu_mark(&s->queue, MARK_OUTPUT, error));
    SC_TRY(run_part(&p, SC_GPU_OUTPUT, is_single, error));
    SC_TRY(sc_gpu_mark(&s->queue, MARK_END, error));
    s->steps->is_marked = true;
    return SC_OK;
}
