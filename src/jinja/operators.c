#include "jinja/operators.h"

#include <math.h>

#include "base/memory.h"
#include "jinja/format.h"

static enum sc_status too_large(struct run *run)
{
    return sc_jinja_fail(run, "a whole number beyond 64 bits");
}

static const char *sign_of(enum operation op)
{
    static const char *const signs[] = {
        "+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
    return signs[op];
}

static enum sc_status wrong_kinds(struct run *run, enum operation op, struct value a,
                                  struct value b)
{
    if (a.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &a);
    if (b.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &b);
    return sc_jinja_fail(run, "\"%s\" between a %s and a %s", sign_of(op), sc_jinja_kind(a),
                         sc_jinja_kind(b));
}

/* ---- numbers ---- */

static enum sc_status power_of_ints(struct run *run, int64_t base, int64_t exponent, bool outside,
                                    struct value *out)
{
    int64_t result = 1;

    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return too_large(run);
        exponent >>= 1;
        if (exponent && __builtin_mul_overflow(base, base, &base))
            return too_large(run);
    }
    *out = sc_jinja_int(result, outside);
    return SC_OK;
}

static enum sc_status power(struct run *run, struct value a, struct value b, struct value *out)
{
    bool outside = a.outside || b.outside;

    if (a.kind != VALUE_FLOAT && b.kind != VALUE_FLOAT && sc_jinja_integer(b) >= 0)
        return power_of_ints(run, sc_jinja_integer(a), sc_jinja_integer(b), outside, out);
    double x = sc_jinja_real(a), y = sc_jinja_real(b);
    if (x == 0 && y < 0)
        return sc_jinja_fail(run, "0 to a negative power");
    double result = pow(x, y);
    if ((isnan(result) && !isnan(x) && !isnan(y)) || (isinf(result) && !isinf(x) && !isinf(y)))
        return sc_jinja_fail(run, "\"**\" gives no real number");
    *out = sc_jinja_float(result, outside);
    return SC_OK;
}

/* Python's quotient and remainder: the remainder has the sign of the divisor. */
static void divide_reals(double x, double y, double *quotient, double *remainder)
{
    double rest = fmod(x, y), whole = (x - rest) / y;

    if (rest == 0) {
        rest = copysign(0, y);
    } else if ((y < 0) != (rest < 0)) {
        rest += y;
        whole -= 1;
    }
    *remainder = rest;
    *quotient = whole == 0 ? copysign(0, x / y) : floor(whole);
    if (whole - *quotient > 0.5)
        *quotient += 1;
}

static enum sc_status divide(struct run *run, enum operation op, struct value a, struct value b,
                             struct value *out)
{
    bool outside = a.outside || b.outside;
    double quotient, remainder;

    if (sc_jinja_real(b) == 0)
        return sc_jinja_fail(run, "division by zero");
    if (op == OP_DIVIDE) {
        *out = sc_jinja_float(sc_jinja_real(a) / sc_jinja_real(b), outside);
        return SC_OK;
    }
    if (a.kind == VALUE_FLOAT || b.kind == VALUE_FLOAT) {
        divide_reals(sc_jinja_real(a), sc_jinja_real(b), &quotient, &remainder);
        *out = sc_jinja_float(op == OP_MODULO ? remainder : quotient, outside);
        return SC_OK;
    }
    int64_t x = sc_jinja_integer(a), y = sc_jinja_integer(b);
    if (y == -1) {
        *out = sc_jinja_int(0, outside);
        if (op == OP_MODULO)
            return SC_OK;
        return __builtin_sub_overflow(0, x, &out->integer) ? too_large(run) : SC_OK;
    }
    int64_t rest = x % y, whole = x / y;
    if (rest != 0 && (rest < 0) != (y < 0)) {
        rest += y;
        whole--;
    }
    *out = sc_jinja_int(op == OP_MODULO ? rest : whole, outside);
    return SC_OK;
}

static enum sc_status arithmetic(struct run *run, enum operation op, struct value a, struct value b,
                                 struct value *out)
{
    bool outside = a.outside || b.outside, overflow;

