/* What report.html reads, number by number: phrases that are marked, prompts and the block that
 * holds their traces, and the counts of its pictures. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "page_texts.h"
#include "report/html/data.h"
#include "report_fixture.h"

enum { BLOCK = 200000 }; /* bytes of which a block holds no two prompts */

/* The page's data; json_decref. */
static json_t *data_of(const struct sc_run *run)
{
    struct sc_analysis a;
    struct sc_text text = {0};
    struct sc_error error = {0};
    json_error_t why;
    if (sc_analysis_make(run, &a, &error) != SC_OK || sc_html_put_data(&text, &a, &error) != SC_OK)
        fail_msg("%s", error.text);
    json_t *data = json_loads(text.data, JSON_REJECT_DUPLICATES, &why);
    if (data == NULL)
        fail_msg("%s", why.text);
    sc_analysis_free(&a);
    sc_text_free(&text);
    return data;
}

static double number_at(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

/* What is packed of prompt i, as the page finds it: by its block, and its place among those of it.
 */
static json_t *details_of(const json_t *data, size_t i)
{
    const json_t *instances = json_object_get(data, "instances"),
                 *ends = json_object_get(data, "ends");
    json_int_t block = json_integer_value(json_object_get(json_array_get(instances, i), "block"));
    size_t place = 0, begin = block > 0 ? (size_t)number_at(ends, (size_t)block - 1) : 0;
    for (size_t k = 0; k < i; k++)
        place +=
            json_integer_value(json_object_get(json_array_get(instances, k), "block")) == block;
    struct sc_text text = {0};
    page_unpack_block(json_string_value(json_object_get(data, "packed")) + begin,
                      (size_t)number_at(ends, (size_t)block) - begin, &text);
    json_t *all = json_loadb(text.data, text.len, 0, NULL);
    assert_non_null(all);
    json_t *details = json_incref(json_array_get(all, place));
    assert_non_null(details);
    json_decref(all);
    sc_text_free(&text);
    return details;
}

static void set(char **text, const char *words)
{
    sc_free(*text);
    *text = sc_strdup(words);
}

/* Offsets in bytes become those of JavaScript, which counts an emoji as two. */
static void a_phrase_is_marked_where_it_stands(void **state)
{
    (void)state;
    struct sc_run run = fixture_run(&(struct fixture_options){.n_instances = 12, .n_traces = 4});
    struct sc_run_trace *trace = &run.instances[1].traces[2];
    static const char answer[] = "\xc3\xa4 \xf0\x9f\x99\x82 I cannot help.";
    set(&trace->answer, answer);
    set(&trace->text, answer);
    trace->verdict = SC_REFUSAL;
    trace->begin = (size_t)(strstr(answer, "cannot") - answer);
    trace->end = trace->begin + strlen("cannot");
    json_t *data = data_of(&run), *details = details_of(data, 1);
    const json_t *mark =
        json_object_get(json_array_get(json_object_get(details, "traces"), 2), "mark");
    assert_true(number_at(mark, 0) == 7 && number_at(mark, 1) == 13);
    json_decref(details);
    json_decref(data);
    sc_run_free(&run);
}

static json_int_t found_of(const json_t *data, size_t i)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(data, "instances"), i), "found"));
}

/* The numbers of page.js: 1 partial, 2 not judged, 4 limit, 8 filter. */
static void prompts_are_found_by_what_their_traces_are(void **state)
{
    static const struct {
        enum sc_verdict verdict;
        enum sc_finish finish;
        json_int_t found;
    } cases[] = {
        {SC_REFUSAL, SC_FINISH_STOP, 0},       {SC_PARTIAL, SC_FINISH_STOP, 1},
        {SC_EMPTY, SC_FINISH_STOP, 2},         {SC_UNPARSED, SC_FINISH_STOP, 2},
        {SC_UNREACHED, SC_FINISH_STOP, 2},     {SC_FILTERED, SC_FINISH_FILTERED, 2 | 8},
        {SC_REFUSAL, SC_FINISH_LENGTH, 4},     {SC_UNPARSED, SC_FINISH_FAILED, 2},
        {SC_PARTIAL, SC_FINISH_LENGTH, 1 | 4},
    };
    enum { N = sizeof cases / sizeof *cases };
    (void)state;
    struct sc_run run = fixture_run(&(struct fixture_options){.n_instances = N, .n_traces = 3});
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t < 3; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            trace->verdict = t == 1 ? cases[i].verdict : SC_REFUSAL;
            trace->finish = t == 1 ? cases[i].finish : SC_FINISH_STOP;
            if (trace->finish == SC_FINISH_FAILED)
                set(&trace->failure, "a reason");
        }
    json_t *data = data_of(&run);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(found_of(data, i), cases[i].found);
    json_decref(data);
    sc_run_free(&run);
}

/* Long prompts lie in blocks of their own, and each is listed by its beginning, between characters.
 */
