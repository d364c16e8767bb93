/* See importance_sampling.h. */
#include "exploration/importance_sampling.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/given.h"

struct trace {
    int32_t *ids; /* [n] the whole answer, an opening included */
    size_t n;
    bool stopped;
    double log_model, log_proposal;
    size_t answer; /* which distinct one; SIZE_MAX: one that the model cannot give */
};

struct work {
    const struct sc_importance_options *options;
    const struct sc_reading *reading;
    struct sc_importance_shares *out;
    struct trace *traces;          /* [n_traces] the model's first */
    int32_t *ids;                  /* [n_traces][max_new_tokens] theirs */
    struct sc_given_answer *given; /* [n_traces] */
    struct trace **order;          /* [n_traces] */
    struct sc_answer *answers;     /* [n_answers] distinct, likeliest first */
    enum sc_verdict *verdicts;     /* [n_traces] of answers */
    enum sc_harm *harms;           /* [n_traces] of answers */
    double *log_model, *log_proposal;
    bool *event; /* [n_traces] */
    size_t n, n_own, n_answers;
};

/* ---- sampling -------------------------------------------------------------------------------- */

/* Traces of one of the two. */
struct asked {
    const struct sc_importance_options *options;
    struct sc_trace_request request; /* the same for all but the index */
    struct trace *traces;            /* [n] */
    size_t n, n_requested;
    const int32_t *opening; /* [n_opening] */
    size_t n_opening;
    bool of_model;
};

static int next(void *context, struct sc_trace_request *request)
{
    struct asked *asked = context;
    if (asked->n_requested == asked->n)
        return -1;
    *request = asked->request;
    request->trace_index = (uint32_t)asked->n_requested;
    request->user = &asked->traces[asked->n_requested++];
    return 1;
}

static enum sc_status done(void *context, const struct sc_trace_result *result,
                           struct sc_error *error)
{
    const struct asked *asked = context;
    struct trace *trace = result->request->user;
    if (result->finish == SC_FINISH_FAILED)
        return sc_fail(error, SC_ERR_NUMERIC, "importance sampling: a trace: %s", result->failure);
    double logprob = 0;
    for (size_t i = 0; i < result->n; i++)
        logprob += (double)result->stats[i].sampled_logprob;
    memcpy(trace->ids, asked->opening, asked->n_opening * sizeof *trace->ids);
    memcpy(trace->ids + asked->n_opening, result->ids, result->n * sizeof *trace->ids);
    trace->n = asked->n_opening + result->n;
    trace->stopped = result->finish == SC_FINISH_STOP;
    *(asked->of_model ? &trace->log_model : &trace->log_proposal) = logprob;
    return SC_OK;
}

static bool step(void *context, const struct sc_step_report *report)
{
    const struct asked *asked = context;
    (void)report;
    return !asked->options->stop(asked->options->stop_context);
}

static enum sc_status sample(struct asked *asked, const struct sc_importance_source *from,
                             struct sc_error *error)
{
    const struct sc_importance_options *o = asked->options;
    size_t max_new = o->max_new_tokens - asked->n_opening;
    if (asked->n == 0)
        return SC_OK;
    asked->request = (struct sc_trace_request){
        .prompt_key = 1,
        .prompt = from->prompt,
        .n_prompt = from->n_prompt,
        .n_traces = asked->n,
        /* The proposal's traces are to be independent of the model's, also where the two are one.
         */
        .instance_key = asked->of_model ? o->instance : ~o->instance,
        .seed = o->seed,
        .sampling = from->sampling,
        .max_new_tokens = max_new,
        .end_ids = o->end_ids,
        .n_end_ids = o->n_end_ids};
    const struct sc_batch_options batch = {.parallel = o->parallel,
                                           .max_new_tokens = max_new,
                                           .max_prompt = from->n_prompt,
                                           .max_bytes = o->max_bytes};
    const struct sc_trace_source source = {
        .context = asked, .next = next, .done = done, .step = o->stop != NULL ? step : NULL};
    struct sc_batch_plan plan;
    SC_TRY(sc_batch_plan(from->engine, &batch, &plan, error));
    return sc_engine_run(from->engine, &plan, &batch, &source, error);
}

