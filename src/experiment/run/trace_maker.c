/*
 * From what a backend sampled to what is stored: text, reasoning and answer, metrics of each
 * segment, verdict.  A trace with a figure that is no finite number becomes a failed one here: it
 * must not look like a result.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "detection/detection.h"
#include "experiment/run/runner.h"

enum sc_status sc_trace_maker_init(struct sc_trace_maker *maker, const struct sc_language *language,
                                   const struct sc_run_options *options, const char *detector,
                                   struct sc_error *error)
{
    size_t n = options->max_new_tokens;
    *maker = (struct sc_trace_maker){.language = language,
                                     .detector = detector,
                                     .max_new_tokens = n,
                                     .window = options->window,
                                     .ids = sc_alloc_array(n, sizeof *maker->ids),
                                     .stats = sc_alloc_array(n, sizeof *maker->stats),
                                     .confidence = sc_alloc_array(n, sizeof *maker->confidence),
                                     .logprob = sc_alloc_array(n, sizeof *maker->logprob),
                                     .text_ends = sc_alloc_array(n, sizeof *maker->text_ends)};
    if (maker->ids != NULL && maker->stats != NULL && maker->confidence != NULL &&
        maker->logprob != NULL && maker->text_ends != NULL)
        return SC_OK;
    sc_trace_maker_free(maker);
    return sc_fail_nomem(error, "place for a finished trace");
}

void sc_trace_maker_free(struct sc_trace_maker *maker)
{
    sc_free(maker->ids);
    sc_free(maker->stats);
    sc_free(maker->confidence);
    sc_free(maker->logprob);
    sc_free(maker->text_ends);
    *maker = (struct sc_trace_maker){0};
}

void sc_trace_maker_drop(struct sc_run_trace *trace)
{
    sc_free(trace->text);
    sc_free(trace->answer);
    sc_free(trace->failure);
    *trace = (struct sc_run_trace){0};
}

/* The first token whose figures are no numbers, or n. */
static size_t first_not_finite(const struct sc_token_stats *stats, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(stats[i].logprob) || !isfinite(stats[i].sampled_logprob) ||
            !isfinite(stats[i].confidence) || !isfinite(stats[i].entropy))
            return i;
    return n;
}

/* Decides whether the trace failed, and keeps the reason, as valid text. */
static enum sc_status read_failure(const struct sc_trace_result *result, struct sc_run_trace *out,
                                   struct sc_error *error)
{
    char found[64];
    const char *why = result->failure;
    struct sc_text text = {0};
    size_t bad = first_not_finite(result->stats, result->n);
    if (result->finish == SC_FINISH_FAILED && why == NULL)
        why = "no reason given";
    if (result->finish != SC_FINISH_FAILED && bad < result->n) {
        snprintf(found, sizeof found, "not a finite number: figures of token %zu", bad);
        why = found;
    } else if (result->finish != SC_FINISH_FAILED) {
        return SC_OK;
    }
    out->finish = SC_FINISH_FAILED;
    sc_text_add_repaired(&text, why, strlen(why));
    out->failure = sc_text_take(&text);
    return out->failure != NULL ? SC_OK : sc_fail_nomem(error, "failure of a trace");
}

/* Bytes in which two texts agree, whole characters only. */
static size_t common_length(const char *a, const char *b)
{
    size_t n = 0, border = 0;
    while (a[n] && a[n] == b[n]) {
        n++;
        if (((unsigned char)a[n] & 0xc0) != 0x80)
            border = n;
    }
    return border;
}

static bool ends_in_replacement(const char *text, size_t n)
{
    return n >= 3 && memcmp(text + n - 3, "\xef\xbf\xbd", 3) == 0;
}

/* Decodes stretches that begin where a character does, so that the time is in proportion to n.
 * Where bytes are no text for more than MOST_OPEN tokens, the ends are only about right. */
enum sc_status sc_token_text_ends(const struct sc_language *language, const int32_t *ids, size_t n,
                                  const char *text, uint32_t *ends, struct sc_error *error)
{
    enum { STRETCH = 16, MOST_OPEN = 256 };
    size_t length = strlen(text), from = 0, at = 0, last = 0;
    size_t next_from = 0, next_at = 0;
    if (length > UINT32_MAX)
        return sc_fail(error, SC_ERR_LIMIT, "text of a trace: %zu bytes are too many", length);
    for (size_t i = 0; i < n; i++) {
        char *part = NULL;
        enum sc_status status =
            language->decode(language->context, ids + from, i + 1 - from, &part, error);
        if (status != SC_OK)
            return status;
        size_t agree = common_length(part, text + at), n_part = strlen(part);
        last = at + agree > last ? at + agree : last;
        ends[i] = (uint32_t)last;
        if (agree == n_part && !ends_in_replacement(part, n_part)) {
            next_from = i + 1;
            next_at = at + agree;
        }
        sc_free(part);
        if (i + 1 - from >= MOST_OPEN && next_from == from) {
            next_from = i + 1;
            next_at = last;
        }
        if (i + 1 - from >= STRETCH) {
            from = next_from;
            at = next_at;
        }
    }
    if (n > 0)
        ends[n - 1] = (uint32_t)length;
    return SC_OK;
}

