/* The files that derive from the lines of a folder: risk.json and risk.html. */
#ifndef SC_CLI_RISK_RESULTS_H
#define SC_CLI_RISK_RESULTS_H

#include "cli/risk_files.h"
#include "cli/risk_summary.h"

/* What all lines come to: *summary: json_decref it.  Where there is a folder, its files are
 * written. */
enum sc_status cli_risk_finish(const struct cli_risk_folder *folder,
                               const struct cli_risk_failures *failures, json_t **summary,
                               struct sc_error *error);

#endif
