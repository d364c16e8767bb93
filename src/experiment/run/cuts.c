/*
 * Beginnings of traces.  deepconf alone cuts its traces as they are sampled; beside other policies,
 * which need them whole, it sees their beginnings, and those are stored with its decision.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "experiment/run/state.h"

void sc_cuts_drop(struct sc_store_decision *decision)
{
    for (size_t i = 0; i < decision->n_cuts; i++)
        sc_run_trace_free(&decision->cuts[i]);
    sc_free(decision->cuts);
    decision->cuts = NULL;
    decision->n_cuts = 0;
}

/* Tokens after which the policy cut the trace, or 0 when it did not.  A trace that ends by itself
 * with that token was not cut; one that failed afterwards was, for it would not have come so far.
 */
static size_t cut_of(const struct sc_policy *policy, const struct sc_trace_state *trace, size_t t,
                     double bar)
{
    size_t n = sc_lows_cut(trace->lows, trace->n_lows, bar);
    bool cut = trace->failed ? n <= trace->n_tokens : n < trace->n_tokens;
    return cut && t >= policy->min_traces ? n : 0;
}

/* From where the tokens' text ends: for sources whose traces have no ids, and where the answer was
 * begun for the model, so that its tokens alone do not say what is reasoning. */
static enum sc_status words_by_ends(const struct sc_run_trace *whole, size_t n,
                                    struct sc_source_words *out, struct sc_error *error)
{
    if (whole->text_ends == NULL)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "deepconf beside other policies: expected a source that says where the text "
                       "of each token ends");
    size_t end = whole->text_ends[n - 1];
    size_t n_text = strlen(whole->text), n_answer = strlen(whole->answer);
    size_t begin = n_answer < n_text ? n_text - n_answer : 0;
    out->n_reasoning = n < whole->n_reasoning ? n : whole->n_reasoning;
    out->text = sc_strndup(whole->text, end);
    if (whole->n_reasoning > 0)
        out->answer = sc_strndup(whole->text + begin, end > begin ? end - begin : 0);
    bool made = out->text != NULL && (whole->n_reasoning == 0 || out->answer != NULL);
    return made ? SC_OK : sc_fail_nomem(error, "text of a cut trace");
}

static enum sc_status find_words(const struct sc_source *source, const struct sc_run_trace *whole,
                                 bool prefilled, size_t n, struct sc_source_words *out,
                                 struct sc_error *error)
{
    if (whole->ids == NULL || source->functions->decode == NULL ||
        (prefilled && whole->text_ends != NULL))
        return words_by_ends(whole, n, out, error);
    return source->functions->decode(source->context, whole->ids, n, out, error);
}

/* The first n tokens of a trace. */
static enum sc_status make_cut(struct sc_run_state *state, size_t position,
                               const struct sc_run_trace *whole, size_t n, struct sc_run_trace *out,
                               struct sc_error *error)
{
    const struct sc_runner_setup *setup = state->setup;
    struct sc_source_words words = {0};
    assert(n > 0 && n <= whole->n_tokens);
    bool prefilled = setup->instances[position].prefill != NULL;
    enum sc_status status = find_words(setup->source, whole, prefilled, n, &words, error);
    if (status == SC_OK) {
        const struct sc_source_trace begun = {.finish = SC_FINISH_CUT,
                                              .text = words.text,
                                              .answer = words.answer,
                                              .n_tokens_known = true,
                                              .n_tokens = n,
                                              .n_reasoning = words.n_reasoning,
                                              .forced_begin = whole->forced_begin,
                                              .n_forced = n - sc_run_trace_sampled_of(whole, n),
                                              .figures = whole->figures,
                                              .stats = whole->stats};
        status = sc_trace_make(&state->maker, &setup->instances[position], whole->index, &begun,
                               out, error);
    }
    sc_free(words.text);
    sc_free(words.answer);
    return status;
}

/* Adds the beginning of trace t, if the policy cut it. */
static enum sc_status add_cut(struct sc_run_state *state, size_t position,
                              const struct sc_run_trace *now, uint32_t t,
                              struct sc_store_decision *decision, struct sc_error *error)
{
    const struct sc_policy *policy = &state->policies[decision->policy];
    size_t n = cut_of(policy, &state->instances[position].traces[t], t, decision->bar);
    if (n == 0)
        return SC_OK;
    struct sc_run_trace stored = {0}, *out = &decision->cuts[decision->n_cuts];
    bool is_now = now != NULL && now->index == t;
    enum sc_status status = SC_OK;
    if (!is_now)
        status = sc_store_read_trace(state->setup->store, position, t, &stored, error);
    if (status == SC_OK)
        status = make_cut(state, position, is_now ? now : &stored, n, out, error);
    decision->n_cuts += status == SC_OK;
    sc_run_trace_free(&stored);
    return status;
}

enum sc_status sc_cuts_make(struct sc_run_state *state, size_t position,
                            const struct sc_run_trace *now, struct sc_store_decision *decision,
                            struct sc_error *error)
{
    if (state->policies[decision->policy].kind != SC_POLICY_DEEPCONF || state->cuts_live)
        return SC_OK;
    decision->cuts = sc_alloc_zero(decision->n_traces, sizeof *decision->cuts);
    if (decision->cuts == NULL)
        return sc_fail_nomem(error, "cut traces");
    for (uint32_t t = 0; t < decision->n_traces; t++)
        SC_TRY(add_cut(state, position, now, t, decision, error));
    return SC_OK;
}
