/*
 * Fetching the files of a set (sets.h): what is wanted, what is here, what is to come.  Rows are
 * fetched in pull_rows.c, what is known of files is in record.c.
 */
#include "hub/pull.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/places.h"
#include "base/text.h"
#include "hub/digest.h"

void sc_set_state_free(struct sc_set_state *state)
{
    for (size_t i = 0; i < state->n_parts; i++)
        sc_free(state->parts[i].path);
    sc_free(state->folder);
    *state = (struct sc_set_state){0};
}

/* ---- what is here ---------------------------------------------------------------------------- */

static enum sc_status set_folder(const struct sc_set *set, const char *given, char **out,
                                 struct sc_error *error)
{
    char *folders[SC_MOST_BENCHMARK_FOLDERS];
    size_t n = 0;
    *out = NULL;
    if (given == NULL)
        SC_TRY(sc_benchmark_folders(folders, &n, error));
    if (given == NULL && n == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "no folder for benchmarks: expected HOME or SAFECONF_DATA to be set");
    *out = sc_path_join(given != NULL ? given : folders[0], set->name);
    while (n > 0)
        sc_free(folders[--n]);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "folder of a set");
}

static enum sc_status add_part(struct sc_set_state *state, const struct sc_set_file *file,
                               struct sc_error *error)
{
    struct stat about;
    struct sc_set_part *part = &state->parts[state->n_parts++];
    part->file = file;
    part->path = sc_path_join(state->folder, sc_set_file_name(file));
    if (part->path == NULL)
        return sc_fail_nomem(error, "path of a set");
    part->is_here = stat(part->path, &about) == 0;
    part->bytes = part->is_here ? (uint64_t)about.st_size : 0;
    return SC_OK;
}

static bool is_wanted(const struct sc_set_file *file, const char *split, bool large_too)
{
    if (split == NULL)
        return large_too || !file->large;
    return file->split != NULL && strcmp(file->split, split) == 0;
}

/* The parts that are wanted, none of them looked into. */
static enum sc_status find_parts(const struct sc_set *set, const struct sc_set_options *options,
                                 bool large_too, struct sc_set_state *out, struct sc_error *error)
{
    SC_TRY(set_folder(set, options->folder, &out->folder, error));
    for (size_t i = 0; i < SC_SET_MOST_FILES && set->files[i].path != NULL; i++)
        if (is_wanted(&set->files[i], options->split, large_too))
            SC_TRY(add_part(out, &set->files[i], error));
    return sc_record_read(out, error);
}

static enum sc_status fail_split(const struct sc_set *set, const char *split,
                                 struct sc_error *error)
{
    if (set->files[0].split == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: has no splits, found \"%s\"", set->name, split);
    struct sc_text names = {0};
    for (size_t i = 0; i < SC_SET_MOST_FILES && set->files[i].path != NULL; i++)
        sc_text_printf(&names, "%s%s", i > 0 ? ", " : "", set->files[i].split);
    enum sc_status status =
        sc_fail(error, SC_ERR_ARGUMENT, "%s: split: expected one of %s, found \"%s\"", set->name,
                names.data != NULL ? names.data : "its own", split);
    sc_text_free(&names);
    return status;
}

enum sc_status sc_set_look(const struct sc_set *set, const struct sc_set_options *options,
                           struct sc_set_state *out, struct sc_error *error)
{
    assert(set != NULL && options != NULL);
    *out = (struct sc_set_state){0};
    enum sc_status status = find_parts(set, options, true, out, error);
    if (status != SC_OK)
        sc_set_state_free(out);
    return status;
}

static enum sc_status hash_file(const char *path, char sha256[65], struct sc_error *error)
{
    struct sc_map map;
    SC_TRY(sc_map_open(&map, path, error));
    enum sc_status status = sc_digest_of(map.data, map.size, sha256, error);
    sc_map_close(&map);
    return status;
}

/* The SHA-256 of what was published or, where that is not known, fetched; NULL: neither. */
static const char *known_hash(const struct sc_set *set, const struct sc_set_part *part)
{
    bool other = part->sha256[0] != '\0' && set->revision != NULL &&
                 strcmp(part->revision, set->revision) != 0;
    if (part->file->sha256 != NULL && !other)
        return part->file->sha256;
    return part->sha256[0] != '\0' ? part->sha256 : NULL;
}