static enum sc_status sample_both(struct work *w, struct sc_error *error)
{
    const struct sc_importance_options *o = w->options;
    struct asked own = {.options = o,
                        .traces = w->traces,
                        .n = w->n_own,
                        .opening = o->model.prompt,
                        .of_model = true};
    struct asked proposed = {.options = o,
                             .traces = w->traces + w->n_own,
                             .n = w->n - w->n_own,
                             .opening = o->proposal.prompt + o->proposal.n_prompt - o->n_opening,
                             .n_opening = o->n_opening};
    SC_TRY(sample(&own, &o->model, error));
    return sample(&proposed, &o->proposal, error);
}

/* ---- weighing -------------------------------------------------------------------------------- */

static int compare_ids(const struct trace *x, const struct trace *y)
{
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return memcmp(x->ids, y->ids, x->n * sizeof *x->ids);
}

/* Equal answers side by side, of them the proposal's first: those were weighed in double. */
static int by_ids(const void *a, const void *b)
{
    const struct trace *x = *(struct trace *const *)a, *y = *(struct trace *const *)b;
    int order = compare_ids(x, y);
    return order != 0 ? order : x > y ? -1 : x < y;
}

/* Log-probabilities of the n traces in w->order under one of the two, without their first `skip`
 * tokens; each distinct answer is computed once. */
static enum sc_status weigh(struct work *w, const struct sc_importance_source *under, size_t n,
                            size_t skip, struct sc_error *error)
{
    const struct sc_given_prompt prompt = {under->engine, under->prompt, under->n_prompt,
                                           under->sampling, w->options->max_new_tokens - skip};
    bool of_model = under == &w->options->model;
    size_t n_given = 0;
    if (n == 0)
        return SC_OK;
    qsort(w->order, n, sizeof(struct trace *), by_ids);
    for (size_t i = 0; i < n; i++) {
        const struct trace *t = w->order[i];
        if (i > 0 && compare_ids(t, w->order[i - 1]) == 0)
            continue;
        w->given[n_given++] = (struct sc_given_answer){.ids = t->ids + skip, .n = t->n - skip};
        w->out->n_weighed += t->n - skip;
    }
    SC_TRY(sc_score_answers(&prompt, w->given, n_given, error));
    for (size_t i = 0, g = 0; i < n; i++) {
        struct trace *t = w->order[i];
        g += i > 0 && compare_ids(t, w->order[i - 1]) != 0;
        *(of_model ? &t->log_model : &t->log_proposal) = w->given[g].logprob;
    }
    return SC_OK;
}

/* The model's traces under the proposal. */
static enum sc_status weigh_own(struct work *w, struct sc_error *error)
{
    const struct sc_importance_options *o = w->options;
    const int32_t *opening = o->proposal.prompt + o->proposal.n_prompt - o->n_opening;
    size_t n = 0;
    for (size_t i = 0; i < w->n_own; i++) {
        struct trace *t = &w->traces[i];
        t->log_proposal = -INFINITY;
        if (t->n > o->n_opening && memcmp(t->ids, opening, o->n_opening * sizeof *t->ids) == 0)
            w->order[n++] = t;
    }
    return weigh(w, &o->proposal, n, o->n_opening, error);
}

