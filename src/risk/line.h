/* What is known of a prompt's answers as a line of JSON (docs/RISK.md lists its fields). */
#ifndef SC_RISK_LINE_H
#define SC_RISK_LINE_H

#include "risk/proposal.h"

struct sc_risk_line {
    const struct sc_risk_asker *asker;
    const struct sc_instance *instance;
    const struct sc_framed *framed;
    const struct sc_risk_found *found;
    const struct sc_risk_importance *importance; /* NULL: no proposal */
};

/* Appends the object, without the end of the line.  *n_shown: bytes of it before the tree, its last
 * member, whose branches are for the page alone; what stands before it is whole with a "}". */
enum sc_status sc_risk_put_line(const struct sc_risk_line *line, struct sc_text *out,
                                size_t *n_shown, struct sc_error *error);

#endif
