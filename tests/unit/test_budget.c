/* Reasoning with a budget, in the engine: where it is closed, what is put in, and that nothing of
 * it depends on what runs beside it. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "inference_fixture.h"

enum { N = 40, MOST_PROMPT = 60, BUDGET = 6, N_CLOSING = 3, MOST_ANSWER = 10, CLOSE = 7 };
enum { MOST_NEW = BUDGET + N_CLOSING + MOST_ANSWER };

static const int32_t closing[N_CLOSING] = {90, CLOSE, 91};
static const int32_t ends[] = {3, 20, 54};

struct trace {
    enum sc_finish finish;
    size_t n, forced_begin, n_forced;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
    char failure[160];
    int n_done;
};

struct work {
    int32_t prompts[N][MOST_PROMPT];
    size_t n_prompt[N], next, n_kept;
    struct sc_sampling sampling;
    struct sc_reasoning_budget budget;
    size_t max_new, cut_at;
    struct trace traces[N];
    struct sc_step_report last;
};

static struct work *work_new(void)
{
    struct work *w = sc_alloc_zero(1, sizeof *w);
    struct sc_random random = {SC_STREAM_BENCHMARK, 9, 0, 0};
    for (size_t p = 0; p < N; p++) {
        w->n_prompt[p] = 1 + sc_random_below(&random, MOST_PROMPT);
        for (size_t i = 0; i < w->n_prompt[p]; i++)
            w->prompts[p][i] = (int32_t)sc_random_below(&random, 131);
    }
    w->sampling = (struct sc_sampling){.temperature = 1.5, .top_p = 1};
    w->budget = (struct sc_reasoning_budget){BUDGET, CLOSE, closing, N_CLOSING};
    w->max_new = MOST_ANSWER;
    return w;
}

static int next(void *context, struct sc_trace_request *request)
{
    struct work *w = context;
    if (w->next == N)
        return -1;
    size_t p = w->next++;
    *request = (struct sc_trace_request){.prompt_key = 1 + p,
                                         .prompt = w->prompts[p],
                                         .n_prompt = w->n_prompt[p],
                                         .instance_key = p,
                                         .seed = 3,
                                         .sampling = w->sampling,
                                         .max_new_tokens = w->max_new,
                                         .budget = w->budget,
                                         .end_ids = ends,
                                         .n_end_ids = sizeof ends / sizeof *ends,
                                         .user = &w->traces[p]};
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct trace *t = result->request->user;
    (void)context;
    (void)error;
    assert_in_range(result->n, 0, MOST_NEW);
    t->finish = result->finish;
    t->n = result->n;
    t->forced_begin = result->forced_begin;
    t->n_forced = result->n_forced;
    t->n_done++;
    if (result->n > 0) {
        memcpy(t->ids, result->ids, result->n * sizeof *t->ids);
        memcpy(t->stats, result->stats, result->n * sizeof *t->stats);
    }
    if (result->failure != NULL)
        snprintf(t->failure, sizeof t->failure, "%s", result->failure);
    return SC_OK;
}

/* Is asked about sampled tokens alone. */
static bool keep(void *context, const struct sc_trace_request *request,
                 const struct sc_token_stats *stats, size_t n)
{
    struct work *w = context;
    (void)request;
    assert_true(isfinite(stats[n - 1].confidence));
    w->n_kept++;
    return w->cut_at == 0 || n < w->cut_at;
}

static bool step(void *context, const struct sc_step_report *report)
{
    ((struct work *)context)->last = *report;
    return true;
}

