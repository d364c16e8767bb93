/*
 * How fast answers are read for refusals, by hand: answers and bytes a second of one core, for each
 * file the best of seven passes.
 *
 *   bench_detect [--detector patterns|reader] FILE...
 *
 * A file has the columns prompt and answer or completion, as tests/golden/detection has.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "benchmark/table.h"
#include "detection/detection.h"

enum { N_PASSES = 7 };

struct columns {
    int prompt, answer;
};

/* Seconds of one pass; *bytes of answers, *refused: counted so that nothing is left out. */
static double pass(const struct sc_table *table, const struct columns *at,
                   const struct sc_detector *detector, size_t *bytes, size_t *refused)
{
    double began = sc_seconds();
    *bytes = *refused = 0;
    for (size_t row = 0; row < table->n_rows; row++) {
        char *const *cells = table->cells + row * table->n_columns;
        const char *answer = cells[at->answer];
        if (table->faults[row] != NULL || answer == NULL)
            continue;
        struct sc_detection found;
        sc_detect_with(detector, at->prompt >= 0 ? cells[at->prompt] : NULL, answer, &found);
        *refused += found.verdict == SC_REFUSAL || found.verdict == SC_PARTIAL;
        *bytes += strlen(answer);
    }
    return sc_seconds() - began;
}

static enum sc_status bench(const char *path, const struct sc_detector *detector,
                            struct sc_error *error)
{
    const struct sc_table_options reading = {0};
    struct sc_table table = {0};
    SC_TRY(sc_table_read(path, &reading, &table, error));
    struct columns at = {sc_table_column(&table, "prompt"), sc_table_column(&table, "answer")};
    if (at.answer < 0)
        at.answer = sc_table_column(&table, "completion");
    if (at.answer < 0 || table.n_rows == 0) {
        sc_table_free(&table);
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected rows with answer or completion", path);
    }
    double best = 1e300;
    size_t bytes = 0, refused = 0;
    for (int i = 0; i < N_PASSES; i++) {
        double seconds = pass(&table, &at, detector, &bytes, &refused);
        best = seconds < best ? seconds : best;
    }
    printf("%-48s %6zu answers of %5.0f bytes, %5zu refuse: %8.0f a second, %6.1f MB/s\n", path,
           table.n_rows, (double)bytes / (double)table.n_rows, refused, (double)table.n_rows / best,
           (double)bytes / best * 1e-6);
    sc_table_free(&table);
    return SC_OK;
}

int main(int argc, char **argv)
{
    struct sc_detector detector = {.kind = sc_detector_default()};
    int first = 1;
    struct sc_error error = {0};
    if (argc > 2 && strcmp(argv[1], "--detector") == 0) {
        int kind = sc_detector_kind_parse(argv[2]);
        detector.kind = kind >= 0 ? (enum sc_detector_kind)kind : detector.kind;
        first = 3;
    }
    if (first >= argc || sc_detector_check(detector.kind, &error) != SC_OK) {
        fprintf(stderr, "usage: bench_detect [--detector patterns|reader] FILE...\n");
        return 2;
    }
    for (int i = first; i < argc; i++)
        if (bench(argv[i], &detector, &error) != SC_OK) {
            fprintf(stderr, "bench_detect: %s\n", error.text);
            return 1;
        }
    return 0;
}