    if (op == OP_POWER)
        return power(run, a, b, out);
    if (op == OP_DIVIDE || op == OP_FLOOR_DIVIDE || op == OP_MODULO)
        return divide(run, op, a, b, out);
    if (a.kind == VALUE_FLOAT || b.kind == VALUE_FLOAT) {
        double x = sc_jinja_real(a), y = sc_jinja_real(b);
        *out = sc_jinja_float(op == OP_ADD ? x + y : op == OP_SUBTRACT ? x - y : x * y, outside);
        return SC_OK;
    }
    int64_t x = sc_jinja_integer(a), y = sc_jinja_integer(b), result;
    if (op == OP_ADD)
        overflow = __builtin_add_overflow(x, y, &result);
    else if (op == OP_SUBTRACT)
        overflow = __builtin_sub_overflow(x, y, &result);
    else
        overflow = __builtin_mul_overflow(x, y, &result);
    if (overflow)
        return too_large(run);
    *out = sc_jinja_int(result, outside);
    return SC_OK;
}

enum sc_status sc_jinja_sign(struct run *run, bool negative, struct value a, struct value *out)
{
    if (a.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &a);
    if (!sc_jinja_is_number(a))
        return sc_jinja_fail(run, "\"%s\" before a %s", negative ? "-" : "+", sc_jinja_kind(a));
    if (a.kind == VALUE_FLOAT) {
        *out = sc_jinja_float(negative ? -a.real : a.real, a.outside);
        return SC_OK;
    }
    *out = sc_jinja_int(sc_jinja_integer(a), a.outside);
    if (negative && __builtin_sub_overflow(0, sc_jinja_integer(a), &out->integer))
        return too_large(run);
    return SC_OK;
}

/* ---- texts and lists ---- */

static enum sc_status join_strings(struct run *run, const struct string *a, const struct string *b,
                                   struct value *out)
{
    struct builder builder = sc_jinja_builder(run);

    builder.markup = a->markup || b->markup;
    if (builder.markup) {
        SC_TRY(sc_jinja_escaped(run, a, &a));
        SC_TRY(sc_jinja_escaped(run, b, &b));
    }
    sc_jinja_add(&builder, a);
    sc_jinja_add(&builder, b);
    return sc_jinja_built_value(&builder, out);
}

static enum sc_status join_lists(struct run *run, struct value a, struct value b, struct value *out)
{
    struct list *list;

    SC_TRY(sc_jinja_list(run, a.list->n + b.list->n, &list));
    for (size_t i = 0; i < a.list->n; i++)
        list->items[list->n++] = a.list->items[i];
    for (size_t i = 0; i < b.list->n; i++)
        list->items[list->n++] = b.list->items[i];
    *out = sc_jinja_list_value(a.kind, list);
    return sc_jinja_step(run, list->n / 8);
}

static bool is_list(struct value value)
{
    return value.kind == VALUE_LIST || value.kind == VALUE_TUPLE;
}

static enum sc_status repeat(struct run *run, struct value of, int64_t times, struct value *out)
{
    struct builder builder = sc_jinja_builder(run);
    struct list *list;

    if (of.kind == VALUE_STRING) {
        builder.markup = of.string->markup;
        for (int64_t i = 0; i < times && of.string->n && !builder.failed; i++) {
            SC_TRY(sc_jinja_step_bytes(run, of.string->n));
            sc_jinja_add(&builder, of.string);
        }
        return sc_jinja_built_value(&builder, out);
    }
    SC_TRY(sc_jinja_list(run, 0, &list));
    for (int64_t i = 0; i < times && of.list->n; i++) {
        SC_TRY(sc_jinja_step(run, 1 + of.list->n / 8));
        for (size_t j = 0; j < of.list->n; j++)
            SC_TRY(sc_jinja_push(run, list, of.list->items[j]));
    }
    *out = sc_jinja_list_value(of.kind, list);
    return SC_OK;
}

