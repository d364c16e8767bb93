/*
 * The data of report.html: figures and the list of prompts as JSON that is read at once, their
 * texts and traces packed behind it.
 */
#include "report/html/data.h"

#include <math.h>
#include <string.h>

#include "analysis/answer_tree.h"
#include "base/memory.h"
#include "base/pack.h"
#include "report/html/pictures.h"
#include "report/html/tokens.h"
#include "report/html/tree.h"
#include "report/json/document.h"

#define LEAST_BRANCH 0.005 /* of a prompt's answers: smaller ones are summed */
#define LISTED_BYTES 400   /* of a prompt in the list */
#define BLOCK_BYTES ((size_t)128 << 10)

/* ---- one trace ------------------------------------------------------------------------------- */

/* UTF-16 code units of the first n bytes: offsets as JavaScript counts them. */
static size_t utf16_length(const char *s, size_t n)
{
    size_t units = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(s + i, n - i, &cp);
        units += cp >= 0x10000 ? 2 : 1;
        i += length ? length : 1;
    }
    return units;
}

/* Where the deciding phrase lies in the answer. */
static void put_mark(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    const char *answer = trace->answer != NULL ? trace->answer : "";
    size_t n = strlen(answer);
    if (trace->begin >= trace->end || trace->end > n || sc_utf8_valid(answer, n) != n)
        return;
    sc_json_put_array(out, "mark");
    sc_json_put_count(out, NULL, utf16_length(answer, trace->begin));
    sc_json_put_count(out, NULL, utf16_length(answer, trace->end));
    sc_json_put_end_array(out);
}

/* Who decided, where it was not a built-in rule, and what the reader found. */
static void put_decider(struct sc_json_writer *out, const struct sc_run_trace *trace,
                        const char *answer)
{
    static const char *const words[SC_N_DECIDERS] = {NULL, "the reader", "a rule of your own",
                                                     "the judge"};
    const struct sc_weighed *weighed = &trace->weighed;
    if (sc_trace_is_judged(trace) && trace->verdict != SC_EMPTY &&
        words[sc_trace_decider(trace)] != NULL)
        sc_json_put_string(out, "by", words[sc_trace_decider(trace)]);
    if (!weighed->there)
        return;
    sc_json_put_number(out, "p_refusal", weighed->p_refusal);
    size_t n = strlen(answer);
    sc_json_put_array(out, "pieces");
    for (size_t i = 0; i < weighed->n_pieces && sc_utf8_valid(answer, n) == n; i++) {
        if (weighed->pieces[i].end > n)
            continue;
        sc_json_put_count(out, NULL, utf16_length(answer, weighed->pieces[i].begin));
        sc_json_put_count(out, NULL, utf16_length(answer, weighed->pieces[i].end));
    }
    sc_json_put_end_array(out);
}

static void put_segment(struct sc_json_writer *out, const char *key, const double *metrics)
{
    sc_json_put_array(out, key);
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_json_put_number(out, NULL, round(metrics[m] * 1e5) / 1e5);
    sc_json_put_end_array(out);
}

/* The answers to the earlier turns of a conversation, whole. */
static void put_turns(struct sc_json_writer *out, const struct sc_run_trace *trace)
{
    if (trace->n_turns == 0)
        return;
    sc_json_put_array(out, "turns");
    for (size_t i = 0; i < trace->n_turns; i++)
        sc_json_put_string(out, NULL, trace->turns[i].text);
    sc_json_put_end_array(out);
}

/* A trace as the primary policy saw it; as it is stored where it did not. */
static const struct sc_run_trace *seen_trace(const struct sc_run_instance *instance, size_t policy,
                                             const struct sc_summary *s, size_t t)
{
    return t < s->n_traces ? sc_run_trace_seen(instance, policy, t) : &instance->traces[t];
}

