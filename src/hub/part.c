/* See part.h. */
#include "hub/part.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

enum { CHUNK = 1 << 16, CHUNKS_BETWEEN_LOOKS = 256 };

uint64_t sc_part_most(const struct sc_part *part)
{
    const struct sc_download *want = part->want;
    return want->size > 0 ? want->size : want->most > 0 ? want->most : SC_DOWNLOAD_MOST;
}

bool sc_part_is_checked(const struct sc_part *part)
{
    const struct sc_download *want = part->want;
    return want->sha256 != NULL || (want->git_sha1 != NULL && want->size > 0);
}

enum sc_status sc_part_init(struct sc_part *part, struct sc_download *want, struct sc_error *error)
{
    struct sc_text name = {0};
    sc_text_printf(&name, "%s.incomplete", want->path);
    *part = (struct sc_part){.want = want, .incomplete = sc_text_take(&name), .fd = -1, .lock = -1};
    return part->incomplete != NULL ? SC_OK : sc_fail_nomem(error, "a download");
}

static void close_files(struct sc_part *part)
{
    if (part->fd >= 0)
        close(part->fd);
    if (part->lock >= 0 && part->lock != part->fd)
        close(part->lock);
    part->fd = part->lock = -1;
}

void sc_part_free(struct sc_part *part)
{
    if (part->fd >= 0 && part->n == 0)
        unlink(part->incomplete);
    close_files(part);
    sc_digest_free(&part->digest);
    sc_free(part->incomplete);
    part->incomplete = NULL;
}

uint64_t sc_part_found(const struct sc_part *part)
{
    struct stat info;
    const struct sc_download *want = part->want;
    if (want->size > 0 && stat(want->path, &info) == 0 && (uint64_t)info.st_size == want->size)
        return want->size;
    if (sc_part_is_checked(part) && lstat(part->incomplete, &info) == 0 && S_ISREG(info.st_mode) &&
        (uint64_t)info.st_size <= want->size)
        return (uint64_t)info.st_size;
    return 0;
}

/* ---- beginning ------------------------------------------------------------------------------- */

static enum sc_status make_parent(const char *path, struct sc_error *error)
{
    size_t n;
    const char *name = sc_path_last(path, &n);
    if (name == path)
        return SC_OK;
    char *folder = sc_strndup(path, (size_t)(name - path));
    if (folder == NULL)
        return sc_fail_nomem(error, "a download");
    enum sc_status status = sc_make_folders(folder, error);
    sc_free(folder);
    return status;
}

