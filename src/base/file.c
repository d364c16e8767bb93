/* See file.h. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static const char alphanumeric[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static struct sc_file_stamp stamp_of(const struct stat *info)
{
    return (struct sc_file_stamp){
        .device = (uint64_t)info->st_dev,
        .inode = (uint64_t)info->st_ino,
        .size = (uint64_t)info->st_size,
        .modified = {(int64_t)info->st_mtim.tv_sec, (int64_t)info->st_mtim.tv_nsec},
        .changed = {(int64_t)info->st_ctim.tv_sec, (int64_t)info->st_ctim.tv_nsec},
    };
}

enum sc_status sc_file_stamp(const char *path, struct sc_file_stamp *stamp, struct sc_error *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", path, strerror(errno));
    *stamp = stamp_of(&info);
    return SC_OK;
}

bool sc_file_stamp_same(const struct sc_file_stamp *a, const struct sc_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified[0] == b->modified[0] && a->modified[1] == b->modified[1] &&
           a->changed[0] == b->changed[0] && a->changed[1] == b->changed[1];
}

/* Opens a regular file for reading and says its size. */
static enum sc_status open_regular(const char *path, int *fd, size_t *size,
                                   struct sc_file_stamp *stamp, struct sc_error *error)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is refused, not waited for */
    if (*fd < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    int failed = fstat(*fd, &info) != 0 ? errno : 0;
    if (failed || !S_ISREG(info.st_mode)) {
        close(*fd);
        return failed
                   ? sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", path, strerror(failed))
                   : sc_fail(error, SC_ERR_IO, "%s: expected a regular file", path);
    }
    *size = (size_t)info.st_size;
    *stamp = stamp_of(&info);
    return SC_OK;
}

enum sc_status sc_file_read(const char *path, size_t max_bytes, char **data, size_t *n,
                            struct sc_error *error)
{
    int fd;
    size_t size, used = 0;
    struct sc_file_stamp stamp;
    enum sc_status status = open_regular(path, &fd, &size, &stamp, error);
    if (status != SC_OK)
        return status;
    char *bytes = NULL;
    if (size > max_bytes) {
        status = sc_fail(error, SC_ERR_LIMIT, "%s: expected at most %zu bytes, found %zu", path,
                         max_bytes, size);
        goto done;
    }
    bytes = sc_alloc(size + 1);
    if (bytes == NULL) {
        status = sc_fail_nomem(error, path);
        goto done;
    }
    while (used < size) {
        ssize_t got = read(fd, bytes + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = sc_fail(error, SC_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
            goto done;
        }
        if (got == 0)
            break; /* the file shrank while it was read */
        used += (size_t)got;
    }
    bytes[used] = '\0';
    *data = bytes;
    *n = used;
    bytes = NULL;
done:
    sc_free(bytes);
    close(fd);
    return status;
}

/* ---- what people name to be read ------------------------------------------------------------- */

bool sc_input_is_unnamed(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

const char *sc_input_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Reads to the end of what may be a pipe.  A signal ends the wait for one. */
static enum sc_status read_to_end(int fd, const char *name, size_t max_bytes, struct sc_text *out,
                                  struct sc_error *error)
{
    char chunk[65536];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            return sc_fail(error, SC_ERR_INTERRUPTED, "%s: interrupted while it was read", name);
        if (got < 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot read: %s", name, strerror(errno));
        if (got == 0)
            return SC_OK;
        if ((size_t)got > max_bytes - out->len)
            return sc_fail(error, SC_ERR_LIMIT, "%s: expected at most %zu bytes, found more", name,
                           max_bytes);
        sc_text_add(out, chunk, (size_t)got);
        if (out->failed)
            return sc_fail_nomem(error, name);
    }
}

static enum sc_status read_input(int fd, const char *name, size_t max_bytes, struct sc_text *out,
                                 struct sc_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", name, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return sc_fail(error, SC_ERR_IO, "%s: expected a file, found a folder", name);
    if (S_ISREG(info.st_mode) && (uint64_t)info.st_size > max_bytes)
        return sc_fail(error, SC_ERR_LIMIT, "%s: expected at most %zu bytes, found %zu", name,
                       max_bytes, (size_t)info.st_size);
    sc_text_puts(out, ""); /* so that nothing read is an empty text */
    return read_to_end(fd, name, max_bytes, out, error);
}

enum sc_status sc_input_read(const char *path, size_t max_bytes, char **data, size_t *n,
                             struct sc_error *error)
{
    const char *name = sc_input_name(path);
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot open: %s", name, strerror(errno));
    struct sc_text text = {0};
    enum sc_status status = read_input(fd, name, max_bytes, &text, error);
    if (!standard)
        close(fd);
    if (status != SC_OK) {
        sc_text_free(&text);
        return status;
    }
    *n = text.len;
    *data = sc_text_take(&text);
    return *data != NULL ? SC_OK : sc_fail_nomem(error, name);
}

enum sc_status sc_map_open(struct sc_map *map, const char *path, struct sc_error *error)
{
    int fd;
    *map = (struct sc_map){0};
    enum sc_status status = open_regular(path, &fd, &map->size, &map->stamp, error);
    if (status != SC_OK)
        return status;
    if (map->size > 0) {
        void *data = mmap(NULL, map->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = sc_fail(error, SC_ERR_IO, "%s: cannot map %zu bytes: %s", path, map->size,
                             strerror(errno));
        else
            map->data = map->mapped = data;
    }
    close(fd);
    return status;
}

void sc_map_close(struct sc_map *map)
{
    if (map->mapped != NULL)
        munmap(map->mapped, map->size);
    *map = (struct sc_map){0};
}

void sc_map_forget(const void *data, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)data;
    uintptr_t end = (begin + bytes) / page * page;
    begin = (begin + page - 1) / page * page;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED); /* a wish */
}

static enum sc_status write_all(int fd, const char *path, const char *data, size_t n,
                                struct sc_error *error)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
        data += put;
        n -= (size_t)put;
    }
    return SC_OK;
}

