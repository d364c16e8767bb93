/*
 * Kernels beside the products: attention, rows of activations, logits.  Every level against the
 * definition in double, within what its roundings can amount to, and against itself in other
 * batches and splits, bit for bit.
 */
#include "kernels_support.h"

#define FOR_EACH_LEVEL(k)                                                                          \
    for (const struct sc_kernels *const *at_ = sc_kernels_available(), *k = *at_; k; k = *++at_)

static const size_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1000, 1024};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

/* exp in f32 is held to this, relative; everything that contains it adds its own roundings. */
static const double EXP_ERROR = 1.0e-7;

/* ---- attention ------------------------------------------------------------------------------- */

enum { MAX_QUERIES = 16, MAX_POS = 70, MAX_DIM = 512 };

struct scene {
    const struct sc_attention *a;
    bool bf16;
    size_t head_dim, n_pos, n_queries, stride;
    struct guarded queries, stored, weights, scores, out;
    float *exact; /* [n_pos][head_dim]: what is stored */
};

static struct scene scene_new(const struct sc_attention *a, bool bf16, size_t head_dim,
                              size_t n_pos, size_t n_queries)
{
    struct scene s = {.a = a,
                      .bf16 = bf16,
                      .head_dim = head_dim,
                      .n_pos = n_pos,
                      .n_queries = n_queries,
                      .stride = n_pos + 1};
    size_t n = n_pos * head_dim, n_scores = (n_queries - 1) * s.stride + n_pos;
    s.queries = guarded_floats(n_queries * head_dim);
    s.weights = guarded_floats(n_scores);
    s.scores = guarded_new(n_scores * sizeof(float));
    s.out = guarded_new(n_queries * head_dim * sizeof(float));
    s.stored = guarded_new(n * a->element_bytes);
    s.exact = malloc(n * sizeof *s.exact);
    assert_non_null(s.exact);
    struct guarded from = guarded_floats(n);
    for (size_t p = 0; p < n_pos; p++) {
        a->store((char *)s.stored.data + p * head_dim * a->element_bytes,
                 (float *)from.data + p * head_dim, head_dim);
    }
    for (size_t i = 0; i < n; i++) {
        float x = ((float *)from.data)[i];
        s.exact[i] = bf16 ? sc_f32_from_bf16(sc_bf16_from_f32(x)) : x;
    }
    guarded_free(&from);
    return s;
}

static void scene_free(struct scene *s)
{
    guarded_free(&s->queries);
    guarded_free(&s->stored);
    guarded_free(&s->weights);
    guarded_free(&s->scores);
    guarded_free(&s->out);
    free(s->exact);
}

static const char *position(const struct scene *s, size_t p)
{
    return (const char *)s->stored.data + p * s->head_dim * s->a->element_bytes;
}

/* What is asked for ahead changes no result and need not be memory: the page behind an array may
 * not be touched. */
enum { MOST_STRETCHES = 5 };
struct hint {
    struct sc_stretch stretches[MOST_STRETCHES];
    struct sc_ahead ahead;
    size_t granted;
};

static struct sc_ahead *some_hint(const struct scene *s, struct hint *hint)
{
    size_t all = 0;
    for (size_t i = 0; i < MOST_STRETCHES; i++) {
        const char *at = s->stored.data;
        hint->stretches[i] = (struct sc_stretch){at + random_below(2) * s->stored.bytes,
                                                 1 + random_below(i ? 3000 : 100)};
        all += hint->stretches[i].bytes;
    }
    hint->granted = random_below(2) ? random_below(all + 1) : 0;
    hint->ahead = (struct sc_ahead){hint->stretches, 0, hint->granted};
    return random_below(4) ? &hint->ahead : NULL;
}

/* A call has moved on by what it asked for, and by no more than it reads for all its queries, whole
 * blocks of positions and registers counted. */
