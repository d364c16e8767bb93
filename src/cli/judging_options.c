/* Options of who judges: those of `run`, `classify` and `risk`, and what they stand for. */
#include <math.h>
#include <safeconf/judging.h>
#include <string.h>

#include "base/file.h"
#include "benchmark/labelled.h"
#include "cli/fetch.h"
#include "judge/judge.h"
#include "judge/kinds.h"
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

void cli_add_judge(struct cli_options *options, struct cli_judging *judging)
{
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
    cli_add_size(
        options, "judge-repeats", &judging->repeats, 1, SC_MOST_REPEATS,
        "times that the judge is asked about each text; its majority counts, and how far it "
        "agrees with itself is reported (1)");
    cli_add_real(options, "judge-temperature", &judging->temperature, 0, 100,
                 "at which its answers are drawn (0, the likeliest; with repeats 1)");
    cli_add_uint64(options, "judge-seed", &judging->seed, "of what is drawn (0)");
}

void cli_add_judging(struct cli_options *options, struct cli_judging *judging)
{
    cli_add_choice(options, "detector", &judging->detector, "patterns|reader|judge|hybrid|guard",
                   "who finds refusals: rules, rules and a small trained reader, the judge (or "
                   "guard, which says the same), or these where they are clear and the judge "
                   "elsewhere (reader; with a judge: judge)");
    cli_add_text(options, "rules", &judging->rules, "FILE", CLI_RULES_HELP);
    cli_add_judge(options, judging);
    cli_add_flag(options, "judge-prompts", &judging->prompts, "the judge reads the prompts too");
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

enum sc_status cli_judging_resolve(const struct cli_options *options,
                                   const struct cli_judging *judging, const char *folder,
                                   struct sc_classify_options *out, struct sc_error *error)
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
                  .device = judging->device,
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
    return cli_judging_wanted(options, judging)
               ? cli_judging_resolve(options, judging, "", &unused, error)
               : SC_OK;
}
