/* Filters that make numbers, and default. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "jinja/builtins.h"
#include "jinja/show.h"

static enum sc_status default_(struct run *run, const struct call *call, struct value *out)
{
    bool boolean = sc_jinja_truth(call->a[1]);

    *out = call->self;
    if (call->self.kind != VALUE_UNDEFINED && (!boolean || sc_jinja_truth(call->self)))
        return SC_OK;
    *out = call->a[0];
    return sc_jinja_given(call->a[0]) ? SC_OK : sc_jinja_own_value(run, "", out);
}

static bool whole(double real, int64_t *out)
{
    if (!(real > -0x1p63 && real < 0x1p63))
        return false;
    *out = (int64_t)real;
    return true;
}

/* The whole number that a text holds, else what its float is cut to, else the fallback. */
static enum sc_status int_of_text(struct run *run, const struct call *call, int64_t base,
                                  struct value *out)
{
    const struct string *s = call->self.string;
    bool outside = sc_jinja_any_outside(s), valid = false;
    int64_t integer;
    double real;

    if (base == 0 || (base >= 2 && base <= 36))
        SC_TRY(sc_jinja_parse_int(run, s, (int)base, &valid, &integer));
    if (!valid && sc_jinja_parse_float(s, &real))
        valid = whole(real, &integer);
    if (valid)
        *out = sc_jinja_int(integer, outside);
    return SC_OK;
}

static enum sc_status int_(struct run *run, const struct call *call, struct value *out)
{
    int64_t base, integer;

    SC_TRY(sc_jinja_need_int(run, call->a[1], "int", 10, &base));
    *out = sc_jinja_given(call->a[0]) ? call->a[0] : sc_jinja_int(0, false);
    switch (call->self.kind) {
    case VALUE_UNDEFINED:
        return sc_jinja_fail_undefined(run, &call->self);
    case VALUE_STRING:
        return int_of_text(run, call, base, out);
    case VALUE_BOOL:
    case VALUE_INT:
        *out = sc_jinja_int(sc_jinja_integer(call->self), call->self.outside);
        return SC_OK;
    case VALUE_FLOAT:
        if (isnan(call->self.real))
            return SC_OK;
        if (!whole(call->self.real, &integer))
            return sc_jinja_fail(run, "int: a whole number beyond 64 bits");
        *out = sc_jinja_int(integer, call->self.outside);
        return SC_OK;
    default:
        return SC_OK;
    }
}

static enum sc_status float_(struct run *run, const struct call *call, struct value *out)
{
    double real;

    *out = sc_jinja_given(call->a[0]) ? call->a[0] : sc_jinja_float(0, false);
    if (call->self.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &call->self);
    if (sc_jinja_is_number(call->self))
        *out = sc_jinja_float(sc_jinja_real(call->self), call->self.outside);
    else if (call->self.kind == VALUE_STRING && sc_jinja_parse_float(call->self.string, &real))
        *out = sc_jinja_float(real, sc_jinja_any_outside(call->self.string));
    return SC_OK;
}

static enum sc_status need_number(struct run *run, struct value value, const char *what)
{
    if (value.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &value);
    if (!sc_jinja_is_number(value))
        return sc_jinja_fail(run, "%s: expected a number, found a %s", what, sc_jinja_kind(value));
    return SC_OK;
}

static enum sc_status abs_(struct run *run, const struct call *call, struct value *out)
{
    struct value self = call->self;

    SC_TRY(need_number(run, self, "abs"));
    if (self.kind == VALUE_FLOAT) {
        *out = sc_jinja_float(fabs(self.real), self.outside);
        return SC_OK;
    }
    int64_t integer = sc_jinja_integer(self);
    if (integer == INT64_MIN)
        return sc_jinja_fail(run, "abs: a whole number beyond 64 bits");
    *out = sc_jinja_int(integer < 0 ? -integer : integer, self.outside);
    return SC_OK;
}

/* To the nearest, to even where two are as near: exact in decimal digits, as Python's round. */
static double round_real(double real, int64_t digits)
{
    char text[512];

    if (!isfinite(real) || digits > 323)
        return real;
    if (digits < 0) {
        double power = digits < -308 ? INFINITY : pow(10, (double)-digits);
        return isinf(power) ? copysign(0, real) : rint(real / power) * power;
    }
    if (fabs(real) >= 0x1p53)
        return real;
    snprintf(text, sizeof text, "%.*f", (int)digits, real);
    return strtod(text, NULL);
}

static int64_t round_int(int64_t integer, int64_t digits)
{
    int64_t power = 1;

    for (; digits < 0; digits++)
        if (__builtin_mul_overflow(power, 10, &power))
            return 0;
    int64_t rest = integer % power, half = power / 2, base = integer - rest;
    int64_t far = rest < 0 ? -rest : rest, up = rest < 0 ? -power : power;
    bool odd = (base / power) % 2 != 0;
    bool away = power > 1 && (far > half || (far == half && power % 2 == 0 && odd));
    return away ? base + up : base;
}

static enum sc_status round_(struct run *run, const struct call *call, struct value *out)
{
    struct string common = sc_jinja_own("common", 6);
    const struct string *method = &common;
    struct value self = call->self;
    int64_t digits;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "round", 0, &digits));
    if (sc_jinja_given(call->a[1]))
        SC_TRY(sc_jinja_need_text(run, call->a[1], "round", &method));
    SC_TRY(need_number(run, self, "round"));
    if (sc_jinja_is(method, "common") && self.kind != VALUE_FLOAT) {
        *out = sc_jinja_int(round_int(sc_jinja_integer(self), digits), self.outside);
        return SC_OK;
    }
    if (sc_jinja_is(method, "common")) {
        *out = sc_jinja_float(round_real(self.real, digits), self.outside);
        return SC_OK;
    }
    if (!sc_jinja_is(method, "ceil") && !sc_jinja_is(method, "floor"))
        return sc_jinja_fail(run, "round: the method is common, ceil or floor");
    double power = pow(10, (double)digits), scaled = sc_jinja_real(self) * power;
    double result = sc_jinja_is(method, "ceil") ? ceil(scaled) : floor(scaled);
    *out =
        sc_jinja_float((result + 0.0) / power, self.outside); /* Python's is a whole one: no -0 */
    return SC_OK;
}

const struct builtin sc_jinja_number_filters[] = {{"default", default_, "default_value boolean", 0},
                                                  {"d", default_, "default_value boolean", 0},
                                                  {"int", int_, "default base", 0},
                                                  {"float", float_, "default", 0},
                                                  {"abs", abs_, NULL, 0},
                                                  {"round", round_, "precision method", 0},
                                                  {NULL, NULL, NULL, 0}};
