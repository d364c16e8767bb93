/*
 * The normal forms of Unicode, with utf8proc's tables.
 *
 * The composition itself is utf8proc's.  Decomposing and ordering are done here, because utf8proc
 * orders combining marks by exchanging neighbours, which is quadratic on a long row of marks: here
 * a row is ordered by counting.  Stretches that are plainly normal, such as ASCII, are copied. Code
 * points that the established tokenizers do not know stay as they are (unicode.h).  Read next:
 * normalizer.c.
 */
#include "model/tokenizer/normalize.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "model/tokenizer/unicode.h"

#define N_SHORT_RUN 16

struct code_points {
    int32_t *points;
    uint8_t *classes; /* combining class of each */
    uint8_t *outside; /* whether it came from outside */
    size_t n, cap;
};

/* A text and the form that is made of it. */
struct normalizing {
    enum sc_normal_form form;
    const char *text, *flags; /* [n]; flags may be NULL */
    size_t n;
    struct code_points list; /* working memory */
    struct sc_flagged *out;
};

static void code_points_free(struct code_points *list)
{
    sc_free(list->points);
    sc_free(list->classes);
    sc_free(list->outside);
}

static int reserve(struct code_points *list, size_t wanted)
{
    size_t cap = list->cap;

    if (wanted <= cap)
        return 0;
    cap = wanted + wanted / 2 + 32;
    int32_t *points = sc_resize(list->points, cap, sizeof *points);
    if (points == NULL)
        return -1;
    list->points = points;
    uint8_t *classes = sc_resize(list->classes, cap, sizeof *classes);
    if (classes == NULL)
        return -1;
    list->classes = classes;
    uint8_t *outside = sc_resize(list->outside, cap, sizeof *outside);
    if (outside == NULL)
        return -1;
    list->outside = outside;
    list->cap = cap;
    return 0;
}

static bool composes(enum sc_normal_form form)
{
    return form == SC_NFC || form == SC_NFKC;
}

