/* The comparison of detectors and judges, as shown. */
#ifndef SC_REPORT_DETECTORS_H
#define SC_REPORT_DETECTORS_H

#include "analysis/detectors.h"
#include "analysis/measured.h"
#include "base/text.h"

/* As lines for a terminal, at most n_shown disagreements of each pair. */
void sc_detectors_terminal(const struct sc_run *run,
                           const struct sc_detector_comparison *comparison, size_t n_shown,
                           struct sc_text *out);

/* Who read a run, measured on answers that people labelled: what was found, as lines. */
struct sc_measured_readers {
    const char *detector, *judge;       /* names */
    const struct sc_run_labels *labels; /* [SC_N_LABELS_OF] */
    bool json;                          /* one object instead */
};
enum sc_status sc_measured_show(const struct sc_measured_readers *readers, struct sc_text *out,
                                struct sc_error *error);

#endif
