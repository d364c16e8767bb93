/*
 * Shards into one run (merge.h).
 *
 * The new run.db is made in a folder of its own, OUT/merging, and takes its place when it is
 * complete: whoever is killed on the way leaves OUT as it was, and the next merge begins anew.  A
 * run that lies in OUT already is replaced only by one that has all of its rows.
 */
#include "experiment/merge/merge.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "experiment/store/config.h"
#include "experiment/store/config_shard.h"
#include "experiment/store/database.h"
#include "experiment/store/judgements.h"
#include "experiment/store/positions.h"
#include "experiment/store/tables.h"

struct sc_merge_options sc_merge_options_default(void)
{
    return (struct sc_merge_options){.size = sizeof(struct sc_merge_options)};
}

/* What is made, and where. */
struct making {
    struct sc_merge *merge;
    struct sc_lock lock;        /* of the folder */
    char *place, *made, *final; /* OUT/merging, the file in it, OUT/run.db */
    char *replay;               /* OUT/replay.json */
    char *config;
    struct sc_run_shard shard;     /* of what is made; zeros: it is whole */
    struct sc_instance *instances; /* [n_found] borrowed */
    size_t *positions;             /* [n_found] */
    struct sc_store *store;
    bool grew; /* what lay there has fewer traces */
};

/* ---- what is to be made ---------------------------------------------------------------------- */

static enum sc_status check_whole(const struct making *making, const char *hash,
                                  struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    return merge->n_found == merge->n_all && strcmp(hash, merge->instances_hash) == 0
               ? SC_OK
               : sc_fail(error, SC_ERR_FORMAT,
                         "the shards' prompts are not those of the run: expected %zu with the key "
                         "%s, found %zu with %s",
                         merge->n_all, merge->instances_hash, merge->n_found, hash);
}

static enum sc_status list_parts(struct making *making, struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    struct sc_run_shard *shard = &making->shard;
    shard->of = merge->of;
    shard->n_instances = merge->n_found;
    shard->parts = sc_alloc_array(merge->of, sizeof *shard->parts);
    if (shard->parts == NULL)
        return sc_fail_nomem(error, "shards of a run");
    for (size_t i = 0; i < merge->of; i++)
        if (merge->owners[i] > 0)
            shard->parts[shard->n_parts++] = i + 1;
    return SC_OK;
}

