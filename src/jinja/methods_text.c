/* Methods of texts: case, blanks, search, questions.  Those that split and join: methods_split.c.
 */
#include <string.h>

#include "jinja/builtins.h"
#include "jinja/words.h"

static enum sc_status give(const struct string *s, struct value *out)
{
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

static enum sc_status upper(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_in_case(run, call->self.string, CASE_UPPER, &s));
    return give(s, out);
}

static enum sc_status lower(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_in_case(run, call->self.string, CASE_LOWER, &s));
    return give(s, out);
}

static enum sc_status capitalize(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_capitalized(run, call->self.string, &s));
    return give(s, out);
}

/* The first letter of each run of letters in title case, the others in lower case. */
static enum sc_status title(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string;
    struct builder b = sc_jinja_builder(run);
    bool inside = false;
    size_t n;

    SC_TRY(sc_jinja_step(run, 1 + s->n));
    b.markup = s->markup;
    for (size_t at = 0; at < s->n; at += n) {
        bool cased = sc_jinja_is_cased(sc_jinja_char_at(s, at, &n));
        sc_jinja_add_in_case(&b, s, at, at + n, inside ? CASE_LOWER : CASE_TITLE);
        inside = cased;
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status swapcase(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string;
    struct builder b = sc_jinja_builder(run);
    size_t n;

    SC_TRY(sc_jinja_step(run, 1 + s->n));
    b.markup = s->markup;
    for (size_t at = 0; at < s->n; at += n) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        if (sc_jinja_is_upper(cp))
            sc_jinja_add_in_case(&b, s, at, at + n, CASE_LOWER);
        else if (sc_jinja_is_lower(cp))
            sc_jinja_add_in_case(&b, s, at, at + n, CASE_UPPER);
        else
            sc_jinja_add_part(&b, s, at, at + n);
    }
    return sc_jinja_built_value(&b, out);
}

/* ---- blanks and padding ---- */

static enum sc_status strip_sides(struct run *run, const struct call *call, bool left, bool right,
                                  struct value *out)
{
    const struct string *chars = NULL, *s;

    if (sc_jinja_given(call->a[0]) && call->a[0].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_text(run, call->a[0], "strip", &chars));
    SC_TRY(sc_jinja_strip(run, call->self.string, chars, left, right, &s));
    return give(s, out);
}

static enum sc_status strip(struct run *run, const struct call *call, struct value *out)
{
    return strip_sides(run, call, true, true, out);
}

static enum sc_status lstrip(struct run *run, const struct call *call, struct value *out)
{
    return strip_sides(run, call, true, false, out);
}

static enum sc_status rstrip(struct run *run, const struct call *call, struct value *out)
{
    return strip_sides(run, call, false, true, out);
}

/* The width and the fill of a padding method. */
static enum sc_status padding(struct run *run, const struct call *call, int64_t *width,
                              struct string *fill)
{
    const struct string *given;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "the width", 0, width));
    *fill = sc_jinja_own(" ", 1);
    if (!sc_jinja_given(call->a[1]))
        return SC_OK;
    SC_TRY(sc_jinja_need_text(run, call->a[1], "the fill", &given));
    if (given->n_chars != 1)
        return sc_jinja_fail(run, "the fill: expected one character");
    *fill = *given;
    return SC_OK;
}

static enum sc_status pad_one_side(struct run *run, const struct call *call, bool left,
                                   struct value *out)
{
    const struct string *s = call->self.string;
    struct string fill;
    int64_t width, room;

    SC_TRY(padding(run, call, &width, &fill));
    room = width > (int64_t)s->n_chars ? width - (int64_t)s->n_chars : 0;
    SC_TRY(sc_jinja_filled(run, s, left ? room : 0, left ? 0 : room, &fill, &s));
    return give(s, out);
}

static enum sc_status ljust(struct run *run, const struct call *call, struct value *out)
{
    return pad_one_side(run, call, false, out);
}

