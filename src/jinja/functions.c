/* The functions that templates find: range, namespace, raise_exception ... */
#include "jinja/builtins.h"
#include "jinja/date.h"
#include "jinja/show.h"

#define MAX_RANGE 100000 /* the sandbox's own */

static enum sc_status range(struct run *run, const struct call *call, struct value *out)
{
    struct value start = call->a[0], stop = call->a[1];
    int64_t *ends = sc_jinja_take_array(run, 3, sizeof *ends), number;
    struct list *list;

    if (ends == NULL)
        return run->failed;
    if (!sc_jinja_given(stop)) {
        stop = start;
        start.kind = VALUE_MISSING;
    }
    SC_TRY(sc_jinja_need_int(run, start, "range", 0, &ends[0]));
    SC_TRY(sc_jinja_need_int(run, stop, "range", 0, &ends[1]));
    SC_TRY(sc_jinja_need_int(run, call->a[2], "range", 1, &ends[2]));
    if (ends[2] == 0)
        return sc_jinja_fail(run, "range with step 0");
    bool up = ends[2] > 0;
    uint64_t far =
        up ? (uint64_t)ends[1] - (uint64_t)ends[0] : (uint64_t)ends[0] - (uint64_t)ends[1];
    uint64_t step = up ? (uint64_t)ends[2] : 0 - (uint64_t)ends[2], n = 0;
    if (up ? ends[0] < ends[1] : ends[0] > ends[1])
        n = (far - 1) / step + 1;
    if (n > MAX_RANGE)
        return sc_jinja_fail(run, "range of more than %d numbers", MAX_RANGE);
    SC_TRY(sc_jinja_list(run, (size_t)n, &list));
    number = ends[0];
    for (; list->n < n; number = (int64_t)((uint64_t)number + (uint64_t)ends[2]))
        list->items[list->n++] = sc_jinja_int(number, false);
    list->range = ends;
    *out = sc_jinja_list_value(VALUE_RANGE, list);
    return sc_jinja_step(run, (size_t)n / 8);
}

/* A dict of what is given: another dict or pairs first, then names. */
static enum sc_status make_dict(struct run *run, const struct arguments *given, struct dict **out)
{
    const struct list *items, *pair;

    SC_TRY(sc_jinja_dict(run, out));
    if (given->n > 1)
        return sc_jinja_fail(run, "dict: more than one argument without a name");
    if (given->n && given->values[0].kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &given->values[0]);
    if (given->n && given->values[0].kind == VALUE_DICT) {
        const struct dict *from = given->values[0].dict;
        for (size_t i = 0; i < from->n; i++)
            SC_TRY(sc_jinja_put(run, *out, from->entries[i].key, from->entries[i].value));
    } else if (given->n) {
        SC_TRY(sc_jinja_items(run, given->values[0], &items));
        for (size_t i = 0; i < items->n; i++) {
            SC_TRY(sc_jinja_items(run, items->items[i], &pair));
            if (pair->n != 2)
                return sc_jinja_fail(run, "dict: pairs are expected");
            SC_TRY(sc_jinja_put(run, *out, pair->items[0], pair->items[1]));
        }
    }
    for (size_t i = 0; i < given->n_keywords; i++)
        SC_TRY(sc_jinja_put(run, *out, sc_jinja_string_value(given->keywords[i].name),
                            given->keywords[i].value));
    return SC_OK;
}

static enum sc_status dict(struct run *run, const struct call *call, struct value *out)
{
    struct dict *made;

    SC_TRY(make_dict(run, call->given, &made));
    *out = (struct value){.kind = VALUE_DICT, .dict = made};
    return SC_OK;
}

static enum sc_status namespace_(struct run *run, const struct call *call, struct value *out)
{
    struct dict *made;

    SC_TRY(make_dict(run, call->given, &made));
    for (size_t i = 0; i < made->n; i++) {
        struct value key = made->entries[i].key;
        if (key.kind == VALUE_STRING && key.string->n && key.string->bytes[0] == '_')
            return sc_jinja_fail(run, "a name of a namespace that begins with \"_\"");
    }
    *out = (struct value){.kind = VALUE_NAMESPACE, .dict = made};
    return SC_OK;
}

static enum sc_status cycler(struct run *run, const struct call *call, struct value *out)
{
    struct cycler *made = sc_jinja_take(run, sizeof *made);
    struct list *items;

    if (made == NULL)
        return run->failed;
    if (call->given->n == 0)
        return sc_jinja_fail(run, "cycler: without values");
    SC_TRY(sc_jinja_list(run, call->given->n, &items));
    for (size_t i = 0; i < call->given->n; i++)
        items->items[items->n++] = call->given->values[i];
    *made = (struct cycler){.items = items};
    *out = (struct value){.kind = VALUE_CYCLER, .cycler = made};
    return SC_OK;
}

static enum sc_status joiner(struct run *run, const struct call *call, struct value *out)
{
    struct joiner *made = sc_jinja_take(run, sizeof *made);

    if (made == NULL)
        return run->failed;
    *made = (struct joiner){.separator = call->a[0]};
    if (!sc_jinja_given(call->a[0]))
        SC_TRY(sc_jinja_own_value(run, ", ", &made->separator));
    *out = (struct value){.kind = VALUE_JOINER, .joiner = made};
    return SC_OK;
}

static enum sc_status raise_exception(struct run *run, const struct call *call, struct value *out)
{
    struct builder b = sc_jinja_builder(run);
    const struct string *s;

    (void)out;
    SC_TRY(sc_jinja_add_shown(&b, call->a[0]));
    SC_TRY(sc_jinja_built(&b, &s));
    return sc_fail(run->error, SC_ERR_ARGUMENT, "the template says: %.*s",
                   (int)(s->n < 2000 ? s->n : 2000), s->bytes);
}

static enum sc_status strftime_now(struct run *run, const struct call *call, struct value *out)
{
    struct builder b = sc_jinja_builder(run);
    const struct string *format;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "strftime_now", &format));
    SC_TRY(sc_jinja_add_date(&b, format));
    return sc_jinja_built_value(&b, out);
}

const struct builtin sc_jinja_functions[] = {{"range", range, "start stop step", 1},
                                             {"dict", dict, "*", 0},
                                             {"namespace", namespace_, "*", 0},
                                             {"cycler", cycler, "*", 0},
                                             {"joiner", joiner, "sep", 0},
                                             {"raise_exception", raise_exception, "message", 1},
                                             {"strftime_now", strftime_now, "format", 1},
                                             {NULL, NULL, NULL, 0}};
