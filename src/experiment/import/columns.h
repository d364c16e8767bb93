/* Which columns of a file hold what an import needs, and their cells as JSON.  Private to this
 * folder. */
#ifndef SC_EXPERIMENT_IMPORT_COLUMNS_H
#define SC_EXPERIMENT_IMPORT_COLUMNS_H

#include "benchmark/table.h"
#include "experiment/import/answers.h"
#include "experiment/import/log.h"

/* A column, or a field within what one holds. */
struct sc_import_column {
    int column;       /* -1: there is none */
    const char *path; /* "b.c" of "a.b.c"; NULL: all of the cell */
};

/* What kind of file it is. */
enum sc_import_shape {
    SC_IMPORT_ROWS,
    SC_IMPORT_HARNESS,     /* samples of lm-evaluation-harness */
    SC_IMPORT_BATCH,       /* outputs of a batch API */
    SC_IMPORT_PREDICTIONS, /* predictions.jsonl of a run */
    SC_IMPORT_ARTIFACTS,   /* of JailbreakBench */
    SC_IMPORT_LOG,         /* of inspect_ai: rows as log.h has them */
    SC_IMPORT_GARAK        /* reports of garak, likewise */
};

struct sc_import_columns {
    enum sc_import_shape shape;
    struct sc_import_column prompt, messages, completion, trace, logprobs, finish, n_tokens, harm,
        model, id, metrics, filter, failures, problem, system, prefill, label, category, fault;
    bool completions; /* the column's name says that a cell holds several */
    bool id_governs;  /* rows of one id are one prompt, whatever their texts */
};

/* SC_ERR_ARGUMENT or SC_ERR_FORMAT: a column that was named, or that there must be, is missing. */
enum sc_status sc_import_columns_find(const struct sc_import_options *options,
                                      const struct sc_table *table, const struct sc_import_log *log,
                                      struct sc_import_columns *out, struct sc_error *error);

/* The answers of one row. */
struct sc_import_row_answers {
    size_t row, n;
    struct sc_import_answer *items; /* [n] */
};
/* Adds what the row says of them beside their texts; stride as in sc_import_logprobs. */
enum sc_status sc_import_details(const struct sc_table *table,
                                 const struct sc_import_columns *columns,
                                 const struct sc_import_row_answers *answers, size_t stride,
                                 struct sc_error *error);

/* The cell as JSON, text as a string; *out NULL: missing.  json_decref it. */
enum sc_status sc_import_cell(const struct sc_table *table, size_t row,
                              struct sc_import_column column, json_t **out, struct sc_error *error);
/* The same as text, other values as JSON (*nested where it is a list or an object; may be NULL);
 * *out NULL: missing.  sc_free it. */
enum sc_status sc_import_cell_text(const struct sc_table *table, size_t row,
                                   struct sc_import_column column, char **out, bool *nested,
                                   struct sc_error *error);

#endif
