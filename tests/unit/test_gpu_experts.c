/* Mixtures of experts on the emulated GPU: against plain loops and the processor's choice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cpu/experts.h"
#include "engine/gpu/products.h"
#include "engine/gpu/session.h"
#include "gpu_fixture.h"
#include "kernels/kernels.h"

static uint64_t state_of_chance = 1;

static float chance(void)
{
    state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(state_of_chance >> 32) * 0x1p-31F;
}

/* ---- which experts --------------------------------------------------------------------------- */

enum { CHOOSE_ROWS = 9 };

static void check_choice(const char *options, const struct sc_expert_choice *choice,
                         const float *scores /* [CHOOSE_ROWS][choice->n] */)
{
    enum { THERE = CHOOSE_ROWS - 1 };
    struct gpu_fixture f = gpu_begin(options);
    const uint32_t n_rows = THERE, n = (uint32_t)choice->n, n_used = (uint32_t)choice->n_used;
    const size_t n_pairs = (size_t)CHOOSE_ROWS * n_used;
    uint32_t *chosen = malloc(n_pairs * sizeof *chosen), *expected = malloc(n_used * 4);
    float *shares = malloc(n_pairs * sizeof *shares), *share = malloc(n_used * 4);
    const struct sc_gpu_choose a = {.scores = gpu_put(&f, scores, (size_t)CHOOSE_ROWS * n * 4),
                                    .chosen = gpu_room(&f, n_pairs * 4),
                                    .shares = gpu_room(&f, n_pairs * 4),
                                    .n_rows = gpu_put(&f, &n_rows, 4),
                                    .stride = n,
                                    .n_experts = n,
                                    .n_used = n_used,
                                    .among_used = choice->among_used};
    gpu_run(&f, &(struct sc_gpu_launch){SC_GPU_choose, {3, 1, 1}, 128, 0, &a, sizeof a});
    gpu_get(&f, chosen, a.chosen, n_pairs * 4);
    gpu_get(&f, shares, a.shares, n_pairs * 4);
    for (size_t r = 0; r < THERE; r++) {
        sc_experts_choose(choice, scores + r * n, expected, share);
        for (size_t i = 0; i < n_used; i++) {
            const size_t at = r * n_used + i;
            if (isnan(share[i])) {
                assert_true(isnan(shares[at]) && chosen[at] < n);
                continue;
            }
            assert_int_equal(chosen[at], expected[i]);
            assert_true(fabsf(shares[at] - share[i]) <= 1e-7F * share[i]);
        }
    }
    for (size_t i = THERE * n_used; i < n_pairs; i++)
        assert_int_equal(chosen[i], UINT32_MAX); /* nobody's */
    free(chosen);
    free(expected);
    free(shares);
    free(share);
    gpu_end(&f);
}

static void test_choose(void **state)
{
    (void)state;
    static const struct sc_expert_choice choices[] = {
        {8, 2, false}, {8, 8, true}, {60, 4, false}, {128, 8, true}, {33, 1, true}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const size_t n = choices[i].n;
        float *scores = malloc(CHOOSE_ROWS * n * sizeof *scores);
        for (size_t k = 0; k < CHOOSE_ROWS * n; k++)
            scores[k] = 8 * chance();
        for (size_t k = 0; k < n; k++) {
            scores[1 * n + k] = (float)(k % 3);              /* many are equal */
            scores[2 * n + k] = k % 2 == 0 ? 0.0F : -0.0F;   /* all are */
            scores[3 * n + k] = -1000 + (float)(k * 17 % n); /* far below */
        }
        scores[4 * n + n / 2] = NAN;
        scores[5 * n + n / 2] = INFINITY;
        scores[6 * n + n / 2] = -INFINITY;
        check_choice("order=ascending", &choices[i], scores);
        check_choice("order=shuffled", &choices[i], scores);
        free(scores);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct shape {
    size_t hidden, ffn, n_experts, n_used;
    bool bf16, among_used, gelu;
    float skew; /* how much all rows like the first expert */
};

/* A layer and rows for it, as the host has them. */
struct layer {
    struct shape s;
    float *router, *gate_up, *down; /* as struct sc_gpu_layer, without padding */
    float *rows;                    /* [n_rows][hidden] */
    size_t n_rows;
};

static float *numbers(size_t n, bool bf16)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = chance();
        if (bf16)
            x[i] = sc_f32_from_bf16(sc_bf16_from_f32(x[i]));
    }
    return x;
}

