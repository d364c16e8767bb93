/*
 * The files of a run folder, made from run.db.  Each is written whole or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/csv.h"
#include "report/render.h"
#include "report/report.h"

static enum sc_status write_file(const char *folder, const char *name, const struct sc_text *text,
                                 struct sc_error *error)
{
    char *path = sc_path_join(folder, name);
    if (path == NULL)
        return sc_fail_nomem(error, "path of a report");
    enum sc_status status =
        sc_file_write(path, text->data != NULL ? text->data : "", text->len, error);
    sc_free(path);
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

static enum sc_status write_predictions(const struct sc_run *run, size_t policy, const char *folder,
                                        const char *name, struct sc_error *error)
{
    struct sc_text text = {0};
    enum sc_status status = sc_report_predictions(run, policy, &text, error);
    if (status == SC_OK)
        status = write_file(folder, name, &text, error);
    sc_text_free(&text);
    return status;
}

static enum sc_status write_all_predictions(const struct sc_run *run, const char *folder,
                                            struct sc_error *error)
{
    enum sc_status status =
        write_predictions(run, run->primary, folder, "predictions.jsonl", error);
    for (size_t p = 0; run->n_policies > 1 && p < run->n_policies && status == SC_OK; p++) {
        char *name = predictions_name(run, p);
        if (name == NULL)
            return sc_fail_nomem(error, "name of a predictions file");
        status = write_predictions(run, p, folder, name, error);
        sc_free(name);
    }
    return status;
}

static enum sc_status write_csv(const struct sc_analysis *analysis, const char *folder,
                                struct sc_error *error)
{
    struct sc_text text = {0};
    enum sc_status status = sc_make_folders(folder, error);
    if (status == SC_OK) {
        sc_csv_instances(&text, analysis);
        status = text.failed ? sc_fail_nomem(error, "instances.csv")
                             : write_file(folder, "instances.csv", &text, error);
    }
    sc_text_clear(&text);
    if (status == SC_OK) {
        sc_csv_traces(&text, analysis);
        status = text.failed ? sc_fail_nomem(error, "traces.csv")
                             : write_file(folder, "traces.csv", &text, error);
    }
    sc_text_clear(&text);
    if (status == SC_OK) {
        sc_csv_estimates(&text, &analysis->document);
        status = text.failed ? sc_fail_nomem(error, "estimates.csv")
                             : write_file(folder, "estimates.csv", &text, error);
    }
    sc_text_free(&text);
    return status;
}

/* A damaged replay.json takes nothing from the report but its picture. */
static enum sc_status write_page(struct sc_analysis *analysis, const char *folder,
                                 const struct sc_replay *given, struct sc_error *error)
{
    struct sc_replay stored = {0};
    struct sc_error why = {0};
    struct sc_text text = {0};
    bool found = false;
    if (given == NULL &&
        sc_replay_read(folder, analysis->run, &stored, &found, &why) == SC_ERR_NOMEM)
        return sc_fail_nomem(error, "replay.json");
    const char *failure = why.text; /* without the folder, which no file may name */
    if (strncmp(failure, folder, strlen(folder)) == 0)
        failure += strlen(folder);
    analysis->replay = given != NULL ? given : found && why.status == SC_OK ? &stored : NULL;
    analysis->replay_failure = why.status != SC_OK ? failure : NULL;
    enum sc_status status = sc_render_html(analysis, &text, error);
    analysis->replay = NULL;
    analysis->replay_failure = NULL;
    if (status == SC_OK)
        status = write_file(folder, "report.html", &text, error);
    sc_replay_free(&stored);
    sc_text_free(&text);
    return status;
}

enum sc_status sc_report_make(const char *folder, const struct sc_report_wish *wish,
                              struct sc_error *error)
{
    struct sc_run run = {0};
    struct sc_analysis analysis = {0};
    struct sc_text text = {0};
    enum sc_status status = sc_run_load(folder, true, &run, error);
    if (status != SC_OK)
        return status;
    status = write_all_predictions(&run, folder, error);
    if (status == SC_OK)
        status = sc_analysis_make(&run, &analysis, error);
    if (status == SC_OK)
        status = sc_render_json(&analysis, &text, error);
    if (status == SC_OK)
        status = write_file(folder, "analysis.json", &text, error);
    if (status == SC_OK && wish->csv != NULL)
        status = write_csv(&analysis, wish->csv, error);
    sc_text_free(&text);
    if (status == SC_OK)
        status = write_page(&analysis, folder, wish->replay, error);
    if (status == SC_OK && wish->terminal != NULL)
        status = sc_render_terminal(&analysis, wish->width, wish->colour, wish->terminal, error);
    sc_analysis_free(&analysis);
    sc_run_free(&run);
    return status;
}

enum sc_status sc_report_write(const char *folder, struct sc_error *error)
{
    return sc_report_make(folder, &(struct sc_report_wish){0}, error);
}
