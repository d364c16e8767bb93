/* What was asked and answered (eval.h), with the figures of each token. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "report/eval/eval.h"
#include "vocabulary/reasoning.h"
#include "vocabulary/vocabulary.h"

/* How a reasoning stands in a text when it is taken apart, and put together by whoever reads the
 * log. */
#define OPENS SC_REASONING_OPENS "\n"
#define CLOSES "\n" SC_REASONING_CLOSES "\n\n"

static void put_bytes(struct sc_json_writer *out, const char *key, const char *text, size_t n)
{
    char *copy = sc_strndup(text, n);
    if (copy == NULL)
        out->text->failed = true;
    else
        sc_json_put_string(out, key, copy);
    sc_free(copy);
}

/* ---- what was asked -------------------------------------------------------------------------- */

/* At most `most` bytes, whole characters, and a word that there were more. */
static void put_shortened(struct sc_json_writer *out, const char *key, const char *text,
                          size_t most)
{
    size_t n = strlen(text), end = n > most ? most : n;
    while (end > 0 && end < n && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    if (end == n) {
        sc_json_put_string(out, key, text);
        return;
    }
    struct sc_text cut = {0};
    sc_text_add(&cut, text, end);
    sc_text_puts(&cut, "...");
    if (cut.failed)
        out->text->failed = true;
    else
        sc_json_put_string(out, key, cut.data);
    sc_text_free(&cut);
}

static void put_message(struct sc_json_writer *out, const char *role, const char *text, size_t most)
{
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "role", role);
    put_shortened(out, "content", text, most);
    sc_json_put_string(out, "source", "input");
    sc_json_put_end_object(out);
}

static void put_asked(struct sc_json_writer *out, const struct sc_run_instance *instance,
                      size_t most)
{
    const struct sc_conversation *turns = &instance->conversation;
    for (size_t i = 0; i < turns->n; i++)
        put_message(out, turns->messages[i].role, turns->messages[i].text, most);
    if (turns->n == 0)
        put_message(out, sc_role_name(SC_ROLE_USER), instance->prompt, most);
    if (instance->prefill != NULL)
        put_message(out, sc_role_name(SC_ROLE_ASSISTANT), instance->prefill, most);
}

void sc_eval_put_input(struct sc_json_writer *out, const struct sc_run_instance *instance,
                       size_t most)
{
    if (instance->conversation.n == 0 && instance->prefill == NULL) {
        put_shortened(out, "input", instance->prompt, most);
        return;
    }
    sc_json_put_array(out, "input");
    put_asked(out, instance, most);
    sc_json_put_end_array(out);
}

/* ---- what was answered ----------------------------------------------------------------------- */

static void put_reasoning(struct sc_json_writer *out, const char *reasoning, size_t n)
{
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "type", "reasoning");
    put_bytes(out, "reasoning", reasoning, n);
    sc_json_put_end_object(out);
}

static void put_part(struct sc_json_writer *out, const char *text)
{
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "type", "text");
    sc_json_put_string(out, "text", text);
    sc_json_put_end_object(out);
}

/* A reasoning is a part of its own: one that the source kept apart, or one that stands in the text
 * in the usual way; otherwise the text is all of it. */
static void put_content(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    const char *text = trace->text, *closes = strstr(text, CLOSES);
    size_t opens = strlen(OPENS);
    bool inside = strncmp(text, OPENS, opens) == 0 && closes != NULL && closes > text + opens;
    if (trace->reasoning == NULL && !inside) {
        sc_json_put_string(out, "content", text);
        return;
    }
    sc_json_put_array(out, "content");
    if (trace->reasoning != NULL) {
        put_reasoning(out, trace->reasoning, strlen(trace->reasoning));
        put_part(out, text);
    } else {
        put_reasoning(out, text + opens, (size_t)(closes - text) - opens);
        put_part(out, closes + strlen(CLOSES));
    }
    sc_json_put_end_array(out);
}

