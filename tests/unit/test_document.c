/* The document of a run: figures are found by their path, whatever a category is called; the same
 * names stand in JSON and CSV; every allocation may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/json.h"
#include "report/csv.h"
#include "report/render.h"
#include "report_fixture.h"
#include "show_fixture.h"

static void a_figure_is_found_by_its_path(void **state)
{
    (void)state;
    struct sc_estimate rate = {0.5, 0.25, 0.75, 8, NULL};
    struct sc_document d;
    sc_document_begin(&d);
    sc_document_put_object(&d, "a");
    sc_document_put_estimate(&d, "rate", &rate);
    sc_document_put_array(&d, "list");
    for (int i = 0; i < 12; i++)
        sc_document_put_count(&d, NULL, (uint64_t)i);
    sc_document_put_end(&d);
    sc_document_put_end(&d);
    sc_document_put_text(&d, "word", "yes");
    sc_document_put_flag(&d, "flag", true);
    sc_document_put_end(&d);
    assert_false(d.failed);
    assert_true(sc_node_number(sc_node_find(d.root, "a.rate")) == 0.5);
    assert_int_equal(sc_node_find(d.root, "a.rate")->as.estimate.n, 8);
    assert_true(sc_node_number(sc_node_find(d.root, "a.list.11")) == 11);
    assert_string_equal(sc_node_text(sc_node_find(d.root, "word")), "yes");
    assert_true(sc_flag_at(d.root, "flag"));
    static const char *const none[] = {"",          ".",     "a.",      "a.rat",    "a.rate.value",
                                       "a.list.12", "b",     "a.list.", "a.list.x", "a.list.-1",
                                       "a..rate",   "word.x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(sc_node_find(d.root, none[i]));
    assert_true(isnan(sc_node_number(NULL)) && sc_node_text(NULL) == NULL);
    sc_document_free(&d);
}

static void a_name_may_hold_points_or_be_empty(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a", "a.b", "a.b.c", "."};
    struct sc_document d;
    sc_document_begin(&d);
    for (size_t i = 0; i < 5; i++) {
        sc_document_put_object(&d, names[i]);
        sc_document_put_count(&d, "count", i);
        sc_document_put_end(&d);
    }
    sc_document_put_end(&d);
    for (size_t i = 0; i < 5; i++) {
        char path[32];
        snprintf(path, sizeof path, "%s.count", names[i]);
        assert_true(sc_node_number(sc_node_find(d.root, path)) == (double)i);
    }
    sc_document_free(&d);
}

/* Looks up every number of the parsed JSON in the document. */
static size_t look_up(const struct sc_node *root, json_t *value, const char *path)
{
    size_t n = 0, index = 0;
    char longer[300];
    const char *key;
    json_t *inner;
    if (json_is_object(value) && json_object_get(value, "low") != NULL) {
        assert_true(sc_node_number(sc_node_find(root, path)) ==
                    json_number_value(json_object_get(value, "value")));
        return 1;
    }
    if (json_is_number(value)) {
        assert_true(sc_node_number(sc_node_find(root, path)) == json_number_value(value));
        return 1;
    }
    if (json_is_object(value))
        json_object_foreach(value, key, inner)
        {
            snprintf(longer, sizeof longer, "%s%s%s", path, path[0] ? "." : "", key);
            n += strcmp(longer, "run.config") == 0 ? 0 : look_up(root, inner, longer);
        }
    for (; index < json_array_size(value); index++) {
        snprintf(longer, sizeof longer, "%s.%zu", path, index);
        n += look_up(root, json_array_get(value, index), longer);
    }
    return n;
}

static void every_number_of_analysis_json_is_found_by_its_path(void **state)
{
    (void)state;
    struct fixture_options o = {
        .n_instances = 40, .n_traces = 6, .compare = true, .judge = "guard/1"};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    struct sc_text text = {0};
    json_t *top = NULL;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    assert_int_equal(sc_render_json(&a.document, &text, NULL), SC_OK);
    assert_int_equal(sc_json_parse(text.data, text.len, "analysis", &top, NULL), SC_OK);
    assert_true(look_up(a.document.root, top, "") > 300);
    sc_text_clear(&text);
    sc_csv_table(&text, SC_TABLE_ESTIMATES, &a, false);
    assert_non_null(strstr(text.data, "\noverall.refusal_rate,"));
    assert_non_null(strstr(text.data, "\npolicies.0.avg_traces,"));
    assert_null(strstr(text.data, "\nrun."));
    json_decref(top);
    sc_text_free(&text);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

/* With assertions a wrong path ends the test; without them it is shown as "no such figure". */
static void show_in_every_form(const struct sc_run *run)
{
    static const enum fixture_form forms[] = {FIXTURE_JSON, FIXTURE_TERMINAL, FIXTURE_PAGE};
    for (size_t i = 0; i < 3; i++) {
        struct sc_text text = {0};
        struct fixture_view view = {.form = forms[i], .width = 100};
        assert_int_equal(fixture_show(run, view, &text, NULL), SC_OK);
        assert_null(strstr(text.data, "no such figure"));
        sc_text_free(&text);
    }
}

static void every_path_of_terminal_and_page_leads_to_a_figure_in_every_kind_of_run(void **state)
{
    (void)state;
    static const struct fixture_options kinds[] = {
        {.n_instances = 40, .n_traces = 6},
        {.n_instances = 40, .n_traces = 6, .compare = true},
        {.n_instances = 40, .n_traces = 6, .judge = "guard/1"},
        {.n_instances = 40, .n_traces = 6, .compare = true, .judge = "guard/1"},
        {.n_instances = 3, .n_traces = 1},
        {.n_instances = 4, .n_traces = 3, .hostile = "a.b..c <&> 0."},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct sc_run run = fixture_run(&kinds[k]);
        show_in_every_form(&run);
        run.demo = run.demo_judge = true;
        for (size_t i = 0; i < run.n_instances; i++) { /* a model that reasons */
            struct sc_run_instance *instance = &run.instances[i];
            for (size_t t = 0; t < instance->n_traces; t++)
                instance->traces[t].n_reasoning = 3;
        }
        show_in_every_form(&run);
        for (size_t i = 0; i < run.n_instances; i++) /* nothing is left to count */
            for (size_t t = 0; t < run.instances[i].n_traces; t++)
                run.instances[i].traces[t].finish = SC_FINISH_FAILED;
        show_in_every_form(&run);
        sc_run_free(&run);
    }
}

static void memory_that_runs_out_fails_the_document_and_leaves_nothing(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t n = 0; failed; n++) {
        struct sc_document d;
        sc_memory_fail_at(n);
        sc_document_begin(&d);
        for (uint64_t i = 0; i < 600; i++) {
            sc_document_put_object(&d, "o");
            sc_document_put_count(&d, "n", i);
            sc_document_put_end(&d);
        }
        sc_document_put_end(&d);
        sc_memory_fail_at(SIZE_MAX);
        failed = d.failed;
        assert_true(n == 0 || d.root != NULL);
        sc_document_free(&d);
        assert_true(n < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_figure_is_found_by_its_path),
        cmocka_unit_test(a_name_may_hold_points_or_be_empty),
        cmocka_unit_test(every_number_of_analysis_json_is_found_by_its_path),
        cmocka_unit_test(every_path_of_terminal_and_page_leads_to_a_figure_in_every_kind_of_run),
        cmocka_unit_test(memory_that_runs_out_fails_the_document_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
