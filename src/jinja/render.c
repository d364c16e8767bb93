/* The room's interface: a template is parsed, given its variables, run, and its text handed out. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/jinja.h"
#include "jinja/machine.h"

#define MAX_SOURCE (1024 * 1024)
#define MAX_TREE_BYTES ((size_t)128 * 1024 * 1024)

static const struct sc_jinja_limits defaults = {.n_steps = 20000000,
                                                .depth = 500,
                                                .memory_bytes = (size_t)128 * 1024 * 1024,
                                                .output_bytes = (size_t)32 * 1024 * 1024};

static const struct builtin *find_filter(const char *name, size_t n)
{
    static const struct builtin *const tables[] = {sc_jinja_text_filters, sc_jinja_list_filters,
                                                   sc_jinja_number_filters, sc_jinja_order_filters};
    const struct builtin *found = NULL;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && found == NULL; i++)
        found = sc_jinja_find_builtin(tables[i], name, n);
    return found;
}

static const struct builtin *find_test(const char *name, size_t n)
{
    return sc_jinja_find_builtin(sc_jinja_tests, name, n);
}

static const struct builtin *find_function(const char *name, size_t n)
{
    return sc_jinja_find_builtin(sc_jinja_functions, name, n);
}

static const struct interpreter interpreter = {.find_filter = find_filter,
                                               .find_test = find_test,
                                               .call_builtin = sc_jinja_call_builtin,
                                               .call_macro = sc_jinja_call_macro,
                                               .recurse = sc_jinja_recurse,
                                               .pull = sc_jinja_pull,
                                               .item = sc_jinja_item,
                                               .attribute = sc_jinja_attribute};

enum sc_status sc_jinja_parse(struct sc_jinja **out, const char *source, size_t n,
                              struct sc_error *error)
{
    static const struct builtins builtins = {find_filter, find_test, find_function};
    struct sc_jinja *template;
    size_t valid;
    int line = 1;

    *out = NULL;
    if (n > MAX_SOURCE)
        return sc_fail(error, SC_ERR_LIMIT, "line 1: a template of %zu bytes, expected at most %d",
                       n, MAX_SOURCE);
    valid = sc_utf8_valid(source, n);
    for (size_t i = 0; i < valid; i++)
        line += source[i] == '\n';
    if (valid < n)
        return sc_fail(error, SC_ERR_FORMAT, "line %d: the template is not valid UTF-8", line);
    template = sc_alloc_zero(1, sizeof *template);
    if (template == NULL)
        return sc_fail_nomem(error, "a chat template");
    template->arena.max_bytes = MAX_TREE_BYTES;
    enum sc_status status = sc_jinja_read(template, source, n, &builtins, error);
    if (status != SC_OK)
        sc_jinja_free(template);
    else
        *out = template;
    return status;
}

void sc_jinja_free(struct sc_jinja *template)
{
    if (template == NULL)
        return;
    sc_jinja_arena_free(&template->arena);
    sc_free(template);
}

bool sc_jinja_uses(const struct sc_jinja *template, const char *name)
{
    for (const struct symbol *s = template->symbols; s != NULL; s = s->next)
        if (s->read && sc_jinja_is(&s->name, name))
            return true;
    return false;
}

/* ---- variables ---- */

static bool is_outside(const struct sc_jinja_input *input, const char *name)
{
    for (size_t i = 0; i < input->n_outside; i++)
        if (strcmp(input->outside[i], name) == 0)
            return true;
    return false;
}

static enum sc_status convert(struct run *run, const json_t *json, bool outside, struct value *out);

static enum sc_status convert_string(struct run *run, const char *bytes, size_t n, bool outside,
                                     struct value *out)
{
    struct string *s = sc_jinja_take(run, sizeof *s);

    if (s == NULL)
        return run->failed;
    if (sc_utf8_valid(bytes, n) != n)
        return sc_fail(run->error, SC_ERR_ARGUMENT, "a text for the template is not valid UTF-8");
    *s = sc_jinja_own(bytes, n);
    s->outside = outside;
    *out = sc_jinja_string_value(s);
    return SC_OK;
}

static enum sc_status convert_object(struct run *run, const json_t *json, bool outside,
                                     struct value *out)
{
    struct dict *dict;
    struct value key, value;

    SC_TRY(sc_jinja_dict(run, &dict));
    json_t *object = (json_t *)json; /* jansson's way to go through an object */
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);
        SC_TRY(convert_string(run, name, json_object_iter_key_len(at), false, &key));
        SC_TRY(convert(run, json_object_iter_value(at), outside || is_outside(run->input, name),
                       &value));
        SC_TRY(sc_jinja_put(run, dict, key, value));
    }
    *out = (struct value){.kind = VALUE_DICT, .dict = dict};
    return SC_OK;
}

static enum sc_status convert_array(struct run *run, const json_t *json, bool outside,
                                    struct value *out)
{
    struct list *list;
    size_t n = json_array_size(json);

    SC_TRY(sc_jinja_list(run, n, &list));
    for (size_t i = 0; i < n; i++) {
        SC_TRY(convert(run, json_array_get(json, i), outside, &list->items[i]));
        list->n++;
    }
    *out = sc_jinja_list_value(VALUE_LIST, list);
    return SC_OK;
}

