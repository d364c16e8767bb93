/* risk.html: all prompts of a folder on one page that opens from disk and loads nothing; its script
 * draws the trees, and all else is there without it. */
#ifndef SC_CLI_RISK_PAGE_H
#define SC_CLI_RISK_PAGE_H

#include "cli/risk_files.h"

enum sc_status cli_risk_page(const struct cli_risk_folder *folder, const json_t *summary,
                             struct sc_text *out, struct sc_error *error);

#endif
