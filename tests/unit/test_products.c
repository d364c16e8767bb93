/*
 * Stages of products: every panel of every matrix is multiplied once, by whatever thread, and what
 * is announced as wanted next is the beginning of a panel that is still to come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/cpu/products.h"

enum { PANEL = 4, N_IN = 8192, PANEL_BYTES = 64, MOST_PANELS = 128, N_MATRICES = 4 };

static struct sc_packed matrices[N_MATRICES];
static char weights[N_MATRICES][MOST_PANELS * PANEL_BYTES];
static atomic_int n_multiplied[N_MATRICES][MOST_PANELS];
static atomic_int n_astray, n_to_next_stage;
static atomic_size_t largest_call, largest_late_call; /* late: in the last eighth of a matrix */

static void keep_largest(atomic_size_t *largest, size_t n)
{
    size_t seen = atomic_load(largest);
    while (n > seen && !atomic_compare_exchange_weak(largest, &seen, n)) {
    }
}

static void count_call(float *y, size_t y_stride, const void *rows, size_t n_rows,
                       const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    size_t m = (size_t)(w - matrices);
    (void)y, (void)rows, (void)n_rows;
    atomic_fetch_add(&n_astray, y_stride != w->n_out || begin >= end);
    for (size_t p = begin; p < end; p++) {
        atomic_fetch_add(&n_multiplied[m][p], 1);
    }
    keep_largest(&largest_call, end - begin);
    if (8 * begin * PANEL >= 7 * w->n_out) {
        keep_largest(&largest_late_call, end - begin);
    }
    if (next == NULL) {
        return;
    }
    size_t at = (size_t)((const char *)next - weights[0]);
    size_t to = at / sizeof weights[0], panel = at % sizeof weights[0] / PANEL_BYTES;
    if (at % PANEL_BYTES != 0 || to >= N_MATRICES || panel * PANEL >= matrices[to].n_out) {
        atomic_fetch_add(&n_astray, 1);
    } else if (to == N_MATRICES - 1) {
        atomic_fetch_add(&n_to_next_stage, 1);
    } else if (to == m && panel >= begin && panel < end) {
        atomic_fetch_add(&n_astray, 1); /* what is being read need not be asked for */
    }
}

/* Outputs of three matrices of a stage, and of the stage that follows. */
static void check(int n_threads, const size_t *n_out, size_t n_rows, bool announced)
{
    const struct sc_matmul matmul = {.panel = PANEL, .multiply = count_call};
    struct sc_stage stage = {.n = N_MATRICES - 1}, next = {.n = announced ? 1 : 0};
    struct sc_pool *pool;
    memset(n_multiplied, 0, sizeof n_multiplied);
    n_astray = n_to_next_stage = 0;
    largest_call = largest_late_call = 0;
    for (size_t m = 0; m < N_MATRICES; m++) {
        size_t n_panels = (n_out[m] + PANEL - 1) / PANEL;
        matrices[m] = (struct sc_packed){
            .n_out = n_out[m], .n_in = N_IN, .data = weights[m], .bytes = n_panels * PANEL_BYTES};
        if (m + 1 < N_MATRICES) {
            stage.products[m] = (struct sc_product){NULL, &matrices[m]};
        }
    }
    next.products[0] = (struct sc_product){NULL, &matrices[N_MATRICES - 1]};
    assert_int_equal(sc_pool_new(&pool, n_threads, NULL), SC_OK);
    sc_stage_run(pool, &matmul, &stage, weights, n_rows, &next);
    sc_pool_free(pool);
    assert_int_equal(n_astray, 0);
    for (size_t m = 0; m < N_MATRICES; m++) {
        for (size_t p = 0; p < MOST_PANELS; p++) {
            bool wanted = m + 1 < N_MATRICES && p * PANEL < n_out[m];
            assert_int_equal(n_multiplied[m][p], wanted);
        }
    }
    /* Whoever does the last piece finds none left and looks at the next stage. */
    assert_true(announced ? n_to_next_stage >= 1 : n_to_next_stage == 0);
}

