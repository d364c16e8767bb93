/*
 * Whether the figures of a stored trace are possible ones.  A row that was written by anybody else
 * may have a key that fits and say what no model can: a negative confidence, a probability over 1.
 */
#ifndef SC_EXPERIMENT_STORE_VALUES_H
#define SC_EXPERIMENT_STORE_VALUES_H

#include "experiment/store/database.h"
#include "experiment/store/run_data.h"

/* Metrics, and where they are loaded figures and their bounds.  row names the trace in messages. */
enum sc_status sc_values_check(const struct sc_row *row, const struct sc_run_trace *trace,
                               struct sc_error *error);

#endif
