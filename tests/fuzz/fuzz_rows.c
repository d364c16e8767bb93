/* Any bytes as a page of a set's rows: what is read is one line of JSON a row. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "hub/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_lines(const struct sc_rows *rows)
{
    const char *line = rows->lines.data;
    for (uint64_t i = 0; i < rows->n; i++) {
        const char *end = strchr(line, '\n');
        json_t *row = NULL;
        struct sc_error error = {0};
        expect(end != NULL);
        expect(sc_json_parse_nul(line, (size_t)(end - line), "", &row, &error) == SC_OK);
        expect(json_is_object(row));
        json_decref(row);
        line = end + 1;
    }
    expect(*line == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sc_rows rows = {0};
    struct sc_error error = {0};
    char said[256], *text = malloc(size ? size : 1); /* its end is the sanitizer's business */

    if (text == NULL)
        return 0;
    if (size)
        memcpy(text, data, size);
    sc_rows_complaint(text, size, said, sizeof said);
    expect(strlen(said) < sizeof said);
    if (sc_rows_add_page(&rows, text, size, &error) == SC_OK) {
        expect(rows.n > 0 && rows.n <= rows.n_total);
        check_lines(&rows);
        if (rows.n < rows.n_total)
            expect(sc_rows_add_page(&rows, text, size, &error) != SC_OK); /* not the next one */
    } else {
        expect(error.status != SC_OK && error.text[0]);
    }
    sc_rows_free(&rows);
    free(text);
    return 0;
}
