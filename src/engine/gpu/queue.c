/* See queue.h. */
#include "engine/gpu/queue.h"

#include "base/error.h"

enum sc_status sc_gpu_failed(const struct sc_gpu_module *module, enum sc_status status,
                             const char *why, struct sc_error *error)
{
    return sc_fail(error, status, "the device %s: %s", module->name, why);
}

static enum sc_status take(const struct sc_gpu_queue *q, enum sc_status status, const char *why,
                           struct sc_error *error)
{
    return status == SC_OK ? SC_OK : sc_gpu_failed(q->module, status, why, error);
}

enum sc_status sc_gpu_send(const struct sc_gpu_queue *q, const struct sc_gpu_table *table,
                           size_t bytes, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    if (bytes == 0)
        return SC_OK;
    return take(q, q->module->upload(q->queue, table->card, table->host, bytes, why), why, error);
}

enum sc_status sc_gpu_fetch(const struct sc_gpu_queue *q, const struct sc_gpu_table *table,
                            size_t bytes, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    if (bytes == 0)
        return SC_OK;
    return take(q, q->module->download(q->queue, table->host, table->card, bytes, why), why, error);
}

enum sc_status sc_gpu_launch(const struct sc_gpu_queue *q, const struct sc_gpu_launch *launch,
                             struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    return take(q, q->module->launch(q->queue, launch, why), why, error);
}

enum sc_status sc_gpu_mark(const struct sc_gpu_queue *q, unsigned mark, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    return take(q, q->module->mark(q->queue, mark, why), why, error);
}

enum sc_status sc_gpu_replay(const struct sc_gpu_queue *q, void *recording, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    return take(q, q->module->replay(q->queue, recording, why), why, error);
}

enum sc_status sc_gpu_wait(const struct sc_gpu_queue *q, struct sc_error *error)
{
    char why[SC_GPU_WHY] = "";
    return take(q, q->module->wait(q->queue, why), why, error);
}
