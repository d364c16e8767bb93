/*
 * What attention asks for ahead of its reading: what will be read, in order, and not too far ahead.
 * A table of kernels that watches the real ones sees every call.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/attention.h"
#include "engine/prompts.h"
#include "layer_kinds.h"

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

enum { PROMPT_PAGES = N_PROMPT / SC_PAGE_POSITIONS + 1, OWN_PAGES = N_OWN / SC_PAGE_POSITIONS + 1 };

struct stage {
    struct sc_prompt_cache cache;
    struct sc_forward forward;
    struct sc_span histories[N_TRACES][PROMPT_PAGES + OWN_PAGES];
};

static void lay_out(struct stage *s, const struct sc_cpu *cpu, struct sc_arena *arena)
{
    const struct sc_session_sizes sizes = {.max_rows = N_TRACES,
                                           .max_logit_rows = N_TRACES,
                                           .n_positions = N_POSITIONS,
                                           .max_spans = PROMPT_PAGES + OWN_PAGES,
                                           .n_pages = PROMPT_PAGES + N_TRACES * OWN_PAGES};
    const struct sc_prompt_cache_sizes prompts = {1, N_PROMPT, PROMPT_PAGES, 0};
    sc_prompt_cache_layout(&s->cache, &prompts, arena);
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

/* What is asked for in vain and what is read without having been asked for. */
struct shares {
    double asked_before, asked_per_read;
};

/* What no window of the traces reaches is no number any more. */
static void spoil_what_is_outside(struct stage *s, const struct sc_prompt *prompt)
{
    const struct sc_model_config *c = &s->forward.cpu->config;
    size_t bytes = c->head_dim * s->forward.cpu->attention->element_bytes;
    for (size_t l = 0; l < c->n_layers; l++)
        for (size_t at = 0; sc_layer_is_local(c, l) && at + c->layer.window <= N_PROMPT; at++)
            for (size_t i = 0; i < 2 * c->n_kv_heads; i++)
                memset(s->forward.pages +
                           prompt->spans[at / SC_PAGE_POSITIONS].page * s->forward.page_bytes +
                           sc_kv_offset(s->forward.cpu, SC_PAGE_POSITIONS, l, i % 2, i / 2) +
                           at % SC_PAGE_POSITIONS * bytes,
                       0xff, bytes);
}

/* A prompt and then N_OWN tokens of N_TRACES traces; the worst of all steps of the traces. */
static struct shares run_traces(struct stage *s, struct sc_prompt *prompt)
{
    struct shares worst = {1, 0};
    struct sc_row rows[N_TRACES];
    for (size_t at = 0; at < N_PROMPT; at += N_TRACES) {
        size_t n = N_PROMPT - at < N_TRACES ? N_PROMPT - at : N_TRACES;

        for (size_t i = 0; i < n; i++)
            rows[i] = (struct sc_row){prompt->ids[at + i], at + i, prompt->spans, false, false};
        sc_forward_run(&s->forward, rows, n);
        check_watch();
    }
    watch.most_ahead = 0;
    for (size_t i = 0; i < N_TRACES; i++) {
        memcpy(s->histories[i], prompt->spans, prompt->n_pages * sizeof *prompt->spans);
        for (size_t page = 0; page < OWN_PAGES; page++)
            s->histories[i][prompt->n_pages + page] = (struct sc_span){
                .page = (uint32_t)(PROMPT_PAGES + i * OWN_PAGES + page), .n = SC_PAGE_POSITIONS};
    }
    spoil_what_is_outside(s, prompt);
    for (size_t step = 0; step < N_OWN; step++) {
        watch.n_read = watch.n_read_asked = watch.n_asked = 0;
        for (size_t i = 0; i < N_TRACES; i++)
            rows[i] =
                (struct sc_row){(int32_t)(i % 5), N_PROMPT + step, s->histories[i], false, true};
        sc_forward_run(&s->forward, rows, N_TRACES);
        check_watch();
        for (size_t i = 0; i < N_TRACES; i++)
            assert_true(isfinite(*sc_forward_logits(&s->forward, i)));
        double before = (double)watch.n_read_asked / (double)watch.n_read;
        double asked = (double)watch.n_asked / (double)watch.n_read;
        worst.asked_before = before < worst.asked_before ? before : worst.asked_before;
        worst.asked_per_read = asked > worst.asked_per_read ? asked : worst.asked_per_read;
    }
    return worst;
}

