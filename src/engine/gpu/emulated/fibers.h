/*
 * A block of threads on one thread of the processor.  Each is a coroutine with a stack of its own;
 * one runs until it comes to a barrier, then the next, in an order that can be chosen.
 */
#ifndef SC_ENGINE_GPU_EMULATED_FIBERS_H
#define SC_ENGINE_GPU_EMULATED_FIBERS_H

#include <safeconf/core.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/gpu/module.h"

/* In which the threads of a block run between barriers.  Figures that differ show a race. */
enum sc_fiber_order { SC_FIBERS_ASCENDING, SC_FIBERS_DESCENDING, SC_FIBERS_SHUFFLED };

struct sc_fibers; /* stacks and shared memory; of one thread at a time */

struct sc_fibers *sc_fibers_new(enum sc_fiber_order order); /* NULL: out of memory */
void sc_fibers_free(struct sc_fibers *fibers);              /* NULL is fine */

typedef void sc_fiber_kernel(const void *arguments);

/* Runs all blocks of a launch, one after the other.  Fails where threads wait for barriers that
 * others do not come to; that kernel is then left as it is. */
enum sc_status sc_fibers_run(struct sc_fibers *fibers, sc_fiber_kernel *kernel,
                             const struct sc_gpu_launch *launch, char *why);

#endif
