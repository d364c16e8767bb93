/* The book of prompts: shared by key and by beginning, counted, forgotten least recently used; and
 * where blocks of keys and values lie. */
#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/kv.h"
#include "engine/prompts.h"
#include "inference_fixture.h"

struct cached {
    struct sc_arena arena;
    struct sc_prompt_cache cache;
};

enum { FIRST_PAGE = 5 };

static struct cached cached_open(size_t n_slots, size_t n_pages, size_t max_prompt)
{
    struct cached c = {0};
    const struct sc_prompt_cache_sizes sizes = {n_slots, max_prompt, n_pages, FIRST_PAGE};
    sc_prompt_cache_layout(&c.cache, &sizes, &c.arena);
    c.arena.base = sc_alloc_aligned(c.arena.used);
    assert_non_null(c.arena.base);
    c.arena.used = 0;
    sc_prompt_cache_layout(&c.cache, &sizes, &c.arena);
    return c;
}

static void cached_close(struct cached *c)
{
    sc_free(c->arena.base);
}

enum { MOST = 200 };

/* A prompt of n tokens, the first n_common of which begin all prompts. */
static struct sc_prompt *take_alike(struct cached *c, uint64_t key, size_t n, size_t n_common,
                                    enum sc_prompt_found wanted)
{
    int32_t ids[MOST];
    struct sc_prompt *prompt;
    for (size_t i = 0; i < n; i++)
        ids[i] = i < n_common ? (int32_t)i : (int32_t)(1000 * (key + 1));
    assert_int_equal(sc_prompt_acquire(&c->cache,
                                       &(struct sc_prompt_wanted){.key = key, .ids = ids, .n = n},
                                       &prompt),
                     wanted);
    assert_int_equal(prompt != NULL, wanted == SC_PROMPT_READY);
    return prompt;
}

static struct sc_prompt *take(struct cached *c, uint64_t key, size_t n, enum sc_prompt_found wanted)
{
    return take_alike(c, key, n, 0, wanted);
}

/* Fills at most n tokens; how many there were. */
static size_t fill(struct cached *c, struct sc_prompt *prompt, size_t n)
{
    size_t left = sc_prompt_left(&c->cache, prompt);
    for (size_t i = 0; i < left && i < n; i++)
        assert_int_equal(sc_prompt_fill(&c->cache, prompt), prompt->n - left + i);
    return left < n ? left : n;
}

