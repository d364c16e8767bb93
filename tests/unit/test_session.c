/*
 * Sessions on one engine: several at once give what each gives alone; one may run again.  And the
 * scheduler on a device made up here, which shows that it knows nothing of processors.
 */
#include <pthread.h>

#include "base/memory.h"
#include "engine/batch.h"
#include "inference_fixture.h"

enum { N_TRACES = 24, MOST_NEW = 12, N_PROMPT = 40 };

struct work {
    const struct sc_engine *engine;
    uint64_t seed;
    int32_t prompt[N_PROMPT];
    size_t next, n_done, stop_after; /* stop_after: steps; 0: never */
    int32_t ids[N_TRACES][MOST_NEW];
    struct sc_token_stats stats[N_TRACES][MOST_NEW];
    size_t n[N_TRACES];
    size_t n_asked, says_no_at; /* questions whether to go on; no to the one of that number */
};

static int next(void *context, struct sc_trace_request *request)
{
    struct work *w = context;
    if (w->next == N_TRACES)
        return -1;
    *request = (struct sc_trace_request){.prompt_key = 1 + w->next % 3,
                                         .prompt = w->prompt,
                                         .n_prompt = N_PROMPT - w->next % 3,
                                         .instance_key = 7,
                                         .trace_index = (uint32_t)w->next,
                                         .seed = w->seed,
                                         .sampling = {.temperature = 1, .top_p = 1},
                                         .max_new_tokens = MOST_NEW};
    w->next++;
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    struct work *w = context;
    size_t t = result->request->trace_index;
    (void)error;
    w->n[t] = result->n;
    memcpy(w->ids[t], result->ids, result->n * sizeof *result->ids);
    memcpy(w->stats[t], result->stats, result->n * sizeof *result->stats);
    w->n_done++;
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    struct work *w = context;
    if (++w->n_asked == w->says_no_at)
        return false;
    return w->stop_after == 0 || report->n_steps < w->stop_after;
}

static struct work *work_new(const struct sc_engine *engine, uint64_t seed)
{
    struct work *w = sc_alloc_zero(1, sizeof *w);
    assert_non_null(w);
    w->engine = engine;
    w->seed = seed;
    for (size_t i = 0; i < N_PROMPT; i++)
        w->prompt[i] = (int32_t)((i * 7 + seed) % 100);
    return w;
}

static struct sc_session *session_new(const struct sc_engine *engine)
{
    const struct sc_batch_options options = {
        .parallel = 5, .max_new_tokens = MOST_NEW, .max_prompt = N_PROMPT};
    struct sc_batch_plan plan;
    struct sc_session *session = NULL;
    struct sc_error error = {0};
    if (sc_batch_plan(engine, &options, &plan, &error) != SC_OK ||
        sc_session_start(&session, engine, &plan, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return session;
}

static enum sc_status run_in(struct sc_session *session, struct work *w)
{
    const struct sc_trace_source source = {.context = w, .next = next, .done = done, .step = step};
    w->next = w->n_done = w->n_asked = 0;
    memset(w->ids, 0, sizeof w->ids);
    memset(w->stats, 0, sizeof w->stats);
    memset(w->n, 0, sizeof w->n);
    return sc_session_run(session, &source, NULL);
}

static void *run_thread(void *context)
{
    struct work *w = context;
    struct sc_session *session = session_new(w->engine);
    assert_int_equal(run_in(session, w), SC_OK);
    sc_session_close(session);
    return NULL;
}

static void assert_same(const struct work *a, const struct work *b)
{
    assert_int_equal(a->n_done, N_TRACES);
    assert_memory_equal(a->n, b->n, sizeof a->n);
    assert_memory_equal(a->ids, b->ids, sizeof a->ids);
    assert_memory_equal(a->stats, b->stats, sizeof a->stats);
}

static void two_sessions_in_two_threads_give_the_bits_that_each_gives_alone(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    struct work *alone[2], *beside[2];
    pthread_t threads[2];
    for (uint64_t i = 0; i < 2; i++) {
        alone[i] = work_new(f.engine, i);
        beside[i] = work_new(f.engine, i);
        run_thread(alone[i]);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, beside[i]), 0);
    float figures[3 * N_PROMPT]; /* and a score between them */
    assert_int_equal(sc_engine_score(f.engine, alone[0]->prompt, N_PROMPT,
                                     &(struct sc_score_arrays){figures, NULL, NULL}, NULL),
                     SC_OK);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_same(beside[i], alone[i]);
        sc_free(beside[i]);
        sc_free(alone[i]);
    }
    fixture_close(&f);
}

