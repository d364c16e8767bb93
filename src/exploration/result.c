/*
 * result.c - from answers to shares.  An answer counts, does not, or leaves it open (nobody judged
 * it); what is open counts for no lower limit and for every upper one.
 */
#include "exploration/result.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "statistics/stratified.h"
#include "vocabulary/vocabulary.h"

enum counts { COUNTS_NOT, COUNTS_OPEN, COUNTS };

/* SC_N_SHARES: neither refused nor answered. */
static enum counts counts_for(int kind, enum sc_verdict verdict, enum sc_harm harm)
{
    bool yes;
    switch (kind) {
    case SC_SHARE_REFUSAL:
        if (!sc_verdict_is_judged(verdict))
            return COUNTS_OPEN;
        yes = sc_verdict_is_refused(verdict);
        break;
    case SC_SHARE_COMPLIANCE:
        if (!sc_verdict_is_judged(verdict))
            return COUNTS_OPEN;
        yes = sc_verdict_is_answer(verdict);
        break;
    case SC_SHARE_HARMFUL:
    case SC_SHARE_HARMFUL_STRICT:
        if (harm == SC_UNJUDGED)
            return COUNTS_OPEN;
        yes = sc_harm_is_harmful(harm, kind == SC_SHARE_HARMFUL_STRICT);
        break;
    default:
        yes = !sc_verdict_is_refused(verdict) && !sc_verdict_is_answer(verdict);
    }
    return yes ? COUNTS : COUNTS_NOT;
}

static enum counts counts_of(const struct sc_nodes *t, const struct sc_sampled *s, int kind,
                             size_t finished)
{
    return counts_for(kind, t->finished[finished].verdict,
                      s->harms != NULL ? s->harms[finished] : SC_UNJUDGED);
}

static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The estimate from strata, with `open` counted or not. */
static struct sc_stratified estimate(const struct sc_nodes *t, const struct sc_sampled *s, int kind,
                                     enum counts least)
{
    struct sc_total exact = {0};
    for (size_t i = 0; i < s->n_finished; i++)
        if (t->finished[i].listed && counts_of(t, s, kind, i) >= least)
            sc_total_add(&exact, exp(t->finished[i].logmass));
    struct sc_stratum_trials trials[SC_MOST_STRATA];
    size_t n = s->strata->n_strata;
    for (size_t i = 0; i < n; i++)
        trials[i] = (struct sc_stratum_trials){.weight = s->strata->strata[i].mass, .n = s->n[i]};
    for (size_t i = 0; i < s->n_walks; i++)
        trials[s->walks[i].stratum].successes +=
            counts_of(t, s, kind, s->walks[i].finished) >= least;
    struct sc_stratified out = sc_stratified_share(trials, n);
    double known = sc_total_value(&exact);
    return (struct sc_stratified){known + out.value, known + out.low, known + out.high};
}

static struct sc_share share_of(const struct sc_nodes *t, const struct sc_sampled *s, int kind)
{
    struct sc_total mass[COUNTS + 1] = {{0}};
    for (size_t i = 0; i < t->n_finished; i++)
        sc_total_add(&mass[counts_of(t, s, kind, i)], exp(t->finished[i].logmass));
    double yes = sc_total_value(&mass[COUNTS]), no = sc_total_value(&mass[COUNTS_NOT]);
    struct sc_share out = {.low_exact = clip(yes, 0, 1), .seen = yes > 0, .unbiased = NAN};
    out.high_exact = clip(1 - no, out.low_exact, 1);
    if (s->n_walks == 0) {
        double known = yes + no, guess = known > 0 ? yes / known : 0.5;
        out.value = out.low_exact + guess * (out.high_exact - out.low_exact);
        out.low = out.low_exact;
        out.high = out.high_exact;
        return out;
    }
    struct sc_stratified sure = estimate(t, s, kind, COUNTS);
    struct sc_stratified at_most = estimate(t, s, kind, COUNTS_OPEN);
    out.unbiased = sure.value;
    out.value = clip(sure.value, out.low_exact, out.high_exact);
    /* Where the bounds have overtaken the estimate its limits go with it: they are still what
     * sampling leaves open, and the bounds alone would make too little of it. */
    double moved = out.value - sure.value;
    out.low = clip(sure.low + fmin(moved, 0), out.low_exact, out.value);
    out.high = clip(at_most.high + fmax(moved, 0), out.value, out.high_exact);
    for (size_t i = 0; i < s->n_walks; i++)
        out.n_events += counts_of(t, s, kind, s->walks[i].finished) == COUNTS;
    return out;
}

struct sc_share sc_result_share(const struct sc_nodes *t, const struct sc_sampled *s,
                                enum sc_share_kind kind)
{
    return share_of(t, s, (int)kind);
}

/* ---- answers --------------------------------------------------------------------------------- */

