/* See models.h.  A model is looked up (what the hub lists, what is missing here), then pulled: its
 * contents into blobs/, and only when all of them are there, the links of the snapshot. */
#include "hub/models.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/keys.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/listing.h"
#include "hub/pull.h"

enum { MOST_LISTING = 8 << 20 };

void sc_hub_model_free(struct sc_hub_model *model)
{
    for (size_t i = 0; i < model->n_files; i++)
        sc_free(model->files[i].name);
    sc_free(model->files);
    sc_free(model->name);
    sc_free(model->revision);
    *model = (struct sc_hub_model){0};
}

/* ---- what a refusal means -------------------------------------------------------------------- */

static enum sc_status explain_gate(const struct sc_hub_place *place, const char *name,
                                   struct sc_error *error)
{
    if (place->token == NULL)
        return sc_fail(error, SC_ERR_IO,
                       "model \"%s\" is gated: accept its terms at %s/%s, make a token at "
                       "%s/settings/tokens, and give that in HF_TOKEN",
                       name, place->endpoint, name, place->endpoint);
    return sc_fail(
        error, SC_ERR_IO,
        "model \"%s\" is gated, and the account of the token that was sent has no access: "
        "accept its terms at %s/%s (some makers take days to answer)",
        name, place->endpoint, name);
}

static enum sc_status explain(const struct sc_hub_place *place, const struct sc_hub_model *model,
                              const struct sc_hub_refusal *refusal, struct sc_error *error)
{
    const char *host = sc_hub_place_name(place), *name = model->name;
    const bool with_token = place->token != NULL;
    if (strcmp(refusal->code, "GatedRepo") == 0)
        return explain_gate(place, name, error);
    if (strcmp(refusal->code, "RevisionNotFound") == 0)
        return sc_fail(error, SC_ERR_IO, "model \"%s\": no revision \"%s\" at %s", name,
                       model->revision, host);
    if (refusal->http_status == 404 || strcmp(refusal->code, "RepoNotFound") == 0)
        return sc_fail(error, SC_ERR_IO,
                       "model \"%s\": no such folder here, and no such model at %s%s", name, host,
                       with_token ? ", or one that the token may not see"
                                  : " (a private one takes a token: HF_TOKEN)");
    if (refusal->http_status == 401)
        return sc_fail(error, SC_ERR_IO, "model \"%s\": %s %s", name, host,
                       with_token ? "does not take the token that was sent (HF_TOKEN, or the file "
                                    "that a login left)"
                                  : "wants a token (HF_TOKEN), or has no such model");
    if (refusal->http_status == 429)
        return sc_fail(error, SC_ERR_IO,
                       "model \"%s\": %s answers that it was asked too often: try again later%s",
                       name, host,
                       with_token ? "" : ", or with a token (HF_TOKEN), which may ask more");
    return sc_fail(error, SC_ERR_IO, "model \"%s\": %s refuses it (%ld%s%s)%s", name, host,
                   refusal->http_status, *refusal->code ? ", " : "", refusal->code,
                   refusal->http_status == 403 && with_token
                       ? ": the token may lack the right to read it"
                       : "");
}

/* ---- looking up ------------------------------------------------------------------------------ */

static char *listing_url(const struct sc_hub_place *place, const struct sc_hub_model *model)
{
    struct sc_text url = {0};
    sc_text_printf(&url, "%s/api/models/%s/revision/", place->endpoint, model->name);
    sc_text_add_escaped(&url, model->revision, "");
    sc_text_puts(&url, "?blobs=true");
    return sc_text_take(&url);
}

static char *file_url(const struct sc_hub_place *place, const struct sc_hub_model *model,
                      const struct sc_hub_file *file)
{
    struct sc_text url = {0};
    sc_text_printf(&url, "%s/%s/resolve/%s/", place->endpoint, model->name, model->commit);
    sc_text_add_escaped(&url, file->name, "");
    return sc_text_take(&url);
}

struct look {
    const struct sc_hub_lookup *lookup;
    struct sc_hub_model *model;
    struct sc_hub_listing listing;
    char *url;
    struct sc_hub_answer answer;
};

