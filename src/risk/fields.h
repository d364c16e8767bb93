/* Lines of prompts (line.h) as parsed: what stands in them, and its figures for people. */
#ifndef SC_RISK_FIELDS_H
#define SC_RISK_FIELDS_H

#include "base/json.h"
#include "base/text.h"

/* The value at a path such as "p_refuse.low", or NULL. */
const json_t *sc_risk_at(const json_t *from, const char *path);
double sc_risk_number(const json_t *from, const char *path);    /* NaN: there is none */
const char *sc_risk_text(const json_t *from, const char *path); /* "": there is none */

/* A probability in percent with as many digits as it needs: "97.3", "0.021", "4e-12", "100". */
void sc_risk_put_percent(struct sc_text *out, double p);
/* A number of samples or traces: "37", "1,900", "2.4e+06"; "infinitely many"; "?" for NaN. */
void sc_risk_put_number(struct sc_text *out, double n);

#endif
