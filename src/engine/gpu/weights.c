/*
 * Weights on a card: what there is is laid out twice by the same code, first to be counted, then
 * as places in one block of the card's memory and a list of the rows that go there.  They are
 * converted in pieces through a bounded buffer, with the rounding of the CPU's weights.
 *
 * Refuses arithmetics other than f32 and bf16, and cards that are too small.  Next: products.c,
 * which multiplies with them.
 */
#include "engine/gpu/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/system.h"
#include "engine/arithmetic.h"
#include "engine/gpu/memory.h"
#include "engine/gpu/modules.h"
#include "engine/gpu/products.h"
#include "kernels/kernels.h"
#include "vocabulary/device_name.h"

#define BUFFER_BYTES ((size_t)16 << 20)
#define TASK_BYTES ((size_t)1 << 18) /* converted by one thread at a time */

/* Rows of a tensor on their way to the card: each of `width` numbers there, those past the tensor's
 * zeros. */
struct piece {
    const struct sc_tensor *source;
    unsigned char *to;
    size_t n_rows, width;
    float offset; /* added to each number */
    bool bf16;
};

struct layout {
    struct sc_arena arena; /* the card's memory; measuring while base is NULL */
    struct piece *pieces;  /* NULL while they are counted */
    size_t n_pieces;
};

