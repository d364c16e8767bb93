/* Work in a module's queue, with errors as the rest of the library has them. */
#ifndef SC_ENGINE_GPU_QUEUE_H
#define SC_ENGINE_GPU_QUEUE_H

#include "engine/gpu/gpu.h"

struct sc_gpu_queue {
    const struct sc_gpu_module *module;
    void *queue;
};

/* A status and a reason of a module as an error: "the device cuda: ...". */
enum sc_status sc_gpu_failed(const struct sc_gpu_module *module, enum sc_status status,
                             const char *why, struct sc_error *error);

/* Sends the first `bytes` of a table to the card, or fetches them. */
enum sc_status sc_gpu_send(const struct sc_gpu_queue *queue, const struct sc_gpu_table *table,
                           size_t bytes, struct sc_error *error);
enum sc_status sc_gpu_fetch(const struct sc_gpu_queue *queue, const struct sc_gpu_table *table,
                            size_t bytes, struct sc_error *error);
enum sc_status sc_gpu_launch(const struct sc_gpu_queue *queue, const struct sc_gpu_launch *launch,
                             struct sc_error *error);
enum sc_status sc_gpu_mark(const struct sc_gpu_queue *queue, unsigned mark, struct sc_error *error);
enum sc_status sc_gpu_replay(const struct sc_gpu_queue *queue, void *recording,
                             struct sc_error *error);
enum sc_status sc_gpu_wait(const struct sc_gpu_queue *queue, struct sc_error *error);

/* A launch of n blocks; arguments is a struct that the kernel takes. */
#define SC_GPU_LAUNCH(queue, name, n, n_threads, n_shared, args, error)                            \
    sc_gpu_launch((queue),                                                                         \
                  &(struct sc_gpu_launch){.kernel = SC_GPU_##name,                                 \
                                          .blocks = {(n), 1, 1},                                   \
                                          .threads = (n_threads),                                  \
                                          .shared_bytes = (n_shared),                              \
                                          .arguments = &(args),                                    \
                                          .argument_bytes = sizeof(args)},                         \
                  (error))

#endif
