/*
 * The table of kernels: dispatch, conversions and products.  Every level is held to two things: a
 * row's result has the same bits in any batch and under any split, and it is as near to the exact
 * product as its roundings can leave it.
 */
#include "base/memory.h"
#include "base/pool.h"
#include "kernels/machine.h"
#include "kernels_support.h"

/* Dtypes of weights that every level multiplies. */
static const enum sc_dtype dtypes[] = {SC_DTYPE_F32, SC_DTYPE_BF16, SC_DTYPE_INT8};
enum { N_DTYPES = 3 };

/* ---- dispatch -------------------------------------------------------------------------------- */

static void levels_are_found_by_name_and_best_first(void **state)
{
    (void)state;
    const struct sc_kernels *const *levels = sc_kernels_available();
    size_t n = 0;
    for (; levels[n] != NULL; n++) {
        const struct sc_kernels *k = levels[n];
        assert_ptr_equal(sc_kernels_find(k->name), k);
        assert_null(k->matmul[SC_DTYPE_F16].multiply);
        for (size_t d = 0; d < N_DTYPES; d++) {
            const struct sc_matmul *m = &k->matmul[dtypes[d]];
            assert_true(m->panel && m->packed_bytes && m->pack && m->row_bytes && m->prepare);
            assert_non_null(m->multiply);
            assert_int_equal(m->packed_bytes(SIZE_MAX / 2, SIZE_MAX / 2), SIZE_MAX);
            assert_int_equal(m->packed_bytes(SIZE_MAX, 8), SIZE_MAX);
            assert_int_equal(m->packed_bytes(8, SIZE_MAX), SIZE_MAX);
            if (dtypes[d] == SC_DTYPE_INT8) {
                continue;
            }
            const struct sc_attention *a = &k->attention[dtypes[d]];
            assert_int_equal(a->element_bytes, sc_dtype_bytes(dtypes[d]));
            assert_true(a->store && a->scores && a->mix);
        }
        assert_true(k->rms_norm && k->rope && k->silu_mul && k->gelu_mul);
        assert_true(k->softcap && k->add && k->softmax);
        assert_true(k->logit_max && k->logit_sums && k->logit_above);
    }
    assert_in_range(n, 1, 4);
    assert_string_equal(levels[n - 1]->name, "portable");
    assert_ptr_equal(sc_kernels_find(NULL), levels[0]);
    assert_null(sc_kernels_find(""));
    assert_null(sc_kernels_find("avx"));
    const char *expected = getenv("SAFECONF_TEST_LEVEL"); /* a check that is about one level */
    if (expected != NULL) {
        assert_string_equal(levels[0]->name, expected);
    }
}

static void the_machine_is_measured_with_loops_that_each_level_has(void **state)
{
    (void)state;
    struct sc_pool *pool;
    struct sc_machine *machine;
    assert_int_equal(sc_pool_new(&pool, 2, NULL), SC_OK);
    for (size_t n = 0; n < 3; n++) {
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        assert_int_equal(sc_machine_open(&machine, sc_kernels_find(NULL), pool, &error),
                         SC_ERR_NOMEM);
        assert_null(machine);
        sc_memory_fail_at(SIZE_MAX);
    }
    assert_int_equal(sc_machine_open(&machine, sc_kernels_find("portable"), pool, NULL), SC_OK);
    for (enum sc_machine_loop loop = 0; loop < SC_N_LOOPS; loop++) {
        bool has = loop == SC_LOOP_READ || loop == SC_LOOP_F32;
        assert_true(sc_machine_best(machine, loop) <= 0);
        for (int i = 0; i < 3; i++) {
            sc_machine_sample(machine, loop, 1e-3);
        }
        assert_true(has == (sc_machine_sustained(machine, loop) > 0));
        assert_true(sc_machine_best(machine, loop) >= sc_machine_sustained(machine, loop));
    }
    double best = sc_machine_best(machine, SC_LOOP_F32);
    sc_machine_restart(machine);
    assert_true(sc_machine_sustained(machine, SC_LOOP_F32) <= 0);
    assert_true(sc_machine_best(machine, SC_LOOP_F32) >= best); /* the best of all stays */
    sc_machine_close(machine);
    sc_machine_close(NULL);
    sc_pool_free(pool);
}

/* ---- conversions ----------------------------------------------------------------------------- */

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* To n_bits significant bits with exponents from `lowest` on: the definition, in exact doubles. */
static double rounded_to(double x, int n_bits, int lowest)
{
    int exponent;
    frexp(x, &exponent); /* |x| in [2^(exponent-1), 2^exponent) */
    exponent = exponent - 1 < lowest ? lowest : exponent - 1;
    double unit = ldexp(1, exponent - n_bits + 1);
    return nearbyint(x / unit) * unit;
}

