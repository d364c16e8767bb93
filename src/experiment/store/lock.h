/* One process at a time in a run's folder. */
#ifndef SC_EXPERIMENT_STORE_LOCK_H
#define SC_EXPERIMENT_STORE_LOCK_H

#include "base/error.h"

struct sc_lock {
    int descriptor; /* -1: not held */
    char *path;
};

/* Takes the folder's lock without waiting; SC_ERR_CONFLICT when another process holds it.  The
 * system lets go of it when this process ends, however it ends. */
enum sc_status sc_lock_take(struct sc_lock *lock, const char *folder, struct sc_error *error);
/* Lets go and removes the file.  Does nothing when the lock is not held. */
void sc_lock_release(struct sc_lock *lock);

#endif
