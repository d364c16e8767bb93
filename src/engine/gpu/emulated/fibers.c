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
#include "engine/gpu/emulated/watched.h"
#include "engine/gpu/kernels/threads.h"

enum { MOST_THREADS = 1024, STACK_BYTES = 64 << 10, LEFT_BYTES = 2 << 10, FILLED_WITH = 0xff };

enum state { READY, AT_BARRIER, AT_WARP_BARRIER, ENDED };

struct fiber {
    void *stack; /* where it stands, while it does not run */
    void *own;   /* [STACK_BYTES] */
    void *watched;
    enum state state;
    struct sc_emulated_place place; /* of the barrier it waits at */
};

struct sc_fibers {
    enum sc_fiber_order order;
    struct fiber fiber[MOST_THREADS];
    struct sc_emulated_warp warps[MOST_THREADS / GPU_WARP];
    struct sc_fetches fetches[MOST_THREADS];
    uint32_t turns[MOST_THREADS]; /* the order: warp by warp, and which turn is whose */
    uint32_t turn_of[MOST_THREADS];
    uint32_t n;
    unsigned char *stacks;
    void *main_stack, *main_watched;
    const void *main_bottom;
    size_t main_bytes;
    bool from_main; /* it was the block's loop that switched last */
    sc_fiber_kernel *kernel;
    const struct sc_gpu_launch *launch;
    uint32_t running;
    const char *wrong; /* what a thread did that it may not, or NULL */
    struct sc_emulated_place wrong_at, wrong_beside;
};

SC_EMULATED_OWN struct sc_emulated_thread sc_emulated_thread;
static SC_EMULATED_OWN struct sc_fibers *current;

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

/* Where a stack that was left goes on. */
static void arrive(struct sc_fibers *f, void *watched)
{
#ifdef SC_WATCHED
    const void *bottom;
    size_t bytes;
    __sanitizer_finish_switch_fiber(watched, &bottom, &bytes);
    if (f->from_main) {
        f->main_bottom = bottom;
        f->main_bytes = bytes;
    }
#else
    (void)watched;
#endif
    f->from_main = false;
}

static void leave(void **watched, const void *to, size_t bytes)
{
#ifdef SC_WATCHED
    __sanitizer_start_switch_fiber(watched, to, bytes);
#else
    (void)watched, (void)to, (void)bytes;
#endif
}

static void choose(struct sc_fibers *f, uint32_t i)
{
    f->running = i;
    sc_emulated_thread.thread = i;
}

static void to_fiber(struct sc_fibers *f, uint32_t i)
{
    choose(f, i);
    f->from_main = true;
    leave(&f->main_watched, f->fiber[i].own, STACK_BYTES);
    sc_fiber_switch(&f->main_stack, f->fiber[i].stack);
    arrive(f, f->main_watched);
}

/* To the next of the warp that can go on, or back to the block's loop, until it is this thread's
 * turn again. */
static void from_fiber(struct sc_fibers *f, enum state state)
{
    struct fiber *fiber = &f->fiber[f->running];
    void **watched = state == ENDED ? NULL : &fiber->watched;
    fiber->state = state;
    for (uint32_t k = f->turn_of[f->running] + 1; k % GPU_WARP != 0; k++) {
        struct fiber *next = &f->fiber[f->turns[k]];
        if (next->state == READY) {
            choose(f, f->turns[k]);
            leave(watched, next->own, STACK_BYTES);
            sc_fiber_switch(&fiber->stack, next->stack);
            arrive(f, fiber->watched);
            return;
        }
    }
    leave(watched, f->main_bottom, f->main_bytes);
    sc_fiber_switch(&fiber->stack, f->main_stack);
    arrive(f, fiber->watched);
}

static void note_wrong(struct sc_fibers *f, const char *wrong)
{
    if (f->wrong == NULL)
        f->wrong = wrong;
}

/* Where every fiber begins; it never returns. */
void sc_fiber_begin(void)
{
    struct sc_fibers *f = current;
    arrive(f, NULL);
    f->kernel(f->launch->arguments);
    if (f->fetches[f->running].n > 0)
        note_wrong(f, "a thread ended with copies on their way");
    from_fiber(f, ENDED);
    abort();
}

/* As if it had switched away at its first instruction, where a call would have left the stack: 8
 * bytes off a multiple of 16 on x86-64, on a multiple on AArch64.  Stacks begin at different places
 * of their pages, or they would all want the same lines of the cache. */