static void check_hint(const struct scene *s, const struct hint *hint)
{
    size_t most = s->n_queries * (s->n_pos + 16) * (s->head_dim + 32) * s->a->element_bytes;
    const struct sc_ahead *a = &hint->ahead;
    size_t asked = a->at;
    assert_in_range(a->next - hint->stretches, 0, MOST_STRETCHES);
    for (const struct sc_stretch *i = hint->stretches; i < a->next; i++) {
        asked += i->bytes;
    }
    assert_int_equal(asked, hint->granted - a->left);
    assert_in_range(asked, 0, most);
    assert_true(a->next == hint->stretches + MOST_STRETCHES || a->at < a->next->bytes);
}

/* Scores of queries [0, n_queries) by calls on random pieces of positions and of queries. */
static void check_scores(struct scene *s, float scale)
{
    const float *queries = s->queries.data;
    float *together = s->scores.data, apart[MAX_QUERIES * (MAX_POS + 1)];
    memset(together, CANARY_BYTE, s->scores.bytes);
    memset(apart, CANARY_BYTE, sizeof apart);
    struct hint hint;
    s->a->scores(together, s->stride, queries, s->n_queries, s->stored.data, s->n_pos, s->head_dim,
                 scale, some_hint(s, &hint));
    check_hint(s, &hint);
    for (size_t q = 0; q < s->n_queries;) {
        size_t n_q = 1 + random_below(s->n_queries - q);
        for (size_t p = 0; p < s->n_pos;) {
            size_t n_p = 1 + random_below(s->n_pos - p);
            s->a->scores(apart + q * s->stride + p, s->stride, queries + q * s->head_dim, n_q,
                         position(s, p), n_p, s->head_dim, scale, some_hint(s, &hint));
            p += n_p;
        }
        q += n_q;
    }
    check_same("scores", together, apart, s->scores.bytes);
    for (size_t q = 0; q < s->n_queries; q++) {
        for (size_t p = 0; p < s->n_pos; p++) {
            double sum = 0, size = 0;
            for (size_t i = 0; i < s->head_dim; i++) {
                double product =
                    (double)queries[q * s->head_dim + i] * (double)s->exact[p * s->head_dim + i];
                sum += product;
                size += fabs(product);
            }
            check_near("score", (double)together[q * s->stride + p], sum * (double)scale,
                       size * (double)scale * UNIT * (double)(s->head_dim + 2) + 0x1p-120);
        }
    }
}

/* Mixed at once, and position after position in pieces, by one query at a time: the same bits. */
static void check_mix(struct scene *s)
{
    const float *weights = s->weights.data;
    float *together = s->out.data, apart[MAX_QUERIES * MAX_DIM];
    size_t n = s->n_queries * s->head_dim;
    for (size_t i = 0; i < n; i++) {
        together[i] = random_float();
    }
    float before[MAX_QUERIES * MAX_DIM];
    memcpy(apart, together, s->out.bytes);
    memcpy(before, together, s->out.bytes);
    struct hint hint;
    s->a->mix(together, weights, s->stride, s->n_queries, s->stored.data, s->n_pos, s->head_dim,
              some_hint(s, &hint));
    check_hint(s, &hint);
    for (size_t q = 0; q < s->n_queries;) {
        size_t n_q = 1 + random_below(s->n_queries - q);
        for (size_t p = 0; p < s->n_pos;) {
            size_t n_p = 1 + random_below(s->n_pos - p);
            s->a->mix(apart + q * s->head_dim, weights + q * s->stride + p, s->stride, n_q,
                      position(s, p), n_p, s->head_dim, some_hint(s, &hint));
            p += n_p;
        }
        q += n_q;
    }
    check_same("mix", together, apart, s->out.bytes);
    for (size_t q = 0; q < s->n_queries; q++) {
        for (size_t i = 0; i < s->head_dim; i++) {
            double sum = (double)before[q * s->head_dim + i], size = fabs(sum);
            for (size_t p = 0; p < s->n_pos; p++) {
                double product =
                    (double)weights[q * s->stride + p] * (double)s->exact[p * s->head_dim + i];
                sum += product;
                size += fabs(product);
            }
            check_near("mixed value", (double)together[q * s->head_dim + i], sum,
                       size * UNIT * (double)(s->n_pos + 2) + 0x1p-120);
        }
    }
}

