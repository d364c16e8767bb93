#include "jinja/object.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

#define FEW_ENTRIES 8

struct value sc_jinja_none(void)
{
    return (struct value){.kind = VALUE_NONE};
}

struct value sc_jinja_bool(bool truth)
{
    return (struct value){.kind = VALUE_BOOL, .truth = truth};
}

struct value sc_jinja_int(int64_t integer, bool outside)
{
    return (struct value){.kind = VALUE_INT, .outside = outside, .integer = integer};
}

struct value sc_jinja_float(double real, bool outside)
{
    return (struct value){.kind = VALUE_FLOAT, .outside = outside, .real = real};
}

static enum sc_status make_undefined(struct run *run, struct undefined undefined, struct value *out)
{
    struct undefined *u = sc_jinja_take(run, sizeof *u);

    if (u == NULL)
        return run->failed;
    *u = undefined;
    *out = (struct value){.kind = VALUE_UNDEFINED, .undefined = u};
    return SC_OK;
}

enum sc_status sc_jinja_undefined(struct run *run, const struct string *name, const char *kind,
                                  struct value *out)
{
    return make_undefined(run, (struct undefined){.name = name, .kind = kind}, out);
}

enum sc_status sc_jinja_undefined_hint(struct run *run, const char *hint, struct value *out)
{
    return make_undefined(run, (struct undefined){.hint = hint}, out);
}

enum sc_status sc_jinja_fail_undefined(struct run *run, const struct value *value)
{
    const struct undefined *u = value->undefined;

    assert(value->kind == VALUE_UNDEFINED);
    if (u->hint != NULL)
        return sc_jinja_fail(run, "%s", u->hint);
    int n = (int)(u->name->n < 100 ? u->name->n : 100);
    if (u->kind != NULL)
        return sc_jinja_fail(run, "the %s has no \"%.*s\"", u->kind, n, u->name->bytes);
    return sc_jinja_fail(run, "\"%.*s\" is undefined", n, u->name->bytes);
}

const char *sc_jinja_kind(struct value value)
{
    static const char *const kinds[] = {
        "nothing",  "undefined value", "None",  "bool", "int",      "float", "text",
        "list",     "tuple",           "dict",  "view", "iterator", "range", "namespace",
        "function", "method",          "macro", "loop", "cycler",   "joiner"};
    return kinds[value.kind];
}

enum sc_status sc_jinja_list(struct run *run, size_t cap, struct list **out)
{
    struct list *list = sc_jinja_take(run, sizeof *list);

    *out = list;
    if (list == NULL)
        return run->failed;
    *list = (struct list){.cap = cap};
    if (cap) {
        list->items = sc_jinja_take_array(run, cap, sizeof *list->items);
        if (list->items == NULL)
            return run->failed;
    }
    return SC_OK;
}

enum sc_status sc_jinja_push(struct run *run, struct list *list, struct value item)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        struct value *items = sc_jinja_take_array(run, cap, sizeof *items);
        if (items == NULL)
            return run->failed;
        if (list->n)
            memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = item;
    return SC_OK;
}

struct value sc_jinja_list_value(enum value_kind kind, struct list *list)
{
    return (struct value){.kind = kind, .list = list};
}

enum sc_status sc_jinja_pair(struct run *run, struct value a, struct value b, struct value *out)
{
    struct list *list;

    SC_TRY(sc_jinja_list(run, 2, &list));
    list->items[list->n++] = a;
    list->items[list->n++] = b;
    *out = sc_jinja_list_value(VALUE_TUPLE, list);
    return SC_OK;
}

/* ---- numbers ---- */

bool sc_jinja_is_integer(struct value value)
{
    return value.kind == VALUE_INT || value.kind == VALUE_BOOL;
}

int64_t sc_jinja_integer(struct value value)
{
    assert(sc_jinja_is_integer(value));
    return value.kind == VALUE_BOOL ? value.truth : value.integer;
}

bool sc_jinja_is_number(struct value value)
{
    return sc_jinja_is_integer(value) || value.kind == VALUE_FLOAT;
}

double sc_jinja_real(struct value value)
{
    return value.kind == VALUE_FLOAT ? value.real : (double)sc_jinja_integer(value);
}

