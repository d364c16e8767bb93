/*
 * Traces of whole networks on the emulated GPU: the processor's, and the same bits whatever else is
 * computed, in what order and how it is put into the card's queue.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "family_cases.h"
#include "gpu_networks.h"

enum { MOST_PROMPTS = 12, MOST_TRACES = 20, MOST_NEW = 12, MOST_PROMPT = 70 };
static const size_t prompt_lengths[MOST_PROMPTS] = {1,           33, 64, 17, 41, 60,
                                                    MOST_PROMPT, 5,  32, 2,  31, 9};

struct trace {
    size_t n;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
};

struct work {
    size_t n_prompts, n_traces, n_new, next, order;
    int32_t prompts[MOST_PROMPTS][MOST_PROMPT];
    struct trace traces[MOST_PROMPTS * MOST_TRACES];
};

static int next_request(void *context, struct sc_trace_request *request)
{
    static const int32_t ends[] = {3, 20};
    struct work *w = context;
    const size_t n = w->n_prompts * w->n_traces;
    if (w->next == n)
        return -1;
    const size_t i = (w->next++ * w->order) % n, p = i / w->n_traces;
    *request = (struct sc_trace_request){
        .prompt_key = 1 + p,
        .prompt = w->prompts[p],
        .n_prompt = prompt_lengths[p],
        .instance_key = p,
        .trace_index = (uint32_t)(i % w->n_traces),
        .n_traces = w->order == 1 ? w->n_traces : 0,
        .sampling = {.temperature = 0.8,
                     .top_p = p % 2 == 0 ? 0.95 : 1,
                     .top_k = p % 3 == 0 ? 40 : 0},
        .max_new_tokens = w->n_new,
        .end_ids = ends,
        .n_end_ids = 2,
        .user = &w->traces[i],
    };
    if (p % 4 == 3)
        request->sampling.repetition_penalty = 1.2;
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

/* How traces are made; order: in which they are asked for, without a divisor in common with them.
 */
struct way {
    size_t parallel, prefill_rows, order, n_before;
    bool no_sharing;
};

/* What was made of it: of w->n_prompts prompts w->n_traces traces each. */
static void sample(const struct gpu_network *o, const struct way *way, struct work *w)
{
    const struct sc_batch_options options = {.parallel = way->parallel,
                                             .max_new_tokens = MOST_NEW,
                                             .max_prompt = MOST_PROMPT,
                                             .no_sharing = way->no_sharing};
    const struct sc_trace_source source = {.context = w, .next = next_request, .done = take_trace};
    struct sc_batch_plan plan;
    struct sc_session *session = NULL;
    struct sc_error error = {0};
    const size_t n_vocab = sc_model_config(o->model)->n_vocab;
    for (size_t p = 0; p < w->n_prompts; p++)
        for (size_t i = 0; i < prompt_lengths[p]; i++) /* beginnings that some have in common */
            w->prompts[p][i] =
                (int32_t)((i * i * 31 + i * 37 + (i < 34 ? p % 2 : p) * 11) % n_vocab);
    assert_int_equal(sc_batch_plan(o->engine, &options, &plan, &error), SC_OK);
    assert_int_equal(plan.parallel, way->parallel);
    plan.prefill_rows = way->prefill_rows;
    if (sc_session_start(&session, o->engine, &plan, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t run = 0; run <= way->n_before; run++) {
        w->next = 0;
        w->order = way->order;
        memset(w->traces, 0, sizeof w->traces);
        if (sc_session_run(session, &source, &error) != SC_OK)
            fail_msg("%s", error.text);
    }
    sc_session_close(session);
}

static struct work *new_work(size_t n_prompts, size_t n_traces, size_t n_new)
{
    struct work *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->n_prompts = n_prompts;
    w->n_traces = n_traces;
    w->n_new = n_new;
    return w;
}

static void path_of(const char *name, char *path, size_t size)
{
    const json_t *one = json_object_get(json_object_get(golden, "cases"), name);
    assert_non_null(one);
    prepare(one, path, size);
}

/* No draw of these is within 1e-4 of where it would fall to another token. */
static void traces_are_the_processors(void **state)
{
    static const char *const names[] = {"tiny",        "tiny-qwen3-moe", "tiny-gemma2",
                                        "tiny-gemma3", "phi3, long",     "tiny-olmo2-b"};
    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const struct way way = {.parallel = 8, .prefill_rows = 32, .order = 1};
        char path[160];
        path_of(names[k], path, sizeof path);
        struct work *expected = new_work(7, 4, MOST_NEW), *got = new_work(7, 4, MOST_NEW);
        struct gpu_network cpu = open_network(path, SC_DTYPE_F32, NULL);
        struct gpu_network gpu = open_network(path, SC_DTYPE_F32, gpu_manner(k));
        sample(&cpu, &way, expected);
        sample(&gpu, &way, got);
        for (size_t i = 0; i < 28; i++) {
            const struct trace *a = &expected->traces[i], *b = &got->traces[i];
            assert_int_equal(a->n, b->n);
            assert_memory_equal(a->ids, b->ids, a->n * sizeof *a->ids);
            for (size_t j = 0; j < a->n; j++) {
                assert_true(fabsf(a->stats[j].logprob - b->stats[j].logprob) < 1e-4F);
                assert_true(fabsf(a->stats[j].confidence - b->stats[j].confidence) < 1e-4F);
                assert_true(fabsf(a->stats[j].entropy - b->stats[j].entropy) < 1e-4F);
            }
        }
        close_network(&gpu);
        close_network(&cpu);
        free(expected);
        free(got);
    }
}

