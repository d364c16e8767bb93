/* A small made-up run for tests, written through the store: no model is needed. */
#ifndef TEST_RUN_FIXTURE_H
#define TEST_RUN_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "experiment/experiment.h"
#include "experiment/store/config.h"
#include "experiment/store/store.h"
#include "source/source.h"

enum { FIXTURE_MOST_INSTANCES = 64, FIXTURE_MOST_TOKENS = 40 };

struct run_fixture {
    char folder[64]; /* a new one */
    struct sc_benchmark benchmark;
    struct sc_instance instances[FIXTURE_MOST_INSTANCES];
    char texts[FIXTURE_MOST_INSTANCES][2][64];
    struct sc_policy policies[4];
    struct sc_run_options options;
    struct sc_source_info source;
    struct sc_config_facts facts;
    char *config;
};

/* Removes a folder and the files in it. */
void fixture_remove_folder(const char *folder);

/* Options, instances and configuration of n_instances prompts, every second one unsafe.  Policies:
 * single, fixed 5, adaptive (the primary).  0, or -1 when it could not be made. */
int fixture_make(struct run_fixture *f, size_t n_instances);
void fixture_free(struct run_fixture *f);
/* Writes the configuration again, after options or facts were changed. */
int fixture_configure(struct run_fixture *f);

/* Places for the parts of one made-up trace. */
struct fixture_trace {
    struct sc_run_trace trace;
    int32_t ids[FIXTURE_MOST_TOKENS];
    struct sc_token_stats stats[FIXTURE_MOST_TOKENS];
    uint32_t text_ends[FIXTURE_MOST_TOKENS];
    char text[96];
};

/* Trace `index` of the instance: numbers that depend on both alone.  Most unsafe prompts are
 * refused, some harmless ones too, and refusals are a little more confident. */
void fixture_trace(struct fixture_trace *out, size_t position, uint32_t index);

/* Stores a run of n_instances prompts, each with the n_traces answers that are given, and without
 * decisions: every answer complies by a made-up rule.  0, or -1 when it could not be made. */
int fixture_make_answers(struct run_fixture *f, size_t n_instances, const char *const *answers,
                         uint32_t n_traces);

/* Writes a whole run: each instance's traces and decisions as the policies would have it.  Every
 * tenth instance has a failed trace at index 1 when with_failures. */
enum sc_status fixture_write(struct run_fixture *f, bool with_failures, struct sc_error *error);

#endif
