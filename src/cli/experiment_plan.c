/* The plan of a suite: words, folders and states of its runs; see experiment.h. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cli/experiment.h"

enum { MOST_BYTES = 256 << 20 };

/* ---- folders ----------------------------------------------------------------------------------
 */

/* The folder in which a file lies; "." for the current one. */
static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return sc_strdup(".");
    return slash == file ? sc_strdup("/") : sc_strndup(file, (size_t)(slash - file));
}

/* --out, the file's out from where it lies, or results/NAME after the file's name. */
static char *out_of(const struct cli_plan *plan, const char *out)
{
    size_t n;
    struct sc_text text = {0};
    if (out != NULL)
        return sc_strdup(out);
    if (plan->suite.out != NULL)
        return cli_path_from(plan->folder, plan->suite.out);
    const char *name = sc_path_last(plan->file, &n);
    const char *dot = memrchr(name, '.', n);
    sc_text_puts(&text, "results/");
    sc_text_add_name(&text, name, dot != NULL && dot > name ? (size_t)(dot - name) : n, '-');
    return sc_text_take(&text);
}

/* ---- one run ----------------------------------------------------------------------------------
 */

/* What makes traces of one run take as long as those of another. */
static char *kind_of(const json_t *options)
{
    static const char *const names[] = {"model",           "endpoint", "dtype", "engine",
                                        "max-new-tokens",  "thinking", "judge", "judge-model",
                                        "thinking-budget", "benchmark"};
    struct sc_text text = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(options, names[i]);
        if (value != NULL)
            sc_json_write(&text, value);
        sc_text_putc(&text, '|');
    }
    return sc_text_take(&text);
}

static bool has_finished(const struct cli_plan *plan, size_t i)
{
    struct sc_suite_entry entry;
    const struct cli_planned *run = &plan->runs[i];
    return sc_file_exists_in(run->folder, "run.db") &&
           sc_file_exists_in(run->folder, "analysis.json") &&
           sc_suite_journal_find(&plan->journal, plan->suite.runs[i].place, &entry) &&
           entry.status == CLI_DONE && strcmp(entry.key, run->words.key) == 0;
}

/* "experiment: FILE: PLACE", before what is wrong with a run. */
static char *speaker_of(const struct cli_plan *plan, size_t i)
{
    struct sc_text text = {0};
    sc_text_puts(&text, "experiment: ");
    sc_text_add_visible(&text, plan->file, strlen(plan->file), false);
    sc_text_printf(&text, ": %s", plan->suite.runs[i].place);
    return sc_text_take(&text);
}

static int fail_nomem(void)
{
    struct sc_error error = {0};
    sc_fail_nomem(&error, "plan of a suite");
    return cli_report_error("experiment", &error);
}

/* Whether `run` would take the words: what is wrong in a file is no wrong word of the command. */
static int examine(struct cli_plan *plan, size_t i)
{
    struct cli_planned *run = &plan->runs[i];
    struct sc_error error = {0};
    char *speaker = speaker_of(plan, i);
    if (speaker == NULL)
        return fail_nomem();
    int status = cli_run_examine(speaker, (int)run->words.n - 1, run->words.items + 1, &run->facts);
    if (status < 0 && run->facts.several_temperatures) {
        sc_fail(&error, SC_ERR_FORMAT,
                "temperature: expected one, found several: [phase.matrix] makes a run of each");
        status = cli_report_error(speaker, &error);
    }
    sc_free(speaker);
    return status < 0 ? CLI_DONE : CLI_FAILED;
}

