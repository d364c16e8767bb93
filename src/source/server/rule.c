/* See rule.h. */
#include "source/server/rule.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Numbers whose median is wanted. */
struct sample {
    double *items;
    size_t n, cap;
};

static enum sc_status add(struct sample *sample, double value, struct sc_error *error)
{
    if (sc_grow((void **)&sample->items, sample->n, &sample->cap, sizeof *sample->items) != 0)
        return sc_fail_nomem(error, "log-probabilities of a server");
    sample->items[sample->n++] = value;
    return SC_OK;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(struct sample *sample)
{
    if (sample->n == 0)
        return NAN;
    qsort(sample->items, sample->n, sizeof *sample->items, by_value);
    return (sample->items[(sample->n - 1) / 2] + sample->items[sample->n / 2]) / 2;
}

static bool is_there(const struct sc_candidate *candidate)
{
    return isfinite(candidate->logprob) && candidate->logprob > SC_RULE_NOTHING;
}

/* The candidate of a list with that text, or NULL; a text that stands there twice (two tokens that
 * read alike) is nobody's. */
static const struct sc_candidate *find(const struct sc_rule_list *list,
                                       const struct sc_candidate *wanted)
{
    const struct sc_candidate *found = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const struct sc_candidate *one = &list->items[i];
        if (one->n != wanted->n || memcmp(one->text, wanted->text, one->n) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = one;
    }
    return found != NULL && is_there(found) ? found : NULL;
}

/* The likeliest candidate of the first list that the second one has as well, or NULL. */
static const struct sc_candidate *likeliest_of_both(const struct sc_rule_list *first,
                                                    const struct sc_rule_list *second)
{
    const struct sc_candidate *best = NULL;
    for (size_t i = 0; i < first->n; i++) {
        const struct sc_candidate *one = &first->items[i];
        if ((best == NULL || one->logprob > best->logprob) && find(first, one) == one &&
            find(second, one) != NULL)
            best = one;
    }
    return best;
}

static bool sums_to_more_than_one(const struct sc_rule_list *list)
{
    double sum = 0;
    for (size_t i = 0; i < list->n; i++)
        if (is_there(&list->items[i]))
            sum += exp(list->items[i].logprob);
    return sum > 1 + SC_RULE_TOLERANCE;
}

/* What is left over under both hypotheses. */
struct leftovers {
    struct sample raw, processed;
    size_t n_telling, n_agreeing; /* contexts in which the likeliest tells, and agrees */
};

static enum sc_status take_pair(struct leftovers *out, const struct sc_rule_pair *pair, double s,
                                struct sc_error *error)
{
    const struct sc_candidate *top = likeliest_of_both(&pair->neutral, &pair->other);
    if (top == NULL)
        return SC_OK;
    const double a_top = top->logprob, b_top = find(&pair->other, top)->logprob;
    if (exp(a_top) >= 0.1 && exp(a_top) <= 0.9) {
        out->n_telling++;
        out->n_agreeing += fabs(b_top - a_top) <= SC_RULE_TOLERANCE / 2;
    }
    for (size_t i = 0; i < pair->neutral.n; i++) {
        const struct sc_candidate *a = &pair->neutral.items[i];
        const struct sc_candidate *b = find(&pair->other, a);
        if (find(&pair->neutral, a) != a || b == NULL)
            continue;
        SC_TRY(add(&out->raw, fabs(b->logprob - a->logprob), error));
        if (a != top)
            SC_TRY(
                add(&out->processed, fabs(b->logprob - b_top - s * (a->logprob - a_top)), error));
    }
    return SC_OK;
}

static void decide(struct sc_rule_finding *out, const struct leftovers *left, double s)
{
    const double within = SC_RULE_TOLERANCE, within_scaled = SC_RULE_TOLERANCE * fmax(1, s);
    if (out->n_values == 0) {
        out->why = "it listed no token twice";
        return;
    }
    if (out->n_differences < SC_RULE_LEAST_DIFFERENCES) {
        if (left->n_agreeing >= SC_RULE_LEAST_CONTEXTS && left->n_agreeing == left->n_telling)
            out->kind = SC_LOGPROBS_RAW;
        else
            out->why = "it lists too few tokens to tell";
        return;
    }
    bool raw_fits = out->raw <= within, processed_fits = out->processed <= within_scaled;
    if (raw_fits && out->processed > 2 * within_scaled)
        out->kind = SC_LOGPROBS_RAW;
    else if (processed_fits && out->raw > 2 * within)
        out->kind = SC_LOGPROBS_PROCESSED;
    else
        out->why =
            raw_fits || processed_fits ? "they are too much alike to tell" : "they follow neither";
}

static enum sc_status measure(struct leftovers *left, const struct sc_rule_pair *pairs, size_t n,
                              double s, struct sc_rule_finding *out, struct sc_error *error)
{
    for (size_t i = 0; i < n; i++)
        SC_TRY(take_pair(left, &pairs[i], s, error));
    out->n_values = left->raw.n;
    out->n_differences = left->processed.n;
    out->raw = median(&left->raw);
    out->processed = median(&left->processed);
    decide(out, left, s);
    return SC_OK;
}

enum sc_status sc_rule_decide(const struct sc_rule_pair *pairs, size_t n, double t,
                              struct sc_rule_finding *out, struct sc_error *error)
{
    assert(t > 0 && t != 1);
    *out = (struct sc_rule_finding){.kind = SC_LOGPROBS_UNKNOWN, .raw = NAN, .processed = NAN};
    for (size_t i = 0; i < n; i++) {
        if (sums_to_more_than_one(&pairs[i].neutral) || sums_to_more_than_one(&pairs[i].other)) {
            out->why = "their probabilities sum to more than 1";
            return SC_OK;
        }
    }
    struct leftovers left = {0};
    enum sc_status status = measure(&left, pairs, n, 1 / t, out, error);
    sc_free(left.raw.items);
    sc_free(left.processed.items);
    return status;
}

static size_t n_there(const struct sc_rule_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        n += is_there(&list->items[i]);
    return n;
}

/* How far the values of what both lists have moved, with signs and without. */
static enum sc_status take_changes(const struct sc_rule_list *before,
                                   const struct sc_rule_list *after, struct sample *changes,
                                   struct sample *sizes, struct sc_error *error)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct sc_candidate *a = &before->items[i], *b = find(after, a);
        if (find(before, a) != a || b == NULL)
            continue;
        SC_TRY(add(changes, b->logprob - a->logprob, error));
        SC_TRY(add(sizes, fabs(b->logprob - a->logprob), error));
    }
    return SC_OK;
}

enum sc_status sc_rule_compare(const struct sc_rule_list *before, const struct sc_rule_list *after,
                               enum sc_rule_change *out, struct sc_error *error)
{
    struct sample changes = {0}, sizes = {0};
    enum sc_status status = take_changes(before, after, &changes, &sizes, error);
    const size_t n = changes.n;
    const double change = median(&changes), size = median(&sizes);
    if (n_there(before) == 0 || n_there(after) == 0)
        *out = SC_RULE_NO_LISTS;
    else if (n_there(after) + 1 < n_there(before) && n == n_there(after))
        *out = SC_RULE_FILTERED;
    else if (n > 0 && size <= SC_RULE_TOLERANCE)
        *out = SC_RULE_SAME;
    else if (n > 0 && change > SC_RULE_TOLERANCE &&
             changes.items[n - 1] - changes.items[0] <= 4 * SC_RULE_TOLERANCE)
        *out = SC_RULE_FILTERED;
    else
        *out = SC_RULE_OTHER;
    sc_free(changes.items);
    sc_free(sizes.items);
    return status;
}