enum sc_status sc_jinja_binary(struct run *run, enum operation op, struct value a, struct value b,
                               struct value *out)
{
    if (sc_jinja_is_number(a) && sc_jinja_is_number(b))
        return arithmetic(run, op, a, b, out);
    if (op == OP_ADD && a.kind == VALUE_STRING && b.kind == VALUE_STRING)
        return join_strings(run, a.string, b.string, out);
    if (op == OP_ADD && is_list(a) && a.kind == b.kind)
        return join_lists(run, a, b, out);
    if (op == OP_MODULO && a.kind == VALUE_STRING)
        return sc_jinja_format_percent(run, a.string, b, out);
    if (op == OP_MULTIPLY) {
        bool a_repeats = a.kind == VALUE_STRING || is_list(a);
        bool b_repeats = b.kind == VALUE_STRING || is_list(b);
        if (a_repeats && sc_jinja_is_integer(b))
            return repeat(run, a, sc_jinja_integer(b), out);
        if (b_repeats && sc_jinja_is_integer(a))
            return repeat(run, b, sc_jinja_integer(a), out);
    }
    return wrong_kinds(run, op, a, b);
}

/* ---- comparisons ---- */

enum sc_status sc_jinja_contains(struct run *run, struct value whole, struct value part, bool *out)
{
    const struct list *items;

    *out = false;
    if (whole.kind == VALUE_STRING) {
        if (part.kind != VALUE_STRING)
            return wrong_kinds(run, OP_IN, part, whole);
        *out = sc_jinja_find(whole.string, part.string, 0, whole.string->n) != SIZE_MAX;
        return sc_jinja_step_bytes(run, whole.string->n);
    }
    if (whole.kind == VALUE_DICT) {
        const struct value *found;
        bool able;
        SC_TRY(sc_jinja_get(run, whole.dict, part, &able, &found));
        *out = found != NULL;
        return able ? SC_OK : sc_jinja_fail(run, "a %s cannot be a key", sc_jinja_kind(part));
    }
    SC_TRY(sc_jinja_items(run, whole, &items));
    for (size_t i = 0; i < items->n && !*out; i++)
        SC_TRY(sc_jinja_equal(run, items->items[i], part, out));
    return sc_jinja_step(run, items->n / 8);
}

enum sc_status sc_jinja_relation(struct run *run, enum operation op, struct value a, struct value b,
                                 bool *out)
{
    int order;

    if (op == OP_IN || op == OP_NOT_IN) {
        SC_TRY(sc_jinja_contains(run, b, a, out));
        *out ^= op == OP_NOT_IN;
        return SC_OK;
    }
    if (op == OP_EQUAL || op == OP_UNEQUAL) {
        SC_TRY(sc_jinja_equal(run, a, b, out));
        *out ^= op == OP_UNEQUAL;
        return SC_OK;
    }
    SC_TRY(sc_jinja_compare(run, a, b, &order));
    *out = order != 2 && (op == OP_LESS      ? order < 0
                          : op == OP_AT_MOST ? order <= 0
                          : op == OP_GREATER ? order > 0
                                             : order >= 0);
    return SC_OK;
}

/* ---- index and slice ---- */

bool sc_jinja_index(struct value value, int64_t *out)
{
    if (!sc_jinja_is_integer(value))
        return false;
    *out = sc_jinja_integer(value);
    return true;
}

bool sc_jinja_in_range(int64_t i, size_t n, size_t *out)
{
    if (i < 0 ? (uint64_t) - (i + 1) >= n : (uint64_t)i >= n)
        return false;
    *out = i < 0 ? n - 1 - (size_t) - (i + 1) : (size_t)i;
    return true;
}

enum sc_status sc_jinja_character(struct run *run, const struct string *s, size_t i,
                                  struct value *out)
{
    size_t begin = sc_jinja_offset(s, i), n;

    sc_jinja_char_at(s, begin, &n);
    SC_TRY(s->n == s->n_chars ? SC_OK : sc_jinja_step_bytes(run, begin));
    return sc_jinja_part_value(run, s, begin, begin + n, out);
}

/* The first index, the number of items and the step of a slice of n items. */
struct extent {
    int64_t start, step;
    size_t count;
};

