/* Layers of every kind: their figures against the network in double, on every instruction set, and
 * the same bits whatever the steps, the threads and the company. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "layer_kinds.h"
#include "reference_network.h"

enum { N_IDS = 84, TOP_K = 20 };

struct figures {
    float logprob[N_IDS], confidence[N_IDS], entropy[N_IDS];
};

static void random_ids(const struct sc_engine *engine, int32_t *ids, size_t n)
{
    struct sc_random random = {SC_STREAM_BENCHMARK, 11, 0, 0};
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)sc_random_below(&random, engine->n_vocab);
}

static void score(const struct kinds_fixture *f, const int32_t *ids, size_t n, size_t rows,
                  struct figures *out)
{
    const struct sc_score_arrays arrays = {out->logprob, out->confidence, out->entropy};
    struct sc_error error = {0};
    memset(out, 0, sizeof *out);
    if (sc_score_in_steps(f->engine, ids, n, rows, &arrays, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static double *reference(const struct kinds_fixture *f, const int32_t *ids, size_t n, bool bf16)
{
    const struct sc_cpu *cpu = kinds_cpu(f);
    size_t long_from = cpu->config.long_from;
    double *z = malloc(n * cpu->n_vocab * sizeof *z);
    assert_non_null(z);
    const struct reference_text text = {ids, n, long_from > 0 && n > long_from, bf16};
    reference_logits(cpu, &text, z);
    return z;
}

static double largest_error(const double *z, size_t n_vocab, const int32_t *ids, size_t n,
                            const struct figures *got)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        struct reference_figures e =
            reference_figures(z + i * n_vocab, n_vocab, i + 1 < n ? ids[i + 1] : 0, TOP_K);
        worst = fmax(worst, fabs(e.confidence - (double)got->confidence[i]));
        worst = fmax(worst, fabs(e.entropy - (double)got->entropy[i]));
        if (i + 1 < n)
            worst = fmax(worst, fabs(e.logprob - (double)got->logprob[i + 1]));
        if (!isfinite(got->confidence[i]) || !isfinite(got->entropy[i]))
            worst = INFINITY;
    }
    return worst;
}

/* The largest error of a kind on any instruction set. */
static double error_of_kind(const char *folder, const struct layer_kind *kind, size_t n)
{
    double *z = NULL, worst = 0;
    for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++) {
        struct kinds_fixture f = kinds_open(folder, kind, SC_DTYPE_F32, 2, (*at)->name);
        struct figures got;
        int32_t ids[N_IDS];
        random_ids(f.engine, ids, n);
        if (z == NULL)
            z = reference(&f, ids, n, false);
        score(&f, ids, n, 32, &got);
        worst = fmax(worst, largest_error(z, f.engine->n_vocab, ids, n, &got));
        kinds_close(&f);
    }
    free(z);
    return worst;
}

/* A processor that is emulated takes its time. */
static bool test_short(void)
{
    return getenv("SAFECONF_TEST_SHORT") != NULL;
}

static void figures_of_every_kind_agree_with_float64(void **state)
{
    (void)state;
    size_t n_shapes = test_short() ? 1 : n_network_shapes;
    for (size_t s = 0; s < n_shapes; s++) {
        char *folder = write_network(&network_shapes[s]);
        double worst = 0;
        for (size_t k = 0; k < n_layer_kinds; k++) {
            const size_t lengths[] = {N_IDS, KINDS_LONG_FROM};
            for (size_t i = 0; i < (layer_kinds[k].long_angles ? 2 : 1); i++) {
                double error = error_of_kind(folder, &layer_kinds[k], lengths[i]);
                worst = fmax(worst, error);
                if (error > 1e-4)
                    fail_msg("shape %zu, %s: largest error %.1e", s, layer_kinds[k].name, error);
            }
        }
        print_message("shape %zu: largest error %.1e\n", s, worst);
        remove_network(folder);
    }
}

