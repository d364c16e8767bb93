/* See shades.h. */
#include "cli/shades.h"

#include <math.h>
#include <stdlib.h>

static const char *const shades[CLI_N_SHADES] = {"\x1b[48;5;174m\x1b[30m", "\x1b[48;5;223m\x1b[30m",
                                                 "\x1b[48;5;230m\x1b[30m", "\x1b[48;5;194m\x1b[30m",
                                                 "\x1b[48;5;151m\x1b[30m"};

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void cli_shade_cuts(float *values, size_t n, float *cuts)
{
    qsort(values, n, sizeof *values, compare_floats);
    for (size_t i = 0; i < CLI_N_SHADES - 1; i++)
        cuts[i] = n ? values[(i + 1) * n / CLI_N_SHADES] : 0;
}

const char *cli_shade(float confidence, const float *cuts)
{
    size_t shade = 0;
    if (isnan(confidence))
        return "";
    while (shade < CLI_N_SHADES - 1 && confidence >= cuts[shade])
        shade++;
    return shades[shade];
}

void cli_add_shades(struct sc_text *out, const float *cuts)
{
    sc_text_puts(out, "confidence, in fifths of these tokens: ");
    for (size_t i = 0; i < CLI_N_SHADES; i++) {
        sc_text_puts(out, shades[i]);
        if (i == 0)
            sc_text_printf(out, " below %.1f ", (double)cuts[0]);
        else
            sc_text_printf(out, " from %.1f ", (double)cuts[i - 1]);
        sc_text_puts(out, CLI_SHADE_END);
    }
    sc_text_putc(out, '\n');
}
