/* Statistics of a row of logits against plain double arithmetic, on every instruction set. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/logits.h"
#include "inference_fixture.h"

static const size_t SIZES[] = {1, 2, 7, 20, 63, 777, 4095, 4096, 4097, 8192, 20011};
#define N_SIZES (sizeof SIZES / sizeof *SIZES)

static struct sc_logit_scratch scratch_new(size_t n, struct sc_arena *arena)
{
    struct sc_logit_scratch scratch;

    *arena = (struct sc_arena){0};
    sc_logit_scratch_layout(&scratch, n, 1, arena);
    arena->base = sc_alloc_aligned(arena->used);
    assert_non_null(arena->base);
    arena->used = 0;
    sc_logit_scratch_layout(&scratch, n, 1, arena);
    return scratch;
}

/* kind 0: spread; 1: a few distinct values (ties); 2: one towers; 3: far apart; 4: all equal */
static float *logits_new(size_t n, int kind, uint64_t seed)
{
    struct sc_random random = {SC_STREAM_WEIGHTS, seed, (uint64_t)kind, 0};
    float *z = sc_alloc_array(n, sizeof *z);

    for (size_t i = 0; i < n; i++) {
        double u = sc_random_next(&random);

        z[i] = (float)(kind == 0   ? 20 * u - 15
                       : kind == 1 ? floor(6 * u) - 3
                       : kind == 2 ? (i == n / 2 ? 300 : 3 * u)
                       : kind == 3 ? 60000 * (u - 0.5)
                                   : -2.5);
        if (z[i] == 0 && sc_random_next(&random) < 0.5)
            z[i] = -0.0f;
    }
    return z;
}

struct entry {
    float z;
    int32_t id;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->z != y->z)
        return x->z < y->z ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static struct entry *sorted_new(const float *z, size_t n)
{
    struct entry *entries = sc_alloc_array(n, sizeof *entries);

    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){z[i], (int32_t)i};
    qsort(entries, n, sizeof *entries, compare);
    return entries;
}

static void check_row(const struct sc_kernels *kernels, const float *z, size_t n)
{
    struct entry *sorted = sorted_new(z, n);
    double max = (double)sorted[0].z, sum = 0, entropy = 0, confidence = 0;
    size_t k = n < 20 ? n : 20;
    struct sc_logit_summary summary;
    struct sc_arena arena;

    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - max);
    for (size_t i = 0; i < n; i++) {
        double logp = (double)z[i] - max - log(sum);

        entropy -= exp(logp) * logp;
    }
    for (size_t i = 0; i < k; i++)
        confidence -= ((double)sorted[i].z - max - log(sum)) / (double)k;

    struct sc_logit_scratch scratch = scratch_new(n, &arena);
    assert_true(sc_logits_summarise(kernels, z, n, &summary));
    assert_true(summary.max == sorted[0].z);
    assert_true(fabs(summary.log_sum - log(sum)) < 2e-6);
    assert_true(fabs(summary.entropy - entropy) < 2e-6 * (1 + entropy));
    assert_true(summary.entropy >= 0 && summary.entropy <= log((double)n) + 1e-6);
    sc_logits_top(kernels, z, n, k, &scratch);
    for (size_t i = 0; i < k; i++)
        assert_int_equal(sc_key_id(scratch.keys[i]), sorted[i].id);
    assert_true(fabs(sc_logits_confidence(z, &summary, scratch.keys, k) - confidence) <
                2e-6 * (1 + confidence));
    sc_free(arena.base);
    sc_free(sorted);
}

static void statistics_agree_with_double(void **state)
{
    (void)state;
    for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
        for (size_t s = 0; s < N_SIZES; s++)
            for (int kind = 0; kind < 5; kind++) {
                float *z = logits_new(SIZES[s], kind, 1);

                check_row(*k, z, SIZES[s]);
                sc_free(z);
            }
}

static void the_top_is_right_for_every_length_and_k(void **state)
{
    size_t n = 9001, lengths[] = {1, 2, 33, 64, 1000, 4468, 4469, 9000, 9001};
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        float *z = logits_new(n, kind, 2);
        struct entry *sorted = sorted_new(z, n);
        struct sc_arena arena;
        struct sc_logit_scratch scratch = scratch_new(n, &arena);

        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            sc_logits_top(sc_kernels_find(NULL), z, n, lengths[l], &scratch);
            for (size_t i = 0; i < lengths[l]; i++)
                assert_int_equal(sc_key_id(scratch.keys[i]), sorted[i].id);
        }
        sc_free(arena.base);
        sc_free(sorted);
        sc_free(z);
    }
}

/* Ascending logits displace the whole list again and again. */
static void the_top_of_sorted_rows_is_right(void **state)
{
    size_t n = 9001;
    float *z = sc_alloc_array(n, sizeof *z);
    struct sc_arena arena;
    struct sc_logit_scratch scratch = scratch_new(n, &arena);
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        for (size_t i = 0; i < n; i++)
            z[i] = (float)sign * (float)i;
        sc_logits_top(sc_kernels_find(NULL), z, n, 20, &scratch);
        for (size_t i = 0; i < 20; i++)
            assert_int_equal(sc_key_id(scratch.keys[i]), sign < 0 ? i : n - 1 - i);
    }
    sc_free(arena.base);
    sc_free(z);
}

static void logits_that_are_not_finite_are_refused(void **state)
{
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    (void)state;
    for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
        for (size_t s = 0; s < N_SIZES; s++) {
            float *z = logits_new(SIZES[s], 0, 3);
            struct sc_logit_summary summary;

            for (size_t b = 0; b < 4; b++)
                for (size_t at = 0; at < SIZES[s]; at += SIZES[s] / 5 + 1) {
                    float old = z[at];

                    z[at] = bad[b];
                    assert_false(sc_logits_summarise(*k, z, SIZES[s], &summary));
                    z[at] = old;
                }
            assert_true(sc_logits_summarise(*k, z, SIZES[s], &summary));
            sc_free(z);
        }
}

static void keys_are_sorted_whatever_their_order(void **state)
{
    uint64_t keys[1000];
    struct sc_random random = {SC_STREAM_WEIGHTS, 5, 0, 0};
    (void)state;
    for (size_t n = 0; n <= 1000; n += n < 40 ? 1 : 160) {
        for (size_t i = 0; i < n; i++)
            keys[i] = sc_random_below(&random, 300);
        sc_sort_keys(keys, n);
        for (size_t i = 1; i < n; i++)
            assert_true(keys[i - 1] <= keys[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_agree_with_double),
        cmocka_unit_test(the_top_is_right_for_every_length_and_k),
        cmocka_unit_test(the_top_of_sorted_rows_is_right),
        cmocka_unit_test(logits_that_are_not_finite_are_refused),
        cmocka_unit_test(keys_are_sorted_whatever_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