/* The figures of a row of logits [n][n_vocab] that largest_error looks at. */
static void figures_of(const double *z, size_t n_vocab, const int32_t *ids, size_t n,
                       struct figures *out)
{
    for (size_t i = 0; i < n; i++) {
        struct reference_figures e =
            reference_figures(z + i * n_vocab, n_vocab, i + 1 < n ? ids[i + 1] : 0, TOP_K);
        out->confidence[i] = (float)e.confidence;
        out->entropy[i] = (float)e.entropy;
        if (i + 1 < n)
            out->logprob[i + 1] = (float)e.logprob;
    }
}

/* In bf16 a kind is off by what the roundings of weights, of the inputs of products and of keys and
 * values explain: by as much as the network in double is when it makes these and no others. */
static void errors_in_bf16_are_those_of_its_roundings(void **state)
{
    (void)state;
    char *folder = write_network(&network_shapes[0]);
    for (size_t k = 0; k < n_layer_kinds; k++) {
        double *exact = NULL, explained = 0;
        for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++) {
            struct kinds_fixture f =
                kinds_open(folder, &layer_kinds[k], SC_DTYPE_BF16, 2, (*at)->name);
            size_t n_vocab = f.engine->n_vocab;
            struct figures got;
            int32_t ids[N_IDS];
            random_ids(f.engine, ids, N_IDS);
            if (exact == NULL) {
                exact = reference(&f, ids, N_IDS, false);
                double *z = reference(&f, ids, N_IDS, true);
                figures_of(z, n_vocab, ids, N_IDS, &got);
                explained = largest_error(exact, n_vocab, ids, N_IDS, &got);
                free(z);
            }
            score(&f, ids, N_IDS, 32, &got);
            double error = largest_error(exact, n_vocab, ids, N_IDS, &got);
            if (at == sc_kernels_available())
                print_message("%s: rounding alone %.3f, engine %.3f\n", layer_kinds[k].name,
                              explained, error);
            assert_true(explained > 1e-3 && error < 2 * explained);
            kinds_close(&f);
        }
        free(exact);
    }
    remove_network(folder);
}

/* ---- the same bits --------------------------------------------------------------------------- */

static void check_steps(const char *folder, const struct layer_kind *kind, int dtype,
                        const char *kernels)
{
    static const size_t rows[] = {1000, 1, 17};
    struct figures first, got;
    for (int threads = 1; threads <= 3; threads += 2) {
        struct kinds_fixture f = kinds_open(folder, kind, dtype, threads, kernels);
        int32_t ids[N_IDS];
        random_ids(f.engine, ids, N_IDS);
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            bool is_first = threads == 1 && r == 0;
            score(&f, ids, N_IDS, rows[r], is_first ? &first : &got);
            if (!is_first)
                assert_memory_equal(&first, &got, sizeof first);
        }
        kinds_close(&f);
    }
}

enum { N_PROMPTS = 7, N_TRACES = 2, MOST_PROMPT = 70, MOST_NEW = 18, N_SHARED = 40 };
static const size_t prompt_lengths[N_PROMPTS] = {1, 33, 64, 17, 41, 60, MOST_PROMPT};

struct trace {
    size_t n;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
};

struct work {
    int32_t ids[N_IDS]; /* prompt p is the first of them, past N_SHARED turned by p */
    int32_t prompts[N_PROMPTS][MOST_PROMPT];
    size_t next, order;
    struct trace traces[N_PROMPTS * N_TRACES];
};

static int next_request(void *context, struct sc_trace_request *request)
{
    static const int32_t ends[] = {3, 20};
    struct work *w = context;
    size_t n = N_PROMPTS * N_TRACES;
    if (w->next == n)
        return -1;
    size_t i = (w->next++ * w->order) % n, p = i / N_TRACES;
    *request = (struct sc_trace_request){
        .prompt_key = 1 + p,
        .prompt = w->prompts[p],
        .n_prompt = prompt_lengths[p],
        .instance_key = p,
        .trace_index = (uint32_t)(i % N_TRACES),
        .sampling = {.temperature = 0.9, .top_p = 1},
        .max_new_tokens = MOST_NEW,
        .end_ids = ends,
        .n_end_ids = 2,
        .user = &w->traces[i],
    };
    return 1;
}