static void check_halves(float x)
{
    double as_bf16 = (double)sc_f32_from_bf16(sc_bf16_from_f32(x));
    double as_f16 = (double)sc_f32_from_f16(sc_f16_from_f32(x));
    if (isnan(x)) {
        assert_true(isnan(as_bf16) && isnan(as_f16));
        return;
    }
    double bf16 = isinf(x) ? (double)x : rounded_to((double)x, 8, -126);
    double f16 = isinf(x) ? (double)x : rounded_to((double)x, 11, -14);
    bf16 = fabs(bf16) > 0x1.fep127 ? copysign(INFINITY, bf16) : bf16;
    f16 = fabs(f16) > 65504 ? copysign(INFINITY, f16) : f16;
    assert_true(as_bf16 == bf16 && !signbit(as_bf16) == !signbit(x));
    assert_true(as_f16 == f16 && !signbit(as_f16) == !signbit(x));
}

static void conversions_round_to_nearest_even_and_keep_what_is_no_number(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t half = (uint16_t)i;
        float a = sc_f32_from_bf16(half), b = sc_f32_from_f16(half);
        assert_true(isnan(a) ? isnan(sc_f32_from_bf16(sc_bf16_from_f32(a)))
                             : sc_bf16_from_f32(a) == half);
        assert_true(isnan(b) ? isnan(sc_f32_from_f16(sc_f16_from_f32(b)))
                             : sc_f16_from_f32(b) == half);
        int fraction = half & 0x3ff, exponent = half >> 10 & 0x1f;
        if (exponent < 31) {
            double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
            assert_true((double)fabsf(b) == size);
        } else {
            assert_true(fraction ? isnan(b) : isinf(b));
        }
        /* the neighbourhood of each number of either format, ties included */
        static const int32_t steps[] = {-0x8001, -0x8000, -0x7fff, -1,     0,      1,
                                        0xfff,   0x1000,  0x1001,  0x7fff, 0x8000, 0x8001};
        for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
            uint32_t bits;
            memcpy(&bits, &b, sizeof bits);
            check_halves(float_of(bits + (uint32_t)steps[j]));
            check_halves(float_of((i << 16) + (uint32_t)steps[j]));
        }
    }
    for (int i = 0; i < 200000; i++) {
        check_halves(float_of((uint32_t)random_bits()));
    }
    /* a NaN whose payload lies in the bits that are cut off */
    assert_true(isnan(sc_f32_from_bf16(sc_bf16_from_f32(float_of(0x7f800001u)))));
    assert_true(isnan(sc_f32_from_f16(sc_f16_from_f32(float_of(0xff800001u)))));
}

/* ---- products -------------------------------------------------------------------------------- */

enum { MAX_ROWS = 70, SHORT_ROWS = 26, SPARE = 3, MAX_IN = 1024 };

struct problem {
    const struct sc_matmul *m;
    enum sc_dtype dtype;
    bool in_pairs; /* of the activations in int8 */
    size_t n_out, n_in, n_panels, n_rows, y_stride;
    struct guarded source, packed, rows, y;
    struct sc_packed w;
    float *x;        /* [n_rows][n_in] */
    float *expected; /* [n_rows][n_out]: each row by itself */
};

/* A source in that format at an odd address, and the weights that it stands for. */
static struct guarded make_source(enum sc_dtype dtype, size_t n, float *weights)
{
    struct guarded g = guarded_new(n * sc_dtype_bytes(dtype) + 1); /* the last byte is unused */
    for (size_t i = 0; i < n; i++) {
        float value = random_float();
        char *to = (char *)g.data + i * sc_dtype_bytes(dtype);
        if (dtype == SC_DTYPE_F32) {
            memcpy(to, &value, sizeof value);
            weights[i] = value;
        } else {
            bool bf16 = dtype == SC_DTYPE_BF16;
            uint16_t half = bf16 ? sc_bf16_from_f32(value) : sc_f16_from_f32(value);
            memcpy(to, &half, sizeof half);
            weights[i] = bf16 ? sc_f32_from_bf16(half) : sc_f32_from_f16(half);
        }
    }
    return g;
}

static float as_multiplied(float x, enum sc_dtype dtype)
{
    return dtype == SC_DTYPE_BF16 ? sc_f32_from_bf16(sc_bf16_from_f32(x)) : x;
}

