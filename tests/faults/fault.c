/*
 * A library in front of libc (LD_PRELOAD) in which the k-th call of a kind fails, is short, or
 * kills the process.  Chosen by the environment:
 *
 *   SAFECONF_FAULT=KIND:K:EFFECT   KIND: see `kinds`; K from 1, "K+" from there on; EFFECT: the
 * name of an errno (enospc), short, kill SAFECONF_FAULT_UNDER=FOLDER    only calls that concern
 * files below the folder (kinds of files) SAFECONF_FAULT_COUNTS=FILE     counters in a file, one
 * for all processes that inherit it: 8 bytes for each kind, in the order of `kinds`, then how often
 * the fault came SAFECONF_FAULT_SITES=FILE      a record for each counted call: kind, number, a key
 * of its call stack SAFECONF_FAULT_WHERE=FILE      the call stack at which the fault came
 *
 * Counted from the moment at which `main` is about to start: what libraries do while they are
 * loaded is not the program's.  What libc calls within itself (the writes of stdio) does not come
 * by here.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* The order is that of the counters' file. */
enum kind {
    WRITE,
    SYNC,
    RENAME,
    TRUNCATE,
    UNLINK,
    MMAP,
    ALLOC,
    OPEN,
    READ,
    CLOSE,
    MKDIR,
    STAT,
    LOCK,
    THREAD,
    SOCKET,
    CONNECT,
    SEND,
    RECV,
    N_KINDS
};

static const char *const kinds[N_KINDS] = {
    "write", "sync",  "rename", "truncate", "unlink", "mmap",   "alloc",   "open", "read",
    "close", "mkdir", "stat",   "lock",     "thread", "socket", "connect", "send", "recv",
};

static const struct {
    const char *name;
    int code;
} codes[] = {
    {"enospc", ENOSPC},
    {"eio", EIO},
    {"edquot", EDQUOT},
    {"enomem", ENOMEM},
    {"emfile", EMFILE},
    {"eintr", EINTR},
    {"eagain", EAGAIN},
    {"eacces", EACCES},
    {"erofs", EROFS},
    {"enoent", ENOENT},
    {"epipe", EPIPE},
    {"econnreset", ECONNRESET},
    {"econnrefused", ECONNREFUSED},
    {"etimedout", ETIMEDOUT},
    {"enolck", ENOLCK},
};

enum { NONE = 0, SHORT = -1, KILL = -2, N_FRAMES = 32 };

struct counters {
    atomic_ullong n[N_KINDS];
    atomic_ullong n_fired;
};

static struct counters own;
static struct counters *counters = &own;
static atomic_bool armed;
static struct {
    enum kind kind;
    unsigned long long at;
    bool onward;
    int effect;
} fault;
static const char *under;
static size_t under_n;
static int sites = -1, where = -1;
static _Thread_local bool busy; /* within this library: what it calls is not counted */

/* ---- whether this call is the one -------------------------------------------------------------
 */

static bool is_under(const char *path)
{
    return under == NULL || (path != NULL && strncmp(path, under, under_n) == 0 &&
                             (path[under_n] == '/' || path[under_n] == '\0'));
}

static bool is_under_fd(int fd)
{
    char name[64], path[4096];
    if (under == NULL)
        return true;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlink, name, path, sizeof path - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return is_under(path);
}

static uint64_t stack_key(void)
{
    void *frames[N_FRAMES];
    uint64_t key = 14695981039346656037u;
    int n = backtrace(frames, N_FRAMES);
    for (int i = 2; i < n; i++)
        key = (key ^ (uint64_t)(uintptr_t)frames[i]) * 1099511628211u;
    return key;
}

static void note_site(enum kind kind, unsigned long long number)
{
    uint64_t record[3] = {(uint64_t)kind, number, stack_key()};
    syscall(SYS_write, sites, record, sizeof record);
}

static void note_stack(void)
{
    void *frames[N_FRAMES];
    backtrace_symbols_fd(frames, backtrace(frames, N_FRAMES), where);
}