static utf8proc_option_t options_of(enum sc_normal_form form)
{
    int options = UTF8PROC_STABLE | (composes(form) ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
    if (form == SC_NFKC || form == SC_NFKD)
        options |= UTF8PROC_COMPAT;
    return (utf8proc_option_t)options;
}

static uint8_t combining_class(int32_t point)
{
    return sc_unicode_is_left((uint32_t)point)
               ? 0
               : (uint8_t)utf8proc_get_property(point)->combining_class;
}

/* ---- decomposing ----------------------------------------------------------------------------- */

static enum sc_status decompose_one(struct normalizing *w, uint32_t point, bool outside,
                                    struct sc_error *error)
{
    struct code_points *list = &w->list;
    utf8proc_ssize_t made = 1;
    int boundary = 0;

    if (reserve(list, list->n + 32) != 0)
        return sc_fail_nomem(error, "normalised text");
    if (sc_unicode_is_left(point))
        list->points[list->n] = (int32_t)point;
    else
        made = utf8proc_decompose_char((utf8proc_int32_t)point, list->points + list->n,
                                       (utf8proc_ssize_t)(list->cap - list->n), options_of(w->form),
                                       &boundary);
    if (made < 0 || (size_t)made > list->cap - list->n)
        return sc_fail(error, SC_ERR_INTERNAL, "U+%04X: no decomposition", (unsigned)point);
    for (utf8proc_ssize_t i = 0; i < made; i++, list->n++) {
        list->classes[list->n] = combining_class(list->points[list->n]);
        list->outside[list->n] = outside;
    }
    return SC_OK;
}

static enum sc_status decompose(struct normalizing *w, size_t begin, size_t end,
                                struct sc_error *error)
{
    for (size_t at = begin; at < end;) {
        uint32_t point = 0;
        size_t length = sc_utf8_decode(w->text + at, end - at, &point);

        if (length == 0)
            return sc_fail(error, SC_ERR_ARGUMENT, "text: byte %zu: expected UTF-8", at);
        SC_TRY(decompose_one(w, point, w->flags != NULL && w->flags[at], error));
        at += length;
    }
    return SC_OK;
}

/* ---- ordering -------------------------------------------------------------------------------- */

/* Orders a row of marks by combining class; equal classes keep their order. */
static void order_short(struct code_points *list, size_t begin, size_t end)
{
    for (size_t i = begin + 1; i < end; i++) {
        int32_t point = list->points[i];
        uint8_t class = list->classes[i], outside = list->outside[i];
        size_t at = i;

        for (; at > begin && list->classes[at - 1] > class; at--) {
            list->points[at] = list->points[at - 1];
            list->classes[at] = list->classes[at - 1];
            list->outside[at] = list->outside[at - 1];
        }
        list->points[at] = point;
        list->classes[at] = class;
        list->outside[at] = outside;
    }
}

/* The same by counting.  A point and whether it came from outside travel as one number; the classes
 * of what is ordered are looked up again. */
static int order_long(struct code_points *list, size_t begin, size_t end)
{
    size_t starts[257] = {0}, n = end - begin;
    int32_t *ordered = sc_alloc_array(n, sizeof *ordered);

    if (ordered == NULL)
        return -1;
    for (size_t i = begin; i < end; i++)
        starts[list->classes[i] + 1]++;
    for (size_t i = 0; i < 256; i++)
        starts[i + 1] += starts[i];
    for (size_t i = begin; i < end; i++)
        ordered[starts[list->classes[i]]++] = list->points[i] * 2 + list->outside[i];
    for (size_t i = 0; i < n; i++) {
        list->points[begin + i] = ordered[i] / 2;
        list->outside[begin + i] = (uint8_t)(ordered[i] % 2);
        list->classes[begin + i] = combining_class(ordered[i] / 2);
    }
    sc_free(ordered);
    return 0;
}

static int order_marks(struct code_points *list)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t begin = i;

        while (i < list->n && list->classes[i] != 0)
            i++;
        if (i - begin > N_SHORT_RUN) {
            if (order_long(list, begin, i) != 0)
                return -1;
        } else if (i > begin) {
            order_short(list, begin, i);
        }
    }
    return 0;
}

/* ---- composing ------------------------------------------------------------------------------- */

static void put_points(struct normalizing *w, const int32_t *points, const uint8_t *outside,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char bytes[4];
        size_t length = sc_utf8_encode((uint32_t)points[i], bytes);

        sc_text_add(&w->out->text, bytes, length);
        for (size_t k = 0; w->flags != NULL && k < length; k++)
            sc_text_putc(&w->out->flags, (char)outside[i]);
    }
}

/* Of decomposed and ordered points that are all known. */
static enum sc_status compose(struct normalizing *w, int32_t *points, size_t n,
                              struct sc_error *error)
{
    utf8proc_ssize_t left =
        utf8proc_normalize_utf32(points, (utf8proc_ssize_t)n, options_of(w->form));

    if (left < 0)
        return sc_fail(error, SC_ERR_INTERNAL, "normal form: %s", utf8proc_errmsg(left));
    put_points(w, points, NULL, (size_t)left);
    return SC_OK;
}

/* What two points compose to, or -1. */
static int32_t composed(int32_t first, int32_t second)
{
    int32_t pair[2] = {first, second};
    return utf8proc_normalize_utf32(pair, 2, options_of(SC_NFC)) == 1 ? pair[0] : -1;
}

/* The same, keeping account of what came from outside: a composed point did where a part of it did.
 * Source: Unicode Standard Annex 15, the canonical composition algorithm. */
static void compose_marked(struct normalizing *w, size_t begin, size_t end)
{
    struct code_points *list = &w->list;
    size_t n = begin, starter = SIZE_MAX;
    int last = 0; /* class of what was put since the starter */

    for (size_t i = begin; i < end; i++) {
        int class = list->classes[i];
        int32_t whole = -1;
        bool blocked = starter != SIZE_MAX && n > starter + 1 && last >= class;

        if (starter != SIZE_MAX && !blocked)
            whole = composed(list->points[starter], list->points[i]);
        if (whole >= 0) {
            list->points[starter] = whole;
            list->outside[starter] |= list->outside[i];
            continue;
        }
        if (class == 0)
            starter = n;
        last = class;
        list->points[n] = list->points[i];
        list->classes[n] = list->classes[i];
        list->outside[n] = list->outside[i];
        n++;
    }
    put_points(w, list->points + begin, list->outside + begin, n - begin);
}