static void put_trace(struct sc_json_writer *out, const struct sc_analysis *a,
                      const struct sc_run_instance *instance, const struct sc_run_trace *trace,
                      struct sc_token_scale *scale)
{
    bool failed = trace->finish == SC_FINISH_FAILED;
    const char *text = trace->text != NULL ? trace->text : "";
    const char *answer = trace->answer != NULL ? trace->answer : text;
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "answer", answer);
    if (strcmp(text, answer) != 0)
        sc_json_put_string(out, "whole", text);
    sc_json_put_string(out, "verdict", failed ? NULL : sc_verdict_name(trace->verdict));
    sc_json_put_string(out, "harm", sc_harm_name(sc_trace_harm(a->run, instance, trace)));
    sc_json_put_string(out, "finish", sc_finish_name(trace->finish));
    if (trace->finish_given != NULL &&
        strcmp(trace->finish_given, sc_finish_name(trace->finish)) != 0)
        sc_json_put_string(out, "finish_given", trace->finish_given);
    if (trace->reasoning != NULL)
        sc_json_put_string(out, "apart", trace->reasoning);
    if (failed)
        sc_json_put_string(out, "failure", trace->failure);
    if (trace->n_tokens_known)
        sc_json_put_count(out, "tokens", sc_run_trace_cost(trace));
    else
        sc_json_put_null(out, "tokens");
    if (trace->n_reasoning)
        sc_json_put_count(out, "reasoning", trace->n_reasoning);
    if (trace->n_forced > 0) {
        sc_json_put_array(out, "forced");
        sc_json_put_count(out, NULL, trace->forced_begin);
        sc_json_put_count(out, NULL, trace->n_forced);
        sc_json_put_end_array(out);
    }
    sc_json_put_number(out, "confidence", sc_trace_confidence(trace, a->run->metric));
    if (trace->rule != NULL)
        sc_json_put_string(out, "rule", trace->rule);
    put_decider(out, trace, answer);
    put_mark(out, trace);
    put_turns(out, trace);
    sc_put_tokens(out, "shade", trace, scale);
    if (trace->n_reasoning && !failed) {
        put_segment(out, "reasoning_metrics", trace->reasoning_metrics);
        put_segment(out, "answer_metrics", trace->answer_metrics);
    }
    sc_json_put_array(out, "metrics");
    for (int m = 0; m < SC_N_METRICS; m++) /* five digits are enough to read */
        sc_json_put_number(out, NULL, failed ? NAN : round(trace->metrics[m] * 1e5) / 1e5);
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}

static void put_decided(struct sc_json_writer *out, const struct sc_answer_tree *of)
{
    struct sc_decided decided;
    switch (sc_tree_decide(&of->tree, &decided, NULL)) {
    case SC_OK:
        sc_html_put_tree(out, "tree", &of->tree, LEAST_BRANCH, &decided,
                         &(struct sc_tree_texts){of->answers, of->traces});
        return;
    case SC_ERR_NOMEM:
        out->text->failed = true;
        return;
    default: /* nothing of it is decided */
        return;
    }
}

/* The tree of the answers, where there is one. */
static void put_tree(struct sc_json_writer *out, const struct sc_analysis *a, size_t i)
{
    struct sc_answer_tree of;
    if (sc_answer_tree_make(a->run, i, a->largest, &of, NULL) != SC_OK) {
        out->text->failed = true;
        return;
    }
    if (of.tree.n > 0)
        put_decided(out, &of);
    sc_answer_tree_free(&of);
}

/* What the page reads when a prompt is opened. */
static void put_details(struct sc_json_writer *out, const struct sc_analysis *a, size_t i,
                        struct sc_token_scale *scale)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "prompt", instance->prompt);
    if (instance->conversation.n > 0)
        sc_conversation_put(out, "messages", instance->conversation.messages,
                            instance->conversation.n);
    if (instance->prefill != NULL)
        sc_json_put_string(out, "prefill", instance->prefill);
    put_tree(out, a, i);
    sc_json_put_array(out, "traces");
    for (size_t t = 0; t < instance->n_traces; t++) {
        const struct sc_run_trace *stored = &instance->traces[t];
        struct sc_run_trace seen = *seen_trace(instance, a->run->primary, s, t);
        seen.stats = stored->stats; /* a cut trace's tokens are the first of the whole one's */
        seen.text_ends = stored->text_ends;
        seen.finish_given = stored->finish_given;
        seen.reasoning = stored->reasoning;
        seen.turns = stored->turns;
        seen.n_turns = stored->n_turns;
        put_trace(out, a, instance, &seen, scale);
    }
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}

/* What a prompt's traces are looked for by, without reading them; page.js has the same names. */
enum found { FOUND_PARTIAL = 1, FOUND_NOT_JUDGED = 2, FOUND_LIMIT = 4, FOUND_FILTER = 8 };

