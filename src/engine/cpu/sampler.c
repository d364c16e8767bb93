/*
 * The sampler.
 *
 * Weights are w_i = exp((z_i - max) / temperature) in double, so the best token has w = 1.
 *   top-k   the k best tokens; among equal logits the lower id goes first
 *   top-p   of those, best first, the fewest whose weights sum to at least p times the sum of all
 *           that top-k left (the token that reaches p stays in)
 *   min-p   of those, the ones with w >= min_p
 * The draw inverts the cumulative weights of what is left, taken in ascending id.  Greedy
 * (temperature 0) takes the largest logit, the lower id among equals, with probability 1. Without
 * top-k the vocabulary is sorted only as far as top-p and min-p reach into it, and without any
 * filter not at all.
 */
#include "engine/cpu/sampler.h"

#include <math.h>

size_t sc_sampling_n_top(const struct sc_sampling *sampling, size_t n)
{
    if (sampling->temperature == 0)
        return 1;
    return sampling->top_k > 0 && (size_t)sampling->top_k < n ? (size_t)sampling->top_k : 0;
}

static double weight(const float *z, int32_t id, float max, double temperature)
{
    return exp(((double)z[id] - (double)max) / temperature);
}

/* Sum of all weights; scratch->piece_sums gets that of each piece. */
static double sum_weights(const struct sc_kernels *kernels, const float *z, size_t n, float max,
                          double temperature, struct sc_logit_scratch *scratch)
{
    double sum = 0;

    for (size_t piece = 0, begin = 0; begin < n; piece++, begin += SC_LOGIT_PIECE) {
        size_t length = n - begin < SC_LOGIT_PIECE ? n - begin : SC_LOGIT_PIECE;
        double unused;

        for (size_t i = 0; i < length; i++) {
            double scaled = ((double)z[begin + i] - (double)max) / temperature;

            /* exp(-1000) is 0 in any case; a tiny temperature must not make an infinity. */
            scratch->piece[i] = (float)(scaled > -1000 ? scaled : -1000);
        }
        kernels->logit_sums(scratch->piece, length, 0, &scratch->piece_sums[piece], &unused);
        sum += scratch->piece_sums[piece];
    }
    return sum;
}

/* How many of the first n keys top-p and min-p keep; *reached says that one of them cut, so that
 * longer lists would give the same. */
static size_t filter(const float *z, float max, const struct sc_sampling *s, const uint64_t *keys,
                     size_t n, double total, bool *reached)
{
    double sum = 0;

    *reached = true;
    for (size_t i = 0; i < n; i++) {
        double w = weight(z, sc_key_id(keys[i]), max, s->temperature);

        if (i > 0 && w < s->min_p)
            return i;
        sum += w;
        if (s->top_p < 1 && sum >= s->top_p * total)
            return i + 1;
    }
    *reached = false;
    return n;
}

/* Draws among the n keys; they are used up. */
static int32_t draw(const float *z, float max, double temperature, uint64_t *keys, size_t n,
                    double u, double *sampled_logprob)
{
    double sum = 0, target, w = 0;
    int32_t chosen = 0;

    for (size_t i = 0; i < n; i++)
        keys[i] &= UINT32_MAX; /* the id alone */
    sc_sort_keys(keys, n);
    for (size_t i = 0; i < n; i++)
        sum += weight(z, (int32_t)keys[i], max, temperature);
    target = u * sum;
    *sampled_logprob = -log(sum);
    sum = 0;
    for (size_t i = 0; i < n; i++) {
        w = weight(z, (int32_t)keys[i], max, temperature);
        /* A weight that underflowed to 0 is never chosen. */
        if (w > 0)
            chosen = (int32_t)keys[i];
        sum += w;
        if (w > 0 && sum > target)
            break;
    }
    *sampled_logprob += ((double)z[chosen] - (double)max) / temperature;
    return chosen;
}

/* Draws from the whole vocabulary: finds the piece by the pieces' sums, then the token in it. */
static int32_t draw_unfiltered(const float *z, size_t n, float max, double temperature, double u,
                               double total, const double *piece_sums, double *sampled_logprob)
{
    double target = u * total, sum = 0, before = 0;
    size_t chosen = 0, begin, end, last = 0;

    for (size_t piece = 0; piece * SC_LOGIT_PIECE < n; piece++) {
        if (piece_sums[piece] <= 0)
            continue;
        chosen = piece;
        before = sum;
        sum += piece_sums[piece];
        if (sum > target)
            break;
    }
    begin = chosen * SC_LOGIT_PIECE;
    end = begin + SC_LOGIT_PIECE < n ? begin + SC_LOGIT_PIECE : n;
    sum = before;
    /* The pieces' sums and these weights round differently: the last possible token catches what a
     * hair of difference lets through. */
    for (size_t i = begin; i < end; i++) {
        double w = weight(z, (int32_t)i, max, temperature);

        if (w > 0)
            last = i;
        sum += w;
        if (w > 0 && sum > target)
            break;
    }
    *sampled_logprob = ((double)z[last] - (double)max) / temperature - log(total);
    return (int32_t)last;
}

int32_t sc_sample(const struct sc_kernels *kernels, const float *z, size_t n, float max,
                  const struct sc_sampling *s, double u, struct sc_logit_scratch *scratch,
                  double *sampled_logprob)
{
    size_t n_top = sc_sampling_n_top(s, n), kept;
    double total = 0;
    bool reached;

    if (s->temperature == 0) {
        *sampled_logprob = 0;
        return sc_key_id(scratch->keys[0]);
    }
    if (n_top) {
        for (size_t i = 0; i < n_top; i++)
            total += weight(z, sc_key_id(scratch->keys[i]), max, s->temperature);
        kept = filter(z, max, s, scratch->keys, n_top, total, &reached);
        return draw(z, max, s->temperature, scratch->keys, kept, u, sampled_logprob);
    }
    total = sum_weights(kernels, z, n, max, s->temperature, scratch);
    if (s->top_p == 1 && s->min_p == 0)
        return draw_unfiltered(z, n, max, s->temperature, u, total, scratch->piece_sums,
                               sampled_logprob);
    for (n_top = 256;; n_top *= 16) {
        if (n_top > n)
            n_top = n;
        sc_logits_top(kernels, z, n, n_top, scratch);
        kept = filter(z, max, s, scratch->keys, n_top, total, &reached);
        if (reached || n_top == n)
            return draw(z, max, s->temperature, scratch->keys, kept, u, sampled_logprob);
    }
}

bool sc_draw_token(const struct sc_kernels *kernels, const float *z, size_t n,
                   size_t confidence_top_k, const struct sc_sampling *sampling, double u,
                   struct sc_logit_scratch *scratch, int32_t *id, struct sc_token_stats *stats)
{
    size_t n_top = sc_sampling_n_top(sampling, n);
    struct sc_logit_summary summary;
    double sampled_logprob;

    if (!sc_logits_summarise(kernels, z, n, &summary))
        return false;
    sc_logits_top(kernels, z, n, n_top > confidence_top_k ? n_top : confidence_top_k, scratch);
    stats->confidence = (float)sc_logits_confidence(z, &summary, scratch->keys, confidence_top_k);
    stats->entropy = (float)summary.entropy;
    *id = sc_sample(kernels, z, n, summary.max, sampling, u, scratch, &sampled_logprob);
    stats->logprob = (float)sc_logits_logprob(z, &summary, *id);
    stats->sampled_logprob = (float)sampled_logprob;
    return true;
}
