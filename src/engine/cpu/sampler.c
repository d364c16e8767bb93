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

/* How many keys of sc_logits_top the options want to be given; 0: it finds candidates by itself. */
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

/* ---- what stays of a row --------------------------------------------------------------------- */

/* A row with its figures, and what is drawn from: the row itself or a copy with repetitions
 * penalised. */
struct entered {
    struct sc_logit_summary summary;
    double confidence;
    struct sc_logit_row from;
    float max; /* of from */
};

/* The tokens that the options leave. */
struct candidates {
    struct weighing w;
    uint64_t *keys; /* [n] the likeliest first; in the scratch */
    size_t n;
    bool whole;   /* nothing is left out, and keys are not there */
    double total; /* of whole: the sum of all weights; scratch->piece_sums has that of each piece */
};

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

/* False when a logit is not a finite number.  At least the first n_top keys of what is drawn from
 * are in scratch->keys then. */
static bool enter(const struct sc_logit_row *row, const struct sc_sampling *sampling, size_t n_top,
                  struct sc_logit_scratch *scratch, struct entered *out)
{
    const size_t k = row->confidence_top_k;
    assert(k <= row->n && n_top <= row->n);
    if (!sc_logits_summarise(row->kernels, row->z, row->n, &out->summary))
        return false;
    sc_logits_top(row->kernels, row->z, row->n, n_top > k ? n_top : k, scratch);
    out->confidence = sc_logits_confidence(row->z, &out->summary, scratch->keys, k);
    out->from = *row;
    out->max = out->summary.max;
    if (!sc_sampling_penalises(sampling) || row->context == NULL)
        return true;
    if (!penalise(&out->from, sampling->repetition_penalty, scratch, &out->max))
        return false;
    if (n_top > 0)
        sc_logits_top(row->kernels, out->from.z, row->n, n_top, scratch);
    return true;
}

/* The first n_top_of keys stand in scratch->keys. */
static struct candidates find_candidates(const struct entered *e, const struct sc_sampling *s,
                                         struct sc_logit_scratch *scratch)
{
    const struct sc_logit_row *row = &e->from;
    struct candidates c = {.w = {row->z, e->max, s->temperature}, .keys = scratch->keys, .n = 1};
    size_t n_top = n_top_of(s, row->n);
    bool reached;
    if (s->temperature == 0)
        return c;
    if (n_top > 0) {
        double total = 0;
        for (size_t i = 0; i < n_top; i++)
            total += weight(&c.w, sc_key_id(c.keys[i]));
        c.n = filter(&c.w, s, c.keys, n_top, total, &reached);
        return c;
    }
    c.total = sum_weights(row, &c.w, scratch);
    c.whole = s->top_p == 1 && s->min_p == 0;
    if (c.whole)
        return c;
    for (n_top = 256;; n_top *= 16) {
        if (n_top > row->n)
            n_top = row->n;
        sc_logits_top(row->kernels, row->z, row->n, n_top, scratch);
        c.n = filter(&c.w, s, c.keys, n_top, c.total, &reached);
        if (reached || n_top == row->n)
            return c;
    }
}

/* ---- draws ----------------------------------------------------------------------------------- */

/* Random numbers in ascending order, and the tokens that they draw. */
struct drawing {
    const uint64_t *u; /* [n] their bits, which ascend as they do */
    int32_t *ids;      /* [n] */
    size_t n, n_drawn; /* so far */
};

static double drawing_next(const struct drawing *d)
{
    double u;
    memcpy(&u, &d->u[d->n_drawn], sizeof u);
    return u;
}

/* Draws as often as the sum that token id has reached says. */
static void draw_reached(struct drawing *d, int32_t id, double sum, double total)
{
    while (d->n_drawn < d->n && sum > drawing_next(d) * total)
        d->ids[d->n_drawn++] = id;
}

/* What no sum reached, for a hair of difference, is the last possible token. */
static void draw_rest(struct drawing *d, size_t n, int32_t last)
{
    while (d->n_drawn < n)
        d->ids[d->n_drawn++] = last;
}