static void run(struct work *w, struct sc_engine *engine, size_t parallel, size_t prefill_rows)
{
    const struct sc_batch_options options = {
        .parallel = parallel, .max_new_tokens = MOST_NEW, .max_prompt = MOST_PROMPT};
    const struct sc_trace_source source = {
        .context = w, .next = next, .done = done, .keep = keep, .step = step};
    struct sc_batch_plan plan;
    struct sc_error error = {0};
    memset(w->traces, 0, sizeof w->traces);
    w->next = w->n_kept = 0;
    assert_int_equal(sc_batch_plan(engine, &options, &plan, &error), SC_OK);
    if (prefill_rows > 0)
        plan.prefill_rows = prefill_rows;
    if (sc_engine_run(engine, &plan, &options, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(w->traces[i].n_done, 1);
}

/* Where a trace's reasoning was closed by itself, within the budget; 0: it was not. */
static size_t closed_at(const struct trace *t)
{
    for (size_t i = 0; i < t->n && i < BUDGET; i++)
        if (t->ids[i] == CLOSE)
            return i + 1;
    return 0;
}

static void an_open_reasoning_is_closed_and_the_answer_has_its_own_limit(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new();
    size_t n_forced = 0, n_closed = 0, n_ended = 0, n_sampled = 0, n_full = 0;
    (void)state;
    run(w, f.engine, 8, 0);
    for (size_t i = 0; i < N; i++) {
        const struct trace *t = &w->traces[i];
        size_t own = closed_at(t), answer = own;
        n_sampled += t->n - t->n_forced;
        if (own == 0 && t->n <= BUDGET) { /* ended within its reasoning */
            assert_int_equal(t->finish, SC_FINISH_STOP);
            assert_int_equal(t->n_forced, 0);
            n_ended++;
            continue;
        }
        if (own == 0) {
            assert_int_equal(t->forced_begin, BUDGET);
            assert_int_equal(t->n_forced, N_CLOSING);
            assert_memory_equal(t->ids + BUDGET, closing, sizeof closing);
            answer = BUDGET + N_CLOSING;
            n_forced++;
        } else {
            assert_int_equal(t->n_forced, 0);
            n_closed++;
        }
        for (size_t j = 0; j < t->n; j++)
            assert_int_equal(isfinite(t->stats[j].logprob) != 0,
                             !(own == 0 && j >= BUDGET && j < answer));
        if (t->finish == SC_FINISH_LENGTH) {
            assert_int_equal(t->n, answer + MOST_ANSWER);
            n_full++;
        }
        assert_true(t->n <= answer + MOST_ANSWER);
    }
    assert_true(n_forced > 10 && n_closed > 0 && n_ended > 0 && n_full > 3); /* all are seen */
    assert_int_equal(w->last.n_generated, n_sampled);
    assert_int_equal(w->n_kept, n_sampled);
    fixture_close(&f);
    sc_free(w);
}

static void a_budget_does_not_depend_on_company(void **state)
{
    const struct {
        int threads;
        size_t parallel, prefill_rows;
    } ways[] = {{1, 1, 0}, {2, 3, 5}, {3, 16, 1}, {2, 64, 0}};
    struct work *w = work_new();
    struct trace *first = sc_alloc_array(N, sizeof *first);
    (void)state;
    w->sampling.repetition_penalty = 1.3; /* sees what was put in */
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct fixture f = fixture_open("tied_bf16", -1, ways[i].threads, NULL, 0, 20);
        run(w, f.engine, ways[i].parallel, ways[i].prefill_rows);
        if (i == 0)
            memcpy(first, w->traces, sizeof w->traces);
        assert_memory_equal(first, w->traces, sizeof w->traces);
        fixture_close(&f);
    }
    sc_free(first);
    sc_free(w);
}

/* What follows the closing was computed with it in the context. */
static void figures_are_those_of_the_text_with_the_closing(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new();
    (void)state;
    run(w, f.engine, 8, 0);
    for (size_t i = 0; i < N; i++) {
        const struct trace *t = &w->traces[i];
        size_t n = w->n_prompt[i];
        int32_t ids[MOST_PROMPT + MOST_NEW];
        float logprob[MOST_PROMPT + MOST_NEW];
        memcpy(ids, w->prompts[i], n * sizeof *ids);
        memcpy(ids + n, t->ids, t->n * sizeof *ids);
        const struct sc_score_arrays out = {.logprob = logprob};
        assert_int_equal(sc_engine_score(f.engine, ids, n + t->n, &out, NULL), SC_OK);
        for (size_t j = 0; j < t->n; j++)
            if (j < t->forced_begin || j >= t->forced_begin + t->n_forced)
                assert_true(t->stats[j].logprob == logprob[n + j]);
    }
    fixture_close(&f);
    sc_free(w);
}

/* A budget that is not used up, or not yet, changes nothing. */
static void up_to_the_budget_nothing_differs(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new();
    struct trace *with = sc_alloc_array(N, sizeof *with);
    (void)state;
    run(w, f.engine, 8, 0);
    memcpy(with, w->traces, sizeof w->traces);
    w->budget = (struct sc_reasoning_budget){0};
    w->max_new = MOST_NEW;
    run(w, f.engine, 8, 0);
    for (size_t i = 0; i < N; i++) {
        size_t n = with[i].n_forced > 0 ? BUDGET : with[i].n;
        assert_true(w->traces[i].n >= n && w->traces[i].n_forced == 0);
        assert_memory_equal(w->traces[i].ids, with[i].ids, n * sizeof(int32_t));
        assert_memory_equal(w->traces[i].stats, with[i].stats, n * sizeof *with[i].stats);
    }
    fixture_close(&f);
    sc_free(with);
    sc_free(w);
}

static void a_cut_falls_before_or_behind_the_closing(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new();
    (void)state;
    for (w->cut_at = BUDGET; w->cut_at <= BUDGET + N_CLOSING + 1; w->cut_at++) {
        run(w, f.engine, 8, 0);
        for (size_t i = 0; i < N; i++) {
            const struct trace *t = &w->traces[i];
            bool behind = t->n_forced > 0;
            assert_true(t->finish != SC_FINISH_CUT || t->n >= w->cut_at);
            assert_true(!behind || t->n > BUDGET + N_CLOSING);
        }
    }
    fixture_close(&f);
    sc_free(w);
}

static void what_cannot_be_closed_fails_alone(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new();
    (void)state;
    w->budget.n_closing = 0;
    run(w, f.engine, 4, 0);
    assert_string_equal(w->traces[0].failure,
                        "reasoning budget: expected tokens that close it, found none");
    w->budget.n_closing = N_CLOSING;
    w->budget.n_tokens = BUDGET + 1;
    run(w, f.engine, 4, 0);
    assert_string_equal(w->traces[5].failure,
                        "new tokens: expected at most 19 (planned), found 20");
    w->budget.n_tokens = SIZE_MAX;
    run(w, f.engine, 4, 0);
    assert_int_equal(w->traces[N - 1].finish, SC_FINISH_FAILED);
    fixture_close(&f);
    sc_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_reasoning_is_closed_and_the_answer_has_its_own_limit),
        cmocka_unit_test(a_budget_does_not_depend_on_company),
        cmocka_unit_test(figures_are_those_of_the_text_with_the_closing),
        cmocka_unit_test(up_to_the_budget_nothing_differs),
        cmocka_unit_test(a_cut_falls_before_or_behind_the_closing),
        cmocka_unit_test(what_cannot_be_closed_fails_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
