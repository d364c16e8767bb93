/* The labels of a table's rows: where they come from, and what is to be said of them.  Private to
 * this room. */
#ifndef SC_BENCHMARK_LABELLING_H
#define SC_BENCHMARK_LABELLING_H

#include "benchmark/labels.h"
#include "benchmark/loaders.h"

/* All of it is borrowed but `matched`; zeros are none. */
struct labelling {
    const struct sc_benchmark_options *options;
    const struct loader *loader;
    const struct sc_table *table;
    const char *source; /* for messages */
    int column;         /* -1: none */
    bool found;         /* the column, by itself and under another name than the loader's */
    enum label_rule rule;
    enum label_sense sense;
    enum sc_label fixed; /* what all rows are, or unknown */
    bool *matched;       /* [n_unsafe_values + n_safe_values] a row has the value */
    struct label_values seen, misread;
    size_t n_blank, n_misread;
};

/* split: the file's, or NULL.  Refused: options that contradict each other, columns that the file
 * lacks.  sc_labelling_free in any case. */
enum sc_status sc_labelling_begin(struct labelling *l, const char *split, struct sc_error *error);
/* Refused: a row that says the opposite of --label. */
enum sc_status sc_labelling_read(struct labelling *l, size_t row, enum sc_label *label,
                                 struct sc_error *error);
/* After the last row.  Refused: values of options that no row has.  Remarks go to out->remarks. */
enum sc_status sc_labelling_end(const struct labelling *l, struct sc_benchmark *out,
                                const struct sc_instance_list *list, struct sc_error *error);
void sc_labelling_free(struct labelling *l);

#endif