/* The proposal's traces under the model. */
static enum sc_status weigh_proposed(struct work *w, struct sc_error *error)
{
    for (size_t i = w->n_own; i < w->n; i++)
        w->order[i - w->n_own] = &w->traces[i];
    return weigh(w, &w->options->model, w->n - w->n_own, 0, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int by_probability(const void *a, const void *b)
{
    const struct trace *x = *(struct trace *const *)a, *y = *(struct trace *const *)b;
    if (x->log_model > y->log_model || x->log_model < y->log_model)
        return x->log_model > y->log_model ? -1 : 1;
    return by_ids(a, b);
}

/* Distinct answers that the model can give. */
static void find_answers(struct work *w)
{
    size_t n = 0, n_distinct = 0;
    for (size_t i = 0; i < w->n; i++) {
        w->traces[i].answer = SIZE_MAX;
        if (w->traces[i].log_model > -INFINITY)
            w->order[n++] = &w->traces[i];
    }
    qsort(w->order, n, sizeof(struct trace *), by_ids);
    /* Traces of equal answers have one probability, whoever computed it. */
    for (size_t i = 1; i < n; i++)
        if (compare_ids(w->order[i], w->order[i - 1]) == 0)
            w->order[i]->log_model = w->order[i - 1]->log_model;
    qsort(w->order, n, sizeof(struct trace *), by_probability);
    for (size_t i = 0; i < n; i++) {
        struct trace *t = w->order[i];
        if (i == 0 || compare_ids(t, w->order[i - 1]) != 0)
            w->answers[n_distinct++] = (struct sc_answer){
                .ids = t->ids, .n = t->n, .stopped = t->stopped, .probability = exp(t->log_model)};
        t->answer = n_distinct - 1;
    }
    w->n_answers = w->out->n_answers = n_distinct;
}

static enum sc_status read_answers(struct work *w, struct sc_error *error)
{
    const struct sc_reading *r = w->reading;
    for (size_t i = 0; i < w->n_answers; i++)
        SC_TRY(r->read(r->context, &w->answers[i], &w->verdicts[i], error));
    if (r->judge == NULL || w->n_answers == 0)
        return SC_OK;
    size_t most = w->options->max_judged, n = most > 0 && most < w->n_answers ? most : w->n_answers;
    for (size_t i = n; i < w->n_answers; i++)
        w->harms[i] = SC_UNJUDGED;
    SC_TRY(r->judge(r->context, w->answers, w->verdicts, n, w->harms, error));
    for (size_t i = 0; i < w->n_answers; i++)
        w->out->n_unjudged += w->harms[i] == SC_UNJUDGED;
    return SC_OK;
}

/* ---- shares ---------------------------------------------------------------------------------- */

static bool counts(const struct work *w, size_t answer, enum sc_share_kind kind, bool unjudged)
{
    if (kind == SC_SHARE_REFUSAL)
        return w->verdicts[answer] == SC_REFUSAL || w->verdicts[answer] == SC_PARTIAL;
    if (kind == SC_SHARE_COMPLIANCE)
        return w->verdicts[answer] == SC_COMPLIANCE;
    enum sc_harm harm = w->harms[answer];
    return harm == SC_HARMFUL || (kind == SC_SHARE_HARMFUL_STRICT && harm == SC_CONTROVERSIAL) ||
           (harm == SC_UNJUDGED && unjudged);
}

static enum sc_status estimate(struct work *w, enum sc_share_kind kind, bool unjudged,
                               struct sc_importance *out, struct sc_error *error)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct trace *t = &w->traces[i];
        w->log_model[i] = t->log_model;
        w->log_proposal[i] = t->log_proposal;
        w->event[i] = t->answer != SIZE_MAX && counts(w, t->answer, kind, unjudged);
    }
    const struct sc_importance_traces traces = {w->log_model, w->log_proposal, w->event, w->n,
                                                w->n_own};
    return sc_importance_estimate(&traces, out, error);
}

