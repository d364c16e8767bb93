/*
 * See trace_maker.h.  A trace with a given figure that is not a finite number becomes a failed one
 * here: it must not look like a result.  A figure that is not given is not a failure: what rests on
 * it is NaN.
 */
#include "experiment/run/trace_maker.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "detection/detection.h"
#include "experiment/reading.h"
#include "experiment/store/weighed.h"

static float figure_of(const struct sc_token_stats *stats, int figure)
{
    const float figures[SC_N_FIGURES] = {
        [SC_FIGURE_LOGPROB] = stats->logprob,
        [SC_FIGURE_SAMPLED_LOGPROB] = stats->sampled_logprob,
        [SC_FIGURE_CONFIDENCE] = stats->confidence,
        [SC_FIGURE_ENTROPY] = stats->entropy,
    };
    return figures[figure];
}

/* Whether token i was put in; such a token has no figures. */
static bool is_forced(size_t begin, size_t n_forced, size_t i)
{
    return i >= begin && i - begin < n_forced;
}

/* The first sampled token with a given figure that is not a number, or n. */
static size_t first_not_finite(const struct sc_source_trace *given)
{
    for (size_t i = 0; given->stats != NULL && i < given->n_tokens; i++)
        for (int f = 0; f < SC_N_FIGURES; f++)
            if (given->figures >> f & 1 && !is_forced(given->forced_begin, given->n_forced, i) &&
                !isfinite(figure_of(&given->stats[i], f)))
                return i;
    return given->n_tokens;
}

static bool is_text(const char *text)
{
    size_t n = strlen(text);
    return sc_utf8_valid(text, n) == n;
}

/* Ends follow one another, between characters of the text. */
static bool ends_fit(const struct sc_source_trace *given)
{
    size_t length = strlen(given->text), before = 0;
    for (size_t i = 0; given->text_ends != NULL && i < given->n_tokens; i++) {
        size_t end = given->text_ends[i];
        if (end < before || end > length || ((unsigned char)given->text[end] & 0xc0) == 0x80)
            return false;
        before = end;
    }
    return true;
}

/* What is wrong with the text of a trace, or NULL. */
static const char *fault_of_text(const struct sc_source_trace *given)
{
    if (!is_text(given->text) || (given->answer != NULL && !is_text(given->answer)))
        return "text: expected valid UTF-8";
    return ends_fit(given) ? NULL : "text: expected ends of tokens in order, between characters";
}

/* Decides whether the trace failed, and keeps the reason, as valid text. */
static enum sc_status read_failure(const struct sc_source_trace *given, const char *fault,
                                   struct sc_run_trace *out, struct sc_error *error)
{
    char not_finite[64];
    const char *why = given->finish == SC_FINISH_FAILED ? given->failure : fault;
    size_t bad = first_not_finite(given);
    if (given->finish == SC_FINISH_FAILED && why == NULL)
        why = "no reason given";
    if (why == NULL && bad < given->n_tokens) {
        snprintf(not_finite, sizeof not_finite, "not a finite number: figures of token %zu", bad);
        why = not_finite;
    }
    if (why == NULL)
        return SC_OK;
    struct sc_text text = {0};
    out->finish = SC_FINISH_FAILED;
    sc_text_add_repaired(&text, why, strlen(why));
    out->failure = sc_text_take(&text);
    return out->failure != NULL ? SC_OK : sc_fail_nomem(error, "failure of a trace");
}

static enum sc_status copy_text(const char *from, char **out, struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_add_repaired(&text, from, strlen(from));
    *out = sc_text_take(&text);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "text of a trace");
}

/* Copies n values where the source gave some. */
static enum sc_status copy_array(const void *from, size_t n, size_t size, void **out,
                                 struct sc_error *error)
{
    if (from == NULL)
        return SC_OK;
    *out = sc_alloc_array(n, size);
    if (*out == NULL)
        return sc_fail_nomem(error, "tokens of a trace");
    if (n > 0)
        memcpy(*out, from, n * size);
    return SC_OK;
}

/* What is not given, or belongs to a token that was put in, is NaN, whatever the source left there.
 */
