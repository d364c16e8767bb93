/*
 * Benchmarks by name: where their makers publish them, under which licence, and fetching them to
 * the user's data folder, where the benchmark's loader finds them.  Nothing of them is kept here.
 */
#ifndef SC_HUB_SETS_H
#define SC_HUB_SETS_H

#include "hub/hub.h"

enum { SC_SET_MOST_FILES = 8, SC_SET_REVISION_SIZE = 65 };

enum sc_set_home {
    SC_SET_OF_HUB,    /* files of a repository of data sets on the hub */
    SC_SET_OF_GITHUB, /* files of a public repository */
    SC_SET_OF_ROWS    /* published as Parquet alone: through the hub's rows interface */
};

struct sc_set_file {
    const char *split; /* NULL: the set is not divided */
    const char *path;  /* in the repository; of rows: CONFIG/SPLIT */
    const char *name;  /* below the set's folder, where the loader looks; NULL: path's last part */
    /* Of the published bytes; NULL: not known, so what came first is recorded and checked later. */
    const char *sha256;
    uint64_t about_bytes; /* about how much it is; 0: not known */
    size_t n_prompts;     /* 0: not known */
    bool large;           /* fetched only when its split is named */
};

struct sc_set {
    const char *name; /* as --benchmark takes it */
    const char *title, *what, *licence;
    enum sc_set_home home;
    const char *repository; /* OWNER/NAME */
    const char *revision;   /* commit that is fetched; NULL: the newest, which is recorded */
    bool gated;             /* only for those who accepted its terms at its page */
    struct sc_set_file files[SC_SET_MOST_FILES]; /* path NULL past the last; the default one first
                                                  */
};

const struct sc_set *sc_set_at(size_t index); /* in the order of docs/BENCHMARKS.md; NULL past the
                                                 last */
/* By its name, where case, hyphens and underscores do not matter; NULL: there is none. */
const struct sc_set *sc_set_named(const char *name);
/* The name under which a file lies below the set's folder. */
const char *sc_set_file_name(const struct sc_set_file *file);
/* The page that describes the set, on which a gated one's terms are accepted; sc_free it; NULL when
 * out of memory. */
char *sc_set_page(const struct sc_set *set);

/* ---- fetching -------------------------------------------------------------------------------- */

struct sc_set_options {
    const char *folder; /* where sets lie, each in a folder of its name; NULL: the first of
                         * sc_benchmark_folders */
    const char *split;  /* this part alone; NULL: all that are not large */
    /* A commit or a branch instead of the table's commit, whose checksums then say nothing; NULL:
     * the table's */
    const char *revision;
    bool (*step)(void *context, const struct sc_download_progress *progress); /* as of a download */
    void *context;
};

/* One file of a set on disk. */
struct sc_set_part {
    const struct sc_set_file *file;
    char *path;       /* owned */
    bool is_here;     /* a file stands there; its content may be anybody's */
    bool was_fetched; /* by this call */
    uint64_t bytes;   /* of what stands there */
    char sha256[65],
        revision[SC_SET_REVISION_SIZE]; /* as the record has them; "" where it has none */
    char fetched[32];                   /* when: UTC, ISO 8601; or "" */
};

struct sc_set_state {
    char *folder; /* of this set; owned */
    struct sc_set_part parts[SC_SET_MOST_FILES];
    size_t n_parts;
};
void sc_set_state_free(struct sc_set_state *state); /* zeros are fine */

/* What of a set lies in the data folder, all parts; asks nobody. */
enum sc_status sc_set_look(const struct sc_set *set, const struct sc_set_options *options,
                           struct sc_set_state *out, struct sc_error *error);

/*
 * Fetches what is not here of the parts that are wanted, checks it (SHA-256: the table's, else what
 * the first fetching recorded), and records source, revision, licence, date and checksum in
 * "source.json" beside it.  A file that stands there and is not what was published or recorded is
 * never touched: SC_ERR_CONFLICT.  SC_ERR_ARGUMENT: no such split; SC_ERR_IO: a server does not
 * give it, for want of access say, which the message explains.  out has the parts that were wanted.
 */
enum sc_status sc_set_pull(const struct sc_set *set, const struct sc_set_options *options,
                           struct sc_set_state *out, struct sc_error *error);

#endif
