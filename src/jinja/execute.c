/* Statements: output, assignments, loops, macros and blocks. */
#include <assert.h>
#include <string.h>

#include "jinja/machine.h"
#include "jinja/show.h"

static enum sc_status execute_one(struct run *run, const struct node *node);

enum sc_status sc_jinja_execute(struct run *run, const struct node *body)
{
    SC_TRY(sc_jinja_enter(run));
    for (const struct node *node = body; node != NULL && run->jump == GO_ON; node = node->next)
        SC_TRY(execute_one(run, node));
    sc_jinja_leave(run);
    return SC_OK;
}

/* Runs a body in a scope, its text into *text where that is not NULL. */
static enum sc_status execute_in(struct run *run, const struct node *body, struct scope *scope,
                                 struct builder *text)
{
    struct scope *variables = run->variables;
    struct builder *out = run->out;

    run->variables = scope;
    if (text != NULL)
        run->out = text;
    SC_TRY(sc_jinja_execute(run, body));
    run->variables = variables;
    run->out = out;
    return SC_OK;
}

static enum sc_status execute_in_new(struct run *run, const struct node *body, struct builder *text)
{
    struct scope *scope;

    SC_TRY(sc_jinja_scope(run, run->variables, &scope));
    return execute_in(run, body, scope, text);
}

/* ---- assignments ---- */

static enum sc_status assign_attribute(struct run *run, const struct node *target,
                                       struct value value)
{
    struct value ns;

    SC_TRY(sc_jinja_look_up(run, target->symbol, &ns));
    if (ns.kind != VALUE_NAMESPACE)
        return sc_jinja_fail(run, "an attribute of a %s is set, expected a namespace",
                             sc_jinja_kind(ns));
    if (target->value.string->bytes[0] == '_')
        return sc_jinja_fail(run, "a name of a namespace that begins with \"_\"");
    return sc_jinja_put(run, ns.dict, target->value, value);
}

static enum sc_status assign(struct run *run, const struct node *target, struct value value)
{
    const struct list *items;

    if (target->kind == NODE_NAME)
        return sc_jinja_bind(run, target->symbol, value);
    if (target->kind == NODE_ATTRIBUTE_TARGET)
        return assign_attribute(run, target, value);
    SC_TRY(sc_jinja_enter(run));
    SC_TRY(sc_jinja_items(run, value, &items));
    size_t n = 0;
    for (const struct node *t = target->items; t != NULL; t = t->next)
        n++;
    if (n != items->n)
        return sc_jinja_fail(run, "%zu values for %zu names", items->n, n);
    n = 0;
    for (const struct node *t = target->items; t != NULL; t = t->next)
        SC_TRY(assign(run, t, items->items[n++]));
    sc_jinja_leave(run);
    return SC_OK;
}

static enum sc_status execute_set(struct run *run, const struct node *node)
{
    struct value value;

    SC_TRY(sc_jinja_evaluate(run, node->right, &value));
    run->line = node->line;
    return assign(run, node->left, value);
}

/* The text of a block through its filters; none where the block jumps out of itself. */
static enum sc_status capture_block(struct run *run, const struct node *node, struct value *value)
{
    struct builder text = sc_jinja_builder(run);

    SC_TRY(execute_in_new(run, node->body, &text));
    if (run->jump != GO_ON)
        return SC_OK;
    SC_TRY(sc_jinja_built_value(&text, value));
    run->line = node->line;
    return sc_jinja_apply_filters(run, node->right, *value, value);
}

static enum sc_status execute_set_block(struct run *run, const struct node *node)
{
    struct value value;

    SC_TRY(capture_block(run, node, &value));
    return run->jump == GO_ON ? assign(run, node->left, value) : SC_OK;
}

static enum sc_status add_block_text(struct run *run, struct value value)
{
    if (value.kind != VALUE_STRING)
        return sc_jinja_fail(run, "a block gives a %s, expected a text", sc_jinja_kind(value));
    sc_jinja_add(run->out, value.string);
    return SC_OK;
}

static enum sc_status execute_filter_block(struct run *run, const struct node *node)
{
    struct value value;

    SC_TRY(capture_block(run, node, &value));
    return run->jump == GO_ON ? add_block_text(run, value) : SC_OK;
}

