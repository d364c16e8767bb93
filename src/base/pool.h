/*
 * A pool of threads for parallel loops.  The caller's thread is worker 0, so n_threads = 1 starts
 * no thread.  Workers spin briefly and then sleep; a loop allocates nothing.
 */
#ifndef SC_BASE_POOL_H
#define SC_BASE_POOL_H

#include "base/error.h"

struct sc_pool;

/* task in [0, n_tasks); worker in [0, n_threads), for scratch memory.  Which worker gets which task
 * must not change a result. */
typedef void sc_pool_task(void *context, size_t task, size_t worker);

/* n_threads: 1 to 1024, the caller's included. */
enum sc_status sc_pool_new(struct sc_pool **out, int n_threads, struct sc_error *error);
void sc_pool_free(struct sc_pool *pool);
int sc_pool_n_threads(const struct sc_pool *pool);
/* Runs all tasks and returns when every one has ended.  From one thread at a time, and not from
 * inside a task. */
void sc_pool_run(struct sc_pool *pool, size_t n_tasks, sc_pool_task *task, void *context);
/* Within a task of a run of several: the task that nobody has begun yet, n_tasks when there is
 * none.  A guess at what will come, for whoever wants to prepare for it; outdated as soon as it is
 * known. */
size_t sc_pool_next_task(struct sc_pool *pool);

#endif
