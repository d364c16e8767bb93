/*
 * A GPU's table for engine/device.h: sessions, and steps as work in a session's queue.
 *
 * A step is put into the queue and not waited for; draws and descriptions wait.  Next: weights.c,
 * memory.c, step.c, ends.c.
 */
#include "engine/gpu/gpu.h"

#include <assert.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "engine/gpu/memory.h"
#include "engine/gpu/weights.h"

/* Rows of answers and of prompts in a step: together a number that products want, and enough of
 * them that arithmetic, not memory, is what takes the time. */
#define PARALLEL 256
#define PREFILL_ROWS 768

/* What is left to the driver, to other programs and to graphs of launches. */
#define LEAST_RESERVE ((size_t)512 << 20)

/* ---- sessions -------------------------------------------------------------------------------- */

static struct sc_session_bytes measure(const void *weights, const struct sc_session_sizes *sizes)
{
    return sc_gpu_session_measure(weights, sizes);
}

static size_t page_bytes(const void *weights)
{
    return sc_gpu_page_bytes(weights);
}

static struct sc_device_room room(const void *weights)
{
    const struct sc_gpu_weights *w = weights;
    char why[SC_GPU_WHY] = "";
    struct sc_gpu_card card = w->card;
    if (w->module->describe(w->card_number, &card, why) != SC_OK)
        card.free_bytes = 0; /* whoever takes memory is told why there is none */
    const size_t part = card.bytes / 20;
    const size_t reserve = part > LEAST_RESERVE ? part : LEAST_RESERVE;
    return (struct sc_device_room){.parallel = PARALLEL,
                                   .prefill_rows = PREFILL_ROWS,
                                   .is_own = true,
                                   .bytes =
                                       card.free_bytes > reserve ? card.free_bytes - reserve : 0};
}

static void session_close(void *session)
{
    struct sc_gpu_session *s = session;
    if (s == NULL)
        return;
    const struct sc_gpu_weights *w = s->weights;
    sc_gpu_ends_close(s);
    sc_gpu_experts_close(s);
    sc_gpu_attention_close(s);
    sc_gpu_steps_close(s);
    w->module->queue_close(s->queue.queue);
    w->module->release(w->gpu, s->card_memory);
    w->module->release_host(w->gpu, s->host_memory);
    sc_free(s);
}

static enum sc_status try_to_take(struct sc_gpu_session *s, char *why)
{
    const struct sc_gpu_weights *w = s->weights;
    struct sc_gpu_session measured = *s;
    struct sc_gpu_arenas arenas = {0};
    sc_gpu_session_layout(&measured, &arenas);
    SC_TRY(w->module->take(w->gpu, arenas.card.used, &s->card_memory, why));
    SC_TRY(w->module->take_host(w->gpu, arenas.host.used, &s->host_memory, why));
    return w->module->queue_open(w->gpu, &s->queue.queue, why);
}

static enum sc_status take_memory(struct sc_gpu_session *s, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    enum sc_status status = try_to_take(s, why);
    return status == SC_OK ? SC_OK : sc_gpu_failed(s->weights->module, status, why, error);
}

static enum sc_status fill_session(struct sc_gpu_session *s, struct sc_error *error)
{
    SC_TRY(take_memory(s, error));
    s->queue.module = s->weights->module;
    SC_TRY(sc_gpu_steps_open(s, error));
    SC_TRY(sc_gpu_attention_open(s, error));
    SC_TRY(sc_gpu_experts_open(s, error));
    SC_TRY(sc_gpu_ends_open(s, error));
    struct sc_gpu_arenas arenas = {{.base = s->card_memory}, {.base = s->host_memory}};
    sc_gpu_session_layout(s, &arenas);
    return SC_OK;
}

static enum sc_status session_open(void **session, const void *weights,
                                   const struct sc_session_sizes *sizes, struct sc_error *error)
{
    *session = NULL;
    struct sc_gpu_session *s = sc_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return sc_fail_nomem(error, "session");
    s->weights = weights;
    s->sizes = *sizes;
    enum sc_status status = fill_session(s, error);
    *session = s;
    if (status != SC_OK) {
        session_close(s);
        *session = NULL;
    }
    return status;
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* keep cannot tell anybody that it failed. */
static enum sc_status check_kept(const struct sc_gpu_session *s, struct sc_error *error)
{
    return s->keep_status == SC_OK
               ? SC_OK
               : sc_gpu_failed(s->queue.module, s->keep_status, s->keep_why, error);
}

static enum sc_status forward(void *session, const struct sc_row *rows, size_t n_rows,
                              const struct sc_interrupt *interrupt, struct sc_step_seconds *seconds,
                              struct sc_error *error)
{
    struct sc_gpu_session *s = session;
    SC_TRY(check_kept(s, error));
    if (interrupt != NULL && sc_interrupted(interrupt))
        return sc_fail(error, SC_ERR_INTERRUPTED, "engine: interrupted");
    return sc_gpu_step(s, rows, n_rows, seconds, error);
}

static void keep(void *session, size_t logits, size_t kept)
{
    struct sc_gpu_session *s = session;
    assert(kept < s->sizes.n_kept);
    const size_t bytes = sc_gpu_stride(s->weights->n_vocab) * sizeof(float);
    float *to = sc_gpu_logits(s, s->sizes.max_logit_rows + kept);
    char why[SC_GPU_WHY] = "";
    enum sc_status status =
        s->queue.module->copy(s->queue.queue, to, sc_gpu_logits(s, logits), bytes, why);
    if (s->keep_status != SC_OK)
        return;
    s->keep_status = status;
    memcpy(s->keep_why, why, sizeof s->keep_why);
}

static enum sc_status draw(void *session, struct sc_draw *draws, size_t n, struct sc_error *error)
{
    SC_TRY(check_kept(session, error));
    return sc_gpu_draw(session, draws, n, error);
}

static enum sc_status describe(void *session, struct sc_description *rows, size_t n,
                               struct sc_error *error)
{
    SC_TRY(check_kept(session, error));
    return sc_gpu_describe(session, rows, n, error);
}

static enum sc_status branch(void *session, struct sc_branching *rows, size_t n,
                             struct sc_error *error)
{
    SC_TRY(check_kept(session, error));
    return sc_gpu_branch(session, rows, n, error);
}

const struct sc_device sc_device_gpu = {
    .name = "cuda",
    .open = sc_gpu_weights_open,
    .close = sc_gpu_weights_close,
    .measure = measure,
    .page_bytes = page_bytes,
    .room = room,
    .session_open = session_open,
    .session_close = session_close,
    .forward = forward,
    .keep = keep,
    .draw = draw,
    .describe = describe,
    .branch = branch,
};
