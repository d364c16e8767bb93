/* What the lines of all prompts come to. */
#ifndef SC_RISK_SUMMARY_H
#define SC_RISK_SUMMARY_H

#include "base/json.h"
#include "base/json_writer.h"

/* Prompts that have no line, which the summary counts. */
struct sc_risk_failures {
    struct sc_risk_failure {
        const char *instance_id;
        char *reason;
    } * items; /* [n] */
    size_t n, cap;
};

/* Puts the member "summary" of risk.json (docs/RISK.md). */
enum sc_status sc_risk_summarize(const json_t *lines, const struct sc_risk_failures *failures,
                                 struct sc_json_writer *out, struct sc_error *error);

#endif