static void every_panel_is_multiplied_once(void **state)
{
    static const size_t shapes[][N_MATRICES] = {
        {512, 256, 256, 256}, {1, 1, 1, 1}, {5, 130, 3, 9}, {40, 4, 512, 512}, {7, 1, 509, 3}};
    (void)state;
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            for (size_t n_rows = 1; n_rows < 40; n_rows += 19) {
                check(n_threads, shapes[i], n_rows, true);
                check(n_threads, shapes[i], n_rows, false);
            }
        }
    }
}

/* Of one matrix of 128 panels (the others have one each): 16 pieces for two threads. */
static void pieces_shrink_towards_the_end(void **state)
{
    (void)state;
    check(2, (const size_t[]){MOST_PANELS * PANEL, 1, 1, MOST_PANELS * PANEL}, 8, true);
    assert_in_range(largest_call, MOST_PANELS / 10, MOST_PANELS / 4);
    assert_in_range(largest_late_call, 1, MOST_PANELS / 20);
    /* With few panels for many threads all pieces are alike: one or two panels. */
    check(4, (const size_t[]){48 * PANEL, 1, 1, MOST_PANELS * PANEL}, 8, true);
    assert_in_range(largest_call, 1, 2);
}

static char row_memory[MOST_PANELS];
static float outputs[MOST_PANELS];
static atomic_int n_of_own[MOST_PANELS]; /* panels multiplied of each product */

/* Each product has its own rows and outputs, which say which one it is. */
static void count_own(float *y, size_t y_stride, const void *rows, size_t n_rows,
                      const struct sc_packed *w, size_t begin, size_t end, const void *next)
{
    size_t i = (size_t)((const char *)rows - row_memory);
    size_t at = next == NULL ? 0 : (size_t)((const char *)next - weights[0]);
    atomic_fetch_add(&n_astray, i >= MOST_PANELS || y != outputs + i || n_rows != 1 + i % 5 ||
                                    w != &matrices[i % 3] || y_stride != w->n_out || begin >= end ||
                                    at % PANEL_BYTES != 0 || at / sizeof weights[0] >= N_MATRICES);
    atomic_fetch_add(&n_of_own[i], (int)(end - begin));
}

static void products_with_rows_of_their_own_are_each_computed_once(void **state)
{
    const struct sc_matmul matmul = {.panel = PANEL, .multiply = count_own};
    static const size_t n_panels[3] = {24, 1, 5};
    (void)state;
    for (size_t m = 0; m < 3; m++)
        matrices[m] = (struct sc_packed){.n_out = n_panels[m] * PANEL - 1,
                                         .n_in = N_IN,
                                         .data = weights[m],
                                         .bytes = n_panels[m] * PANEL_BYTES};
    for (int n_threads = 1; n_threads <= 3; n_threads++)
        for (size_t n = 1; n <= MOST_PANELS; n += 1 + n / 2) {
            struct sc_multiplication items[MOST_PANELS];
            struct sc_multiplications list = {.items = items}, none = {0};
            struct sc_pool *pool;
            for (size_t i = 0; i < n; i++)
                sc_multiplications_add(&list, &matmul,
                                       (struct sc_multiplication){.y = outputs + i,
                                                                  .w = &matrices[i % 3],
                                                                  .rows = row_memory + i,
                                                                  .n_rows = 1 + i % 5});
            memset(n_of_own, 0, sizeof n_of_own);
            n_astray = 0;
            assert_int_equal(sc_pool_new(&pool, n_threads, NULL), SC_OK);
            sc_multiplications_run(pool, &matmul, &list, &none);
            sc_multiplications_run(pool, &matmul, &list, &list);
            sc_pool_free(pool);
            assert_int_equal(n_astray, 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(n_of_own[i], 2 * n_panels[i % 3]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_panel_is_multiplied_once),
        cmocka_unit_test(pieces_shrink_towards_the_end),
        cmocka_unit_test(products_with_rows_of_their_own_are_each_computed_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
