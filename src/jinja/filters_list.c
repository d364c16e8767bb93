/* Filters over lists and dicts. */
#include <string.h>

#include "jinja/builtins.h"
#include "jinja/machine.h"
#include "jinja/operators.h"
#include "jinja/pick.h"
#include "jinja/show.h"

static enum sc_status give_list(enum value_kind kind, struct list *list, struct value *out)
{
    *out = sc_jinja_list_value(kind, list);
    return SC_OK;
}

static enum sc_status length(struct run *run, const struct call *call, struct value *out)
{
    int64_t n = sc_jinja_length(call->self);

    if (n < 0)
        return sc_jinja_fail(run, "length: a %s has none", sc_jinja_kind(call->self));
    *out =
        sc_jinja_int(n, call->self.kind == VALUE_STRING && sc_jinja_any_outside(call->self.string));
    return SC_OK;
}

/* A list of one's own with the items of a value. */
static enum sc_status copy_items(struct run *run, struct value value, struct list **out)
{
    const struct list *items;

    SC_TRY(sc_jinja_items(run, value, &items));
    SC_TRY(sc_jinja_list(run, items->n, out));
    if (items->n)
        memcpy((*out)->items, items->items, items->n * sizeof *items->items);
    (*out)->n = items->n;
    return sc_jinja_step(run, items->n / 8);
}

static enum sc_status list(struct run *run, const struct call *call, struct value *out)
{
    struct list *items;

    SC_TRY(copy_items(run, call->self, &items));
    return give_list(VALUE_LIST, items, out);
}

static enum sc_status join(struct run *run, const struct call *call, struct value *out)
{
    struct builder b = sc_jinja_builder(run);
    const struct string *between = NULL;
    const struct list *items;

    if (sc_jinja_given(call->a[0]))
        SC_TRY(sc_jinja_show(run, call->a[0], &between));
    SC_TRY(sc_jinja_items(run, call->self, &items));
    for (size_t i = 0; i < items->n; i++) {
        struct value item = items->items[i];
        if (sc_jinja_given(call->a[1]) && call->a[1].kind != VALUE_NONE)
            SC_TRY(sc_jinja_pick(run, item, call->a[1], NULL, &item));
        if (i && between != NULL)
            sc_jinja_add(&b, between);
        SC_TRY(sc_jinja_step(run, 1));
        SC_TRY(sc_jinja_add_shown(&b, item));
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status first(struct run *run, const struct call *call, struct value *out)
{
    const struct list *items;

    if (call->self.kind == VALUE_ITERATOR) { /* takes one of them */
        struct list *left = call->self.list;
        if (left->at == left->n)
            return sc_jinja_undefined_hint(run, "there is no first item of nothing", out);
        *out = left->items[left->at++];
        return SC_OK;
    }
    if (call->self.kind == VALUE_STRING && call->self.string->n)
        return sc_jinja_character(run, call->self.string, 0, out);
    SC_TRY(sc_jinja_items(run, call->self, &items));
    if (items->n == 0)
        return sc_jinja_undefined_hint(run, "there is no first item of nothing", out);
    *out = items->items[0];
    return SC_OK;
}

static enum sc_status last(struct run *run, const struct call *call, struct value *out)
{
    const struct list *items;

    if (call->self.kind == VALUE_ITERATOR)
        return sc_jinja_fail(run, "last: an iterator has none");
    if (call->self.kind == VALUE_STRING && call->self.string->n)
        return sc_jinja_character(run, call->self.string, call->self.string->n_chars - 1, out);
    SC_TRY(sc_jinja_items(run, call->self, &items));
    if (items->n == 0)
        return sc_jinja_undefined_hint(run, "there is no last item of nothing", out);
    *out = items->items[items->n - 1];
    return SC_OK;
}

static enum sc_status reverse(struct run *run, const struct call *call, struct value *out)
{
    const struct list *items;
    struct list *reversed;

    if (call->self.kind == VALUE_STRING) {
        const struct value part[3] = {sc_jinja_none(), sc_jinja_none(), sc_jinja_int(-1, false)};
        return sc_jinja_slice(run, call->self, part, out);
    }
    SC_TRY(sc_jinja_items(run, call->self, &items));
    SC_TRY(sc_jinja_list(run, items->n, &reversed));
    for (size_t i = items->n; i-- > 0;)
        reversed->items[reversed->n++] = items->items[i];
    SC_TRY(sc_jinja_step(run, items->n / 8));
    return give_list(call->self.kind == VALUE_ITERATOR ? VALUE_LIST : VALUE_ITERATOR, reversed,
                     out);
}

static enum sc_status items(struct run *run, const struct call *call, struct value *out)
{
    const struct dict *dict = call->self.dict;
    struct list *pairs;

    if (call->self.kind != VALUE_DICT && call->self.kind != VALUE_UNDEFINED)
        return sc_jinja_fail(run, "items: expected a dict, found a %s", sc_jinja_kind(call->self));
    SC_TRY(sc_jinja_list(run, 0, &pairs));
    for (size_t i = 0; call->self.kind == VALUE_DICT && i < dict->n; i++) {
        struct value pair;
        SC_TRY(sc_jinja_pair(run, dict->entries[i].key, dict->entries[i].value, &pair));
        SC_TRY(sc_jinja_push(run, pairs, pair));
    }
    return give_list(VALUE_ITERATOR, pairs, out);
}

/* ---- batch and slice ---- */

static enum sc_status push_list(struct run *run, struct list *outer, struct list *inner)
{
    return sc_jinja_push(run, outer, sc_jinja_list_value(VALUE_LIST, inner));
}

static enum sc_status batch(struct run *run, const struct call *call, struct value *out)
{
    const struct list *all;
    struct list *batches, *now;
    int64_t size;
    bool fill = sc_jinja_given(call->a[1]) && call->a[1].kind != VALUE_NONE;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "batch", 0, &size));
    SC_TRY(sc_jinja_items(run, call->self, &all));
    SC_TRY(sc_jinja_list(run, 0, &batches));
    SC_TRY(sc_jinja_list(run, 0, &now));
    for (size_t i = 0; i < all->n; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        if ((int64_t)now->n == size) {
            SC_TRY(push_list(run, batches, now));
            SC_TRY(sc_jinja_list(run, 0, &now));
        }
        SC_TRY(sc_jinja_push(run, now, all->items[i]));
    }
    for (; now->n && fill && (int64_t)now->n < size;) {
        SC_TRY(sc_jinja_step(run, 1));
        SC_TRY(sc_jinja_push(run, now, call->a[1]));
    }
    if (now->n)
        SC_TRY(push_list(run, batches, now));
    return give_list(VALUE_ITERATOR, batches, out);
}

