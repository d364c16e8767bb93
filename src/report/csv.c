/*
 * Tidy tables.  What was not measured is empty (R and pandas read it as missing); numbers are the
 * shortest text that reads back the same; texts cannot act as formulas.
 */
#include "report/csv.h"

#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "report/columns.h"
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

/* exact: the text as it is, an empty one in quotes, so that it can be told from a missing one. */
static void add_valid_field(struct sc_text *out, const char *text, bool exact)
{
    size_t n = strlen(text);
    bool formula = !exact && looks_like_a_formula(text);
    bool quoted = strpbrk(text, ",\"\r\n\t") != NULL ||
                  (n > 0 ? text[0] == ' ' || text[n - 1] == ' ' : exact);
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

/* Texts are UTF-8, but for names of folders, which may be any bytes. */
static void add_field(struct sc_text *out, const char *text, bool exact)
{
    struct sc_text repaired = {0};
    size_t n = strlen(text);
    if (sc_utf8_valid(text, n) < n) {
        sc_text_add_repaired(&repaired, text, n);
        text = repaired.data != NULL ? repaired.data : "";
        out->failed = out->failed || repaired.failed;
    }
    add_valid_field(out, text, exact);
    sc_text_free(&repaired);
}

void sc_csv_text(struct sc_text *out, const char *untrusted)
{
    add_field(out, untrusted != NULL ? untrusted : "", false);
}

/* A table that is being written. */
struct sheet {
    struct sc_text *text;
    bool exact;
};

static void put_text(const struct sheet *out, const char *untrusted)
{
    if (untrusted != NULL)
        add_field(out->text, untrusted, out->exact);
    sc_text_putc(out->text, ',');
}

static void put_number(const struct sheet *out, double x)
{
    if (isfinite(x))
        sc_text_add_json_number(out->text, x);
    sc_text_putc(out->text, ',');
}

static void put_count(const struct sheet *out, uint64_t n)
{
    sc_text_printf(out->text, "%llu,", (unsigned long long)n);
}

static void put_known(const struct sheet *out, bool known, uint64_t n)
{
    if (known)
        put_count(out, n);
    else
        sc_text_putc(out->text, ',');
}

/* Replaces the comma after the last field. */
static void end_row(const struct sheet *out)
{
    if (!out->text->failed && out->text->len > 0)
        out->text->data[out->text->len - 1] = '\n';
}

static void put_instance(const struct sheet *out, const struct sc_analysis *a, size_t i)
{
    const struct sc_run_instance *instance = &a->run->instances[i];
    const struct sc_summary *s = &a->views[a->run->primary].instances[i];
    const struct sc_policy *policy = &a->run->policies[a->run->primary];
    struct sc_estimate rate = sc_summary_refusal(policy, s);
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
    put_known(out, s->n_uncounted == 0, s->n_tokens);
    put_text(out, instance->decisions[a->run->primary].stop_reason);
    put_text(out, instance->prompt);
    if (sc_policy_is_always_valid(policy))
        put_text(out, SC_ALWAYS_VALID);
    if (a->asked.n_prefilled > 0)
        put_text(out, instance->prefill);
    if (a->confidence_basis[0] != '\0')
        put_text(out, a->confidence_basis);
    end_row(out);
}

/* Whether a column is in this run's table. */
static bool is_there(const struct sc_analysis *a, enum sc_column_when when)
{
    switch (when) {
    case SC_WHEN_ALWAYS_VALID:
        return sc_policy_is_always_valid(&a->run->policies[a->run->primary]);
    case SC_WHEN_PREFILLED:
        return a->asked.n_prefilled > 0;
    case SC_WHEN_BASIS:
        return a->confidence_basis[0] != '\0';
    default:
        return true;
    }
}

static void put_heads(const struct sheet *out, const struct sc_analysis *a,
                      enum sc_results_table table)
{
    for (const struct sc_column *column = sc_columns_of(table); column->name != NULL; column++)
        if (is_there(a, column->when))
            put_text(out, column->name);
    end_row(out);
}

static void put_instances(const struct sheet *out, const struct sc_analysis *a)
{
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->run->primary].instances[i].decided)
            put_instance(out, a, i);
}

