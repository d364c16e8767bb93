/* The named benchmarks as data: which columns mean what.  Private to this room. */
#ifndef SC_BENCHMARK_LOADERS_H
#define SC_BENCHMARK_LOADERS_H

#include "benchmark/instances.h"

#define LOADER_MAX_FILES 6
#define LOADER_MAX_COLUMNS 6
#define LOADER_MAX_SPLITS 8

enum label_rule {
    LABEL_ALL_UNSAFE, /* every row is harmful by construction */
    LABEL_OF_SPLIT,   /* the split says it; in a file of unknown split, the label column */
    LABEL_CONCERN,    /* the split says it, or the column that the request raises safety concerns */
    LABEL_CONTRAST,   /* unsafe where the column begins with "contrast_", else safe */
    LABEL_COLUMN      /* words and numbers of the label column, see labels.h */
};

struct loader_split {
    const char *name; /* NULL past the last */
    enum sc_label label;
};

/* A benchmark that is published in several forms has several of these with one name. */
struct loader {
    const char *name;
    /* Places below the benchmark's folder, in order; "{split}" stands for the split.  The form of a
     * name that comes first has them all. */
    const char *files[LOADER_MAX_FILES];
    struct loader_split splits[LOADER_MAX_SPLITS];
    const char *default_split; /* NULL: the benchmark has no splits */
    /* A file with all of these columns, and without `absent`, is recognised as this benchmark;
     * where `called` is not NULL also its name must begin with it, whatever the case. */
    const char *signature[LOADER_MAX_COLUMNS];
    const char *absent, *called;
    const char *prompt, *context; /* context goes before the prompt where there is one */
    const char *label;
    enum label_rule rule;
    const char *category;
    bool categories; /* a cell of them is a list of texts, or an object of truths */
    const char *id;  /* NULL: from name, split and row */
    const char *id_prefix;
    const char *extra[LOADER_MAX_COLUMNS]; /* kept as they are */
    const char *remark;                    /* what readers of its labels should know, or NULL */
};

/* The first form of that name; NULL when no loader has it. */
const struct loader *sc_loader_by_name(const char *name);
/* The same where case, hyphens and underscores do not matter. */
const struct loader *sc_loader_spelt_like(const char *name);
/* The loader whose signature the table of that file has; the one for other files when none has. */
const struct loader *sc_loader_by_columns(const struct sc_table *table, const char *file);
/* The form of a named benchmark whose signature the table has, else the one given. */
const struct loader *sc_loader_form(const struct loader *loader, const struct sc_table *table,
                                    const char *file);
/* For files that are not a known benchmark. */
const struct loader *sc_loader_generic(void);

/* The first column of that name whatever the case; -1: none. */
int sc_table_column_any_case(const struct sc_table *table, const char *name);
/* An error that names a column, the option that gives one, and what columns there are. */
enum sc_status sc_table_lacks(const struct sc_table *table, const char *source, const char *column,
                              const char *option, struct sc_error *error);

/* Where the loader's file lies for a split (NULL: none), in a folder or, with NULL, in the standard
 * places: *path, sc_free it; NULL after an error. */
enum sc_status sc_loader_find(const struct loader *loader, const char *folder, const char *split,
                              char **path, struct sc_error *error);

/* rows.c: adds the instances of a table and counts what was skipped; out has its name and source.
 */
enum sc_status sc_rows_read(const struct sc_benchmark_options *options, const struct loader *loader,
                            const struct sc_table *table, struct sc_benchmark *out,
                            struct sc_instance_list *list, struct sc_error *error);

/* own.c: the same of a caller's own prompts, named options->name. */
enum sc_status sc_own_prompts(const struct sc_benchmark_options *options, struct sc_benchmark *out,
                              struct sc_instance_list *list, struct sc_error *error);

/* synthetic.c: all of it but the instances, which go to the list. */
enum sc_status sc_synthetic_make(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_instance_list *list,
                                 struct sc_error *error);

#endif