static int plan_run(struct cli_plan *plan, size_t i)
{
    struct cli_planned *run = &plan->runs[i];
    struct sc_error error = {0};
    run->folder = sc_path_join(plan->out, plan->suite.runs[i].place);
    run->kind = kind_of(plan->suite.runs[i].options);
    if (run->folder == NULL || run->kind == NULL)
        return fail_nomem();
    if (cli_suite_words(&plan->suite.runs[i], plan->folder, run->folder, &run->words, &error) !=
        SC_OK) {
        sc_error_prefix(&error, "%s: %s", plan->file, plan->suite.runs[i].place);
        return cli_report_error("experiment", &error);
    }
    int status = examine(plan, i);
    if (status != CLI_DONE)
        return status;
    plan->results[i].earlier = has_finished(plan, i);
    plan->results[i].outcome = plan->results[i].earlier ? SC_OUTCOME_FINISHED : SC_OUTCOME_OPEN;
    return CLI_DONE;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static int ask_for(struct cli_plan *plan, const struct cli_list *only)
{
    for (size_t i = 0; i < plan->suite.n_runs; i++)
        plan->runs[i].asked_for = only->n == 0;
    for (size_t k = 0; k < only->n; k++) {
        bool found = false;
        for (size_t i = 0; i < plan->suite.n_runs; i++) {
            const struct sc_suite_run *run = &plan->suite.runs[i];
            bool meant = strcmp(only->items[k], run->place) == 0 ||
                         strcmp(only->items[k], plan->suite.phases[run->phase].name) == 0;
            plan->runs[i].asked_for = plan->runs[i].asked_for || meant;
            found = found || meant;
        }
        if (!found)
            return cli_usage_error("experiment",
                                   "--only: expected a phase, or a run as PHASE/NAME, found \"%s\"",
                                   only->items[k]);
    }
    return CLI_DONE;
}

static enum sc_status open_plan(struct cli_plan *plan, const char *out, struct sc_error *error)
{
    SC_TRY(sc_suite_read(plan->file, &plan->suite, error));
    plan->folder = folder_of(plan->file);
    plan->out = plan->folder != NULL ? out_of(plan, out) : NULL;
    plan->runs = sc_alloc_zero(plan->suite.n_runs, sizeof *plan->runs);
    plan->results = sc_alloc_zero(plan->suite.n_runs, sizeof *plan->results);
    plan->decisions = sc_alloc_zero(plan->suite.n_phases, sizeof *plan->decisions);
    if (plan->out == NULL || plan->runs == NULL || plan->results == NULL || plan->decisions == NULL)
        return sc_fail_nomem(error, "plan of a suite");
    return sc_suite_journal_open(&plan->journal, plan->out, error);
}

int cli_plan_make(struct cli_plan *plan, const char *file, const char *out,
                  const struct cli_list *only)
{
    struct sc_error error = {0};
    *plan = (struct cli_plan){.file = file, .deadline = INFINITY};
    if (open_plan(plan, out, &error) != SC_OK)
        return cli_report_error("experiment", &error);
    int status = ask_for(plan, only);
    for (size_t i = 0; i < plan->suite.n_runs && status == CLI_DONE; i++)
        status = plan_run(plan, i);
    return status;
}

void cli_plan_free(struct cli_plan *plan)
{
    for (size_t i = 0; plan->runs != NULL && i < plan->suite.n_runs; i++) {
        cli_words_free(&plan->runs[i].words);
        sc_free(plan->runs[i].folder);
        sc_free(plan->runs[i].kind);
        json_decref(plan->runs[i].analysis);
    }
    for (size_t i = 0; plan->results != NULL && i < plan->suite.n_runs; i++)
        sc_free(plan->results[i].why);
    for (size_t i = 0; plan->decisions != NULL && i < plan->suite.n_phases; i++)
        sc_condition_result_free(&plan->decisions[i].result);
    sc_free(plan->runs);
    sc_free(plan->results);
    sc_free(plan->decisions);
    sc_free(plan->folder);
    sc_free(plan->out);
    sc_suite_journal_close(&plan->journal);
    sc_suite_free(&plan->suite);
}

size_t cli_plan_traces(const struct cli_plan *plan, size_t run)
{
    const struct cli_run_facts *facts = &plan->runs[run].facts;
    return sc_size_mul(facts->n_prompts, facts->most_traces);
}

double cli_plan_seconds(const struct cli_plan *plan, size_t run)
{
    size_t traces = cli_plan_traces(plan, run);
    double rate = sc_suite_journal_rate(&plan->journal, plan->runs[run].kind);
    return traces > 0 ? rate * (double)traces : NAN;
}

/* ---- conditions -------------------------------------------------------------------------------
 */

/* The runs that a reference means: from the first on, so many. */
static size_t meant_runs(const struct cli_plan *plan, const char *phase, const char *run, size_t *n)
{
    size_t p = sc_suite_phase_at(&plan->suite, phase);
    *n = run != NULL ? 1 : plan->suite.phases[p].n_runs;
    return run != NULL ? sc_suite_run_at(&plan->suite, p, run) : plan->suite.phases[p].first;
}

static size_t count_runs(void *context, const char *phase, const char *run)
{
    size_t n;
    meant_runs(context, phase, run, &n);
    return n;
}

static const json_t *analysis_of(void *context, const char *phase, const char *run, size_t i,
                                 const char **name, const char **why)
{
    struct cli_plan *plan = context;
    size_t n, at = meant_runs(plan, phase, run, &n) + i;
    struct cli_planned *planned = &plan->runs[at];
    *name = plan->suite.runs[at].name;
    *why = "the run has not finished";
    if (!sc_outcome_has_figures(plan->results[at].outcome))
        return NULL;
    char *path = planned->analysis == NULL ? sc_path_join(planned->folder, "analysis.json") : NULL;
    *why = "its analysis.json cannot be read";
    if (planned->analysis == NULL && path == NULL)
        sc_fail_nomem(&plan->unread, planned->folder);
    else if (path != NULL &&
             sc_json_read(path, MOST_BYTES, &planned->analysis, &plan->unread) != SC_OK)
        planned->analysis = NULL;
    sc_free(path);
    return planned->analysis;
}

enum sc_status cli_plan_decide(struct cli_plan *plan, size_t phase, struct sc_error *error)
{
    const struct sc_condition_figures figures = {plan, count_runs, analysis_of};
    struct sc_suite_decision *decision = &plan->decisions[phase];
    const struct sc_condition *condition = plan->suite.phases[phase].condition;
    sc_condition_result_free(&decision->result);
    *decision = (struct sc_suite_decision){.result = {.truth = SC_TRUTH_YES}};
    if (condition == NULL)
        return SC_OK;
    decision->made = true;
    plan->unread = (struct sc_error){0};
    enum sc_status status = sc_condition_evaluate(condition, &figures, &decision->result, error);
    for (size_t i = 0; i < plan->suite.n_runs; i++) {
        json_decref(plan->runs[i].analysis);
        plan->runs[i].analysis = NULL;
    }
    SC_TRY(status);
    /* Figures that are there and cannot be had decide nothing. */
    return plan->unread.status == SC_OK
               ? SC_OK
               : sc_fail(error, plan->unread.status, "%s", plan->unread.text);
}

/* ---- the plan for people ----------------------------------------------------------------------
 */

static void put_time(struct sc_text *text, double seconds)
{
    if (seconds < 90)
        sc_text_printf(text, "%.0f s", seconds);
    else if (seconds < 5400)
        sc_text_printf(text, "%.0f min", seconds / 60);
    else
        sc_text_printf(text, "%.1f h", seconds / 3600);
}

static const char *state_of(const struct cli_plan *plan, size_t i)
{
    if (plan->results[i].outcome == SC_OUTCOME_FINISHED)
        return "finished";
    if (!plan->runs[i].asked_for)
        return "not asked for";
    return sc_file_exists_in(plan->runs[i].folder, "run.db") ? "begun" : "to do";
}

static void put_phase(struct cli_plan *plan, size_t p, struct sc_text *text)
{
    static const char *const truths[] = {"does not hold now", "holds now", "is not decided"};
    const struct sc_suite_phase *phase = &plan->suite.phases[p];
    const struct sc_condition_result *result = &plan->decisions[p].result;
    sc_text_printf(text, "\nphase %s", phase->name);
    if (phase->when != NULL) {
        sc_text_puts(text, ", when ");
        sc_text_add_visible(text, phase->when, strlen(phase->when), false);
        bool later = result->truth == SC_TRUTH_UNDECIDED && result->awaits;
        bool seen = !later && result->seen.len > 0;
        sc_text_printf(text, "\n  %s",
                       later ? "is decided when those runs have finished" : truths[result->truth]);
        sc_text_puts(text, seen ? ": " : "");
        if (seen)
            sc_text_add_visible(text, result->seen.data, result->seen.len, false);
    }
    sc_text_putc(text, '\n');
}

static void put_run(struct cli_plan *plan, size_t i, struct sc_text *text)
{
    const struct cli_run_facts *facts = &plan->runs[i].facts;
    char prompts[32] = "?", traces[32] = "?";
    if (facts->n_prompts > 0) {
        snprintf(prompts, sizeof prompts, "%zu", facts->n_prompts);
        snprintf(traces, sizeof traces, "%zu", cli_plan_traces(plan, i));
    }
    sc_text_printf(text, "  %-40s %-14s %8s %9s\n      ", plan->suite.runs[i].name,
                   state_of(plan, i), prompts, traces);
    cli_words_put(text, &plan->runs[i].words);
    sc_text_putc(text, '\n');
    if (facts->why[0] != '\0') {
        sc_text_puts(text, "      prompts are not known: ");
        sc_text_add_visible(text, facts->why, strlen(facts->why), false);
        sc_text_putc(text, '\n');
    }
}

static void put_sum(const struct cli_plan *plan, struct sc_text *text)
{
    size_t n = 0, traces = 0, n_unknown = 0, n_untimed = 0;
    double seconds = 0;
    for (size_t i = 0; i < plan->suite.n_runs; i++) {
        if (plan->results[i].outcome == SC_OUTCOME_FINISHED || !plan->runs[i].asked_for)
            continue;
        double time = cli_plan_seconds(plan, i);
        n++;
        traces = sc_size_add(traces, cli_plan_traces(plan, i));
        n_unknown += cli_plan_traces(plan, i) == 0;
        n_untimed += isfinite(time) ? 0 : 1;
        seconds += isfinite(time) ? time : 0;
    }
    sc_text_printf(text, "\n%zu of %zu runs to do, conditions aside: at most %zu traces", n,
                   plan->suite.n_runs, traces);
    if (n_unknown > 0)
        sc_text_printf(text, ", and those of %zu run%s whose prompts are not known", n_unknown,
                       n_unknown == 1 ? "" : "s");
    if (n > n_untimed) {
        sc_text_puts(text, "; about ");
        put_time(text, seconds);
        sc_text_puts(text, " at most, as long as traces of such runs took");
        if (n_untimed > 0)
            sc_text_printf(text, " (%zu run%s not among them)", n_untimed,
                           n_untimed == 1 ? "" : "s");
    }
    sc_text_puts(text, ".\n");
}

void cli_plan_put(struct cli_plan *plan, struct sc_text *text)
{
    const struct sc_suite *suite = &plan->suite;
    const char *name = suite->name != NULL ? suite->name : plan->file;
    sc_text_add_visible(text, name, strlen(name), false);
    sc_text_printf(text, ": %zu run%s in %zu phase%s, results in ", suite->n_runs,
                   suite->n_runs == 1 ? "" : "s", suite->n_phases, suite->n_phases == 1 ? "" : "s");
    sc_text_add_visible(text, plan->out, strlen(plan->out), false);
    if (isfinite(suite->hours))
        sc_text_printf(text, ", %g hours", suite->hours);
    sc_text_printf(text, "\n\n  %-40s %-14s %8s %9s\n", "run", "state", "prompts", "traces <=");
    for (size_t p = 0; p < suite->n_phases; p++) {
        put_phase(plan, p, text);
        for (size_t i = 0; i < suite->phases[p].n_runs; i++)
            put_run(plan, suite->phases[p].first + i, text);
    }
    put_sum(plan, text);
}
