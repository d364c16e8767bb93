/* Sources that read along: the likeliest tokens at every place, whatever runs beside a trace;
 * requests that arrive while others run; traces that are ended by what they say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/open.h"

enum { N_TOP = 5, N_NEW = 20, N_TRACES = 6 };

static struct sc_opened model;
static const int32_t prompt[] = {300, 5, 421, 77, 9};
enum { N_PROMPT = sizeof prompt / sizeof *prompt };

static int open_demo(void **state)
{
    (void)state;
    const struct sc_engine_options options = sc_engine_options_default();
    if (sc_opened_read(&model, "demo", NULL) != SC_OK)
        return -1;
    return sc_opened_start(&model, &options, NULL) == SC_OK ? 0 : -1;
}

static int close_demo(void **state)
{
    (void)state;
    sc_opened_close(&model);
    return 0;
}

/* What came of a trace. */
struct kept {
    int32_t ids[N_NEW], top_ids[N_NEW][N_TOP];
    float top_logprobs[N_NEW][N_TOP];
    size_t n, n_followed; /* n_followed: tokens that were shown while it ran */
    bool listed;
    enum sc_finish finish;
    char failure[160];
};

struct world {
    struct kept kept[N_TRACES];
    size_t n_top[N_TRACES]; /* that each asks for */
    size_t n_asked, n_done, n_steps;
    size_t held_until; /* steps before the second trace arrives; 0: all are there at once */
    size_t n_in_flight_then;
    size_t cut_at; /* tokens after which the source ends each trace; 0: never */
};

static int next(void *context, struct sc_trace_request *request)
{
    struct world *w = context;
    if (w->n_asked == N_TRACES)
        return -1;
    if (w->n_asked > 0 && w->n_steps < w->held_until) {
        assert_true(w->n_asked > w->n_done);
        return 0;
    }
    if (w->n_asked == 1)
        w->n_in_flight_then = w->n_asked - w->n_done;
    *request = (struct sc_trace_request){.prompt_key = 1,
                                         .prompt = prompt,
                                         .n_prompt = N_PROMPT,
                                         .instance_key = 7,
                                         .trace_index = (uint32_t)w->n_asked,
                                         .n_traces = N_TRACES,
                                         .seed = 3,
                                         .sampling = {.temperature = 1, .top_p = 1},
                                         .max_new_tokens = N_NEW,
                                         .n_top = w->n_top[w->n_asked],
                                         .user = &w->kept[w->n_asked]};
    w->n_asked++;
    return 1;
}

static bool follow(void *context, const struct sc_trace_result *so_far)
{
    const struct world *w = context;
    struct kept *kept = so_far->request->user;
    assert_int_equal(so_far->n, kept->n_followed + 1);
    kept->n_followed = so_far->n;
    assert_int_equal(so_far->top_ids != NULL, so_far->request->n_top > 0);
    return w->cut_at == 0 || so_far->n < w->cut_at;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct world *w = context;
    struct kept *kept = result->request->user;
    (void)error;
    w->n_done++;
    kept->n = result->n;
    kept->finish = result->finish;
    kept->listed = result->top_ids != NULL;
    if (result->failure != NULL)
        strncpy(kept->failure, result->failure, sizeof kept->failure - 1);
    if (result->n > 0)
        memcpy(kept->ids, result->ids, result->n * sizeof *result->ids);
    const size_t n_top = result->request->n_top;
    for (size_t i = 0; kept->listed && i < result->n; i++) {
        memcpy(kept->top_ids[i], result->top_ids + i * n_top, n_top * sizeof(int32_t));
        memcpy(kept->top_logprobs[i], result->top_logprobs + i * n_top, n_top * sizeof(float));
    }
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct world *w = context;
    w->n_steps = report->n_steps;
    return true;
}

