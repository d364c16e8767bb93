/* Expressions. */
#include <assert.h>
#include <string.h>

#include "jinja/machine.h"
#include "jinja/operators.h"
#include "jinja/show.h"

static size_t count_items(const struct node *items)
{
    size_t n = 0;

    for (; items != NULL; items = items->next)
        n++;
    return n;
}

static enum sc_status evaluate_items(struct run *run, const struct node *node, struct value *out)
{
    struct list *list;

    SC_TRY(sc_jinja_list(run, count_items(node->items), &list));
    for (const struct node *item = node->items; item != NULL; item = item->next)
        SC_TRY(sc_jinja_evaluate(run, item, &list->items[list->n++]));
    *out = sc_jinja_list_value(node->kind == NODE_LIST ? VALUE_LIST : VALUE_TUPLE, list);
    return SC_OK;
}

static enum sc_status evaluate_dict(struct run *run, const struct node *node, struct value *out)
{
    struct dict *dict;
    struct value key, value;

    SC_TRY(sc_jinja_dict(run, &dict));
    for (const struct node *item = node->items; item != NULL; item = item->next->next) {
        SC_TRY(sc_jinja_evaluate(run, item, &key));
        SC_TRY(sc_jinja_evaluate(run, item->next, &value));
        SC_TRY(sc_jinja_put(run, dict, key, value));
    }
    *out = (struct value){.kind = VALUE_DICT, .dict = dict};
    return SC_OK;
}

static enum sc_status evaluate_binary(struct run *run, const struct node *node, struct value *out)
{
    struct value a, b;

    SC_TRY(sc_jinja_evaluate(run, node->left, &a));
    SC_TRY(sc_jinja_evaluate(run, node->right, &b));
    run->line = node->line;
    return sc_jinja_binary(run, node->op, a, b, out);
}

static enum sc_status evaluate_sign(struct run *run, const struct node *node, struct value *out)
{
    struct value a;

    SC_TRY(sc_jinja_evaluate(run, node->left, &a));
    run->line = node->line;
    return sc_jinja_sign(run, node->kind == NODE_NEGATIVE, a, out);
}

/* a < b < c: each once, until one does not hold. */
static enum sc_status evaluate_comparison(struct run *run, const struct node *node,
                                          struct value *out)
{
    struct value a, b;
    bool holds = true;

    SC_TRY(sc_jinja_evaluate(run, node->left, &a));
    for (const struct node *operand = node->items; operand != NULL && holds;
         operand = operand->next) {
        SC_TRY(sc_jinja_evaluate(run, operand->left, &b));
        run->line = operand->line;
        SC_TRY(sc_jinja_relation(run, operand->op, a, b, &holds));
        a = b;
    }
    *out = sc_jinja_bool(holds);
    return SC_OK;
}

static enum sc_status evaluate_concat(struct run *run, const struct node *node, struct value *out)
{
    struct builder builder = sc_jinja_builder(run);
    struct value value;

    for (const struct node *item = node->items; item != NULL; item = item->next) {
        SC_TRY(sc_jinja_evaluate(run, item, &value));
        run->line = node->line;
        SC_TRY(sc_jinja_add_shown(&builder, value));
    }
    return sc_jinja_built_value(&builder, out);
}

static enum sc_status evaluate_condition(struct run *run, const struct node *node,
                                         struct value *out)
{
    struct value test;

    SC_TRY(sc_jinja_evaluate(run, node->test, &test));
    if (sc_jinja_truth(test))
        return sc_jinja_evaluate(run, node->left, out);
    if (node->right != NULL)
        return sc_jinja_evaluate(run, node->right, out);
    run->line = node->line;
    return sc_jinja_undefined_hint(
        run, "the \"if\" of an expression was false and there is no \"else\"", out);
}

static enum sc_status evaluate_logic(struct run *run, const struct node *node, struct value *out)
{
    SC_TRY(sc_jinja_evaluate(run, node->left, out));
    if (sc_jinja_truth(*out) == (node->kind == NODE_OR))
        return SC_OK;
    return sc_jinja_evaluate(run, node->right, out);
}

static enum sc_status evaluate_not(struct run *run, const struct node *node, struct value *out)
{
    struct value value;

