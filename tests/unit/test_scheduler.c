/* Traces through the scheduler: the same whatever runs beside them, all of them, places kept full,
 * and every failure where it belongs. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/batch.h"
#include "inference_fixture.h"

#define N_PROMPTS 12
#define N_TRACES 6
#define MOST_PROMPT 100
#define MOST_NEW 40
#define N_ALL (N_PROMPTS * N_TRACES)

struct trace {
    enum sc_finish finish;
    size_t n;
    int32_t ids[MOST_NEW];
    struct sc_token_stats stats[MOST_NEW];
    char failure[160];
    int n_done;
};

/* A source of all traces of some prompts, and what came of them. */
struct work {
    int32_t prompts[N_PROMPTS][MOST_PROMPT];
    size_t n_prompt[N_PROMPTS];
    size_t order[N_ALL], n_order, next; /* prompt * N_TRACES + trace */
    struct sc_sampling sampling;
    double penalty; /* of repetitions, in the prompts of odd number */
    size_t max_new;
    int32_t end_ids[4];
    size_t n_end_ids;
    struct trace traces[N_ALL];
    /* what the source does besides */
    size_t most_running; /* asks for patience while so many run; 0: never */
    size_t n_running, n_given_while_full;
    size_t fail_after, stop_after; /* done() fails, step() stops, at this call; 0: never */
    size_t n_done, n_steps;
    size_t cut_at; /* cuts every trace at this length; 0: never */
    size_t n_kept;
    struct sc_step_report last;
    size_t memory_count;     /* allocations when the first request was taken */
    bool same_key, own_keys; /* all prompts under one key; every trace under its own */
};

static struct work *work_new(uint64_t seed)
{
    struct work *w = sc_alloc_zero(1, sizeof *w);
    struct sc_random random = {SC_STREAM_BENCHMARK, seed, 0, 0};
    const size_t lengths[N_PROMPTS] = {1, 31, 32, 33, 100, 2, 64, 65, 17, 50, 96, 5};

    for (size_t p = 0; p < N_PROMPTS; p++) {
        w->n_prompt[p] = lengths[p];
        for (size_t i = 0; i < lengths[p]; i++)
            w->prompts[p][i] = (int32_t)sc_random_below(&random, 131);
    }
    w->n_order = N_ALL;
    for (size_t i = 0; i < N_ALL; i++)
        w->order[i] = i;
    w->sampling = (struct sc_sampling){.temperature = 0.9, .top_p = 0.98, .top_k = 60};
    w->max_new = MOST_NEW;
    w->n_end_ids = 4;
    for (int i = 0; i < 4; i++)
        w->end_ids[i] = 17 * i + 3;
    return w;
}

static void shuffle(struct work *w, uint64_t seed)
{
    struct sc_random random = {SC_STREAM_BENCHMARK, seed, 1, 0};

    for (size_t i = w->n_order; i-- > 1;) {
        size_t j = sc_random_below(&random, i + 1), other = w->order[j];

        w->order[j] = w->order[i];
        w->order[i] = other;
    }
}

static int next(void *context, struct sc_trace_request *request)
{
    struct work *w = context;
    size_t p, t;

    if (w->next == 0)
        w->memory_count = sc_memory_count();
    if (w->next == w->n_order)
        return -1;
    if (w->most_running && w->n_running == w->most_running)
        return 0;
    p = w->order[w->next] / N_TRACES;
    t = w->order[w->next++] % N_TRACES;
    w->n_running++;
    *request = (struct sc_trace_request){.prompt_key = w->same_key   ? 7
                                                       : w->own_keys ? 1000 + p * N_TRACES + t
                                                                     : 1000 + p,
                                         .prompt = w->prompts[p],
                                         .n_prompt = w->n_prompt[p],
                                         .instance_key = 50 + p,
                                         .trace_index = (uint32_t)t,
                                         .seed = 5,
                                         .sampling = w->sampling,
                                         .max_new_tokens = w->max_new,
                                         .end_ids = w->end_ids,
                                         .n_end_ids = w->n_end_ids,
                                         .user = &w->traces[p * N_TRACES + t]};
    request->sampling.repetition_penalty = p % 2 ? w->penalty : 0;
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct work *w = context;
    struct trace *trace = result->request->user;

    if (w->fail_after && ++w->n_done == w->fail_after)
        return sc_fail(error, SC_ERR_IO, "disk full");
    w->n_running--;
    trace->n_done++;
    trace->finish = result->finish;
    trace->n = result->n;
    assert_in_range(result->n, 0, MOST_NEW);
    if (result->n) {
        memcpy(trace->ids, result->ids, result->n * sizeof *result->ids);
        memcpy(trace->stats, result->stats, result->n * sizeof *result->stats);
    }
    assert_int_equal(result->failure != NULL, result->finish == SC_FINISH_FAILED);
    if (result->failure != NULL)
        snprintf(trace->failure, sizeof trace->failure, "%s", result->failure);
    return SC_OK;
}

