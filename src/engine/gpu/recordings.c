/* See recordings.h. */
#include "engine/gpu/recordings.h"

#include <assert.h>

#include "base/memory.h"

enum { MOST_KINDS = 64 };

struct recorded {
    struct sc_gpu_step_kind kind;
    uint64_t n_met, last; /* last: in the count of all meetings */
    void *parts[SC_GPU_N_PARTS];
};

struct sc_gpu_recordings {
    struct recorded items[MOST_KINDS];
    size_t n;
    struct recorded *met;
    uint64_t n_meetings;
    bool is_off;
};

struct sc_gpu_recordings *sc_gpu_recordings_new(void)
{
    return sc_alloc_zero(1, sizeof(struct sc_gpu_recordings));
}

static void forget(const struct sc_gpu_queue *q, struct recorded *item)
{
    for (size_t part = 0; part < SC_GPU_N_PARTS; part++) {
        q->module->forget(q->queue, item->parts[part]);
        item->parts[part] = NULL;
    }
}

void sc_gpu_recordings_free(struct sc_gpu_recordings *r, const struct sc_gpu_queue *q)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        forget(q, &r->items[i]);
    sc_free(r);
}

static bool is_same(const struct sc_gpu_step_kind *a, const struct sc_gpu_step_kind *b)
{
    return a->n_rows == b->n_rows && a->n_logit_rows == b->n_logit_rows && a->extent == b->extent;
}

static struct recorded *find(struct sc_gpu_recordings *r, const struct sc_gpu_step_kind *kind)
{
    for (size_t i = 0; i < r->n; i++)
        if (is_same(&r->items[i].kind, kind))
            return &r->items[i];
    return NULL;
}

/* The place of the one that was not met for longest, where there is no other. */
static struct recorded *make_room(struct sc_gpu_recordings *r, const struct sc_gpu_queue *q)
{
    if (r->n < MOST_KINDS)
        return &r->items[r->n++];
    struct recorded *oldest = &r->items[0];
    for (size_t i = 1; i < r->n; i++)
        if (r->items[i].last < oldest->last)
            oldest = &r->items[i];
    forget(q, oldest);
    return oldest;
}

void sc_gpu_recordings_meet(struct sc_gpu_recordings *r, const struct sc_gpu_queue *q,
                            const struct sc_gpu_step_kind *kind)
{
    struct recorded *item = find(r, kind);
    if (item == NULL) {
        item = make_room(r, q);
        *item = (struct recorded){.kind = *kind};
    }
    item->n_met++;
    item->last = ++r->n_meetings;
    r->met = item;
}

/* What was put into the queue before it failed is dropped, and is put there again by the caller,
 * who then sees what is wrong. */
static void *record(const struct sc_gpu_queue *q, sc_gpu_put *put, const void *context)
{
    char why[SC_GPU_WHY] = "";
    struct sc_error error = {0};
    void *recording = NULL;
    if (q->module->record(q->queue, why) != SC_OK)
        return NULL;
    const enum sc_status status = put(context, &error);
    if (q->module->record_end(q->queue, &recording, why) != SC_OK)
        return NULL;
    if (status != SC_OK) {
        q->module->forget(q->queue, recording);
        return NULL;
    }
    return recording;
}

void *sc_gpu_recordings_of(struct sc_gpu_recordings *r, const struct sc_gpu_queue *q,
                           enum sc_gpu_part part, sc_gpu_put *put, const void *context)
{
    assert(r->met != NULL);
    void **recording = &r->met->parts[part];
    if (*recording == NULL && r->met->n_met > 1 && !r->is_off) {
        *recording = record(q, put, context);
        r->is_off = *recording == NULL;
    }
    return *recording;
}
