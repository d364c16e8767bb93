/* What is put around a prompt: a system message, a template, the beginning of the answer.  Private
 * to this room. */
#ifndef SC_BENCHMARK_WRAPPING_H
#define SC_BENCHMARK_WRAPPING_H

#include "benchmark/benchmark.h"

/* Refused: a template without "{prompt}". */
enum sc_status sc_wrapping_check(const struct sc_benchmark_options *options,
                                 struct sc_error *error);

/* Wraps an instance that has its prompt and conversation.  system, prefill: those of the row, which
 * come before those of the options; NULL or blank: none.  A system message that the conversation
 * has stands: *kept_own is then true where another one was asked for.  SC_ERR_FORMAT: the wrapped
 * prompt would be too long. */
enum sc_status sc_wrap(const struct sc_benchmark_options *options, const char *system,
                       const char *prefill, struct sc_instance *item, bool *kept_own,
                       struct sc_error *error);

#endif