/* Composes what lies between points that stay as they are. */
static enum sc_status put_run(struct normalizing *w, struct sc_error *error)
{
    struct code_points *list = &w->list;

    if (!composes(w->form)) {
        put_points(w, list->points, list->outside, list->n);
        return SC_OK;
    }
    for (size_t i = 0; i < list->n;) {
        size_t end = i;
        while (end < list->n && !sc_unicode_is_left((uint32_t)list->points[end]))
            end++;
        if (end == i)
            put_points(w, list->points + i, list->outside + i, 1);
        else if (w->flags != NULL)
            compose_marked(w, i, end);
        else
            SC_TRY(compose(w, list->points + i, end - i, error));
        i = end > i ? end : i + 1;
    }
    return SC_OK;
}

static enum sc_status normalize_run(struct normalizing *w, size_t begin, size_t end,
                                    struct sc_error *error)
{
    w->list.n = 0;
    SC_TRY(decompose(w, begin, end, error));
    if (order_marks(&w->list) != 0)
        return sc_fail_nomem(error, "normalised text");
    return put_run(w, error);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Code points below U+0300 (NFC), U+00C0 (NFD) or beyond ASCII (the others) are normal by
 * themselves and never combine with what precedes them (but marks may combine with them), so a text
 * may be cut before each.  These are first bytes of the first that are not. */
static unsigned char first_byte(enum sc_normal_form form)
{
    return form == SC_NFC ? 0xCC : form == SC_NFD ? 0xC3 : 0xC2;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The first index from `at` on where a code point that is not plain begins, or n. */
static size_t skip_plain(enum sc_normal_form form, const char *text, size_t n, size_t at)
{
    unsigned char first = first_byte(form);

    while (at < n && (unsigned char)text[at] < first)
        at++;
    return at;
}

/* The first index after `at` where a plain code point begins, or n. */
static size_t skip_others(enum sc_normal_form form, const char *text, size_t n, size_t at)
{
    unsigned char first = first_byte(form);

    while (at < n && ((unsigned char)text[at] >= first || is_continuation(text[at])))
        at++;
    return at;
}

bool sc_is_plainly_normal(enum sc_normal_form form, const char *text, size_t n)
{
    return skip_plain(form, text, n, 0) == n;
}

static enum sc_status normalize_all(struct normalizing *w, struct sc_error *error)
{
    size_t next = skip_plain(w->form, w->text, w->n, 0);
    for (size_t at = 0; at < w->n;) {
        size_t begin = next, end = skip_others(w->form, w->text, w->n, next);
        /* The code point before may be what a mark combines with. */
        while (begin > at && begin < w->n && is_continuation(w->text[begin - 1]))
            begin--;
        begin -= begin > at && begin < w->n;
        sc_text_add(&w->out->text, w->text + at, begin - at);
        if (w->flags != NULL)
            sc_text_add(&w->out->flags, w->flags + at, begin - at);
        SC_TRY(normalize_run(w, begin, end, error));
        at = end;
        next = skip_plain(w->form, w->text, w->n, end);
    }
    bool failed = w->out->text.failed || w->out->flags.failed;
    return failed ? sc_fail_nomem(error, "normalised text") : SC_OK;
}

enum sc_status sc_normal_form(enum sc_normal_form form, const char *text, const char *flags,
                              size_t n, struct sc_flagged *out, struct sc_error *error)
{
    struct normalizing w = {.form = form, .text = text, .flags = flags, .n = n, .out = out};
    enum sc_status status = normalize_all(&w, error);

    code_points_free(&w.list);
    return status;
}