static enum sc_status open_own(const char *path, int *fd, struct sc_error *error)
{
    struct stat info;
    SC_TRY(make_parent(path, error));
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (*fd < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    int failed = fstat(*fd, &info) != 0 ? errno : 0;
    if (!failed && S_ISREG(info.st_mode))
        return SC_OK;
    close(*fd);
    *fd = -1;
    if (failed)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", path, strerror(failed));
    return sc_fail(error, SC_ERR_IO, "%s: expected a regular file", path);
}

/* Whether what was opened still stands there: whoever had the lock may have moved it away. */
static bool still_there(int fd, const char *path)
{
    struct stat opened, now;
    return fstat(fd, &opened) == 0 && lstat(path, &now) == 0 && opened.st_ino == now.st_ino &&
           opened.st_dev == now.st_dev;
}

/* Opens and locks.  A filesystem without locks gives none: then nobody is kept out. */
static enum sc_status take_lock(struct sc_part *part, bool *busy, struct sc_error *error)
{
    const char *path = part->want->lock != NULL ? part->want->lock : part->incomplete;
    SC_TRY(open_own(path, &part->lock, error));
    *busy = (flock(part->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
            !still_there(part->lock, path);
    if (*busy)
        close_files(part);
    return SC_OK;
}

/* Hashes what a descriptor gives, from its beginning. */
static enum sc_status hash_file(struct sc_part *part, int fd, const struct sc_part_watch *watch,
                                struct sc_error *error)
{
    char bytes[CHUNK];
    const struct sc_download *want = part->want;
    SC_TRY(sc_digest_begin(&part->digest, want->git_sha1 != NULL, want->size, error));
    part->n = 0;
    for (unsigned i = 1;; i++) {
        ssize_t got = pread(fd, bytes, sizeof bytes, (off_t)part->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot read: %s", part->incomplete,
                           strerror(errno));
        if (got == 0)
            return SC_OK;
        SC_TRY(sc_digest_add(&part->digest, bytes, (size_t)got, error));
        part->n += (uint64_t)got;
        if (i % CHUNKS_BETWEEN_LOOKS == 0 && !watch->go_on(watch->context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
    }
}

/* Ends the hash and says whether it and the size are those expected. */
static enum sc_status is_right(struct sc_part *part, bool *right, char git[41],
                               struct sc_error *error)
{
    struct sc_download *want = part->want;
    SC_TRY(sc_digest_end(&part->digest, want->found_sha256, git, error));
    want->found_size = part->n;
    *right = (want->size == 0 || want->size == part->n) &&
             (want->sha256 == NULL || strcmp(want->sha256, want->found_sha256) == 0) &&
             (want->git_sha1 == NULL || *git == '\0' || strcmp(want->git_sha1, git) == 0);
    return SC_OK;
}

static enum sc_status check_opened(struct sc_part *part, int fd, const struct sc_part_watch *watch,
                                   struct sc_error *error)
{
    struct stat info;
    char git[41];
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        (part->want->size > 0 && (uint64_t)info.st_size != part->want->size))
        return SC_OK;
    SC_TRY(hash_file(part, fd, watch, error));
    return is_right(part, &part->whole, git, error);
}

/* Whether the file stands in its place already, whole and right. */
static enum sc_status look_for_whole(struct sc_part *part, const struct sc_part_watch *watch,
                                     struct sc_error *error)
{
    if (!sc_part_is_checked(part))
        return SC_OK;
    int fd = open(part->want->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return SC_OK; /* what stands in the way is said when the file is put there */
    enum sc_status status = check_opened(part, fd, watch, error);
    close(fd);
    return status;
}

/* Takes up what an earlier process left, where a hash will tell whether it is right. */
static enum sc_status inherit(struct sc_part *part, const struct sc_part_watch *watch,
                              struct sc_error *error)
{
    struct stat info;
    if (part->want->lock == NULL)
        part->fd = part->lock;
    else
        SC_TRY(open_own(part->incomplete, &part->fd, error));
    if (!sc_part_is_checked(part) || fstat(part->fd, &info) != 0 ||
        (uint64_t)info.st_size > sc_part_most(part))
        return sc_part_restart(part, error);
    SC_TRY(hash_file(part, part->fd, watch, error));
    part->inherited = part->n > 0;
    return SC_OK;
}

enum sc_status sc_part_begin(struct sc_part *part, const struct sc_part_watch *watch, bool *busy,
                             struct sc_error *error)
{
    assert(part->lock < 0 && !part->whole);
    SC_TRY(take_lock(part, busy, error));
    if (*busy)
        return SC_OK;
    SC_TRY(look_for_whole(part, watch, error));
    if (!part->whole)
        return inherit(part, watch, error);
    unlink(part->incomplete);
    close_files(part);
    return SC_OK;
}

/* ---- as it comes ----------------------------------------------------------------------------- */

enum sc_status sc_part_restart(struct sc_part *part, struct sc_error *error)
{
    assert(part->fd >= 0);
    part->n = 0;
    part->inherited = false;
    if (ftruncate(part->fd, 0) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", part->incomplete, strerror(errno));
    return sc_digest_begin(&part->digest, part->want->git_sha1 != NULL, part->want->size, error);
}

enum sc_status sc_part_add(struct sc_part *part, const void *bytes, size_t n,
                           struct sc_error *error)
{
    const struct sc_download *want = part->want;
    const char *rest = bytes;
    assert(part->fd >= 0);
    const uint64_t most = sc_part_most(part);
    if (part->n > most || n > most - part->n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected %s%llu bytes, found more", want->url,
                       want->size > 0 ? "" : "at most ", (unsigned long long)most);
    SC_TRY(sc_digest_add(&part->digest, bytes, n, error));
    while (n > 0) {
        ssize_t put = pwrite(part->fd, rest, n, (off_t)part->n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", part->incomplete,
                           strerror(errno));
        rest += put;
        n -= (size_t)put;
        part->n += (uint64_t)put;
    }
    return SC_OK;
}

/* ---- ending ---------------------------------------------------------------------------------- */

static enum sc_status put_in_place(struct sc_part *part, struct sc_error *error)
{
    const char *path = part->want->path;
    if (fsync(part->fd) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", part->incomplete, strerror(errno));
    if (rename(part->incomplete, path) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot rename into place: %s", path, strerror(errno));
    SC_TRY(sc_sync_folder_of(path, error));
    close_files(part);
    part->whole = true;
    return SC_OK;
}

static enum sc_status say_wrong(const struct sc_part *part, const char *git, struct sc_error *error)
{
    const struct sc_download *want = part->want;
    if (want->size > 0 && want->size != part->n)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected %llu bytes, found %llu", want->url,
                       (unsigned long long)want->size, (unsigned long long)part->n);
    if (want->sha256 != NULL)
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected SHA-256 %s, found %s", want->url,
                       want->sha256, want->found_sha256);
    return sc_fail(error, SC_ERR_FORMAT, "%s: expected Git's SHA-1 %s, found %s", want->url,
                   want->git_sha1, git);
}

enum sc_status sc_part_end(struct sc_part *part, struct sc_error *error)
{
    bool right;
    char git[41];
    assert(part->fd >= 0);
    SC_TRY(is_right(part, &right, git, error));
    if (right)
        return put_in_place(part, error);
    if (part->inherited)
        return sc_part_restart(part, error);
    unlink(part->incomplete); /* nothing of it is to be taken up */
    return say_wrong(part, git, error);
}
