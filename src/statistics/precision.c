/*
 * precision.c - areas and curves that need an order of scores and nothing else, over clusters:
 * average precision, the area under the risk-coverage curve, that curve and the ROC curve.
 *
 * The walks over the order are those of ranked.c.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "statistics/internal.h"
#include "statistics/ranked.h"

/* They keep these draws apart from those of other estimates. */
#define RANK_AREA_KEY 0xa2ea
#define RANK_CURVE_KEY 0xc42e

static const char too_few_outcomes[] = "too few prompts with such an outcome for an interval";

/* Why resampling would say too little, or NULL; *enough_memory false: it could not be found out. */
static const char *too_little(const struct sc_scores *data, bool *enough_memory)
{
    bool *filled = sc_alloc_zero(data->n_clusters, sizeof *filled);
    *enough_memory = filled != NULL;
    if (filled == NULL)
        return "out of memory";
    size_t n_filled = 0, n_positive = 0;
    for (size_t i = 0; i < data->n; i++) {
        assert(data->cluster[i] < data->n_clusters);
        n_filled += !filled[data->cluster[i]];
        filled[data->cluster[i]] = true;
        n_positive += data->outcome[i];
    }
    sc_free(filled);
    if (n_filled < 5)
        return "too few prompts for an interval";
    if (n_positive == 0 || n_positive == data->n) /* no resample would differ */
        return "all outcomes are the same, so resampling shows no variation";
    return NULL;
}

/* Why there is nothing to be walked, or NULL. */
static const char *no_order(const struct sc_scores *data, const double *score)
{
    if (data->n == 0)
        return "nothing to rank";
    if (data->n_clusters > SC_MOST_RANKED_CLUSTERS)
        return "more prompts than can be ranked";
    return sc_has_nan(score, data->n) ? "a score is not a number" : NULL;
}

/* The percentile interval of what was kept of the draws; when many have no area (no positive,
 * nothing at all) there is none. */
static void set_interval(double *kept, size_t n_kept, size_t n_draws, struct sc_estimate *out)
{
    if (n_kept == 0 || n_kept < n_draws - n_draws / 20) {
        out->reason = too_few_outcomes;
        return;
    }
    sc_sort_doubles(kept, n_kept);
    out->low = fmin(out->value, sc_sorted_percentile(kept, n_kept, 2.5));
    out->high = fmax(out->value, sc_sorted_percentile(kept, n_kept, 97.5));
}

/* ---- areas ----------------------------------------------------------------------------------- */

/* Areas that are drawn together. */
struct areas {
    const struct sc_scores *data;
    const struct sc_rank_wish *wishes; /* [n] */
    size_t n;
    struct sc_ranked *ranked; /* [n]; without members where there is no order */
    struct sc_weights weights;
    double *kept;   /* [n][n_draws] */
    size_t *n_kept; /* [n] */
};

static void free_areas(struct areas *a)
{
    for (size_t k = 0; a->ranked != NULL && k < a->n; k++)
        sc_ranked_free(&a->ranked[k]);
    sc_free(a->ranked);
    sc_weights_free(&a->weights);
    sc_free(a->kept);
    sc_free(a->n_kept);
}

static enum sc_status make_areas(struct areas *a, size_t n_draws, struct sc_error *error)
{
    a->ranked = sc_alloc_zero(a->n, sizeof *a->ranked);
    a->kept = sc_alloc_array(sc_size_mul(a->n, n_draws), sizeof *a->kept);
    a->n_kept = sc_alloc_zero(a->n, sizeof *a->n_kept);
    if (a->ranked == NULL || a->kept == NULL || a->n_kept == NULL)
        return sc_fail_nomem(error, "bootstrap of areas");
    for (size_t k = 0; k < a->n; k++) {
        struct sc_scores data = *a->data;
        data.score = a->wishes[k].score;
        if (no_order(&data, data.score) == NULL &&
            sc_ranked_make(&data, a->wishes[k].lowest_first, &a->ranked[k], error) != SC_OK)
            return SC_ERR_NOMEM;
    }
    size_t n_clusters = a->data->n_clusters;
    return sc_weights_make(n_clusters <= SC_MOST_RANKED_CLUSTERS ? n_clusters : 0, &a->weights,
                           error);
}

static void value_areas(struct areas *a)
{
    sc_weights_set_ones(&a->weights);
    for (size_t k = 0; k < a->n; k++) {
        struct sc_estimate *out = a->wishes[k].out;
        *out = sc_estimate_none(a->data->n, no_order(a->data, a->wishes[k].score));
        if (a->ranked[k].members == NULL)
            continue;
        double values[SC_LANES];
        sc_ranked_areas(a->wishes[k].area, &a->ranked[k], &a->weights, values);
        out->value = values[0];
        out->reason = isnan(out->value) ? "no positive outcome" : NULL;
    }
}

/* n resamples of all that have an area. */
static void draw_areas(struct areas *a, struct sc_random *random, size_t n, size_t n_draws)
{
    sc_weights_draw(&a->weights, random, n);
    for (size_t k = 0; k < a->n; k++) {
        double values[SC_LANES];
        if (a->wishes[k].out->reason != NULL)
            continue;
        sc_ranked_areas(a->wishes[k].area, &a->ranked[k], &a->weights, values);
        for (size_t l = 0; l < n; l++)
            if (!isnan(values[l]))
                a->kept[k * n_draws + a->n_kept[k]++] = values[l];
    }
}

static void resample_areas(struct areas *a, struct sc_draws draws)
{
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, RANK_AREA_KEY, 0};
    for (size_t done = 0, now; done < draws.n; done += now) {
        now = draws.n - done < SC_LANES ? draws.n - done : SC_LANES;
        draw_areas(a, &random, now, draws.n);
    }
    for (size_t k = 0; k < a->n; k++)
        if (a->wishes[k].out->reason == NULL)
            set_interval(a->kept + k * draws.n, a->n_kept[k], draws.n, a->wishes[k].out);
}

