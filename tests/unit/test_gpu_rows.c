/* Kernels that work on one row at a time, on the emulated GPU, against the processor's portable
 * ones; whatever the order of threads, and nothing written where nobody asked for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "gpu_fixture.h"
#include "kernels/kernels.h"

enum { ROWS = 5, PAD = 3 }; /* rows that are there, and blocks past them */

static const char *const orders[] = {"order=ascending", "order=descending", "order=shuffled"};
enum { N_ORDERS = 3 };

static const struct sc_kernels *portable(void)
{
    return sc_kernels_find("portable");
}

static struct sc_random stream = {SC_STREAM_BENCHMARK, 19, 0, 0};

static void fill(float *x, size_t n, double around, double size)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(around + size * ((double)sc_random_below(&stream, 1 << 24) / (1 << 23) - 1));
}

static float *filled(size_t n, double around, double size)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    fill(x, n, around, size);
    return x;
}

/* [n] that nothing has written. */
static bool is_untouched(const void *x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const unsigned char *)x)[i] != 0xff)
            return false;
    return true;
}

static float number(const void *x, bool bf16, size_t i)
{
    return bf16 ? sc_f32_from_bf16(((const uint16_t *)x)[i]) : ((const float *)x)[i];
}

static float rounded(float x, bool bf16)
{
    return bf16 ? sc_f32_from_bf16(sc_bf16_from_f32(x)) : x;
}

/* Within `units` of the last place of what is rounded to bf16, or of f32. */
static void expect_near(float got, float expected, bool bf16)
{
    const float tolerance = bf16 ? 0x1p-7f : 0x1p-20f;
    if (!(fabsf(got - expected) <= tolerance * (fabsf(expected) + 0x1p-10f)))
        fail_msg("%g, expected %g", (double)got, (double)expected);
}

static uint32_t stride_of(size_t n)
{
    return (uint32_t)((n + 63) / 64 * 64);
}

/* ---- embed ----------------------------------------------------------------------------------- */

static void run_embed(const char *order, bool bf16, float scale)
{
    enum { HIDDEN = 71, STRIDE = 128, VOCAB = 7 };
    struct gpu_fixture f = gpu_begin(order);
    const int32_t tokens[ROWS] = {4, 0, 6, 4, 1};
    const uint32_t n_rows = ROWS;
    float *values = filled(VOCAB * STRIDE, 0, 1), x[(ROWS + PAD) * STRIDE];
    uint16_t halves[VOCAB * STRIDE];
    for (size_t i = 0; i < VOCAB * STRIDE; i++)
        halves[i] = sc_bf16_from_f32(values[i]);
    void *embedding = bf16 ? gpu_put(&f, halves, sizeof halves)
                           : gpu_put(&f, values, VOCAB * STRIDE * sizeof *values);
    struct sc_gpu_embed a = {.x = gpu_room(&f, sizeof x),
                             .embedding = {embedding, STRIDE, bf16},
                             .tokens = gpu_put(&f, tokens, sizeof tokens),
                             .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                             .x_stride = STRIDE,
                             .hidden = HIDDEN,
                             .scale = scale};
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_embed, {ROWS + PAD, 1, 1}, 32, 0, &a, sizeof a});
    gpu_get(&f, x, a.x, sizeof x);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < HIDDEN; i++)
            assert_true(x[r * STRIDE + i] ==
                        rounded(values[(size_t)tokens[r] * STRIDE + i], bf16) * scale);
    assert_true(is_untouched(x + ROWS * STRIDE, PAD * STRIDE * sizeof *x));
    free(values);
    gpu_end(&f);
}

static void test_embed(void **state)
{
    (void)state;
    for (size_t o = 0; o < N_ORDERS; o++) {
        run_embed(orders[o], false, 1);
        run_embed(orders[o], true, 7.3125f);
    }
}

/* ---- enter ----------------------------------------------------------------------------------- */

struct enter_case {
    size_t hidden;
    bool branch, bias, branch_gain, gain, picked, routed, bf16;
};

/* Row s as the processor has it: *sum and what enters, both [hidden]. */
static void expect_enter(const struct enter_case *c, const struct sc_gpu_enter *host, size_t s,
                         float *sum, float *entered)
{
    float *branch = malloc(c->hidden * sizeof *branch);
    assert_non_null(branch);
    memcpy(sum, host->x + s * host->stride, c->hidden * sizeof *sum);
    if (c->branch) {
        memcpy(branch, host->branch + s * host->stride, c->hidden * sizeof *branch);
        if (c->bias)
            portable()->add(branch, host->bias, c->hidden);
        if (c->branch_gain)
            portable()->rms_norm(branch, branch, host->branch_gain, c->hidden, host->eps);
        portable()->add(sum, branch, c->hidden);
    }
    if (c->gain)
        portable()->rms_norm(entered, sum, host->gain, c->hidden, host->eps);
    else
        memcpy(entered, sum, c->hidden * sizeof *entered);
    free(branch);
}

