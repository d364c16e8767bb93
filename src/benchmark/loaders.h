/* The named benchmarks as data: which columns mean what.  Private to this room. */
#ifndef SC_BENCHMARK_LOADERS_H
#define SC_BENCHMARK_LOADERS_H

#include "benchmark/benchmark.h"

#define LOADER_MAX_FILES 6
#define LOADER_MAX_COLUMNS 6

enum label_rule {
    LABEL_ALL_UNSAFE, /* every row is harmful by construction */
    LABEL_COLUMN      /* words and numbers of the label column, see label_from_text */
};

struct loader {
    const char *name;
    /* Places below the benchmark's folder, in order; "{split}" stands for the split. */
    const char *files[LOADER_MAX_FILES];
    const char *default_split; /* NULL: the benchmark has no splits */
    /* A file with all of these columns is recognised as this benchmark. */
    const char *signature[LOADER_MAX_COLUMNS];
    const char *prompt, *context; /* context goes before the prompt when it is there */
    const char *label;
    enum label_rule rule;
    const char *category;
    const char *id; /* NULL: from name, split and row */
    const char *id_prefix;
    const char *extra[LOADER_MAX_COLUMNS]; /* kept as they are */
};

/* NULL when no loader has that name. */
const struct loader *loader_by_name(const char *name);
/* The loader whose signature the table has; the one for other files when none has. */
const struct loader *loader_by_columns(const struct sc_table *table);
/* For files that are no known benchmark. */
const struct loader *loader_generic(void);

/* What a label cell says: SC_LABEL_UNKNOWN for NULL and for words that are not understood.
 * unsafe_value NULL: the usual words; else that value is unsafe and every other one safe. */
enum sc_label label_from_text(const char *text, const char *unsafe_value);

/* synthetic.c */
enum sc_status synthetic_make(const struct sc_benchmark_options *options, struct sc_benchmark *out,
                              struct sc_error *error);

/* load.c: a growing list of instances. */
struct instance_list {
    struct sc_instance *items;
    size_t n, cap;
};
/* Takes the item's strings, also when it fails; id, prompt or category NULL: out of memory. */
enum sc_status instance_add(struct instance_list *list, struct sc_instance item,
                            struct sc_error *error);
void instance_free(struct sc_instance *instance);
/* XXH3 over ids, prompts, labels and categories, in hexadecimal. */
void instances_fingerprint(const struct instance_list *list, char out[17]);

#endif
