/*
 * Tables from untrusted files: CSV through libcsv, JSON through jansson.
 *
 * A table is columns and cells of text.  Refused: files past 1 GiB, bytes that are not valid UTF-8,
 * NUL, damaged quoting, rows longer than the header, lines that are not a JSON object, a file
 * without rows. Every message names the line.  What the columns mean is the loaders' affair: see
 * loaders.c.
 */
#include <csv.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "benchmark/benchmark.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)
#define MAX_COLUMNS 4096
#define MAX_CELLS ((size_t)1 << 28)

struct builder {
    const char *name; /* of the file, for messages */
    char **columns;
    size_t n_columns, cap_columns;
    char **cells; /* row after row; a row has as many cells as row_starts says */
    size_t n_cells, cap_cells;
    size_t *row_starts; /* JSON only: index of each row's first cell */
    size_t n_rows, cap_rows;
    struct sc_error *error;
    enum sc_status status;
};

static size_t line_of(const char *data, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += data[i] == '\n';
    return line;
}

static void fail_nomem(struct builder *b)
{
    if (b->status == SC_OK)
        b->status = sc_fail_nomem(b->error, "table");
}

static void builder_free(struct builder *b)
{
    for (size_t i = 0; i < b->n_columns; i++)
        sc_free(b->columns[i]);
    for (size_t i = 0; i < b->n_cells; i++)
        sc_free(b->cells[i]);
    sc_free(b->columns);
    sc_free(b->cells);
    sc_free(b->row_starts);
}

/* Takes text, also when it fails. */
static void add_cell(struct builder *b, char *text)
{
    if (b->status == SC_OK && b->n_cells >= MAX_CELLS)
        b->status = sc_fail(b->error, SC_ERR_LIMIT, "%s: more than %zu cells", b->name, MAX_CELLS);
    if (b->status == SC_OK &&
        sc_grow((void **)&b->cells, b->n_cells, &b->cap_cells, sizeof *b->cells) != 0)
        fail_nomem(b);
    if (b->status != SC_OK) {
        sc_free(text);
        return;
    }
    b->cells[b->n_cells++] = text;
}

static void add_column(struct builder *b, const char *name, size_t bytes, size_t line)
{
    if (b->n_columns >= MAX_COLUMNS) {
        b->status = sc_fail(b->error, SC_ERR_LIMIT, "%s: line %zu: more than %d columns", b->name,
                            line, MAX_COLUMNS);
        return;
    }
    if (sc_grow((void **)&b->columns, b->n_columns, &b->cap_columns, sizeof *b->columns) != 0) {
        fail_nomem(b);
        return;
    }
    char *text = sc_strndup(name, bytes);
    if (text == NULL) {
        fail_nomem(b);
        return;
    }
    b->columns[b->n_columns++] = text;
}

/* ---- CSV ---------------------------------------------------------------------------------- */

struct csv_reader {
    struct builder b;
    size_t line;      /* of the file, from 1 */
    size_t row_line;  /* where the row began */
    size_t row_cells; /* cells of the row so far */
    bool in_row, header_read;
};

static void *resize(void *memory, size_t bytes)
{
    return sc_resize(memory, bytes, 1);
}

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static void on_field(void *bytes, size_t n, void *context)
{
    struct csv_reader *r = context;
    struct builder *b = &r->b;
    if (b->status != SC_OK)
        return;
    const char *text = n > 0 ? bytes : "";
    if (!r->header_read) {
        for (size_t i = 0; i < b->n_columns && n > 0; i++)
            if (strlen(b->columns[i]) == n && memcmp(b->columns[i], text, n) == 0) {
                b->status = sc_fail(b->error, SC_ERR_FORMAT, "%s: line %zu: two columns named '%s'",
                                    b->name, r->row_line, b->columns[i]);
                return;
            }
        add_column(b, text, n, r->row_line);
        return;
    }
    if (r->row_cells == b->n_columns) {
        b->status = sc_fail(b->error, SC_ERR_FORMAT,
                            "%s: line %zu: more cells than the header's %zu columns", b->name,
                            r->row_line, b->n_columns);
        return;
    }
    char *copy = sc_strndup(text, n);
    if (copy == NULL) {
        fail_nomem(b);
        return;
    }
    add_cell(b, copy);
    r->row_cells++;
}

static void on_row(int terminator, void *context)
{
    (void)terminator;
    struct csv_reader *r = context;
    struct builder *b = &r->b;
    r->in_row = false;
    if (b->status != SC_OK)
        return;
    if (!r->header_read) {
        r->header_read = true;
        return;
    }
    while (r->row_cells < b->n_columns && b->status == SC_OK) {
        add_cell(b, NULL);
        r->row_cells++;
    }
    r->row_cells = 0;
    b->n_rows++;
}

static enum sc_status csv_fail(struct csv_reader *r, struct csv_parser *parser, size_t line)
{
    struct builder *b = &r->b;
    if (b->status == SC_OK && csv_error(parser) == CSV_ENOMEM)
        fail_nomem(b);
    if (b->status == SC_OK)
        b->status = sc_fail(b->error, SC_ERR_FORMAT,
                            "%s: line %zu: damaged quoting in the row that begins at line %zu",
                            b->name, line, r->row_line);
    return b->status;
}

