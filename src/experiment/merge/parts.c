/*
 * The folders that are to be merged (merge.h): each is loaded as a report would load it, so that
 * whatever is wrong in it is said by its name, and then let go of but for its instances.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "experiment/merge/merge.h"
#include "experiment/run/shard.h"
#include "experiment/store/config.h"
#include "experiment/store/config_shard.h"
#include "experiment/store/database.h"
#include "experiment/store/positions.h"

void sc_merge_name_shards(const struct sc_run_shard *shard, struct sc_text *out)
{
    sc_text_puts(out, shard->n_parts == 1 ? "shard " : "shards ");
    for (size_t i = 0; i < shard->n_parts; i++)
        sc_text_printf(out, "%s%zu/%zu", i > 0 ? ", " : "", shard->parts[i], shard->of);
}

/* ---- whether they belong together ------------------------------------------------------------ */

/* The instruction set that a run was computed with; not for ever: it is the caller's object's. */
static const char *kernels_of(const json_t *config)
{
    const char *name =
        json_string_value(json_object_get(json_object_get(config, "model"), "kernels"));
    return name != NULL ? name : "";
}

/* Machines of a cluster differ, and a trace depends on the instruction set. */
static enum sc_status compare_kernels(const struct sc_merge *merge, const char *folder,
                                      const char *whole, struct sc_error *error)
{
    json_t *first = NULL, *this = NULL;
    enum sc_status status =
        sc_json_parse(merge->whole, strlen(merge->whole), folder, &first, error);
    if (status != SC_OK)
        goto done;
    status = sc_json_parse(whole, strlen(whole), folder, &this, error);
    if (status != SC_OK)
        goto done;
    if (strcmp(kernels_of(first), kernels_of(this)) != 0)
        status = sc_fail(error, SC_ERR_CONFLICT,
                         "%s: not a part of the run in %s: model.kernels: expected %s, found %s "
                         "(traces depend on the instruction set: give all shards the same "
                         "--kernels)",
                         folder, merge->parts[0].folder, kernels_of(first), kernels_of(this));
done:
    json_decref(first);
    json_decref(this);
    return status;
}

static enum sc_status compare_run(const struct sc_merge *merge, const char *folder,
                                  const char *whole, struct sc_error *error)
{
    struct sc_text what = {0};
    if (strcmp(whole, merge->whole) == 0)
        return SC_OK;
    SC_TRY(compare_kernels(merge, folder, whole, error));
    sc_text_printf(&what, "not a part of the run in %s", merge->parts[0].folder);
    enum sc_status status =
        what.failed ? sc_fail_nomem(error, folder)
                    : sc_config_compare_as(whole, merge->whole, folder, what.data, error);
    sc_text_free(&what);
    return status;
}

/* How much the configuration claims of its source's repeating itself: no, unknown, yes. */
static enum sc_status claim_of(const char *config, int *out)
{
    static const enum sc_reproducible claims[] = {SC_REPRODUCIBLE_NO, SC_REPRODUCIBLE_UNKNOWN};
    json_t *json = NULL;
    int claim = 0;
    enum sc_status status = sc_json_parse(config, strlen(config), "configuration", &json, NULL);
    *out = 2;
    if (status != SC_OK)
        return status == SC_ERR_NOMEM ? status : SC_OK;
    const char *name =
        json_string_value(json_object_get(json_object_get(json, "source"), "reproducible"));
    while (claim < 2 && (name == NULL || strcmp(name, sc_reproducible_name(claims[claim])) != 0))
        claim++;
    json_decref(json);
    *out = claim;
    return SC_OK;
}

/* Configurations that say the same may differ in what each shard found out anew (config_compare.c):
 * the run has the one that claims least, whatever the order of the folders. */
static enum sc_status choose_config(struct sc_merge *merge, char **whole, struct sc_error *error)
{
    int theirs, ours;
    if (strcmp(*whole, merge->whole) == 0)
        return SC_OK;
    if (claim_of(*whole, &theirs) != SC_OK || claim_of(merge->whole, &ours) != SC_OK)
        return sc_fail_nomem(error, "configuration");
    if (theirs > ours || (theirs == ours && strcmp(*whole, merge->whole) > 0))
        return SC_OK;
    char *other = merge->whole;
    merge->whole = *whole;
    *whole = other;
    return SC_OK;
}

/* Notes who has which shard. */
static enum sc_status take_shards(struct sc_merge *merge, size_t number, struct sc_error *error)
{
    const struct sc_merge_part *part = &merge->parts[number];
    if (part->shard.of != merge->of)
        return sc_fail(error, SC_ERR_CONFLICT, "%s: expected one of %zu shards, found %zu/%zu",
                       part->folder, merge->of, part->shard.parts[0], part->shard.of);
    for (size_t i = 0; i < part->shard.n_parts; i++) {
        size_t *owner = &merge->owners[part->shard.parts[i] - 1];
        if (*owner > 0)
            return sc_fail(error, SC_ERR_CONFLICT, "%s: shard %zu/%zu is there twice: also in %s",
                           part->folder, part->shard.parts[i], merge->of,
                           merge->parts[*owner - 1].folder);
        *owner = number + 1;
    }
    return SC_OK;
}

