/* Numbers as Python's formats write them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jinja/format.h"
#include "jinja/format_spec.h"
#include "jinja/show.h"

#define MAX_PRECISION 100
#define TEXT_SIZE 1024 /* 309 digits, as many between them, 100 behind the point */

/* Its parts stand one after the other; digits alone are grouped and filled up with zeros. */
struct parts {
    char sign[2], prefix[3], digits[TEXT_SIZE], rest[TEXT_SIZE];
};

/* ---- floats ---- */

static void upper(char *text)
{
    for (; *text; text++)
        *text = (char)(*text >= 'a' && *text <= 'z' ? *text - 32 : *text);
}

/* A digit behind the point where none is, unless there is an exponent: what a float without a kind
 * has. */
static void add_zero(char *text, size_t size)
{
    size_t n = strlen(text);

    if (strpbrk(text, ".e") == NULL)
        snprintf(text + n, size - n, ".0");
}

/* "1e+20" with "#": a point behind the digits. */
static void add_point(char *text, size_t size)
{
    size_t n = strspn(text, "0123456789"), length = strlen(text);

    if (text[n] != '.' && length + 1 < size) {
        memmove(text + n + 1, text + n, length - n + 1);
        text[n] = '.';
    }
}

/* Without a kind and with a precision: as 'g', but for a digit behind the point, which counts. */
static void general_text(double real, int precision, bool alternate, char *text, size_t size)
{
    int power = 0;

    precision = precision ? precision : 1;
    snprintf(text, size, "%.*e", precision - 1, real);
    char *e = strchr(text, 'e');
    sscanf(e + 1, "%d", &power);
    if (power != precision - 1) {
        snprintf(text, size, alternate ? "%#.*g" : "%.*g", precision, real);
    } else if (alternate) {
        snprintf(text, size, "%#.*e", precision - 1, real);
    } else if (precision > 1) {
        char *end = e;
        while (end[-1] == '0')
            end--;
        memmove(end - (end[-1] == '.'), e, strlen(e) + 1);
    }
    add_zero(text, size);
}

static void finite_text(double real, const struct spec *spec, char *text, size_t size)
{
    char format[] = "%#.*f", kind = spec->kind == '%' ? 'f' : spec->kind;
    int precision = spec->precision < 0 ? 6 : spec->precision;

    if (kind == 0 && spec->precision >= 0) {
        general_text(real, precision, spec->alternate, text, size);
    } else if (kind == 0) {
        sc_jinja_float_text(real, text, size);
        if (spec->alternate)
            add_point(text, size);
    } else {
        format[4] = kind == 'n' ? 'g' : kind;
        if (!spec->alternate)
            memmove(format + 1, format + 2, strlen(format + 2) + 1);
        snprintf(text, size, format, precision, real);
    }
}

static void float_parts(double real, const struct spec *spec, struct parts *out)
{
    char text[TEXT_SIZE];
    bool negative = signbit(real) && !isnan(real);

    real = spec->kind == '%' ? fabs(real) * 100 : fabs(real);
    if (isfinite(real))
        finite_text(real, spec, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", isnan(real) ? "nan" : "inf");
    if (spec->kind && strchr("EFG", spec->kind) != NULL)
        upper(text);
    if (spec->no_minus_zero && isfinite(real) && strpbrk(text, "123456789") == NULL)
        negative = false;
    size_t n = strspn(text, "0123456789");
    snprintf(out->sign, sizeof out->sign, "%s", negative ? "-" : "");
    snprintf(out->digits, sizeof out->digits, "%.*s", (int)n, text);
    snprintf(out->rest, sizeof out->rest, "%s%s", text + n, spec->kind == '%' ? "%" : "");
}

/* ---- whole numbers ---- */

static void int_parts(int64_t integer, const struct spec *spec, struct parts *out)
{
    uint64_t n = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
    unsigned base = spec->kind == 'b' ? 2 : spec->kind == 'o' ? 8 : 10;
    const char *signs = spec->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[MAX_PRECISION + 72];
    size_t at = sizeof digits - 1;

    if (spec->kind == 'x' || spec->kind == 'X')
        base = 16;
    digits[at] = 0;
    for (; n != 0 || digits[at] == 0; n /= base)
        digits[--at] = signs[n % base];
    while ((int)(sizeof digits - 1 - at) < spec->precision)
        digits[--at] = '0'; /* "%.3d" */
    snprintf(out->sign, sizeof out->sign, "%s", integer < 0 ? "-" : "");
    if (spec->alternate && base != 10)
        snprintf(out->prefix, sizeof out->prefix, "0%c", spec->kind);
    snprintf(out->digits, sizeof out->digits, "%s", digits + at);
}

/* ---- together ---- */

/* As many zeros before the digits as make `width` characters with the signs between groups. */
static enum sc_status add_grouped(struct builder *b, const char *digits, const struct spec *spec,
                                  int64_t width, bool outside)
{
    size_t group = spec->kind && strchr("boxX", spec->kind) != NULL ? 4 : 3;
    size_t given = strlen(digits), n = given;

    while (n && (int64_t)(n + (n - 1) / group) < width)
        n++;
    for (size_t i = 0; i < n; i++) {
        SC_TRY(sc_jinja_step(b->run, 1));
        if (i && (n - i) % group == 0)
            sc_jinja_add_bytes(b, &spec->group, 1, outside);
        sc_jinja_add_bytes(b, i < n - given ? "0" : digits + (i - (n - given)), 1, outside);
    }
    return SC_OK;
}

static enum sc_status add_parts(struct builder *b, const struct parts *parts,
                                const struct spec *spec, bool outside)
{
    struct builder digits = sc_jinja_builder(b->run);
    char align = spec->align ? spec->align : spec->zero ? '=' : '>';
    size_t beside = strlen(parts->sign) + strlen(parts->prefix) + strlen(parts->rest);
    bool zeros = align == '=' && strcmp(spec->fill, "0") == 0;
    const struct string *s;

    if (spec->group)
        SC_TRY(add_grouped(&digits, parts->digits, spec, zeros ? spec->width - (int64_t)beside : 0,
                           outside));
    else
        sc_jinja_add_bytes(&digits, parts->digits, strlen(parts->digits), outside);
    SC_TRY(sc_jinja_built(&digits, &s));
    int64_t room = spec->width - (int64_t)(s->n + beside);
    int64_t left = align == '>' ? room : align == '^' && room > 0 ? room / 2 : 0;
    SC_TRY(sc_jinja_add_fills(b, spec, left));
    sc_jinja_add_bytes(b, parts->sign, strlen(parts->sign), outside);
    sc_jinja_add_bytes(b, parts->prefix, strlen(parts->prefix), outside);
    if (align == '=')
        SC_TRY(sc_jinja_add_fills(b, spec, left = room));
    sc_jinja_add(b, s);
    sc_jinja_add_bytes(b, parts->rest, strlen(parts->rest), outside);
    return sc_jinja_add_fills(b, spec, room - left);
}

enum sc_status sc_jinja_add_number(struct builder *b, struct value value, const struct spec *spec)
{
    struct parts parts = {.prefix = ""};

    if (spec->precision > MAX_PRECISION)
        return sc_jinja_bad_format(b->run, "a precision beyond 100");
    if (value.kind == VALUE_FLOAT)
        float_parts(value.real, spec, &parts);
    else
        int_parts(sc_jinja_integer(value), spec, &parts);
    if (parts.sign[0] == 0 && spec->sign != '-')
        parts.sign[0] = spec->sign;
    return add_parts(b, &parts, spec, value.outside);
}
