/*
 * run.db, opening and closing.
 *
 * Journal: a write-ahead log with synchronous=NORMAL.  A process that is killed at any moment loses
 * no transaction that was committed; a machine that loses power may lose the last ones but never
 * the file's consistency.  A wait for the disk at each trace would cost much and buy little, so
 * there is one where people are told what was kept (sc_store_settle): what they read is true of the
 * disk.  When the run closes the file goes back to a rollback journal, so that a run at rest is one
 * file that can be read from a read-only medium.
 */
#include "experiment/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/store/config.h"
#include "experiment/store/damage.h"
#include "experiment/store/schema.h"
#include "experiment/store/write.h"

/* At rest the run is one file, without a log beside it. */
static const char leave_log[] = "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE";

/* Makes the object and opens the file with SQLite's flags. */
static enum sc_status connect(struct sc_store **out, const char *folder, int flags,
                              struct sc_error *error)
{
    struct sc_store *store = sc_alloc_zero(1, sizeof *store);
    *out = store;
    if (store == NULL)
        return sc_fail_nomem(error, folder);
    store->lock.descriptor = -1;
    store->path = sc_path_join(folder, "run.db");
    if (store->path == NULL)
        return sc_fail_nomem(error, folder);
    bool found = true;
    if (!(flags & SQLITE_OPEN_CREATE))
        SC_TRY(sc_file_look(store->path, &found, error));
    if (!found)
        return sc_fail(error, SC_ERR_IO, "%s: expected the folder of a run, found no run.db",
                       folder);
    return SC_OK;
}

static enum sc_status expect_run(const struct sc_store *store, bool empty, struct sc_error *error)
{
    return !empty ? SC_OK
                  : sc_fail(error, SC_ERR_FORMAT, "%s: expected a run, found an empty database",
                            store->path);
}

/* Closes what could not be opened. */
static enum sc_status give_up(struct sc_store **out, enum sc_status status)
{
    if (status != SC_OK) {
        sc_store_close(*out);
        *out = NULL;
    }
    return status;
}

/* ---- to write -------------------------------------------------------------------------------- */

static enum sc_status note_identity(struct sc_store *store, struct sc_error *error)
{
    struct stat found;
    if (stat(store->path, &found) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot look at it: %s", store->path, strerror(errno));
    store->device = found.st_dev;
    store->inode = found.st_ino;
    return SC_OK;
}

/* Where a write-ahead log cannot be had, a rollback journal will do. */
static enum sc_status set_journal(struct sc_store *store, struct sc_error *error)
{
    return sc_store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", "write",
                         error);
}

static enum sc_status open_run(struct sc_store **out, const char *folder,
                               const struct sc_store_run *run, bool *resumed,
                               struct sc_error *error)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool empty = false;
    const char *stored = NULL;
    SC_TRY(connect(out, folder, flags, error));
    struct sc_store *store = *out;
    SC_TRY(sc_lock_take(&store->lock, folder, error));
    SC_TRY(sc_database_open(store, flags, error));
    SC_TRY(sc_schema_check(store, &empty, error));
    if (empty) {
        SC_TRY(set_journal(store, error));
        SC_TRY(sc_schema_create(store, run, error));
    } else {
        SC_TRY(sc_store_check(store, error));
    }
    SC_TRY(sc_store_config(store, &stored, error));
    SC_TRY(sc_config_compare(stored, run->config_json, store->path, error));
    SC_TRY(set_journal(store, error));
    SC_TRY(sc_schema_migrate(store, error));
    SC_TRY(sc_store_prepare_writing(store, error));
    *resumed = !empty;
    return note_identity(store, error);
}

enum sc_status sc_store_open(struct sc_store **out, const char *folder,
                             const struct sc_store_run *run, bool *resumed, struct sc_error *error)
{
    assert(folder != NULL && run->config_json != NULL);
    return give_up(out, open_run(out, folder, run, resumed, error));
}

static enum sc_status open_existing(struct sc_store **out, const char *folder, bool check,
                                    struct sc_error *error)
{
    bool empty = false;
    SC_TRY(connect(out, folder, SQLITE_OPEN_READWRITE, error));
    struct sc_store *store = *out;
    SC_TRY(sc_lock_take(&store->lock, folder, error));
    SC_TRY(sc_database_open(store, SQLITE_OPEN_READWRITE, error));
    SC_TRY(sc_schema_check(store, &empty, error));
    SC_TRY(expect_run(store, empty, error));
    if (check)
        SC_TRY(sc_store_check(store, error));
    SC_TRY(set_journal(store, error));
    SC_TRY(sc_schema_migrate(store, error));
    SC_TRY(sc_store_prepare_writing(store, error));
    return note_identity(store, error);
}

enum sc_status sc_store_open_existing(struct sc_store **out, const char *folder,
                                      struct sc_error *error)
{
    assert(folder != NULL);
    return give_up(out, open_existing(out, folder, true, error));
}

enum sc_status sc_store_open_damaged(struct sc_store **out, const char *folder,
                                     struct sc_error *error)
{
    return give_up(out, open_existing(out, folder, false, error));
}

/* ---- to read --------------------------------------------------------------------------------- */

/* One view of the file, even while a run is writing to it. */
static enum sc_status open_view(struct sc_store **out, const char *folder, int flags, bool check,
                                struct sc_error *error)
{
    bool empty = false;
    SC_TRY(connect(out, folder, flags, error));
    struct sc_store *store = *out;
    SC_TRY(sc_database_open(store, flags, error));
    if (flags & SQLITE_OPEN_READWRITE)
        SC_TRY(sc_store_exec(store, "PRAGMA query_only = ON", "read", error));
    SC_TRY(sc_store_exec(store, "BEGIN", "read", error));
    SC_TRY(sc_schema_check(store, &empty, error));
    SC_TRY(expect_run(store, empty, error));
    return check ? sc_store_check(store, error) : SC_OK;
}

