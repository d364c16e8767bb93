/* The archive of a log (eval.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/random.h"
#include "report/eval/eval.h"

/* What stands beside the samples. */
enum entry { ENTRY_START, ENTRY_SUMMARIES, ENTRY_REDUCTIONS, ENTRY_HEADER, N_ENTRIES };

#define FILE_NAME "run.eval"
/* Bytes of an id; longer ones are cut. */
#define MOST_ID_BYTES 120

struct job {
    const struct sc_export_options *options;
    struct sc_export_summary *summary;
    struct sc_eval_log log;
    struct sc_run run;
    struct sc_analysis analysis;
    char *path;
};

struct sc_export_options sc_export_options_default(void)
{
    return (struct sc_export_options){.size = sizeof(struct sc_export_options)};
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* Whether an id can be part of an entry's name as it is: readers find a sample by it. */
static bool is_plain(const char *id)
{
    size_t n = strlen(id);
    bool plain = n > 0 && n <= MOST_ID_BYTES && id[0] != '.' && sc_utf8_valid(id, n) == n;
    for (size_t at = 0, length = 1; plain && at < n; at += length) {
        uint32_t c = 0;
        length = sc_utf8_decode(id + at, n - at, &c);
        plain = length > 0 && !sc_codepoint_is_hidden(c) && c >= ' ' &&
                (c >= 0x80 || strchr("/\\:*?\"<>|%#~", (int)c) == NULL);
    }
    return plain;
}

/* The id, or a plain one with the instance's number, which no plain id of the run ends like: those
 * that are not plain are told apart by it alone. */
static char *make_id(const char *id, size_t instance)
{
    struct sc_text text = {0};
    size_t n = strlen(id);
    if (is_plain(id))
        return sc_strdup(id);
    sc_text_puts(&text, "sample-");
    sc_text_add_name(&text, id, n < MOST_ID_BYTES / 2 ? n : MOST_ID_BYTES / 2, '_');
    sc_text_printf(&text, "-%zu~", instance + 1);
    return sc_text_take(&text);
}

static enum sc_status make_ids(struct sc_eval_log *log, struct sc_error *error)
{
    const struct sc_run *run = log->run;
    log->ids = sc_alloc_zero(run->n_instances, sizeof *log->ids);
    if (log->ids == NULL)
        return sc_fail_nomem(error, "ids");
    for (size_t i = 0; i < run->n_instances; i++) {
        log->ids[i] = make_id(run->instances[i].id, i);
        if (log->ids[i] == NULL)
            return sc_fail_nomem(error, "ids");
    }
    return SC_OK;
}

/* ---- samples --------------------------------------------------------------------------------- */

static void count_sample(struct sc_eval_log *log, struct sc_eval_sample sample)
{
    const struct sc_run_trace *trace = sc_eval_trace(log, sample);
    log->samples[log->n_samples++] = sample;
    log->n_failed += trace->finish == SC_FINISH_FAILED;
    log->n_prompt_tokens += trace->n_prompt_tokens;
    log->n_tokens += trace->n_tokens_known ? sc_run_trace_cost(trace) : 0;
    if (sample.trace + 1 > log->most_traces)
        log->most_traces = sample.trace + 1;
}

/* The traces that the policy used of the instances that it has finished: what its figures rest on.
 */
static enum sc_status find_samples(struct sc_eval_log *log, struct sc_error *error)
{
    const struct sc_view *view = &log->analysis->views[log->policy];
    size_t n = 0;
    log->finished = true;
    for (size_t i = 0; i < log->run->n_instances; i++)
        n += view->instances[i].n_traces;
    log->samples = sc_alloc_array(n, sizeof *log->samples);
    if (log->samples == NULL)
        return sc_fail_nomem(error, "samples");
    for (size_t i = 0; i < log->run->n_instances; i++) {
        log->finished = log->finished && view->instances[i].decided;
        log->n_prompts += view->instances[i].decided;
        for (size_t t = 0; t < view->instances[i].n_traces; t++)
            count_sample(log, (struct sc_eval_sample){i, t});
    }
    return SC_OK;
}

static enum sc_status find_policy(const struct sc_run *run, const char *name, size_t *policy,
                                  struct sc_error *error)
{
    struct sc_text names = {0};
    *policy = run->primary;
    if (name == NULL)
        return SC_OK;
    for (size_t p = 0; p < run->n_policies; p++) {
        *policy = p;
        if (strcmp(run->policy_names[p], name) == 0) {
            sc_text_free(&names);
            return SC_OK;
        }
        sc_text_printf(&names, "%s%s", p > 0 ? ", " : "", run->policy_names[p]);
    }
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "policy: expected one of the run's (%s), found '%s'",
                names.data != NULL ? names.data : "", name);
    sc_text_free(&names);
    return status;
}

