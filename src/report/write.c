/*
 * The files of a run folder, made from run.db.  Each is written whole or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/file.h"
#include "base/memory.h"
#include "report/csv.h"
#include "report/render.h"
#include "report/report.h"
#include "report/tables.h"

/* A folder to write into, and what was wished for. */
struct job {
    const char *folder;
    const struct sc_report_wish *wish;
};

static enum sc_status check_interrupt(const struct job *job, struct sc_error *error)
{
    if (job->wish->keep_going == NULL || job->wish->keep_going(job->wish->context))
        return SC_OK;
    return sc_fail(error, SC_ERR_INTERRUPTED,
                   "interrupted while the report was written; safeconf report makes it again");
}

enum sc_status sc_render_write(const char *folder, const char *name, const struct sc_text *text,
                               struct sc_error *error)
{
    char *path = text->failed ? NULL : sc_path_join(folder, name);
    if (path == NULL)
        return sc_fail_nomem(error, name);
    enum sc_status status =
        sc_file_write(path, text->data != NULL ? text->data : "", text->len, error);
    sc_free(path);
    return status;
}

/* Frees the text, whatever happens. */
static enum sc_status write_file(const struct job *job, const char *folder, const char *name,
                                 struct sc_text *text, struct sc_error *error)
{
    enum sc_status status = text->failed ? sc_fail_nomem(error, name) : check_interrupt(job, error);
    if (status != SC_OK)
        goto done;
    status = job->wish->take != NULL ? job->wish->take(job->wish->take_context, name, text, error)
                                     : sc_render_write(folder, name, text, error);
done:
    sc_text_free(text);
    return status;
}

/* "predictions-NAME.jsonl"; letters, digits, '-', '_' and '.' stay. A name that had others, or that
 * an earlier policy has too, gets its number. */
static char *predictions_name(const struct sc_run *run, size_t policy)
{
    struct sc_text text = {0};
    const char *name = run->policy_names[policy];
    size_t n = strlen(name), most = 80;
    sc_text_puts(&text, "predictions-");
    bool plain = sc_text_add_name(&text, name, n < most ? n : most, '_') && n <= most;
    for (size_t p = 0; p < policy; p++)
        plain = plain && strcmp(run->policy_names[p], name) != 0;
    if (!plain)
        sc_text_printf(&text, "-%zu", policy);
    sc_text_puts(&text, ".jsonl");
    return sc_text_take(&text);
}

static enum sc_status write_predictions(const struct job *job, const struct sc_run *run,
                                        size_t policy, const char *name, struct sc_error *error)
{
    struct sc_text text = {0};
    enum sc_status status = sc_report_predictions(run, policy, &text, error);
    if (status == SC_OK)
        return write_file(job, job->folder, name, &text, error);
    sc_text_free(&text);
    return status;
}

static enum sc_status write_all_predictions(const struct job *job, const struct sc_run *run,
                                            struct sc_error *error)
{
    SC_TRY(write_predictions(job, run, run->primary, "predictions.jsonl", error));
    for (size_t p = 0; run->n_policies > 1 && p < run->n_policies; p++) {
        char *name = predictions_name(run, p);
        if (name == NULL)
            return sc_fail_nomem(error, "name of a predictions file");
        enum sc_status status = write_predictions(job, run, p, name, error);
        sc_free(name);
        SC_TRY(status);
    }
    return SC_OK;
}

static enum sc_status write_csv(const struct job *job, const struct sc_analysis *analysis,
                                struct sc_error *error)
{
    const char *folder = job->wish->csv;
    struct sc_text text = {0};
    SC_TRY(sc_make_folders(folder, error));
    for (int t = 0; t < SC_N_RESULTS_TABLES; t++) {
        char name[40];
        snprintf(name, sizeof name, "%s.csv", sc_results_table_name((enum sc_results_table)t));
        sc_csv_table(&text, (enum sc_results_table)t, analysis, false);
        SC_TRY(write_file(job, folder, name, &text, error));
    }
    return SC_OK;
}

