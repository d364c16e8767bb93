/* Mixtures of experts: which ones a row takes, the network against transformers
 * (tests/golden/make_experts_golden.py), and that neither depends on what else is in a step. */
#include <math.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "engine/batch.h"
#include "engine/cpu/experts.h"
#include "inference_fixture.h"

enum { MOST = 128, N_REQUESTS = 24, N_NEW = 12 };

/* SAFECONF_TEST_SHORT: fewer threads and widths, for processors that are emulated. */
static bool is_short(void)
{
    return getenv("SAFECONF_TEST_SHORT") != NULL;
}

static const char *const SHAPES[] = {"tiny-qwen3-moe", "tiny-qwen3-moe-b"};
static char folder[] = "/tmp/safeconf-experts-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    const struct sc_random_options options = {.dtype = SC_DTYPE_F32, .seed = 11};
    struct sc_error error = {0};
    if (mkdtemp(folder) == NULL)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, SHAPES[i]);
        if (sc_model_write_random_as(SHAPES[i], &options, path, &error) != SC_OK) {
            printf("%s\n", error.text);
            return -1;
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct fixture open_shape(size_t shape, int dtype, int threads, const char *kernels)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct fixture f = {0};
    struct sc_error error = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, SHAPES[shape]);
    options.dtype = dtype;
    options.n_threads = threads;
    options.kernels = kernels;
    if (sc_model_open(&f.model, path, &error) != SC_OK ||
        sc_engine_open(&f.engine, f.model, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return f;
}

/* ---- the choice ------------------------------------------------------------------------------ */

static void the_best_experts_are_chosen_and_the_lower_of_equal_ones(void **state)
{
    (void)state;
    const struct sc_expert_choice choice = {6, 3, true};
    const float scores[] = {1, 3, 2, 3, 2, -1};
    uint32_t chosen[3];
    float shares[3];
    sc_experts_choose(&choice, scores, chosen, shares);
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 2);
    assert_int_equal(chosen[2], 3);
    assert_true(fabs((double)shares[0] - 1 / (2 + exp(-1))) < 1e-7);
    assert_true(shares[0] == shares[2] && fabs((double)shares[1] - exp(-1) / (2 + exp(-1))) < 1e-7);
}

/* A plain softmax, of which the best are looked for one after the other. */
static void shares_are_those_of_a_softmax(void **state)
{
    (void)state;
    enum { N = 61 };
    float scores[N], shares[N];
    uint32_t chosen[N], seed = 1;
    for (size_t n_used = 1; n_used <= N; n_used += 6)
        for (int among_used = 0; among_used < 2; among_used++) {
            double all = 0, used = 0, given = 0;
            bool taken[N] = {false};
            for (size_t i = 0; i < N; i++) {
                seed = seed * 1664525 + 1013904223;
                scores[i] = (float)(seed >> 24) / 16; /* some are equal */
                all += exp((double)scores[i]);
            }
            for (size_t k = 0; k < n_used; k++) {
                size_t best = N;
                for (size_t i = 0; i < N; i++)
                    if (!taken[i] && (best == N || scores[i] > scores[best]))
                        best = i;
                taken[best] = true;
                used += exp((double)scores[best]);
            }
            const struct sc_expert_choice choice = {N, n_used, among_used};
            sc_experts_choose(&choice, scores, chosen, shares);
            for (size_t k = 0; k < n_used; k++) {
                const double z = exp((double)scores[chosen[k]]) / (among_used ? used : all);
                assert_true(taken[chosen[k]] && (k == 0 || chosen[k] > chosen[k - 1]));
                assert_true(fabs((double)shares[k] - z) <= 1e-6 * z);
                given += (double)shares[k];
            }
            if (among_used || n_used == N)
                assert_true(fabs(given - 1) < 1e-5);
        }
}

