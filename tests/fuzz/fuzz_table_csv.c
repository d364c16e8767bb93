/* CSV from anywhere: a table or an error, and the table is whole. */
#include <stdlib.h>
#include <string.h>

#include "benchmark/benchmark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_table table;
    struct sc_error error = {0};
    enum sc_status status = sc_table_parse("f.csv", (const char *)data, size, NULL, &table, &error);
    if ((status == SC_OK) != (error.text[0] == '\0'))
        abort();
    size_t bytes = 0;
    for (size_t i = 0; i < table.n_rows * table.n_columns; i++)
        bytes += table.cells[i] ? strlen(table.cells[i]) : 0;
    if (bytes > size)
        abort();
    sc_table_free(&table);
    return 0;
}
