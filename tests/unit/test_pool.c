/*
 * The thread pool: every task runs exactly once, results are seen by the caller, workers wake from
 * sleep, and control groups are read as the kernel writes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void test_each_task_once(void **state)
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
            for (size_t i = 0; i < MAX_TASKS; i++) {
                assert_int_equal(counts.by_task[i], i < n_tasks ? counts.offset : 0);
            }
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
static void test_next_task(void **state)
{
    (void)state;
    for (int n_threads = 2; n_threads <= N_THREADS; n_threads++) {
        struct foresight f = {.n_tasks = 50};
        assert_int_equal(sc_pool_new(&f.pool, n_threads, NULL), SC_OK);
        for (int round = 0; round < 200; round++) {
            sc_pool_run(f.pool, f.n_tasks, foresee_task, &f);
        }
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

static void test_sleep_and_wake(void **state)
{
    (void)state;
    struct sc_pool *pool;
    assert_int_equal(sc_pool_new(&pool, N_THREADS, NULL), SC_OK);
    int done[6] = {0};
    for (int round = 1; round <= 10; round++) {
        usleep(1000);
        sc_pool_run(pool, 6, slow_task, done);
        for (int i = 0; i < 6; i++) {
            assert_int_equal(done[i], round);
        }
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

static void test_runs_follow_each_other(void **state)
{
    (void)state;
    struct sc_pool *pool;
    assert_int_equal(sc_pool_new(&pool, 3, NULL), SC_OK);
    uint64_t values[18] = {0}, expected = 0;
    for (uint64_t round = 0; round < 20000; round++) {
        values[0] = round;
        sc_pool_run(pool, 17, step_task, values);
        expected = expected * 3 + round;
        for (size_t i = 1; i < 18; i++) {
            assert_true(values[i] == expected);
        }
    }
    sc_pool_free(pool);
}

static void test_bad_numbers(void **state)
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

static void test_memory_failures(void **state)
{
    (void)state;
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    for (; status != SC_OK; n++) {
        struct sc_pool *pool;
        assert_true(n < 20);
        sc_memory_fail_at(n);
        status = sc_pool_new(&pool, 2, NULL);
        sc_memory_fail_at(SIZE_MAX);
        assert_true(status == SC_OK || (status == SC_ERR_NOMEM && !pool));
        sc_pool_free(pool);
    }
    assert_true(n >= 2);
}

/* ---- control groups -------------------------------------------------------------------------- */

static char root[64];

static const char *in_root(const char *path)
{
    static char full[2][256];
    static int turn;
    turn = !turn;
    snprintf(full[turn], sizeof full[turn], "%s/%s", root, path);
    return full[turn];
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(in_root(path), 0700), 0);
}

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(in_root(path), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void check_quota(double expected)
{
    double quota = sc_cgroup_quota(in_root("membership"), root);
    assert_true(quota > expected - 1e-9 && quota < expected + 1e-9);
}

static void test_quota_v2(void **state)
{
    (void)state;
    check_quota(0); /* no membership file */
    make_file("membership", "0::/a/b\n");
    check_quota(0); /* no quota file */
    make_folder("a");
    make_folder("a/b");
    make_file("a/b/cpu.max", "max 100000\n");
    check_quota(0);
    make_file("a/cpu.max", "150000 100000\n");
    check_quota(1.5); /* of the group around it */
    make_file("a/b/cpu.max", "50000 100000\n");
    check_quota(0.5);
    make_file("a/b/cpu.max", "400000 100000\n");
    check_quota(1.5); /* the smaller one holds */
    make_file("a/b/cpu.max", "rubbish\n");
    make_file("a/cpu.max", "-5 0\n");
    check_quota(0);
}

static void test_quota_v1(void **state)
{
    (void)state;
    make_folder("cpu");
    make_folder("cpu/c");
    make_file("membership", "no colons\n4:cpuset:/x\n3:cpuacct,cpu:/c\n2:cpu\n");
    check_quota(0);
    make_file("cpu/c/cpu.cfs_quota_us", "-1\n");
    make_file("cpu/c/cpu.cfs_period_us", "100000\n");
    check_quota(0);
    make_file("cpu/c/cpu.cfs_quota_us", "250000\n");
    check_quota(2.5);
    make_file("membership", "3:cpuacct:/c\n");
    check_quota(0);
}

static void test_cores(void **state)
{
    (void)state;
    int cores = sc_available_cores();
    assert_in_range(cores, 1, 1 << 16);
    assert_true(cores <= sysconf(_SC_NPROCESSORS_CONF));
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/test_pool_XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    static const char *const paths[] = {"membership",
                                        "a/b/cpu.max",
                                        "a/cpu.max",
                                        "cpu/c/cpu.cfs_quota_us",
                                        "cpu/c/cpu.cfs_period_us",
                                        "a/b",
                                        "a",
                                        "cpu/c",
                                        "cpu"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        remove(in_root(paths[i]));
    }
    return rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_task_once),
        cmocka_unit_test(test_next_task),
        cmocka_unit_test(test_sleep_and_wake),
        cmocka_unit_test(test_runs_follow_each_other),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_memory_failures),
        cmocka_unit_test_setup_teardown(test_quota_v2, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_quota_v1, make_root, remove_root),
        cmocka_unit_test(test_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
