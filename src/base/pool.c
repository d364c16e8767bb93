/*
 * The thread pool.  A run is published as one 64-bit word (run number, next task); workers claim a
 * task by moving that word forward, so a worker that wakes late finds nothing to claim and nobody
 * waits for it: a run ends when its tasks have, not when all workers have looked.
 *
 * Who goes to sleep says so first and then looks once more; who has news publishes it first and
 * then looks for sleepers.  One of the two must see the other, so nothing may pass between a
 * thread's own store and its own load.  Both stores are exchanges: the language asks no more than a
 * sequentially consistent store, but qemu runs AArch64's (stlr, then ldar) on x86-64 without the
 * barrier between them, and a worker then sleeps for ever.  On x86-64 itself the two are the same
 * instruction.
 *
 * Refuses: a run from inside a task, or from two threads at once (the caller's to avoid).
 */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/system.h"

enum { MAX_THREADS = 1024, SPINS_PER_LOOK = 32 };

/* How long a thread waits busily before it sleeps: longer than the pause between two products of
 * one layer, shorter than what would be felt as a busy core. */
static const double SPIN_SECONDS = 50e-6;

/* Tasks of one publication; longer runs are published in pieces. */
static const size_t MAX_TASKS = (size_t)1 << 31;

/* A next task that no run has: nothing can be claimed. */
static const uint64_t CLOSED = UINT32_MAX;

struct worker {
    struct sc_pool *pool;
    size_t index;
    pthread_t thread;
};

struct sc_pool {
    int n_threads;
    bool spin;              /* only when every thread can have a core of its own */
    struct worker *workers; /* [n_threads - 1] */

    /* Written before the word is, by the running thread; read by workers after they saw the word.
     * Atomic because a late worker may read them while the next run is written; its claim then
     * fails and what it read is not used. */
    _Atomic(sc_pool_task *) task;
    _Atomic(void *) context;
    atomic_size_t first, n_tasks;

    /* Each on a cache line of its own, as all threads write them. */
    _Alignas(64) _Atomic uint64_t word; /* run number << 32 | next task */
    _Alignas(64) atomic_size_t n_done;

    _Alignas(64) atomic_int n_sleeping; /* workers that wait on `wake` */
    atomic_bool caller_sleeps;          /* the running thread waits on `ended` */
    atomic_bool stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake, ended;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* `yield` is nothing on most processors */
#endif
}

