/* A file that is being fetched: its bytes in "PATH.incomplete", hashed as they come, under a lock
 * that other processes heed.  Private to this room. */
#ifndef SC_HUB_PART_H
#define SC_HUB_PART_H

#include "hub/digest.h"
#include "hub/hub.h"

struct sc_part {
    struct sc_download *want;
    char *incomplete;
    int fd, lock;   /* -1: not open; the same where the unfinished file is the lock */
    uint64_t n;     /* bytes that are there */
    bool inherited; /* some of them are of an earlier process */
    bool whole;     /* the file stands in its place */
    struct sc_digest digest;
};

/* Asked now and then while much is read; false ends it with SC_ERR_INTERRUPTED. */
struct sc_part_watch {
    bool (*go_on)(void *context);
    void *context;
};

enum sc_status sc_part_init(struct sc_part *part, struct sc_download *want, struct sc_error *error);
void sc_part_free(struct sc_part *part); /* keeps what came; zeros are not fine */
/* Whether a hash will tell that the whole is right, whatever its pieces are from. */
bool sc_part_is_checked(const struct sc_part *part);
/* Bytes that it may have. */
uint64_t sc_part_most(const struct sc_part *part);
/* Bytes that are there, for the room on disk: no lock, no error. */
uint64_t sc_part_found(const struct sc_part *part);

/* Takes the lock (*busy: another has it), and sets whole, or n and inherited. */
enum sc_status sc_part_begin(struct sc_part *part, const struct sc_part_watch *watch, bool *busy,
                             struct sc_error *error);
enum sc_status sc_part_restart(struct sc_part *part, struct sc_error *error); /* n becomes 0 */
enum sc_status sc_part_add(struct sc_part *part, const void *bytes, size_t n,
                           struct sc_error *error);
/* Checks what came and puts it in its place, or restarts (whole stays false) where what was
 * inherited may be at fault. */
enum sc_status sc_part_end(struct sc_part *part, struct sc_error *error);

#endif