static void prepare(struct fiber *fiber, uint32_t i)
{
    unsigned char *end = (unsigned char *)fiber->own + STACK_BYTES - (size_t)(i % 32) * 320;
    SC_ALLOW(end - LEFT_BYTES, LEFT_BYTES); /* of the last thread here, which never returned */
    uintptr_t *frame = (uintptr_t *)(void *)end - FRAME_WORDS;
    memset(frame, 0, FRAME_WORDS * sizeof *frame);
    frame[AT_RETURN] = (uintptr_t)sc_fiber_begin;
    fiber->stack = frame;
    fiber->state = READY;
}

/* ---- a block --------------------------------------------------------------------------------- */

void sc_emulated_barrier(struct sc_emulated_place place)
{
    current->fiber[current->running].place = place;
    from_fiber(current, AT_BARRIER);
}

void sc_emulated_warp_barrier(struct sc_emulated_place place)
{
    current->fiber[current->running].place = place;
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

bool sc_emulated_is_shared(const void *at, size_t bytes)
{
    const uintptr_t shared = (uintptr_t)sc_emulated_thread.shared, from = (uintptr_t)at;
    return from >= shared && from - shared + bytes <= current->launch->shared_bytes;
}

void sc_emulated_wrong(const char *what)
{
    note_wrong(current, what);
}

/* Threads [first, first + n) go on when all of them wait in that state, at one place. */
static bool release(struct sc_fibers *f, uint32_t first, uint32_t n, enum state state)
{
    for (uint32_t i = first; i < first + n; i++)
        if (f->fiber[i].state != state)
            return false;
    for (uint32_t i = first; i < first + n; i++) {
        if (f->fiber[i].place.line != f->fiber[first].place.line && f->wrong == NULL) {
            f->wrong = "threads wait for each other at different places";
            f->wrong_at = f->fiber[first].place;
            f->wrong_beside = f->fiber[i].place;
        }
        f->fiber[i].state = READY;
    }
    return true;
}

/* Lets a warp run until all of its threads ended or wait for others. */
static void run_warp(struct sc_fibers *f, uint32_t first)
{
    do
        for (uint32_t k = first; k < first + GPU_WARP; k++)
            if (f->fiber[f->turns[k]].state == READY)
                to_fiber(f, f->turns[k]);
    while (f->wrong == NULL &&
           release(f, f->turns[first] / GPU_WARP * GPU_WARP, GPU_WARP, AT_WARP_BARRIER));
}

static bool all_ended(const struct sc_fibers *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->fiber[i].state != ENDED)
            return false;
    return true;
}

static enum sc_status fail(const struct sc_fibers *f, char *why)
{
    static const char *const names[] = {
#define NAME(name, arguments) #name,
        SC_GPU_ALL_KERNELS(NAME)
#undef NAME
    };
    const char *name = names[f->launch->kernel];
    uint32_t n[ENDED + 1] = {0};
    for (uint32_t i = 0; i < f->n; i++) {
        n[f->fiber[i].state]++;
        SC_ALLOW(f->fiber[i].own, STACK_BYTES);
    }
    if (f->wrong == NULL)
        snprintf(why, SC_GPU_WHY,
                 "kernel %s: of %u threads %u wait for the block, %u for their warp and %u ended",
                 name, f->n, n[AT_BARRIER], n[AT_WARP_BARRIER], n[ENDED]);
    else if (f->wrong_at.file != NULL)
        snprintf(why, SC_GPU_WHY, "kernel %s: %s: %s:%u and %s:%u", name, f->wrong,
                 f->wrong_at.file, f->wrong_at.line, f->wrong_beside.file, f->wrong_beside.line);
    else
        snprintf(why, SC_GPU_WHY, "kernel %s: %s", name, f->wrong);
    return SC_ERR_INTERNAL;
}

