/*
 * Cells between delimiters (RFC 4180, and what programs write that take it less strictly): CSV with
 * commas, semicolons, bars; tab-separated files.
 *
 * A row that is damaged (text behind a closing quote, a quote inside an unquoted cell, more cells
 * than the header has) fails alone: reading goes on at the line after the one on which it began.
 * Refused: a damaged header, a quote that is never closed.
 *
 * Linear: a quoted cell ends at the first odd run of quotes, and so does one that begins further
 * on, so no byte is read more than twice after a damaged row.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "benchmark/table_builder.h"

/* Rows and bytes that the delimiter is found by. */
#define TRIAL_ROWS 32
#define TRIAL_BYTES ((size_t)64 << 10)

struct csv {
    const char *data;
    size_t n;
    char delimiter;
};

/* Where a cell's text lies; n_quotes: doubled quotes in it, each of which stands for one. */
struct csv_cell {
    size_t begin, n, n_quotes;
};

enum csv_end {
    CSV_CELL,    /* a delimiter: another cell of the row follows */
    CSV_ROW,     /* the end of a line or of the file */
    CSV_DAMAGED, /* a quote where none may stand, or text behind a closing one */
    CSV_OPEN     /* a quote that is never closed */
};

static bool is_blank(const struct csv *csv, char c)
{
    return c == ' ' || (c == '\t' && csv->delimiter != '\t');
}

static size_t skip_blanks(const struct csv *csv, size_t at)
{
    while (at < csv->n && is_blank(csv, csv->data[at]))
        at++;
    return at;
}

/* What ends the cell at `at`, which is set behind it. */
static enum csv_end read_end(const struct csv *csv, size_t *at)
{
    if (*at == csv->n)
        return CSV_ROW;
    if (csv->data[*at] == csv->delimiter) {
        ++*at;
        return CSV_CELL;
    }
    *at = sc_table_line_at(csv->data, csv->n, *at).next;
    return CSV_ROW;
}

/* at: behind the opening quote. */
static enum csv_end read_quoted(const struct csv *csv, size_t *at, struct csv_cell *cell)
{
    const char *data = csv->data;
    *cell = (struct csv_cell){.begin = *at};
    size_t i = *at;
    for (;;) {
        const char *quote = i < csv->n ? memchr(data + i, '"', csv->n - i) : NULL;
        if (quote == NULL)
            return CSV_OPEN;
        i = (size_t)(quote - data) + 1;
        if (i == csv->n || data[i] != '"')
            break;
        cell->n_quotes++;
        i++;
    }
    cell->n = i - 1 - cell->begin;
    i = skip_blanks(csv, i);
    if (i < csv->n && data[i] != csv->delimiter && data[i] != '\n' && data[i] != '\r')
        return CSV_DAMAGED;
    *at = i;
    return read_end(csv, at);
}

static enum csv_end read_bare(const struct csv *csv, size_t *at, struct csv_cell *cell)
{
    *cell = (struct csv_cell){.begin = *at};
    size_t i = *at;
    for (; i < csv->n; i++) {
        char c = csv->data[i];
        if (c == csv->delimiter || c == '\n' || c == '\r')
            break;
        if (c == '"' && csv->delimiter != '\t')
            return CSV_DAMAGED;
    }
    cell->n = i - *at;
    *at = i;
    return read_end(csv, at);
}

/* Reads the cell at `at`, which is set behind what ends it, or stays where the cell is damaged.
 * Between tabs a quote that does not enclose the cell is text: most such files do not quote. */
static enum csv_end read_cell(const struct csv *csv, size_t *at, struct csv_cell *cell)
{
    size_t first = skip_blanks(csv, *at);
    if (first == csv->n || csv->data[first] != '"')
        return read_bare(csv, at, cell);
    size_t inside = first + 1;
    enum csv_end end = read_quoted(csv, &inside, cell);
    if ((end == CSV_DAMAGED || end == CSV_OPEN) && csv->delimiter == '\t')
        return read_bare(csv, at, cell);
    if (end == CSV_CELL || end == CSV_ROW)
        *at = inside;
    return end;
}

/* ---- which delimiter ------------------------------------------------------------------------- */

/* What the first rows look like with one delimiter. */
struct csv_trial {
    size_t n_columns, n_rows, n_alike; /* n_alike: rows with as many cells as the header */
};

/* Cells of the row at `at`, which is set behind it; 0: damaged, behind its first line. */
static size_t count_cells(const struct csv *csv, size_t *at)
{
    size_t begin = *at, n = 0;
    for (;;) {
        struct csv_cell cell;
        enum csv_end end = read_cell(csv, at, &cell);
        n++;
        if (end == CSV_ROW)
            return n;
        if (end == CSV_CELL)
            continue;
        *at = sc_table_line_at(csv->data, csv->n, begin).next;
        return 0;
    }
}

