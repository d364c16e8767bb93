/* The named benchmarks as data: which columns mean what.  Private to this room. */
#ifndef SC_BENCHMARK_LOADERS_H
#define SC_BENCHMARK_LOADERS_H

#include "benchmark/instances.h"

#define LOADER_MAX_FILES 6
#define LOADER_MAX_COLUMNS 6

enum label_rule {
    LABEL_ALL_UNSAFE, /* every row is harmful by construction */
    LABEL_COLUMN      /* words and numbers of the label column, see sc_label_from_text */
};

struct loader {
    const char *name;
    /* Places below the benchmark's folder, in order; "{split}" stands for the split. */
    const char *files[LOADER_MAX_FILES];
    const char *default_split; /* NULL: the benchmark has no splits */
    /* A file with all of these columns is recognised as this benchmark. */
    const char *signature[LOADER_MAX_COLUMNS];
    const char *prompt, *context; /* context goes before the prompt where there is one */
    const char *label;
    enum label_rule rule;
    const char *category;
    const char *id; /* NULL: from name, split and row */
    const char *id_prefix;
    const char *extra[LOADER_MAX_COLUMNS]; /* kept as they are */
};

/* NULL when no loader has that name. */
const struct loader *sc_loader_by_name(const char *name);
/* The loader whose signature the table has; the one for other files when none has. */
const struct loader *sc_loader_by_columns(const struct sc_table *table);
/* For files that are not a known benchmark. */
const struct loader *sc_loader_generic(void);

/* What a label cell says: SC_LABEL_UNKNOWN for NULL and for words that are not understood.
 * The usual words, or with unsafe values given: those are unsafe and every other one is safe. */
enum sc_label sc_label_from_text(const char *text, const struct sc_benchmark_options *options);

/* Where the loader's file lies for a split (NULL: none), in a folder or, with NULL, in the standard
 * places: *path, sc_free it; NULL after an error. */
enum sc_status sc_loader_find(const struct loader *loader, const char *folder, const char *split,
                              char **path, struct sc_error *error);

/* rows.c: adds the instances of a table and counts what was skipped; out has its name and source.
 */
enum sc_status sc_rows_read(const struct sc_benchmark_options *options, const struct loader *loader,
                            const struct sc_table *table, struct sc_benchmark *out,
                            struct sc_instance_list *list, struct sc_error *error);

/* synthetic.c: all of it but the instances, which go to the list. */
enum sc_status sc_synthetic_make(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_instance_list *list,
                                 struct sc_error *error);

#endif
