/*
 * sc_risk: the way from prompts to lines.  asker.c explores a prompt, line.c writes what is known
 * of it, files.c keeps it, results.c says what all of them come to.
 */
#include <safeconf/risk.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "risk/configuration.h"
#include "risk/line.h"
#include "risk/options.h"
#include "risk/results.h"
#include "vocabulary/sampling.h"

/* All that is open; all zero is fine. */
struct risk {
    const struct sc_risk_options *options;
    const struct sc_risk_observer *observer;
    struct sc_risk_summary *summary;
    struct sc_benchmark benchmark;
    struct sc_risk_asker asker;
    struct sc_risk_proposal proposal;
    struct sc_framed *framed; /* [benchmark.n_instances]; ids NULL: it failed */
    struct sc_risk_failures failures;
    char *configuration;
    struct sc_risk_folder folder;
    double began;
};

static bool has_proposal(const struct risk *r)
{
    return r->options->proposal != NULL;
}

/* Whether a failure is that of all prompts and not one's own. */
static bool ends_all(enum sc_status status)
{
    return status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED || status == SC_ERR_IO;
}

/* ---- before anything is explored ------------------------------------------------------------- */

static enum sc_status open_judge(struct risk *r, struct sc_error *error)
{
    SC_TRY(sc_risk_open_judge(r->options, &r->asker.judge, error));
    if (r->asker.judge != NULL)
        r->asker.repeats = sc_judge_repeats(r->asker.judge);
    return SC_OK;
}

static struct sc_chat_options chat_of(const struct sc_risk_options *options)
{
    struct sc_chat_options chat = sc_chat_options_default();
    chat.chat_template = options->chat_template;
    chat.template_date = options->template_date;
    chat.template_args = options->template_args;
    chat.n_template_args = options->n_template_args;
    chat.thinking = options->thinking;
    chat.special = options->special;
    return chat;
}

static enum sc_status open_engine(struct risk *r, const struct sc_engine_options *engine,
                                  struct sc_error *error)
{
    struct sc_risk_asker *asker = &r->asker;
    asker->engine = r->options->engine;
    if (asker->engine != NULL)
        return sc_opened_suits(&asker->model, asker->engine, error);
    SC_TRY(sc_opened_start(&asker->model, engine, error));
    asker->engine = asker->model.engine;
    return SC_OK;
}

static enum sc_status open_model(struct risk *r, struct sc_error *error)
{
    const struct sc_risk_options *options = r->options;
    struct sc_risk_asker *asker = &r->asker;
    const struct sc_chat_options chat = chat_of(options);
    struct sc_engine_options engine = sc_engine_options_default();
    engine.dtype = options->dtype;
    engine.kernels = options->kernels;
    engine.device = options->device;
    engine.n_threads = options->n_threads;
    engine.keep_going = asker->interrupt.keep_going;
    engine.context = asker->interrupt.context;
    SC_TRY(sc_opened_read(&asker->model, options->model, error));
    SC_TRY(sc_opened_frame(&asker->model, &chat, error));
    SC_TRY(open_engine(r, &engine, error));
    SC_TRY(sc_model_fingerprint_while(asker->model.model, &asker->interrupt, asker->fingerprint,
                                      error));
    asker->sampling = sc_sampling_settle(&options->sampling, &asker->model.sampling);
    asker->max_new_tokens = options->max_new_tokens;
    asker->max_bytes = options->max_bytes;
    asker->explore = sc_risk_exploration(options);
    if (!has_proposal(r))
        return SC_OK;
    r->proposal.wanted = options->proposal;
    r->proposal.n_traces = options->proposal_traces;
    return sc_risk_proposal_open(&r->proposal, &asker->model, &engine, &chat, error);
}

static enum sc_status make_configuration(struct risk *r, struct sc_error *error)
{
    const struct sc_risk_basis basis = {.asker = &r->asker,
                                        .benchmark = &r->benchmark,
                                        .proposal = has_proposal(r) ? &r->proposal : NULL,
                                        .thinking = r->options->thinking,
                                        .special = r->options->special};
    return sc_risk_configuration(&basis, &r->configuration, error);
}

static enum sc_status note_failure(struct risk *r, size_t i, const char *reason,
                                   struct sc_error *error)
{
    struct sc_risk_failures *failures = &r->failures;
    const char *id = r->benchmark.instances[i].id;
    if (sc_grow((void **)&failures->items, failures->n, &failures->cap, sizeof *failures->items) !=
        0)
        return sc_fail_nomem(error, "failures");
    char *copy = sc_strdup(reason[0] != '\0' ? reason : "no reason given");
    if (copy == NULL)
        return sc_fail_nomem(error, "failures");
    failures->items[failures->n++] = (struct sc_risk_failure){.instance_id = id, .reason = copy};
    if (r->observer->failed != NULL)
        r->observer->failed(r->observer->context, id, copy);
    return SC_OK;
}

