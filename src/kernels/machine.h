/*
 * What this machine can do, measured: streaming reads from memory and multiply-adds, on all threads
 * of a pool.  Two figures of each: the best of many short runs, since whatever disturbs a run can
 * only make it slower; and what all of them together came to, an estimate of what another program
 * could have had in the same seconds.  On a machine that others use too the two lie far apart, and
 * only the second can be set beside what else was measured in turn with it.
 */
#ifndef SC_KERNELS_MACHINE_H
#define SC_KERNELS_MACHINE_H

#include "kernels/kernels.h"

struct sc_pool;
struct sc_machine;

enum sc_machine_loop { SC_LOOP_READ, SC_LOOP_F32, SC_LOOP_BF16, SC_LOOP_INT8, SC_N_LOOPS };

/* Takes 256 MiB, to read.  The caller's to close; pool must outlive it. */
enum sc_status sc_machine_open(struct sc_machine **machine, const struct sc_kernels *kernels,
                               struct sc_pool *pool, struct sc_error *error);
void sc_machine_close(struct sc_machine *machine); /* NULL: nothing */

/* Runs a loop again and again for so many seconds, at least once; a loop that the level does not
 * have, never.  Not from inside a task of the pool. */
void sc_machine_sample(struct sc_machine *machine, enum sc_machine_loop loop, double seconds);

/* Bytes, or operations (multiply and add counted as two), per second; 0 without a sample. */
double sc_machine_best(const struct sc_machine *machine, enum sc_machine_loop loop);
/* The same over all samples since the last sc_machine_restart. */
double sc_machine_sustained(const struct sc_machine *machine, enum sc_machine_loop loop);
void sc_machine_restart(struct sc_machine *machine);

#endif
