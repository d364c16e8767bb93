/* The files that derive from the lines of a folder: risk.json and risk.html. */
#ifndef SC_RISK_RESULTS_H
#define SC_RISK_RESULTS_H

#include "risk/files.h"
#include "risk/summary.h"

/* What all lines come to, as the JSON text of "summary" in risk.json: *summary: sc_free it.  Where
 * there is a folder, its files are written. */
enum sc_status sc_risk_finish(const struct sc_risk_folder *folder,
                              const struct sc_risk_failures *failures, char **summary,
                              struct sc_error *error);

#endif
