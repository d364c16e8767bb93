/* of.name and of[key], as Jinja2's sandbox looks them up. */
#include <string.h>

#include "jinja/builtins.h"
#include "jinja/machine.h"
#include "jinja/operators.h"

const struct builtin *sc_jinja_find_builtin(const struct builtin *table, const char *name, size_t n)
{
    for (; table->name != NULL; table++)
        if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
            return table;
    return NULL;
}

static const struct builtin *find_method(struct value of, const struct string *name)
{
    const struct builtin *found;

    switch (of.kind) {
    case VALUE_STRING:
        found = sc_jinja_find_builtin(sc_jinja_text_methods, name->bytes, name->n);
        return found != NULL ? found
                             : sc_jinja_find_builtin(sc_jinja_split_methods, name->bytes, name->n);
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
        return sc_jinja_find_builtin(sc_jinja_list_methods, name->bytes, name->n);
    case VALUE_DICT:
        return sc_jinja_find_builtin(sc_jinja_dict_methods, name->bytes, name->n);
    case VALUE_FLOAT:
        return sc_jinja_find_builtin(sc_jinja_float_methods, name->bytes, name->n);
    case VALUE_LOOP:
        return sc_jinja_find_builtin(sc_jinja_loop_methods, name->bytes, name->n);
    case VALUE_CYCLER:
        return sc_jinja_find_builtin(sc_jinja_cycler_methods, name->bytes, name->n);
    default:
        return NULL;
    }
}

/* ---- loops ---- */

/* The item after the current one, left where it is. */
static enum sc_status peek(struct run *run, struct loop *loop, bool *any)
{
    *any = loop->peeked.kind != VALUE_MISSING;
    if (*any)
        return SC_OK;
    SC_TRY(run->interpreter->pull(run, loop, any, &loop->peeked));
    if (!*any)
        loop->peeked.kind = VALUE_MISSING;
    return SC_OK;
}

/* How many items the loop has, which goes through its test for all of them. */
static enum sc_status find_length(struct run *run, struct loop *loop)
{
    struct list *rest;
    struct value item;
    bool any = true;

    if (loop->length >= 0)
        return SC_OK;
    SC_TRY(sc_jinja_list(run, 0, &rest));
    for (;;) {
        SC_TRY(run->interpreter->pull(run, loop, &any, &item));
        if (!any)
            break;
        SC_TRY(sc_jinja_push(run, rest, item));
    }
    loop->items = rest;
    loop->at = 0;
    loop->all_tested = true;
    loop->length = loop->index0 + 1 + (int64_t)rest->n + (loop->peeked.kind != VALUE_MISSING);
    return SC_OK;
}

static enum sc_status neighbour(struct run *run, struct value item, bool known, const char *hint,
                                struct value *out)
{
    *out = item;
    return known ? SC_OK : sc_jinja_undefined_hint(run, hint, out);
}

static enum sc_status length_attribute(struct run *run, struct loop *loop, const char *name,
                                       struct value *out)
{
    int64_t value;

    SC_TRY(find_length(run, loop));
    value = loop->length;
    if (strcmp(name, "revindex") == 0)
        value -= loop->index0;
    else if (strcmp(name, "revindex0") == 0)
        value -= loop->index0 + 1;
    *out = sc_jinja_int(value, false);
    return SC_OK;
}

static enum sc_status loop_attribute(struct run *run, struct loop *loop, const struct string *name,
                                     bool *found, struct value *out)
{
    static const char *const by_length[] = {"length", "revindex", "revindex0"};
    bool any;

    *found = true;
    if (sc_jinja_is(name, "index0")) {
        *out = sc_jinja_int(loop->index0, false);
    } else if (sc_jinja_is(name, "index")) {
        *out = sc_jinja_int(loop->index0 + 1, false);
    } else if (sc_jinja_is(name, "first")) {
        *out = sc_jinja_bool(loop->index0 == 0);
    } else if (sc_jinja_is(name, "depth") || sc_jinja_is(name, "depth0")) {
        *out = sc_jinja_int((int64_t)loop->depth0 + (name->n == 5), false);
    } else if (sc_jinja_is(name, "last")) {
        SC_TRY(peek(run, loop, &any));
        *out = sc_jinja_bool(!any);
    } else if (sc_jinja_is(name, "previtem")) {
        return neighbour(run, loop->before, loop->index0 > 0, "there is no previous item", out);
    } else if (sc_jinja_is(name, "nextitem")) {
        SC_TRY(peek(run, loop, &any));
        return neighbour(run, loop->peeked, any, "there is no next item", out);
    } else {
        for (size_t i = 0; i < sizeof by_length / sizeof *by_length; i++)
            if (sc_jinja_is(name, by_length[i]))
                return length_attribute(run, loop, by_length[i], out);
        *found = false;
    }
    return SC_OK;
}