static enum sc_status take_trace(void *context, const struct sc_trace_result *result,
                                 struct sc_error *error)
{
    struct trace *trace = result->request->user;
    (void)context;
    if (result->failure != NULL)
        return sc_fail(error, SC_ERR_NUMERIC, "%s", result->failure);
    trace->n = result->n;
    memcpy(trace->ids, result->ids, result->n * sizeof *result->ids);
    memcpy(trace->stats, result->stats, result->n * sizeof *result->stats);
    return SC_OK;
}

struct way {
    int threads;
    size_t parallel, prefill_rows, order;
    bool share;
};

static void sample(struct work *w, const struct kinds_fixture *f, const struct way *way)
{
    const struct sc_batch_options options = {.parallel = way->parallel,
                                             .max_new_tokens = MOST_NEW,
                                             .max_prompt = MOST_PROMPT,
                                             .no_sharing = !way->share};
    const struct sc_trace_source source = {.context = w, .next = next_request, .done = take_trace};
    struct sc_batch_plan plan;
    struct sc_error error = {0};
    memset(w, 0, sizeof *w);
    random_ids(f->engine, w->ids, N_IDS);
    for (size_t p = 0; p < N_PROMPTS; p++)
        for (size_t i = 0; i < prompt_lengths[p]; i++)
            w->prompts[p][i] = w->ids[i < N_SHARED ? i : i + p];
    w->order = way->order;
    assert_int_equal(sc_batch_plan(f->engine, &options, &plan, &error), SC_OK);
    plan.prefill_rows = way->prefill_rows;
    if (sc_engine_run(f->engine, &plan, &options, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
}

/* What was recorded during sampling is what scoring prompt and answer as one text says, where both
 * are of the same length to the model. */
static void check_scores(const struct work *w, const struct kinds_fixture *f)
{
    size_t long_from = kinds_cpu(f)->config.long_from;
    for (size_t i = 0; i < N_PROMPTS * N_TRACES; i += 2) {
        const struct trace *t = &w->traces[i];
        size_t n_prompt = prompt_lengths[i / N_TRACES], n = n_prompt + t->n;
        if (long_from > 0 && (n_prompt + MOST_NEW > long_from) != (n > long_from))
            continue;
        int32_t ids[MOST_PROMPT + MOST_NEW];
        struct figures got;
        memcpy(ids, w->prompts[i / N_TRACES], n_prompt * sizeof *ids);
        memcpy(ids + n_prompt, t->ids, t->n * sizeof *ids);
        score(f, ids, n < N_IDS ? n : N_IDS, 32, &got);
        for (size_t j = 0; j < t->n && n_prompt + j < N_IDS; j++) {
            assert_memory_equal(&t->stats[j].logprob, &got.logprob[n_prompt + j], sizeof(float));
            assert_memory_equal(&t->stats[j].entropy, &got.entropy[n_prompt + j - 1],
                                sizeof(float));
        }
    }
}

static void check_company(const char *folder, const struct layer_kind *kind, int dtype,
                          const char *kernels)
{
    static const struct way ways[] = {
        {1, 1, 128, 1, false}, {2, 5, 7, 9, true}, {3, 14, 33, 3, false}, {2, 6, 1, 5, true}};
    struct work *first = malloc(sizeof *first), *got = malloc(sizeof *got);
    assert_true(first != NULL && got != NULL);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct kinds_fixture f = kinds_open(folder, kind, dtype, ways[i].threads, kernels);
        sample(i == 0 ? first : got, &f, &ways[i]);
        if (i == 0)
            check_scores(first, &f);
        else
            assert_memory_equal(first->traces, got->traces, sizeof first->traces);
        kinds_close(&f);
    }
    free(first);
    free(got);
}

/* Every kind on every instruction set; dtypes take turns, shapes come as they come. */
static void for_each_kind(void check(const char *folder, const struct layer_kind *kind, int dtype,
                                     const char *kernels))
{
    static const enum sc_dtype dtypes[] = {SC_DTYPE_F32, SC_DTYPE_BF16, SC_DTYPE_INT8};
    struct sc_random random = {SC_STREAM_BENCHMARK, 23, 0, 0};
    char **folders = malloc(n_network_shapes * sizeof *folders);
    size_t n = 0;
    assert_non_null(folders);
    for (size_t s = 0; s < n_network_shapes; s++)
        folders[s] = write_network(&network_shapes[s]);
    for (size_t k = 0; k < n_layer_kinds; k++)
        for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++, n++)
            if (!test_short() || n % 5 == 0)
                check(folders[sc_random_below(&random, n_network_shapes)], &layer_kinds[k],
                      (int)dtypes[(k + n) % 3], (*at)->name);
    for (size_t s = 0; s < n_network_shapes; s++)
        remove_network(folders[s]);
    free(folders);
}