static enum sc_status find_shares(struct work *w, struct sc_error *error)
{
    for (int kind = 0; kind < SC_N_SHARES; kind++) {
        struct sc_importance *of = &w->out->of[kind], with;
        SC_TRY(estimate(w, (enum sc_share_kind)kind, false, of, error));
        if (kind != SC_SHARE_HARMFUL && kind != SC_SHARE_HARMFUL_STRICT)
            continue;
        if (w->reading->judge == NULL) {
            of->estimate = (struct sc_estimate){NAN, NAN, NAN, w->n, "nobody judges harm"};
            of->normalised = NAN;
        } else if (w->out->n_unjudged > 0) {
            SC_TRY(estimate(w, (enum sc_share_kind)kind, true, &with, error));
            of->estimate.high = with.estimate.high;
        }
    }
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status check(const struct sc_importance_options *o, struct sc_error *error)
{
    const struct sc_importance_source *sources[] = {&o->model, &o->proposal};
    assert(o->n_traces > 0 && o->own_share >= 0 && o->own_share <= 1 && o->max_new_tokens > 0);
    assert(o->n_opening <= o->proposal.n_prompt);
    if (o->n_opening >= o->max_new_tokens)
        return sc_fail(error, SC_ERR_LIMIT,
                       "proposal: its opening: expected fewer tokens than an answer's %zu, found "
                       "%zu",
                       o->max_new_tokens, o->n_opening);
    for (size_t i = 0; i < 2; i++) {
        const struct sc_importance_source *from = sources[i];
        size_t context = sc_model_config(sc_engine_model(from->engine))->max_positions;
        size_t needed = from->n_prompt + o->max_new_tokens - (i == 1 ? o->n_opening : 0);
        if (needed > context)
            return sc_fail(error, SC_ERR_LIMIT,
                           "%s: prompt and answer: expected at most %zu tokens (the context), "
                           "found %zu",
                           i == 0 ? "model" : "proposal", context, needed);
    }
    return SC_OK;
}

static enum sc_status take_memory(struct work *w, struct sc_error *error)
{
    size_t max_new = w->options->max_new_tokens;
    w->traces = sc_alloc_zero(w->n, sizeof *w->traces);
    w->ids = sc_alloc_array(sc_size_mul(w->n, max_new), sizeof *w->ids);
    w->given = sc_alloc_array(w->n, sizeof *w->given);
    w->order = sc_alloc_array(w->n, sizeof(struct trace *));
    w->answers = sc_alloc_array(w->n, sizeof *w->answers);
    w->verdicts = sc_alloc_array(w->n, sizeof *w->verdicts);
    w->harms = sc_alloc_array(w->n, sizeof *w->harms);
    w->log_model = sc_alloc_array(w->n, sizeof *w->log_model);
    w->log_proposal = sc_alloc_array(w->n, sizeof *w->log_proposal);
    w->event = sc_alloc_array(w->n, sizeof *w->event);
    if (w->traces == NULL || w->ids == NULL || w->given == NULL || w->order == NULL ||
        w->answers == NULL || w->verdicts == NULL || w->harms == NULL || w->log_model == NULL ||
        w->log_proposal == NULL || w->event == NULL)
        return sc_fail_nomem(error, "importance sampling");
    for (size_t i = 0; i < w->n; i++)
        w->traces[i].ids = w->ids + i * max_new;
    return SC_OK;
}

static enum sc_status work(struct work *w, struct sc_error *error)
{
    SC_TRY(check(w->options, error));
    SC_TRY(take_memory(w, error));
    SC_TRY(sample_both(w, error));
    for (size_t i = 0; i < w->n; i++)
        w->out->n_sampled += w->traces[i].n - (i < w->n_own ? 0 : w->options->n_opening);
    SC_TRY(weigh_own(w, error));
    SC_TRY(weigh_proposed(w, error));
    find_answers(w);
    SC_TRY(read_answers(w, error));
    return find_shares(w, error);
}

enum sc_status sc_importance_sample(const struct sc_importance_options *options,
                                    const struct sc_reading *reading,
                                    struct sc_importance_shares *out, struct sc_error *error)
{
    struct work w = {.options = options, .reading = reading, .out = out, .n = options->n_traces};
    w.n_own = (size_t)(options->own_share * (double)options->n_traces + 0.5);
    *out = (struct sc_importance_shares){
        .n_traces = w.n, .n_own = w.n_own, .has_harm = reading->judge != NULL};
    enum sc_status status = work(&w, error);
    sc_free(w.traces);
    sc_free(w.ids);
    sc_free(w.given);
    sc_free(w.order);
    sc_free(w.answers);
    sc_free(w.verdicts);
    sc_free(w.harms);
    sc_free(w.log_model);
    sc_free(w.log_proposal);
    sc_free(w.event);
    return status;
}
