/*
 * What the engine wants of a GPU, and nothing more: memory, work in order, kernels by number, and
 * the products of the maker's library.  A module fills this table and is loaded when the program
 * runs: cuda/ on NVIDIA's cards, emulated/ on the processor, for tests.  A module knows nothing of
 * models, traces or sampling and calls nothing of the program.
 *
 * Every function that can fail says why in `why` [SC_GPU_WHY], one line.  SC_ERR_NOMEM: the card
 * has not the memory; SC_ERR_UNSUPPORTED: no card, driver or card that would do; SC_ERR_INTERNAL:
 * the card or the driver failed.  What is given out is given back by the caller, in any order
 * before close.
 *
 * One queue is used from one thread at a time; everything else from any number at once.  Work in a
 * queue is done in order and has its own time: what it reads of the host's memory must stay, and
 * what it writes there is valid, until `wait`.  A failure of work shows in a later call on the
 * queue, at the latest in `wait`; the queue is then lost.
 */
#ifndef SC_ENGINE_GPU_MODULE_H
#define SC_ENGINE_GPU_MODULE_H

#include <safeconf/core.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/gpu/kernels/list.h"

#define SC_GPU_MODULE_VERSION                                                                      \
    1 /* raised whenever this table or an argument of a kernel changes                             \
       */
#define SC_GPU_WHY 256
#define SC_GPU_ALIGNMENT 256 /* of memory, in bytes */

struct sc_gpu_card {
    char name[96];       /* as its maker calls it */
    char arithmetic[48]; /* what figures follow from beside the library of products: "sm_90" */
    char library[48];    /* of products, with its version; "": none */
    char versions[96];   /* of driver and runtime, for people */
    size_t bytes, free_bytes;
    size_t shared_bytes;   /* of a block, at most */
    uint32_t n_processors; /* multiprocessors */
};

/* Blocks of threads that run one kernel (kernels/). */
struct sc_gpu_launch {
    enum sc_gpu_kernel kernel;
    uint32_t blocks[3];    /* each at least 1 */
    uint32_t threads;      /* of a block: a multiple of 32, at most 1024 */
    uint32_t shared_bytes; /* memory that the threads of a block share */
    const void *arguments; /* the kernel's struct, copied by the call */
    size_t argument_bytes; /* sizeof it, at most SC_GPU_MOST_ARGUMENTS */
};
#define SC_GPU_MOST_ARGUMENTS 1024

/* Products y[r][o] = sum_i x[r][i] w[o][i], sums in f32 and y in f32; x and w bf16 or f32.  Rows of
 * all three lie `stride` numbers apart. */
struct sc_gpu_product_shape {
    uint32_t n_out, n_in;
    uint32_t x_stride, w_stride, y_stride;
    bool bf16;
};
struct sc_gpu_operands {
    float *y;
    const void *x, *w;
};

enum { SC_GPU_MARKS = 4 }; /* places in a queue whose times are taken */

struct sc_gpu_module {
    uint32_t version; /* SC_GPU_MODULE_VERSION */
    uint32_t bytes;   /* sizeof(struct sc_gpu_module) */
    const char *name; /* "cuda" */

    /* Cards that can be used, numbered from 0. */
    enum sc_status (*count)(int *n, char *why);
    enum sc_status (*describe)(int card, struct sc_gpu_card *out, char *why);
    enum sc_status (*open)(void **gpu, int card, char *why);
    void (*close)(void *gpu);

    /* Memory of the card, and memory of the host that the card reads and writes by itself. */
    enum sc_status (*take)(void *gpu, size_t bytes, void **memory, char *why);
    void (*release)(void *gpu, void *memory); /* NULL is fine */
    enum sc_status (*take_host)(void *gpu, size_t bytes, void **memory, char *why);
    void (*release_host)(void *gpu, void *memory); /* NULL is fine */
    /* Copies to the card, done when it returns. */
    enum sc_status (*store)(void *gpu, void *to, const void *from, size_t bytes, char *why);

    enum sc_status (*queue_open)(void *gpu, void **queue, char *why);
    void (*queue_close)(void *queue); /* drops what is not done; NULL is fine */
    enum sc_status (*upload)(void *queue, void *to, const void *from, size_t bytes, char *why);
    enum sc_status (*download)(void *queue, void *to, const void *from, size_t bytes, char *why);
    enum sc_status (*copy)(void *queue, void *to, const void *from, size_t bytes, char *why);
    enum sc_status (*launch)(void *queue, const struct sc_gpu_launch *launch, char *why);
    enum sc_status (*mark)(void *queue, unsigned mark, char *why);
    enum sc_status (*wait)(void *queue, char *why);
    double (*seconds)(void *queue, unsigned from, unsigned to); /* between marks, after wait */

    /* What is put into the queue between begin and end is not done but kept, to be done as often as
     * it is replayed, with the arguments that it was put in with.  Marks are not kept.  A failure
     * in between, or of these two, is no failure of work: the queue is as it was. */
    enum sc_status (*record)(void *queue, char *why);
    enum sc_status (*record_end)(void *queue, void **recording, char *why);
    void (*forget)(void *queue, void *recording); /* NULL is fine */
    enum sc_status (*replay)(void *queue, void *recording, char *why);

    /* Ways in which the library would multiply n_rows rows: at most `most`, in the order in which
     * it expects them to be fast; *n may be 0.  A way is for exactly that many rows.  Whether two
     * ways give the same sums is for the caller to try (products.h). */
    enum sc_status (*find_ways)(void *gpu, const struct sc_gpu_product_shape *shape,
                                uint32_t n_rows, void **ways, size_t most, size_t *n, char *why);
    void (*forget_way)(void *gpu, void *way); /* NULL is fine */
    enum sc_status (*multiply)(void *queue, void *way, const struct sc_gpu_operands *operands,
                               char *why);
};

/* The one symbol of a module. */
#define SC_GPU_MODULE_SYMBOL "sc_gpu_module"
typedef const struct sc_gpu_module *sc_gpu_module_function(void);

#endif
