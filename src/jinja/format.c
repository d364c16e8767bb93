#include "jinja/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jinja/format_spec.h"
#include "jinja/show.h"

/* ---- "%s" % x ---- */

struct percent {
    struct run *run;
    const struct string *s;
    size_t at;
    struct value values;
    size_t n_used;
    bool by_name;
};

static enum sc_status next_value(struct percent *p, struct value *out)
{
    if (p->values.kind == VALUE_TUPLE) {
        if (p->n_used == p->values.list->n)
            return sc_jinja_bad_format(p->run, "not enough values for the text");
        *out = p->values.list->items[p->n_used++];
        return SC_OK;
    }
    if (p->n_used++ > 0)
        return sc_jinja_bad_format(p->run, "not enough values for the text");
    *out = p->values;
    return SC_OK;
}

static char peek(const struct percent *p)
{
    return p->at < p->s->n ? p->s->bytes[p->at] : 0;
}

/* A number, or "*": the next value. */
static enum sc_status read_number(struct percent *p, int *out)
{
    int64_t n = 0;

    if (peek(p) == '*') {
        struct value value;
        p->at++;
        SC_TRY(next_value(p, &value));
        if (!sc_jinja_is_integer(value))
            return sc_jinja_bad_format(p->run, "\"*\" needs a whole number");
        n = sc_jinja_integer(value);
    } else {
        for (; peek(p) >= '0' && peek(p) <= '9' && n <= MAX_WIDTH; p->at++)
            n = n * 10 + (peek(p) - '0');
    }
    if (n > MAX_WIDTH || n < -MAX_WIDTH)
        return sc_jinja_bad_format(p->run, "a width beyond 100000");
    *out = (int)n;
    return SC_OK;
}

static enum sc_status named_value(struct percent *p, struct value *out)
{
    size_t begin = ++p->at, depth = 1;
    const struct string *name;

    for (; p->at < p->s->n && depth; p->at++)
        depth = peek(p) == '(' ? depth + 1 : peek(p) == ')' ? depth - 1 : depth;
    if (depth)
        return sc_jinja_bad_format(p->run, "a name that is not closed");
    if (p->values.kind != VALUE_DICT)
        return sc_jinja_bad_format(p->run, "a name where no dict is given");
    SC_TRY(sc_jinja_part(p->run, p->s, begin, p->at - 1, &name));
    const struct value *found = sc_jinja_get_text(p->values.dict, name);
    if (found == NULL)
        return sc_jinja_bad_format(p->run, "the dict has no such name");
    *out = *found;
    p->by_name = true;
    return SC_OK;
}

static enum sc_status read_spec(struct percent *p, struct spec *spec)
{
    for (; peek(p) && strchr("-+ 0#", peek(p)) != NULL; p->at++) {
        char c = peek(p);
        if (c == '-')
            spec->align = '<';
        else if (c == '0')
            spec->zero = true;
        else if (c == '#')
            spec->alternate = true;
        else if (c == '+' || spec->sign == 0)
            spec->sign = c;
    }
    SC_TRY(read_number(p, &spec->width));
    if (spec->width < 0) {
        spec->align = '<';
        spec->width = -spec->width;
    }
    if (peek(p) == '.') {
        p->at++;
        SC_TRY(read_number(p, &spec->precision));
        if (spec->precision < 0)
            spec->precision = 0;
    }
    if (peek(p) && strchr("hlL", peek(p)) != NULL)
        p->at++;
    spec->kind = peek(p);
    if (spec->kind == 0)
        return sc_jinja_bad_format(p->run, "the text ends within a place for a value");
    p->at++;
    return SC_OK;
}