static void scores_that_are_no_numbers_give_no_shares(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (size_t b = 0; b < 2; b++)
        for (size_t at = 0; at < 5; at++)
            for (int among_used = 0; among_used < 2; among_used++) {
                const struct sc_expert_choice choice = {5, 2, among_used};
                float scores[] = {1, 2, 3, 4, 5}, shares[2];
                uint32_t chosen[2];
                scores[at] = bad[b];
                sc_experts_choose(&choice, scores, chosen, shares);
                assert_true(chosen[0] < chosen[1] && chosen[1] < 5);
                assert_true(isnan(shares[0]) || isnan(shares[1]));
            }
}

/* ---- the network ----------------------------------------------------------------------------- */

struct expected {
    size_t n;
    int32_t ids[MOST], greedy[32];
    double logprob[MOST], logprob_bf16[MOST];
};

static void read_logprobs(const json_t *list, size_t n, double *out)
{
    assert_int_equal(json_array_size(list), n - 1);
    for (size_t i = 1; i < n; i++)
        out[i] = json_number_value(json_array_get(list, i - 1));
}

static void read_expected(const char *shape, struct expected *e)
{
    char path[1024];
    struct sc_error error = {0};
    json_t *top;
    snprintf(path, sizeof path, "%s/experts.json", TEST_GOLDEN);
    if (sc_json_read(path, 1 << 20, &top, &error) != SC_OK)
        fail_msg("%s", error.text);
    const json_t *text = json_object_get(top, "text"), *own = json_object_get(top, shape);
    e->n = json_array_size(text);
    for (size_t i = 0; i < e->n; i++)
        e->ids[i] = (int32_t)json_integer_value(json_array_get(text, i));
    read_logprobs(json_object_get(own, "logprob"), e->n, e->logprob);
    read_logprobs(json_object_get(own, "logprob_bf16"), e->n, e->logprob_bf16);
    for (size_t i = 0; i < 32; i++)
        e->greedy[i] =
            (int32_t)json_integer_value(json_array_get(json_object_get(own, "greedy"), i));
    json_decref(top);
}

static void score(const struct fixture *f, const int32_t *ids, size_t n, size_t rows,
                  float *logprob)
{
    const struct sc_score_arrays arrays = {.logprob = logprob};
    struct sc_error error = {0};
    if (sc_score_in_steps(f->engine, ids, n, rows, &arrays, &error) != SC_OK)
        fail_msg("%s", error.text);
}

/* A rounding may send a row to another expert, which these shapes of few experts show more than a
 * trained model: bf16 is held against a network with its roundings, int8 by its mean error. */
static void figures_agree_with_transformers(void **state)
{
    const double most[] = {[SC_DTYPE_F32] = 1e-4, [SC_DTYPE_BF16] = 0.04, [SC_DTYPE_INT8] = 0.2};
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct expected e;
        read_expected(SHAPES[s], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
            for (int dtype = 0; dtype < 4; dtype++) {
                if ((*k)->matmul[dtype].multiply == NULL || dtype == SC_DTYPE_F16)
                    continue;
                struct fixture f = open_shape(s, dtype, 2, (*k)->name);
                const double *expected = dtype == SC_DTYPE_BF16 ? e.logprob_bf16 : e.logprob;
                float got[MOST];
                double largest = 0, sum = 0;
                score(&f, e.ids, e.n, 32, got);
                for (size_t i = 1; i < e.n; i++) {
                    largest = fmax(largest, fabs((double)got[i] - expected[i]));
                    sum += fabs((double)got[i] - expected[i]);
                }
                double mean = sum / (double)(e.n - 1);
                print_message("%s %s %s: largest error %.1e, mean %.1e\n", SHAPES[s], (*k)->name,
                              sc_dtype_name((enum sc_dtype)dtype), largest, mean);
                assert_true((dtype == SC_DTYPE_INT8 ? mean : largest) <= most[dtype]);
                fixture_close(&f);
            }
    }
}

