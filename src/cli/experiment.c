/*
 * safeconf experiment: a suite of runs (docs/SUITE.md).  Each run is this program itself as a
 * child, with the words of `safeconf run`: what a run does, refuses and resumes is decided there
 * alone, and one that crashes or fills its memory ends by itself.
 */
#include "cli/experiment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "cli/child.h"
#include "experiment/store/lock.h"
#include "experiment/store/store.h"
#include "suite/figures.h"

enum { MOST_BYTES = 256 << 20 };

static const double seconds_per_hour = 3600;
/* What a run whose suite was killed may take to end: it ends between two steps of its traces. */
static const double seconds_to_end = 10;

/* ---- outcomes ---------------------------------------------------------------------------------
 */

static void set_outcome(struct cli_plan *plan, size_t i, enum sc_outcome outcome,
                        const char *format, ...) SC_PRINTF(4, 5);

static void set_outcome(struct cli_plan *plan, size_t i, enum sc_outcome outcome,
                        const char *format, ...)
{
    char why[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    struct sc_suite_result *result = &plan->results[i];
    sc_free(result->why);
    result->outcome = outcome;
    result->earlier = false;
    result->why = why[0] != '\0' ? sc_strdup(why) : NULL;
}

/* Traces that a run has stored, and whether it has all that it wants; in error why that is not
 * known. */
static void look_at_results(const struct cli_planned *run, uint64_t *traces, bool *complete,
                            struct sc_error *error)
{
    char *path = sc_path_join(run->folder, "analysis.json");
    json_t *analysis = NULL;
    *traces = 0;
    *complete = false;
    if (path == NULL)
        sc_fail_nomem(error, run->folder);
    else if (sc_json_read(path, MOST_BYTES, &analysis, error) == SC_OK) {
        struct sc_suite_figure n = sc_suite_figure_find(analysis, "overall.n_traces");
        struct sc_suite_figure open =
            sc_suite_figure_find(analysis, "overall.n_instances_unfinished");
        *traces = json_is_integer(n.value) ? (uint64_t)json_integer_value(n.value) : 0;
        *complete = json_is_integer(open.value) && json_integer_value(open.value) == 0;
    }
    json_decref(analysis);
    sc_free(path);
}

/* What the child's end means. */
static void judge_end(struct cli_plan *plan, size_t i, const struct cli_child_result *end,
                      bool complete, const struct sc_error *unknown)
{
    const char *last = end->last_line;
    if (end->status == CLI_DONE && complete)
        set_outcome(plan, i, SC_OUTCOME_FINISHED, "%s", "");
    else if (end->status == CLI_SOME_TRACES_FAILED && complete)
        set_outcome(plan, i, SC_OUTCOME_SOME_FAILED, "%s", last);
    else if (end->out_of_time)
        set_outcome(plan, i, SC_OUTCOME_UNFINISHED,
                    "the hours are over; it goes on at the next start");
    else if (end->status == CLI_INTERRUPTED && cli_interrupted())
        set_outcome(plan, i, SC_OUTCOME_UNFINISHED, "interrupted; it goes on at the next start");
    else if (unknown->status != SC_OK)
        set_outcome(plan, i, SC_OUTCOME_FAILED, "%s (exit status %d)", unknown->text, end->status);
    else if (end->status == CLI_INTERRUPTED || end->status == CLI_DONE ||
             end->status == CLI_SOME_TRACES_FAILED)
        set_outcome(plan, i, SC_OUTCOME_UNFINISHED, "%s", last);
    else
        set_outcome(plan, i, SC_OUTCOME_FAILED, "%s (exit status %d)",
                    last[0] != '\0' ? last : "ended without a word", end->status);
}

static enum sc_status note_end(struct cli_plan *plan, size_t i, const struct cli_child_result *end,
                               uint64_t traces, struct sc_error *error)
{
    struct sc_suite_entry before = {.seconds = 0}, entry;
    bool known = sc_suite_journal_find(&plan->journal, plan->suite.runs[i].place, &before);
    bool same = known && strcmp(before.key, plan->runs[i].words.key) == 0;
    if (plan->results[i].outcome == SC_OUTCOME_FAILED && traces == 0)
        return SC_OK; /* nothing is known of such runs */
    entry =
        (struct sc_suite_entry){.key = plan->runs[i].words.key,
                                .model = plan->runs[i].kind,
                                .status = plan->results[i].outcome == SC_OUTCOME_FINISHED ? CLI_DONE
                                          : end->status != CLI_DONE ? end->status & 255
                                                                    : CLI_FAILED,
                                .seconds = end->seconds + (same ? before.seconds : 0),
                                .traces = traces};
    return sc_suite_journal_put(&plan->journal, plan->suite.runs[i].place, &entry, error);
}

/* ---- one run ----------------------------------------------------------------------------------
 */

/* Whether there is time for it; says so where there is not. */
static bool fits(struct cli_plan *plan, size_t i)
{
    double left = plan->deadline - sc_seconds(), needed = cli_plan_seconds(plan, i);
    if (left > 0 && !(needed > left))
        return true;
    if (left <= 0)
        set_outcome(plan, i, SC_OUTCOME_OPEN, "not begun: the hours are over");
    else
        set_outcome(plan, i, SC_OUTCOME_OPEN,
                    "not begun: about %.2g h at most, and %.2g h are left of the suite's",
                    needed / seconds_per_hour, left / seconds_per_hour);
    return false;
}

/* A run whose suite was killed ends by itself, in order, which takes a moment: it is given one, so
 * that the same command can be called again at once. The run says who else has its folder. */
static void let_earlier_end(const char *folder)
{
    static const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    double until = sc_seconds() + seconds_to_end;
    while (sc_is_folder(folder) && sc_seconds() < until && !cli_interrupted()) {
        struct sc_lock lock = {.descriptor = -1};
        struct sc_error error = {0};
        enum sc_status status = sc_lock_take(&lock, folder, &error);
        sc_lock_release(&lock);
        if (status != SC_ERR_CONFLICT)
            return;
        nanosleep(&pause, NULL); /* a signal ends it */
    }
}

static enum sc_status run_one(struct cli_plan *plan, size_t i, struct sc_error *error)
{
    struct cli_planned *run = &plan->runs[i];
    const char *place = plan->suite.runs[i].place;
    struct cli_child_result end;
    uint64_t traces = 0;
    bool complete = false;
    struct sc_error unknown = {0};
    if (!plan->quiet)
        cli_say("experiment", "%s (%zu of %zu) begins", place, i + 1, plan->suite.n_runs);
    let_earlier_end(run->folder);
    SC_TRY(cli_child_run(&(struct cli_child){.words = run->words.items,
                                             .n_words = run->words.n,
                                             .name = place,
                                             .quiet = plan->quiet,
                                             .deadline = plan->deadline},
                         &end, error));
    if (end.status == CLI_DONE || end.status == CLI_SOME_TRACES_FAILED)
        look_at_results(run, &traces, &complete, &unknown);
    judge_end(plan, i, &end, complete, &unknown);
    const struct sc_suite_result *result = &plan->results[i];
    if (result->outcome != SC_OUTCOME_FINISHED)
        cli_say("experiment", "%s: %s%s%s", place, sc_outcome_name(result->outcome),
                result->why != NULL ? ": " : "", result->why != NULL ? result->why : "");
    return note_end(plan, i, &end, traces, error);
}

/* ---- the suite --------------------------------------------------------------------------------
 */

static void skip_phase(struct cli_plan *plan, size_t p)
{
    const struct sc_suite_phase *phase = &plan->suite.phases[p];
    const struct sc_condition_result *result = &plan->decisions[p].result;
    bool slip = result->truth == SC_TRUTH_UNDECIDED && result->unknown_path;
    const char *seen = result->seen.data != NULL ? result->seen.data : "";
    for (size_t i = phase->first; i < phase->first + phase->n_runs; i++)
        set_outcome(plan, i, slip ? SC_OUTCOME_FAILED : SC_OUTCOME_SKIPPED,
                    result->truth == SC_TRUTH_NO ? "its condition does not hold: %s"
                                                 : "its condition is not decided: %s",
                    seen);
    if (!plan->quiet || slip)
        cli_say("experiment", "phase %s is left out: its condition %s: %s", phase->name,
                result->truth == SC_TRUTH_NO ? "does not hold" : "is not decided", seen);
}

static enum sc_status run_phase(struct cli_plan *plan, size_t p, struct sc_error *error)
{
    const struct sc_suite_phase *phase = &plan->suite.phases[p];
    for (size_t i = phase->first; i < phase->first + phase->n_runs; i++) {
        const char *place = plan->suite.runs[i].place;
        if (plan->results[i].outcome == SC_OUTCOME_FINISHED) {
            sc_store_sweep(plan->runs[i].folder);
            if (!plan->quiet)
                cli_say("experiment", "%s (%zu of %zu) has finished before", place, i + 1,
                        plan->suite.n_runs);
        } else if (!plan->runs[i].asked_for) {
            set_outcome(plan, i, SC_OUTCOME_OPEN, "not asked for");
        } else if (cli_interrupted()) {
            set_outcome(plan, i, SC_OUTCOME_OPEN, "not begun: interrupted");
        } else if (fits(plan, i)) {
            SC_TRY(run_one(plan, i, error));
        } else if (!plan->quiet) {
            cli_say("experiment", "%s: %s", place, plan->results[i].why);
        }
    }
    return SC_OK;
}

static enum sc_status run_suite(struct cli_plan *plan, struct sc_error *error)
{
    if (isfinite(plan->suite.hours))
        plan->deadline = sc_seconds() + plan->suite.hours * seconds_per_hour;
    for (size_t p = 0; p < plan->suite.n_phases; p++) {
        SC_TRY(cli_plan_decide(plan, p, error));
        if (plan->decisions[p].result.truth != SC_TRUTH_YES)
            skip_phase(plan, p);
        else
            SC_TRY(run_phase(plan, p, error));
    }
    return SC_OK;
}

static size_t count(const struct cli_plan *plan, enum sc_outcome outcome)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->suite.n_runs; i++)
        n += plan->results[i].outcome == outcome &&
             (plan->runs[i].asked_for || outcome != SC_OUTCOME_OPEN);
    return n;
}

