/* From what a source gave to what is stored: metrics of each segment, verdict, reason of failure.
 */
#ifndef SC_EXPERIMENT_RUN_TRACE_MAKER_H
#define SC_EXPERIMENT_RUN_TRACE_MAKER_H

#include <safeconf/analysis.h>
#include <safeconf/source.h>

#include "benchmark/benchmark.h"
#include "experiment/store/run_data.h"

/* How traces are measured and by whom they are judged. */
struct sc_trace_maker {
    const char *detector;            /* its name with its version */
    size_t window;                   /* tokens */
    const struct sc_detector *reads; /* NULL: the default */
};

/* Makes trace `index` of an instance; sc_run_trace_free releases *out.  Figures that are given and
 * not finite, and text or ends of tokens that break the source's promises, make it a failed trace.
 */
enum sc_status sc_trace_make(const struct sc_trace_maker *maker, const struct sc_instance *instance,
                             uint32_t index, const struct sc_source_trace *given,
                             struct sc_run_trace *out, struct sc_error *error);

#endif
