/* Logs of inspect_ai from anywhere: archives, and one object; a table with a place for every cell,
 * or an error and nothing.  What is found in its cells is read as an import reads it. */
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/memory.h"
#include "experiment/import/answers.h"
#include "experiment/import/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The answers of a row, with the figures of their tokens. */
static void read_output(const char *cell)
{
    struct sc_import_answers answers = {0};
    json_t *value = NULL;
    if (cell == NULL || sc_json_parse(cell, strlen(cell), "fuzz", &value, NULL) != SC_OK)
        return;
    if (sc_import_completions(value, &answers, NULL) == SC_OK && answers.n == 0)
        abort();
    for (size_t i = 0; i < answers.n; i++) {
        struct sc_import_tokens tokens = {0};
        const json_t *given = answers.items[i].given_logprobs;
        if (given != NULL && !json_is_null(given) &&
            sc_import_logprobs(given, answers.items[i].text, 3, &tokens, NULL) == SC_OK &&
            (tokens.n_reasoning > tokens.n || tokens.forced_begin > tokens.n ||
             tokens.n_forced > tokens.n - tokens.forced_begin))
            abort();
        sc_import_tokens_free(&tokens);
    }
    sc_import_answers_cut(&answers, 0);
    sc_free(answers.items);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_table table = {0};
    struct sc_import_log log = {0};
    struct sc_error error = {0};
    const struct sc_table_options how = {0};
    enum sc_status status =
        sc_import_table_parse("fuzz.json", (const char *)data, size, &how, &table, &log, &error);
    if ((status == SC_OK) != (error.status == SC_OK) || (status == SC_OK && table.n_rows == 0))
        abort();
    int output =
        status == SC_OK && log.kind != SC_LOG_NONE ? sc_table_column(&table, "output") : -1;
    for (size_t row = 0; output >= 0 && row < table.n_rows; row++)
        read_output(table.cells[row * table.n_columns + (size_t)output]);
    sc_table_free(&table);
    sc_import_log_free(&log);
    return 0;
}
