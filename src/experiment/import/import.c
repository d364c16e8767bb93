/*
 * Answers that were sampled elsewhere become a run's folder: what a run stores of its own traces,
 * and NULL where the file does not say it.  docs/IMPORT.md says what is read and what it becomes.
 *
 * Refuses a file without a usable row, and a folder that holds anything but the same import.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "detection/detection.h"
#include "experiment/experiment.h"
#include "experiment/import/rows.h"
#include "experiment/run/trace_maker.h"
#include "experiment/store/config.h"
#include "experiment/store/store.h"
#include "vocabulary/vocabulary.h"

#define SOURCE_KIND "import"
#define JUDGE "imported" /* whoever judged the answers before they came */
#define STOP_REASON "imported"

/* Where the answers of one prompt lie. */
struct place {
    size_t begin, n;
    bool *stored; /* [n] the folder has them */
};

struct import {
    const struct sc_import_options *options; /* checked */
    const struct sc_import_observer *observer;
    struct sc_import_summary *summary;
    struct sc_import_rows rows;
    struct sc_benchmark benchmark;
    struct sc_benchmark_options asked;
    struct place *places; /* [benchmark.n_instances] */
    size_t top_k;         /* likeliest tokens that a confidence looks at; 0: none */
    char *config;
    struct sc_store *store;
    struct sc_open_detector detector;
    struct sc_trace_maker maker;
};

struct sc_import_options sc_import_options_default(void)
{
    const struct sc_run_options run = sc_run_options_default();
    return (struct sc_import_options){
        .size = sizeof(struct sc_import_options),
        .logprobs = SC_LOGPROBS_UNKNOWN,
        .window = run.window,
        .confidence_top_k = run.confidence_top_k,
        .confident_quantile = run.confident_quantile,
        .confident_threshold = run.confident_threshold,
        .metric = run.metric,
        .detector = run.detector,
    };
}

/* ---- which answers --------------------------------------------------------------------------- */

static void say(const struct import *import, const char *text)
{
    if (import->observer->note != NULL)
        import->observer->note(import->observer->context, text);
}

/* What the room of benchmarks found out, a line each. */
static enum sc_status say_remarks(const struct import *import, struct sc_error *error)
{
    const char *text = import->benchmark.remarks.data;
    if (import->benchmark.note != NULL)
        say(import, import->benchmark.note);
    for (size_t length = 0; text != NULL && *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        char *line = sc_strndup(text, length);
        if (line == NULL)
            return sc_fail_nomem(error, "remarks on the file");
        say(import, line);
        sc_free(line);
    }
    return SC_OK;
}

/* Reports the row of an answer whose prompt is no instance, with the benchmark's reason. */
static void leave_out(struct import *import, const struct sc_import_answer *answer)
{
    const struct sc_bad_rows *bad = &import->benchmark.bad_rows;
    const char *why = "its prompt cannot be asked";
    for (size_t i = 0; i < bad->n && i < SC_BAD_ROWS_KEPT; i++)
        if (bad->lines[i] == import->rows.table.lines[import->rows.prompts[answer->prompt].row])
            why = bad->reasons[i];
    import->summary->n_rows_failed++;
    if (import->observer->row_failed != NULL)
        import->observer->row_failed(import->observer->context, answer->line, why);
}