static size_t element_bytes(bool bf16)
{
    return bf16 ? sizeof(uint16_t) : sizeof(float);
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void add_piece(struct layout *l, const struct piece *piece)
{
    if (l->pieces != NULL)
        l->pieces[l->n_pieces] = *piece;
    l->n_pieces++;
}

static void *take(struct layout *l, size_t n_rows, size_t row_bytes)
{
    const size_t bytes =
        n_rows * row_bytes + SC_GPU_ALIGNMENT - 1; /* the model's files hold more */
    return sc_arena_take(&l->arena, bytes / SC_GPU_ALIGNMENT, SC_GPU_ALIGNMENT);
}

static struct sc_gpu_matrix take_matrix(struct layout *l, size_t n_out, size_t n_in, bool bf16)
{
    const uint32_t stride = sc_gpu_stride(n_in);
    return (struct sc_gpu_matrix){.data = take(l, n_out, stride * element_bytes(bf16)),
                                  .n_out = (uint32_t)n_out,
                                  .n_in = (uint32_t)n_in,
                                  .stride = stride,
                                  .bf16 = bf16};
}

/* The first n_rows of a tensor as rows of a matrix from `row` on; returns the row behind them. */
static size_t add_rows(struct layout *l, const struct sc_gpu_matrix *m, size_t row,
                       const struct sc_tensor *source, size_t n_rows)
{
    unsigned char *data = m->data;
    if (data != NULL)
        data += row * m->stride * element_bytes(m->bf16);
    const struct piece piece = {
        .source = source, .to = data, .n_rows = n_rows, .width = m->stride, .bf16 = m->bf16};
    add_piece(l, &piece);
    return row + n_rows;
}

static struct sc_gpu_matrix add_matrix(struct layout *l, const struct sc_tensor *source, bool bf16)
{
    struct sc_gpu_matrix m = take_matrix(l, source->n_rows, source->n_cols, bf16);
    add_rows(l, &m, 0, source, source->n_rows);
    return m;
}

/* Tensors of one row behind each other, up to a whole stride; NULL where the network has not the
 * first of them. */
static const float *add_vectors(struct layout *l, const struct sc_tensor *const *sources, size_t n,
                                float offset)
{
    size_t length = 0, at = 0;
    if (sources[0]->data == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        length += sources[i]->n_cols;
    float *vector = take(l, 1, sc_gpu_stride(length) * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const size_t width = i + 1 < n ? sources[i]->n_cols : sc_gpu_stride(length) - at;
        const struct piece piece = {.source = sources[i],
                                    .to = (unsigned char *)(vector != NULL ? vector + at : NULL),
                                    .n_rows = 1,
                                    .width = width,
                                    .offset = offset};
        add_piece(l, &piece);
        at += width;
    }
    return vector;
}

static const float *add_vector(struct layout *l, const struct sc_tensor *source, float offset)
{
    return add_vectors(l, &source, 1, offset);
}

static void lay_out_vectors(struct layout *l, const struct sc_layer_tensors *t, float offset,
                            struct sc_gpu_layer *layer)
{
    const struct sc_tensor *const qkv[] = {&t->q_bias, &t->k_bias, &t->v_bias};
    layer->qkv_bias = add_vectors(l, qkv, 3, 0);
    layer->o_bias = add_vector(l, &t->o_bias, 0);
    layer->input_norm = add_vector(l, &t->input_norm, offset);
    layer->ffn_norm = add_vector(l, &t->ffn_norm, offset);
    layer->attention_out_norm = add_vector(l, &t->attention_out_norm, offset);
    layer->ffn_out_norm = add_vector(l, &t->ffn_out_norm, offset);
    layer->q_norm = add_vector(l, &t->q_norm, offset);
    layer->k_norm = add_vector(l, &t->k_norm, offset);
}

static void lay_out_experts(struct layout *l, const struct sc_gpu_weights *w,
                            const struct sc_layer_tensors *t, struct sc_gpu_layer *layer)
{
    const size_t n = w->config.layer.n_experts, width = w->config.layer.expert_ffn;
    size_t row = 0;
    layer->router = add_matrix(l, &t->router, false);
    layer->experts_gate_up = take_matrix(l, n * 2 * width, w->config.hidden, w->bf16);
    for (size_t e = 0; e < n; e++) {
        row = add_rows(l, &layer->experts_gate_up, row, &t->experts[e].gate, width);
        row = add_rows(l, &layer->experts_gate_up, row, &t->experts[e].up, width);
    }
    layer->experts_down = take_matrix(l, n * w->config.hidden, width, w->bf16);
    row = 0;
    for (size_t e = 0; e < n; e++)
        row = add_rows(l, &layer->experts_down, row, &t->experts[e].down, w->config.hidden);
}

static void lay_out_layer(struct layout *l, const struct sc_gpu_weights *w,
                          const struct sc_layer_tensors *t, struct sc_gpu_layer *layer)
{
    const size_t heads = t->q.n_rows + t->k.n_rows + t->v.n_rows;
    size_t row = 0;
    layer->qkv = take_matrix(l, heads, w->config.hidden, w->bf16);
    row = add_rows(l, &layer->qkv, row, &t->q, t->q.n_rows);
    row = add_rows(l, &layer->qkv, row, &t->k, t->k.n_rows);
    add_rows(l, &layer->qkv, row, &t->v, t->v.n_rows);
    layer->o = add_matrix(l, &t->o, w->bf16);
    lay_out_vectors(l, t, w->config.layer.gain_offset, layer);
    if (w->config.layer.n_experts > 0) {
        lay_out_experts(l, w, t, layer);
        return;
    }
    layer->gate_up = take_matrix(l, 2 * w->config.ffn, w->config.hidden, w->bf16);
    row = add_rows(l, &layer->gate_up, 0, &t->gate, w->config.ffn);
    add_rows(l, &layer->gate_up, row, &t->up, w->config.ffn);
    layer->down = add_matrix(l, &t->down, w->bf16);
}

/* The embedding is as precise as the files.  Where it is also the output matrix and no less precise
 * than products want it, it is there once. */
static void lay_out(struct layout *l, struct sc_gpu_weights *w, const struct sc_model *model)
{
    const struct sc_tensor *embedding = sc_model_embedding(model), *output = sc_model_output(model);
    const bool narrow = w->bf16 && embedding->dtype == SC_DTYPE_BF16;
    w->embedding = add_matrix(l, embedding, narrow);
    if (output == embedding && narrow == w->bf16) {
        w->output = w->embedding;
        w->output.n_out = (uint32_t)w->n_vocab;
    } else {
        w->output = take_matrix(l, w->n_vocab, w->config.hidden, w->bf16);
        add_rows(l, &w->output, 0, output, w->n_vocab);
    }
    w->final_norm = add_vector(l, sc_model_final_norm(model), w->config.layer.gain_offset);
    for (size_t i = 0; i < w->config.n_layers; i++)
        lay_out_layer(l, w, sc_model_layer(model, i), &w->layers[i]);
}

/* ---- converting and storing ------------------------------------------------------------------ */

/* Rows [first, first + n) of a piece, converted by several threads. */
struct conversion {
    const struct piece *piece;
    size_t first, n, n_tasks;
    unsigned char *out;
    float *wide; /* [worker][n_wide] */
    size_t n_wide;
};

static void convert_row(const struct piece *piece, size_t row, unsigned char *out, float *wide)
{
    const struct sc_tensor *t = piece->source;
    const size_t bytes = element_bytes(piece->bf16);
    if (piece->bf16 && t->dtype == SC_DTYPE_BF16 && !t->is_f8) {
        const size_t stored = sc_tensor_row_bytes(t);
        memcpy(out, (const unsigned char *)t->data + row * stored, stored);
    } else {
        sc_tensor_row(t, row, wide);
        for (size_t i = 0; i < t->n_cols; i++) {
            const float x = wide[i] + piece->offset;
            const uint16_t narrow = sc_bf16_from_f32(x);
            memcpy(out + i * bytes, piece->bf16 ? (const void *)&narrow : (const void *)&x, bytes);
        }
    }
    memset(out + t->n_cols * bytes, 0, (piece->width - t->n_cols) * bytes);
}

static void convert_task(void *context, size_t task, size_t worker)
{
    const struct conversion *c = context;
    const size_t row_bytes = c->piece->width * element_bytes(c->piece->bf16);
    const size_t end = c->n * (task + 1) / c->n_tasks;
    for (size_t i = c->n * task / c->n_tasks; i < end; i++)
        convert_row(c->piece, c->first + i, c->out + i * row_bytes, c->wide + worker * c->n_wide);
}

/* What storing needs for a while. */
struct storing {
    struct sc_gpu_weights *weights;
    struct sc_interrupt interrupt;
    struct sc_pool *pool;
    void *buffer; /* of the host, which the card reads */
    size_t buffer_bytes;
    float *wide;
    size_t n_wide;
};

/* The pages of what was stored go back to the system: they are not read again. */
static enum sc_status store_piece(const struct storing *s, const struct piece *piece,
                                  struct sc_error *error)
{
    const struct sc_gpu_weights *w = s->weights;
    const size_t row_bytes = piece->width * element_bytes(piece->bf16);
    const size_t stored = sc_tensor_row_bytes(piece->source);
    const size_t most = s->buffer_bytes / row_bytes;
    for (size_t first = 0; first < piece->n_rows; first += most) {
        const size_t n = piece->n_rows - first < most ? piece->n_rows - first : most;
        const size_t n_tasks = 1 + (n * row_bytes - 1) / TASK_BYTES;
        struct conversion c = {piece,     first,   n,        n_tasks < n ? n_tasks : n,
                               s->buffer, s->wide, s->n_wide};
        char why[SC_GPU_WHY] = "";
        if (sc_interrupted(&s->interrupt))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted while the weights were stored");
        sc_pool_run(s->pool, c.n_tasks, convert_task, &c);
        enum sc_status status =
            w->module->store(w->gpu, piece->to + first * row_bytes, s->buffer, n * row_bytes, why);
        if (status != SC_OK)
            return sc_gpu_failed(w->module, status, why, error);
        sc_map_forget((const unsigned char *)piece->source->data + first * stored, n * stored);
    }
    return SC_OK;
}

/* The buffer holds at least one row of any piece. */
static enum sc_status open_storing(struct storing *s, const struct layout *l, int n_threads,
                                   struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    s->buffer_bytes = BUFFER_BYTES;
    for (size_t i = 0; i < l->n_pieces; i++) {
        const struct piece *p = &l->pieces[i];
        const size_t bytes = p->width * element_bytes(p->bf16);
        s->buffer_bytes = bytes > s->buffer_bytes ? bytes : s->buffer_bytes;
        s->n_wide = p->source->n_cols > s->n_wide ? p->source->n_cols : s->n_wide;
    }
    SC_TRY(sc_pool_new(&s->pool, n_threads > 0 ? n_threads : sc_available_cores(), error));
    const size_t n_workers = (size_t)sc_pool_n_threads(s->pool);
    s->wide = sc_alloc_array(sc_size_mul(n_workers, s->n_wide), sizeof *s->wide);
    if (s->wide == NULL)
        return sc_fail_nomem(error, "weights on their way");
    const struct sc_gpu_weights *w = s->weights;
    enum sc_status status = w->module->take_host(w->gpu, s->buffer_bytes, &s->buffer, why);
    return status == SC_OK ? SC_OK : sc_gpu_failed(w->module, status, why, error);
}

static enum sc_status store_all(struct sc_gpu_weights *w, const struct layout *l,
                                const struct sc_engine_options *options, struct sc_error *error)
{
    struct storing s = {.weights = w, .interrupt = {options->keep_going, options->context}};
    enum sc_status status = open_storing(&s, l, options->n_threads, error);
    for (size_t i = 0; status == SC_OK && i < l->n_pieces; i++)
        status = store_piece(&s, &l->pieces[i], error);
    w->module->release_host(w->gpu, s.buffer);
    sc_free(s.wide);
    sc_pool_free(s.pool);
    return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum sc_status choose(struct sc_gpu_weights *w, const struct sc_engine *engine,
                             const struct sc_engine_options *options, struct sc_error *error)
{
    const enum sc_dtype dtype =
        options->dtype < 0 ? sc_own_arithmetic(&engine->config) : (enum sc_dtype)options->dtype;
    w->config = engine->config;
    w->n_vocab = engine->n_vocab;
    w->confidence_top_k = engine->confidence_top_k;
    w->bf16 = dtype == SC_DTYPE_BF16;
    sc_round_embedding_scale(&w->config, dtype);
    if (dtype == SC_DTYPE_F32 || dtype == SC_DTYPE_BF16)
        return SC_OK;
    return sc_fail(error, SC_ERR_UNSUPPORTED, "the device cuda: dtype %s is not computed",
                   sc_dtype_name(dtype));
}

static enum sc_status open_card(struct sc_gpu_weights *w, int card, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    w->card_number = card;
    SC_TRY(sc_gpu_card_find(w->module, card, &w->card, error));
    enum sc_status status = w->module->open(&w->gpu, card, why);
    if (status != SC_OK)
        return sc_gpu_failed(w->module, status, why, error);
    snprintf(w->arithmetic, sizeof w->arithmetic, "%s-%s%s%s", w->module->name, w->card.arithmetic,
             w->card.library[0] != '\0' ? "+" : "", w->card.library);
    return SC_OK;
}

static double gib(size_t bytes)
{
    return (double)bytes / (double)((size_t)1 << 30);
}

/* Before anything is stored, since that takes a while. */
static enum sc_status check_room(const struct sc_gpu_weights *w, size_t bytes,
                                 struct sc_error *error)
{
    const size_t session = sc_gpu_least_session(w);
    const size_t wanted = sc_size_add(bytes, session);
    if (wanted <= w->card.free_bytes)
        return SC_OK;
    return sc_fail(error, SC_ERR_LIMIT,
                   "the device %s: the model takes %.2f GiB and a trace %.2f GiB more, and %.2f "
                   "GiB of the card's %.2f GiB are free",
                   w->module->name, gib(bytes), gib(session), gib(w->card.free_bytes),
                   gib(w->card.bytes));
}

static enum sc_status take_memory(struct sc_gpu_weights *w, size_t bytes, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    if (bytes > w->card.free_bytes)
        return check_room(w, bytes, error);
    enum sc_status status = w->module->take(w->gpu, bytes, &w->memory, why);
    if (status != SC_OK)
        return sc_gpu_failed(w->module, status, why, error);
    w->weight_bytes = bytes;
    return SC_OK;
}

static enum sc_status fill(struct sc_gpu_weights *w, const struct sc_model *model,
                           struct layout *counted, const struct sc_engine_options *options,
                           struct sc_error *error)
{
    SC_TRY(take_memory(w, counted->arena.used, error));
    struct layout l = {.arena = {.base = w->memory}, .pieces = counted->pieces};
    lay_out(&l, w, model);
    SC_TRY(check_room(w, counted->arena.used, error));
    SC_TRY(store_all(w, &l, options, error));
    SC_TRY(sc_gpu_products_open(w, error));
    sc_gpu_products_name(w, w->arithmetic, sizeof w->arithmetic);
    return SC_OK;
}

static enum sc_status open_weights(struct sc_gpu_weights *w, const struct sc_engine *engine,
                                   const struct sc_engine_options *options, struct sc_error *error)
{
    struct sc_device_wish wish;
    SC_TRY(sc_device_wish_read(&wish, options->device, error));
    SC_TRY(choose(w, engine, options, error));
    SC_TRY(sc_gpu_module_find(&w->module, error));
    SC_TRY(open_card(w, wish.card, error));
    w->layers = sc_alloc_zero(w->config.n_layers, sizeof *w->layers);
    if (w->layers == NULL)
        return sc_fail_nomem(error, "layers");
    struct layout counted = {0};
    lay_out(&counted, w, engine->model);
    counted.pieces = sc_alloc_array(counted.n_pieces, sizeof *counted.pieces);
    if (counted.pieces == NULL)
        return sc_fail_nomem(error, "list of weights");
    enum sc_status status = fill(w, engine->model, &counted, options, error);
    sc_free(counted.pieces);
    return status;
}

enum sc_status sc_gpu_weights_open(struct sc_engine *engine,
                                   const struct sc_engine_options *options, struct sc_error *error)
{
    struct sc_gpu_weights *w = sc_alloc_zero(1, sizeof *w);
    if (w == NULL)
        return sc_fail_nomem(error, "engine");
    engine->weights = w;
    SC_TRY(open_weights(w, engine, options, error)); /* what is there is the engine's to close */
    engine->dtype = w->bf16 ? SC_DTYPE_BF16 : SC_DTYPE_F32;
    engine->arithmetic = w->arithmetic;
    engine->n_threads = 1;
    engine->weight_bytes = w->weight_bytes;
    snprintf(engine->device_name, sizeof engine->device_name, "cuda:%d %s", w->card_number,
             w->card.name);
    return SC_OK;
}

void sc_gpu_weights_close(void *weights)
{
    struct sc_gpu_weights *w = weights;
    if (w == NULL)
        return;
    if (w->gpu != NULL) {
        sc_gpu_products_close(w);
        w->module->release(w->gpu, w->memory);
        w->module->close(w->gpu);
    }
    sc_free(w->layers);
    sc_free(w);
}