/* Whether SQLite refuses to read because a transaction that was cut off must be taken back first.
 */
static bool needs_recovery(const struct sc_store *store)
{
    int code = store != NULL && store->db != NULL ? sqlite3_errcode(store->db) & 0xff : SQLITE_OK;
    return code == SQLITE_READONLY || code == SQLITE_CANTOPEN;
}

static enum sc_status open_read(struct sc_store **out, const char *folder, bool check,
                                struct sc_error *error)
{
    struct sc_error why = {0};
    assert(folder != NULL);
    enum sc_status status = open_view(out, folder, SQLITE_OPEN_READONLY, check, &why);
    if (status != SC_OK && needs_recovery(*out)) {
        struct sc_error again = {0};
        sc_store_close(*out);
        status = open_view(out, folder, SQLITE_OPEN_READWRITE, check, &again);
        why = status == SC_OK || !needs_recovery(*out) ? again : why;
    }
    if (status != SC_OK)
        sc_fail(error, status, "%s", why.text);
    return give_up(out, status);
}

enum sc_status sc_store_open_read(struct sc_store **out, const char *folder, struct sc_error *error)
{
    return open_read(out, folder, true, error);
}

enum sc_status sc_store_open_unchecked(struct sc_store **out, const char *folder,
                                       struct sc_error *error)
{
    return open_read(out, folder, false, error);
}

/* ---- the rest -------------------------------------------------------------------------------- */

enum sc_status sc_store_rest(struct sc_store *store, struct sc_error *error)
{
    int code = sqlite3_exec(store->db, leave_log, NULL, NULL, NULL);
    return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED
               ? SC_OK
               : sc_store_fail(store, "write", error);
}

void sc_store_close(struct sc_store *store)
{
    if (store == NULL)
        return;
    sqlite3_finalize(store->put_trace);
    sqlite3_finalize(store->put_tokens);
    sqlite3_finalize(store->put_verdict);
    sqlite3_finalize(store->put_harm);
    sqlite3_finalize(store->put_decision);
    sqlite3_finalize(store->put_cut);
    sqlite3_finalize(store->put_turn);
    sqlite3_finalize(store->drop_turns);
    if (store->db != NULL &&
        store->lock.descriptor >= 0) /* refused while somebody reads: no harm */
        sqlite3_exec(store->db, leave_log, NULL, NULL, NULL);
    sqlite3_close(store->db);
    sc_lock_release(&store->lock);
    sc_free(store->path);
    sc_free(store->config_json);
    sc_free(store);
}

/* SQLite removes the index when it leaves the log, for which it must be in it: a reading opens it.
 */
static enum sc_status enter_log(struct sc_store **out, const char *folder)
{
    int64_t n_objects;
    SC_TRY(connect(out, folder, SQLITE_OPEN_READWRITE, NULL));
    SC_TRY(sc_lock_take(&(*out)->lock, folder, NULL));
    SC_TRY(sc_database_open(*out, SQLITE_OPEN_READWRITE, NULL));
    SC_TRY(set_journal(*out, NULL));
    return sc_store_number(*out, "SELECT count(*) FROM sqlite_schema", &n_objects, NULL);
}

void sc_store_sweep(const char *folder)
{
    struct sc_store *store = NULL;
    assert(folder != NULL);
    if (!sc_file_exists_in(folder, "run.lock") && !sc_file_exists_in(folder, "run.db-shm"))
        return;
    enter_log(&store, folder);
    sc_store_close(store);
}

static enum sc_status fold_log(struct sc_store **out, const char *folder, struct sc_error *error)
{
    int64_t n_objects;
    char *log;
    SC_TRY(connect(out, folder, SQLITE_OPEN_READWRITE, error));
    SC_TRY(sc_database_open(*out, SQLITE_OPEN_READWRITE, error));
    /* a reading takes back what was cut off, whichever journal it lies in */
    SC_TRY(sc_store_number(*out, "SELECT count(*) FROM sqlite_schema", &n_objects, error));
    sqlite3_exec((*out)->db, leave_log, NULL, NULL, NULL);
    log = sc_path_join(folder, "run.db-wal");
    if (log == NULL)
        return sc_fail_nomem(error, folder);
    bool left = sc_file_exists(log);
    sc_free(log);
    return left ? sc_fail(error, SC_ERR_CONFLICT, "%s: another process is reading this folder",
                          folder)
                : sc_sync_folder(folder, error);
}

enum sc_status sc_store_fold_log(const char *folder, struct sc_error *error)
{
    struct sc_store *store = NULL;
    assert(folder != NULL);
    enum sc_status status = fold_log(&store, folder, error);
    sc_store_close(store);
    return status;
}

enum sc_status sc_store_settle(struct sc_store *store, struct sc_error *error)
{
    sqlite3_file *log = NULL;
    int64_t n_changes = sqlite3_total_changes64(store->db);
    if (n_changes == store->n_settled)
        return SC_OK;
    /* in a rollback journal's mode none is open, and each transaction was waited for */
    int code = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log != NULL && log->pMethods != NULL)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK)
        return sc_store_fail_with(store, code, sqlite3_errstr(code), "write", error);
    store->n_settled = n_changes;
    return SC_OK;
}

enum sc_status sc_store_limit_pages(struct sc_store *store, size_t n_pages, struct sc_error *error)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %zu", n_pages);
    return sc_store_exec(store, sql, "limit", error);
}
