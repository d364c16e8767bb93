/* JSON lines and arrays from anywhere: a table or an error, and the table is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "benchmark/benchmark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"f.jsonl", "f.json", "f"};
    for (int k = 0; k < 3; k++) {
        struct sc_table table;
        struct sc_error error = {0};
        enum sc_status status =
            sc_table_parse(names[k], (const char *)data, size, NULL, &table, &error);
        if ((status == SC_OK) != (error.text[0] == '\0'))
            abort();
        for (size_t i = 0; i < table.n_rows * table.n_columns; i++) {
            const char *cell = table.cells[i];
            if (cell && sc_utf8_valid(cell, strlen(cell)) != strlen(cell))
                abort();
        }
        sc_table_free(&table);
    }
    return 0;
}
