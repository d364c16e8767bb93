/* The columns that say what is asked, and reading a row's.  Private to this room. */
#ifndef SC_BENCHMARK_PROMPT_CELLS_H
#define SC_BENCHMARK_PROMPT_CELLS_H

#include "benchmark/loaders.h"

/* Columns are -1 where there is none; all else is borrowed. */
struct prompt_cells {
    const struct sc_benchmark_options *options;
    const struct loader *loader;
    const struct sc_table *table;
    const char *source; /* for messages */
    int column, context, system, prefill;
    bool messages; /* the column's name says that it holds messages: source in it is read */
    bool stored;   /* every text of the column is the source of a list: read too */
    size_t n_references, n_own_systems;
};

/* Finds the columns.  Refused: named ones that the file lacks, a file without any prompt. */
enum sc_status sc_prompt_cells_find(struct prompt_cells *p, struct sc_error *error);
bool sc_prompt_cells_blank(const struct prompt_cells *p, size_t row);
/* Fills the item's prompt, conversation and prefill, and *reference (sc_free it): an answer that
 * the row has behind its last question, or NULL.  SC_ERR_FORMAT: the row cannot be asked; why. */
enum sc_status sc_prompt_cells_read(struct prompt_cells *p, size_t row, struct sc_instance *item,
                                    char **reference, struct sc_error *error);
/* Appends what there is to say of them, a line each. */
void sc_prompt_cells_remark(const struct prompt_cells *p, struct sc_text *remarks);

#endif
