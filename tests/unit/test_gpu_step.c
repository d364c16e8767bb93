/* A pass of the network on the emulated GPU: layers of every kind against the processor's, the same
 * bits whatever the steps and the company, and steps that are recorded and replayed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/gpu/recordings.h"
#include "engine/prompts.h"
#include "forward_logits.h"
#include "gpu_fixture.h"
#include "gpu_kinds.h"

enum { N_IDS = 70, ONE_BY_ONE = 10, OTHERS = 6, MOST_ROWS = N_IDS };

static void random_ids(size_t n_vocab, int32_t *ids, size_t n)
{
    struct sc_random random = {SC_STREAM_BENCHMARK, 11, 0, 0};
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)sc_random_below(&random, n_vocab);
}

/* ---- sequences ------------------------------------------------------------------------------- */

/* A sequence whose positions lie in pages of its own, in spans that no page ends. */
struct text {
    int32_t ids[N_IDS];
    struct sc_span history[2 * N_IDS];
    bool is_long;
};

/* Pages from `page` on; spans end with their page, and where `cut` divides the position. */
static void lay_out(struct text *t, uint32_t page, size_t cut)
{
    size_t n = 0;
    for (size_t at = 0; at < N_IDS;) {
        size_t end = at / SC_PAGE_POSITIONS * SC_PAGE_POSITIONS + SC_PAGE_POSITIONS;
        if (cut > 0 && (at / cut + 1) * cut < end)
            end = (at / cut + 1) * cut;
        t->history[n++] = (struct sc_span){.page = page + (uint32_t)(at / SC_PAGE_POSITIONS),
                                           .begin = (uint16_t)(at % SC_PAGE_POSITIONS),
                                           .n = (uint16_t)(end - at)};
        at = end;
    }
}

static struct sc_row row_of(const struct text *t, size_t position, bool wants_logits)
{
    return (struct sc_row){.token = t->ids[position],
                           .position = position,
                           .history = t->history,
                           .is_long = t->is_long,
                           .wants_logits = wants_logits};
}

static struct sc_session_sizes sizes_of(void)
{
    const size_t n_pages = sc_prompt_pages(N_IDS);
    return (struct sc_session_sizes){.max_rows = MOST_ROWS,
                                     .max_logit_rows = MOST_ROWS,
                                     .max_draws = 1,
                                     .n_positions = N_IDS,
                                     .max_spans = 2 * N_IDS,
                                     .n_pages = (1 + OTHERS) * n_pages,
                                     .n_kept = 1};
}

/* ---- against the processor ------------------------------------------------------------------- */

static double largest_difference(const float *a, const float *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        const double difference = fabs((double)a[i] - (double)b[i]);
        worst = isfinite(difference) ? fmax(worst, difference) : INFINITY;
    }
    return worst;
}

/* In one step, with logits of every row. */
static void at_once(struct sc_gpu_session *s, const struct text *t, size_t n, float *logits)
{
    const size_t n_vocab = s->weights->n_vocab;
    struct sc_row rows[N_IDS];
    for (size_t i = 0; i < n; i++)
        rows[i] = row_of(t, i, true);
    gpu_kinds_step(s, rows, n);
    for (size_t i = 0; i < n; i++)
        gpu_kinds_logits(s, i, logits + i * n_vocab);
}

/* The rows of a step: those of `others`, which all are at one position, and among them the row of
 * `own` as the before-th.  Returns the handle of its logits. */
static size_t mix(struct sc_row *rows, const struct text *others, size_t n_others, size_t at,
                  const struct sc_row *own, size_t before)
{
    size_t n_logits = 0, handle = 0, r = 0;
    for (size_t o = 0; o <= n_others; o++) {
        if (o == before) {
            rows[r++] = *own;
            handle = n_logits++;
        }
        if (o == n_others)
            break;
        rows[r++] = row_of(&others[o], at, o % 3 != 1);
        n_logits += o % 3 != 1;
    }
    return handle;
}

/* A stretch of the prompt without logits, then one by one, with others beside it; those that are
 * not in every step read what nobody wrote, which is NaN. */
