/* Files of answers that people labelled, from anywhere: labels or an error, and every row is whole.
 */
#include <stdlib.h>
#include <string.h>

#include "base/inflate.h"
#include "benchmark/labelled.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sc_labelled *labelled)
{
    size_t n_refusals = 0, n_harms = 0;
    for (size_t i = 0; i < labelled->n; i++) {
        const struct sc_labelled_row *row = &labelled->rows[i];
        if (row->first > i || strcmp(labelled->rows[row->first].prompt, row->prompt) != 0)
            abort();
        if (row->refusal > SC_COMPLIANCE && row->refusal != SC_N_VERDICTS)
            abort();
        if (row->harm > SC_HARMLESS && row->harm != SC_N_HARMS)
            abort();
        n_refusals += row->refusal != SC_N_VERDICTS;
        n_harms += row->harm != SC_N_HARMS;
    }
    if (n_refusals != labelled->n_refusals || n_harms != labelled->n_harms ||
        n_refusals + n_harms == 0 || strlen(labelled->texts) != 16 ||
        strlen(labelled->content) != 16)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"f.csv", "f.jsonl"};
    const char *text = (const char *)data;
    if (sc_compression_of(text, size) != SC_COMPRESSION_NONE)
        return 0; /* fuzz_table_file */
    for (int k = 0; k < 2; k++) {
        const struct sc_labels_options options = {.file = names[k]};
        struct sc_table table;
        struct sc_labelled labelled;
        struct sc_error error = {0};
        if (sc_table_parse(names[k], text, size, NULL, &table, NULL) != SC_OK)
            continue;
        enum sc_status status = sc_labelled_take(&labelled, &options, &table, &error);
        if ((status == SC_OK) != (error.text[0] == '\0'))
            abort();
        if (status == SC_OK)
            check(&labelled);
        sc_labelled_free(&labelled);
        sc_table_free(&table);
    }
    return 0;
}
