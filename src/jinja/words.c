#include "jinja/words.h"

#include <string.h>

#include "jinja/builtins.h"

enum sc_status sc_jinja_need_text(struct run *run, struct value value, const char *what,
                                  const struct string **out)
{
    if (value.kind != VALUE_STRING)
        return value.kind == VALUE_UNDEFINED ? sc_jinja_fail_undefined(run, &value)
                                             : sc_jinja_fail(run, "%s: expected a text, found a %s",
                                                             what, sc_jinja_kind(value));
    *out = value.string;
    return SC_OK;
}

enum sc_status sc_jinja_need_int(struct run *run, struct value value, const char *what,
                                 int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (value.kind == VALUE_MISSING)
        return SC_OK;
    if (!sc_jinja_is_integer(value))
        return value.kind == VALUE_UNDEFINED
                   ? sc_jinja_fail_undefined(run, &value)
                   : sc_jinja_fail(run, "%s: expected a whole number, found a %s", what,
                                   sc_jinja_kind(value));
    *out = sc_jinja_integer(value);
    return SC_OK;
}

/* Whether the character at [at, at + n) of s is one of chars. */
static bool is_one_of(const struct string *s, size_t at, size_t n, const struct string *chars)
{
    return n <= chars->n && memmem(chars->bytes, chars->n, s->bytes + at, n) != NULL;
}

static enum sc_status strip_chars(struct run *run, const struct string *s,
                                  const struct string *chars, bool left, bool right, size_t *begin,
                                  size_t *end)
{
    size_t n, last;

    while (left && *begin < *end) {
        sc_jinja_char_at(s, *begin, &n);
        SC_TRY(sc_jinja_step_bytes(run, chars->n));
        if (!is_one_of(s, *begin, n, chars))
            break;
        *begin += n;
    }
    while (right && *begin < *end) {
        last = sc_jinja_char_before(s, *end);
        SC_TRY(sc_jinja_step_bytes(run, chars->n));
        if (!is_one_of(s, last, *end - last, chars))
            break;
        *end = last;
    }
    return SC_OK;
}

enum sc_status sc_jinja_strip(struct run *run, const struct string *s, const struct string *chars,
                              bool left, bool right, const struct string **out)
{
    size_t begin = 0, end = s->n;

    if (chars != NULL) {
        SC_TRY(strip_chars(run, s, chars, left, right, &begin, &end));
    } else {
        sc_jinja_strip_blanks(s, &begin, &end);
        if (!left && begin == end) /* blanks alone */
            end = 0;
        if (!left)
            begin = 0;
        if (!right)
            end = s->n;
        SC_TRY(sc_jinja_step_bytes(run, s->n - (end - begin)));
    }
    return sc_jinja_part(run, s, begin, end, out);
}

/* An empty text is replaced before every character and at the end. */
static void replace_nothing(struct builder *b, const struct string *s, const struct string *with,
                            int64_t count)
{
    size_t at = 0, n;

    for (int64_t i = 0; (count < 0 || i < count) && !b->failed; i++) {
        sc_jinja_add(b, with);
        if (at == s->n)
            return;
        sc_jinja_char_at(s, at, &n);
        sc_jinja_add_part(b, s, at, at + n);
        at += n;
    }
    sc_jinja_add_part(b, s, at, s->n);
}

enum sc_status sc_jinja_replace(struct run *run, const struct string *s, const struct string *what,
                                const struct string *with, int64_t count, const struct string **out)
{
    struct builder b = sc_jinja_builder(run);
    size_t begin = 0, at;

    SC_TRY(sc_jinja_step_bytes(run, s->n));
    b.markup = s->markup;
    if (what->n == 0) {
        SC_TRY(sc_jinja_step(run, s->n_chars));
        replace_nothing(&b, s, with, count);
        return sc_jinja_built(&b, out);
    }
    for (int64_t i = 0; (count < 0 || i < count) && !b.failed; i++) {
        at = sc_jinja_find(s, what, begin, s->n);
        if (at == SIZE_MAX)
            break;
        SC_TRY(sc_jinja_step(run, 1));
        sc_jinja_add_part(&b, s, begin, at);
        sc_jinja_add(&b, with);
        begin = at + what->n;
    }
    if (begin == 0) {
        *out = s;
        return SC_OK;
    }
    sc_jinja_add_part(&b, s, begin, s->n);
    return sc_jinja_built(&b, out);
}

