/*
 * The pass over stored traces, and over labelled answers alone (safeconf/judging.h, measure.h).
 *
 * A judgement is a row by the judge's name; verdict and harm are rows by the names of the detector
 * and of who judged harm, derived from it.  So a second pass with another detector and the same
 * judge asks it nothing that it has answered, and an interrupted pass goes on where it stopped.
 * Judgements that failed for reasons that may not last are asked for again.
 *
 * The judge is not asked about empty, unreached and filtered answers, failed traces and, by the
 * hybrid, clear refusals.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "experiment/judging/measure.h"
#include "experiment/judging/pass.h"
#include "experiment/reading.h"
#include "experiment/store/config.h"
#include "experiment/store/replies.h"
#include "vocabulary/vocabulary.h"

/* ---- what is stored -------------------------------------------------------------------------- */

static enum sc_status take_trace(void *context, size_t position, struct sc_run_trace *trace,
                                 struct sc_error *error)
{
    struct sc_pass *pass = context;
    if (sc_grow((void **)&pass->answers, pass->n_answers, &pass->cap_answers,
                sizeof *pass->answers) != 0)
        return sc_fail_nomem(error, "traces of a run");
    const struct sc_instance *instance = &pass->instances[position];
    struct sc_pass_answer *answer = &pass->answers[pass->n_answers++];
    *answer = (struct sc_pass_answer){
        .position = position, .index = trace->index, .failed = trace->finish == SC_FINISH_FAILED};
    if (!answer->failed)
        SC_TRY(sc_answer_detect(&pass->detector.reads, instance->prompt, instance->prefill,
                                trace->answer, &answer->found, error));
    if (answer->found.verdict == SC_EMPTY && !answer->failed && sc_run_trace_is_unreached(trace))
        answer->found = sc_detection_plain(SC_UNREACHED, SC_UNREACHED_RULE);
    if (answer->found.verdict == SC_EMPTY && !answer->failed && trace->finish == SC_FINISH_FILTERED)
        answer->found = sc_detection_plain(SC_FILTERED, SC_FILTERED_RULE);
    answer->asks = sc_pass_needs_judge(pass, answer);
    if (instance->prefill != NULL)
        return sc_answer_whole(instance->prefill, trace->answer, &answer->text, error);
    answer->text = trace->answer;
    trace->answer = NULL;
    return SC_OK;
}

/* The name under which harms stand; otherwise that of the run. */
static enum sc_status name_harms(struct sc_pass *pass, const char *otherwise,
                                 struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    /* The hybrid's harms are not the judge's: a clear refusal is harmless unasked. */
    pass->summary->judge =
        sc_strdup(!options->harms                     ? otherwise
                  : options->detector == SC_BY_HYBRID ? pass->summary->detector
                                                      : sc_judge_name(pass->judge));
    return pass->summary->judge != NULL ? SC_OK : sc_fail_nomem(error, "name of a judge");
}

static enum sc_status read_answers(struct sc_pass *pass, const struct sc_run *run,
                                   struct sc_error *error)
{
    const struct sc_store_traces traces = {
        .detector = run->detector, .judge = run->judge, .n_instances = pass->n_instances};
    SC_TRY(sc_store_read_traces(pass->store, &traces, take_trace, pass, error));
    pass->summary->n_traces = pass->n_answers;
    return name_harms(pass, run->judge, error);
}

static enum sc_status take_up(struct sc_pass *pass, struct sc_error *error)
{
    const char *config = NULL;
    char hash[17];
    size_t n = 0;
    struct sc_run run = {0};
    SC_TRY(sc_store_config(pass->store, &config, error));
    SC_TRY(sc_store_read_instances(pass->store, &pass->instances, &pass->n_instances, error));
    pass->prompt_answered = sc_alloc_zero(pass->n_instances, sizeof *pass->prompt_answered);
    if (pass->prompt_answered == NULL)
        return sc_fail_nomem(error, "prompts of a run");
    enum sc_status status = sc_config_read(config, &run, hash, &n, error);
    if (status == SC_OK)
        status = read_answers(pass, &run, error);
    sc_run_free(&run);
    return status;
}