/* The effect that this call is to have, or NONE. */
static int effect_of(enum kind kind)
{
    if (!atomic_load_explicit(&armed, memory_order_acquire) || busy)
        return NONE;
    busy = true;
    int saved = errno;
    unsigned long long number = atomic_fetch_add(&counters->n[kind], 1) + 1;
    int effect = NONE;
    if (sites >= 0)
        note_site(kind, number);
    if (fault.effect != NONE && kind == fault.kind &&
        (number == fault.at || (fault.onward && number > fault.at))) {
        effect = fault.effect;
        if (atomic_fetch_add(&counters->n_fired, 1) == 0 && where >= 0)
            note_stack();
    }
    if (effect == KILL)
        kill(getpid(), SIGKILL);
    errno = saved;
    busy = false;
    return effect;
}

/* Whether the call fails, with errno set. */
static bool fails(enum kind kind)
{
    int effect = effect_of(kind);
    if (effect <= 0)
        return false;
    errno = effect;
    return true;
}

static bool fails_at(enum kind kind, const char *path)
{
    return is_under(path) && fails(kind);
}

static bool fails_on(enum kind kind, int fd)
{
    return is_under_fd(fd) && fails(kind);
}

/* Whether a transfer fails; a short one moves half of the bytes, at least one. */
static bool transfer_fails(enum kind kind, int fd, size_t *n)
{
    int effect = is_under_fd(fd) ? effect_of(kind) : NONE;
    if (effect == SHORT && *n > 1)
        *n /= 2;
    if (effect <= 0)
        return false;
    errno = effect;
    return true;
}

/* ---- from the environment ---------------------------------------------------------------------
 */

static void stop(const char *what)
{
    fprintf(stderr, "fault: %s\n", what);
    _exit(99);
}

static int effect_named(const char *name)
{
    if (strcmp(name, "short") == 0)
        return SHORT;
    if (strcmp(name, "kill") == 0)
        return KILL;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(name, codes[i].name) == 0)
            return codes[i].code;
    stop("unknown effect in SAFECONF_FAULT");
    return NONE;
}

static void choose_fault(const char *words)
{
    char kind[16], effect[16], *end;
    const char *colon = strchr(words, ':');
    if (colon == NULL || (size_t)(colon - words) >= sizeof kind)
        stop("SAFECONF_FAULT: expected KIND:K:EFFECT");
    snprintf(kind, sizeof kind, "%.*s", (int)(colon - words), words);
    fault.at = strtoull(colon + 1, &end, 10);
    fault.onward = *end == '+';
    end += fault.onward;
    if (*end != ':' || fault.at == 0)
        stop("SAFECONF_FAULT: expected KIND:K:EFFECT");
    snprintf(effect, sizeof effect, "%s", end + 1);
    fault.effect = effect_named(effect);
    for (fault.kind = 0; fault.kind < N_KINDS; fault.kind++)
        if (strcmp(kind, kinds[fault.kind]) == 0)
            return;
    stop("unknown kind in SAFECONF_FAULT");
}

static void share_counters(const char *path)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof *counters) != 0)
        stop("SAFECONF_FAULT_COUNTS: cannot open");
    /* The offset is a long: of an int on the stack, the upper half is what lay there before. */
    void *memory = (void *)syscall(SYS_mmap, NULL, sizeof *counters, PROT_READ | PROT_WRITE,
                                   MAP_SHARED, fd, 0L);
    if (memory == MAP_FAILED)
        stop("SAFECONF_FAULT_COUNTS: cannot map");
    counters = memory;
    syscall(SYS_close, fd);
}

/* Far from the descriptors that the program's own opens give. */
static int open_far(const char *path)
{
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int far = fd < 0 ? -1 : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 700);
    if (far < 0)
        stop("cannot open a file of its own");
    syscall(SYS_close, fd);
    return far;
}

__attribute__((constructor)) static void begin(void)
{
    void *frames[N_FRAMES];
    backtrace(frames, N_FRAMES); /* loads what it needs, which allocates */
    const char *words = getenv("SAFECONF_FAULT"), *path;
    if (words != NULL)
        choose_fault(words);
    under = getenv("SAFECONF_FAULT_UNDER");
    under_n = under != NULL ? strlen(under) : 0;
    if ((path = getenv("SAFECONF_FAULT_COUNTS")) != NULL)
        share_counters(path);
    if ((path = getenv("SAFECONF_FAULT_SITES")) != NULL)
        sites = open_far(path);
    if ((path = getenv("SAFECONF_FAULT_WHERE")) != NULL)
        where = open_far(path);
    atomic_store_explicit(&armed, true, memory_order_release);
}

