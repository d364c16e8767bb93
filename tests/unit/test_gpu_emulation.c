/* The words of kernels (kernels/threads.h) on the emulated GPU, by kernels of the test alone. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/gpu/emulated/watched.h"
#include "engine/gpu/kernels/threads.h"
#include "gpu_fixture.h"

enum { N_ORDERS = SC_FIBERS_SHUFFLED + 1 };

/* Runs a kernel of the test; its name in messages is that of the first real one. */
static enum sc_status try_in(enum sc_fiber_order order, sc_fiber_kernel *kernel,
                             struct sc_gpu_launch launch, char *why)
{
    struct sc_fibers *fibers = sc_fibers_new(order);
    assert_non_null(fibers);
    enum sc_status status = sc_fibers_run(fibers, kernel, &launch, why);
    sc_fibers_free(fibers);
    return status;
}

static void run_in(enum sc_fiber_order order, sc_fiber_kernel *kernel, struct sc_gpu_launch launch)
{
    char why[SC_GPU_WHY] = "";
    if (try_in(order, kernel, launch, why) != SC_OK)
        fail_msg("%s", why);
}

#define LAUNCH(n_blocks, n_threads, n_shared, args)                                                \
    ((struct sc_gpu_launch){.blocks = {(n_blocks), 1, 1},                                          \
                            .threads = (n_threads),                                                \
                            .shared_bytes = (n_shared),                                            \
                            .arguments = &(args),                                                  \
                            .argument_bytes = sizeof(args)})

struct numbers {
    float *out;
    const float *in;
    uint32_t *words;
    uint32_t what, n;
};

/* ---- where a thread is ----------------------------------------------------------------------- */

GPU_KERNEL(where, struct numbers, 1024)
{
    const uint32_t block =
        (gpu_block_z() * gpu_blocks_y() + gpu_block_y()) * gpu_blocks_x() + gpu_block_x();
    uint32_t *out = a.words + (block * gpu_threads() + gpu_thread()) * 2;
    out[0]++;
    out[1] = gpu_warp() << 8 | gpu_lane();
}

static void test_every_thread_once(void **state)
{
    (void)state;
    static uint32_t words[2 * 3 * 5 * 96 * 2];
    for (int order = 0; order < N_ORDERS; order++) {
        memset(words, 0, sizeof words);
        struct numbers a = {.words = words};
        struct sc_gpu_launch launch = LAUNCH(5, 96, 0, a);
        launch.blocks[1] = 3;
        launch.blocks[2] = 2;
        run_in((enum sc_fiber_order)order, sc_gpu_run_where, launch);
        for (uint32_t i = 0; i < 2 * 3 * 5 * 96; i++) {
            assert_int_equal(words[2 * i], 1);
            assert_int_equal(words[2 * i + 1], i % 96 / 32 << 8 | i % 32);
        }
    }
}

/* ---- barriers and shared memory -------------------------------------------------------------- */

GPU_KERNEL(turn_round, struct numbers, 1024)
{
    float *shared = (float *)gpu_shared();
    const uint32_t i = gpu_thread(), n = gpu_threads();
    for (uint32_t round = 0; round < 3; round++) {
        shared[i] = a.in[i] + (float)round;
        gpu_barrier();
        a.out[round * n + i] = shared[n - 1 - i];
        gpu_barrier();
    }
}

static void test_barrier(void **state)
{
    (void)state;
    static float in[1024], out[3 * 1024];
    for (size_t i = 0; i < 1024; i++)
        in[i] = (float)i;
    for (int order = 0; order < N_ORDERS; order++) {
        memset(out, 0, sizeof out);
        struct numbers a = {.out = out, .in = in};
        run_in((enum sc_fiber_order)order, sc_gpu_run_turn_round, LAUNCH(1, 1024, 4096, a));
        for (size_t i = 0; i < 3 * 1024; i++)
            assert_true(out[i] == (float)(1023 - i % 1024) + (float)(i / 1024));
    }
}

/* Without barriers what comes out follows from the order, within a block (0) and among blocks. */
GPU_KERNEL(race, struct numbers, 1024)
{
    float *shared = (float *)gpu_shared();
    const uint32_t i = gpu_thread(), n = gpu_threads();
    if (a.what == 0) {
        shared[i] = 1;
        if (shared[(i + 1) % n] == 1)
            a.out[0] += 1;
    } else {
        a.out[0] = (float)gpu_block_x();
    }
}

