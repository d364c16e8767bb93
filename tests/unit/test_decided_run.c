/* Where a run's refusals are decided, as the analysis has it and shows it: on made-up runs whose
 * answers have words for tokens. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/answer_tree.h"
#include "page_texts.h"
#include "report/html/tree.h"
#include "report_fixture.h"
#include "show_fixture.h"

enum { MOST_WORDS = 60 };

/* Tokens are words with the blank before them; ids count the bytes, so that words differ. */
static void give_tokens(struct sc_run_trace *trace, bool ids)
{
    size_t n = 0, length = strlen(trace->text);
    trace->text_ends = sc_alloc_array(MOST_WORDS, sizeof *trace->text_ends);
    trace->ids = sc_alloc_array(MOST_WORDS, sizeof *trace->ids);
    for (size_t i = 1, begin = 0; i <= length && n < MOST_WORDS; i++)
        if (trace->text[i] == ' ' || trace->text[i] == '\0') {
            trace->ids[n] = (int32_t)(sc_hash64(trace->text + begin, i - begin) & INT32_MAX);
            trace->text_ends[n++] = (uint32_t)i;
            begin = i;
        }
    trace->n_tokens = n;
    if (!ids) {
        sc_free(trace->ids);
        trace->ids = NULL;
    }
}

struct wish {
    bool ids, shuffled;
    const char *hostile;
};

/* Shuffled: verdicts that know nothing of the words. */
static struct sc_run make_run(const struct wish *wish)
{
    struct sc_run run = fixture_run(
        &(struct fixture_options){.n_instances = 60, .n_traces = 10, .hostile = wish->hostile});
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < 10; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            give_tokens(trace, wish->ids);
            if (wish->shuffled)
                trace->verdict =
                    fixture_uniform(i, (uint32_t)t, 77) < 0.5 ? SC_REFUSAL : SC_COMPLIANCE;
        }
    return run;
}

static void the_first_words_decide(void **state)
{
    (void)state;
    double left[2];
    for (int ids = 0; ids < 2; ids++) { /* texts of tokens do as well as ids */
        struct sc_run run = make_run(&(struct wish){.ids = ids});
        struct sc_analysis a;
        assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
        const struct sc_node *d = sc_node_at(a.document.root, "decided");
        assert_int_equal(sc_count_at(d, "n_prompts"), 60);
        assert_true(sc_count_at(d, "n_wavering") > 20 && sc_count_at(d, "n_traces") == 600);
        const struct sc_estimate *first = sc_estimate_at(d, "left.0");
        left[ids] = first->value;
        assert_true(first->low <= first->value && first->value <= first->high);
        assert_true(first->value < 0.25 && first->value < sc_estimate_at(d, "null.0")->low);
        assert_true(sc_number_at(d, "p.0") < 0.01 && sc_number_at(d, "p.0") > 0); /* never 0 */
        assert_true(sc_estimate_at(d, "half_after")->value <= 1);
        assert_true(sc_number_at(d, "left_uncorrected.0") < sc_number_at(d, "null_uncorrected.0"));
        assert_true(sc_number_at(d, "forks.0.p_adjusted") < 0.05);
        assert_int_equal(sc_count_at(d, "forks.0.tokens_before"), 0);
        assert_string_equal(sc_text_at(d, "forks.0.after"), "");
        assert_true(strlen(sc_text_at(d, "first_token.tokens.0.text")) > 0);
        assert_non_null(strstr(sc_text_at(d, "text"), "no accident"));
        sc_analysis_free(&a);
        sc_run_free(&run);
    }
    assert_true(fabs(left[0] - left[1]) < 1e-12);
}

