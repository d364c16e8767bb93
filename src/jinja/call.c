/* Names, and calls of built-in things and macros. */
#include <assert.h>
#include <string.h>

#include "jinja/machine.h"

enum sc_status sc_jinja_scope(struct run *run, struct scope *outer, struct scope **out)
{
    *out = sc_jinja_take(run, sizeof **out);
    if (*out == NULL)
        return run->failed;
    **out = (struct scope){.outer = outer};
    return SC_OK;
}

enum sc_status sc_jinja_bind(struct run *run, const struct symbol *symbol, struct value value)
{
    struct scope *scope = run->variables;

    if (scope == NULL) {
        run->top[symbol->number] = value;
        return SC_OK;
    }
    for (size_t i = 0; i < scope->n; i++)
        if (scope->bindings[i].symbol == symbol) {
            scope->bindings[i].value = value;
            return sc_jinja_step(run, i / 8);
        }
    if (scope->n == scope->cap) {
        size_t cap = scope->cap ? scope->cap * 2 : 4;
        struct binding *bindings = sc_jinja_take_array(run, cap, sizeof *bindings);
        if (bindings == NULL)
            return run->failed;
        if (scope->n)
            memcpy(bindings, scope->bindings, scope->n * sizeof *bindings);
        scope->bindings = bindings;
        scope->cap = cap;
    }
    scope->bindings[scope->n++] = (struct binding){symbol, value};
    return sc_jinja_step(run, scope->n / 8);
}

enum sc_status sc_jinja_look_up(struct run *run, const struct symbol *symbol, struct value *out)
{
    for (const struct scope *s = run->variables; s != NULL; s = s->outer) {
        SC_TRY(sc_jinja_step(run, s->n / 8));
        for (size_t i = 0; i < s->n; i++)
            if (s->bindings[i].symbol == symbol) {
                *out = s->bindings[i].value;
                if (out->kind == VALUE_MISSING) /* a parameter that has no value yet */
                    return sc_jinja_undefined(run, &symbol->name, NULL, out);
                return SC_OK;
            }
    }
    *out = run->top[symbol->number];
    if (out->kind != VALUE_MISSING)
        return SC_OK;
    if (symbol->function != NULL) {
        *out = (struct value){.kind = VALUE_FUNCTION, .function = symbol->function};
        return SC_OK;
    }
    return sc_jinja_undefined(run, &symbol->name, NULL, out);
}

/* ---- arguments in their places ---- */

/* The place of a parameter in a list of names with blanks between them, SIZE_MAX where there is
 * none. */
static size_t find_parameter(const char *parameters, const struct string *name)
{
    for (size_t place = 0; *parameters; place++) {
        size_t n = strcspn(parameters, " ");
        if (n == name->n && memcmp(parameters, name->bytes, n) == 0)
            return place;
        parameters += n + (parameters[n] == ' ');
    }
    return SIZE_MAX;
}

static size_t count_parameters(const char *parameters)
{
    size_t count = *parameters != 0;

    for (; *parameters; parameters++)
        count += *parameters == ' ';
    return count;
}

static enum sc_status place_arguments(struct run *run, const struct builtin *builtin,
                                      const struct arguments *given, struct call *call)
{
    const char *parameters = builtin->parameters != NULL ? builtin->parameters : "";
    size_t n = count_parameters(parameters);

    assert(n <= SC_JINJA_PARAMETERS);
    if (given->n > n)
        return sc_jinja_fail(run, "%s: %zu arguments, expected at most %zu", builtin->name,
                             given->n, n);
    for (size_t i = 0; i < given->n; i++)
        call->a[i] = given->values[i];
    for (size_t i = 0; i < given->n_keywords; i++) {
        const struct string *name = given->keywords[i].name;
        size_t place = find_parameter(parameters, name);
        if (place == SIZE_MAX || call->a[place].kind != VALUE_MISSING)
            return sc_jinja_fail(run, "%s: the argument \"%.*s\" is %s", builtin->name,
                                 (int)(name->n < 60 ? name->n : 60), name->bytes,
                                 place == SIZE_MAX ? "not known" : "given twice");
        call->a[place] = given->keywords[i].value;
    }
    for (size_t i = 0; i < builtin->n_needed; i++)
        if (call->a[i].kind == VALUE_MISSING)
            return sc_jinja_fail(run, "%s: an argument is missing", builtin->name);
    return SC_OK;
}

enum sc_status sc_jinja_call_builtin(struct run *run, const struct builtin *builtin,
                                     struct value self, const struct arguments *arguments,
                                     struct value *out)
{
    static const struct arguments none;
    struct call call = {.self = self, .given = arguments != NULL ? arguments : &none};

    if (builtin->parameters == NULL || strcmp(builtin->parameters, "*") != 0)
        SC_TRY(place_arguments(run, builtin, call.given, &call));
    SC_TRY(sc_jinja_step(run, 1));
    return builtin->call(run, &call, out);
}

/* ---- calls ---- */

static enum sc_status next_of_joiner(struct run *run, struct joiner *joiner, struct value *out)
{
    if (joiner->used) {
        *out = joiner->separator;
        return SC_OK;
    }
    joiner->used = true;
    return sc_jinja_own_value(run, "", out);
}

enum sc_status sc_jinja_call(struct run *run, struct value what, const struct arguments *arguments,
                             struct value *out)
{
    switch (what.kind) {
    case VALUE_FUNCTION:
        return sc_jinja_call_builtin(run, what.function, what, arguments, out);
    case VALUE_METHOD:
        return sc_jinja_call_builtin(run, what.method->builtin, what.method->self, arguments, out);
    case VALUE_MACRO:
        return run->interpreter->call_macro(run, what.macro, arguments, out);
    case VALUE_LOOP:
        if (arguments->n != 1 || arguments->n_keywords)
            return sc_jinja_fail(run, "loop() takes one argument");
        return run->interpreter->recurse(run, what.loop, arguments->values[0], out);
    case VALUE_JOINER:
        return next_of_joiner(run, what.joiner, out);
    case VALUE_UNDEFINED:
        return sc_jinja_fail_undefined(run, &what);
    default:
        return sc_jinja_fail(run, "a %s cannot be called", sc_jinja_kind(what));
    }
}