static void the_longest_unused_goes_first(void **state)
{
    struct cached c = cached_open(4, 6, 100);
    struct sc_prompt *a, *b, *d;
    (void)state;

    a = take(&c, 1, 33, SC_PROMPT_READY); /* 2 pages */
    b = take(&c, 2, 64, SC_PROMPT_READY); /* 2 */
    assert_int_equal(fill(&c, a, MOST), 33);
    assert_int_equal(fill(&c, b, MOST), 64);
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

static void prompts_that_begin_alike_begin_with_the_same_pages(void **state)
{
    struct cached c = cached_open(6, 20, MOST);
    (void)state;

    struct sc_prompt *a = take_alike(&c, 1, 100, 70, SC_PROMPT_READY); /* 4 pages */
    struct sc_prompt *b = take_alike(&c, 2, 80, 70, SC_PROMPT_READY);  /* 3, two of them a's */
    assert_memory_equal(a->spans, b->spans, 2 * sizeof *a->spans);
    assert_int_not_equal(a->spans[2].page, b->spans[2].page);
    assert_int_equal(c.cache.n_free, 15);
    /* Whoever comes first fills what both begin with, and the other the rest of it. */
    assert_int_equal(fill(&c, b, 40), 40);
    assert_int_equal(sc_prompt_left(&c.cache, a), 60);
    assert_int_equal(fill(&c, a, MOST), 60);
    assert_int_equal(fill(&c, b, MOST), 16);
    /* The whole of another prompt: the last token is computed nonetheless. */
    struct sc_prompt *d = take_alike(&c, 3, 64, 64, SC_PROMPT_READY);
    assert_int_equal(sc_prompt_left(&c.cache, d), 32);
    /* The longest beginning counts, of a prompt that nobody uses too. */
    sc_prompt_release(a);
    struct sc_prompt *e = take_alike(&c, 1, 100, 70, SC_PROMPT_READY);
    assert_ptr_equal(e, a);
    struct sc_prompt *f = take_alike(&c, 4, 70, 69, SC_PROMPT_READY);
    assert_int_equal(sc_prompt_left(&c.cache, f), 6);
    c.cache.no_sharing = true;
    assert_int_equal(sc_prompt_left(&c.cache, take_alike(&c, 5, 70, 69, SC_PROMPT_READY)), 70);
    cached_close(&c);
}

/* What a prompt begins with stays when the one that it came from is forgotten. */
static void pages_stay_as_long_as_a_prompt_has_them(void **state)
{
    struct cached c = cached_open(3, 6, MOST);
    (void)state;

    struct sc_prompt *a = take_alike(&c, 1, 128, 70, SC_PROMPT_READY); /* 4 pages */
    fill(&c, a, MOST);
    sc_prompt_release(a);
    struct sc_prompt *b = take_alike(&c, 2, 128, 70, SC_PROMPT_READY); /* 2 more */
    assert_int_equal(sc_prompt_left(&c.cache, b), 64);
    take(&c, 3, 65, SC_PROMPT_NO_ROOM); /* 3, of which a alone has 2 */
    assert_int_equal(fill(&c, b, 10), 10);
    take(&c, 3, 64, SC_PROMPT_READY); /* a goes for it */
    assert_int_equal(sc_prompt_left(&c.cache, b), 54);
    take_alike(&c, 1, 128, 70, SC_PROMPT_NO_ROOM);
    assert_int_equal(c.cache.n_free, 0);
    sc_prompt_release(b);
    assert_int_equal(sc_prompt_left(&c.cache, take_alike(&c, 4, 70, 70, SC_PROMPT_READY)), 6);
    cached_close(&c);
}

/* Every page has as many holders as prompts that list it, and is free without any; a position is
 * filled once, and with the tokens of all who have it. */
static void check_pages(struct cached *c)
{
    size_t n_held = 0;
    for (uint32_t i = 0; i < c->cache.n_pages; i++) {
        size_t n_holders = 0, n_free = 0;
        for (size_t p = 0; p < c->cache.n_prompts; p++)
            for (size_t k = 0; k < c->cache.prompts[p].n_pages; k++)
                n_holders += c->cache.prompts[p].spans[k].page == FIRST_PAGE + i;
        for (size_t k = 0; k < c->cache.n_free; k++)
            n_free += c->cache.free_pages[k] == FIRST_PAGE + i;
        assert_int_equal(c->cache.pages[i].n_holders, n_holders);
        assert_int_equal(n_free, n_holders == 0);
        n_held += n_holders > 0;
    }
    assert_int_equal(n_held + c->cache.n_free, c->cache.n_pages);
}

static void pages_are_never_lost(void **state)
{
    struct cached c = cached_open(9, 12, 160);
    struct sc_random random = {SC_STREAM_WEIGHTS, 4, 4, 0};
    struct sc_prompt *held[6] = {NULL};
    size_t n_filled = 0, n_tokens = 0;
    (void)state;

    for (int round = 0; round < 3000; round++) {
        size_t at = sc_random_below(&random, 6), n_common[] = {0, 33, 64, 100};
        size_t key = sc_random_below(&random, 30), n = 1 + 5 * key;
        if (held[at] != NULL) {
            n_filled += fill(&c, held[at], MOST);
            sc_prompt_release(held[at]);
            held[at] = NULL;
        } else {
            int32_t ids[MOST];
            for (size_t i = 0; i < n; i++)
                ids[i] = i < n_common[key % 4] ? (int32_t)i : (int32_t)(1000 + key);
            const struct sc_prompt_wanted wanted = {.key = key, .ids = ids, .n = n};
            sc_prompt_acquire(&c.cache, &wanted, &held[at]);
            for (size_t i = 0; held[at] != NULL && i < n; i++)
                assert_int_equal(
                    c.cache.pages[held[at]->spans[i / SC_PAGE_POSITIONS].page - FIRST_PAGE]
                        .ids[i % SC_PAGE_POSITIONS],
                    ids[i]);
            n_tokens += held[at] != NULL ? n : 0;
            if (held[at] != NULL)
                fill(&c, held[at], sc_random_below(&random, n));
        }
        check_pages(&c);
    }
    assert_true(n_filled < n_tokens);
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
        cmocka_unit_test(prompts_that_begin_alike_begin_with_the_same_pages),
        cmocka_unit_test(pages_stay_as_long_as_a_prompt_has_them),
        cmocka_unit_test(pages_are_never_lost),
        cmocka_unit_test(blocks_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
