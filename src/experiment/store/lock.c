/*
 * The lock of a run's folder: flock on the file run.lock.  It is a file of its own because SQLite
 * uses the locks of run.db itself, and those would also keep readers out.  Used by store.c.
 */
#include "experiment/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

/* Whether the open file is still the one that the path names: its last holder may have removed it
 * between our opening and our locking it.  1: it is, 0: it is not, -1: the system does not say,
 * with errno. */
static int still_named(int descriptor, const char *path)
{
    struct stat held, named;
    if (fstat(descriptor, &held) != 0)
        return -1;
    if (stat(path, &named) != 0)
        return errno == ENOENT ? 0 : -1;
    return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

enum sc_status sc_lock_take(struct sc_lock *lock, const char *folder, struct sc_error *error)
{
    enum sc_status status = SC_OK;
    lock->descriptor = -1;
    lock->path = sc_path_join(folder, "run.lock");
    if (lock->path == NULL)
        return sc_fail_nomem(error, folder);
    for (int attempt = 0; attempt < 100; attempt++) {
        int descriptor = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (descriptor < 0) {
            status = sc_fail(error, SC_ERR_IO, "%s: cannot open: %s", lock->path, strerror(errno));
            break;
        }
        int failed;
        do
            failed = flock(descriptor, LOCK_EX | LOCK_NB);
        while (failed && errno == EINTR);
        int named = failed ? -1 : still_named(descriptor, lock->path);
        if (named == 1) {
            lock->descriptor = descriptor;
            return SC_OK;
        }
        int why = errno;
        close(descriptor);
        if (named < 0) {
            status =
                why == EWOULDBLOCK
                    ? sc_fail(error, SC_ERR_CONFLICT,
                              "%s: another process is running in this folder", folder)
                    : sc_fail(error, SC_ERR_IO, "%s: cannot lock: %s", lock->path, strerror(why));
            break;
        }
    }
    if (status == SC_OK)
        status = sc_fail(error, SC_ERR_CONFLICT, "%s: cannot lock: it keeps changing", lock->path);
    sc_free(lock->path);
    lock->path = NULL;
    return status;
}

void sc_lock_release(struct sc_lock *lock)
{
    if (lock->descriptor >= 0) {
        unlink(lock->path);
        close(lock->descriptor);
    }
    sc_free(lock->path);
    lock->path = NULL;
    lock->descriptor = -1;
}