/* What int8 makes of n numbers: groups of 64 with scale max / 127, nearest integers (ties to even)
 * of x * (127 / max); in_pairs: with scale m / 63.5, m the largest mean of two neighbours' absolute
 * values.  Written from the definition, in other words than the kernels'. */
static void as_int8(const float *x, size_t n, bool in_pairs, int32_t *q, float *scales)
{
    for (size_t i = 0; i < n; i++) {
        float max = 0, mean = 0, top = in_pairs ? 63.5f : 127.0f;
        for (size_t j = i / 64 * 64; j < n && j < i / 64 * 64 + 64; j++) {
            float neighbour = (j ^ 1) < n ? fabsf(x[j ^ 1]) : 0;
            max = fmaxf(max, fabsf(x[j]));
            mean = fmaxf(mean, fabsf(x[j]) / 2 + neighbour / 2);
        }
        bool none = max < 1e-30f;
        max = in_pairs ? mean : max;
        scales[i] = none ? 0 : max / top;
        q[i] = none ? 0 : (int32_t)nearbyintf(x[i] * (top / max));
    }
}

/* Whether a level rounds activations so: where products of bytes are added in pairs that saturate.
 */
static bool rounds_in_pairs(const struct sc_kernels *level)
{
    return strcmp(level->name, "avx2") == 0;
}

/* The product of row r and output o as the dtype rounds them, in double, and the sum of absolute
 * values of what is added (int8: of the groups' sums, which are exact). */
static double exact_product(const struct problem *p, const float *weights, size_t r, size_t o,
                            double *size)
{
    const float *x = p->x + r * p->n_in, *w = weights + o * p->n_in;
    double sum = 0;
    int64_t group = 0;
    *size = 0;
    if (p->dtype != SC_DTYPE_INT8) {
        for (size_t i = 0; i < p->n_in; i++) {
            double product = (double)as_multiplied(x[i], p->dtype);
            product *= (double)as_multiplied(w[i], p->dtype);
            sum += product;
            *size += fabs(product);
        }
        return sum;
    }
    static int32_t a[MAX_IN], b[MAX_IN];
    static float a_scale[MAX_IN], b_scale[MAX_IN];
    as_int8(x, p->n_in, p->in_pairs, a, a_scale);
    as_int8(w, p->n_in, false, b, b_scale);
    for (size_t i = 0; i < p->n_in; i++) {
        group += a[i] * b[i];
        if (i % 64 == 63 || i + 1 == p->n_in) {
            double scaled = (double)group * (double)a_scale[i] * (double)b_scale[i];
            sum += scaled;
            *size += fabs(scaled);
            group = 0;
        }
    }
    return sum;
}

/* Exact sums in double; the bound is that of n roundings in a sum of n products, one of the bf16
 * instructions' intermediate sums, and one to spare (Higham, Accuracy and Stability, 3.1). */
static void check_accuracy(const struct problem *p, const float *weights)
{
    size_t n = p->dtype == SC_DTYPE_INT8 ? (p->n_in + 63) / 64 + 1 : p->n_in;
    size_t step = p->dtype == SC_DTYPE_INT8 && p->n_in * p->n_out > 8192 ? 7 : 1;
    for (size_t r = 0; r < p->n_rows; r++) {
        for (size_t o = r % step; o < p->n_out; o += step) {
            double size, sum = exact_product(p, weights, r, o, &size);
            check_near("product", (double)p->expected[r * p->n_out + o], sum,
                       size * UNIT * (double)(n + 2) + 0x1p-120);
        }
    }
}

/* What comes next is a hint that changes no result and need not be memory: the page behind the
 * weights may not be touched. */
static void multiply(struct problem *p, size_t n_rows, size_t begin, size_t end)
{
    const char *weights = p->w.data, *hints[] = {NULL, weights, weights + p->w.bytes};
    p->m->multiply(p->y.data, p->y_stride, p->rows.data, n_rows, &p->w, begin, end,
                   hints[random_below(3)]);
}

static void fill_y(struct problem *p)
{
    memset(p->y.data, CANARY_BYTE, p->y.bytes);
}

/* Rows [0, n_rows) of y are as expected in these panels, and everything else is untouched. */
static void check_y(const struct problem *p, size_t n_rows, size_t begin, size_t end)
{
    float untouched;
    memset(&untouched, CANARY_BYTE, sizeof untouched);
    const float *y = p->y.data;
    for (size_t r = 0; r < p->n_rows; r++) {
        size_t width = r + 1 == p->n_rows ? p->n_out : p->y_stride;
        for (size_t o = 0; o < width; o++) {
            bool inside = o < p->n_out && o / p->m->panel >= begin && o / p->m->panel < end;
            float expected = r < n_rows && inside ? p->expected[r * p->n_out + o] : untouched;
            if (memcmp(&y[r * p->y_stride + o], &expected, sizeof expected) != 0) {
                fail_msg("row %zu output %zu of a call with %zu rows, panels %zu to %zu of "
                         "[%zu][%zu]: expected %.9g, found %.9g",
                         r, o, n_rows, begin, end, p->n_out, p->n_in, (double)expected,
                         (double)y[r * p->y_stride + o]);
            }
        }
    }
}

