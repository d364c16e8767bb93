/*
 * What a run says: predictions.jsonl, analysis.json, the terminal report, report.html.  All are
 * functions of run.db, so that they can be made again at any time.
 */
#ifndef SC_REPORT_REPORT_H
#define SC_REPORT_REPORT_H

#include <safeconf/analysis.h>

#include "analysis/replay/replay.h"
#include "base/error.h"
#include "base/text.h"
#include "experiment/store/run_data.h"

/* predictions.jsonl for one policy (an index into run->policies). */
enum sc_status sc_report_predictions(const struct sc_run *run, size_t policy, struct sc_text *out,
                                     struct sc_error *error);
/* sc_report_write (safeconf/analysis.h) writes predictions.jsonl (and predictions-NAME.jsonl for
 * each policy when there are several), analysis.json and report.html into the run's folder. */

/* The same, and what else is asked for, with the analysis made once. */
struct sc_report_wish {
    const struct sc_run *run; /* the folder's, loaded with tokens; NULL: it is loaded */
    /* Folders, which are made, or NULL: for instances.csv, traces.csv, estimates.csv, columns.csv;
     * and for tables as LaTeX and Markdown (report/tables.h). */
    const char *csv, *tables;
    const struct sc_replay
        *replay; /* shown in the page; NULL: what replay.json of the folder says */
    /* Asked before each file and between parts of the analysis; false ends it with
     * SC_ERR_INTERRUPTED, what is there being whole. NULL: go on. */
    bool (*keep_going)(void *context);
    void *context;
    /* Receives each file of the folder, which is not written then; NULL: all are written. */
    enum sc_status (*take)(void *take_context, const char *name, const struct sc_text *text,
                           struct sc_error *error);
    void *take_context;
    struct sc_text *terminal; /* gets the terminal report; or NULL */
    size_t width;             /* of it */
    bool colour;
};
enum sc_status sc_report_make(const char *folder, const struct sc_report_wish *wish,
                              struct sc_error *error);

/* A replay of a folder's run: the text of replay.json and, where terminal is not NULL, its tables
 * for a terminal; `all` as in sc_report_replay_terminal.  Nothing is written. */
struct sc_replay_texts {
    struct sc_text *json, *terminal;
    bool all;
};
enum sc_status sc_report_replay(const char *folder, const struct sc_replay_run_options *options,
                                const struct sc_replay_texts *out, struct sc_error *error);

/* The text of replay.json; run may be NULL. */
enum sc_status sc_report_replay_json(const struct sc_replay *replay, const struct sc_run *run,
                                     struct sc_text *out, struct sc_error *error);
/* Tables for a terminal of 80 columns: the rows that read no confidence or the given metric, or all
 * of them. */
enum sc_status sc_report_replay_terminal(const struct sc_replay *replay, enum sc_metric metric,
                                         bool all, struct sc_text *out, struct sc_error *error);

#endif
