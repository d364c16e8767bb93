/* The analysis as JSON, and the sentences that every presentation repeats. */
#ifndef SC_REPORT_JSON_ANALYSIS_H
#define SC_REPORT_JSON_ANALYSIS_H

#include "analysis/analysis.h"
#include "report/json/estimate.h"
#include "report/report.h"

extern const char sc_demo_sentence[], sc_demo_judge_sentence[], sc_proxy_sentence[],
    sc_judge_sentence[], sc_detector_sentence[];

/* Appends the whole object. */
void sc_analysis_put(struct sc_json_writer *out, const struct sc_analysis *analysis);

/* Parts of it: members of hypothesis_test, and two objects of their own (analysis_json_risk.c). */
void sc_put_risk(struct sc_json_writer *out, const struct sc_analysis *analysis);
void sc_put_refusal(struct sc_json_writer *out, const struct sc_analysis *analysis);
void sc_put_repeats(struct sc_json_writer *out, const struct sc_analysis *analysis);

/* analysis.json, and the page, of an analysis that is there already. */
enum sc_status sc_analysis_text(const struct sc_analysis *analysis, struct sc_text *out,
                                struct sc_error *error);
enum sc_status sc_analysis_terminal(const struct sc_analysis *analysis, size_t width, bool colour,
                                    struct sc_text *out, struct sc_error *error);
enum sc_status sc_analysis_html(const struct sc_analysis *analysis, struct sc_text *out,
                                struct sc_error *error);

#endif
