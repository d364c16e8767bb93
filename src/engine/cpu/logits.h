/*
 * What is read from a row of logits.  Logits are const everywhere: nothing that sampling does can
 * touch what is measured.
 */
#ifndef SC_ENGINE_CPU_LOGITS_H
#define SC_ENGINE_CPU_LOGITS_H

#include "engine/arena.h"
#include "kernels/kernels.h"

/* The vocabulary is read in pieces of this size, in order, whoever reads it. */
#define SC_LOGIT_PIECE 4096

/* Scratch memory of one worker. */
struct sc_logit_scratch {
    uint64_t *keys;     /* [n_vocab] */
    int32_t *indices;   /* [SC_LOGIT_PIECE] */
    float *piece;       /* [SC_LOGIT_PIECE] */
    double *piece_sums; /* [pieces of the vocabulary] */
    float *penalised;   /* [n_vocab] logits with repetitions penalised */
    uint64_t *draws;    /* [max_draws] random numbers in order, as bits */
    int32_t *drawn;     /* [max_draws] */
};
void sc_logit_scratch_layout(struct sc_logit_scratch *scratch, size_t n_vocab, size_t max_draws,
                             struct sc_arena *arena);

/* Tokens [begin, end) of the vocabulary. */
struct sc_token_range {
    size_t begin, end;
};

/* log P(i) = (z[i] - max) - log_sum; entropy H = log_sum - sum_z_exp / sum_exp, where the sums are
 * those of exp(z - max) and (z - max) exp(z - max). */
struct sc_logit_summary {
    float max;
    double log_sum, entropy;
};
/* False when a logit is not a finite number. */
bool sc_logits_summarise(const struct sc_kernels *kernels, const float *z, size_t n,
                         struct sc_logit_summary *summary);

/* The k most likely tokens (k <= n) as sortable keys in scratch->keys, the most likely first; equal
 * logits go by the lower id. */
void sc_logits_top(const struct sc_kernels *kernels, const float *z, size_t n, size_t k,
                   struct sc_logit_scratch *scratch);
/* Ascending keys are descending logits, equal ones by ascending id. */
uint64_t sc_logit_key(float z, size_t id);
static inline int32_t sc_key_id(uint64_t key)
{
    return (int32_t)(uint32_t)key;
}

/* -(1/k) sum of log P over the first k keys, from the most likely on. */
double sc_logits_confidence(const float *z, const struct sc_logit_summary *summary,
                            const uint64_t *keys, size_t k);
double sc_logits_logprob(const float *z, const struct sc_logit_summary *summary, int32_t id);

/* Sorts in place, smallest first; takes no memory. */
void sc_sort_keys(uint64_t *keys, size_t n);

#endif