/* The answers of each instance; those of prompts that are none are left out. */
static enum sc_status find_places(struct import *import, struct sc_error *error)
{
    const struct sc_import_answers *answers = &import->rows.answers;
    const struct sc_benchmark *benchmark = &import->benchmark;
    import->places = sc_alloc_zero(benchmark->n_instances, sizeof *import->places);
    if (import->places == NULL)
        return sc_fail_nomem(error, "imported answers");
    size_t position = 0, last_line = 0;
    for (size_t i = 0; i < answers->n; i++) {
        const struct sc_import_answer *answer = &answers->items[i];
        while (position < benchmark->n_instances &&
               benchmark->instances[position].row < answer->prompt)
            position++;
        if (position < benchmark->n_instances &&
            benchmark->instances[position].row == answer->prompt) {
            struct place *place = &import->places[position];
            place->begin = place->n == 0 ? i : place->begin;
            place->n++;
        } else if (answer->line != last_line) {
            last_line = answer->line; /* several answers of one row */
            leave_out(import, answer);
        }
    }
    for (size_t i = 0; i < benchmark->n_instances; i++) {
        struct place *place = &import->places[i];
        place->stored = sc_alloc_zero(place->n, sizeof *place->stored);
        if (place->stored == NULL)
            return sc_fail_nomem(error, "imported answers");
        import->summary->n_traces += place->n;
        if (place->n > import->summary->most_traces)
            import->summary->most_traces = place->n;
    }
    return SC_OK;
}

static void count_labels(struct import *import)
{
    import->summary->n_instances = import->benchmark.n_instances;
    for (size_t i = 0; i < import->benchmark.n_instances; i++) {
        enum sc_label label = import->benchmark.instances[i].label;
        import->summary->n_unsafe += label == SC_LABEL_UNSAFE;
        import->summary->n_safe += label == SC_LABEL_SAFE;
        import->summary->n_unlabelled += label == SC_LABEL_UNKNOWN;
    }
}

/* The likeliest tokens that every token of every answer that has some has, so that all confidences
 * are one figure. */
static void find_top_k(struct import *import)
{
    const struct sc_import_answers *answers = &import->rows.answers;
    size_t k = import->options->confidence_top_k;
    bool any = false;
    for (size_t i = 0; i < answers->n; i++) {
        size_t n = answers->items[i].tokens.n_likeliest;
        import->summary->n_with_logprobs += answers->items[i].tokens.n > 0;
        import->summary->n_measured += answers->items[i].measured;
        if (n > 0)
            any = true;
        if (n > 0 && n < k)
            k = n;
    }
    for (size_t i = 0; i < answers->n && !any; i++)
        if (answers->items[i].tokens.figures >> SC_FIGURE_CONFIDENCE & 1) {
            any = true; /* as they were measured, by the log's own k */
            k = import->rows.log.top_k;
        }
    import->top_k = import->summary->top_k = any ? k : 0;
}

static enum sc_status read_file(struct import *import, struct sc_error *error)
{
    SC_TRY(sc_import_rows_read(import->options, import->observer, import->summary, &import->rows,
                               error));
    SC_TRY(sc_import_prompts_make(&import->rows, import->options, &import->asked,
                                  &import->benchmark, error));
    SC_TRY(say_remarks(import, error));
    count_labels(import);
    find_top_k(import);
    SC_TRY(find_places(import, error));
    import->benchmark.bad_rows.n = import->summary->n_rows_failed; /* those of answers as well */
    return SC_OK;
}

/* ---- the configuration ----------------------------------------------------------------------- */

static uint64_t chain(uint64_t hash, const void *data, size_t bytes)
{
    const uint64_t both[2] = {hash, data != NULL ? sc_hash64(data, bytes) : 0};
    return sc_hash64(both, sizeof both);
}