static void attention_is_right_and_the_same_in_any_company(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 6, 16, 18, 30, 64, 80, 96, 128, 250, 256, 320, MAX_DIM};
    FOR_EACH_LEVEL(k)
    {
        for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
            for (size_t n_pos = 1; n_pos <= MAX_POS; n_pos += n_pos < 18 ? 1 : 13) {
                size_t n_queries = 1 + (n_pos + d) % MAX_QUERIES;
                for (int dtype = SC_DTYPE_F32; dtype <= SC_DTYPE_BF16; dtype++) {
                    struct scene s = scene_new(&k->attention[dtype], dtype == SC_DTYPE_BF16,
                                               dims[d], n_pos, n_queries);
                    check_scores(&s, 1.0f / sqrtf((float)dims[d]));
                    check_mix(&s);
                    scene_free(&s);
                }
            }
        }
    }
}

/* Rows of anything (NaN, infinities, denormals) are stored as their rounding: one position mixed
 * with weight 1 gives it back. */
static void stored_keys_are_rounded_to_nearest_even(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t n = 2; n < 140; n += 2) {
            for (int dtype = SC_DTYPE_F32; dtype <= SC_DTYPE_BF16; dtype++) {
                const struct sc_attention *a = &k->attention[dtype];
                struct guarded from = guarded_floats(n), out = guarded_new(n * 4);
                struct guarded stored = guarded_new(n * a->element_bytes);
                uint32_t *bits = from.data;
                float *got = out.data, one = 1;
                for (size_t i = 0; i < n; i++) {
                    bits[i] = (uint32_t)random_bits();
                    bits[i] = i % 5 == 1 ? bits[i] & 0x807fffffu : bits[i];
                    bits[i] = i % 5 == 2 ? bits[i] | 0x7f800000u : bits[i];
                    got[i] = -0.0f;
                }
                a->store(stored.data, from.data, n);
                a->mix(got, &one, 1, 1, stored.data, 1, n, NULL);
                for (size_t i = 0; i < n; i++) {
                    float x = ((float *)from.data)[i];
                    float expected =
                        dtype == SC_DTYPE_BF16 ? sc_f32_from_bf16(sc_bf16_from_f32(x)) : x;
                    assert_true(isnan(x) ? isnan(got[i]) != 0
                                         : memcmp(&got[i], &expected, sizeof expected) == 0);
                }
                guarded_free(&from);
                guarded_free(&out);
                guarded_free(&stored);
            }
        }
    }
}

/* ---- rows of activations --------------------------------------------------------------------- */

static void rms_norm_is_within_its_bound(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t j = 0; j < N_LENGTHS; j++) {
            size_t n = lengths[j];
            const float eps = j % 2 == 0 ? 1e-6f : 0.1f; /* a large one shows where it is added */
            struct guarded gx = guarded_floats(n), gg = guarded_floats(n), gy = guarded_floats(n);
            float *x = gx.data, *gain = gg.data, *y = gy.data;
            double sum = 0;
            k->rms_norm(y, x, gain, n, eps);
            for (size_t i = 0; i < n; i++) {
                sum += (double)x[i] * (double)x[i];
            }
            double factor = 1 / sqrt(sum / (double)n + (double)eps);
            for (size_t i = 0; i < n; i++) { /* the factor and two products are rounded */
                double expected = (double)x[i] * factor * (double)gain[i];
                check_near("rms_norm", (double)y[i], expected, fabs(expected) * 3.01 * UNIT);
            }
            k->rms_norm(x, x, gain, n, eps);
            check_same("rms_norm in place", x, y, n * sizeof *x);
            guarded_free(&gx);
            guarded_free(&gg);
            guarded_free(&gy);
        }
    }
}

