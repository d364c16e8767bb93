/* The interface that a program outside samples with: what a trace follows from, and what is
 * refused.
 */
#include <safeconf/engine.h>

#include "base/memory.h"
#include "base/options.h"
#include "inference_fixture.h"
#include "model_fixture.h"

enum { MOST = 16, MOST_NEW = 10 };

struct answers {
    int32_t ids[MOST][MOST_NEW];
    struct sc_token_stats stats[MOST][MOST_NEW];
    size_t n[MOST], n_done, n_failed, stop_after, n_steps;
};

static enum sc_status take(void *context, const struct sc_sampled_trace *trace,
                           struct sc_error *error)
{
    struct answers *a = context;
    a->n_failed += trace->finish == SC_FINISH_FAILED;
    if (trace->failure != NULL)
        assert_true(strlen(trace->failure) > 5);
    if (trace->index < MOST && trace->n <= MOST_NEW) {
        a->n[trace->index] = trace->n;
        if (trace->n > 0) {
            memcpy(a->ids[trace->index], trace->ids, trace->n * sizeof *trace->ids);
            memcpy(a->stats[trace->index], trace->stats, trace->n * sizeof *trace->stats);
        }
    }
    if (++a->n_done == a->stop_after)
        return sc_fail(error, SC_ERR_IO, "no more room");
    return SC_OK;
}

static bool never(void *context)
{
    ((struct answers *)context)->n_steps++;
    return false;
}

static const int32_t prompt[] = {5, 9, 2, 33, 8};

static struct sc_sample_options wanted(const struct fixture *f, struct answers *a)
{
    struct sc_sample_options options = sc_sample_options_default(f->model);
    options.prompt = prompt;
    options.n_prompt = 5;
    options.n_traces = MOST;
    options.instance_id = "bread";
    options.seed = 11;
    options.context = a;
    options.trace = take;
    options.n_end_ids = 0;
    options.sampling = (struct sc_sampling){.temperature = 1, .top_p = 1};
    return options;
}