static enum sc_status add_percent_number(struct percent *p, struct builder *b, struct value value,
                                         struct spec *spec)
{
    if (!sc_jinja_is_number(value))
        return sc_jinja_bad_format(p->run, strchr("diuxXo", spec->kind) != NULL
                                               ? "a whole number is needed"
                                               : "a number is needed");
    if (strchr("eEfFgG", spec->kind) != NULL) {
        value = sc_jinja_float(sc_jinja_real(value), value.outside);
    } else if (value.kind == VALUE_FLOAT) {
        if (strchr("xXo", spec->kind) != NULL)
            return sc_jinja_bad_format(p->run, "a whole number is needed");
        if (!(value.real > -0x1p63 && value.real < 0x1p63))
            return sc_jinja_bad_format(p->run, "a number beyond 64 bits");
        value = sc_jinja_int((int64_t)value.real, value.outside);
    }
    spec->zero = spec->zero && spec->align != '<';
    memcpy(spec->fill, spec->zero ? "0" : " ", 2);
    return sc_jinja_add_number(b, value, spec);
}

static enum sc_status add_percent_value(struct percent *p, struct builder *b, struct value value,
                                        struct spec *spec)
{
    struct builder text = sc_jinja_builder(p->run);
    const struct string *s;

    if (strchr("diuxXoeEfFgG", spec->kind) != NULL)
        return add_percent_number(p, b, value, spec);
    if (spec->kind == 's')
        SC_TRY(sc_jinja_add_shown(&text, value));
    else if (spec->kind == 'r')
        SC_TRY(sc_jinja_add_repr(&text, value));
    else if (spec->kind == 'c' && value.kind == VALUE_STRING && value.string->n_chars == 1)
        sc_jinja_add(&text, value.string);
    else if (spec->kind == 'c' && sc_jinja_is_integer(value))
        SC_TRY(sc_jinja_add_character(&text, value));
    else if (spec->kind == 'a')
        SC_TRY(sc_jinja_add_ascii(&text, value));
    else
        return sc_jinja_bad_format(p->run, "a letter that is not known behind \"%\"");
    SC_TRY(sc_jinja_built(&text, &s));
    if (b->markup)
        SC_TRY(sc_jinja_escaped(p->run, s, &s));
    memcpy(spec->fill, " ", 2);
    if (spec->kind != 'c' && spec->precision >= 0 && (size_t)spec->precision < s->n_chars)
        SC_TRY(sc_jinja_part(p->run, s, 0, sc_jinja_offset(s, (size_t)spec->precision), &s));
    return sc_jinja_add_padded(b, s, spec, spec->align ? spec->align : '>');
}

static enum sc_status add_place(struct percent *p, struct builder *b)
{
    struct spec spec = {.precision = -1};
    struct value value = {.kind = VALUE_MISSING};

    p->at++;
    if (peek(p) == '%') { /* directly behind the other alone: "%5%" is an error in Python */
        sc_jinja_add_part(b, p->s, p->at, p->at + 1);
        p->at++;
        return SC_OK;
    }
    if (peek(p) == '(')
        SC_TRY(named_value(p, &value));
    SC_TRY(read_spec(p, &spec));
    if (value.kind == VALUE_MISSING)
        SC_TRY(next_value(p, &value));
    return add_percent_value(p, b, value, &spec);
}

/* What might be asked for values by name or number, of which none needs a place. */
static bool has_items(struct value value)
{
    return value.kind == VALUE_LIST || value.kind == VALUE_DICT || value.kind == VALUE_RANGE ||
           value.kind == VALUE_UNDEFINED;
}

enum sc_status sc_jinja_format_percent(struct run *run, const struct string *s, struct value values,
                                       struct value *out)
{
    struct percent p = {.run = run, .s = s, .values = values};
    struct builder b = sc_jinja_builder(run);

    b.markup = s->markup;
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    while (p.at < s->n) {
        const char *percent = memchr(s->bytes + p.at, '%', s->n - p.at);
        size_t end = percent != NULL ? (size_t)(percent - s->bytes) : s->n;
        sc_jinja_add_part(&b, s, p.at, end);
        p.at = end;
        SC_TRY(sc_jinja_step(run, 1));
        if (percent != NULL)
            SC_TRY(add_place(&p, &b));
    }
    bool left = values.kind == VALUE_TUPLE ? p.n_used < values.list->n
                                           : p.n_used == 0 && !has_items(values);
    if (left && !p.by_name)
        return sc_jinja_bad_format(run, "not all values have a place in the text");
    return sc_jinja_built_value(&b, out);
}
