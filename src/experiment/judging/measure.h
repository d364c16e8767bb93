/* Who judges runs, measured on answers that people labelled, without a run. */
#ifndef SC_EXPERIMENT_JUDGING_MEASURE_H
#define SC_EXPERIMENT_JUDGING_MEASURE_H

#include <safeconf/judging.h>

#include "base/error.h"
#include "experiment/store/run_data.h"

/* Judges options->labels as sc_classify does beside a run; options->folder is not read, and nothing
 * is kept.  out: what people and detector, and people and judge, say of each; no rows where the
 * file has no such labels or nobody judged harm.  sc_run_labels_free (store/labels.h) in any case.
 */
enum sc_status sc_measure_judge(const struct sc_classify_options *options,
                                const struct sc_classify_observer *observer,
                                struct sc_classify_summary *summary,
                                struct sc_run_labels out[SC_N_LABELS_OF], struct sc_error *error);

#endif
