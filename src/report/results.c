/* A run's folder for a program that uses the library: safeconf/analysis.h. */
#include <math.h>

#include "analysis/analysis.h"
#include "base/memory.h"
#include "base/result.h"
#include "report/csv.h"
#include "report/render.h"
#include "report/report.h"

enum { SUMMARY_COLUMNS = 80 };

struct sc_results {
    struct sc_run run;
    struct sc_analysis analysis; /* of run */
};

enum sc_status sc_results_open(struct sc_results **out, const char *folder, struct sc_error *error)
{
    return sc_results_open_while(out, folder, NULL, error);
}

enum sc_status sc_results_open_while(struct sc_results **out, const char *folder,
                                     const struct sc_report_observer *observer,
                                     struct sc_error *error)
{
    struct sc_interrupt interrupt = {0};
    if (out == NULL || folder == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected a result and a folder");
    *out = NULL;
    if (observer != NULL)
        interrupt = (struct sc_interrupt){observer->keep_going, observer->context};
    struct sc_results *results = sc_alloc_zero(1, sizeof *results);
    if (results == NULL)
        return sc_fail_nomem(error, folder);
    enum sc_status status = sc_run_load(folder, true, &results->run, error);
    if (status == SC_OK)
        status = sc_analysis_make_while(&results->run, &interrupt, &results->analysis, error);
    if (status == SC_OK)
        *out = results;
    else
        sc_results_close(results);
    return status;
}

void sc_results_close(struct sc_results *results)
{
    if (results == NULL)
        return;
    sc_analysis_free(&results->analysis);
    sc_run_free(&results->run);
    sc_free(results);
}

enum sc_status sc_results_estimate(const struct sc_results *results, const char *path,
                                   struct sc_estimate *out, struct sc_error *error)
{
    if (results == NULL || path == NULL || out == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected results, a path and a result");
    *out = (struct sc_estimate){NAN, NAN, NAN, 0, "no such figure"};
    const struct sc_node *node = sc_node_find(results->analysis.document.root, path);
    switch (node != NULL ? node->kind : SC_NODE_TEXT) {
    case SC_NODE_ESTIMATE:
        *out = node->as.estimate;
        if (!isfinite(out->value) && out->reason == NULL)
            out->reason = "not computed";
        return SC_OK;
    case SC_NODE_NUMBER:
    case SC_NODE_COUNT:
    case SC_NODE_DIGITS:
        out->value = sc_node_number(node);
        out->reason = isfinite(out->value)   ? NULL
                      : node->reason != NULL ? node->reason
                                             : "not computed";
        return SC_OK;
    case SC_NODE_ABSENT:
        out->reason = node->reason != NULL ? node->reason : "not computed";
        return SC_OK;
    default:
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: no such figure", path);
    }
}

const char *sc_results_text(const struct sc_results *results, const char *path)
{
    if (results == NULL || path == NULL)
        return NULL;
    return sc_node_text(sc_node_find(results->analysis.document.root, path));
}

enum sc_status sc_results_json(const struct sc_results *results, char **json,
                               struct sc_error *error)
{
    if (results == NULL || json == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected results and a result");
    struct sc_text text = {0};
    enum sc_status status = sc_render_json(&results->analysis.document, &text, error);
    return sc_text_hand_out(&text, status, json, error);
}

enum sc_status sc_results_predictions(const struct sc_results *results, char **lines,
                                      struct sc_error *error)
{
    if (results == NULL || lines == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected results and a result");
    struct sc_text text = {0};
    enum sc_status status =
        sc_report_predictions(&results->run, results->run.primary, &text, error);
    return sc_text_hand_out(&text, status, lines, error);
}

enum sc_status sc_results_summary(const struct sc_results *results, char **summary,
                                  struct sc_error *error)
{
    if (results == NULL || summary == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected results and a result");
    struct sc_text text = {0};
    enum sc_status status =
        sc_render_terminal(&results->analysis.document, SUMMARY_COLUMNS, false, &text, error);
    return sc_text_hand_out(&text, status, summary, error);
}

enum sc_status sc_results_table(const struct sc_results *results, enum sc_results_table table,
                                char **csv, struct sc_error *error)
{
    if (results == NULL || csv == NULL || (unsigned)table >= SC_N_RESULTS_TABLES)
        return sc_fail(error, SC_ERR_ARGUMENT, "results: expected results, a table and a result");
    struct sc_text text = {0};
    sc_csv_table(&text, table, &results->analysis, true);
    return sc_text_hand_out(&text, SC_OK, csv, error);
}
