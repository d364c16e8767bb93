#include "jinja/string.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static size_t count_chars(const char *bytes, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    return count;
}

struct builder sc_jinja_builder(struct run *run)
{
    return (struct builder){.run = run};
}

static bool grow(struct builder *b, size_t n)
{
    size_t need = b->n + n, cap = b->cap ? b->cap : 64;

    if (b->failed)
        return false;
    if (need < n || (b->max && need > b->max)) {
        b->failed = true;
        b->run->failed =
            sc_fail(b->run->error, SC_ERR_LIMIT, "line %d: the template writes more than %zu bytes",
                    b->run->line, b->max);
        return false;
    }
    if (need <= b->cap)
        return true;
    while (cap < need)
        cap = cap > SIZE_MAX / 4 ? need : cap * 2;
    char *bytes = sc_jinja_take(b->run, cap);
    uint8_t *marks = b->marks != NULL && bytes != NULL ? sc_jinja_take(b->run, cap) : NULL;
    if (bytes == NULL || (b->marks != NULL && marks == NULL)) {
        b->failed = true;
        return false;
    }
    if (b->n) {
        memcpy(bytes, b->bytes, b->n);
        if (marks != NULL)
            memcpy(marks, b->marks, b->n);
    }
    b->bytes = bytes;
    b->marks = marks;
    b->cap = cap;
    return true;
}

/* Marks by the byte from here on. */
static bool mark_bytes(struct builder *b)
{
    if (b->marks != NULL)
        return true;
    b->marks = sc_jinja_take(b->run, b->cap);
    if (b->marks == NULL) {
        b->failed = true;
        return false;
    }
    memset(b->marks, b->outside, b->n);
    return true;
}

void sc_jinja_add_bytes(struct builder *b, const char *bytes, size_t n, bool outside)
{
    if (n == 0 || !grow(b, n))
        return;
    if (b->n == 0)
        b->outside = outside;
    else if (outside != b->outside && !mark_bytes(b))
        return;
    memcpy(b->bytes + b->n, bytes, n);
    if (b->marks != NULL)
        memset(b->marks + b->n, outside, n);
    b->n += n;
}

void sc_jinja_add_text(struct builder *b, const char *text)
{
    sc_jinja_add_bytes(b, text, strlen(text), false);
}

void sc_jinja_add_part(struct builder *b, const struct string *s, size_t begin, size_t end)
{
    size_t n = end - begin;

    assert(begin <= end && end <= s->n);
    if (s->marks == NULL) {
        sc_jinja_add_bytes(b, s->bytes + begin, n, s->outside);
        return;
    }
    if (n == 0 || !grow(b, n) || !mark_bytes(b))
        return;
    memcpy(b->bytes + b->n, s->bytes + begin, n);
    memcpy(b->marks + b->n, s->marks + begin, n);
    b->n += n;
}

void sc_jinja_add(struct builder *b, const struct string *s)
{
    sc_jinja_add_part(b, s, 0, s->n);
}

void sc_jinja_add_char(struct builder *b, uint32_t cp, bool outside)
{
    char bytes[4];

    sc_jinja_add_bytes(b, bytes, sc_utf8_encode(cp, bytes), outside);
}

enum sc_status sc_jinja_built(struct builder *b, const struct string **out)
{
    struct string *s;

    if (b->failed || (s = sc_jinja_take(b->run, sizeof *s)) == NULL)
        return b->run->failed;
    *s = (struct string){.bytes = b->bytes ? b->bytes : "",
                         .n = b->n,
                         .n_chars = count_chars(b->bytes, b->n),
                         .marks = b->marks,
                         .outside = b->outside,
                         .markup = b->markup};
    *out = s;
    return SC_OK;
}

struct value sc_jinja_string_value(const struct string *s)
{
    return (struct value){.kind = VALUE_STRING, .string = s};
}

enum sc_status sc_jinja_built_value(struct builder *b, struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_built(b, &s));
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

struct string sc_jinja_own(const char *bytes, size_t n)
{
    return (struct string){.bytes = bytes, .n = n, .n_chars = count_chars(bytes, n)};
}

enum sc_status sc_jinja_own_value(struct run *run, const char *text, struct value *out)
{
    struct string *s = sc_jinja_take(run, sizeof *s);