static enum sc_status rjust(struct run *run, const struct call *call, struct value *out)
{
    return pad_one_side(run, call, true, out);
}

static enum sc_status center(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s;
    struct string fill;
    int64_t width;

    SC_TRY(padding(run, call, &width, &fill));
    SC_TRY(sc_jinja_centred(run, call->self.string, width, &fill, &s));
    return give(s, out);
}

static enum sc_status zfill(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string;
    struct string zero = sc_jinja_own("0", 1);
    struct builder b = sc_jinja_builder(run);
    int64_t width;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "zfill", 0, &width));
    int64_t room = width > (int64_t)s->n_chars ? width - (int64_t)s->n_chars : 0;
    size_t sign = s->n && (s->bytes[0] == '-' || s->bytes[0] == '+');
    b.markup = s->markup;
    sc_jinja_add_part(&b, s, 0, sign);
    for (int64_t i = 0; i < room && !b.failed; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        sc_jinja_add(&b, &zero);
    }
    sc_jinja_add_part(&b, s, sign, s->n);
    return sc_jinja_built_value(&b, out);
}

static enum sc_status expandtabs(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string;
    struct builder b = sc_jinja_builder(run);
    int64_t size, column = 0;
    size_t n;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "expandtabs", 8, &size));
    SC_TRY(sc_jinja_step(run, 1 + s->n));
    for (size_t at = 0; at < s->n && !b.failed; at += n) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        if (cp == '\t') {
            int64_t blanks = size > 0 ? size - column % size : 0;
            for (int64_t i = 0; i < blanks && !b.failed; i++) {
                SC_TRY(sc_jinja_step(run, 1));
                sc_jinja_add_bytes(&b, " ", 1, sc_jinja_outside_at(s, at));
            }
            column += blanks;
            continue;
        }
        column = cp == '\n' || cp == '\r' ? 0 : column + 1;
        sc_jinja_add_part(&b, s, at, at + n);
    }
    return sc_jinja_built_value(&b, out);
}

/* ---- search ---- */

/* The bytes that the optional start and end of a search mean; *valid false where start lies behind
 * the end. */
static enum sc_status search_extent(struct run *run, const struct string *s,
                                    const struct value *ends, size_t *from, size_t *to, bool *valid)
{
    int64_t n = (int64_t)s->n_chars, low = 0, high = n;

    if (ends[0].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_int(run, ends[0], "the start", 0, &low));
    if (ends[1].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_int(run, ends[1], "the end", n, &high));
    low = low < 0 ? (low < -n ? 0 : low + n) : low;
    high = high < 0 ? (high < -n ? 0 : high + n) : high > n ? n : high;
    *valid = low <= high;
    *from = *valid ? sc_jinja_offset(s, (size_t)low) : 0;
    *to = *valid ? sc_jinja_offset(s, (size_t)high) : 0;
    return sc_jinja_step_bytes(run, s->n);
}

static enum sc_status search(struct run *run, const struct call *call, bool last, bool needed,
                             struct value *out)
{
    const struct string *s = call->self.string, *what;
    size_t from, to, at = SIZE_MAX;
    bool valid;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "find", &what));
    SC_TRY(search_extent(run, s, call->a + 1, &from, &to, &valid));
    if (valid && last)
        SC_TRY(sc_jinja_find_last_counted(run, s, what, from, to, &at));
    else if (valid)
        at = sc_jinja_find(s, what, from, to);
    if (at == SIZE_MAX && needed)
        return sc_jinja_fail(run, "index: the text is not in it");
    *out = sc_jinja_int(at == SIZE_MAX ? -1 : (int64_t)sc_jinja_chars_before(s, at),
                        sc_jinja_any_outside(s));
    return SC_OK;
}

static enum sc_status find(struct run *run, const struct call *call, struct value *out)
{
    return search(run, call, false, false, out);
}

static enum sc_status rfind(struct run *run, const struct call *call, struct value *out)
{
    return search(run, call, true, false, out);
}

