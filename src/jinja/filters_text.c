/* Filters that make texts. */
#include <string.h>

#include "jinja/builtins.h"
#include "jinja/format.h"
#include "jinja/show.h"
#include "jinja/words.h"

static enum sc_status give(const struct string *s, struct value *out)
{
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

static enum sc_status set_markup(struct run *run, const struct string *s, bool markup,
                                 struct value *out)
{
    struct string *copy;

    if (s->markup == markup)
        return give(s, out);
    if ((copy = sc_jinja_take(run, sizeof *copy)) == NULL)
        return run->failed;
    *copy = *s;
    copy->markup = markup;
    return give(copy, out);
}

static enum sc_status upper(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_in_case(run, s, CASE_UPPER, &s));
    return give(s, out);
}

static enum sc_status lower(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_in_case(run, s, CASE_LOWER, &s));
    return give(s, out);
}

static enum sc_status capitalize(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_capitalized(run, s, &s));
    return give(s, out);
}

static bool begins_word(uint32_t cp)
{
    return cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<' || sc_jinja_is_blank(cp);
}

/* Unlike the method, words begin behind blanks, brackets and hyphens alone. */
static enum sc_status title(struct run *run, const struct call *call, struct value *out)
{
    struct builder b = sc_jinja_builder(run);
    const struct string *s, *word;
    bool first = true;
    size_t n, rest;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_step(run, 1 + s->n));
    for (size_t at = 0; at < s->n; at = rest) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        rest = at + n;
        if (begins_word(cp)) {
            sc_jinja_add_part(&b, s, at, rest);
            first = true;
        } else if (first) {
            sc_jinja_add_in_case(&b, s, at, rest, CASE_UPPER);
            first = false;
        } else {
            while (rest < s->n && !begins_word(sc_jinja_char_at(s, rest, &n)))
                rest += n;
            SC_TRY(sc_jinja_part(run, s, at, rest, &word));
            sc_jinja_add_in_case(&b, word, 0, word->n, CASE_LOWER);
        }
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status trim(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s, *chars = NULL;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    if (sc_jinja_given(call->a[0]) && call->a[0].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_text(run, call->a[0], "trim", &chars));
    SC_TRY(sc_jinja_strip(run, s, chars, true, true, &s));
    return give(s, out);
}

static enum sc_status replace(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s, *what, *with;
    int64_t count = -1;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_show(run, call->a[0], &what));
    SC_TRY(sc_jinja_show(run, call->a[1], &with));
    if (call->a[2].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_int(run, call->a[2], "replace", -1, &count));
    SC_TRY(sc_jinja_replace(run, s, what, with, count, &s));
    return set_markup(run, s, false, out);
}

static enum sc_status string(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    return give(s, out);
}

static enum sc_status safe(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    return set_markup(run, s, true, out);
}

static enum sc_status escape(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    SC_TRY(sc_jinja_escaped(run, s, &s));
    return give(s, out);
}

static enum sc_status forceescape(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;
    struct string plain;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    plain = *s;
    plain.markup = false;
    SC_TRY(sc_jinja_escaped(run, &plain, &s));
    return give(s, out);
}

static enum sc_status center(struct run *run, const struct call *call, struct value *out)
{
    struct string blank = sc_jinja_own(" ", 1);
    const struct string *s;
    int64_t width;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_need_int(run, call->a[0], "center", 80, &width));
    SC_TRY(sc_jinja_centred(run, s, width, &blank, &s));
    return give(s, out);
}

/* The text that is put before lines: so many blanks, or a text. */
static enum sc_status find_indent(struct run *run, struct value width, int64_t fallback,
                                  const struct string **out)
{
    struct string nothing = sc_jinja_own("", 0), blank = sc_jinja_own(" ", 1);
    int64_t n;

    if (width.kind == VALUE_STRING) {
        *out = width.string;
        return SC_OK;
    }
    SC_TRY(sc_jinja_need_int(run, width, "indent", fallback, &n));
    if (n > 0)
        return sc_jinja_filled(run, &nothing, n, 0, &blank, out);
    struct value empty;
    SC_TRY(sc_jinja_own_value(run, "", &empty));
    *out = empty.string;
    return SC_OK;
}