static struct csv_trial try_delimiter(const struct csv *csv)
{
    struct csv_trial trial = {0};
    for (size_t at = 0; at < csv->n && at < TRIAL_BYTES && trial.n_rows < TRIAL_ROWS;) {
        struct table_line line = sc_table_line_at(csv->data, csv->n, at);
        if (line.length == 0) {
            at = line.next;
            continue;
        }
        size_t n = count_cells(csv, &at);
        if (trial.n_columns == 0) {
            if (n == 0)
                break;
            trial.n_columns = n;
            continue;
        }
        trial.n_rows++;
        trial.n_alike += n == trial.n_columns;
    }
    return trial;
}

/* How many of the rows agree with the header, 0 to 1. */
static double agreement(const struct csv_trial *trial)
{
    return trial->n_rows > 0 ? (double)trial->n_alike / (double)trial->n_rows : 1;
}

/* The usual delimiter where the header has it, unless more rows agree with another one; where the
 * header has it not, another one that half of the rows agree with. */
static char find_delimiter(const char *data, size_t n, char usual)
{
    static const char all[] = {',', ';', '\t', '|'};
    struct csv csv = {.data = data, .n = n, .delimiter = usual};
    struct csv_trial trial = try_delimiter(&csv);
    double best = trial.n_columns >= 2 ? agreement(&trial) : 0.49;
    char found = usual;
    for (size_t i = 0; i < sizeof all && best < 1; i++) {
        csv.delimiter = all[i];
        trial = try_delimiter(&csv);
        if (trial.n_columns >= 2 && agreement(&trial) > best) {
            best = agreement(&trial);
            found = all[i];
        }
    }
    return found;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct csv_reader {
    struct table_builder *b;
    struct csv csv;
    size_t at, line;             /* where reading is, and the line of that place, from 1 */
    struct csv_cell *cells;      /* [n_kept] of a row */
    size_t n_kept, cap, n_cells; /* n_cells: up to the last that is not empty, or that is kept */
};

/* Goes on at `to`, counting the lines that end before it. */
static void advance(struct csv_reader *r, size_t to)
{
    while (r->at < to) {
        struct table_line line = sc_table_line_at(r->csv.data, to, r->at);
        r->line += r->at + line.length < to;
        r->at = line.next;
    }
}

/* The cells of the row at r->at; *end is set behind it. */
static enum sc_status scan_row(struct csv_reader *r, size_t most, size_t *end, enum csv_end *how)
{
    *end = r->at;
    r->n_kept = r->n_cells = 0;
    size_t n = 0;
    do {
        struct csv_cell cell;
        *how = read_cell(&r->csv, end, &cell);
        n++;
        if (n <= most || cell.n > 0)
            r->n_cells = n;
        if (r->n_kept >= most)
            continue; /* no more than counted: an error, or nothing but delimiters */
        if (sc_grow((void **)&r->cells, r->n_kept, &r->cap, sizeof *r->cells) != 0)
            return sc_fail_nomem(r->b->error, "table");
        r->cells[r->n_kept++] = cell;
    } while (*how == CSV_CELL);
    return SC_OK;
}

/* The text of a cell; sc_free it. */
static char *cell_text(const struct csv_reader *r, const struct csv_cell *cell)
{
    const char *from = r->csv.data + cell->begin;
    assert(cell->n >= cell->n_quotes);
    char *text = sc_alloc(cell->n - cell->n_quotes + 1);
    if (text == NULL)
        return NULL;
    size_t length = 0;
    for (size_t i = 0; i < cell->n; i++) {
        text[length++] = from[i];
        i += cell->n_quotes > 0 && from[i] == '"';
    }
    text[length] = '\0';
    return text;
}

static enum sc_status add_column(struct csv_reader *r, char *name)
{
    struct table_builder *b = r->b;
    size_t end = strlen(name), begin = strspn(name, " \t");
    while (end > begin && (name[end - 1] == ' ' || name[end - 1] == '\t'))
        end--;
    name[end] = '\0';
    name += begin;
    for (size_t i = 0; i < b->n_columns && *name != '\0'; i++)
        if (strcmp(b->columns[i], name) == 0) {
            size_t shown = sc_utf8_valid(name, strnlen(name, 60));
            return sc_fail(b->error, SC_ERR_FORMAT,
                           "%s: line %zu: columns %zu and %zu: two columns named '%.*s'%s", b->name,
                           r->line, i + 1, b->n_columns + 1, (int)shown, name,
                           name[shown] != '\0' ? "..." : "");
        }
    return sc_table_add_column(b, name, strlen(name), r->line);
}

static enum sc_status fail_open(const struct csv_reader *r)
{
    return sc_fail(r->b->error, SC_ERR_FORMAT,
                   "%s: a quote opened in the row that begins at line %zu is never closed",
                   r->b->name, r->line);
}

static enum sc_status read_header(struct csv_reader *r)
{
    struct table_builder *b = r->b;
    size_t end;
    enum csv_end how;
    char why[80];
    SC_TRY(scan_row(r, TABLE_MAX_COLUMNS + 1, &end, &how));
    if (how == CSV_OPEN)
        return fail_open(r);
    if (how == CSV_DAMAGED)
        return sc_fail(b->error, SC_ERR_FORMAT, "%s: line %zu: damaged quoting in the header",
                       b->name, r->line);
    if (sc_table_text_fault(r->csv.data + r->at, end - r->at, why, sizeof why))
        return sc_fail(b->error, SC_ERR_FORMAT, "%s: line %zu: the header: %s", b->name, r->line,
                       why);
    for (size_t i = 0; i < r->n_kept; i++) {
        char *name = cell_text(r, &r->cells[i]);
        enum sc_status status =
            name != NULL ? add_column(r, name) : sc_fail_nomem(b->error, "table");
        sc_free(name);
        SC_TRY(status);
    }
    advance(r, end);
    return SC_OK;
}

static enum sc_status put_cells(struct csv_reader *r)
{
    for (size_t i = 0; i < r->n_kept; i++) {
        char *text = cell_text(r, &r->cells[i]);
        if (text == NULL)
            return sc_fail_nomem(r->b->error, "table");
        SC_TRY(sc_table_put_cell(r->b, i, text, false));
    }
    return SC_OK;
}

static enum sc_status fail_wide(struct table_builder *b)
{
    if (b->n_columns > 1)
        return sc_table_fail_row(b, "more cells than the header's %zu columns", b->n_columns);
    return sc_table_fail_row(
        b, "more cells than the header's one column: a prompt with commas is to be "
           "quoted, and a plain list of prompts to be called .txt");
}

static enum sc_status read_row(struct csv_reader *r)
{
    struct table_builder *b = r->b;
    size_t end;
    enum csv_end how;
    char why[80];
    SC_TRY(sc_table_begin_row(b, r->line));
    SC_TRY(scan_row(r, b->n_columns, &end, &how));
    if (how == CSV_OPEN)
        return fail_open(r);
    if (how == CSV_DAMAGED)
        end = sc_table_line_at(r->csv.data, r->csv.n, r->at).next;
    if (sc_table_text_fault(r->csv.data + r->at, end - r->at, why, sizeof why))
        SC_TRY(sc_table_fail_row(b, "%s", why));
    else if (how == CSV_DAMAGED)
        SC_TRY(sc_table_fail_row(b, "damaged quoting"));
    else if (r->n_cells > b->n_columns)
        SC_TRY(fail_wide(b));
    else
        SC_TRY(put_cells(r));
    advance(r, end);
    return SC_OK;
}

static enum sc_status read_rows(struct csv_reader *r)
{
    bool header = false;
    while (r->at < r->csv.n) {
        struct table_line line = sc_table_line_at(r->csv.data, r->csv.n, r->at);
        if (line.length == 0) {
            advance(r, line.next);
            continue;
        }
        SC_TRY(header ? read_row(r) : read_header(r));
        header = true;
    }
    return SC_OK;
}

/* A first line such as "sep=;", which Excel writes and reads: the length of it, or 0. */
static size_t separator_line(const char *data, size_t n, char *delimiter)
{
    struct table_line line = sc_table_line_at(data, n, 0);
    if (line.length != 5 || strncasecmp(data, "sep=", 4) != 0 || strchr(",;|\t", data[4]) == NULL)
        return 0;
    *delimiter = data[4];
    return line.next;
}

enum sc_status sc_table_read_csv(struct table_builder *b, const char *data, size_t n,
                                 char usual_delimiter)
{
    char delimiter;
    size_t begin = separator_line(data, n, &delimiter);
    if (begin == 0)
        delimiter = find_delimiter(data, n, usual_delimiter);
    struct csv_reader r = {.b = b, .csv = {data, n, delimiter}, .line = 1};
    advance(&r, begin);
    if (delimiter == '\t' && delimiter != usual_delimiter)
        sc_text_puts(&b->note, "cells are separated by tabs");
    else if (delimiter != usual_delimiter)
        sc_text_printf(&b->note, "cells are separated by '%c'", delimiter);
    enum sc_status status = read_rows(&r);
    sc_free(r.cells);
    return status;
}