static void figures_of_no_kind_depend_on_steps_or_threads(void **state)
{
    (void)state;
    for_each_kind(check_steps);
}

static void traces_of_no_kind_depend_on_company(void **state)
{
    (void)state;
    for_each_kind(check_company);
}

static struct sc_prompt *acquire(struct sc_prompt_cache *cache, uint64_t key, bool is_long)
{
    static const int32_t ids[80];
    struct sc_prompt *prompt;
    const struct sc_prompt_wanted wanted = {.key = key, .ids = ids, .n = 80, .is_long = is_long};
    assert_int_equal(sc_prompt_acquire(cache, &wanted, &prompt), SC_PROMPT_READY);
    return prompt;
}

/* Keys that turned by other angles are no keys of the same prompt, nor of one that begins alike. */
static void a_prompt_is_kept_for_each_kind_of_sequence(void **state)
{
    (void)state;
    struct sc_prompt_cache cache;
    struct sc_arena arena = {0};
    const struct sc_prompt_cache_sizes sizes = {8, 80, 20, 0};
    sc_prompt_cache_layout(&cache, &sizes, &arena);
    arena = (struct sc_arena){.base = sc_alloc_aligned(arena.used)};
    assert_non_null(arena.base);
    sc_prompt_cache_layout(&cache, &sizes, &arena);
    const struct sc_prompt *plain = acquire(&cache, 1, false), *turned = acquire(&cache, 1, true);
    assert_ptr_not_equal(plain, turned);
    assert_int_not_equal(plain->spans[0].page, turned->spans[0].page);
    assert_true(!plain->is_long && turned->is_long);
    assert_ptr_equal(acquire(&cache, 1, false), plain);
    assert_ptr_equal(acquire(&cache, 1, true), turned);
    assert_int_equal(acquire(&cache, 2, true)->spans[0].page, turned->spans[0].page);
    sc_free(arena.base);
}

/* A family may keep its gains as their distance from 1; its biases are what they are. */
static void gains_are_packed_with_the_offset_of_their_family(void **state)
{
    (void)state;
    char *folder = write_network(&network_shapes[0]);
    struct kinds_fixture f = kinds_open(folder, &layer_kinds[0], SC_DTYPE_F32, 1, NULL);
    struct sc_engine engine = *f.engine;
    struct sc_engine_options options = sc_engine_options_default();
    engine.config.layer.gain_offset = 1;
    assert_int_equal(sc_cpu_open(&engine, &options, NULL), SC_OK);
    const struct sc_cpu *plain = kinds_cpu(&f), *offset = engine.weights;
    for (size_t i = 0; i < plain->config.hidden; i++) {
        float gain = 1 + plain->final_norm[i];
        assert_memory_equal(&offset->final_norm[i], &gain, sizeof gain);
    }
    float gain;
    sc_tensor_row(&sc_model_layer(f.model, 1)->ffn_norm, 0, f.vectors);
    gain = 1 + f.vectors[3];
    assert_memory_equal(&offset->layers[1].ffn_norm[3], &gain, sizeof gain);
    assert_null(offset->layers[1].q_bias);
    /* What a step reads: all matrices and vectors. */
    assert_int_equal(engine.weight_bytes, f.engine->weight_bytes);
    sc_cpu_close(engine.weights);
    kinds_close(&f);
    remove_network(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_every_kind_agree_with_float64),
        cmocka_unit_test(errors_in_bf16_are_those_of_its_roundings),
        cmocka_unit_test(figures_of_no_kind_depend_on_steps_or_threads),
        cmocka_unit_test(traces_of_no_kind_depend_on_company),
        cmocka_unit_test(a_prompt_is_kept_for_each_kind_of_sequence),
        cmocka_unit_test(gains_are_packed_with_the_offset_of_their_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
