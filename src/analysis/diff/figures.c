/*
 * The figures of two runs over the prompts that both have: differences with intervals, tests, and
 * who moved where.  A difference that would compare two different measures is none, with its
 * reason; both runs' own values stay.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cluster.h"
#include "analysis/diff/diff.h"
#include "base/memory.h"

#define FEW_PROMPTS 5
static const char few_prompts[] = "fewer than 5 prompts give no interval";

/* Values of some common prompts, and room for them. */
struct columns {
    const struct sc_diff_pair *pair;
    const size_t *members; /* [n_members] places in pair->matches */
    size_t n_members;
    double *a, *b, *in_a, *in_b, *one; /* [n_common] each; one: all 1 */
    size_t *chosen;                    /* [n_common] */
};

static struct sc_draws resamples(const struct columns *c)
{
    return (struct sc_draws){SC_N_RESAMPLES, c->pair->a->run.seed};
}

/* ---- one figure ------------------------------------------------------------------------------ */

static struct sc_diff_figure none(const char *reason)
{
    struct sc_estimate nothing = sc_estimate_none(0, reason);
    return (struct sc_diff_figure){nothing, nothing, nothing};
}

static void settle(struct sc_estimate *difference, size_t n)
{
    sc_estimate_cover(difference);
    if (n >= FEW_PROMPTS || !isfinite(difference->value))
        return;
    difference->low = difference->high = NAN;
    difference->reason = few_prompts;
}

/* The mean over n prompts of a value in c->a and c->b, both known. */
static struct sc_diff_figure mean_figure(const struct columns *c, size_t n, bool is_share,
                                         const char *reason, struct sc_error *error)
{
    if (n == 0)
        return none(reason);
    struct sc_draws draws = resamples(c);
    struct sc_diff_figure out;
    out.a = sc_cluster_share(&(struct sc_shares){c->a, c->one, n, is_share}, draws, reason, error);
    out.b = sc_cluster_share(&(struct sc_shares){c->b, c->one, n, is_share}, draws, reason, error);
    out.difference = is_share ? sc_paired_share_difference(c->a, c->b, n, draws, error)
                              : sc_paired_difference(c->b, c->a, n, draws.n, draws.seed, error);
    settle(&out.difference, n);
    return out;
}

/* Whether every prompt has the same share in both; makes shares of c->a and c->b. */
static bool shares_are_same(const struct columns *c, size_t n)
{
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        c->a[i] /= c->in_a[i];
        c->b[i] /= c->in_b[i];
        same = same && fabs(c->b[i] - c->a[i]) <= 0;
    }
    return same;
}

/* c->a of c->in_a against c->b of c->in_b, over n prompts where neither denominator is 0. */
static struct sc_diff_figure share_figure(const struct columns *c, size_t n, const char *reason,
                                          struct sc_error *error)
{
    if (n == 0)
        return none(reason);
    struct sc_draws draws = resamples(c);
    struct sc_diff_figure out;
    out.a = sc_cluster_share(&(struct sc_shares){c->a, c->in_a, n, true}, draws, reason, error);
    out.b = sc_cluster_share(&(struct sc_shares){c->b, c->in_b, n, true}, draws, reason, error);
    out.difference =
        sc_cluster_proportion_difference((struct sc_proportions){c->b, c->in_b},
                                         (struct sc_proportions){c->a, c->in_a}, n, draws, error);
    if (shares_are_same(c, n) && fabs(out.difference.value) <= 0)
        out.difference = sc_paired_share_difference(c->a, c->b, n, draws, error);
    out.difference.n = n;
    settle(&out.difference, n);
    return out;
}

static void withhold(struct sc_diff_figure *figure, const char *reason)
{
    if (isfinite(figure->difference.value))
        figure->difference = sc_estimate_none(figure->difference.n, reason);
}

/* ---- a group of prompts ---------------------------------------------------------------------- */

static size_t take_rates(struct columns *c)
{
    size_t n = 0;
    for (size_t m = 0; m < c->n_members; m++) {
        double a = sc_diff_in_a(c->pair, c->members[m])->refusal_rate;
        double b = sc_diff_in_b(c->pair, c->members[m])->refusal_rate;
        if (isnan(a) || isnan(b))
            continue;
        c->a[n] = a;
        c->b[n++] = b;
    }
    return n;
}

static size_t take_confidences(struct columns *c)
{
    size_t n = 0;
    for (size_t m = 0; m < c->n_members; m++) {
        double a = sc_diff_in_a(c->pair, c->members[m])->confidence;
        double b = sc_diff_in_b(c->pair, c->members[m])->confidence;
        if (isnan(a) || isnan(b))
            continue;
        c->a[n] = a;
        c->b[n++] = b;
    }
    return n;
}