/* What stands behind a function of ours; found once, by name. */
#define NEXT(name)                                                                                 \
    static __typeof__(name) *next_##name(void)                                                     \
    {                                                                                              \
        static _Atomic(void *) found;                                                              \
        void *at = atomic_load(&found);                                                            \
        if (at == NULL) {                                                                          \
            bool before = busy;                                                                    \
            busy = true;                                                                           \
            at = dlsym(RTLD_NEXT, #name);                                                          \
            busy = before;                                                                         \
            atomic_store(&found, at);                                                              \
        }                                                                                          \
        return (__typeof__(name) *)at;                                                             \
    }

/* ---- memory -----------------------------------------------------------------------------------
 */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

EXPORT void *malloc(size_t n)
{
    return fails(ALLOC) ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails(ALLOC) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *memory, size_t n)
{
    return fails(ALLOC) ? NULL : __libc_realloc(memory, n);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
    return fails(ALLOC) ? NULL : __libc_memalign(alignment, n);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *memory = fails(ALLOC) ? NULL : __libc_memalign(alignment, n);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

NEXT(mmap)
EXPORT void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    bool concerned = flags & MAP_ANONYMOUS ? true : is_under_fd(fd);
    return concerned && fails(MMAP) ? MAP_FAILED
                                    : next_mmap()(at, n, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    return mmap(at, n, protection, flags, fd, offset);
}

/* ---- bytes of files ----------------------------------------------------------------------------
 */

NEXT(write)
EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
    return transfer_fails(WRITE, fd, &n) ? -1 : next_write()(fd, bytes, n);
}

NEXT(pwrite)
EXPORT ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    return transfer_fails(WRITE, fd, &n) ? -1 : next_pwrite()(fd, bytes, n, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t offset)
{
    return pwrite(fd, bytes, n, offset);
}

NEXT(writev)
EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
    return fails_on(WRITE, fd) ? -1 : next_writev()(fd, parts, n);
}

NEXT(read)
EXPORT ssize_t read(int fd, void *bytes, size_t n)
{
    return transfer_fails(READ, fd, &n) ? -1 : next_read()(fd, bytes, n);
}

NEXT(pread)
EXPORT ssize_t pread(int fd, void *bytes, size_t n, off_t offset)
{
    return transfer_fails(READ, fd, &n) ? -1 : next_pread()(fd, bytes, n, offset);
}

EXPORT ssize_t pread64(int fd, void *bytes, size_t n, off_t offset)
{
    return pread(fd, bytes, n, offset);
}

NEXT(fsync)
EXPORT int fsync(int fd)
{
    return fails_on(SYNC, fd) ? -1 : next_fsync()(fd);
}

NEXT(fdatasync)
EXPORT int fdatasync(int fd)
{
    return fails_on(SYNC, fd) ? -1 : next_fdatasync()(fd);
}

NEXT(ftruncate)
EXPORT int ftruncate(int fd, off_t n)
{
    return fails_on(TRUNCATE, fd) ? -1 : next_ftruncate()(fd, n);
}

EXPORT int ftruncate64(int fd, off_t n)
{
    return ftruncate(fd, n);
}

NEXT(fallocate)
EXPORT int fallocate(int fd, int mode, off_t offset, off_t n)
{
    return fails_on(TRUNCATE, fd) ? -1 : next_fallocate()(fd, mode, offset, n);
}

NEXT(posix_fallocate)
EXPORT int posix_fallocate(int fd, off_t offset, off_t n)
{
    return fails_on(TRUNCATE, fd) ? errno : next_posix_fallocate()(fd, offset, n);
}

/* Files that libraries write through stdio; what is printed is not among them. */
static bool stream_fails(FILE *stream)
{
    int fd = fileno(stream);
    if (fd <= STDERR_FILENO || !fails_on(WRITE, fd))
        return false;
    stream->_flags |= 0x20; /* as ferror() reads it */
    return true;
}

NEXT(fwrite)
EXPORT size_t fwrite(const void *bytes, size_t size, size_t n, FILE *stream)
{
    return stream_fails(stream) ? 0 : next_fwrite()(bytes, size, n, stream);
}

