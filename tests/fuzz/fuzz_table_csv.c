/* CSV and tab-separated files from anywhere: a table or an error, and the table is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/inflate.h"
#include "benchmark/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sc_table *table, size_t most)
{
    size_t bytes = 0, n_faults = 0;
    for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
        bytes += table->cells[i] != NULL ? strlen(table->cells[i]) : 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        n_faults += table->faults[i] != NULL;
        if (table->lines[i] == 0 || (i > 0 && table->lines[i] <= table->lines[i - 1]))
            abort();
    }
    if (bytes > most || n_faults != table->n_faults || n_faults == table->n_rows)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"f.csv", "f.tsv"};
    const char *text = (const char *)data;
    if (sc_compression_of(text, size) != SC_COMPRESSION_NONE)
        return 0; /* fuzz_table_file */
    for (int k = 0; k < 2; k++) {
        struct sc_table table;
        struct sc_error error = {0};
        enum sc_status status = sc_table_parse(names[k], text, size, NULL, &table, &error);
        if ((status == SC_OK) != (error.text[0] == '\0'))
            abort();
        if (status == SC_OK)
            check(&table, 2 * size); /* UTF-16 may grow */
        sc_table_free(&table);
    }
    return 0;
}
