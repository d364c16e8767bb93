/* "{}".format(x) and its kin. */
#include <stdlib.h>
#include <string.h>

#include "jinja/format.h"
#include "jinja/format_spec.h"
#include "jinja/show.h"

struct braces {
    struct run *run;
    const struct string *s;
    const struct arguments *arguments;
    size_t n_used; /* values that "{}" took */
    bool numbered; /* "{0}" was seen */
};

static enum sc_status add_formatted(struct braces *f, struct builder *b, const struct string *s,
                                    bool nested);

/* The first place from `at` on of one of two characters, or the end. */
static size_t find_either(const struct string *s, size_t at, char a, char b)
{
    while (at < s->n && s->bytes[at] != a && s->bytes[at] != b)
        at++;
    return at;
}

static enum sc_status take_numbered(struct braces *f, size_t i, struct value *out)
{
    if (i >= f->arguments->n)
        return sc_jinja_bad_format(f->run, "not enough values for the text");
    *out = f->arguments->values[i];
    return SC_OK;
}

/* The value that a name, a number or nothing stands for. */
static enum sc_status find_first(struct braces *f, const struct string *name, struct value *out)
{
    bool valid;
    int64_t i = 0;

    if (name->n == 0) {
        if (f->numbered)
            return sc_jinja_bad_format(f->run, "\"{}\" beside \"{0}\"");
        return take_numbered(f, f->n_used++, out);
    }
    SC_TRY(sc_jinja_parse_int(f->run, name, 10, &valid, &i));
    if (valid && i >= 0) {
        f->numbered = true;
        if (f->n_used)
            return sc_jinja_bad_format(f->run, "\"{0}\" beside \"{}\"");
        return take_numbered(f, (size_t)i, out);
    }
    for (size_t k = 0; k < f->arguments->n_keywords; k++)
        if (sc_jinja_same(f->arguments->keywords[k].name, name)) {
            *out = f->arguments->keywords[k].value;
            return SC_OK;
        }
    return sc_jinja_bad_format(f->run, "no value of that name");
}

/* One ".name" or "[key]" behind a value; *at moves behind it. */
static enum sc_status find_part(struct braces *f, const struct string *field, size_t *at,
                                struct value *value)
{
    bool bracket = field->bytes[*at] == '[', valid = false;
    size_t begin = *at + 1;
    size_t end =
        bracket ? find_either(field, begin, ']', ']') : find_either(field, begin, '.', '[');
    struct value of = *value, key;
    const struct string *part;
    int64_t i;

    if ((bracket && end == field->n) || end == begin)
        return sc_jinja_bad_format(f->run, "a name that is empty or not closed");
    SC_TRY(sc_jinja_part(f->run, field, begin, end, &part));
    *at = bracket ? end + 1 : end;
    if (*at < field->n && field->bytes[*at] != '.' && field->bytes[*at] != '[')
        return sc_jinja_bad_format(f->run, "\"]\" is followed by neither \".\" nor \"[\"");
    if (!bracket)
        return f->run->interpreter->attribute(f->run, of, part, value);
    if (part->bytes[0] >= '0' && part->bytes[0] <= '9')
        SC_TRY(sc_jinja_parse_int(f->run, part, 10, &valid, &i));
    key = valid ? sc_jinja_int(i, false) : sc_jinja_string_value(part);
    return f->run->interpreter->item(f->run, of, key, value);
}

static enum sc_status find_field(struct braces *f, const struct string *field, struct value *out)
{
    size_t at = find_either(field, 0, '.', '[');
    const struct string *name;

    SC_TRY(sc_jinja_part(f->run, field, 0, at, &name));
    SC_TRY(find_first(f, name, out));
    while (at < field->n)
        SC_TRY(find_part(f, field, &at, out));
    return SC_OK;
}

/* ---- the specification behind ":" ---- */

static size_t read_digits(const struct string *s, size_t at, int *out)
{
    for (*out = 0; at < s->n && s->bytes[at] >= '0' && s->bytes[at] <= '9'; at++)
        *out = *out > MAX_WIDTH ? *out : *out * 10 + (s->bytes[at] - '0');
    return at;
}

static bool is_align(const struct string *s, size_t at)
{
    return at < s->n && s->bytes[at] && strchr("<>^=", s->bytes[at]) != NULL;
}

static bool is_at(const struct string *s, size_t at, char c)
{
    return at < s->n && s->bytes[at] == c;
}

