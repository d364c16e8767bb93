/* Prompts that begin alike are computed once, and nothing else changes; watched tokens. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "inference_fixture.h"

#define N 24
#define MOST_PROMPT 130
#define MOST_NEW 12
#define N_WATCH 3

struct trace {
    size_t n;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
    float watched[MOST_NEW * N_WATCH];
    enum sc_finish finish;
    int n_done;
};

struct work {
    int32_t prompts[N][MOST_PROMPT];
    size_t n_prompt[N], n_shared[N];
    size_t next;
    struct trace traces[N];
    struct sc_step_report last;
};

static const int32_t watch[N_WATCH] = {5, 77, 130};

/* Two heads, of 70 and of 32 tokens; a few prompts that share nothing, or too little for a page. */
static struct work *work_new(void)
{
    struct work *w = sc_alloc_zero(1, sizeof *w);
    struct sc_random random = {SC_STREAM_BENCHMARK, 3, 0, 0};
    const size_t heads[] = {70, 32, 0, 31};

    for (size_t p = 0; p < N; p++) {
        size_t head = heads[p % 4 == 3 && p > 8 ? 3 : p % 3 == 2 && p > 12 ? 2 : p % 2];

        w->n_shared[p] = head;
        w->n_prompt[p] = head + 1 + sc_random_below(&random, MOST_PROMPT - 71);
        for (size_t i = 0; i < w->n_prompt[p]; i++)
            w->prompts[p][i] =
                i < head ? (int32_t)((i * i + head) % 131) : (int32_t)sc_random_below(&random, 131);
    }
    return w;
}

static int next(void *context, struct sc_trace_request *request)
{
    static const int32_t ends[] = {3, 20};
    struct work *w = context;
    size_t p = w->next;

    if (p == N)
        return -1;
    w->next++;
    *request = (struct sc_trace_request){.prompt_key = p + 1,
                                         .prompt = w->prompts[p],
                                         .n_prompt = w->n_prompt[p],
                                         .instance_key = p,
                                         .sampling = {.temperature = 0.9, .top_p = 1},
                                         .max_new_tokens = MOST_NEW,
                                         .end_ids = ends,
                                         .n_end_ids = 2,
                                         .watch = watch,
                                         .n_watch = p % 5 ? N_WATCH : 0,
                                         .user = &w->traces[p]};
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct trace *trace = result->request->user;

    (void)context;
    (void)error;
    trace->n_done++;
    trace->n = result->n;
    trace->finish = result->finish;
    memcpy(trace->ids, result->ids, result->n * sizeof *result->ids);
    memcpy(trace->stats, result->stats, result->n * sizeof *result->stats);
    assert_int_equal(result->watched != NULL, result->request->n_watch > 0);
    if (result->watched != NULL)
        memcpy(trace->watched, result->watched, result->n * N_WATCH * sizeof *result->watched);
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    ((struct work *)context)->last = *report;
    return true;
}