static void blank_unknown_figures(struct sc_run_trace *out)
{
    for (size_t i = 0; out->stats != NULL && i < out->n_tokens; i++) {
        float *const figures[SC_N_FIGURES] = {
            [SC_FIGURE_LOGPROB] = &out->stats[i].logprob,
            [SC_FIGURE_SAMPLED_LOGPROB] = &out->stats[i].sampled_logprob,
            [SC_FIGURE_CONFIDENCE] = &out->stats[i].confidence,
            [SC_FIGURE_ENTROPY] = &out->stats[i].entropy,
        };
        for (int f = 0; f < SC_N_FIGURES; f++)
            if (!(out->figures >> f & 1) || is_forced(out->forced_begin, out->n_forced, i))
                *figures[f] = NAN;
    }
}

static enum sc_status copy_tokens(const struct sc_source_trace *given, bool with_ends,
                                  struct sc_run_trace *out, struct sc_error *error)
{
    size_t n = given->n_tokens;
    bool none = given->n_tokens_known && n == 0; /* all that there is of them is known */
    bool any = none || (given->stats != NULL && given->figures != 0);
    const void *from_ids = none ? (const void *)"" : given->ids;
    const void *from_stats = none ? (const void *)"" : any ? given->stats : NULL;
    const void *from_ends = none ? (const void *)"" : with_ends ? given->text_ends : NULL;
    void *ids = NULL, *stats = NULL, *ends = NULL; /* released with the trace in any case */
    SC_TRY(copy_array(from_ids, n, sizeof *out->ids, &ids, error));
    out->ids = ids;
    SC_TRY(copy_array(from_stats, n, sizeof *out->stats, &stats, error));
    out->stats = stats;
    SC_TRY(copy_array(from_ends, n, sizeof *out->text_ends, &ends, error));
    out->text_ends = ends;
    out->figures = none ? SC_ALL_FIGURES : any ? given->figures & SC_ALL_FIGURES : 0;
    blank_unknown_figures(out);
    return SC_OK;
}

/* What is not a number is not known, nor is the bound of a token that was put in. */
static void blank_unknown_bounds(const struct sc_run_trace *out, float *bounds)
{
    for (size_t i = 0; bounds != NULL && i < out->n_tokens; i++)
        if (!isfinite(bounds[i]) || is_forced(out->forced_begin, out->n_forced, i))
            bounds[i] = NAN;
}

/* What the source says besides. */
static enum sc_status copy_given(const struct sc_source_trace *given, struct sc_run_trace *out,
                                 struct sc_error *error)
{
    void *low = NULL, *high = NULL; /* released with the trace in any case */
    if (given->finish_reason != NULL)
        SC_TRY(copy_text(given->finish_reason, &out->finish_given, error));
    if (given->reasoning != NULL && given->reasoning[0] != '\0')
        SC_TRY(copy_text(given->reasoning, &out->reasoning, error));
    out->n_prompt_tokens = given->n_prompt_tokens;
    out->n_generated = given->n_generated;
    if (given->n_tokens == 0)
        return SC_OK;
    SC_TRY(copy_array(given->entropy_low, given->n_tokens, sizeof *out->entropy_low, &low, error));
    out->entropy_low = low;
    SC_TRY(
        copy_array(given->entropy_high, given->n_tokens, sizeof *out->entropy_high, &high, error));
    out->entropy_high = high;
    blank_unknown_bounds(out, out->entropy_low);
    blank_unknown_bounds(out, out->entropy_high);
    return SC_OK;
}

/* Metrics over all tokens, over those of the reasoning and over those of the answer; tokens that
 * were put in are in none of them. */
static enum sc_status measure(const struct sc_trace_maker *maker, struct sc_run_trace *out,
                              struct sc_error *error)
{
    size_t n = out->finish == SC_FINISH_FAILED || out->stats == NULL ? 0 : out->n_tokens;
    size_t n_reasoning = 0, n_sampled = 0;
    float *confidence = sc_alloc_array(2 * n, sizeof *confidence);
    if (confidence == NULL)
        return sc_fail_nomem(error, "figures of a trace");
    float *logprob = confidence + n;
    for (size_t i = 0; i < n; i++) {
        if (is_forced(out->forced_begin, out->n_forced, i))
            continue;
        confidence[n_sampled] = out->stats[i].confidence;
        logprob[n_sampled++] = out->stats[i].logprob;
        n_reasoning += i < out->n_reasoning;
    }
    n = n_sampled;
    sc_trace_metrics(confidence, logprob, n, maker->window, out->metrics);
    sc_trace_metrics(confidence, logprob, n_reasoning, maker->window, out->reasoning_metrics);
    sc_trace_metrics(confidence + n_reasoning, logprob + n_reasoning, n - n_reasoning,
                     maker->window, out->answer_metrics);
    sc_free(confidence);
    return SC_OK;
}

