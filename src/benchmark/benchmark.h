/*
 * Benchmarks: prompts with labels, from the built-in generator or a file (CSV, JSONL), untrusted.
 */
#ifndef SC_BENCHMARK_BENCHMARK_H
#define SC_BENCHMARK_BENCHMARK_H

#include "base/error.h"

struct sc_instance {
    char *id;       /* unique in the benchmark */
    char *prompt;   /* valid UTF-8, not empty */
    enum sc_label label;
    char *category; /* "" when there is none */
    char *extra;    /* JSON object of kept columns (jailbreaking, response ...), or NULL */
};

struct sc_benchmark {
    char *name;       /* "synthetic", "toxicchat", ... or the file's name */
    char *source;     /* path of the file, or "built in" */
    char fingerprint[17]; /* of the content, hexadecimal */
    struct sc_instance *instances;
    size_t n_instances;
    size_t n_skipped; /* rows without a prompt */
};

struct sc_benchmark_options {
    const char *name;  /* a name of docs/BENCHMARKS.md or a path */
    const char *split; /* NULL: the loader's default */
    const char *folder; /* where named benchmarks lie on disk; NULL: see docs */
    const char *prompt_column, *label_column, *unsafe_value, *category_column, *id_column;
    size_t n_instances; /* 0: all (synthetic: its standard number) */
    bool first;         /* the head instead of a random sample */
    uint64_t seed;
};

/* Loads and samples.  Order: benchmark order (a sample keeps it). */
enum sc_status sc_benchmark_load(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_error *error);
void sc_benchmark_free(struct sc_benchmark *benchmark);

/* Rows of a CSV (header line) or JSONL file, for loaders and `detect`. */
struct sc_table {
    char **columns;
    size_t n_columns;
    char **cells; /* [n_rows * n_columns]; NULL: missing (JSON null or absent, short CSV row) */
    size_t n_rows;
};
/* Format by content and extension; .jsonl and .json lines, else CSV (RFC 4180, quoted newlines). */
enum sc_status sc_table_read(const char *path, struct sc_table *out, struct sc_error *error);
void sc_table_free(struct sc_table *table);
/* Index of the column, or -1. */
int sc_table_column(const struct sc_table *table, const char *name);

#endif
