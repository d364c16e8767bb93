/* See reader.h. */
#include "detection/reader/reader.h"

#include <math.h>
#include <string.h>

#include "base/embedded.h"

/* As weights.bin begins; numbers are little-endian as on every machine that this is built for. */
struct header {
    char magic[8]; /* "SCREADER" */
    uint32_t version, n_dense, n_buckets, reserved_count;
    float bias;
    float scale[SC_READER_REGIONS]; /* of a weight of one byte */
    float slope, offset;            /* of the calibration: p = 1 / (1 + exp(-(slope z + offset))) */
    float reserved[3];
};

struct weights {
    struct header header;
    const unsigned char *dense; /* float32 [n_dense] */
    const int8_t *runs;         /* [region][n_buckets] */
};

static bool find_weights(struct weights *out)
{
    size_t expected = sizeof out->header + SC_READER_DENSE * sizeof(float) +
                      (size_t)SC_READER_REGIONS * SC_READER_BUCKETS;
    if (sc_embedded_reader_weights_size != expected)
        return false;
    memcpy(&out->header, sc_embedded_reader_weights, sizeof out->header);
    out->dense = sc_embedded_reader_weights + sizeof out->header;
    out->runs = (const int8_t *)(out->dense + SC_READER_DENSE * sizeof(float));
    const struct header *h = &out->header;
    return memcmp(h->magic, "SCREADER", 8) == 0 && h->version == 1 &&
           h->n_dense == SC_READER_DENSE && h->n_buckets == SC_READER_BUCKETS;
}

bool sc_reader_fits(void)
{
    struct weights weights;
    return find_weights(&weights);
}

static int weight_of(const struct weights *w, const struct sc_reader_run *run)
{
    return w->runs[(size_t)run->region * SC_READER_BUCKETS + run->bucket];
}

/* The stretch of at most `most` code points with the greatest sum; its sum, 0 for none. */
static double heaviest(const float *weight, size_t n, size_t most, size_t *begin, size_t *end)
{
    double best = 0, sum = 0;
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (sum <= 0 || i - from >= most) {
            sum = 0;
            from = i;
        }
        sum += (double)weight[i];
        if (sum > best) {
            best = sum;
            *begin = from;
            *end = i + 1;
        }
    }
    return best;
}

enum { LONGEST = SC_READER_LONGEST_RUN };

/* Adds to the weights of code points what runs that begin at the first of them say: of a run of m,
 * each[m] to each of its m; shorter runs first. */
static void add_runs(const float each[LONGEST + 1], float weight[LONGEST])
{
    for (size_t k = 0; k < LONGEST; k++) {
        float sum = weight[k];
        for (size_t m = k + 1; m <= LONGEST; m++)
            sum += each[m];
        weight[k] = sum;
    }
}

/* What of the text spoke most for the side that `sign` says. */
static void find_pieces(const struct weights *w, const struct sc_reader_features *f, double sign,
                        struct sc_reading *out)
{
    enum { MOST = 60 };
    float weight[SC_READER_POINTS + LONGEST];
    memset(weight, 0, (f->n_points + LONGEST) * sizeof *weight);
    for (size_t i = 0; i < f->n_runs;) {
        size_t at = f->runs[i].at;
        float each[LONGEST + 1] = {0};
        for (; i < f->n_runs && f->runs[i].at == at; i++) {
            const struct sc_reader_run *run = &f->runs[i];
            double scale = (double)w->header.scale[run->region];
            each[run->length] = (float)(sign * weight_of(w, run) * scale / run->length);
        }
        add_runs(each, weight + at);
    }
    for (out->n_pieces = 0; out->n_pieces < SC_MOST_PIECES; out->n_pieces++) {
        size_t begin = 0, end = 0;
        if (!(heaviest(weight, f->n_points, MOST, &begin, &end) > 0))
            break;
        out->pieces[out->n_pieces].begin = f->begin[begin];
        out->pieces[out->n_pieces].end = f->begin[end];
        for (size_t i = begin; i < end; i++)
            weight[i] = 0;
    }
}

void sc_reader_read(const struct sc_reader_features *f, struct sc_reading *out)
{
    struct weights w;
    *out = (struct sc_reading){.p_refusal = NAN};
    if (!find_weights(&w))
        return;
    double z = (double)w.header.bias;
    for (size_t i = 0; i < SC_READER_DENSE; i++) {
        float weight;
        memcpy(&weight, w.dense + i * sizeof weight, sizeof weight);
        z += (double)weight * (double)f->dense[i];
    }
    int64_t sum[SC_READER_REGIONS] = {0};
    for (size_t i = 0; i < f->n_runs; i++)
        sum[f->runs[i].region] += weight_of(&w, &f->runs[i]);
    for (size_t r = 0; r < SC_READER_REGIONS; r++)
        if (f->n_of[r] > 0)
            z += (double)sum[r] * (double)w.header.scale[r] / sqrt((double)f->n_of[r]);
    out->p_refusal = 1 / (1 + exp(-((double)w.header.slope * z + (double)w.header.offset)));
    find_pieces(&w, f, out->p_refusal >= 0.5 ? 1 : -1, out);
}
