/*
 * The sampler.
 *
 * Where repetitions are penalised, all of this looks at a copy of the logits in which those of
 * tokens that the context holds are changed; what is measured of a token looks at the logits
 * themselves.
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

#include <assert.h>
#include <math.h>
#include <string.h>

/* How many keys of sc_logits_top a draw wants to be given; 0: it finds candidates by itself. */
static size_t n_top_of(const struct sc_sampling *sampling, size_t n)
{
    if (sampling->temperature == 0)
        return 1;
    return sampling->top_k > 0 && (size_t)sampling->top_k < n ? (size_t)sampling->top_k : 0;
}

/* Logits whose largest is max, and what makes weights of them. */
struct weighing {
    const float *z;
    float max;
    double temperature;
};

static double weight(const struct weighing *w, int32_t id)
{
    return exp(((double)w->z[id] - (double)w->max) / w->temperature);
}

/* Sum of all weights; scratch->piece_sums gets that of each piece. */
static double sum_weights(const struct sc_logit_row *row, const struct weighing *w,
                          struct sc_logit_scratch *scratch)
{
    double sum = 0;
    for (size_t piece = 0, begin = 0; begin < row->n; piece++, begin += SC_LOGIT_PIECE) {
        size_t length = row->n - begin < SC_LOGIT_PIECE ? row->n - begin : SC_LOGIT_PIECE;
        for (size_t i = 0; i < length; i++) {
            double scaled = ((double)w->z[begin + i] - (double)w->max) / w->temperature;
            /* exp(-1000) is 0 in any case; a tiny temperature must not make an infinity. */
            scratch->piece[i] = (float)(scaled > -1000 ? scaled : -1000);
        }
        double unused;
        row->kernels->logit_sums(scratch->piece, length, 0, &scratch->piece_sums[piece], &unused);
        sum += scratch->piece_sums[piece];
    }
    return sum;
}

/* How many of the first n keys top-p and min-p keep; *reached says that one of them cut, so that
 * longer lists would give the same. */
