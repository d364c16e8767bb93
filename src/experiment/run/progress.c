/* How far a run is and how fast it goes.  Times are shown and never stored. */
#include "experiment/run/progress.h"

#include <math.h>

#include "base/clock.h"

#define REPORT_SECONDS 0.1
#define SETTLING_SHARE 0.02 /* of the time, at most, goes into waiting for the disk */
#define RATE_SECONDS 5.0    /* tokens per second are those of the last so many seconds */

void sc_progress_start(struct sc_progress_meter *meter)
{
    *meter = (struct sc_progress_meter){.started = sc_seconds()};
    meter->samples[0].time = meter->started;
    meter->n_samples = 1;
}

/* Tokens per second since the oldest sample that is recent enough. */
static double recent_rate(struct sc_progress_meter *meter, double now, uint64_t n_tokens)
{
    size_t kept = meter->n_samples < SC_RATE_SAMPLES ? meter->n_samples : SC_RATE_SAMPLES;
    size_t oldest = meter->n_samples - kept;
    while (oldest + 1 < meter->n_samples &&
           now - meter->samples[oldest % SC_RATE_SAMPLES].time > RATE_SECONDS)
        oldest++;
    double seconds = now - meter->samples[oldest % SC_RATE_SAMPLES].time;
    uint64_t before = meter->samples[oldest % SC_RATE_SAMPLES].n_tokens;
    meter->samples[meter->n_samples % SC_RATE_SAMPLES].time = now;
    meter->samples[meter->n_samples % SC_RATE_SAMPLES].n_tokens = n_tokens;
    meter->n_samples++;
    return seconds > 0 ? (double)(n_tokens - before) / seconds : 0;
}

bool sc_progress_is_due(const struct sc_progress_meter *meter)
{
    double since = sc_seconds() - meter->reported;
    return since >= REPORT_SECONDS && since >= meter->settling / SETTLING_SHARE;
}

void sc_progress_report(struct sc_progress_meter *meter, struct sc_run_progress *progress,
                        const struct sc_run_observer *observer)
{
    double now = sc_seconds();
    meter->reported = now;
    progress->seconds = now - meter->started;
    progress->tokens_per_second = recent_rate(meter, now, progress->n_tokens);
    size_t done_here = progress->n_instances_done - progress->n_instances_resumed;
    size_t left = progress->n_instances - progress->n_instances_done;
    progress->seconds_left = left == 0 ? 0
                             : done_here == 0
                                 ? NAN
                                 : progress->seconds / (double)done_here * (double)left;
    if (observer != NULL && observer->progress != NULL)
        observer->progress(observer->context, progress);
}
