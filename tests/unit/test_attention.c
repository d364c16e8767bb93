/*
 * What attention asks for ahead of its reading: what will be read, in order, and not too far ahead.
 * A table of kernels that watches the real ones sees every call.
 */
#include "base/memory.h"
#include "engine/cpu/attention.h"
#include "inference_fixture.h"

enum { N_PROMPT = 150, N_OWN = 60, N_TRACES = 20, N_POSITIONS = N_PROMPT + N_OWN };
enum { MOST_AHEAD = 32 << 10 };

static struct {
    const struct sc_attention *real;
    unsigned char *memory; /* the arena */
    size_t bytes;
    unsigned char *asked; /* [bytes] 1: asked for, not yet read */
    size_t n_ahead, most_ahead;
    size_t n_read, n_read_asked, n_asked; /* bytes, of calls that may ask */
    size_t n_early, n_outside;
} watch;

static void note_read(const void *data, size_t bytes)
{
    size_t at = (size_t)((const unsigned char *)data - watch.memory);

    if (at >= watch.bytes || bytes > watch.bytes - at) {
        watch.n_outside++;
        return;
    }
    watch.n_read += bytes;
    for (size_t i = at; i < at + bytes; i++) {
        watch.n_read_asked += watch.asked[i];
        watch.n_ahead -= watch.asked[i];
        watch.asked[i] = 0;
    }
}

/* What a call asked for that read [data, data + n_read). */
static void note_asked(struct sc_ahead from, const struct sc_ahead *to, const void *data,
                       size_t n_read)
{
    size_t left = from.left - to->left;

    while (left) {
        const unsigned char *at = (const unsigned char *)from.next->at + from.at;
        size_t here = from.next->bytes - from.at, offset = (size_t)(at - watch.memory);

        if (here > left)
            here = left;
        if (offset >= watch.bytes || here > watch.bytes - offset) {
            watch.n_outside++;
            return;
        }
        for (size_t i = offset; i < offset + here; i++) {
            watch.n_asked++;
            watch.n_early += (size_t)(watch.memory + i - (const unsigned char *)data) < n_read;
            watch.n_ahead += !watch.asked[i];
            watch.asked[i] = 1;
        }
        left -= here;
        from.next++;
        from.at = 0;
    }
    if (watch.n_ahead > watch.most_ahead)
        watch.most_ahead = watch.n_ahead;
}

static void watched_scores(float *scores, size_t score_stride, const float *queries,
                           size_t n_queries, const void *keys, size_t n_pos, size_t head_dim,
                           float scale, struct sc_ahead *ahead)
{
    struct sc_ahead before = ahead != NULL ? *ahead : (struct sc_ahead){0};
    size_t bytes = n_pos * head_dim * watch.real->element_bytes;

    if (ahead != NULL)
        note_read(keys, bytes);
    watch.real->scores(scores, score_stride, queries, n_queries, keys, n_pos, head_dim, scale,
                       ahead);
    if (ahead != NULL)
        note_asked(before, ahead, keys, bytes);
}

static void watched_mix(float *out, const float *weights, size_t weight_stride, size_t n_queries,
                        const void *values, size_t n_pos, size_t head_dim, struct sc_ahead *ahead)
{
    struct sc_ahead before = ahead != NULL ? *ahead : (struct sc_ahead){0};
    size_t bytes = n_pos * head_dim * watch.real->element_bytes;

    if (ahead != NULL)
        note_read(values, bytes);
    watch.real->mix(out, weights, weight_stride, n_queries, values, n_pos, head_dim, ahead);
    if (ahead != NULL)
        note_asked(before, ahead, values, bytes);
}

struct stage {
    struct sc_prompt_cache cache;
    struct sc_forward forward;
};

static void lay_out(struct stage *s, const struct sc_cpu *cpu, struct sc_arena *arena)
{
    const struct sc_session_sizes sizes = {.max_rows = N_TRACES,
                                           .max_logit_rows = N_TRACES,
                                           .n_positions = N_POSITIONS,
                                           .n_places = N_TRACES,
                                           .max_new = N_OWN,
                                           .n_pages = N_PROMPT / SC_PAGE_POSITIONS + 1};
    sc_prompt_cache_layout(&s->cache, 1, sizes.n_pages, N_PROMPT, arena);
    sc_forward_layout(&s->forward, cpu, &sizes, arena);
}

/* Nothing was asked for in vain, while it was read, or too far ahead. */
static void check_watch(void)
{
    assert_int_equal(watch.n_outside, 0);
    assert_int_equal(watch.n_early, 0);
    assert_int_equal(watch.n_ahead, 0);
    assert_in_range(watch.most_ahead, 1, MOST_AHEAD);
}

static void each_task_asks_ahead_for_what_it_will_read_and_not_too_far(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", SC_DTYPE_F32, 1, NULL, 0, 4);
    struct sc_cpu *cpu = fixture_cpu(&f);
    struct sc_attention watched = *cpu->attention;
    watch.real = cpu->attention;
    watched.scores = watched_scores;
    watched.mix = watched_mix;
    cpu->attention = &watched;
    static struct stage s;
    struct sc_arena arena = {0};
    lay_out(&s, cpu, &arena);
    watch.bytes = arena.used;
    watch.memory = sc_alloc_aligned(watch.bytes);
    watch.asked = sc_alloc_zero(watch.bytes, 1);
    assert_non_null(watch.memory);
    assert_non_null(watch.asked);
    memset(watch.memory, 0, watch.bytes);
    arena = (struct sc_arena){.base = watch.memory};
    lay_out(&s, cpu, &arena);
    assert_int_equal(sc_pool_new(&s.forward.pool, 1, NULL), SC_OK);
    static int32_t ids[N_PROMPT];
    for (size_t i = 0; i < N_PROMPT; i++)
        ids[i] = (int32_t)(i % 7);
    struct sc_prompt *prompt;
    assert_int_equal(
        sc_prompt_acquire(&s.cache, &(struct sc_prompt_wanted){.key = 1, .ids = ids, .n = N_PROMPT},
                          &prompt),
        SC_PROMPT_READY);

    struct sc_row rows[N_TRACES];
    for (size_t at = 0; at < N_PROMPT; at += N_TRACES) {
        size_t n = N_PROMPT - at < N_TRACES ? N_PROMPT - at : N_TRACES;

        for (size_t i = 0; i < n; i++)
            rows[i] = (struct sc_row){ids[at + i], at + i, prompt, SC_NO_PLACE, false};
        sc_forward_run(&s.forward, rows, n);
        check_watch();
    }
    watch.most_ahead = 0;
    for (size_t step = 0; step < N_OWN; step++) {
        watch.n_read = watch.n_read_asked = watch.n_asked = 0;
        for (size_t i = 0; i < N_TRACES; i++)
            rows[i] = (struct sc_row){(int32_t)(i % 5), N_PROMPT + step, prompt, i, true};
        sc_forward_run(&s.forward, rows, N_TRACES);
        check_watch();
        /* All but a layer's first page and what an own beginning is too short for. */
        assert_true((double)watch.n_read_asked > 0.95 * (double)watch.n_read);
        /* A task asks again for the keys that the one before it asked for. */
        assert_true((double)watch.n_asked < 1.3 * (double)watch.n_read);
    }
    assert_in_range(watch.most_ahead, MOST_AHEAD - 64, MOST_AHEAD); /* the limit was reached */
    cpu->attention = watch.real;
    sc_pool_free(s.forward.pool);
    sc_free(watch.asked);
    sc_free(watch.memory);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_asks_ahead_for_what_it_will_read_and_not_too_far),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