static size_t filter(const struct weighing *weighing, const struct sc_sampling *s,
                     const uint64_t *keys, size_t n, double total, bool *reached)
{
    double sum = 0;
    *reached = true;
    for (size_t i = 0; i < n; i++) {
        double w = weight(weighing, sc_key_id(keys[i]));
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
static int32_t draw(const struct weighing *weighing, uint64_t *keys, size_t n, double u,
                    double *sampled_logprob)
{
    for (size_t i = 0; i < n; i++)
        keys[i] &= UINT32_MAX; /* the id alone */
    sc_sort_keys(keys, n);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weight(weighing, (int32_t)keys[i]);
    double target = u * total, sum = 0;
    int32_t chosen = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weight(weighing, (int32_t)keys[i]);
        /* A weight that underflowed to 0 is never chosen. */
        if (w > 0)
            chosen = (int32_t)keys[i];
        sum += w;
        if (w > 0 && sum > target)
            break;
    }
    *sampled_logprob =
        -log(total) + ((double)weighing->z[chosen] - (double)weighing->max) / weighing->temperature;
    return chosen;
}

/* Draws from the whole vocabulary of n, whose pieces have these sums: finds the piece, then the
 * token in it. */
static int32_t draw_unfiltered(const struct weighing *weighing, size_t n, double total,
                               const double *piece_sums, double u, double *sampled_logprob)
{
    double target = u * total, sum = 0, before = 0;
    size_t chosen = 0;
    for (size_t piece = 0; piece * SC_LOGIT_PIECE < n; piece++) {
        if (piece_sums[piece] <= 0)
            continue;
        chosen = piece;
        before = sum;
        sum += piece_sums[piece];
        if (sum > target)
            break;
    }
    size_t begin = chosen * SC_LOGIT_PIECE;
    size_t end = begin + SC_LOGIT_PIECE < n ? begin + SC_LOGIT_PIECE : n;
    sum = before;
    /* The pieces' sums and these weights round differently: the last possible token catches what a
     * hair of difference lets through. */
    size_t last = 0;
    for (size_t i = begin; i < end; i++) {
        double w = weight(weighing, (int32_t)i);
        if (w > 0)
            last = i;
        sum += w;
        if (w > 0 && sum > target)
            break;
    }
    *sampled_logprob =
        ((double)weighing->z[last] - (double)weighing->max) / weighing->temperature - log(total);
    return (int32_t)last;
}

/* Draws from finite logits whose largest is max.  The first n_top_of keys stand in scratch->keys,
 * which is used up.  Gives the token and the log of its probability in the distribution that it was
 * drawn from. */
static int32_t sample(const struct sc_logit_row *row, float max, const struct sc_sampling *s,
                      double u, struct sc_logit_scratch *scratch, double *sampled_logprob)
{
    uint64_t *keys = scratch->keys;
    if (s->temperature == 0) {
        *sampled_logprob = 0;
        return sc_key_id(keys[0]);
    }
    const struct weighing w = {row->z, max, s->temperature};
    size_t n_top = n_top_of(s, row->n);
    bool reached;
    if (n_top) {
        double total = 0;
        for (size_t i = 0; i < n_top; i++)
            total += weight(&w, sc_key_id(keys[i]));
        size_t n_kept = filter(&w, s, keys, n_top, total, &reached);
        return draw(&w, keys, n_kept, u, sampled_logprob);
    }
    double total = sum_weights(row, &w, scratch);
    if (s->top_p == 1 && s->min_p == 0)
        return draw_unfiltered(&w, row->n, total, scratch->piece_sums, u, sampled_logprob);
    for (n_top = 256;; n_top *= 16) {
        if (n_top > row->n)
            n_top = row->n;
        sc_logits_top(row->kernels, row->z, row->n, n_top, scratch);
        size_t n_kept = filter(&w, s, keys, n_top, total, &reached);
        if (reached || n_top == row->n)
            return draw(&w, keys, n_kept, u, sampled_logprob);
    }
}

/* Penalised logits in place of those of the row, and their largest; false when one of them is not a
 * finite number.  A token that stands several times in the context is penalised once, because each
 * time starts from the row's own logit. */
static bool penalise(struct sc_logit_row *row, double penalty, struct sc_logit_scratch *scratch,
                     float *max)
{
    const struct sc_context *c = row->context;
    const float *z = row->z, by = (float)penalty;
    float *out = scratch->penalised;
    memcpy(out, z, row->n * sizeof *out);
    for (size_t i = 0; i < c->n_prompt + c->n_answer; i++) {
        size_t id = (size_t)(i < c->n_prompt ? c->prompt[i] : c->answer[i - c->n_prompt]);
        if (id < row->n) /* rows of the embedding that are no tokens have no logit here */
            out[id] = z[id] < 0 ? z[id] * by : z[id] / by;
    }
    *max = -INFINITY;
    for (size_t begin = 0; begin < row->n; begin += SC_LOGIT_PIECE) {
        size_t length = row->n - begin < SC_LOGIT_PIECE ? row->n - begin : SC_LOGIT_PIECE;
        float of_piece = row->kernels->logit_max(out + begin, length);
        if (!isfinite(of_piece))
            return false;
        *max = of_piece > *max ? of_piece : *max;
    }
    row->z = out;
    return true;
}

bool sc_draw_token(const struct sc_logit_row *row, const struct sc_sampling *sampling, double u,
                   struct sc_logit_scratch *scratch, int32_t *id, struct sc_token_stats *stats)
{
    assert(u > 0 && u < 1 && row->confidence_top_k <= row->n);
    struct sc_logit_summary summary;
    if (!sc_logits_summarise(row->kernels, row->z, row->n, &summary))
        return false;
    size_t n_top = n_top_of(sampling, row->n), k = row->confidence_top_k;
    sc_logits_top(row->kernels, row->z, row->n, n_top > k ? n_top : k, scratch);
    stats->confidence = (float)sc_logits_confidence(row->z, &summary, scratch->keys, k);
    stats->entropy = (float)summary.entropy;
    struct sc_logit_row drawn_from = *row;
    float max = summary.max;
    if (sc_sampling_penalises(sampling) && row->context != NULL) {
        if (!penalise(&drawn_from, sampling->repetition_penalty, scratch, &max))
            return false;
        if (n_top > 0)
            sc_logits_top(row->kernels, drawn_from.z, row->n, n_top, scratch);
    }
    double sampled_logprob;
    *id = sample(&drawn_from, max, sampling, u, scratch, &sampled_logprob);
    stats->logprob = (float)sc_logits_logprob(row->z, &summary, *id);
    stats->sampled_logprob = (float)sampled_logprob;
    return true;
}
