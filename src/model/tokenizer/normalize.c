/*
 * NFC, with utf8proc's tables.
 *
 * The composition itself is utf8proc's.  Decomposing and ordering are done here, because utf8proc
 * orders combining marks by exchanging neighbours, which is quadratic on a long row of marks: here
 * a row is ordered by counting.  Stretches that are plainly normal, such as ASCII, are copied.
 * Read next: encode.c.
 */
#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/tokenizer/bpe.h"

#define OPTIONS (UTF8PROC_STABLE | UTF8PROC_COMPOSE)
#define N_SHORT_RUN 16

struct code_points {
    int32_t *points;
    uint8_t *classes; /* combining class of each */
    size_t n, cap;
};

static void code_points_free(struct code_points *list)
{
    sc_free(list->points);
    sc_free(list->classes);
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
    list->cap = cap;
    return 0;
}

static uint8_t combining_class(int32_t point)
{
    return (uint8_t)utf8proc_get_property(point)->combining_class;
}

/* Canonical decomposition of the whole text. */
static enum sc_status decompose(const char *text, size_t n, struct code_points *list,
                                struct sc_error *error)
{
    for (size_t at = 0; at < n;) {
        uint32_t point = 0;
        size_t length = sc_utf8_decode(text + at, n - at, &point);
        utf8proc_ssize_t made;
        int boundary = 0;

        if (length == 0)
            return sc_fail(error, SC_ERR_ARGUMENT, "text: byte %zu: expected UTF-8", at);
        at += length;
        if (reserve(list, list->n + 32) != 0)
            return sc_fail_nomem(error, "normalised text");
        made = utf8proc_decompose_char((utf8proc_int32_t)point, list->points + list->n,
                                       (utf8proc_ssize_t)(list->cap - list->n), OPTIONS, &boundary);
        if (made < 0 || (size_t)made > list->cap - list->n)
            return sc_fail(error, SC_ERR_INTERNAL, "U+%04X: no decomposition", (unsigned)point);
        for (utf8proc_ssize_t i = 0; i < made; i++, list->n++)
            list->classes[list->n] = combining_class(list->points[list->n]);
    }
    return SC_OK;
}

/* Orders a row of marks by combining class; equal classes keep their order. */
static void order_short(struct code_points *list, size_t begin, size_t end)
{
    for (size_t i = begin + 1; i < end; i++) {
        int32_t point = list->points[i];
        uint8_t class = list->classes[i];
        size_t at = i;

        for (; at > begin && list->classes[at - 1] > class; at--) {
            list->points[at] = list->points[at - 1];
            list->classes[at] = list->classes[at - 1];
        }
        list->points[at] = point;
        list->classes[at] = class;
    }
}

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
        ordered[starts[list->classes[i]]++] = list->points[i];
    memcpy(list->points + begin, ordered, n * sizeof *ordered);
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

static enum sc_status compose(struct code_points *list, struct sc_text *out, struct sc_error *error)
{
    utf8proc_ssize_t n = utf8proc_normalize_utf32(list->points, (utf8proc_ssize_t)list->n, OPTIONS);

    if (n < 0)
        return sc_fail(error, SC_ERR_INTERNAL, "NFC: %s", utf8proc_errmsg(n));
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        char bytes[4];

        sc_text_add(out, bytes, sc_utf8_encode((uint32_t)list->points[i], bytes));
    }
    return SC_OK;
}

static enum sc_status normalize_run(const char *text, size_t n, struct code_points *list,
                                    struct sc_text *out, struct sc_error *error)
{
    list->n = 0;
    SC_TRY(decompose(text, n, list, error));
    if (order_marks(list) != 0)
        return sc_fail_nomem(error, "normalised text");
    return compose(list, out, error);
}

/* Code points below U+0300 are normal by themselves and never combine with what precedes them (but
 * marks may combine with them), so a text may be cut before each.  The first byte of U+0300 is
 * 0xCC. */
static bool is_plain(char c)
{
    return (unsigned char)c < 0xCC;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The first index from `at` on where a code point that is not plain begins, or n. */
static size_t skip_plain(const char *text, size_t n, size_t at)
{
    while (at < n && is_plain(text[at]))
        at++;
    return at;
}

/* The first index after `at` where a plain code point begins, or n. */
static size_t skip_others(const char *text, size_t n, size_t at)
{
    while (at < n && (!is_plain(text[at]) || is_continuation(text[at])))
        at++;
    return at;
}

static enum sc_status normalize_all(const char *text, size_t n, struct code_points *list,
                                    struct sc_text *out, struct sc_error *error)
{
    size_t next = skip_plain(text, n, 0);
    for (size_t at = 0; at < n;) {
        size_t begin = next, end = skip_others(text, n, next);
        /* The code point before may be what a mark combines with. */
        while (begin > at && begin < n && is_continuation(text[begin - 1]))
            begin--;
        begin -= begin > at && begin < n;
        sc_text_add(out, text + at, begin - at);
        SC_TRY(normalize_run(text + begin, end - begin, list, out, error));
        at = end;
        next = skip_plain(text, n, end);
    }
    return SC_OK;
}

enum sc_status sc_nfc(const char *text, size_t n, char **out, size_t *n_out, struct sc_error *error)
{
    *out = NULL;
    *n_out = 0;
    if (skip_plain(text, n, 0) == n)
        return SC_OK;
    struct code_points list = {0};
    struct sc_text normal = {0};
    enum sc_status status = normalize_all(text, n, &list, &normal, error);
    *n_out = normal.len;
    if (status == SC_OK) {
        *out = sc_text_take(&normal);
        status = *out != NULL ? SC_OK : sc_fail_nomem(error, "normalised text");
    }
    sc_text_free(&normal);
    code_points_free(&list);
    return status;
}