    if (s == NULL)
        return run->failed;
    *s = sc_jinja_own(text, strlen(text));
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

bool sc_jinja_outside_at(const struct string *s, size_t i)
{
    return s->marks != NULL ? s->marks[i] : s->outside;
}

bool sc_jinja_part_outside(const struct string *s, size_t begin, size_t end)
{
    if (begin >= end)
        return false;
    return s->marks != NULL ? memchr(s->marks + begin, 1, end - begin) != NULL : s->outside;
}

bool sc_jinja_any_outside(const struct string *s)
{
    return sc_jinja_part_outside(s, 0, s->n);
}

enum sc_status sc_jinja_part(struct run *run, const struct string *s, size_t begin, size_t end,
                             const struct string **out)
{
    struct string *part;

    assert(begin <= end && end <= s->n);
    if (begin == 0 && end == s->n) {
        *out = s;
        return SC_OK;
    }
    if ((part = sc_jinja_take(run, sizeof *part)) == NULL)
        return run->failed;
    *part = *s;
    part->bytes = s->bytes + begin;
    part->n = end - begin;
    part->n_chars = s->n == s->n_chars ? part->n : count_chars(part->bytes, part->n);
    if (s->marks != NULL)
        part->marks = s->marks + begin;
    *out = part;
    return sc_jinja_step_bytes(run, s->n == s->n_chars ? 0 : part->n);
}

enum sc_status sc_jinja_part_value(struct run *run, const struct string *s, size_t begin,
                                   size_t end, struct value *out)
{
    const struct string *part;

    SC_TRY(sc_jinja_part(run, s, begin, end, &part));
    *out = sc_jinja_string_value(part);
    return SC_OK;
}

size_t sc_jinja_offset(const struct string *s, size_t i)
{
    size_t at = 0;

    assert(i <= s->n_chars);
    if (s->n == s->n_chars)
        return i;
    if (i == s->n_chars)
        return s->n;
    for (;; at++)
        if (((unsigned char)s->bytes[at] & 0xC0) != 0x80 && i-- == 0)
            return at;
}

size_t sc_jinja_chars_before(const struct string *s, size_t n)
{
    return s->n == s->n_chars ? n : count_chars(s->bytes, n);
}

uint32_t sc_jinja_char_at(const struct string *s, size_t i, size_t *n)
{
    uint32_t cp = 0;

    assert(i < s->n);
    *n = sc_utf8_decode(s->bytes + i, s->n - i, &cp);
    assert(*n > 0);
    return cp;
}

size_t sc_jinja_char_before(const struct string *s, size_t i)
{
    assert(i > 0);
    i--;
    while (i > 0 && ((unsigned char)s->bytes[i] & 0xC0) == 0x80)
        i--;
    return i;
}

bool sc_jinja_same(const struct string *a, const struct string *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->bytes, b->bytes, a->n) == 0);
}

bool sc_jinja_is(const struct string *s, const char *text)
{
    size_t n = strlen(text);

    return s->n == n && memcmp(s->bytes, text, n) == 0;
}

int sc_jinja_order(const struct string *a, const struct string *b)
{
    size_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->bytes, b->bytes, n) : 0;

    return order ? order : (a->n > b->n) - (a->n < b->n);
}

size_t sc_jinja_find(const struct string *s, const struct string *what, size_t from, size_t to)
{
    if (from > to || to > s->n)
        return SIZE_MAX;
    if (what->n == 0)
        return from;
    const char *at = memmem(s->bytes + from, to - from, what->bytes, what->n);
    return at != NULL ? (size_t)(at - s->bytes) : SIZE_MAX;
}

size_t sc_jinja_find_last(const struct string *s, const struct string *what, size_t from, size_t to)
{
    if (from > to || to > s->n || what->n > to - from)
        return SIZE_MAX;
    for (size_t at = to - what->n;; at--) {
        if (what->n == 0 || memcmp(s->bytes + at, what->bytes, what->n) == 0)
            return at;
        if (at == from)
            return SIZE_MAX;
    }
}

bool sc_jinja_starts(const struct string *s, const struct string *with, size_t at)
{
    return at <= s->n && with->n <= s->n - at &&
           (with->n == 0 || memcmp(s->bytes + at, with->bytes, with->n) == 0);
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\'':
        return "&#39;";
    case '"':
        return "&#34;";
    default:
        return NULL;
    }
}

enum sc_status sc_jinja_escaped(struct run *run, const struct string *s, const struct string **out)
{
    struct builder b = sc_jinja_builder(run);
    size_t begin = 0;

    if (s->markup) {
        *out = s;
        return SC_OK;
    }
    for (size_t i = 0; i < s->n; i++) {
        const char *instead = entity(s->bytes[i]);
        if (instead == NULL)
            continue;
        sc_jinja_add_part(&b, s, begin, i);
        sc_jinja_add_bytes(&b, instead, strlen(instead), sc_jinja_outside_at(s, i));
        begin = i + 1;
    }
    sc_jinja_add_part(&b, s, begin, s->n);
    b.markup = true;
    return sc_jinja_built(&b, out);
}
