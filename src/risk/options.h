/* Options of sc_risk as the library reads them. */
#ifndef SC_RISK_OPTIONS_H
#define SC_RISK_OPTIONS_H

#include <safeconf/risk.h>

#include "base/error.h"
#include "exploration/exploration.h"
#include "judge/judge.h"

/* *out: what a caller gives laid over the defaults, checked, with a number of tokens. */
enum sc_status sc_risk_options_read(const struct sc_risk_options *given,
                                    struct sc_risk_options *out, struct sc_error *error);
/* The same for an exploration: all but what model and prompt say. */
struct sc_exploration_options sc_risk_exploration(const struct sc_risk_options *options);
/* Whoever is asked about harm; *out NULL: nobody. */
enum sc_status sc_risk_open_judge(const struct sc_risk_options *options, struct sc_judge **out,
                                  struct sc_error *error);

#endif
