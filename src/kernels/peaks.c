/*
 * What this machine can do at best, measured: streaming reads from memory and multiply-adds per
 * second on all threads of the pool.  Each figure is the best of several short runs, since whatever
 * disturbs a run can only make it slower.  Where to read next: a level's busy_ and read_ loops.
 */
#include "kernels/kernels.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"

#include <string.h>

enum { N_RUNS = 15 };
static const size_t READ_BYTES = (size_t)256 << 20; /* beyond the last-level cache */
static const size_t PIECE_BYTES = (size_t)1 << 20;
static const size_t N_ROUNDS = 200000; /* a millisecond or so */

struct measurement {
    double (*busy)(size_t n_rounds, float *sink);
    void (*read)(const void *from, size_t bytes, float *sink);
    char *memory;
    size_t piece_bytes;
    /* [n_threads], a cache line each */
    struct slot {
        _Alignas(64) double operations;
        float sink;
    } *slots;
};

static void busy_task(void *context, size_t task, size_t worker)
{
    struct measurement *m = context;
    (void)worker;
    m->slots[task].operations = m->busy(N_ROUNDS, &m->slots[task].sink);
}

static void touch_task(void *context, size_t task, size_t worker)
{
    struct measurement *m = context;
    (void)worker;
    memset(m->memory + task * m->piece_bytes, 1, m->piece_bytes);
}

static void read_task(void *context, size_t task, size_t worker)
{
    struct measurement *m = context;
    m->read(m->memory + task * m->piece_bytes, m->piece_bytes, &m->slots[worker].sink);
}

/* Each thread has one task; should one thread get two, that run is only slower. */
static double measure_busy(struct sc_pool *pool, struct measurement *m,
                           double (*busy)(size_t, float *))
{
    size_t n_threads = (size_t)sc_pool_n_threads(pool);
    double best = 0;
    if (!busy) {
        return 0;
    }
    m->busy = busy;
    for (int run = 0; run < N_RUNS; run++) {
        double begin = sc_seconds();
        sc_pool_run(pool, n_threads, busy_task, m);
        double seconds = sc_seconds() - begin;
        double operations = 0;
        for (size_t i = 0; i < n_threads; i++) {
            operations += m->slots[i].operations;
        }
        if (seconds > 0 && operations / seconds > best) {
            best = operations / seconds;
        }
    }
    return best;
}

static double measure_read(struct sc_pool *pool, struct measurement *m)
{
    size_t n_pieces = READ_BYTES / m->piece_bytes;
    double best = 0;
    sc_pool_run(pool, n_pieces, touch_task, m);
    for (int run = 0; run < N_RUNS; run++) {
        double begin = sc_seconds();
        sc_pool_run(pool, n_pieces, read_task, m);
        double seconds = sc_seconds() - begin;
        if (seconds > 0 && (double)READ_BYTES / seconds > best) {
            best = (double)READ_BYTES / seconds;
        }
    }
    return best;
}

enum sc_status sc_machine_measure(const struct sc_kernels *kernels, struct sc_pool *pool,
                                  struct sc_machine_peaks *peaks, struct sc_error *error)
{
    size_t n_threads = (size_t)sc_pool_n_threads(pool);
    struct measurement m = {.read = kernels->read_memory, .piece_bytes = PIECE_BYTES};
    memset(peaks, 0, sizeof *peaks);
    char *memory = sc_alloc_aligned(READ_BYTES);
    m.slots = sc_alloc_aligned(n_threads * sizeof *m.slots);
    if (!memory || !m.slots) {
        sc_free(memory);
        sc_free(m.slots);
        return sc_fail_nomem(error, "measuring the machine");
    }
    m.memory = memory;
    /* Small ones cost a share of what is to be measured. */
    sc_prefer_large_pages(memory, READ_BYTES);
    memset(m.slots, 0, n_threads * sizeof *m.slots);
    peaks->flops_f32 = measure_busy(pool, &m, kernels->busy_f32);
    peaks->flops_bf16 = measure_busy(pool, &m, kernels->busy_bf16);
    peaks->ops_int8 = measure_busy(pool, &m, kernels->busy_int8);
    peaks->read_bytes_per_second = measure_read(pool, &m);
    sc_free(memory);
    sc_free(m.slots);
    return SC_OK;
}