/* The detector's name: rules, judge, or both. */
static enum sc_status name_detector(struct sc_pass *pass, struct sc_error *error)
{
    struct sc_text name = {0};
    if (pass->options->detector == SC_BY_HYBRID)
        sc_text_printf(&name, "hybrid/1(%s,%s)", pass->detector.name, sc_judge_name(pass->judge));
    else
        sc_text_puts(&name, pass->options->detector == SC_BY_JUDGE ? sc_judge_name(pass->judge)
                                                                   : pass->detector.name);
    pass->summary->detector = sc_text_take(&name);
    return pass->summary->detector != NULL ? SC_OK : sc_fail_nomem(error, "name of a detector");
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status check_options(const struct sc_classify_options *options,
                                    struct sc_error *error)
{
    struct sc_judge_abilities can = {0};
    bool verdicts = options->detector != SC_BY_DETECTOR;
    if (options->judge_functions != NULL)
        SC_TRY(sc_judge_check_function(options->judge_functions, &can, error));
    else if (options->judge.judge != NULL)
        SC_TRY(sc_judge_check(&options->judge, &can, error));
    else if (options->harms || options->prompts || verdicts)
        return sc_fail(error, SC_ERR_ARGUMENT, "judge: expected one, found none");
    if ((verdicts && !can.refusal) || (options->harms && !can.harm) ||
        (options->prompts && !can.prompts))
        return sc_fail(error, SC_ERR_ARGUMENT, "judge: \"%s\" has no question about %s",
                       options->judge_functions != NULL ? options->judge_functions->name
                                                        : options->judge.judge,
                       verdicts && !can.refusal      ? "refusal"
                       : options->harms && !can.harm ? "harm"
                                                     : "prompts");
    return SC_OK;
}

/* Whoever judges the run judges the labelled answers: first by rules, as its own. */
static enum sc_status read_labelled(struct sc_pass *pass, struct sc_error *error)
{
    size_t n = 0;
    if (pass->options->labels.file == NULL)
        return SC_OK;
    SC_TRY(sc_labelled_read(&pass->labelled, &pass->options->labels, error));
    n = pass->labelled.n;
    pass->labelled_answers = sc_alloc_zero(n, sizeof *pass->labelled_answers);
    pass->readings = sc_alloc_zero(n, sizeof *pass->readings);
    if (pass->labelled_answers == NULL || pass->readings == NULL)
        return sc_fail_nomem(error, "labelled answers");
    for (size_t i = 0; i < n; i++) {
        struct sc_pass_answer *answer = &pass->labelled_answers[i];
        answer->position = i;
        SC_TRY(sc_answer_detect(&pass->detector.reads, pass->labelled.rows[i].prompt, NULL,
                                pass->labelled.rows[i].answer, &answer->found, error));
        answer->asks = sc_pass_needs_judge(pass, answer);
        if (!answer->asks)
            sc_pass_label(pass, i, NULL);
    }
    pass->summary->n_labelled = n;
    pass->summary->labels_remarks = sc_text_take(&pass->labelled.remarks);
    return pass->summary->labels_remarks != NULL ? SC_OK : sc_fail_nomem(error, "labelled answers");
}

static enum sc_status judge_all(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_classify_summary *summary = pass->summary;
    for (size_t i = 0; i < pass->n_answers; i++)
        if (!pass->answers[i].asks)
            SC_TRY(sc_pass_keep(pass, &pass->answers[i], NULL, false, error));
    if (pass->judge == NULL)
        return SC_OK;
    SC_TRY(sc_pass_ask(pass, error));
    if (summary->n_wanted == 0 || summary->n_missing < summary->n_wanted)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "judge: not one of %zu judgements could be given%s%s",
                   summary->n_wanted, pass->failure[0] ? ", the last one: " : "", pass->failure);
}

/* What was found out about the judge itself. */
static enum sc_status keep_about_judge(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_classify_summary *summary = pass->summary;
    if (pass->judge != NULL && pass->repeats.wanted > 1)
        SC_TRY(sc_store_put_repeats(
            pass->store,
            &(struct sc_store_repeats){.judge = sc_judge_name(pass->judge),
                                       .asked = sc_judge_asked(pass->judge),
                                       .n = pass->repeats.wanted,
                                       .temperature = pass->repeats.temperature,
                                       .deterministic = pass->repeats.deterministic},
            error));
    if (pass->labelled.n == 0)
        return SC_OK;
    return sc_store_put_labels(
        pass->store,
        &(struct sc_store_labels){.labelled = &pass->labelled,
                                  .readings = pass->readings,
                                  .detector = summary->detector,
                                  .judge = pass->options->harms ? summary->judge : NULL},
        error);
}

static void release(struct sc_pass *pass)
{
    sc_store_close(pass->store);
    sc_judge_close(pass->judge);
    sc_detector_close(&pass->detector);
    for (size_t i = 0; i < pass->n_answers; i++)
        sc_free(pass->answers[i].text);
    sc_free(pass->answers);
    sc_store_free_instances(pass->instances, pass->n_instances);
    sc_free(pass->prompt_answered);
    sc_free(pass->items);
    sc_free(pass->subjects);
    sc_free(pass->repeat_of);
    sc_pass_free_replies(pass);
    sc_labelled_free(&pass->labelled);
    sc_free(pass->labelled_answers);
    sc_free(pass->readings);
}

/* Who judges, and what it is called. */
static enum sc_status open_judges(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    if (options->judge_functions != NULL)
        SC_TRY(
            sc_judge_open_function(&pass->judge, options->judge_functions, &options->judge, error));
    else if (options->judge.judge != NULL)
        SC_TRY(sc_judge_open(&pass->judge, &options->judge, error));
    if (pass->judge != NULL)
        pass->repeats = sc_judge_repeats(pass->judge);
    return name_detector(pass, error);
}

