/* See table_builder.h. */
#include "benchmark/table_builder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define MAX_CELLS ((size_t)1 << 26)
#define MAX_PLACES ((size_t)1 << 28) /* for cells, most of them missing */
#define MAX_ROWS ((size_t)1 << 24)
#define MAX_FAULTS ((size_t)1 << 20)

static enum sc_status fail_nomem(struct table_builder *b)
{
    return sc_fail_nomem(b->error, "table");
}

void sc_table_builder_free(struct table_builder *b)
{
    for (size_t i = 0; i < b->n_columns; i++)
        sc_free(b->columns[i]);
    for (size_t i = 0; i < b->n_cells; i++)
        sc_free(b->cells[i]);
    for (size_t i = 0; i < b->n_rows; i++)
        sc_free(b->rows[i].fault);
    sc_free(b->columns);
    sc_free(b->cells);
    sc_free(b->nested);
    sc_free(b->rows);
    sc_text_free(&b->note);
    *b = (struct table_builder){0};
}

/* ---- columns --------------------------------------------------------------------------------- */

enum sc_status sc_table_add_column(struct table_builder *b, const char *name, size_t bytes,
                                   size_t line)
{
    if (b->n_columns >= TABLE_MAX_COLUMNS)
        return sc_fail(b->error, SC_ERR_LIMIT, "%s: line %zu: more than %d columns", b->name, line,
                       TABLE_MAX_COLUMNS);
    if (sc_grow((void **)&b->columns, b->n_columns, &b->cap_columns, sizeof *b->columns) != 0)
        return fail_nomem(b);
    char *text = sc_strndup(name, bytes);
    if (text == NULL)
        return fail_nomem(b);
    b->columns[b->n_columns++] = text;
    return SC_OK;
}

enum sc_status sc_table_find_column(struct table_builder *b, const char *name, size_t guess,
                                    size_t line, size_t *column)
{
    *column = guess;
    if (guess < b->n_columns && strcmp(b->columns[guess], name) == 0)
        return SC_OK;
    for (*column = 0; *column < b->n_columns; (*column)++)
        if (strcmp(b->columns[*column], name) == 0)
            return SC_OK;
    return sc_table_add_column(b, name, strlen(name), line);
}

/* ---- rows and cells -------------------------------------------------------------------------- */

enum sc_status sc_table_begin_row(struct table_builder *b, size_t line)
{
    if (b->n_rows >= MAX_ROWS)
        return sc_fail(b->error, SC_ERR_LIMIT, "%s: line %zu: more than %zu rows", b->name, line,
                       MAX_ROWS);
    if (sc_grow((void **)&b->rows, b->n_rows, &b->cap_rows, sizeof *b->rows) != 0)
        return fail_nomem(b);
    b->rows[b->n_rows++] = (struct table_row){.first_cell = b->n_cells, .line = line};
    return SC_OK;
}

static enum sc_status append(struct table_builder *b, char *text, bool nested)
{
    if (b->n_cells >= MAX_CELLS)
        return sc_fail(b->error, SC_ERR_LIMIT, "%s: more than %zu cells", b->name, MAX_CELLS);
    if (sc_grow((void **)&b->cells, b->n_cells, &b->cap_cells, sizeof *b->cells) != 0 ||
        sc_grow((void **)&b->nested, b->n_cells, &b->cap_nested, sizeof *b->nested) != 0)
        return fail_nomem(b);
    b->nested[b->n_cells] = nested;
    b->cells[b->n_cells++] = text;
    return SC_OK;
}

/* Takes text when it succeeds. */
static enum sc_status place(struct table_builder *b, size_t column, char *text, bool nested)
{
    size_t at = b->rows[b->n_rows - 1].first_cell + column;
    while (b->n_cells < at)
        SC_TRY(append(b, NULL, false));
    if (b->n_cells == at)
        return append(b, text, nested);
    sc_free(b->cells[at]);
    b->cells[at] = text;
    b->nested[at] = nested;
    return SC_OK;
}

enum sc_status sc_table_put_cell(struct table_builder *b, size_t column, char *text, bool nested)
{
    assert(b->n_rows > 0 && column < b->n_columns);
    enum sc_status status = place(b, column, text, nested);
    if (status != SC_OK)
        sc_free(text);
    return status;
}

static enum sc_status fail_row(struct table_builder *b, const char *why)
{
    struct table_row *row = &b->rows[b->n_rows - 1];
    if (b->options->strict)
        return sc_fail(b->error, SC_ERR_FORMAT, "%s: line %zu: %s", b->name, row->line, why);
    if (b->n_faults >= MAX_FAULTS)
        return sc_fail(b->error, SC_ERR_LIMIT,
                       "%s: line %zu: more than %zu rows that cannot be read: %s", b->name,
                       row->line, MAX_FAULTS, why);
    while (b->n_cells > row->first_cell)
        sc_free(b->cells[--b->n_cells]);
    row->fault = sc_strdup(why);
    if (row->fault == NULL)
        return fail_nomem(b);
    b->n_faults++;
    return SC_OK;
}