static unsigned found_in(const struct sc_run_trace *trace)
{
    unsigned found = 0;
    bool failed = trace->finish == SC_FINISH_FAILED;
    if (failed || trace->verdict == SC_EMPTY || trace->verdict == SC_UNPARSED ||
        trace->verdict == SC_UNREACHED || trace->verdict == SC_FILTERED)
        found |= FOUND_NOT_JUDGED;
    if (!failed && trace->verdict == SC_PARTIAL)
        found |= FOUND_PARTIAL;
    if (trace->finish == SC_FINISH_LENGTH)
        found |= FOUND_LIMIT;
    if (trace->finish == SC_FINISH_FILTERED)
        found |= FOUND_FILTER;
    return found;
}

/* The beginning of a prompt that the list shows. */
static void put_beginning(struct sc_json_writer *out, const char *prompt)
{
    size_t n = strlen(prompt), end = n < LISTED_BYTES ? n : LISTED_BYTES;
    while (end > 0 && end < n && ((unsigned char)prompt[end] & 0xc0) == 0x80)
        end--; /* between characters */
    char *beginning = sc_strndup(prompt, end);
    sc_json_put_string(out, "prompt", beginning);
    out->text->failed = out->text->failed || beginning == NULL;
    sc_free(beginning);
}

/* What the page knows of a prompt from the start. */
static void put_instance(struct sc_json_writer *out, const struct sc_analysis *a, size_t i,
                         size_t block)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_run_decision *decision = &instance->decisions[a->run->primary];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    unsigned found = 0;
    for (size_t t = 0; t < instance->n_traces; t++)
        found |= found_in(seen_trace(instance, a->run->primary, s, t));
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "id", instance->id);
    put_beginning(out, instance->prompt);
    sc_json_put_string(out, "label", sc_label_name(instance->label));
    sc_json_put_string(out, "category", instance->category != NULL ? instance->category : "");
    sc_json_put_string(out, "behaviour", sc_behaviour_name(s->behaviour));
    sc_json_put_string(out, "quadrant", sc_quadrant_name(s->quadrant));
    sc_json_put_number(out, "refusal", s->refusal_rate);
    sc_json_put_number(out, "confidence", s->confidence);
    sc_json_put_number(out, "agreement", s->agreement);
    sc_json_put_number(out, "entropy", s->entropy);
    if (s->n_judged) {
        const struct sc_policy *policy = &a->run->policies[a->run->primary];
        struct sc_estimate rate = sc_summary_refusal(policy, s);
        sc_json_put_number(out, "refusal_low", rate.low);
        sc_json_put_number(out, "refusal_high", rate.high);
        if (sc_policy_is_always_valid(policy))
            sc_json_put_bool(out, "always", true);
    }
    sc_json_put_count(out, "used", s->n_traces);
    sc_json_put_count(out, "harmful", s->n_harmful);
    sc_json_put_string(out, "stop", decision->stop_reason);
    sc_json_put_count(out, "found", found);
    sc_json_put_count(out, "block", block);
    sc_json_put_end_object(out);
}

/* ---- prompts in blocks ----------------------------------------------------------------------- */

/* Traces lie packed in blocks of several prompts, each of which is read when one of its prompts is
 * opened: texts of a million traces would take the browser seconds and gigabytes. */
struct blocks {
    struct sc_text packed;
    size_t *ends; /* [n] in packed */
    size_t n, cap;
    bool failed;
};

static void close_block(struct blocks *blocks, struct sc_text *block)
{
    void *ends = blocks->ends;
    sc_text_puts(block, "]");
    sc_text_add_packed(&blocks->packed, block->data != NULL ? block->data : "", block->len);
    blocks->failed = blocks->failed || block->failed || blocks->packed.failed ||
                     sc_grow(&ends, blocks->n, &blocks->cap, sizeof *blocks->ends);
    blocks->ends = ends;
    if (!blocks->failed)
        blocks->ends[blocks->n++] = blocks->packed.len;
    sc_text_clear(block);
}

static void put_instances(struct sc_json_writer *out, const struct sc_analysis *a,
                          struct sc_token_scale *scale, struct blocks *blocks)
{
    struct sc_text block = {0};
    sc_json_put_array(out, "instances");
    for (size_t i = 0; i < a->run->n_instances && !blocks->failed; i++) {
        if (!a->views[a->run->primary].instances[i].decided)
            continue;
        struct sc_json_writer details = {.text = &block};
        sc_text_putc(&block, block.len == 0 ? '[' : ',');
        put_details(&details, a, i, scale);
        put_instance(out, a, i, blocks->n);
        if (block.len >= BLOCK_BYTES)
            close_block(blocks, &block);
    }
    sc_json_put_end_array(out);
    if (block.len > 0)
        close_block(blocks, &block);
    blocks->failed = blocks->failed || block.failed; /* also where nothing of it came about */
    sc_text_free(&block);
}

