/*
 * Where bytes come from, as a property of random programs: what a prompt brought is marked as from
 * outside in whatever a template makes of it, and what a template wrote itself is not.
 *
 * Prompts are written in an alphabet that templates do not have (private characters, Cyrillic and
 * Greek letters, blanks and line ends beyond ASCII; in a second series four capitals), so the text
 * itself tells the origin of a byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/jinja.h"

#define N_PROGRAMS 4000

struct maker {
    uint64_t random;
    struct sc_text text;
    bool escapes; /* bytes of a prompt may become others: "\u2028", %D0, the digits of a length */
    bool capitals;
};

static uint64_t draw(struct maker *m, uint64_t n)
{
    m->random += 0x9E3779B97F4A7C15u;
    uint64_t z = m->random;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

#define PICK(m, array) (array)[draw(m, sizeof(array) / sizeof *(array))]

static void put(struct maker *m, const char *s)
{
    sc_text_puts(&m->text, s);
}

static void add_string(struct maker *m, int depth);

/* ---- what is done with texts and lists: %s is a text of its own ---- */

/* Texts to texts, which keep or leave out bytes as they are. */
static const char *const text_filters[] = {"trim",
                                           "trim('a')",
                                           "string",
                                           "safe",
                                           "center(9)",
                                           "indent(2)",
                                           "indent('x',true)",
                                           "truncate(5,true,'',0)",
                                           "truncate(4,false,'-',0)",
                                           "replace(%s,'r')",
                                           "replace('a',%s)",
                                           "reverse",
                                           "default(%s)",
                                           "d(%s,true)",
                                           "first|default('f')",
                                           "last|d('l')",
                                           "join(%s)",
                                           "list|join('-')",
                                           "batch(2)|map('join')|join('/')",
                                           "slice(2)|map('join',%s)|join",
                                           "unique|join",
                                           "sort|join('.')",
                                           "e|string",
                                           "escape|replace('&','')",
                                           "forceescape",
                                           "min|d('m')",
                                           "max|d('x')",
                                           "select|join",
                                           "reject('none')|join",
                                           "select('ne','q')|list|last|d",
                                           "list|reverse|join",
                                           "groupby('0')|map('first')|join",
                                           "map('string')|join('+')",
                                           "list|map('replace','b','c')|join",
                                           "format(%s)|string",
                                           "attr('none')|d('n')"};
static const char *const case_filters[] = {"upper", "lower", "title", "capitalize",
                                           "map('upper')|join"};
/* Their results hold other bytes, which stand for those of a prompt. */
static const char *const escape_filters[] = {"tojson",
                                             "tojson(indent=1)",
                                             "tojson(ensure_ascii=true)",
                                             "urlencode",
                                             "length",
                                             "count",
                                             "wordcount",
                                             "list",
                                             "list|string",
                                             "int",
                                             "float",
                                             "int|abs",
                                             "length|round",
                                             "list|tojson",
                                             "list|map('list')|sum(start=[])|string",
                                             "list|map('length')|sum",
                                             "list|first|list|string"};
static const char *const text_methods[] = {"strip()",
                                           "lstrip()",
                                           "rstrip()",
                                           "strip(%s)",
                                           "lstrip('a')",
                                           "rstrip(%s)",
                                           "replace('a',%s)",
                                           "replace(%s,'y',1)",
                                           "replace('','.')",
                                           "ljust(7)",
                                           "rjust(7,'*')",
                                           "center(8)",
                                           "zfill(6)",
                                           "expandtabs(2)",
                                           "removeprefix('a')",
                                           "removesuffix(%s)",
                                           "split()|join('-')",
                                           "split(%s)|first",
                                           "rsplit('a',1)|last",
                                           "splitlines()|join('|')",
                                           "splitlines(true)|join",
                                           "partition('a')|join",
                                           "rpartition(%s)|last",
                                           "join(['a',%s])",
                                           "format(%s)",
                                           "format_map({})"};
static const char *const case_methods[] = {"upper()", "lower()", "title()", "capitalize()",
                                           "swapcase()"};
static const char *const number_methods[] = {"find(%s)", "rfind('a')", "count(%s)", "index('')",
                                             "rindex('')"};
static const char *const questions[] = {
    "startswith(%s)", "endswith('a')", "isalnum()", "isalpha()",     "isdigit()",
    "isdecimal()",    "isnumeric()",   "isspace()", "isprintable()", "isascii()",
    "isupper()",      "islower()",     "istitle()"};
static const char *const slices[] = {"[1:]", "[:-1]", "[::-1]", "[::2]", "[1:3]", "[0]|d('z')"};
static const char *const lists[] = {"split()", "split(%s)", "rsplit('a')", "splitlines()",
                                    "partition('a')"};
static const char *const list_filters[] = {"list",
                                           "reverse|list",
                                           "sort",
                                           "unique|list",
                                           "select|list",
                                           "map('trim')|list",
                                           "map('replace','a','b')|list",
                                           "map('default',%s)|list",
                                           "rejectattr('zz')|list",
                                           "selectattr('0')|list",
                                           "sort(reverse=true)",
                                           "map('first')|select('string')|list"};

static void add_filled(struct maker *m, const char *form, int depth)
{
    const char *place = strstr(form, "%s");

    if (place == NULL) {
        put(m, form);
        return;
    }
    sc_text_add(&m->text, form, (size_t)(place - form));
    add_string(m, depth - 1);
    put(m, place + 2);
}

static void add_atom(struct maker *m)
{
    static const char *const atoms[] = {
        "content", "content", "content", "p.content[0]", "'a'", "'b-a c'", "''", "' '", "s", "q.r"};

    put(m, PICK(m, atoms));
}

static void add_list(struct maker *m, int depth)
{
    put(m, "(");
    if (depth <= 0 || draw(m, 3) == 0) {
        put(m, "[");
        add_string(m, depth - 1);
        put(m, ",");
        add_string(m, depth - 1);
        put(m, "]");
    } else if (draw(m, 2) == 0) {
        put(m, "(");
        add_string(m, depth - 1);
        put(m, ").");
        add_filled(m, PICK(m, lists), depth);
    } else {
        add_list(m, depth - 1);
        put(m, "|");
        add_filled(m, PICK(m, list_filters), depth);
    }
    put(m, ")");
}

static void add_filtered(struct maker *m, int depth)
{
    add_string(m, depth - 1);
    put(m, "|");
    uint64_t which = draw(m, 8);
    if (which == 0 && !m->capitals)
        put(m, PICK(m, case_filters));
    else if (which == 1 && m->escapes)
        add_filled(m, PICK(m, escape_filters), depth);
    else
        add_filled(m, PICK(m, text_filters), depth);
}

static void add_method(struct maker *m, int depth)
{
    put(m, "(");
    add_string(m, depth - 1);
    put(m, ")");
    uint64_t which = draw(m, 8);
    if (which == 0) {
        put(m, PICK(m, slices));
        return;
    }
    put(m, ".");
    if (which == 1 && !m->capitals)
        put(m, PICK(m, case_methods));
    else if (which == 2 && m->escapes)
        add_filled(m, PICK(m, number_methods), depth);
    else if (which == 3)
        add_filled(m, PICK(m, questions), depth);
    else
        add_filled(m, PICK(m, text_methods), depth);
}

/* Two texts in a form: %s and %t. */
static void add_two(struct maker *m, const char *form, int depth)
{
    for (; *form; form++) {
        if (form[0] == '%' && (form[1] == 's' || form[1] == 't')) {
            add_string(m, depth - 1);
            form++;
        } else {
            sc_text_putc(&m->text, *form);
        }
    }
}

static void add_string(struct maker *m, int depth)
{
    static const char *const forms[] = {"%s + %t",
                                        "%s ~ %t",
                                        "%s * 2",
                                        "%s if %t else 'e'",
                                        "%s or %t",
                                        "%s and %t",
                                        "[%s, %t][1]",
                                        "{'k': %s}.k",
                                        "(%s, %t)|first",
                                        "dict(a=%s)['a']",
                                        "namespace(a=%s).a",
                                        "f(%s, b=%t)",
                                        "f(%s)",
                                        "{'a': %s}.values()|first",
                                        "{'a': %s}|dictsort|map('last')|join",
                                        "{'a': %s, 'b': %t}|items|map('last')|join(',')",
                                        "cycler(%s, %t).next()",
                                        "joiner(%s)() ~ %t",
                                        "'{0}{1}' ~ '{}-{:>3}'.format(%s, %t)",
                                        "'{a}'.format(a=%s)",
                                        "'x' in %s ~ %t",
                                        "(%s == %t) ~ %s"};
    static const char *const percents[] = {"('%%s|%%4s' %% (%s, %t))", "('%%(a)s' %% {'a': %s})"};

    put(m, "(");
    if (depth <= 0) {
        add_atom(m);
    } else {
        switch (draw(m, 6)) {
        case 0:
        case 1:
            add_filtered(m, depth);
            break;
        case 2:
        case 3:
            add_method(m, depth);
            break;
        case 4:
            add_list(m, depth - 1);
            put(m, "|join(',')");
            break;
        default:
            if (draw(m, 8) == 0) {
                const char *form = PICK(m, percents);
                for (; *form; form++) { /* "%%" is one */
                    if (form[0] == '%' && form[1] == '%')
                        sc_text_putc(&m->text, *form++);
                    else if (form[0] == '%')
                        add_string(m, depth - 1), form++;
                    else
                        sc_text_putc(&m->text, *form);
                }
            } else {
                add_two(m, PICK(m, forms), depth);
            }
        }
    }
    put(m, ")");
}

/* ---- statements ---- */

static void add_body(struct maker *m, int depth);

static void add_statement(struct maker *m, int depth)
{
    static const char *const forms[] = {
        "{{ %s }}",
        "{{ %s }}",
        "{%set s = %s %}",
        "{%set s|trim %}%b{%endset %}",
        "{%set q.r = %s %}",
        "{%set s, z = %s, 'z' %}{{ s }}",
        "{%if %s %}%b{%else %}%b{%endif %}",
        "{%for i in %l %}{{ i }}{{ loop.previtem|d }}{{ loop.nextitem|d }}"
        "{{ loop.cycle('x', i) }}{{ loop.changed(i) }}%b{%endfor %}",
        "{%for i in %s if i %}{{ i }}{%if loop.index > 3 %}{%break %}{%endif %}{%endfor %}",
        "{%for i in [[%s, []], ['w', [[%s, []]]]] recursive %}{{ i[0] }}{{ loop(i[1]) }}"
        "{%endfor %}",
        "{%macro f(a, b='b') %}{{ a }}%b{{ b }}{{ varargs|join }}{%endmacro %}{{ f(%s, %s, %s) }}",
        "{%macro g() %}[{{ caller(%s) }}]{%endmacro %}{%call(y) g() %}%b{{ y }}{%endcall %}",
        "{%filter trim %}%b{%endfilter %}",
        "{%filter replace(%s, %s) %}%b{%endfilter %}",
        "{%with s = %s %}%b{{ s }}{%endwith %}",
        "{%generation %}%b{%endgeneration %}",
        "{%print %s, %s %}"};
    const char *form = PICK(m, forms);

    for (; *form; form++) {
        if (form[0] == '%' && form[1] == 's' && form[2] != 'e') {
            add_string(m, depth);
            form++;
        } else if (form[0] == '%' && form[1] == 'l') {
            add_list(m, depth);
            form++;
        } else if (form[0] == '%' && form[1] == 'b' && form[2] != 'r') {
            if (depth > 0)
                add_body(m, depth - 1);
            form++;
        } else {
            sc_text_putc(&m->text, *form);
        }
    }
}

static void add_body(struct maker *m, int depth)
{
    for (uint64_t i = 0, n = 1 + draw(m, 2); i < n; i++) {
        put(m, "a ");
        add_statement(m, depth);
    }
}

static void make_prompt(struct maker *m, char *out, size_t size)
{
    static const char *const far[] = {"\uE000", "\uE001", "\uE000", "\u0416", "\u0436", "\u03A3",
                                      "\u03B1", "\u3000", "\u2028", "\u2003", "\uE002"};
    static const char *const capitals[] = {"Q", "W", "X", "Z", "Q", "XX"};
    size_t n = 0;

    out[0] = 0;
    for (uint64_t i = draw(m, 9); i > 0; i--) {
        const char *s = m->capitals ? PICK(m, capitals) : PICK(m, far);
        n += (size_t)snprintf(out + n, size - n, "%s", s);
    }
}

/* ---- the property ---- */

static bool is_prompts(const struct maker *m, char c)
{
    return m->capitals ? strchr("QWXZ", c) != NULL && c : (unsigned char)c >= 0x80;
}

static void check_marks(const struct maker *m, const struct sc_jinja_output *out)
{
    size_t span = 0;

    for (size_t i = 0; i < out->n; i++) {
        while (span < out->n_outside && out->outside[span].end <= i)
            span++;
        bool outside = span < out->n_outside && out->outside[span].begin <= i;
        bool prompts = is_prompts(m, out->text[i]);
        if ((prompts && !outside) || (!prompts && outside && !m->escapes)) {
            print_error("%s\n%s\nbyte %zu\n", m->text.data, out->text, i);
            fail();
        }
    }
}

static bool run_program(struct maker *m)
{
    static const char *const names[] = {"content"};
    char first[64], second[64];
    struct sc_jinja *template = NULL;
    struct sc_jinja_output out = {0}, plain = {0};
    struct sc_error error = {0};

    make_prompt(m, first, sizeof first);
    make_prompt(m, second, sizeof second);
    sc_text_clear(&m->text);
    put(m, "{%macro f(a, b='d') %}{{ a }}-{{ b }}{%endmacro %}{%set s = 'ab' %}"
           "{%set q = namespace(r='c') %}");
    add_body(m, 2);
    json_t *json = json_pack("{s:s, s:{s:[s]}}", "content", first, "p", "content", second);
    struct sc_jinja_input input = {.variables = json,
                                   .outside = names,
                                   .n_outside = 1,
                                   .year = 2024,
                                   .month = 1,
                                   .day = 1,
                                   .limits = {.n_steps = 200000, .output_bytes = 100000}};
    enum sc_status status = sc_jinja_parse(&template, m->text.data, m->text.len, &error);
    if (status != SC_OK)
        print_error("%s\n%s\n", m->text.data, error.text);
    assert_int_equal(status, SC_OK);
    status = sc_jinja_render(template, &input, &out, NULL);
    if (status == SC_OK) {
        check_marks(m, &out);
        input.n_outside = 0;
        assert_int_equal(sc_jinja_render(template, &input, &plain, NULL), SC_OK);
        assert_int_equal(plain.n_outside, 0);
        assert_string_equal(plain.text, out.text);
    }
    sc_jinja_output_free(&out);
    sc_jinja_output_free(&plain);
    sc_jinja_free(template);
    json_decref(json);
    return status == SC_OK;
}

static void run_series(bool escapes, bool capitals)
{
    struct maker m = {.random = escapes ? 1 : 2, .escapes = escapes, .capitals = capitals};
    size_t n_run = 0;

    for (size_t i = 0; i < N_PROGRAMS; i++)
        n_run += run_program(&m);
    sc_text_free(&m.text);
    assert_true(n_run > N_PROGRAMS / 3);
}

static void bytes_of_a_prompt_are_marked_and_no_others(void **state)
{
    (void)state;
    run_series(false, false);
}

static void bytes_of_a_prompt_are_marked_where_others_stand_for_them(void **state)
{
    (void)state;
    run_series(true, false);
}

static void capitals_of_a_prompt_are_marked(void **state)
{
    (void)state;
    run_series(true, true);
}

/* ---- nothing is left out ---- */

static bool is_named(const char *const *forms, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(forms[i], name);
        if (at == forms[i] || (at != NULL && (at[-1] == '|' || at[-1] == '\'')))
            return true;
    }
    return false;
}