static void a_session_runs_again_with_the_prompts_that_it_has(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct work *first = work_new(f.engine, 3), *again = work_new(f.engine, 3);
    struct sc_session *session = session_new(f.engine);
    assert_int_equal(run_in(session, first), SC_OK);
    assert_int_equal(run_in(session, again), SC_OK);
    assert_same(again, first);
    sc_session_close(session);
    sc_free(first);
    sc_free(again);
    fixture_close(&f);
}

static void a_session_that_was_interrupted_runs_again_as_if_new(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    struct work *whole = work_new(f.engine, 4), *w = work_new(f.engine, 4);
    struct sc_session *session = session_new(f.engine);
    assert_int_equal(run_in(session, whole), SC_OK);
    for (w->stop_after = 1; w->stop_after < 9; w->stop_after++)
        assert_int_equal(run_in(session, w), SC_ERR_INTERRUPTED);
    w->stop_after = 0;
    assert_int_equal(run_in(session, w), SC_OK);
    assert_same(w, whole);
    sc_session_close(session);
    sc_free(whole);
    sc_free(w);
    fixture_close(&f);
}

/* ---- a device that is made up ---------------------------------------------------------------- */

/* Its logits are the sum of the history's tokens; the token drawn is that, modulo 50. */
struct made_up {
    struct sc_session_sizes sizes;
    long pages[64][SC_PAGE_POSITIONS], logits[64], kept[64];
    size_t n_forward, fails_at;
    bool asks; /* within each step whether it is still wanted */
};
static struct made_up made_up;

static const char *made_up_refused(const struct sc_model_config *config)
{
    (void)config;
    return NULL;
}

static void made_up_close(void *weights)
{
    (void)weights;
}

static struct sc_session_bytes made_up_measure(const void *weights,
                                               const struct sc_session_sizes *sizes)
{
    (void)weights;
    return (struct sc_session_bytes){.pages = sizes->n_pages, .kept = sizes->n_kept};
}

static size_t made_up_page_bytes(const void *weights)
{
    (void)weights;
    return 1;
}

static enum sc_status made_up_open(void **session, const void *weights,
                                   const struct sc_session_sizes *sizes, struct sc_error *error)
{
    (void)weights;
    (void)error;
    made_up.sizes = *sizes;
    assert_in_range(sizes->n_pages, 1, 64);
    assert_in_range(sizes->n_dense_pages, 1, sizes->n_pages - 1);
    assert_in_range(sizes->n_kept, 1, 64);
    assert_in_range(sizes->max_logit_rows, 1, 64);
    *session = &made_up;
    return SC_OK;
}

/* Where a position of the row's history is kept. */
static long *made_up_at(struct made_up *d, const struct sc_row *row, size_t position)
{
    const struct sc_span *span = row->history;
    for (; position >= span->n; span++)
        position -= span->n;
    return &d->pages[span->page][span->begin + position];
}

static long made_up_sum(struct made_up *d, const struct sc_row *row)
{
    long sum = 0;
    for (size_t p = 0; p <= row->position; p++)
        sum += *made_up_at(d, row, p);
    return sum;
}

static enum sc_status made_up_forward(void *session, const struct sc_row *rows, size_t n_rows,
                                      const struct sc_interrupt *interrupt,
                                      struct sc_step_seconds *seconds, struct sc_error *error)
{
    struct made_up *d = session;
    size_t n_logits = 0;
    if (++d->n_forward == d->fails_at)
        return sc_fail(error, SC_ERR_IO, "made up: lost");
    if (d->asks && sc_interrupted(interrupt))
        return sc_fail(error, SC_ERR_INTERRUPTED, "made up: interrupted");
    *seconds = (struct sc_step_seconds){0};
    for (size_t r = 0; r < n_rows; r++)
        *made_up_at(d, &rows[r], rows[r].position) = rows[r].token;
    for (size_t r = 0; r < n_rows; r++)
        if (rows[r].wants_logits)
            d->logits[n_logits++] = made_up_sum(d, &rows[r]);
    return SC_OK;
}

static void made_up_keep(void *session, size_t logits, size_t kept)
{
    struct made_up *d = session;
    d->kept[kept] = d->logits[logits];
}

