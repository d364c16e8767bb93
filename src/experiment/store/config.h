/*
 * The configuration of a run: everything that its result depends on, as canonical JSON.  It is what
 * a folder is bound to: the same text, the same result.  docs/FILES.md lists the fields.
 */
#ifndef SC_EXPERIMENT_STORE_CONFIG_H
#define SC_EXPERIMENT_STORE_CONFIG_H

#include "base/error.h"
#include "experiment/experiment.h"
#include "experiment/store/run_data.h"

/* What the options resolve to on this machine, with this source and benchmark. */
struct sc_config_facts {
    const struct sc_source_info *source;
    const struct sc_benchmark *benchmark;
    const char *detector; /* with its version */
    /* Of answers that were sampled elsewhere, who gave them and the key of all of them; else NULL.
     */
    const char *model, *answers;
};

/* *json: sc_free it. */
enum sc_status sc_config_write(const struct sc_run_options *options,
                               const struct sc_config_facts *facts, char **json,
                               struct sc_error *error);

/* SC_OK when both say the same; else SC_ERR_CONFLICT and a line that names the first field that
 * differs and both values.  path names the database in the message. */
enum sc_status sc_config_compare(const char *stored, const char *wanted, const char *path,
                                 struct sc_error *error);

/* The same; `what` says in the message what it means that they differ. */
enum sc_status sc_config_compare_as(const char *stored, const char *wanted, const char *path,
                                    const char *what, struct sc_error *error);

/* Fills what a struct sc_run takes from the configuration (config_json itself included).  The run
 * must be zeroed; on failure it holds what was filled so far.  *instances_hash is that of the
 * folder's instances when the run was made (17 bytes), *n_instances their number. */
enum sc_status sc_config_read(const char *json, struct sc_run *run, char *instances_hash,
                              size_t *n_instances, struct sc_error *error);

/* A key of all fields of the instances as 16 hexadecimal digits and NUL. */
void sc_instances_hash(const struct sc_instance *instances, size_t n_instances, char *out);

#endif