/* A file that stands there is the one that was published, or it is not ours to touch. */
static enum sc_status check_here(const struct sc_set *set, struct sc_set_part *part,
                                 struct sc_error *error)
{
    char found[65];
    const char *expected = known_hash(set, part);
    if (!part->is_here)
        return SC_OK;
    if (expected == NULL)
        return sc_fail(error, SC_ERR_CONFLICT,
                       "%s: is there and was not fetched by safeconf: move it away to fetch it",
                       part->path);
    SC_TRY(hash_file(part->path, found, error));
    if (strcmp(found, expected) != 0)
        return sc_fail(error, SC_ERR_CONFLICT,
                       "%s: is not what was published (SHA-256: expected %.12s..., found "
                       "%.12s...): move it away to fetch it",
                       part->path, expected, found);
    memcpy(part->sha256, found, sizeof found);
    return SC_OK;
}

/* What is here must be of the revision that was asked for. */
static enum sc_status check_revision(const struct sc_puller *puller, const struct sc_set_part *part,
                                     struct sc_error *error)
{
    const char *here = part->revision[0] != '\0' ? part->revision : puller->set->revision;
    if (!part->is_here || strcmp(here, puller->revision) == 0)
        return SC_OK;
    return sc_fail(error, SC_ERR_CONFLICT,
                   "%s: is of revision %.12s: move it away to fetch revision %.12s", part->path,
                   here, puller->revision);
}

