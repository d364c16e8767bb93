/*
 * Tidy tables.  What was not measured is empty (R and pandas read it as missing); numbers are the
 * shortest text that reads back the same; texts cannot act as formulas.
 */
#include "report/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

/* Also after blanks, and with the full-width signs that some spreadsheets read as the narrow ones.
 */
static bool looks_like_a_formula(const char *text)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    if (text[0] == '\t' || text[0] == '\r' || text[0] == '\n')
        return true;
    text += strspn(text, " ");
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(text, wide[i], 3) == 0)
            return true;
    return text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
}

void sc_csv_text(struct sc_text *out, const char *untrusted)
{
    const char *text = untrusted != NULL ? untrusted : "";
    size_t n = strlen(text);
    bool formula = looks_like_a_formula(text);
    bool quoted =
        strpbrk(text, ",\"\r\n\t") != NULL || (n > 0 && (text[0] == ' ' || text[n - 1] == ' '));
    if (quoted)
        sc_text_putc(out, '"');
    if (formula)
        sc_text_putc(out, '\'');
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            sc_text_putc(out, '"');
        sc_text_putc(out, text[i]);
    }
    if (quoted)
        sc_text_putc(out, '"');
}

static void put_text(struct sc_text *out, const char *untrusted)
{
    sc_csv_text(out, untrusted);
    sc_text_putc(out, ',');
}

static void put_number(struct sc_text *out, double x)
{
    if (isfinite(x))
        sc_text_add_json_number(out, x);
    sc_text_putc(out, ',');
}

static void put_count(struct sc_text *out, uint64_t n)
{
    sc_text_printf(out, "%llu,", (unsigned long long)n);
}

/* Replaces the comma after the last field. */
static void end_row(struct sc_text *out)
{
    if (!out->failed && out->len > 0)
        out->data[out->len - 1] = '\n';
}

static void put_instance(struct sc_text *out, const struct sc_analysis *a, size_t i)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    struct sc_estimate rate = s->n_judged ? sc_wilson(s->n_refused, s->n_judged)
                                          : sc_estimate_none(0, "no trace was judged");
    put_text(out, instance->id);
    put_text(out, sc_label_name(instance->label));
    put_text(out, instance->category);
    put_count(out, s->n_traces);
    put_count(out, s->n_failed);
    put_count(out, s->n_judged);
    put_count(out, s->n_refused);
    put_number(out, rate.value);
    put_number(out, rate.low);
    put_number(out, rate.high);
    put_number(out, s->agreement);
    put_number(out, s->entropy);
    put_number(out, s->confidence);
    put_text(out, sc_behaviour_name(s->behaviour));
    put_text(out, sc_quadrant_name(s->quadrant));
    put_text(out, sc_prediction_name(s->prediction));
    put_count(out, s->n_known);
    put_count(out, s->n_harmful);
    put_count(out, s->n_harmful_loose);
    put_text(out, a->proxy ? "proxy" : a->run->judge);
    put_count(out, s->n_tokens);
    put_text(out, instance->decisions[a->run->primary].stop_reason);
    put_text(out, instance->prompt);
    end_row(out);
}

void sc_csv_instances(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out,
                 "instance_id,label,category,n_traces,n_failed,n_judged,n_refused,refusal_rate,"
                 "refusal_low,refusal_high,agreement,verdict_entropy,confidence,behaviour,"
                 "quadrant,prediction,n_harm_known,n_harmful,n_harmful_loose,harm_basis,"
                 "n_tokens,stop_reason,prompt\n");
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->run->primary].instances[i].decided)
            put_instance(out, a, i);
}

static void put_trace(struct sc_text *out, const struct sc_analysis *a, size_t i, size_t t)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    bool used = t < a->views[a->run->primary].instances[i].n_traces;
    const struct sc_run_trace *trace =
        used ? sc_run_trace_seen(instance, a->run->primary, t) : &instance->traces[t];
    bool failed = trace->finish == SC_FINISH_FAILED;
    put_text(out, instance->id);
    put_count(out, t);
    put_count(out, used);
    put_text(out, sc_label_name(instance->label));
    put_text(out, instance->category);
    put_text(out, failed ? NULL : sc_verdict_name(trace->verdict));
    if (sc_trace_is_judged(trace))
        sc_text_printf(out, "%d", sc_verdict_is_refused(trace->verdict));
    sc_text_putc(out, ',');
    put_text(out, failed ? NULL : sc_harm_name(sc_trace_harm(a->run, instance, trace)));
    put_text(out, a->proxy ? "proxy" : a->run->judge);
    put_text(out, sc_finish_name(trace->finish));
    put_count(out, trace->n_tokens);
    put_count(out, trace->n_reasoning);
    put_number(out, sc_trace_confidence(trace, a->run->metric));
    for (int m = 0; m < SC_N_METRICS; m++)
        put_number(out, failed ? NAN : trace->metrics[m]);
    put_text(out, trace->rule);
    put_text(out, trace->text);
    end_row(out);
}

void sc_csv_traces(struct sc_text *out, const struct sc_analysis *a)
{
    sc_text_puts(out, "instance_id,trace,used,label,category,verdict,refused,harm,harm_basis,"
                      "finish,n_tokens,n_reasoning,confidence,");
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_text_printf(out, "%s,", sc_metric_name((enum sc_metric)m));
    sc_text_puts(out, "rule,text\n");
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->run->primary].instances[i].decided)
            for (size_t t = 0; t < a->run->instances[i].n_traces; t++)
                put_trace(out, a, i, t);
}

/* ---- estimates --------------------------------------------------------------------------------
 */

static double member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* A line for each number and each estimate below `value`. */
static void put_estimates(struct sc_text *out, const json_t *value, const char *path, int depth)
{
    const json_t *number = json_object_get(value, "value");
    bool estimate =
        json_is_object(value) && json_object_get(value, "low") != NULL && number != NULL;
    const char *key;
    json_t *inner;
    if (depth > 12)
        return;
    if (estimate || json_is_number(value)) {
        put_text(out, path);
        put_number(out, estimate ? member(value, "value") : json_number_value(value));
        put_number(out, member(value, "low"));
        put_number(out, member(value, "high"));
        put_number(out, member(value, "n"));
        put_text(out, json_string_value(json_object_get(value, "reason")));
        end_row(out);
    } else if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, inner)
        {
            struct sc_text longer = {0};
            sc_text_printf(&longer, "%s%s%s", path, path[0] ? "." : "", key);
            if (longer.failed)
                out->failed = true;
            else if (depth > 0 || strcmp(key, "run") != 0)
                put_estimates(out, inner, longer.data, depth + 1);
            sc_text_free(&longer);
        }
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            struct sc_text longer = {0};
            sc_text_printf(&longer, "%s.%zu", path, i);
            if (longer.failed)
                out->failed = true;
            else
                put_estimates(out, json_array_get(value, i), longer.data, depth + 1);
            sc_text_free(&longer);
        }
    }
}

enum sc_status sc_csv_estimates(struct sc_text *out, const char *json, size_t n,
                                struct sc_error *error)
{
    json_t *top = NULL;
    enum sc_status status = sc_json_parse(json, n, "analysis", &top, error);
    if (status != SC_OK)
        return status;
    sc_text_puts(out, "estimate,value,low,high,n,reason\n");
    put_estimates(out, top, "", 0);
    json_decref(top);
    return out->failed ? sc_fail_nomem(error, "estimates.csv") : SC_OK;
}