/* The values are those outside of the block. */
static enum sc_status execute_with(struct run *run, const struct node *node)
{
    struct scope *scope, *outer = run->variables;
    struct value value;

    SC_TRY(sc_jinja_scope(run, outer, &scope));
    for (const struct node *item = node->items; item != NULL; item = item->next->next) {
        SC_TRY(sc_jinja_evaluate(run, item->next, &value));
        run->line = item->line;
        run->variables = scope;
        SC_TRY(assign(run, item, value));
        run->variables = outer;
    }
    return execute_in(run, node->body, scope, NULL);
}

/* ---- loops ---- */

enum sc_status sc_jinja_pull(struct run *run, struct loop *loop, bool *any, struct value *out)
{
    const struct node *test = loop->all_tested ? NULL : loop->node->test;
    struct scope *variables = run->variables, *scope = NULL;

    *any = false;
    if (test != NULL)
        SC_TRY(sc_jinja_scope(run, loop->scope, &scope));
    while (loop->at < loop->items->n && !*any) {
        *out = loop->items->items[loop->at++];
        *any = test == NULL;
        if (test != NULL) {
            struct value truth;
            run->variables = scope;
            run->line = loop->node->line;
            SC_TRY(assign(run, loop->node->left, *out));
            SC_TRY(sc_jinja_evaluate(run, test, &truth));
            run->variables = variables;
            *any = sc_jinja_truth(truth);
        }
    }
    return SC_OK;
}

/* Makes the next item the current one. */
static enum sc_status step_loop(struct run *run, struct loop *loop, bool *any)
{
    struct value item = loop->peeked;

    *any = item.kind != VALUE_MISSING;
    loop->peeked.kind = VALUE_MISSING;
    if (!*any)
        SC_TRY(sc_jinja_pull(run, loop, any, &item));
    if (*any) {
        loop->index0++;
        loop->before = loop->current;
        loop->current = item;
    }
    return SC_OK;
}

static enum sc_status run_loop(struct run *run, struct loop *loop)
{
    const struct node *node = loop->node;
    struct scope *scope;
    bool any, ran = false;

    SC_TRY(sc_jinja_scope(run, loop->scope, &scope));
    for (;;) {
        run->line = node->line;
        SC_TRY(step_loop(run, loop, &any));
        if (!any)
            break;
        ran = true;
        scope->n = 0;
        run->variables = scope;
        SC_TRY(assign(run, node->left, loop->current));
        SC_TRY(sc_jinja_bind(run, run->template->loop,
                             (struct value){.kind = VALUE_LOOP, .loop = loop}));
        run->variables = loop->scope;
        SC_TRY(execute_in(run, node->body, scope, NULL));
        bool ends = run->jump == BREAK_LOOP;
        run->jump = GO_ON;
        if (ends)
            break;
    }
    return ran || node->otherwise == NULL ? SC_OK : execute_in_new(run, node->otherwise, NULL);
}

static enum sc_status start_loop(struct run *run, const struct node *node, struct value items,
                                 size_t depth0)
{
    struct loop *loop = sc_jinja_take(run, sizeof *loop);

    if (loop == NULL)
        return run->failed;
    *loop = (struct loop){
        .node = node, .scope = run->variables, .index0 = -1, .length = -1, .depth0 = depth0};
    if (items.kind == VALUE_LOOP)
        return sc_jinja_fail(run, "a loop over \"loop\" itself");
    SC_TRY(sc_jinja_items(run, items, &loop->items));
    if (node->test == NULL)
        loop->length = (int64_t)loop->items->n;
    return run_loop(run, loop);
}

static enum sc_status execute_for(struct run *run, const struct node *node)
{
    struct value items;

    SC_TRY(sc_jinja_evaluate(run, node->right, &items));
    run->line = node->line;
    return start_loop(run, node, items, 0);
}

enum sc_status sc_jinja_recurse(struct run *run, struct loop *loop, struct value items,
                                struct value *out)
{
    struct builder text = sc_jinja_builder(run), *before = run->out;
    struct scope *variables = run->variables;

    if (!loop->node->recursive)
        return sc_jinja_fail(run, "loop() in a loop that is not marked \"recursive\"");
    SC_TRY(sc_jinja_enter(run));
    run->out = &text;
    run->variables = loop->scope;
    SC_TRY(start_loop(run, loop->node, items, loop->depth0 + 1));
    run->variables = variables;
    run->out = before;
    sc_jinja_leave(run);
    return sc_jinja_built_value(&text, out);
}