static void test_races_show(void **state)
{
    (void)state;
    for (uint32_t what = 0; what < 2; what++) {
        float of[N_ORDERS] = {0};
        for (int order = 0; order < N_ORDERS; order++) {
            struct numbers a = {.out = &of[order], .what = what};
            run_in((enum sc_fiber_order)order, sc_gpu_run_race, LAUNCH(7, 64, 64 * 4, a));
        }
        assert_true(of[SC_FIBERS_ASCENDING] != of[SC_FIBERS_DESCENDING]);
        assert_true(of[SC_FIBERS_ASCENDING] != of[SC_FIBERS_SHUFFLED]);
    }
}

GPU_KERNEL(look, struct numbers, 64)
{
    float *shared = (float *)gpu_shared();
    uint32_t is_nan = 0;
    for (uint32_t i = 0; i < a.n; i++)
        is_nan += shared[i] != shared[i];
    gpu_barrier();
    shared[gpu_thread()] = 0;
    a.words[gpu_block_x() * gpu_threads() + gpu_thread()] = is_nan;
    if (gpu_thread() == 0)
        a.words[0] |= (uint32_t)((uintptr_t)shared % 32) << 16;
}

static void test_shared_memory_is_not_a_number(void **state)
{
    (void)state;
    uint32_t words[3 * 64] = {0};
    struct numbers a = {.words = words, .n = 64};
    run_in(SC_FIBERS_ASCENDING, sc_gpu_run_look, LAUNCH(3, 64, 256, a));
    assert_int_equal(words[0] >> 16, 16); /* aligned by 16 and no more */
    words[0] &= 0xffff;
    for (size_t i = 0; i < 3 * 64; i++)
        assert_int_equal(words[i], 64);
}

/* ---- lanes ----------------------------------------------------------------------------------- */

GPU_KERNEL(lanes, struct numbers, 64)
{
    const uint32_t i = gpu_thread(), lane = gpu_lane();
    float *out = a.out + i * 64;
    for (unsigned d = 0; d < 32; d++)
        out[d] = gpu_swap_f((float)i, d) + (float)gpu_swap_d(i * 0.5, d) +
                 (float)gpu_swap_u(i + 1000, d);
    for (unsigned l = 0; l < 32; l++)
        out[32 + l] = gpu_from_f((float)i, l) + (float)gpu_from_u(i, (lane + l) % 32);
    a.words[i] = gpu_ballot(i % 3 == 0);
}

static void test_lanes(void **state)
{
    (void)state;
    static float out[64 * 64];
    uint32_t words[64];
    for (int order = 0; order < N_ORDERS; order++) {
        struct numbers a = {.out = out, .words = words};
        run_in((enum sc_fiber_order)order, sc_gpu_run_lanes, LAUNCH(1, 64, 0, a));
        for (uint32_t i = 0; i < 64; i++) {
            const uint32_t first = i / 32 * 32;
            for (uint32_t d = 0; d < 32; d++) {
                const float other = (float)(i ^ d);
                assert_true(out[i * 64 + d] == other + other * 0.5F + (other + 1000));
                assert_true(out[i * 64 + 32 + d] ==
                            (float)(first + d) + (float)(first + (i + d) % 32));
            }
            uint32_t bits = 0;
            for (uint32_t l = 0; l < 32; l++)
                bits |= (uint32_t)((first + l) % 3 == 0) << l;
            assert_int_equal(words[i], bits);
        }
    }
}

GPU_KERNEL(sums, struct numbers, 256)
{
    const uint32_t i = gpu_thread();
    const float sum = gpu_warp_sum(a.in[i]), largest = gpu_warp_max(a.in[i]);
    const double all = gpu_block_sum_d((double)a.in[i], (double *)gpu_shared());
    const double again = gpu_block_sum_d((double)i, (double *)gpu_shared());
    a.out[4 * i] = sum;
    a.out[4 * i + 1] = largest;
    a.out[4 * i + 2] = (float)all;
    a.out[4 * i + 3] = (float)again;
}