/* The parser is fed line by line, so that the line is known when a row begins or is damaged. */
static enum sc_status read_csv(struct csv_reader *r, const char *data, size_t n)
{
    struct builder *b = &r->b;
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return b->status = sc_fail(b->error, SC_ERR_INTERNAL, "%s: CSV parser", b->name);
    csv_set_realloc_func(&parser, resize);
    csv_set_free_func(&parser, sc_free);
    csv_set_space_func(&parser, never); /* spaces belong to the text */
    for (size_t at = 0; at < n && b->status == SC_OK;) {
        const char *newline = memchr(data + at, '\n', n - at);
        size_t length = newline != NULL ? (size_t)(newline - data) + 1 - at : n - at;
        r->line++;
        bool blank = data[at] == '\n' || (data[at] == '\r' && length <= 2);
        if (!r->in_row && !blank) {
            r->row_line = r->line;
            r->in_row = true;
        }
        if (csv_parse(&parser, data + at, length, on_field, on_row, r) != length)
            csv_fail(r, &parser, r->line);
        at += length;
    }
    if (b->status == SC_OK && csv_fini(&parser, on_field, on_row, r) != 0) {
        if (csv_error(&parser) == CSV_EPARSE)
            b->status = sc_fail(b->error, SC_ERR_FORMAT,
                                "%s: a quote opened in the row that begins at line %zu is never "
                                "closed",
                                b->name, r->row_line);
        else
            csv_fail(r, &parser, r->line);
    }
    csv_free(&parser);
    return b->status;
}

/* ---- JSON --------------------------------------------------------------------------------- */

/* Cell text of a value; NULL for JSON null.  Strings as they are, other values as compact JSON. */
static char *value_text(struct builder *b, const json_t *value)
{
    if (json_is_null(value))
        return NULL;
    char *text;
    if (json_is_string(value)) {
        text = sc_strndup(json_string_value(value), json_string_length(value));
    } else {
        struct sc_text buffer = {0};
        sc_json_write(&buffer, value);
        text = sc_text_take(&buffer);
    }
    if (text == NULL)
        fail_nomem(b);
    return text;
}

static size_t json_column(struct builder *b, const char *key, size_t guess, size_t line)
{
    if (guess < b->n_columns && strcmp(b->columns[guess], key) == 0)
        return guess;
    for (size_t i = 0; i < b->n_columns; i++)
        if (strcmp(b->columns[i], key) == 0)
            return i;
    add_column(b, key, strlen(key), line);
    return b->status == SC_OK ? b->n_columns - 1 : SIZE_MAX;
}

/* line 0: an element of an array, counted in rows instead. */
static enum sc_status add_object(struct builder *b, json_t *object, size_t line)
{
    if (!json_is_object(object)) {
        if (line > 0)
            return b->status = sc_fail(b->error, SC_ERR_FORMAT,
                                       "%s: line %zu: expected a JSON object", b->name, line);
        return b->status = sc_fail(b->error, SC_ERR_FORMAT,
                                   "%s: element %zu: expected a JSON object", b->name, b->n_rows);
    }
    if (sc_grow((void **)&b->row_starts, b->n_rows, &b->cap_rows, sizeof *b->row_starts) != 0) {
        fail_nomem(b);
        return b->status;
    }
    size_t start = b->n_cells;
    b->row_starts[b->n_rows++] = start;
    size_t guess = 0;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t column = json_column(b, key, guess, line);
        if (b->status != SC_OK)
            break;
        guess = column + 1;
        char *text = value_text(b, value);
        while (b->status == SC_OK && b->n_cells < start + column)
            add_cell(b, NULL);
        if (b->status != SC_OK) {
            sc_free(text);
            break;
        }
        if (b->n_cells > start + column) {
            sc_free(b->cells[start + column]);
            b->cells[start + column] = text;
        } else {
            add_cell(b, text);
        }
    }
    return b->status;
}

static enum sc_status read_array(struct builder *b, const char *data, size_t n)
{
    json_t *array = NULL;
    b->status = sc_json_parse(data, n, b->name, &array, b->error);
    if (b->status != SC_OK)
        return b->status;
    size_t index;
    json_t *element;
    json_array_foreach(array, index, element)
    {
        if (add_object(b, element, 0) != SC_OK)
            break;
    }
    json_decref(array);
    return b->status;
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
            return false;
    return true;
}

static enum sc_status read_lines(struct builder *b, const char *data, size_t n)
{
    size_t line = 0;
    for (size_t at = 0; at < n && b->status == SC_OK;) {
        const char *newline = memchr(data + at, '\n', n - at);
        size_t length = newline != NULL ? (size_t)(newline - data) - at : n - at;
        line++;
        if (!is_blank(data + at, length)) {
            json_t *object = NULL;
            struct sc_error why = {0};
            b->status = sc_json_parse(data + at, length, "", &object, &why);
            if (b->status == SC_OK) {
                add_object(b, object, line);
            } else {
                /* Its message counts lines from here; the file's line is what helps. */
                const char *tail = strstr(why.text, ": expected");
                sc_fail(b->error, b->status, "%s: line %zu%s", b->name, line,
                        tail != NULL ? tail : ": out of memory");
            }
            json_decref(object);
        }
        at += length + 1;
    }
    return b->status;
}