static uint32_t run_of(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* Claims and runs tasks of the current run until none is left; returns that run's number. */
static uint32_t work(struct sc_pool *pool, size_t worker)
{
    for (;;) {
        uint64_t word = atomic_load_explicit(&pool->word, memory_order_acquire);
        size_t next = (size_t)(uint32_t)word;
        sc_pool_task *task = atomic_load_explicit(&pool->task, memory_order_acquire);
        void *context = atomic_load_explicit(&pool->context, memory_order_acquire);
        size_t first = atomic_load_explicit(&pool->first, memory_order_acquire);
        size_t n_tasks = atomic_load_explicit(&pool->n_tasks, memory_order_acquire);
        if (next >= n_tasks)
            return run_of(word);
        /* When this succeeds, task `next` was unclaimed just now, so the run had not ended and what
         * was read above belongs to it. */
        if (!atomic_compare_exchange_weak_explicit(&pool->word, &word, word + 1,
                                                   memory_order_acq_rel, memory_order_relaxed)) {
            continue;
        }
        task(context, first + next, worker);
        if (atomic_fetch_add(&pool->n_done, 1) + 1 == n_tasks &&
            atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->ended);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

static bool has_news(struct sc_pool *pool, uint32_t seen)
{
    return run_of(atomic_load(&pool->word)) != seen || atomic_load(&pool->stop);
}

/* Waits for a run other than `seen`, or for the end of the pool. */
static void wait_for_run(struct sc_pool *pool, uint32_t seen)
{
    double begin = pool->spin ? sc_seconds() : 0;
    while (pool->spin) {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (has_news(pool, seen))
                return;
            relax();
        }
        if (sc_seconds() - begin > SPIN_SECONDS)
            break;
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->n_sleeping, 1);
    while (!has_news(pool, seen))
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->n_sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_for_end(struct sc_pool *pool, size_t n_tasks)
{
    double begin = pool->spin ? sc_seconds() : 0;
    while (pool->spin) {
        for (int i = 0; i < SPINS_PER_LOOK; i++) {
            if (atomic_load_explicit(&pool->n_done, memory_order_acquire) == n_tasks)
                return;
            relax();
        }
        if (sc_seconds() - begin > SPIN_SECONDS)
            break;
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_exchange(&pool->caller_sleeps, true);
    while (atomic_load(&pool->n_done) != n_tasks)
        pthread_cond_wait(&pool->ended, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct sc_pool *pool = worker->pool;
    uint32_t seen = 0;
    for (;;) {
        wait_for_run(pool, seen);
        if (atomic_load(&pool->stop))
            return NULL;
        seen = work(pool, worker->index);
    }
}

static void run_piece(struct sc_pool *pool, size_t first, size_t n_tasks, sc_pool_task *task,
                      void *context)
{
    uint64_t run = run_of(atomic_load_explicit(&pool->word, memory_order_relaxed));
    /* Closed first: the word of the last run would otherwise read, beside the number of tasks of
     * this one, as if a task were left, and a late worker could claim it.  Who sees any of the new
     * fields (release) also finds the word changed, so that his claim fails. */
    atomic_store(&pool->word, run << 32 | CLOSED);
    atomic_store_explicit(&pool->task, task, memory_order_release);
    atomic_store_explicit(&pool->context, context, memory_order_release);
    atomic_store_explicit(&pool->first, first, memory_order_release);
    atomic_store_explicit(&pool->n_tasks, n_tasks, memory_order_release);
    atomic_store_explicit(&pool->n_done, 0, memory_order_relaxed);
    atomic_exchange(&pool->word, (run + 1) << 32);
    if (atomic_load(&pool->n_sleeping) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool, 0);
    wait_for_end(pool, n_tasks);
}

void sc_pool_run(struct sc_pool *pool, size_t n_tasks, sc_pool_task *task, void *context)
{
    if (pool->n_threads == 1 || n_tasks == 1) {
        for (size_t i = 0; i < n_tasks; i++)
            task(context, i, 0);
        return;
    }
    for (size_t first = 0; first < n_tasks; first += MAX_TASKS) {
        size_t left = n_tasks - first;
        run_piece(pool, first, left < MAX_TASKS ? left : MAX_TASKS, task, context);
    }
}

size_t sc_pool_next_task(struct sc_pool *pool)
{
    size_t next = (uint32_t)atomic_load_explicit(&pool->word, memory_order_relaxed);
    return atomic_load_explicit(&pool->first, memory_order_relaxed) + next;
}

/* Signals are the program's affair: its own thread takes them, never a worker.  Those that an
 * instruction itself brings about reach a handler only where they are not blocked. */
static int start_worker(struct worker *worker)
{
    static const int own[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
    sigset_t all, old;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failure = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failure;
}

static void stop_workers(struct sc_pool *pool, int n_started)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < n_started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
}

enum sc_status sc_pool_new(struct sc_pool **out, int n_threads, struct sc_error *error)
{
    *out = NULL;
    if (n_threads < 1 || n_threads > MAX_THREADS) {
        return sc_fail(error, SC_ERR_ARGUMENT, "threads: expected 1 to %d, found %d", MAX_THREADS,
                       n_threads);
    }
    struct sc_pool *pool = sc_alloc_aligned(sizeof *pool);
    if (pool == NULL)
        return sc_fail_nomem(error, "thread pool");
    memset(pool, 0, sizeof *pool);
    pool->n_threads = n_threads;
    pool->spin = n_threads <= sc_available_cores();
    pool->workers = sc_alloc_zero((size_t)n_threads, sizeof *pool->workers);
    if (pool->workers == NULL) {
        sc_free(pool);
        return sc_fail_nomem(error, "thread pool");
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->ended, NULL);
    for (int i = 0; i < n_threads - 1; i++) {
        struct worker *worker = &pool->workers[i];
        *worker = (struct worker){.pool = pool, .index = (size_t)i + 1};
        int failure = start_worker(worker);
        if (failure) {
            stop_workers(pool, i);
            sc_free(pool->workers);
            sc_free(pool);
            return sc_fail(error, SC_ERR_LIMIT, "threads: could start %d of %d: %s", i + 1,
                           n_threads, strerror(failure));
        }
    }
    *out = pool;
    return SC_OK;
}

void sc_pool_free(struct sc_pool *pool)
{
    if (pool == NULL)
        return;
    stop_workers(pool, pool->n_threads - 1);
    sc_free(pool->workers);
    sc_free(pool);
}

int sc_pool_n_threads(const struct sc_pool *pool)
{
    return pool->n_threads;
}