static void test_sums(void **state)
{
    (void)state;
    float in[128], out[N_ORDERS][512];
    for (size_t i = 0; i < 128; i++)
        in[i] = (float)((i * 37) % 101) - 60;
    for (int order = 0; order < N_ORDERS; order++) {
        struct numbers a = {.out = out[order], .in = in};
        run_in((enum sc_fiber_order)order, sc_gpu_run_sums, LAUNCH(1, 128, 4 * 8, a));
        assert_memory_equal(out[order], out[0], sizeof out[0]);
    }
    float all = 0;
    for (size_t i = 0; i < 128; i++)
        all += in[i];
    for (size_t i = 0; i < 128; i++) {
        float sum = 0, largest = -1000;
        for (size_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++) {
            sum += in[k];
            largest = in[k] > largest ? in[k] : largest;
        }
        assert_true(out[0][4 * i] == sum && out[0][4 * i + 1] == largest);
        assert_true(out[0][4 * i + 2] == all && out[0][4 * i + 3] == 127.0F * 128 / 2);
    }
}

/* A lane that writes shared memory and one that reads it want a barrier between. */
GPU_KERNEL(within_warp, struct numbers, 32)
{
    float *shared = (float *)gpu_shared();
    shared[gpu_lane()] = a.in[gpu_lane()];
    if (a.what == 0)
        gpu_warp_barrier();
    a.out[gpu_lane()] = shared[31 - gpu_lane()];
}

static void test_warp_barrier(void **state)
{
    (void)state;
    float in[32], out[32];
    for (size_t i = 0; i < 32; i++)
        in[i] = (float)i;
    for (uint32_t what = 0; what < 2; what++)
        for (int order = 0; order < N_ORDERS; order++) {
            struct numbers a = {.out = out, .in = in, .what = what};
            size_t n_right = 0;
            run_in((enum sc_fiber_order)order, sc_gpu_run_within_warp, LAUNCH(1, 32, 128, a));
            for (size_t i = 0; i < 32; i++)
                n_right += out[i] == (float)(31 - i);
            assert_true(what == 0 ? n_right == 32 : n_right < 32);
        }
}

/* ---- small matrices -------------------------------------------------------------------------- */

struct matrices {
    const uint16_t *a, *b; /* [16][16], [16][8] */
    const int8_t *a8, *b8; /* [16][32], [32][8] */
    float *d;              /* [16][8], added to */
    int32_t *d8;
    uint32_t *loaded; /* [2][4][32] */
};

GPU_DEVICE uint32_t two(const uint16_t *first, uint32_t apart)
{
    return (uint32_t)first[apart] << 16 | first[0];
}

GPU_DEVICE uint32_t four(const int8_t *first, uint32_t apart)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < 4; i++)
        word |= (uint32_t)(uint8_t)first[i * apart] << 8 * i;
    return word;
}