static enum sc_status slice(struct run *run, const struct call *call, struct value *out)
{
    const struct list *all;
    struct list *slices, *now;
    int64_t count;
    bool fill = sc_jinja_given(call->a[1]) && call->a[1].kind != VALUE_NONE;
    size_t at = 0;

    SC_TRY(sc_jinja_need_int(run, call->a[0], "slice", 0, &count));
    SC_TRY(sc_jinja_items(run, call->self, &all));
    SC_TRY(sc_jinja_list(run, 0, &slices));
    if (count == 0)
        return sc_jinja_fail(run, "slice: into 0 slices");
    for (int64_t i = 0; i < count; i++) {
        bool more = (size_t)i < all->n % (size_t)count;
        size_t n = all->n / (size_t)count + more;
        SC_TRY(sc_jinja_step(run, 1 + n));
        SC_TRY(sc_jinja_list(run, n + 1, &now));
        for (size_t j = 0; j < n; j++)
            now->items[now->n++] = all->items[at++];
        if (fill && !more)
            now->items[now->n++] = call->a[1];
        SC_TRY(push_list(run, slices, now));
    }
    return give_list(VALUE_ITERATOR, slices, out);
}

/* ---- map, select and their like ---- */

static const struct value *find_keyword(const struct arguments *given, const char *name)
{
    for (size_t i = 0; i < given->n_keywords; i++)
        if (sc_jinja_is(given->keywords[i].name, name))
            return &given->keywords[i].value;
    return NULL;
}

/* The filter or test that argument number `at` names, and the arguments behind it. */
static enum sc_status find_named(struct run *run, const struct call *call, size_t at, bool filter,
                                 const struct builtin **out, struct arguments *rest)
{
    const struct string *name;

    *out = NULL;
    *rest = *call->given;
    if (at >= call->given->n)
        return SC_OK;
    SC_TRY(sc_jinja_need_text(run, call->given->values[at], "the name of a filter or test", &name));
    *out = (filter ? run->interpreter->find_filter : run->interpreter->find_test)(name->bytes,
                                                                                  name->n);
    if (*out == NULL)
        return sc_jinja_fail(run, "the %s \"%.*s\" is not known", filter ? "filter" : "test",
                             (int)(name->n < 60 ? name->n : 60), name->bytes);
    rest->values += at + 1;
    rest->n -= at + 1;
    return SC_OK;
}