/* As vectors lie on the card: as long as their stride, zeros behind. */
static void *put(struct gpu_fixture *f, bool wanted, const float *x, size_t n)
{
    float padded[1 << 12] = {0};
    if (!wanted)
        return NULL;
    assert_true(stride_of(n) <= sizeof padded / sizeof *padded);
    memcpy(padded, x, n * sizeof *x);
    return gpu_put(f, padded, stride_of(n) * sizeof *x);
}

static void check_enter(const struct enter_case *c, const struct sc_gpu_enter *host,
                        const uint32_t *rows, const float *sum, const void *entered,
                        const float *routed)
{
    float *expected_sum = malloc(c->hidden * sizeof(float));
    float *expected = malloc(c->hidden * sizeof(float));
    const size_t element = c->bf16 ? 2 : 4;
    assert_true(expected_sum != NULL && expected != NULL);
    for (size_t r = 0; r < ROWS; r++) {
        expect_enter(c, host, c->picked ? rows[r] : r, expected_sum, expected);
        for (size_t i = 0; i < host->stride; i++) {
            const size_t at = r * host->stride + i;
            const bool is_there = i < c->hidden;
            expect_near(sum[at], is_there ? expected_sum[i] : 0, false);
            expect_near(number(entered, c->bf16, at), is_there ? expected[i] : 0, c->bf16);
            if (c->routed)
                expect_near(routed[at], is_there ? expected[i] : 0, false);
            /* What is rounded is what the router reads. */
            if (c->routed)
                assert_true(number(entered, c->bf16, at) == rounded(routed[at], c->bf16));
        }
    }
    const size_t past = ROWS * host->stride, n_past = PAD * host->stride;
    if (c->picked)
        assert_true(is_untouched(sum + past, n_past * sizeof *sum));
    assert_true(is_untouched((const unsigned char *)entered + past * element, n_past * element));
    free(expected_sum);
    free(expected);
}

/* Returns what entered, for comparison of orders; *bytes of it. */
static void *run_enter(const struct enter_case *c, const char *order, uint64_t seed, size_t *bytes)
{
    struct gpu_fixture f = gpu_begin(order);
    const uint32_t stride = stride_of(c->hidden), rows[ROWS] = {1, 2, 4, 5, 7}, n_rows = ROWS;
    const size_t n = (ROWS + PAD) * stride;
    stream = (struct sc_random){SC_STREAM_BENCHMARK, seed, 0, 0};
    const struct sc_gpu_enter host = {.x = filled(n, 0, 3),
                                      .branch = filled(n, 0.1, 2),
                                      .bias = filled(c->hidden, 0, 1),
                                      .branch_gain = filled(c->hidden, 1, 0.5),
                                      .gain = filled(c->hidden, 1, 0.5),
                                      .stride = stride,
                                      .eps = 1e-6f};
    struct sc_gpu_enter a = {.x = gpu_put(&f, host.x, n * sizeof(float)),
                             .branch =
                                 c->branch ? gpu_put(&f, host.branch, n * sizeof(float)) : NULL,
                             .rows = c->picked ? gpu_put(&f, rows, sizeof rows) : NULL,
                             .entered = {gpu_room(&f, n * 4), stride, c->bf16},
                             .routed = c->routed ? gpu_room(&f, n * sizeof(float)) : NULL,
                             .bias = put(&f, c->bias, host.bias, c->hidden),
                             .branch_gain = put(&f, c->branch_gain, host.branch_gain, c->hidden),
                             .gain = put(&f, c->gain, host.gain, c->hidden),
                             .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                             .stride = stride,
                             .hidden = (uint32_t)c->hidden,
                             .eps = host.eps};
    a.sum = c->picked ? gpu_room(&f, n * sizeof(float)) : (float *)(uintptr_t)a.x;
    gpu_run(&f,
            &(struct sc_gpu_launch){
                SC_GPU_enter, {ROWS + PAD, 1, 1}, 96, SC_GPU_ENTER_SHARED(stride), &a, sizeof a});
    *bytes = n * (c->bf16 ? 2 : 4);
    float *sum = malloc(n * sizeof *sum), *routed = malloc(n * sizeof *routed);
    void *entered = malloc(*bytes);
    assert_true(sum != NULL && routed != NULL && entered != NULL);
    gpu_get(&f, sum, a.sum, n * sizeof *sum);
    gpu_get(&f, entered, a.entered.data, *bytes);
    if (c->routed)
        gpu_get(&f, routed, a.routed, n * sizeof *routed);
    check_enter(c, &host, rows, sum, entered, routed);
    const float *const arrays[] = {host.x, host.branch, host.bias, host.branch_gain, host.gain};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        free((void *)(uintptr_t)arrays[i]);
    free(sum);
    free(routed);
    gpu_end(&f);
    return entered;
}