static enum sc_status read_spec(struct run *run, const struct string *s, struct spec *spec)
{
    size_t at = 0, n = 0;

    *spec = (struct spec){.precision = -1};
    if (s->n)
        sc_jinja_char_at(s, 0, &n);
    if (n && is_align(s, n)) {
        memcpy(spec->fill, s->bytes, n);
        spec->align = s->bytes[n];
        at = n + 1;
    } else if (is_align(s, 0)) {
        spec->align = s->bytes[at++];
    }
    if (at < s->n && s->bytes[at] && strchr("+- ", s->bytes[at]) != NULL)
        spec->sign = s->bytes[at++];
    if (is_at(s, at, 'z')) {
        spec->no_minus_zero = true;
        at++;
    }
    if (is_at(s, at, '#')) {
        spec->alternate = true;
        at++;
    }
    if (is_at(s, at, '0')) {
        at++;
        if (spec->fill[0] == 0)
            spec->fill[0] = '0';
        spec->zero = spec->align == 0;
    }
    at = read_digits(s, at, &spec->width);
    if (is_at(s, at, ',') || is_at(s, at, '_'))
        spec->group = s->bytes[at++];
    if (is_at(s, at, '.')) {
        size_t begin = at + 1;
        at = read_digits(s, begin, &spec->precision);
        if (at == begin)
            return sc_jinja_bad_format(run, "a point without a precision");
    }
    if (spec->width > MAX_WIDTH || spec->precision > MAX_WIDTH)
        return sc_jinja_bad_format(run, "a width beyond 100000");
    if (at < s->n)
        spec->kind = s->bytes[at++];
    return at == s->n ? SC_OK : sc_jinja_bad_format(run, "a specification that is not known");
}

static enum sc_status add_text(struct builder *b, const struct string *s, const struct spec *spec)
{
    if ((spec->kind && spec->kind != 's') || spec->align == '=' || spec->sign || spec->group ||
        spec->alternate || spec->no_minus_zero)
        return sc_jinja_bad_format(b->run, "a specification that a text cannot have");
    if (spec->precision >= 0 && (size_t)spec->precision < s->n_chars)
        SC_TRY(sc_jinja_part(b->run, s, 0, sc_jinja_offset(s, (size_t)spec->precision), &s));
    return sc_jinja_add_padded(b, s, spec, spec->align ? spec->align : '<');
}

static bool is_of(char kind, const char *kinds)
{
    return kind && strchr(kinds, kind) != NULL;
}

static bool is_allowed(const struct spec *spec, bool real)
{
    if ((spec->group && is_of(spec->kind, "cn")) ||
        (spec->group == ',' && is_of(spec->kind, "boxX")))
        return false;
    if (real)
        return spec->kind == 0 || is_of(spec->kind, "eEfFgGn%");
    return (spec->kind == 0 || is_of(spec->kind, "bcdnoxX")) && spec->precision < 0 &&
           !spec->no_minus_zero && (spec->kind != 'c' || !(spec->sign || spec->alternate));
}

/* A number: as a float where its kind is one of a float's. */
static enum sc_status add_by_kind(struct builder *b, struct value value, struct spec *spec)
{
    bool real = value.kind == VALUE_FLOAT || is_of(spec->kind, "eEfFgG%");
    struct builder text = sc_jinja_builder(b->run);
    const struct string *s;

    if (!is_allowed(spec, real))
        return sc_jinja_bad_format(b->run, "a specification that such a number cannot have");
    if (real)
        value = sc_jinja_float(sc_jinja_real(value), value.outside);
    if (spec->kind != 'c')
        return sc_jinja_add_number(b, value, spec);
    SC_TRY(sc_jinja_add_character(&text, value));
    SC_TRY(sc_jinja_built(&text, &s));
    char align = spec->align ? spec->align : '>';
    return sc_jinja_add_padded(b, s, spec, align == '=' ? '>' : align);
}

static enum sc_status add_by_spec(struct builder *b, struct value value, const struct string *text)
{
    const struct string *shown;
    struct spec spec;

    SC_TRY(read_spec(b->run, text, &spec));
    if (value.kind == VALUE_STRING || text->n == 0) {
        SC_TRY(sc_jinja_show(b->run, value, &shown));
        return add_text(b, shown, &spec);
    }
    if (!sc_jinja_is_number(value))
        return sc_jinja_bad_format(b->run, "a specification for what is no text and no number");
    return add_by_kind(b, value, &spec);
}