static enum sc_status map(struct run *run, const struct call *call, struct value *out)
{
    const struct value *attribute = find_keyword(call->given, "attribute");
    const struct value *fallback = find_keyword(call->given, "default");
    const struct builtin *filter = NULL;
    struct arguments rest;
    const struct list *all;
    struct list *mapped;

    SC_TRY(sc_jinja_list(run, 0, &mapped));
    if (!sc_jinja_truth(call->self))
        return give_list(VALUE_ITERATOR, mapped, out);
    if (call->given->n || attribute == NULL) {
        SC_TRY(find_named(run, call, 0, true, &filter, &rest));
        if (filter == NULL)
            return sc_jinja_fail(run, "map: the name of a filter is missing");
    }
    SC_TRY(sc_jinja_items(run, call->self, &all));
    for (size_t i = 0; i < all->n; i++) {
        struct value item = all->items[i];
        SC_TRY(sc_jinja_step(run, 1));
        if (filter != NULL)
            SC_TRY(run->interpreter->call_builtin(run, filter, item, &rest, &item));
        else
            SC_TRY(sc_jinja_pick(run, item, *attribute, fallback, &item));
        SC_TRY(sc_jinja_push(run, mapped, item));
    }
    return give_list(VALUE_ITERATOR, mapped, out);
}

/* The items for which a test (or their truth) is `wanted`, of an attribute where `by_attribute`. */
static enum sc_status choose(struct run *run, const struct call *call, bool by_attribute,
                             bool wanted, struct value *out)
{
    const struct builtin *test;
    struct arguments rest;
    const struct list *all;
    struct list *chosen;

    SC_TRY(sc_jinja_list(run, 0, &chosen));
    if (!sc_jinja_truth(call->self))
        return give_list(VALUE_ITERATOR, chosen, out);
    if (by_attribute && call->given->n == 0)
        return sc_jinja_fail(run, "the name of an attribute is missing");
    SC_TRY(find_named(run, call, by_attribute, false, &test, &rest));
    SC_TRY(sc_jinja_items(run, call->self, &all));
    for (size_t i = 0; i < all->n; i++) {
        struct value item = all->items[i];
        SC_TRY(sc_jinja_step(run, 1));
        if (by_attribute)
            SC_TRY(sc_jinja_pick(run, item, call->given->values[0], NULL, &item));
        if (test != NULL)
            SC_TRY(run->interpreter->call_builtin(run, test, item, &rest, &item));
        if (sc_jinja_truth(item) == wanted)
            SC_TRY(sc_jinja_push(run, chosen, all->items[i]));
    }
    return give_list(VALUE_ITERATOR, chosen, out);
}

static enum sc_status select_(struct run *run, const struct call *call, struct value *out)
{
    return choose(run, call, false, true, out);
}

static enum sc_status reject(struct run *run, const struct call *call, struct value *out)
{
    return choose(run, call, false, false, out);
}

static enum sc_status selectattr(struct run *run, const struct call *call, struct value *out)
{
    return choose(run, call, true, true, out);
}

static enum sc_status rejectattr(struct run *run, const struct call *call, struct value *out)
{
    return choose(run, call, true, false, out);
}

static enum sc_status attr(struct run *run, const struct call *call, struct value *out)
{
    const struct string *name;
    bool found;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "attr", &name));
    if (call->self.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &call->self);
    SC_TRY(sc_jinja_own_attribute(run, call->self, name, &found, out));
    return found ? SC_OK : sc_jinja_undefined(run, name, sc_jinja_kind(call->self), out);
}

const struct builtin sc_jinja_list_filters[] = {{"length", length, NULL, 0},
                                                {"count", length, NULL, 0},
                                                {"list", list, NULL, 0},
                                                {"join", join, "d attribute", 0},
                                                {"first", first, NULL, 0},
                                                {"last", last, NULL, 0},
                                                {"reverse", reverse, NULL, 0},
                                                {"items", items, NULL, 0},
                                                {"batch", batch, "linecount fill_with", 1},
                                                {"slice", slice, "slices fill_with", 1},
                                                {"map", map, "*", 0},
                                                {"select", select_, "*", 0},
                                                {"reject", reject, "*", 0},
                                                {"selectattr", selectattr, "*", 0},
                                                {"rejectattr", rejectattr, "*", 0},
                                                {"attr", attr, "name", 1},
                                                {NULL, NULL, NULL, 0}};
