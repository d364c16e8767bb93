/*
 * Sessions: memory of their own on an engine that they share.
 *
 * Next: scheduler.c, which runs them; score.c, which needs no batch.
 */
#include <assert.h>

#include "base/memory.h"
#include "engine/batch.h"

static enum sc_status fill_session(struct sc_session *s, struct sc_error *error)
{
    const struct sc_device *device = s->engine->device;
    const struct sc_session_sizes sizes = sc_session_sizes_of(&s->sizes);
    struct sc_arena arena = {0};
    sc_batch_layout(&s->batch, &s->sizes, &arena);
    s->memory = sc_alloc_aligned(arena.used);
    if (s->memory == NULL)
        return sc_fail(error, SC_ERR_NOMEM, "engine: %zu bytes for %zu traces: not available",
                       arena.used, s->sizes.parallel);
    arena = (struct sc_arena){.base = s->memory};
    sc_batch_layout(&s->batch, &s->sizes, &arena);
    return device->session_open(&s->on_device, s->engine->weights, &sizes, error);
}

enum sc_status sc_session_start(struct sc_session **out, const struct sc_engine *engine,
                                const struct sc_batch_plan *plan,
                                const struct sc_batch_options *options, struct sc_error *error)
{
    assert(engine != NULL && plan != NULL && options != NULL);
    *out = NULL;
    struct sc_session *s = sc_alloc_zero(1, sizeof *s);
    if (s == NULL)
        return sc_fail_nomem(error, "session");
    s->engine = engine;
    s->sizes = sc_batch_sizes_of(engine, plan, options);
    enum sc_status status = fill_session(s, error);
    if (status == SC_OK)
        *out = s;
    else
        sc_session_close(s);
    return status;
}

void sc_session_close(struct sc_session *s)
{
    if (s == NULL)
        return;
    s->engine->device->session_close(s->on_device);
    sc_free(s->memory);
    sc_free(s->prompt);
    sc_free(s);
}

enum sc_status sc_engine_run(const struct sc_engine *engine, const struct sc_batch_plan *plan,
                             const struct sc_batch_options *options,
                             const struct sc_trace_source *source, struct sc_error *error)
{
    struct sc_session *session = NULL;
    SC_TRY(sc_session_start(&session, engine, plan, options, error));
    enum sc_status status = sc_session_run(session, source, error);
    sc_session_close(session);
    return status;
}