static void test_enter(void **state)
{
    (void)state;
    static const struct enter_case cases[] = {
        {.hidden = 48, .gain = true},
        {.hidden = 64, .branch = true, .gain = true, .bf16 = true},
        {.hidden = 100, .branch = true, .bias = true, .gain = true, .routed = true, .bf16 = true},
        {.hidden = 130, .branch = true, .branch_gain = true},
        {.hidden = 259, .branch = true, .bias = true, .branch_gain = true, .gain = true},
        {.hidden = 1000, .branch = true, .gain = true, .picked = true, .bf16 = true},
        {.hidden = 1, .branch = true, .branch_gain = true, .gain = true, .picked = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t bytes;
        void *first = run_enter(&cases[i], orders[0], i, &bytes);
        for (size_t o = 1; o < N_ORDERS; o++) {
            void *other = run_enter(&cases[i], orders[o], i, &bytes);
            assert_memory_equal(first, other, bytes);
            free(other);
        }
        free(first);
    }
}

/* ---- heads ----------------------------------------------------------------------------------- */

struct heads_case {
    size_t n_heads, n_kv, head_dim, turned, turned_long;
    bool bias, norm, whole, bf16;
    uint32_t threads, blocks;
};
enum { N_PAGES = 4, N_POSITIONS = 40 };

struct heads_data {
    float *qkv, *bias, *q_norm, *k_norm, *cosines[2], *sines[2];
    uint32_t stride;
};
static const uint32_t positions[ROWS] = {0, 39, 7, 7, 33}, page[ROWS] = {3, 1, 0, 0, 2};
static const uint32_t place[ROWS] = {0, 31, 5, 6, 17};
static const uint8_t is_long[ROWS] = {0, 1, 0, 1, 0};

static struct heads_data heads_data(const struct heads_case *c, uint64_t seed)
{
    const size_t d = c->head_dim, n = (c->n_heads + 2 * c->n_kv) * d;
    stream = (struct sc_random){SC_STREAM_BENCHMARK, seed, 1, 0};
    return (struct heads_data){
        .stride = stride_of(n),
        .qkv = filled((ROWS + PAD) * stride_of(n), 0, 2),
        .bias = filled(n, 0, 1),
        .q_norm = filled(c->n_heads * d, 1, 0.5),
        .k_norm = filled(c->n_kv * d, 1, 0.5),
        .cosines = {filled(N_POSITIONS * d, 0, 1), filled(N_POSITIONS * d, 0, 1)},
        .sines = {filled(N_POSITIONS * d, 0, 1), filled(N_POSITIONS * d, 0, 1)}};
}

static void heads_free(struct heads_data *h)
{
    float *const all[] = {h->qkv,        h->bias,       h->q_norm,   h->k_norm,
                          h->cosines[0], h->cosines[1], h->sines[0], h->sines[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Heads of one kind of a row, in place. */
static void expect_kind(const struct heads_case *c, const struct heads_data *h, size_t r, float *x,
                        bool is_query)
{
    const size_t d = c->head_dim, n = is_query ? c->n_heads : c->n_kv;
    const size_t turned = is_long[r] ? c->turned_long : c->turned, at = positions[r] * turned;
    const float *gain = is_query ? h->q_norm : h->k_norm;
    if (c->norm && c->whole)
        portable()->rms_norm(x, x, gain, n * d, 1e-6f);
    for (size_t i = 0; i < n; i++) {
        if (c->norm && !c->whole)
            portable()->rms_norm(x + i * d, x + i * d, gain, d, 1e-6f);
        portable()->rope(x + i * d, h->cosines[is_long[r]] + at, h->sines[is_long[r]] + at,
                         2 * turned);
    }
}

static void check_heads(const struct heads_case *c, const struct heads_data *h, const float *qkv,
                        const unsigned char *pages)
{
    const size_t d = c->head_dim, n_q = c->n_heads * d, n_k = c->n_kv * d, n = n_q + 2 * n_k;
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t r = 0; r < ROWS; r++) {
        memcpy(x, h->qkv + r * h->stride, n * sizeof *x);
        if (c->bias)
            portable()->add(x, h->bias, n);
        expect_kind(c, h, r, x, true);
        expect_kind(c, h, r, x + n_q, false);
        for (size_t i = 0; i < n_q; i++)
            expect_near(qkv[r * h->stride + i], x[i], false);
        for (size_t i = 0; i < 2 * n_k; i++) {
            /* [page][keys, values][kv head][32][head_dim] */
            const size_t at = ((page[r] * 2 * c->n_kv + i / d) * 32 + place[r]) * d + i % d;
            expect_near(number(pages, c->bf16, at), x[n_q + i], c->bf16);
        }
    }
    free(x);
    assert_memory_equal(qkv + ROWS * h->stride, h->qkv + ROWS * h->stride,
                        PAD * h->stride * sizeof *qkv);
}

/* Positions of the pages that no row was at are as they were. */
static void check_other_places(const struct heads_case *c, const unsigned char *pages)
{
    const size_t bytes = c->head_dim * (c->bf16 ? 2 : 4);
    for (size_t i = 0; i < N_PAGES * 2 * c->n_kv * 32; i++) {
        bool is_row = false;
        for (size_t r = 0; r < ROWS; r++)
            is_row |= i % 32 == place[r] && i / 32 / (2 * c->n_kv) == page[r];
        assert_true(is_row || is_untouched(pages + i * bytes, bytes));
    }
}

static struct sc_gpu_turn put_turn(struct gpu_fixture *f, const struct heads_data *h, size_t which,
                                   size_t n)
{
    return (struct sc_gpu_turn){gpu_put(f, h->cosines[which], N_POSITIONS * n * sizeof(float)),
                                gpu_put(f, h->sines[which], N_POSITIONS * n * sizeof(float)),
                                (uint32_t)n};
}

static void run_heads(const struct heads_case *c, const char *order, uint64_t seed)
{
    struct gpu_fixture f = gpu_begin(order);
    struct heads_data h = heads_data(c, seed);
    const uint32_t n_rows = ROWS;
    const size_t d = c->head_dim, n = (c->n_heads + 2 * c->n_kv) * d;
    const size_t page_bytes = 2 * c->n_kv * 32 * d * (c->bf16 ? 2 : 4);
    const size_t qkv_n = (ROWS + PAD) * h.stride;
    struct sc_gpu_heads a = {.qkv = gpu_put(&f, h.qkv, qkv_n * sizeof(float)),
                             .bias = put(&f, c->bias, h.bias, n),
                             .q_norm = put(&f, c->norm, h.q_norm, c->whole ? c->n_heads * d : d),
                             .k_norm = put(&f, c->norm, h.k_norm, c->whole ? c->n_kv * d : d),
                             .turn = put_turn(&f, &h, 0, c->turned),
                             .turn_long = put_turn(&f, &h, 1, c->turned_long),
                             .pages = gpu_room(&f, N_PAGES * page_bytes),
                             .page_bytes = page_bytes,
                             .positions = gpu_put(&f, positions, sizeof positions),
                             .page = gpu_put(&f, page, sizeof page),
                             .place = gpu_put(&f, place, sizeof place),
                             .is_long = gpu_put(&f, is_long, sizeof is_long),
                             .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                             .stride = h.stride,
                             .n_heads = (uint32_t)c->n_heads,
                             .n_kv_heads = (uint32_t)c->n_kv,
                             .head_dim = (uint32_t)d,
                             .eps = 1e-6f,
                             .whole = c->whole,
                             .bf16 = c->bf16};
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_heads,
                                        {ROWS + PAD, c->blocks, 1},
                                        c->threads,
                                        SC_GPU_HEADS_SHARED(c->threads, (uint32_t)d),
                                        &a,
                                        sizeof a});
    float *qkv = malloc(qkv_n * sizeof *qkv);
    unsigned char *pages = malloc(N_PAGES * page_bytes);
    assert_true(qkv != NULL && pages != NULL);
    gpu_get(&f, qkv, a.qkv, qkv_n * sizeof *qkv);
    gpu_get(&f, pages, a.pages, N_PAGES * page_bytes);
    check_heads(c, &h, qkv, pages);
    check_other_places(c, pages);
    free(qkv);
    free(pages);
    heads_free(&h);
    gpu_end(&f);
}

static void test_heads(void **state)
{
    (void)state;
    static const struct heads_case cases[] = {
        {4, 2, 20, 10, 10, .threads = 128, .blocks = 2},
        {3, 3, 80, 40, 40, .bias = true, .bf16 = true, .threads = 64, .blocks = 5},
        {2, 1, 128, 64, 64, .bias = true, .norm = true, .bf16 = true, .threads = 128, .blocks = 1},
        {6, 2, 96, 25, 48, .norm = true, .threads = 96, .blocks = 3},
        {16, 1, 6, 2, 3, .norm = true, .whole = true, .bf16 = true, .threads = 512, .blocks = 1},
        {5, 1, 34, 17, 9, .bias = true, .norm = true, .whole = true, .threads = 64, .blocks = 1},
        {2, 1, 512, 256, 256, .norm = true, .bf16 = true, .threads = 32, .blocks = 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t o = 0; o < N_ORDERS; o++)
            run_heads(&cases[i], orders[o], i);
}

/* ---- activation and cap ---------------------------------------------------------------------- */

static void run_gate(size_t ffn, bool gelu, bool bf16)
{
    struct gpu_fixture f = gpu_begin("order=shuffled");
    const uint32_t stride = stride_of(2 * ffn), to = stride_of(ffn), n_rows = ROWS;
    const size_t n = (ROWS + PAD) * to, bytes = n * (bf16 ? 2 : 4);
    float *x = filled((ROWS + PAD) * stride, 0, 6), *expected = malloc(ffn * sizeof *expected);
    const float extremes[] = {-200, 200, 0, -88.5f, INFINITY, -INFINITY, NAN, -0.0f};
    memcpy(x, extremes, (ffn < 8 ? ffn : 8) * sizeof *x);
    struct sc_gpu_gate a = {.gate_up = gpu_put(&f, x, (ROWS + PAD) * stride * sizeof *x),
                            .gated = {gpu_room(&f, bytes), to, bf16},
                            .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                            .stride = stride,
                            .ffn = (uint32_t)ffn,
                            .gelu = gelu};
    const uint32_t pieces = (to + 127) / 128;
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_gate, {ROWS + PAD, pieces, 1}, 32, 0, &a, sizeof a});
    unsigned char *gated = malloc(bytes);
    assert_true(gated != NULL && expected != NULL);
    gpu_get(&f, gated, a.gated.data, bytes);
    for (size_t r = 0; r < ROWS; r++) {
        const float *gate = x + r * stride;
        (gelu ? portable()->gelu_mul : portable()->silu_mul)(expected, gate, gate + ffn, ffn);
        for (size_t i = 0; i < to; i++) {
            const float y = i < ffn ? expected[i] : 0, got = number(gated, bf16, r * to + i);
            if (isfinite(y))
                expect_near(got, y, bf16);
            else
                assert_true(isnan(y) ? isnan(got) : got == y);
        }
    }
    const size_t past = (size_t)ROWS * to * (bf16 ? 2 : 4);
    assert_true(is_untouched(gated + past, bytes - past));
    free(x);
    free(expected);
    free(gated);
    gpu_end(&f);
}

