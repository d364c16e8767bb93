/*
 * ZIP archives, through libzip: untrusted ones are read within limits and in memory alone (no name
 * in them ever becomes a path), and our own are written whole or not at all, the same bytes each
 * time.
 */
#ifndef SC_BASE_ARCHIVE_H
#define SC_BASE_ARCHIVE_H

#include "base/error.h"
#include "base/text.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* What an archive may hold: names in it, bytes of one entry, bytes of all that is read of it (these
 * at most sc_inflate_most too), and how many times an entry beyond a megabyte may be longer than
 * its compressed bytes.  Entries that lie upon each other are refused. */
enum { SC_ARCHIVE_MOST_ENTRIES = 2000000, SC_ARCHIVE_MOST_RATIO = 2000 };
#define SC_ARCHIVE_MOST_ENTRY_BYTES ((uint64_t)256 << 20)
#define SC_ARCHIVE_MOST_BYTES ((uint64_t)8 << 30)

struct sc_archive;

/* Whether n bytes begin as an archive does. */
bool sc_archive_is(const char *data, size_t n);
/* Opens n bytes, which must stay; name is for messages.  SC_ERR_FORMAT: not an archive, cut off, or
 * with more entries than there may be. */
enum sc_status sc_archive_open(struct sc_archive **out, const char *data, size_t n,
                               const char *name, struct sc_error *error);
void sc_archive_close(struct sc_archive *archive); /* NULL is fine */
size_t sc_archive_count(const struct sc_archive *archive);
/* The name of an entry as it stands there, of any bytes; "" where there is none. */
const char *sc_archive_name(const struct sc_archive *archive, size_t entry);
/* Appends the content of an entry (stored, deflated or Zstandard).  SC_ERR_FORMAT: damaged,
 * encrypted, compressed otherwise, or beyond the limits of an entry.  SC_ERR_LIMIT: beyond those of
 * the archive, which hold for all that would follow. */
enum sc_status sc_archive_read(struct sc_archive *archive, size_t entry, struct sc_text *out,
                               struct sc_error *error);

/* ---- writing --------------------------------------------------------------------------------- */

/* What goes into an archive: n entries, each made when its turn comes and released after it. */
struct sc_archive_content {
    size_t n;
    void *context;
    /* Appends the name, a relative path of valid UTF-8, and the content of entry i. */
    enum sc_status (*name)(void *context, size_t i, struct sc_text *out, struct sc_error *error);
    enum sc_status (*make)(void *context, size_t i, struct sc_text *out, struct sc_error *error);
    bool (*keep_going)(void *context); /* false ends it with SC_ERR_INTERRUPTED; NULL: go on */
};

/* Writes the archive, deflated, in place of what stands at the path.  Every entry carries the first
 * day that the format knows, 1 January 1980. */
enum sc_status sc_archive_write(const char *path, const struct sc_archive_content *content,
                                struct sc_error *error);

#endif