static void in_company(struct sc_gpu_session *s, const struct text *t, size_t n, float *logits)
{
    const size_t n_vocab = s->weights->n_vocab, n_pages = sc_prompt_pages(N_IDS);
    const size_t prompt = n - ONE_BY_ONE;
    static struct text others[OTHERS];
    struct sc_row rows[MOST_ROWS];
    for (uint32_t o = 0; o < OTHERS; o++) {
        others[o] = *t;
        others[o].ids[0] = (int32_t)(o % n_vocab);
        lay_out(&others[o], (o + 1) * (uint32_t)n_pages, 5 + o);
    }
    for (size_t i = 0; i < prompt; i++)
        rows[i] = row_of(t, i, false);
    gpu_kinds_step(s, rows, prompt);
    for (size_t i = prompt; i < n; i++) {
        const size_t step = i - prompt, n_others = step % (OTHERS + 1);
        const struct sc_row own = row_of(t, i, true);
        const size_t handle = mix(rows, others, n_others, step, &own, step % (n_others + 1));
        gpu_kinds_step(s, rows, n_others + 1);
        gpu_kinds_logits(s, handle, logits + i * n_vocab);
    }
}

static struct text text_of(const struct sc_engine *engine, size_t n, size_t cut)
{
    struct text t = {.is_long = engine->config.long_from > 0 && n > engine->config.long_from};
    random_ids(engine->n_vocab, t.ids, N_IDS);
    lay_out(&t, 0, cut);
    return t;
}

