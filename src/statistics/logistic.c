/*
 * logistic.c - logistic regression of a few covariates with errors that are robust to clusters.
 *
 * Refuses to report what has no finite maximum: separated outcomes, collinear covariates.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "statistics/internal.h"
#include "statistics/models.h"

enum { K = SC_LOGISTIC_MOST, MOST_STEPS = 60 };

struct data {
    const double *x;
    const bool *outcome;
    size_t n, k;
};

static double predictor(const struct data *d, size_t i, const double *b)
{
    double eta = 0;
    for (size_t j = 0; j < d->k; j++)
        eta += d->x[i * d->k + j] * b[j];
    return eta;
}

/* log(1 + exp(x)) without overflow. */
static double soft_plus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double likelihood(const struct data *d, const double *b)
{
    struct sc_sum sum = {0};
    for (size_t i = 0; i < d->n; i++) {
        double eta = predictor(d, i, b);
        sc_sum_add(&sum, -soft_plus(d->outcome[i] ? -eta : eta));
    }
    return sc_sum_value(&sum);
}

/* Gradient and minus the Hessian of the log likelihood. */
static void derive(const struct data *d, const double *b, double *gradient, double (*hessian)[K])
{
    memset(gradient, 0, K * sizeof *gradient);
    memset(hessian, 0, K * sizeof *hessian);
    for (size_t i = 0; i < d->n; i++) {
        const double *x = &d->x[i * d->k];
        double p = 1 / (1 + exp(-predictor(d, i, b)));
        for (size_t j = 0; j < d->k; j++) {
            gradient[j] += x[j] * ((d->outcome[i] ? 1 : 0) - p);
            for (size_t l = 0; l <= j; l++)
                hessian[j][l] += x[j] * x[l] * p * (1 - p);
        }
    }
}

/* Cholesky factor in place of the lower triangle; false when a covariate is (nearly) a combination
 * of those before it. */
static bool factorise(double (*m)[K], size_t k)
{
    for (size_t j = 0; j < k; j++) {
        double before = m[j][j];
        for (size_t l = 0; l < j; l++)
            m[j][j] -= m[j][l] * m[j][l];
        if (!(m[j][j] > 1e-10 * before) || !(before > 0))
            return false;
        m[j][j] = sqrt(m[j][j]);
        for (size_t i = j + 1; i < k; i++) {
            for (size_t l = 0; l < j; l++)
                m[i][j] -= m[i][l] * m[j][l];
            m[i][j] /= m[j][j];
        }
    }
    return true;
}

static void solve(double (*factor)[K], size_t k, const double *right, double *out)
{
    for (size_t i = 0; i < k; i++) {
        out[i] = right[i];
        for (size_t l = 0; l < i; l++)
            out[i] -= factor[i][l] * out[l];
        out[i] /= factor[i][i];
    }
    for (size_t i = k; i-- > 0;) {
        for (size_t l = i + 1; l < k; l++)
            out[i] -= factor[l][i] * out[l];
        out[i] /= factor[i][i];
    }
}

/* Newton's method; leaves the factor of the information at the maximum.  NULL or why not. */
static const char *maximise(const struct data *d, double *b, double (*factor)[K], double *best)
{
    double gradient[K], step[K], next[K];
    *best = likelihood(d, b);
    for (int round = 0; round < MOST_STEPS; round++) {
        derive(d, b, gradient, factor);
        if (!factorise(factor, d->k))
            return round == 0 ? "a covariate does not vary, or follows from the others"
                              : "the outcomes are separated by the covariates";
        solve(factor, d->k, gradient, step);
        double scale = 1, gain = 0, largest = 0, found = *best;
        for (int half = 0; half < 40; half++, scale /= 2) {
            for (size_t j = 0; j < d->k; j++)
                next[j] = b[j] + scale * step[j];
            found = likelihood(d, next);
            if (found >= *best - 1e-12 * fabs(*best))
                break;
        }
        for (size_t j = 0; j < d->k; j++) {
            gain += step[j] * gradient[j];
            largest = fmax(largest, fabs(next[j]));
            b[j] = next[j];
        }
        *best = found;
        if (largest > 1e3 || *best > -1e-6)
            return "the outcomes are separated by the covariates";
        if (gain < 1e-18 * (double)d->n) { /* Newton's decrement */
            derive(d, b, gradient, factor);
            return factorise(factor, d->k) ? NULL : "the outcomes are separated by the covariates";
        }
    }
    return "the fit did not converge";
}