static void put_trace(const struct sheet *out, const struct sc_analysis *a, size_t i, size_t t)
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
        sc_text_printf(out->text, "%d", sc_verdict_is_refused(trace->verdict));
    sc_text_putc(out->text, ',');
    put_text(out, failed ? NULL : sc_harm_name(sc_trace_harm(a->run, instance, trace)));
    put_text(out, a->proxy ? "proxy" : a->run->judge);
    put_text(out, sc_finish_name(trace->finish));
    put_known(out, trace->n_tokens_known, sc_run_trace_cost(trace));
    put_known(out, trace->n_tokens_known, trace->n_reasoning);
    put_number(out, sc_trace_confidence(trace, a->run->metric));
    for (int m = 0; m < SC_N_METRICS; m++)
        put_number(out, failed ? NAN : trace->metrics[m]);
    put_text(out, trace->rule);
    put_text(out, sc_trace_is_judged(trace) && trace->verdict != SC_EMPTY
                      ? sc_decider_name(sc_trace_decider(trace))
                      : NULL);
    put_number(out, trace->weighed.there ? trace->weighed.p_refusal : NAN);
    put_text(out, trace->text);
    if (a->asked.n_prefilled > 0)
        put_text(out, instance->prefill);
    if (a->confidence_basis[0] != '\0')
        put_text(out, a->confidence_basis);
    end_row(out);
}

static void put_traces(const struct sheet *out, const struct sc_analysis *a)
{
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->run->primary].instances[i].decided)
            for (size_t t = 0; t < a->run->instances[i].n_traces; t++)
                put_trace(out, a, i, t);
}

/* ---- estimates ------------------------------------------------------------------------------- */

/* A line for each number and each estimate at and below the node. */
static void put_figures(const struct sheet *out, const struct sc_node *node, const char *path)
{
    struct sc_estimate figure = {NAN, NAN, NAN, 0, NULL};
    switch (node->kind) {
    case SC_NODE_OBJECT:
    case SC_NODE_ARRAY: {
        size_t index = 0;
        for (const struct sc_node *inner = node->first; inner != NULL; inner = inner->next) {
            struct sc_text longer = {0};
            sc_text_printf(&longer, "%s%s", path, path[0] ? "." : "");
            if (inner->key != NULL)
                sc_text_puts(&longer, inner->key);
            else
                sc_text_printf(&longer, "%zu", index++);
            if (longer.failed)
                out->text->failed = true;
            else
                put_figures(out, inner, longer.data);
            sc_text_free(&longer);
        }
        return;
    }
    case SC_NODE_ESTIMATE:
        figure = node->as.estimate;
        break;
    case SC_NODE_NUMBER:
    case SC_NODE_COUNT:
        figure.value = sc_node_number(node);
        break;
    default:
        return;
    }
    if (!isfinite(figure.value))
        return;
    put_text(out, path);
    put_number(out, figure.value);
    put_number(out, figure.low);
    put_number(out, figure.high);
    put_number(out, node->kind == SC_NODE_ESTIMATE ? (double)figure.n : NAN);
    put_text(out, figure.reason);
    end_row(out);
}

static void put_estimates(const struct sheet *out, const struct sc_analysis *a)
{
    const struct sc_node *node = a->document.root->first;
    for (; node != NULL; node = node->next)
        if (strcmp(node->key, "run") != 0) /* what was set, not what was found */
            put_figures(out, node, node->key);
}

/* ---- columns --------------------------------------------------------------------------------- */

static void put_columns(const struct sheet *out)
{
    for (int t = 0; t < SC_N_RESULTS_TABLES; t++) {
        enum sc_results_table table = (enum sc_results_table)t;
        for (const struct sc_column *c = sc_columns_of(table); c->name != NULL; c++) {
            put_text(out, sc_results_table_name(table));
            put_text(out, c->name);
            put_text(out, c->type);
            put_text(out, c->unit);
            put_text(out, c->meaning);
            end_row(out);
        }
    }
}

void sc_csv_table(struct sc_text *text, enum sc_results_table table,
                  const struct sc_analysis *analysis, bool exact)
{
    const struct sheet out = {text, exact};
    put_heads(&out, analysis, table);
    switch (table) {
    case SC_TABLE_INSTANCES:
        put_instances(&out, analysis);
        break;
    case SC_TABLE_TRACES:
        put_traces(&out, analysis);
        break;
    case SC_TABLE_ESTIMATES:
        put_estimates(&out, analysis);
        break;
    default:
        put_columns(&out);
    }
}
