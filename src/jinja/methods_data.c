/* Methods of lists, dicts, floats, loops and cyclers. */
#include <math.h>

#include "jinja/builtins.h"
#include "jinja/machine.h"

static enum sc_status list_index(struct run *run, const struct call *call, struct value *out)
{
    const struct list *list = call->self.list;
    int64_t n = (int64_t)list->n, from, to;
    bool same = false;

    SC_TRY(sc_jinja_need_int(run, call->a[1], "index", 0, &from));
    SC_TRY(sc_jinja_need_int(run, call->a[2], "index", n, &to));
    from = from < 0 ? (from < -n ? 0 : from + n) : from;
    to = to < 0 ? to + n : to > n ? n : to;
    for (int64_t i = from; i < to; i++) {
        SC_TRY(sc_jinja_equal(run, list->items[i], call->a[0], &same));
        SC_TRY(sc_jinja_step(run, 1));
        *out = sc_jinja_int(i, false);
        if (same)
            return SC_OK;
    }
    return sc_jinja_fail(run, "index: the value is not in the %s", sc_jinja_kind(call->self));
}

static enum sc_status list_count(struct run *run, const struct call *call, struct value *out)
{
    const struct list *list = call->self.list;
    int64_t n = 0;
    bool same;

    for (size_t i = 0; i < list->n; i++) {
        SC_TRY(sc_jinja_equal(run, list->items[i], call->a[0], &same));
        n += same;
    }
    *out = sc_jinja_int(n, false);
    return sc_jinja_step(run, list->n / 8);
}

static enum sc_status copy(struct run *run, const struct call *call, struct value *out)
{
    (void)run;
    *out = call->self; /* nothing can change it */
    return SC_OK;
}

const struct builtin sc_jinja_list_methods[] = {{"index", list_index, "value start stop", 1},
                                                {"count", list_count, "value", 1},
                                                {"copy", copy, NULL, 0},
                                                {NULL, NULL, NULL, 0}};

enum view { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS };

static enum sc_status view(struct run *run, const struct dict *dict, enum view what,
                           struct value *out)
{
    static const char *const names[] = {"dict_keys", "dict_values", "dict_items"};
    struct list *list;

    SC_TRY(sc_jinja_list(run, dict->n, &list));
    for (size_t i = 0; i < dict->n; i++) {
        const struct dict_entry *entry = &dict->entries[i];
        struct value item = what == VIEW_KEYS ? entry->key : entry->value;
        if (what == VIEW_ITEMS)
            SC_TRY(sc_jinja_pair(run, entry->key, entry->value, &item));
        list->items[list->n++] = item;
    }
    list->view = names[what];
    *out = sc_jinja_list_value(VALUE_VIEW, list);
    return sc_jinja_step(run, dict->n / 8);
}

static enum sc_status keys(struct run *run, const struct call *call, struct value *out)
{
    return view(run, call->self.dict, VIEW_KEYS, out);
}

static enum sc_status values(struct run *run, const struct call *call, struct value *out)
{
    return view(run, call->self.dict, VIEW_VALUES, out);
}

static enum sc_status items(struct run *run, const struct call *call, struct value *out)
{
    return view(run, call->self.dict, VIEW_ITEMS, out);
}

static enum sc_status get(struct run *run, const struct call *call, struct value *out)
{
    const struct value *found;
    bool able;

    SC_TRY(sc_jinja_get(run, call->self.dict, call->a[0], &able, &found));
    if (!able)
        return sc_jinja_fail(run, "a %s cannot be a key", sc_jinja_kind(call->a[0]));
    *out = found != NULL ? *found : sc_jinja_given(call->a[1]) ? call->a[1] : sc_jinja_none();
    return SC_OK;
}

const struct builtin sc_jinja_dict_methods[] = {
    {"keys", keys, NULL, 0},        {"values", values, NULL, 0}, {"items", items, NULL, 0},
    {"get", get, "key default", 1}, {"copy", copy, NULL, 0},     {NULL, NULL, NULL, 0}};

static enum sc_status is_integer(struct run *run, const struct call *call, struct value *out)
{
    (void)run;
    double real = call->self.real;
    *out = sc_jinja_bool(!isinf(real) && floor(real) == real);
    return SC_OK;
}

const struct builtin sc_jinja_float_methods[] = {{"is_integer", is_integer, NULL, 0},
                                                 {NULL, NULL, NULL, 0}};

/* ---- loops and cyclers ---- */

static enum sc_status cycle(struct run *run, const struct call *call, struct value *out)
{
    const struct loop *loop = call->self.loop;

    if (call->given->n == 0)
        return sc_jinja_fail(run, "loop.cycle without values");
    *out = call->given->values[(uint64_t)loop->index0 % call->given->n];
    return SC_OK;
}

static enum sc_status changed(struct run *run, const struct call *call, struct value *out)
{
    struct loop *loop = call->self.loop;
    struct list *list;
    bool same = false;

    SC_TRY(sc_jinja_list(run, call->given->n, &list));
    for (size_t i = 0; i < call->given->n; i++)
        list->items[list->n++] = call->given->values[i];
    struct value now = sc_jinja_list_value(VALUE_TUPLE, list);
    if (loop->changed.kind != VALUE_MISSING)
        SC_TRY(sc_jinja_equal(run, loop->changed, now, &same));
    loop->changed = now;
    *out = sc_jinja_bool(!same);
    return SC_OK;
}

const struct builtin sc_jinja_loop_methods[] = {
    {"cycle", cycle, "*", 0}, {"changed", changed, "*", 0}, {NULL, NULL, NULL, 0}};

static enum sc_status next(struct run *run, const struct call *call, struct value *out)
{
    struct cycler *cycler = call->self.cycler;

    (void)run;
    *out = cycler->items->items[cycler->at];
    cycler->at = (cycler->at + 1) % cycler->items->n;
    return SC_OK;
}

static enum sc_status reset(struct run *run, const struct call *call, struct value *out)
{
    (void)run;
    call->self.cycler->at = 0;
    *out = sc_jinja_none();
    return SC_OK;
}

const struct builtin sc_jinja_cycler_methods[] = {
    {"next", next, NULL, 0}, {"reset", reset, NULL, 0}, {NULL, NULL, NULL, 0}};