/* One line on what is missing, and what to exit with: as a run does that a limit or a signal ended,
 * where the same command has more to do. */
static int end_of(const struct cli_plan *plan)
{
    size_t failed = count(plan, SC_OUTCOME_FAILED), some = count(plan, SC_OUTCOME_SOME_FAILED);
    size_t unfinished = count(plan, SC_OUTCOME_UNFINISHED), open = count(plan, SC_OUTCOME_OPEN);
    size_t finished = count(plan, SC_OUTCOME_FINISHED) + some;
    if (failed + some + unfinished + open > 0)
        cli_say("experiment",
                "%zu run%s finished (%zu with failed traces or judgements), %zu failed, %zu "
                "unfinished, %zu not begun%s",
                finished, finished == 1 ? "" : "s", some, failed, unfinished, open,
                unfinished + open > 0 ? ": the same command goes on" : "");
    if (unfinished + open > 0)
        return CLI_INTERRUPTED;
    if (failed > 0 && finished == 0)
        return CLI_FAILED;
    return failed + some > 0 ? CLI_SOME_TRACES_FAILED : CLI_DONE;
}

/* said: what has been said of the suite; it is not said twice. */
static int show(const struct cli_plan *plan, const struct sc_error *said)
{
    struct sc_error error = {0};
    struct sc_text text = {0};
    struct sc_suite_summary summary = {.suite = &plan->suite,
                                       .out = plan->out,
                                       .results = plan->results,
                                       .decisions = plan->decisions,
                                       .width = cli_width(stdout),
                                       .colour = cli_colour(stdout)};
    int status = CLI_DONE;
    if (sc_suite_summary_write(&summary, &text, &error) != SC_OK)
        status = strcmp(error.text, said->text) == 0 ? CLI_FAILED
                                                     : cli_report_error("experiment", &error);
    if (text.len > 0) {
        sc_text_puts(&text, "Page to open in a browser: ");
        sc_text_add_visible(&text, plan->out, strlen(plan->out), false);
        sc_text_puts(&text, "/summary.html   (each run's report.html in its own folder)\n");
        if (!cli_write("experiment", &text))
            status = CLI_FAILED;
    }
    sc_text_free(&text);
    return status;
}