static void run_all(struct work *w, struct sc_engine *engine, bool share, size_t parallel,
                    size_t prefill_rows, size_t n_pages)
{
    struct sc_batch_options options = {.parallel = parallel,
                                       .max_new_tokens = MOST_NEW,
                                       .max_prompt = MOST_PROMPT,
                                       .max_watch = N_WATCH,
                                       .no_sharing = !share};
    struct sc_trace_source source = {.context = w, .next = next, .done = done, .step = step};
    struct sc_batch_plan plan;
    struct sc_error error = {0};

    w->next = 0;
    memset(w->traces, 0, sizeof w->traces);
    assert_int_equal(sc_batch_plan(engine, &options, &plan, &error), SC_OK);
    plan.prefill_rows = prefill_rows;
    if (n_pages > 0) /* as few as possible */
        plan.n_pages = n_pages;
    if (sc_engine_run(engine, &plan, &options, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t p = 0; p < N; p++)
        assert_int_equal(w->traces[p].n_done, 1);
}

static void sharing_changes_no_bit(void **state)
{
    static const struct {
        size_t parallel, prefill_rows, n_pages;
    } ways[] = {{1, 128, 0}, {1, 7, 5}, {3, 33, 0}, {5, 128, 5}, {8, 64, 7}, {24, 16, 0}};
    struct work *plain = work_new(), *shared = work_new();
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    size_t n_tokens = 0;
    (void)state;

    run_all(plain, f.engine, false, 4, 128, 0);
    for (size_t p = 0; p < N; p++)
        n_tokens += plain->n_prompt[p];
    assert_int_equal(plain->last.n_prefilled, n_tokens);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        run_all(shared, f.engine, true, ways[i].parallel, ways[i].prefill_rows, ways[i].n_pages);
        assert_memory_equal(shared->traces, plain->traces, sizeof plain->traces);
        assert_true(shared->last.n_prefilled < n_tokens);
        if (ways[i].parallel == N) { /* with room for all, each beginning is computed once */
            size_t saved = 0, seen[2] = {0, 0};

            for (size_t p = 0; p < N; p++) {
                size_t pages = shared->n_shared[p] / SC_PAGE_POSITIONS;

                if (pages && seen[pages - 1]++)
                    saved += pages * SC_PAGE_POSITIONS;
            }
            assert_int_equal(shared->last.n_prefilled, n_tokens - saved);
        }
    }
    sc_free(plain);
    sc_free(shared);
    fixture_close(&f);
}

static void watched_tokens_have_their_probability(void **state)
{
    struct work *w = work_new();
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct sc_error error = {0};
    (void)state;

    run_all(w, f.engine, true, 6, 128, 0);
    for (size_t p = 0; p < N; p++) {
        const struct trace *trace = &w->traces[p];
        int32_t ids[MOST_PROMPT + MOST_NEW];
        float logprob[MOST_PROMPT + MOST_NEW];

        if (p % 5 == 0)
            continue;
        memcpy(ids, w->prompts[p], w->n_prompt[p] * sizeof *ids);
        for (size_t t = 0; t < trace->n; t++) {
            for (size_t k = 0; k < N_WATCH; k++) {
                ids[w->n_prompt[p] + t] = watch[k];
                assert_int_equal(sc_engine_score(f.engine, ids, w->n_prompt[p] + t + 1,
                                                 &(struct sc_score_arrays){logprob, NULL, NULL},
                                                 &error),
                                 SC_OK);
                assert_memory_equal(&trace->watched[t * N_WATCH + k], &logprob[w->n_prompt[p] + t],
                                    sizeof(float));
            }
            ids[w->n_prompt[p] + t] = trace->ids[t];
        }
    }
    sc_free(w);
    fixture_close(&f);
}

static int next_bad(void *context, struct sc_trace_request *request)
{
    static const int32_t outside[] = {131};
    size_t *n = context;
    static const int32_t prompt[4] = {1, 2, 3, 4};

    if (*n == 2)
        return -1;
    *request = (struct sc_trace_request){.prompt_key = *n + 1,
                                         .prompt = prompt,
                                         .n_prompt = 4,
                                         .sampling = {.temperature = 0},
                                         .max_new_tokens = 2,
                                         .watch = *n == 0 ? watch : outside,
                                         .n_watch = *n == 0 ? 2 : 1};
    ++*n;
    return 1;
}

static enum sc_status done_bad(void *context, const struct sc_trace_result *result,
                               struct sc_error *error)
{
    (void)context;
    (void)error;
    assert_int_equal(result->finish, SC_FINISH_FAILED);
    assert_non_null(result->failure);
    return SC_OK;
}

static void impossible_wishes_fail_the_trace(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct sc_batch_options options = {
        .parallel = 1, .max_new_tokens = 2, .max_prompt = 8, .max_watch = 1};
    size_t n = 0;
    struct sc_trace_source source = {.context = &n, .next = next_bad, .done = done_bad};
    struct sc_batch_plan plan;
    (void)state;

    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, NULL), SC_OK);
    assert_int_equal(sc_engine_run(f.engine, &plan, &options, &source, NULL), SC_OK);
    assert_int_equal(n, 2);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sharing_changes_no_bit),
        cmocka_unit_test(watched_tokens_have_their_probability),
        cmocka_unit_test(impossible_wishes_fail_the_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
