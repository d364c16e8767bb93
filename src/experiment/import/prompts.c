/*
 * The prompts of a file of answers, as a benchmark (rows.h): a table with one row for each prompt,
 * which the room of benchmarks reads as it reads any other.
 */
#include <string.h>

#include "base/memory.h"
#include "experiment/import/rows.h"

#define PROMPT_COLUMN "prompt"

enum { MOST_ADDED = 5 };

/* Fields within cells become columns of their own. */
struct added {
    const char *name;
    struct sc_import_column column;
};

struct maker {
    const struct sc_import_rows *rows;
    struct sc_benchmark_options *options;
    struct added added[MOST_ADDED];
    size_t n_added;
    struct sc_table table;
    size_t *from; /* [table.n_columns]: a column of the file's table, of `added` beyond those */
};

/* Names the column of the file, or adds the field. */
static const char *name_column(struct maker *m, const char *given, struct sc_import_column column)
{
    if (column.column < 0)
        return NULL;
    if (column.path == NULL)
        return m->rows->table.columns[column.column];
    if (given != NULL && m->n_added < MOST_ADDED)
        m->added[m->n_added++] = (struct added){given, column};
    return given;
}

static void choose_columns(struct maker *m, const struct sc_import_options *options)
{
    const struct sc_import_columns *columns = &m->rows->columns;
    const struct sc_benchmark_options *asked = &options->benchmark;
    struct sc_benchmark_options *o = m->options;
    const char *id = name_column(m, asked->id_column, columns->id);
    *o = *asked;
    o->name = options->file;
    o->prompt_column = PROMPT_COLUMN;
    o->messages_column = NULL;
    o->id_column = id != NULL ? id : "none";
    o->label_column = name_column(m, asked->label_column, columns->label);
    o->category_column = name_column(m, asked->category_column, columns->category);
    o->system_column = name_column(m, asked->system_column, columns->system);
    o->prefill_column = name_column(m, asked->prefill_column, columns->prefill);
}

static enum sc_status add_column(struct maker *m, const char *name, size_t from,
                                 struct sc_error *error)
{
    m->from[m->table.n_columns] = from;
    m->table.columns[m->table.n_columns] = sc_strdup(name);
    if (m->table.columns[m->table.n_columns++] == NULL)
        return sc_fail_nomem(error, "prompts");
    return SC_OK;
}

/* The prompt first, then the file's columns, then the fields. */
static enum sc_status make_columns(struct maker *m, struct sc_error *error)
{
    const struct sc_table *file = &m->rows->table;
    size_t most = file->n_columns + 1 + m->n_added;
    m->table.columns = sc_alloc_zero(most, sizeof *m->table.columns);
    m->from = sc_alloc_array(most, sizeof *m->from);
    if (m->table.columns == NULL || m->from == NULL)
        return sc_fail_nomem(error, "prompts");
    SC_TRY(add_column(m, PROMPT_COLUMN, SIZE_MAX, error));
    for (size_t i = 0; i < file->n_columns; i++)
        if (strcmp(file->columns[i], PROMPT_COLUMN) != 0)
            SC_TRY(add_column(m, file->columns[i], i, error));
    for (size_t i = 0; i < m->n_added; i++)
        SC_TRY(add_column(m, m->added[i].name, file->n_columns + i, error));
    return SC_OK;
}

static enum sc_status make_cell(struct maker *m, size_t row, size_t column, struct sc_error *error)
{
    const struct sc_table *file = &m->rows->table;
    const struct sc_import_prompt *prompt = &m->rows->prompts[row];
    size_t at = row * m->table.n_columns + column, from = m->from[column];
    if (from > file->n_columns - 1 && from != SIZE_MAX)
        return sc_import_cell_text(file, prompt->row, m->added[from - file->n_columns].column,
                                   &m->table.cells[at], &m->table.nested[at], error);
    size_t there = prompt->row * file->n_columns + from;
    const char *text = from == SIZE_MAX ? prompt->text : file->cells[there];
    m->table.nested[at] = from == SIZE_MAX ? prompt->nested : file->nested[there];
    m->table.cells[at] = sc_strdup(text);
    return text == NULL || m->table.cells[at] != NULL ? SC_OK : sc_fail_nomem(error, "prompts");
}

static enum sc_status make_table(struct maker *m, struct sc_error *error)
{
    size_t n = m->rows->n_prompts;
    SC_TRY(make_columns(m, error));
    m->table.cells = sc_alloc_zero(sc_size_mul(n, m->table.n_columns), sizeof *m->table.cells);
    m->table.nested = sc_alloc_zero(sc_size_mul(n, m->table.n_columns), sizeof *m->table.nested);
    m->table.lines = sc_alloc_zero(n, sizeof *m->table.lines);
    m->table.faults = sc_alloc_zero(n, sizeof *m->table.faults);
    if (m->table.cells == NULL || m->table.nested == NULL || m->table.lines == NULL ||
        m->table.faults == NULL)
        return sc_fail_nomem(error, "prompts");
    m->table.n_rows = n;
    for (size_t row = 0; row < n; row++) {
        m->table.lines[row] = m->rows->table.lines[m->rows->prompts[row].row];
        for (size_t column = 0; column < m->table.n_columns; column++)
            SC_TRY(make_cell(m, row, column, error));
    }
    return SC_OK;
}

static enum sc_status make(struct maker *m, struct sc_benchmark *out, struct sc_error *error)
{
    SC_TRY(make_table(m, error));
    return sc_benchmark_from_table(m->options, &m->table, out, error);
}

enum sc_status sc_import_prompts_make(const struct sc_import_rows *rows,
                                      const struct sc_import_options *options,
                                      struct sc_benchmark_options *asked, struct sc_benchmark *out,
                                      struct sc_error *error)
{
    struct maker m = {.rows = rows, .options = asked};
    choose_columns(&m, options);
    enum sc_status status = make(&m, out, error);
    sc_table_free(&m.table);
    sc_free(m.from);
    return status;
}