static void rope_turns_halves_by_their_angles(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t dim = 2; dim <= MAX_DIM; dim += dim < 70 ? 2 : 58) {
            size_t half = dim / 2;
            struct guarded gx = guarded_floats(dim), gc = guarded_floats(half);
            struct guarded gs = guarded_floats(half);
            float *x = gx.data, *c = gc.data, *s = gs.data, before[MAX_DIM];
            memcpy(before, x, gx.bytes);
            k->rope(x, c, s, dim);
            for (size_t i = 0; i < half; i++) {
                double a = (double)before[i], b = (double)before[i + half];
                double ac = a * (double)c[i], bs = b * (double)s[i];
                double bc = b * (double)c[i], as = a * (double)s[i];
                check_near("rope", (double)x[i], ac - bs, 2.01 * UNIT * (fabs(ac) + fabs(bs)));
                check_near("rope", (double)x[i + half], bc + as,
                           2.01 * UNIT * (fabs(bc) + fabs(as)));
            }
            guarded_free(&gx);
            guarded_free(&gc);
            guarded_free(&gs);
        }
    }
}

static void add_adds_in_place(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t j = 0; j < N_LENGTHS; j++) {
            size_t n = lengths[j];
            struct guarded gx = guarded_floats(n), gy = guarded_floats(n);
            float *x = gx.data, *y = gy.data, expected[1024];
            for (size_t i = 0; i < n; i++) {
                expected[i] = x[i] + y[i];
            }
            k->add(x, y, n);
            check_same("add", x, expected, n * sizeof *x);
            guarded_free(&gx);
            guarded_free(&gy);
        }
    }
}

/* A gate's factor: 1 / (1 + exp(exponent)). */
static double exponent_of(double g, bool gelu)
{
    return gelu ? -2 * sqrt(2 / acos(-1)) * (g + 0.044715 * g * g * g) : -g;
}

static void check_gates(void (*gate_mul)(float *, const float *, const float *, size_t), bool gelu)
{
    for (size_t j = 0; j < N_LENGTHS; j++) {
        size_t n = lengths[j];
        struct guarded gg = guarded_floats(n), gu = guarded_floats(n), gy = guarded_floats(n);
        float *gate = gg.data, *up = gu.data, *y = gy.data;
        for (size_t i = 0; i < n; i++) {
            gate[i] *= gelu ? 10 : 87;
        }
        gate_mul(y, gate, up, n);
        for (size_t i = 0; i < n; i++) { /* the sum, quotient and product are rounded */
            double g = (double)gate[i], exponent = exponent_of(g, gelu);
            double expected = g / (1 + exp(exponent)) * (double)up[i];
            double of_exponent = gelu ? 5 * UNIT * fabs(exponent) : 0;
            check_near("gate", (double)y[i], expected,
                       fabs(expected) * (EXP_ERROR + 3.01 * UNIT + of_exponent) + 0x1p-126);
        }
        gate_mul(gate, gate, up, n);
        check_same("gate in place", gate, y, n * sizeof *y);
        guarded_free(&gg);
        guarded_free(&gu);
        guarded_free(&gy);
    }
    float gate[6] = {-100, 3e38f, -3e38f, NAN, 100, 0}, up[6] = {1, 1, 1, 1, 2, 1}, y[6];
    gate_mul(y, gate, up, 6);
    assert_true(fabsf(y[0]) < 1e-35f && y[1] >= 3e38f && fabsf(y[2]) < 1e-35f);
    assert_true(isnan(y[3]) && y[4] >= 200 && y[4] <= 200 && fabsf(y[5]) <= 0);
}

static void gates_are_within_their_bound(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        check_gates(k->silu_mul, false);
        check_gates(k->gelu_mul, true);
    }
}

