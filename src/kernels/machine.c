/* See machine.h.  Where to read next: a level's busy_ and read_ loops. */
#include "kernels/machine.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/pool.h"

enum { N_PIECES = 256 };
static const size_t PIECE_BYTES = (size_t)1 << 20; /* all together beyond the last-level cache */
static const size_t N_ROUNDS = 200000;             /* a millisecond or so */

struct sc_machine {
    const struct sc_kernels *kernels;
    struct sc_pool *pool;
    char *memory;                                 /* [N_PIECES][PIECE_BYTES] */
    double (*busy)(size_t n_rounds, float *sink); /* of the run under way */
    /* [n_threads], a cache line each */
    struct slot {
        _Alignas(64) double operations;
        float sink;
    } * slots;
    struct speed {
        double best, amount, seconds;
    } speeds[SC_N_LOOPS];
};

static void touch_task(void *context, size_t task, size_t worker)
{
    struct sc_machine *m = context;
    (void)worker;
    memset(m->memory + task * PIECE_BYTES, 1, PIECE_BYTES);
}

static void read_task(void *context, size_t task, size_t worker)
{
    struct sc_machine *m = context;
    m->kernels->read_memory(m->memory + task * PIECE_BYTES, PIECE_BYTES, &m->slots[worker].sink);
}

static void busy_task(void *context, size_t task, size_t worker)
{
    struct sc_machine *m = context;
    (void)worker;
    m->slots[task].operations = m->busy(N_ROUNDS, &m->slots[task].sink);
}

/* One short run; returns what was done.  Of arithmetic each thread has one task; should one get
 * two, that run is only slower. */
static double run_once(struct sc_machine *m)
{
    size_t n_threads = (size_t)sc_pool_n_threads(m->pool);
    double operations = 0;
    if (m->busy == NULL) {
        sc_pool_run(m->pool, N_PIECES, read_task, m);
        return (double)(N_PIECES * PIECE_BYTES);
    }
    sc_pool_run(m->pool, n_threads, busy_task, m);
    for (size_t i = 0; i < n_threads; i++) {
        operations += m->slots[i].operations;
    }
    return operations;
}

void sc_machine_sample(struct sc_machine *m, enum sc_machine_loop loop, double seconds)
{
    struct speed *speed = &m->speeds[loop];
    double begin = sc_seconds(), now = begin;
    m->busy = loop == SC_LOOP_F32    ? m->kernels->busy_f32
              : loop == SC_LOOP_BF16 ? m->kernels->busy_bf16
              : loop == SC_LOOP_INT8 ? m->kernels->busy_int8
                                     : NULL;
    if (m->busy == NULL && loop != SC_LOOP_READ) {
        return;
    }
    do {
        double amount = run_once(m), then = now;
        now = sc_seconds();
        if (now > then && amount / (now - then) > speed->best) {
            speed->best = amount / (now - then);
        }
        speed->amount += amount;
        speed->seconds += now - then;
    } while (now - begin < seconds);
}

double sc_machine_best(const struct sc_machine *m, enum sc_machine_loop loop)
{
    return m->speeds[loop].best;
}

double sc_machine_sustained(const struct sc_machine *m, enum sc_machine_loop loop)
{
    const struct speed *speed = &m->speeds[loop];
    return speed->seconds > 0 ? speed->amount / speed->seconds : 0;
}

void sc_machine_restart(struct sc_machine *m)
{
    for (int i = 0; i < SC_N_LOOPS; i++) {
        m->speeds[i].amount = m->speeds[i].seconds = 0;
    }
}

enum sc_status sc_machine_open(struct sc_machine **machine, const struct sc_kernels *kernels,
                               struct sc_pool *pool, struct sc_error *error)
{
    size_t slots_bytes = (size_t)sc_pool_n_threads(pool) * sizeof(struct slot);
    size_t bytes = N_PIECES * PIECE_BYTES;
    struct sc_machine *m = *machine = sc_alloc_zero(1, sizeof *m);
    if (m != NULL) {
        *m = (struct sc_machine){.kernels = kernels,
                                 .pool = pool,
                                 .memory = sc_alloc_aligned(bytes),
                                 .slots = sc_alloc_aligned(slots_bytes)};
    }
    if (m == NULL || m->memory == NULL || m->slots == NULL) {
        sc_machine_close(m);
        *machine = NULL;
        return sc_fail_nomem(error, "measuring the machine");
    }
    /* Small pages would cost a share of what is to be measured. */
    sc_prefer_large_pages(m->memory, bytes);
    memset(m->slots, 0, slots_bytes);
    sc_pool_run(pool, N_PIECES, touch_task, m);
    return SC_OK;
}

void sc_machine_close(struct sc_machine *m)
{
    if (m == NULL) {
        return;
    }
    sc_free(m->memory);
    sc_free(m->slots);
    sc_free(m);
}