static enum sc_status ask(struct look *look, bool head, struct sc_error *error)
{
    const struct sc_hub_lookup *lookup = look->lookup;
    const struct sc_hub_question question = {.url = look->url,
                                             .token = lookup->place->token,
                                             .head = head,
                                             .most = MOST_LISTING,
                                             .hasty = lookup->hasty,
                                             .stall_timeout = lookup->place->stall_timeout,
                                             .step = lookup->step,
                                             .context = lookup->context};
    if (look->url == NULL)
        return sc_fail_nomem(error, "listing of a model");
    sc_free(look->answer.body);
    SC_TRY(sc_hub_ask(&question, &look->answer, error));
    return look->answer.refusal.http_status == 0
               ? SC_OK
               : explain(lookup->place, look->model, &look->answer.refusal, error);
}

/* Of a file that the listing says too little of: what its own headers say. */
static enum sc_status ask_about(struct look *look, struct sc_hub_file *file, struct sc_error *error)
{
    sc_free(look->url);
    look->url = file_url(look->lookup->place, look->model, file);
    SC_TRY(ask(look, true, error));
    file->size = look->answer.size;
    return sc_hub_file_set_etag(file, look->answer.etag, error);
}

/* What of the snapshot is not there. */
static enum sc_status count(struct look *look, struct sc_error *error)
{
    struct sc_hub_model *model = look->model;
    struct sc_hub_name name;
    sc_hub_name_read(model->name, &name);
    char *repository = sc_hub_repository(look->lookup->place->cache, &name);
    if (repository == NULL)
        return sc_fail_nomem(error, "cache of the hub");
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < model->n_files && status == SC_OK; i++) {
        struct sc_hub_file *file = &model->files[i];
        struct sc_text path = {0};
        sc_text_printf(&path, "%s/snapshots/%s/%s", repository, model->commit, file->name);
        bool found = false;
        status = path.failed ? sc_fail_nomem(error, "cache of the hub")
                             : sc_file_look(path.data, &found, error);
        file->missing = !found;
        sc_text_free(&path);
        model->n_bytes += file->size;
        model->n_missing += file->missing;
        model->n_missing_bytes += file->missing ? file->size : 0;
    }
    sc_free(repository);
    return status;
}

static enum sc_status name_model(const struct sc_hub_lookup *lookup, struct sc_hub_model *out,
                                 struct sc_error *error)
{
    char shown[SC_LONGEST_SHOWN_URL];
    struct sc_hub_name name;
    if (!sc_hub_name_read(lookup->name, &name))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "model of a hub: expected OWNER/MODEL or OWNER/MODEL@REVISION, found "
                       "\"%.200s\"",
                       sc_name_shown(lookup->name, shown));
    out->name = sc_strndup(lookup->name, (size_t)(name.model + name.n_model - lookup->name));
    out->revision = sc_strdup(name.revision != NULL ? name.revision : "main");
    if (out->name == NULL || out->revision == NULL)
        return sc_fail_nomem(error, "name of a model");
    return SC_OK;
}

static enum sc_status read_listing(struct look *look, struct sc_error *error)
{
    struct sc_hub_listing *listing = &look->listing;
    SC_TRY(sc_hub_listing_parse(look->answer.body, look->answer.n, listing, error));
    return sc_hub_listing_choose(listing, look->lookup->part, error);
}

/* The listing becomes the model's. */
static enum sc_status take_listing(struct look *look, struct sc_error *error)
{
    struct sc_hub_model *model = look->model;
    enum sc_status status = read_listing(look, error);
    if (look->listing.gated && look->lookup->place->token == NULL)
        return explain_gate(look->lookup->place, model->name, error);
    if (status != SC_OK)
        sc_error_prefix(error, "model \"%s\"", model->name);
    memcpy(model->commit, look->listing.commit, sizeof model->commit);
    model->files = look->listing.files;
    model->n_files = look->listing.n;
    look->listing = (struct sc_hub_listing){0};
    return status;
}

static enum sc_status look_up(struct look *look, struct sc_error *error)
{
    struct sc_hub_model *model = look->model;
    SC_TRY(name_model(look->lookup, model, error));
    look->url = listing_url(look->lookup->place, model);
    SC_TRY(ask(look, false, error));
    SC_TRY(take_listing(look, error));
    for (size_t i = 0; i < model->n_files; i++)
        if (model->files[i].etag[0] == '\0')
            SC_TRY(ask_about(look, &model->files[i], error));
    return count(look, error);
}