static enum sc_status prepare_tables(struct sc_pass *pass, struct sc_error *error)
{
    SC_TRY(sc_store_prepare_judging(pass->store, error));
    if (pass->repeats.wanted <= 1 && pass->options->labels.file == NULL)
        return SC_OK;
    return sc_store_prepare_replies(pass->store, error);
}

static enum sc_status classify(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    SC_TRY(check_options(options, error));
    SC_TRY(sc_detector_open(&pass->detector, options->kind, options->rules, error));
    SC_TRY(sc_store_open_existing(&pass->store, options->folder, error));
    SC_TRY(open_judges(pass, error));
    SC_TRY(read_labelled(pass, error));
    SC_TRY(prepare_tables(pass, error));
    SC_TRY(take_up(pass, error));
    SC_TRY(judge_all(pass, error));
    SC_TRY(keep_about_judge(pass, error));
    SC_TRY(sc_store_set_reading(pass->store, pass->summary->detector, pass->summary->judge, error));
    SC_TRY(sc_store_settle(pass->store, error));
    return sc_store_rest(pass->store, error);
}

/* The labelled answers alone, without a run. */
static enum sc_status measure(struct sc_pass *pass, struct sc_error *error)
{
    const struct sc_classify_options *options = pass->options;
    SC_TRY(check_options(options, error));
    SC_TRY(sc_detector_open(&pass->detector, options->kind, options->rules, error));
    SC_TRY(open_judges(pass, error));
    SC_TRY(name_harms(pass, SC_NO_JUDGE, error));
    SC_TRY(read_labelled(pass, error));
    return judge_all(pass, error);
}

struct sc_classify_options sc_classify_options_default(void)
{
    return (struct sc_classify_options){.size = sizeof(struct sc_classify_options),
                                        .detector = SC_BY_DETECTOR,
                                        .kind = sc_detector_default(),
                                        .judge = {.dtype = -1, .temperature = NAN}};
}

/* Reads the options; labels alone need no folder. */
static enum sc_status begin(const struct sc_classify_options *given,
                            struct sc_classify_options *options,
                            struct sc_classify_summary *summary, struct sc_error *error)
{
    *options = sc_classify_options_default();
    if (summary == NULL || given == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "classify: expected options and a summary, found none");
    *summary = (struct sc_classify_summary){0};
    return sc_options_take(options, sizeof *options, given, given->size, "classify", error);
}

enum sc_status sc_classify(const struct sc_classify_options *given,
                           const struct sc_classify_observer *observer,
                           struct sc_classify_summary *summary, struct sc_error *error)
{
    struct sc_classify_options options;
    SC_TRY(begin(given, &options, summary, error));
    if (options.folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "classify: folder: expected a name, found none");
    struct sc_pass pass = {.options = &options, .observer = observer, .summary = summary};
    enum sc_status status = classify(&pass, error);
    release(&pass);
    return status;
}

static enum sc_status list_labels(const struct sc_pass *pass, int of, struct sc_run_labels *out,
                                  struct sc_error *error)
{
    bool harm = of == SC_LABELS_OF_HARM;
    const struct sc_labelled *labelled = &pass->labelled;
    *out = (struct sc_run_labels){0};
    if ((harm ? labelled->n_harms : labelled->n_refusals) == 0 || (harm && !pass->options->harms))
        return SC_OK;
    out->title = sc_strdup(labelled->title);
    out->content = sc_strdup(labelled->content);
    out->rows = sc_alloc_zero(labelled->n, sizeof *out->rows);
    if (out->title == NULL || out->content == NULL || out->rows == NULL)
        return sc_fail_nomem(error, "labelled answers");
    for (size_t i = 0; i < labelled->n; i++) {
        const struct sc_labelled_row *row = &labelled->rows[i];
        const struct sc_label_reading *reading = &pass->readings[i];
        if (harm ? row->harm == SC_N_HARMS : row->refusal == SC_N_VERDICTS)
            continue;
        out->rows[out->n++] = (struct sc_run_label){
            .first = row->first,
            .label = harm ? (unsigned char)row->harm : (unsigned char)row->refusal,
            .said = harm ? (unsigned char)reading->harm : (unsigned char)reading->verdict,
            .score = harm ? reading->p_unsafe : reading->p_refused};
    }
    return SC_OK;
}

enum sc_status sc_measure_judge(const struct sc_classify_options *given,
                                const struct sc_classify_observer *observer,
                                struct sc_classify_summary *summary,
                                struct sc_run_labels out[SC_N_LABELS_OF], struct sc_error *error)
{
    struct sc_classify_options options;
    SC_TRY(begin(given, &options, summary, error));
    struct sc_pass pass = {.options = &options, .observer = observer, .summary = summary};
    enum sc_status status = measure(&pass, error);
    for (int of = 0; of < SC_N_LABELS_OF && status == SC_OK; of++)
        status = list_labels(&pass, of, &out[of], error);
    release(&pass);
    return status;
}

void sc_classify_summary_free(struct sc_classify_summary *summary)
{
    sc_free(summary->detector);
    sc_free(summary->judge);
    sc_free(summary->labels_remarks);
    *summary = (struct sc_classify_summary){0};
}