/* ---- macros ---- */

static enum sc_status too_many(struct run *run, const struct macro *macro)
{
    return sc_jinja_fail(run, "the macro \"%.*s\" takes not more than %zu arguments",
                         (int)(macro->name->n < 60 ? macro->name->n : 60), macro->name->bytes,
                         macro->node->signature->n);
}

/* Binds varargs: what is left behind the parameters. */
static enum sc_status bind_varargs(struct run *run, const struct macro *macro,
                                   const struct arguments *given)
{
    size_t n = macro->node->signature->n;
    struct list *rest;

    if (!macro->node->signature->reads_varargs)
        return given->n > n ? too_many(run, macro) : SC_OK;
    SC_TRY(sc_jinja_list(run, 0, &rest));
    for (size_t i = n; i < given->n; i++)
        SC_TRY(sc_jinja_push(run, rest, given->values[i]));
    return sc_jinja_bind(run, run->template->varargs, sc_jinja_list_value(VALUE_TUPLE, rest));
}

static bool is_parameter(const struct signature *signature, const struct string *name)
{
    for (const struct parameter *p = signature->parameters; p != NULL; p = p->next)
        if (sc_jinja_same(&p->symbol->name, name))
            return true;
    return false;
}

/* Binds caller and kwargs: what is given by a name that is no parameter's. */
static enum sc_status bind_kwargs(struct run *run, const struct macro *macro,
                                  const struct arguments *given)
{
    const struct signature *signature = macro->node->signature;
    bool special =
        signature->reads_caller && !is_parameter(signature, &run->template->caller->name);
    struct dict *rest;
    struct value caller;

    SC_TRY(sc_jinja_dict(run, &rest));
    if (special)
        SC_TRY(
            sc_jinja_undefined_hint(run, "the macro was not called by a \"call\" block", &caller));
    for (size_t i = 0; i < given->n_keywords; i++) {
        const struct string *name = given->keywords[i].name;
        if (is_parameter(signature, name))
            continue;
        if (special && sc_jinja_is(name, "caller"))
            caller = given->keywords[i].value;
        else if (!signature->reads_kwargs)
            return sc_jinja_fail(run, "the macro \"%.*s\" takes no argument \"%.*s\"",
                                 (int)(macro->name->n < 60 ? macro->name->n : 60),
                                 macro->name->bytes, (int)(name->n < 60 ? name->n : 60),
                                 name->bytes);
        else
            SC_TRY(sc_jinja_put(run, rest, sc_jinja_string_value(name), given->keywords[i].value));
    }
    if (special)
        SC_TRY(sc_jinja_bind(run, run->template->caller, caller));
    if (signature->reads_kwargs)
        return sc_jinja_bind(run, run->template->kwargs,
                             (struct value){.kind = VALUE_DICT, .dict = rest});
    return SC_OK;
}

static enum sc_status find_given(struct run *run, const struct arguments *given, size_t place,
                                 const struct string *name, struct value *out)
{
    *out = (struct value){.kind = VALUE_MISSING};
    if (place < given->n)
        *out = given->values[place];
    for (size_t i = 0; i < given->n_keywords; i++) {
        if (!sc_jinja_same(given->keywords[i].name, name))
            continue;
        if (place < given->n)
            return sc_jinja_fail(run, "the argument \"%.*s\" is given twice",
                                 (int)(name->n < 60 ? name->n : 60), name->bytes);
        *out = given->keywords[i].value;
    }
    return SC_OK;
}

/* Parameters get what is given, else what they fall back to, which may read those before. */
static enum sc_status bind_parameters(struct run *run, const struct macro *macro,
                                      const struct arguments *given)
{
    size_t place = 0;

    for (const struct parameter *p = macro->node->signature->parameters; p != NULL; p = p->next) {
        struct value value;
        SC_TRY(find_given(run, given, place++, &p->symbol->name, &value));
        SC_TRY(sc_jinja_bind(run, p->symbol, value));
    }
    place = 0;
    for (const struct parameter *p = macro->node->signature->parameters; p != NULL; p = p->next) {
        struct value value;
        SC_TRY(find_given(run, given, place++, &p->symbol->name, &value));
        if (value.kind != VALUE_MISSING)
            continue;
        if (p->fallback != NULL)
            SC_TRY(sc_jinja_evaluate(run, p->fallback, &value));
        else
            SC_TRY(sc_jinja_undefined(run, &p->symbol->name, NULL, &value));
        SC_TRY(sc_jinja_bind(run, p->symbol, value));
    }
    return SC_OK;
}