static enum sc_status indent(struct run *run, const struct call *call, struct value *out)
{
    bool first = sc_jinja_truth(call->a[1]), blank = sc_jinja_truth(call->a[2]);
    struct builder with_end = sc_jinja_builder(run), b = sc_jinja_builder(run);
    const struct string *s, *by;
    struct list *lines;

    SC_TRY(sc_jinja_need_text(run, call->self, "indent", &s));
    SC_TRY(find_indent(run, call->a[0], 4, &by));
    b.markup = s->markup;
    sc_jinja_add(&with_end, s);
    sc_jinja_add_text(&with_end, "\n");
    SC_TRY(sc_jinja_built(&with_end, &s));
    SC_TRY(sc_jinja_lines(run, s, false, &lines));
    for (size_t i = 0; i < lines->n; i++) {
        const struct string *line = lines->items[i].string;
        SC_TRY(sc_jinja_step(run, 1));
        if (i)
            sc_jinja_add_text(&b, "\n");
        if (i ? blank || line->n : first)
            sc_jinja_add(&b, by);
        sc_jinja_add(&b, line);
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status truncate(struct run *run, const struct call *call, struct value *out)
{
    struct string dots = sc_jinja_own("...", 3), blank = sc_jinja_own(" ", 1);
    const struct string *s, *end = &dots;
    struct builder b = sc_jinja_builder(run);
    int64_t length, leeway = 5;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "truncate", 255, &length));
    if (sc_jinja_given(call->a[2]))
        SC_TRY(sc_jinja_need_text(run, call->a[2], "truncate", &end));
    if (call->a[3].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_int(run, call->a[3], "truncate", 5, &leeway));
    if (length < (int64_t)end->n_chars || leeway < 0)
        return sc_jinja_fail(run, "truncate: a length below that of its end");
    int64_t n = sc_jinja_length(call->self);
    *out = call->self; /* a list that is short enough too */
    if (n >= 0 && (leeway > INT64_MAX - length || n <= length + leeway))
        return SC_OK;
    SC_TRY(sc_jinja_need_text(run, call->self, "truncate", &s));
    size_t kept = sc_jinja_offset(s, (size_t)(length - (int64_t)end->n_chars)), at = SIZE_MAX;
    if (!sc_jinja_truth(call->a[1]))
        at = sc_jinja_find_last(s, &blank, 0, kept);
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    sc_jinja_add_part(&b, s, 0, at != SIZE_MAX ? at : kept);
    sc_jinja_add(&b, end);
    return sc_jinja_built_value(&b, out);
}

static enum sc_status wordcount(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;
    int64_t words = 0;
    bool inside = false;
    size_t n;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    SC_TRY(sc_jinja_step(run, 1 + s->n / 4));
    for (size_t at = 0; at < s->n; at += n) {
        bool word = sc_jinja_is_word(sc_jinja_char_at(s, at, &n));
        words += word && !inside;
        inside = word;
    }
    *out = sc_jinja_int(words, sc_jinja_any_outside(s));
    return SC_OK;
}

static enum sc_status format(struct run *run, const struct call *call, struct value *out)
{
    const struct arguments *given = call->given;
    const struct string *s;
    struct value values;

    SC_TRY(sc_jinja_show(run, call->self, &s));
    if (given->n && given->n_keywords)
        return sc_jinja_fail(run, "format: values with and without names");
    if (given->n_keywords) {
        struct dict *dict;
        SC_TRY(sc_jinja_dict(run, &dict));
        for (size_t i = 0; i < given->n_keywords; i++)
            SC_TRY(sc_jinja_put(run, dict, sc_jinja_string_value(given->keywords[i].name),
                                given->keywords[i].value));
        values = (struct value){.kind = VALUE_DICT, .dict = dict};
    } else {
        struct list *list;
        SC_TRY(sc_jinja_list(run, given->n, &list));
        for (size_t i = 0; i < given->n; i++)
            list->items[list->n++] = given->values[i];
        values = sc_jinja_list_value(VALUE_TUPLE, list);
    }
    return sc_jinja_format_percent(run, s, values, out);
}

/* ---- tojson ---- */

static enum sc_status find_separators(struct run *run, struct value value, struct json_style *style)
{
    if (!sc_jinja_given(value) || value.kind == VALUE_NONE)
        return SC_OK;
    if ((value.kind != VALUE_LIST && value.kind != VALUE_TUPLE) || value.list->n != 2)
        return sc_jinja_fail(run, "tojson: separators are two texts");
    SC_TRY(sc_jinja_need_text(run, value.list->items[0], "tojson", &style->between));
    return sc_jinja_need_text(run, value.list->items[1], "tojson", &style->after_key);
}