static enum sc_status run_block(struct sc_fibers *f, char *why)
{
    for (uint32_t i = 0; i < f->n; i++) {
        prepare(&f->fiber[i], i);
        f->fetches[i].n = f->fetches[i].n_groups = 0;
    }
    for (uint32_t i = 0; i < f->n / GPU_WARP; i++)
        memset(f->warps[i].turn, 0, sizeof f->warps[i].turn);
    do {
        for (uint32_t k = 0; k < f->n && f->wrong == NULL; k += GPU_WARP)
            run_warp(f, k);
        if (f->wrong == NULL && all_ended(f))
            return SC_OK;
    } while (f->wrong == NULL && release(f, 0, f->n, AT_BARRIER));
    return fail(f, why);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void shuffle(uint32_t *list, uint32_t n, uint32_t *state)
{
    for (uint32_t i = n; i > 1; i--) {
        *state = *state * 1664525u + 1013904223u;
        const uint32_t k = (*state >> 8) % i, other = list[k];
        list[k] = list[i - 1];
        list[i - 1] = other;
    }
}

/* Of threads: warps in the order, and the lanes of each. */
static void choose_turns(struct sc_fibers *f)
{
    uint32_t warps[MOST_THREADS / GPU_WARP], lanes[GPU_WARP], state = 12345;
    const uint32_t n_warps = f->n / GPU_WARP;
    const bool back = f->order == SC_FIBERS_DESCENDING;
    for (uint32_t w = 0; w < n_warps; w++)
        warps[w] = back ? n_warps - 1 - w : w;
    if (f->order == SC_FIBERS_SHUFFLED)
        shuffle(warps, n_warps, &state);
    for (uint32_t k = 0; k < f->n; k++) {
        for (uint32_t i = 0; k % GPU_WARP == 0 && i < GPU_WARP; i++)
            lanes[i] = back ? GPU_WARP - 1 - i : i;
        if (k % GPU_WARP == 0 && f->order == SC_FIBERS_SHUFFLED)
            shuffle(lanes, GPU_WARP, &state);
        f->turns[k] = warps[k / GPU_WARP] * GPU_WARP + lanes[k % GPU_WARP];
        f->turn_of[f->turns[k]] = k;
    }
}

static uint64_t common_divisor(uint64_t x, uint64_t y)
{
    while (y != 0) {
        const uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

/* Of blocks: a step that has no divisor with n in common comes to each once. */
static uint64_t block_step(enum sc_fiber_order order, uint64_t n)
{
    uint64_t step = order == SC_FIBERS_SHUFFLED ? n * 5 / 8 + 1 : 1;
    while (common_divisor(step, n) != 1)
        step++;
    return step;
}

static enum sc_status run_blocks(struct sc_fibers *f, void *shared, char *why)
{
    struct sc_emulated_thread *t = &sc_emulated_thread;
    const uint32_t *blocks = f->launch->blocks;
    const uint64_t n = (uint64_t)blocks[0] * blocks[1] * blocks[2], step = block_step(f->order, n);
    enum sc_status status = SC_OK;
    *t = (struct sc_emulated_thread){.threads = f->n, .shared = shared};
    memcpy(t->blocks, blocks, sizeof t->blocks);
    for (uint64_t i = 0, at = 0; i < n && status == SC_OK; i++, at = (at + step) % n) {
        const uint64_t block = f->order == SC_FIBERS_DESCENDING ? n - 1 - at : at;
        t->block[0] = (uint32_t)(block % blocks[0]);
        t->block[1] = (uint32_t)(block / blocks[0] % blocks[1]);
        t->block[2] = (uint32_t)(block / blocks[0] / blocks[1]);
        memset(shared, FILLED_WITH, f->launch->shared_bytes);
        status = run_block(f, why);
    }
    return status;
}

enum sc_status sc_fibers_run(struct sc_fibers *f, sc_fiber_kernel *kernel,
                             const struct sc_gpu_launch *launch, char *why)
{
    /* Of exactly that size, so that what is past it is seen, and aligned by 16 bytes, no more. */
    void *memory = NULL;
    if (posix_memalign(&memory, 32, 16 + (size_t)launch->shared_bytes) != 0) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    f->n = launch->threads;
    f->kernel = kernel;
    f->launch = launch;
    f->wrong = NULL;
    f->wrong_at = (struct sc_emulated_place){NULL, 0};
    choose_turns(f);
    current = f;
    enum sc_status status = run_blocks(f, (unsigned char *)memory + 16, why);
    current = NULL;
    free(memory);
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
    const size_t bytes = MOST_THREADS * (STACK_BYTES + (size_t)sysconf(_SC_PAGESIZE));
    /* Or what frames forbade would be forbidden to who gets these addresses next. */
    SC_ALLOW(f->stacks, bytes);
    munmap(f->stacks, bytes);
    free(f);
}