static enum sc_status index_of(struct run *run, const struct call *call, struct value *out)
{
    return search(run, call, false, true, out);
}

static enum sc_status rindex_of(struct run *run, const struct call *call, struct value *out)
{
    return search(run, call, true, true, out);
}

static enum sc_status count(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string, *what;
    size_t from, to, at;
    int64_t n = 0;
    bool valid;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "count", &what));
    SC_TRY(search_extent(run, s, call->a + 1, &from, &to, &valid));
    if (valid && what->n == 0) {
        n = 1 + (int64_t)(sc_jinja_chars_before(s, to) - sc_jinja_chars_before(s, from));
    } else if (valid) {
        for (; (at = sc_jinja_find(s, what, from, to)) != SIZE_MAX; from = at + what->n)
            n++;
    }
    *out = sc_jinja_int(n, sc_jinja_any_outside(s));
    return SC_OK;
}

static bool ends_with(const struct string *s, const struct string *with, size_t from, size_t to)
{
    return with->n <= to - from &&
           (with->n == 0 || memcmp(s->bytes + to - with->n, with->bytes, with->n) == 0);
}

static bool starts_with(const struct string *s, const struct string *with, size_t from, size_t to)
{
    return with->n <= to - from && sc_jinja_starts(s, with, from);
}

/* With a text, or any of a tuple of them. */
static enum sc_status begins_or_ends(struct run *run, const struct call *call, bool end,
                                     struct value *out)
{
    const struct string *s = call->self.string, *with;
    bool valid, holds = false;
    size_t from, to;

    SC_TRY(search_extent(run, s, call->a + 1, &from, &to, &valid));
    size_t n = call->a[0].kind == VALUE_TUPLE ? call->a[0].list->n : 1;
    for (size_t i = 0; i < n; i++) {
        struct value item = call->a[0].kind == VALUE_TUPLE ? call->a[0].list->items[i] : call->a[0];
        SC_TRY(sc_jinja_need_text(run, item, end ? "endswith" : "startswith", &with));
        SC_TRY(sc_jinja_step_bytes(run, with->n));
        holds |= valid && (end ? ends_with : starts_with)(s, with, from, to);
    }
    *out = sc_jinja_bool(holds);
    return SC_OK;
}

static enum sc_status startswith(struct run *run, const struct call *call, struct value *out)
{
    return begins_or_ends(run, call, false, out);
}

static enum sc_status endswith(struct run *run, const struct call *call, struct value *out)
{
    return begins_or_ends(run, call, true, out);
}

static enum sc_status replace(struct run *run, const struct call *call, struct value *out)
{
    const struct string *what, *with, *s;
    int64_t times;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "replace", &what));
    SC_TRY(sc_jinja_need_text(run, call->a[1], "replace", &with));
    SC_TRY(sc_jinja_need_int(run, call->a[2], "replace", -1, &times));
    SC_TRY(sc_jinja_replace(run, call->self.string, what, with, times, &s));
    return give(s, out);
}

static enum sc_status removeprefix(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string, *what;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "removeprefix", &what));
    return sc_jinja_part_value(run, s, sc_jinja_starts(s, what, 0) ? what->n : 0, s->n, out);
}

static enum sc_status removesuffix(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string, *what;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "removesuffix", &what));
    return sc_jinja_part_value(run, s, 0, ends_with(s, what, 0, s->n) ? s->n - what->n : s->n, out);
}

/* ---- questions ---- */

/* Whether there are characters, and all are of a kind. */
static enum sc_status all_are(struct run *run, const struct call *call, bool (*is)(uint32_t),
                              struct value *out)
{
    const struct string *s = call->self.string;
    bool holds = s->n > 0;
    size_t n;

    for (size_t at = 0; at < s->n && holds; at += n)
        holds = is(sc_jinja_char_at(s, at, &n));
    *out = sc_jinja_bool(holds);
    return sc_jinja_step_bytes(run, s->n * 4);
}

static bool is_alnum(uint32_t cp)
{
    return sc_jinja_is_alpha(cp) || sc_jinja_is_numeric(cp);
}