/* One suite at a time in a folder. */
static int run_locked(struct cli_plan *plan)
{
    struct sc_error error = {0};
    struct sc_lock lock = {.descriptor = -1};
    if (sc_make_folders(plan->out, &error) != SC_OK ||
        sc_lock_take(&lock, plan->out, &error) != SC_OK)
        return cli_report_error("experiment", &error);
    cli_catch_signals();
    int status =
        run_suite(plan, &error) == SC_OK ? CLI_DONE : cli_report_error("experiment", &error);
    int shown = show(plan, &error);
    if (status == CLI_DONE)
        status = shown != CLI_DONE ? shown : end_of(plan);
    sc_lock_release(&lock);
    return status;
}

/* --dry-run: nothing is written. */
static int show_plan(struct cli_plan *plan)
{
    struct sc_error error = {0};
    struct sc_text text = {0};
    for (size_t p = 0; p < plan->suite.n_phases; p++)
        if (cli_plan_decide(plan, p, &error) != SC_OK)
            return cli_report_error("experiment", &error);
    cli_plan_put(plan, &text);
    int status = cli_write("experiment", &text) ? CLI_DONE : CLI_FAILED;
    sc_text_free(&text);
    return status;
}

int cli_experiment(int argc, char **argv)
{
    const char *out = NULL;
    bool dry_run = false;
    struct cli_list only = {.n = 0};
    struct cli_plan plan = {.quiet = false};
    bool quiet = false;
    struct cli_options options = {
        .command = "experiment",
        .synopsis = "FILE.toml [--dry-run] [--out DIR] [--only NAME]",
        .summary =
            "Runs a suite: models, benchmarks, policies and seeds multiplied out, in phases\n"
            "that begin when figures of earlier ones say so; then one page over all of it.\n"
            "What has finished is passed over; the same command goes on where it stopped\n"
            "(docs/SUITE.md has the file's form).",
        .max_positionals = 1};
    cli_add_flag(&options, "dry-run", &dry_run,
                 "print the plan, a command for each run, and do nothing");
    cli_add_text(&options, "out", &out, "DIR",
                 "folder of all results (out of the file, or results/ and its name)");
    cli_add_list(&options, "only", &only, "NAME",
                 "this phase, or this run as PHASE/NAME; repeatable");
    cli_add_flag(&options, "quiet", &quiet, "no lines of runs that do well");
    int status = cli_parse(&options, argc, argv);
    if (status >= 0)
        return status;
    if (options.n_positionals != 1)
        return cli_usage_error("experiment", "expected the file of a suite");
    if (out != NULL && out[0] == '\0')
        return cli_usage_error("experiment", "--out: expected the name of a folder, found \"\"");
    status = cli_plan_make(&plan, options.positionals[0], out, &only);
    plan.quiet = quiet;
    if (status == CLI_DONE)
        status = dry_run ? show_plan(&plan) : run_locked(&plan);
    cli_plan_free(&plan);
    return status;
}
