/* Progress as an observer sees it, at most ten times a second. */
#ifndef SC_EXPERIMENT_RUN_PROGRESS_H
#define SC_EXPERIMENT_RUN_PROGRESS_H

#include "experiment/experiment.h"

enum { SC_RATE_SAMPLES = 64 };

struct sc_progress_meter {
    double started, reported;
    struct {
        double time;
        uint64_t n_tokens;
    } samples[SC_RATE_SAMPLES]; /* a ring of the last seconds */
    size_t n_samples;
};

void sc_progress_start(struct sc_progress_meter *meter);
/* Fills rate and times from the counters and calls the observer if it is time, or always with
 * `last`. */
void sc_progress_report(struct sc_progress_meter *meter, struct sc_run_progress *progress,
                        const struct sc_run_observer *observer, bool last);

#endif
