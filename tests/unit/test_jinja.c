/* The interpreter of chat templates: texts, origins of bytes, refusals, bounds. */
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
#include "jinja/jinja.h"

static const char *const outside_names[] = {"content"};

struct rendered {
    enum sc_status status;
    struct sc_jinja_output out;
    struct sc_error error;
};

static struct rendered render_within(const char *source, const char *variables,
                                     struct sc_jinja_limits limits)
{
    struct rendered r = {0};
    struct sc_jinja *template = NULL;
    json_t *json = json_loads(variables, 0, NULL);
    struct sc_jinja_input input = {.variables = json,
                                   .outside = outside_names,
                                   .n_outside = 1,
                                   .year = 2024,
                                   .month = 7,
                                   .day = 26,
                                   .limits = limits};

    assert_non_null(json);
    r.status = sc_jinja_parse(&template, source, strlen(source), &r.error);
    if (r.status == SC_OK)
        r.status = sc_jinja_render(template, &input, &r.out, &r.error);
    else
        assert_null(template);
    sc_jinja_free(template);
    json_decref(json);
    return r;
}

static struct rendered render(const char *source, const char *variables)
{
    return render_within(source, variables, (struct sc_jinja_limits){0});
}

static void expect_text(const char *source, const char *variables, const char *expected)
{
    struct rendered r = render(source, variables);

    assert_string_equal(r.error.text, "");
    assert_int_equal(r.status, SC_OK);
    assert_string_equal(r.out.text, expected);
    assert_int_equal(r.out.n, strlen(expected));
    sc_jinja_output_free(&r.out);
}

/* marks: a '^' below each byte that comes from outside. */
static void expect_marks(const char *source, const char *variables, const char *text,
                         const char *marks)
{
    struct rendered r = render(source, variables);
    char found[200];

    assert_string_equal(r.error.text, "");
    assert_string_equal(r.out.text, text);
    memset(found, ' ', sizeof found);
    for (size_t i = 0; i < r.out.n_outside; i++) {
        assert_true(r.out.outside[i].begin < r.out.outside[i].end);
        memset(found + r.out.outside[i].begin, '^', r.out.outside[i].end - r.out.outside[i].begin);
    }
    found[r.out.n] = 0;
    assert_string_equal(found, marks);
    sc_jinja_output_free(&r.out);
}

static void expect_error(const char *source, enum sc_status status, const char *message)
{
    struct rendered r = render(source, "{\"content\":\"abc\",\"list\":[1,2,3]}");

    assert_string_equal(r.error.text, message);
    assert_int_equal(r.status, status);
    assert_null(r.out.text);
}