enum sc_status sc_table_fail_row(struct table_builder *b, const char *format, ...)
{
    assert(b->n_rows > 0 && b->rows[b->n_rows - 1].fault == NULL);
    char why[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return fail_row(b, why);
}

bool sc_table_text_fault(const char *bytes, size_t n, char *why, size_t size)
{
    size_t valid = sc_utf8_valid(bytes, n);
    const unsigned char *bad = (const unsigned char *)bytes + valid;
    if (n - valid >= 2 && bad[0] == 0xed && bad[1] >= 0xa0 && bad[1] <= 0xbf)
        snprintf(why, size, "half of a surrogate pair");
    else if (valid < n)
        snprintf(why, size, "not valid UTF-8 (byte 0x%02x)", (unsigned)bad[0]);
    else if (n > 0 && memchr(bytes, '\0', n) != NULL)
        snprintf(why, size, "a NUL byte");
    else
        return false;
    return true;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The builder's cells in rows that are all as wide as the columns; what is in them is still the
 * builder's. */
static enum sc_status make_matrix(const struct table_builder *b, struct sc_table *out)
{
    size_t n = sc_size_mul(b->n_rows, b->n_columns);
    if (n > MAX_PLACES)
        return sc_fail(b->error, SC_ERR_LIMIT, "%s: %zu rows of %zu columns: too many", b->name,
                       b->n_rows, b->n_columns);
    out->cells = sc_alloc_zero(n, sizeof *out->cells);
    out->nested = sc_alloc_zero(n, sizeof *out->nested);
    out->lines = sc_alloc_array(b->n_rows, sizeof *out->lines);
    out->faults = sc_alloc_array(b->n_rows, sizeof *out->faults);
    if (out->cells == NULL || out->nested == NULL || out->lines == NULL || out->faults == NULL ||
        b->note.failed)
        return sc_fail_nomem(b->error, "table");
    for (size_t row = 0; row < b->n_rows; row++) {
        size_t begin = b->rows[row].first_cell;
        size_t end = row + 1 < b->n_rows ? b->rows[row + 1].first_cell : b->n_cells;
        for (size_t i = begin; i < end; i++) {
            out->cells[row * b->n_columns + (i - begin)] = b->cells[i];
            out->nested[row * b->n_columns + (i - begin)] = b->nested[i];
        }
        out->lines[row] = b->rows[row].line;
        out->faults[row] = b->rows[row].fault;
    }
    return SC_OK;
}

static enum sc_status check_rows(const struct table_builder *b)
{
    if (b->n_rows > 0 && b->n_faults == b->n_rows) {
        const struct table_row *first = &b->rows[0];
        return b->n_rows == 1 ? sc_fail(b->error, SC_ERR_FORMAT, "%s: line %zu: %s", b->name,
                                        first->line, first->fault)
                              : sc_fail(b->error, SC_ERR_FORMAT,
                                        "%s: none of %zu rows can be read: line %zu: %s", b->name,
                                        b->n_rows, first->line, first->fault);
    }
    if (b->n_rows == 0 || b->n_columns == 0)
        return sc_fail(b->error, SC_ERR_FORMAT, "%s: no rows", b->name);
    return SC_OK;
}

enum sc_status sc_table_finish(struct table_builder *b, struct sc_table *out)
{
    SC_TRY(check_rows(b));
    struct sc_table table = {.columns = b->columns,
                             .n_columns = b->n_columns,
                             .n_rows = b->n_rows,
                             .n_faults = b->n_faults,
                             .typed = b->typed,
                             .texts = b->n_texts == b->n_rows - b->n_faults,
                             .note = b->note.data};
    enum sc_status status = make_matrix(b, &table);
    if (status != SC_OK) {
        sc_free(table.cells);
        sc_free(table.nested);
        sc_free(table.lines);
        sc_free(table.faults);
        return status;
    }
    *out = table;
    sc_free(b->cells);
    sc_free(b->nested);
    sc_free(b->rows);
    *b = (struct table_builder){0};
    return SC_OK;
}

/* ---- lines ----------------------------------------------------------------------------------- */

struct table_line sc_table_line_at(const char *data, size_t n, size_t at)
{
    size_t end = at;
    while (end < n && data[end] != '\n' && data[end] != '\r')
        end++;
    struct table_line line = {.length = end - at, .next = end};
    if (line.next < n)
        line.next += data[end] == '\r' && end + 1 < n && data[end + 1] == '\n' ? 2 : 1;
    return line;
}

bool sc_table_is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
            return false;
    return true;
}
