/* Slots for the keys and values of nodes: each is taken once, all can be, neighbours join. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "engine/slots.h"

static void slots_are_taken_once_and_all_of_them(void **state)
{
    (void)state;
    enum { PAGES = 9, MOST = PAGES * SC_PAGE_POSITIONS };
    static _Alignas(64) unsigned char memory[4096];
    struct sc_arena arena = {.base = memory};
    struct sc_slots slots;
    bool taken[MOST] = {0};
    size_t n = 0, n_beside = 0, n_tried = 0;
    sc_slots_layout(&slots, PAGES, &arena);
    struct sc_random random = {SC_STREAM_WEIGHTS, 11, 0, 0};
    for (size_t round = 0; round < 20000; round++) {
        /* Nearly full, nearly empty, and back. */
        bool grows = sc_random_next(&random) < (round / 500 % 2 ? 0.8 : 0.3);
        uint32_t any = (uint32_t)sc_random_below(&random, MOST);
        if (!grows) {
            for (size_t i = 0; i < MOST && !taken[any]; i++)
                any = (any + 1) % MOST;
            if (!taken[any])
                continue;
            taken[any] = false;
            sc_slots_give_back(&slots, any);
            assert_int_equal(slots.n_free, MOST - --n);
            continue;
        }
        uint32_t slot = sc_slots_take(&slots, round % 3 ? any : SC_NO_SLOT);
        if (n == MOST) {
            assert_int_equal(slot, SC_NO_SLOT);
            continue;
        }
        assert_in_range(slot, 0, MOST - 1);
        assert_false(taken[slot]);
        if (round % 3 && any % SC_PAGE_POSITIONS + 1 < SC_PAGE_POSITIONS && !taken[any + 1]) {
            assert_int_equal(slot, any + 1);
            n_beside++;
        }
        n_tried += round % 3 != 0;
        taken[slot] = true;
        n++;
    }
    assert_true(n_beside > 500 && n_tried > n_beside);
}

static void neighbours_of_a_page_join(void **state)
{
    (void)state;
    struct sc_span spans[4];
    const uint32_t path[] = {5, 6, 7, 31, 32, 33};
    size_t n_spans = 0;
    for (size_t i = 0; i < 6; i++)
        n_spans = sc_slots_append(spans, n_spans, path[i], 2);
    assert_int_equal(n_spans, 3);
    assert_true(spans[0].page == 2 && spans[0].begin == 5 && spans[0].n == 3);
    assert_true(spans[1].page == 2 && spans[1].begin == 31 && spans[1].n == 1);
    assert_true(spans[2].page == 3 && spans[2].begin == 0 && spans[2].n == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_taken_once_and_all_of_them),
        cmocka_unit_test(neighbours_of_a_page_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
