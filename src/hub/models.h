/*
 * A model's repository of a hub in the hub's own cache (base/hub_cache.h): what is missing of it,
 * and fetching that.  What is there is never changed, but for refs/REVISION, which names the commit
 * that was fetched last.
 */
#ifndef SC_HUB_MODELS_H
#define SC_HUB_MODELS_H

#include "hub/hub.h"
#include "hub/place.h"

enum sc_hub_part { SC_HUB_MODEL, SC_HUB_TOKENIZER /* without weights */ };

struct sc_hub_file {
    char *name;
    uint64_t size;                 /* 0: not known, or nothing */
    char etag[129];                /* names its content in the cache */
    char sha256[65], git_sha1[41]; /* of its content; "" not known */
    bool missing;                  /* in the snapshot */
};

/* What a hub has of a model at a revision. */
struct sc_hub_model {
    char *name;     /* OWNER/MODEL */
    char *revision; /* as it was asked for, or main */
    char commit[65];
    struct sc_hub_file *files; /* [n_files] that are needed */
    size_t n_files, n_missing;
    uint64_t n_bytes, n_missing_bytes;
};

struct sc_hub_lookup {
    const struct sc_hub_place *place;
    const char *name; /* OWNER/MODEL or OWNER/MODEL@REVISION */
    enum sc_hub_part part;
    bool hasty; /* one try of a few seconds: nobody asked for it */
    bool (*step)(void *context, const struct sc_download_progress *progress); /* or NULL */
    void *context;
};
/* Asks the hub.  Where it refuses, the message says why and what to do. */
enum sc_status sc_hub_model_look(const struct sc_hub_lookup *lookup, struct sc_hub_model *out,
                                 struct sc_error *error);
void sc_hub_model_free(struct sc_hub_model *model); /* zeros are fine */

/* Fetches what is missing, checks what is there (check: else it is trusted), and makes the snapshot
 * and its ref.  *folder: of the snapshot; sc_free it. */
struct sc_hub_pull {
    const struct sc_hub_place *place;
    struct sc_hub_model *model;
    bool check;
    struct sc_download_options download;
};
enum sc_status sc_hub_model_pull(const struct sc_hub_pull *pull, char **folder,
                                 struct sc_error *error);

/* Whether a snapshot has what its use takes, as far as its own files say: settings, tokenizer and,
 * of a model, all weights that are named. */
bool sc_hub_snapshot_is_whole(const char *folder, enum sc_hub_part part);

/* Calls take for each model in the cache, in the order of their names. */
struct sc_hub_cached {
    const char *name;   /* OWNER/MODEL */
    const char *commit; /* of its newest snapshot: refs/main, or the only one; NULL: neither */
    uint64_t n_bytes;   /* of all its contents */
    bool whole;
};
enum sc_status sc_hub_models_cached(const char *cache,
                                    enum sc_status (*take)(void *context,
                                                           const struct sc_hub_cached *cached,
                                                           struct sc_error *error),
                                    void *context, struct sc_error *error);

#endif