static enum sc_status made_up_draw(void *session, struct sc_draw *draws, size_t n,
                                   struct sc_error *error)
{
    struct made_up *d = session;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        size_t at = draws[i].logits, n_rows = d->sizes.max_logit_rows;
        for (size_t k = 0; k < draws[i].n; k++) {
            draws[i].ids[k] = (int32_t)((at < n_rows ? d->logits[at] : d->kept[at - n_rows]) % 50);
            draws[i].stats[k] = (struct sc_token_stats){0};
        }
        draws[i].ok = true;
    }
    return SC_OK;
}

static struct sc_device_room made_up_room(const void *weights)
{
    (void)weights;
    return (struct sc_device_room){.parallel = 32, .prefill_rows = 128};
}

static const struct sc_device made_up_device = {.name = "made up",
                                                .refused = made_up_refused,
                                                .close = made_up_close,
                                                .measure = made_up_measure,
                                                .page_bytes = made_up_page_bytes,
                                                .room = made_up_room,
                                                .session_open = made_up_open,
                                                .session_close = made_up_close,
                                                .forward = made_up_forward,
                                                .keep = made_up_keep,
                                                .draw = made_up_draw};

static struct sc_engine made_up_engine(void)
{
    memset(&made_up, 0, sizeof made_up);
    return (struct sc_engine){.device = &made_up_device,
                              .config = {.n_vocab = 1000, .max_positions = 256},
                              .n_vocab = 1000,
                              .confidence_top_k = 20};
}

static void the_scheduler_runs_on_a_device_that_is_no_processor(void **state)
{
    (void)state;
    struct sc_engine engine = made_up_engine();
    struct work *w = work_new(&engine, 5);
    struct sc_session *session = session_new(&engine);
    assert_int_equal(run_in(session, w), SC_OK);
    assert_int_equal(w->n_done, N_TRACES);
    for (size_t t = 0; t < N_TRACES; t++) {
        long sum = 0;
        for (size_t i = 0; i < N_PROMPT - t % 3; i++)
            sum += w->prompt[i];
        assert_int_equal(w->n[t], MOST_NEW);
        for (size_t i = 0; i < MOST_NEW; i++) {
            assert_int_equal(w->ids[t][i], sum % 50);
            sum += w->ids[t][i];
        }
    }
    sc_session_close(session);
    sc_free(w);
}

/* Every second question is one within a step: what that was to hold is void, and the next run on
 * the session has all it says. */
static void a_step_that_is_interrupted_leaves_nothing_behind(void **state)
{
    (void)state;
    struct sc_engine engine = made_up_engine();
    struct work *w = work_new(&engine, 5), *whole = work_new(&engine, 5);
    struct sc_session *session = session_new(&engine);
    made_up.asks = true;
    assert_int_equal(run_in(session, whole), SC_OK);
    for (size_t n = 1; n < 9; n++) {
        w->says_no_at = n;
        assert_int_equal(run_in(session, w), SC_ERR_INTERRUPTED);
        assert_true(w->n_done < N_TRACES);
        w->says_no_at = 0;
        assert_int_equal(run_in(session, w), SC_OK);
        assert_same(w, whole);
    }
    sc_session_close(session);
    sc_free(whole);
    sc_free(w);
}

static void a_device_that_fails_ends_the_run_with_its_error(void **state)
{
    (void)state;
    struct sc_engine engine = made_up_engine();
    struct work *w = work_new(&engine, 5);
    struct sc_session *session = session_new(&engine);
    for (size_t n = 1; n < 8; n++) {
        made_up.n_forward = 0;
        made_up.fails_at = n;
        assert_int_equal(run_in(session, w), SC_ERR_IO);
        assert_true(w->n_done < N_TRACES);
    }
    made_up.fails_at = 0;
    assert_int_equal(run_in(session, w), SC_OK);
    assert_int_equal(w->n_done, N_TRACES);
    sc_session_close(session);
    sc_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sessions_in_two_threads_give_the_bits_that_each_gives_alone),
        cmocka_unit_test(a_session_runs_again_with_the_prompts_that_it_has),
        cmocka_unit_test(a_session_that_was_interrupted_runs_again_as_if_new),
        cmocka_unit_test(the_scheduler_runs_on_a_device_that_is_no_processor),
        cmocka_unit_test(a_step_that_is_interrupted_leaves_nothing_behind),
        cmocka_unit_test(a_device_that_fails_ends_the_run_with_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