enum sc_status sc_jinja_in_case(struct run *run, const struct string *s, enum letter_case to,
                                const struct string **out)
{
    struct builder b = sc_jinja_builder(run);

    SC_TRY(sc_jinja_step(run, 1 + s->n / 4));
    b.markup = s->markup;
    sc_jinja_add_in_case(&b, s, 0, s->n, to);
    return sc_jinja_built(&b, out);
}

enum sc_status sc_jinja_capitalized(struct run *run, const struct string *s,
                                    const struct string **out)
{
    struct builder b = sc_jinja_builder(run);
    size_t n = 0;

    SC_TRY(sc_jinja_step(run, 1 + s->n / 4));
    b.markup = s->markup;
    if (s->n)
        sc_jinja_char_at(s, 0, &n);
    sc_jinja_add_in_case(&b, s, 0, n, CASE_TITLE);
    sc_jinja_add_in_case(&b, s, n, s->n, CASE_LOWER);
    return sc_jinja_built(&b, out);
}

static enum sc_status add_fill(struct builder *b, const struct string *fill, int64_t count)
{
    for (int64_t i = 0; i < count && !b->failed; i++) {
        SC_TRY(sc_jinja_step(b->run, 1));
        sc_jinja_add(b, fill);
    }
    return SC_OK;
}

enum sc_status sc_jinja_filled(struct run *run, const struct string *s, int64_t left, int64_t right,
                               const struct string *fill, const struct string **out)
{
    struct builder b = sc_jinja_builder(run);

    if (left <= 0 && right <= 0) {
        *out = s;
        return SC_OK;
    }
    b.markup = s->markup;
    SC_TRY(add_fill(&b, fill, left));
    sc_jinja_add(&b, s);
    SC_TRY(add_fill(&b, fill, right));
    return sc_jinja_built(&b, out);
}

enum sc_status sc_jinja_centred(struct run *run, const struct string *s, int64_t width,
                                const struct string *fill, const struct string **out)
{
    int64_t room = width > (int64_t)s->n_chars ? width - (int64_t)s->n_chars : 0;
    int64_t left = room / 2 + (room & width & 1);

    return sc_jinja_filled(run, s, left, room - left, fill, out);
}

static enum sc_status push_part(struct run *run, struct list *list, const struct string *s,
                                size_t begin, size_t end)
{
    struct value part;

    SC_TRY(sc_jinja_step(run, 1));
    SC_TRY(sc_jinja_part_value(run, s, begin, end, &part));
    return sc_jinja_push(run, list, part);
}

enum sc_status sc_jinja_lines(struct run *run, const struct string *s, bool keep_ends,
                              struct list **out)
{
    size_t begin = 0, n;

    SC_TRY(sc_jinja_list(run, 0, out));
    SC_TRY(sc_jinja_step_bytes(run, s->n * 4));
    for (size_t at = 0; at < s->n; at += n) {
        uint32_t cp = sc_jinja_char_at(s, at, &n);
        if (!sc_jinja_is_line_end(cp))
            continue;
        if (cp == '\r' && at + 1 < s->n && s->bytes[at + 1] == '\n')
            n = 2;
        SC_TRY(push_part(run, *out, s, begin, keep_ends ? at + n : at));
        begin = at + n;
    }
    return begin < s->n ? push_part(run, *out, s, begin, s->n) : SC_OK;
}

/* ---- split ---- */

