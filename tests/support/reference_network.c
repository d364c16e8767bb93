/* See reference_network.h. */
#include "reference_network.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A text on its way: all rows at once, layer by layer. */
struct text {
    const struct sc_cpu *cpu;
    const struct sc_model_config *config;
    size_t n;
    bool is_long, bf16;
    size_t layer;
    double *x; /* [n][hidden] */
};

static double *doubles(size_t n)
{
    double *x = calloc(n, sizeof *x);
    assert(x != NULL);
    return x;
}

static double rounded(const struct text *t, double x)
{
    return t->bf16 ? (double)sc_f32_from_bf16(sc_bf16_from_f32((float)x)) : x;
}

static void round_each(const struct text *t, double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = rounded(t, x[i]);
}

/* y [n][rows of w] = x [n][columns of w] times w. */
static double *product(const struct text *t, const double *x, const struct sc_tensor *w)
{
    size_t n = t->n, n_in = w->n_cols;
    double *y = doubles(n * w->n_rows), *from = doubles(n * n_in);
    float *row = malloc(n_in * sizeof *row);
    assert(row != NULL);
    memcpy(from, x, n * n_in * sizeof *from);
    round_each(t, from, n * n_in);
    for (size_t o = 0; o < w->n_rows; o++) {
        sc_tensor_row(w, o, row);
        for (size_t i = 0; i < n_in; i++) {
            double weight = rounded(t, (double)row[i]);
            for (size_t r = 0; r < n; r++)
                y[r * w->n_rows + o] += from[r * n_in + i] * weight;
        }
    }
    free(row);
    free(from);
    return y;
}

static void add_to_each(double *x, size_t n, size_t width, const float *bias)
{
    for (size_t i = 0; bias != NULL && i < n * width; i++)
        x[i] += (double)bias[i % width];
}

static void norm_each(double *x, size_t n, size_t width, const float *gain, double eps)
{
    for (size_t r = 0; gain != NULL && r < n; r++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += x[r * width + i] * x[r * width + i];
        for (size_t i = 0; i < width; i++)
            x[r * width + i] *= (double)gain[i] / sqrt(sum / (double)width + eps);
    }
}

static double *normed(const struct text *t, const float *gain)
{
    size_t hidden = t->config->hidden;
    double *x = doubles(t->n * hidden);
    memcpy(x, t->x, t->n * hidden * sizeof *x);
    norm_each(x, t->n, hidden, gain, (double)t->config->rms_eps);
    return x;
}

/* A block's output [n][hidden], which is released, onto the stream. */
static void add_block(struct text *t, double *block, const float *bias, const float *gain)
{
    size_t hidden = t->config->hidden;
    add_to_each(block, t->n, hidden, bias);
    norm_each(block, t->n, hidden, gain, (double)t->config->rms_eps);
    for (size_t i = 0; i < t->n * hidden; i++)
        t->x[i] += block[i];
    free(block);
}

static bool is_local(const struct text *t)
{
    return t->config->local_layers[t->layer / 64] >> (t->layer % 64) & 1;
}

/* Turns heads x [n][heads][head_dim] by their positions. */
static void turn(const struct text *t, double *x, size_t heads)
{
    size_t d = t->config->head_dim;
    const struct sc_rope *rope = &t->config->rope[is_local(t) && !t->is_long ? SC_ROPE_LOCAL
                                                  : t->is_long               ? SC_ROPE_LONG
                                                                             : SC_ROPE_GLOBAL];
    for (size_t r = 0; r < t->n; r++)
        for (size_t h = 0; h < heads; h++)
            for (size_t i = 0; i < rope->n; i++) {
                double *a = &x[(r * heads + h) * d + i], *b = a + rope->n, was = *a;
                double c = cos((double)r * rope->step[i]) * rope->scale;
                double s = sin((double)r * rope->step[i]) * rope->scale;
                *a = was * c - *b * s;
                *b = *b * c + was * s;
            }
}

static double *heads(const struct text *t, const double *x, const struct sc_tensor *w,
                     const float *bias, const float *gain)
{
    size_t d = t->config->head_dim;
    double *y = product(t, x, w);
    add_to_each(y, t->n, w->n_rows, bias);
    if (t->config->layer.qk_norm == SC_QK_NORM_WHOLE)
        norm_each(y, t->n, w->n_rows, gain, (double)t->config->rms_eps);
    else
        norm_each(y, t->n * (w->n_rows / d), d, gain, (double)t->config->rms_eps);
    return y;
}

/* One head of one row over what it sees. */
static void attend(const struct text *t, size_t r, const double *q, const double *keys,
                   const double *values, double *out)
{
    const struct sc_layer_kind *kind = &t->config->layer;
    size_t d = t->config->head_dim, stride = t->config->n_kv_heads * d, from = 0;
    double scale = kind->attention_scale != 0 ? (double)kind->attention_scale : 1 / sqrt((double)d);
    double *weights = doubles(r + 1), largest = -INFINITY, sum = 0;
    if (is_local(t) && kind->window > 0 && r + 1 > kind->window)
        from = r + 1 - kind->window;
    for (size_t p = from; p <= r; p++) {
        for (size_t i = 0; i < d; i++)
            weights[p] += q[i] * keys[p * stride + i] * scale;
        double cap = (double)kind->attention_softcap;
        if (cap != 0)
            weights[p] = cap * tanh(weights[p] / cap);
        largest = fmax(largest, weights[p]);
    }
    for (size_t p = from; p <= r; p++)
        sum += weights[p] = exp(weights[p] - largest);
    for (size_t p = from; p <= r; p++)
        for (size_t i = 0; i < d; i++)
            out[i] += weights[p] / sum * values[p * stride + i];
    free(weights);
}

