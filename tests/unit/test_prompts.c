/* The book of prompts: shared by key, counted, forgotten least recently used; and where blocks of
 * keys and values lie. */
#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/kv.h"
#include "engine/prompts.h"
#include "inference_fixture.h"

struct cached {
    struct sc_arena arena;
    struct sc_prompt_cache cache;
};

static struct cached cached_open(size_t n_slots, size_t n_pages, size_t max_prompt)
{
    struct cached c = {0};
    sc_prompt_cache_layout(&c.cache, n_slots, n_pages, max_prompt, &c.arena);
    c.arena.base = sc_alloc_aligned(c.arena.used);
    assert_non_null(c.arena.base);
    c.arena.used = 0;
    sc_prompt_cache_layout(&c.cache, n_slots, n_pages, max_prompt, &c.arena);
    return c;
}

static void cached_close(struct cached *c)
{
    sc_free(c->arena.base);
}

static struct sc_prompt *take(struct cached *c, uint64_t key, size_t n, enum sc_prompt_found wanted)
{
    static const int32_t ids[200];
    struct sc_prompt *prompt;
    assert_int_equal(sc_prompt_acquire(&c->cache,
                                       &(struct sc_prompt_wanted){.key = key, .ids = ids, .n = n},
                                       &prompt),
                     wanted);
    assert_int_equal(prompt != NULL, wanted == SC_PROMPT_READY);
    return prompt;
}

static void the_longest_unused_goes_first(void **state)
{
    struct cached c = cached_open(4, 6, 100);
    struct sc_prompt *a, *b, *d;
    (void)state;

    a = take(&c, 1, 33, SC_PROMPT_READY); /* 2 pages */
    b = take(&c, 2, 64, SC_PROMPT_READY); /* 2 */
    a->n_filled = 33;
    b->n_filled = 64;
    assert_ptr_equal(take(&c, 1, 33, SC_PROMPT_READY), a);
    assert_int_equal(a->n_refs, 2);
    take(&c, 1, 34, SC_PROMPT_OTHER);
    take(&c, 3, 100, SC_PROMPT_NO_ROOM); /* 4 */
    sc_prompt_release(b);
    sc_prompt_release(a);
    assert_ptr_equal(take(&c, 2, 64, SC_PROMPT_READY), b);
    assert_int_equal(b->n_filled, 64); /* kept */
    sc_prompt_release(b);
    sc_prompt_release(a); /* a is now the longer unused */
    d = take(&c, 3, 97, SC_PROMPT_READY);
    assert_int_equal(d->n_filled, 0);
    assert_int_equal(take(&c, 2, 64, SC_PROMPT_READY)->n_filled, 64);
    sc_prompt_release(b);
    /* Unfilled again: it was forgotten; b went for it. */
    assert_int_equal(take(&c, 1, 33, SC_PROMPT_READY)->n_filled, 0);
    cached_close(&c);
}

static void slots_are_a_limit_too(void **state)
{
    struct cached c = cached_open(2, 10, 100);
    (void)state;

    struct sc_prompt *a = take(&c, 1, 1, SC_PROMPT_READY);
    take(&c, 2, 1, SC_PROMPT_READY);
    take(&c, 3, 1, SC_PROMPT_NO_ROOM);
    sc_prompt_release(a);
    take(&c, 3, 1, SC_PROMPT_READY);
    cached_close(&c);
}

/* Whatever comes and goes, every page belongs to one prompt or is free. */
static void pages_are_never_lost_or_shared(void **state)
{
    struct cached c = cached_open(9, 12, 160);
    struct sc_random random = {SC_STREAM_WEIGHTS, 4, 4, 0};
    struct sc_prompt *held[6] = {NULL};
    (void)state;

    for (int round = 0; round < 3000; round++) {
        size_t at = sc_random_below(&random, 6), n_pages = c.cache.n_free;
        uint64_t key = sc_random_below(&random, 30);
        static const int32_t ids[200];

        if (held[at] != NULL) {
            sc_prompt_release(held[at]);
            held[at] = NULL;
        } else {
            sc_prompt_acquire(
                &c.cache,
                &(struct sc_prompt_wanted){.key = key, .ids = ids, .n = 1 + 5 * (size_t)key},
                &held[at]);
        }
        for (size_t i = 0; i < 9; i++) {
            const struct sc_prompt *p = &c.cache.prompts[i];

            n_pages = i ? n_pages + p->n_pages : c.cache.n_free + p->n_pages;
            for (size_t j = 0; j < p->n_pages; j++)
                for (size_t k = 0; k < c.cache.n_free; k++)
                    assert_int_not_equal(p->pages[j], c.cache.free_pages[k]);
        }
        assert_int_equal(n_pages, 12);
    }
    cached_close(&c);
}

static void blocks_do_not_overlap(void **state)
{
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 0, 20);
    size_t end = 0;
    (void)state;

    for (size_t layer = 0; layer < 2; layer++)
        for (int kind = 0; kind < 2; kind++)
            for (size_t head = 0; head < 2; head++) {
                assert_int_equal(
                    sc_kv_offset(fixture_cpu(&f), 7, layer, (enum sc_kv_kind)kind, head), end);
                end += 7 * (size_t)16 * 2;
            }
    assert_int_equal(sc_kv_bytes(fixture_cpu(&f), 7), end);
    assert_int_equal(sc_kv_bytes(fixture_cpu(&f), SIZE_MAX / 2), SIZE_MAX);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_unused_goes_first),
        cmocka_unit_test(slots_are_a_limit_too),
        cmocka_unit_test(pages_are_never_lost_or_shared),
        cmocka_unit_test(blocks_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
