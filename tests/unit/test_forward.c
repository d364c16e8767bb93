/* The network against float64 figures of small models (tests/golden/make_forward_golden.py), and
 * that a figure does not depend on steps, threads or neighbours. */
#include <math.h>

#include "base/json.h"
#include "base/memory.h"
#include "inference_fixture.h"

#define MOST 128

static const char *const MODELS[] = {"tied_bf16", "odd_f32", "deep_f16"};

struct expected {
    int n_vocab, top_k;
    size_t n;
    int32_t ids[MOST];
    double logprob[MOST], confidence[MOST], entropy[MOST];
};

static void read_expected(const char *name, struct expected *e)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/inference_%s/expected.json", TEST_GOLDEN, name);
    json_t *root;
    struct sc_error error = {0};
    if (sc_json_read(path, 1 << 20, &root, &error) != SC_OK)
        fail_msg("%s", error.text);
    e->n_vocab = (int)json_integer_value(json_object_get(root, "n_vocab"));
    e->top_k = (int)json_integer_value(json_object_get(root, "top_k"));
    e->n = json_array_size(json_object_get(root, "tokens"));
    assert_in_range(e->n, 2, MOST);
    for (size_t i = 0; i < e->n; i++) {
        e->ids[i] = (int32_t)json_integer_value(json_array_get(json_object_get(root, "tokens"), i));
        e->logprob[i] = json_number_value(json_array_get(json_object_get(root, "logprob"), i));
        e->confidence[i] =
            json_number_value(json_array_get(json_object_get(root, "confidence"), i));
        e->entropy[i] = json_number_value(json_array_get(json_object_get(root, "entropy"), i));
    }
    json_decref(root);
}

struct figures {
    float logprob[MOST], confidence[MOST], entropy[MOST];
};

