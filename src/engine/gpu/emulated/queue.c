/*
 * Work in order: kept until it is waited for, or done at once (work=early); recorded and replayed.
 * Both are what a card may do, and what differs between them is a fault of the caller.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/gpu/emulated/card.h"

enum kind { UPLOAD, DOWNLOAD, COPY, LAUNCH, MULTIPLY, MARK, REPLAY };

struct work {
    enum kind kind;
    void *to;
    const void *from;
    size_t bytes;
    struct sc_gpu_launch launch;
    unsigned char arguments[SC_GPU_MOST_ARGUMENTS];
    void *way;
    struct sc_gpu_operands operands;
    unsigned mark;
    const struct recording *recording;
};

struct recording {
    struct work *items;
    size_t n, room;
};

struct queue {
    struct sc_emulated_gpu *gpu;
    struct sc_fibers *fibers;
    struct recording waiting, *recording; /* recording: what is being kept, or NULL */
    double marks[SC_GPU_MARKS];
    bool is_lost;
};

enum sc_status sc_emulated_queue_open(void *opened, void **out, char *why)
{
    struct sc_emulated_gpu *gpu = opened;
    *out = NULL;
    if (sc_emulated_is_to_fail(&gpu->options, "a queue", why))
        return SC_ERR_INTERNAL;
    struct queue *q = calloc(1, sizeof *q);
    struct sc_fibers *fibers = sc_fibers_new(gpu->options.order);
    if (q == NULL || fibers == NULL) {
        sc_fibers_free(fibers);
        free(q);
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    q->gpu = gpu;
    q->fibers = fibers;
    *out = q;
    return SC_OK;
}

void sc_emulated_queue_close(void *opened)
{
    struct queue *q = opened;
    if (q == NULL)
        return;
    sc_emulated_forget(q, q->recording);
    free(q->waiting.items);
    sc_fibers_free(q->fibers);
    free(q);
}

/* ---- what is done ---------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static enum sc_status do_one(struct queue *q, const struct work *w, char *why);

static enum sc_status do_all(struct queue *q, const struct recording *list, char *why)
{
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < list->n && status == SC_OK; i++)
        status = do_one(q, &list->items[i], why);
    return status;
}

static enum sc_status do_one(struct queue *q, const struct work *w, char *why)
{
    struct sc_gpu_launch launch = w->launch;
    switch (w->kind) {
    case UPLOAD:
    case DOWNLOAD:
    case COPY:
        memmove(w->to, w->from, w->bytes);
        break;
    case LAUNCH:
        launch.arguments = w->arguments;
        return sc_fibers_run(q->fibers, sc_emulated_kernels[launch.kernel].run, &launch, why);
    case MULTIPLY:
        return sc_emulated_multiply(w->way, &w->operands, why);
    case MARK:
        q->marks[w->mark] = now();
        break;
    case REPLAY:
        return do_all(q, w->recording, why);
    }
    return SC_OK;
}

static enum sc_status do_waiting(struct queue *q, char *why)
{
    if (q->waiting.n == 0)
        return SC_OK;
    sc_emulated_reach(q->gpu);
    const enum sc_status status = do_all(q, &q->waiting, why);
    sc_emulated_leave(q->gpu);
    q->waiting.n = 0;
    q->is_lost = status != SC_OK;
    return status;
}

static enum sc_status lost(char *why)
{
    snprintf(why, SC_GPU_WHY, "emulated: the queue is lost");
    return SC_ERR_INTERNAL;
}

static enum sc_status refuse(struct queue *q, const char *what, char *why)
{
    snprintf(why, SC_GPU_WHY, "emulated: %s", what);
    q->is_lost = true;
    return SC_ERR_INTERNAL;
}

static enum sc_status add(struct queue *q, const struct work *work, const char *what, char *why)
{
    struct recording *to = q->recording != NULL ? q->recording : &q->waiting;
    if (q->is_lost)
        return lost(why);
    if (sc_emulated_is_to_fail(&q->gpu->options, what, why)) {
        q->is_lost = true;
        return SC_ERR_INTERNAL;
    }
    if (to->n == to->room) {
        size_t room = to->room > 0 ? 2 * to->room : 64;
        struct work *items = realloc(to->items, room * sizeof *items);
        if (items == NULL)
            return snprintf(why, SC_GPU_WHY, "emulated: out of memory"), SC_ERR_NOMEM;
        to->items = items;
        to->room = room;
    }
    to->items[to->n++] = *work;
    return q->gpu->options.is_early && q->recording == NULL ? do_waiting(q, why) : SC_OK;
}

enum sc_status sc_emulated_wait(void *opened, char *why)
{
    struct queue *q = opened;
    assert(q->recording == NULL);
    if (q->is_lost)
        return lost(why);
    if (sc_emulated_is_to_fail(&q->gpu->options, "work", why)) {
        q->is_lost = true;
        return SC_ERR_INTERNAL;
    }
    return do_waiting(q, why);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool is_of_card(struct queue *q, const void *at, size_t bytes)
{
    return bytes == 0 || sc_emulated_owner(q->gpu, at, bytes) == SC_OF_CARD;
}

enum sc_status sc_emulated_upload(void *opened, void *to, const void *from, size_t bytes, char *why)
{
    struct queue *q = opened;
    if (!is_of_card(q, to, bytes) || sc_emulated_owner(q->gpu, from, bytes) == SC_OF_CARD)
        return refuse(q, "a copy to the card between places that are not the host's and its", why);
    return add(q, &(struct work){.kind = UPLOAD, .to = to, .from = from, .bytes = bytes},
               "a copy to the card", why);
}

enum sc_status sc_emulated_download(void *opened, void *to, const void *from, size_t bytes,
                                    char *why)
{
    struct queue *q = opened;
    if (!is_of_card(q, from, bytes) || sc_emulated_owner(q->gpu, to, bytes) == SC_OF_CARD)
        return refuse(q, "a copy from the card between places that are not its and the host's",
                      why);
    if (q->recording == NULL && !q->is_lost)
        memset(to, 0xff, bytes); /* nobody's until it is waited for */
    return add(q, &(struct work){.kind = DOWNLOAD, .to = to, .from = from, .bytes = bytes},
               "a copy from the card", why);
}

