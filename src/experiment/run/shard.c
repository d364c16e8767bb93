/* See shard.h. */
#include "experiment/run/shard.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "experiment/store/config.h"
#include "experiment/store/config_shard.h"

size_t sc_shard_of(const char *id, size_t n_shards)
{
    assert(n_shards > 0);
    return (size_t)(sc_hash64(id, strlen(id)) % n_shards) + 1;
}

enum sc_status sc_shard_choose(const struct sc_benchmark *benchmark, size_t shard, size_t n_shards,
                               struct sc_shard *out, struct sc_error *error)
{
    assert(shard >= 1 && shard <= n_shards);
    *out = (struct sc_shard){
        .instances = sc_alloc_array(benchmark->n_instances, sizeof *out->instances),
        .positions = sc_alloc_array(benchmark->n_instances, sizeof *out->positions)};
    if (out->instances == NULL || out->positions == NULL) {
        sc_shard_free(out);
        return sc_fail_nomem(error, "instances of a shard");
    }
    for (size_t i = 0; i < benchmark->n_instances; i++) {
        if (sc_shard_of(benchmark->instances[i].id, n_shards) != shard)
            continue;
        out->instances[out->n] = benchmark->instances[i];
        out->positions[out->n++] = i;
    }
    return SC_OK;
}

void sc_shard_free(struct sc_shard *shard)
{
    sc_free(shard->instances);
    sc_free(shard->positions);
    *shard = (struct sc_shard){0};
}

enum sc_status sc_shard_config(const struct sc_shard *chosen, const char *whole, size_t shard,
                               size_t n_shards, char **json, struct sc_error *error)
{
    struct sc_run_shard part = {
        .of = n_shards, .parts = &shard, .n_parts = 1, .n_instances = chosen->n};
    sc_instances_hash(chosen->instances, chosen->n, part.instances);
    return sc_config_add_shard(whole, &part, json, error);
}