static void put_answer(struct sc_json_writer *out, const char *key, const struct sc_eval_log *log,
                       const struct sc_run_trace *trace)
{
    sc_json_put_object(out, key);
    sc_json_put_string(out, "role", sc_role_name(SC_ROLE_ASSISTANT));
    put_content(out, trace);
    sc_json_put_string(out, "source", "generate");
    sc_json_put_string(out, "model", log->run->model_name);
    sc_json_put_end_object(out);
}

/* All that was said, the model's own answers between the turns of the user where these were asked
 * one after another. */
static void put_messages(struct sc_json_writer *out, const char *key, const struct sc_eval_log *log,
                         struct sc_eval_sample sample, bool answered)
{
    const struct sc_run_instance *instance = &log->run->instances[sample.instance];
    const struct sc_run_trace *seen = sc_eval_trace(log, sample);
    const struct sc_run_trace *stored = &instance->traces[sample.trace];
    const struct sc_conversation *turns = &instance->conversation;
    size_t said = 0;
    sc_json_put_array(out, key);
    if (stored->n_turns == 0)
        put_asked(out, instance, SIZE_MAX);
    for (size_t i = 0; stored->n_turns > 0 && i < turns->n; i++) {
        put_message(out, turns->messages[i].role, turns->messages[i].text, SIZE_MAX);
        if (strcmp(turns->messages[i].role, sc_role_name(SC_ROLE_USER)) == 0 &&
            said < stored->n_turns)
            put_answer(out, NULL, log, &stored->turns[said++]);
    }
    if (answered && seen->finish != SC_FINISH_FAILED)
        put_answer(out, NULL, log, seen);
    sc_json_put_end_array(out);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Nine digits give a 32-bit number back bit for bit. */
static void put_float(struct sc_json_writer *out, const char *key, float value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.9g", (double)value);
    sc_json_put_raw(out, key, isfinite(value) ? digits : "null");
}

/* Whether there is a log-probability for every token; one that was put in has none. */
static bool has_logprobs(const struct sc_run_trace *trace)
{
    bool known = trace->stats != NULL && (trace->figures >> SC_FIGURE_LOGPROB & 1) &&
                 trace->text_ends != NULL && trace->n_tokens > 0;
    for (size_t i = 0; known && i < trace->n_tokens; i++)
        known = isfinite(trace->stats[i].logprob);
    return known;
}

static void put_logprobs(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    sc_json_put_object(out, "logprobs");
    sc_json_put_array(out, "content");
    for (size_t i = 0, begin = 0; i < trace->n_tokens; begin = trace->text_ends[i++]) {
        sc_json_put_object(out, NULL);
        put_bytes(out, "token", trace->text + begin, trace->text_ends[i] - begin);
        put_float(out, "logprob", trace->stats[i].logprob);
        sc_json_put_array(out, "top_logprobs");
        sc_json_put_end_array(out);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}

/* One figure of all tokens; first is that of the first, and they lie `step` bytes apart. */
static void put_figure(struct sc_json_writer *out, const char *name, const float *first,
                       size_t step, size_t n)
{
    sc_json_put_array(out, name);
    for (size_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, (const char *)first + i * step, sizeof value);
        put_float(out, NULL, value);
    }
    sc_json_put_end_array(out);
}

/* What the format has no place for, as metadata of the output. */
static void put_figures(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    size_t n = trace->n_tokens, step = sizeof *trace->stats;
    const struct sc_token_stats *s = trace->stats;
    sc_json_put_object(out, "metadata");
    sc_json_put_object(out, "safeconf");
    sc_json_put_count(out, "n_tokens", n);
    sc_json_put_count(out, "n_reasoning", trace->n_reasoning);
    if (trace->n_forced > 0) {
        sc_json_put_count(out, "forced_begin", trace->forced_begin);
        sc_json_put_count(out, "n_forced", trace->n_forced);
    }
    if (s != NULL && n > 0) {
        const float *const first[SC_N_FIGURES] = {[SC_FIGURE_LOGPROB] = &s->logprob,
                                                  [SC_FIGURE_SAMPLED_LOGPROB] = &s->sampled_logprob,
                                                  [SC_FIGURE_CONFIDENCE] = &s->confidence,
                                                  [SC_FIGURE_ENTROPY] = &s->entropy};
        for (int f = 0; f < SC_N_FIGURES; f++)
            if ((trace->figures >> f & 1) && (f != SC_FIGURE_LOGPROB || !has_logprobs(trace)))
                put_figure(out, sc_figure_name((enum sc_figure)f), first[f], step, n);
    }
    if (trace->entropy_low != NULL)
        put_figure(out, "entropy_low", trace->entropy_low, sizeof(float), n);
    if (trace->entropy_high != NULL)
        put_figure(out, "entropy_high", trace->entropy_high, sizeof(float), n);
    sc_json_put_end_object(out);
    sc_json_put_end_object(out);
}

/* ---- the output ------------------------------------------------------------------------------ */

static const char *stop_reason(enum sc_finish finish)
{
    switch (finish) {
    case SC_FINISH_STOP:
        return "stop";
    case SC_FINISH_LENGTH:
        return "max_tokens";
    case SC_FINISH_FILTERED:
        return "content_filter";
    default:
        return "unknown";
    }
}

static void put_usage(struct sc_json_writer *out, const char *key, uint64_t n_prompt_tokens,
                      uint64_t n_tokens)
{
    sc_json_put_object(out, key);
    sc_json_put_count(out, "input_tokens", n_prompt_tokens);
    sc_json_put_count(out, "output_tokens", n_tokens);
    sc_json_put_count(out, "total_tokens", n_prompt_tokens + n_tokens);
    sc_json_put_end_object(out);
}

void sc_eval_put_usage(struct sc_json_writer *out, const struct sc_eval_log *log,
                       uint64_t n_prompt_tokens, uint64_t n_tokens)
{
    if (n_prompt_tokens + n_tokens == 0)
        return;
    sc_json_put_object(out, "model_usage");
    put_usage(out, log->run->model_name, n_prompt_tokens, n_tokens);
    sc_json_put_end_object(out);
}

/* figures: those of the tokens too. */
static void put_output(struct sc_json_writer *out, const struct sc_eval_log *log,
                       const struct sc_run_trace *trace, bool figures)
{
    sc_json_put_object(out, "output");
    sc_json_put_string(out, "model", log->run->model_name);
    sc_json_put_array(out, "choices");
    sc_json_put_object(out, NULL);
    put_answer(out, "message", log, trace);
    sc_json_put_string(out, "stop_reason", stop_reason(trace->finish));
    if (figures && has_logprobs(trace))
        put_logprobs(out, trace);
    sc_json_put_end_object(out);
    sc_json_put_end_array(out);
    if (trace->n_tokens_known)
        put_usage(out, "usage", trace->n_prompt_tokens, sc_run_trace_cost(trace));
    if (figures && trace->n_tokens_known)
        put_figures(out, trace);
    sc_json_put_end_object(out);
}

void sc_eval_put_answer(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    put_messages(out, "messages", log, sample, true);
    if (trace->finish != SC_FINISH_FAILED) {
        put_output(out, log, trace, true);
        return;
    }
    sc_json_put_object(out, "output");
    sc_json_put_string(out, "model", log->run->model_name);
    sc_json_put_end_object(out);
}

/* A viewer shows a sample as what happened in it: here, that the model was called. */
void sc_eval_put_call(struct sc_json_writer *out, const struct sc_eval_log *log,
                      struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    sc_json_put_array(out, "events");
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "event", "model");
    sc_json_put_string(out, "timestamp", SC_EVAL_TIME);
    sc_json_put_number(out, "working_start", 0);
    sc_json_put_string(out, "model", log->run->model_name);
    put_messages(out, "input", log, sample, false);
    sc_json_put_array(out, "tools");
    sc_json_put_end_array(out);
    sc_json_put_string(out, "tool_choice", "none");
    sc_json_put_object(out, "config");
    sc_json_put_end_object(out);
    if (trace->finish == SC_FINISH_FAILED) {
        sc_json_put_object(out, "output");
        sc_json_put_end_object(out);
        sc_json_put_string(out, "error",
                           trace->failure != NULL ? trace->failure : "no reason given");
    } else {
        put_output(out, log, trace, false);
    }
    sc_json_put_end_object(out);
    sc_json_put_end_array(out);
}
