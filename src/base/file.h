/* Files: bounded reading, read-only maps, whole-or-nothing writing. */
#ifndef SC_BASE_FILE_H
#define SC_BASE_FILE_H

#include "base/error.h"
#include "base/text.h"

/* Reads a whole file of at most max_bytes.  *data ends with NUL (not counted); sc_free it. */
enum sc_status sc_file_read(const char *path, size_t max_bytes, char **data, size_t *n,
                            struct sc_error *error);

/* The same of what a person names to be read: "-" is standard input, and a pipe or a terminal is
 * read to its end.  For files that the program finds by itself sc_file_read is the one, which waits
 * for nobody. */
enum sc_status sc_input_read(const char *path, size_t max_bytes, char **data, size_t *n,
                             struct sc_error *error);
/* Whether the path is standard input or a descriptor, such as "/dev/fd/63": its name says nothing.
 */
bool sc_input_is_unnamed(const char *path);
/* What messages call it: the path, or "standard input" for "-". */
const char *sc_input_name(const char *path);

/* What tells a file from a later one under the same name, or from itself after it was written to.
 */
struct sc_file_stamp {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* seconds, nanoseconds: of content, of anything */
};
/* The stamp of the file that stands at path now. */
enum sc_status sc_file_stamp(const char *path, struct sc_file_stamp *stamp, struct sc_error *error);
bool sc_file_stamp_same(const struct sc_file_stamp *a, const struct sc_file_stamp *b);

struct sc_map {
    const unsigned char *data; /* NULL when the file is empty */
    size_t size;
    struct sc_file_stamp stamp; /* of the file when it was mapped */
    void *mapped;               /* what sc_map_close gives back */
};
/* Maps a regular file read-only. */
enum sc_status sc_map_open(struct sc_map *map, const char *path, struct sc_error *error);
void sc_map_close(struct sc_map *map);
/* Gives the whole pages inside a piece of a map back to the system; they are read again when they
 * are needed again.  Only for pieces of maps: other memory would lose its content. */
void sc_map_forget(const void *data, size_t bytes);

/* Writes a file whole or not at all: a file "PATH.part-PID" beside it, fsync, rename, and the
 * folder synced, so that it is there after a power loss too.  What a process that has ended left of
 * an earlier attempt is removed. */
enum sc_status sc_file_write(const char *path, const char *data, size_t n, struct sc_error *error);
/* The two ends of that, for what is written by others: the name to write under (sc_free it), with
 * left ones removed; and the written file's way to the disk and into place.  It is removed when it
 * cannot go there. */
enum sc_status sc_file_part(const char *path, char **part, struct sc_error *error);
enum sc_status sc_file_put_in_place(const char *part, const char *path, struct sc_error *error);
/* Names that came and went in a folder, or in that of a file, are on the disk when this returns.  A
 * filesystem that cannot say so of folders, and a folder that may not be read, are no error. */
enum sc_status sc_sync_folder(const char *folder, struct sc_error *error);
enum sc_status sc_sync_folder_of(const char *path, struct sc_error *error);

/* Whether these bytes are what Git LFS leaves in the place of a file that was not fetched. */
bool sc_is_lfs_pointer(const void *bytes, size_t n);

/* A name of one file or folder: not empty, no '/', not hidden, no control characters. */
bool sc_is_plain_name(const char *name);
/* False only where the system says that nothing is there: what cannot be looked at is taken to be
 * there, so that opening it says why it cannot be had, and nothing goes on without it. */
bool sc_file_exists(const char *path);
bool sc_file_exists_in(const char *folder, const char *name); /* also true where memory ends */
/* The same where what follows hangs on it: fails for what cannot be looked at. */
enum sc_status sc_file_look(const char *path, bool *found, struct sc_error *error);
/* What cannot be looked at is none. */
bool sc_is_folder(const char *path);
enum sc_status sc_folder_look(const char *path, bool *found, struct sc_error *error);
/* Makes a folder and its parents, on the disk too; no error when it exists.  path must not be
 * empty.
 */
enum sc_status sc_make_folders(const char *path, struct sc_error *error);
/* "a/b"; sc_free it; NULL when out of memory. */
char *sc_path_join(const char *folder, const char *name);
/* The last part of a path, without slashes behind it: its place in path, and its length. */
const char *sc_path_last(const char *path, size_t *n);

#endif
