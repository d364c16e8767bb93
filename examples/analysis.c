/*
 * What a run amounts to: opens a folder that `safeconf run` made and prints its refusal rates with
 * their intervals, the four quadrants, and what it says of the hypothesis.
 *
 *   cc -std=c11 analysis.c -o analysis $(pkg-config --cflags --libs safeconf)
 *   safeconf run --num-instances 20 --out results/first && ./analysis results/first
 */
#include <math.h>
#include <safeconf/analysis.h>
#include <stdio.h>

/* "refusal rate, unsafe prompts    61.2 %  [52.0, 70.4]  n = 40", or why there is none. */
static int print_share(const struct sc_results *results, const char *what, const char *path)
{
    struct sc_error error = {0};
    struct sc_estimate e;
    if (sc_results_estimate(results, path, &e, &error) != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("%-36s", what);
    if (isnan(e.value))
        printf("none: %s", e.reason);
    else
        printf("%5.1f %%", 100 * e.value);
    if (!isnan(e.low) && !isnan(e.high))
        printf("  [%.1f, %.1f]  n = %zu", 100 * e.low, 100 * e.high, e.n);
    putchar('\n');
    return 0;
}

static int print_quadrant(const struct sc_results *results, const char *name)
{
    char path[80], what[80];
    struct sc_error error = {0};
    struct sc_estimate count;
    snprintf(path, sizeof path, "%s.count", name);
    if (sc_results_estimate(results, path, &count, &error) != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    snprintf(what, sizeof what, "%s: %.0f, harm", name, count.value);
    snprintf(path, sizeof path, "%s.harm_rate", name);
    return print_share(results, what, path);
}

int main(int argc, char **argv)
{
    struct sc_results *results = NULL;
    struct sc_error error = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: analysis RUN_FOLDER\n");
        return 2;
    }
    if (sc_results_open(&results, argv[1], &error) != SC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    printf("%s on %s\n", sc_results_text(results, "run.model"),
           sc_results_text(results, "run.benchmark"));
    int failed =
        print_share(results, "refusal rate, unsafe prompts", "overall.refusal_rate_unsafe");
    failed += print_share(results, "refusal rate, safe prompts", "overall.refusal_rate_safe");
    failed += print_quadrant(results, "confident_refusal");
    failed += print_quadrant(results, "confident_compliance");
    failed += print_quadrant(results, "uncertain_refusal");
    failed += print_quadrant(results, "uncertain_compliance");
    printf("%s\n%s\n", sc_results_text(results, "run.harm_note"),
           sc_results_text(results, "hypothesis_test.text"));
    sc_results_close(results);
    return failed != 0;
}
