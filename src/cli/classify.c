/* safeconf classify: stored traces judged again; the same pass at the end of safeconf run. */
#include <safeconf/judging.h>
#include <string.h>

#include "cli/cli.h"
#include "experiment/judging/measure.h"
#include "experiment/store/labels.h"
#include "report/detectors.h"

/* ---- progress -------------------------------------------------------------------------------- */

struct judging_progress {
    bool terminal, quiet, shown;
    double next_line;
};

static void progress(void *context, size_t n_done, size_t n, double seconds)
{
    struct judging_progress *state = context;
    if (state->quiet || (!state->terminal && seconds < state->next_line))
        return;
    state->next_line = seconds + 15;
    state->shown = true;
    fprintf(stderr, "%s%zu/%zu judgements, %.1f a second%s", state->terminal ? "\r" : "", n_done, n,
            seconds > 0 ? (double)n_done / seconds : 0, state->terminal ? "   " : "\n");
    fflush(stderr);
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

/* ---- what is printed ------------------------------------------------------------------------- */

/* How many judgements there are, and what they took. */
static void add_work(struct sc_text *out, const struct sc_classify_summary *summary)
{
    const struct sc_judge_counts *counts = &summary->counts;
    unsigned long long n_prompt_tokens = counts->n_prompt_tokens;
    sc_text_printf(out, "\nJudgements: %zu now, %zu there already; %zu could not be given",
                   counts->n_done, summary->n_stored, summary->n_not_judged);
    if (summary->n_again)
        sc_text_printf(out, " (%zu of them are asked for again by the same command)",
                       summary->n_again);
    if (counts->n_done == 0)
        return;
    if (counts->n_same > 0)
        sc_text_printf(out, "\n  %zu of them for texts that equal another, which are judged once",
                       counts->n_same);
    sc_text_printf(out, "\n  %zu without a label in the judge's format (unparsed), ",
                   counts->n_unparsed);
    if (counts->remote)
        sc_text_printf(out,
                       "%zu with a label that has no score\n  %.1f s, %zu requests, %zu of "
                       "them retries, %llu prompt tokens, ",
                       counts->n_unscored, counts->seconds, counts->n_requests, counts->n_retries,
                       n_prompt_tokens);
    else
        sc_text_printf(out,
                       "%zu with a score that had to be forced\n  %.1f s, %llu prompt tokens, "
                       "%.0f %% of them shared, ",
                       counts->n_forced, counts->seconds, n_prompt_tokens,
                       n_prompt_tokens
                           ? 100 * (1 - (double)counts->n_prefilled / (double)n_prompt_tokens)
                           : 0);
    sc_text_printf(out, "%llu tokens generated", (unsigned long long)counts->n_generated);
}

static void add_counts(struct sc_text *out, const struct sc_classify_options *options,
                       const struct sc_classify_summary *summary)
{
    sc_text_printf(out, "\nTraces: %zu (%zu failed, %zu with an empty answer)\nDetector ",
                   summary->n_traces, summary->n_failed, summary->n_empty);
    sc_text_add_visible(out, summary->detector, strlen(summary->detector), false);
    sc_text_printf(out, ": %zu verdicts by rules, %zu by the judge\n ", summary->n_by_rules,
                   summary->n_by_judge);
    for (int v = 0; v < SC_N_VERDICTS; v++)
        sc_text_printf(out, " %s %zu", sc_verdict_name((enum sc_verdict)v), summary->verdicts[v]);
    if (options->harms) {
        sc_text_puts(out, "\nJudge ");
        sc_text_add_visible(out, summary->judge, strlen(summary->judge), false);
        sc_text_puts(out, "\n ");
        for (int h = 0; h < SC_N_HARMS; h++)
            sc_text_printf(out, " %s %zu", sc_harm_name((enum sc_harm)h), summary->harms[h]);
        sc_text_printf(out, "   (harmful: strict %zu, loose %zu)",
                       summary->harms[SC_HARMFUL] + summary->harms[SC_CONTROVERSIAL],
                       summary->harms[SC_HARMFUL]);
    }
    if (options->judge.judge != NULL)
        add_work(out, summary);
    sc_text_putc(out, '\n');
    fputs(summary->labels_remarks != NULL ? summary->labels_remarks : "", stderr);
}

static void add_prompts(struct sc_text *out, const struct sc_classify_summary *summary)
{
    sc_text_puts(out, "\nPrompts: the benchmark's label against the judge\n  label         ");
    for (int h = 0; h < SC_N_HARMS; h++)
        sc_text_printf(out, " %13s", sc_harm_name((enum sc_harm)h));
    sc_text_putc(out, '\n');
    for (int l = 0; l < SC_N_LABELS; l++) {
        sc_text_printf(out, "  %-14s", sc_label_name((enum sc_label)l));
        for (int h = 0; h < SC_N_HARMS; h++)
            sc_text_printf(out, " %13zu", summary->prompts[l][h]);
        sc_text_putc(out, '\n');
    }
}

/* The result of a pass, from its counts and the run as it is now. */
static enum sc_status add_result(struct sc_text *out, const struct sc_classify_options *options,
                                 const struct sc_classify_summary *summary,
                                 const struct sc_run *run, size_t n_shown, struct sc_error *error)
{
    struct sc_detector_comparison comparison = {0};
    add_counts(out, options, summary);
    if (options->prompts)
        add_prompts(out, summary);
    SC_TRY(sc_detectors_compare(run, &comparison, error));
    sc_detectors_terminal(run, &comparison, n_shown, out);
    sc_detector_comparison_free(&comparison);
    const struct sc_measured_readers readers = {
        .detector = run->detector, .judge = run->judge, .labels = run->labels};
    SC_TRY(sc_measured_show(&readers, out, error));
    sc_text_putc(out, '\n');
    return SC_OK;
}

/* Judges, and loads the run with what was said. */
static enum sc_status judge_and_load(const struct sc_classify_options *options,
                                     const struct cli_judging *judging,
                                     struct sc_classify_summary *summary, struct sc_run *run,
                                     struct sc_error *error)
{
    struct judging_progress state = {.terminal = cli_terminal(stderr), .quiet = judging->quiet};
    const struct sc_classify_observer observer = {&state, progress, keep_going};
    state.next_line = state.terminal ? 0 : 15;
    enum sc_status status = sc_classify(options, &observer, summary, error);
    if (state.shown && state.terminal)
        fputc('\n', stderr);
    SC_TRY(status);
    return sc_run_load(options->folder, true, run, error);
}

/* What is judged, as the command line says it, and what came of it. */
struct pass {
    const struct cli_options *given;
    const struct cli_judging *judging;
    const char *folder;
    struct sc_classify_summary summary;
    struct sc_run run;
    struct sc_text said; /* what is to be told of it */
};

static enum sc_status try_judge(struct pass *pass, struct sc_error *error)
{
    struct sc_classify_options options;
    SC_TRY(cli_judging_resolve(pass->given, pass->judging, pass->folder, &options, error));
    SC_TRY(judge_and_load(&options, pass->judging, &pass->summary, &pass->run, error));
    return add_result(&pass->said, &options, &pass->summary, &pass->run, pass->judging->n_shown,
                      error);
}

/* CLI_DONE, or after a line CLI_SOME_TRACES_FAILED where judgements are missing. */
static int missing_status(const char *command, const struct sc_classify_summary *summary)
{
    if (summary->n_missing == 0)
        return CLI_DONE;
    cli_say(command, "%zu of %zu judgements could not be given%s", summary->n_missing,
            summary->n_wanted,
            summary->n_again > 0 ? "; the same command asks again where that may help" : "");
    return CLI_SOME_TRACES_FAILED;
}

static int judge_and_show(const char *command, struct pass *pass)
{
    struct sc_error error = {0};
    enum sc_status status = try_judge(pass, &error);
    if (status == SC_ERR_INTERRUPTED) {
        cli_say(command, "interrupted; judgements so far are kept, and the same command goes on");
        return CLI_INTERRUPTED;
    }
    if (status != SC_OK)
        return cli_report_error(command, &error);
    int exit_status = cli_show_run(command, pass->folder, &pass->run, &pass->said);
    return exit_status == CLI_DONE ? missing_status(command, &pass->summary) : exit_status;
}

int cli_judge_and_show(const char *command, const struct cli_options *given,
                       const struct cli_judging *judging, const char *folder)
{
    struct pass pass = {.given = given, .judging = judging, .folder = folder};
    int exit_status = judge_and_show(command, &pass);
    sc_classify_summary_free(&pass.summary);
    sc_text_free(&pass.said);
    sc_run_free(&pass.run);
    return exit_status;
}

/* What is known of the labelled answers. */
struct measuring {
    struct sc_classify_options options;
    struct sc_classify_summary summary;
    struct sc_run_labels labels[SC_N_LABELS_OF];
    struct sc_text out;
};

static enum sc_status try_measure(const struct cli_options *given,
                                  const struct cli_judging *judging, struct measuring *m,
                                  struct sc_error *error)
{
    struct judging_progress state = {.terminal = cli_terminal(stderr), .quiet = judging->quiet};
    const struct sc_classify_observer observer = {&state, progress, keep_going};
    state.next_line = state.terminal ? 0 : 15;
    SC_TRY(cli_judging_resolve(given, judging, NULL, &m->options, error));
    enum sc_status status = sc_measure_judge(&m->options, &observer, &m->summary, m->labels, error);
    if (state.shown && state.terminal)
        fputc('\n', stderr);
    SC_TRY(status);
    const struct sc_measured_readers readers = {.detector = m->summary.detector,
                                                .judge = m->summary.judge,
                                                .labels = m->labels,
                                                .json = judging->json};
    return sc_measured_show(&readers, &m->out, error);
}

/* The labelled answers alone: no folder, and nothing is kept. */
static int measure(const struct cli_options *given, const struct cli_judging *judging)
{
    struct sc_error error = {0};
    struct measuring m = {0};
    int exit_status = try_measure(given, judging, &m, &error) != SC_OK
                          ? cli_report_error("classify", &error)
                      : cli_write("classify", &m.out) ? missing_status("classify", &m.summary)
                                                      : CLI_FAILED;
    fputs(m.summary.labels_remarks != NULL ? m.summary.labels_remarks : "", stderr);
    for (int of = 0; of < SC_N_LABELS_OF; of++)
        sc_run_labels_free(&m.labels[of]);
    sc_classify_summary_free(&m.summary);
    sc_text_free(&m.out);
    return exit_status;
}

int cli_classify(int argc, char **argv)
{
    struct cli_judging judging = {.n_shown = 10};
    struct cli_options options = {
        .command = "classify",
        .synopsis =
            "[DIR] [--judge NAME|FILE] [--judge-model M] [--judge-url URL] [--judge-labels FILE]",
        .summary =
            "Judges the stored traces of a run again and writes its report from that. Earlier\n"
            "verdicts stay and are compared with the new ones. Without a run, measures who judges\n"
            "on answers that people labelled.",
        .max_positionals = 1};
    cli_add_judging(&options, &judging);
    cli_add_text(&options, "kernels", &judging.kernels, CLI_KERNELS,
                 "instruction set (the best here)");
    cli_add_int32(&options, "threads", &judging.threads, 0, 1024,
                  "threads (one per available core)");
    cli_add_device(&options, &judging.device);
    cli_add_real(&options, "memory", &judging.memory_gb, CLI_LEAST_GB, CLI_MOST_GB,
                 "GB that judgements in flight may take (half of what is free)");
    cli_add_size(&options, "show", &judging.n_shown, 0, SC_MOST_DISAGREEMENTS,
                 "disagreements to print (10)");
    cli_add_yes(&options, &judging.yes);
    cli_add_flag(&options, "quiet", &judging.quiet, "no progress");
    cli_add_flag(&options, "json", &judging.json, "with --judge-labels and no DIR: an object");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1 && judging.labels == NULL)
        return cli_usage_error("classify", "expected the folder of a run");
    if (judging.json && options.n_positionals == 1)
        return cli_usage_error("classify", "--json goes with --judge-labels and no folder");
    cli_catch_signals();
    if (options.n_positionals == 0)
        return measure(&options, &judging);
    return cli_judge_and_show("classify", &options, &judging, options.positionals[0]);
}
