/*
 * A GPU that is emulated on the processor: slow, exact about order, and hostile.  Work in a queue
 * is done when it is waited for, memory begins as NaN, and what a caller may not rely on does not
 * hold.
 *
 * The environment variable SAFECONF_EMULATED_GPU says what it is like, as words between commas:
 * cards=N (1), bytes=N of memory of each (1 GiB), shared=N bytes of a block at most (96 KiB),
 * processors=N (4), order=ascending|descending|shuffled in which blocks, warps and lanes run,
 * work=late|early: done when it is waited for or when it is asked for; fail=N: the N-th call that
 * can fail does, from 1 on, counted anew whenever the variable changes; ways=none|same|other: what
 * the library of products offers (same), `other` being ways whose sums depend on the number of
 * rows.
 */
#ifndef SC_ENGINE_GPU_EMULATED_EMULATED_H
#define SC_ENGINE_GPU_EMULATED_EMULATED_H

#include "engine/gpu/emulated/fibers.h"

enum sc_emulated_ways { SC_WAYS_SAME, SC_WAYS_NONE, SC_WAYS_OTHER };

struct sc_emulated_options {
    int n_cards;
    size_t bytes, shared_bytes;
    uint32_t n_processors;
    enum sc_fiber_order order;
    bool is_early;
    unsigned long fail_at; /* 0: never */
    enum sc_emulated_ways ways;
};
/* What the environment says; false and why where it says something else. */
bool sc_emulated_options(struct sc_emulated_options *out, char *why);

/* Every call that can fail asks whether it is the one that is to. */
bool sc_emulated_is_to_fail(const struct sc_emulated_options *options, const char *what, char *why);

/* The module; SC_GPU_MODULE_SYMBOL of the loadable one is this. */
const struct sc_gpu_module *sc_gpu_module(void);

/* Kernel by number (kernels.c). */
struct sc_emulated_kernel {
    sc_fiber_kernel *run;
    size_t argument_bytes;
    uint32_t most_threads;
};
extern const struct sc_emulated_kernel sc_emulated_kernels[SC_GPU_N_KERNELS];

/* Products (products.c): ways of the emulated library, and what they compute. */
enum sc_status sc_emulated_find_ways(const struct sc_emulated_options *options,
                                     const struct sc_gpu_product_shape *shape, uint32_t n_rows,
                                     void **ways, size_t most, size_t *n, char *why);
enum sc_status sc_emulated_multiply(const void *way, const struct sc_gpu_operands *operands,
                                    char *why);

#endif