/* Packing in pieces gives what packing at once does, zeros beyond the last output included. */
static void pack(struct problem *p, enum sc_dtype source_dtype)
{
    size_t bytes = p->m->packed_bytes(p->n_out, p->n_in);
    assert_int_equal(bytes % 64, 0);
    p->packed = guarded_new(bytes);
    p->w = (struct sc_packed){p->dtype, p->n_out, p->n_in, p->packed.data, bytes};
    p->m->pack(&p->w, p->source.data, source_dtype, 0, p->n_panels);
    struct guarded pieces = guarded_new(bytes);
    struct sc_packed w = p->w;
    w.data = pieces.data;
    for (size_t begin = p->n_panels; begin > 0;) { /* from the back, for a change */
        size_t from = begin - 1 - random_below(begin);
        p->m->pack(&w, p->source.data, source_dtype, from, begin);
        begin = from;
    }
    check_same("packed in pieces", pieces.data, p->packed.data, bytes);
    guarded_free(&pieces);
}

static struct problem problem_new(const struct sc_kernels *level, enum sc_dtype dtype,
                                  enum sc_dtype source_dtype, size_t n_out, size_t n_in,
                                  size_t n_rows)
{
    struct problem p = {.m = &level->matmul[dtype],
                        .dtype = dtype,
                        .n_out = n_out,
                        .n_in = n_in,
                        .n_rows = n_rows,
                        .y_stride = n_out + SPARE,
                        .in_pairs = rounds_in_pairs(level)};
    float *weights = malloc(n_out * n_in * sizeof *weights);
    p.x = malloc(n_rows * n_in * sizeof *p.x);
    p.expected = malloc(n_rows * n_out * sizeof *p.expected);
    assert_true(weights && p.x && p.expected);
    p.n_panels = (n_out + p.m->panel - 1) / p.m->panel;
    p.source = make_source(source_dtype, n_out * n_in, weights);
    pack(&p, source_dtype);
    size_t row_bytes = p.m->row_bytes(n_in);
    assert_int_equal(row_bytes % 64, 0);
    p.rows = guarded_new(n_rows * row_bytes);
    p.y = guarded_new(((n_rows - 1) * p.y_stride + n_out) * sizeof(float));
    struct guarded x = guarded_floats(n_in);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n_in; i++) {
            ((float *)x.data)[i] = random_float();
        }
        memcpy(p.x + r * n_in, x.data, n_in * sizeof(float));
        p.m->prepare((char *)p.rows.data + r * row_bytes, x.data, n_in);
    }
    guarded_free(&x);
    for (size_t r = 0; r < n_rows; r++) {
        const char *row = (const char *)p.rows.data + r * row_bytes;
        p.m->multiply(p.expected + r * n_out, n_out, row, 1, &p.w, 0, p.n_panels, NULL);
    }
    check_accuracy(&p, weights);
    free(weights);
    return p;
}

static void problem_free(struct problem *p)
{
    guarded_free(&p->source);
    guarded_free(&p->packed);
    guarded_free(&p->rows);
    guarded_free(&p->y);
    free(p->x);
    free(p->expected);
}

static void check_batches(struct problem *p)
{
    for (size_t n_rows = 0; n_rows <= p->n_rows; n_rows++) {
        fill_y(p);
        multiply(p, n_rows, 0, p->n_panels);
        check_y(p, n_rows, 0, p->n_panels);
    }
}

static void check_splits(struct problem *p)
{
    for (int round = 0; round < 8; round++) {
        size_t n_rows = 1 + random_below(p->n_rows);
        fill_y(p);
        for (size_t end = p->n_panels; end > 0;) {
            size_t begin = end - 1 - random_below(end);
            multiply(p, n_rows, begin, end);
            check_y(p, n_rows, begin, p->n_panels);
            end = begin;
        }
        size_t begin = random_below(p->n_panels + 1);
        size_t end = begin + random_below(p->n_panels + 1 - begin);
        fill_y(p);
        multiply(p, n_rows, begin, end);
        check_y(p, n_rows, begin, end);
    }
}

static size_t most_rows(void)
{
    return test_short() ? SHORT_ROWS : MAX_ROWS;
}

