/*
 * Statistics of one row of logits: normaliser, entropy, the k most likely tokens.
 *
 * One pass over pieces of fixed size: each piece's sums are taken relative to its own maximum while
 * it is in the cache, and joined in double in the order of the pieces.  So a result depends on the
 * row alone.  Next: sampler.c.
 */
#include "engine/cpu/logits.h"

#include <math.h>
#include <string.h>

void sc_logit_scratch_layout(struct sc_logit_scratch *scratch, size_t n_vocab, size_t max_draws,
                             struct sc_arena *arena)
{
    scratch->keys = sc_arena_take(arena, n_vocab, sizeof *scratch->keys);
    scratch->indices = sc_arena_take(arena, SC_LOGIT_PIECE, sizeof *scratch->indices);
    scratch->piece = sc_arena_take(arena, SC_LOGIT_PIECE, sizeof *scratch->piece);
    scratch->piece_sums =
        sc_arena_take(arena, n_vocab / SC_LOGIT_PIECE + 1, sizeof *scratch->piece_sums);
    scratch->penalised = sc_arena_take(arena, n_vocab, sizeof *scratch->penalised);
    scratch->draws = sc_arena_take(arena, max_draws, sizeof *scratch->draws);
    scratch->drawn = sc_arena_take(arena, max_draws, sizeof *scratch->drawn);
}

/* Joins sums relative to one maximum with those of another: with d = from - to <= 0,
 * sum exp(z - to) = e^d sum exp(z - from) and
 * sum (z - to) exp(z - to) = e^d (sum (z - from) exp(z - from) + d sum exp(z - from)). */
struct sums {
    double max, exp, z_exp;
};

static void sums_rebase(struct sums *s, double max)
{
    double d = s->max - max;
    if (d == 0)
        return;
    double e = exp(d);
    s->z_exp = e * (s->z_exp + d * s->exp);
    s->exp *= e;
    s->max = max;
}

bool sc_logits_summarise(const struct sc_kernels *kernels, const float *z, size_t n,
                         struct sc_logit_summary *summary)
{
    struct sums all = {0};

    for (size_t begin = 0; begin < n; begin += SC_LOGIT_PIECE) {
        size_t length = n - begin < SC_LOGIT_PIECE ? n - begin : SC_LOGIT_PIECE;
        float max = kernels->logit_max(z + begin, length);
        if (!isfinite(max))
            return false;
        struct sums piece = {.max = (double)max};
        kernels->logit_sums(z + begin, length, max, &piece.exp, &piece.z_exp);
        if (begin == 0) {
            all = piece;
            continue;
        }
        if (piece.max > all.max)
            sums_rebase(&all, piece.max);
        else
            sums_rebase(&piece, all.max);
        all.exp += piece.exp;
        all.z_exp += piece.z_exp;
    }
    summary->max = (float)all.max;
    summary->log_sum = log(all.exp);
    summary->entropy = summary->log_sum - all.z_exp / all.exp;
    /* Rounding may leave a hair below zero when one token has all the probability. */
    if (summary->entropy < 0)
        summary->entropy = 0;
    return true;
}

double sc_logits_logprob(const float *z, const struct sc_logit_summary *summary, int32_t id)
{
    return ((double)z[id] - (double)summary->max) - summary->log_sum;
}

double sc_logits_confidence(const float *z, const struct sc_logit_summary *summary,
                            const uint64_t *keys, size_t k)
{
    double sum = 0;

    for (size_t i = 0; i < k; i++)
        sum += sc_logits_logprob(z, summary, sc_key_id(keys[i]));
    return -sum / (double)k;
}

/* + 0.0f: -0 equals 0. */
uint64_t sc_logit_key(float z, size_t id)
{
    float canonical = z + 0.0f;
    uint32_t bits;

    memcpy(&bits, &canonical, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return (uint64_t)~bits << 32 | (uint64_t)id;
}

static void sift_down(uint64_t *keys, size_t root, size_t n)
{
    uint64_t key = keys[root];

    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && keys[child + 1] > keys[child])
            child++;
        if (keys[child] <= key)
            break;
        keys[root] = keys[child];
    }
    keys[root] = key;
}

static void sort_by_insertion(uint64_t *keys, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t j = i;

        for (; j > 0 && keys[j - 1] > key; j--)
            keys[j] = keys[j - 1];
        keys[j] = key;
    }
}

void sc_sort_keys(uint64_t *keys, size_t n)
{
    if (n <= 32) {
        sort_by_insertion(keys, n);
        return;
    }
    for (size_t i = n / 2; i-- > 0;)
        sift_down(keys, i, n);
    for (size_t i = n; i-- > 1;) {
        uint64_t key = keys[0];

        keys[0] = keys[i];
        keys[i] = key;
        sift_down(keys, 0, i);
    }
}

/* Moves the k smallest of n distinct keys to the front, the largest of them to index k - 1. */
static void select_smallest(uint64_t *keys, size_t n, size_t k)
{
    size_t low = 0, high = n - 1, target = k - 1;

    while (low < high) {
        uint64_t a = keys[low], b = keys[low + (high - low) / 2], c = keys[high];
        uint64_t pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
        size_t i = low, j = high;

        for (;;) {
            while (keys[i] < pivot)
                i++;
            while (keys[j] > pivot)
                j--;
            if (i >= j)
                break;
            a = keys[i];
            keys[i] = keys[j];
            keys[j] = a;
        }
        /* The pivot stands at i == j: smaller keys before it, larger ones after. */
        if (i == target)
            return;
        if (i < target)
            low = i + 1;
        else
            high = i - 1;
    }
}

void sc_logits_top(const struct sc_kernels *kernels, const float *z, size_t n, size_t k,
                   struct sc_logit_scratch *scratch)
{
    /* Whatever exceeds the k-th largest so far is collected until the room is full, then all but
     * the k best are dropped.  Ids ascend, so an equal logit that comes later is rightly left out.
     */
    size_t room = 2 * k + 64 < n ? 2 * k + 64 : n, count = 0;
    float threshold = -INFINITY;

    for (size_t begin = 0; begin < n; begin += SC_LOGIT_PIECE) {
        size_t length = n - begin < SC_LOGIT_PIECE ? n - begin : SC_LOGIT_PIECE;

        for (size_t at = 0; at < length;) {
            size_t most = room - count < SC_LOGIT_PIECE ? room - count : SC_LOGIT_PIECE;
            size_t scanned, found = kernels->logit_above(z + begin + at, length - at, threshold,
                                                         scratch->indices, most, &scanned);

            for (size_t i = 0; i < found; i++) {
                size_t id = begin + at + (size_t)scratch->indices[i];

                scratch->keys[count++] = sc_logit_key(z[id], id);
            }
            at += scanned;
            if (count == room && count > k) {
                select_smallest(scratch->keys, count, k);
                count = k;
                threshold = z[sc_key_id(scratch->keys[k - 1])];
            }
        }
    }
    if (count > k)
        select_smallest(scratch->keys, count, k);
    sc_sort_keys(scratch->keys, k);
}