static struct sc_session *open_session(const struct fixture *f, size_t parallel)
{
    struct sc_session_options options = sc_session_options_default();
    struct sc_session *session = NULL;
    struct sc_error error = {0};
    options.parallel = parallel;
    options.max_new_tokens = MOST_NEW;
    options.max_prompt_tokens = 32;
    if (sc_session_open(&session, f->engine, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return session;
}

static void a_trace_follows_from_its_options_and_not_from_the_session(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct answers *all = sc_alloc_zero(1, sizeof *all), *parts = sc_alloc_zero(1, sizeof *parts);
    struct sc_session *wide = open_session(&f, 8), *narrow = open_session(&f, 1);
    struct sc_sample_options options = wanted(&f, all);
    assert_int_equal(sc_session_sample(wide, &options, NULL), SC_OK);
    assert_int_equal(all->n_done, MOST);
    options.context = parts;
    for (uint32_t first = 0; first < MOST; first += 4) { /* four at a time, one at once */
        options.first_trace = first;
        options.n_traces = 4;
        assert_int_equal(sc_session_sample(narrow, &options, NULL), SC_OK);
    }
    assert_memory_equal(all->ids, parts->ids, sizeof all->ids);
    assert_memory_equal(all->stats, parts->stats, sizeof all->stats);
    options.seed++;
    assert_int_equal(sc_session_sample(narrow, &options, NULL), SC_OK);
    assert_memory_not_equal(all->ids[MOST - 4], parts->ids[MOST - 4], 4 * sizeof all->ids[0]);
    sc_session_close(wide);
    sc_session_close(narrow);
    sc_free(all);
    sc_free(parts);
    fixture_close(&f);
}

static void another_prompt_of_the_same_length_is_not_taken_for_the_last_one(void **state)
{
    (void)state;
    static const int32_t other[] = {5, 9, 2, 33, 7};
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct answers *fresh = sc_alloc_zero(1, sizeof *fresh), *a = sc_alloc_zero(1, sizeof *a);
    struct sc_session *used = open_session(&f, 4), *unused = open_session(&f, 4);
    struct sc_sample_options options = wanted(&f, a);
    assert_int_equal(sc_session_sample(used, &options, NULL), SC_OK);
    options.prompt = other;
    assert_int_equal(sc_session_sample(used, &options, NULL), SC_OK);
    options.context = fresh;
    assert_int_equal(sc_session_sample(unused, &options, NULL), SC_OK);
    assert_memory_equal(fresh->stats, a->stats, sizeof a->stats);
    sc_session_close(used);
    sc_session_close(unused);
    sc_free(fresh);
    sc_free(a);
    fixture_close(&f);
}

static void what_does_not_fit_fails_as_traces_and_the_session_goes_on(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct answers *a = sc_alloc_zero(1, sizeof *a);
    struct sc_session *session = open_session(&f, 4);
    struct sc_sample_options options = wanted(&f, a);
    static int32_t too_long[40];
    options.prompt = too_long;
    options.n_prompt = 40;
    assert_int_equal(sc_session_sample(session, &options, NULL), SC_OK);
    assert_int_equal(a->n_failed, MOST);
    options = wanted(&f, a);
    options.max_new_tokens = MOST_NEW + 1;
    assert_int_equal(sc_session_sample(session, &options, NULL), SC_OK);
    assert_int_equal(a->n_failed, 2 * MOST);
    options = wanted(&f, a);
    assert_int_equal(sc_session_sample(session, &options, NULL), SC_OK);
    assert_int_equal(a->n_failed, 2 * MOST);
    sc_session_close(session);
    sc_free(a);
    fixture_close(&f);
}

static void a_callback_ends_the_sampling(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct answers *a = sc_alloc_zero(1, sizeof *a);
    struct sc_session *session = open_session(&f, 4);
    struct sc_sample_options options = wanted(&f, a);
    struct sc_error error = {0};
    a->stop_after = 3;
    assert_int_equal(sc_session_sample(session, &options, &error), SC_ERR_IO);
    assert_string_equal(error.text, "no more room");
    options.keep_going = never;
    assert_int_equal(sc_session_sample(session, &options, NULL), SC_ERR_INTERRUPTED);
    assert_int_equal(a->n_steps, 1);
    options.keep_going = NULL;
    a->n_done = a->stop_after = 0;
    assert_int_equal(sc_session_sample(session, &options, NULL), SC_OK);
    assert_int_equal(a->n_done, MOST);
    sc_session_close(session);
    sc_free(a);
    fixture_close(&f);
}

static void bad_arguments_are_errors(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct answers *a = sc_alloc_zero(1, sizeof *a);
    struct sc_session *session = open_session(&f, 4), *none = NULL;
    struct sc_session_options room = sc_session_options_default();
    struct sc_sample_options good = wanted(&f, a), bad[7];
    assert_int_equal(sc_session_open(NULL, f.engine, NULL, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_session_open(&none, NULL, NULL, NULL), SC_ERR_ARGUMENT);
    room.size = 0;
    assert_int_equal(sc_session_open(&none, f.engine, &room, NULL), SC_ERR_ARGUMENT);
    room = sc_session_options_default();
    room.max_new_tokens = 0;
    assert_int_equal(sc_session_open(&none, f.engine, &room, NULL), SC_ERR_ARGUMENT);
    for (size_t i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].size = 0;
    bad[1].size = sizeof good + 1;
    bad[2].prompt = NULL;
    bad[3].n_prompt = 0;
    bad[4].instance_id = NULL;
    bad[5].trace = NULL;
    bad[6].first_trace = UINT32_MAX - 1;
    for (size_t i = 0; i < 7; i++) {
        struct sc_error error = {0};
        assert_int_equal(sc_session_sample(session, &bad[i], &error), SC_ERR_ARGUMENT);
        assert_clear(&error);
    }
    assert_int_equal(sc_session_sample(NULL, &good, NULL), SC_ERR_ARGUMENT);
    assert_int_equal(sc_session_sample(session, NULL, NULL), SC_ERR_ARGUMENT);
    sc_session_close(NULL);
    sc_session_close(session);
    sc_free(a);
    fixture_close(&f);
}

static void options_of_an_older_header_leave_the_rest_at_the_defaults(void **state)
{
    (void)state;
    struct newer {
        size_t size;
        int old, added;
    } all = {sizeof all, 1, 2}, given = {0, 7, 9};
    given.size = offsetof(struct newer, added);
    assert_int_equal(sc_options_take(&all, sizeof all, &given, given.size, "test", NULL), SC_OK);
    assert_int_equal(all.size, sizeof all);
    assert_int_equal(all.old, 7);
    assert_int_equal(all.added, 2);
    assert_int_equal(sc_options_take(&all, sizeof all, &given, 3, "test", NULL), SC_ERR_ARGUMENT);
}

static void a_session_that_runs_out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    for (; status != SC_OK; n++) {
        struct sc_session *session = NULL;
        sc_memory_fail_at(n);
        status = sc_session_open(&session, f.engine, NULL, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status != SC_OK)
            assert_int_equal(status, SC_ERR_NOMEM);
        assert_int_equal(session != NULL, status == SC_OK);
        sc_session_close(session);
    }
    assert_in_range(n, 5, 30);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_follows_from_its_options_and_not_from_the_session),
        cmocka_unit_test(another_prompt_of_the_same_length_is_not_taken_for_the_last_one),
        cmocka_unit_test(what_does_not_fit_fails_as_traces_and_the_session_goes_on),
        cmocka_unit_test(a_callback_ends_the_sampling),
        cmocka_unit_test(bad_arguments_are_errors),
        cmocka_unit_test(options_of_an_older_header_leave_the_rest_at_the_defaults),
        cmocka_unit_test(a_session_that_runs_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