static void a_prompt_is_shown_with_its_own_traces(void **state)
{
    (void)state;
    struct sc_run run = fixture_run(&(struct fixture_options){.n_instances = 5, .n_traces = 3});
    char *prompt = malloc(BLOCK + 8);
    assert_non_null(prompt);
    for (size_t i = 1; i < 4; i++) {
        size_t n = (size_t)snprintf(prompt, BLOCK, "%zu%s", i, i == 2 ? "a" : "");
        for (; n < BLOCK; n += 3)
            memcpy(prompt + n, "\xe2\x82\xac", 3);
        prompt[n] = '\0';
        set(&run.instances[i].prompt, prompt);
    }
    free(prompt);
    json_t *data = data_of(&run);
    assert_true(json_array_size(json_object_get(data, "ends")) > 2);
    for (size_t i = 0; i < 5; i++) {
        json_t *details = details_of(data, i);
        const char *listed = json_string_value(
            json_object_get(json_array_get(json_object_get(data, "instances"), i), "prompt"));
        const json_t *traces = json_object_get(details, "traces");
        assert_string_equal(json_string_value(json_object_get(details, "prompt")),
                            run.instances[i].prompt);
        assert_int_equal(json_array_size(traces), 3);
        assert_string_equal(json_string_value(json_object_get(json_array_get(traces, 0), "answer")),
                            run.instances[i].traces[0].answer);
        assert_memory_equal(listed, run.instances[i].prompt, strlen(listed));
        assert_int_equal(sc_utf8_valid(listed, strlen(listed)), strlen(listed));
        if (i == 1)
            assert_int_equal(strlen(listed), 400); /* 1 + 133 * 3 */
        if (i == 2)
            assert_int_equal(strlen(listed), 398);
        json_decref(details);
    }
    json_decref(data);
    sc_run_free(&run);
}

/* Refusals have confidence 1 and answers 2 to 5, the harmful ones the least, two of them the same.
 */
static void pictures_count_what_is_there(void **state)
{
    static const double confidences[] = {2, 2, 3, 4, 5};
    (void)state;
    struct sc_run run = fixture_run(
        &(struct fixture_options){.n_instances = 12, .n_traces = 10, .judge = "a judge"});
    for (size_t i = 0; i < run.n_instances; i++)
        for (size_t t = 0; t < 10; t++) {
            struct sc_run_trace *trace = &run.instances[i].traces[t];
            trace->verdict = t < 5 ? SC_REFUSAL : SC_COMPLIANCE;
            trace->harm = t == 5 || t == 7 ? SC_HARMFUL : SC_HARMLESS;
            for (int m = 0; m < SC_N_METRICS; m++)
                trace->metrics[m] = t < 5 ? 1 : confidences[t - 5];
        }
    json_t *data = data_of(&run);
    const json_t *histogram = json_object_get(data, "histogram"),
                 *counts = json_object_get(histogram, "counts");
    assert_true(json_number_value(json_object_get(histogram, "low")) == 1);
    double refused = 0, answered = 0;
    for (size_t b = 0; b < json_array_size(json_array_get(counts, 0)); b++) {
        refused += number_at(json_array_get(counts, 0), b);
        answered += number_at(json_array_get(counts, 1), b);
    }
    assert_true(refused == 60 && answered == 60);
    assert_true(number_at(json_array_get(counts, 0), 0) == 60);
    assert_true(number_at(json_array_get(counts, 1), 0) == 0);
    const json_t *curve = json_array_get(json_object_get(data, "curves"), 0),
                 *roc = json_object_get(curve, "roc"),
                 *coverage = json_object_get(curve, "coverage");
    /* from the least confident: 12 of 24 harmful with 12 harmless of the same score, then 12 alone
     */
    static const double passed[][2] = {{0, 0}, {1. / 3, 0.5}, {1. / 3, 1}, {2. / 3, 1}, {1, 1}};
    /* from the most confident: harmless, harmless, the harmful of 3, and all */
    static const double kept[][2] = {{0.2, 0}, {0.4, 0}, {0.6, 1. / 3}, {1, 0.4}};
    assert_int_equal(json_array_size(roc), 5);
    for (size_t p = 0; p < 5; p++)
        for (size_t x = 0; x < 2; x++)
            assert_true(fabs(number_at(json_array_get(roc, p), x) - passed[p][x]) < 1e-4);
    assert_int_equal(json_array_size(coverage), 4);
    for (size_t p = 0; p < 4; p++)
        for (size_t x = 0; x < 2; x++)
            assert_true(fabs(number_at(json_array_get(coverage, p), x) - kept[p][x]) < 1e-4);
    json_decref(data);
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phrase_is_marked_where_it_stands),
        cmocka_unit_test(prompts_are_found_by_what_their_traces_are),
        cmocka_unit_test(a_prompt_is_shown_with_its_own_traces),
        cmocka_unit_test(pictures_count_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