static bool keep(void *context, const struct sc_trace_request *request,
                 const struct sc_token_stats *stats, size_t n)
{
    struct work *w = context;

    (void)request;
    assert_true(isfinite(stats[n - 1].logprob));
    w->n_kept++;
    return !w->cut_at || n < w->cut_at;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct work *w = context;

    w->last = *report;
    assert_true(report->width <= report->parallel);
    /* The token loop takes no memory. */
    assert_int_equal(sc_memory_count(), w->memory_count);
    return !w->stop_after || ++w->n_steps < w->stop_after;
}

static enum sc_status run_with(struct work *w, struct sc_engine *engine, size_t parallel,
                               size_t prefill_rows, size_t max_bytes, struct sc_error *error)
{
    struct sc_batch_options options = {.parallel = parallel,
                                       .max_new_tokens = w->max_new,
                                       .max_prompt = MOST_PROMPT,
                                       .max_bytes = max_bytes,
                                       .no_sharing = w->own_keys};
    struct sc_trace_source source = {
        .context = w, .next = next, .done = done, .keep = keep, .step = step};
    struct sc_batch_plan plan;
    enum sc_status status = sc_batch_plan(engine, &options, &plan, error);

    if (status != SC_OK)
        return status;
    assert_true(plan.parallel >= 1 && (!parallel || plan.parallel <= parallel));
    assert_int_equal(plan.total_bytes, plan.trace_bytes + plan.prompt_bytes + plan.scratch_bytes);
    if (max_bytes)
        assert_true(plan.total_bytes <= max_bytes);
    if (prefill_rows)
        plan.prefill_rows = prefill_rows;
    w->next = w->n_running = 0;
    memset(w->traces, 0, sizeof w->traces);
    return sc_engine_run(engine, &plan, &options, &source, error);
}

static void run_all(struct work *w, struct sc_engine *engine, size_t parallel, size_t prefill_rows,
                    size_t max_bytes)
{
    struct sc_error error = {0};

    if (run_with(w, engine, parallel, prefill_rows, max_bytes, &error) != SC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < w->n_order; i++)
        assert_int_equal(w->traces[w->order[i]].n_done, 1);
}

