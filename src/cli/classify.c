/* safeconf classify: stored traces judged again; the same pass at the end of safeconf run. */
#include <math.h>
#include <safeconf/judging.h>
#include <string.h>

#include "base/file.h"
#include "benchmark/labelled.h"
#include "cli/fetch.h"
#include "experiment/judging/measure.h"
#include "experiment/store/labels.h"
#include "judge/judge.h"
#include "judge/kinds.h"
#include "report/detectors.h"
#include "vocabulary/vocabulary.h"

static void add_labels(struct cli_options *options, struct cli_judging *judging)
{
    cli_add_text(options, "judge-labels", &judging->labels, "FILE",
                 "answers that people labelled (CSV, JSON): how often judge and detector err on "
                 "them is carried into the rates");
    cli_add_text(options, "labels-prompt-column", &judging->labels_prompt, "C",
                 "column of the prompts there (found)");
    cli_add_text(options, "labels-completion-column", &judging->labels_completion, "C",
                 "column of the answers there (found)");
    cli_add_text(options, "labels-refusal-column", &judging->labels_refusal, "C",
                 "people's labels of refusing: refusal, partial, compliance, or yes/no (found)");
    cli_add_text(options, "labels-harm-column", &judging->labels_harm, "C",
                 "people's labels of harm: harmful, harmless, or yes/no (found)");
}

void cli_add_judging(struct cli_options *options, struct cli_judging *judging)
{
    cli_add_choice(options, "detector", &judging->detector, "patterns|reader|judge|hybrid|guard",
                   "who finds refusals: rules, rules and a small trained reader, the judge (or "
                   "guard, which says the same), or these where they are clear and the judge "
                   "elsewhere (reader; with a judge: judge)");
    cli_add_text(options, "rules", &judging->rules, "FILE", CLI_RULES_HELP);
    cli_add_text(options, "judge", &judging->judge, "none|NAME|FILE",
                 "who judges harm: " SC_JUDGE_NAMES ", or any model that a configuration describes "
                 "(none: prompt labels as a proxy; docs/JUDGES.md)");
    cli_add_text(options, "judge-model", &judging->model, "DIR|NAME|demo-guard",
                 "the judge's model, to be run here; alone it says by its name which judge it is, "
                 "else guard (Qwen3Guard-Gen); with a server, its name for the model (demo-guard: "
                 "a bundled toy that knows the answers of --model demo only)");
    cli_add_text(options, "judge-frame", &judging->frame, "FILE",
                 "the text around a prompt and its answer that the judge is asked with: {prompt} "
                 "and {response}, or {behavior} and {generation} (the judge's own; harmbench needs "
                 "one)");
    cli_add_list(options, "judge-url", &judging->urls, "URL",
                 "OpenAI-compatible server with the judge, such as http://127.0.0.1:8000/v1; "
                 "repeatable: several share the work (environment: SAFECONF_JUDGE_KEY, a key for "
                 "them; a configuration names its own variable)");
    cli_add_size(options, "judge-parallel", &judging->parallel, 1, 512,
                 "judgements in flight (16 at a server; here: chosen for this machine)");
    cli_add_real(options, "judge-timeout", &judging->timeout, 0.1, 86400,
                 "seconds that a server has for one judgement (600)");
    cli_add_size(options, "judge-max-failures", &judging->max_failures, 1, 1000000,
                 "judgements in a row that a server fails to give, which end the pass (20)");
    cli_add_text(options, "judge-dtype", &judging->dtype, "bf16|int8|f32",
                 "arithmetic of a judge run here (default: the model's own)");
    cli_add_flag(options, "judge-prompts", &judging->prompts, "the judge reads the prompts too");
    cli_add_size(
        options, "judge-repeats", &judging->repeats, 1, SC_MOST_REPEATS,
        "times that the judge is asked about each text; its majority counts, and how far it "
        "agrees with itself is reported (1)");
    cli_add_real(options, "judge-temperature", &judging->temperature, 0, 100,
                 "at which its answers are drawn (0, the likeliest; with repeats 1)");
    cli_add_uint64(options, "judge-seed", &judging->seed, "of what is drawn (0)");
    add_labels(options, judging);
}

/* The judge that the options name, or NULL. */
static const char *judge_of(const struct cli_judging *judging)
{
    if (judging->judge == NULL)
        return judging->model != NULL && judging->urls.n == 0
                   ? sc_judge_kind_of_model(judging->model)->name
                   : NULL;
    return sc_judge_is_none(judging->judge) ? NULL : judging->judge;
}

static enum sc_classify_detector detector_of(const struct cli_judging *judging)
{
    static const enum sc_classify_detector choices[] = {SC_BY_DETECTOR, SC_BY_DETECTOR, SC_BY_JUDGE,
                                                        SC_BY_HYBRID, SC_BY_JUDGE};
    return choices[judging->detector];
}

enum sc_detector_kind cli_judging_kind(const struct cli_options *options,
                                       const struct cli_judging *judging)
{
    return cli_given(options, "detector") && detector_of(judging) == SC_BY_DETECTOR
               ? (enum sc_detector_kind)judging->detector
               : sc_detector_default();
}

