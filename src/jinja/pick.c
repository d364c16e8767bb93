#include "jinja/pick.h"

#include <string.h>

#include "jinja/show.h"
#include "jinja/words.h"

/* A part of a path: a number where it is all digits. */
static enum sc_status part_key(struct run *run, const struct string *part, struct value *out)
{
    bool digits = part->n > 0;
    int64_t number;

    for (size_t i = 0; i < part->n; i++)
        digits &= part->bytes[i] >= '0' && part->bytes[i] <= '9';
    *out = sc_jinja_string_value(part);
    if (digits) {
        SC_TRY(sc_jinja_parse_int(run, part, 10, &digits, &number));
        *out = sc_jinja_int(number, false);
    }
    return SC_OK;
}

static enum sc_status pick_part(struct run *run, struct value key, const struct value *fallback,
                                struct value *item)
{
    struct value of = *item;

    SC_TRY(run->interpreter->item(run, of, key, item));
    if (item->kind == VALUE_UNDEFINED && fallback != NULL && fallback->kind != VALUE_NONE)
        *item = *fallback;
    return SC_OK;
}

enum sc_status sc_jinja_pick(struct run *run, struct value item, struct value path,
                             const struct value *fallback, struct value *out)
{
    struct value key;

    *out = item;
    if (path.kind == VALUE_NONE)
        return SC_OK;
    if (path.kind != VALUE_STRING)
        return pick_part(run, path, fallback, out);
    const struct string *s = path.string, *part;
    for (size_t begin = 0, end; begin <= s->n; begin = end + 1) {
        const char *point = memchr(s->bytes + begin, '.', s->n - begin);
        end = point != NULL ? (size_t)(point - s->bytes) : s->n;
        SC_TRY(sc_jinja_part(run, s, begin, end, &part));
        SC_TRY(part_key(run, part, &key));
        SC_TRY(pick_part(run, key, fallback, out));
    }
    return SC_OK;
}

enum sc_status sc_jinja_without_case(struct run *run, struct value value, struct value *out)
{
    const struct string *s;

    *out = value;
    if (value.kind != VALUE_STRING)
        return SC_OK;
    SC_TRY(sc_jinja_in_case(run, value.string, CASE_LOWER, &s));
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

struct sorting {
    struct run *run;
    const struct list *keys;
    bool reverse;
};

/* Whether key b is to stand before key a, which came first. */
static enum sc_status goes_before(const struct sorting *s, size_t a, size_t b, bool *out)
{
    int order;

    SC_TRY(sc_jinja_step(s->run, 1));
    if (s->reverse)
        SC_TRY(sc_jinja_compare(s->run, s->keys->items[a], s->keys->items[b], &order));
    else
        SC_TRY(sc_jinja_compare(s->run, s->keys->items[b], s->keys->items[a], &order));
    *out = order == -1;
    return SC_OK;
}

/* Merges from[low, middle) and from[middle, high) into to. */
static enum sc_status merge(const struct sorting *s, const size_t *from, size_t *to,
                            const size_t ends[3])
{
    size_t a = ends[0], b = ends[1];

    for (size_t i = ends[0]; i < ends[2]; i++) {
        bool second = a == ends[1];
        if (!second && b < ends[2])
            SC_TRY(goes_before(s, from[a], from[b], &second));
        to[i] = second ? from[b++] : from[a++];
    }
    return SC_OK;
}

enum sc_status sc_jinja_order_of(struct run *run, const struct list *keys, bool reverse,
                                 size_t **order)
{
    struct sorting sorting = {run, keys, reverse};
    size_t n = keys->n;
    size_t *from = sc_jinja_take_array(run, n, sizeof *from);
    size_t *to = from != NULL ? sc_jinja_take_array(run, n, sizeof *to) : NULL;

    if (to == NULL)
        return run->failed;
    for (size_t i = 0; i < n; i++)
        from[i] = i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t middle = low + width < n ? low + width : n;
            size_t high = middle + width < n ? middle + width : n;
            const size_t ends[3] = {low, middle, high};
            SC_TRY(merge(&sorting, from, to, ends));
        }
        size_t *swap = from;
        from = to;
        to = swap;
    }
    *order = from;
    return SC_OK;
}