static void figures_do_not_depend_on_steps_or_threads(void **state)
{
    const size_t rows[] = {1, 2, 5, 16, 17, 1000};
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct expected e;
        read_expected(SHAPES[s], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
            for (int dtype = 0; dtype < 4; dtype++) {
                if ((*k)->matmul[dtype].multiply == NULL || dtype == SC_DTYPE_F16)
                    continue;
                float first[MOST] = {0}, got[MOST] = {0};
                for (int threads = 1; threads <= (is_short() ? 1 : 3); threads++) {
                    struct fixture f = open_shape(s, dtype, threads, (*k)->name);
                    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                        bool is_first = threads == 1 && r == 0;
                        score(&f, e.ids, e.n, rows[r], is_first ? first : got);
                        if (!is_first)
                            assert_memory_equal(first, got, sizeof first);
                    }
                    fixture_close(&f);
                }
            }
    }
}

/* ---- traces ---------------------------------------------------------------------------------- */

struct trace {
    size_t n;
    int32_t ids[32];
    struct sc_token_stats stats[32];
};

/* Requests of four prompts, taken in steps of `stride`. */
struct work {
    const int32_t *text;
    size_t n_prompt; /* of the first; each further one is longer by 7 */
    size_t n_new, n_requests, n_given, stride, memory_count;
    double temperature;
    struct trace traces[N_REQUESTS];
};

static int next(void *context, struct sc_trace_request *request)
{
    struct work *w = context;
    if (w->n_given == 0)
        w->memory_count = sc_memory_count();
    if (w->n_given == w->n_requests)
        return -1;
    size_t i = w->n_given++ * w->stride % w->n_requests, prompt = i % 4;
    *request = (struct sc_trace_request){.prompt_key = 1 + prompt,
                                         .prompt = w->text,
                                         .n_prompt = w->n_prompt + 7 * prompt,
                                         .instance_key = prompt,
                                         .trace_index = (uint32_t)i,
                                         .seed = 3,
                                         .sampling = {.temperature = w->temperature, .top_p = 1},
                                         .max_new_tokens = w->n_new,
                                         .user = &w->traces[i]};
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct trace *trace = result->request->user;
    (void)context, (void)error;
    trace->n = result->n;
    memcpy(trace->ids, result->ids, result->n * sizeof *result->ids);
    memcpy(trace->stats, result->stats, result->n * sizeof *result->stats);
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    const struct work *w = context;
    (void)report;
    assert_int_equal(sc_memory_count(), w->memory_count); /* a step takes no memory */
    return true;
}

static enum sc_status run(struct work *w, const struct fixture *f, size_t parallel, size_t rows,
                          struct sc_error *error)
{
    struct sc_batch_options options = {
        .parallel = parallel, .max_new_tokens = w->n_new, .max_prompt = w->n_prompt + 21};
    struct sc_trace_source source = {.context = w, .next = next, .done = done, .step = step};
    struct sc_batch_plan plan;
    SC_TRY(sc_batch_plan(f->engine, &options, &plan, error));
    assert_int_equal(plan.parallel, parallel);
    plan.prefill_rows = rows;
    w->n_given = 0;
    memset(w->traces, 0, sizeof w->traces);
    return sc_engine_run(f->engine, &plan, &options, &source, error);
}

static void greedy_tokens_are_those_of_transformers(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct expected e;
        struct sc_error error = {0};
        read_expected(SHAPES[s], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++) {
            struct fixture f = open_shape(s, SC_DTYPE_F32, 2, (*k)->name);
            struct work w = {
                .text = e.ids, .n_prompt = 16, .n_new = 32, .n_requests = 1, .stride = 1};
            if (run(&w, &f, 1, 128, &error) != SC_OK)
                fail_msg("%s", error.text);
            assert_int_equal(w.traces[0].n, 32);
            assert_memory_equal(w.traces[0].ids, e.greedy, sizeof e.greedy);
            fixture_close(&f);
        }
    }
}