static void put_blocks(struct sc_json_writer *out, const struct blocks *blocks)
{
    sc_json_put_array(out, "ends");
    for (size_t k = 0; k < blocks->n; k++)
        sc_json_put_count(out, NULL, blocks->ends[k]);
    sc_json_put_end_array(out);
    sc_json_put_string(out, "packed", blocks->packed.data != NULL ? blocks->packed.data : "");
}

static void put_scale(struct sc_json_writer *out, const struct sc_token_scale *scale)
{
    sc_json_put_object(out, "tokens");
    sc_json_put_number(out, "low", scale->low);
    sc_json_put_number(out, "high", scale->high);
    sc_json_put_number(out, "deep", scale->deep);
    sc_json_put_number(out, "pale", scale->pale);
    sc_json_put_count(out, "without", scale->n_without);
    sc_json_put_end_object(out);
}

static void put_frontier(struct sc_json_writer *out, const struct sc_replay *replay)
{
    sc_json_put_object(out, "frontier");
    sc_json_put_bool(out, "proxy", replay->proxy);
    sc_json_put_string(out, "recommended",
                       replay->recommended >= 0 ? replay->rows[replay->recommended].name : "");
    sc_json_put_array(out, "points");
    for (size_t r = 0; r < replay->n_rows; r++) {
        const struct sc_replay_row *row = &replay->rows[r];
        sc_json_put_object(out, NULL);
        sc_json_put_string(out, "name", row->name);
        sc_json_put_string(out, "kind", sc_policy_name(row->policy.kind));
        sc_json_put_string(out, "metric",
                           row->reads_confidence ? sc_metric_name(sc_policy_metric(&row->policy))
                                                 : "");
        sc_json_put_number(out, "saved", row->token_savings_percent.value);
        sc_json_put_number(out, "changed", 100 * row->verdict_changes.value);
        sc_json_put_number(out, "unseen", 100 * row->harmful_unseen.value);
        sc_json_put_number(out, "null_saved", row->null_savings_percent.value);
        sc_json_put_number(out, "null_changed", 100 * row->null_changes.value);
        sc_json_put_number(out, "null_low", row->null_savings_percent.low);
        sc_json_put_number(out, "null_high", row->null_savings_percent.high);
        sc_json_put_bool(out, "beats", row->beats_null);
        sc_json_put_end_object(out);
    }
    sc_json_put_end_array(out);
    sc_json_put_end_object(out);
}

enum sc_status sc_html_put_data(struct sc_text *text, const struct sc_analysis *a,
                                struct sc_error *error)
{
    struct sc_json_writer out = {.text = text};
    struct blocks blocks = {0};
    struct sc_token_scale scale;
    SC_TRY(sc_token_scale_make(a->run, &scale, error));
    sc_json_put_object(&out, NULL);
    sc_json_put_bool(&out, "proxy", a->proxy);
    sc_json_put_string(&out, "policy", a->run->policy_names[a->run->primary]);
    sc_json_put_string(&out, "metric", sc_metric_name(a->run->metric));
    if (a->confidence_basis[0] != '\0')
        sc_json_put_string(&out, "basis", a->confidence_basis);
    sc_json_put_number(&out, "threshold", a->views[a->run->primary].threshold);
    sc_json_put_array(&out, "metrics");
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_json_put_string(&out, NULL, sc_metric_name((enum sc_metric)m));
    sc_json_put_end_array(&out);
    struct sc_text analysis = {0};
    struct sc_json_writer inner = {.text = &analysis};
    sc_json_put_document(&inner, &a->document);
    if (analysis.failed)
        text->failed = true;
    else
        sc_json_put_raw(&out, "analysis", analysis.data);
    sc_text_free(&analysis);
    size_t n_left = scale.n_left;
    put_instances(&out, a, &scale, &blocks);
    put_blocks(&out, &blocks);
    sc_json_put_bool(&out, "shaded", scale.n_left < n_left);
    put_scale(&out, &scale);
    enum sc_status status = sc_html_put_pictures(&out, a, error);
    if (a->replay != NULL)
        put_frontier(&out, a->replay);
    sc_json_put_end_object(&out);
    bool failed = blocks.failed || text->failed;
    sc_free(blocks.ends);
    sc_text_free(&blocks.packed);
    return status != SC_OK ? status : failed ? sc_fail_nomem(error, "page") : SC_OK;
}