static enum sc_status write_tables(const struct job *job, const struct sc_analysis *analysis,
                                   struct sc_error *error)
{
    struct sc_text text = {0};
    SC_TRY(sc_make_folders(job->wish->tables, error));
    for (int t = 0; t < SC_N_PAPER_TABLES; t++)
        for (int f = 0; f < SC_N_PAPER_FORMS; f++) {
            char name[40];
            snprintf(name, sizeof name, "%s%s", sc_paper_table_name((enum sc_paper_table)t),
                     sc_paper_ending((enum sc_paper_form)f));
            sc_paper_table_write(&text, (enum sc_paper_table)t, (enum sc_paper_form)f,
                                 analysis->document.root);
            SC_TRY(write_file(job, job->wish->tables, name, &text, error));
        }
    return SC_OK;
}

static enum sc_status write_analysis(const struct job *job, const struct sc_analysis *analysis,
                                     struct sc_error *error)
{
    struct sc_text text = {0};
    enum sc_status status = sc_render_json(&analysis->document, &text, error);
    if (status == SC_OK)
        return write_file(job, job->folder, "analysis.json", &text, error);
    sc_text_free(&text);
    return status;
}

/* A damaged replay.json takes nothing from the report but its picture; one that the disk holds back
 * is read the next time. */
static enum sc_status write_page(const struct job *job, struct sc_analysis *analysis,
                                 struct sc_error *error)
{
    struct sc_replay stored = {0};
    const struct sc_replay *given = job->wish->replay;
    struct sc_error why = {0};
    struct sc_text text = {0};
    bool found = false;
    if (given == NULL)
        sc_replay_read(job->folder, analysis->run, &stored, &found, &why);
    if (why.status == SC_ERR_NOMEM || why.status == SC_ERR_IO)
        return sc_fail(error, why.status, "%s", why.text);
    const char *failure = why.text; /* without the folder, which no file may name */
    if (strncmp(failure, job->folder, strlen(job->folder)) == 0)
        failure += strlen(job->folder);
    analysis->replay = given != NULL ? given : found && why.status == SC_OK ? &stored : NULL;
    analysis->replay_failure = why.status != SC_OK ? failure : NULL;
    enum sc_status status = sc_render_html(analysis, &text, error);
    analysis->replay = NULL;
    analysis->replay_failure = NULL;
    sc_replay_free(&stored);
    if (status == SC_OK)
        return write_file(job, job->folder, "report.html", &text, error);
    sc_text_free(&text);
    return status;
}

/* All but the predictions. */
static enum sc_status write_analysed(const struct job *job, struct sc_analysis *analysis,
                                     struct sc_error *error)
{
    const struct sc_report_wish *wish = job->wish;
    SC_TRY(write_analysis(job, analysis, error));
    if (wish->csv != NULL)
        SC_TRY(write_csv(job, analysis, error));
    if (wish->tables != NULL)
        SC_TRY(write_tables(job, analysis, error));
    SC_TRY(write_page(job, analysis, error));
    return wish->terminal == NULL ? SC_OK
                                  : sc_render_terminal(&analysis->document, wish->width,
                                                       wish->colour, wish->terminal, error);
}

static enum sc_status write_all(const struct job *job, const struct sc_run *run,
                                struct sc_error *error)
{
    struct sc_analysis analysis = {0};
    SC_TRY(write_all_predictions(job, run, error));
    const struct sc_interrupt interrupt = {job->wish->keep_going, job->wish->context};
    SC_TRY(sc_analysis_make_while(run, &interrupt, &analysis, error));
    enum sc_status status = write_analysed(job, &analysis, error);
    sc_analysis_free(&analysis);
    return status;
}

enum sc_status sc_report_make(const char *folder, const struct sc_report_wish *wish,
                              struct sc_error *error)
{
    struct sc_run run = {0};
    const struct job job = {folder, wish};
    if (wish->run != NULL)
        return write_all(&job, wish->run, error);
    SC_TRY(sc_run_load(folder, true, &run, error));
    enum sc_status status = write_all(&job, &run, error);
    sc_run_free(&run);
    return status;
}

enum sc_status sc_report_write(const char *folder, struct sc_error *error)
{
    return sc_report_write_while(folder, NULL, error);
}

enum sc_status sc_report_write_while(const char *folder, const struct sc_report_observer *observer,
                                     struct sc_error *error)
{
    struct sc_report_wish wish = {0};
    if (folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "report: expected a folder");
    if (observer != NULL) {
        wish.keep_going = observer->keep_going;
        wish.context = observer->context;
    }
    return sc_report_make(folder, &wish, error);
}
