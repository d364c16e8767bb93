/* What is made of answers: refusals in text, and what a run amounts to. */
#ifndef SAFECONF_ANALYSIS_H
#define SAFECONF_ANALYSIS_H

#include <safeconf/vocabulary.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- refusal detection ----------------------------------------------------------------------- */

/* What decided on an answer: the built-in rules, the reader, or rules of a user's own. */
enum sc_detected_by { SC_BY_RULES, SC_BY_READER, SC_BY_OWN_RULES, SC_N_DETECTED_BY };

/* What a partial refusal is, where it can be told: it refuses and then gives all the same (or gives
 * and then refuses), or it gives a part or a safe variation of what was asked.  All of them count
 * as refusals. */
enum sc_partial_kind { SC_PARTIAL_UNTOLD, SC_REFUSES_AND_HELPS, SC_HELPS_IN_PART, SC_N_PARTIALS };

/* Bytes of the answer. */
struct sc_piece {
    size_t begin, end;
};
enum { SC_MOST_PIECES = 3 };

struct sc_detection {
    enum sc_verdict verdict;
    const char *rule;  /* identifier of the rule that decided; static, or the user's rules own it */
    size_t begin, end; /* the bytes of the answer that decided; begin == end: none */
    bool clear;        /* nothing in the answer speaks for another verdict */
    enum sc_detected_by by;
    enum sc_partial_kind partial; /* of SC_PARTIAL */
    double p_refusal;             /* that it refuses, in part or whole; NaN: no reader was asked */
    /* Of the answer: ISO 639-1, or the name of a script of which no rules know a language; "" where
     * nothing tells it.  Static. */
    const char *language;
    struct sc_piece pieces[SC_MOST_PIECES]; /* what weighed most for the reader, heaviest first */
    size_t n_pieces;
    size_t reserved[4];
};

/* A user's own rules: a JSON file (docs/DETECTION.md), in which every name, pattern and field is
 * checked.  Once read they do not change, and serve any number of threads. */
struct sc_user_rules;
SC_API enum sc_status sc_user_rules_read(struct sc_user_rules **out, const char *path,
                                         struct sc_error *error);
SC_API void sc_user_rules_free(struct sc_user_rules *rules); /* NULL is fine */
/* Whether memory ran out while their patterns were tried, at any time so far: verdicts since may
 * lack what they find.  NULL: false. */
SC_API bool sc_user_rules_ran_out(struct sc_user_rules *rules);

/* patterns: rules alone.  reader: where the rules are not clear, a small trained model. */
enum sc_detector_kind { SC_DETECTOR_PATTERNS, SC_DETECTOR_READER, SC_N_DETECTOR_KINDS };
SC_API const char *sc_detector_kind_name(enum sc_detector_kind kind); /* "patterns" ... */
SC_API int sc_detector_kind_parse(const char *name);                  /* -1: unknown */
/* The one that is used where none is named. */
SC_API enum sc_detector_kind sc_detector_default(void);

struct sc_detector {
    enum sc_detector_kind kind;
    struct sc_user_rules *rules; /* tried before the built-in ones; NULL: none */
};

/* Reads an output to a prompt (may be NULL) by the default detector or by a given one (NULL: the
 * default).  Its answer alone counts: one that is reasoning to its end is SC_UNREACHED.  Nothing is
 * allocated but by a user's patterns. */
SC_API void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out);
SC_API void sc_detect_with(const struct sc_detector *detector, const char *prompt,
                           const char *answer, struct sc_detection *out);

/* Name and version, to be kept with every verdict: "patterns/2", "reader/1", and with rules of a
 * user's own "patterns/2+rules@0123456789abcdef". */
enum { SC_DETECTOR_NAME_SIZE = 64 };
SC_API void sc_detector_name(const struct sc_detector *detector, char name[SC_DETECTOR_NAME_SIZE]);

/* ---- what a run amounts to ------------------------------------------------------------------- */

struct sc_results; /* a run's folder, loaded and analysed; immutable */

/* Reads run.db of a folder and computes everything that analysis.json says of it.  Writes nothing.
 */
SC_API enum sc_status sc_results_open(struct sc_results **out, const char *folder,
                                      struct sc_error *error);
/* Asked some times a second by the calling thread, which is busy for seconds where a run is large;
 * false ends the work with SC_ERR_INTERRUPTED.  NULL: go on. */
struct sc_report_observer {
    void *context;
    bool (*keep_going)(void *context);
};
/* The same; observer may be NULL. */
SC_API enum sc_status sc_results_open_while(struct sc_results **out, const char *folder,
                                            const struct sc_report_observer *observer,
                                            struct sc_error *error);
SC_API void sc_results_close(struct sc_results *results);

/* A figure by its path in analysis.json (docs/FILES.md), such as "overall.refusal_rate",
 * "uncertain_compliance.count" or "policies.0.avg_traces".  A count or a number that is not an
 * estimate has neither interval nor n.  What could not be computed is NaN with its reason;
 * SC_ERR_ARGUMENT when there is no such figure.  The reason lives as long as the results. */
SC_API enum sc_status sc_results_estimate(const struct sc_results *results, const char *path,
                                          struct sc_estimate *out, struct sc_error *error);
/* A text by its path, such as "hypothesis_test.text"; it lives as long as the results.  NULL: there
 * is none. */
SC_API const char *sc_results_text(const struct sc_results *results, const char *path);

