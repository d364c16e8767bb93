/*
 * Fetching files from where models and data sets are published: a Hugging Face hub (HF_ENDPOINT),
 * or any server of files.  What is fetched is checked (size, SHA-256), what was begun is taken up
 * where it stopped, and nothing unchecked ever stands under its final name.
 *
 *   download.c   files by URL to paths, several at a time
 *   ask.c        small answers: listings, texts
 *   models.c     a model's repository to the hub's own cache, as its Python tools keep it
 *   sets.c       the benchmarks by name, from their homes to the user's data folder
 *
 * Proxies are libcurl's (http_proxy, https_proxy, all_proxy, no_proxy); roots of certificates are
 * those of SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE where one of them is set.
 */
#ifndef SC_HUB_HUB_H
#define SC_HUB_HUB_H

#include "base/error.h"

/* What a server said when it refused. */
struct sc_hub_refusal {
    long http_status; /* 0: no refusal */
    char code[64];    /* X-Error-Code, such as "GatedRepo"; letters and digits, or "" */
};

/* One file.  Strings are borrowed. */
struct sc_download {
    const char *url;    /* http or https; redirections are followed, and none to less than https */
    const char *token;  /* sent as "Authorization: Bearer" to the URL's own host alone; NULL: none.
                         * Never shown. */
    const char *path;   /* where it is to stand; what is under way stands beside it, ".incomplete".
                         * Folders are made. */
    const char *lock;   /* file whose lock (flock) is held meanwhile; NULL: the unfinished file's */
    uint64_t size;      /* bytes expected; 0: not known */
    uint64_t most;      /* bytes at most where the size is not known; 0: SC_DOWNLOAD_MOST */
    const char *sha256; /* 64 lower-case hexadecimal digits expected; NULL: not known */
    const char *git_sha1;  /* 40 of them: Git's of a blob of `size` bytes; NULL: not known */
    char found_sha256[65]; /* set: of what came */
    uint64_t found_size;   /* set */
    struct sc_hub_refusal refusal; /* set when the server refused it */
};

#define SC_DOWNLOAD_MOST ((uint64_t)1 << 30)

struct sc_download_progress {
    uint64_t n_bytes, n_bytes_total; /* of all files; total 0: not known */
    size_t n_files, n_files_total;
    size_t n_waiting;                      /* files that another process is fetching now */
    double bytes_per_second, seconds_left; /* of the last seconds; left: NaN when unknown */
};

struct sc_download_options {
    size_t parallel;      /* files at a time; 0: 4 */
    double stall_timeout; /* seconds without a byte after which a try is given up; 0: 30 */
    double pause; /* seconds before a second try, doubled each time that brings nothing; 0: 0.5 */
    /* At least ten times a second; NULL: none; false ends it with SC_ERR_INTERRUPTED. */
    bool (*step)(void *context, const struct sc_download_progress *progress);
    void *context;
};

/* Fetches all files, checks the room on disk first, and puts each in its place when it is whole and
 * right.  A file that is there already with the expected size and hash is not fetched.  What an
 * earlier process left is taken up where a hash is known to check the whole by; else only what this
 * call itself began, and only while the server's ETag stays.  Failed tries are repeated, with
 * pauses, as long as they bring something, and five times when they bring nothing.  The first
 * failure ends it, with what was fetched kept: SC_ERR_IO (no answer, a full disk), SC_ERR_FORMAT (a
 * size or hash that is not the expected one), SC_ERR_INTERRUPTED.  Paths must differ. */
enum sc_status sc_download_files(struct sc_download *files, size_t n,
                                 const struct sc_download_options *options, struct sc_error *error);

struct sc_hub_question {
    const char *url, *token; /* as of a download */
    bool head;               /* only what the headers say: HEAD */
    size_t most;             /* bytes of the answer */
    bool hasty;              /* one try of a few seconds */
    double stall_timeout;    /* as of a download */
    bool (*step)(void *context, const struct sc_download_progress *progress); /* or NULL; zeros */
    void *context;
};
struct sc_hub_answer {
    char *body; /* [n] and a NUL; sc_free it */
    size_t n;
    struct sc_hub_refusal refusal; /* 401, 403, 404, 429 ... are no errors here */
    char etag[128], commit[64];    /* without quotes; of the hub where it redirects; or "" */
    uint64_t size;                 /* that the headers give, 0: none */
};

/* Asks for a small answer (JSON, a text), redirections followed and failed tries repeated. */
enum sc_status sc_hub_ask(const struct sc_hub_question *question, struct sc_hub_answer *answer,
                          struct sc_error *error);

#endif
