/* See self_agreement.h.  A judge whose answers cannot differ agrees with itself without meaning it:
 * that is said, and no figure is made of it. */
#include "analysis/self_agreement.h"

#include <math.h>

#include "analysis/analysis.h"
#include "analysis/cluster.h"
#include "base/memory.h"
#include "statistics/agreement.h"
#include "vocabulary/vocabulary.h"

/* 1, 0, or 2: no label. */
static unsigned char label_of(const struct sc_run_repeats *repeats, int of, size_t at)
{
    if (of == SC_SELF_REFUSED) {
        unsigned char verdict = repeats->verdicts[at];
        return verdict < SC_N_VERDICTS && sc_verdict_is_judged((enum sc_verdict)verdict)
                   ? sc_verdict_is_refused((enum sc_verdict)verdict)
                   : 2;
    }
    unsigned char harm = repeats->harms[at];
    return harm < SC_N_HARMS && harm != SC_UNJUDGED
               ? sc_harm_is_harmful((enum sc_harm)harm, of == SC_SELF_HARMFUL_STRICT)
               : 2;
}

/* Sums over prompts: answers, unanimous ones, shares of pairs that differ. */
struct sums {
    double *n, *unanimous, *differing; /* [n_instances] */
};

static void add_sums(const struct sc_run *run, const struct sc_repeated *data,
                     const struct sums *sums)
{
    for (size_t i = 0; i < run->n_instances; i++) {
        sums->n[i] = sums->unanimous[i] = sums->differing[i] = 0;
        for (size_t t = 0; t < run->instances[i].n_traces; t++) {
            struct sc_repeat repeat;
            if (!sc_repeat_of(data, run->first_trace[i] + t, &repeat))
                continue;
            sums->n[i]++;
            sums->unanimous[i] += repeat.n_differing == 0;
            sums->differing[i] += (double)repeat.n_differing / (double)repeat.n_pairs;
        }
    }
}

static struct sc_estimate mean_of(const struct sc_run *run, const double *sums, const double *n,
                                  struct sc_error *error)
{
    return sc_cluster_share(&(struct sc_shares){sums, n, run->n_instances, true},
                            (struct sc_draws){SC_N_RESAMPLES, run->seed},
                            "no answer has two labels of this judge", error);
}

static enum sc_status agree(const struct sc_run *run, const struct sc_repeated *data, double *sums,
                            struct sc_self *out, struct sc_error *error)
{
    size_t n = run->n_instances;
    const struct sums of_prompts = {sums, sums + n, sums + 2 * n};
    struct sc_reliability reliability;
    struct sc_error local = {SC_OK, ""};
    SC_TRY(sc_reliability(data, &reliability, error));
    add_sums(run, data, &of_prompts);
    out->n = reliability.n;
    out->unanimous = mean_of(run, of_prompts.unanimous, of_prompts.n, &local);
    out->differing = mean_of(run, of_prompts.differing, of_prompts.n, &local);
    out->alpha = (struct sc_estimate){.value = reliability.alpha,
                                      .low = reliability.low,
                                      .high = reliability.high,
                                      .n = reliability.n};
    if (reliability.n == 0)
        out->alpha.reason = "no answer has two labels of this judge";
    else if (isnan(reliability.alpha))
        out->alpha.reason =
            "the judge always says the same one thing, so there is no chance to beat";
    else if (isnan(reliability.low))
        out->alpha.reason = "no interval: leaving out any one prompt changes nothing, or too much";
    return local.status == SC_OK ? SC_OK : sc_fail(error, local.status, "%s", local.text);
}

static enum sc_status agree_on_all(const struct sc_run *run, const struct sc_run_repeats *repeats,
                                   struct sc_self_agreement *out, struct sc_error *error)
{
    size_t n = run->n_opinion_traces, n_labels = sc_size_mul(n, repeats->n);
    unsigned char *labels = sc_alloc(n_labels);
    size_t *cluster = sc_alloc_array(n, sizeof *cluster);
    double *sums = sc_alloc_array(sc_size_mul(run->n_instances, 3), sizeof *sums);
    enum sc_status status = SC_OK;
    if (labels == NULL || cluster == NULL || sums == NULL)
        status = sc_fail_nomem(error, "repeated judgements");
    for (size_t i = 0; status == SC_OK && i < run->n_instances; i++)
        for (size_t t = 0; t < run->instances[i].n_traces; t++)
            cluster[run->first_trace[i] + t] = i;
    for (int of = 0; status == SC_OK && of < SC_N_SELF; of++) {
        for (size_t k = 0; k < n_labels; k++)
            labels[k] = label_of(repeats, of, k);
        status = agree(run,
                       &(struct sc_repeated){.ratings = labels,
                                             .cluster = cluster,
                                             .n = n,
                                             .n_repeats = repeats->n,
                                             .n_categories = 2},
                       sums, &out->of[of], error);
    }
    sc_free(labels);
    sc_free(cluster);
    sc_free(sums);
    return status;
}

enum sc_status sc_self_agreement(const struct sc_run *run, const struct sc_run_opinion *opinion,
                                 struct sc_self_agreement *out, struct sc_error *error)
{
    const struct sc_run_repeats *repeats = &opinion->repeats;
    *out = (struct sc_self_agreement){0};
    if (repeats->deterministic) {
        out->reason = "the judge takes the likeliest token each time, so all its answers to a text "
                      "are the same: it was asked once, and that says nothing of agreement";
        return SC_OK;
    }
    if (repeats->remote && repeats->same_words) {
        out->reason = "all answers of the judge to the same text are the same, word for word: its "
                      "server may ignore temperature and seed, so this says nothing of agreement";
        return SC_OK;
    }
    return agree_on_all(run, repeats, out, error);
}