GPU_KERNEL(small_products, struct matrices, 32)
{
    const uint32_t g = gpu_lane() / 4, t = gpu_lane() % 4;
    uint32_t fa[4], fb[2];
    float d[4];
    int32_t d8[4];
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t row = g + i % 2 * 8, at = 2 * t + i / 2 * 8;
        fa[i] = two(a.a + row * 16 + at, 1);
        d[i] = a.d[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
        d8[i] = a.d8[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
    }
    for (uint32_t i = 0; i < 2; i++)
        fb[i] = two(a.b + (2 * t + i * 8) * 8 + g, 8);
    gpu_mma_bf16(d, fa, fb);
    for (uint32_t i = 0; i < 4; i++)
        fa[i] = four(a.a8 + (g + i % 2 * 8) * 32 + 4 * t + i / 2 * 16, 1);
    for (uint32_t i = 0; i < 2; i++)
        fb[i] = four(a.b8 + (4 * t + i * 16) * 8 + g, 8);
    gpu_mma_s8(d8, fa, fb);
    for (uint32_t i = 0; i < 4; i++) {
        a.d[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
        a.d8[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d8[i];
    }
}

static void test_small_products(void **state)
{
    (void)state;
    uint16_t a[256], b[128];
    int8_t a8[512], b8[256];
    for (uint32_t i = 0; i < 256; i++)
        a[i] = gpu_bf16_from_f32((float)((i * 29) % 83) - 40);
    for (uint32_t i = 0; i < 128; i++)
        b[i] = gpu_bf16_from_f32((float)((i * 31) % 71) * 0.25F - 9);
    for (uint32_t i = 0; i < 512; i++)
        a8[i] = (int8_t)((i * 97) % 256 - 128);
    for (uint32_t i = 0; i < 256; i++)
        b8[i] = (int8_t)((i * 59) % 256 - 128);
    for (int order = 0; order < N_ORDERS; order++) {
        float d[128];
        int32_t d8[128];
        for (uint32_t i = 0; i < 128; i++) {
            d[i] = (float)i;
            d8[i] = (int32_t)i;
        }
        struct matrices args = {.a = a, .b = b, .a8 = a8, .b8 = b8, .d = d, .d8 = d8};
        run_in((enum sc_fiber_order)order, sc_gpu_run_small_products, LAUNCH(1, 32, 0, args));
        for (uint32_t r = 0; r < 16; r++)
            for (uint32_t c = 0; c < 8; c++) {
                float sum = (float)(r * 8 + c); /* all exact: small multiples of a quarter */
                int32_t sum8 = (int32_t)(r * 8 + c);
                for (uint32_t k = 0; k < 16; k++)
                    sum += gpu_f32_from_bf16(a[r * 16 + k]) * gpu_f32_from_bf16(b[k * 8 + c]);
                for (uint32_t k = 0; k < 32; k++)
                    sum8 += a8[r * 32 + k] * b8[k * 8 + c];
                assert_true(d[r * 8 + c] == sum);
                assert_int_equal(d8[r * 8 + c], sum8);
            }
    }
}

GPU_KERNEL(load, struct matrices, 32)
{
    uint16_t *shared = (uint16_t *)gpu_shared();
    const uint32_t lane = gpu_lane();
    for (uint32_t i = lane; i < 256; i += 32)
        shared[i] = (uint16_t)i; /* matrix i / 64, row i / 8 % 8, column i % 8 */
    gpu_warp_barrier();
    uint32_t r[4];
    gpu_load_matrices(r, shared + lane * 8);
    for (uint32_t j = 0; j < 4; j++)
        a.loaded[j * 32 + lane] = r[j];
    gpu_load_matrices_turned(r, shared + lane * 8);
    for (uint32_t j = 0; j < 4; j++)
        a.loaded[(4 + j) * 32 + lane] = r[j];
}

static void test_load_matrices(void **state)
{
    (void)state;
    uint32_t loaded[2 * 4 * 32];
    struct matrices args = {.loaded = loaded};
    run_in(SC_FIBERS_SHUFFLED, sc_gpu_run_load, LAUNCH(1, 32, 512, args));
    for (uint32_t j = 0; j < 4; j++)
        for (uint32_t lane = 0; lane < 32; lane++) {
            const uint32_t g = lane / 4, at = 2 * (lane % 4), m = j * 64;
            assert_int_equal(loaded[j * 32 + lane], (m + g * 8 + at + 1) << 16 | (m + g * 8 + at));
            assert_int_equal(loaded[(4 + j) * 32 + lane],
                             (m + (at + 1) * 8 + g) << 16 | (m + at * 8 + g));
        }
}

/* ---- copies on their way --------------------------------------------------------------------- */

enum { THAT_IS_ALL, TWO_GROUPS, NOT_WAITED, NOT_ALIGNED, NOT_SHARED, NOT_BEGUN };

GPU_KERNEL(fetch, struct numbers, 32)
{
    float *shared = (float *)gpu_shared();
    const uint32_t at = gpu_thread() * 8;
    for (uint32_t i = 0; i < 8; i++)
        shared[at + i] = -1;
    gpu_fetch16(shared + at, a.in + gpu_thread() * 4, true);
    gpu_fetch_group();
    gpu_fetch16(a.what == NOT_ALIGNED  ? shared + at + 1
                : a.what == NOT_SHARED ? a.out
                                       : shared + at + 4,
                a.in, false);
    gpu_fetch_group();
    const float before = shared[at];
    if (a.what == TWO_GROUPS)
        gpu_fetch_wait(1);
    a.out[gpu_thread() * 4] = before;
    a.out[gpu_thread() * 4 + 1] = shared[at];
    a.out[gpu_thread() * 4 + 2] = shared[at + 4];
    if (a.what != NOT_WAITED)
        gpu_fetch_wait(0);
    gpu_barrier();
    a.out[gpu_thread() * 4 + 3] = shared[(at + 8) % 256 + 3] + shared[(at + 8) % 256 + 4];
}

static void test_fetch(void **state)
{
    (void)state;
    float in[128], out[128];
    for (size_t i = 0; i < 128; i++)
        in[i] = (float)i;
    for (int order = 0; order < N_ORDERS; order++)
        for (uint32_t what = THAT_IS_ALL; what <= TWO_GROUPS; what++) {
            struct numbers a = {.out = out, .in = in, .what = what};
            run_in((enum sc_fiber_order)order, sc_gpu_run_fetch, LAUNCH(1, 32, 1024, a));
            for (size_t i = 0; i < 32; i++) {
                const float *o = &out[i * 4];
                assert_true(o[0] != o[0]); /* neither what was there nor what will be */
                assert_true(what == TWO_GROUPS ? o[1] == (float)(i * 4) : o[1] != o[1]);
                assert_true(o[2] != o[2]);
                assert_true(o[3] == (float)((i + 1) % 32 * 4 + 3));
            }
        }
    static const char *const messages[] = {[NOT_WAITED] = "a thread ended with copies on their way",
                                           [NOT_ALIGNED] = "a copy of 16 bytes that is not aligned",
                                           [NOT_SHARED] = "a copy to what is not shared memory"};
    _Alignas(16) float aligned[128];
    for (uint32_t what = NOT_WAITED; what <= NOT_SHARED; what++) {
        char why[SC_GPU_WHY] = "";
        struct numbers a = {.out = aligned, .in = in, .what = what};
        assert_int_equal(try_in(SC_FIBERS_ASCENDING, sc_gpu_run_fetch, LAUNCH(1, 32, 1024, a), why),
                         SC_ERR_INTERNAL);
        assert_non_null(strstr(why, messages[what]));
    }
}

/* ---- barriers that not all come to ----------------------------------------------------------- */

enum { BLOCK, WARP, SWAP, ELSEWHERE, WARP_ELSEWHERE, ENDS_EARLY, PAST_THE_WARP };

GPU_KERNEL(stray, struct numbers, 128)
{
    if (a.what == BLOCK && gpu_thread() < 40)
        return;
    if (a.what == WARP && gpu_thread() != 70)
        gpu_warp_barrier();
    if (a.what == SWAP && gpu_thread() < 8)
        a.out[gpu_thread()] = gpu_swap_f(1, 1);
    if (a.what == ELSEWHERE && gpu_thread() == 3)
        gpu_barrier();
    else if (a.what == ELSEWHERE)
        gpu_barrier();
    if (a.what == WARP_ELSEWHERE && gpu_thread() == 100)
        a.out[0] = gpu_swap_f(1, 1);
    else if (a.what == WARP_ELSEWHERE)
        gpu_warp_barrier();
    if (a.what == PAST_THE_WARP)
        a.out[gpu_thread()] = gpu_swap_f(1, 32);
    if (a.what != ENDS_EARLY)
        gpu_barrier();
    else if (gpu_thread() % 2 == 0)
        return;
    a.out[gpu_thread()] = 1;
}

static void test_barriers_that_not_all_come_to(void **state)
{
    (void)state;
    static const char *const messages[] = {
        [BLOCK] = "of 128 threads 88 wait for the block, 0 for their warp and 40 ended",
        [WARP] = "of 128 threads 97 wait for the block, 31 for their warp and 0 ended",
        [SWAP] = "of 128 threads 120 wait for the block, 8 for their warp and 0 ended",
        [ELSEWHERE] = "threads wait for each other at different places",
        [WARP_ELSEWHERE] = "threads wait for each other at different places",
        [PAST_THE_WARP] = "a lane past the warp"};
    float out[128] = {0};
    for (int order = 0; order < N_ORDERS; order++)
        for (uint32_t what = BLOCK; what <= PAST_THE_WARP; what++) {
            char why[SC_GPU_WHY] = "";
            struct numbers a = {.out = out, .what = what};
            enum sc_status status =
                try_in((enum sc_fiber_order)order, sc_gpu_run_stray, LAUNCH(2, 128, 16, a), why);
            assert_int_equal(status, what == ENDS_EARLY ? SC_OK : SC_ERR_INTERNAL);
            if (what != ENDS_EARLY && strstr(why, messages[what]) == NULL)
                fail_msg("%s, expected %s", why, messages[what]);
        }
    /* After one that was left the next runs as ever. */
    struct sc_fibers *fibers = sc_fibers_new(SC_FIBERS_ASCENDING);
    for (uint32_t i = 0; i < 4; i++) {
        char why[SC_GPU_WHY] = "";
        struct numbers a = {.out = out, .what = i % 2 == 0 ? BLOCK : ENDS_EARLY};
        assert_int_equal(sc_fibers_run(fibers, sc_gpu_run_stray, &LAUNCH(1, 128, 16, a), why),
                         i % 2 == 0 ? SC_ERR_INTERNAL : SC_OK);
    }
    sc_fibers_free(fibers);
}

/* ---- what ends a program --------------------------------------------------------------------- */

GPU_KERNEL(past_the_end, struct numbers, 32)
{
    unsigned char *shared = (unsigned char *)gpu_shared();
    a.words[gpu_thread()] = shared[a.n + gpu_thread()];
}

GPU_DEVICE uint32_t deeper(const volatile uint32_t *of, uint32_t n)
{
    volatile uint32_t frame[256];
    frame[n % 256] = of[0] + n;
    return n == 0 ? frame[0] : deeper(frame, n - 1) + frame[n % 256];
}

GPU_KERNEL(too_deep, struct numbers, 32)
{
    a.words[gpu_thread()] = deeper(a.words, a.n);
}

static bool ends_the_program(sc_fiber_kernel *kernel, uint32_t n)
{
    static uint32_t words[32];
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        char why[SC_GPU_WHY] = "";
        struct numbers a = {.words = words, .n = n};
        signal(SIGSEGV, SIG_DFL); /* which the tests' frame would catch */
        (void)!freopen("/dev/null", "w", stderr);
        try_in(SC_FIBERS_ASCENDING, kernel, LAUNCH(1, 32, 100, a), why);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void test_what_ends_a_program(void **state)
{
    (void)state;
    assert_false(ends_the_program(sc_gpu_run_past_the_end, 100 - 32));
#ifdef SC_WATCHED
    assert_true(ends_the_program(sc_gpu_run_past_the_end, 100 - 31));
#endif
    assert_false(ends_the_program(sc_gpu_run_too_deep, 8));
    assert_true(ends_the_program(sc_gpu_run_too_deep, 100000));
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void test_bf16(void **state)
{
    (void)state;
    for (uint32_t high = 0; high < 0x10000; high++) {
        const uint16_t below = (uint16_t)high, above = (uint16_t)(high + 1);
        const float exact = gpu_f32_from_bf16(below);
        if (exact != exact) {
            const uint16_t kept = gpu_bf16_from_f32(gpu_float_of(high << 16 | 1));
            assert_true((kept & 0x7fff) > 0x7f80);
            continue;
        }
        assert_int_equal(gpu_bf16_from_f32(exact), below);
        if ((high & 0x7fff) == 0x7f80) /* infinite */
            continue;
        assert_int_equal(gpu_bf16_from_f32(gpu_float_of(high << 16 | 0x7fff)), below);
        assert_int_equal(gpu_bf16_from_f32(gpu_float_of(high << 16 | 0x8001)), above);
        assert_int_equal(gpu_bf16_from_f32(gpu_float_of(high << 16 | 0x8000)),
                         high % 2 == 0 ? below : above);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_thread_once),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_races_show),
        cmocka_unit_test(test_shared_memory_is_not_a_number),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_warp_barrier),
        cmocka_unit_test(test_small_products),
        cmocka_unit_test(test_load_matrices),
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_barriers_that_not_all_come_to),
        cmocka_unit_test(test_what_ends_a_program),
        cmocka_unit_test(test_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
