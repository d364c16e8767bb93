/* Observations in the order of their scores, and areas and curves of several resamples of their
 * clusters at once: what precision.c makes estimates of. */
#ifndef SC_STATISTICS_RANKED_H
#define SC_STATISTICS_RANKED_H

#include "base/random.h"
#include "statistics/models.h"

/* Resamples that one walk over the order serves: the same steps for each, in lanes of a vector. */
enum { SC_LANES = 8 };

/* Clusters that fit beside the two bits of a member. */
#define SC_MOST_RANKED_CLUSTERS ((size_t)1 << 30)

struct sc_ranked {
    uint32_t
        *members; /* [n] cluster * 4 + whether it ends its group of equal scores * 2 + outcome */
    size_t n;
};

/* data->n_clusters is at most SC_MOST_RANKED_CLUSTERS, and no score is NaN. */
enum sc_status sc_ranked_make(const struct sc_scores *data, bool lowest_first,
                              struct sc_ranked *out, struct sc_error *error);
void sc_ranked_free(struct sc_ranked *ranked);

/* How often each resample has drawn each cluster. */
struct sc_weights {
    int32_t *of; /* [n_clusters][SC_LANES], 64-byte aligned */
    size_t n_clusters;
};
enum sc_status sc_weights_make(size_t n_clusters, struct sc_weights *out, struct sc_error *error);
void sc_weights_free(struct sc_weights *weights);
/* Every cluster once: no resample, but the observations as they are. */
void sc_weights_set_ones(struct sc_weights *weights);
/* `n` resamples, at most SC_LANES; what lies in the other lanes means nothing. */
void sc_weights_draw(struct sc_weights *weights, struct sc_random *random, size_t n);

/* NaN where there is no such area. */
void sc_ranked_areas(enum sc_rank_area area, const struct sc_ranked *ranked,
                     const struct sc_weights *weights, double areas[SC_LANES]);

/* Fills y [SC_LANES][n_points]; exists false: a resample has no such curve. */
void sc_ranked_curves(enum sc_rank_curve curve, const struct sc_ranked *ranked,
                      const struct sc_weights *weights, size_t n_points, double *y,
                      bool exists[SC_LANES]);

#endif
