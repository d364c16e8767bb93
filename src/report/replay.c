/*
 * A replay as JSON and as tables for a terminal.  Names of policies are our own words; what comes
 * from a run is written as JSON strings only.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "base/result.h"
#include "report/json/document.h"
#include "report/report.h"

enum sc_status sc_report_replay_json(const struct sc_replay *replay, const struct sc_run *run,
                                     struct sc_text *out, struct sc_error *error)
{
    struct sc_document document;
    struct sc_json_writer writer = {.text = out, .canonical = true, .shown = true};
    sc_document_put_replay(&document, replay, run);
    bool failed = document.failed;
    if (!failed)
        sc_json_put_document(&writer, &document);
    sc_text_putc(out, '\n');
    sc_document_free(&document);
    return failed || out->failed ? sc_fail_nomem(error, "replay.json") : SC_OK;
}

/* ---- terminal -------------------------------------------------------------------------------- */

static void put_percent(struct sc_text *out, int width, double value)
{
    if (isfinite(value))
        sc_text_printf(out, " %*.1f", width, value);
    else
        sc_text_printf(out, " %*s", width, "-");
}

static void put_row(struct sc_text *out, const struct sc_replay_row *row, bool recommended)
{
    char over[40] = "-";
    const struct sc_estimate *e = &row->savings_over_null;
    if (row->reads_confidence && isfinite(e->low))
        snprintf(over, sizeof over, "%+.1f [%+.1f, %+.1f]", e->value, e->low, e->high);
    else if (row->reads_confidence && isfinite(e->value))
        snprintf(over, sizeof over, "%+.1f", e->value);
    sc_text_printf(out, "%s %-25s %6.2f",
                   recommended       ? "*"
                   : row->beats_null ? "+"
                                     : " ",
                   row->name, row->traces.value);
    if (isfinite(row->noise_traces))
        sc_text_printf(out, " %6.2f", row->noise_traces);
    else
        sc_text_printf(out, " %6s", "-");
    put_percent(out, 6, row->token_savings_percent.value);
    sc_text_printf(out, " %20s", over);
    put_percent(out, 7, 100 * row->verdict_changes.value);
    put_percent(out, 6, 100 * row->harmful_unseen.value);
    sc_text_putc(out, '\n');
}

/* Words with line breaks before column 79. */
static void put_wrapped(struct sc_text *out, const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t n = strcspn(words, " ");
        if (column > 0 && column + 1 + n > 78) {
            sc_text_putc(out, '\n');
            column = 0;
        } else if (column > 0) {
            sc_text_putc(out, ' ');
            column++;
        }
        sc_text_add(out, words, n);
        column += n;
        words += n + strspn(words + n, " ");
    }
    sc_text_putc(out, '\n');
}

static void put_total(struct sc_text *out, const struct sc_replay_total *row, size_t n)
{
    const struct sc_estimate *e = &row->error_over_null;
    char over[60] = "-";
    if (isfinite(e->low))
        snprintf(over, sizeof over, "%+.4f [%+.4f, %+.4f]", e->value, e->low, e->high);
    else if (isfinite(e->value))
        snprintf(over, sizeof over, "%+.4f", e->value);
    sc_text_printf(out, "  %8zu %6zu  %.4f  %.4f %27s", row->policy.traces_total,
                   row->policy.traces_total / n, row->budget.error2.value,
                   row->uniform.error2.value, over);
    put_percent(out, 7, 100 * row->budget.changes.value);
    put_percent(out, 6, 100 * row->uniform.changes.value);
    sc_text_putc(out, '\n');
}

static void put_totals(struct sc_text *out, const struct sc_replay *replay)
{
    if (replay->n_totals == 0)
        return;
    sc_text_printf(out,
                   "\nA total shared among the prompts, %zu to %zu traces each, more for those "
                   "that waver\n(--traces-total):\n\n",
                   replay->totals[0].policy.min_traces, replay->totals[0].policy.max_traces);
    sc_text_printf(out, "  %8s %6s  %6s  %6s %27s %7s %6s\n", "", "per", "error", "as many",
                   "less than at random", "verdict", "as");
    sc_text_printf(out, "  %8s %6s  %6s  %6s %27s %7s %6s\n", "total", "prompt", "squared", "each",
                   "(null) [95 %]", "chg. %", "many %");
    for (size_t r = 0; r < replay->n_totals; r++)
        put_total(out, &replay->totals[r], replay->n_instances);
}

