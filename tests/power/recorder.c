/*
 * In front of libc (LD_PRELOAD): what a program writes into one folder, in order, for disks.py.
 *
 *   POWER_FOLDER   the folder, an absolute path without links
 *   POWER_LOG      the log, outside of the folder
 *   POWER_SAID     the file into which all that is said to the user goes
 *
 * An entry of the log: a kind (one byte), three numbers (64 bits: file, place, length of the bytes)
 * and the bytes.  A file is known by its inode and by how often that inode was made anew.  An entry
 * stands in the log after the call that it tells of; one lock holds both together, so that the
 * order is that of the calls.  How long the file of what was said is comes into the log before each
 * entry, since stdio's own writes go past us.  Of a shared map that can be written to (SQLite's
 * -shm) nothing is kept: it does not outlive a machine.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t n_folder;
static int log_file = -1, said = -1;
static off_t n_said;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

__attribute__((constructor)) static void begin(void)
{
    const char *where = getenv("POWER_FOLDER"), *log = getenv("POWER_LOG");
    if (where == NULL || log == NULL)
        return;
    n_folder = (size_t)snprintf(folder, sizeof folder, "%s", where);
    log_file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    said = REAL(open)(getenv("POWER_SAID"), O_RDONLY | O_CLOEXEC);
}

static void put(char kind, uint64_t file, uint64_t place, const void *bytes, uint64_t n)
{
    char head[25];
    head[0] = kind;
    memcpy(head + 1, &file, 8);
    memcpy(head + 9, &place, 8);
    memcpy(head + 17, &n, 8);
    const struct iovec parts[] = {{head, sizeof head}, {(void *)(uintptr_t)bytes, (size_t)n}};
    if (log_file >= 0 && REAL(writev)(log_file, parts, 2) != (ssize_t)(sizeof head + n))
        abort();
}

static void keep(char kind, uint64_t file, uint64_t place, const void *bytes, uint64_t n)
{
    struct stat now;
    if (fstat(said, &now) == 0 && now.st_size != n_said) {
        n_said = now.st_size;
        put('S', 0, (uint64_t)n_said, "", 0);
    }
    put(kind, file, place, bytes, n);
}

/* ---- files that others write, by ways that are not watched (stdio) ----------------------------
 */

enum { MOST_FILES = 4096 };
static struct watched {
    uint64_t file;
    bool written; /* in a way that is watched */
} watched[MOST_FILES];
static size_t n_watched;

static struct watched *find(uint64_t file)
{
    for (size_t i = 0; i < n_watched; i++)
        if (watched[i].file == file)
            return &watched[i];
    return NULL;
}

static void watch(uint64_t file, bool written)
{
    struct watched *found = find(file);
    if (found == NULL && n_watched == MOST_FILES)
        abort();
    if (found == NULL)
        found = &watched[n_watched++];
    *found = (struct watched){file, written};
}

/* An inode that is given back may be another file's next. */
static void forget(uint64_t file)
{
    struct watched *found = find(file);
    if (found != NULL)
        *found = watched[--n_watched];
}

/* Before a file that was not seen being written is synced or renamed: all that is in it. */
static void keep_whole(uint64_t file, const char *path, const char *name)
{
    static char bytes[1 << 24];
    const struct watched *found = find(file);
    bool created = found != NULL;
    int fd = created && found->written ? -1 : REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 || n == sizeof bytes)
        abort();
    if (!created)
        keep('C', file, 0, name, strlen(name));
    if (n > 0)
        keep('W', file, 0, bytes, (uint64_t)n);
    watch(file, true);
    close(fd);
}

/* The path below the folder, of one that may be relative to a descriptor; NULL: not below it. */
static const char *below(int at, const char *path, char out[PATH_MAX])
{
    char whole[2 * PATH_MAX], parent[PATH_MAX], here[64];
    if (log_file < 0 || path == NULL)
        return NULL;
    if (path[0] == '/') {
        snprintf(whole, sizeof whole, "%s", path);
    } else {
        char base[PATH_MAX] = "";
        snprintf(here, sizeof here, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        if (readlink(here, base, sizeof base - 1) < 0)
            return NULL;
        snprintf(whole, sizeof whole, "%s/%s", base, path);
    }
    for (size_t n = strlen(whole); n > 1 && whole[n - 1] == '/'; n--)
        whole[n - 1] = '\0';
    char *last = strrchr(whole, '/');
    *last = '\0';
    if (realpath(last == whole ? "/" : whole, parent) == NULL)
        return NULL;
    snprintf(out, PATH_MAX, "%.2000s/%.2000s", parent, last + 1);
    if (strncmp(out, folder, n_folder) != 0 || (out[n_folder] != '/' && out[n_folder] != '\0'))
        return NULL;
    return out[n_folder] == '/' ? out + n_folder + 1 : out + n_folder;
}

/* A number of the file that is open, 0: it is none of the folder's. */
static uint64_t number_of(int fd)
{
    struct stat info, log;
    char link[64], path[PATH_MAX] = "";
    if (log_file < 0 || fstat(fd, &info) != 0 || fstat(log_file, &log) != 0 ||
        (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) || info.st_ino == log.st_ino)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0 || strncmp(path, folder, n_folder) != 0)
        return 0;
    return info.st_ino;
}

