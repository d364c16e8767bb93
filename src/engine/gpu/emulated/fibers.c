/*
 * See fibers.h.  Switching costs some nanoseconds: the registers that a function keeps for its
 * caller are put on the stack and the other stack is taken, which is all that there is to it; on
 * other processors than those two the C library does it.
 *
 * Next: words.c, what the threads of a warp do together; module.c, who asks.
 */
#include "engine/gpu/emulated/fibers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/gpu/emulated/warps.h"
#include "engine/gpu/kernels/threads.h"

#if defined __SANITIZE_ADDRESS__
#define WATCHED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/common_interface_defs.h>
#endif

enum { MOST_THREADS = 1024, STACK_BYTES = 64 << 10, FILLED_WITH = 0xff };

enum state { READY, AT_BARRIER, AT_WARP_BARRIER, ENDED };

struct fiber {
    void *stack; /* where it stands, while it does not run */
    void *own;   /* [STACK_BYTES] */
    void *watched;
    enum state state;
};

struct sc_fibers {
    enum sc_fiber_order order;
    struct fiber fiber[MOST_THREADS];
    struct sc_emulated_warp warps[MOST_THREADS / GPU_WARP];
    struct sc_fetches fetches[MOST_THREADS];
    uint32_t turns[MOST_THREADS]; /* the order */
    uint32_t n;
    unsigned char *stacks;
    void *main_stack, *main_watched;
    const void *main_bottom;
    size_t main_bytes;
    sc_fiber_kernel *kernel;
    const void *arguments;
    uint32_t running;
    bool failed;
};

_Thread_local struct sc_emulated_thread sc_emulated_thread;
static _Thread_local struct sc_fibers *current;

/* ---- switching ------------------------------------------------------------------------------- */

void sc_fiber_switch(void **from, void *to);
void sc_fiber_begin(void);

#if defined __x86_64__
__asm__(".text\n.globl sc_fiber_switch\n.hidden sc_fiber_switch\n.type sc_fiber_switch,@function\n"
        "sc_fiber_switch:\n"
        "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
        "ret\n.size sc_fiber_switch,.-sc_fiber_switch\n");
enum { AT_RETURN = 6, FRAME_WORDS = 8 };
#elif defined __aarch64__
__asm__(".text\n.globl sc_fiber_switch\n.hidden sc_fiber_switch\n.type sc_fiber_switch,%function\n"
        "sc_fiber_switch:\n"
        "sub sp, sp, #160\n"
        "stp x19, x20, [sp]\n stp x21, x22, [sp, #16]\n stp x23, x24, [sp, #32]\n"
        "stp x25, x26, [sp, #48]\n stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n stp d12, d13, [sp, #128]\n"
        "stp d14, d15, [sp, #144]\n"
        "mov x9, sp\n str x9, [x0]\n mov sp, x1\n"
        "ldp x19, x20, [sp]\n ldp x21, x22, [sp, #16]\n ldp x23, x24, [sp, #32]\n"
        "ldp x25, x26, [sp, #48]\n ldp x27, x28, [sp, #64]\n ldp x29, x30, [sp, #80]\n"
        "ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n ldp d12, d13, [sp, #128]\n"
        "ldp d14, d15, [sp, #144]\n"
        "add sp, sp, #160\n ret\n.size sc_fiber_switch,.-sc_fiber_switch\n");
enum { AT_RETURN = 11, FRAME_WORDS = 20 };
#else
#error "the emulated GPU switches stacks on x86-64 and AArch64"
#endif

static void to_fiber(struct sc_fibers *f, uint32_t i)
{
    struct fiber *fiber = &f->fiber[i];
    f->running = i;
    sc_emulated_thread.thread = i;
#ifdef WATCHED
    __sanitizer_start_switch_fiber(&f->main_watched, fiber->own, STACK_BYTES);
#endif
    sc_fiber_switch(&f->main_stack, fiber->stack);
#ifdef WATCHED
    __sanitizer_finish_switch_fiber(f->main_watched, NULL, NULL);
#endif
}

/* Back to whoever runs the block, until it is this thread's turn again. */
static void from_fiber(struct sc_fibers *f, enum state state)
{
    struct fiber *fiber = &f->fiber[f->running];
    fiber->state = state;
#ifdef WATCHED
    __sanitizer_start_switch_fiber(state == ENDED ? NULL : &fiber->watched, f->main_bottom,
                                   f->main_bytes);
#endif
    sc_fiber_switch(&fiber->stack, f->main_stack);
#ifdef WATCHED
    __sanitizer_finish_switch_fiber(fiber->watched, &f->main_bottom, &f->main_bytes);
#endif
}

/* Where every fiber begins; it never returns. */
void sc_fiber_begin(void)
{
    struct sc_fibers *f = current;
#ifdef WATCHED
    __sanitizer_finish_switch_fiber(NULL, &f->main_bottom, &f->main_bytes);
#endif
    f->kernel(f->arguments);
    from_fiber(f, ENDED);
    abort();
}

static void prepare(struct fiber *fiber)
{
    /* As if it had switched away at its first instruction, where a call would have left the stack:
     * 8 bytes off a multiple of 16 on x86-64, on a multiple on AArch64. */
    uintptr_t *top = (uintptr_t *)(void *)((unsigned char *)fiber->own + STACK_BYTES);
    uintptr_t *frame = top - FRAME_WORDS;
    memset(frame, 0, FRAME_WORDS * sizeof *frame);
    frame[AT_RETURN] = (uintptr_t)sc_fiber_begin;
    fiber->stack = frame;
    fiber->state = READY;
}

/* ---- a block --------------------------------------------------------------------------------- */

