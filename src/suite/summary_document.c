/* A suite's results as one document; summary.h. */
#include "suite/summary_document.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "suite/figures.h"

enum { MOST_BYTES = 256 << 20 };

const char *sc_outcome_name(enum sc_outcome outcome)
{
    static const char *const names[SC_N_OUTCOMES] = {
        "open", "finished", "finished, some failed", "unfinished", "failed", "skipped"};
    return names[outcome];
}

bool sc_outcome_has_figures(enum sc_outcome outcome)
{
    return outcome == SC_OUTCOME_FINISHED || outcome == SC_OUTCOME_SOME_FAILED;
}

/* ---- what runs say ----------------------------------------------------------------------------
 */

/* Keeps of a run's analysis what the rows show: the whole of a large one, times the runs of a
 * suite, would fill the memory. */
static json_t *keep_shown(const json_t *analysis)
{
    static const char *const sections[] = {"run", "overall", "hypothesis_test"};
    json_t *kept = json_object();
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        json_t *section = json_object_get(analysis, sections[i]);
        if (section == NULL || json_object_set(kept, sections[i], section) == 0)
            continue;
        json_decref(kept);
        return NULL;
    }
    return kept;
}

/* A file that cannot be read leaves the row without figures; memory that runs out ends it all. */
static enum sc_status load_run(const struct sc_suite_summary *summary, struct sc_summary_rows *rows,
                               size_t i, struct sc_error *error)
{
    struct sc_text path = {0};
    struct sc_error why = {0};
    json_t *analysis = NULL;
    sc_text_printf(&path, "%s/%s/analysis.json", summary->out, summary->suite->runs[i].place);
    enum sc_status status =
        path.failed ? SC_ERR_NOMEM : sc_json_read(path.data, MOST_BYTES, &analysis, &why);
    if (status == SC_ERR_NOMEM)
        goto done;
    if (status != SC_OK)
        rows->reasons[i] = sc_strdup(why.text);
    else
        rows->analyses[i] = keep_shown(analysis);
    status = rows->reasons[i] != NULL || rows->analyses[i] != NULL ? SC_OK : SC_ERR_NOMEM;
done:
    json_decref(analysis);
    sc_text_free(&path);
    return status == SC_OK ? SC_OK : sc_fail_nomem(error, "summary of a suite");
}

static double number_of(const json_t *analysis, const char *path)
{
    struct sc_suite_figure figure = sc_suite_figure_find(analysis, path);
    return sc_suite_figure_number(&figure);
}

/* Holm's adjustment over all runs whose test has a p-value. */
static void adjust(struct sc_summary_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        rows->p[i] =
            rows->analyses[i] != NULL ? number_of(rows->analyses[i], "hypothesis_test.p") : NAN;
        rows->n_tests += isfinite(rows->p[i]) ? 1 : 0;
    }
    sc_holm(rows->p, rows->n, rows->p_holm);
}

enum sc_status sc_summary_load(const struct sc_suite_summary *summary, struct sc_summary_rows *rows,
                               struct sc_error *error)
{
    size_t n = summary->suite->n_runs;
    *rows = (struct sc_summary_rows){.analyses = sc_alloc_zero(n, sizeof *rows->analyses),
                                     .reasons = sc_alloc_zero(n, sizeof *rows->reasons),
                                     .p = sc_alloc_array(n, sizeof *rows->p),
                                     .p_holm = sc_alloc_array(n, sizeof *rows->p_holm)};
    if (rows->analyses == NULL || rows->reasons == NULL || rows->p == NULL || rows->p_holm == NULL)
        return sc_fail_nomem(error, "summary of a suite");
    rows->n = n;
    for (size_t i = 0; i < n; i++)
        if (sc_outcome_has_figures(summary->results[i].outcome))
            SC_TRY(load_run(summary, rows, i, error));
    adjust(rows);
    return SC_OK;
}

void sc_summary_rows_free(struct sc_summary_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        json_decref(rows->analyses[i]);
        sc_free(rows->reasons[i]);
    }
    sc_free(rows->analyses);
    sc_free(rows->reasons);
    sc_free(rows->p);
    sc_free(rows->p_holm);
    *rows = (struct sc_summary_rows){0};
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static void put_estimate(struct sc_document *out, const char *key, const json_t *analysis,
                         const char *path)
{
    struct sc_suite_figure figure = sc_suite_figure_find(analysis, path);
    const json_t *n = json_object_get(figure.value, "n");
    struct sc_estimate estimate = {.value = sc_suite_figure_number(&figure),
                                   .low = sc_suite_figure_end(&figure, "low"),
                                   .high = sc_suite_figure_end(&figure, "high"),
                                   .n = (size_t)json_integer_value(n),
                                   .reason = figure.reason};
    sc_document_put_estimate(out, key, &estimate);
}