/* Draws among the candidates, whose keys are used up; gives the log of their weights' sum. */
static double draw_listed(const struct candidates *c, struct drawing *d)
{
    for (size_t i = 0; i < c->n; i++)
        c->keys[i] &= UINT32_MAX; /* the id alone */
    sc_sort_keys(c->keys, c->n);
    double total = 0, sum = 0;
    for (size_t i = 0; i < c->n; i++)
        total += weight(&c->w, (int32_t)c->keys[i]);
    int32_t last = 0;
    for (size_t i = 0; i < c->n && d->n_drawn < d->n; i++) {
        double w = weight(&c->w, (int32_t)c->keys[i]);
        if (w <= 0) /* a weight that underflowed is never chosen */
            continue;
        last = (int32_t)c->keys[i];
        sum += w;
        draw_reached(d, last, sum, total);
    }
    draw_rest(d, d->n, last);
    return log(total);
}

/* Of the draws that are left, those that fall into the piece, which are n_until in all; before: the
 * sum of the pieces before it. */
static void draw_in_piece(const struct candidates *c, struct drawing *d,
                          struct sc_token_range piece, double before, size_t n_until)
{
    double sum = before;
    int32_t last = (int32_t)piece.begin;
    struct drawing here = *d;
    here.n = n_until;
    for (size_t i = piece.begin; i < piece.end && here.n_drawn < here.n; i++) {
        double w = weight(&c->w, (int32_t)i);
        if (w <= 0)
            continue;
        last = (int32_t)i;
        sum += w;
        draw_reached(&here, last, sum, c->total);
    }
    /* The pieces' sums and these weights round differently. */
    draw_rest(&here, n_until, last);
    d->n_drawn = n_until;
}

/* Draws from the whole vocabulary of n, whose pieces have these sums: finds the piece, then the
 * token in it.  Gives the log of the sum. */
static double draw_whole(const struct candidates *c, const double *piece_sums, size_t n,
                         struct drawing *d)
{
    size_t n_pieces = (n + SC_LOGIT_PIECE - 1) / SC_LOGIT_PIECE, last = 0;
    double sum = 0;
    for (size_t piece = 0; piece < n_pieces; piece++)
        last = piece_sums[piece] > 0 ? piece : last;
    for (size_t piece = 0; piece <= last && d->n_drawn < d->n; piece++) {
        if (piece_sums[piece] <= 0)
            continue;
        double before = sum;
        sum += piece_sums[piece];
        struct drawing until = *d;
        while (until.n_drawn < until.n && (piece == last || sum > drawing_next(&until) * c->total))
            until.n_drawn++;
        size_t begin = piece * SC_LOGIT_PIECE, end = begin + SC_LOGIT_PIECE;
        if (until.n_drawn > d->n_drawn)
            draw_in_piece(c, d, (struct sc_token_range){begin, end < n ? end : n}, before,
                          until.n_drawn);
    }
    return log(c->total);
}

/* Where u stands among the n ascending ones, of which it is one. */
static size_t find_drawn(const uint64_t *sorted, size_t n, double u)
{
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < bits)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool sc_draw_tokens(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                    const struct sc_drawn *draws, struct sc_logit_scratch *scratch)
{
    struct entered e;
    assert(draws->n > 0);
    if (!enter(row, sampling, n_top_of(sampling, row->n), scratch, &e))
        return false;
    for (size_t i = 0; i < draws->n; i++) {
        assert(draws->u[i] > 0 && draws->u[i] < 1);
        memcpy(&scratch->draws[i], &draws->u[i], sizeof *scratch->draws);
    }
    sc_sort_keys(scratch->draws, draws->n);
    const struct candidates c = find_candidates(&e, sampling, scratch);
    struct drawing d = {.u = scratch->draws, .ids = scratch->drawn, .n = draws->n};
    double log_total = 0;
    if (sampling->temperature == 0)
        draw_rest(&d, d.n, sc_key_id(c.keys[0]));
    else if (c.whole)
        log_total = draw_whole(&c, scratch->piece_sums, row->n, &d);
    else
        log_total = draw_listed(&c, &d);
    for (size_t i = 0; i < draws->n; i++) {
        int32_t id = scratch->drawn[find_drawn(scratch->draws, draws->n, draws->u[i])];
        double sampled = sampling->temperature == 0
                             ? 0
                             : ((double)c.w.z[id] - (double)c.w.max) / c.w.temperature - log_total;
        draws->ids[i] = id;
        draws->stats[i] = (struct sc_token_stats){
            .logprob = (float)sc_logits_logprob(row->z, &e.summary, id),
            .sampled_logprob = (float)sampled,
            .confidence = (float)e.confidence,
            .entropy = (float)e.summary.entropy,
        };
    }
    return true;
}