static void softcap_is_within_its_bound_and_shows_what_is_not_finite(void **state)
{
    (void)state;
    static const float caps[] = {30, 50, 0.7f}, sizes[] = {1e-30f, 1e-3f, 1, 60, 1e6f, 3e38f};
    FOR_EACH_LEVEL(k)
    {
        for (size_t j = 0; j < N_LENGTHS * 6; j++) {
            size_t n = lengths[j / 6];
            float cap = caps[j % 3], one_by_one[1024], before[1024];
            struct guarded g = guarded_floats(n);
            float *x = g.data;
            for (size_t i = 0; i < n; i++) {
                before[i] = one_by_one[i] = x[i] *= sizes[j % 6];
                k->softcap(&one_by_one[i], 1, cap);
            }
            k->softcap(x, n, cap);
            check_same("softcap alone", one_by_one, x, n * sizeof *x);
            for (size_t i = 0; i < n; i++) {
                double expected = (double)cap * tanh((double)before[i] / (double)cap);
                check_near("softcap", (double)x[i], expected, fabs(expected) * 8 * UNIT + 0x1p-140);
                assert_true(fabsf(x[i]) <= cap && !signbit(x[i]) == !signbit(before[i]));
            }
            guarded_free(&g);
        }
        float x[6] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 5};
        k->softcap(x, 6, 30);
        assert_true(isnan(x[0]) && isnan(x[1]) && isnan(x[2]) && x[5] > 4.9f && x[5] < 5);
        assert_true(fabsf(x[3]) <= 0 && fabsf(x[4]) <= 0 && !signbit(x[3]) && signbit(x[4]));
    }
}

static void softmax_is_within_its_bound(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t j = 0; j < N_LENGTHS; j++) {
            size_t n = lengths[j];
            struct guarded g = guarded_floats(n);
            float *x = g.data, before[1024];
            double largest = -INFINITY, sum = 0;
            for (size_t i = 0; i < n; i++) {
                before[i] = x[i] *= j % 2 ? 60 : 3;
                largest = fmax(largest, (double)x[i]);
            }
            for (size_t i = 0; i < n; i++) {
                sum += exp((double)before[i] - largest);
            }
            k->softmax(x, n);
            double total = 0;
            for (size_t i = 0; i < n; i++) {
                /* exp; rounding of the difference, here and weighted in the sum; the factor and
                 * the product */
                double below = largest - (double)before[i];
                double expected = exp(-below) / sum;
                double error = 2 * EXP_ERROR + (below + 2) * UNIT + 2.01 * UNIT;
                check_near("softmax", (double)x[i], expected, expected * error + 0x1p-126);
                total += (double)x[i];
            }
            check_near("sum of softmax", total, 1, 4 * UNIT);
            guarded_free(&g);
        }
        float x[20];
        for (size_t bad = 0; bad < 20; bad++) {
            for (size_t i = 0; i < 20; i++) {
                x[i] = i == bad ? NAN : (float)i;
            }
            k->softmax(x, 20);
            for (size_t i = 0; i < 20; i++) {
                assert_true(isnan(x[i]));
            }
            for (size_t i = 0; i < 20; i++) {
                x[i] = i == bad ? 3 : -INFINITY;
            }
            k->softmax(x, 20);
            for (size_t i = 0; i < 20; i++) {
                assert_true(i == bad ? x[i] >= 1 && x[i] <= 1 : fabsf(x[i]) <= 0);
            }
        }
    }
}

/* ---- logits ---------------------------------------------------------------------------------- */

static void exp_is_within_its_bound(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        double worst = 0;
        for (int i = 0; i < 200000; i++) {
            float z = -87.0f * (float)i / 200000.0f * (i % 2 ? 1.0f : 0.02f);
            double sum, weighted;
            k->logit_sums(&z, 1, 0, &sum, &weighted);
            worst = fmax(worst, fabs(sum / exp((double)z) - 1));
            check_near("z exp(z)", weighted, (double)z * sum, fabs(weighted) * 0x1p-52);
        }
        check_near("relative error of exp", worst, 0, EXP_ERROR);
    }
}

