/*
 * run.db: the one file in which a run is kept (docs/FILES.md describes the tables).
 *
 * A store is opened for one run at a time (a lock in the folder), or read-only.  What is read back
 * is untrusted: every row is checked before it is handed on.  Opening: store.c; tables and their
 * versions: schema.c; rows: write.c, read.c, read_traces.c; what was judged later: judgements.c.
 */
#ifndef SC_EXPERIMENT_STORE_STORE_H
#define SC_EXPERIMENT_STORE_STORE_H

#include "base/error.h"
#include "benchmark/benchmark.h"
#include "experiment/store/run_data.h"

struct sc_store;

/* What one policy made of one instance. */
struct sc_store_decision {
    size_t policy; /* position in the configuration */
    size_t n_traces;
    const char *stop_reason;
    double bar; /* NaN: none */
    /* [n_cuts]: traces of which the policy saw the beginning only, though they are stored whole
     * for other policies (run_data.h).  Not used when reading: see sc_store_read_cuts. */
    struct sc_run_trace *cuts;
    size_t n_cuts;
};

/* What a folder is bound to. */
struct sc_store_run {
    const char *config_json;
    const struct sc_instance *instances; /* [n_instances] */
    size_t n_instances;
    /* [n_instances] of a shard: where each of them stands in the whole run; NULL: it is whole. */
    const size_t *positions;
};

/* Opens run.db of the folder for a run and holds the folder's lock until sc_store_close.  A folder
 * without one gets a new one with the configuration and the instances, in one transaction.  A
 * stored configuration that differs gives SC_ERR_CONFLICT and a line that names the first field
 * that does. *resumed: there was a run in the folder. */
enum sc_status sc_store_open(struct sc_store **out, const char *folder,
                             const struct sc_store_run *run, bool *resumed, struct sc_error *error);

/* Opens an existing run.db, whatever its configuration, and holds the folder's lock. */
enum sc_status sc_store_open_existing(struct sc_store **out, const char *folder,
                                      struct sc_error *error);

/* The same without looking for damage first: to take out what is damaged (mend.h). */
enum sc_status sc_store_open_damaged(struct sc_store **out, const char *folder,
                                     struct sc_error *error);

/* Opens an existing run.db to read it, of any version that is known.  Writes nothing, unless a
 * process was killed within a transaction: what it left is taken back. */
enum sc_status sc_store_open_read(struct sc_store **out, const char *folder,
                                  struct sc_error *error);
/* When all is written: brings everything into run.db itself, which is then one file at rest, unless
 * somebody reads just now.  Closing does so too, but cannot say where it fails. */
enum sc_status sc_store_rest(struct sc_store *store, struct sc_error *error);
/* The same without looking for damage first (damage.h): to say all of it. */
enum sc_status sc_store_open_unchecked(struct sc_store **out, const char *folder,
                                       struct sc_error *error);
void sc_store_close(struct sc_store *store); /* NULL is fine */
/* Removes what a process that has ended could not: its lock, and the index of its log.  What cannot
 * be removed now either, or belongs to one that is at work, stays: it holds nothing. */
void sc_store_sweep(const char *folder);

/* What was kept so far is on the disk when this returns.  To be called before a person is told how
 * much that is: see store.c. */
enum sc_status sc_store_settle(struct sc_store *store, struct sc_error *error);

/* Takes what a process that was killed left in the log of run.db into run.db, so that the folder
 * has one file of a run, which may be replaced: a log that stays would be read into the new one.
 * The caller holds the folder's lock.  SC_ERR_CONFLICT while somebody reads. */
enum sc_status sc_store_fold_log(const char *folder, struct sc_error *error);

/* A finished trace and the decisions that it led to.  Its harm is kept under the name `judge`. */
struct sc_store_trace {
    const struct sc_run_trace *trace;
    const char *judge;
    const struct sc_store_decision *decisions; /* [n_decisions] */
    size_t n_decisions;
};

/* Keeps one trace of the instance at `position`, in one transaction. */
enum sc_status sc_store_put_trace(struct sc_store *store, size_t position,
                                  const struct sc_store_trace *stored, struct sc_error *error);

/* Replaces all decisions: begin removes them and starts a transaction; end keeps the new ones when
 * status is SC_OK, else the old ones, and returns status or why it could not. */
enum sc_status sc_store_begin_decisions(struct sc_store *store, struct sc_error *error);
enum sc_status sc_store_add_decision(struct sc_store *store, size_t position,
                                     const struct sc_store_decision *decision,
                                     struct sc_error *error);
enum sc_status sc_store_end_decisions(struct sc_store *store, enum sc_status status,
                                      struct sc_error *error);

/* The configuration's text, valid until the store is closed. */
enum sc_status sc_store_config(struct sc_store *store, const char **config_json,
                               struct sc_error *error);

/* The instances in benchmark order; sc_store_free_instances releases them. */
enum sc_status sc_store_read_instances(struct sc_store *store, struct sc_instance **instances,
                                       size_t *n_instances, struct sc_error *error);
void sc_store_free_instances(struct sc_instance *instances, size_t n_instances);

/* Receives one row.  It may move things out of the trace and set them to NULL there; the rest is
 * released afterwards. */
typedef enum sc_status sc_store_trace_reader(void *context, size_t position,
                                             struct sc_run_trace *trace, struct sc_error *error);

/* Which traces, and whose words on them. */
struct sc_store_traces {
    const char *detector, *judge; /* whose verdict and whose harm */
    bool tokens;                  /* else ids, stats and text_ends are NULL */
    size_t n_instances;           /* instances at this position or beyond are an error */
};
/* Reads all traces in order of (instance, index). */
enum sc_status sc_store_read_traces(struct sc_store *store, const struct sc_store_traces *wanted,
                                    sc_store_trace_reader *reader, void *context,
                                    struct sc_error *error);

typedef enum sc_status sc_store_decision_reader(void *context, size_t position,
                                                const struct sc_store_decision *decision,
                                                struct sc_error *error);
enum sc_status sc_store_read_decisions(struct sc_store *store, size_t n_instances,
                                       size_t n_policies, sc_store_decision_reader *reader,
                                       void *context, struct sc_error *error);

/* Receives a cut, as sc_store_trace_reader does a trace. */
typedef enum sc_status sc_store_cut_reader(void *context, size_t position, size_t policy,
                                           struct sc_run_trace *trace, struct sc_error *error);
/* In order of (instance, policy, index). */
enum sc_status sc_store_read_cuts(struct sc_store *store, size_t n_instances, size_t n_policies,
                                  sc_store_cut_reader *reader, void *context,
                                  struct sc_error *error);

/* One stored trace with its tokens, without verdict, metrics and turns; sc_run_trace_free releases
 * it.
 */
enum sc_status sc_store_read_trace(struct sc_store *store, size_t position, uint32_t index,
                                   struct sc_run_trace *out, struct sc_error *error);

/* Test hook: the database may grow to this many pages of 4096 bytes and then says that the disk is
 * full. */
enum sc_status sc_store_limit_pages(struct sc_store *store, size_t n_pages, struct sc_error *error);

#endif