static void make_key(struct sc_eval_log *log)
{
    const char *policy = log->run->policy_names[log->policy];
    const uint64_t parts[] = {sc_hash64(log->run->config_json, strlen(log->run->config_json)),
                              sc_hash64(policy, strlen(policy))};
    snprintf(log->key, sizeof log->key, "%016" PRIx64, sc_hash64(parts, sizeof parts));
}

/* ---- entries --------------------------------------------------------------------------------- */

static const char *const names[N_ENTRIES] = {"_journal/start.json", "summaries.json",
                                             "reductions.json", "header.json"};

/* Samples lie between the beginning and the rest, as in a log that grew. */
static bool is_sample(const struct job *job, size_t i)
{
    return i > ENTRY_START && i <= job->log.n_samples;
}

static enum sc_status name_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    const struct job *job = context;
    (void)error;
    if (!is_sample(job, i)) {
        sc_text_puts(out, names[i == 0 ? ENTRY_START : i - job->log.n_samples]);
        return SC_OK;
    }
    struct sc_eval_sample sample = job->log.samples[i - 1];
    sc_text_printf(out, "samples/%s_epoch_%zu.json", job->log.ids[sample.instance],
                   sample.trace + 1);
    return SC_OK;
}

static void put_summaries(struct sc_json_writer *out, const struct sc_eval_log *log)
{
    sc_json_put_array(out, NULL);
    for (size_t i = 0; i < log->n_samples; i++)
        sc_eval_put_summary(out, log, log->samples[i]);
    sc_json_put_end_array(out);
}

static enum sc_status make_entry(void *context, size_t i, struct sc_text *out,
                                 struct sc_error *error)
{
    const struct job *job = context;
    struct sc_json_writer writer = {.text = out};
    const struct sc_eval_log *log = &job->log;
    if (is_sample(job, i)) {
        sc_eval_put_sample(&writer, log, log->samples[i - 1]);
    } else {
        switch ((enum entry)(i == 0 ? ENTRY_START : i - log->n_samples)) {
        case ENTRY_START:
            sc_eval_put_start(&writer, log);
            break;
        case ENTRY_SUMMARIES:
            put_summaries(&writer, log);
            break;
        case ENTRY_REDUCTIONS:
            sc_eval_put_reductions(&writer, log);
            break;
        default:
            sc_eval_put_header(&writer, log);
        }
    }
    return out->failed ? sc_fail_nomem(error, "log") : SC_OK;
}

static bool keep_going(void *context)
{
    const struct job *job = context;
    return job->options->keep_going == NULL || job->options->keep_going(job->options->context);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum sc_status write_log(struct job *job, const char *folder, struct sc_error *error)
{
    struct sc_eval_log *log = &job->log;
    SC_TRY(sc_run_load(folder, true, &job->run, error));
    log->run = &job->run;
    SC_TRY(find_policy(&job->run, job->options->policy, &log->policy, error));
    SC_TRY(sc_analysis_make(&job->run, &job->analysis, error));
    log->analysis = &job->analysis;
    make_key(log);
    SC_TRY(make_ids(log, error));
    SC_TRY(find_samples(log, error));
    if (log->n_samples == 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: no prompt is finished: there is nothing to export", folder);
    job->path =
        job->options->out != NULL ? sc_strdup(job->options->out) : sc_path_join(folder, FILE_NAME);
    if (job->path == NULL)
        return sc_fail_nomem(error, "path");
    const struct sc_archive_content content = {.n = N_ENTRIES + log->n_samples,
                                               .context = job,
                                               .name = name_entry,
                                               .make = make_entry,
                                               .keep_going = keep_going};
    SC_TRY(sc_archive_write(job->path, &content, error));
    *job->summary = (struct sc_export_summary){.n_prompts = log->n_prompts,
                                               .n_traces = log->n_samples,
                                               .n_failed_traces = log->n_failed,
                                               .finished = log->finished};
    return SC_OK;
}

static void release(struct job *job)
{
    for (size_t i = 0; job->log.ids != NULL && i < job->run.n_instances; i++)
        sc_free(job->log.ids[i]);
    sc_free(job->log.ids);
    sc_free(job->log.samples);
    sc_free(job->path);
    if (job->log.analysis != NULL)
        sc_analysis_free(&job->analysis);
    sc_run_free(&job->run);
}

enum sc_status sc_export_eval(const char *folder, const struct sc_export_options *options,
                              struct sc_export_summary *summary, struct sc_error *error)
{
    struct sc_export_options all = sc_export_options_default();
    struct sc_export_summary unused;
    if (folder == NULL || *folder == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "export: expected the folder of a run");
    if (options != NULL)
        SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "options", error));
    if (all.out != NULL && *all.out == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "export: expected the name of a file, found \"\"");
    struct job job = {.options = &all, .summary = summary != NULL ? summary : &unused};
    enum sc_status status = write_log(&job, folder, error);
    release(&job);
    return status;
}