/* What the first folder says of the whole run. */
static enum sc_status begin(struct sc_merge *merge, char **whole, const struct sc_run *run,
                            struct sc_error *error)
{
    struct sc_run of_whole = {0};
    merge->whole = *whole;
    *whole = NULL;
    merge->of = run->shard.of;
    merge->n_policies = run->n_policies;
    merge->owners = sc_alloc_zero(merge->of, sizeof *merge->owners);
    if (merge->owners == NULL)
        return sc_fail_nomem(error, "shards of a run");
    enum sc_status status =
        sc_config_read(merge->whole, &of_whole, merge->instances_hash, &merge->n_all, error);
    sc_run_free(&of_whole);
    return status;
}

/* ---- one folder ------------------------------------------------------------------------------ */

static bool has_shard(const struct sc_run_shard *shard, size_t wanted)
{
    for (size_t i = 0; i < shard->n_parts; i++)
        if (shard->parts[i] == wanted)
            return true;
    return false;
}

/* Moves an instance out of the run. */
static enum sc_status take_instance(struct sc_merge *merge, size_t number, size_t at,
                                    size_t position, struct sc_run_instance *from,
                                    struct sc_error *error)
{
    const struct sc_merge_part *part = &merge->parts[number];
    if (!has_shard(&part->shard, sc_shard_of(from->id, part->shard.of)))
        return sc_fail(error, SC_ERR_FORMAT, "%s: instance %zu is one of shard %zu/%zu",
                       part->folder, at, sc_shard_of(from->id, part->shard.of), part->shard.of);
    if (sc_grow((void **)&merge->found, merge->n_found, &merge->cap_found, sizeof *merge->found))
        return sc_fail_nomem(error, "instances of a run");
    merge->found[merge->n_found++] =
        (struct sc_merge_instance){.position = position,
                                   .part = number,
                                   .at = at,
                                   .instance = {.id = from->id,
                                                .prompt = from->prompt,
                                                .conversation = from->conversation,
                                                .prefill = from->prefill,
                                                .line = from->line,
                                                .label = from->label,
                                                .category = from->category,
                                                .extra = from->extra}};
    from->id = from->prompt = from->prefill = from->category = from->extra = NULL;
    from->conversation = (struct sc_conversation){0};
    return SC_OK;
}

static bool is_done(const struct sc_run *run, const struct sc_run_instance *instance)
{
    for (size_t p = 0; p < run->n_policies; p++)
        if (instance->decisions[p].n_traces == 0)
            return false;
    return true;
}

/* A look at what is not loaded: figures of tokens, and traces behind a gap. */
static enum sc_status count_trace(void *context, size_t position, struct sc_run_trace *trace,
                                  struct sc_error *error)
{
    struct sc_merge *merge = context;
    (void)position;
    merge->summary->n_traces++;
    if (trace->finish != SC_FINISH_FAILED)
        return SC_OK;
    merge->summary->n_failed_traces++;
    return sc_failures_add(&merge->failures, trace->failure, error);
}

static enum sc_status read_positions(struct sc_merge *merge, struct sc_store *store, size_t number,
                                     struct sc_run *run, struct sc_error *error)
{
    struct sc_merge_part *part = &merge->parts[number];
    size_t *positions = NULL;
    const struct sc_store_traces traces = {.detector = run->detector,
                                           .judge = run->judge,
                                           .tokens = true,
                                           .n_instances = run->n_instances};
    store->judged_again = run->judged_again;
    SC_TRY(sc_store_read_traces(store, &traces, count_trace, merge, error));
    SC_TRY(sc_store_read_positions(store, run->n_instances, merge->n_all, &positions, error));
    enum sc_status status = SC_OK;
    for (size_t i = 0; status == SC_OK && i < run->n_instances; i++) {
        part->n_done += is_done(run, &run->instances[i]);
        status = take_instance(merge, number, i, positions[i], &run->instances[i], error);
    }
    sc_free(positions);
    return status;
}

/* The run is that of the folder; its configuration and its shard are moved out of it. */
static enum sc_status take_run(struct sc_merge *merge, size_t number, struct sc_run *run,
                               char **whole, struct sc_error *error)
{
    struct sc_merge_part *part = &merge->parts[number];
    struct sc_store *store = NULL;
    struct sc_run_shard again = {0};
    if (run->shard.of == 0)
        return sc_fail(error, SC_ERR_CONFLICT,
                       "%s: expected a shard (a run with --shard), found a whole run",
                       part->folder);
    enum sc_status status = sc_config_split_shard(run->config_json, whole, &again, error);
    sc_run_shard_free(&again);
    if (status != SC_OK)
        sc_error_prefix(error, "%s", part->folder);
    SC_TRY(status);
    if (number == 0) {
        SC_TRY(begin(merge, whole, run, error));
    } else {
        SC_TRY(compare_run(merge, part->folder, *whole, error));
        SC_TRY(choose_config(merge, whole, error));
    }
    part->config = run->config_json;
    part->shard = run->shard;
    run->config_json = NULL;
    run->shard = (struct sc_run_shard){0};
    SC_TRY(take_shards(merge, number, error));
    merge->summary->n_bad_rows = run->n_bad_rows;
    SC_TRY(sc_store_open_read(&store, part->folder, error));
    status = read_positions(merge, store, number, run, error);
    sc_store_close(store);
    return status;
}

