/*
 * The runner: from instances to stored, judged traces until every policy has stopped.
 *
 * It knows no model.  Where traces come from is a source (safeconf/source.h): this machine's
 * engine, a server, in tests a made-up one.
 */
#ifndef SC_EXPERIMENT_RUN_RUNNER_H
#define SC_EXPERIMENT_RUN_RUNNER_H

#include "base/error.h"
#include "experiment/experiment.h"
#include "experiment/store/store.h"
#include "source/source.h"

/* An instance's prompt as the source prepared it. */
struct sc_run_prompt {
    void *handle;  /* the source's; NULL where it failed */
    char *failure; /* why all traces of the instance fail, or NULL */
};

struct sc_runner_setup {
    struct sc_store *store;
    const struct sc_instance *instances; /* [n_instances], those of the store */
    const struct sc_run_prompt *prompts; /* [n_instances] */
    size_t n_instances;
    const struct sc_run_options *options; /* policies, window, judge */
    const char *detector;                 /* its name with its version */
    const struct sc_detector *reads;      /* NULL: the default */
    const struct sc_source *source;
    const struct sc_run_observer *observer; /* may be NULL */
    double started;                         /* sc_seconds() when the call began */
};

/* Takes up what the store holds, samples what is missing, and fills the summary's progress,
 * failures and time in storage also when it does not finish.  A limit of the options that is
 * reached before all is sampled gives SC_ERR_INTERRUPTED, and words in summary->stopped. */
enum sc_status sc_runner_run(const struct sc_runner_setup *setup, struct sc_run_summary *summary,
                             struct sc_error *error);

#endif
