/* The parts of a run's document, for the files of this folder. */
#ifndef SC_ANALYSIS_DOCUMENT_SECTIONS_H
#define SC_ANALYSIS_DOCUMENT_SECTIONS_H

#include "analysis/analysis.h"

/* The whole document of an analysis; out->failed says that memory ran out. */
void sc_document_put_run(struct sc_document *out, const struct sc_analysis *analysis);

/* Of a policy that looks at verdicts while it samples. */
void sc_document_put_sequential(struct sc_document *out, const struct sc_analysis *a,
                                const struct sc_policy_result *r);

/* Members of hypothesis_test, and sections of their own. */
void sc_document_put_risk(struct sc_document *out, const struct sc_analysis *analysis);
void sc_document_put_refusal(struct sc_document *out, const struct sc_analysis *analysis);
void sc_document_put_harm(struct sc_document *out, const struct sc_analysis *a);
void sc_document_put_repeats(struct sc_document *out, const struct sc_analysis *analysis);
void sc_document_put_forecast(struct sc_document *out, const struct sc_analysis *analysis);
/* Absent, with its reason, where the tree of answers is not known. */
void sc_document_put_decided(struct sc_document *out, const struct sc_analysis *analysis);
/* Absent, with its reason, when the answers were read once only. */
void sc_document_put_detectors(struct sc_document *out, const struct sc_analysis *analysis);

#endif
