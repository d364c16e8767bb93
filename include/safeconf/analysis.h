/* What is made of answers: refusals in text, and what a run amounts to. */
#ifndef SAFECONF_ANALYSIS_H
#define SAFECONF_ANALYSIS_H

#include <safeconf/vocabulary.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- refusal detection ----------------------------------------------------------------------- */

struct sc_detection {
    enum sc_verdict verdict;
    const char *rule;  /* identifier of the rule that decided; static, or the user's rules own it */
    size_t begin, end; /* the bytes of the answer that decided; begin == end: none */
    bool clear;        /* nothing in the answer speaks for another verdict */
    size_t reserved[4];
};

/* Reads an answer (without its reasoning segment) to a prompt (may be NULL) by rules alone. */
SC_API void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out);

/* A user's own rules: a JSON file (docs/DETECTION.md), in which every name, pattern and field is
 * checked. */
struct sc_user_rules;
SC_API enum sc_status sc_user_rules_read(struct sc_user_rules **out, const char *path,
                                         struct sc_error *error);
SC_API void sc_user_rules_free(struct sc_user_rules *rules); /* NULL is fine */

/* As sc_detect_refusal, with a user's own rules before the built-in ones; rules NULL: these alone.
 * The rule's name in *out lives as long as the rules, which serve one thread at a time. */
SC_API void sc_detect_refusal_with(struct sc_user_rules *rules, const char *prompt,
                                   const char *answer, struct sc_detection *out);

/* Name and version of the detector, to be kept with every verdict: "patterns/1", and with rules
 * "patterns/1+rules@0123456789abcdef". */
SC_API const char *sc_detector_version(void);
SC_API const char *sc_user_rules_version(const struct sc_user_rules *rules);

/* ---- what a run amounts to ------------------------------------------------------------------- */

struct sc_results; /* a run's folder, loaded and analysed; immutable */

/* Reads run.db of a folder and computes everything that analysis.json says of it.  Writes nothing.
 */
SC_API enum sc_status sc_results_open(struct sc_results **out, const char *folder,
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

/* Writes predictions.jsonl, analysis.json and report.html into a run's folder. */
SC_API enum sc_status sc_report_write(const char *folder, struct sc_error *error);

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

#ifdef __cplusplus
}
#endif
#endif
