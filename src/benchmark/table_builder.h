/*
 * A table while it is read: rows and cells in the order of the file, columns as they come up.
 * Private to the readers of tables (table_*.c); the table it becomes is in table.h.
 */
#ifndef SC_BENCHMARK_TABLE_BUILDER_H
#define SC_BENCHMARK_TABLE_BUILDER_H

#include "benchmark/table.h"

#define TABLE_MAX_COLUMNS 4096

struct table_row {
    size_t first_cell, line;
    char *fault; /* NULL: readable */
};

/* Begins as zeros but for the name, options and error; sc_table_builder_free after an error. */
struct table_builder {
    const char *name; /* of the file, for messages */
    const struct sc_table_options *options;
    struct sc_error *error;
    char **columns;
    size_t n_columns, cap_columns;
    char **cells; /* [n_cells] row after row */
    bool *nested; /* [n_cells] */
    size_t n_cells, cap_cells, cap_nested;
    struct table_row *rows;
    size_t n_rows, cap_rows, n_faults;
    size_t n_texts; /* rows that are nothing but a text */
    struct sc_text note;
    bool typed; /* as in the table */
};

/* Appends a column; line for the message when there are too many. */
enum sc_status sc_table_add_column(struct table_builder *b, const char *name, size_t bytes,
                                   size_t line);
/* The column of that name, added where there is none: *column.  guess: where it may stand. */
enum sc_status sc_table_find_column(struct table_builder *b, const char *name, size_t guess,
                                    size_t line, size_t *column);
enum sc_status sc_table_begin_row(struct table_builder *b, size_t line);
/* Puts a cell into the last row, or replaces it; takes text (NULL: missing), also when it fails. */
enum sc_status sc_table_put_cell(struct table_builder *b, size_t column, char *text, bool nested);
/* The last row cannot be read: its cells are dropped.  An error where options are strict. */
enum sc_status sc_table_fail_row(struct table_builder *b, const char *format, ...) SC_PRINTF(2, 3);
/* Why the bytes are not text, written to why [size >= 80]; false: they are. */
bool sc_table_text_fault(const char *bytes, size_t n, char *why, size_t size);
/* Gives every row the same width and hands the table out; the builder is empty after it. */
enum sc_status sc_table_finish(struct table_builder *b, struct sc_table *out);
void sc_table_builder_free(struct table_builder *b);

/* Where the line that begins at `at` ends: its length without the line's end (LF, CR LF or CR), and
 * where the next one begins. */
struct table_line {
    size_t length, next;
};
struct table_line sc_table_line_at(const char *data, size_t n, size_t at);
bool sc_table_is_blank(const char *s, size_t n);

/* The readers of the formats: all rows of n bytes of text without a byte order mark. */
enum sc_status sc_table_read_csv(struct table_builder *b, const char *data, size_t n,
                                 char usual_delimiter);
enum sc_status sc_table_read_json(struct table_builder *b, const char *data, size_t n, bool lines);
enum sc_status sc_table_read_list(struct table_builder *b, const char *data, size_t n);

/* What the column of a file is called whose rows are nothing but texts. */
#define TABLE_PROMPT_COLUMN "prompt"

#endif
