/*
 * The network written down once more, in double, one position after another and without any of the
 * engine's ways: what its figures are held to.  Matrices come from the model's files, gains and
 * biases are those that the engine was given.
 */
#ifndef REFERENCE_NETWORK_H
#define REFERENCE_NETWORK_H

#include "engine/cpu/cpu.h"

/* Logits [n][cpu->n_vocab] after each of n tokens. */
struct reference_text {
    const int32_t *ids; /* [n] */
    size_t n;
    bool is_long; /* positions turn by SC_ROPE_LONG */
    bool bf16; /* weights, inputs of products, keys and values are rounded to bf16, nothing else */
};
void reference_logits(const struct sc_cpu *cpu, const struct reference_text *text, double *logits);

/* What is said of a row of logits z [n]: log P of a token, entropy, confidence over the best k. */
struct reference_figures {
    double logprob, entropy, confidence;
};
struct reference_figures reference_figures(const double *z, size_t n, int32_t id, size_t k);

#endif