static float *room(size_t n)
{
    float *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

/* Returns the largest difference from the processor's logits. */
static double error_of_kind(const char *folder, const struct layer_kind *kind, int dtype, size_t n)
{
    struct kinds_fixture cpu = kinds_open(folder, kind, dtype, 1, NULL);
    struct gpu_kinds gpu = gpu_kinds_open(&cpu, TEST_GPU_MODULE, "order=shuffled");
    const struct sc_session_sizes sizes = sizes_of();
    const size_t n_vocab = cpu.engine->n_vocab, from = n - ONE_BY_ONE;
    struct text t = text_of(cpu.engine, n, 0);
    struct sc_gpu_session *session = gpu_kinds_session(&gpu, &sizes);
    float *expected = forward_logits(cpu.engine, t.ids, n);
    float *once = room(n * n_vocab), *mixed = room(n * n_vocab);
    at_once(session, &t, n, once);
    const double worst = largest_difference(expected, once, n * n_vocab);
    gpu_kinds_end(&gpu, session);
    session = gpu_kinds_session(&gpu, &sizes);
    lay_out(&t, 0, 7); /* the same places in other spans */
    in_company(session, &t, n, mixed);
    assert_memory_equal(once + from * n_vocab, mixed + from * n_vocab,
                        (n - from) * n_vocab * sizeof *once);
    gpu_kinds_end(&gpu, session);
    free(expected);
    free(once);
    free(mixed);
    gpu_kinds_close(&gpu);
    kinds_close(&cpu);
    return worst;
}

static void check_kinds(int dtype, double tolerance)
{
    for (size_t s = 0; s < n_network_shapes; s++) {
        char *folder = write_network(&network_shapes[s]);
        for (size_t k = 0; k < n_layer_kinds; k++) {
            /* All kinds have one shape in f32, and each has one more, in both. */
            const bool is_first = s == 0 && dtype == SC_DTYPE_F32;
            if (!is_first && k % n_network_shapes != s)
                continue;
            const double worst = error_of_kind(folder, &layer_kinds[k], dtype, s == 0 ? N_IDS : 40);
            if (!(worst <= tolerance))
                fail_msg("%s, shape %zu: logits differ by %g", layer_kinds[k].name, s, worst);
        }
        remove_network(folder);
    }
}

static void kinds_in_f32(void **state)
{
    (void)state;
    check_kinds(SC_DTYPE_F32, 1e-4);
}

/* What enters a product is rounded to bf16 after sums that differ in their last place. */
static void kinds_in_bf16(void **state)
{
    (void)state;
    check_kinds(SC_DTYPE_BF16, 0.15);
}

/* ---- recordings ------------------------------------------------------------------------------ */

/* A module of which some calls are counted, or fail. */
static const struct sc_gpu_module *real;
static size_t n_recorded, n_replayed, n_forgotten;
static bool fails_to_record, fails_to_end;

static enum sc_status counting_record(void *queue, char *why)
{
    if (fails_to_record)
        return snprintf(why, SC_GPU_WHY, "no recordings today"), SC_ERR_INTERNAL;
    return real->record(queue, why);
}

static enum sc_status counting_end(void *queue, void **recording, char *why)
{
    enum sc_status status = real->record_end(queue, recording, why);
    n_recorded++;
    if (!fails_to_end)
        return status;
    real->forget(queue, *recording);
    *recording = NULL;
    return snprintf(why, SC_GPU_WHY, "what was recorded does not do"), SC_ERR_INTERNAL;
}

static enum sc_status counting_replay(void *queue, void *recording, char *why)
{
    n_replayed++;
    return real->replay(queue, recording, why);
}

static void counting_forget(void *queue, void *recording)
{
    n_forgotten += recording != NULL;
    real->forget(queue, recording);
}

static struct sc_gpu_module counting(const struct sc_gpu_module *module)
{
    struct sc_gpu_module m = *module;
    real = module;
    n_recorded = n_replayed = n_forgotten = 0;
    fails_to_record = fails_to_end = false;
    m.record = counting_record;
    m.record_end = counting_end;
    m.replay = counting_replay;
    m.forget = counting_forget;
    return m;
}

static struct layer_kind plain_kind(void)
{
    return layer_kinds[0];
}

/* Three sequences, one row each and step; the logits of all. */
static float *run_steps(const char *folder, void (*prepare)(void), size_t n_steps)
{
    enum { TEXTS = 3 };
    const struct layer_kind kind = plain_kind();
    struct kinds_fixture cpu = kinds_open(folder, &kind, SC_DTYPE_BF16, 1, NULL);
    struct gpu_kinds gpu = gpu_kinds_open(&cpu, TEST_GPU_MODULE, NULL);
    const struct sc_session_sizes sizes = sizes_of();
    struct sc_gpu_session *session = gpu_kinds_session(&gpu, &sizes);
    struct sc_gpu_module module = counting(session->queue.module);
    const size_t n_vocab = cpu.engine->n_vocab, n_pages = sc_prompt_pages(N_IDS);
    struct text texts[TEXTS];
    float *logits = room(n_steps * TEXTS * n_vocab);
    prepare();
    session->queue.module = &module;
    for (uint32_t t = 0; t < TEXTS; t++) {
        texts[t] = text_of(cpu.engine, N_IDS, 0);
        texts[t].ids[0] = (int32_t)t;
        lay_out(&texts[t], t * (uint32_t)n_pages, 0);
    }
    for (size_t i = 0; i < n_steps; i++) {
        struct sc_row rows[TEXTS];
        for (size_t t = 0; t < TEXTS; t++)
            rows[t] = row_of(&texts[t], i, true);
        gpu_kinds_step(session, rows, TEXTS);
        for (size_t t = 0; t < TEXTS; t++)
            gpu_kinds_logits(session, t, logits + (i * TEXTS + t) * n_vocab);
    }
    gpu_kinds_end(&gpu, session);
    gpu_kinds_close(&gpu);
    kinds_close(&cpu);
    return logits;
}

static void nothing(void)
{
}

static void cannot_record(void)
{
    fails_to_record = true;
}

static void cannot_end(void)
{
    fails_to_end = true;
}

/* Met twice, recorded; and what is replayed, or cannot be recorded, gives the same bits. */
static void steps_that_come_again_are_replayed(void **state)
{
    (void)state;
    enum { STEPS = 12 };
    char *folder = write_network(&network_shapes[0]);
    const size_t bytes = STEPS * 3 * network_shapes[0].n_vocab * sizeof(float);
    float *replayed = run_steps(folder, nothing, STEPS);
    assert_true(n_recorded >= 2 && n_replayed >= n_recorded && n_forgotten == n_recorded);
    assert_true(n_replayed >= STEPS); /* two parts a step */
    float *plain = run_steps(folder, cannot_record, STEPS);
    assert_int_equal(n_recorded + n_replayed + n_forgotten, 0);
    assert_memory_equal(replayed, plain, bytes);
    free(plain);
    plain = run_steps(folder, cannot_end, STEPS);
    assert_int_equal(n_recorded, 1); /* and never again */
    assert_int_equal(n_replayed, 0);
    assert_memory_equal(replayed, plain, bytes);
    free(plain);
    free(replayed);
    remove_network(folder);
}

struct put {
    struct gpu_fixture *f;
    size_t n;
};

static enum sc_status put_counted(const void *context, struct sc_error *error)
{
    const struct put *p = context;
    (void)error;
    ((struct put *)(uintptr_t)p)->n++;
    return SC_OK;
}

static enum sc_status put_failing(const void *context, struct sc_error *error)
{
    (void)context;
    return sc_fail(error, SC_ERR_INTERNAL, "no");
}

/* Whether a step of the kind n is recorded when it is met. */
static bool is_recorded(struct sc_gpu_recordings *r, const struct sc_gpu_queue *q, uint32_t n)
{
    struct put put = {0};
    sc_gpu_recordings_meet(r, q, &(struct sc_gpu_step_kind){8, 8, n});
    return sc_gpu_recordings_of(r, q, SC_GPU_LAYERS, put_counted, &put) != NULL;
}

static void few_recordings_are_kept(void **state)
{
    (void)state;
    enum { MOST = 64 };
    struct gpu_fixture f = gpu_begin(NULL);
    struct sc_gpu_module module = counting(f.module);
    const struct sc_gpu_queue q = {&module, f.queue};
    struct sc_gpu_recordings *r = sc_gpu_recordings_new();
    struct put put = {0};
    for (uint32_t n = 0; n < MOST; n++) {
        assert_false(is_recorded(r, &q, n));
        assert_true(is_recorded(r, &q, n));
    }
    assert_int_equal(n_recorded, MOST);
    assert_true(is_recorded(r, &q, 0)); /* so 1 was not met for longest */
    assert_int_equal(n_forgotten, 0);
    assert_false(is_recorded(r, &q, MOST));
    assert_int_equal(n_forgotten, 1);
    assert_true(is_recorded(r, &q, 0));
    assert_false(is_recorded(r, &q, 1)); /* in the place of 2 */
    assert_true(is_recorded(r, &q, 1));
    assert_true(is_recorded(r, &q, 3));
    /* A part of its own, recorded when it is asked for. */
    sc_gpu_recordings_meet(r, &q, &(struct sc_gpu_step_kind){8, 8, 3});
    assert_non_null(sc_gpu_recordings_of(r, &q, SC_GPU_OUTPUT, put_counted, &put));
    assert_int_equal(put.n, 1);
    assert_non_null(sc_gpu_recordings_of(r, &q, SC_GPU_OUTPUT, put_counted, &put));
    assert_int_equal(put.n, 1);
    /* What cannot be put is not kept, and nothing is recorded from then on. */
    assert_false(is_recorded(r, &q, 1000));
    sc_gpu_recordings_meet(r, &q, &(struct sc_gpu_step_kind){8, 8, 1000});
    assert_null(sc_gpu_recordings_of(r, &q, SC_GPU_LAYERS, put_failing, &put));
    assert_false(is_recorded(r, &q, 1000));
    assert_true(is_recorded(r, &q, 3));
    sc_gpu_recordings_free(r, &q);
    assert_int_equal(n_forgotten, n_recorded);
    gpu_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_in_f32),
        cmocka_unit_test(kinds_in_bf16),
        cmocka_unit_test(steps_that_come_again_are_replayed),
        cmocka_unit_test(few_recordings_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