static void traces_do_not_depend_on_company(void **state)
{
    const struct {
        int threads;
        size_t parallel, prefill_rows, order, most_running, max_bytes;
    } ways[] = {
        {1, 1, 0, 0, 0, 0},   {2, 3, 0, 1, 0, 0},  {2, 8, 1, 2, 0, 0},
        {2, 32, 7, 0, 0, 0},  {1, 32, 0, 3, 0, 0}, {2, 32, 64, 4, 5, 0},
        {3, 100, 0, 5, 0, 0}, {2, 2, 0, 6, 1, 0},  {2, 16, 33, 7, 0, 900000},
    };
    struct work *w = work_new(1);
    struct trace *first = sc_alloc_array(N_ALL, sizeof *first);
    (void)state;
    w->penalty = 1.2;

    for (int dtype = SC_DTYPE_F32; dtype <= SC_DTYPE_INT8; dtype++) {
        size_t n_stopped = 0, n_length = 0;

        if (dtype == SC_DTYPE_F16)
            continue;
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            struct fixture f = fixture_open("tied_bf16", dtype, ways[i].threads, NULL, 0, 20);

            shuffle(w, ways[i].order);
            w->most_running = ways[i].most_running;
            run_all(w, f.engine, ways[i].parallel, ways[i].prefill_rows, ways[i].max_bytes);
            if (i == 0)
                memcpy(first, w->traces, sizeof w->traces);
            else
                assert_memory_equal(first, w->traces, sizeof w->traces);
            fixture_close(&f);
        }
        for (size_t i = 0; i < N_ALL; i++) {
            n_stopped += first[i].finish == SC_FINISH_STOP;
            n_length += first[i].finish == SC_FINISH_LENGTH;
            assert_true(first[i].finish != SC_FINISH_LENGTH || first[i].n == MOST_NEW);
        }
        assert_true(n_stopped > 5 && n_length > 5); /* the test sees both */
        assert_int_equal(n_stopped + n_length, N_ALL);
        /* Traces of one prompt are different samples. */
        assert_memory_not_equal(first[24].ids, first[25].ids, sizeof(int32_t));
    }
    sc_free(first);
    sc_free(w);
}

/* What was recorded during sampling is what scoring prompt and answer as one text says. */
static void scores_of_the_text_equal_the_recorded_figures(void **state)
{
    struct work *w = work_new(2);
    (void)state;
    for (const struct sc_kernels *const *k = sc_kernels_available(); *k != NULL; k++)
        for (int dtype = 0; dtype < 4; dtype++) {
            struct fixture f;

            if ((*k)->matmul[dtype].multiply == NULL)
                continue;
            f = fixture_open("tied_bf16", dtype, 2, (*k)->name, 0, 20);
            run_all(w, f.engine, 8, 16, 0);
            for (size_t i = 0; i < N_ALL; i++) {
                const struct trace *t = &w->traces[i];
                size_t n_prompt = w->n_prompt[i / N_TRACES], n = n_prompt + t->n;
                int32_t ids[MOST_PROMPT + MOST_NEW];
                float logprob[MOST_PROMPT + MOST_NEW], confidence[MOST_PROMPT + MOST_NEW],
                    entropy[MOST_PROMPT + MOST_NEW];

                memcpy(ids, w->prompts[i / N_TRACES], n_prompt * sizeof *ids);
                memcpy(ids + n_prompt, t->ids, t->n * sizeof *ids);
                assert_int_equal(
                    sc_engine_score(f.engine, ids, n,
                                    &(struct sc_score_arrays){logprob, confidence, entropy}, NULL),
                    SC_OK);
                for (size_t j = 0; j < t->n; j++) {
                    assert_true(t->stats[j].logprob == logprob[n_prompt + j]);
                    assert_true(t->stats[j].confidence == confidence[n_prompt + j - 1]);
                    assert_true(t->stats[j].entropy == entropy[n_prompt + j - 1]);
                    assert_true((double)t->stats[j].confidence >= log(20) - 1e-5);
                    assert_true(t->stats[j].sampled_logprob <= 0);
                }
            }
            fixture_close(&f);
        }
    sc_free(w);
}

/* With a penalty that lets no logit stand, greedy sampling says nothing that the prompt or the
 * answer holds, whatever else runs. */
static void a_penalty_sees_the_prompt_and_the_answer(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new(4);
    size_t n_tokens = 0;
    (void)state;
    w->sampling = (struct sc_sampling){.temperature = 0};
    w->penalty = 100;
    w->n_end_ids = 0;
    run_all(w, f.engine, 8, 16, 0);
    for (size_t p = 1; p < N_PROMPTS; p += 2) {
        if (w->n_prompt[p] > 50)
            continue;
        const struct trace *t = &w->traces[p * N_TRACES];
        bool seen[131] = {false};
        for (size_t i = 0; i < w->n_prompt[p]; i++)
            seen[w->prompts[p][i]] = true;
        for (size_t i = 0; i < t->n; i++, n_tokens++) {
            assert_false(seen[t->ids[i]]);
            seen[t->ids[i]] = true;
            assert_true(t->stats[i].sampled_logprob == 0 && t->stats[i].logprob < 0);
        }
    }
    assert_true(n_tokens >= 3 * MOST_NEW);
    fixture_close(&f);
    sc_free(w);
}