static void run_attention(struct text *t)
{
    const struct sc_model_config *c = t->config;
    const struct sc_layer_tensors *m = sc_model_layer(t->cpu->model, t->layer);
    const struct sc_layer_weights *w = &t->cpu->layers[t->layer];
    size_t d = c->head_dim, per_kv = c->n_heads / c->n_kv_heads;
    double *x = normed(t, w->input_norm);
    double *q = heads(t, x, &m->q, w->q_bias, w->q_norm);
    double *k = heads(t, x, &m->k, w->k_bias, w->k_norm);
    double *v = heads(t, x, &m->v, w->v_bias, NULL);
    double *mixed = doubles(t->n * c->n_heads * d);
    turn(t, q, c->n_heads);
    turn(t, k, c->n_kv_heads);
    round_each(t, k, t->n * c->n_kv_heads * d);
    round_each(t, v, t->n * c->n_kv_heads * d);
    for (size_t r = 0; r < t->n; r++)
        for (size_t h = 0; h < c->n_heads; h++) {
            size_t at = (r * c->n_heads + h) * d, of_kv = h / per_kv * d;
            attend(t, r, q + at, k + of_kv, v + of_kv, mixed + at);
        }
    add_block(t, product(t, mixed, &m->o), w->o_bias, w->attention_out_norm);
    free(x);
    free(q);
    free(k);
    free(v);
    free(mixed);
}

static double activated(const struct sc_layer_kind *kind, double g)
{
    if (kind->activation == SC_ACTIVATION_SILU)
        return g / (1 + exp(-g));
    return g / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (g + 0.044715 * g * g * g)));
}

static void run_ffn(struct text *t)
{
    const struct sc_layer_tensors *m = sc_model_layer(t->cpu->model, t->layer);
    const struct sc_layer_weights *w = &t->cpu->layers[t->layer];
    double *x = normed(t, w->ffn_norm);
    double *gate = product(t, x, &m->gate), *up = product(t, x, &m->up);
    for (size_t i = 0; i < t->n * t->config->ffn; i++)
        gate[i] = activated(&t->config->layer, gate[i]) * up[i];
    add_block(t, product(t, gate, &m->down), NULL, w->ffn_out_norm);
    free(x);
    free(gate);
    free(up);
}

static void embed(struct text *t, const int32_t *ids)
{
    size_t hidden = t->config->hidden;
    double scale = (double)t->config->layer.embedding_scale;
    float *row = malloc(hidden * sizeof *row);
    assert(row != NULL);
    for (size_t r = 0; r < t->n; r++) {
        sc_tensor_row(sc_model_embedding(t->cpu->model), (size_t)ids[r], row);
        for (size_t i = 0; i < hidden; i++)
            t->x[r * hidden + i] = (double)row[i] * (scale != 0 ? scale : 1);
    }
    free(row);
}

void reference_logits(const struct sc_cpu *cpu, const struct reference_text *text, double *logits)
{
    size_t n = text->n;
    struct text t = {
        .cpu = cpu, .config = &cpu->config, .n = n, .is_long = text->is_long, .bf16 = text->bf16};
    double cap = (double)t.config->layer.logit_softcap;
    t.x = doubles(n * t.config->hidden);
    embed(&t, text->ids);
    for (t.layer = 0; t.layer < t.config->n_layers; t.layer++) {
        run_attention(&t);
        run_ffn(&t);
    }
    const struct sc_tensor *output = sc_model_output(cpu->model);
    double *x = normed(&t, cpu->final_norm), *z = product(&t, x, output);
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < cpu->n_vocab; i++) {
            double raw = z[r * output->n_rows + i];
            logits[r * cpu->n_vocab + i] = cap != 0 ? cap * tanh(raw / cap) : raw;
        }
    free(z);
    free(x);
    free(t.x);
}

static int by_falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

struct reference_figures reference_figures(const double *z, size_t n, int32_t id, size_t k)
{
    struct reference_figures f = {0};
    double *sorted = doubles(n), sum = 0;
    memcpy(sorted, z, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_falling);
    for (size_t i = 0; i < n; i++)
        sum += exp(sorted[i] - sorted[0]);
    double log_sum = sorted[0] + log(sum);
    f.logprob = z[id] - log_sum;
    for (size_t i = 0; i < n; i++)
        f.entropy -= exp(sorted[i] - log_sum) * (sorted[i] - log_sum);
    for (size_t i = 0; i < k; i++)
        f.confidence -= (sorted[i] - log_sum) / (double)k;
    free(sorted);
    return f;
}
