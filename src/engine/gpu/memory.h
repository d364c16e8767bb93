/* A session's memory on the card. */
#ifndef SC_ENGINE_GPU_MEMORY_H
#define SC_ENGINE_GPU_MEMORY_H

#include "engine/gpu/session.h"

/* Cuts a session of session->weights and session->sizes out of the arenas; parts that are not open
 * cut theirs too, when it is only measured.  Returns bytes of the card, and of the host. */
struct sc_session_bytes sc_gpu_session_layout(struct sc_gpu_session *session,
                                              struct sc_gpu_arenas *arenas);

/* The same without a session. */
struct sc_session_bytes sc_gpu_session_measure(const struct sc_gpu_weights *weights,
                                               const struct sc_session_sizes *sizes);

/* Bytes of the card for one short trace: less is of no use to anybody. */
size_t sc_gpu_least_session(const struct sc_gpu_weights *weights);

size_t sc_gpu_page_bytes(const struct sc_gpu_weights *weights);

#endif