static const char conversation[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be  brief. \"},"
    "{\"role\":\"user\",\"content\":\" Hello there "
    "\"},{\"role\":\"assistant\",\"content\":\"Hi.\"},"
    "{\"role\":\"user\",\"content\":\"Tell {{ 7*7 }} <end> things\"}],"
    "\"add_generation_prompt\":true}";

static void a_conversation_is_framed(void **state)
{
    (void)state;
    expect_text(
        "{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] | trim + '<end>\\n' "
        "}}{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
        conversation,
        "<system>Be  brief.<end>\n<user>Hello there<end>\n<assistant>Hi.<end>\n"
        "<user>Tell {{ 7*7 }} <end> things<end>\n<assistant>");
    expect_text("{%- set ns = namespace(sys='') -%}\n"
                "{%- for m in messages if m.role == 'system' -%}\n"
                "  {%- set ns.sys = m.content -%}\n"
                "{%- endfor -%}\n"
                "{{ '[' ~ ns.sys ~ ']' if ns.sys else '' }}",
                conversation, "[Be  brief. ]");
    expect_text("{%- macro turn(r, c) -%}<{{ r }}>{{ c.strip().split(' ')[0] }}</{{ r }}>"
                "{%- endmacro -%}{%- for m in messages[::-1] | reverse -%}"
                "{{ turn(m.role, m.content) }}{%- endfor -%}",
                conversation,
                "<system>Be</system><user>Hello</user><assistant>Hi.</assistant><user>Tell</user>");
}

static void bytes_keep_their_origin(void **state)
{
    (void)state;
    const char *variables = "{\"content\":\" Ab c\\n\",\"n\":3,\"d\":{\"content\":7}}";
    expect_marks("<{{ content }}>", variables, "< Ab c\n>", " ^^^^^^ ");
    expect_marks("<{{ content | trim | upper }}>", variables, "<AB C>", " ^^^^ ");
    expect_marks("{{ content.strip().split(' ') | join('-') }}", variables, "Ab-c", "^^ ^");
    expect_marks("{{ content.strip() | replace('b', 'xy') }}", variables, "Axy c", "^  ^^");
    expect_marks("{{ content | tojson }}", variables, "\" Ab c\\n\"", " ^^^^^^^ ");
    expect_marks("{{ [content[1:3], n] }}", variables, "['Ab', 3]", "  ^^     ");
    expect_marks("{{ d.content }}{{ n }}{{ d.content + n }}", variables, "7310", "^ ^^");
    /* bytes that stand for others */
    expect_marks("{{ [content] }}", variables, "[' Ab c\\n']", "  ^^^^^^^  ");
    expect_marks("{{ content | tojson(ensure_ascii=true) }}", "{\"content\":\"\u00e9<\"}",
                 "\"\\u00e9<\"", " ^^^^^^^ ");
    expect_marks("<{{ content | e }}>", "{\"content\":\"a<\"}", "<a&lt;>", " ^^^^^ ");
    expect_marks("<{{ content | urlencode }}>", "{\"content\":\"a \"}", "<a%20>", " ^^^^ ");
    expect_marks("{{ content | length }}-{{ content.find('b') }}", variables, "6-2", "^ ^");
    expect_marks("{{ '%s-%d' % (content[1], 4) }}", variables, "A-4", "^  ");
    expect_marks("{% set x %}a{{ content[1] }}{% endset %}{{ x[::-1] }}", variables, "Aa", "^ ");
    expect_marks("{{ 'x' if content[1] == 'A' }}{{ 'A' }}", variables, "xA", "  ");
}

static void what_is_not_known_is_refused_with_name_and_line(void **state)
{
    (void)state;
    expect_error("a\n{{ x | shout }}", SC_ERR_UNSUPPORTED,
                 "line 2: the filter \"shout\" is not known");
    expect_error("\n\n{{ x is loud }}", SC_ERR_UNSUPPORTED,
                 "line 3: the test \"loud\" is not known");
    expect_error("{{ shout(1) }}", SC_ERR_UNSUPPORTED,
                 "line 1: the function \"shout\" is not known");
    expect_error("{% shout %}", SC_ERR_UNSUPPORTED, "line 1: the tag \"shout\" is not known");
    expect_error("{% include 'x' %}", SC_ERR_UNSUPPORTED,
                 "line 1: the tag \"include\" is not for chat templates");
    expect_error("{{ [1] | map('shout') }}", SC_ERR_UNSUPPORTED,
                 "line 1: the filter \"shout\" is not known");
    expect_error("{% if 1 %}", SC_ERR_FORMAT,
                 "line 1: the block is not closed: \"endif\" is missing");
    expect_error("{{ 'a", SC_ERR_FORMAT, "line 1: a text is not closed");
    expect_error("{{ (1] }}", SC_ERR_FORMAT, "line 1: unexpected \"]\", expected \")\"");
}

static void faults_in_use_say_their_line(void **state)
{
    (void)state;
    expect_error("\n{{ x.y }}", SC_ERR_FORMAT, "line 2: \"x\" is undefined");
    expect_error("{{ raise_exception('only ' ~ content) }}", SC_ERR_ARGUMENT,
                 "the template says: only abc");
    expect_error("{{ list.append(1) }}", SC_ERR_FORMAT,
                 "line 1: the sandbox forbids to change a list");
    expect_error("{% set a, b = [1, 2, 3] %}", SC_ERR_FORMAT, "line 1: 3 values for 2 names");
    expect_error("{% set a, b = [1] %}", SC_ERR_FORMAT, "line 1: 1 values for 2 names");
    expect_error("{{ 1 + content }}", SC_ERR_FORMAT, "line 1: \"+\" between a int and a text");
    expect_error("{{ 9223372036854775807 + 1 }}", SC_ERR_FORMAT,
                 "line 1: a whole number beyond 64 bits");
}

/* What a message of each kind says; that they fail at all is compared with Jinja2. */
static void faults_are_named(void **state)
{
    (void)state;
    static const char *const faults[][2] = {
        {"{{ 1 / 0 }}", "division by zero"},
        {"{{ 0 ** -1 }}", "0 to a negative power"},
        {"{{ (-8) ** 0.5 }}", "\"**\" gives no real number"},
        {"{{ list[::0] }}", "a slice with step 0"},
        {"{{ list['a':] }}", "a text in a slice"},
        {"{{ 5[1:] }}", "a slice of a int"},
        {"{{ {[1]: 2} }}", "a list cannot be a key"},
        {"{{ 1.5 < 'a' }}", "a float and a text have no order"},
        {"{{ -content }}", "\"-\" before a text"},
        {"{{ (content ~ 'x')() }}", "a text cannot be called"},
        {"{{ 5 | items }}", "items: expected a dict, found a int"},
        {"{{ 5 | length }}", "length: a int has none"},
        {"{{ list | length(1) }}", "length: 1 arguments, expected at most 0"},
        {"{{ list | join(nope=1) }}", "join: the argument \"nope\" is not known"},
        {"{{ content.replace('a') }}", "replace: an argument is missing"},
        {"{{ dict(**5) }}", "\"**\" of a int, expected a dict"},
        {"{{ dict(1, 2) }}", "dict: more than one argument without a name"},
        {"{{ list | slice(0) | list }}", "slice: into 0 slices"},
        {"{{ 1.5 | round(0, 'up') }}", "round: the method is common, ceil or floor"},
        {"{{ content.split(',', 'x') }}", "split: expected a whole number, found a text"},
        {"{{ content.split('') }}", "split: an empty separator"},
        {"{{ content.center(9, '') }}", "the fill: expected one character"},
        {"{{ '%d' % 'x' }}", "format: a whole number is needed"},
        {"{{ '%s %s' % 1 }}", "format: not enough values for the text"},
        {"{{ '%(a)s' % 5 }}", "format: a name where no dict is given"},
        {"{{ '%9999999d' % 1 }}", "format: a width beyond 100000"},
        {"{{ '%.999f' % 1 }}", "format: a precision beyond 100"},
        {"{{ '%.999d' % 1 }}", "format: a precision beyond 100"},
        {"{{ '%d' % 1e300 }}", "format: a number beyond 64 bits"},
        {"{{ '{:9999999}'.format(1) }}", "format: a width beyond 100000"},
        {"{{ '{'.format() }}", "format: a single brace"},
        {"{{ '{0} {}'.format(1, 2) }}", "format: \"{}\" beside \"{0}\""},
        {"{{ range | tojson }}", "tojson: a function cannot be written as JSON"},
        {"{{ {(1, 2): 3} | tojson }}", "tojson: a tuple cannot be a key"},
        {"{{ strftime_now('%') }}", "strftime_now: \"%\" is not known"},
        {"{{ strftime_now('a %Q') }}", "strftime_now: \"%Q\" is not known"},
        {"{{ namespace(_a=1) }}", "a name of a namespace that begins with \"_\""},
        {"{{ '99999999999999999999' | int }}", "a whole number beyond 64 bits"},
        {"{{ 99999999999999999999 }}", "a whole number beyond 64 bits"},
        {"{{ '\\N{DIGIT ONE}' }}", "\\N in a text is not known here"},
        {"{{ '\\ud800' }}", "\\u in a text: expected 4 hexadecimal digits of a character"},
        {"{# never", "a comment is not closed"},
        {"{% raw %} never", "{% raw %} is not closed"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct rendered r = render(faults[i][0], "{\"content\":\"abc\",\"list\":[1,2,3]}");
        char expected[200];
        snprintf(expected, sizeof expected, "line 1: %s", faults[i][1]);
        assert_string_equal(r.error.text, expected);
        assert_int_equal(r.status, SC_ERR_FORMAT);
        assert_null(r.out.text);
    }
}

/* What no caller may give, and what no template may be. */
static void what_is_no_template_is_refused(void **state)
{
    (void)state;
    struct sc_jinja *template = NULL;
    struct sc_error error = {0};
    assert_int_equal(sc_jinja_parse(&template, "a\n\xff", 3, &error), SC_ERR_FORMAT);
    assert_string_equal(error.text, "line 2: the template is not valid UTF-8");
    assert_int_equal(sc_jinja_parse(&template, "x", 1, NULL), SC_OK);
    json_t *list = json_array(), *none = json_object();
    struct sc_jinja_output out = {0};
    struct sc_jinja_input input = {.variables = list, .year = 2024, .month = 7, .day = 26};
    error = (struct sc_error){0};
    assert_int_equal(sc_jinja_render(template, &input, &out, &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "the variables of a template are no object");
    input.variables = none;
    input.month = 13;
    error = (struct sc_error){0};
    assert_int_equal(sc_jinja_render(template, &input, &out, &error), SC_ERR_ARGUMENT);
    assert_string_equal(error.text, "the date for a template is none");
    assert_null(out.text);
    json_decref(list);
    json_decref(none);
    sc_jinja_free(template);
}

static void a_run_is_bounded(void **state)
{
    (void)state;
    static const struct sc_jinja_limits small = {
        .n_steps = 100000, .depth = 200, .memory_bytes = 4 << 20, .output_bytes = 100000};
    static const char *const sources[] = {
        "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{{ 'abc' * 1000000000 }}",
        "{{ [1, 2] * 1000000000 }}",
        "{{ 'x'|center(1000000000) }}",
        "{{ 'a\nb'|indent(1000000000) }}",
        "{{ '%9999999d' % 1 }}",
        "{{ range(3)|batch(1000000000, 'x')|list }}",
        "{% for a in range(1000) %}{{ 'abcdefghij' * 100 }}{% endfor %}",
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{% set n = namespace(s='a') %}{% for a in range(99) %}{% set n.s = n.s~n.s %}{% endfor %}",
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct rendered r = render_within(sources[i], "{}", small);
        assert_true(r.status == SC_ERR_LIMIT || r.status == SC_ERR_FORMAT);
        assert_null(r.out.text);
    }
}

static void names_that_a_template_reads_are_known(void **state)
{
    (void)state;
    struct sc_jinja *template = NULL;
    const char *source = "{% set a = 1 %}{{ b.c }}{{ strftime_now('%d') }}";

    assert_int_equal(sc_jinja_parse(&template, source, strlen(source), NULL), SC_OK);
    assert_true(sc_jinja_uses(template, "b"));
    assert_true(sc_jinja_uses(template, "strftime_now"));
    assert_false(sc_jinja_uses(template, "a"));
    assert_false(sc_jinja_uses(template, "c"));
    sc_jinja_free(template);
}

static void the_date_is_the_one_given(void **state)
{
    (void)state;
    expect_text("{{ strftime_now('%d %b %Y, %A, %j %-d%%') }}", "{}",
                "26 Jul 2024, Friday, 208 26%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_framed),
        cmocka_unit_test(bytes_keep_their_origin),
        cmocka_unit_test(what_is_not_known_is_refused_with_name_and_line),
        cmocka_unit_test(faults_in_use_say_their_line),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(what_is_no_template_is_refused),
        cmocka_unit_test(a_run_is_bounded),
        cmocka_unit_test(names_that_a_template_reads_are_known),
        cmocka_unit_test(the_date_is_the_one_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
