/*
 * The files of a run folder, made from run.db.  Each is written whole or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/analysis_json.h"
#include "report/report.h"

static enum sc_status write_file(const char *folder, const char *name, const struct sc_text *text,
                                 struct sc_error *error)
{
    char *path = sc_path_join(folder, name);
    if (!path)
        return sc_fail_nomem(error, "path of a report");
    enum sc_status status = sc_file_write(path, text->data ? text->data : "", text->len, error);
    sc_free(path);
    return status;
}

/* "predictions-NAME.jsonl"; letters, digits, '-', '_' and '.' stay. A name that had others, or that
 * an earlier policy has too, gets its number. */
static char *predictions_name(const struct sc_run *run, size_t policy)
{
    struct sc_text text = {0};
    bool plain = true;
    const char *name = run->policy_names[policy];
    sc_text_puts(&text, "predictions-");
    for (size_t i = 0; name[i]; i++) {
        bool keep = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                    (name[i] >= '0' && name[i] <= '9') || strchr("-_.", name[i]);
        plain = plain && keep && i < 80;
        if (i < 80)
            sc_text_putc(&text, keep ? name[i] : '_');
    }
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
        if (!name)
            return sc_fail_nomem(error, "name of a predictions file");
        status = write_predictions(run, p, folder, name, error);
        sc_free(name);
    }
    return status;
}

enum sc_status sc_report_write(const char *folder, struct sc_error *error)
{
    struct sc_run run = {0};
    struct sc_analysis analysis = {0};
    struct sc_text text = {0};
    enum sc_status status = sc_run_load(folder, false, &run, error);
    if (status != SC_OK)
        return status;
    status = write_all_predictions(&run, folder, error);
    if (status == SC_OK)
        status = sc_analysis_make(&run, &analysis, error);
    if (status == SC_OK)
        status = sc_analysis_text(&analysis, &text, error);
    if (status == SC_OK)
        status = write_file(folder, "analysis.json", &text, error);
    sc_text_clear(&text);
    if (status == SC_OK)
        status = sc_analysis_html(&analysis, &text, error);
    if (status == SC_OK)
        status = write_file(folder, "report.html", &text, error);
    sc_text_free(&text);
    sc_analysis_free(&analysis);
    sc_run_free(&run);
    return status;
}
