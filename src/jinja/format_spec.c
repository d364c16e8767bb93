#include "jinja/format_spec.h"

#include <stdio.h>
#include <string.h>

#include "jinja/show.h"

enum sc_status sc_jinja_bad_format(struct run *run, const char *what)
{
    return sc_jinja_fail(run, "format: %s", what);
}

enum sc_status sc_jinja_add_fills(struct builder *b, const struct spec *spec, int64_t n)
{
    struct string fill =
        sc_jinja_own(spec->fill[0] ? spec->fill : " ", spec->fill[0] ? strlen(spec->fill) : 1);

    for (int64_t i = 0; i < n; i++) {
        SC_TRY(sc_jinja_step(b->run, 1));
        sc_jinja_add(b, &fill);
    }
    return SC_OK;
}

enum sc_status sc_jinja_add_padded(struct builder *b, const struct string *s,
                                   const struct spec *spec, char align)
{
    int64_t room = spec->width > (int64_t)s->n_chars ? spec->width - (int64_t)s->n_chars : 0;
    int64_t left = align == '>' ? room : align == '^' ? room / 2 : 0;

    SC_TRY(sc_jinja_add_fills(b, spec, left));
    sc_jinja_add(b, s);
    return sc_jinja_add_fills(b, spec, room - left);
}

enum sc_status sc_jinja_add_ascii(struct builder *b, struct value value)
{
    struct builder text = sc_jinja_builder(b->run);
    const struct string *s;
    char escape[12];

    SC_TRY(sc_jinja_add_repr(&text, value));
    SC_TRY(sc_jinja_built(&text, &s));
    for (size_t i = 0, n; i < s->n; i += n) {
        uint32_t cp = sc_jinja_char_at(s, i, &n);
        SC_TRY(sc_jinja_step(b->run, 1));
        snprintf(escape, sizeof escape,
                 cp < 0x100     ? "\\x%02x"
                 : cp < 0x10000 ? "\\u%04x"
                                : "\\U%08x",
                 (unsigned)cp);
        if (cp < 0x80)
            sc_jinja_add_part(b, s, i, i + n);
        else
            sc_jinja_add_bytes(b, escape, strlen(escape), sc_jinja_outside_at(s, i));
    }
    return SC_OK;
}

enum sc_status sc_jinja_add_character(struct builder *b, struct value value)
{
    int64_t cp = sc_jinja_integer(value);

    if (cp < 0 || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
        return sc_jinja_bad_format(b->run, "a number that is no character");
    sc_jinja_add_char(b, (uint32_t)cp, value.outside);
    return SC_OK;
}
