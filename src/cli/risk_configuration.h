/* What the lines of a folder depend on. */
#ifndef SC_CLI_RISK_CONFIGURATION_H
#define SC_CLI_RISK_CONFIGURATION_H

#include "cli/risk_proposal.h"

struct cli_risk_facts {
    const struct cli_risk_asker *asker; /* with all open but the expander */
    const struct sc_benchmark *benchmark;
    const struct sc_benchmark_options *options;
    const struct cli_risk_proposal *proposal; /* NULL: none */
    bool thinking, special;
};

/* Canonical JSON: the same text, the same lines; *json: sc_free it. */
enum sc_status cli_risk_configuration(const struct cli_risk_facts *facts, char **json,
                                      struct sc_error *error);

#endif