/* A key of all that the file says of its answers. */
static void hash_answers(const struct import *import, char out[17])
{
    const struct sc_import_answers *answers = &import->rows.answers;
    uint64_t hash = 0;
    for (size_t i = 0; i < answers->n; i++) {
        const struct sc_import_answer *a = &answers->items[i];
        const struct sc_import_tokens *tokens = &a->tokens;
        const uint64_t counts[] = {a->prompt,   a->answer_begin,     a->finish,
                                   a->n_tokens, a->n_tokens_known,   a->harm,
                                   tokens->n,   tokens->n_likeliest, a->measured};
        hash = chain(hash, counts, sizeof counts);
        hash = chain(hash, a->text, strlen(a->text));
        hash = chain(hash, a->failure, a->failure != NULL ? strlen(a->failure) : 0);
        hash = chain(hash, tokens->logprobs, tokens->n * sizeof *tokens->logprobs);
        hash =
            chain(hash, tokens->likeliest, tokens->n * tokens->stride * sizeof *tokens->likeliest);
        hash = chain(hash, tokens->text_ends, tokens->n * sizeof *tokens->text_ends);
        if (tokens->given != NULL)
            hash = chain(hash, tokens->given, tokens->n * sizeof *tokens->given);
        hash = chain(hash, a->measured ? a->metrics : NULL, sizeof a->metrics);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

/* The options of a run that would have made these traces. */
static struct sc_run_options as_run(const struct import *import, const struct sc_policy *policy)
{
    const struct sc_import_options *options = import->options;
    struct sc_run_options run = sc_run_options_default();
    run.model = SOURCE_KIND;
    run.benchmark = import->asked;
    run.policies = policy;
    run.n_policies = 1;
    run.window = options->window;
    run.confidence_top_k = options->confidence_top_k;
    run.confident_quantile = options->confident_quantile;
    run.confident_threshold = options->confident_threshold;
    run.metric = options->metric;
    run.detector = options->detector;
    run.out = options->out;
    return run;
}

static enum sc_status write_config(struct import *import, struct sc_error *error)
{
    size_t length;
    const struct sc_policy policy = {.kind = SC_POLICY_FIXED,
                                     .max_traces = import->summary->most_traces};
    struct sc_run_options run = as_run(import, &policy);
    char answers[17], *name = NULL;
    const char *last = sc_path_last(sc_input_name(import->options->file), &length);
    SC_TRY(sc_policy_check(&policy, error));
    hash_answers(import, answers);
    name = sc_strndup(last, length);
    if (name == NULL)
        return sc_fail_nomem(error, "name of the file");
    const struct sc_source_info info = {
        .size = sizeof info,
        .kind = SOURCE_KIND,
        .name = name,
        .sampling = {.temperature = NAN, .top_p = NAN, .min_p = NAN, .top_k = -1},
        .logprobs =
            import->options->logprobs != SC_LOGPROBS_UNKNOWN || import->rows.log.kind == SC_LOG_NONE
                ? import->options->logprobs
                : import->rows.log.logprobs,
        .top_k = import->top_k,
        .reproducible = SC_REPRODUCIBLE_NO};
    const struct sc_config_facts facts = {.source = &info,
                                          .benchmark = &import->benchmark,
                                          .detector = import->maker.detector,
                                          .model = import->rows.model,
                                          .answers = answers};
    run.max_new_tokens = 0; /* nobody knows */
    run.judge = import->rows.judged ? JUDGE : SC_NO_JUDGE;
    enum sc_status status = sc_config_write(&run, &facts, &import->config, error);
    sc_free(name);
    return status;
}

/* ---- traces ---------------------------------------------------------------------------------- */

/* Tokens of the reasoning, where the ends of tokens say it. */
static size_t reasoning_tokens(const struct sc_import_answer *answer)
{
    size_t n = 0;
    if (answer->tokens.given != NULL)
        return answer->tokens.n_reasoning;
    while (answer->tokens.text_ends != NULL && answer->answer_begin > 0 && n < answer->tokens.n &&
           answer->tokens.text_ends[n] <= answer->answer_begin)
        n++;
    return n;
}

/* The figures of the tokens; *out [tokens.n] or NULL. */
static enum sc_status make_stats(const struct import *import, const struct sc_import_tokens *tokens,
                                 unsigned *figures, struct sc_token_stats **out,
                                 struct sc_error *error)
{
    bool confident = tokens->n_likeliest > 0;
    *figures = (tokens->logprobs != NULL ? 1u << SC_FIGURE_LOGPROB : 0) |
               (confident ? 1u << SC_FIGURE_CONFIDENCE : 0);
    *out = NULL;
    if (tokens->given != NULL)
        *figures = tokens->figures;
    if (*figures == 0)
        return SC_OK;
    *out = sc_alloc_array(tokens->n, sizeof **out);
    if (*out == NULL)
        return sc_fail_nomem(error, "figures of a trace");
    if (tokens->given != NULL) {
        memcpy(*out, tokens->given, tokens->n * sizeof **out);
        return SC_OK;
    }
    for (size_t i = 0; i < tokens->n; i++)
        (*out)[i] = (struct sc_token_stats){
            .logprob = tokens->logprobs != NULL ? tokens->logprobs[i] : NAN,
            .sampled_logprob = NAN,
            .confidence = confident ? sc_import_confidence(tokens, i, import->top_k) : NAN,
            .entropy = NAN};
    return SC_OK;
}

/* Metrics that the file gives of whole traces; those of segments are known where the answer is all
 * of the trace. */
static void take_metrics(const struct sc_import_answer *answer, struct sc_run_trace *trace)
{
    if (!answer->measured || trace->finish == SC_FINISH_FAILED)
        return;
    for (int m = 0; m < SC_N_METRICS; m++) {
        trace->metrics[m] = answer->metrics[m];
        if (answer->answer_begin == 0)
            trace->answer_metrics[m] = answer->metrics[m];
    }
}

static enum sc_status make_trace(const struct import *import, size_t position, size_t index,
                                 struct sc_run_trace *out, struct sc_error *error)
{
    const struct sc_import_answer *answer =
        &import->rows.answers.items[import->places[position].begin + index];
    struct sc_token_stats *stats = NULL;
    unsigned figures = 0;
    size_t n_reasoning = reasoning_tokens(answer);
    /* How many tokens are the reasoning is part of how many there are. */
    bool counted = answer->n_tokens_known &&
                   (answer->answer_begin == 0 || n_reasoning > 0 || answer->tokens.given != NULL);
    SC_TRY(make_stats(import, &answer->tokens, &figures, &stats, error));
    const struct sc_source_trace given = {
        .finish = answer->finish,
        .failure = answer->failure,
        .text = answer->text,
        .answer = answer->text + answer->answer_begin,
        .n_tokens_known = counted,
        .n_tokens = counted ? answer->n_tokens : 0,
        .n_reasoning = n_reasoning,
        .figures = counted ? figures : 0,
        .stats = counted ? stats : NULL,
        .text_ends = counted ? answer->tokens.text_ends : NULL,
        .forced_begin = answer->tokens.forced_begin,
        .n_forced = answer->tokens.n_forced,
    };
    enum sc_status status = sc_trace_make(&import->maker, &import->benchmark.instances[position],
                                          (uint32_t)index, &given, out, error);
    sc_free(stats);
    SC_TRY(status);
    take_metrics(answer, out);
    out->harm = out->finish == SC_FINISH_FAILED ? SC_UNJUDGED : answer->harm;
    return SC_OK;
}

static enum sc_status store_trace(struct import *import, size_t position, size_t index,
                                  bool decides, struct sc_error *error)
{
    struct sc_run_trace trace;
    const struct sc_store_decision decision = {
        .n_traces = import->places[position].n, .stop_reason = STOP_REASON, .bar = NAN};
    SC_TRY(make_trace(import, position, index, &trace, error));
    enum sc_status status = sc_store_put_trace(
        import->store, position,
        &(struct sc_store_trace){.trace = &trace,
                                 .judge = import->rows.judged ? JUDGE : SC_NO_JUDGE,
                                 .decisions = &decision,
                                 .n_decisions = decides},
        error);
    import->summary->n_failed_traces += trace.finish == SC_FINISH_FAILED;
    sc_run_trace_free(&trace);
    return status;
}

/* Every trace of an instance that is missing; the last one brings the decision. */
static enum sc_status store_instance(struct import *import, size_t position, struct sc_error *error)
{
    const struct place *place = &import->places[position];
    size_t last = place->n;
    for (size_t i = 0; i < place->n; i++)
        last = place->stored[i] ? last : i;
    for (size_t i = 0; i < place->n; i++) {
        if (import->observer->keep_going != NULL &&
            !import->observer->keep_going(import->observer->context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        if (!place->stored[i])
            SC_TRY(store_trace(import, position, i, i == last, error));
    }
    return SC_OK;
}

static enum sc_status note_stored(void *context, size_t position, struct sc_run_trace *trace,
                                  struct sc_error *error)
{
    struct import *import = context;
    const struct place *place = &import->places[position];
    if (trace->index >= place->n)
        return sc_fail(error, SC_ERR_FORMAT,
                       "run.db: instance %zu: expected %zu traces, found trace %u", position,
                       place->n, trace->index);
    place->stored[trace->index] = true;
    import->summary->n_kept++;
    import->summary->n_failed_traces += trace->finish == SC_FINISH_FAILED;
    return SC_OK;
}

static enum sc_status store_all(struct import *import, struct sc_error *error)
{
    const struct sc_benchmark *benchmark = &import->benchmark;
    const struct sc_store_traces wanted = {.detector = import->maker.detector,
                                           .judge = import->rows.judged ? JUDGE : SC_NO_JUDGE,
                                           .n_instances = benchmark->n_instances};
    bool resumed = false;
    SC_TRY(sc_make_folders(import->options->out, error));
    SC_TRY(sc_store_open(
        &import->store, import->options->out,
        &(struct sc_store_run){import->config, benchmark->instances, benchmark->n_instances, NULL},
        &resumed, error));
    SC_TRY(sc_store_read_traces(import->store, &wanted, note_stored, import, error));
    for (size_t i = 0; i < benchmark->n_instances; i++)
        SC_TRY(store_instance(import, i, error));
    SC_TRY(sc_store_settle(import->store, error));
    return sc_store_rest(import->store, error);
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status check(const struct import *import, struct sc_error *error)
{
    const struct sc_import_options *options = import->options;
    const struct sc_policy any = {.kind = SC_POLICY_FIXED, .max_traces = 1};
    if (options->file == NULL || *options->file == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "import: expected a file, found nothing");
    if ((unsigned)options->logprobs >= SC_N_LOGPROB_KINDS)
        return sc_fail(error, SC_ERR_ARGUMENT, "logprobs: unknown number %d",
                       (int)options->logprobs);
    struct sc_run_options run = as_run(import, &any);
    run.benchmark.name = options->file;
    return sc_run_options_check(&run, error);
}

static enum sc_status open_detector(struct import *import, struct sc_error *error)
{
    const struct sc_import_options *options = import->options;
    SC_TRY(sc_detector_open(&import->detector,
                            (enum sc_detector_kind)sc_detector_kind_parse(options->detector),
                            options->rules, error));
    import->maker = (struct sc_trace_maker){.detector = import->detector.name,
                                            .window = options->window,
                                            .reads = &import->detector.reads};
    return SC_OK;
}

static enum sc_status run(struct import *import, struct sc_error *error)
{
    SC_TRY(check(import, error));
    SC_TRY(open_detector(import, error));
    SC_TRY(read_file(import, error));
    SC_TRY(write_config(import, error));
    return store_all(import, error);
}

static void release(struct import *import)
{
    sc_store_close(import->store);
    for (size_t i = 0; import->places != NULL && i < import->benchmark.n_instances; i++)
        sc_free(import->places[i].stored);
    sc_free(import->places);
    sc_free(import->config);
    sc_benchmark_free(&import->benchmark);
    sc_import_rows_free(&import->rows);
    sc_detector_close(&import->detector);
}

enum sc_status sc_import(const struct sc_import_options *options,
                         const struct sc_import_observer *observer,
                         struct sc_import_summary *summary, struct sc_error *error)
{
    const struct sc_import_observer silent = {0};
    struct sc_import_summary unused;
    struct sc_import_options all = sc_import_options_default();
    if (options == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "options: expected some, found none");
    SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "options", error));
    struct import import = {.options = &all,
                            .observer = observer != NULL ? observer : &silent,
                            .summary = summary != NULL ? summary : &unused};
    *import.summary = (struct sc_import_summary){0};
    enum sc_status status = run(&import, error);
    release(&import);
    return status;
}