void sc_cluster_rank_areas(const struct sc_scores *data, const struct sc_rank_wish *wishes,
                           size_t n, struct sc_draws draws, struct sc_error *error)
{
    struct areas areas = {.data = data, .wishes = wishes, .n = n};
    bool enough_memory = true;
    const char *reason = too_little(data, &enough_memory);
    if (!enough_memory)
        sc_fail_nomem(error, "clusters of an area");
    if (!enough_memory || make_areas(&areas, draws.n, error) != SC_OK) {
        for (size_t k = 0; k < n; k++)
            *wishes[k].out = sc_estimate_none(data->n, "out of memory");
    } else {
        value_areas(&areas);
        for (size_t k = 0; reason != NULL && k < n; k++)
            if (wishes[k].out->reason == NULL)
                wishes[k].out->reason = reason;
        if (reason == NULL)
            resample_areas(&areas, draws);
    }
    free_areas(&areas);
}

struct sc_estimate sc_cluster_rank_area(enum sc_rank_area area, const struct sc_scores *data,
                                        struct sc_draws draws, struct sc_error *error)
{
    struct sc_estimate out;
    sc_cluster_rank_areas(data, &(struct sc_rank_wish){area, false, data->score, &out}, 1, draws,
                          error);
    return out;
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* Scores in order, the places where a curve is wanted, and room for resamples of it. */
struct curve {
    enum sc_rank_curve kind;
    const struct sc_scores *data;
    size_t n_points;
    struct sc_ranked ranked;
    struct sc_weights weights;
    double *kept;   /* [draws.n + SC_LANES][n_points] */
    double *column; /* [draws.n] */
};

/* Adds n resamples behind the n_kept that are there, those that have no curve left out; returns how
 * many there are then. */
static size_t draw_curves(const struct curve *curve, size_t n, size_t n_kept)
{
    bool exists[SC_LANES];
    size_t n_points = curve->n_points;
    double *y = curve->kept + n_kept * n_points;
    sc_ranked_curves(curve->kind, &curve->ranked, &curve->weights, n_points, y, exists);
    for (size_t l = 0; l < n; l++) {
        if (!exists[l])
            continue;
        memmove(curve->kept + n_kept++ * n_points, y + l * n_points, n_points * sizeof *y);
    }
    return n_kept;
}

static void resample_curve(struct curve *curve, struct sc_draws draws, struct sc_estimate *out)
{
    size_t n_points = curve->n_points, n_kept = 0;
    struct sc_random random = {SC_STREAM_STATISTICS, draws.seed, RANK_CURVE_KEY, 0};
    for (size_t done = 0, now; done < draws.n; done += now) {
        now = draws.n - done < SC_LANES ? draws.n - done : SC_LANES;
        sc_weights_draw(&curve->weights, &random, now);
        n_kept = draw_curves(curve, now, n_kept);
    }
    for (size_t i = 0; i < n_points; i++) {
        if (n_kept > 0 && i == 0 && curve->kind == SC_RISK_CURVE &&
            n_kept >= draws.n - draws.n / 20) {
            out[i].reason = "the highest score alone";
            continue;
        }
        for (size_t b = 0; b < n_kept; b++)
            curve->column[b] = curve->kept[b * n_points + i];
        set_interval(curve->column, n_kept, draws.n, &out[i]);
    }
}

static enum sc_status estimate_curve(struct curve *curve, struct sc_draws draws,
                                     struct sc_estimate *out, struct sc_error *error)
{
    size_t n_points = curve->n_points;
    curve->kept =
        sc_alloc_array(sc_size_mul(sc_size_add(draws.n, SC_LANES), n_points), sizeof *curve->kept);
    curve->column = sc_alloc_array(draws.n, sizeof *curve->column);
    if (curve->kept == NULL || curve->column == NULL)
        return sc_fail_nomem(error, "bootstrap of a curve");
    if (sc_ranked_make(curve->data, false, &curve->ranked, error) != SC_OK ||
        sc_weights_make(curve->data->n_clusters, &curve->weights, error) != SC_OK)
        return SC_ERR_NOMEM;
    sc_weights_set_ones(&curve->weights);
    if (draw_curves(curve, 1, 0) == 0)
        return SC_OK;
    bool enough_memory;
    const char *reason = too_little(curve->data, &enough_memory);
    if (!enough_memory)
        return sc_fail_nomem(error, "clusters of a curve");
    for (size_t i = 0; i < n_points; i++)
        out[i] = (struct sc_estimate){curve->kept[i], NAN, NAN, curve->data->n, reason};
    if (reason == NULL)
        resample_curve(curve, draws, out);
    return SC_OK;
}

enum sc_status sc_cluster_rank_curve(enum sc_rank_curve kind, const struct sc_scores *data,
                                     struct sc_draws draws, size_t n_points,
                                     struct sc_estimate *out, struct sc_error *error)
{
    assert(n_points >= 2 && out != NULL);
    const char *none = no_order(data, data->score);
    for (size_t i = 0; i < n_points; i++)
        out[i] = sc_estimate_none(data->n, none != NULL ? none : "all outcomes are the same");
    if (none != NULL)
        return SC_OK;
    struct curve curve = {.kind = kind, .data = data, .n_points = n_points};
    enum sc_status status = estimate_curve(&curve, draws, out, error);
    sc_ranked_free(&curve.ranked);
    sc_weights_free(&curve.weights);
    sc_free(curve.kept);
    sc_free(curve.column);
    return status;
}