enum sc_status sc_hub_model_look(const struct sc_hub_lookup *lookup, struct sc_hub_model *out,
                                 struct sc_error *error)
{
    assert(lookup->place != NULL && lookup->name != NULL);
    struct look look = {.lookup = lookup, .model = out};
    *out = (struct sc_hub_model){0};
    enum sc_status status = look_up(&look, error);
    sc_free(look.url);
    sc_free(look.answer.body);
    sc_hub_listing_free(&look.listing);
    if (status != SC_OK)
        sc_hub_model_free(out);
    return status;
}

/* ---- pulling --------------------------------------------------------------------------------- */

struct pulling {
    const struct sc_hub_pull *pull;
    char *repository, *snapshot;
    struct sc_download *files;     /* [n] */
    char **urls, **paths, **locks; /* [n] */
    size_t n;
};

static char *join_three(const char *a, const char *b, const char *c)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "%s/%s/%s", a, b, c);
    return sc_text_take(&text);
}

/* Files of one content are one blob. */
static bool is_fetched_already(const struct pulling *p, size_t i)
{
    const struct sc_hub_file *files = p->pull->model->files;
    for (size_t k = 0; k < i; k++)
        if (strcmp(files[k].etag, files[i].etag) == 0)
            return true;
    return false;
}

/* Whether the content is there, as far as its size tells. */
static bool has_blob(const struct pulling *p, const struct sc_hub_file *file)
{
    struct stat info;
    char *path = join_three(p->repository, "blobs", file->etag);
    bool found = path != NULL && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
                 (file->size == 0 || (uint64_t)info.st_size == file->size);
    sc_free(path);
    return found;
}

static enum sc_status add_file(struct pulling *p, size_t i, struct sc_error *error)
{
    const struct sc_hub_place *place = p->pull->place;
    const struct sc_hub_file *file = &p->pull->model->files[i];
    const char *repository = strrchr(p->repository, '/') + 1;
    if (is_fetched_already(p, i) || (!p->pull->check && has_blob(p, file)))
        return SC_OK;
    size_t at = p->n++;
    struct sc_text lock = {0};
    sc_text_printf(&lock, "%s/.locks/%s/%s.lock", place->cache, repository, file->etag);
    p->locks[at] = sc_text_take(&lock);
    p->urls[at] = file_url(place, p->pull->model, file);
    p->paths[at] = join_three(p->repository, "blobs", file->etag);
    if (p->urls[at] == NULL || p->paths[at] == NULL || p->locks[at] == NULL)
        return sc_fail_nomem(error, "a download");
    p->files[at] =
        (struct sc_download){.url = p->urls[at],
                             .token = place->token,
                             .path = p->paths[at],
                             .lock = p->locks[at],
                             .size = file->size,
                             .sha256 = *file->sha256 ? file->sha256 : NULL,
                             .git_sha1 = *file->git_sha1 && file->size > 0 ? file->git_sha1 : NULL};
    return SC_OK;
}

static enum sc_status fetch(struct pulling *p, struct sc_error *error)
{
    const struct sc_hub_place *place = p->pull->place;
    struct sc_error why = {0};
    struct sc_download_options options = p->pull->download;
    if (place->stall_timeout > 0)
        options.stall_timeout = place->stall_timeout;
    enum sc_status status = sc_download_files(p->files, p->n, &options, &why);
    for (size_t i = 0; status != SC_OK && i < p->n; i++)
        if (p->files[i].refusal.http_status != 0 && p->files[i].refusal.http_status != 404)
            return explain(place, p->pull->model, &p->files[i].refusal, error);
    return status == SC_OK ? SC_OK : sc_fail(error, status, "%s", why.text);
}

