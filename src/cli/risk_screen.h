/* What is known of prompts, for people: from their lines (line.h), as parsed. */
#ifndef SC_CLI_RISK_SCREEN_H
#define SC_CLI_RISK_SCREEN_H

#include "base/json.h"
#include "report/screen.h"

/* One prompt. */
void cli_risk_show_prompt(struct sc_screen *s, const json_t *line);
/* All of them: the members of "summary" in risk.json. */
void cli_risk_show_summary(struct sc_screen *s, const json_t *summary);

#endif
