/*
 * A shard: the prompts of a run that one of several machines takes (docs/SCALE.md).
 *
 * Which one a prompt belongs to follows from its id alone, so it stays the same in a file that is
 * sorted otherwise or has more rows; and whoever samples it, its traces are the same.
 */
#ifndef SC_EXPERIMENT_RUN_SHARD_H
#define SC_EXPERIMENT_RUN_SHARD_H

#include "benchmark/benchmark.h"

/* Which of n shards, from 1, takes the instance of this id: XXH3-64 of its bytes, modulo n. */
size_t sc_shard_of(const char *id, size_t n_shards);

/* The instances of one shard, in benchmark order. */
struct sc_shard {
    struct sc_instance *instances; /* [n] borrowed from the benchmark, but for the array */
    size_t *positions;             /* [n] in the benchmark */
    size_t n;
};
enum sc_status sc_shard_choose(const struct sc_benchmark *benchmark, size_t shard, size_t n_shards,
                               struct sc_shard *out, struct sc_error *error);
void sc_shard_free(struct sc_shard *shard); /* zeros are fine */

/* The configuration of the shard of a run with the configuration `whole`; sc_free it. */
enum sc_status sc_shard_config(const struct sc_shard *chosen, const char *whole, size_t shard,
                               size_t n_shards, char **json, struct sc_error *error);

#endif
