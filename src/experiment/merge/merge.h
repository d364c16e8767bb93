/*
 * The parts of a run made one (docs/SCALE.md): what the files of this folder share.  parts.c reads
 * the folders and says what belongs together and what is missing, rows.c copies the rows of one,
 * merge.c has the new file made, whole or not at all.
 */
#ifndef SC_EXPERIMENT_MERGE_MERGE_H
#define SC_EXPERIMENT_MERGE_MERGE_H

#include "base/text.h"
#include "benchmark/benchmark.h"
#include "experiment/store/failures.h"
#include "experiment/store/store.h"

/* A folder that holds one or more shards. */
struct sc_merge_part {
    const char *folder;
    char *config; /* the text of its configuration */
    struct sc_run_shard shard;
    size_t *ranks; /* [shard.n_instances] positions in what is made */
    size_t n_done; /* prompts that all policies have finished */
};

/* An instance of the run, wherever it was found. */
struct sc_merge_instance {
    size_t position; /* in the whole run */
    size_t part, at; /* folder, and position in it */
    struct sc_instance instance;
};

struct sc_merge {
    const struct sc_merge_options *options;
    const struct sc_merge_observer *observer;
    struct sc_merge_summary *summary;
    struct sc_merge_part *parts; /* [n_parts], as the folders were given */
    size_t n_parts;
    char *whole; /* configuration of the whole run */
    size_t of, n_all, n_policies;
    char instances_hash[17]; /* of the whole run */
    size_t *owners;          /* [of] the folder that holds the shard, plus one; 0: none does */
    struct sc_merge_instance *found; /* [n_found] in order of position once all are read */
    size_t n_found, cap_found;
    struct sc_failures failures;
};

/* ---- parts.c --------------------------------------------------------------------------------- */

/* Reads what all folders hold, checks each by itself and that they are parts of one run, and puts
 * the instances in order. */
enum sc_status sc_merge_read_parts(struct sc_merge *merge, struct sc_error *error);
/* What is missing or unfinished, in words: "shard 4/4 is missing". */
void sc_merge_say_missing(const struct sc_merge *merge, struct sc_text *out);
void sc_merge_free_parts(struct sc_merge *merge);
/* "shard 2/4", or "shards 1/4, 3/4". */
void sc_merge_name_shards(const struct sc_run_shard *shard, struct sc_text *out);

/* ---- rows.c ---------------------------------------------------------------------------------- */

/* From one file to another; an instance of the one is that of ranks[] in the other, SIZE_MAX where
 * it has none. */
struct sc_merge_rows {
    struct sc_store *from, *to;
    const size_t *ranks; /* [n_ranks] */
    size_t n_ranks;
    const struct sc_merge_observer *observer;
};

/* Whether rows of this table are understood: a table that is not is never left out silently. */
bool sc_merge_knows_table(const char *name);
/* Copies the rows of all tables.  Those that are the run's and no instance's must be the same
 * wherever they are there. */
enum sc_status sc_merge_copy(const struct sc_merge_rows *rows, struct sc_error *error);
/* Fails when `from` has a row, by its key, that `to` has not. */
enum sc_status sc_merge_contains(const struct sc_merge_rows *rows, struct sc_error *error);

#endif