static size_t skip_blanks(const struct string *s, size_t at, bool blank)
{
    size_t n;

    while (at < s->n && sc_jinja_is_blank(sc_jinja_char_at(s, at, &n)) == blank)
        at += n;
    return at;
}

static enum sc_status split_blanks(struct run *run, const struct string *s, int64_t max,
                                   struct list *out)
{
    size_t at = skip_blanks(s, 0, true), end;

    for (int64_t i = 0; at < s->n && (max < 0 || i < max); i++) {
        end = skip_blanks(s, at, false);
        SC_TRY(push_part(run, out, s, at, end));
        at = skip_blanks(s, end, true);
    }
    return at < s->n ? push_part(run, out, s, at, s->n) : SC_OK;
}

enum sc_status sc_jinja_split(struct run *run, const struct string *s,
                              const struct string *separator, int64_t max, struct list **out)
{
    size_t begin = 0, at;

    SC_TRY(sc_jinja_list(run, 0, out));
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    if (separator == NULL)
        return split_blanks(run, s, max, *out);
    if (separator->n == 0)
        return sc_jinja_fail(run, "split: an empty separator");
    for (int64_t i = 0; max < 0 || i < max; i++) {
        at = sc_jinja_find(s, separator, begin, s->n);
        if (at == SIZE_MAX)
            break;
        SC_TRY(push_part(run, *out, s, begin, at));
        begin = at + separator->n;
    }
    return push_part(run, *out, s, begin, s->n);
}

/* The end of what is before blanks (blank true) or letters that end at `end`. */
static size_t skip_back(const struct string *s, size_t end, bool blank)
{
    size_t n;

    while (end > 0) {
        size_t last = sc_jinja_char_before(s, end);
        if (sc_jinja_is_blank(sc_jinja_char_at(s, last, &n)) != blank)
            break;
        end = last;
    }
    return end;
}

static enum sc_status split_last_blanks(struct run *run, const struct string *s, int64_t max,
                                        struct list *out)
{
    size_t end = skip_back(s, s->n, true), begin;

    for (int64_t i = 0; end > 0 && (max < 0 || i < max); i++) {
        begin = skip_back(s, end, false);
        SC_TRY(push_part(run, out, s, begin, end));
        end = skip_back(s, begin, true);
    }
    return end > 0 ? push_part(run, out, s, 0, end) : SC_OK;
}

static void reverse(struct list *list)
{
    for (size_t i = 0; i < list->n / 2; i++) {
        struct value item = list->items[i];
        list->items[i] = list->items[list->n - 1 - i];
        list->items[list->n - 1 - i] = item;
    }
}

enum sc_status sc_jinja_find_last_counted(struct run *run, const struct string *s,
                                          const struct string *what, size_t from, size_t to,
                                          size_t *out)
{
    size_t n = to > from ? to - from : 0;

    *out = SIZE_MAX;
    SC_TRY(sc_jinja_step(run, 1 + n / 32 * (1 + what->n / 32)));
    *out = sc_jinja_find_last(s, what, from, to);
    return SC_OK;
}

enum sc_status sc_jinja_split_last(struct run *run, const struct string *s,
                                   const struct string *separator, int64_t max, struct list **out)
{
    size_t end = s->n, at;

    SC_TRY(sc_jinja_list(run, 0, out));
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    if (separator == NULL) {
        SC_TRY(split_last_blanks(run, s, max, *out));
        reverse(*out);
        return SC_OK;
    }
    if (separator->n == 0)
        return sc_jinja_fail(run, "rsplit: an empty separator");
    for (int64_t i = 0; max < 0 || i < max; i++) {
        SC_TRY(sc_jinja_find_last_counted(run, s, separator, 0, end, &at));
        if (at == SIZE_MAX)
            break;
        SC_TRY(push_part(run, *out, s, at + separator->n, end));
        end = at;
    }
    SC_TRY(push_part(run, *out, s, 0, end));
    reverse(*out);
    return SC_OK;
}