static void check_width(struct work *w, struct sc_engine *engine, size_t parallel,
                        uint64_t n_prefilled, double share)
{
    uint64_t generated = 0;

    run_all(w, engine, parallel, 0, 0);
    double width = w->last.width_sum / (double)w->last.n_steps;
    print_message("parallel %zu: mean width %.2f, %llu steps, %llu tokens, %llu of prompts\n",
                  parallel, width, (unsigned long long)w->last.n_steps,
                  (unsigned long long)w->last.n_generated, (unsigned long long)w->last.n_prefilled);
    assert_true(width >= share * (double)parallel);
    for (size_t i = 0; i < N_ALL; i++)
        generated += w->traces[i].n;
    assert_int_equal(w->last.n_prefilled, n_prefilled);
    assert_int_equal(w->last.n_generated, generated);
}

static void rows_stay_full(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new(3);
    uint64_t n = 0;
    (void)state;

    for (size_t p = 0; p < N_PROMPTS; p++)
        n += w->n_prompt[p];
    check_width(w, f.engine, 4, n, 0.95); /* a prompt is computed once, whatever it is used for */
    assert_int_equal(w->n_kept, w->last.n_generated);
    /* One trace per prompt: each must be computed while the traces before it run. */
    w->own_keys = true;
    check_width(w, f.engine, 1, n * N_TRACES, 0.98);
    check_width(w, f.engine, 3, n * N_TRACES, 0.98);
    fixture_close(&f);
    sc_free(w);
}

/* A source that lets few traces run is not asked for more, and is asked again when one ends. */
static void a_source_that_has_nothing_now_is_asked_again(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct work *w = work_new(3);
    (void)state;

    w->most_running = 3;
    run_all(w, f.engine, 8, 0, 0);
    assert_true(w->last.width_sum / (double)w->last.n_steps > 2.4);
    fixture_close(&f);
    sc_free(w);
}

static int nothing(void *context, struct sc_trace_request *request)
{
    (void)request;
    return *(int *)context;
}

static void a_source_without_requests_ends_the_run_at_once(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct sc_batch_options options = {.parallel = 2, .max_new_tokens = 4, .max_prompt = 4};
    struct sc_batch_plan plan;
    int answer = -1;
    struct sc_trace_source source = {.context = &answer, .next = nothing, .done = done};
    struct sc_error error = {0};
    (void)state;

    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, NULL), SC_OK);
    assert_int_equal(sc_engine_run(f.engine, &plan, &options, &source, &error), SC_OK);
    answer = 0;
    assert_int_equal(sc_engine_run(f.engine, &plan, &options, &source, &error), SC_ERR_INTERNAL);
    fixture_close(&f);
}

static void a_trace_that_is_not_kept_is_cut(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new(1);
    struct trace *whole = sc_alloc_array(N_ALL, sizeof *whole);
    (void)state;

    run_all(w, f.engine, 8, 0, 0);
    memcpy(whole, w->traces, sizeof w->traces);
    w->cut_at = 5;
    run_all(w, f.engine, 8, 0, 0);
    for (size_t i = 0; i < N_ALL; i++) {
        size_t n = whole[i].n < 5 ? whole[i].n : 5;

        assert_int_equal(w->traces[i].n, n);
        assert_memory_equal(w->traces[i].stats, whole[i].stats, n * sizeof *whole[i].stats);
        /* An answer that ends with that very token was not cut. */
        assert_int_equal(w->traces[i].finish, whole[i].n <= 5 ? whole[i].finish : SC_FINISH_CUT);
    }
    sc_free(whole);
    fixture_close(&f);
    sc_free(w);
}