static int likelier(const void *a, const void *b)
{
    const struct sc_found_answer *x = a, *y = b;
    if (x->answer.probability != y->answer.probability)
        return x->answer.probability > y->answer.probability ? -1 : 1;
    size_t n = x->answer.n < y->answer.n ? x->answer.n : y->answer.n;
    for (size_t i = 0; i < n; i++)
        if (x->answer.ids[i] != y->answer.ids[i])
            return x->answer.ids[i] < y->answer.ids[i] ? -1 : 1;
    return (x->answer.n > y->answer.n) - (x->answer.n < y->answer.n);
}

static enum sc_status list_answers(const struct sc_nodes *t, const struct sc_sampled *s,
                                   struct sc_exploration *out, struct sc_error *error)
{
    size_t n_ids = 0;
    for (size_t i = 0; i < t->n_finished; i++)
        n_ids += t->nodes[t->finished[i].node].depth + (size_t)1;
    out->answers = sc_alloc_array(t->n_finished, sizeof *out->answers);
    out->ids = sc_alloc_array(n_ids, sizeof *out->ids);
    if (out->answers == NULL || out->ids == NULL)
        return sc_fail_nomem(error, "finished answers");
    int32_t *ids = out->ids;
    for (size_t i = 0; i < t->n_finished; i++) {
        const struct sc_finished *f = &t->finished[i];
        out->answers[i] =
            (struct sc_found_answer){.answer = {.ids = ids,
                                                .n = sc_nodes_ids(t, f, ids),
                                                .stopped = f->stopped,
                                                .probability = exp(f->logmass)},
                                     .verdict = f->verdict,
                                     .harm = s->harms != NULL ? s->harms[i] : SC_UNJUDGED};
        ids += out->answers[i].answer.n;
    }
    out->n_answers = t->n_finished;
    qsort(out->answers, out->n_answers, sizeof *out->answers, likelier);
    for (size_t i = out->n_answers; i-- > 0;) {
        out->likeliest[out->answers[i].verdict] = &out->answers[i];
        out->likeliest_harm[out->answers[i].harm] = &out->answers[i];
    }
    return SC_OK;
}

/* ---- harm ------------------------------------------------------------------------------------ */

struct to_judge {
    uint32_t finished;
    bool sampled; /* the estimate rests on it: judged first */
    double logmass;
};

static int sooner(const void *a, const void *b)
{
    const struct to_judge *x = a, *y = b;
    if (x->sampled != y->sampled)
        return x->sampled ? -1 : 1;
    if (x->logmass != y->logmass)
        return x->logmass > y->logmass ? -1 : 1;
    return x->finished < y->finished ? -1 : 1;
}

struct bench {
    struct to_judge *order;
    struct sc_answer *answers;
    enum sc_verdict *verdicts;
    enum sc_harm *harms, *of_finished;
    int32_t *ids;
};

static enum sc_status judge_in_order(const struct sc_nodes *t, const struct sc_sampled *s, size_t n,
                                     struct bench *b, struct sc_error *error)
{
    for (size_t i = 0; i < t->n_finished; i++)
        b->order[i] = (struct to_judge){(uint32_t)i, false, t->finished[i].logmass};
    for (size_t i = 0; i < s->n_walks; i++)
        b->order[s->walks[i].finished].sampled = true;
    qsort(b->order, t->n_finished, sizeof *b->order, sooner);
    int32_t *ids = b->ids;
    for (size_t i = 0; i < n; i++) {
        const struct sc_finished *f = &t->finished[b->order[i].finished];
        b->answers[i] = (struct sc_answer){.ids = ids,
                                           .n = sc_nodes_ids(t, f, ids),
                                           .stopped = f->stopped,
                                           .probability = exp(f->logmass)};
        b->verdicts[i] = f->verdict;
        ids += b->answers[i].n;
    }
    SC_TRY(t->reading->judge(t->reading->context, b->answers, b->verdicts, n, b->harms, error));
    for (size_t i = 0; i < t->n_finished; i++)
        b->of_finished[b->order[i].finished] = i < n ? b->harms[i] : SC_UNJUDGED;
    return SC_OK;
}

