/* The forecast of a run: what it is made from, what is marked as extrapolated, what is held out and
 * how it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "report_fixture.h"
#include "show_fixture.h"

enum { N = 60 };

static void analyse(const struct sc_run *run, struct sc_analysis *out)
{
    struct sc_error error = {0};
    if (sc_analysis_make(run, out, &error) != SC_OK)
        fail_msg("%s", error.text);
}

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g", a, b);
}

/* Harmful of the traces from..to of an unsafe prompt, without a judge: what did not refuse. */
static size_t count_harm(const struct sc_run_instance *instance, size_t from, size_t to)
{
    size_t out = 0;
    for (size_t t = from; t < to; t++)
        out += sc_harm_is_harmful(sc_harm_by_label(instance->traces[t].verdict, instance->label),
                                  true);
    return out;
}

static void traces_are_split_by_index(void **state)
{
    struct fixture_options o = {.n_instances = N, .n_traces = 10};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    (void)state;
    analyse(&run, &a);
    const struct sc_node *root = a.document.root;
    assert_int_equal(sc_count_at(root, "forecast.held_out.attempts.traces_fitted"), 3);
    assert_int_equal(sc_count_at(root, "forecast.held_out.attempts.traces_held_out"), 7);
    size_t trials[N], harmful[N], n = 0, k[] = {4, 5, 6, 7};
    double seen[4] = {0}, other[4] = {0}, n_other = 0;
    for (size_t i = 0; i < run.n_instances; i++) {
        if (run.instances[i].label != SC_LABEL_UNSAFE)
            continue;
        size_t rest = count_harm(&run.instances[i], 3, 10);
        trials[n] = 3;
        harmful[n] = count_harm(&run.instances[i], 0, 3);
        for (size_t j = 0; j < 4; j++) {
            seen[j] += sc_at_k(7, rest, k[j]);
            other[j] += n % 2 ? sc_at_k(7, rest, k[j]) : 0;
        }
        n_other += n++ % 2 ? 1 : 0;
    }
    struct sc_attempts fit;
    assert_int_equal(sc_attempts_fit(&(struct sc_trials){trials, harmful, n}, &fit, NULL), SC_OK);
    const struct sc_held_out *h = &a.forecast.same_prompts, *o2 = &a.forecast.other_prompts;
    assert_int_equal(h->n_k, 4);
    for (size_t j = 0; j < 4; j++) {
        assert_int_equal(h->k[j], k[j]);
        near(h->seen[j].value, seen[j] / (double)n, 1e-12);
        near(o2->seen[j].value, other[j] / n_other, 1e-12);
        for (int by = 0; by < SC_N_FORECASTERS; by++) {
            double at = sc_attempts_at_k(&fit, (enum sc_forecaster)by, (double)k[j]);
            const struct sc_estimate *forecast = &h->forecast[(size_t)by * h->n_k + j];
            const struct sc_estimate *error = &h->error[(size_t)by * h->n_k + j];
            near(forecast->value, at, 1e-9);
            near(error->value, at - seen[j] / (double)n, 1e-9);
            assert_true(error->low <= error->value && error->value <= error->high);
            /* other prompts: farther off, and known less well */
            const struct sc_estimate *off = &o2->error[(size_t)by * h->n_k + j];
            assert_true(off->high - off->low > error->high - error->low);
        }
    }
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void what_was_not_seen_is_marked(void **state)
{
    struct fixture_options o = {.n_instances = N, .n_traces = 6};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    (void)state;
    analyse(&run, &a);
    const struct sc_node *root = a.document.root;
    size_t n_marked = 0, n_old = 0;
    for (int by = 0; by < SC_N_FORECASTERS; by++) {
        char path[60];
        snprintf(path, sizeof path, "forecast.attempts.%s.at_k",
                 sc_forecaster_name((enum sc_forecaster)by));
        for (const struct sc_node *at = sc_node_at(root, path)->first; at != NULL; at = at->next) {
            assert_int_equal(sc_flag_at(at, "extrapolated"), sc_count_at(at, "k") > 6);
            n_marked += sc_flag_at(at, "extrapolated");
        }
    }
    assert_true(n_marked >= SC_N_FORECASTERS);
    /* the beta-binomial's figures are those of the section on repeated sampling */
    const struct sc_node *at = sc_node_at(root, "forecast.attempts.beta_binomial.at_k")->first;
    for (const struct sc_node *old = sc_node_at(root, "repeated_sampling.asr_extrapolated")->first;
         old != NULL; old = old->next, at = at->next, n_old++) {
        near(sc_estimate_at(old, "asr")->value, sc_estimate_at(at, "asr")->value, 0);
        near(sc_estimate_at(old, "asr")->low, sc_estimate_at(at, "asr")->low, 0);
    }
    assert_true(n_old > 3 && at == NULL);
    at = sc_node_at(root, "forecast.prompts.at_n")->first;
    assert_false(sc_flag_at(at, "extrapolated"));
    assert_true(sc_flag_at(at->next, "extrapolated"));
    sc_analysis_free(&a);
    sc_run_free(&run);
}

static void the_page_and_the_screen_say_it(void **state)
{
    struct fixture_options o = {.n_instances = N, .n_traces = 10};
    struct sc_run run = fixture_run(&o);
    struct sc_text page = {0}, screen = {0};
    (void)state;
    assert_int_equal(fixture_show(&run, (struct fixture_view){.form = FIXTURE_PAGE}, &page, NULL),
                     SC_OK);
    assert_non_null(strstr(page.data, "More attempts, more prompts"));
    assert_non_null(strstr(page.data, "Held out: fitted to the first 3 traces of each prompt"));
    assert_non_null(strstr(page.data, "<small>extrapolated</small>"));
    assert_int_equal(fixture_show(&run,
                                  (struct fixture_view){.form = FIXTURE_TERMINAL, .width = 80},
                                  &screen, NULL),
                     SC_OK);
    assert_non_null(strstr(screen.data, "Attack success (proxy)"));
    assert_non_null(strstr(screen.data, "extrapolated"));
    sc_text_free(&page);
    sc_text_free(&screen);
    sc_run_free(&run);
}

static void too_little_says_why(void **state)
{
    struct fixture_options o = {.n_instances = 12, .n_traces = 2};
    struct sc_run run = fixture_run(&o);
    struct sc_analysis a;
    struct sc_text page = {0};
    (void)state;
    analyse(&run, &a);
    const struct sc_node *root = a.document.root;
    assert_true(sc_absent_at(root, "forecast.held_out.attempts"));
    assert_non_null(sc_text_at(root, "forecast.attempts.power_law.reason"));
    assert_non_null(sc_text_at(root, "forecast.prompts.tail.reason"));
    sc_analysis_free(&a);
    for (size_t i = 0; i < run.n_instances; i++)
        run.instances[i].label = SC_LABEL_SAFE;
    analyse(&run, &a);
    root = a.document.root;
    assert_int_equal(sc_count_at(root, "forecast.n_prompts"), 0);
    assert_non_null(sc_text_at(root, "forecast.attempts.equal_rates.reason"));
    sc_analysis_free(&a);
    assert_int_equal(fixture_show(&run, (struct fixture_view){.form = FIXTURE_PAGE}, &page, NULL),
                     SC_OK);
    assert_non_null(strstr(page.data, "Nothing to forecast"));
    sc_text_free(&page);
    sc_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traces_are_split_by_index),
        cmocka_unit_test(what_was_not_seen_is_marked),
        cmocka_unit_test(the_page_and_the_screen_say_it),
        cmocka_unit_test(too_little_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