static int64_t clamp(int64_t i, int64_t n, bool backwards)
{
    int64_t low = backwards ? -1 : 0, high = backwards ? n - 1 : n;

    if (i < 0)
        i = i < -n ? low : i + n;
    return i < low ? low : i > high ? high : i;
}

static enum sc_status find_extent(struct run *run, const struct value part[3], size_t n_items,
                                  struct extent *out)
{
    int64_t n = (int64_t)n_items, step = 1, start, stop;

    for (int i = 0; i < 3; i++)
        if (part[i].kind != VALUE_NONE && !sc_jinja_is_integer(part[i]))
            return sc_jinja_fail(run, "a %s in a slice", sc_jinja_kind(part[i]));
    if (part[2].kind != VALUE_NONE)
        step = sc_jinja_integer(part[2]);
    if (step == 0)
        return sc_jinja_fail(run, "a slice with step 0");
    if (step < -INT64_MAX)
        step = -INT64_MAX;
    start = part[0].kind != VALUE_NONE ? clamp(sc_jinja_integer(part[0]), n, step < 0)
                                       : (step < 0 ? n - 1 : 0);
    stop = part[1].kind != VALUE_NONE ? clamp(sc_jinja_integer(part[1]), n, step < 0)
                                      : (step < 0 ? -1 : n);
    int64_t far = step < 0 ? start - stop : stop - start, size = step < 0 ? -step : step;
    *out = (struct extent){start, step, far > 0 ? (size_t)((far - 1) / size + 1) : 0};
    return SC_OK;
}

static enum sc_status slice_list(struct run *run, struct value of, struct extent extent,
                                 struct value *out)
{
    struct list *list;
    int64_t at = extent.start;

    SC_TRY(sc_jinja_list(run, extent.count, &list));
    for (size_t i = 0; i < extent.count; i++, at += extent.step)
        list->items[list->n++] = of.list->items[at];
    *out = sc_jinja_list_value(of.kind, list);
    if (of.kind == VALUE_RANGE) {
        int64_t *range = sc_jinja_take_array(run, 3, sizeof *range);
        if (range == NULL)
            return run->failed;
        range[2] = of.list->range[2] * extent.step;
        range[0] = of.list->range[0] + extent.start * of.list->range[2];
        range[1] = range[0] + (int64_t)extent.count * range[2];
        list->range = range;
    }
    return sc_jinja_step(run, extent.count / 8);
}

static enum sc_status slice_string(struct run *run, const struct string *s, struct extent extent,
                                   struct value *out)
{
    struct builder builder = sc_jinja_builder(run);
    struct value whole;
    const struct list *chars;

    if (extent.count == 0)
        return sc_jinja_part_value(run, s, 0, 0, out);
    if (extent.step == 1 || extent.count == 1) {
        size_t begin = sc_jinja_offset(s, (size_t)extent.start);
        size_t end = sc_jinja_offset(s, (size_t)extent.start + extent.count);
        SC_TRY(s->n == s->n_chars ? SC_OK : sc_jinja_step_bytes(run, 2 * s->n));
        return sc_jinja_part_value(run, s, begin, end, out);
    }
    whole = sc_jinja_string_value(s);
    builder.markup = s->markup;
    SC_TRY(sc_jinja_items(run, whole, &chars));
    int64_t at = extent.start;
    for (size_t i = 0; i < extent.count; i++, at += extent.step)
        sc_jinja_add(&builder, chars->items[at].string);
    return sc_jinja_built_value(&builder, out);
}

enum sc_status sc_jinja_slice(struct run *run, struct value of, const struct value part[3],
                              struct value *out)
{
    struct extent extent;

    if (of.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &of);
    if (of.kind == VALUE_STRING) {
        SC_TRY(find_extent(run, part, of.string->n_chars, &extent));
        return slice_string(run, of.string, extent, out);
    }
    if (!is_list(of) && of.kind != VALUE_RANGE)
        return sc_jinja_fail(run, "a slice of a %s", sc_jinja_kind(of));
    SC_TRY(find_extent(run, part, of.list->n, &extent));
    return slice_list(run, of, extent, out);
}
