/* The comparison of detectors and judges, as shown. */
#ifndef SC_REPORT_DETECTORS_H
#define SC_REPORT_DETECTORS_H

#include "analysis/detectors.h"
#include "base/json_writer.h"

/* The section "detectors" of analysis.json; null with its reason when there is nothing to compare.
 */
void sc_put_detectors(struct sc_json_writer *out, const struct sc_run *run);
/* The same as lines for a terminal, at most n_shown disagreements of each pair. */
void sc_detectors_terminal(const struct sc_run *run,
                           const struct sc_detector_comparison *comparison, size_t n_shown,
                           struct sc_text *out);

#endif