static void a_failing_source_ends_the_run(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *w = work_new(1);
    (void)state;

    for (size_t after = 1; after < 60; after += 13) {
        struct sc_error error = {0};

        w->n_done = w->n_steps = w->stop_after = 0;
        w->fail_after = after;
        assert_int_equal(run_with(w, f.engine, 5, 0, 0, &error), SC_ERR_IO);
        assert_string_equal(error.text, "disk full");
        error = (struct sc_error){0};
        w->fail_after = 0;
        w->stop_after = after;
        assert_int_equal(run_with(w, f.engine, 5, 0, 0, &error), SC_ERR_INTERRUPTED);
    }
    fixture_close(&f);
    sc_free(w);
}

static void requests_that_cannot_be_sampled_fail_alone(void **state)
{
    struct fixture f = fixture_open("deep_f16", -1, 2, NULL, 60, 5); /* context 40, 64 rows */
    struct work *w = work_new(1);
    (void)state;

    for (size_t p = 0; p < N_PROMPTS; p++)
        for (size_t i = 0; i < w->n_prompt[p]; i++)
            w->prompts[p][i] %= 60;
    w->n_prompt[0] = 0;
    w->n_prompt[1] = 40; /* no position left */
    w->n_prompt[2] = 39; /* one */
    w->prompts[5][1] = 64;
    w->prompts[8][16] = -1;
    w->n_end_ids = 0;
    run_all(w, f.engine, 4, 0, 0);
    for (size_t i = 0; i < N_ALL; i++) {
        const struct trace *t = &w->traces[i];
        size_t p = i / N_TRACES;

        if (p == 0 || p == 5 || p == 8 || w->n_prompt[p] >= 40) {
            assert_int_equal(t->finish, SC_FINISH_FAILED);
            assert_int_equal(t->n, 0);
            assert_non_null(strstr(t->failure, "prompt"));
        } else {
            /* The context ends the answer: the last token needs no position. */
            size_t left = 40 - w->n_prompt[p];

            assert_int_equal(t->finish, SC_FINISH_LENGTH);
            assert_int_equal(t->n, left < MOST_NEW ? left : MOST_NEW);
        }
    }
    w->sampling.top_p = 0;
    run_all(w, f.engine, 4, 0, 0);
    assert_non_null(strstr(w->traces[15].failure, "top_p"));
    w->sampling.top_p = 1;
    w->max_new = 0;
    run_all(w, f.engine, 4, 0, 0);
    assert_int_equal(w->traces[15].finish, SC_FINISH_FAILED);
    w->max_new = 1;
    run_all(w, f.engine, 4, 0, 0);
    assert_int_equal(w->traces[15].n, 1);
    fixture_close(&f);
    f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    w->prompts[5][1] = w->prompts[8][16] = 1;
    w->same_key = true; /* prompts of several lengths under one key */
    run_all(w, f.engine, 100, 0, 0);
    assert_non_null(strstr(w->traces[N_ALL - 1].failure, "key"));
    fixture_close(&f);
    sc_free(w);
}

static void logits_that_are_no_numbers_fail_the_trace(void **state)
{
    struct fixture f = fixture_open("tied_bf16", SC_DTYPE_F32, 2, NULL, 0, 20);
    struct work *w = work_new(1);
    (void)state;

    fixture_cpu(&f)->norms[3] = INFINITY;
    run_all(w, f.engine, 4, 0, 0);
    for (size_t i = 0; i < N_ALL; i++) {
        assert_int_equal(w->traces[i].finish, SC_FINISH_FAILED);
        assert_non_null(strstr(w->traces[i].failure, "finite"));
    }
    fixture_close(&f);
    sc_free(w);
}

