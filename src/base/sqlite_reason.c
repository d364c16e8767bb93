/* See sqlite_reason.h. */
#include "base/sqlite_reason.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

static _Thread_local int reason;

/* The first since it was asked for: what follows a failure is SQLite's trying otherwise. */
static void note(int found)
{
    if (reason == 0)
        reason = found;
}

/* The lines that its layer over the system writes: "os_unix.c:LINE: (ERRNO) CALL(PATH) - WORDS". */
static void note_line(void *context, int code, const char *line)
{
    int at, found;
    (void)context;
    (void)code;
    if (sscanf(line, "os_unix.c:%d: (%d)", &at, &found) == 2)
        note(found);
}

/* ---- calls whose reasons are in no log --------------------------------------------------------
 */

/* A file that cannot be opened to write is opened to read, and the second reason would be logged.
 */
static int opened(const char *path, int flags, int mode)
{
    int file = open(path, flags, mode);
    if (file < 0 && errno != ENOENT && errno != EINTR)
        note(errno);
    return file;
}

static ssize_t moved(ssize_t n)
{
    if (n < 0 && errno != EINTR)
        note(errno);
    return n;
}

static ssize_t read_on(int file, void *bytes, size_t n)
{
    return moved(read(file, bytes, n));
}

static ssize_t read_at(int file, void *bytes, size_t n, off_t at)
{
    return moved(pread(file, bytes, n, at));
}

static ssize_t read_at_64(int file, void *bytes, size_t n, off64_t at)
{
    return moved(pread64(file, bytes, n, at));
}

static ssize_t write_on(int file, const void *bytes, size_t n)
{
    return moved(write(file, bytes, n));
}

static ssize_t write_at(int file, const void *bytes, size_t n, off_t at)
{
    return moved(pwrite(file, bytes, n, at));
}

static ssize_t write_at_64(int file, const void *bytes, size_t n, off64_t at)
{
    return moved(pwrite64(file, bytes, n, at));
}

void sc_sqlite_listen(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {
        {"open", (sqlite3_syscall_ptr)opened},
        {"read", (sqlite3_syscall_ptr)read_on},
        {"pread", (sqlite3_syscall_ptr)read_at},
        {"pread64", (sqlite3_syscall_ptr)read_at_64},
        {"write", (sqlite3_syscall_ptr)write_on},
        {"pwrite", (sqlite3_syscall_ptr)write_at},
        {"pwrite64", (sqlite3_syscall_ptr)write_at_64},
    };
    sqlite3_config(SQLITE_CONFIG_LOG, note_line, NULL);
    sqlite3_vfs *files = sqlite3_vfs_find(NULL);
    if (files == NULL || files->iVersion < 3 || files->xSetSystemCall == NULL)
        return; /* reasons are then missing, no more */
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        files->xSetSystemCall(files, calls[i].name, calls[i].call);
}

int sc_sqlite_reason(void)
{
    int last = reason;
    reason = 0;
    return last;
}