static char *file_url(const struct sc_puller *puller, const struct sc_set_file *file,
                      const char *base)
{
    struct sc_text url = {0};
    const struct sc_set *set = puller->set;
    sc_text_printf(&url, set->home == SC_SET_OF_GITHUB ? "%s/%s/" : "%s/datasets/%s/resolve/", base,
                   set->repository);
    sc_text_add_escaped(&url, puller->revision, "");
    sc_text_putc(&url, '/');
    sc_text_add_escaped(&url, file->path, "/");
    return sc_text_take(&url);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct fetching {
    struct sc_download downloads[SC_SET_MOST_FILES];
    struct sc_set_part *parts[SC_SET_MOST_FILES];
    char *urls[SC_SET_MOST_FILES];
    size_t n;
};

static enum sc_status add_download(struct sc_puller *puller, struct fetching *fetching,
                                   struct sc_set_part *part, const char *base,
                                   struct sc_error *error)
{
    size_t i = fetching->n++;
    fetching->urls[i] = file_url(puller, part->file, base);
    fetching->parts[i] = part;
    fetching->downloads[i] = (struct sc_download){.url = fetching->urls[i],
                                                  .token = puller->token,
                                                  .path = part->path,
                                                  .sha256 = sc_set_part_expected(puller, part)};
    return fetching->urls[i] != NULL ? SC_OK : sc_fail_nomem(error, "address of a set");
}

/* What came is recorded also where another file failed. */
static enum sc_status note_files(struct sc_puller *puller, struct fetching *fetching,
                                 struct sc_error *error)
{
    for (size_t i = 0; i < fetching->n; i++) {
        const struct sc_download *download = &fetching->downloads[i];
        struct sc_set_part *part = fetching->parts[i];
        if (download->found_sha256[0] == '\0' || !sc_file_exists(part->path))
            continue;
        memcpy(part->sha256, download->found_sha256, sizeof part->sha256);
        part->bytes = download->found_size;
        SC_TRY(sc_set_part_done(puller, part, error));
    }
    return SC_OK;
}

static enum sc_status fetch_files(struct sc_puller *puller, struct fetching *fetching,
                                  const char *base, struct sc_error *error)
{
    const struct sc_download_options options = {.step = puller->options->step,
                                                .context = puller->options->context};
    struct sc_error why = {0};
    for (size_t i = 0; i < puller->state->n_parts; i++)
        if (!puller->state->parts[i].is_here)
            SC_TRY(add_download(puller, fetching, &puller->state->parts[i], base, error));
    enum sc_status status =
        fetching->n > 0 ? sc_download_files(fetching->downloads, fetching->n, &options, &why)
                        : SC_OK;
    SC_TRY(note_files(puller, fetching, error));
    for (size_t i = 0; i < fetching->n && status != SC_OK; i++)
        if (fetching->downloads[i].refusal.http_status != 0)
            return sc_set_refused(puller, &fetching->downloads[i].refusal, error);
    bool is_own = status == SC_ERR_FORMAT && puller->options->revision == NULL;
    return status == SC_OK
               ? SC_OK
               : sc_fail(error, status, "%s: %s%s", puller->set->name, why.text,
                         is_own ? " (--revision main takes what is published now)" : "");
}

/* The commit of the hub, or the word itself where nobody can be asked. */
static enum sc_status choose_revision(struct sc_puller *puller, struct sc_error *error)
{
    const char *word = puller->options->revision;
    if (word == NULL)
        word = puller->set->revision;
    else if (puller->set->home == SC_SET_OF_HUB)
        return sc_set_ask_revision(puller, word, puller->revision, error);
    if (*word == '\0' || strlen(word) >= sizeof puller->revision)
        return sc_fail(error, SC_ERR_ARGUMENT, "%s: revision: expected a commit or a branch",
                       puller->set->name);
    memcpy(puller->revision, word, strlen(word) + 1);
    return SC_OK;
}

static enum sc_status pull_files(struct sc_puller *puller, struct sc_error *error)
{
    struct fetching fetching = {0};
    char *base;
    SC_TRY(choose_revision(puller, error));
    for (size_t i = 0; i < puller->state->n_parts && puller->options->revision != NULL; i++)
        SC_TRY(check_revision(puller, &puller->state->parts[i], error));
    SC_TRY(puller->set->home == SC_SET_OF_GITHUB ? sc_raw_endpoint(&base, error)
                                                 : sc_hub_endpoint(&base, error));
    enum sc_status status = fetch_files(puller, &fetching, base, error);
    for (size_t i = 0; i < fetching.n; i++)
        sc_free(fetching.urls[i]);
    sc_free(base);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool all_are_here(const struct sc_set_state *state)
{
    for (size_t i = 0; i < state->n_parts; i++)
        if (!state->parts[i].is_here)
            return false;
    return true;
}

static enum sc_status fetch_missing(struct sc_puller *puller, struct sc_error *error)
{
    if (sc_hub_is_offline())
        return sc_fail(error, SC_ERR_IO, "%s: is not here, and HF_HUB_OFFLINE is set",
                       puller->set->name);
    if (puller->set->home == SC_SET_OF_GITHUB)
        return pull_files(puller, error);
    char *token;
    SC_TRY(sc_hub_token(&token, error));
    puller->token = token;
    enum sc_status status = puller->set->home == SC_SET_OF_ROWS ? sc_set_pull_rows(puller, error)
                                                                : pull_files(puller, error);
    puller->token = NULL;
    sc_free(token);
    return status;
}

static enum sc_status pull(const struct sc_set *set, const struct sc_set_options *options,
                           struct sc_set_state *state, struct sc_error *error)
{
    struct sc_puller puller = {.set = set, .options = options, .state = state};
    SC_TRY(find_parts(set, options, false, state, error));
    if (state->n_parts == 0)
        return fail_split(set, options->split, error);
    for (size_t i = 0; i < state->n_parts; i++)
        SC_TRY(check_here(set, &state->parts[i], error));
    return all_are_here(state) && options->revision == NULL ? SC_OK : fetch_missing(&puller, error);
}

static enum sc_status wait_for_turn(int lock, const char *path,
                                    const struct sc_set_options *options, struct sc_error *error)
{
    static const struct sc_download_progress waiting = {.n_waiting = 1};
    static const struct timespec a_while = {.tv_nsec = 100000000};
    while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sc_fail(error, SC_ERR_IO, "%s: %s", path, strerror(errno));
        if (options->step != NULL && !options->step(options->context, &waiting))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        nanosleep(&a_while, NULL);
    }
    return SC_OK;
}

/* Waits until no other process fetches the same set; *lock: the descriptor that holds it, or -1. */
static enum sc_status take_turn(const char *folder, const struct sc_set_options *options, int *lock,
                                struct sc_error *error)
{
    SC_TRY(sc_make_folders(folder, error));
    char *path = sc_path_join(folder, ".lock");
    if (path == NULL)
        return sc_fail_nomem(error, "lock of a set");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    enum sc_status status = *lock >= 0 ? wait_for_turn(*lock, path, options, error)
                                       : sc_fail(error, SC_ERR_IO, "%s: %s", path, strerror(errno));
    sc_free(path);
    return status;
}

enum sc_status sc_set_pull(const struct sc_set *set, const struct sc_set_options *options,
                           struct sc_set_state *out, struct sc_error *error)
{
    assert(set != NULL && options != NULL && out != NULL);
    char *folder;
    int lock = -1;
    *out = (struct sc_set_state){0};
    SC_TRY(set_folder(set, options->folder, &folder, error));
    /* Offline nothing is fetched: there is no turn to take, and no folder to leave behind. */
    enum sc_status status = sc_hub_is_offline() ? SC_OK : take_turn(folder, options, &lock, error);
    if (status != SC_OK)
        goto done;
    status = pull(set, options, out, error);
    if (status != SC_OK)
        sc_set_state_free(out);
done:
    if (lock >= 0)
        close(lock);
    sc_free(folder);
    return status;
}
