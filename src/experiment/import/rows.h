/* A file of answers in memory: its answers, and the prompts that they belong to.  Private to this
 * folder. */
#ifndef SC_EXPERIMENT_IMPORT_ROWS_H
#define SC_EXPERIMENT_IMPORT_ROWS_H

#include "benchmark/benchmark.h"
#include "experiment/import/columns.h"

/* One prompt of the file. */
struct sc_import_prompt {
    char *text; /* as sc_import_prompt_read gives it */
    bool nested;
    size_t row; /* of the table: where it stands first */
};

struct sc_import_rows {
    struct sc_table table;
    struct sc_import_columns columns;
    struct sc_import_answers answers; /* in order of prompts, then of traces; each prompt has one */
    struct sc_import_prompt *prompts; /* [n_prompts] in order of the file */
    size_t n_prompts, cap_prompts;
    char *model; /* NULL: not said */
    bool judged; /* the file says which answers are harmful */
    struct sc_import_log log;
};

/* Reads the file, and reports the rows that it leaves out to the observer (not NULL).  out begins
 * as zeros; on failure sc_import_rows_free releases what was made.  SC_ERR_FORMAT: no row has a
 * prompt and an answer. */
enum sc_status sc_import_rows_read(const struct sc_import_options *options,
                                   const struct sc_import_observer *observer,
                                   struct sc_import_summary *summary, struct sc_import_rows *out,
                                   struct sc_error *error);
void sc_import_rows_free(struct sc_import_rows *rows);

/* The prompts as a benchmark, whose instance i is the prompt at its `row`; *asked is then what of
 * the options made it, for the configuration. */
enum sc_status sc_import_prompts_make(const struct sc_import_rows *rows,
                                      const struct sc_import_options *options,
                                      struct sc_benchmark_options *asked, struct sc_benchmark *out,
                                      struct sc_error *error);

#endif