/* Diagonal of H^-1 (sum over clusters of score score') H^-1, times the factor for few clusters. */
static void sandwich(const struct data *d, const size_t *cluster, double *scores, size_t n_clusters,
                     double (*factor)[K], struct sc_logistic *out)
{
    double total[K] = {0}, solved[K];
    for (size_t i = 0; i < d->n; i++) {
        double eta = predictor(d, i, out->coefficient);
        double rest = (d->outcome[i] ? 1 : 0) - 1 / (1 + exp(-eta));
        for (size_t j = 0; j < d->k; j++)
            scores[cluster[i] * d->k + j] += rest * d->x[i * d->k + j];
    }
    for (size_t c = 0; c < n_clusters; c++) {
        solve(factor, d->k, &scores[c * d->k], solved);
        for (size_t j = 0; j < d->k; j++)
            total[j] += solved[j] * solved[j];
    }
    double g = (double)out->n_clusters, n = (double)d->n;
    double few = g / (g - 1) * (n - 1) / (n - (double)d->k);
    for (size_t j = 0; j < d->k; j++)
        out->error[j] = sqrt(few * total[j]);
}

static size_t count_clusters(const size_t *cluster, size_t n, double *marks)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += marks[cluster[i]] < 0.5;
        marks[cluster[i]] = 1;
    }
    return count;
}

/* Why there is nothing to fit, or NULL. */
static const char *nothing_to_fit(const struct sc_logistic_data *data)
{
    size_t n_true = 0;
    for (size_t i = 0; i < data->n; i++)
        n_true += data->outcome[i];
    if (data->n == 0)
        return "no data";
    if (sc_has_nan(data->x, data->n * data->n_coefficients))
        return "a covariate is not a number";
    return n_true == 0 || n_true == data->n ? "all outcomes are the same" : NULL;
}

enum sc_status sc_logistic_fit(const struct sc_logistic_data *data, struct sc_logistic *out,
                               struct sc_error *error)
{
    size_t n = data->n, k = data->n_coefficients;
    *out = (struct sc_logistic){.n = n, .n_coefficients = k, .reason = "no data"};
    for (size_t j = 0; j < K; j++)
        out->coefficient[j] = out->error[j] = NAN;
    if (k == 0 || k > K)
        return sc_fail(error, SC_ERR_ARGUMENT, "logistic regression: 1 to %d coefficients", K);
    out->reason = nothing_to_fit(data);
    if (out->reason != NULL)
        return SC_OK;
    double *scores = sc_alloc_zero(sc_size_mul(data->n_clusters, k), sizeof *scores);
    if (scores == NULL)
        return sc_fail_nomem(error, "scores of a regression");
    out->n_clusters = count_clusters(data->cluster, n, scores);
    memset(scores, 0, data->n_clusters * k * sizeof *scores);
    struct data d = {data->x, data->outcome, n, k};
    double factor[K][K], b[K] = {0};
    if (out->n_clusters <= k)
        out->reason = "too few prompts";
    else
        out->reason = maximise(&d, b, factor, &out->log_likelihood);
    if (out->reason == NULL) {
        memcpy(out->coefficient, b, k * sizeof *b);
        sandwich(&d, data->cluster, scores, data->n_clusters, factor, out);
    }
    sc_free(scores);
    return SC_OK;
}

struct sc_estimate sc_logistic_odds_ratio(const struct sc_logistic *fit, size_t coefficient,
                                          double *p)
{
    if (p != NULL)
        *p = NAN;
    if (fit->reason != NULL || coefficient >= fit->n_coefficients)
        return sc_estimate_none(fit->n, fit->reason != NULL ? fit->reason : "no such coefficient");
    double b = fit->coefficient[coefficient], se = fit->error[coefficient];
    double freedom = (double)fit->n_clusters - 1;
    struct sc_estimate out = {.value = exp(b), .low = NAN, .high = NAN, .n = fit->n};
    if (!(se > 0)) {
        out.reason = "its error cannot be estimated";
        return out;
    }
    double half = sc_t_quantile(freedom) * se;
    out.low = exp(b - half);
    out.high = exp(b + half);
    if (p != NULL)
        *p = sc_t_two_sided(b / se, freedom);
    return out;
}