/* Instances and configuration. */
static enum sc_status plan(struct making *making, struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    char hash[17];
    making->instances = sc_alloc_array(merge->n_found, sizeof *making->instances);
    making->positions = sc_alloc_array(merge->n_found, sizeof *making->positions);
    if (making->instances == NULL || making->positions == NULL)
        return sc_fail_nomem(error, "instances of a run");
    for (size_t i = 0; i < merge->n_found; i++) {
        making->instances[i] = merge->found[i].instance;
        making->positions[i] = merge->found[i].position;
    }
    sc_instances_hash(making->instances, merge->n_found, hash);
    if (merge->summary->n_parts_missing == 0) {
        SC_TRY(check_whole(making, hash, error));
        making->config = sc_strdup(merge->whole);
        return making->config != NULL ? SC_OK : sc_fail_nomem(error, "configuration of a run");
    }
    SC_TRY(list_parts(making, error));
    memcpy(making->shard.instances, hash, sizeof hash);
    return sc_config_add_shard(merge->whole, &making->shard, &making->config, error);
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* Removes what an earlier merge left, or this one.  Only files that it makes itself.  A journal
 * that stayed would be taken for that of the new file. */
static enum sc_status clear_place(const struct making *making, struct sc_error *error)
{
    enum sc_status status = SC_OK;
    static const char *const names[] = {"run.db", "run.db-journal", "run.db-wal", "run.db-shm",
                                        "run.lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = sc_path_join(making->place, names[i]);
        if (path == NULL)
            status = sc_fail_nomem(error, making->place);
        else if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
            status = sc_fail(error, SC_ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
        sc_free(path);
    }
    rmdir(making->place);
    return status;
}

static bool same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static enum sc_status take_folder(struct making *making, struct sc_error *error)
{
    const struct sc_merge_options *options = making->merge->options;
    for (size_t i = 0; i < options->n_folders; i++)
        if (same_folder(options->out, options->folders[i]))
            return sc_fail(error, SC_ERR_CONFLICT,
                           "%s: expected another folder than those of the shards", options->out);
    making->place = sc_path_join(options->out, "merging");
    making->made = sc_path_join(options->out, "merging/run.db");
    making->final = sc_path_join(options->out, "run.db");
    making->replay = sc_path_join(options->out, "replay.json");
    if (making->place == NULL || making->made == NULL || making->final == NULL ||
        making->replay == NULL)
        return sc_fail_nomem(error, options->out);
    SC_TRY(sc_make_folders(options->out, error));
    SC_TRY(sc_lock_take(&making->lock, options->out, error));
    SC_TRY(clear_place(making, error));
    return sc_make_folders(making->place, error);
}

/* The new file takes its place. */
static enum sc_status put_in_place(struct making *making, struct sc_error *error)
{
    sc_store_close(making->store);
    making->store = NULL;
    bool found;
    SC_TRY(sc_file_look(making->final, &found, error));
    if (found)
        SC_TRY(sc_store_fold_log(making->merge->options->out, error));
    SC_TRY(sc_file_put_in_place(making->made, making->final, error));
    if (making->grew)
        unlink(making->replay);
    return sc_sync_folder(making->merge->options->out, error);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Nothing but this process sees the file, which is thrown away if it does not get complete. */
static enum sc_status create(struct making *making, struct sc_error *error)
{
    const struct sc_store_run run = {making->config, making->instances, making->merge->n_found,
                                     making->shard.of > 0 ? making->positions : NULL};
    bool resumed = false;
    SC_TRY(sc_store_open(&making->store, making->place, &run, &resumed, error));
    return sc_store_exec(making->store,
                         "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
                         " PRAGMA cache_size = -65536",
                         "write", error);
}

static enum sc_status copy_part(struct making *making, const struct sc_merge_part *part,
                                struct sc_store *from, struct sc_error *error)
{
    const char *config = NULL;
    const struct sc_merge_rows rows = {from, making->store, part->ranks, part->shard.n_instances,
                                       making->merge->observer};
    SC_TRY(sc_store_config(from, &config, error));
    if (strcmp(config, part->config) != 0)
        return sc_fail(error, SC_ERR_CONFLICT, "%s: replaced while it was being merged",
                       part->folder);
    return sc_merge_copy(&rows, error);
}

static enum sc_status copy_parts(struct making *making, struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    const struct sc_merge_observer *observer = merge->observer;
    for (size_t i = 0; i < merge->n_parts; i++) {
        struct sc_store *from = NULL;
        SC_TRY(sc_store_open_read(&from, merge->parts[i].folder, error));
        enum sc_status status = copy_part(making, &merge->parts[i], from, error);
        sc_store_close(from);
        SC_TRY(status);
        if (observer->copied != NULL)
            observer->copied(observer->context, i + 1, merge->n_parts);
    }
    return SC_OK;
}

/* ---- what lies there already ----------------------------------------------------------------- */

static int compare_position(const void *key, const void *item)
{
    size_t x = *(const size_t *)key, y = ((const struct sc_merge_instance *)item)->position;
    return x < y ? -1 : x > y;
}

/* Where the instances of an earlier merge stand in the new one. */
static enum sc_status rank_earlier(const struct making *making, struct sc_store *earlier,
                                   const struct sc_run_shard *shard, size_t **ranks, size_t *n,
                                   struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    bool whole = shard->of == 0;
    *n = whole ? merge->n_all : shard->n_instances;
    if (!whole) {
        SC_TRY(sc_store_read_positions(earlier, *n, merge->n_all, ranks, error));
    } else {
        *ranks = sc_alloc_array(*n, sizeof **ranks);
        if (*ranks == NULL)
            return sc_fail_nomem(error, "instances of a run");
    }
    for (size_t i = 0; i < *n; i++) {
        size_t position = whole ? i : (*ranks)[i];
        const struct sc_merge_instance *found =
            merge->n_found > 0 ? bsearch(&position, merge->found, merge->n_found,
                                         sizeof *merge->found, compare_position)
                               : NULL;
        (*ranks)[i] = found != NULL ? (size_t)(found - merge->found) : SIZE_MAX;
    }
    return SC_OK;
}

static enum sc_status look_for_rows(const struct making *making, struct sc_store *earlier,
                                    const struct sc_run_shard *shard, struct sc_error *error)
{
    struct sc_merge_rows rows = {earlier, making->store, NULL, 0, making->merge->observer};
    size_t *ranks = NULL;
    enum sc_status status = rank_earlier(making, earlier, shard, &ranks, &rows.n_ranks, error);
    if (status != SC_OK)
        goto done;
    rows.ranks = ranks;
    status = sc_merge_contains(&rows, error);
done:
    sc_free(ranks);
    return status;
}

static enum sc_status compare_earlier(const struct making *making, struct sc_store *earlier,
                                      struct sc_error *error)
{
    const struct sc_merge *merge = making->merge;
    struct sc_run_shard shard = {0};
    const char *config = NULL;
    char *whole = NULL;
    SC_TRY(sc_store_config(earlier, &config, error));
    SC_TRY(sc_config_split_shard(config, &whole, &shard, error));
    enum sc_status status =
        sc_config_compare(whole != NULL ? whole : config, merge->whole, making->final, error);
    if (status != SC_OK)
        goto done;
    status = look_for_rows(making, earlier, &shard, error);
done:
    sc_free(whole);
    sc_run_shard_free(&shard);
    return status;
}

static enum sc_status check_earlier(struct making *making, struct sc_error *error)
{
    struct sc_store *earlier = NULL;
    int64_t n_traces = 0;
    bool found;
    SC_TRY(sc_file_look(making->final, &found, error));
    if (!found)
        return SC_OK;
    SC_TRY(sc_store_open_read(&earlier, making->merge->options->out, error));
    enum sc_status status = compare_earlier(making, earlier, error);
    if (status != SC_OK)
        goto done;
    status = sc_store_number(earlier, "SELECT count(*) FROM trace", &n_traces, error);
    making->grew = (uint64_t)n_traces < making->merge->summary->n_traces;
done:
    sc_store_close(earlier);
    return status;
}

/* ---- what is said of it ---------------------------------------------------------------------- */

static enum sc_status count_unjudged(struct making *making, const char *detector, const char *judge,
                                     struct sc_error *error)
{
    sqlite3_stmt *count = NULL;
    SC_TRY(sc_store_prepare(
        making->store,
        "SELECT count(*) FROM trace t WHERE NOT EXISTS (SELECT 1 FROM verdict v WHERE"
        " v.instance = t.instance AND v.trace = t.trace AND v.detector = ?1) OR NOT EXISTS"
        " (SELECT 1 FROM harm h WHERE h.instance = t.instance AND h.trace = t.trace AND"
        " h.judge = ?2)",
        &count, error));
    struct sc_binder binder = {.statement = count};
    sc_bind_text(&binder, detector);
    sc_bind_text(&binder, judge);
    enum sc_status status = SC_OK;
    if (binder.failed || sqlite3_step(count) != SQLITE_ROW)
        status = sc_store_fail(making->store, "read", error);
    else
        making->merge->summary->n_unjudged = (size_t)sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    return status;
}

/* Judgements that failed for reasons that may not last. */
static enum sc_status count_open(struct making *making, struct sc_error *error)
{
    bool there = false;
    int64_t n = 0;
    SC_TRY(sc_store_check_table(making->store, sc_table_made_of("open_judgement"), &there, error));
    if (there)
        SC_TRY(sc_store_number(making->store,
                               "SELECT count(*) FROM (SELECT DISTINCT instance, trace FROM"
                               " open_judgement WHERE again = 1 AND trace >= 0)",
                               &n, error));
    making->merge->summary->n_unjudged += (size_t)n;
    return SC_OK;
}

static enum sc_status find_reading(struct making *making, struct sc_run *run,
                                   struct sc_error *error)
{
    char hash[17];
    size_t n = 0;
    bool again = false;
    SC_TRY(sc_config_read(making->config, run, hash, &n, error));
    SC_TRY(sc_store_apply_reading(making->store, &run->detector, &run->judge, &again, error));
    if (again)
        SC_TRY(count_unjudged(making, run->detector, run->judge, error));
    return count_open(making, error);
}

/* Shards that were judged, beside some that were not. */
static enum sc_status find_unjudged(struct making *making, struct sc_error *error)
{
    struct sc_run run = {0};
    enum sc_status status = find_reading(making, &run, error);
    sc_run_free(&run);
    return status;
}

static void copy_words(struct sc_text *words, char *out, size_t size)
{
    struct sc_text visible = {0};
    if (words->data != NULL)
        sc_text_add_visible(&visible, words->data, words->len, false);
    if (!words->failed && !visible.failed && visible.data != NULL)
        snprintf(out, size, "%s", visible.data);
    sc_text_free(&visible);
    sc_text_free(words);
}

static void fill_summary(struct sc_merge *merge)
{
    struct sc_merge_summary *summary = merge->summary;
    struct sc_text failures = {0}, missing = {0};
    summary->n_parts = merge->of;
    summary->n_instances = merge->n_found;
    for (size_t i = 0; i < merge->of; i++)
        summary->n_parts_missing += merge->owners[i] == 0;
    for (size_t i = 0; i < merge->n_parts; i++)
        summary->n_instances_done += merge->parts[i].n_done;
    sc_failures_sort(&merge->failures);
    sc_failures_say(&merge->failures, &failures);
    sc_merge_say_missing(merge, &missing);
    copy_words(&failures, summary->failures, sizeof summary->failures);
    copy_words(&missing, summary->missing, sizeof summary->missing);
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status make(struct making *making, struct sc_error *error)
{
    SC_TRY(plan(making, error));
    SC_TRY(take_folder(making, error));
    SC_TRY(create(making, error));
    SC_TRY(copy_parts(making, error));
    SC_TRY(check_earlier(making, error));
    SC_TRY(find_unjudged(making, error));
    return put_in_place(making, error);
}

static void release(struct making *making)
{
    sc_store_close(making->store);
    if (making->lock.descriptor >= 0)
        (void)clear_place(making, NULL);
    sc_lock_release(&making->lock);
    sc_run_shard_free(&making->shard);
    sc_free(making->place);
    sc_free(making->made);
    sc_free(making->final);
    sc_free(making->replay);
    sc_free(making->config);
    sc_free(making->instances);
    sc_free(making->positions);
}

static enum sc_status merge_all(struct sc_merge *merge, struct sc_error *error)
{
    const struct sc_merge_options *options = merge->options;
    struct making making = {.merge = merge, .lock = {.descriptor = -1}};
    if (options->out == NULL || options->out[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "out: expected a folder, found nothing");
    if (options->n_folders == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "expected folders of shards, found none");
    SC_TRY(sc_merge_read_parts(merge, error));
    fill_summary(merge);
    if (merge->summary->missing[0] != '\0' && !options->partial)
        return sc_fail(error, SC_ERR_CONFLICT, "%s (--partial merges what is there)",
                       merge->summary->missing);
    enum sc_status status = make(&making, error);
    release(&making);
    return status;
}

enum sc_status sc_merge(const struct sc_merge_options *options,
                        const struct sc_merge_observer *observer, struct sc_merge_summary *summary,
                        struct sc_error *error)
{
    const struct sc_merge_observer silent = {0};
    struct sc_merge_summary unused;
    struct sc_merge_options all = sc_merge_options_default();
    if (options == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "options: expected some, found none");
    SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "options", error));
    struct sc_merge merge = {.options = &all,
                             .observer = observer != NULL ? observer : &silent,
                             .summary = summary != NULL ? summary : &unused};
    *merge.summary = (struct sc_merge_summary){0};
    enum sc_status status = merge_all(&merge, error);
    sc_merge_free_parts(&merge);
    return status;
}