/* ---- branches -------------------------------------------------------------------------------- */

/* What is not listed of a row's branches, token by token. */
struct unlisted {
    const struct candidates *c;
    size_t n_vocab, n_listed;
    uint64_t last; /* key of the last that is listed; of whole */
};

/* The i-th of them, of n_unlisted; false where it is listed, or is never drawn. */
static size_t n_unlisted(const struct unlisted *u)
{
    return u->c->whole ? u->n_vocab : u->c->n - u->n_listed;
}

static bool unlisted_at(const struct unlisted *u, size_t i, int32_t *id, double *w)
{
    *id = u->c->whole ? (int32_t)i : sc_key_id(u->c->keys[u->n_listed + i]);
    if (u->c->whole && sc_logit_key(u->c->w.z[i], i) <= u->last)
        return false;
    *w = weight(&u->c->w, *id);
    return *w > 0;
}

static double sum_unlisted(const struct unlisted *u)
{
    double sum = 0, w;
    int32_t id;
    for (size_t i = 0; i < n_unlisted(u); i++)
        if (unlisted_at(u, i, &id, &w))
            sum += w;
    return sum;
}

static int32_t draw_unlisted(const struct unlisted *u, double target)
{
    double sum = 0, w;
    int32_t id, last = 0;
    for (size_t i = 0; i < n_unlisted(u); i++) {
        if (!unlisted_at(u, i, &id, &w))
            continue;
        last = id;
        sum += w;
        if (sum > target)
            break;
    }
    return last;
}

bool sc_list_branches(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                      struct sc_branches *out, struct sc_logit_scratch *scratch)
{
    struct entered e;
    size_t most = out->max < row->n ? out->max : row->n, n_top = n_top_of(sampling, row->n);
    bool whole = n_top == 0 && sampling->top_p == 1 && sampling->min_p == 0;
    if (!enter(row, sampling, whole ? most : n_top, scratch, &e))
        return false;
    out->confidence = (float)e.confidence;
    out->entropy = (float)e.summary.entropy;
    const struct candidates c = find_candidates(&e, sampling, scratch);
    const bool greedy = sampling->temperature == 0;
    size_t n = c.whole || c.n > most ? most : c.n;
    double listed = 0;
    for (out->n = 0; out->n < n; out->n++) {
        double w = greedy ? 1 : weight(&c.w, sc_key_id(c.keys[out->n]));
        if (w <= 0)
            break;
        out->ids[out->n] = sc_key_id(c.keys[out->n]);
        listed += w;
    }
    const struct unlisted u = {&c, row->n, out->n, out->n > 0 ? c.keys[out->n - 1] : 0};
    double rest = greedy && out->n > 0 ? 0 : sum_unlisted(&u), total = listed + rest;
    out->rest = rest / total;
    for (size_t i = 0; i < out->n; i++)
        out->logprobs[i] =
            greedy ? 0
                   : ((double)c.w.z[out->ids[i]] - (double)c.w.max) / c.w.temperature - log(total);
    for (size_t i = 0; rest > 0 && i < out->n_drawn; i++) {
        int32_t id = draw_unlisted(&u, out->u[i] * rest);
        out->drawn[i] = id;
        out->drawn_logprobs[i] =
            ((double)c.w.z[id] - (double)c.w.max) / c.w.temperature - log(total);
    }
    return true;
}

bool sc_processed_logprob(const struct sc_logit_row *row, const struct sc_sampling *sampling,
                          int32_t id, struct sc_logit_scratch *scratch, double *out)
{
    struct entered e;
    if (!enter(row, sampling, n_top_of(sampling, row->n), scratch, &e))
        return false;
    const struct candidates c = find_candidates(&e, sampling, scratch);
    const struct unlisted all = {&c, row->n, 0, 0};
    bool found = c.whole && id >= 0 && (size_t)id < row->n;
    for (size_t i = 0; !c.whole && i < c.n && !found; i++)
        found = sc_key_id(c.keys[i]) == id;
    if (!found)
        *out = -INFINITY;
    else if (sampling->temperature == 0)
        *out = 0;
    else
        *out = ((double)c.w.z[id] - (double)c.w.max) / c.w.temperature - log(sum_unlisted(&all));
    return true;
}