static enum sc_status judge(const struct sc_trace_maker *maker, const struct sc_instance *instance,
                            struct sc_run_trace *out, struct sc_error *error)
{
    struct sc_detection found = sc_detection_plain(SC_UNPARSED, "failed");
    size_t n = strlen(out->answer);
    if (out->finish != SC_FINISH_FAILED && n == 0)
        found = sc_detection_plain(SC_EMPTY, "empty");
    else if (out->finish != SC_FINISH_FAILED)
        SC_TRY(sc_answer_detect(maker->reads, instance->prompt, instance->prefill, out->answer,
                                &found, error));
    if (found.verdict == SC_EMPTY && sc_run_trace_is_unreached(out))
        found = sc_detection_plain(SC_UNREACHED, SC_UNREACHED_RULE);
    if (found.verdict == SC_EMPTY && out->finish == SC_FINISH_FILTERED)
        found = sc_detection_plain(SC_FILTERED, SC_FILTERED_RULE);
    out->verdict = found.verdict;
    out->begin = found.begin <= found.end && found.end <= n ? found.begin : 0;
    out->end = found.begin <= found.end && found.end <= n ? found.end : 0;
    out->weighed = sc_weighed_of(&found);
    out->harm = SC_UNJUDGED;
    out->rule = sc_strdup(found.rule != NULL ? found.rule : "");
    out->detector = sc_strdup(maker->detector);
    return out->rule != NULL && out->detector != NULL ? SC_OK
                                                      : sc_fail_nomem(error, "verdict of a trace");
}

static enum sc_status make(const struct sc_trace_maker *maker, const struct sc_instance *instance,
                           const struct sc_source_trace *given, struct sc_run_trace *out,
                           struct sc_error *error)
{
    const char *fault = fault_of_text(given);
    SC_TRY(copy_text(given->text, &out->text, error));
    SC_TRY(copy_text(given->answer != NULL ? given->answer : given->text, &out->answer, error));
    SC_TRY(copy_tokens(given, fault == NULL, out, error));
    SC_TRY(copy_given(given, out, error));
    SC_TRY(read_failure(given, fault, out, error));
    SC_TRY(measure(maker, out, error));
    return judge(maker, instance, out, error);
}

enum sc_status sc_trace_make(const struct sc_trace_maker *maker, const struct sc_instance *instance,
                             uint32_t index, const struct sc_source_trace *given,
                             struct sc_run_trace *out, struct sc_error *error)
{
    assert(maker->detector != NULL && given->text != NULL);
    *out = (struct sc_run_trace){.index = index,
                                 .finish = given->finish,
                                 .n_tokens_known = given->n_tokens_known,
                                 .n_tokens = given->n_tokens,
                                 .n_reasoning = given->n_reasoning,
                                 .forced_begin = given->n_forced > 0 ? given->forced_begin : 0,
                                 .n_forced = given->n_forced};
    if (given->n_reasoning > given->n_tokens || (!given->n_tokens_known && given->n_tokens > 0))
        return sc_fail(error, SC_ERR_INTERNAL,
                       "trace: expected at most %zu tokens of reasoning, found %zu",
                       given->n_tokens_known ? given->n_tokens : 0, given->n_reasoning);
    if (given->n_forced > given->n_tokens ||
        given->forced_begin > given->n_tokens - given->n_forced)
        return sc_fail(error, SC_ERR_INTERNAL,
                       "trace: expected tokens that were put in among %zu, found %zu from %zu on",
                       given->n_tokens, given->n_forced, given->forced_begin);
    enum sc_status status = make(maker, instance, given, out, error);
    if (status != SC_OK) {
        sc_run_trace_free(out);
        *out = (struct sc_run_trace){0};
    }
    return status;
}
