/*
 * The FFN of a layer that is a mixture of experts.  A row's result is a function of its own numbers
 * alone: which experts it takes follows from its products with the router, and what they give it is
 * added in the order of the experts.
 */
#ifndef SC_ENGINE_CPU_EXPERTS_H
#define SC_ENGINE_CPU_EXPERTS_H

#include <stdint.h>

#include "engine/arena.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/products.h"

struct sc_forward;

/* Scratch of a session.  A pair is a row and one of the experts that it takes; the pairs of an
 * expert stand side by side. */
struct sc_experts {
    unsigned char *router_rows; /* [rows], prepared for the router, which multiplies in f32 */
    float *scores;              /* [rows][n_experts] */
    uint32_t *chosen;           /* [rows][n_experts_used], ascending */
    float *shares;              /* [rows][n_experts_used] */
    uint32_t *pair_of;          /* [rows][n_experts_used] */
    uint32_t *begin;            /* [n_experts + 1] pairs of each expert */
    unsigned char *rows;        /* [pairs], prepared */
    float *gate, *up;           /* [pairs][expert_ffn] */
    unsigned char *gated;       /* [pairs], prepared */
    float *given;               /* [pairs][hidden] */
    struct sc_multiplication *first, *down; /* [2 * n_experts], [n_experts] */
};

/* Takes nothing where the network has no experts. */
void sc_experts_layout(struct sc_experts *experts, const struct sc_cpu *cpu, size_t max_rows,
                       struct sc_arena *arena);

/* Those of n experts that a row takes, by its products with the router: the n_used with the largest
 * (of equal ones those of lower index), ascending, with their shares: softmax over all n, or with
 * among_used over those used.  NaN among the scores gives NaN shares. */
struct sc_expert_choice {
    size_t n, n_used;
    bool among_used;
};
void sc_experts_choose(const struct sc_expert_choice *choice, const float *scores, uint32_t *chosen,
                       float *shares);

/* A row on its way into the FFN, normed, for the router. */
void sc_experts_prepare(const struct sc_forward *forward, size_t row, const float *normed);
/* The router, which is read first. */
struct sc_stage sc_experts_stage(const struct sc_forward *forward, size_t layer);
/* From the step's prepared rows to forward->branch; next: what is multiplied after it. */
void sc_experts_run(struct sc_forward *forward, const struct sc_stage *next);

#endif
