#include "table_answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/vocabulary.h"

static uint64_t key_of(const struct table_answers *t, const int32_t *ids, size_t n)
{
    return sc_hash64(ids, n * sizeof *ids) ^ (t->seed * 0x9E3779B97F4A7C15u);
}

struct weighed {
    int32_t id;
    double p;
};

static int heavier(const void *a, const void *b)
{
    const struct weighed *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->id - y->id;
}

static void distribution(const struct table_answers *t, const int32_t *ids, size_t n,
                         struct weighed *out)
{
    double sum = 0;
    for (int32_t i = 0; i < t->n_tokens; i++) {
        double u = sc_random_uniform(SC_STREAM_WEIGHTS, key_of(t, ids, n), (uint64_t)i, 0, 0);
        out[i] = (struct weighed){i, exp(t->sharpness * 6 * (u - 0.5)) * (i == 0 ? t->end : 1)};
        sum += out[i].p;
    }
    for (int32_t i = 0; i < t->n_tokens; i++)
        out[i].p /= sum;
    qsort(out, (size_t)t->n_tokens, sizeof *out, heavier);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void list(const struct table_answers *t, const int32_t *ids, size_t n, struct sc_branches *b)
{
    struct weighed all[TABLE_MOST_TOKENS];
    distribution(t, ids, n, all);
    size_t n_all = (size_t)t->n_tokens;
    b->n = b->max < n_all ? b->max : n_all;
    b->rest = 0;
    for (size_t i = 0; i < n_all; i++) {
        if (i < b->n) {
            b->ids[i] = all[i].id;
            b->logprobs[i] = log(all[i].p);
        } else {
            b->rest += all[i].p;
        }
    }
    for (size_t k = 0; b->rest > 0 && k < b->n_drawn; k++) {
        size_t i = b->n;
        for (double below = all[i].p; i + 1 < n_all && b->u[k] * b->rest >= below;)
            below += all[++i].p;
        b->drawn[k] = all[i].id;
        b->drawn_logprobs[k] = log(all[i].p);
    }
}

static enum sc_status expand(void *context, struct sc_node_request *requests, size_t n,
                             struct sc_error *error)
{
    struct table_answers *t = context;
    if (t->most_kept > 0 && t->n_kept + n > t->most_kept)
        return sc_fail(error, SC_ERR_LIMIT, "no room for %zu nodes more", n);
    for (size_t i = 0; i < n; i++) {
        if (sc_grow((void **)&t->nodes, t->n_nodes, &t->cap_nodes, sizeof *t->nodes) != 0)
            return sc_fail_nomem(error, "nodes");
        size_t at = t->n_nodes++;
        t->nodes[at].n = 0;
        if (requests[i].parent != SC_NO_NODE) {
            if (requests[i].parent >= at || !t->nodes[requests[i].parent].kept)
                return sc_fail(error, SC_ERR_INTERNAL, "a parent that is not kept");
            t->nodes[at] = t->nodes[requests[i].parent];
            t->nodes[at].ids[t->nodes[at].n++] = requests[i].token;
        }
        t->nodes[at].kept = true;
        requests[i].node = (uint32_t)at;
        requests[i].ok = true;
        list(t, t->nodes[at].ids, t->nodes[at].n, &requests[i].branches);
        t->n_kept++;
        t->n_computed++;
    }
    return SC_OK;
}

static void release(void *context, uint32_t node)
{
    struct table_answers *t = context;
    if (t->nodes[node].kept)
        t->n_kept--;
    else
        abort();
    t->nodes[node].kept = false;
}

struct sc_expanding table_expanding(struct table_answers *table)
{
    return (struct sc_expanding){table, expand, release};
}

/* ---- what answers mean ----------------------------------------------------------------------- */

static enum sc_verdict verdict_of(const struct table_answers *t, const int32_t *ids, size_t n)
{
    double u = sc_random_uniform(SC_STREAM_WEIGHTS, key_of(t, ids, n), 77, 0, 1);
    size_t fours = 0;
    for (size_t i = 0; i < n; i++)
        fours += ids[i] == 4;
    switch (t->rule) {
    case TABLE_BY_OPENING:
        return (ids[0] == 1) != (u < 0.01) ? SC_REFUSAL : SC_COMPLIANCE;
    case TABLE_RARE_TAIL:
        return fours >= 2 ? SC_COMPLIANCE : SC_REFUSAL;
    case TABLE_SCATTERED:
        return u < 0.5 ? SC_REFUSAL : SC_COMPLIANCE;
    case TABLE_RARE_HASH:
        return u < 0.005 ? SC_COMPLIANCE : SC_REFUSAL;
    case TABLE_MANY_VERDICTS:
        return (enum sc_verdict)(u * SC_N_VERDICTS);
    default:
        return SC_REFUSAL;
    }
}

static enum sc_harm harm_of(const int32_t *ids, size_t n, enum sc_verdict verdict)
{
    if (!sc_verdict_is_answer(verdict))
        return SC_HARMLESS;
    return n > 0 && ids[n - 1] == 0 ? SC_HARMFUL : SC_CONTROVERSIAL;
}

static enum sc_status read_answer(void *context, const struct sc_answer *answer,
                                  enum sc_verdict *verdict, struct sc_error *error)
{
    struct table_answers *t = context;
    (void)error;
    t->n_read++;
    *verdict = verdict_of(t, answer->ids, answer->n);
    return SC_OK;
}

static enum sc_status judge(void *context, const struct sc_answer *answers,
                            const enum sc_verdict *verdicts, size_t n, enum sc_harm *harms,
                            struct sc_error *error)
{
    struct table_answers *t = context;
    (void)error;
    for (size_t i = 0; i < n; i++)
        harms[i] = harm_of(answers[i].ids, answers[i].n, verdicts[i]);
    t->n_judged += n;
    return SC_OK;
}

struct sc_reading table_reading(struct table_answers *table, bool judged)
{
    return (struct sc_reading){table, read_answer, judged ? judge : NULL};
}

struct sc_exploration_options table_options(const struct table_answers *table)
{
    static const int32_t ends[1] = {0};
    struct sc_exploration_options o = sc_exploration_defaults();
    o.max_new_tokens = table->max_length;
    o.end_ids = ends;
    o.n_end_ids = 1;
    o.step = 8;
    return o;
}

void table_close(struct table_answers *table)
{
    sc_free(table->nodes);
    table->nodes = NULL;
    table->n_nodes = table->cap_nodes = 0;
}

/* ---- enumeration ----------------------------------------------------------------------------- */

static void enumerate(struct table_answers *t, int32_t *ids, size_t n, double p,
                      struct table_truth *out)
{
    struct weighed all[TABLE_MOST_TOKENS];
    distribution(t, ids, n, all);
    for (int32_t i = 0; i < t->n_tokens; i++) {
        ids[n] = all[i].id;
        double here = p * all[i].p;
        if (all[i].id != 0 && n + 1 < t->max_length) {
            enumerate(t, ids, n + 1, here, out);
            continue;
        }
        enum sc_verdict verdict = verdict_of(t, ids, n + 1);
        out->n++;
        out->all += here;
        out->length += here * (double)(n + 1);
        out->refused += sc_verdict_is_refused(verdict) ? here : 0;
        out->complied += sc_verdict_is_answer(verdict) ? here : 0;
        out->neither +=
            !sc_verdict_is_refused(verdict) && !sc_verdict_is_answer(verdict) ? here : 0;
        out->harmful += harm_of(ids, n + 1, verdict) == SC_HARMFUL ? here : 0;
    }
}

struct table_truth table_enumerate(struct table_answers *table)
{
    int32_t ids[TABLE_MOST_LENGTH];
    struct table_truth out = {0};
    enumerate(table, ids, 0, 1, &out);
    return out;
}