/* Prompts alone are computed in steps of 1 to many rows, traces in companies of 1 to 200. */
struct invariance {
    const char *name, *ways; /* of products that the library offers */
    enum sc_dtype dtype;
    size_t n_prompts, n_traces, n_new;
};

/* Every way, or all but two of them by turns. */
static void check_invariance(const struct invariance *what, size_t turn)
{
    static const char *const orders[] = {"order=ascending", "order=descending,work=early",
                                         "order=shuffled"};
    static const struct way ways[] = {
        {.parallel = 1, .prefill_rows = 128, .order = 1},
        {.parallel = 7, .prefill_rows = 5, .order = 7, .no_sharing = true},
        {.parallel = 32, .prefill_rows = 33, .order = 1, .n_before = 1},
        {.parallel = 32, .prefill_rows = 64, .order = 11, .no_sharing = true},
        {.parallel = 200, .prefill_rows = 128, .order = 7, .no_sharing = true},
        {.parallel = 200, .prefill_rows = 1, .order = 1}};
    char path[160];
    path_of(what->name, path, sizeof path);
    struct work *first = new_work(what->n_prompts, what->n_traces, what->n_new);
    struct work *got = new_work(what->n_prompts, what->n_traces, what->n_new);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char manner[80];
        if (turn > 0 && (i == 1 + turn % 2 || i == 4 - turn % 2))
            continue;
        snprintf(manner, sizeof manner, "%s,ways=%s", orders[i % 3], what->ways);
        struct gpu_network o = open_network(path, what->dtype, manner);
        sample(&o, &ways[i], i == 0 ? first : got);
        if (i > 0 && memcmp(first->traces, got->traces, sizeof first->traces) != 0)
            fail_msg("%s: way %zu: other traces", what->name, i);
        close_network(&o);
    }
    free(first);
    free(got);
}

static void traces_do_not_depend_on_company(void **state)
{
    static const struct invariance all[] = {{"tiny", "same", SC_DTYPE_BF16, 12, 20, 4},
                                            {"tiny", "other", SC_DTYPE_F32, 5, 6, 8},
                                            {"tiny-qwen3-moe", "none", SC_DTYPE_F32, 5, 6, 8},
                                            {"tiny-qwen3-moe-b", "same", SC_DTYPE_BF16, 5, 6, 8},
                                            {"tiny-gemma2", "same", SC_DTYPE_F32, 5, 6, 8},
                                            {"tiny-gemma3-b", "other", SC_DTYPE_BF16, 5, 6, 8},
                                            {"phi3, long", "none", SC_DTYPE_BF16, 5, 6, 8},
                                            {"tiny-olmo3", "same", SC_DTYPE_F32, 5, 6, 8}};
    /* Sanitizers, which slow all of this tenfold, see one of the shared and of the mixed kind. */
    const size_t first = TEST_SANITIZED ? 2 : 0, step = TEST_SANITIZED ? 3 : 1;
    (void)state;
    for (size_t i = first; i < sizeof all / sizeof *all; i += step)
        check_invariance(&all[i], i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_are_the_processors),
        cmocka_unit_test(traces_do_not_depend_on_company),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