static enum sc_status read_text(const struct sc_trace_maker *maker, struct sc_run_trace *out,
                                struct sc_error *error)
{
    const struct sc_language *language = maker->language;
    out->n_reasoning = language->reasoning_length(language->context, out->ids, out->n_tokens);
    if (out->n_reasoning > out->n_tokens)
        return sc_fail(error, SC_ERR_INTERNAL, "reasoning: expected at most %zu tokens, found %zu",
                       out->n_tokens, out->n_reasoning);
    enum sc_status status =
        language->decode(language->context, out->ids, out->n_tokens, &out->text, error);
    if (status == SC_OK)
        status =
            sc_token_text_ends(language, out->ids, out->n_tokens, out->text, out->text_ends, error);
    if (status != SC_OK)
        return status;
    if (out->n_reasoning > 0)
        return language->decode(language->context, out->ids + out->n_reasoning,
                                out->n_tokens - out->n_reasoning, &out->answer, error);
    out->answer = sc_strdup(out->text);
    return out->answer != NULL ? SC_OK : sc_fail_nomem(error, "answer of a trace");
}

static void measure(const struct sc_trace_maker *maker, struct sc_run_trace *out)
{
    size_t n = out->finish == SC_FINISH_FAILED ? 0 : out->n_tokens;
    size_t n_reasoning = n ? out->n_reasoning : 0;
    for (size_t i = 0; i < n; i++) {
        maker->confidence[i] = out->stats[i].confidence;
        maker->logprob[i] = out->stats[i].logprob;
    }
    sc_trace_metrics(maker->confidence, maker->logprob, n, maker->window, out->metrics);
    sc_trace_metrics(maker->confidence, maker->logprob, n_reasoning, maker->window,
                     out->reasoning_metrics);
    sc_trace_metrics(maker->confidence + n_reasoning, maker->logprob + n_reasoning, n - n_reasoning,
                     maker->window, out->answer_metrics);
}

static void judge(const struct sc_trace_maker *maker, const char *prompt, struct sc_run_trace *out)
{
    struct sc_detection found = {.verdict = SC_UNPARSED, .rule = "failed"};
    size_t n = strlen(out->answer);
    if (out->finish != SC_FINISH_FAILED && n == 0)
        found = (struct sc_detection){.verdict = SC_EMPTY, .rule = "empty"};
    else if (out->finish != SC_FINISH_FAILED)
        sc_detect_refusal(prompt, out->answer, &found);
    out->verdict = found.verdict;
    out->begin = found.begin <= found.end && found.end <= n ? found.begin : 0;
    out->end = found.begin <= found.end && found.end <= n ? found.end : 0;
    out->rule = (char *)(uintptr_t)(found.rule != NULL ? found.rule : "");
    out->detector = (char *)(uintptr_t)maker->detector;
    out->harm = SC_UNJUDGED;
}

enum sc_status sc_trace_make(struct sc_trace_maker *maker, const char *prompt, uint32_t index,
                             const struct sc_trace_result *result, struct sc_run_trace *out,
                             struct sc_error *error)
{
    *out = (struct sc_run_trace){.index = index, .finish = result->finish};
    if (result->n > maker->max_new_tokens)
        return sc_fail(error, SC_ERR_INTERNAL, "trace: expected at most %zu tokens, found %zu",
                       maker->max_new_tokens, result->n);
    if (result->n > 0) {
        memcpy(maker->ids, result->ids, result->n * sizeof *maker->ids);
        memcpy(maker->stats, result->stats, result->n * sizeof *maker->stats);
    }
    out->ids = maker->ids;
    out->stats = maker->stats;
    out->text_ends = maker->text_ends;
    out->n_tokens = result->n;
    enum sc_status status = read_failure(result, out, error);
    if (status == SC_OK)
        status = read_text(maker, out, error);
    if (status != SC_OK) {
        sc_trace_maker_drop(out);
        return status;
    }
    measure(maker, out);
    judge(maker, prompt, out);
    return SC_OK;
}
