/*
 * The configuration of a part of a run (--shard): that of the whole run, and behind it
 *
 *   "shard":{"of":4,"parts":[2],"n_instances":6,"instances":"0123456789abcdef"}
 *
 * where the last two are of the part what benchmark.n_instances and benchmark.instances are of the
 * whole.  Several parts: shards that were merged while others were missing.
 */
#ifndef SC_EXPERIMENT_STORE_CONFIG_SHARD_H
#define SC_EXPERIMENT_STORE_CONFIG_SHARD_H

#include "base/error.h"
#include "base/json.h"
#include "experiment/store/run_data.h"

enum { SC_MOST_SHARDS = 1000000 };

/* *json: the configuration of these parts of the run with the configuration `whole`; sc_free it. */
enum sc_status sc_config_add_shard(const char *whole, const struct sc_run_shard *shard, char **json,
                                   struct sc_error *error);

/* The other way: *whole (sc_free) and what was added, or NULL and zeros where the configuration is
 * that of a whole run.  sc_run_shard_free in any case. */
enum sc_status sc_config_split_shard(const char *json, char **whole, struct sc_run_shard *shard,
                                     struct sc_error *error);

/* What stands in that member.  sc_run_shard_free in any case. */
enum sc_status sc_config_read_shard(const json_t *object, struct sc_run_shard *shard,
                                    struct sc_error *error);
void sc_run_shard_free(struct sc_run_shard *shard);

#endif