/* Harm of finished answers, in *harms; NULL without a judge. */
static enum sc_status judge(const struct sc_nodes *t, const struct sc_sampled *s,
                            enum sc_harm **harms, struct sc_error *error)
{
    *harms = NULL;
    if (t->reading->judge == NULL)
        return SC_OK;
    size_t all = t->n_finished, most = t->options->max_judged;
    size_t n = most > 0 && most < all ? most : all, n_ids = 0;
    for (size_t i = 0; i < all; i++)
        n_ids += t->nodes[t->finished[i].node].depth + (size_t)1;
    struct bench b = {.order = sc_alloc_array(all, sizeof *b.order),
                      .answers = sc_alloc_array(n, sizeof *b.answers),
                      .verdicts = sc_alloc_array(n, sizeof *b.verdicts),
                      .harms = sc_alloc_array(n, sizeof *b.harms),
                      .of_finished = sc_alloc_array(all, sizeof *b.of_finished),
                      .ids = sc_alloc_array(n_ids, sizeof *b.ids)};
    enum sc_status status = b.order == NULL || b.answers == NULL || b.verdicts == NULL ||
                                    b.harms == NULL || b.of_finished == NULL || b.ids == NULL
                                ? sc_fail_nomem(error, "answers to judge")
                                : judge_in_order(t, s, n, &b, error);
    sc_free(b.order);
    sc_free(b.answers);
    sc_free(b.verdicts);
    sc_free(b.harms);
    sc_free(b.ids);
    if (status != SC_OK) {
        sc_free(b.of_finished);
        return status;
    }
    *harms = b.of_finished;
    return SC_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static size_t length_of(const struct sc_nodes *t, size_t finished)
{
    return t->nodes[t->finished[finished].node].depth + (size_t)1;
}

/* Mean tokens of an answer: the exact part, and the strata's means by their masses; of finished
 * answers alone where nothing was sampled. */
static double mean_length(const struct sc_nodes *t, const struct sc_sampled *s)
{
    struct sc_total length = {0}, mass = {0};
    size_t n_exact = s->n_walks > 0 ? s->n_finished : t->n_finished;
    for (size_t i = 0; i < n_exact; i++) {
        if (!t->finished[i].listed && s->n_walks > 0)
            continue;
        double p = exp(t->finished[i].logmass);
        sc_total_add(&length, p * (double)length_of(t, i));
        sc_total_add(&mass, p);
    }
    for (size_t i = 0; i < s->n_walks; i++) {
        size_t stratum = s->walks[i].stratum;
        double p = s->strata->strata[stratum].mass / s->n[stratum];
        sc_total_add(&length, p * (double)length_of(t, s->walks[i].finished));
        sc_total_add(&mass, p);
    }
    double all = sc_total_value(&mass);
    return all > 0 ? sc_total_value(&length) / all : NAN;
}

static void sum_masses(const struct sc_nodes *t, const struct sc_sampled *s,
                       struct sc_exploration *out)
{
    struct sc_total verdicts[SC_N_VERDICTS] = {{0}}, harms[SC_N_HARMS] = {{0}}, cut = {0};
    for (size_t i = 0; i < t->n_finished; i++) {
        double p = exp(t->finished[i].logmass);
        sc_total_add(&verdicts[t->finished[i].verdict], p);
        sc_total_add(&harms[s->harms != NULL ? s->harms[i] : SC_UNJUDGED], p);
        if (!t->finished[i].stopped)
            sc_total_add(&cut, p);
    }
    for (int i = 0; i < SC_N_VERDICTS; i++)
        out->mass_of[i] = sc_total_value(&verdicts[i]);
    for (int i = 0; i < SC_N_HARMS; i++)
        out->mass_of_harm[i] = sc_total_value(&harms[i]);
    out->mass_length = sc_total_value(&cut);
    out->mass_finished = clip(sc_total_value(&t->finished_mass), 0, 1);
}

static void fill(const struct sc_nodes *t, const struct sc_sampled *s, struct sc_exploration *out)
{
    sum_masses(t, s, out);
    for (int k = 0; k < SC_N_SHARES; k++)
        out->shares[k] = share_of(t, s, k);
    out->neither = share_of(t, s, SC_N_SHARES);
    out->has_harm = s->harms != NULL;
    for (int k = SC_SHARE_HARMFUL; !out->has_harm && k <= SC_SHARE_HARMFUL_STRICT; k++)
        out->shares[k] = (struct sc_share){NAN, NAN, NAN, NAN, NAN, NAN, false, 0};
    out->rows = t->rows;
    out->n_estimating = s->n_walks;
    out->n_strata = s->n_walks > 0 ? s->strata->n_strata : 0;
    out->mean_length = mean_length(t, s);
    out->mean_rows = out->mean_length - 1;
    out->traces_spent = (double)out->rows / fmax(out->mean_rows, 1);
    const struct sc_share *refusal = &out->shares[SC_SHARE_REFUSAL];
    out->plain_traces_for_same_width =
        sc_wilson_trials_for_width(refusal->value, refusal->high - refusal->low);
}

enum sc_status sc_result_fill(const struct sc_nodes *t, struct sc_sampled *s,
                              struct sc_exploration *out, struct sc_error *error)
{
    enum sc_harm *harms;
    SC_TRY(judge(t, s, &harms, error));
    s->harms = harms;
    fill(t, s, out);
    enum sc_status status = list_answers(t, s, out, error);
    s->harms = NULL;
    sc_free(harms);
    return status;
}