static enum sc_status read_part(struct sc_merge *merge, size_t number, struct sc_error *error)
{
    struct sc_run run;
    char *whole = NULL;
    SC_TRY(sc_run_load(merge->parts[number].folder, false, &run, error));
    enum sc_status status = take_run(merge, number, &run, &whole, error);
    sc_free(whole);
    sc_run_free(&run);
    return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int by_position(const void *a, const void *b)
{
    size_t x = ((const struct sc_merge_instance *)a)->position;
    size_t y = ((const struct sc_merge_instance *)b)->position;
    return x < y ? -1 : x > y;
}

/* Where each instance of each folder stands in what is made. */
static enum sc_status rank(struct sc_merge *merge, struct sc_error *error)
{
    for (size_t i = 0; i < merge->n_parts; i++) {
        struct sc_merge_part *part = &merge->parts[i];
        part->ranks = sc_alloc_zero(part->shard.n_instances, sizeof *part->ranks);
        if (part->ranks == NULL)
            return sc_fail_nomem(error, "instances of a run");
    }
    if (merge->n_found > 0)
        qsort(merge->found, merge->n_found, sizeof *merge->found, by_position);
    for (size_t i = 0; i < merge->n_found; i++) {
        const struct sc_merge_instance *found = &merge->found[i];
        if (i > 0 && found->position == merge->found[i - 1].position)
            return sc_fail(error, SC_ERR_FORMAT, "%s: instance %zu: its place is that of one in %s",
                           merge->parts[found->part].folder, found->at,
                           merge->parts[merge->found[i - 1].part].folder);
        merge->parts[found->part].ranks[found->at] = i;
    }
    return SC_OK;
}

enum sc_status sc_merge_read_parts(struct sc_merge *merge, struct sc_error *error)
{
    merge->parts = sc_alloc_zero(merge->options->n_folders, sizeof *merge->parts);
    if (merge->parts == NULL)
        return sc_fail_nomem(error, "shards of a run");
    for (size_t i = 0; i < merge->options->n_folders; i++) {
        const struct sc_merge_observer *observer = merge->observer;
        if (observer->keep_going != NULL && !observer->keep_going(observer->context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        merge->n_parts = i + 1;
        merge->parts[i].folder = merge->options->folders[i];
        SC_TRY(read_part(merge, i, error));
    }
    return rank(merge, error);
}

void sc_merge_free_parts(struct sc_merge *merge)
{
    for (size_t i = 0; i < merge->n_parts; i++) {
        sc_free(merge->parts[i].config);
        sc_free(merge->parts[i].ranks);
        sc_run_shard_free(&merge->parts[i].shard);
    }
    for (size_t i = 0; i < merge->n_found; i++)
        sc_instance_free(&merge->found[i].instance);
    sc_free(merge->parts);
    sc_free(merge->found);
    sc_free(merge->owners);
    sc_free(merge->whole);
    sc_failures_free(&merge->failures);
}

/* ---- what is missing ------------------------------------------------------------------------- */

enum { MOST_NAMED = 12 };

static void say_absent(const struct sc_merge *merge, struct sc_text *out)
{
    size_t n = merge->summary->n_parts_missing, n_named = 0;
    if (n == 0)
        return;
    sc_text_puts(out, n == 1 ? "shard " : "shards ");
    for (size_t i = 0; i < merge->of && n_named < MOST_NAMED; i++)
        if (merge->owners[i] == 0)
            sc_text_printf(out, "%s%zu/%zu", n_named++ > 0 ? ", " : "", i + 1, merge->of);
    if (n > n_named)
        sc_text_printf(out, " and %zu more", n - n_named);
    sc_text_puts(out, n == 1 ? " is missing" : " are missing");
}

static void say_unfinished(const struct sc_merge *merge, struct sc_text *out)
{
    size_t n = 0;
    for (size_t i = 0; i < merge->n_parts; i++) {
        const struct sc_merge_part *part = &merge->parts[i];
        if (part->n_done == part->shard.n_instances)
            continue;
        if (n++ >= MOST_NAMED)
            continue;
        sc_text_puts(out, out->len > 0 ? "; " : "");
        sc_merge_name_shards(&part->shard, out);
        sc_text_printf(out, " %s unfinished: %zu of %zu prompts",
                       part->shard.n_parts == 1 ? "is" : "are", part->n_done,
                       part->shard.n_instances);
    }
    if (n > MOST_NAMED)
        sc_text_printf(out, "; and %d more are unfinished", (int)(n - MOST_NAMED));
}

void sc_merge_say_missing(const struct sc_merge *merge, struct sc_text *out)
{
    say_absent(merge, out);
    say_unfinished(merge, out);
}
