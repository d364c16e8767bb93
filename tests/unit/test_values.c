/* Figures that no model gives are refused, each by its name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "experiment/store/values.h"

enum { N_TOKENS = 3 };

/* A trace with room for its tokens. */
struct made {
    struct sc_run_trace trace;
    struct sc_token_stats stats[N_TOKENS];
    float low[N_TOKENS], high[N_TOKENS];
};

static void make(struct made *made)
{
    memset(made, 0, sizeof *made);
    struct sc_run_trace *trace = &made->trace;
    for (int m = 0; m < SC_N_METRICS; m++)
        trace->metrics[m] = trace->reasoning_metrics[m] = trace->answer_metrics[m] = 0.5;
    for (size_t i = 0; i < N_TOKENS; i++) {
        made->stats[i] = (struct sc_token_stats){
            .logprob = -1, .sampled_logprob = -2, .confidence = 12, .entropy = 0.25F};
        made->low[i] = 0.1F;
        made->high[i] = 30; /* an upper bound may lie above what it bounds could reach */
    }
    trace->figures = SC_ALL_FIGURES;
    trace->n_tokens = N_TOKENS;
    trace->n_tokens_known = true;
    trace->stats = made->stats;
    trace->entropy_low = made->low;
    trace->entropy_high = made->high;
}

static void expect(const struct made *made, const char *words)
{
    struct sc_store store = {.path = (char[]){"run.db"}};
    const struct sc_row row = {.store = &store, .where = "trace"};
    struct sc_error error = {0};
    enum sc_status status = sc_values_check(&row, &made->trace, &error);
    if (words == NULL && status != SC_OK)
        fail_msg("%s", error.text);
    if (words != NULL && (status != SC_ERR_FORMAT || strstr(error.text, words) == NULL))
        fail_msg("expected \"%s\", found \"%s\"", words, error.text);
}

static void metrics_are_looked_at_in_every_segment(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        const char *before;
    } segments[] = {{offsetof(struct sc_run_trace, metrics), ": mean: "},
                    {offsetof(struct sc_run_trace, reasoning_metrics), ": reasoning_mean: "},
                    {offsetof(struct sc_run_trace, answer_metrics), ": answer_mean: "}};
    for (size_t s = 0; s < sizeof segments / sizeof *segments; s++) {
        struct made made;
        make(&made);
        double *metrics = (double *)((char *)&made.trace + segments[s].offset);
        expect(&made, NULL);
        metrics[SC_METRIC_MEAN] = -5;
        expect(&made, segments[s].before);
        metrics[SC_METRIC_MEAN] = INFINITY;
        expect(&made, segments[s].before);
        metrics[SC_METRIC_MEAN] = NAN; /* not known */
        expect(&made, NULL);
        metrics[SC_METRIC_MEAN] = 40;
        expect(&made, NULL);
        metrics[SC_METRIC_PROB] = 1.0005; /* rounding */
        expect(&made, NULL);
        metrics[SC_METRIC_PROB] = 1.01;
        expect(&made, "prob: 1.01 is no such figure");
    }
}

static void figures_of_tokens_are_looked_at_where_they_are_known(void **state)
{
    (void)state;
    static const struct {
        struct sc_token_stats stats;
        enum sc_figure figure;
        const char *words;
    } cases[] = {
        {{0.5F, -2, 12, 0.25F}, SC_FIGURE_LOGPROB, "token 1: 0.5 is no "},
        {{-1, 0.5F, 12, 0.25F}, SC_FIGURE_SAMPLED_LOGPROB, "token 1: 0.5 is no "},
        {{-1, -2, -0.5F, 0.25F}, SC_FIGURE_CONFIDENCE, "token 1: -0.5 is no "},
        {{-1, -2, 12, -0.5F}, SC_FIGURE_ENTROPY, "token 1: -0.5 is no "},
        {{-1, -2, 12, 22}, SC_FIGURE_ENTROPY, "token 1: 22 is no "},
        {{NAN, -2, 12, 0.25F}, SC_FIGURE_LOGPROB, "token 1: nan is no "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct made made;
        make(&made);
        made.stats[1] = cases[i].stats;
        expect(&made, cases[i].words);
        made.trace.figures &= ~(1u << cases[i].figure);
        expect(&made, NULL);
        /* a token that was put in has none, and a trace that failed says why by them */
        made.trace.figures = SC_ALL_FIGURES;
        made.trace.forced_begin = 1;
        made.trace.n_forced = 1;
        expect(&made, NULL);
        made.trace.n_forced = 0;
        made.trace.finish = SC_FINISH_FAILED;
        expect(&made, NULL);
    }
}

static void bounds_of_entropies_are_looked_at(void **state)
{
    (void)state;
    for (int high = 0; high < 2; high++) {
        struct made made;
        make(&made);
        float *bounds = high ? made.high : made.low;
        bounds[2] = -1;
        expect(&made, "token 2: -1 is no bound of an entropy");
        bounds[2] = NAN;
        expect(&made, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_looked_at_in_every_segment),
        cmocka_unit_test(figures_of_tokens_are_looked_at_where_they_are_known),
        cmocka_unit_test(bounds_of_entropies_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
