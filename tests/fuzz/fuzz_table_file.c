/* Files of any kind by their content: compressed, in UTF-16, of a known format or none.  The first
 * byte chooses a name and options. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "benchmark/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"f",      "f.csv.gz", "f.tsv",  "f.jsonl.zst",
                                        "f.json", "f.txt",    "f.json", "f.jsonl"};
    if (size == 0)
        return 0;
    const struct sc_table_options options = {.rows_key = (data[0] & 7) == 6 ? "a.b" : NULL,
                                             .strict = (data[0] & 8) != 0};
    struct sc_table table;
    struct sc_error error = {0};
    enum sc_status status = sc_table_parse(names[data[0] & 7], (const char *)data + 1, size - 1,
                                           &options, &table, &error);
    if ((status == SC_OK) != (error.text[0] == '\0'))
        abort();
    if (status == SC_OK && (table.n_faults == table.n_rows || (options.strict && table.n_faults)))
        abort();
    for (size_t i = 0; i < table.n_rows * table.n_columns; i++) {
        const char *cell = table.cells[i];
        if (cell != NULL && sc_utf8_valid(cell, strlen(cell)) != strlen(cell))
            abort();
    }
    sc_table_free(&table);
    return 0;
}
