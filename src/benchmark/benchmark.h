/*
 * Benchmarks: prompts with labels, from the built-in generator or a file, untrusted.
 * docs/BENCHMARKS.md says what is read from where.
 */
#ifndef SC_BENCHMARK_BENCHMARK_H
#define SC_BENCHMARK_BENCHMARK_H

#include <safeconf/experiment.h>

#include "base/error.h"
#include "benchmark/table.h"
#include "vocabulary/conversation.h"

struct sc_instance {
    char *id;     /* unique in the benchmark */
    char *prompt; /* valid UTF-8, not empty: what is asked last */
    /* All that is sent, ending with the prompt as the user's turn; n 0: the prompt alone. */
    struct sc_conversation conversation;
    char *prefill; /* what the answer begins with, or NULL */
    size_t line;   /* of the file, where the row begins; 0: none */
    size_t row;    /* of the table, from 0 */
    enum sc_label label;
    char *category; /* "" when there is none */
    char *extra;    /* JSON object of kept columns (jailbreaking, response ...), or NULL */
};

void sc_instance_free(struct sc_instance *instance); /* what it owns, not the struct */

struct sc_benchmark {
    char *name;   /* "synthetic", "toxicchat", ... or the file's name */
    char *source; /* path of the file, or "built in" */
    /* XXH3 of ids, prompts, labels, categories, conversations and prefills of every usable row,
     * before sampling; hex */
    char fingerprint[17];
    struct sc_instance *instances;
    size_t n_instances;
    size_t n_available;  /* usable rows, before sampling */
    size_t n_skipped;    /* rows without a prompt */
    size_t n_unlabelled; /* usable rows whose label is missing */
    size_t n_misread;    /* usable rows whose label is there and not understood; unknown as well */
    struct sc_bad_rows bad_rows; /* rows that cannot be read, before sampling */
    char *note;             /* what was found out about the file and is worth saying, or NULL */
    struct sc_text remarks; /* the same of what its rows mean: lines, each ended, made visible */
};

/* What of the options is read: the same, or, where prompts of a caller's own are given, without
 * what a file is read by. */
struct sc_benchmark_options sc_benchmark_options_read(const struct sc_benchmark_options *options);

/* Loads and samples.  Order: benchmark order (a sample keeps it). */
enum sc_status sc_benchmark_load(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_error *error);
/* The same of all rows of a table, named after the path options->name, which is not read. */
enum sc_status sc_benchmark_from_table(const struct sc_benchmark_options *options,
                                       const struct sc_table *table, struct sc_benchmark *out,
                                       struct sc_error *error);
/* What is worth saying of its file and its rows: lines, each ended, made visible. */
void sc_benchmark_remark(const struct sc_benchmark *benchmark, struct sc_text *out);
void sc_benchmark_free(struct sc_benchmark *benchmark);

/* The name of the known benchmark that the options mean where its file lies in none of the standard
 * places; else NULL: there is nothing that fetching could mend. */
const char *sc_benchmark_missing(const struct sc_benchmark_options *options);

/* Names of the benchmarks that are known, in the order of docs/BENCHMARKS.md; NULL past the last.
 */
const char *sc_benchmark_name(size_t index);

#endif
