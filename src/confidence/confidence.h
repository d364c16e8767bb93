/* Confidence of a trace from its per-token figures: arrays in, numbers out.  sc_trace_metrics is
 * public (safeconf.h); what only the program needs is here.  Nothing here allocates.
 *
 * A confidence that is not finite anywhere in the trace makes every window NaN (a figure computed
 * from the others would look like a measurement); likewise prob and nll for logprob.  A window of 0
 * is read as 1. */
#ifndef SC_CONFIDENCE_CONFIDENCE_H
#define SC_CONFIDENCE_CONFIDENCE_H

#include <safeconf/vocabulary.h>

#include "base/error.h"

/* The metric's value turned so that higher is more confident (the sign of one whose sign is -1 is
 * turned). */
double sc_metric_as_confidence(enum sc_metric metric, double value);

#endif
