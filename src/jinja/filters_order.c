/* Filters that compare items: sort, unique, least and greatest, sums and groups. */
#include <string.h>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/pick.h"

/* What items are compared by. */
struct key_of {
    struct value path; /* MISSING: the item itself */
    const struct value *fallback;
    bool with_case;
};

static enum sc_status key_of(struct run *run, const struct key_of *by, struct value item,
                             struct value *out)
{
    *out = item;
    if (sc_jinja_given(by->path))
        SC_TRY(sc_jinja_pick(run, item, by->path, by->fallback, out));
    return by->with_case ? SC_OK : sc_jinja_without_case(run, *out, out);
}

static enum sc_status keys_of(struct run *run, const struct key_of *by, const struct list *items,
                              struct list **out)
{
    SC_TRY(sc_jinja_list(run, items->n, out));
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        SC_TRY(key_of(run, by, items->items[i], &(*out)->items[i]));
        (*out)->n++;
    }
    return SC_OK;
}

/* The keys of items by one or several paths, "a,b": tuples, so that equal ones need no order. */
static enum sc_status keys_by_paths(struct run *run, const struct key_of *by,
                                    const struct list *items, struct list **out)
{
    static const struct string nothing = {.bytes = "", .n = 0};
    bool several = by->path.kind == VALUE_STRING;
    const struct string *s = several ? by->path.string : &nothing;
    struct key_of one = *by;
    struct value key;
    struct list *tuple;

    SC_TRY(sc_jinja_list(run, items->n, out));
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_list(run, 1, &tuple));
        for (size_t begin = 0, end; begin <= s->n; begin = end + 1) {
            const char *comma = memchr(s->bytes + begin, ',', s->n - begin);
            end = comma != NULL ? (size_t)(comma - s->bytes) : s->n;
            if (several)
                SC_TRY(sc_jinja_part_value(run, s, begin, end, &one.path));
            SC_TRY(key_of(run, &one, items->items[i], &key));
            SC_TRY(sc_jinja_push(run, tuple, key));
        }
        (*out)->items[(*out)->n++] = sc_jinja_list_value(VALUE_TUPLE, tuple);
    }
    return SC_OK;
}

static enum sc_status in_order(struct run *run, const struct list *items, const struct list *keys,
                               bool reverse, struct list **out)
{
    size_t *order;

    SC_TRY(sc_jinja_order_of(run, keys, reverse, &order));
    SC_TRY(sc_jinja_list(run, items->n, out));
    for (size_t i = 0; i < items->n; i++)
        (*out)->items[(*out)->n++] = items->items[order[i]];
    return SC_OK;
}

static enum sc_status sort(struct run *run, const struct call *call, struct value *out)
{
    struct key_of by = {call->a[2], NULL, sc_jinja_truth(call->a[1])};
    const struct list *items;
    struct list *keys, *sorted;

    SC_TRY(sc_jinja_items(run, call->self, &items));
    SC_TRY(keys_by_paths(run, &by, items, &keys));
    SC_TRY(in_order(run, items, keys, sc_jinja_truth(call->a[0]), &sorted));
    *out = sc_jinja_list_value(VALUE_LIST, sorted);
    return SC_OK;
}

static enum sc_status dictsort(struct run *run, const struct call *call, struct value *out)
{
    struct key_of by = {{.kind = VALUE_MISSING}, NULL, sc_jinja_truth(call->a[0])};
    struct string key = sc_jinja_own("key", 3);
    const struct string *which = &key;
    struct list *pairs, *keys, *sorted;

    if (call->self.kind != VALUE_DICT)
        return call->self.kind == VALUE_UNDEFINED
                   ? sc_jinja_fail_undefined(run, &call->self)
                   : sc_jinja_fail(run, "dictsort: expected a dict, found a %s",
                                   sc_jinja_kind(call->self));
    if (sc_jinja_given(call->a[1]))
        SC_TRY(sc_jinja_need_text(run, call->a[1], "dictsort", &which));
    if (!sc_jinja_is(which, "key") && !sc_jinja_is(which, "value"))
        return sc_jinja_fail(run, "dictsort: sorted by \"key\" or \"value\" alone");
    by.path = sc_jinja_int(sc_jinja_is(which, "value"), false);
    const struct dict *dict = call->self.dict;
    SC_TRY(sc_jinja_list(run, dict->n, &pairs));
    for (size_t i = 0; i < dict->n; i++) {
        SC_TRY(sc_jinja_pair(run, dict->entries[i].key, dict->entries[i].value,
                             &pairs->items[pairs->n]));
        pairs->n++;
    }
    SC_TRY(keys_of(run, &by, pairs, &keys));
    SC_TRY(in_order(run, pairs, keys, sc_jinja_truth(call->a[2]), &sorted));
    *out = sc_jinja_list_value(VALUE_LIST, sorted);
    return SC_OK;
}

