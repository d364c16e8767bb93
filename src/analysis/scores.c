/* Mean scores of judges that answer with numbers (detectors.h). */
#include <math.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "analysis/detectors.h"
#include "base/memory.h"

/* Sums over the traces of each prompt: of scores, and how many there are. */
static size_t sum_scores(const struct sc_run *run, const struct sc_run_opinion *opinion,
                         double *sums, double *counts)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_instances; i++) {
        double sum = 0, count = 0;
        for (size_t t = 0; t < run->instances[i].n_traces; t++) {
            float score = opinion->scores[run->first_trace[i] + t];
            if (isnan(score))
                continue;
            sum += (double)score;
            count++;
        }
        if (count == 0)
            continue;
        sums[n] = sum;
        counts[n++] = count;
    }
    return n;
}

enum sc_status sc_detectors_mean_score(const struct sc_run *run,
                                       const struct sc_run_opinion *opinion,
                                       struct sc_estimate *out, struct sc_error *error)
{
    *out = (struct sc_estimate){.value = NAN, .low = NAN, .high = NAN};
    if (opinion->n_rubric_scores == 0)
        return SC_OK;
    struct sc_error local = {0};
    double *sums = sc_alloc_array(run->n_instances, sizeof *sums);
    double *counts = sc_alloc_array(run->n_instances, sizeof *counts);
    if (sums == NULL || counts == NULL) {
        sc_free(sums);
        sc_free(counts);
        return sc_fail_nomem(error, "mean score of a judge");
    }
    const struct sc_shares shares = {sums, counts, sum_scores(run, opinion, sums, counts), false};
    *out = sc_cluster_share(&shares, (struct sc_draws){SC_N_RESAMPLES, run->seed},
                            "no answer has a score", &local);
    sc_free(sums);
    sc_free(counts);
    if (local.status != SC_OK)
        return sc_fail(error, local.status, "%s", local.text);
    return SC_OK;
}