#define NAMED(forms, name) is_named(forms, sizeof(forms) / sizeof *(forms), name)

static void all_filters_and_methods_take_part(void **state)
{
    (void)state;
    static const struct builtin *const filters[] = {sc_jinja_text_filters, sc_jinja_list_filters,
                                                    sc_jinja_number_filters,
                                                    sc_jinja_order_filters};
    static const struct builtin *const methods[] = {sc_jinja_text_methods, sc_jinja_split_methods};
    /* the names of dicts, which the forms have, and another name for escape */
    static const char *const elsewhere[] = {"dictsort", "items"};

    for (size_t t = 0; t < 4; t++)
        for (const struct builtin *b = filters[t]; b->name != NULL; b++) {
            bool named = NAMED(text_filters, b->name) || NAMED(case_filters, b->name) ||
                         NAMED(escape_filters, b->name) || NAMED(list_filters, b->name) ||
                         NAMED(elsewhere, b->name);
            if (!named)
                print_error("the filter %s has no form here\n", b->name);
            assert_true(named);
        }
    for (size_t t = 0; t < 2; t++)
        for (const struct builtin *b = methods[t]; b->name != NULL; b++) {
            bool named = NAMED(text_methods, b->name) || NAMED(case_methods, b->name) ||
                         NAMED(number_methods, b->name) || NAMED(questions, b->name) ||
                         NAMED(lists, b->name);
            if (!named)
                print_error("the method %s has no form here\n", b->name);
            assert_true(named);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_a_prompt_are_marked_and_no_others),
        cmocka_unit_test(bytes_of_a_prompt_are_marked_where_others_stand_for_them),
        cmocka_unit_test(capitals_of_a_prompt_are_marked),
        cmocka_unit_test(all_filters_and_methods_take_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