static void shuffled_verdicts_decide_nothing(void **state)
{
    (void)state;
    struct sc_run run = make_run(&(struct wish){.ids = true, .shuffled = true});
    struct sc_analysis a;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    const struct sc_node *d = sc_node_at(a.document.root, "decided");
    const struct sc_estimate *first = sc_estimate_at(d, "left.0");
    assert_true(first->high > 0.9 && first->value > 0.8);
    assert_true(isnan(sc_estimate_at(d, "half_after")->value));
    assert_non_null(sc_estimate_at(d, "half_after")->reason);
    assert_true(sc_number_at(d, "left_uncorrected.0") < 0.9); /* what nobody is to be told */
    assert_null(sc_node_at(d, "forks")->first);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void without_tokens_nothing_is_said(void **state)
{
    (void)state;
    struct sc_run run = fixture_run(&(struct fixture_options){.n_instances = 12, .n_traces = 4});
    struct sc_analysis a;
    assert_int_equal(sc_analysis_make(&run, &a, NULL), SC_OK);
    assert_true(sc_absent_at(a.document.root, "decided"));
    assert_non_null(sc_node_at(a.document.root, "decided")->reason);
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void hostile_answers_are_data(void **state)
{
    (void)state;
    struct sc_run run = make_run(
        &(struct wish){.ids = true, .hostile = " </script><script>alert(1)</script>\x1b[31m"});
    for (size_t i = 0; i < run.n_instances; i++) /* the first token is hostile too */
        for (size_t t = 0; t < 10; t++)
            memcpy(run.instances[i].traces[t].text,
                   run.instances[i].traces[t].verdict == SC_REFUSAL ? "<u>\x1b" : "<s>\x07", 4);
    for (int form = FIXTURE_JSON; form <= FIXTURE_PAGE; form++) {
        struct sc_text out = {0};
        assert_int_equal(fixture_show(&run,
                                      (struct fixture_view){(enum fixture_form)form, 80, false},
                                      &out, NULL),
                         SC_OK);
        assert_null(strchr(out.data, '\x1b'));
        assert_null(strchr(out.data, '\x07'));
        if (form == FIXTURE_PAGE) {
            assert_null(strstr(out.data, "<script>alert"));
            struct sc_text packed = page_texts(out.data);
            assert_non_null(strstr(packed.data, "\"tree\":{"));
            sc_text_free(&packed);
            assert_null(strstr(out.data, "<u>"));
            assert_null(strstr(out.data, "<s>"));
        }
        sc_text_free(&out);
    }
    sc_run_free(&run);
}

/* An explored tree of two answers and what is not known, as a page without scripts has it. */
static void a_tree_is_also_a_list(void **state)
{
    (void)state;
    static const int32_t ids[3][3] = {{1, 2, 9}, {1, 3, 9}, {4, 9, 0}};
    static const uint32_t ends[] = {2, 5, 5};
    const struct sc_tree_answer answers[] = {
        {ids[0], 3, "I <b>", ends, NULL, 0.5, 0.5, 0, 0, true},
        {ids[1], 3, "I can", ends, NULL, 0.25, 0, 0.25, 0, true},
        {ids[2], 1, "No", ends, NULL, 0.2, 0, 0, 0, false},
        {ids[2], 2, "No way", ends, NULL, 0.001, 0.001, 0, 0, true},
        {ids[1], 1, "I ", ends, NULL, 0.001, 0, 0, 0, false}};
    struct sc_tree tree;
    struct sc_text list = {0}, data = {0};
    struct sc_json_writer out = {.text = &data};
    assert_int_equal(sc_tree_build(answers, 5, true, &tree, NULL), SC_OK);
    sc_html_tree_list(&list, &tree, 0.01);
    assert_string_equal(
        list.data,
        "<ul class=\"tree-list\">\n<li><q>I</q> 78.9&nbsp;% of answers, of which 66.7&nbsp;% "
        "refuse"
        "<ul>\n<li><q>&lt;b&gt;</q> 52.5&nbsp;% of answers, of which 100&nbsp;% refuse; ends</li>\n"
        "<li><q>can</q> 26.3&nbsp;% of answers, of which 0&nbsp;% refuse; ends</li>\n</ul></li>\n"
        "<li><q>No</q> 21.1&nbsp;% of answers, 0.5&nbsp;% of them known, of which 100&nbsp;% "
        "refuse<ul>\n"
        "<li>(not explored) 21&nbsp;% of answers</li>\n</ul></li>\n</ul>\n");
    sc_text_clear(&list);
    sc_html_tree(&list, &tree, 0.01);
    assert_non_null(strstr(list.data, "&lt;b&gt;</text>"));
    assert_null(strstr(list.data, "<b>"));
    assert_null(strstr(list.data, "style="));
    sc_json_put_object(&out, NULL);
    sc_html_put_tree(&out, "tree", &tree, 0.01, NULL, NULL);
    sc_json_put_end_object(&out);
    assert_string_equal(
        data.data, "{\"tree\":{\"exact\":true,\"nodes\":[[-1,0,0.952,0.501,0.25,0,1,\"\",false],"
                   "[0,1,0.751,0.5,0.25,0,null,\"I \",false],[1,3,0.5,0.5,0,0,null,\"<b>\",true],"
                   "[1,3,0.25,0,0.25,0,null,\"can\",true],[0,1,0.201,0.001,0,0,null,\"No\",false],"
                   "[4,1,0.2,0,0,0,null,\"\",false],[1,1,0.001,0,0,1,null,null,false],"
                   "[4,1,0.001,0.001,0,1,null,null,false]]}}");
    sc_text_free(&list);
    sc_text_free(&data);
    sc_tree_free(&tree);
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    struct sc_run run = make_run(&(struct wish){.ids = true});
    run.n_instances = 6;
    for (size_t fail = 0;; fail += 1 + fail / 20) {
        struct sc_text out = {0};
        sc_memory_fail_at(fail);
        enum sc_status status =
            fixture_show(&run, (struct fixture_view){FIXTURE_PAGE, 0, false}, &out, NULL);
        bool done = sc_memory_count() <= fail;
        sc_memory_fail_at(SIZE_MAX);
        sc_text_free(&out);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        if (done) {
            assert_int_equal(status, SC_OK);
            break;
        }
    }
    run.n_instances = 60;
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_words_decide),
        cmocka_unit_test(shuffled_verdicts_decide_nothing),
        cmocka_unit_test(without_tokens_nothing_is_said),
        cmocka_unit_test(hostile_answers_are_data),
        cmocka_unit_test(a_tree_is_also_a_list),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