static void put_text(struct sc_document *out, const char *key, const json_t *analysis,
                     const char *path)
{
    struct sc_suite_figure figure = sc_suite_figure_find(analysis, path);
    sc_document_put_text(out, key, json_string_value(figure.value));
}

static void put_count(struct sc_document *out, const char *key, const json_t *analysis,
                      const char *path)
{
    struct sc_suite_figure figure = sc_suite_figure_find(analysis, path);
    if (json_is_integer(figure.value) && json_integer_value(figure.value) >= 0)
        sc_document_put_count(out, key, (uint64_t)json_integer_value(figure.value));
    else
        sc_document_put_absent(out, key,
                               figure.reason != NULL ? figure.reason : "the run does not say");
}

static void put_figures(struct sc_document *out, const struct sc_summary_rows *rows, size_t i)
{
    const json_t *a = rows->analyses[i];
    put_text(out, "model", a, "run.model");
    put_text(out, "dtype", a, "run.dtype");
    put_text(out, "benchmark", a, "run.benchmark");
    put_text(out, "policy", a, "run.policy");
    sc_document_put_flag(out, "demo",
                         json_is_true(json_object_get(json_object_get(a, "run"), "demo")));
    put_text(out, "harm_basis", a, "overall.harm_basis");
    put_count(out, "n_prompts", a, "overall.n_instances");
    put_count(out, "n_prompts_unfinished", a, "overall.n_instances_unfinished");
    put_count(out, "n_traces", a, "overall.n_traces");
    put_count(out, "n_traces_failed", a, "overall.n_traces_failed");
    put_estimate(out, "refusal_rate", a, "overall.refusal_rate");
    put_estimate(out, "refusal_rate_unsafe", a, "overall.refusal_rate_unsafe");
    put_estimate(out, "over_refusal", a, "overall.refusal_rate_safe");
    put_estimate(out, "harm_rate", a, "overall.harm_rate");
    put_estimate(out, "harm_rate_loose", a, "overall.harm_rate_loose");
    put_estimate(out, "confidence_of_answers", a, "overall.avg_confidence_answers");
    put_text(out, "hypothesis_finding", a, "hypothesis_test.finding");
    put_estimate(out, "hypothesis_difference", a, "hypothesis_test.difference");
    sc_document_put_number(out, "hypothesis_p", rows->p[i]);
    sc_document_put_number(out, "hypothesis_p_holm", rows->p_holm[i]);
    put_count(out, "total_tokens", a, "overall.total_tokens");
    put_estimate(out, "token_savings_percent", a, "overall.token_savings_percent");
    put_estimate(out, "trace_savings_percent", a, "overall.trace_savings_percent");
}

static void put_run(struct sc_document *out, const struct sc_suite_summary *summary,
                    const struct sc_summary_rows *rows, size_t i)
{
    const struct sc_suite_run *run = &summary->suite->runs[i];
    const struct sc_suite_result *result = &summary->results[i];
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "run", run->place);
    sc_document_put_text(out, "phase", summary->suite->phases[run->phase].name);
    sc_document_put_text(out, "name", run->name);
    sc_document_put_text(out, "outcome", sc_outcome_name(result->outcome));
    sc_document_put_text(out, "why", rows->reasons[i] != NULL ? rows->reasons[i] : result->why);
    sc_document_put_json(out, "options", run->options);
    sc_document_put_flag(out, "has_figures", rows->analyses[i] != NULL);
    if (rows->analyses[i] != NULL)
        put_figures(out, rows, i);
    sc_document_put_end(out);
}

/* ---- phases and notes -------------------------------------------------------------------------
 */

static void put_phase(struct sc_document *out, const struct sc_suite_summary *summary, size_t i)
{
    static const char *const words[] = {"does not hold", "holds", "not decided"};
    const struct sc_suite_phase *phase = &summary->suite->phases[i];
    const struct sc_suite_decision *decision = &summary->decisions[i];
    const struct sc_condition_result *result = &decision->result;
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "name", phase->name);
    sc_document_put_count(out, "n_runs", phase->n_runs);
    sc_document_put_text(out, "when", phase->when);
    sc_document_put_text(out, "condition",
                         phase->when == NULL ? "none"
                         : decision->made    ? words[result->truth]
                                             : "not looked at");
    sc_document_put_text(out, "seen", decision->made ? result->seen.data : NULL);
    sc_document_put_flag(out, "proxy", decision->made && result->proxy);
    sc_document_put_end(out);
}

