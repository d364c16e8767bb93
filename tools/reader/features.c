/*
 * reader_features FILE.csv >FILE.bin: what the trained reader sees of each row (columns prompt,
 * completion), for tools/reader/train.py.  Per row, little-endian: uint32 verdict of the rules,
 * uint32 whether they are clear, uint32 language, float32
 * dense[SC_READER_DENSE], uint32 n of the runs, uint32 region << 17 | bucket of each.
 */
#include "detection/reader/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark/benchmark.h"

static void write_row(const char *prompt, const char *answer)
{
    static struct sc_rules_reading reading;
    static struct sc_reader_features features;
    size_t n = strlen(answer);
    sc_rules_read(NULL, prompt, answer, n, &reading);
    sc_reader_features(answer, n, &reading, &features);
    uint32_t head[] = {(uint32_t)reading.found.verdict, reading.found.clear,
                       (uint32_t)reading.outline.language.language};
    fwrite(head, sizeof head, 1, stdout);
    fwrite(features.dense, sizeof features.dense, 1, stdout);
    uint32_t n_runs = (uint32_t)features.n_runs;
    fwrite(&n_runs, sizeof n_runs, 1, stdout);
    for (size_t i = 0; i < features.n_runs; i++) {
        const struct sc_reader_run *run = &features.runs[i];
        uint32_t index = (uint32_t)run->region << 17 | run->bucket;
        fwrite(&index, sizeof index, 1, stdout);
    }
}

int main(int argc, char **argv)
{
    struct sc_table table;
    struct sc_error error = {0};
    if (argc != 2 || sc_table_read(argv[1], NULL, &table, &error) != SC_OK) {
        fprintf(stderr, "reader_features: expected a file; %s\n", error.text);
        return EXIT_FAILURE;
    }
    int prompt = sc_table_column(&table, "prompt"), answer = sc_table_column(&table, "completion");
    for (size_t row = 0; row < table.n_rows && answer >= 0; row++) {
        char *const *cells = table.cells + row * table.n_columns;
        const char *text = cells[answer] != NULL ? cells[answer] : "";
        write_row(prompt >= 0 ? cells[prompt] : NULL, text);
    }
    sc_table_free(&table);
    return fflush(stdout) == 0 && answer >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