enum sc_status sc_emulated_copy(void *opened, void *to, const void *from, size_t bytes, char *why)
{
    struct queue *q = opened;
    if (!is_of_card(q, to, bytes) || !is_of_card(q, from, bytes))
        return refuse(q, "a copy on the card between places that are not the card's", why);
    return add(q, &(struct work){.kind = COPY, .to = to, .from = from, .bytes = bytes},
               "a copy on the card", why);
}

enum sc_status sc_emulated_launch(void *opened, const struct sc_gpu_launch *l, char *why)
{
    struct queue *q = opened;
    struct work work = {.kind = LAUNCH, .launch = *l};
    assert((unsigned)l->kernel < SC_GPU_N_KERNELS);
    const struct sc_emulated_kernel *kernel = &sc_emulated_kernels[l->kernel];
    assert(l->argument_bytes == kernel->argument_bytes);
    assert(l->argument_bytes <= SC_GPU_MOST_ARGUMENTS);
    /* What a card would refuse. */
    if (l->threads == 0 || l->threads % 32 != 0 || l->threads > kernel->most_threads ||
        l->blocks[0] == 0 || l->blocks[1] == 0 || l->blocks[2] == 0 || l->blocks[0] > INT32_MAX ||
        l->blocks[1] > 65535 || l->blocks[2] > 65535 ||
        l->shared_bytes > q->gpu->options.shared_bytes) {
        snprintf(why, SC_GPU_WHY,
                 "emulated: kernel %d: a launch of %u x %u x %u blocks of %u threads and %u bytes",
                 (int)l->kernel, l->blocks[0], l->blocks[1], l->blocks[2], l->threads,
                 l->shared_bytes);
        return SC_ERR_INTERNAL;
    }
    if (sc_emulated_is_foreign(q->gpu, l->arguments, l->argument_bytes)) {
        snprintf(why, SC_GPU_WHY, "emulated: kernel %d: an argument is an address of the program",
                 (int)l->kernel);
        return SC_ERR_INTERNAL;
    }
    memcpy(work.arguments, l->arguments, l->argument_bytes);
    work.launch.arguments = NULL;
    return add(q, &work, "a launch", why);
}

enum sc_status sc_emulated_enqueue_product(void *opened, void *way,
                                           const struct sc_gpu_operands *operands, char *why)
{
    struct queue *q = opened;
    if (!is_of_card(q, operands->y, sizeof(float)) || !is_of_card(q, operands->x, 1) ||
        !is_of_card(q, operands->w, 1))
        return refuse(q, "a product of what is not the card's", why);
    return add(q, &(struct work){.kind = MULTIPLY, .way = way, .operands = *operands}, "a product",
               why);
}

enum sc_status sc_emulated_mark(void *opened, unsigned at, char *why)
{
    struct queue *q = opened;
    assert(at < SC_GPU_MARKS && q->recording == NULL);
    return add(q, &(struct work){.kind = MARK, .mark = at}, "a mark", why);
}

double sc_emulated_seconds(void *opened, unsigned from, unsigned to)
{
    const struct queue *q = opened;
    return q->marks[to] - q->marks[from];
}

/* ---- recordings ------------------------------------------------------------------------------ */

enum sc_status sc_emulated_record(void *opened, char *why)
{
    struct queue *q = opened;
    assert(q->recording == NULL);
    if (q->is_lost)
        return lost(why);
    if (sc_emulated_is_to_fail(&q->gpu->options, "a recording", why))
        return SC_ERR_INTERNAL;
    q->recording = calloc(1, sizeof *q->recording);
    if (q->recording == NULL) {
        snprintf(why, SC_GPU_WHY, "emulated: out of memory");
        return SC_ERR_NOMEM;
    }
    return SC_OK;
}

void sc_emulated_forget(void *opened, void *kept)
{
    struct recording *recording = kept;
    (void)opened;
    if (recording == NULL)
        return;
    free(recording->items);
    free(recording);
}

enum sc_status sc_emulated_record_end(void *opened, void **out, char *why)
{
    struct queue *q = opened;
    struct recording *recording = q->recording;
    assert(recording != NULL);
    const bool has_failed = q->is_lost; /* what was to be kept, and no work */
    q->recording = NULL;
    q->is_lost = false;
    *out = NULL;
    if (has_failed || sc_emulated_is_to_fail(&q->gpu->options, "a recording", why)) {
        if (has_failed)
            snprintf(why, SC_GPU_WHY, "emulated: what was to be kept failed");
        sc_emulated_forget(q, recording);
        return SC_ERR_INTERNAL;
    }
    *out = recording;
    return SC_OK;
}

enum sc_status sc_emulated_replay(void *opened, void *recording, char *why)
{
    struct queue *q = opened;
    assert(q->recording == NULL);
    return add(q, &(struct work){.kind = REPLAY, .recording = recording}, "a replay", why);
}