static void traces_do_not_depend_on_company(void **state)
{
    const struct {
        int threads;
        size_t parallel, rows, stride;
    } ways[] = {{1, 1, 128, 1}, {2, 3, 1, 5}, {2, 8, 7, 1}, {3, 24, 128, 7}, {1, 32, 33, 11}};
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        struct expected e;
        read_expected(SHAPES[s], &e);
        for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
            for (int dtype = 0; dtype < 4; dtype++) {
                if ((*k)->matmul[dtype].multiply == NULL || dtype == SC_DTYPE_F16)
                    continue;
                static struct trace first[N_REQUESTS];
                for (size_t i = 0; i < (is_short() ? 2 : sizeof ways / sizeof *ways); i++) {
                    struct fixture f = open_shape(s, dtype, ways[i].threads, (*k)->name);
                    struct sc_error error = {0};
                    struct work w = {.text = e.ids,
                                     .n_prompt = 5,
                                     .n_new = N_NEW,
                                     .n_requests = N_REQUESTS,
                                     .stride = ways[i].stride,
                                     .temperature = 0.8};
                    if (run(&w, &f, ways[i].parallel, ways[i].rows, &error) != SC_OK)
                        fail_msg("%s", error.text);
                    if (i == 0)
                        memcpy(first, w.traces, sizeof first);
                    assert_memory_equal(first, w.traces, sizeof first);
                    fixture_close(&f);
                }
                assert_int_equal(first[0].n, N_NEW);
                assert_memory_not_equal(first[0].ids, first[4].ids, sizeof first[0].ids);
            }
    }
}

static void weights_and_scratch_of_experts_are_counted(void **state)
{
    (void)state;
    struct fixture f = open_shape(0, SC_DTYPE_F32, 1, NULL);
    const struct sc_model_config *c = sc_model_config(f.model);
    const size_t n_experts = c->n_layers * 8 * 3 * 48 * c->hidden;
    assert_true(sc_engine_weight_bytes(f.engine) >= n_experts * sizeof(float));
    struct sc_batch_options options = {.parallel = 4, .max_new_tokens = 4, .max_prompt = 4};
    struct sc_batch_plan plan;
    struct sc_error error = {0};
    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, &error), SC_OK);
    /* Each row with both of its experts: what it gives to them and gets. */
    assert_true(plan.scratch_bytes >=
                (4 + plan.prefill_rows) * 2 * 2 * (c->hidden + 48) * sizeof(float));
    fixture_close(&f);
}

static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    struct sc_engine_options options = sc_engine_options_default();
    struct sc_model *model = NULL;
    struct sc_error error = {0};
    char path[128];
    bool opened = false;
    snprintf(path, sizeof path, "%s/%s", folder, SHAPES[1]);
    assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
    options.n_threads = 1;
    for (size_t n = 0; !opened; n++) {
        struct sc_engine *engine = NULL;
        assert_in_range(n, 0, 50);
        error = (struct sc_error){0};
        sc_memory_fail_at(n);
        enum sc_status status = sc_engine_open(&engine, model, &options, &error);
        sc_memory_fail_at(SIZE_MAX);
        opened = status == SC_OK;
        if (!opened)
            assert_int_equal(status, SC_ERR_NOMEM);
        sc_engine_close(engine);
    }
    sc_model_close(model);
}

static void a_weight_that_is_no_number_fails_the_trace(void **state)
{
    (void)state;
    struct fixture f = open_shape(0, SC_DTYPE_F32, 2, "portable");
    struct expected e;
    float got[MOST];
    const struct sc_score_arrays arrays = {.logprob = got};
    struct sc_error error = {0};
    read_expected(SHAPES[0], &e);
    ((float *)fixture_cpu(&f)->layers[1].router.data)[3] = NAN;
    assert_int_equal(sc_score_in_steps(f.engine, e.ids, e.n, 32, &arrays, &error), SC_ERR_NUMERIC);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_experts_are_chosen_and_the_lower_of_equal_ones),
        cmocka_unit_test(shares_are_those_of_a_softmax),
        cmocka_unit_test(scores_that_are_no_numbers_give_no_shares),
        cmocka_unit_test(figures_agree_with_transformers),
        cmocka_unit_test(figures_do_not_depend_on_steps_or_threads),
        cmocka_unit_test(greedy_tokens_are_those_of_transformers),
        cmocka_unit_test(traces_do_not_depend_on_company),
        cmocka_unit_test(weights_and_scratch_of_experts_are_counted),
        cmocka_unit_test(exhausted_memory_is_an_error),
        cmocka_unit_test(a_weight_that_is_no_number_fails_the_trace),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