static bool any_row(const struct sc_summary_rows *rows, const char *section, const char *key,
                    const char *text)
{
    for (size_t i = 0; i < rows->n; i++) {
        const json_t *value = json_object_get(json_object_get(rows->analyses[i], section), key);
        const char *found = json_string_value(value);
        if (text == NULL ? json_is_true(value) : found != NULL && strcmp(found, text) == 0)
            return true;
    }
    return false;
}

/* Whether two runs say different things at a path. */
static bool differ(const struct sc_summary_rows *rows, const char *path)
{
    const char *first = NULL;
    for (size_t i = 0; i < rows->n; i++) {
        struct sc_suite_figure figure = sc_suite_figure_find(rows->analyses[i], path);
        const char *text = json_string_value(figure.value);
        if (rows->analyses[i] == NULL || text == NULL)
            continue;
        if (first != NULL && strcmp(first, text) != 0)
            return true;
        first = text;
    }
    return false;
}

/* What stands in the way of comparing rows. */
static void put_differences(struct sc_document *out, const struct sc_summary_rows *rows)
{
    if (differ(rows, "run.config.benchmark.instances"))
        sc_document_put_text(out, NULL,
                             "The runs do not all have the same prompts: rows differ by their "
                             "prompts too (safeconf diff compares the common ones in pairs).");
    if (differ(rows, "run.judge"))
        sc_document_put_text(out, NULL,
                             "Harm is not judged the same way in all runs: compare it with care.");
    if (differ(rows, "run.metric"))
        sc_document_put_text(out, NULL,
                             "Confidences are of different metrics, which cannot be compared with "
                             "one another.");
    if (differ(rows, "run.config.detector"))
        sc_document_put_text(out, NULL,
                             "The detectors differ: what counts as a refusal is not the same.");
}

static void put_notes(struct sc_document *out, const struct sc_suite_summary *summary,
                      const struct sc_summary_rows *rows)
{
    size_t n_conditions = 0;
    for (size_t i = 0; i < summary->suite->n_phases; i++)
        n_conditions += summary->decisions[i].made;
    sc_document_put_array(out, "notes");
    if (any_row(rows, "run", "demo", NULL))
        sc_document_put_text(out, NULL,
                             "A bundled demonstration model is among the runs: nothing about any "
                             "real model follows.");
    if (any_row(rows, "overall", "harm_basis", "proxy"))
        sc_document_put_text(
            out, NULL,
            "Where no judge read the answers (*), harm is a proxy: the label of the "
            "prompt.");
    put_differences(out, rows);
    sc_document_put_text(
        out, NULL,
        "Intervals are 95 % for each figure by itself, not adjusted for their number: of twenty "
        "independent ones about one misses its true value.");
    if (rows->n_tests > 1)
        sc_document_put_text(out, NULL,
                             "Each run tests whether low-confidence answers are riskier; p (Holm) "
                             "is adjusted for all tests of this page. Runs that share prompts or a "
                             "model are not independent, which Holm's method allows.");
    if (n_conditions > 0)
        sc_document_put_text(
            out, NULL,
            "Phases began or were left out because of figures of earlier runs. "
            "What a later phase finds is to be read with the condition that let it "
            "begin, which is no test and not adjusted for.");
    sc_document_put_end(out);
}

static size_t count(const struct sc_suite_summary *summary, enum sc_outcome outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < summary->suite->n_runs; i++)
        n += summary->results[i].outcome == outcome;
    return n;
}

enum sc_status sc_summary_document(const struct sc_suite_summary *summary,
                                   const struct sc_summary_rows *rows, struct sc_document *document,
                                   struct sc_error *error)
{
    static const char *const keys[SC_N_OUTCOMES] = {
        "open", "finished", "finished_some_failed", "unfinished", "failed", "skipped"};
    struct sc_document *out = document;
    sc_document_begin(out);
    sc_document_put_text(out, "suite", summary->suite->name);
    sc_document_put_object(out, "counts");
    sc_document_put_count(out, "runs", summary->suite->n_runs);
    for (int i = 0; i < SC_N_OUTCOMES; i++)
        sc_document_put_count(out, keys[i], count(summary, (enum sc_outcome)i));
    sc_document_put_end(out);
    sc_document_put_count(out, "n_tests", rows->n_tests);
    put_notes(out, summary, rows);
    sc_document_put_array(out, "phases");
    for (size_t i = 0; i < summary->suite->n_phases; i++)
        put_phase(out, summary, i);
    sc_document_put_end(out);
    sc_document_put_array(out, "runs");
    for (size_t i = 0; i < summary->suite->n_runs; i++)
        put_run(out, summary, rows, i);
    sc_document_put_end(out);
    sc_document_put_end(out);
    return out->failed ? sc_fail_nomem(error, "summary of a suite") : SC_OK;
}
