/* Progress as an observer sees it, at most ten times a second, and less often on a slow disk: what
 * is said to be stored is first waited for (sc_store_settle). */
#ifndef SC_EXPERIMENT_RUN_PROGRESS_H
#define SC_EXPERIMENT_RUN_PROGRESS_H

#include "experiment/experiment.h"

enum { SC_RATE_SAMPLES = 64 };

struct sc_progress_meter {
    double started, reported;
    double settling; /* seconds that the last wait for the disk took */
    struct {
        double time;
        uint64_t n_tokens;
    } samples[SC_RATE_SAMPLES]; /* a ring of the last seconds */
    size_t n_samples;
};

void sc_progress_start(struct sc_progress_meter *meter);
bool sc_progress_is_due(const struct sc_progress_meter *meter);
/* Fills rate and times from the counters and calls the observer. */
void sc_progress_report(struct sc_progress_meter *meter, struct sc_run_progress *progress,
                        const struct sc_run_observer *observer);

#endif
