/* What is known of prompts, for people: from their lines (risk_line.h), as parsed. */
#ifndef SC_CLI_RISK_SCREEN_H
#define SC_CLI_RISK_SCREEN_H

#include "base/json.h"
#include "report/screen.h"

/* One prompt. */
void cli_risk_show_prompt(struct sc_screen *s, const json_t *line);
/* All of them: the members of "summary" in risk.json. */
void cli_risk_show_summary(struct sc_screen *s, const json_t *summary);

/* ---- reading lines, for those who show them -------------------------------------------------- */

/* The value at a path such as "p_refuse.low", or NULL. */
const json_t *cli_risk_at(const json_t *from, const char *path);
double cli_risk_number(const json_t *from, const char *path);    /* NaN: there is none */
const char *cli_risk_text(const json_t *from, const char *path); /* "": there is none */

/* A probability in percent with as many digits as it needs: "97.3", "0.021", "4e-12", "100". */
void cli_risk_put_percent(struct sc_text *out, double p);
/* A number of samples or traces: "37", "1,900", "2.4e+06"; "infinitely many"; "?" for NaN. */
void cli_risk_put_number(struct sc_text *out, double n);

#endif
