/*
 * What follows from the likeliest tokens of a place alone, where the whole distribution is not
 * known: servers and files give the log-probabilities of some.
 */
#ifndef SC_VOCABULARY_LIKELIEST_H
#define SC_VOCABULARY_LIKELIEST_H

#include <stddef.h>

/* Puts a log-probability among the n largest, descending; at most `most` are kept, in
 * largest [most].  Returns how many there are now. */
size_t sc_likeliest_put(float *largest, size_t n, size_t most, float logprob);

/* The confidence: -(1/k) sum of the first k, k > 0. */
float sc_likeliest_confidence(const float *largest, size_t k);

/*
 * Bounds of the entropy -sum P log P over the vocabulary, nats, from the k likeliest (descending,
 * finite, k > 0).  With S the sum of their probabilities, p the least of them and r = 1 - S what is
 * left for others, none of which is likelier than p:
 *
 *   at least  H_k - floor(r/p) p log p - q log q,  q = r - floor(r/p) p   (on as few as possible)
 *   at most   H_k + r log((n_vocab - k) / r)                              (spread evenly)
 *
 * H_k = -sum P log P of the k.  x log x is convex, so its sum under a fixed total is largest at the
 * corners and least where all are equal.  n_vocab 0: the upper one is NaN.
 */
struct sc_entropy_bounds {
    float low, high;
};
struct sc_entropy_bounds sc_likeliest_entropy(const float *largest, size_t k, size_t n_vocab);

#endif