static void products_are_right_and_the_same_in_any_company(void **state)
{
    (void)state;
    static const size_t inputs[] = {1, 2, 7, 16, 31, 80, 208, 1024};
    static const size_t outputs[] = {1, 5, 8, 32, 33, 129};
    for (const struct sc_kernels *const *level = sc_kernels_available(); *level != NULL; level++) {
        for (size_t d = 0; d < N_DTYPES; d++) {
            for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
                for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++) {
                    bool large = inputs[i] * outputs[o] > 8192;
                    struct problem p = problem_new(*level, dtypes[d], (enum sc_dtype)((i + o) % 3),
                                                   outputs[o], inputs[i], large ? 14 : most_rows());
                    check_batches(&p);
                    check_splits(&p);
                    problem_free(&p);
                }
            }
        }
    }
}

/* Enough rows for every tile, enough panels for every thread. */
static void large_products_are_right(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 6, 12, 13, 25, 36, 37, 64, MAX_ROWS};
    for (const struct sc_kernels *const *level = sc_kernels_available(); *level != NULL; level++) {
        for (size_t d = 0; d < N_DTYPES; d++) {
            struct problem p = problem_new(*level, dtypes[d], SC_DTYPE_BF16, 777, 208, most_rows());
            for (size_t i = 0; i < sizeof widths / sizeof *widths && widths[i] <= p.n_rows; i++) {
                fill_y(&p);
                multiply(&p, widths[i], 0, p.n_panels);
                check_y(&p, widths[i], 0, p.n_panels);
            }
            check_splits(&p);
            problem_free(&p);
        }
    }
}

/* Extremes fit the integers, nothing overflows a group's sum, and what is not a number stays so. */
static void int8_sums_stay_exact_at_the_largest_numbers(void **state)
{
    (void)state;
    enum { N = 100, N_OUT = 3 };
    static const float kinds[][2] = {{1, -1}, {1e-38f, 0}, {3e38f, -3e38f}, {1e-20f, 1},
                                     {0, 0},  {1, 1},      {-5, -5}};
    for (const struct sc_kernels *const *level = sc_kernels_available(); *level != NULL; level++) {
        const struct sc_matmul *m = &(*level)->matmul[SC_DTYPE_INT8];
        float x[N], w[N_OUT * N], y[N_OUT];
        struct guarded packed = guarded_new(m->packed_bytes(N_OUT, N));
        struct guarded row = guarded_new(m->row_bytes(N));
        struct sc_packed matrix = {SC_DTYPE_INT8, N_OUT, N, packed.data, packed.bytes};
        for (size_t i = 0; i < N; i++) {
            w[i] = 1;
            w[N + i] = -1;
            w[2 * N + i] = i % 2 ? 2 : -2;
        }
        m->pack(&matrix, w, SC_DTYPE_F32, 0, 1);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            double sums[N_OUT] = {0};
            int32_t q[N];
            float scales[N];
            for (size_t i = 0; i < N; i++) {
                x[i] = kinds[k][i % 2];
            }
            m->prepare(row.data, x, N);
            m->multiply(y, N_OUT, row.data, 1, &matrix, 0, 1, NULL);
            as_int8(x, N, rounds_in_pairs(*level), q, scales);
            for (size_t i = 0; i < N; i++) {
                for (size_t o = 0; o < N_OUT; o++) {
                    sums[o] += (double)scales[i] * q[i] * (double)w[o * N + i];
                }
            }
            for (size_t o = 0; o < N_OUT; o++) {
                if (isfinite((float)sums[o])) {
                    check_near("extreme", (double)y[o], sums[o], fabs(sums[o]) * 8 * UNIT);
                }
            }
        }
        static const float none[] = {NAN, INFINITY, -INFINITY};
        for (size_t k = 0; k < 6; k++) {
            for (size_t i = 0; i < N; i++) {
                x[i] = 1;
            }
            x[k < 3 ? 17 : N - 1] = none[k % 3];
            m->prepare(row.data, x, N);
            m->multiply(y, N_OUT, row.data, 1, &matrix, 0, 1, NULL);
            assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]));
        }
        guarded_free(&packed);
        guarded_free(&row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_found_by_name_and_best_first),
        cmocka_unit_test(the_machine_is_measured_with_loops_that_each_level_has),
        cmocka_unit_test(conversions_round_to_nearest_even_and_keep_what_is_no_number),
        cmocka_unit_test(products_are_right_and_the_same_in_any_company),
        cmocka_unit_test(large_products_are_right),
        cmocka_unit_test(int8_sums_stay_exact_at_the_largest_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