static struct shares watch_kind(const char *folder, const struct layer_kind *kind)
{
    struct kinds_fixture f = kinds_open(folder, kind, SC_DTYPE_F32, 1, NULL);
    struct sc_cpu *cpu = kinds_cpu(&f);
    struct sc_attention watched = *cpu->attention;
    memset(&watch, 0, sizeof watch);
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
    struct shares worst = run_traces(&s, prompt);
    cpu->attention = watch.real;
    sc_pool_free(s.forward.pool);
    sc_free(watch.asked);
    sc_free(watch.memory);
    kinds_close(&f);
    return worst;
}

static void each_task_asks_ahead_for_what_it_will_read_and_not_too_far(void **state)
{
    (void)state;
    char *folder = write_network(&network_shapes[0]);
    struct shares worst = watch_kind(folder, &layer_kinds[0]);
    /* All but a layer's first page and what an own beginning is too short for. */
    assert_true(worst.asked_before > 0.95);
    /* A task asks again for the keys that the one before it asked for. */
    assert_true(worst.asked_per_read < 1.3);
    assert_in_range(watch.most_ahead, MOST_AHEAD - 64, MOST_AHEAD); /* the limit was reached */
    remove_network(folder);
}

/* In windows too, nothing is asked for that is not read, and nothing outside them is read. */
static void nothing_outside_a_window_is_asked_for_or_read(void **state)
{
    (void)state;
    char *folder = write_network(&network_shapes[0]);
    for (size_t k = 0; k < n_layer_kinds; k++)
        if (layer_kinds[k].layer.window > 0) {
            struct shares worst = watch_kind(folder, &layer_kinds[k]);
            assert_true(worst.asked_per_read < 1.5);
        }
    remove_network(folder);
}

/* A page may hold the words of two traces: they read the same keys only where they begin alike. */
static void rows_in_one_page_are_no_group_where_they_begin_elsewhere_in_it(void **state)
{
    (void)state;
    const struct sc_span prompt = {.page = 1, .n = SC_PAGE_POSITIONS};
    const struct sc_span a[] = {prompt, {.page = 7, .begin = 0, .n = 8}};
    const struct sc_span b[] = {prompt, {.page = 7, .begin = 8, .n = 8}};
    const struct sc_span c[] = {prompt, {.page = 7, .begin = 0, .n = 8}};
    const size_t at = SC_PAGE_POSITIONS + 7;
    const struct sc_row elsewhere[] = {{.position = at, .history = a},
                                       {.position = at, .history = b}};
    const struct sc_row alike[] = {{.position = at, .history = a}, {.position = at, .history = c}};
    struct sc_row_group groups[2];
    struct sc_late late[2];
    struct sc_forward f = {
        .group_rows = 4, .groups = groups, .late = late, .n_rows = 2, .rows = elsewhere};
    sc_attention_group(&f);
    assert_int_equal(f.n_groups, 1);
    assert_int_equal(groups[0].common, SC_PAGE_POSITIONS);
    assert_ptr_equal(late[1].span, b + 1);
    f.rows = alike;
    sc_attention_group(&f);
    assert_int_equal(f.n_groups, 1);
    assert_int_equal(groups[0].common, at + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_asks_ahead_for_what_it_will_read_and_not_too_far),
        cmocka_unit_test(nothing_outside_a_window_is_asked_for_or_read),
        cmocka_unit_test(rows_in_one_page_are_no_group_where_they_begin_elsewhere_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