static void logit_max_shows_what_is_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    FOR_EACH_LEVEL(k)
    {
        for (size_t n = 1; n <= 70; n++) {
            struct guarded g = guarded_floats(n);
            float *z = g.data;
            for (size_t i = 0; i < n; i++) {
                z[i] = -5 - fabsf(z[i]); /* nothing near the zeros of masked places */
            }
            for (size_t i = 0; i < n; i++) {
                float kept = z[i];
                for (size_t j = 0; j < 3; j++) {
                    z[i] = bad[j];
                    assert_true(isnan(k->logit_max(z, n)));
                }
                z[i] = -4;
                assert_true(k->logit_max(z, n) >= -4 && k->logit_max(z, n) <= -4);
                z[i] = kept;
            }
            for (size_t i = 0; i < n; i++) {
                z[i] = -3.4e38f;
            }
            assert_true(isfinite(k->logit_max(z, n)) && k->logit_max(z, n) <= -3.4e38f);
            guarded_free(&g);
        }
    }
}

static void logit_sums_are_within_their_bound(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t n = 1; n <= 20000; n = n < 70 ? n + 1 : n * 3 + 1) {
            struct guarded g = guarded_floats(n);
            float *z = g.data, max = z[0];
            for (size_t i = 0; i < n; i++) {
                z[i] *= n % 2 ? 30 : 4;
                max = z[i] > max ? z[i] : max;
            }
            double sum, weighted, expected = 0, expected_weighted = 0;
            k->logit_sums(z, n, max, &sum, &weighted);
            for (size_t i = 0; i < n; i++) { /* the difference is one of f32, by definition */
                double below = (double)(z[i] - max);
                expected += exp(below);
                expected_weighted += below * exp(below);
            }
            check_near("sum of exp", sum, expected, expected * EXP_ERROR);
            check_near("sum of z exp", weighted, expected_weighted,
                       fabs(expected_weighted) * EXP_ERROR);
            guarded_free(&g);
        }
        float z[20];
        double sum, weighted;
        for (size_t i = 0; i < 20; i++) {
            z[i] = i % 2 ? -3e38f : 3e38f; /* differences overflow */
        }
        k->logit_sums(z, 20, 3e38f, &sum, &weighted);
        assert_true(sum >= 10 && sum <= 10 && fabs(weighted) <= 0);
    }
}

static void check_above(const struct sc_kernels *k, const float *z, size_t n, float threshold,
                        size_t most)
{
    int32_t places[80], expected[80];
    size_t n_expected = 0, scanned = 12345, end = 0;
    memset(places, CANARY_BYTE, sizeof places);
    memset(expected, CANARY_BYTE, sizeof expected);
    for (; end < n && n_expected < most; end++) {
        if (z[end] > threshold) {
            expected[n_expected++] = (int32_t)end;
        }
    }
    assert_int_equal(k->logit_above(z, n, threshold, places, most, &scanned), n_expected);
    assert_int_equal(scanned, end);
    check_same("places above", places, expected, sizeof places);
}

static void logit_above_finds_places_in_order_and_says_how_far_it_looked(void **state)
{
    (void)state;
    FOR_EACH_LEVEL(k)
    {
        for (size_t n = 1; n <= 70; n++) {
            struct guarded g = guarded_floats(n);
            float *z = g.data;
            z[random_below(n)] = NAN;
            for (size_t most = 0; most <= n + 1; most++) {
                check_above(k, z, n, z[random_below(n)], most);
                check_above(k, z, n, 0.9f, most);
                check_above(k, z, n, -2, most); /* all of them */
                check_above(k, z, n, 2, most);  /* none */
            }
            guarded_free(&g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_right_and_the_same_in_any_company),
        cmocka_unit_test(stored_keys_are_rounded_to_nearest_even),
        cmocka_unit_test(rms_norm_is_within_its_bound),
        cmocka_unit_test(rope_turns_halves_by_their_angles),
        cmocka_unit_test(add_adds_in_place),
        cmocka_unit_test(gates_are_within_their_bound),
        cmocka_unit_test(softcap_is_within_its_bound_and_shows_what_is_not_finite),
        cmocka_unit_test(softmax_is_within_its_bound),
        cmocka_unit_test(exp_is_within_its_bound),
        cmocka_unit_test(logit_max_shows_what_is_not_finite),
        cmocka_unit_test(logit_sums_are_within_their_bound),
        cmocka_unit_test(logit_above_finds_places_in_order_and_says_how_far_it_looked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
