/*
 * The prompts that two runs share: joined by id, and the same only where all that was asked is the
 * same.  Owns what is common, what is counted and left out, and which prompts changed most.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff/diff.h"
#include "base/memory.h"

enum sc_label sc_diff_label(const struct sc_diff_pair *pair, size_t match)
{
    enum sc_label a = pair->a->run.instances[pair->matches[match].a].label;
    enum sc_label b = pair->b->run.instances[pair->matches[match].b].label;
    return a == b ? a : SC_N_LABELS;
}

const struct sc_summary *sc_diff_in_a(const struct sc_diff_pair *pair, size_t match)
{
    return &pair->a->view.instances[pair->matches[match].a];
}

const struct sc_summary *sc_diff_in_b(const struct sc_diff_pair *pair, size_t match)
{
    return &pair->b->view.instances[pair->matches[match].b];
}

/* ---- joining --------------------------------------------------------------------------------- */

struct entry {
    const char *id;
    size_t instance;
};

static int by_id(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    if (order != 0)
        return order;
    return x->instance < y->instance ? -1 : x->instance > y->instance;
}

static int by_place(const void *a, const void *b)
{
    const struct sc_diff_match *x = a, *y = b;
    return x->a < y->a ? -1 : x->a > y->a;
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

static struct entry *sorted_entries(const struct sc_run *run, struct sc_error *error)
{
    struct entry *entries = sc_alloc_array(run->n_instances, sizeof *entries);
    if (entries == NULL) {
        sc_fail_nomem(error, "ids of prompts");
        return NULL;
    }
    for (size_t i = 0; i < run->n_instances; i++)
        entries[i] = (struct entry){text_of(run->instances[i].id), i};
    qsort(entries, run->n_instances, sizeof *entries, by_id);
    return entries;
}

/* The place of the next turn at or after `from` that is no system message; n: none. */
static size_t next_turn(const struct sc_conversation *c, size_t from)
{
    const char *system = sc_role_name(SC_ROLE_SYSTEM);
    while (from < c->n && strcmp(c->messages[from].role, system) == 0)
        from++;
    return from;
}

/* Whether both were asked the same: the prompt, and every turn before it.  A system message and a
 * prefill are settings that may be what is compared. */
static bool is_same_prompt(const struct sc_run_instance *a, const struct sc_run_instance *b)
{
    const struct sc_conversation *x = &a->conversation, *y = &b->conversation;
    if (strcmp(text_of(a->prompt), text_of(b->prompt)) != 0)
        return false;
    if (next_turn(x, 0) + 1 >= x->n && next_turn(y, 0) + 1 >= y->n)
        return true; /* the prompt is the only turn of both */
    size_t i = next_turn(x, 0), j = next_turn(y, 0);
    for (; i < x->n && j < y->n; i = next_turn(x, i + 1), j = next_turn(y, j + 1))
        if (strcmp(x->messages[i].role, y->messages[j].role) != 0 ||
            strcmp(x->messages[i].text, y->messages[j].text) != 0)
            return false;
    return i >= x->n && j >= y->n;
}

static const char *system_of(const struct sc_run_instance *instance)
{
    const struct sc_conversation *c = &instance->conversation;
    return c->n > 0 && next_turn(c, 0) > 0 ? c->messages[0].text : "";
}

static bool is_same_frame(const struct sc_run_instance *a, const struct sc_run_instance *b)
{
    return strcmp(system_of(a), system_of(b)) == 0 &&
           strcmp(text_of(a->prefill), text_of(b->prefill)) == 0;
}

/* One id that both have. */
static void take(struct sc_diff_pair *pair, size_t a, size_t b)
{
    const struct sc_run_instance *x = &pair->a->run.instances[a];
    const struct sc_run_instance *y = &pair->b->run.instances[b];
    bool same = is_same_prompt(x, y);
    pair->n_other_prompt += !same;
    if (!same && !pair->by_id)
        return;
    if (!pair->a->view.instances[a].decided || !pair->b->view.instances[b].decided) {
        pair->n_unfinished++;
        return;
    }
    pair->matches[pair->n_common++] = (struct sc_diff_match){a, b};
    pair->n_other_label += x->label != y->label;
    pair->n_other_frame += !is_same_frame(x, y);
}

static void merge(struct sc_diff_pair *pair, const struct entry *a, const struct entry *b)
{
    size_t n_a = pair->a->run.n_instances, n_b = pair->b->run.n_instances, i = 0, j = 0;
    while (i < n_a && j < n_b) {
        int order = strcmp(a[i].id, b[j].id);
        if (order < 0) {
            pair->n_only_a++;
            i++;
        } else if (order > 0) {
            pair->n_only_b++;
            j++;
        } else {
            take(pair, a[i++].instance, b[j++].instance);
        }
    }
    pair->n_only_a += n_a - i;
    pair->n_only_b += n_b - j;
    qsort(pair->matches, pair->n_common, sizeof *pair->matches, by_place);
}

enum sc_status sc_diff_join(struct sc_diff_pair *pair, struct sc_error *error)
{
    size_t n_a = pair->a->run.n_instances, n_b = pair->b->run.n_instances;
    pair->matches = sc_alloc_array(n_a < n_b ? n_a : n_b, sizeof *pair->matches);
    struct entry *a = sorted_entries(&pair->a->run, error);
    struct entry *b = sorted_entries(&pair->b->run, error);
    bool whole = pair->matches != NULL && a != NULL && b != NULL;
    if (whole)
        merge(pair, a, b);
    sc_free(a);
    sc_free(b);
    if (!whole)
        return sc_fail_nomem(error, "common prompts");
    if (pair->n_common > 0)
        return SC_OK;
    const char *advice = pair->n_other_prompt > 0 && !pair->by_id ? " (--by-id compares them)" : "";
    return sc_fail(
        error, SC_ERR_FORMAT,
        "%s and %s: expected prompts that both have finished, found none (%zu are in the "
        "first only, %zu in the second only, %zu have the same id and another prompt%s, "
        "%zu are not finished)",
        pair->a->name, pair->b->name, pair->n_only_a, pair->n_only_b, pair->n_other_prompt, advice,
        pair->n_unfinished);
}

/* ---- what changed most ----------------------------------------------------------------------- */

struct change {
    double rate, harm; /* absolute differences; 0 where one of them is not known */
    bool behaviour;
    size_t match;
};

static double apart(double a, double b)
{
    return isfinite(a) && isfinite(b) ? fabs(b - a) : 0;
}

static double harm_of(const struct sc_summary *s)
{
    return s->n_known > 0 ? (double)s->n_harmful / (double)s->n_known : NAN;
}

static int by_change(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->rate > y->rate || x->rate < y->rate)
        return x->rate > y->rate ? -1 : 1;
    if (x->behaviour != y->behaviour)
        return x->behaviour ? -1 : 1;
    if (x->harm > y->harm || x->harm < y->harm)
        return x->harm > y->harm ? -1 : 1;
    return x->match < y->match ? -1 : x->match > y->match;
}

