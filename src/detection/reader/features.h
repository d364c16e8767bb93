/*
 * What the trained reader sees of an answer: the findings of the rules (dense) and the runs of
 * characters of its beginning and of the rest (sparse), hashed into buckets.  The training script
 * (tools/reader/train.py) gets the same numbers from the same code.
 */
#ifndef SC_DETECTION_FEATURES_H
#define SC_DETECTION_FEATURES_H

#include "detection/outline.h"

enum {
    SC_READER_DENSE = 192,
    SC_READER_BUCKETS = 1 << 17, /* of each region */
    SC_READER_HEAD = 160,        /* code points of the beginning */
    SC_READER_REST = 640,        /* code points after it; and as many again at the end */
    SC_READER_LONGEST_RUN = 6,
    SC_READER_RUNS = 4, /* lengths of runs that begin at a code point */
    SC_READER_POINTS = SC_READER_HEAD + 2 * SC_READER_REST
};
enum sc_reader_region { SC_READER_OF_HEAD, SC_READER_OF_REST, SC_READER_REGIONS };

/* A run of code points, the first time that it occurs in its region. */
struct sc_reader_run {
    uint32_t bucket;
    uint16_t at; /* its first code point, counted in `points` */
    uint8_t length, region;
};

struct sc_reader_features {
    float dense[SC_READER_DENSE]; /* from 0 to 1 */
    struct sc_reader_run runs[SC_READER_POINTS * SC_READER_RUNS];
    size_t n_runs, n_of[SC_READER_REGIONS]; /* together, and of each region */
    uint32_t begin[SC_READER_POINTS + 1];   /* byte of the answer at which a code point begins */
    size_t n_points;
};

/* Features of an answer of n bytes that the rules have read. */
void sc_reader_features(const char *answer, size_t n, const struct sc_rules_reading *rules,
                        struct sc_reader_features *out);

#endif
