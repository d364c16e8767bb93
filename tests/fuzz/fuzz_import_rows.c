/* A file of answers from anywhere, under the name that its first byte chooses, as an import reads
 * it: rows with prompts and answers that fit together, or an error and nothing.  What follows a
 * byte 1 is the file beside it that some formats have: requests of a batch, results of a harness.
 */
#include <stdlib.h>
#include <string.h>

#include "experiment/import/rows.h"
#include "scratch_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct sc_import_rows *rows, const struct sc_benchmark *benchmark)
{
    const struct sc_instance *instances = benchmark->instances;
    expect(benchmark->n_instances > 0 && benchmark->n_instances <= rows->n_prompts);
    for (size_t i = 0; i < benchmark->n_instances; i++) /* the others are no prompts */
        expect(instances[i].row < rows->n_prompts &&
               (i == 0 || instances[i - 1].row < instances[i].row));
    expect(rows->answers.n >= rows->n_prompts);
    for (size_t i = 0; i < rows->n_prompts; i++)
        expect(rows->prompts[i].text != NULL && rows->prompts[i].row < rows->table.n_rows);
    for (size_t i = 0; i < rows->answers.n; i++) {
        const struct sc_import_answer *answer = &rows->answers.items[i];
        expect(answer->prompt < rows->n_prompts && answer->text != NULL);
        expect(i == 0 || answer[-1].prompt <= answer->prompt);
        expect((answer->finish == SC_FINISH_FAILED) == (answer->failure != NULL));
        expect(answer->answer_begin <= strlen(answer->text));
    }
}

static void import(struct sc_import_options *options)
{
    const struct sc_import_observer nobody = {0};
    struct sc_import_rows rows = {0};
    struct sc_import_summary summary = {0};
    struct sc_benchmark benchmark = {0};
    struct sc_benchmark_options asked;
    struct sc_error error = {0};
    enum sc_status status = sc_import_rows_read(options, &nobody, &summary, &rows, &error);
    expect((status == SC_OK) == (error.text[0] == '\0'));
    if (status == SC_OK) {
        status = sc_import_prompts_make(&rows, options, &asked, &benchmark, &error);
        expect((status == SC_OK) == (error.text[0] == '\0'));
        if (status == SC_OK)
            check(&rows, &benchmark);
        sc_benchmark_free(&benchmark);
    }
    sc_import_rows_free(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"rows.jsonl",    "rows.csv",          "rows.json",
                                        "rows.tsv",      "predictions.jsonl", "samples_x_1.jsonl",
                                        "outputs.jsonl", "x.report.jsonl"};
    static const char results[] = "results_1.json", requests[] = "requests.jsonl";
    if (size == 0)
        return 0;
    const char *name = names[data[0] % (sizeof names / sizeof *names)];
    const uint8_t *one = memchr(data + 1, 1, size - 1);
    size_t n = one != NULL ? (size_t)(one - data) - 1 : size - 1;
    struct sc_import_options options = sc_import_options_default();
    char path[300], beside[300];
    scratch_write(name, data + 1, n);
    scratch_remove(results);
    strcpy(path, scratch_path(name));
    options.file = path;
    if (one != NULL) {
        bool harness = strncmp(name, "samples", 7) == 0;
        scratch_write(harness ? results : requests, one + 1, size - n - 2);
        strcpy(beside, scratch_path(requests));
        options.requests = harness ? NULL : beside;
    }
    import(&options);
    scratch_remove(name);
    return 0;
}
