/* A judge behind an OpenAI-compatible server. */
#ifndef SC_JUDGE_ENDPOINT_H
#define SC_JUDGE_ENDPOINT_H

#include "judge/config.h"
#include "judge/judge.h"

struct sc_endpoint_judge;

/* As sc_judge_open, for options that name a server or a configuration. */
enum sc_status sc_endpoint_judge_open(struct sc_endpoint_judge **out,
                                      const struct sc_judge_options *options,
                                      struct sc_error *error);
void sc_endpoint_judge_close(struct sc_endpoint_judge *judge); /* NULL is fine */
const struct sc_judge_config *sc_endpoint_judge_config(const struct sc_endpoint_judge *judge);
enum sc_status sc_endpoint_judge_run(struct sc_endpoint_judge *judge,
                                     const struct sc_judge_item *items, size_t n,
                                     const struct sc_judge_sink *sink,
                                     struct sc_judge_counts *counts, struct sc_error *error);

/* The configuration that options stand for, checked: it has a URL, and the key if it must. */
enum sc_status sc_endpoint_judge_configure(struct sc_judge_config *out,
                                           const struct sc_judge_options *options,
                                           struct sc_error *error);

#endif
