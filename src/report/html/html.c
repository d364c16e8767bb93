/*
 * report.html: one page that opens from disk and loads nothing.
 *
 * The template page.html holds @@NAME@@ places.  Text of models and benchmarks enters in two ways
 * only: escaped as HTML (cells.c), and as JSON inside a script element of type
 * application/json with every <, >, & and hidden character escaped, which page.js puts on the page
 * as text, never as markup.  Scripts run only with a nonce that is a hash of the page's own data,
 * which no text inside that data can foresee.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/answer_tree.h"
#include "base/embedded.h"
#include "base/memory.h"
#include "base/random.h"
#include "report/html/parts.h"
#include "report/html/template.h"
#include "report/html/tokens.h"
#include "report/html/tree.h"
#include "report/json/document.h"
#include "report/render.h"

#define LEAST_BRANCH 0.005 /* of a prompt's answers: smaller ones are summed */

/* ---- the data of the page -------------------------------------------------------------------- */

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

/* The tree of the answers, where there is one. */
static void put_tree(struct sc_json_writer *out, const struct sc_analysis *a, size_t i)
{
    struct sc_answer_tree of;
    struct sc_decided decided;
    if (sc_answer_tree_make(a->run, i, a->largest, &of, NULL) != SC_OK) {
        out->text->failed = true;
        return;
    }
    if (of.tree.n > 0 && sc_tree_decide(&of.tree, &decided, NULL) == SC_OK)
        sc_html_put_tree(out, "tree", &of.tree, LEAST_BRANCH, &decided,
                         &(struct sc_tree_texts){of.answers, of.traces});
    sc_answer_tree_free(&of);
}

static void put_instance(struct sc_json_writer *out, const struct sc_analysis *a, size_t i,
                         struct sc_token_scale *scale)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_run_decision *decision = &instance->decisions[a->run->primary];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    sc_json_put_object(out, NULL);
    sc_json_put_string(out, "id", instance->id);
    sc_json_put_string(out, "prompt", instance->prompt);
    if (instance->conversation.n > 0)
        sc_conversation_put(out, "messages", instance->conversation.messages,
                            instance->conversation.n);
    if (instance->prefill != NULL)
        sc_json_put_string(out, "prefill", instance->prefill);
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
    put_tree(out, a, i);
    sc_json_put_array(out, "traces");
    for (size_t t = 0; t < instance->n_traces; t++) {
        const struct sc_run_trace *stored = &instance->traces[t];
        struct sc_run_trace seen =
            t < s->n_traces ? *sc_run_trace_seen(instance, a->run->primary, t) : *stored;
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

static void put_data(struct sc_text *text, const struct sc_analysis *a,
                     struct sc_token_scale *scale)
{
    struct sc_json_writer out = {.text = text};
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
    sc_json_put_array(&out, "instances");
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->run->primary].instances[i].decided)
            put_instance(&out, a, i, scale);
    sc_json_put_end_array(&out);
    put_scale(&out, scale);
    if (a->replay != NULL)
        put_frontier(&out, a->replay);
    sc_json_put_end_object(&out);
}

/* ---- the template ---------------------------------------------------------------------------- */

struct page {
    const struct sc_analysis *analysis;
    struct sc_text data; /* escaped for a script element */
    char nonce[40];
};

static void fill(struct sc_text *out, const char *name, size_t n, const void *context)
{
    const struct page *page = context;
    static const struct {
        const char *name;
        sc_html_part *part;
    } parts[] = {{"title", sc_html_title},
                 {"facts", sc_html_facts},
                 {"notes", sc_html_notes},
                 {"opening", sc_html_opening},
                 {"summary", sc_html_summary},
                 {"quadrants", sc_html_quadrants},
                 {"hypothesis", sc_html_hypothesis},
                 {"deciles", sc_html_deciles},
                 {"outcomes", sc_html_outcomes},
                 {"attacks", sc_html_attacks},
                 {"policies", sc_html_policies},
                 {"categories", sc_html_categories},
                 {"confusion", sc_html_confusion},
                 {"calibration", sc_html_calibration},
                 {"segments", sc_html_segments},
                 {"refusal", sc_html_refusal},
                 {"decided", sc_html_decided},
                 {"forecast", sc_html_forecast},
                 {"repeats", sc_html_repeats},
                 {"detectors-link", sc_html_detectors_link},
                 {"proxy", sc_html_proxy}};
    const struct {
        const char *name, *bytes;
        size_t n;
    } pieces[] = {
        {"nonce", page->nonce, strlen(page->nonce)},
        {"data", page->data.data, page->data.len},
        {"style", (const char *)sc_embedded_page_css, sc_embedded_page_css_size},
        {"script", (const char *)sc_embedded_tree_js, sc_embedded_tree_js_size},
        {"script", (const char *)sc_embedded_page_js, sc_embedded_page_js_size},
        {"chart", (const char *)sc_embedded_chart_js, sc_embedded_chart_js_size},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sc_html_is_mark(parts[i].name, name, n))
            parts[i].part(out, page->analysis->document.root);
    if (sc_html_is_mark("script-source", name, n))
        sc_html_script_source(out, page->nonce);
    if (sc_html_is_mark("frontier", name, n))
        sc_html_frontier(out, page->analysis);
    if (sc_html_is_mark("detectors", name, n))
        sc_html_detectors(out, page->analysis);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (sc_html_is_mark(pieces[i].name, name, n))
            sc_text_add(out, pieces[i].bytes, pieces[i].n);
}

enum sc_status sc_render_html(const struct sc_analysis *analysis, struct sc_text *out,
                              struct sc_error *error)
{
    struct page page = {.analysis = analysis};
    struct sc_text json = {0};
    struct sc_token_scale scale;
    if (sc_token_scale_make(analysis->run, &scale, error) != SC_OK)
        return error != NULL ? error->status : SC_ERR_NOMEM;
    put_data(&json, analysis, &scale);
    if (!json.failed)
        sc_text_add_script_json(&page.data, json.data, json.len);
    bool failed = json.failed || page.data.failed;
    sc_text_free(&json);
    if (!failed) {
        uint64_t first = sc_hash64(page.data.data, page.data.len);
        snprintf(page.nonce, sizeof page.nonce, "%016llx", (unsigned long long)first);
        sc_html_fill_page(out, (const char *)sc_embedded_page_html, fill, &page);
        failed = out->failed;
    }
    sc_text_free(&page.data);
    return failed ? sc_fail_nomem(error, "page") : SC_OK;
}
