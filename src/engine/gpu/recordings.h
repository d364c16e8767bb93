/*
 * Launches that are recorded once and replayed.  What is met for the first time is launched as it
 * is, since it may never come again; the second time it is recorded.  A bounded number is kept, and
 * what was not met for longest goes.  Whatever fails in recording is no failure of the step: from
 * then on nothing is recorded.
 */
#ifndef SC_ENGINE_GPU_RECORDINGS_H
#define SC_ENGINE_GPU_RECORDINGS_H

#include "engine/gpu/queue.h"

/* All that the launches of a step depend on, beside the session. */
struct sc_gpu_step_kind {
    uint32_t n_rows, n_logit_rows; /* rounded */
    uint32_t extent;               /* of attention */
};

/* A step in two parts, since marks between them are not recorded. */
enum sc_gpu_part { SC_GPU_LAYERS, SC_GPU_OUTPUT, SC_GPU_N_PARTS };

struct sc_gpu_recordings;

struct sc_gpu_recordings *sc_gpu_recordings_new(void); /* NULL: out of memory */
/* Nothing of them may still be in the queue. */
void sc_gpu_recordings_free(struct sc_gpu_recordings *recordings, const struct sc_gpu_queue *queue);

/* Says that a step of this kind is to be run; the queue is empty. */
void sc_gpu_recordings_meet(struct sc_gpu_recordings *recordings, const struct sc_gpu_queue *queue,
                            const struct sc_gpu_step_kind *kind);

/* Puts work into the queue. */
typedef enum sc_status sc_gpu_put(const void *context, struct sc_error *error);

/* The recording of a part of the step that was met last, made of what `put` gives where it is met
 * again; NULL: there is none, and `put` is to be called as it is. */
void *sc_gpu_recordings_of(struct sc_gpu_recordings *recordings, const struct sc_gpu_queue *queue,
                           enum sc_gpu_part part, sc_gpu_put *put, const void *context);

#endif