    SC_TRY(sc_jinja_evaluate(run, node->left, &value));
    *out = sc_jinja_bool(!sc_jinja_truth(value));
    return SC_OK;
}

static enum sc_status evaluate_part(struct run *run, const struct node *node, struct value *out)
{
    struct value of, key;

    SC_TRY(sc_jinja_evaluate(run, node->left, &of));
    if (node->kind == NODE_ATTRIBUTE) {
        run->line = node->line;
        return sc_jinja_attribute(run, of, node->value.string, out);
    }
    SC_TRY(sc_jinja_evaluate(run, node->right, &key));
    run->line = node->line;
    return sc_jinja_item(run, of, key, out);
}

static enum sc_status evaluate_slice(struct run *run, const struct node *node, struct value *out)
{
    struct value of, part[3];
    const struct node *item = node->items;

    SC_TRY(sc_jinja_evaluate(run, node->left, &of));
    for (int i = 0; i < 3; i++, item = item->next)
        SC_TRY(sc_jinja_evaluate(run, item, &part[i]));
    run->line = node->line;
    return sc_jinja_slice(run, of, part, out);
}

/* ---- calls ---- */

static enum sc_status add_star(struct run *run, const struct node *star, struct arguments *out)
{
    struct value value;
    const struct list *items;

    SC_TRY(sc_jinja_evaluate(run, star, &value));
    run->line = star->line;
    SC_TRY(sc_jinja_items(run, value, &items));
    struct value *values = sc_jinja_take_array(run, out->n + items->n, sizeof *values);
    if (values == NULL)
        return run->failed;
    if (out->n)
        memcpy(values, out->values, out->n * sizeof *values);
    if (items->n)
        memcpy(values + out->n, items->items, items->n * sizeof *values);
    out->values = values;
    out->n += items->n;
    return sc_jinja_step(run, items->n / 8);
}

static enum sc_status add_keyword(struct run *run, const struct string *name, struct value value,
                                  struct arguments *out)
{
    for (size_t i = 0; i < out->n_keywords; i++)
        if (sc_jinja_same(out->keywords[i].name, name))
            return sc_jinja_fail(run, "an argument is given twice");
    out->keywords[out->n_keywords++] = (struct keyword_value){name, value};
    return sc_jinja_step(run, out->n_keywords / 8);
}

static enum sc_status add_double_star(struct run *run, const struct node *star,
                                      struct arguments *out)
{
    struct value value;

    SC_TRY(sc_jinja_evaluate(run, star, &value));
    run->line = star->line;
    if (value.kind != VALUE_DICT)
        return sc_jinja_fail(run, "\"**\" of a %s, expected a dict", sc_jinja_kind(value));
    size_t n = value.dict->n;
    struct keyword_value *keywords =
        sc_jinja_take_array(run, out->n_keywords + n + 1, sizeof *keywords);
    if (keywords == NULL)
        return run->failed;
    if (out->n_keywords)
        memcpy(keywords, out->keywords, out->n_keywords * sizeof *keywords);
    out->keywords = keywords;
    for (size_t i = 0; i < n; i++) {
        if (value.dict->entries[i].key.kind != VALUE_STRING)
            return sc_jinja_fail(run, "the name of an argument is a %s",
                                 sc_jinja_kind(value.dict->entries[i].key));
        SC_TRY(
            add_keyword(run, value.dict->entries[i].key.string, value.dict->entries[i].value, out));
    }
    return SC_OK;
}

enum sc_status sc_jinja_arguments(struct run *run, const struct written_arguments *written,
                                  const struct value *caller, struct arguments *out)
{
    static const struct string caller_name = {.bytes = "caller", .n = 6, .n_chars = 6};

    *out = (struct arguments){0};
    if (written == NULL)
        return SC_OK;
    if (written->n) {
        out->values = sc_jinja_take_array(run, written->n, sizeof *out->values);
        if (out->values == NULL)
            return run->failed;
    }
    for (const struct node *node = written->values; node != NULL; node = node->next)
        SC_TRY(sc_jinja_evaluate(run, node, &out->values[out->n++]));
    if (written->star != NULL)
        SC_TRY(add_star(run, written->star, out));
    if (written->n_keywords || caller != NULL) {
        out->keywords = sc_jinja_take_array(run, written->n_keywords + 1, sizeof *out->keywords);
        if (out->keywords == NULL)
            return run->failed;
    }
    for (const struct written_keyword *k = written->keywords; k != NULL; k = k->next) {
        struct value value;
        SC_TRY(sc_jinja_evaluate(run, k->value, &value));
        SC_TRY(add_keyword(run, k->name, value, out));
    }
    if (written->double_star != NULL)
        SC_TRY(add_double_star(run, written->double_star, out));
    return caller != NULL ? add_keyword(run, &caller_name, *caller, out) : SC_OK;
}