/* Frames what is still to be explored and takes the memory for the longest prompt of it. */
static enum sc_status prepare(struct risk *r, struct sc_error *error)
{
    size_t n = r->benchmark.n_instances, longest = 0;
    r->framed = sc_alloc_zero(n, sizeof *r->framed);
    if (r->framed == NULL)
        return sc_fail_nomem(error, "prompts");
    for (size_t i = 0; i < n; i++) {
        const struct sc_instance *instance = &r->benchmark.instances[i];
        struct sc_error why = {0};
        if (sc_risk_folder_has(&r->folder, instance->id))
            continue;
        enum sc_status status = sc_risk_frame(&r->asker, instance, &r->framed[i], &why);
        if (ends_all(status))
            return sc_fail(error, status, "%s", why.text);
        if (status != SC_OK)
            SC_TRY(note_failure(r, i, why.text, error));
        longest = r->framed[i].n > longest ? r->framed[i].n : longest;
    }
    return longest > 0 ? sc_risk_start(&r->asker, longest, error) : SC_OK;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void put_remarks(const struct risk *r, struct sc_text *out)
{
    const struct sc_benchmark *benchmark = &r->benchmark;
    const struct sc_text *of_model = &r->asker.model.remarks;
    sc_table_remarks(benchmark->source, benchmark->note, &benchmark->bad_rows, out);
    sc_text_puts(out, benchmark->remarks.data != NULL ? benchmark->remarks.data : "");
    sc_text_puts(out, of_model->data != NULL ? of_model->data : "");
}

static enum sc_status tell_start(const struct risk *r, struct sc_error *error)
{
    const struct sc_opened *model = &r->asker.model;
    const struct sc_benchmark *benchmark = &r->benchmark;
    size_t n[SC_N_LABELS] = {0};
    struct sc_text remarks = {0};
    if (r->observer->started == NULL)
        return SC_OK;
    for (size_t i = 0; i < benchmark->n_instances; i++)
        n[benchmark->instances[i].label]++;
    put_remarks(r, &remarks);
    const struct sc_risk_facts facts = {.model = model->name,
                                        .dtype = sc_dtype_name(sc_engine_dtype(r->asker.engine)),
                                        .kernels = sc_engine_kernels(r->asker.engine),
                                        .n_threads = sc_engine_n_threads(r->asker.engine),
                                        .demo = model->demo,
                                        .benchmark = benchmark->name,
                                        .n_prompts = benchmark->n_instances,
                                        .n_unsafe = n[SC_LABEL_UNSAFE],
                                        .n_safe = n[SC_LABEL_SAFE],
                                        .n_unknown = n[SC_LABEL_UNKNOWN],
                                        .n_resumed = r->folder.n_resumed,
                                        .remarks = remarks.data != NULL ? remarks.data : "",
                                        .device = sc_engine_device(r->asker.engine)};
    bool failed = remarks.failed;
    if (!failed)
        r->observer->started(r->observer->context, &facts);
    sc_text_free(&remarks);
    return failed ? sc_fail_nomem(error, "remarks on the prompts") : SC_OK;
}

static void tell_progress(const struct risk *r, size_t place)
{
    double seconds = sc_seconds() - r->began;
    size_t n_left = r->benchmark.n_instances - place - 1;
    size_t n_explored = r->summary->n_explored;
    const struct sc_risk_progress progress = {
        .n_prompts = r->benchmark.n_instances,
        .n_done = place + 1,
        .seconds = seconds,
        .seconds_left = n_left > 0 ? seconds / (double)n_explored * (double)n_left : 0};
    if (r->observer->progress != NULL)
        r->observer->progress(r->observer->context, &progress);
}

/* Of the line what stands before its tree. */
static enum sc_status tell_prompt(const struct risk *r, const struct sc_text *line, size_t n_shown,
                                  struct sc_error *error)
{
    struct sc_text object = {0};
    if (r->observer->prompt == NULL)
        return SC_OK;
    sc_text_add(&object, line->data, n_shown);
    sc_text_putc(&object, '}');
    enum sc_status status = object.failed
                                ? sc_fail_nomem(error, "line of a prompt")
                                : r->observer->prompt(r->observer->context, object.data, error);
    sc_text_free(&object);
    return status;
}

/* ---- exploring ------------------------------------------------------------------------------- */

static enum sc_status write_line(struct risk *r, const struct sc_risk_line *line,
                                 struct sc_text *text, struct sc_error *error)
{
    size_t n_shown = 0;
    SC_TRY(sc_risk_put_line(line, text, &n_shown, error));
    SC_TRY(sc_model_unchanged(r->asker.model.model, error));
    SC_TRY(sc_risk_folder_add(&r->folder, text, error));
    return tell_prompt(r, text, n_shown, error);
}

static enum sc_status keep(struct risk *r, size_t i, const struct sc_risk_found *found,
                           struct sc_error *error)
{
    struct sc_risk_importance importance = {.proposal = &r->proposal};
    const struct sc_risk_line line = {.asker = &r->asker,
                                      .instance = &r->benchmark.instances[i],
                                      .framed = &r->framed[i],
                                      .found = found,
                                      .importance = has_proposal(r) ? &importance : NULL};
    struct sc_text text = {0};
    struct sc_error why = {0};
    if (has_proposal(r)) {
        enum sc_status proposed = sc_risk_propose(&r->proposal, &r->asker, line.instance,
                                                  line.framed, &importance.shares, &why);
        if (ends_all(proposed))
            return sc_fail(error, proposed, "%s", why.text);
        importance.reason = proposed != SC_OK ? why.text : NULL;
    }
    enum sc_status status = write_line(r, &line, &text, error);
    sc_text_free(&text);
    return status;
}

static enum sc_status explore_one(struct risk *r, size_t i, struct sc_error *error)
{
    struct sc_risk_found found = {0};
    struct sc_error why = {0};
    enum sc_status status =
        sc_risk_explore(&r->asker, &r->benchmark.instances[i], &r->framed[i], &found, &why);
    if (ends_all(status)) {
        sc_risk_found_free(&found);
        return sc_fail(error, status, "%s", why.text);
    }
    r->summary->n_explored++;
    status = status == SC_OK ? keep(r, i, &found, error) : note_failure(r, i, why.text, error);
    sc_risk_found_free(&found);
    return status;
}

static enum sc_status explore_all(struct risk *r, struct sc_error *error)
{
    r->began = sc_seconds();
    for (size_t i = 0; i < r->benchmark.n_instances; i++) {
        if (r->framed[i].ids == NULL)
            continue;
        if (sc_interrupted(&r->asker.interrupt))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        SC_TRY(explore_one(r, i, error));
        tell_progress(r, i);
    }
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status open_all(struct risk *r, struct sc_error *error)
{
    const struct sc_risk_options *options = r->options;
    SC_TRY(sc_detector_open(&r->asker.detector, options->detector, options->rules, error));
    SC_TRY(sc_benchmark_load(&options->benchmark, &r->benchmark, error));
    SC_TRY(open_judge(r, error));
    SC_TRY(open_model(r, error));
    SC_TRY(make_configuration(r, error));
    SC_TRY(sc_risk_folder_open(&r->folder, options->out, r->configuration, error));
    SC_TRY(tell_start(r, error));
    return prepare(r, error);
}

static enum sc_status run(struct risk *r, struct sc_error *error)
{
    SC_TRY(open_all(r, error));
    SC_TRY(explore_all(r, error));
    if (r->summary->n_explored > 0)
        SC_TRY(sc_model_check_fingerprint(r->asker.model.model, &r->asker.interrupt,
                                          r->asker.fingerprint, error));
    return sc_risk_finish(&r->folder, &r->failures, &r->summary->json, error);
}

static void summarize(const struct risk *r)
{
    struct sc_risk_summary *summary = r->summary;
    summary->n_prompts = r->benchmark.n_instances;
    summary->n_resumed = r->folder.n_resumed;
    summary->n_failed = r->failures.n;
    summary->n_bad_rows = r->benchmark.bad_rows.n;
    summary->judged = r->asker.judged;
}

static void release(struct risk *r)
{
    for (size_t i = 0; r->framed != NULL && i < r->benchmark.n_instances; i++)
        sc_framed_free(&r->framed[i]);
    for (size_t i = 0; i < r->failures.n; i++)
        sc_free(r->failures.items[i].reason);
    sc_free(r->framed);
    sc_free(r->failures.items);
    sc_free(r->configuration);
    sc_risk_folder_close(&r->folder);
    sc_risk_proposal_close(&r->proposal);
    sc_risk_close(&r->asker);
    sc_benchmark_free(&r->benchmark);
}

enum sc_status sc_risk(const struct sc_risk_options *options,
                       const struct sc_risk_observer *observer, struct sc_risk_summary *summary,
                       struct sc_error *error)
{
    const struct sc_risk_observer nobody = {0};
    struct sc_risk_options all;
    struct sc_risk_summary unused;
    struct risk r = {.options = &all,
                     .observer = observer != NULL ? observer : &nobody,
                     .summary = summary != NULL ? summary : &unused};
    r.asker.interrupt = (struct sc_interrupt){r.observer->keep_going, r.observer->context};
    *r.summary = (struct sc_risk_summary){0};
    SC_TRY(sc_risk_options_read(options, &all, error));
    enum sc_status status = run(&r, error);
    summarize(&r);
    release(&r);
    if (summary == NULL)
        sc_risk_summary_free(&unused);
    return status;
}

void sc_risk_summary_free(struct sc_risk_summary *summary)
{
    if (summary == NULL)
        return;
    sc_release(summary->json);
    *summary = (struct sc_risk_summary){0};
}
