/*
 * Requests for the end of a step, of which there are three kinds, in the words of one; and what the
 * card answered, put where each kind wants it.  Logarithms of one number are taken here, in the
 * words of cpu/sampler.c.
 */
#ifndef SC_ENGINE_GPU_ENDS_REQUESTS_H
#define SC_ENGINE_GPU_ENDS_REQUESTS_H

#include "engine/device.h"
#include "engine/gpu/kernels/ends_arguments.h"

enum sc_gpu_request { SC_GPU_DRAW, SC_GPU_DESCRIBE, SC_GPU_BRANCH };

/* Requests of one kind, and how far they are. */
struct sc_gpu_requests {
    enum sc_gpu_request kind;
    struct sc_draw *draws;
    struct sc_description *descriptions;
    struct sc_branching *branchings;
    size_t n, next;
    size_t n_drawn, n_watched; /* of the next one that were in earlier rounds */
};

/* What one request asks for. */
struct sc_gpu_asked {
    size_t logits;
    const struct sc_sampling *sampling; /* NULL: of nothing that is sampled */
    const struct sc_context *context;
    const double *u; /* [n_draws]; NULL: one draw, of `next` */
    const int32_t *watch;
    size_t n_draws, n_watch, n_keys;
    int32_t next;
};
struct sc_gpu_asked sc_gpu_asked_of(const struct sc_gpu_requests *requests, size_t i,
                                    size_t n_vocab);

/* A request, or a part of one: from the draw-th of its draws on, likewise. */
struct sc_gpu_part {
    size_t request, draw, n_draws, watched, n_watch;
};

/* What the card gave for a part. */
struct sc_gpu_answer {
    const struct sc_gpu_end *end;
    const struct sc_gpu_ends_draw *drawn; /* [part.n_draws] */
    const float *watched;                 /* [part.n_watch] */
    const uint64_t *keys;                 /* of the likeliest tokens */
};
void sc_gpu_read_answer(const struct sc_gpu_requests *requests, const struct sc_gpu_part *part,
                        const struct sc_gpu_answer *answer);

#endif