/* -1, 0, 1, or 2 where one is no number; exact, also between an int and a float. */
static int compare_numbers(struct value a, struct value b)
{
    if (a.kind != VALUE_FLOAT && b.kind != VALUE_FLOAT) {
        int64_t x = sc_jinja_integer(a), y = sc_jinja_integer(b);
        return (x > y) - (x < y);
    }
    if (a.kind == VALUE_FLOAT && b.kind == VALUE_FLOAT) {
        if (isnan(a.real) || isnan(b.real))
            return 2;
        return (a.real > b.real) - (a.real < b.real);
    }
    if (a.kind == VALUE_FLOAT) {
        int order = compare_numbers(b, a);
        return order == 2 ? 2 : -order;
    }
    int64_t i = sc_jinja_integer(a);
    if (isnan(b.real))
        return 2;
    if (b.real >= 0x1p63 || b.real < -0x1p63)
        return b.real > 0 ? -1 : 1;
    int64_t whole = (int64_t)b.real;
    if (i != whole)
        return i > whole ? 1 : -1;
    double rest = b.real - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

/* ---- dicts ---- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t hash_bytes(const char *bytes, size_t n)
{
    uint64_t hash = n;

    for (; n >= 8; bytes += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = mix(hash, word);
    }
    for (size_t i = 0; i < n; i++)
        hash = mix(hash, (unsigned char)bytes[i]);
    return hash;
}

/* Equal keys have equal hashes: 1, 1.0 and true too.  False where Python cannot hash it. */
static bool hash_value(struct value value, unsigned depth, uint64_t *hash)
{
    switch (value.kind) {
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        *hash = value.kind;
        return true;
    case VALUE_BOOL:
    case VALUE_INT:
        *hash = mix(1, (uint64_t)sc_jinja_integer(value));
        return true;
    case VALUE_FLOAT:
        *hash = 2;
        if (value.real >= -0x1p63 && value.real < 0x1p63)
            *hash = mix(1, (uint64_t)(int64_t)value.real);
        return true;
    case VALUE_STRING:
        *hash = hash_bytes(value.string->bytes, value.string->n);
        return true;
    case VALUE_TUPLE:
        *hash = value.list->n;
        for (size_t i = 0; i < value.list->n; i++) {
            uint64_t part;
            if (depth == 0 || !hash_value(value.list->items[i], depth - 1, &part))
                return false;
            *hash = mix(*hash, part);
        }
        return true;
    case VALUE_LIST:
    case VALUE_DICT:
    case VALUE_VIEW:
    case VALUE_NAMESPACE:
        return false;
    default:
        *hash = value.kind;
        return true;
    }
}

enum sc_status sc_jinja_dict(struct run *run, struct dict **out)
{
    *out = sc_jinja_take(run, sizeof **out);
    if (*out == NULL)
        return run->failed;
    **out = (struct dict){0};
    return SC_OK;
}

static enum sc_status add_to_index(struct run *run, struct dict *dict, size_t entry)
{
    uint64_t hash;

    if (!hash_value(dict->entries[entry].key, 20, &hash))
        return sc_jinja_fail(run, "a key that is nested too deep");
    size_t at = hash & (dict->n_index - 1);
    while (dict->index[at] != 0)
        at = (at + 1) & (dict->n_index - 1);
    dict->index[at] = (uint32_t)(entry + 1);
    return SC_OK;
}

static enum sc_status grow_dict(struct run *run, struct dict *dict)
{
    size_t cap = dict->cap ? dict->cap * 2 : FEW_ENTRIES;
    struct dict_entry *entries = sc_jinja_take_array(run, cap, sizeof *entries);

    if (entries == NULL)
        return run->failed;
    if (dict->n)
        memcpy(entries, dict->entries, dict->n * sizeof *entries);
    dict->entries = entries;
    dict->cap = cap;
    if (cap <= FEW_ENTRIES)
        return SC_OK;
    dict->n_index = cap * 2;
    dict->index = sc_jinja_take_array(run, dict->n_index, sizeof *dict->index);
    if (dict->index == NULL)
        return run->failed;
    memset(dict->index, 0, dict->n_index * sizeof *dict->index);
    for (size_t i = 0; i < dict->n; i++)
        SC_TRY(add_to_index(run, dict, i));
    return sc_jinja_step(run, dict->n / 8);
}

static enum sc_status find_entry(struct run *run, const struct dict *dict, struct value key,
                                 bool *able, size_t *entry)
{
    uint64_t hash;
    bool same = false;

    *entry = SIZE_MAX;
    *able = hash_value(key, 20, &hash);
    if (!*able)
        return SC_OK;
    if (dict->index == NULL) {
        for (size_t i = 0; i < dict->n && !same; i++) {
            SC_TRY(sc_jinja_equal(run, dict->entries[i].key, key, &same));
            if (same)
                *entry = i;
        }
        return SC_OK;
    }
    for (size_t at = hash & (dict->n_index - 1); dict->index[at] != 0 && !same;
         at = (at + 1) & (dict->n_index - 1)) {
        size_t i = dict->index[at] - 1;
        SC_TRY(sc_jinja_equal(run, dict->entries[i].key, key, &same));
        if (same)
            *entry = i;
    }
    return SC_OK;
}

enum sc_status sc_jinja_put(struct run *run, struct dict *dict, struct value key,
                            struct value value)
{
    bool able;
    size_t entry;

    SC_TRY(find_entry(run, dict, key, &able, &entry));
    if (!able)
        return sc_jinja_fail(run, "a %s cannot be a key", sc_jinja_kind(key));
    if (entry != SIZE_MAX) {
        dict->entries[entry].value = value;
        return SC_OK;
    }
    if (dict->n == dict->cap)
        SC_TRY(grow_dict(run, dict));
    dict->entries[dict->n] = (struct dict_entry){key, value};
    dict->n++;
    return dict->index != NULL ? add_to_index(run, dict, dict->n - 1) : SC_OK;
}

enum sc_status sc_jinja_get(struct run *run, const struct dict *dict, struct value key, bool *able,
                            const struct value **out)
{
    size_t entry;

    SC_TRY(find_entry(run, dict, key, able, &entry));
    *out = entry != SIZE_MAX ? &dict->entries[entry].value : NULL;
    return SC_OK;
}

static bool is_text(struct value value, const struct string *text)
{
    return value.kind == VALUE_STRING && sc_jinja_same(value.string, text);
}

const struct value *sc_jinja_get_text(const struct dict *dict, const struct string *key)
{
    if (dict->index == NULL) {
        for (size_t i = 0; i < dict->n; i++)
            if (is_text(dict->entries[i].key, key))
                return &dict->entries[i].value;
        return NULL;
    }
    uint64_t hash = hash_bytes(key->bytes, key->n);
    for (size_t at = hash & (dict->n_index - 1); dict->index[at] != 0;
         at = (at + 1) & (dict->n_index - 1)) {
        struct dict_entry *entry = &dict->entries[dict->index[at] - 1];
        if (is_text(entry->key, key))
            return &entry->value;
    }
    return NULL;
}

/* ---- going through ---- */

bool sc_jinja_can_iterate(struct value value)
{
    return (value.kind >= VALUE_STRING && value.kind <= VALUE_RANGE) ||
           value.kind == VALUE_UNDEFINED || value.kind == VALUE_LOOP;
}

static enum sc_status chars_of(struct run *run, const struct string *s, struct list **out)
{
    size_t n;

    SC_TRY(sc_jinja_list(run, s->n_chars, out));
    struct string *parts = sc_jinja_take_array(run, s->n_chars, sizeof *parts);
    if (parts == NULL)
        return run->failed;
    for (size_t at = 0; at < s->n; at += n) {
        sc_jinja_char_at(s, at, &n);
        *parts = (struct string){.bytes = s->bytes + at,
                                 .n = n,
                                 .n_chars = 1,
                                 .outside = sc_jinja_part_outside(s, at, at + n)};
        (*out)->items[(*out)->n++] = sc_jinja_string_value(parts++);
    }
    return sc_jinja_step(run, s->n_chars);
}

enum sc_status sc_jinja_items(struct run *run, struct value value, const struct list **out)
{
    struct list *list;

    switch (value.kind) {
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_VIEW:
    case VALUE_RANGE:
        *out = value.list;
        return SC_OK;
    case VALUE_ITERATOR:
        SC_TRY(sc_jinja_list(run, 0, &list));
        if (value.list->n)
            list->items = value.list->items + value.list->at;
        list->n = list->cap = value.list->n - value.list->at;
        value.list->at = value.list->n;
        *out = list;
        return SC_OK;
    case VALUE_STRING:
        SC_TRY(chars_of(run, value.string, &list));
        *out = list;
        return SC_OK;
    case VALUE_DICT:
        SC_TRY(sc_jinja_list(run, value.dict->n, &list));
        for (size_t i = 0; i < value.dict->n; i++)
            list->items[list->n++] = value.dict->entries[i].key;
        *out = list;
        return sc_jinja_step(run, value.dict->n / 8);
    case VALUE_UNDEFINED:
        SC_TRY(sc_jinja_list(run, 0, &list));
        *out = list;
        return SC_OK;
    default:
        return sc_jinja_fail(run, "a %s cannot be gone through", sc_jinja_kind(value));
    }
}

/* ---- truth, equality, order ---- */

int64_t sc_jinja_length(struct value value)
{
    switch (value.kind) {
    case VALUE_UNDEFINED:
        return 0;
    case VALUE_STRING:
        return (int64_t)value.string->n_chars;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_VIEW:
    case VALUE_RANGE:
        return (int64_t)value.list->n;
    case VALUE_DICT:
        return (int64_t)value.dict->n;
    default:
        return -1;
    }
}

bool sc_jinja_truth(struct value value)
{
    switch (value.kind) {
    case VALUE_MISSING:
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
    case VALUE_INT:
        return sc_jinja_integer(value) != 0;
    case VALUE_FLOAT:
        return value.real != 0;
    default:
        return sc_jinja_length(value) != 0;
    }
}

static bool is_sequence(struct value value)
{
    return value.kind == VALUE_LIST || value.kind == VALUE_TUPLE || value.kind == VALUE_RANGE;
}

static enum sc_status equal_dicts(struct run *run, const struct dict *a, const struct dict *b,
                                  bool *out)
{
    *out = a->n == b->n;
    for (size_t i = 0; i < a->n && *out; i++) {
        bool able;
        const struct value *other;
        SC_TRY(sc_jinja_get(run, b, a->entries[i].key, &able, &other));
        if (other == NULL)
            *out = false;
        else
            SC_TRY(sc_jinja_equal(run, a->entries[i].value, *other, out));
    }
    return SC_OK;
}

static enum sc_status equal_parts(struct run *run, struct value a, struct value b, bool *out)
{
    if (a.kind == VALUE_DICT)
        return equal_dicts(run, a.dict, b.dict, out);
    *out = a.list->n == b.list->n;
    for (size_t i = 0; i < a.list->n && *out; i++)
        SC_TRY(sc_jinja_equal(run, a.list->items[i], b.list->items[i], out));
    return SC_OK;
}

enum sc_status sc_jinja_equal(struct run *run, struct value a, struct value b, bool *out)
{
    if (sc_jinja_is_number(a) && sc_jinja_is_number(b)) {
        *out = compare_numbers(a, b) == 0;
        return sc_jinja_step(run, 1);
    }
    *out = false;
    if (a.kind != b.kind)
        return SC_OK;
    switch (a.kind) {
    case VALUE_MISSING:
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        *out = true;
        return SC_OK;
    case VALUE_STRING:
        *out = sc_jinja_same(a.string, b.string);
        return a.string->n == b.string->n ? sc_jinja_step_bytes(run, a.string->n) : SC_OK;
    case VALUE_FUNCTION:
        *out = a.function == b.function;
        return SC_OK;
    case VALUE_LIST:
    case VALUE_TUPLE:
    case VALUE_RANGE:
    case VALUE_DICT:
        SC_TRY(sc_jinja_enter(run));
        SC_TRY(equal_parts(run, a, b, out));
        sc_jinja_leave(run);
        return SC_OK;
    default: /* all others are equal to themselves alone */
        *out = a.list == b.list;
        return SC_OK;
    }
}

static enum sc_status compare_parts(struct run *run, const struct list *a, const struct list *b,
                                    int *out)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        bool same;
        SC_TRY(sc_jinja_equal(run, a->items[i], b->items[i], &same));
        if (!same)
            return sc_jinja_compare(run, a->items[i], b->items[i], out);
    }
    *out = (a->n > b->n) - (a->n < b->n);
    return SC_OK;
}

enum sc_status sc_jinja_compare(struct run *run, struct value a, struct value b, int *out)
{
    if (sc_jinja_is_number(a) && sc_jinja_is_number(b)) {
        *out = compare_numbers(a, b);
        return SC_OK;
    }
    if (a.kind == VALUE_STRING && b.kind == VALUE_STRING) {
        int order = sc_jinja_order(a.string, b.string);
        *out = (order > 0) - (order < 0);
        return sc_jinja_step_bytes(run, a.string->n);
    }
    if (a.kind == b.kind && is_sequence(a) && a.kind != VALUE_RANGE) {
        SC_TRY(sc_jinja_enter(run));
        SC_TRY(compare_parts(run, a.list, b.list, out));
        sc_jinja_leave(run);
        return SC_OK;
    }
    if (a.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &a);
    if (b.kind == VALUE_UNDEFINED)
        return sc_jinja_fail_undefined(run, &b);
    return sc_jinja_fail(run, "a %s and a %s have no order", sc_jinja_kind(a), sc_jinja_kind(b));
}
