/* risk.html: all prompts of a folder on one page that opens from disk and loads nothing; its script
 * draws the trees, and all else is there without it. */
#ifndef SC_RISK_PAGE_H
#define SC_RISK_PAGE_H

#include "risk/files.h"

enum sc_status sc_risk_page(const struct sc_risk_folder *folder, const json_t *summary,
                            struct sc_text *out, struct sc_error *error);

#endif