static void test_gate(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 44, 70, 72, 130, 200};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (int kind = 0; kind < 4; kind++)
            run_gate(widths[i], kind % 2 != 0, kind / 2 != 0);
}

static void test_softcap(void **state)
{
    (void)state;
    enum { VOCAB = 97, STRIDE = 128 };
    struct gpu_fixture f = gpu_begin("order=descending");
    const uint32_t n_rows = ROWS;
    const size_t n = (ROWS + PAD) * STRIDE;
    float *x = filled(n, 0, 90), *got = malloc(n * sizeof *got);
    assert_non_null(got);
    x[3] = INFINITY;
    x[STRIDE + 4] = NAN;
    struct sc_gpu_softcap a = {.logits = gpu_put(&f, x, n * sizeof *x),
                               .n_rows = gpu_put(&f, &n_rows, sizeof n_rows),
                               .stride = STRIDE,
                               .n_vocab = VOCAB,
                               .cap = 30};
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_softcap, {ROWS + PAD, 1, 1}, 32, 0, &a, sizeof a});
    gpu_get(&f, got, a.logits, n * sizeof *got);
    assert_true(isnan(got[3]) && isnan(got[STRIDE + 4]));
    for (size_t r = 0; r < ROWS; r++) {
        portable()->softcap(x + r * STRIDE, VOCAB, 30);
        for (size_t i = 0; i < VOCAB; i++)
            if (isfinite(x[r * STRIDE + i]))
                expect_near(got[r * STRIDE + i], x[r * STRIDE + i], false);
    }
    assert_memory_equal(got + ROWS * STRIDE, x + ROWS * STRIDE, PAD * STRIDE * sizeof *x);
    free(x);
    free(got);
    gpu_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_embed), cmocka_unit_test(test_enter),
                                       cmocka_unit_test(test_heads), cmocka_unit_test(test_gate),
                                       cmocka_unit_test(test_softcap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