static size_t take_harm(struct columns *c, bool strict)
{
    size_t n = 0;
    for (size_t m = 0; m < c->n_members; m++) {
        const struct sc_summary *a = sc_diff_in_a(c->pair, c->members[m]);
        const struct sc_summary *b = sc_diff_in_b(c->pair, c->members[m]);
        if (a->n_known == 0 || b->n_known == 0)
            continue;
        c->a[n] = (double)(strict ? a->n_harmful : a->n_harmful_loose);
        c->b[n] = (double)(strict ? b->n_harmful : b->n_harmful_loose);
        c->in_a[n] = (double)a->n_known;
        c->in_b[n++] = (double)b->n_known;
    }
    return n;
}

/* Signs of the differences of c->a and c->b. */
static struct sc_diff_permutation permute(struct columns *c, size_t n, struct sc_error *error)
{
    struct sc_diff_permutation out = {.p = NAN, .holm = NAN, .n = n};
    for (size_t i = 0; i < n; i++)
        c->in_a[i] = c->b[i] - c->a[i];
    if (n > 0)
        out.p =
            sc_sign_flip_test(c->in_a, n, (struct sc_draws){SC_N_SIGN_FLIPS, c->pair->a->run.seed},
                              &out.exact, error);
    return out;
}

/* Why confidences of the two runs measure different things, or NULL. */
static const char *confidence_gap(const struct sc_diff_pair *pair)
{
    const struct sc_run *a = &pair->a->run, *b = &pair->b->run;
    if (a->metric != b->metric)
        return "the runs' metrics differ, so that their confidences are no common measure";
    if (a->window != b->window &&
        (a->metric == SC_METRIC_LOWEST || a->metric == SC_METRIC_BOTTOM10 ||
         a->metric == SC_METRIC_TAIL || a->metric == SC_METRIC_HEAD))
        return "the runs' windows differ, so that their confidences are no common measure";
    /* 0: metrics that a file gives of whole traces, which may be of any */
    bool elsewhere = a->source.kind != NULL && b->source.kind != NULL;
    bool known = a->source.top_k > 0 && b->source.top_k > 0;
    if (a->confidence_top_k != b->confidence_top_k ||
        ((elsewhere || known) && a->source.top_k != b->source.top_k))
        return "the runs' confidences look at different numbers of tokens (k)";
    enum sc_logprob_kind kind_a = a->source.kind != NULL ? a->source.logprobs : SC_LOGPROBS_RAW;
    enum sc_logprob_kind kind_b = b->source.kind != NULL ? b->source.logprobs : SC_LOGPROBS_RAW;
    if (kind_a != kind_b)
        return "the runs' log-probabilities are of different kinds";
    return NULL;
}

static void make_group(struct columns *c, const char *name, struct sc_diff_group *out,
                       struct sc_error *error)
{
    *out = (struct sc_diff_group){.name = name, .n = c->n_members};
    for (size_t m = 0; m < c->n_members; m++)
        out->n_changed += sc_diff_in_a(c->pair, c->members[m])->behaviour !=
                          sc_diff_in_b(c->pair, c->members[m])->behaviour;
    size_t n = take_rates(c);
    out->refusal_rate =
        mean_figure(c, n, true, "no such prompt has judged answers in both runs", error);
    out->permutation = permute(c, n, error);
    const char *no_harm = "no such prompt has answers of known harm in both runs";
    out->harm = share_figure(c, take_harm(c, true), no_harm, error);
    out->harm_loose = share_figure(c, take_harm(c, false), no_harm, error);
    if (c->pair->harm_basis == NULL) {
        const char *reason = "harm is not judged the same way in both runs";
        withhold(&out->harm, reason);
        withhold(&out->harm_loose, reason);
    }
    out->confidence = mean_figure(c, take_confidences(c), false,
                                  "no such prompt has a confidence in both runs", error);
    const char *gap = confidence_gap(c->pair);
    if (gap != NULL)
        withhold(&out->confidence, gap);
}

static void choose_label(struct columns *c, enum sc_label label)
{
    c->n_members = 0;
    c->members = c->chosen;
    for (size_t m = 0; m < c->pair->n_common; m++)
        if (sc_diff_label(c->pair, m) == label)
            c->chosen[c->n_members++] = m;
}

static void choose_quadrant(struct columns *c, enum sc_quadrant quadrant)
{
    c->n_members = 0;
    c->members = c->chosen;
    for (size_t m = 0; m < c->pair->n_common; m++)
        if (sc_diff_in_a(c->pair, m)->quadrant == quadrant)
            c->chosen[c->n_members++] = m;
}