bool cli_judging_wanted(const struct cli_options *options, const struct cli_judging *judging)
{
    static const char *const names[] = {
        "judge-repeats",        "judge-temperature",        "judge-seed",
        "judge-timeout",        "judge-max-failures",       "judge-labels",
        "labels-prompt-column", "labels-completion-column", "labels-refusal-column",
        "labels-harm-column"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cli_given(options, names[i]))
            return true;
    return judging->model != NULL || judging->urls.n > 0 || judge_of(judging) != NULL ||
           judging->frame != NULL || judging->prompts ||
           (cli_given(options, "detector") && detector_of(judging) != SC_BY_DETECTOR);
}

/* Without a judge its options mean nothing. */
static enum sc_status check_no_judge(const struct cli_options *given,
                                     const struct sc_classify_options *options,
                                     const struct cli_judging *judging, struct sc_error *error)
{
    static const char *const names[] = {"judge-repeats", "judge-temperature", "judge-seed",
                                        "judge-timeout", "judge-max-failures"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cli_given(given, names[i]))
            return sc_fail(error, SC_ERR_ARGUMENT, "--%s: goes with --judge", names[i]);
    if (options->prompts || options->detector != SC_BY_DETECTOR || judging->model != NULL ||
        judging->urls.n > 0 || judging->frame != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--judge: expected " SC_JUDGE_NAMES " or a configuration file, found %s",
                       judging->judge != NULL ? judging->judge : "nothing");
    return SC_OK;
}

/* A file that can be read twice is looked at before anything is sampled. */
static enum sc_status check_labels(const struct cli_options *options,
                                   const struct cli_judging *judging,
                                   const struct sc_classify_options *found, struct sc_error *error)
{
    static const char *const columns[] = {"labels-prompt-column", "labels-completion-column",
                                          "labels-refusal-column", "labels-harm-column"};
    for (size_t i = 0; judging->labels == NULL && i < sizeof columns / sizeof *columns; i++)
        if (cli_given(options, columns[i]))
            return sc_fail(error, SC_ERR_ARGUMENT, "--%s goes with --judge-labels", columns[i]);
    if (judging->labels == NULL || sc_input_is_unnamed(judging->labels))
        return SC_OK;
    struct sc_labelled labelled;
    SC_TRY(sc_labelled_read(&labelled, &found->labels, error));
    enum sc_status status = SC_OK;
    if (labelled.n_refusals == 0 && !found->harms)
        status =
            sc_fail(error, SC_ERR_ARGUMENT,
                    "%s: labels of harm alone, and no judge of harm (--judge)", judging->labels);
    sc_labelled_free(&labelled);
    return status;
}

/* What the options stand for. */
static enum sc_status resolve(const struct cli_options *options, const struct cli_judging *judging,
                              const char *folder, struct sc_classify_options *out,
                              struct sc_error *error)
{
    struct sc_judge_abilities can = {0};
    *out = (struct sc_classify_options){
        .size = sizeof *out,
        .folder = folder,
        .detector = detector_of(judging),
        .prompts = judging->prompts,
        .rules = judging->rules,
        .kind = cli_judging_kind(options, judging),
        .judge = {.judge = judge_of(judging),
                  .model = judging->model,
                  .url = judging->urls.n > 0 ? judging->urls.items[0] : NULL,
                  .more_urls = judging->urls.items + 1,
                  .n_more_urls = judging->urls.n > 0 ? judging->urls.n - 1 : 0,
                  .timeout = judging->timeout,
                  .most_failures = judging->max_failures,
                  .frame = judging->frame,
                  .kernels = judging->kernels,
                  .n_threads = judging->threads,
                  .parallel = judging->parallel,
                  .max_bytes = (size_t)(judging->memory_gb * 1e9),
                  .repeats = judging->repeats,
                  .temperature =
                      cli_given(options, "judge-temperature") ? judging->temperature : NAN,
                  .seed = judging->seed},
        .labels = {.file = judging->labels,
                   .prompt_column = judging->labels_prompt,
                   .completion_column = judging->labels_completion,
                   .refusal_column = judging->labels_refusal,
                   .harm_column = judging->labels_harm}};
    SC_TRY(cli_dtype(judging->dtype, &out->judge.dtype, error));
    const struct cli_fetch fetch = {
        .name = out->judge.judge != NULL && judging->urls.n == 0 ? judging->model : NULL,
        .yes = judging->yes,
        .quiet = judging->quiet};
    if (judging->examined && judging->yes && cli_model_is_missing(&fetch))
        return SC_OK; /* what the model is will be seen when it is here */
    if (!judging->examined)
        SC_TRY(cli_model_fetch(&fetch, error));
    SC_TRY(out->judge.judge != NULL ? sc_judge_check(&out->judge, &can, error)
                                    : check_no_judge(options, out, judging, error));
    if (!cli_given(options, "detector") && can.refusal)
        out->detector = SC_BY_JUDGE;
    out->harms = can.harm;
    return check_labels(options, judging, out, error);
}

enum sc_status cli_judging_check(const struct cli_options *options,
                                 const struct cli_judging *judging, struct sc_error *error)
{
    struct sc_classify_options unused;
    return cli_judging_wanted(options, judging) ? resolve(options, judging, "", &unused, error)
                                                : SC_OK;
}

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
    SC_TRY(resolve(pass->given, pass->judging, pass->folder, &options, error));
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
    SC_TRY(resolve(given, judging, NULL, &m->options, error));
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
