/*
 * A part of a set through the hub's rows interface: the revision, the first page, the others
 * several at a time, and lines of JSON from all of them.  Pages are kept beside the set until the
 * part is whole, so an interruption loses none.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "hub/digest.h"
#include "hub/pull.h"
#include "hub/rows.h"

struct part_of_rows {
    struct sc_puller *puller;
    struct sc_set_part *part;
    char *server; /* address of the interface */
    char *pages;  /* folder of the pages of this revision */
    struct sc_rows rows;
};

static void release(struct part_of_rows *p)
{
    sc_free(p->server);
    sc_free(p->pages);
    sc_rows_free(&p->rows);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* sc_free it; NULL when out of memory. */
static char *page_url(const struct part_of_rows *p, uint64_t offset)
{
    struct sc_text url = {0};
    const char *path = p->part->file->path, *slash = strchr(path, '/');
    char config[100];
    assert(slash != NULL && (size_t)(slash - path) < sizeof config);
    snprintf(config, sizeof config, "%.*s", (int)(slash - path), path);
    sc_text_printf(&url, "%s/rows?dataset=", p->server);
    sc_text_add_escaped(&url, p->puller->set->repository, "");
    sc_text_puts(&url, "&config=");
    sc_text_add_escaped(&url, config, "");
    sc_text_puts(&url, "&split=");
    sc_text_add_escaped(&url, slash + 1, "");
    sc_text_printf(&url, "&offset=%llu&length=%d", (unsigned long long)offset, SC_ROWS_A_PAGE);
    return sc_text_take(&url);
}

static enum sc_status refuse_page(const struct part_of_rows *p, const struct sc_hub_answer *answer,
                                  struct sc_error *error)
{
    char said[256];
    const long status = answer->refusal.http_status;
    if (status == 401 || status == 403)
        return sc_set_refused(p->puller, &answer->refusal, error);
    sc_rows_complaint(answer->body != NULL ? answer->body : "", answer->n, said, sizeof said);
    return sc_fail(error, SC_ERR_IO, "the rows of %s: status %ld%s%s", p->puller->set->name, status,
                   *said ? ": " : "", said);
}

/* The first page, for what it says of the others. */
static enum sc_status ask_total(struct part_of_rows *p, uint64_t *n_total, struct sc_error *error)
{
    struct sc_hub_answer answer;
    struct sc_rows first = {0};
    SC_TRY(sc_set_ask(p->puller, page_url(p, 0), SC_ROWS_MOST_BYTES, &answer, error));
    enum sc_status status = answer.refusal.http_status != 0
                                ? refuse_page(p, &answer, error)
                                : sc_rows_add_page(&first, answer.body, answer.n, error);
    *n_total = first.n_total;
    sc_rows_free(&first);
    sc_free(answer.body);
    return status;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* sc_free it; NULL when out of memory. */
static char *page_path(const struct part_of_rows *p, uint64_t offset)
{
    char name[40];
    snprintf(name, sizeof name, "%08llu.json", (unsigned long long)offset);
    return sc_path_join(p->pages, name);
}

struct pages {
    struct sc_download *items; /* [n] */
    char **urls, **paths;      /* [n] of them */
    size_t n;
};

static void free_pages(struct pages *pages)
{
    for (size_t i = 0; i < pages->n; i++) {
        sc_free(pages->urls[i]);
        sc_free(pages->paths[i]);
    }
    sc_free(pages->urls);
    sc_free(pages->paths);
    sc_free(pages->items);
}

/* path is the list's. */
static enum sc_status add_to_list(const struct part_of_rows *p, struct pages *pages,
                                  uint64_t offset, char *path, struct sc_error *error)
{
    size_t i = pages->n++;
    pages->paths[i] = path;
    pages->urls[i] = page_url(p, offset);
    pages->items[i] = (struct sc_download){
        .path = path, .url = pages->urls[i], .token = p->puller->token, .most = SC_ROWS_MOST_BYTES};
    return pages->urls[i] != NULL ? SC_OK : sc_fail_nomem(error, "pages of rows");
}

/* Those that do not lie here from an attempt that was interrupted. */
static enum sc_status list_pages(const struct part_of_rows *p, uint64_t n_total,
                                 struct pages *pages, struct sc_error *error)
{
    size_t most = (size_t)((n_total + SC_ROWS_A_PAGE - 1) / SC_ROWS_A_PAGE);
    pages->items = sc_alloc_zero(most, sizeof *pages->items);
    pages->urls = sc_alloc_zero(most, sizeof *pages->urls);
    pages->paths = sc_alloc_zero(most, sizeof *pages->paths);
    if (pages->items == NULL || pages->urls == NULL || pages->paths == NULL)
        return sc_fail_nomem(error, "pages of rows");
    for (uint64_t offset = 0; offset < n_total; offset += SC_ROWS_A_PAGE) {
        char *path = page_path(p, offset);
        if (path == NULL)
            return sc_fail_nomem(error, "pages of rows");
        bool found = false;
        enum sc_status status = sc_file_look(path, &found, error);
        if (status != SC_OK || found)
            sc_free(path);
        SC_TRY(status);
        if (!found)
            SC_TRY(add_to_list(p, pages, offset, path, error));
    }
    return SC_OK;
}

static enum sc_status fetch_listed(const struct part_of_rows *p, uint64_t n_total,
                                   struct pages *pages, struct sc_error *error)
{
    /* Who asks for many pages is told to slow down now and then. */
    const struct sc_download_options options = {
        .step = p->puller->options->step, .context = p->puller->options->context, .pause = 2};
    struct sc_error why = {0};
    SC_TRY(list_pages(p, n_total, pages, error));
    enum sc_status status =
        pages->n > 0 ? sc_download_files(pages->items, pages->n, &options, &why) : SC_OK;
    return status == SC_OK
               ? SC_OK
               : sc_fail(error, status, "the rows of %s: %s", p->puller->set->name, why.text);
}

static enum sc_status fetch_pages(const struct part_of_rows *p, uint64_t n_total,
                                  struct sc_error *error)
{
    struct pages pages = {0};
    enum sc_status status = fetch_listed(p, n_total, &pages, error);
    free_pages(&pages);
    return status;
}

static enum sc_status read_page(struct part_of_rows *p, const char *path, struct sc_error *error)
{
    char *text;
    size_t n;
    SC_TRY(sc_file_read(path, SC_ROWS_MOST_BYTES, &text, &n, error));
    enum sc_status status = sc_rows_add_page(&p->rows, text, n, error);
    sc_free(text);
    return status;
}

/* Reads the next page that lies here; one that is wrong is removed, to be fetched again. */
static enum sc_status add_page(struct part_of_rows *p, struct sc_error *error)
{
    char *path = page_path(p, p->rows.n);
    if (path == NULL)
        return sc_fail_nomem(error, "pages of rows");
    enum sc_status status = read_page(p, path, error);
    if (status == SC_ERR_FORMAT) {
        unlink(path);
        sc_error_prefix(error, "the rows of %s", p->puller->set->name);
    }
    sc_free(path);
    return status;
}

static void remove_pages(const struct part_of_rows *p)
{
    for (uint64_t offset = 0; offset < p->rows.n_total; offset += SC_ROWS_A_PAGE) {
        char *path = page_path(p, offset);
        if (path != NULL)
            unlink(path);
        sc_free(path);
    }
    rmdir(p->pages);
}

/* ---- a part ---------------------------------------------------------------------------------- */

/* The lines must be those of the time before, where the revision is the same. */
static enum sc_status keep(struct part_of_rows *p, struct sc_error *error)
{
    char sha256[65];
    struct sc_set_part *part = p->part;
    const char *expected = sc_set_part_expected(p->puller, part);
    SC_TRY(sc_digest_of(p->rows.lines.data, p->rows.lines.len, sha256, error));
    if (expected != NULL && strcmp(expected, sha256) != 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: revision %.12s is not what it was on %s (SHA-256: expected %.12s..., "
                       "found %.12s...)",
                       p->puller->set->name, p->puller->revision, part->fetched, expected, sha256);
    SC_TRY(sc_file_write(part->path, p->rows.lines.data, p->rows.lines.len, error));
    memcpy(part->sha256, sha256, sizeof sha256);
    part->bytes = p->rows.lines.len;
    return sc_set_part_done(p->puller, part, error);
}

static enum sc_status begin(struct part_of_rows *p, struct sc_error *error)
{
    SC_TRY(sc_hub_rows_endpoint(&p->server, error));
    SC_TRY(sc_set_ask_revision(p->puller, "main", p->puller->revision, error));
    struct sc_text name = {0};
    sc_text_printf(&name, "%s/.pages-%s-%.12s", p->puller->state->folder,
                   sc_set_file_name(p->part->file), p->puller->revision);
    p->pages = sc_text_take(&name);
    return p->pages != NULL ? sc_make_folders(p->pages, error)
                            : sc_fail_nomem(error, "pages of rows");
}

static enum sc_status pull_part(struct part_of_rows *p, struct sc_error *error)
{
    uint64_t n_total;
    char after[SC_SET_REVISION_SIZE];
    SC_TRY(begin(p, error));
    SC_TRY(ask_total(p, &n_total, error));
    SC_TRY(fetch_pages(p, n_total, error));
    do
        SC_TRY(add_page(p, error));
    while (p->rows.n < p->rows.n_total);
    SC_TRY(sc_set_ask_revision(p->puller, "main", after, error));
    if (strcmp(after, p->puller->revision) != 0)
        return sc_fail(error, SC_ERR_IO, "the rows of %s changed while they came: once more",
                       p->puller->set->name);
    SC_TRY(keep(p, error));
    remove_pages(p);
    return SC_OK;
}

enum sc_status sc_set_pull_rows(struct sc_puller *puller, struct sc_error *error)
{
    assert(puller != NULL);
    if (puller->options->revision != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: its rows can be had as they are now alone: expected no revision, found "
                       "\"%s\"",
                       puller->set->name, puller->options->revision);
    for (size_t i = 0; i < puller->state->n_parts; i++) {
        struct part_of_rows p = {.puller = puller, .part = &puller->state->parts[i]};
        if (p.part->is_here)
            continue;
        enum sc_status status = pull_part(&p, error);
        release(&p);
        if (status != SC_OK)
            return status;
    }
    return SC_OK;
}