static void run(struct world *w, size_t parallel)
{
    const struct sc_batch_options options = {
        .parallel = parallel, .max_new_tokens = N_NEW, .max_prompt = N_PROMPT, .max_top = N_TOP};
    const struct sc_trace_source source = {.context = w,
                                           .next = next,
                                           .done = done,
                                           .follow = follow,
                                           .step = step,
                                           .arrives = w->held_until > 0};
    struct sc_batch_plan plan;
    struct sc_error error = {0};
    assert_int_equal(sc_batch_plan(model.engine, &options, &plan, &error), SC_OK);
    if (sc_engine_run(model.engine, &plan, &options, &source, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(w->n_done, N_TRACES);
}

/* Lists are those of a score of the same tokens, and asking for them changes no token. */
static void lists_are_those_of_a_score(void **state)
{
    (void)state;
    static struct world plain, listed, alone;
    for (size_t i = 0; i < N_TRACES; i++) {
        listed.n_top[i] = i % 3 == 0 ? 0 : N_TOP;
        alone.n_top[i] = listed.n_top[i];
    }
    run(&plain, 4);
    run(&listed, 4);
    run(&alone, 1);
    for (size_t i = 0; i < N_TRACES; i++) {
        const struct kept *k = &listed.kept[i];
        assert_int_equal(k->n, N_NEW);
        assert_int_equal(k->n_followed, N_NEW);
        assert_memory_equal(k->ids, plain.kept[i].ids, sizeof k->ids);
        assert_memory_equal(k->top_ids, alone.kept[i].top_ids, sizeof k->top_ids);
        assert_memory_equal(k->top_logprobs, alone.kept[i].top_logprobs, sizeof k->top_logprobs);
        assert_int_equal(k->listed, listed.n_top[i] > 0);
        if (!k->listed)
            continue;
        int32_t ids[N_PROMPT + N_NEW], top_ids[(N_PROMPT + N_NEW) * N_TOP];
        float top_logprobs[(N_PROMPT + N_NEW) * N_TOP], logprob[N_PROMPT + N_NEW];
        memcpy(ids, prompt, sizeof prompt);
        memcpy(ids + N_PROMPT, k->ids, sizeof k->ids);
        const struct sc_score_arrays out = {.logprob = logprob};
        const struct sc_top top = {N_TOP, top_ids, top_logprobs};
        assert_int_equal(sc_score_listed(model.engine, ids, N_PROMPT + N_NEW, &out, &top, NULL),
                         SC_OK);
        for (size_t t = 0; t < N_NEW; t++)
            for (size_t j = 0; j < N_TOP; j++) {
                size_t at = (N_PROMPT + t - 1) * N_TOP + j;
                assert_int_equal(k->top_ids[t][j], top_ids[at]);
                assert_true(fabsf(k->top_logprobs[t][j] - top_logprobs[at]) < 1e-5f);
                assert_true(j == 0 || k->top_logprobs[t][j] <= k->top_logprobs[t][j - 1]);
                if (k->top_ids[t][j] == k->ids[t])
                    assert_true(fabsf(k->top_logprobs[t][j] - logprob[N_PROMPT + t]) < 1e-5f);
            }
    }
}

static void more_than_planned_is_refused(void **state)
{
    (void)state;
    static struct world w;
    w.n_top[2] = N_TOP + 1;
    run(&w, 2);
    assert_int_equal(w.kept[2].finish, SC_FINISH_FAILED);
    assert_non_null(strstr(w.kept[2].failure, "listed tokens: expected at most 5 (planned)"));
    assert_int_equal(w.kept[3].n, N_NEW);
}

/* One that arrives while another runs begins beside it, and says what it says anyway. */
static void requests_arrive_while_others_run(void **state)
{
    (void)state;
    static struct world at_once, later;
    run(&at_once, 4);
    later.held_until = 8;
    run(&later, 4);
    assert_int_equal(later.n_in_flight_then, 1);
    for (size_t i = 0; i < N_TRACES; i++)
        assert_memory_equal(later.kept[i].ids, at_once.kept[i].ids, sizeof later.kept[i].ids);
}

static void a_source_that_follows_ends_traces(void **state)
{
    (void)state;
    static struct world w;
    w.cut_at = 3;
    run(&w, 2);
    for (size_t i = 0; i < N_TRACES; i++) {
        assert_int_equal(w.kept[i].finish, SC_FINISH_CUT);
        assert_int_equal(w.kept[i].n, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_those_of_a_score),
        cmocka_unit_test(more_than_planned_is_refused),
        cmocka_unit_test(requests_arrive_while_others_run),
        cmocka_unit_test(a_source_that_follows_ends_traces),
    };
    return cmocka_run_group_tests(tests, open_demo, close_demo);
}
