/*
 * The table of compute kernels, one per instruction set.
 *
 * Every kernel works on plain arrays and knows nothing of models.  Contract of all of them: the
 * operations that lead to one output element, and their order, depend on the shape of that
 * element's own row alone (n_in, head_dim, n_pos), never on how many rows, queries or panels a call
 * has; so a row's result is bit-identical in any batch and under any split between threads.  Levels
 * may differ from each other in rounding.  Kernels read no memory outside their arrays and allocate
 * nothing.
 */
#ifndef SC_KERNELS_KERNELS_H
#define SC_KERNELS_KERNELS_H

#include <safeconf/vocabulary.h>

/* A weight matrix W [n_out][n_in] repacked in panels of `panel` outputs for one level's kernel; the
 * last panel is padded with zeros.  data is 64-byte aligned. */
struct sc_packed {
    enum sc_dtype dtype;
    size_t n_out, n_in;
    void *data;
    size_t bytes;
};

/* Products y[r][o] = sum_i x[r][i] W[o][i] for one dtype of weights.  Accumulation in f32 (int32
 * and f32 for int8). */
struct sc_matmul {
    size_t panel; /* outputs per panel */
    size_t (*packed_bytes)(size_t n_out, size_t n_in);
    /* Packs panels [begin, end) of the row-major source (f32, bf16 or f16), converting. */
    void (*pack)(struct sc_packed *w, const void *source, enum sc_dtype source_dtype, size_t begin,
                 size_t end);
    /* Bytes of one prepared row of activations (a multiple of 64). */
    size_t (*row_bytes)(size_t n_in);
    /* Rounds a row of activations to what the product reads; pads with zeros. */
    void (*prepare)(void *row, const float *x, size_t n_in);
    /* y [n_rows] rows y_stride floats apart; rows prepared, row_bytes apart.  Computes the outputs
     * of panels [begin, end) and writes no others.  next: weights that will be wanted after these,
     * so that they can be on their way while the last panel is multiplied; a hint that is never
     * read, or NULL. */
    void (*multiply)(float *y, size_t y_stride, const void *rows, size_t n_rows,
                     const struct sc_packed *w, size_t begin, size_t end, const void *next);
};

/* Memory that will be wanted after what calls read, in the order in which it will be, so that it
 * can be on its way meanwhile: a hint that is never read.  A call asks for as many bytes as it
 * reads but not for more than `left`, which are there, from byte `at` of *next on, and moves all
 * three. */
struct sc_stretch {
    const void *at;
    size_t bytes; /* > 0 */
};
struct sc_ahead {
    const struct sc_stretch *next;
    size_t at, left;
};

/* Attention over keys and values stored in one dtype (f32 or bf16), rows [position][head_dim] of
 * element_bytes each; head_dim is even.  ahead may be NULL. */
struct sc_attention {
    size_t element_bytes;
    /* One row to its stored form, in which a level may order the row's elements as it likes. */
    void (*store)(void *to, const float *from, size_t head_dim);
    /* scores[q][p] = scale * <query q, key p>; rows of scores are score_stride floats apart. */
    void (*scores)(float *scores, size_t score_stride, const float *queries, size_t n_queries,
                   const void *keys, size_t n_pos, size_t head_dim, float scale,
                   struct sc_ahead *ahead);
    /* out[q][d] += sum_p weights[q][p] values[p][d], in the order of p. */
    void (*mix)(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead);
};

struct sc_kernels {
    const char *name; /* "portable", "avx2", "neon_dot"; docs/KERNELS.md has all */

    struct sc_matmul matmul[4];       /* by enum sc_dtype; multiply NULL: this level has none */
    struct sc_attention attention[2]; /* SC_DTYPE_F32, SC_DTYPE_BF16 */

    /* y[i] = x[i] / sqrt(mean(x^2) + eps) * gain[i]; the mean in double. y may be x. */
    void (*rms_norm)(float *y, const float *x, const float *gain, size_t n, float eps);
    /* Half rotation in place: (x[i], x[i+n/2]) by the angle whose cos and sin stand at i < n/2. */
    void (*rope)(float *x, const float *cosines, const float *sines, size_t n);
    /* y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]; y may be gate. */
    void (*silu_mul)(float *y, const float *gate, const float *up, size_t n);
    /* The same with g(1 + tanh(v)) / 2 = g / (1 + exp(-2v)) of a gate g, where
     * v = sqrt(2/pi) (g + 0.044715 g^3): Hendrycks and Gimpel, "Gaussian error linear units". */
    void (*gelu_mul)(float *y, const float *gate, const float *up, size_t n);
    void (*add)(float *x, const float *y, size_t n); /* x += y */
    /* x[i] = cap tanh(x[i] / cap), in place.  What is infinite becomes NaN, so that it shows. */
    void (*softcap)(float *x, size_t n, float cap);
    /* x[i] = exp(x[i] - max x) / sum, in place; the sum in double. n > 0. */
    void (*softmax)(float *x, size_t n);

    /* Over a piece of logits: the largest, or NaN when any of them is NaN or infinite. n > 0. */
    float (*logit_max)(const float *z, size_t n);
    /* sum_exp = sum exp(z - max), sum_z_exp = sum (z - max) exp(z - max), in double. */
    void (*logit_sums)(const float *z, size_t n, float max, double *sum_exp, double *sum_z_exp);
    /* The indices i in [0, n) with z[i] > threshold, ascending, at most `most`; returns how many
     * there are written; *scanned is how far it looked (n unless `most` was reached). */
    size_t (*logit_above)(const float *z, size_t n, float threshold, int32_t *indices, size_t most,
                          size_t *scanned);

    /* Loops at full speed, for machine.c.  busy_*: n_rounds of independent multiply-adds;
     * returns the operations done (multiply and add counted as two).  NULL: no such unit.  The sink
     * keeps the compiler from leaving the work out. */
    double (*busy_f32)(size_t n_rounds, float *sink);
    double (*busy_bf16)(size_t n_rounds, float *sink);
    double (*busy_int8)(size_t n_rounds, float *sink);
    void (*read_memory)(const void *from, size_t bytes, float *sink);
};

/* Levels compiled in and supported by this processor and system, best first; NULL-ended. */
const struct sc_kernels *const *sc_kernels_available(void);
/* The level of that name, or the best when name is NULL; NULL when this machine has no such. */
const struct sc_kernels *sc_kernels_find(const char *name);

/* Conversions of single numbers; round to nearest even. NaN stays NaN. */
uint16_t sc_bf16_from_f32(float x);
float sc_f32_from_bf16(uint16_t x);
float sc_f32_from_f16(uint16_t x);
uint16_t sc_f16_from_f32(float x);
size_t sc_dtype_bytes(enum sc_dtype dtype); /* of one element */

#endif