static enum sc_status unique(struct run *run, const struct call *call, struct value *out)
{
    struct key_of by = {call->a[1], NULL, sc_jinja_truth(call->a[0])};
    const struct list *items;
    struct list *kept;
    struct dict *seen;
    struct value key;
    size_t n_seen;

    SC_TRY(sc_jinja_items(run, call->self, &items));
    SC_TRY(sc_jinja_list(run, 0, &kept));
    SC_TRY(sc_jinja_dict(run, &seen));
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        SC_TRY(key_of(run, &by, items->items[i], &key));
        n_seen = seen->n;
        SC_TRY(sc_jinja_put(run, seen, key, sc_jinja_none()));
        if (seen->n > n_seen)
            SC_TRY(sc_jinja_push(run, kept, items->items[i]));
    }
    *out = sc_jinja_list_value(VALUE_ITERATOR, kept);
    return SC_OK;
}

/* The first item whose key is least (sign -1) or greatest (1). */
static enum sc_status extreme(struct run *run, const struct call *call, int sign, struct value *out)
{
    struct key_of by = {call->a[1], NULL, sc_jinja_truth(call->a[0])};
    const struct list *items;
    struct value best = {.kind = VALUE_MISSING}, key;
    int order;

    SC_TRY(sc_jinja_items(run, call->self, &items));
    if (items->n == 0)
        return sc_jinja_undefined_hint(run, "there is no least or greatest of nothing", out);
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        SC_TRY(key_of(run, &by, items->items[i], &key));
        order = sign;
        if (i)
            SC_TRY(sc_jinja_compare(run, key, best, &order));
        if (order != sign)
            continue;
        best = key;
        *out = items->items[i];
    }
    return SC_OK;
}

static enum sc_status min(struct run *run, const struct call *call, struct value *out)
{
    return extreme(run, call, -1, out);
}

static enum sc_status max(struct run *run, const struct call *call, struct value *out)
{
    return extreme(run, call, 1, out);
}

static enum sc_status sum(struct run *run, const struct call *call, struct value *out)
{
    const struct list *items;
    struct value total = sc_jinja_given(call->a[1]) ? call->a[1] : sc_jinja_int(0, false);

    SC_TRY(sc_jinja_items(run, call->self, &items));
    if (total.kind == VALUE_STRING)
        return sc_jinja_fail(run, "sum: of texts is not possible");
    for (size_t i = 0; i < items->n; i++) {
        struct value item = items->items[i];
        SC_TRY(sc_jinja_step(run, 1));
        if (sc_jinja_given(call->a[0]))
            SC_TRY(sc_jinja_pick(run, item, call->a[0], NULL, &item));
        SC_TRY(sc_jinja_binary(run, OP_ADD, total, item, &total));
    }
    *out = total;
    return SC_OK;
}

/* The groups' names are those of their first items, with their case. */
static enum sc_status add_group(struct run *run, const struct key_of *by, struct value first,
                                struct list *groups, struct list **members)
{
    struct key_of with_case = *by;
    struct value name, pair;

    with_case.with_case = true;
    SC_TRY(key_of(run, &with_case, first, &name));
    SC_TRY(sc_jinja_list(run, 0, members));
    SC_TRY(sc_jinja_pair(run, name, sc_jinja_list_value(VALUE_LIST, *members), &pair));
    pair.list->grouped = true;
    return sc_jinja_push(run, groups, pair);
}

static enum sc_status groupby(struct run *run, const struct call *call, struct value *out)
{
    struct key_of by = {call->a[0], sc_jinja_given(call->a[1]) ? &call->a[1] : NULL,
                        sc_jinja_truth(call->a[2])};
    const struct list *items;
    struct list *keys, *groups, *members = NULL;
    size_t *order;
    bool same;

    SC_TRY(sc_jinja_items(run, call->self, &items));
    SC_TRY(keys_of(run, &by, items, &keys));
    SC_TRY(sc_jinja_order_of(run, keys, false, &order));
    SC_TRY(sc_jinja_list(run, 0, &groups));
    for (size_t i = 0; i < items->n; i++) {
        same = false;
        if (i)
            SC_TRY(sc_jinja_equal(run, keys->items[order[i - 1]], keys->items[order[i]], &same));
        if (!same)
            SC_TRY(add_group(run, &by, items->items[order[i]], groups, &members));
        SC_TRY(sc_jinja_push(run, members, items->items[order[i]]));
    }
    *out = sc_jinja_list_value(VALUE_LIST, groups);
    return SC_OK;
}

const struct builtin sc_jinja_order_filters[] = {
    {"sort", sort, "reverse case_sensitive attribute", 0},
    {"dictsort", dictsort, "case_sensitive by reverse", 0},
    {"unique", unique, "case_sensitive attribute", 0},
    {"min", min, "case_sensitive attribute", 0},
    {"max", max, "case_sensitive attribute", 0},
    {"sum", sum, "attribute start", 0},
    {"groupby", groupby, "attribute default case_sensitive", 1},
    {NULL, NULL, NULL, 0}};