static void score(const struct fixture *f, const int32_t *ids, size_t n, size_t rows,
                  struct figures *out)
{
    const struct sc_score_arrays arrays = {out->logprob, out->confidence, out->entropy};
    struct sc_error error = {0};
    memset(out, 0, sizeof *out);
    if (sc_score_in_steps(f->engine, ids, n, rows, &arrays, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static double largest_error(const struct expected *e, const struct figures *got)
{
    double worst = 0;

    for (size_t i = 0; i < e->n; i++) {
        if (i > 0)
            worst = fmax(worst, fabs(e->logprob[i] - (double)got->logprob[i]));
        worst = fmax(worst, fabs(e->confidence[i] - (double)got->confidence[i]));
        worst = fmax(worst, fabs(e->entropy[i] - (double)got->entropy[i]));
        if (!isfinite(got->confidence[i]) || !isfinite(got->entropy[i]))
            return INFINITY;
    }
    return worst;
}

static void figures_agree_with_float64(void **state)
{
    const double tolerance[] = {[SC_DTYPE_F32] = 1e-4,
                                [SC_DTYPE_BF16] = 6e-2,
                                [SC_DTYPE_F16] = 0.05,
                                [SC_DTYPE_INT8] = 0.4};
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        struct expected e;

        read_expected(MODELS[m], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
            for (int dtype = 0; dtype < 4; dtype++) {
                if ((*k)->matmul[dtype].multiply == NULL)
                    continue;
                struct fixture f =
                    fixture_open(MODELS[m], dtype, 0, (*k)->name, e.n_vocab, e.top_k);
                struct figures got;
                score(&f, e.ids, e.n, 32, &got);
                assert_true(isnan(got.logprob[0]));
                double error = largest_error(&e, &got);
                print_message("%s %s %s: largest error %.1e\n", MODELS[m], (*k)->name,
                              sc_dtype_name((enum sc_dtype)dtype), error);
                assert_true(error <= tolerance[dtype]);
                fixture_close(&f);
            }
    }
}

static void figures_do_not_depend_on_steps_or_threads(void **state)
{
    const size_t rows[] = {1, 2, 3, 5, 16, 17, 64, 1000};
    (void)state;
    for (size_t m = 0; m < 3; m++) {
        struct expected e;

        read_expected(MODELS[m], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
            for (int dtype = 0; dtype < 4; dtype++) {
                if ((*k)->matmul[dtype].multiply == NULL)
                    continue;
                struct figures first, got;
                for (int threads = 1; threads <= 3; threads++) {
                    struct fixture f =
                        fixture_open(MODELS[m], dtype, threads, (*k)->name, e.n_vocab, e.top_k);

                    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                        bool is_first = threads == 1 && r == 0;

                        score(&f, e.ids, e.n, rows[r], is_first ? &first : &got);
                        if (!is_first)
                            assert_memory_equal(&first, &got, sizeof first);
                    }
                    /* A shorter text is the beginning of a longer one. */
                    score(&f, e.ids, e.n / 2, 7, &got);
                    assert_memory_equal(first.entropy, got.entropy, e.n / 2 * sizeof(float));
                    fixture_close(&f);
                }
            }
    }
}

static void an_engine_refuses_bad_options(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 0, NULL, 0, 20);
    assert_int_equal(sc_engine_dtype(f.engine), SC_DTYPE_BF16);
    assert_int_equal(sc_engine_n_vocab(f.engine), 131);
    assert_string_equal(sc_engine_kernels(f.engine), sc_kernels_find(NULL)->name);
    assert_ptr_equal(sc_engine_model(f.engine), f.model);
    assert_true(sc_engine_weight_bytes(f.engine) >= 2 * (131 * 32 + 2 * (64 * 32 * 3 + 48 * 96)));

    for (int bad = 0; bad < 9; bad++) {
        enum sc_status wanted = SC_ERR_ARGUMENT;
        struct sc_engine_options o = sc_engine_options_default();
        switch (bad) {
        case 0:
            o.n_vocab = 132;
            break;
        case 1:
            o.n_vocab = -1;
            break;
        case 2:
            o.confidence_top_k = 0;
            break;
        case 3:
            o.confidence_top_k = 132, wanted = SC_ERR_LIMIT;
            break;
        case 4:
            o.n_threads = -1;
            break;
        case 5:
            o.dtype = 4;
            break;
        case 6:
            o.dtype = -2;
            break;
        case 7:
            o.kernels = "abacus", wanted = SC_ERR_UNSUPPORTED;
            break;
        case 8:
            /* Only when some level lacks a product. */
            o.kernels = "portable", o.dtype = SC_DTYPE_F16, wanted = SC_ERR_UNSUPPORTED;
            if (sc_kernels_find("portable")->matmul[SC_DTYPE_F16].multiply != NULL)
                continue;
            break;
        }
        struct sc_engine *engine;
        struct sc_error error = {0};
        assert_int_equal(sc_engine_open(&engine, f.model, &o, &error), wanted);
        assert_null(engine);
        assert_true(strlen(error.text) > 10);
    }
    fixture_close(&f);
    sc_engine_close(NULL);
    f = fixture_open("deep_f16", -1, 1, NULL, 0, 20);
    assert_int_equal(sc_engine_dtype(f.engine), SC_DTYPE_F32);
    fixture_close(&f);
}

static void a_score_refuses_bad_tokens(void **state)
{
    (void)state;
    struct fixture f = fixture_open("deep_f16", -1, 0, NULL, 60, 5); /* context 40, 64 rows */
    float logprob[64], confidence[64], entropy[64];
    const struct sc_score_arrays out = {logprob, confidence, entropy}, none = {0};
    int32_t ids[64] = {1, 2, 3};
    struct sc_error error = {0};
    assert_int_equal(sc_engine_score(f.engine, ids, 0, &out, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_engine_score(f.engine, ids, 41, &out, NULL), SC_ERR_LIMIT);
    assert_int_equal(sc_engine_score(f.engine, ids, 3, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_engine_score(NULL, ids, 3, &out, NULL), SC_ERR_ARGUMENT);
    ids[1] = 64;
    assert_int_equal(sc_engine_score(f.engine, ids, 3, &out, NULL), SC_ERR_ARGUMENT);
    ids[1] = -1;
    assert_int_equal(sc_engine_score(f.engine, ids, 3, &out, NULL), SC_ERR_ARGUMENT);
    /* A row of the embedding that is not a token can be read, but has no probability. */
    ids[1] = 63;
    assert_int_equal(sc_engine_score(f.engine, ids, 3, &out, NULL), SC_OK);
    assert_true(isinf(logprob[1]) && logprob[1] < 0);
    assert_true(isfinite(logprob[2]));
    ids[1] = 2;
    assert_int_equal(sc_engine_score(f.engine, ids, 40, &none, NULL), SC_OK);
    assert_int_equal(sc_engine_score(f.engine, ids, 1, &out, NULL), SC_OK);
    assert_true(isnan(logprob[0]));
    fixture_close(&f);
}

static void logits_that_are_not_numbers_are_an_error(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", SC_DTYPE_F32, 0, NULL, 0, 20);
    const int32_t ids[3] = {1, 2, 3};
    float entropy[3];
    struct sc_error error = {0};
    fixture_cpu(&f)->norms[0] = NAN;
    assert_int_equal(
        sc_engine_score(f.engine, ids, 3, &(struct sc_score_arrays){.entropy = entropy}, &error),
        SC_ERR_NUMERIC);
    assert_non_null(strstr(error.text, "finite"));
    fixture_close(&f);
}

static void exhausted_memory_is_an_error(void **state)
{
    struct fixture f = fixture_open("odd_f32", -1, 2, NULL, 0, 7);
    struct sc_engine_options o = sc_engine_options_default();
    int32_t ids[3] = {1, 2, 3};
    float entropy[3];
    (void)state;
    o.n_threads = 2;
    size_t n = 0;
    for (;; n++) {
        struct sc_engine *engine;
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_engine_open(&engine, f.model, &o, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            status = sc_engine_score(engine, ids, 3, &(struct sc_score_arrays){NULL, NULL, entropy},
                                     &error);
        sc_memory_fail_at(SIZE_MAX);
        sc_engine_close(engine);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
        assert_true(error.text[0]);
        assert_in_range(n, 0, 100);
    }
    assert_true(n >= 5);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_agree_with_float64),
        cmocka_unit_test(figures_do_not_depend_on_steps_or_threads),
        cmocka_unit_test(an_engine_refuses_bad_options),
        cmocka_unit_test(a_score_refuses_bad_tokens),
        cmocka_unit_test(logits_that_are_not_numbers_are_an_error),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
