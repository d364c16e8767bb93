/* A session of the emulated GPU that has rows of logits and nothing else, and the CPU's sampler
 * over the same rows. */
#ifndef GPU_ENDS_FIXTURE_H
#define GPU_ENDS_FIXTURE_H

#include "engine/cpu/sampler.h"
#include "engine/gpu/session.h"
#include "gpu_fixture.h"

struct ends_shape {
    size_t n_vocab, confidence_top_k; /* at most n_vocab is taken */
    size_t n_rows;                    /* of logits; 0: 1 */
    size_t max_draws, n_positions;    /* 0: 1 */
};

struct ends_bench {
    struct gpu_fixture gpu;
    struct sc_gpu_weights weights;
    struct sc_gpu_session session;
    struct sc_logit_scratch scratch;
    struct sc_arena arena;
    float *z; /* [n_rows][n_vocab] */
    int32_t context[64];
    size_t n_context;
    uint32_t n_random;
};

/* options as in gpu_begin. */
struct ends_bench *ends_open(const struct ends_shape *shape, const char *options);
void ends_close(struct ends_bench *b);

const float *ends_row(const struct ends_bench *b, size_t row);
void ends_put(struct ends_bench *b, size_t row, const float *z);
/* Random logits of this width, multiples of step where that is not 0; peaked: one is far above. */
void ends_fill(struct ends_bench *b, size_t row, double width, double step, bool peaked);
double ends_random(struct ends_bench *b); /* in (0, 1) */

void assert_close_at(double x, double expected, double tolerance, const char *file, int line);
/* Within `tolerance` of the expected, relative to that, or what a double sum beside 1 rounds. */
#define assert_close(x, expected, tolerance)                                                       \
    assert_close_at((double)(x), (expected), (tolerance), __FILE__, __LINE__)

/* Compares what was drawn with the CPU; how many tokens are others, each of which is the CPU's for
 * a u that is 2e-6 less or more. */
size_t ends_compare_draw(struct ends_bench *b, const struct sc_draw *d);

#endif
