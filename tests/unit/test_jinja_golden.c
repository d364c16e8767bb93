/* Templates of our own with every construct, against Jinja2: tests/golden/make_jinja_golden.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "jinja/jinja.h"
#include "jinja/tree.h"

#ifndef TEST_GOLDEN
#define TEST_GOLDEN "tests/golden" /* from the root of the sources */
#endif
#define MAX_CASES 1000

static json_t *cases[MAX_CASES];
static size_t n_cases;

static int read_cases(void **state)
{
    FILE *file = fopen(TEST_GOLDEN "/jinja.jsonl", "r");
    json_error_t error;

    (void)state;
    assert_non_null(file);
    while (n_cases < MAX_CASES &&
           (cases[n_cases] = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error)) !=
               NULL)
        n_cases++;
    fclose(file);
    assert_true(n_cases > 500 && n_cases < MAX_CASES);
    return 0;
}

static int free_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cases; i++)
        json_decref(cases[i]);
    return 0;
}

static struct sc_jinja_input input_of(void)
{
    return (struct sc_jinja_input){
        .variables = json_object_get(cases[0], "variables"), .year = 2024, .month = 7, .day = 26};
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void check_case(const json_t *one)
{
    const char *source = text_of(one, "template"), *fails = text_of(one, "fails");
    const json_t *text = json_object_get(one, "text");
    struct sc_jinja_input input = input_of();
    struct sc_jinja_output out = {0};
    struct sc_jinja *template = NULL;
    struct sc_error error = {0};
    enum sc_status parsed = sc_jinja_parse(&template, source, strlen(source), &error);
    enum sc_status status = parsed;

    if (parsed == SC_OK)
        status = sc_jinja_render(template, &input, &out, &error);
    if ((status == SC_OK) != (text != NULL))
        print_error("%s\n%s\n", source, error.text);
    assert_int_equal(status == SC_OK, text != NULL);
    if (text != NULL) {
        if (out.n != json_string_length(text) || memcmp(out.text, json_string_value(text), out.n))
            print_error("%s\n", source);
        assert_string_equal(out.text, json_string_value(text));
        assert_int_equal(out.n, json_string_length(text));
        assert_int_equal(out.n_outside, 0);
    } else if (strcmp(fails, "parse") == 0) {
        assert_int_not_equal(parsed, SC_OK);
    } else if (strcmp(fails, "raised") == 0) {
        assert_int_equal(status, SC_ERR_ARGUMENT);
        assert_string_equal(error.text + strlen("the template says: "), text_of(one, "words"));
    }
    sc_jinja_output_free(&out);
    sc_jinja_free(template);
}

static void every_template_gives_what_jinja2_gives(void **state)
{
    (void)state;
    for (size_t i = 1; i < n_cases; i++)
        check_case(cases[i]);
}

/* Everything from outside: the text stays the same, and all of the template's own stays its own. */
static void origins_change_no_text(void **state)
{
    (void)state;
    static const char *const names[] = {"messages", "s", "u", "l", "d", "tools", "n", "html"};
    for (size_t i = 1; i < n_cases; i++) {
        const char *source = text_of(cases[i], "template");
        struct sc_jinja_input input = input_of();
        struct sc_jinja_output out = {0}, marked = {0};
        struct sc_jinja *template = NULL;

        if (sc_jinja_parse(&template, source, strlen(source), NULL) != SC_OK)
            continue;
        enum sc_status status = sc_jinja_render(template, &input, &out, NULL);
        input.outside = names;
        input.n_outside = sizeof names / sizeof *names;
        assert_int_equal(sc_jinja_render(template, &input, &marked, NULL), status);
        assert_int_equal(out.n, marked.n);
        if (status == SC_OK)
            assert_memory_equal(out.text, marked.text, out.n);
        sc_jinja_output_free(&out);
        sc_jinja_output_free(&marked);
        sc_jinja_free(template);
    }
}

/* Each allocation of parsing and running fails in turn. */
static void every_failure_of_memory_is_survived(void **state)
{
    (void)state;
    for (size_t i = 1; i < n_cases; i++) {
        const char *source = text_of(cases[i], "template");
        enum sc_status status = SC_ERR_NOMEM;

        for (size_t at = 0; status == SC_ERR_NOMEM; at++) {
            struct sc_jinja_input input = input_of();
            struct sc_jinja_output out = {0};
            struct sc_jinja *template = NULL;
            sc_memory_fail_at(at);
            status = sc_jinja_parse(&template, source, strlen(source), NULL);
            if (status == SC_OK)
                status = sc_jinja_render(template, &input, &out, NULL);
            bool failed = sc_memory_count() > at;
            sc_memory_fail_at(SIZE_MAX);
            assert_int_equal(status == SC_ERR_NOMEM, failed);
            if (status != SC_OK)
                assert_null(out.text);
            sc_jinja_output_free(&out);
            sc_jinja_free(template);
            assert_true(at < 1000);
        }
    }
}

/* Memory of every size that is too small for a run: it ends as a limit, at whatever place. */
static void every_bound_of_memory_is_a_limit(void **state)
{
    (void)state;
    for (size_t i = 1; i < n_cases; i++) {
        const char *source = text_of(cases[i], "template");
        struct sc_jinja *template = NULL;
        enum sc_status status = SC_ERR_LIMIT;

        if (sc_jinja_parse(&template, source, strlen(source), NULL) != SC_OK)
            continue;
        for (size_t bytes = 1; status == SC_ERR_LIMIT; bytes += 80 + bytes / 32) {
            struct sc_jinja_input input = input_of();
            struct sc_jinja_output out = {0};
            struct sc_error error = {0};
            input.limits.memory_bytes = bytes;
            status = sc_jinja_render(template, &input, &out, &error);
            assert_true(status != SC_ERR_LIMIT || error.text[0]);
            sc_jinja_output_free(&out);
        }
        assert_int_equal(status == SC_OK, json_object_get(cases[i], "text") != NULL);
        sc_jinja_free(template);
    }
}

static const struct builtin *find_any(const char *name, size_t n)
{
    static const struct builtin any = {.name = "any"};

    return n == 4 && memcmp(name, "nope", 4) == 0 ? NULL : &any;
}

/* The same of a tree. */
static void every_bound_of_a_tree_is_a_limit(void **state)
{
    (void)state;
    static const struct builtins builtins = {find_any, find_any, find_any};
    for (size_t i = 1; i < n_cases; i++) {
        const char *source = text_of(cases[i], "template");
        enum sc_status status = SC_ERR_LIMIT;

        for (size_t bytes = 1; status == SC_ERR_LIMIT; bytes += 80 + bytes / 32) {
            struct sc_jinja template = {.arena.max_bytes = bytes};
            status = sc_jinja_read(&template, source, strlen(source), &builtins, NULL);
            sc_jinja_arena_free(&template.arena);
        }
        assert_int_not_equal(status, SC_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_template_gives_what_jinja2_gives),
        cmocka_unit_test(origins_change_no_text),
        cmocka_unit_test(every_failure_of_memory_is_survived),
        cmocka_unit_test(every_bound_of_memory_is_a_limit),
        cmocka_unit_test(every_bound_of_a_tree_is_a_limit),
    };
    return cmocka_run_group_tests(tests, read_cases, free_cases);
}
