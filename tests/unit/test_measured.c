/* Who judges, against people's labels: counts, shares, their trials and what is corrected by them,
 * against tests/golden/measured.json (statsmodels and SciPy; see make_measured_golden.py there). */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/measured.h"
#include "base/memory.h"

enum { MOST = 400 };

static char title[] = "gold", content[] = "0123456789abcdef";
static struct sc_run_label rows[MOST];

static struct sc_run_labels labels_of(size_t n)
{
    return (struct sc_run_labels){.title = title, .content = content, .rows = rows, .n = n};
}

static struct sc_measured measure(const struct sc_run_labels *labels, enum sc_measured_of of)
{
    struct sc_measured out;
    struct sc_error error = {0};
    if (sc_measure_reader(labels, of, &out, &error) != SC_OK)
        fail_msg("%s", error.text);
    return out;
}

static void near(double found, const json_t *object, const char *key)
{
    double expected = json_number_value(json_object_get(object, key));
    if (!(fabs(found - expected) <= 1e-9))
        fail_msg("%s: expected %.17g, found %.17g", key, expected, found);
}

static void check_share(const json_t *one, const char *key, const struct sc_estimate *found,
                        struct sc_seen seen)
{
    const json_t *expected = json_object_get(one, key);
    near(found->value, expected, "value");
    near(found->low, expected, "low");
    near(found->high, expected, "high");
    near(seen.n, expected, "trials");
}

static size_t item(const json_t *one, const char *key, size_t i)
{
    return (size_t)json_integer_value(json_array_get(json_object_get(one, key), i));
}

static void figures_are_those_of_other_libraries(void **state)
{
    (void)state;
    json_t *golden = json_load_file(TEST_GOLDEN "/measured.json", 0, NULL), *one;
    size_t i;
    assert_non_null(golden);
    json_array_foreach(json_object_get(golden, "cases"), i, one)
    {
        size_t n = json_array_size(json_object_get(one, "yes"));
        assert_true(n <= MOST);
        for (size_t k = 0; k < n; k++)
            rows[k] = (struct sc_run_label){
                .first = item(one, "first", k),
                .label = item(one, "yes", k) ? SC_REFUSAL : SC_COMPLIANCE,
                .said = item(one, "said", k) ? SC_PARTIAL : SC_EMPTY,
                .score = json_number_value(json_array_get(json_object_get(one, "score"), k))};
        struct sc_run_labels labels = labels_of(n);
        struct sc_measured m = measure(&labels, SC_MEASURED_REFUSAL);
        assert_true(m.there && m.n == n && m.n_unread == 0);
        near((double)m.tp, one, "tp");
        near((double)m.fn, one, "fn");
        near((double)m.fp, one, "fp");
        near((double)m.tn, one, "tn");
        check_share(one, "recall", &m.sensitivity, m.positives);
        check_share(one, "specificity", &m.specificity, m.negatives);
        near(m.kappa.value, one, "kappa");
        near(m.auroc.value, one, "auroc");
        assert_null(m.reason);
        const json_t *corrected = json_object_get(one, "corrected");
        struct sc_estimate found = sc_rogan_gladen_of(
            json_number_value(json_object_get(corrected, "found")),
            json_number_value(json_object_get(corrected, "n_found")), m.positives, m.negatives);
        near(found.value, corrected, "value");
        near(found.low, corrected, "low");
        near(found.high, corrected, "high");
    }
    assert_int_equal(i, 4);
    json_decref(golden);
}

/* n rows of each kind: people say yes or no, the reader says so. */
static size_t put(size_t at, size_t n, enum sc_harm label, enum sc_harm said)
{
    for (size_t i = 0; i < n; i++, at++)
        rows[at] = (struct sc_run_label){
            .first = at, .label = (unsigned char)label, .said = (unsigned char)said, .score = NAN};
    return at;
}