static enum sc_status evaluate_call(struct run *run, const struct node *node, struct value *out)
{
    struct value what;
    struct arguments arguments;

    SC_TRY(sc_jinja_evaluate(run, node->left, &what));
    SC_TRY(sc_jinja_arguments(run, node->arguments, NULL, &arguments));
    run->line = node->line;
    return sc_jinja_call(run, what, &arguments, out);
}

static enum sc_status apply(struct run *run, const struct node *node, struct value value,
                            struct value *out)
{
    struct arguments arguments;

    if (node->arguments == NULL) {
        run->line = node->line;
        return sc_jinja_call_builtin(run, node->builtin, value, NULL, out);
    }
    SC_TRY(sc_jinja_arguments(run, node->arguments, NULL, &arguments));
    run->line = node->line;
    return sc_jinja_call_builtin(run, node->builtin, value, &arguments, out);
}

static enum sc_status evaluate_filter(struct run *run, const struct node *node, struct value *out)
{
    struct value value;

    SC_TRY(sc_jinja_evaluate(run, node->left, &value));
    return apply(run, node, value, out);
}

enum sc_status sc_jinja_apply_filters(struct run *run, const struct node *filters,
                                      struct value value, struct value *out)
{
    struct value inner = value;

    if (filters == NULL) {
        *out = value;
        return SC_OK;
    }
    SC_TRY(sc_jinja_enter(run));
    SC_TRY(sc_jinja_apply_filters(run, filters->left, value, &inner));
    SC_TRY(apply(run, filters, inner, out));
    sc_jinja_leave(run);
    return SC_OK;
}

static enum sc_status evaluate_inside(struct run *run, const struct node *node, struct value *out)
{
    switch ((enum node_kind)node->kind) {
    case NODE_LIST:
    case NODE_TUPLE:
        return evaluate_items(run, node, out);
    case NODE_DICT:
        return evaluate_dict(run, node, out);
    case NODE_NOT:
        return evaluate_not(run, node, out);
    case NODE_NEGATIVE:
    case NODE_POSITIVE:
        return evaluate_sign(run, node, out);
    case NODE_AND:
    case NODE_OR:
        return evaluate_logic(run, node, out);
    case NODE_BINARY:
        return evaluate_binary(run, node, out);
    case NODE_COMPARE:
        return evaluate_comparison(run, node, out);
    case NODE_CONCAT:
        return evaluate_concat(run, node, out);
    case NODE_CONDITION:
        return evaluate_condition(run, node, out);
    case NODE_ATTRIBUTE:
    case NODE_ITEM:
        return evaluate_part(run, node, out);
    case NODE_SLICE:
        return evaluate_slice(run, node, out);
    case NODE_CALL:
        return evaluate_call(run, node, out);
    default:
        assert(node->kind == NODE_FILTER || node->kind == NODE_TEST);
        return evaluate_filter(run, node, out);
    }
}

enum sc_status sc_jinja_evaluate(struct run *run, const struct node *node, struct value *out)
{
    if (node->kind == NODE_CONSTANT) {
        *out = node->value;
        return sc_jinja_step(run, 1);
    }
    if (node->kind == NODE_NAME) {
        run->line = node->line;
        SC_TRY(sc_jinja_step(run, 1));
        return sc_jinja_look_up(run, node->symbol, out);
    }
    SC_TRY(sc_jinja_enter(run));
    SC_TRY(evaluate_inside(run, node, out));
    sc_jinja_leave(run);
    return SC_OK;
}