static enum sc_status convert(struct run *run, const json_t *json, bool outside, struct value *out)
{
    SC_TRY(sc_jinja_enter(run));
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        SC_TRY(convert_object(run, json, outside, out));
        break;
    case JSON_ARRAY:
        SC_TRY(convert_array(run, json, outside, out));
        break;
    case JSON_STRING:
        SC_TRY(
            convert_string(run, json_string_value(json), json_string_length(json), outside, out));
        break;
    case JSON_INTEGER:
        *out = sc_jinja_int(json_integer_value(json), outside);
        break;
    case JSON_REAL:
        *out = sc_jinja_float(json_real_value(json), outside);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = sc_jinja_bool(json_is_true(json));
        out->outside = outside;
        break;
    case JSON_NULL:
        *out = sc_jinja_none();
        out->outside = outside;
        break;
    }
    sc_jinja_leave(run);
    return SC_OK;
}

/* The variables that the template names. */
static enum sc_status give_variables(struct run *run)
{
    const struct sc_jinja *t = run->template;

    run->top = sc_jinja_take_array(run, t->n_symbols, sizeof *run->top);
    if (run->top == NULL)
        return run->failed;
    for (const struct symbol *s = t->symbols; s != NULL; s = s->next) {
        struct value *value = &run->top[s->number];
        const json_t *json = json_object_getn(run->input->variables, s->name.bytes, s->name.n);
        *value = (struct value){.kind = VALUE_MISSING};
        if (json != NULL && !s->read)
            json = NULL;
        if (json != NULL) {
            bool outside = false;
            for (size_t i = 0; i < run->input->n_outside; i++)
                outside |= sc_jinja_is(&s->name, run->input->outside[i]);
            SC_TRY(convert(run, json, outside, value));
        }
    }
    return SC_OK;
}

/* ---- the output ---- */

static size_t count_spans(const struct builder *text)
{
    size_t n = 0;

    if (text->marks == NULL)
        return text->n && text->outside;
    for (size_t i = 0; i < text->n; i++)
        n += text->marks[i] && (i == 0 || !text->marks[i - 1]);
    return n;
}

static void fill_spans(const struct builder *text, struct sc_jinja_output *out)
{
    if (text->marks == NULL) {
        if (out->n_outside)
            out->outside[0] = (struct sc_jinja_span){0, text->n};
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < out->n_outside; i++) {
        while (!text->marks[at])
            at++;
        out->outside[i].begin = at;
        while (at < text->n && text->marks[at])
            at++;
        out->outside[i].end = at;
    }
}

static enum sc_status hand_out(const struct builder *text, struct sc_jinja_output *out,
                               struct sc_error *error)
{
    out->n = text->n;
    out->n_outside = count_spans(text);
    out->text = sc_alloc(text->n + 1);
    out->outside = sc_alloc_array(out->n_outside, sizeof *out->outside);
    if (out->text == NULL || out->outside == NULL) {
        sc_jinja_output_free(out);
        return sc_fail_nomem(error, "the text of a chat template");
    }
    if (text->n)
        memcpy(out->text, text->bytes, text->n);
    out->text[text->n] = 0;
    fill_spans(text, out);
    return SC_OK;
}

static enum sc_status run_template(struct run *run, struct sc_jinja_output *out)
{
    struct builder text = sc_jinja_builder(run);

    text.max =
        run->input->limits.output_bytes ? run->input->limits.output_bytes : defaults.output_bytes;
    run->out = &text;
    SC_TRY(give_variables(run));
    SC_TRY(sc_jinja_execute(run, run->template->body));
    if (text.failed)
        return run->failed;
    return hand_out(&text, out, run->error);
}

enum sc_status sc_jinja_render(const struct sc_jinja *template, const struct sc_jinja_input *input,
                               struct sc_jinja_output *out, struct sc_error *error)
{
    const struct sc_jinja_limits *given = &input->limits;
    struct run run = {.template = template,
                      .input = input,
                      .interpreter = &interpreter,
                      .max_steps = given->n_steps ? given->n_steps : defaults.n_steps,
                      .max_depth = given->depth ? given->depth : defaults.depth,
                      .line = 1,
                      .error = error};

    *out = (struct sc_jinja_output){0};
    run.arena.max_bytes = given->memory_bytes ? given->memory_bytes : defaults.memory_bytes;
    if (input->variables != NULL && !json_is_object(input->variables))
        return sc_fail(error, SC_ERR_ARGUMENT, "the variables of a template are no object");
    if (input->month < 1 || input->month > 12 || input->day < 1 || input->day > 31 ||
        input->year < 1 || input->year > 9999)
        return sc_fail(error, SC_ERR_ARGUMENT, "the date for a template is none");
    enum sc_status status = run_template(&run, out);
    sc_jinja_arena_free(&run.arena);
    return status;
}

void sc_jinja_output_free(struct sc_jinja_output *output)
{
    sc_free(output->text);
    sc_free(output->outside);
    *output = (struct sc_jinja_output){0};
}
