/* Any bytes as a suite's file: runs with names of their own below phases, or one line about what is
 * wrong; its conditions come to a value. */
#include <stdlib.h>
#include <string.h>

#include "suite/suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static size_t count(void *context, const char *phase, const char *run)
{
    (void)context, (void)phase, (void)run;
    return 2;
}

static const json_t *analysis(void *context, const char *phase, const char *run, size_t i,
                              const char **name, const char **why)
{
    (void)phase, (void)run;
    *name = "name";
    *why = "none";
    return i == 0 ? context : NULL;
}

static void check(const struct sc_suite *suite, json_t *figures)
{
    size_t n = 0;
    for (size_t p = 0; p < suite->n_phases; p++) {
        const struct sc_suite_phase *phase = &suite->phases[p];
        expect(phase->first == n && sc_suite_phase_at(suite, phase->name) == p);
        n += phase->n_runs;
        for (size_t i = phase->first; i < n; i++) {
            expect(sc_suite_run_at(suite, p, suite->runs[i].name) == i);
            expect(strstr(suite->runs[i].place, "..") != suite->runs[i].place);
        }
        if (phase->condition == NULL)
            continue;
        struct sc_condition_result result;
        struct sc_condition_figures from = {figures, count, analysis};
        struct sc_error error = {0};
        expect(sc_condition_evaluate(phase->condition, &from, &result, &error) == SC_OK);
        sc_condition_result_free(&result);
    }
    expect(n == suite->n_runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "{\"overall\":{\"n\":1,\"r\":{\"value\":0,\"low\":0,\"high\":1}}}";
    struct sc_suite suite;
    struct sc_error error = {0};
    json_t *figures = NULL;
    if (sc_json_parse(text, sizeof text - 1, "figures", &figures, NULL) != SC_OK)
        return 0;
    enum sc_status status = sc_suite_parse((const char *)data, size, "fuzz", &suite, &error);
    expect((status == SC_OK) == (error.text[0] == '\0'));
    if (status == SC_OK)
        check(&suite, figures);
    sc_suite_free(&suite);
    json_decref(figures);
    return 0;
}
