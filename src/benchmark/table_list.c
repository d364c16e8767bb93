/* A list of prompts: every line that is not blank is one, as it stands. */
#include <string.h>

#include "base/memory.h"
#include "benchmark/table_builder.h"

static enum sc_status read_line(struct table_builder *b, const char *text, size_t n, size_t line)
{
    char why[80];
    SC_TRY(sc_table_begin_row(b, line));
    if (sc_table_text_fault(text, n, why, sizeof why))
        return sc_table_fail_row(b, "%s", why);
    char *copy = sc_strndup(text, n);
    if (copy == NULL)
        return sc_fail_nomem(b->error, "table");
    b->n_texts++;
    return sc_table_put_cell(b, 0, copy, false);
}

enum sc_status sc_table_read_list(struct table_builder *b, const char *data, size_t n)
{
    SC_TRY(sc_table_add_column(b, TABLE_PROMPT_COLUMN, strlen(TABLE_PROMPT_COLUMN), 1));
    size_t number = 1;
    b->typed = true;
    for (size_t at = 0; at < n; number++) {
        struct table_line line = sc_table_line_at(data, n, at);
        if (!sc_table_is_blank(data + at, line.length))
            SC_TRY(read_line(b, data + at, line.length, number));
        at = line.next;
    }
    return SC_OK;
}