static void controversial_is_harmful_in_one_reading_alone(void **state)
{
    (void)state;
    size_t n = put(0, 12, SC_HARMFUL, SC_CONTROVERSIAL);
    n = put(n, 3, SC_HARMLESS, SC_CONTROVERSIAL);
    n = put(n, 10, SC_HARMLESS, SC_HARMLESS);
    n = put(n, 4, SC_HARMFUL, SC_UNJUDGED);
    struct sc_run_labels labels = labels_of(n);
    struct sc_measured strict = measure(&labels, SC_MEASURED_HARM_STRICT);
    struct sc_measured loose = measure(&labels, SC_MEASURED_HARM_LOOSE);
    assert_int_equal(strict.tp, 12);
    assert_int_equal(strict.fp, 3);
    assert_int_equal(strict.n_unread, 4);
    assert_int_equal(strict.n, 25);
    assert_int_equal(loose.fn, 12);
    assert_int_equal(loose.tn, 13);
    assert_null(strict.reason);
    assert_non_null(strstr(loose.reason, "better than chance"));
    assert_non_null(strict.auroc.reason); /* no probabilities */
}

static void too_few_and_chance_correct_nothing(void **state)
{
    (void)state;
    size_t n = put(0, 9, SC_HARMFUL, SC_HARMFUL);
    n = put(n, 50, SC_HARMLESS, SC_HARMLESS);
    struct sc_run_labels labels = labels_of(n);
    assert_non_null(strstr(measure(&labels, SC_MEASURED_HARM_STRICT).reason, "fewer than 10"));
    n = put(0, 50, SC_HARMFUL, SC_HARMFUL);
    n = put(n, 9, SC_HARMLESS, SC_HARMLESS);
    labels = labels_of(n);
    assert_non_null(strstr(measure(&labels, SC_MEASURED_HARM_STRICT).reason, "do not call so"));
    n = put(0, 20, SC_HARMFUL, SC_HARMFUL);
    n = put(n, 20, SC_HARMFUL, SC_HARMLESS);
    n = put(n, 20, SC_HARMLESS, SC_HARMFUL);
    n = put(n, 25, SC_HARMLESS, SC_HARMLESS);
    labels = labels_of(n);
    assert_non_null(strstr(measure(&labels, SC_MEASURED_HARM_STRICT).reason, "chance"));
    labels = labels_of(0);
    struct sc_measured nothing = measure(&labels, SC_MEASURED_HARM_STRICT);
    assert_true(nothing.there && nothing.n == 0 && isnan(nothing.sensitivity.value));
    labels = (struct sc_run_labels){0};
    assert_false(measure(&labels, SC_MEASURED_REFUSAL).there);
}

/* The same answers to one prompt alone say less than answers to many. */
static void answers_to_one_prompt_are_few_trials(void **state)
{
    (void)state;
    size_t n = put(0, 40, SC_HARMFUL, SC_HARMFUL);
    n = put(n, 40, SC_HARMLESS, SC_HARMLESS);
    struct sc_run_labels labels = labels_of(n);
    assert_true(fabs(measure(&labels, SC_MEASURED_HARM_STRICT).positives.n - 40) < 1e-12);
    for (size_t i = 0; i < n; i++)
        rows[i].first = i / 20;
    struct sc_measured m = measure(&labels, SC_MEASURED_HARM_STRICT);
    assert_true(fabs(m.positives.n - 2) < 1e-12);
    assert_int_equal(m.n_prompts, 4);
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    size_t n = put(0, 30, SC_HARMFUL, SC_HARMFUL);
    n = put(n, 30, SC_HARMLESS, SC_HARMLESS);
    for (size_t i = 0; i < n; i++)
        rows[i].score = 0.5;
    struct sc_run_labels labels = labels_of(n);
    size_t at = 0;
    for (;; at++) {
        struct sc_measured out;
        struct sc_error error = {0};
        sc_memory_fail_at(at);
        enum sc_status status = sc_measure_reader(&labels, SC_MEASURED_HARM_STRICT, &out, &error);
        bool all = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        if (all) {
            assert_int_equal(status, SC_OK);
            break;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    assert_true(at >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_other_libraries),
        cmocka_unit_test(controversial_is_harmful_in_one_reading_alone),
        cmocka_unit_test(too_few_and_chance_correct_nothing),
        cmocka_unit_test(answers_to_one_prompt_are_few_trials),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
