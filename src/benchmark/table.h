/*
 * Tables: the rows of a file of prompts, untrusted, as columns and cells of text.  What the columns
 * mean is the loaders' affair (loaders.h).  docs/BENCHMARKS.md, "Files", says which files are read.
 */
#ifndef SC_BENCHMARK_TABLE_H
#define SC_BENCHMARK_TABLE_H

#include "base/error.h"
#include "base/text.h"

/* Rows that cannot be read stay in the table, without cells, so that the others keep their number.
 * All of it is the table's own; sc_table_free. */
struct sc_table {
    char **columns; /* [n_columns], no two alike */
    size_t n_columns;
    char **cells;  /* [n_rows * n_columns]; NULL: missing (JSON null or absent, short CSV row) */
    bool *nested;  /* [n_rows * n_columns]: the cell was a JSON list or object; its text is JSON */
    bool typed;    /* the format tells texts from lists (JSON, .txt): a text is a text */
    size_t *lines; /* [n_rows]: of the file, from 1, where the row begins */
    char **faults; /* [n_rows]: why the row cannot be read, or NULL */
    size_t n_rows, n_faults;
    bool texts; /* the rows are nothing but texts, and the only column is called "prompt" by us */
    char *note; /* what was found out about the file and is worth saying, or NULL */
};

struct sc_table_options {
    const char *rows_key; /* where the rows of a JSON object lie, such as "data.rows"; or NULL */
    bool strict;          /* the first row that cannot be read is an error */
    bool lines;           /* a JSON value a line, whatever the name says */
};

/* Reads a file of at most 1 GiB, also when decompressed; "-" is standard input.  options NULL:
 * none. A table has at least one row that could be read. */
enum sc_status sc_table_read(const char *path, const struct sc_table_options *options,
                             struct sc_table *out, struct sc_error *error);
/* The same of n bytes in memory; name is used for the format and in messages. */
enum sc_status sc_table_parse(const char *name, const char *data, size_t n,
                              const struct sc_table_options *options, struct sc_table *out,
                              struct sc_error *error);
void sc_table_free(struct sc_table *table);
/* What a table from that path is called: the file's name without folder and endings, "stdin" for
 * standard input and descriptors; sc_free it.  NULL when memory is exhausted. */
char *sc_table_title(const char *path);
/* Index of the column, or -1. */
int sc_table_column(const struct sc_table *table, const char *name);

/* ---- rows that could not be read ------------------------------------------------------------- */

#define SC_BAD_ROWS_KEPT 5

/* How many, and the first of them.  Owned; sc_bad_rows_free. */
struct sc_bad_rows {
    size_t n;
    size_t lines[SC_BAD_ROWS_KEPT];  /* of the file */
    char *reasons[SC_BAD_ROWS_KEPT]; /* "expected JSON: ..." */
    bool differ;                     /* not all of them for the reason of the first */
};

/* One more, in the order of the file.  With strict it is an error instead: "SOURCE: line N: why".
 */
enum sc_status sc_bad_rows_add(struct sc_bad_rows *rows, const char *source, size_t line,
                               const char *why, bool strict, struct sc_error *error);
/* Appends lines for people, made visible: "SOURCE: note" where there is a note, then the first few
 * rows and how many more there are; one line where all have the same reason. */
void sc_table_remarks(const char *source, const char *note, const struct sc_bad_rows *rows,
                      struct sc_text *out);
void sc_bad_rows_free(struct sc_bad_rows *rows);

#endif
