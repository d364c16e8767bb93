/* Kernels that work on one row at a time, on the emulated GPU. */
#include <string.h>

#include "gpu_fixture.h"

static void test_embed(void **state)
{
    (void)state;
    enum { ROWS = 3, HIDDEN = 40, VOCAB = 5 };
    struct gpu_fixture f = gpu_begin("order=shuffled");
    float embedding[VOCAB * HIDDEN], x[4 * 64];
    const int32_t tokens[] = {4, 0, 2, 1};
    const uint32_t n_rows = ROWS;
    for (size_t i = 0; i < VOCAB * HIDDEN; i++)
        embedding[i] = (float)i;
    memset(x, 0, sizeof x);
    struct sc_gpu_embed a = {.x = gpu_put(&f, x, sizeof x),
                             .embedding = {gpu_put(&f, embedding, sizeof embedding), HIDDEN, false},
                             .tokens = gpu_put(&f, tokens, sizeof tokens),
                             .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                             .x_stride = 64,
                             .hidden = HIDDEN,
                             .scale = 2};
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_embed, {4, 1, 1}, 64, 0, &a, sizeof a});
    gpu_get(&f, x, a.x, sizeof x);
    for (size_t r = 0; r < 4; r++)
        for (size_t i = 0; i < 64; i++)
            assert_true(
                x[r * 64 + i] ==
                (r < ROWS && i < HIDDEN ? 2 * (float)((size_t)tokens[r] * HIDDEN + i) : 0.0F));
    gpu_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_embed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
