/*
 * Where the files of a Hugging Face hub lie on this machine, and how its repositories are named: as
 * the hub's own tools have it, so that they and we see the same files.
 *
 *   CACHE/models--OWNER--MODEL/refs/main            the commit that "main" was when it was fetched
 *                             /snapshots/COMMIT/    links, by the files' names, to
 *                             /blobs/               contents, by their hash
 */
#ifndef SC_BASE_HUB_CACHE_H
#define SC_BASE_HUB_CACHE_H

#include "base/error.h"

/* Of the hub's tools: HF_HOME, XDG_CACHE_HOME/huggingface or ~/.cache/huggingface.  *out: NULL
 * where none of them is set; sc_free it. */
enum sc_status sc_hub_home(char **out, struct sc_error *error);
/* HF_HUB_CACHE (or HUGGINGFACE_HUB_CACHE), or hub in their home; the same. */
enum sc_status sc_hub_cache(char **out, struct sc_error *error);

/* "OWNER/MODEL" or "OWNER/MODEL@REVISION", where the revision is a branch, a tag or a commit. */
struct sc_hub_name {
    const char *owner, *model; /* inside the text; not ended by NUL */
    size_t n_owner, n_model;
    const char *revision; /* NULL: not given */
};
bool sc_hub_name_read(const char *text, struct sc_hub_name *out);
/* Parts of letters, digits, '-', '_' and '.' between slashes, none of which begins with a dot. */
bool sc_hub_revision_fits(const char *revision);
/* CACHE/models--OWNER--MODEL; sc_free it; NULL when memory is exhausted. */
char *sc_hub_repository(const char *cache, const struct sc_hub_name *name);

/* The commit that a folder is the snapshot of: ".../models--O--M/snapshots/COMMIT", which the path
 * itself says; NULL: it is none.  Inside the path. */
const char *sc_hub_snapshot_commit(const char *folder);

#endif