/* ---- the text ---- */

/* The end of the "{...}" whose content begins at `at`; braces within it count. */
static size_t find_close(const struct string *s, size_t at)
{
    for (size_t depth = 1; at < s->n; at++) {
        if (s->bytes[at] == '{')
            depth++;
        else if (s->bytes[at] == '}' && --depth == 0)
            return at;
    }
    return s->n;
}

static enum sc_status convert(struct run *run, char how, struct value *value)
{
    struct builder b = sc_jinja_builder(run);

    if (how == 's')
        SC_TRY(sc_jinja_add_shown(&b, *value));
    else if (how == 'r')
        SC_TRY(sc_jinja_add_repr(&b, *value));
    else if (how == 'a')
        SC_TRY(sc_jinja_add_ascii(&b, *value));
    else
        return sc_jinja_bad_format(run, "a conversion that is not known behind \"!\"");
    return sc_jinja_built_value(&b, value);
}

/* "name!r:spec" between braces. */
static enum sc_status add_field(struct braces *f, struct builder *b, size_t begin, size_t end,
                                bool nested)
{
    const struct string *s, *part;
    struct builder spec = sc_jinja_builder(f->run), text = sc_jinja_builder(f->run);
    struct value value;

    SC_TRY(sc_jinja_part(f->run, f->s, begin, end, &s));
    size_t name_end = 0, depth = 0;
    for (; name_end < s->n; name_end++) {
        char c = s->bytes[name_end];
        depth = c == '[' ? 1 : c == ']' ? 0 : depth;
        if (depth == 0 && (c == '!' || c == ':'))
            break;
    }
    SC_TRY(sc_jinja_part(f->run, s, 0, name_end, &part));
    SC_TRY(find_field(f, part, &value));
    if (is_at(s, name_end, '!')) {
        if (name_end + 1 >= s->n || (name_end + 2 < s->n && s->bytes[name_end + 2] != ':'))
            return sc_jinja_bad_format(f->run, "\"!\" without a conversion");
        SC_TRY(convert(f->run, s->bytes[name_end + 1], &value));
        name_end += 2;
    }
    if (name_end < s->n) {
        SC_TRY(sc_jinja_part(f->run, s, name_end + 1, s->n, &part));
        if (nested)
            return sc_jinja_bad_format(f->run, "braces that nest too deep");
        SC_TRY(add_formatted(f, &spec, part, true));
    }
    SC_TRY(sc_jinja_built(&spec, &part));
    SC_TRY(add_by_spec(&text, value, part));
    SC_TRY(sc_jinja_built(&text, &part));
    if (b->markup && !(value.kind == VALUE_STRING && value.string->markup))
        SC_TRY(sc_jinja_escaped(f->run, part, &part));
    sc_jinja_add(b, part);
    return SC_OK;
}

static enum sc_status add_formatted(struct braces *f, struct builder *b, const struct string *s,
                                    bool nested)
{
    const struct string *outer = f->s;

    f->s = s;
    for (size_t at = 0; at < s->n;) {
        size_t brace = find_either(s, at, '{', '}');
        SC_TRY(sc_jinja_step(f->run, 1));
        sc_jinja_add_part(b, s, at, brace);
        if (brace == s->n)
            break;
        if (is_at(s, brace + 1, s->bytes[brace]) && !nested) {
            sc_jinja_add_part(b, s, brace, brace + 1);
            at = brace + 2;
            continue;
        }
        size_t close = find_close(s, brace + 1);
        if (s->bytes[brace] == '}' || close == s->n)
            return sc_jinja_bad_format(f->run, "a single brace");
        SC_TRY(add_field(f, b, brace + 1, close, nested));
        at = close + 1;
    }
    f->s = outer;
    return SC_OK;
}

enum sc_status sc_jinja_format_braces(struct run *run, const struct string *s,
                                      const struct arguments *arguments, struct value *out)
{
    struct braces f = {.run = run, .arguments = arguments};
    struct builder b = sc_jinja_builder(run);

    b.markup = s->markup;
    SC_TRY(sc_jinja_step_bytes(run, s->n * 4));
    SC_TRY(add_formatted(&f, &b, s, false));
    return sc_jinja_built_value(&b, out);
}