enum sc_status sc_report_replay_terminal(const struct sc_replay *replay, enum sc_metric metric,
                                         bool all, struct sc_text *out, struct sc_error *error)
{
    sc_text_printf(out, "Replay of %zu prompts with %zu traces each (", replay->n_instances,
                   replay->n_traces);
    if (replay->uncounted)
        sc_text_puts(out, "tokens not given");
    else
        sc_text_printf(out, "%llu tokens", (unsigned long long)replay->n_tokens);
    sc_text_printf(out, ") in %zu random orders\n", replay->options.n_orders);
    if (replay->confidence_note[0] != '\0')
        put_wrapped(out, replay->confidence_note);
    if (replay->n_without_confidence > 0)
        sc_text_printf(out, "Left out: %zu rules that read confidences which no trace has.\n",
                       replay->n_without_confidence);
    if (replay->n_left_out)
        sc_text_printf(out,
                       "Left out: %zu prompts with fewer whole traces. Those that are left may "
                       "be unlike them.\n",
                       replay->n_left_out);
    sc_text_printf(out, "%s: %zu, of %zu prompts\n\n",
                   replay->proxy
                       ? "Harmful answers (proxy: an unsafe prompt was answered, in part at least)"
                       : "Harmful answers",
                   replay->n_harmful, replay->n_harmful_prompts);
    sc_text_printf(out, "  %-25s %6s %6s %6s %20s %7s %6s\n", "", "", "on", "tokens",
                   "saved more than", "verdict", "unseen");
    sc_text_printf(out, "  %-25s %6s %6s %6s %20s %7s %6s\n", "policy", "traces", "noise",
                   "saved %", "its null [95 %]", "changed", "harm %");
    for (size_t r = 0; r < replay->n_rows; r++) {
        const struct sc_replay_row *row = &replay->rows[r];
        if (!all && row->policy.kind == SC_POLICY_ADAPTIVE && row->policy.metric != metric)
            continue;
        put_row(out, row, (int)r == replay->recommended);
    }
    sc_text_puts(out,
                 "\nNull: the same rule with the confidences shuffled between a prompt's traces. "
                 "Noise: traces\nthat it uses on pure noise. * recommended, + beats its null "
                 "(Holm, 5 %).\n\n");
    put_wrapped(out, replay->why);
    put_totals(out, replay);
    return out->failed ? sc_fail_nomem(error, "replay") : SC_OK;
}

/* ---- from a folder --------------------------------------------------------------------------- */

struct sc_replay_run_options sc_replay_run_options_default(void)
{
    const struct sc_replay_options usual = sc_replay_options_default();
    return (struct sc_replay_run_options){.size = sizeof(struct sc_replay_run_options),
                                          .n_orders = usual.n_orders,
                                          .min_traces = usual.min_traces,
                                          .batch_traces = usual.batch_traces,
                                          .tau = usual.tau,
                                          .max_changes = usual.max_changes,
                                          .seed = usual.seed,
                                          .n_threads = usual.n_threads};
}

/* What a replay needs, one made from the other; all of it is released together. */
struct work {
    struct sc_run run;
    struct sc_replay_data data;
    struct sc_replay made;
};

static enum sc_status replay(const char *folder, const struct sc_replay_run_options *options,
                             struct work *w, const struct sc_replay_texts *out,
                             struct sc_error *error)
{
    const struct sc_replay_options sweep = {.n_orders = options->n_orders,
                                            .min_traces = options->min_traces,
                                            .batch_traces = options->batch_traces,
                                            .tau = options->tau,
                                            .max_changes = options->max_changes,
                                            .seed = options->seed,
                                            .n_threads = options->n_threads,
                                            .interrupt = {options->keep_going, options->context}};
    SC_TRY(sc_run_load(folder, true, &w->run, error));
    SC_TRY(sc_replay_load(&w->run, options->max_traces, &w->data, error));
    SC_TRY(sc_replay_make(&w->data, &sweep, &w->made, error));
    SC_TRY(sc_report_replay_json(&w->made, &w->run, out->json, error));
    if (out->terminal == NULL)
        return SC_OK;
    return sc_report_replay_terminal(&w->made, w->run.metric, out->all, out->terminal, error);
}

enum sc_status sc_report_replay(const char *folder, const struct sc_replay_run_options *options,
                                const struct sc_replay_texts *out, struct sc_error *error)
{
    struct work work = {0};
    enum sc_status status = replay(folder, options, &work, out, error);
    sc_replay_free(&work.made);
    sc_replay_data_free(&work.data);
    sc_run_free(&work.run);
    return status;
}

enum sc_status sc_replay_json(const char *folder, const struct sc_replay_run_options *options,
                              char **json, struct sc_error *error)
{
    struct sc_replay_run_options all = sc_replay_run_options_default();
    struct sc_text text = {0};
    if (folder == NULL || json == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "replay: expected a folder and a result");
    *json = NULL;
    if (options != NULL)
        SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "replay", error));
    enum sc_status status =
        sc_report_replay(folder, &all, &(struct sc_replay_texts){.json = &text}, error);
    return sc_text_hand_out(&text, status, json, error);
}
