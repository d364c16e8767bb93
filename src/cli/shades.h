/* Colours of tokens by their confidence, on a terminal: five shades from unsure to sure, cut at the
 * quintiles of all the tokens shown. */
#ifndef SC_CLI_SHADES_H
#define SC_CLI_SHADES_H

#include "base/text.h"

enum { CLI_N_SHADES = 5 };
#define CLI_SHADE_END "\x1b[0m"

/* Sorts values [n] and finds the cuts [CLI_N_SHADES - 1]. */
void cli_shade_cuts(float *values, size_t n, float *cuts);
/* What begins the shade of a confidence; one that is not a number has none: "". */
const char *cli_shade(float confidence, const float *cuts);
/* A line that explains them. */
void cli_add_shades(struct sc_text *out, const float *cuts);

#endif