static struct layer layer_new(struct shape s, size_t n_rows)
{
    struct layer l = {.s = s, .n_rows = n_rows};
    l.router = numbers(s.n_experts * s.hidden, false);
    l.gate_up = numbers(s.n_experts * 2 * s.ffn * s.hidden, s.bf16);
    l.down = numbers(s.n_experts * s.hidden * s.ffn, s.bf16);
    l.rows = numbers(n_rows * s.hidden, s.bf16);
    for (size_t r = 0; r < n_rows; r++)
        l.rows[r * s.hidden] = 1;
    l.router[0] = s.skew;
    return l;
}

static void layer_free(struct layer *l)
{
    free(l->router);
    free(l->gate_up);
    free(l->down);
    free(l->rows);
}

/* Rows of n numbers on the card, `stride` apart, and n_padded more of NaN. */
static void *put(struct gpu_fixture *f, const float *x, size_t n_rows, size_t n, bool bf16,
                 size_t n_padded)
{
    const size_t stride = sc_gpu_stride(n), size = bf16 ? 2 : 4;
    unsigned char *bytes = calloc((n_rows + n_padded) * stride, size);
    memset(bytes + n_rows * stride * size, 0xff, n_padded * stride * size);
    for (size_t i = 0; i < n_rows * n; i++) {
        const uint16_t half = sc_bf16_from_f32(x[i]);
        memcpy(bytes + (i / n * stride + i % n) * size,
               bf16 ? (const void *)&half : (const void *)&x[i], size);
    }
    void *card = gpu_put(f, bytes, (n_rows + n_padded) * stride * size);
    free(bytes);
    return card;
}

static struct sc_gpu_matrix matrix(struct gpu_fixture *f, const float *x, size_t n_out, size_t n_in,
                                   bool bf16)
{
    return (struct sc_gpu_matrix){put(f, x, n_out, n_in, bf16, 0),
                                  (uint32_t)n_out,
                                  (uint32_t)n_in,
                                  sc_gpu_stride(n_in),
                                  bf16,
                                  NULL};
}

/* branch [n][hidden] of the rows from `from` on; the caller frees it. */
static float *run(const char *options, const struct layer *l, size_t from, size_t n)
{
    const struct shape *s = &l->s;
    struct gpu_fixture f = gpu_begin(options);
    char why[SC_GPU_WHY];
    struct sc_gpu_layer layer = {
        .router = matrix(&f, l->router, s->n_experts, s->hidden, false),
        .experts_gate_up = matrix(&f, l->gate_up, s->n_experts * 2 * s->ffn, s->hidden, s->bf16),
        .experts_down = matrix(&f, l->down, s->n_experts * s->hidden, s->ffn, s->bf16)};
    struct sc_gpu_weights weights = {
        .module = f.module, .gpu = f.gpu, .bf16 = s->bf16, .layers = &layer};
    struct sc_model_config *c = &weights.config;
    c->n_layers = 1;
    c->hidden = s->hidden;
    c->layer.n_experts = s->n_experts;
    c->layer.n_experts_used = s->n_used;
    c->layer.expert_ffn = s->ffn;
    c->layer.share_among_used = s->among_used;
    c->layer.activation = s->gelu ? SC_ACTIVATION_GELU_TANH : SC_ACTIVATION_SILU;
    assert_int_equal(f.module->describe(0, &weights.card, why), SC_OK);
    assert_int_equal(sc_gpu_products_open(&weights, NULL), SC_OK);

    const size_t rounded = sc_gpu_round_rows(n), stride = sc_gpu_stride(s->hidden);
    const uint32_t n_valid = (uint32_t)n;
    struct sc_gpu_session session = {
        .weights = &weights, .queue = {f.module, f.queue}, .max_rows = rounded + 8};
    struct sc_gpu_arenas arenas = {0};
    sc_gpu_experts_layout(&session, &arenas);
    session.card_memory = gpu_room(&f, arenas.card.used);
    arenas = (struct sc_gpu_arenas){.card = {.base = session.card_memory}};
    assert_int_equal(sc_gpu_experts_open(&session, NULL), SC_OK);
    sc_gpu_experts_layout(&session, &arenas);
    const float *rows = l->rows + from * s->hidden;
    session.entered = put(&f, rows, n, s->hidden, s->bf16, rounded - n);
    session.routed = put(&f, rows, n, s->hidden, false, rounded - n);
    session.branch = gpu_room(&f, rounded * stride * sizeof(float));
    assert_int_equal(
        sc_gpu_experts_run(&session, 0, rounded, gpu_put(&f, &n_valid, sizeof n_valid), NULL),
        SC_OK);
    float *all = malloc(rounded * stride * sizeof *all);
    gpu_get(&f, all, session.branch, rounded * stride * sizeof *all);
    float *branch = malloc(n * s->hidden * sizeof *branch);
    for (size_t r = 0; r < n; r++)
        memcpy(branch + r * s->hidden, all + r * stride, s->hidden * sizeof *branch);
    free(all);
    sc_gpu_experts_close(&session);
    sc_gpu_products_close(&weights);
    gpu_end(&f);
    return branch;
}