/* analysis.json and predictions.jsonl, whole; release them with sc_release. */
SC_API enum sc_status sc_results_json(const struct sc_results *results, char **json,
                                      struct sc_error *error);
SC_API enum sc_status sc_results_predictions(const struct sc_results *results, char **lines,
                                             struct sc_error *error);
/* The tables that `safeconf report` prints first, for 80 columns and without colours; names from
 * files and models are made visible.  Release it with sc_release. */
SC_API enum sc_status sc_results_summary(const struct sc_results *results, char **summary,
                                         struct sc_error *error);

/* Tidy tables: one row per finished prompt, per stored trace of these, per figure of analysis.json;
 * and what the columns of all of them mean, their types and units. */
enum sc_results_table {
    SC_TABLE_INSTANCES,
    SC_TABLE_TRACES,
    SC_TABLE_ESTIMATES,
    SC_TABLE_COLUMNS,
    SC_N_RESULTS_TABLES
};
SC_API const char *sc_results_table_name(enum sc_results_table table); /* "instances" ... */
/* A table as CSV (RFC 4180, UTF-8, a header), release it with sc_release.  Unlike in the files of
 * `report --csv`, texts are exactly what they were, also those that a spreadsheet would take for a
 * formula; an empty text stands in quotes, and what is missing is an empty field without. */
SC_API enum sc_status sc_results_table(const struct sc_results *results,
                                       enum sc_results_table table, char **csv,
                                       struct sc_error *error);

/* Writes predictions.jsonl, analysis.json and report.html into a run's folder. */
SC_API enum sc_status sc_report_write(const char *folder, struct sc_error *error);
/* The same; observer may be NULL.  Where it is interrupted each file is whole, or as it was. */
SC_API enum sc_status sc_report_write_while(const char *folder,
                                            const struct sc_report_observer *observer,
                                            struct sc_error *error);

/* ---- a run's traces under other policies (docs/REPLAY.md) -------------------------------------
 */

/* What is reserved is 0. */
struct sc_replay_run_options {
    size_t size;                   /* set by the defaults function */
    size_t n_orders;               /* random orders of each prompt's traces; 200 */
    size_t min_traces, max_traces; /* 3; 0: as many as are there */
    size_t batch_traces;           /* 3 */
    double tau;                    /* deepconf; 0.95 */
    double max_changes;            /* share of verdicts that a recommended policy may
                                    * change; 0.01 */
    uint64_t seed;                 /* of orders and shuffles; 0 */
    int n_threads;                 /* 0: one per available core */
    /* As in struct sc_report_observer. */
    bool (*keep_going)(void *context);
    void *context;
    double reserved[8];
};
SC_API struct sc_replay_run_options sc_replay_run_options_default(void);

/* The text of replay.json of a run's folder, and nothing is written; release it with sc_release.
 * options NULL: the defaults. */
SC_API enum sc_status sc_replay_json(const char *folder,
                                     const struct sc_replay_run_options *options, char **json,
                                     struct sc_error *error);

/* ---- whether a run's folder is whole (docs/FILES.md) ------------------------------------------
 */

/* Looks through run.db, as every function does that reads a folder: SQLite's own check, and the key
 * of each row.  For callers that read run.db by themselves; the first thing that is damaged is
 * SC_ERR_FORMAT and is named. */
SC_API enum sc_status sc_run_db_check(const char *folder, struct sc_error *error);
/* What `safeconf verify --json` prints of a folder, or of those of runs within it; release it with
 * sc_release.  What is wrong with a run stands in it ("whole": false) and is no failure.  observer
 * may be NULL. */
SC_API enum sc_status sc_verify_json(const char *folder, const struct sc_report_observer *observer,
                                     char **json, struct sc_error *error);

/* ---- runs side by side ------------------------------------------------------------------------
 */

/* Compares the runs of n folders, 2 to 16, on the prompts that they share (docs/REPORT.md): writes
 * diff.json and diff.html into the folder `out`, which is made.  Two runs without a common prompt
 * are SC_ERR_FORMAT. */
SC_API enum sc_status sc_diff_write(const char *const *folders, size_t n, const char *out,
                                    struct sc_error *error);
/* The text of diff.json, and nothing is written; release it with sc_release. */
SC_API enum sc_status sc_diff_json(const char *const *folders, size_t n, char **json,
                                   struct sc_error *error);

/* ---- a run as another tool's file (docs/EXPORT.md) --------------------------------------------
 */

/* What is reserved is NULL.  Strings are borrowed. */
struct sc_export_options {
    size_t size;        /* set by the defaults function */
    const char *out;    /* the file, which is replaced; NULL: run.eval in the run's folder */
    const char *policy; /* whose traces, by its name; NULL: the run's primary one */
    bool (*keep_going)(void *context); /* false ends it with SC_ERR_INTERRUPTED, and nothing is
                                        * written; NULL: go on */
    void *context;
    const void *reserved[8];
};
SC_API struct sc_export_options sc_export_options_default(void);

struct sc_export_summary {
    size_t n_prompts, n_traces, n_failed_traces;
    bool finished; /* every prompt of the run is in it */
    double reserved[4];
};

/* Writes a run's folder as a log of inspect_ai (.eval).  options NULL: the defaults; summary may be
 * NULL.  The same run gives the same bytes. */
SC_API enum sc_status sc_export_eval(const char *folder, const struct sc_export_options *options,
                                     struct sc_export_summary *summary, struct sc_error *error);

#ifdef __cplusplus
}
#endif
#endif