static void a_plan_stays_within_its_limit_and_takes_nothing(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct sc_batch_options options = {.max_new_tokens = 64, .max_prompt = 100};
    struct sc_batch_plan plan, smaller;
    struct sc_error error = {0};
    size_t before = sc_memory_count();
    (void)state;

    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, NULL), SC_OK);
    assert_true(plan.parallel >= 8);
    /* 2 layers, keys and values of 2 heads of 16 in bf16. */
    assert_true(plan.trace_bytes >= plan.parallel * 64 * 2 * 2 * 2 * 16 * 2);
    options.parallel = 1000000;
    options.max_bytes = plan.total_bytes / 3;
    assert_int_equal(sc_batch_plan(f.engine, &options, &smaller, NULL), SC_OK);
    assert_true(smaller.total_bytes <= options.max_bytes && smaller.parallel >= 1);
    for (options.max_bytes = 2 * plan.total_bytes;; options.max_bytes -= options.max_bytes / 7) {
        enum sc_status status = sc_batch_plan(f.engine, &options, &smaller, &error);

        if (status != SC_OK) {
            assert_int_equal(status, SC_ERR_LIMIT);
            break;
        }
        assert_true(smaller.total_bytes <= options.max_bytes);
        assert_true(smaller.parallel >= 1 && smaller.prefill_rows >= 1);
    }
    assert_int_equal(smaller.parallel, 1);
    assert_int_equal(sc_memory_count(), before); /* a plan takes nothing */
    options = (struct sc_batch_options){.max_new_tokens = SIZE_MAX, .max_prompt = SIZE_MAX};
    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, NULL), SC_OK); /* context 256 */
    fixture_close(&f);
}

/* The least memory still runs everything, one prompt at a time. */
static void the_least_memory_still_runs_everything(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct work *w = work_new(1);
    struct trace *first = sc_alloc_array(N_ALL, sizeof *first);
    struct sc_batch_options options = {
        .parallel = 6, .max_new_tokens = MOST_NEW, .max_prompt = MOST_PROMPT};
    struct sc_trace_source source = {.context = w, .next = next, .done = done, .step = step};
    struct sc_batch_plan plan;
    (void)state;

    run_all(w, f.engine, 32, 0, 0);
    memcpy(first, w->traces, sizeof w->traces);
    assert_int_equal(sc_batch_plan(f.engine, &options, &plan, NULL), SC_OK);
    plan.n_pages = 0; /* the run takes room for one longest prompt */
    shuffle(w, 9);
    w->next = w->n_running = 0;
    memset(w->traces, 0, sizeof w->traces);
    assert_int_equal(sc_engine_run(f.engine, &plan, &options, &source, NULL), SC_OK);
    assert_memory_equal(first, w->traces, sizeof w->traces);
    sc_free(first);
    fixture_close(&f);
    sc_free(w);
}

static void exhausted_memory_is_an_error(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct work *w = work_new(1);
    struct sc_error error = {0};
    enum sc_status status = SC_ERR_NOMEM;
    (void)state;

    for (size_t n = 0; status != SC_OK; n++) {
        error = (struct sc_error){0};
        sc_memory_fail_at(n);
        status = run_with(w, f.engine, 4, 0, 0, &error);
        sc_memory_fail_at(SIZE_MAX);
        if (status != SC_OK)
            assert_int_equal(status, SC_ERR_NOMEM);
        assert_in_range(n, 0, 20);
    }
    fixture_close(&f);
    sc_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_do_not_depend_on_company),
        cmocka_unit_test(a_penalty_sees_the_prompt_and_the_answer),
        cmocka_unit_test(scores_of_the_text_equal_the_recorded_figures),
        cmocka_unit_test(rows_stay_full),
        cmocka_unit_test(a_source_that_has_nothing_now_is_asked_again),
        cmocka_unit_test(a_source_without_requests_ends_the_run_at_once),
        cmocka_unit_test(a_trace_that_is_not_kept_is_cut),
        cmocka_unit_test(a_failing_source_ends_the_run),
        cmocka_unit_test(requests_that_cannot_be_sampled_fail_alone),
        cmocka_unit_test(logits_that_are_no_numbers_fail_the_trace),
        cmocka_unit_test(a_plan_stays_within_its_limit_and_takes_nothing),
        cmocka_unit_test(the_least_memory_still_runs_everything),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