static bool is_ascii(uint32_t cp)
{
    return cp < 0x80;
}

static enum sc_status isalnum_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, is_alnum, out);
}
static enum sc_status isalpha_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, sc_jinja_is_alpha, out);
}
static enum sc_status isdigit_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, sc_jinja_is_digit, out);
}
static enum sc_status isdecimal_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, sc_jinja_is_decimal, out);
}
static enum sc_status isnumeric_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, sc_jinja_is_numeric, out);
}
static enum sc_status isspace_(struct run *run, const struct call *call, struct value *out)
{
    return all_are(run, call, sc_jinja_is_blank, out);
}
static enum sc_status isprintable_(struct run *run, const struct call *call, struct value *out)
{
    SC_TRY(all_are(run, call, sc_jinja_is_printable, out));
    out->truth |= call->self.string->n == 0;
    return SC_OK;
}
static enum sc_status isascii_(struct run *run, const struct call *call, struct value *out)
{
    SC_TRY(all_are(run, call, is_ascii, out));
    out->truth |= call->self.string->n == 0;
    return SC_OK;
}
static enum sc_status isupper_(struct run *run, const struct call *call, struct value *out)
{
    *out = sc_jinja_bool(sc_jinja_all_cased(call->self.string, CASE_UPPER));
    return sc_jinja_step_bytes(run, call->self.string->n * 4);
}
static enum sc_status islower_(struct run *run, const struct call *call, struct value *out)
{
    *out = sc_jinja_bool(sc_jinja_all_cased(call->self.string, CASE_LOWER));
    return sc_jinja_step_bytes(run, call->self.string->n * 4);
}
static enum sc_status istitle_(struct run *run, const struct call *call, struct value *out)
{
    *out = sc_jinja_bool(sc_jinja_all_cased(call->self.string, CASE_TITLE));
    return sc_jinja_step_bytes(run, call->self.string->n * 4);
}

const struct builtin sc_jinja_text_methods[] = {{"upper", upper, NULL, 0},
                                                {"lower", lower, NULL, 0},
                                                {"capitalize", capitalize, NULL, 0},
                                                {"title", title, NULL, 0},
                                                {"swapcase", swapcase, NULL, 0},
                                                {"strip", strip, "chars", 0},
                                                {"lstrip", lstrip, "chars", 0},
                                                {"rstrip", rstrip, "chars", 0},
                                                {"ljust", ljust, "width fillchar", 1},
                                                {"rjust", rjust, "width fillchar", 1},
                                                {"center", center, "width fillchar", 1},
                                                {"zfill", zfill, "width", 1},
                                                {"expandtabs", expandtabs, "tabsize", 0},
                                                {"find", find, "sub start end", 1},
                                                {"rfind", rfind, "sub start end", 1},
                                                {"index", index_of, "sub start end", 1},
                                                {"rindex", rindex_of, "sub start end", 1},
                                                {"count", count, "sub start end", 1},
                                                {"startswith", startswith, "prefix start end", 1},
                                                {"endswith", endswith, "suffix start end", 1},
                                                {"replace", replace, "old new count", 2},
                                                {"removeprefix", removeprefix, "prefix", 1},
                                                {"removesuffix", removesuffix, "suffix", 1},
                                                {"isalnum", isalnum_, NULL, 0},
                                                {"isalpha", isalpha_, NULL, 0},
                                                {"isdigit", isdigit_, NULL, 0},
                                                {"isdecimal", isdecimal_, NULL, 0},
                                                {"isnumeric", isnumeric_, NULL, 0},
                                                {"isspace", isspace_, NULL, 0},
                                                {"isprintable", isprintable_, NULL, 0},
                                                {"isascii", isascii_, NULL, 0},
                                                {"isupper", isupper_, NULL, 0},
                                                {"islower", islower_, NULL, 0},
                                                {"istitle", istitle_, NULL, 0},
                                                {NULL, NULL, NULL, 0}};