/* The folder that a path names a file of; sc_free it. */
static char *folder_of(const char *path)
{
    size_t n;
    const char *name = sc_path_last(path, &n);
    return name > path ? sc_strndup(path, (size_t)(name - path)) : sc_strdup(".");
}

enum sc_status sc_sync_folder(const char *folder, struct sc_error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return SC_OK;
    int failed = fsync(fd) != 0 ? errno : 0;
    close(fd);
    if (failed == 0 || failed == EINVAL || failed == ENOTSUP || failed == EROFS)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", folder, strerror(failed));
}

enum sc_status sc_sync_folder_of(const char *path, struct sc_error *error)
{
    char *folder = folder_of(path);
    if (folder == NULL)
        return sc_fail_nomem(error, path);
    enum sc_status status = sc_sync_folder(folder, error);
    sc_free(folder);
    return status;
}

/* Whether this is the end of a name that libzip makes of one it is given: ".aB3xY9". */
static bool is_of_archive(const char *end)
{
    return end[0] == '.' && strlen(end) == 7 && strspn(end + 1, alphanumeric) == 6;
}

/* The process whose unfinished copy of `name` the entry is, or 0: "NAME.part-PID". */
static long writer_of(const char *entry, const char *name, size_t n)
{
    static const char mark[] = ".part-";
    if (strncmp(entry, name, n) != 0 || strncmp(entry + n, mark, sizeof mark - 1) != 0)
        return 0;
    const char *digits = entry + n + sizeof mark - 1;
    size_t n_digits = strspn(digits, "0123456789");
    if (n_digits == 0 || n_digits > 9 ||
        (digits[n_digits] != '\0' && !is_of_archive(digits + n_digits)))
        return 0;
    return strtol(digits, NULL, 10);
}

/* Removes what processes left that were killed while they wrote this file.  What cannot be removed
 * stops nobody. */
static enum sc_status remove_left_parts(const char *path, struct sc_error *error)
{
    size_t n;
    const char *name = sc_path_last(path, &n);
    char *folder = folder_of(path);
    if (folder == NULL)
        return sc_fail_nomem(error, path);
    DIR *entries = opendir(folder);
    sc_free(folder);
    if (entries == NULL)
        return SC_OK;
    for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries)) {
        long writer = writer_of(e->d_name, name, n);
        if (writer > 0 && writer != (long)getpid() && kill((pid_t)writer, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(entries), e->d_name, 0);
    }
    closedir(entries);
    return SC_OK;
}