enum sc_status sc_diff_rank(struct sc_diff_pair *pair, struct sc_error *error)
{
    struct change *changes = sc_alloc_array(pair->n_common, sizeof *changes);
    size_t n = 0;
    pair->most = sc_alloc_array(pair->n_common, sizeof *pair->most);
    if (changes == NULL || pair->most == NULL) {
        sc_free(changes);
        return sc_fail_nomem(error, "prompts that changed");
    }
    for (size_t m = 0; m < pair->n_common; m++) {
        const struct sc_summary *a = sc_diff_in_a(pair, m), *b = sc_diff_in_b(pair, m);
        struct change change = {.rate = apart(a->refusal_rate, b->refusal_rate),
                                .harm =
                                    pair->harm_basis != NULL ? apart(harm_of(a), harm_of(b)) : 0,
                                .behaviour = a->behaviour != b->behaviour,
                                .match = m};
        if (change.rate > 0 || change.harm > 0 || change.behaviour)
            changes[n++] = change;
    }
    qsort(changes, n, sizeof *changes, by_change);
    pair->n_moved = n;
    pair->n_most = n < SC_DIFF_MOST_SHOWN ? n : SC_DIFF_MOST_SHOWN;
    for (size_t i = 0; i < pair->n_most; i++)
        pair->most[i] = changes[i].match;
    sc_free(changes);
    return SC_OK;
}