NEXT(fflush)
EXPORT int fflush(FILE *stream)
{
    return stream != NULL && stream_fails(stream) ? EOF : next_fflush()(stream);
}

NEXT(fclose)
EXPORT int fclose(FILE *stream)
{
    int fd = fileno(stream);
    bool failed = fd > STDERR_FILENO && fails_on(CLOSE, fd);
    int code = errno, result = next_fclose()(stream);
    if (!failed)
        return result;
    errno = code;
    return EOF;
}

/* A descriptor is closed whatever is said of it. */
NEXT(close)
EXPORT int close(int fd)
{
    bool failed = fails_on(CLOSE, fd);
    int code = errno, result = next_close()(fd);
    if (!failed)
        return result;
    errno = code;
    return -1;
}

/* ---- names of files ----------------------------------------------------------------------------
 */

NEXT(open)
EXPORT int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return fails_at(OPEN, path) ? -1 : next_open()(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open(path, flags, mode);
}

NEXT(fopen)
EXPORT FILE *fopen(const char *path, const char *mode)
{
    return fails_at(OPEN, path) ? NULL : next_fopen()(path, mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
    return fopen(path, mode);
}

NEXT(opendir)
EXPORT DIR *opendir(const char *path)
{
    return fails_at(OPEN, path) ? NULL : next_opendir()(path);
}

NEXT(rename)
EXPORT int rename(const char *from, const char *to)
{
    return fails_at(RENAME, to) ? -1 : next_rename()(from, to);
}

NEXT(unlink)
EXPORT int unlink(const char *path)
{
    return fails_at(UNLINK, path) ? -1 : next_unlink()(path);
}

NEXT(unlinkat)
EXPORT int unlinkat(int folder, const char *path, int flags)
{
    bool concerned = path[0] == '/' ? is_under(path) : is_under_fd(folder);
    return concerned && fails(UNLINK) ? -1 : next_unlinkat()(folder, path, flags);
}

NEXT(mkdir)
EXPORT int mkdir(const char *path, mode_t mode)
{
    return fails_at(MKDIR, path) ? -1 : next_mkdir()(path, mode);
}

NEXT(stat)
EXPORT int stat(const char *path, struct stat *out)
{
    return fails_at(STAT, path) ? -1 : next_stat()(path, out);
}

NEXT(access)
EXPORT int access(const char *path, int mode)
{
    return fails_at(STAT, path) ? -1 : next_access()(path, mode);
}

NEXT(lstat)
EXPORT int lstat(const char *path, struct stat *out)
{
    return fails_at(STAT, path) ? -1 : next_lstat()(path, out);
}

NEXT(fstat)
EXPORT int fstat(int fd, struct stat *out)
{
    return fails_on(STAT, fd) ? -1 : next_fstat()(fd, out);
}

NEXT(flock)
EXPORT int flock(int fd, int operation)
{
    return fails_on(LOCK, fd) ? -1 : next_flock()(fd, operation);
}

/* Locks alone: what else fcntl does is no fault of a disk. */
NEXT(fcntl)
EXPORT int fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    bool lock = command == F_SETLK || command == F_SETLKW;
    return lock && fails_on(LOCK, fd) ? -1 : next_fcntl()(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    return fcntl(fd, command, argument);
}

/* ---- threads and the network -------------------------------------------------------------------
 */

NEXT(pthread_create)
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*work)(void *), void *argument)
{
    return fails(THREAD) ? errno : next_pthread_create()(thread, attributes, work, argument);
}

NEXT(socket)
EXPORT int socket(int domain, int type, int protocol)
{
    return fails(SOCKET) ? -1 : next_socket()(domain, type, protocol);
}

NEXT(connect)
EXPORT int connect(int fd, const struct sockaddr *address, socklen_t n)
{
    return fails(CONNECT) ? -1 : next_connect()(fd, address, n);
}

NEXT(send)
EXPORT ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    int effect = effect_of(SEND);
    if (effect > 0) {
        errno = effect;
        return -1;
    }
    return next_send()(fd, bytes, effect == SHORT && n > 1 ? n / 2 : n, flags);
}

NEXT(recv)
EXPORT ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
    int effect = effect_of(RECV);
    if (effect > 0) {
        errno = effect;
        return -1;
    }
    return next_recv()(fd, bytes, effect == SHORT && n > 1 ? n / 2 : n, flags);
}
