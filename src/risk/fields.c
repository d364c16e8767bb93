/* See fields.h. */
#include "risk/fields.h"

#include <math.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------- */

const json_t *sc_risk_at(const json_t *from, const char *path)
{
    char key[64];
    while (from != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = '\0';
        from = json_object_get(from, key);
        path += n + (path[n] == '.');
    }
    return from;
}

double sc_risk_number(const json_t *from, const char *path)
{
    const json_t *value = sc_risk_at(from, path);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *sc_risk_text(const json_t *from, const char *path)
{
    const char *text = json_string_value(sc_risk_at(from, path));
    return text != NULL ? text : "";
}

/* ---- figures --------------------------------------------------------------------------------- */

/* As many digits as tell it from 0 and from 100; rounding leaves some 1e-16 of 1 - 1. */
void sc_risk_put_percent(struct sc_text *out, double p)
{
    const double noise = 3e-16;
    double edge = p < 0.5 ? p : 1 - p;
    int digits = 1;
    if (!isfinite(p)) {
        sc_text_putc(out, '?');
        return;
    }
    while (digits < 7 && 100 * edge < pow(10, 1 - digits))
        digits++;
    if (p <= 0 || edge <= (p < 0.5 ? 0 : noise))
        sc_text_puts(out, p < 0.5 ? "0" : "100");
    else if (p > 0.5 && digits > 4)
        sc_text_puts(out, "over 99.999");
    else if (p <= noise)
        sc_text_puts(out, "under 1e-13");
    else if (digits > 6)
        sc_text_printf(out, "%.0e", 100 * p);
    else
        sc_text_printf(out, "%.*f", digits, 100 * p);
}

static void put_thousands(struct sc_text *out, uint64_t n)
{
    if (n >= 1000) {
        put_thousands(out, n / 1000);
        sc_text_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        sc_text_printf(out, "%u", (unsigned)n);
    }
}

void sc_risk_put_number(struct sc_text *out, double n)
{
    if (isnan(n))
        sc_text_putc(out, '?');
    else if (isinf(n))
        sc_text_puts(out, "infinitely many");
    else if (n < 9.95)
        sc_text_printf(out, "%.2g", n);
    else if (n < 1e9)
        put_thousands(out, (uint64_t)(n + 0.5));
    else
        sc_text_printf(out, "%.1e", n);
}