static double dot(const float *x, const float *w, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += (double)x[k] * (double)w[k];
    return sum;
}

static double activated(const struct shape *s, double x)
{
    if (s->gelu)
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    return x / (1 + exp(-x));
}

/* What an expert gives a row, added to sum [hidden] times its share. */
static void add_expert(const struct layer *l, const float *row, size_t e, double share, double *sum)
{
    const struct shape *s = &l->s;
    const float *gate = l->gate_up + e * 2 * s->ffn * s->hidden, *up = gate + s->ffn * s->hidden;
    float *gated = malloc(s->ffn * sizeof *gated);
    for (size_t i = 0; i < s->ffn; i++) {
        gated[i] = (float)(activated(s, dot(row, gate + i * s->hidden, s->hidden)) *
                           dot(row, up + i * s->hidden, s->hidden));
        if (s->bf16)
            gated[i] = sc_f32_from_bf16(sc_bf16_from_f32(gated[i]));
    }
    for (size_t o = 0; o < s->hidden; o++)
        sum[o] += share * dot(gated, l->down + (e * s->hidden + o) * s->ffn, s->ffn);
    free(gated);
}

static void compare(const struct layer *l, const float *branch)
{
    const struct shape *s = &l->s;
    const struct sc_expert_choice choice = {s->n_experts, s->n_used, s->among_used};
    float *scores = malloc(s->n_experts * sizeof *scores), *shares = malloc(s->n_used * 4);
    uint32_t *chosen = malloc(s->n_used * sizeof *chosen);
    double *sum = malloc(s->hidden * sizeof *sum);
    const double most = s->bf16 ? 1e-2 : 1e-4;
    for (size_t r = 0; r < l->n_rows; r++) {
        const float *row = l->rows + r * s->hidden;
        for (size_t e = 0; e < s->n_experts; e++)
            scores[e] = (float)dot(row, l->router + e * s->hidden, s->hidden);
        sc_experts_choose(&choice, scores, chosen, shares);
        for (size_t o = 0; o < s->hidden; o++)
            sum[o] = 0;
        for (size_t i = 0; i < s->n_used; i++)
            add_expert(l, row, chosen[i], (double)shares[i], sum);
        for (size_t o = 0; o < s->hidden; o++)
            if (!(fabs((double)branch[r * s->hidden + o] - sum[o]) <= most * (1 + fabs(sum[o]))))
                fail_msg("row %zu, %zu: %.9g, expected %.9g", r, o,
                         (double)branch[r * s->hidden + o], sum[o]);
    }
    free(scores);
    free(shares);
    free(chosen);
    free(sum);
}

static const struct shape shapes[] = {
    {.hidden = 40, .ffn = 24, .n_experts = 6, .n_used = 2},
    {.hidden = 64, .ffn = 70, .n_experts = 5, .n_used = 3, .among_used = true, .skew = 50},
    {.hidden = 72, .ffn = 33, .n_experts = 40, .n_used = 4, .bf16 = true, .gelu = true},
    {.hidden = 64, .ffn = 64, .n_experts = 3, .n_used = 1, .bf16 = true, .skew = 50},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static void test_sums(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct layer l = layer_new(shapes[i], 70);
        float *branch = run("order=ascending", &l, 0, l.n_rows);
        compare(&l, branch);
        static const char *const options[] = {"order=descending", "order=shuffled,ways=none"};
        for (size_t k = 0; k < 2; k++) {
            float *again = run(options[k], &l, 0, l.n_rows);
            if (k == 0) /* other ways of the router's product may round otherwise */
                assert_memory_equal(again, branch, l.n_rows * l.s.hidden * sizeof *branch);
            else
                compare(&l, again);
            free(again);
        }
        free(branch);
        layer_free(&l);
    }
}

/* A row gets the same bits alone, among others and in another place. */
static void test_company(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SHAPES; i++) {
        struct layer l = layer_new(shapes[i], 200);
        const size_t hidden = l.s.hidden;
        float *all = run(NULL, &l, 0, l.n_rows);
        static const size_t begins[] = {0, 5, 90, 199, 33}, counts[] = {7, 32, 100, 1, 2};
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            float *some = run(NULL, &l, begins[k], counts[k]);
            assert_memory_equal(some, all + begins[k] * hidden, counts[k] * hidden * sizeof *some);
            free(some);
        }
        free(all);
        layer_free(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choose), cmocka_unit_test(test_sums),
                                       cmocka_unit_test(test_company)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