/* Two names in one entry. */
static void keep_names(char kind, uint64_t file, const char *a, const char *b)
{
    char both[2 * PATH_MAX];
    int n = snprintf(both, sizeof both, "%s%c%s", a, 0, b);
    keep(kind, file, strlen(a), both, (uint64_t)n);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_it(int at, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    struct stat before;
    const char *name = (flags & (O_CREAT | O_TRUNC)) ? below(at, path, whole) : NULL;
    if (name == NULL)
        return REAL(openat)(at, path, flags, mode);
    pthread_mutex_lock(&order);
    bool there = fstatat(at, path, &before, 0) == 0;
    int fd = REAL(openat)(at, path, flags, mode);
    int why = errno;
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        if (!there)
            watch(info.st_ino, false), keep('C', info.st_ino, 0, name, strlen(name));
        else if ((flags & O_TRUNC) && before.st_size > 0)
            keep('T', info.st_ino, 0, "", 0);
    }
    pthread_mutex_unlock(&order);
    errno = why;
    return fd;
}

#define OPENS(name)                                                                                \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;                  \
        va_end(more);                                                                              \
        return open_it(AT_FDCWD, path, flags, mode);                                               \
    }
OPENS(open)
OPENS(open64)

int openat(int at, const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open_it(at, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return open_it(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* ---- contents -------------------------------------------------------------------------------- */

static ssize_t note_write(int fd, const void *bytes, ssize_t n, off_t place)
{
    int why = errno;
    uint64_t file = n > 0 ? number_of(fd) : 0;
    if (file != 0)
        watch(file, true), keep('W', file, (uint64_t)place, bytes, (uint64_t)n);
    pthread_mutex_unlock(&order);
    errno = why;
    return n;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    pthread_mutex_lock(&order);
    ssize_t put = REAL(write)(fd, bytes, n);
    off_t end = put > 0 ? lseek(fd, 0, SEEK_CUR) : 0; /* also where the file is appended to */
    return note_write(fd, bytes, put, end - put);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t place)
{
    pthread_mutex_lock(&order);
    return note_write(fd, bytes, REAL(pwrite)(fd, bytes, n, place), place);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t place)
{
    return pwrite(fd, bytes, n, place);
}

static int note_size(int fd, off_t size, int failed)
{
    uint64_t file = failed ? 0 : number_of(fd);
    if (file != 0)
        watch(file, true), keep('T', file, (uint64_t)size, "", 0);
    pthread_mutex_unlock(&order);
    return failed;
}

int ftruncate(int fd, off_t size)
{
    pthread_mutex_lock(&order);
    return note_size(fd, size, REAL(ftruncate)(fd, size));
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t place, off_t n)
{
    if (number_of(fd) != 0)
        abort(); /* not written down; nobody has needed it yet */
    return REAL(posix_fallocate)(fd, place, n);
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t place)
{
    char link[64], path[PATH_MAX] = "";
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && number_of(fd) != 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, path, sizeof path - 1) < 4 || strcmp(path + strlen(path) - 4, "-shm"))
            abort(); /* it would be written to behind our back */
    }
    return REAL(mmap)(at, n, protection, flags, fd, place);
}

/* ---- barriers -------------------------------------------------------------------------------- */

static int note_sync(int fd, int failed)
{
    int why = errno;
    uint64_t file = failed ? 0 : number_of(fd);
    if (file != 0) {
        struct stat info;
        char link[64], path[PATH_MAX] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
            readlink(link, path, sizeof path - 1) > 0)
            keep_whole(file, path, path + n_folder + 1);
        keep('F', file, 0, "", 0);
    }
    pthread_mutex_unlock(&order);
    errno = why;
    return failed;
}

int fsync(int fd)
{
    pthread_mutex_lock(&order);
    return note_sync(fd, REAL(fsync)(fd));
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&order);
    return note_sync(fd, REAL(fdatasync)(fd));
}

/* ---- names ----------------------------------------------------------------------------------- */

static uint64_t inode_at(int at, const char *path)
{
    struct stat info;
    return fstatat(at, path, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_ino : 0;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    const char *x = below(from_at, from, a), *y = below(to_at, to, b);
    pthread_mutex_lock(&order);
    struct stat info;
    if (x != NULL && fstatat(from_at, from, &info, 0) == 0 && S_ISREG(info.st_mode))
        keep_whole(info.st_ino, a, x);
    uint64_t replaced = inode_at(to_at, to);
    int failed = REAL(renameat)(from_at, from, to_at, to);
    if (!failed)
        forget(replaced);
    if (!failed && (x != NULL || y != NULL))
        keep_names('R', inode_at(to_at, to), x != NULL ? x : "", y != NULL ? y : "");
    pthread_mutex_unlock(&order);
    return failed;
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *path, int flags)
{
    char whole[PATH_MAX];
    const char *name = below(at, path, whole);
    pthread_mutex_lock(&order);
    uint64_t inode = inode_at(at, path);
    int failed = REAL(unlinkat)(at, path, flags), why = errno;
    if (!failed && name != NULL)
        forget(inode), keep('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&order);
    errno = why;
    return failed;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    char whole[PATH_MAX];
    const char *name = below(at, path, whole);
    pthread_mutex_lock(&order);
    int failed = REAL(mkdirat)(at, path, mode), why = errno;
    if (!failed && name != NULL)
        keep('D', inode_at(at, path), 0, name, strlen(name));
    pthread_mutex_unlock(&order);
    errno = why;
    return failed;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int symlink(const char *target, const char *path)
{
    char whole[PATH_MAX];
    const char *name = below(AT_FDCWD, path, whole);
    pthread_mutex_lock(&order);
    int failed = REAL(symlink)(target, path), why = errno;
    if (!failed && name != NULL)
        keep_names('L', inode_at(AT_FDCWD, path), name, target);
    pthread_mutex_unlock(&order);
    errno = why;
    return failed;
}
