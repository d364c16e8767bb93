/*
 * Fetching files from where models and data sets are published: a Hugging Face hub (HF_ENDPOINT),
 * or any server of files.  What is fetched is checked (size, SHA-256), what was begun is taken up
 * where it stopped, and nothing unchecked ever stands under its final name.
 *
 *   download.c   files by URL to paths, several at a time
 *   models.c     a model's repository to the hub's own cache, as its Python tools keep it
 *   sets.c       the benchmarks by name, from their homes to the user's data folder
 */
#ifndef SC_HUB_HUB_H
#define SC_HUB_HUB_H

#include "base/error.h"

/* One file.  Strings are borrowed. */
struct sc_download {
    const char
        *url; /* http or https; redirections are followed, without the token to other hosts */
    const char *token; /* sent as "Authorization: Bearer"; NULL: none.  Never shown. */
    const char *path;  /* where it is to stand; what is under way stands beside it, ".incomplete" */
    uint64_t size;     /* bytes expected; 0: not known */
    const char *sha256;    /* 64 lower-case hexadecimal digits expected; NULL: not known */
    char found_sha256[65]; /* set: of what came */
    uint64_t found_size;   /* set */
};

struct sc_download_progress {
    uint64_t n_bytes, n_bytes_total; /* of all files; total 0: not known */
    size_t n_files, n_files_total;
    double bytes_per_second, seconds_left; /* left: NaN when unknown */
};

struct sc_download_options {
    size_t parallel; /* files at a time; 0: 4 */
    bool (*step)(void *context, const struct sc_download_progress *progress); /* false interrupts */
    void *context;
};

/* Fetches all files, checks the room on disk first, and puts each in its place when it is whole and
 * right.  A file that is there already with the expected size and hash is not fetched.  The first
 * failure ends it, with what was fetched kept: SC_ERR_IO (no answer, a full disk), SC_ERR_FORMAT (a
 * size or hash that is not the expected one), SC_ERR_INTERRUPTED. */
enum sc_status sc_download_files(struct sc_download *files, size_t n,
                                 const struct sc_download_options *options, struct sc_error *error);

/* GETs a small answer (JSON, a text) of at most `most` bytes, redirections followed; *body: sc_free
 * it.  *http_status tells of a refusal (401, 403, 404, 429), which is no error here. */
enum sc_status sc_download_text(const char *url, const char *token, size_t most, char **body,
                                size_t *n, long *http_status, struct sc_error *error);

#endif