void sc_emulated_barrier(void)
{
    from_fiber(current, AT_BARRIER);
}

void sc_emulated_warp_barrier(void)
{
    from_fiber(current, AT_WARP_BARRIER);
}

struct sc_emulated_warp *sc_emulated_own_warp(void)
{
    return &current->warps[current->running / GPU_WARP];
}

struct sc_fetches *sc_emulated_own_fetches(void)
{
    return &current->fetches[current->running];
}

/* The warp whose first thread is `first` goes on when all its threads came to its barrier. */
static bool release_warp(struct sc_fibers *f, uint32_t first)
{
    for (uint32_t i = first; i < first + GPU_WARP; i++)
        if (f->fiber[i].state != AT_WARP_BARRIER)
            return false;
    for (uint32_t i = first; i < first + GPU_WARP; i++)
        f->fiber[i].state = READY;
    return true;
}

/* What can go on after a round: false where nothing can. */
static bool release(struct sc_fibers *f)
{
    bool any = false;
    uint32_t n_waiting = 0;
    for (uint32_t i = 0; i < f->n; i += GPU_WARP)
        any |= release_warp(f, i);
    for (uint32_t i = 0; i < f->n; i++)
        n_waiting += f->fiber[i].state == AT_BARRIER;
    if (n_waiting != f->n)
        return any;
    for (uint32_t i = 0; i < f->n; i++)
        f->fiber[i].state = READY;
    return true;
}

static bool all_ended(const struct sc_fibers *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->fiber[i].state != ENDED)
            return false;
    return true;
}

static enum sc_status fail(const struct sc_fibers *f, const struct sc_gpu_launch *launch, char *why)
{
    static const char *const names[] = {
#define NAME(name, arguments) #name,
        SC_GPU_ALL_KERNELS(NAME)
#undef NAME
    };
    uint32_t n[ENDED + 1] = {0};
    for (uint32_t i = 0; i < f->n; i++)
        n[f->fiber[i].state]++;
    snprintf(why, SC_GPU_WHY,
             "kernel %s: of %u threads %u wait for the block, %u for their warp and %u ended",
             names[launch->kernel], f->n, n[AT_BARRIER], n[AT_WARP_BARRIER], n[ENDED]);
    return SC_ERR_INTERNAL;
}

static enum sc_status run_block(struct sc_fibers *f, const struct sc_gpu_launch *launch, char *why)
{
    for (uint32_t i = 0; i < f->n; i++) {
        prepare(&f->fiber[i]);
        f->fetches[i].n = f->fetches[i].n_groups = 0;
    }
    memset(f->warps, 0, f->n / GPU_WARP * sizeof *f->warps);
    do {
        for (uint32_t k = 0; k < f->n; k++)
            if (f->fiber[f->turns[k]].state == READY)
                to_fiber(f, f->turns[k]);
        if (all_ended(f))
            return SC_OK;
    } while (release(f));
    return fail(f, launch, why);
}

static void choose_turns(struct sc_fibers *f)
{
    uint32_t state = 12345;
    for (uint32_t i = 0; i < f->n; i++)
        f->turns[i] = f->order == SC_FIBERS_DESCENDING ? f->n - 1 - i : i;
    for (uint32_t i = f->n; f->order == SC_FIBERS_SHUFFLED && i > 1; i--) {
        state = state * 1664525u + 1013904223u;
        uint32_t k = (state >> 8) % i, turn = f->turns[k];
        f->turns[k] = f->turns[i - 1];
        f->turns[i - 1] = turn;
    }
}

enum sc_status sc_fibers_run(struct sc_fibers *f, sc_fiber_kernel *kernel,
                             const struct sc_gpu_launch *launch, char *why)
{
    /* Of exactly that size, so that what is past it is seen. */
    size_t bytes = launch->shared_bytes > 0 ? launch->shared_bytes : 1;
    void *shared = NULL;
    enum sc_status status = SC_OK;
    if (posix_memalign(&shared, SC_GPU_ALIGNMENT, bytes) != 0) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    f->n = launch->threads;
    f->kernel = kernel;
    f->arguments = launch->arguments;
    choose_turns(f);
    current = f;
    struct sc_emulated_thread *t = &sc_emulated_thread;
    *t = (struct sc_emulated_thread){.threads = launch->threads, .shared = shared};
    memcpy(t->blocks, launch->blocks, sizeof t->blocks);
    for (t->block[2] = 0; t->block[2] < t->blocks[2]; t->block[2]++)
        for (t->block[1] = 0; t->block[1] < t->blocks[1]; t->block[1]++)
            for (t->block[0] = 0; t->block[0] < t->blocks[0] && status == SC_OK; t->block[0]++) {
                memset(shared, FILLED_WITH, bytes);
                status = run_block(f, launch, why);
            }
    current = NULL;
    free(shared);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct sc_fibers *sc_fibers_new(enum sc_fiber_order order)
{
    struct sc_fibers *f = calloc(1, sizeof *f);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), step = STACK_BYTES + page;
    if (f == NULL)
        return NULL;
    f->order = order;
    f->stacks = mmap(NULL, MOST_THREADS * step, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stacks == MAP_FAILED) {
        free(f);
        return NULL;
    }
    for (size_t i = 0; i < MOST_THREADS; i++) { /* a page below each stack that nobody may touch */
        mprotect(f->stacks + i * step, page, PROT_NONE);
        f->fiber[i].own = f->stacks + i * step + page;
    }
    return f;
}

void sc_fibers_free(struct sc_fibers *f)
{
    if (f == NULL)
        return;
    munmap(f->stacks, MOST_THREADS * (STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE)));
    free(f);
}