/* Gives every row the same width. */
static enum sc_status make_matrix(struct builder *b)
{
    if (b->n_rows == 0)
        return b->status;
    if (sc_size_mul(b->n_rows, b->n_columns) > MAX_CELLS)
        return b->status = sc_fail(b->error, SC_ERR_LIMIT, "%s: %zu rows of %zu columns: too many",
                                   b->name, b->n_rows, b->n_columns);
    char **matrix = sc_alloc_zero(b->n_rows * b->n_columns, sizeof *matrix);
    if (matrix == NULL) {
        fail_nomem(b);
        return b->status;
    }
    for (size_t row = 0; row < b->n_rows; row++) {
        size_t begin = b->row_starts[row];
        size_t end = row + 1 < b->n_rows ? b->row_starts[row + 1] : b->n_cells;
        for (size_t i = begin; i < end; i++)
            matrix[row * b->n_columns + (i - begin)] = b->cells[i];
    }
    sc_free(b->cells);
    b->cells = matrix;
    b->n_cells = b->n_rows * b->n_columns;
    return SC_OK;
}

/* ---- entry -------------------------------------------------------------------------------- */

enum format { FORMAT_CSV, FORMAT_LINES, FORMAT_ARRAY };

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcasecmp(name + n - m, ending) == 0;
}

static enum format format_of(const char *name, const char *data, size_t n)
{
    size_t i = 0;
    while (i < n && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n'))
        i++;
    char first = i < n ? data[i] : '\0';
    if (ends_with(name, ".csv"))
        return FORMAT_CSV;
    if (ends_with(name, ".jsonl") || ends_with(name, ".ndjson"))
        return FORMAT_LINES;
    if (ends_with(name, ".json"))
        return first == '[' ? FORMAT_ARRAY : FORMAT_LINES;
    return first == '{' ? FORMAT_LINES : first == '[' ? FORMAT_ARRAY : FORMAT_CSV;
}

static enum sc_status check_bytes(const char *name, const char *data, size_t n,
                                  struct sc_error *error)
{
    if (n >= 4 && memcmp(data, "PAR1", 4) == 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "%s: a Parquet file: expected CSV or JSONL (export it first)", name);
    size_t valid = sc_utf8_valid(data, n);
    if (valid < n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: line %zu: not valid UTF-8 (byte 0x%02x)", name,
                       line_of(data, valid), (unsigned)(unsigned char)data[valid]);
    const char *nul = n > 0 ? memchr(data, '\0', n) : NULL;
    if (nul != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: line %zu: a NUL byte", name,
                       line_of(data, (size_t)(nul - data)));
    return SC_OK;
}

enum sc_status sc_table_parse(const char *name, const char *data, size_t n, struct sc_table *out,
                              struct sc_error *error)
{
    *out = (struct sc_table){0};
    enum sc_status status = check_bytes(name, data, n, error);
    if (status != SC_OK)
        return status;
    if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        n -= 3;
    }
    struct csv_reader reader = {.b = {.name = name, .error = error, .status = SC_OK}};
    struct builder *b = &reader.b;
    enum format format = format_of(name, data, n);
    if (format == FORMAT_CSV)
        read_csv(&reader, data, n);
    else if (format == FORMAT_ARRAY)
        read_array(b, data, n);
    else
        read_lines(b, data, n);
    if (b->status == SC_OK && format != FORMAT_CSV)
        make_matrix(b);
    if (b->status == SC_OK && (b->n_rows == 0 || b->n_columns == 0))
        b->status = sc_fail(error, SC_ERR_FORMAT, "%s: no rows", name);
    if (b->status != SC_OK) {
        builder_free(b);
        return b->status;
    }
    sc_free(b->row_starts);
    *out = (struct sc_table){
        .columns = b->columns, .n_columns = b->n_columns, .cells = b->cells, .n_rows = b->n_rows};
    return SC_OK;
}

enum sc_status sc_table_read(const char *path, struct sc_table *out, struct sc_error *error)
{
    *out = (struct sc_table){0};
    char *data = NULL;
    size_t n = 0;
    enum sc_status status = sc_file_read(path, MAX_FILE_BYTES, &data, &n, error);
    if (status != SC_OK)
        return status;
    status = sc_table_parse(path, data, n, out, error);
    sc_free(data);
    return status;
}

void sc_table_free(struct sc_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n_columns; i++)
        sc_free(table->columns[i]);
    for (size_t i = 0; table->cells != NULL && i < table->n_rows * table->n_columns; i++)
        sc_free(table->cells[i]);
    sc_free(table->columns);
    sc_free(table->cells);
    *table = (struct sc_table){0};
}

int sc_table_column(const struct sc_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->columns[i], name) == 0)
            return (int)i;
    return -1;
}