enum sc_status sc_file_part(const char *path, char **part, struct sc_error *error)
{
    struct sc_text name = {0};
    SC_TRY(remove_left_parts(path, error));
    sc_text_printf(&name, "%s.part-%ld", path, (long)getpid());
    *part = sc_text_take(&name);
    return *part != NULL ? SC_OK : sc_fail_nomem(error, path);
}

static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

enum sc_status sc_file_put_in_place(const char *part, const char *path, struct sc_error *error)
{
    int failed = sync_file(part);
    if (failed != 0)
        sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", path, strerror(failed));
    else if (rename(part, path) != 0)
        sc_fail(error, SC_ERR_IO, "%s: cannot rename into place: %s", path, strerror(errno));
    else
        return sc_sync_folder_of(path, error);
    unlink(part);
    return SC_ERR_IO;
}

static enum sc_status write_part(const char *part, const char *path, const char *data, size_t n,
                                 struct sc_error *error)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot create: %s", part, strerror(errno));
    enum sc_status status = write_all(fd, path, data, n, error);
    if (close(fd) != 0 && status == SC_OK)
        status = sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (status != SC_OK) {
        unlink(part);
        return status;
    }
    return sc_file_put_in_place(part, path, error);
}

enum sc_status sc_file_write(const char *path, const char *data, size_t n, struct sc_error *error)
{
    char *part = NULL;
    SC_TRY(sc_file_part(path, &part, error));
    enum sc_status status = write_part(part, path, data, n, error);
    sc_free(part);
    return status;
}

bool sc_is_lfs_pointer(const void *bytes, size_t n)
{
    static const char begin[] = "version https://git-lfs.github.com/spec/";
    return n >= sizeof begin - 1 && memcmp(bytes, begin, sizeof begin - 1) == 0;
}

bool sc_is_plain_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > 255 || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
            return false;
    }
    return true;
}

/* Whether the system said that nothing stands there. */
static bool is_absent(int code)
{
    return code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG;
}

static enum sc_status fail_look(const char *path, int code, struct sc_error *error)
{
    return is_absent(code)
               ? SC_OK
               : sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", path, strerror(code));
}

bool sc_file_exists(const char *path)
{
    return access(path, F_OK) == 0 || !is_absent(errno);
}

bool sc_file_exists_in(const char *folder, const char *name)
{
    char *path = sc_path_join(folder, name);
    bool there = path == NULL || sc_file_exists(path);
    sc_free(path);
    return there;
}

enum sc_status sc_file_look(const char *path, bool *found, struct sc_error *error)
{
    *found = access(path, F_OK) == 0;
    return *found ? SC_OK : fail_look(path, errno, error);
}

bool sc_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum sc_status sc_folder_look(const char *path, bool *found, struct sc_error *error)
{
    struct stat info;
    bool seen = stat(path, &info) == 0;
    *found = seen && S_ISDIR(info.st_mode);
    return seen ? SC_OK : fail_look(path, errno, error);
}

static enum sc_status make_folder(const char *path, bool last, struct sc_error *error)
{
    bool made = mkdir(path, 0777) == 0;
    if (!made && errno != EEXIST)
        return sc_fail(error, SC_ERR_IO, "%s: cannot make folder: %s", path, strerror(errno));
    if (made)
        SC_TRY(sc_sync_folder_of(path, error));
    struct stat info;
    if (last && stat(path, &info) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", path, strerror(errno));
    if (last && !S_ISDIR(info.st_mode))
        return sc_fail(error, SC_ERR_IO, "%s: expected a folder", path);
    return SC_OK;
}

enum sc_status sc_make_folders(const char *path, struct sc_error *error)
{
    if (path[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "expected the name of a folder, found \"\"");
    char *copy = sc_strdup(path);
    if (copy == NULL)
        return sc_fail_nomem(error, path);
    enum sc_status status = SC_OK;
    size_t n = strlen(copy);
    for (size_t i = 1; status == SC_OK && i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        copy[i] = '\0';
        status = make_folder(copy, i == n, error);
        copy[i] = path[i];
    }
    sc_free(copy);
    return status;
}

const char *sc_path_last(const char *path, size_t *n)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    *n = end - begin;
    return path + begin;
}

char *sc_path_join(const char *folder, const char *name)
{
    struct sc_text path = {0};
    size_t n = strlen(folder);
    sc_text_printf(&path, "%s%s%s", folder, n > 0 && folder[n - 1] == '/' ? "" : "/", name);
    return sc_text_take(&path);
}