static enum sc_status tojson(struct run *run, const struct call *call, struct value *out)
{
    struct string comma_blank = sc_jinja_own(", ", 2), comma = sc_jinja_own(",", 1);
    struct string colon = sc_jinja_own(": ", 2);
    struct json_style style = {.between = &comma_blank,
                               .after_key = &colon,
                               .ascii = sc_jinja_truth(call->a[0]),
                               .sorted = sc_jinja_truth(call->a[3])};
    struct builder b = sc_jinja_builder(run);

    if (sc_jinja_given(call->a[1]) && call->a[1].kind != VALUE_NONE) {
        SC_TRY(find_indent(run, call->a[1], 0, &style.indent));
        style.between = &comma;
    }
    SC_TRY(find_separators(run, call->a[2], &style));
    SC_TRY(sc_jinja_add_json(&b, call->self, &style));
    return sc_jinja_built_value(&b, out);
}

/* ---- urlencode ---- */

static void add_quoted(struct builder *b, const struct string *s, bool query)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s->n; i++) {
        unsigned char c = (unsigned char)s->bytes[i];
        bool outside = sc_jinja_outside_at(s, i);
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c && c < 0x80 && strchr("_.-~", c) != NULL) || (c == '/' && !query);
        char quoted[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (plain)
            sc_jinja_add_part(b, s, i, i + 1);
        else if (query && c == ' ')
            sc_jinja_add_bytes(b, "+", 1, outside);
        else
            sc_jinja_add_bytes(b, quoted, 3, outside);
    }
}

static enum sc_status add_pair(struct builder *b, struct value key, struct value value)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(b->run, key, &s));
    add_quoted(b, s, true);
    sc_jinja_add_text(b, "=");
    SC_TRY(sc_jinja_show(b->run, value, &s));
    add_quoted(b, s, true);
    return sc_jinja_step(b->run, 1 + s->n);
}

static enum sc_status urlencode(struct run *run, const struct call *call, struct value *out)
{
    struct builder b = sc_jinja_builder(run);
    const struct list *items, *pair;
    const struct string *s;

    if (call->self.kind == VALUE_STRING || !sc_jinja_can_iterate(call->self)) {
        SC_TRY(sc_jinja_show(run, call->self, &s));
        SC_TRY(sc_jinja_step(run, 1 + s->n));
        add_quoted(&b, s, false);
        return sc_jinja_built_value(&b, out);
    }
    if (call->self.kind == VALUE_DICT) {
        const struct dict *dict = call->self.dict;
        for (size_t i = 0; i < dict->n; i++) {
            if (i)
                sc_jinja_add_text(&b, "&");
            SC_TRY(add_pair(&b, dict->entries[i].key, dict->entries[i].value));
        }
        return sc_jinja_built_value(&b, out);
    }
    SC_TRY(sc_jinja_items(run, call->self, &items));
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_items(run, items->items[i], &pair));
        if (pair->n != 2)
            return sc_jinja_fail(run, "urlencode: pairs are expected");
        if (i)
            sc_jinja_add_text(&b, "&");
        SC_TRY(add_pair(&b, pair->items[0], pair->items[1]));
    }
    return sc_jinja_built_value(&b, out);
}

const struct builtin sc_jinja_text_filters[] = {
    {"upper", upper, NULL, 0},
    {"lower", lower, NULL, 0},
    {"capitalize", capitalize, NULL, 0},
    {"title", title, NULL, 0},
    {"trim", trim, "chars", 0},
    {"replace", replace, "old new count", 2},
    {"string", string, NULL, 0},
    {"safe", safe, NULL, 0},
    {"e", escape, NULL, 0},
    {"escape", escape, NULL, 0},
    {"forceescape", forceescape, NULL, 0},
    {"center", center, "width", 0},
    {"indent", indent, "width first blank", 0},
    {"truncate", truncate, "length killwords end leeway", 0},
    {"wordcount", wordcount, NULL, 0},
    {"format", format, "*", 0},
    {"tojson", tojson, "ensure_ascii indent separators sort_keys", 0},
    {"urlencode", urlencode, NULL, 0},
    {NULL, NULL, NULL, 0}};