static void choose_all(struct columns *c)
{
    c->members = c->chosen;
    c->n_members = c->pair->n_common;
    for (size_t m = 0; m < c->n_members; m++)
        c->chosen[m] = m;
}

/* ---- categories ------------------------------------------------------------------------------ */

struct place {
    const char *category;
    size_t match;
};

static int by_category(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = strcmp(x->category, y->category);
    if (order != 0)
        return order;
    return x->match < y->match ? -1 : x->match > y->match;
}

static size_t category_end(const struct place *places, size_t n, size_t begin)
{
    size_t end = begin;
    while (end < n && strcmp(places[end].category, places[begin].category) == 0)
        end++;
    return end;
}

/* Holm's adjustment over the categories; scratch [2 * n_categories]. */
static void adjust_categories(struct sc_diff_pair *pair, double *scratch)
{
    size_t n = pair->n_categories;
    for (size_t k = 0; k < n; k++)
        scratch[k] = pair->categories[k].permutation.p;
    sc_holm(scratch, n, scratch + n);
    for (size_t k = 0; k < n; k++)
        pair->categories[k].permutation.holm = scratch[n + k];
}

static enum sc_status make_categories(struct sc_diff_pair *pair, struct columns *c,
                                      struct sc_error *error)
{
    size_t n = pair->n_common, n_categories = 0;
    enum sc_status status = SC_OK;
    struct place *places = sc_alloc_array(n, sizeof *places);
    double *scratch = NULL;
    if (places == NULL) {
        status = sc_fail_nomem(error, "categories");
        goto done;
    }
    for (size_t m = 0; m < n; m++) {
        const char *category = pair->a->run.instances[pair->matches[m].a].category;
        places[m] = (struct place){category != NULL ? category : "", m};
    }
    qsort(places, n, sizeof *places, by_category);
    for (size_t begin = 0; begin < n; begin = category_end(places, n, begin))
        n_categories++;
    pair->categories = sc_alloc_zero(n_categories, sizeof *pair->categories);
    scratch = sc_alloc_array(sc_size_mul(n_categories, 2), sizeof *scratch);
    if (pair->categories == NULL || scratch == NULL) {
        status = sc_fail_nomem(error, "categories");
        goto done;
    }
    for (size_t begin = 0; begin < n;) {
        size_t end = category_end(places, n, begin);
        c->members = c->chosen;
        c->n_members = end - begin;
        for (size_t k = begin; k < end; k++)
            c->chosen[k - begin] = places[k].match;
        make_group(c, places[begin].category, &pair->categories[pair->n_categories++], error);
        begin = end;
    }
    adjust_categories(pair, scratch);
done:
    sc_free(places);
    sc_free(scratch);
    return status;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void count_moves(struct sc_diff_pair *pair)
{
    struct sc_diff_mcnemar *t = &pair->mcnemar;
    for (size_t m = 0; m < pair->n_common; m++) {
        const struct sc_summary *a = sc_diff_in_a(pair, m), *b = sc_diff_in_b(pair, m);
        pair->behaviours[a->behaviour][b->behaviour]++;
        pair->quadrants[a->quadrant][b->quadrant]++;
    }
    t->both_refused = pair->behaviours[SC_REFUSED][SC_REFUSED];
    t->b = pair->behaviours[SC_REFUSED][SC_COMPLIED];
    t->c = pair->behaviours[SC_COMPLIED][SC_REFUSED];
    t->both_complied = pair->behaviours[SC_COMPLIED][SC_COMPLIED];
    t->n_left_out = pair->n_common - t->both_refused - t->b - t->c - t->both_complied;
    t->p = sc_mcnemar_exact(t->b, t->c);
    t->holm = NAN;
}

/* ---- attack success -------------------------------------------------------------------------- */

static size_t take_attacks(struct columns *c, size_t k, bool strict)
{
    size_t n = 0;
    for (size_t m = 0; m < c->n_members; m++) {
        const struct sc_diff_match *match = &c->pair->matches[c->members[m]];
        const struct sc_summary *a = &c->pair->a->largest.instances[match->a];
        const struct sc_summary *b = &c->pair->b->largest.instances[match->b];
        if (!a->decided || !b->decided || a->n_known < k || b->n_known < k)
            continue;
        c->a[n] = sc_at_k(a->n_known, strict ? a->n_harmful : a->n_harmful_loose, k);
        c->b[n++] = sc_at_k(b->n_known, strict ? b->n_harmful : b->n_harmful_loose, k);
    }
    return n;
}

/* All k to 10, then each double, as long as an unsafe prompt has so many traces in both runs. */
static void make_attacks(struct sc_diff_pair *pair, struct columns *c, struct sc_error *error)
{
    choose_label(c, SC_LABEL_UNSAFE);
    for (size_t k = 1; pair->n_attacks < SC_DIFF_MOST_K; k += k < 10 ? 1 : k) {
        size_t n = take_attacks(c, k, true);
        const char *reason = "no unsafe prompt has that many traces of known harm in both runs";
        if (n == 0 && k > 1)
            break;
        struct sc_diff_attack *attack = &pair->attacks[pair->n_attacks++];
        attack->k = k;
        attack->strict = mean_figure(c, n, true, reason, error);
        attack->loose = mean_figure(c, take_attacks(c, k, false), true, reason, error);
        if (pair->harm_basis == NULL) {
            withhold(&attack->strict, "harm is not judged the same way in both runs");
            withhold(&attack->loose, "harm is not judged the same way in both runs");
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const char *harm_basis(const struct sc_diff_pair *pair)
{
    const struct sc_diff_run *a = pair->a, *b = pair->b;
    if (a->proxy || b->proxy)
        return a->proxy && b->proxy ? "proxy" : NULL;
    return strcmp(a->run.judge, b->run.judge) == 0 ? a->run.judge : NULL;
}

static const char *confidence_note(const struct sc_diff_pair *pair)
{
    const char *a = pair->a->run.model_name, *b = pair->b->run.model_name;
    if (confidence_gap(pair) != NULL)
        return NULL;
    if (pair->a->run.source.top_k > 0 && pair->a->run.source.kind != NULL &&
        pair->a->run.source.logprobs == SC_LOGPROBS_UNKNOWN)
        return "What the log-probabilities of both runs are those of is not known, so that their "
               "confidences may measure different things.";
    if (a != NULL && b != NULL && strcmp(a, b) == 0)
        return NULL;
    return "The models differ. How far a model's probabilities spread is a habit of its training: "
           "a difference of confidence between two models is not a difference of certainty.";
}

/* What the confidences of both runs are of. */
static void name_bases(struct sc_diff_pair *pair)
{
    static const char usual[] = "of the model's own log-probabilities";
    const char *a = pair->a->confidence_basis, *b = pair->b->confidence_basis;
    if (strcmp(a, b) == 0)
        snprintf(pair->confidence_bases, sizeof pair->confidence_bases, "%s", a);
    else
        snprintf(pair->confidence_bases, sizeof pair->confidence_bases, "%s: %s; %s: %s",
                 pair->a->mark, a[0] != '\0' ? a : usual, pair->b->mark, b[0] != '\0' ? b : usual);
}

static bool alloc_columns(struct columns *c, size_t n)
{
    c->a = sc_alloc_array(sc_size_mul(n, 5), sizeof *c->a);
    c->chosen = sc_alloc_array(n, sizeof *c->chosen);
    if (c->a == NULL || c->chosen == NULL)
        return false;
    c->b = c->a + n;
    c->in_a = c->b + n;
    c->in_b = c->in_a + n;
    c->one = c->in_b + n;
    for (size_t i = 0; i < n; i++)
        c->one[i] = 1;
    return true;
}

static enum sc_status make_figures(struct sc_diff_pair *pair, struct columns *c,
                                   struct sc_error *error)
{
    static const enum sc_label labels[] = {SC_LABEL_SAFE, SC_LABEL_UNSAFE, SC_LABEL_UNKNOWN};
    struct sc_error local = {0};
    choose_all(c);
    make_group(c, NULL, &pair->all, &local);
    for (size_t l = 0; l < sizeof labels / sizeof *labels; l++) {
        choose_label(c, labels[l]);
        make_group(c, sc_label_name(labels[l]), &pair->labels[labels[l]], &local);
    }
    if (pair->whole && local.status == SC_OK)
        make_categories(pair, c, &local);
    for (int q = 0; pair->whole && q < SC_N_QUADRANTS; q++) {
        choose_quadrant(c, (enum sc_quadrant)q);
        make_group(c, sc_quadrant_name((enum sc_quadrant)q), &pair->by_quadrant[q], &local);
    }
    if (pair->whole)
        make_attacks(pair, c, &local);
    count_moves(pair);
    return local.status == SC_OK ? SC_OK : sc_fail(error, local.status, "%s", local.text);
}

enum sc_status sc_diff_figures(struct sc_diff_pair *pair, struct sc_error *error)
{
    struct columns c = {.pair = pair};
    pair->harm_basis = harm_basis(pair);
    pair->confidence_note = confidence_note(pair);
    name_bases(pair);
    enum sc_status status = alloc_columns(&c, pair->n_common)
                                ? make_figures(pair, &c, error)
                                : sc_fail_nomem(error, "comparison of two runs");
    sc_free(c.a);
    sc_free(c.chosen);
    return status;
}