/* A name in the snapshot for a content: "../../blobs/ETAG".  One that stands there stays. */
static enum sc_status link_file(const struct pulling *p, const struct sc_hub_file *file,
                                struct sc_error *error)
{
    char *path = sc_path_join(p->snapshot, file->name);
    char *target = sc_path_join("../../blobs", file->etag);
    enum sc_status status = SC_OK;
    if (path == NULL || target == NULL) {
        status = sc_fail_nomem(error, "a snapshot");
        goto done;
    }
    bool found = false;
    status = sc_file_look(path, &found, error);
    if (status != SC_OK || found)
        goto done;
    unlink(path); /* a link to a content that is gone */
    if (symlink(target, path) != 0 && errno != EEXIST)
        status = sc_fail(error, SC_ERR_IO, "%s: cannot make a link: %s", path, strerror(errno));
    else
        status = sc_sync_folder_of(path, error);
done:
    sc_free(path);
    sc_free(target);
    return status;
}

static enum sc_status write_below(const char *path, const char *text, struct sc_error *error)
{
    char *folder = sc_strndup(path, (size_t)(strrchr(path, '/') - path));
    if (folder == NULL)
        return sc_fail_nomem(error, "a snapshot");
    enum sc_status status = sc_make_folders(folder, error);
    sc_free(folder);
    SC_TRY(status);
    return sc_file_write(path, text, strlen(text), error);
}

/* refs/REVISION; a commit names itself. */
static enum sc_status write_ref(const struct pulling *p, struct sc_error *error)
{
    const struct sc_hub_model *model = p->pull->model;
    if (strcmp(model->revision, model->commit) == 0)
        return SC_OK;
    char *path = join_three(p->repository, "refs", model->revision);
    enum sc_status status =
        path != NULL ? write_below(path, model->commit, error) : sc_fail_nomem(error, "a snapshot");
    sc_free(path);
    return status;
}

/* Tells programs that make copies of disks to leave the cache out, as the hub's tools do. */
static enum sc_status tag_cache(const char *cache, struct sc_error *error)
{
    static const char tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
                              "# This folder is a cache: what lies in it can be fetched again.\n";
    char *path = sc_path_join(cache, "CACHEDIR.TAG");
    if (path == NULL)
        return sc_fail_nomem(error, "cache of the hub");
    bool found = false;
    enum sc_status status = sc_file_look(path, &found, error);
    if (status == SC_OK && !found)
        status = sc_file_write(path, tag, sizeof tag - 1, error);
    sc_free(path);
    return status;
}

static enum sc_status pull(struct pulling *p, struct sc_error *error)
{
    const struct sc_hub_model *model = p->pull->model;
    struct sc_hub_name name;
    sc_hub_name_read(model->name, &name);
    p->repository = sc_hub_repository(p->pull->place->cache, &name);
    p->snapshot =
        p->repository != NULL ? join_three(p->repository, "snapshots", model->commit) : NULL;
    p->files = sc_alloc_zero(model->n_files + 1, sizeof *p->files);
    p->urls = sc_alloc_zero(model->n_files + 1, sizeof *p->urls);
    p->paths = sc_alloc_zero(model->n_files + 1, sizeof *p->paths);
    p->locks = sc_alloc_zero(model->n_files + 1, sizeof *p->locks);
    if (p->snapshot == NULL || p->files == NULL || p->urls == NULL || p->paths == NULL ||
        p->locks == NULL)
        return sc_fail_nomem(error, "a download");
    for (size_t i = 0; i < model->n_files; i++)
        SC_TRY(add_file(p, i, error));
    SC_TRY(fetch(p, error));
    SC_TRY(sc_make_folders(p->snapshot, error));
    SC_TRY(tag_cache(p->pull->place->cache, error));
    for (size_t i = 0; i < model->n_files; i++)
        SC_TRY(link_file(p, &model->files[i], error));
    return write_ref(p, error);
}

static void free_all(char **texts, size_t n)
{
    for (size_t i = 0; texts != NULL && i < n; i++)
        sc_free(texts[i]);
    sc_free(texts);
}

enum sc_status sc_hub_model_pull(const struct sc_hub_pull *what, char **folder,
                                 struct sc_error *error)
{
    struct pulling pulling = {.pull = what};
    enum sc_status status = pull(&pulling, error);
    free_all(pulling.urls, pulling.n);
    free_all(pulling.paths, pulling.n);
    free_all(pulling.locks, pulling.n);
    sc_free(pulling.files);
    sc_free(pulling.repository);
    if (status != SC_OK)
        sc_free(pulling.snapshot);
    *folder = status != SC_OK ? NULL : pulling.snapshot;
    return status;
}
