/* The thread pool: every task runs exactly once, its results are seen, workers wake from sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/pool.h"

enum { MAX_TASKS = 300, N_THREADS = 4 };

struct counts {
    int by_task[MAX_TASKS]; /* not atomic: a task that runs twice is a race as well */
    atomic_int by_worker[N_THREADS];
    int offset;
};

static void count_task(void *context, size_t task, size_t worker)
{
    struct counts *counts = context;
    counts->by_task[task] += counts->offset;
    atomic_fetch_add(&counts->by_worker[worker], 1);
}

static void every_task_runs_exactly_once(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= N_THREADS; n_threads++) {
        struct sc_pool *pool;
        assert_int_equal(sc_pool_new(&pool, n_threads, NULL), SC_OK);
        assert_int_equal(sc_pool_n_threads(pool), n_threads);
        for (int round = 0; round < 300; round++) {
            struct counts counts = {.offset = round + 1};
            size_t n_tasks = (size_t)round % MAX_TASKS;
            sc_pool_run(pool, n_tasks, count_task, &counts);
            int total = 0;
            for (size_t i = 0; i < MAX_TASKS; i++)
                assert_int_equal(counts.by_task[i], i < n_tasks ? counts.offset : 0);
            for (int i = 0; i < N_THREADS; i++) {
                total += counts.by_worker[i];
                assert_true(i < n_threads || counts.by_worker[i] == 0);
            }
            assert_int_equal(total, n_tasks);
        }
        sc_pool_free(pool);
    }
}

struct foresight {
    struct sc_pool *pool;
    size_t n_tasks;
    atomic_size_t n_wrong;
};

static void foresee_task(void *context, size_t task, size_t worker)
{
    struct foresight *f = context;
    size_t next = sc_pool_next_task(f->pool);
    (void)worker;
    if (next <= task || next > f->n_tasks)
        atomic_fetch_add(&f->n_wrong, 1);
}

/* The task that nobody has begun comes after every one that somebody has. */
static void the_task_that_nobody_has_begun_comes_after_all_others(void **state)
{
    (void)state;
    for (int n_threads = 2; n_threads <= N_THREADS; n_threads++) {
        struct foresight f = {.n_tasks = 50};
        assert_int_equal(sc_pool_new(&f.pool, n_threads, NULL), SC_OK);
        for (int round = 0; round < 200; round++)
            sc_pool_run(f.pool, f.n_tasks, foresee_task, &f);
        assert_int_equal(f.n_wrong, 0);
        sc_pool_free(f.pool);
    }
}

/* Tasks long enough that the caller goes to sleep, and pauses long enough that workers do. */
static void slow_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    usleep(task == 0 ? 0 : 2000);
    ((int *)context)[task]++;
}

static void sleeping_workers_wake_for_a_run(void **state)
{
    (void)state;
    struct sc_pool *pool;
    assert_int_equal(sc_pool_new(&pool, N_THREADS, NULL), SC_OK);
    int done[6] = {0};
    for (int round = 1; round <= 10; round++) {
        usleep(1000);
        sc_pool_run(pool, 6, slow_task, done);
        for (int i = 0; i < 6; i++)
            assert_int_equal(done[i], round);
    }
    sc_pool_free(pool);
}

/* The caller's writes between runs must be seen by the workers, and theirs by the caller. */
static void step_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    uint64_t *values = context;
    values[task + 1] = values[task + 1] * 3 + values[0];
}

static void runs_see_what_the_runs_before_them_wrote(void **state)
{
    (void)state;
    struct sc_pool *pool;
    assert_int_equal(sc_pool_new(&pool, 3, NULL), SC_OK);
    uint64_t values[18] = {0}, expected = 0;
    for (uint64_t round = 0; round < 20000; round++) {
        values[0] = round;
        sc_pool_run(pool, 17, step_task, values);
        expected = expected * 3 + round;
        for (size_t i = 1; i < 18; i++)
            assert_true(values[i] == expected);
    }
    sc_pool_free(pool);
}

static void a_number_of_threads_out_of_range_is_refused(void **state)
{
    (void)state;
    const int bad[] = {0, -1, 100000};
    for (size_t i = 0; i < 3; i++) {
        struct sc_pool *pool = (void *)&pool;
        struct sc_error error = {0};
        assert_int_equal(sc_pool_new(&pool, bad[i], &error), SC_ERR_ARGUMENT);
        assert_null(pool);
        assert_non_null(strstr(error.text, "threads"));
    }
    sc_pool_free(NULL);
}

static void a_pool_without_memory_is_an_error(void **state)
{
    (void)state;
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    for (; status != SC_OK; n++) {
        struct sc_pool *pool;
        assert_true(n < 20);
        sc_memory_fail_at(n);
        status = sc_pool_new(&pool, 2, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || (status == SC_ERR_NOMEM && !pool));
        sc_pool_free(pool);
    }
    assert_true(n >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_exactly_once),
        cmocka_unit_test(the_task_that_nobody_has_begun_comes_after_all_others),
        cmocka_unit_test(sleeping_workers_wake_for_a_run),
        cmocka_unit_test(runs_see_what_the_runs_before_them_wrote),
        cmocka_unit_test(a_number_of_threads_out_of_range_is_refused),
        cmocka_unit_test(a_pool_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
