/*
 * The experiment: a benchmark's instances × a source's traces, decided by policies, kept in run.db.
 * Its options and its one function are public.
 */
#ifndef SC_EXPERIMENT_EXPERIMENT_H
#define SC_EXPERIMENT_EXPERIMENT_H

#include <safeconf/experiment.h>

#include "base/error.h"
#include "benchmark/benchmark.h"
#include "decision/decision.h"

/* Copies the options over the defaults, as far as the caller's struct goes. */
enum sc_status sc_run_options_read(const struct sc_run_options *given, struct sc_run_options *out,
                                   struct sc_error *error);

/* Tokens of an answer where nobody says how many: reasoning takes its own. */
size_t sc_default_new_tokens(bool thinking);

#endif
