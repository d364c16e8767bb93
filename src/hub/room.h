/* Whether files will fit on the disks where they are to stand.  Private to this room. */
#ifndef SC_HUB_ROOM_H
#define SC_HUB_ROOM_H

#include "base/error.h"

struct sc_room_need {
    const char *path; /* of the file; its folders need not be there */
    uint64_t bytes;   /* at most 1e18 */
};

/* All files of a disk together; a disk that does not say is no error. */
enum sc_status sc_room_check(const struct sc_room_need *needs, size_t n, struct sc_error *error);

#endif
