/* The comparison of detectors and judges, as shown. */
#ifndef SC_REPORT_DETECTORS_H
#define SC_REPORT_DETECTORS_H

#include "analysis/detectors.h"
#include "base/text.h"

/* As lines for a terminal, at most n_shown disagreements of each pair. */
void sc_detectors_terminal(const struct sc_run *run,
                           const struct sc_detector_comparison *comparison, size_t n_shown,
                           struct sc_text *out);

#endif