static enum sc_status macro_attribute(struct run *run, const struct macro *macro,
                                      const struct string *name, bool *found, struct value *out)
{
    const struct signature *signature = macro->node->signature;
    struct list *names;

    *found = true;
    if (sc_jinja_is(name, "name")) {
        *out = sc_jinja_string_value(macro->name);
    } else if (sc_jinja_is(name, "arguments")) {
        SC_TRY(sc_jinja_list(run, signature->n, &names));
        for (const struct parameter *p = signature->parameters; p != NULL; p = p->next)
            names->items[names->n++] = sc_jinja_string_value(&p->symbol->name);
        *out = sc_jinja_list_value(VALUE_TUPLE, names);
    } else if (sc_jinja_is(name, "catch_kwargs") || sc_jinja_is(name, "catch_varargs")) {
        *out = sc_jinja_bool(name->n == 12 ? signature->reads_kwargs : signature->reads_varargs);
    } else if (sc_jinja_is(name, "caller")) {
        *out = sc_jinja_bool(signature->reads_caller);
    } else {
        *found = false;
    }
    return SC_OK;
}

enum sc_status sc_jinja_own_attribute(struct run *run, struct value of, const struct string *name,
                                      bool *found, struct value *out)
{
    const struct builtin *builtin = find_method(of, name);

    *found = builtin != NULL;
    if (builtin != NULL) {
        struct method *method = sc_jinja_take(run, sizeof *method);
        if (method == NULL)
            return run->failed;
        *method = (struct method){of, builtin};
        *out = (struct value){.kind = VALUE_METHOD, .method = method};
        return SC_OK;
    }
    if (of.kind == VALUE_NAMESPACE) {
        const struct value *value = sc_jinja_get_text(of.dict, name);
        *found = value != NULL;
        if (*found)
            *out = *value;
    } else if (of.kind == VALUE_LOOP) {
        return loop_attribute(run, of.loop, name, found, out);
    } else if (of.kind == VALUE_MACRO) {
        return macro_attribute(run, of.macro, name, found, out);
    } else if (of.kind == VALUE_CYCLER && sc_jinja_is(name, "current")) {
        *found = true;
        *out = of.cycler->items->items[of.cycler->at];
    } else if (of.kind == VALUE_TUPLE && of.list->grouped) {
        *found = sc_jinja_is(name, "grouper") || sc_jinja_is(name, "list");
        if (*found)
            *out = of.list->items[name->n == 4];
    }
    return SC_OK;
}

/* What the sandbox keeps from templates: changing lists and dicts. */
static bool is_forbidden(struct value of, const struct string *name)
{
    static const char *const lists[] = {"append", "clear", "pop",    "reverse",
                                        "insert", "sort",  "extend", "remove"};
    static const char *const dicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
    const char *const *names = of.kind == VALUE_LIST ? lists : dicts;
    size_t n = of.kind == VALUE_LIST   ? sizeof lists / sizeof *lists
               : of.kind == VALUE_DICT ? sizeof dicts / sizeof *dicts
                                       : 0;

    for (size_t i = 0; i < n; i++)
        if (sc_jinja_is(name, names[i]))
            return true;
    return false;
}

static enum sc_status no_attribute(struct run *run, struct value of, const struct string *name,
                                   struct value *out)
{
    if (is_forbidden(of, name))
        return sc_jinja_undefined_hint(run,
                                       of.kind == VALUE_LIST
                                           ? "the sandbox forbids to change a list"
                                           : "the sandbox forbids to change a dict",
                                       out);
    return sc_jinja_undefined(run, name, sc_jinja_kind(of), out);
}

enum sc_status sc_jinja_attribute(struct run *run, struct value of, const struct string *name,
                                  struct value *out)
{
    const struct value *value;
    bool found;

    if (of.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &of);
    SC_TRY(sc_jinja_own_attribute(run, of, name, &found, out));
    if (found)
        return SC_OK;
    if (of.kind == VALUE_DICT && !is_forbidden(of, name) &&
        (value = sc_jinja_get_text(of.dict, name)) != NULL) {
        *out = *value;
        return SC_OK;
    }
    return no_attribute(run, of, name, out);
}

static enum sc_status indexed(struct run *run, struct value of, int64_t i, bool *found,
                              struct value *out)
{
    size_t at;

    if (of.kind == VALUE_STRING) {
        *found = sc_jinja_in_range(i, of.string->n_chars, &at);
        return *found ? sc_jinja_character(run, of.string, at, out) : SC_OK;
    }
    *found = (of.kind == VALUE_LIST || of.kind == VALUE_TUPLE || of.kind == VALUE_RANGE) &&
             sc_jinja_in_range(i, of.list->n, &at);
    if (*found)
        *out = of.list->items[at];
    return SC_OK;
}

enum sc_status sc_jinja_item(struct run *run, struct value of, struct value key, struct value *out)
{
    const struct string *text;
    bool found = false, able;
    int64_t i;

    if (of.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &of);
    if (of.kind == VALUE_DICT) {
        const struct value *value;
        SC_TRY(sc_jinja_get(run, of.dict, key, &able, &value));
        found = value != NULL;
        if (found)
            *out = *value;
    } else if (sc_jinja_index(key, &i)) {
        SC_TRY(indexed(run, of, i, &found, out));
    }
    if (!found && key.kind == VALUE_STRING)
        SC_TRY(sc_jinja_own_attribute(run, of, key.string, &found, out));
    if (found)
        return SC_OK;
    if (key.kind == VALUE_STRING)
        return no_attribute(run, of, key.string, out);
    struct builder name = sc_jinja_builder(run);
    sc_jinja_add_text(&name, "item of that number");
    SC_TRY(sc_jinja_built(&name, &text));
    return sc_jinja_undefined(run, text, sc_jinja_kind(of), out);
}
