/* Methods of texts that split, join and format them. */
#include "jinja/builtins.h"
#include "jinja/format.h"
#include "jinja/show.h"
#include "jinja/words.h"

/* The separator and the largest number of splits. */
static enum sc_status split_arguments(struct run *run, const struct call *call,
                                      const struct string **separator, int64_t *max)
{
    *separator = NULL;
    if (sc_jinja_given(call->a[0]) && call->a[0].kind != VALUE_NONE)
        SC_TRY(sc_jinja_need_text(run, call->a[0], "split", separator));
    return sc_jinja_need_int(run, call->a[1], "split", -1, max);
}

static enum sc_status split(struct run *run, const struct call *call, struct value *out)
{
    const struct string *separator;
    struct list *list;
    int64_t max;

    SC_TRY(split_arguments(run, call, &separator, &max));
    SC_TRY(sc_jinja_split(run, call->self.string, separator, max, &list));
    *out = sc_jinja_list_value(VALUE_LIST, list);
    return SC_OK;
}

static enum sc_status rsplit(struct run *run, const struct call *call, struct value *out)
{
    const struct string *separator;
    struct list *list;
    int64_t max;

    SC_TRY(split_arguments(run, call, &separator, &max));
    SC_TRY(sc_jinja_split_last(run, call->self.string, separator, max, &list));
    *out = sc_jinja_list_value(VALUE_LIST, list);
    return SC_OK;
}

static enum sc_status splitlines(struct run *run, const struct call *call, struct value *out)
{
    struct list *list;

    SC_TRY(sc_jinja_lines(run, call->self.string, sc_jinja_truth(call->a[0]), &list));
    *out = sc_jinja_list_value(VALUE_LIST, list);
    return SC_OK;
}

/* Three parts: before the separator, itself, behind it. */
static enum sc_status parts_around(struct run *run, const struct call *call, bool last,
                                   struct value *out)
{
    const struct string *s = call->self.string, *separator;
    struct list *list;
    size_t at;

    SC_TRY(sc_jinja_need_text(run, call->a[0], "partition", &separator));
    if (separator->n == 0)
        return sc_jinja_fail(run, "partition: an empty separator");
    SC_TRY(sc_jinja_step_bytes(run, s->n));
    if (last)
        SC_TRY(sc_jinja_find_last_counted(run, s, separator, 0, s->n, &at));
    else
        at = sc_jinja_find(s, separator, 0, s->n);
    bool found = at != SIZE_MAX;
    size_t begin = found ? at : last ? 0 : s->n, end = found ? at + separator->n : begin;
    SC_TRY(sc_jinja_list(run, 3, &list));
    list->n = 3;
    SC_TRY(sc_jinja_part_value(run, s, 0, begin, &list->items[0]));
    SC_TRY(sc_jinja_part_value(run, s, begin, end, &list->items[1]));
    SC_TRY(sc_jinja_part_value(run, s, end, s->n, &list->items[2]));
    *out = sc_jinja_list_value(VALUE_TUPLE, list);
    return SC_OK;
}

static enum sc_status partition(struct run *run, const struct call *call, struct value *out)
{
    return parts_around(run, call, false, out);
}

static enum sc_status rpartition(struct run *run, const struct call *call, struct value *out)
{
    return parts_around(run, call, true, out);
}

static enum sc_status join(struct run *run, const struct call *call, struct value *out)
{
    const struct string *s = call->self.string, *part;
    struct builder b = sc_jinja_builder(run);
    const struct list *items;

    SC_TRY(sc_jinja_items(run, call->a[0], &items));
    b.markup = s->markup;
    for (size_t i = 0; i < items->n; i++) {
        SC_TRY(sc_jinja_step(run, 1));
        if (i)
            sc_jinja_add(&b, s);
        if (b.markup) {
            SC_TRY(sc_jinja_show(run, items->items[i], &part));
            SC_TRY(sc_jinja_escaped(run, part, &part));
        } else {
            SC_TRY(sc_jinja_need_text(run, items->items[i], "join", &part));
        }
        sc_jinja_add(&b, part);
    }
    return sc_jinja_built_value(&b, out);
}

static enum sc_status format(struct run *run, const struct call *call, struct value *out)
{
    return sc_jinja_format_braces(run, call->self.string, call->given, out);
}

static enum sc_status format_map(struct run *run, const struct call *call, struct value *out)
{
    const struct dict *dict = call->a[0].dict;
    struct arguments arguments = {0};

    if (call->a[0].kind != VALUE_DICT)
        return sc_jinja_fail(run, "format_map: expected a dict");
    arguments.keywords = sc_jinja_take_array(run, dict->n, sizeof *arguments.keywords);
    if (arguments.keywords == NULL)
        return run->failed;
    for (size_t i = 0; i < dict->n; i++)
        if (dict->entries[i].key.kind == VALUE_STRING)
            arguments.keywords[arguments.n_keywords++] =
                (struct keyword_value){dict->entries[i].key.string, dict->entries[i].value};
    return sc_jinja_format_braces(run, call->self.string, &arguments, out);
}

const struct builtin sc_jinja_split_methods[] = {{"split", split, "sep maxsplit", 0},
                                                 {"rsplit", rsplit, "sep maxsplit", 0},
                                                 {"splitlines", splitlines, "keepends", 0},
                                                 {"partition", partition, "sep", 1},
                                                 {"rpartition", rpartition, "sep", 1},
                                                 {"join", join, "iterable", 1},
                                                 {"format", format, "*", 0},
                                                 {"format_map", format_map, "mapping", 1},
                                                 {NULL, NULL, NULL, 0}};