enum sc_status sc_jinja_call_macro(struct run *run, const struct macro *macro,
                                   const struct arguments *given, struct value *out)
{
    struct builder text = sc_jinja_builder(run);
    struct scope *scope, *variables = run->variables;

    SC_TRY(sc_jinja_enter(run));
    SC_TRY(sc_jinja_scope(run, macro->scope, &scope));
    run->variables = scope;
    SC_TRY(bind_kwargs(run, macro, given));
    SC_TRY(bind_varargs(run, macro, given));
    SC_TRY(bind_parameters(run, macro, given));
    SC_TRY(execute_in(run, macro->node->body, scope, &text));
    run->variables = variables;
    sc_jinja_leave(run);
    return sc_jinja_built_value(&text, out);
}

static enum sc_status new_macro(struct run *run, const struct node *node,
                                const struct symbol *symbol, struct value *out)
{
    struct macro *macro = sc_jinja_take(run, sizeof *macro);

    if (macro == NULL)
        return run->failed;
    *macro = (struct macro){.node = node, .name = &symbol->name, .scope = run->variables};
    *out = (struct value){.kind = VALUE_MACRO, .macro = macro};
    return SC_OK;
}

static enum sc_status execute_macro(struct run *run, const struct node *node)
{
    struct value macro;

    SC_TRY(new_macro(run, node, node->symbol, &macro));
    return sc_jinja_bind(run, node->symbol, macro);
}

static enum sc_status execute_call_block(struct run *run, const struct node *node)
{
    struct value caller, what, text;
    struct arguments arguments;

    SC_TRY(new_macro(run, node, run->template->caller, &caller));
    SC_TRY(sc_jinja_evaluate(run, node->left->left, &what));
    SC_TRY(sc_jinja_arguments(run, node->left->arguments, &caller, &arguments));
    run->line = node->line;
    SC_TRY(sc_jinja_call(run, what, &arguments, &text));
    return add_block_text(run, text);
}

/* ---- all of them ---- */

static enum sc_status execute_print(struct run *run, const struct node *node)
{
    struct value value;

    SC_TRY(sc_jinja_evaluate(run, node->left, &value));
    run->line = node->line;
    return sc_jinja_add_shown(run->out, value);
}

static enum sc_status execute_if(struct run *run, const struct node *node)
{
    for (;; node = node->otherwise) {
        struct value test;
        SC_TRY(sc_jinja_evaluate(run, node->test, &test));
        if (sc_jinja_truth(test))
            return sc_jinja_execute(run, node->body);
        if (node->otherwise == NULL || !node->otherwise->chained)
            return sc_jinja_execute(run, node->otherwise);
    }
}

static enum sc_status execute_one(struct run *run, const struct node *node)
{
    run->line = node->line;
    SC_TRY(sc_jinja_step(run, 1));
    switch ((enum node_kind)node->kind) {
    case NODE_TEXT:
        sc_jinja_add(run->out, node->value.string);
        break;
    case NODE_PRINT:
        SC_TRY(execute_print(run, node));
        break;
    case NODE_IF:
        return execute_if(run, node);
    case NODE_FOR:
        return execute_for(run, node);
    case NODE_SET:
        return execute_set(run, node);
    case NODE_SET_BLOCK:
        return execute_set_block(run, node);
    case NODE_WITH:
        return execute_with(run, node);
    case NODE_MACRO:
        return execute_macro(run, node);
    case NODE_CALL_BLOCK:
        return execute_call_block(run, node);
    case NODE_FILTER_BLOCK:
        return execute_filter_block(run, node);
    case NODE_GENERATION:
        return execute_in_new(run, node->body, NULL);
    default:
        assert(node->kind == NODE_BREAK || node->kind == NODE_CONTINUE);
        run->jump = node->kind == NODE_BREAK ? BREAK_LOOP : CONTINUE_LOOP;
        return SC_OK;
    }
    return run->out->failed ? run->failed : SC_OK;
}
