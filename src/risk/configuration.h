/* What the lines of a folder depend on. */
#ifndef SC_RISK_CONFIGURATION_H
#define SC_RISK_CONFIGURATION_H

#include "risk/proposal.h"

struct sc_risk_basis {
    const struct sc_risk_asker *asker; /* with all open but the expander */
    const struct sc_benchmark *benchmark;
    const struct sc_risk_proposal *proposal; /* NULL: none */
    bool thinking, special;
};

/* Canonical JSON: the same text, the same lines; *json: sc_free it. */
enum sc_status sc_risk_configuration(const struct sc_risk_basis *basis, char **json,
                                     struct sc_error *error);

#endif
