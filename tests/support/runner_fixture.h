/*
 * For tests of the runner: a source whose tokens are bytes and whose made-up traces end in any
 * order, and a run of it.  No model is needed.
 */
#ifndef TEST_RUNNER_FIXTURE_H
#define TEST_RUNNER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "detection/detection.h"
#include "experiment/run/runner.h"
#include "run_fixture.h"

enum { END_ID = 0, THINK_END_ID = 1, MOST_PARALLEL = 64 };

/* ---- the source ------------------------------------------------------------------------------ */

/* What of its traces the source gives. */
enum made_gives { GIVES_ALL, GIVES_TOP_K, GIVES_TEXT };

struct made_source {
    enum made_gives gives; /* GIVES_TOP_K: text, its ends, logprob and confidence */
    size_t parallel, n_sampled, n_prepared, max_prompt;
    uint64_t seed;
    struct sc_random order;
    size_t stop_after;  /* interrupts itself after so many traces; 0: never */
    int wrong;          /* 1: a trace that nobody asked for; 2: says done too early */
    bool fails, thinks; /* some traces fail; some think */
    /* a third of them is ended by a filter, half of these without a word; all that a server can say
     * besides is said */
    bool filters, says;
    /* what it counts as servers do: requests of each trace after the first one, and tokens of each
     * prompt; counts false: nothing */
    bool counts;
    size_t n_retries, n_prompt_tokens;
    size_t changes_after; /* sc_source_functions.check fails after so many traces; 0: never */
    unsigned char seen[FIXTURE_MOST_INSTANCES][16]; /* how often each trace was sampled */
};

/* The functions; their context is a struct made_source. */
extern const struct sc_source_functions made_source_functions;

/* A trace as the source makes it: a function of the instance's key and the index alone. */
struct made_trace {
    int32_t ids[FIXTURE_MOST_TOKENS];
    struct sc_token_stats stats[FIXTURE_MOST_TOKENS];
    uint32_t text_ends[FIXTURE_MOST_TOKENS];
    float entropy_low[FIXTURE_MOST_TOKENS], entropy_high[FIXTURE_MOST_TOKENS];
    struct sc_source_words words;
    struct sc_source_trace trace;
};
void made_trace_sample(const struct made_source *source, uint64_t instance_key, uint32_t index,
                       struct made_trace *out);
void made_trace_free(struct made_trace *made);

/* ---- running and comparing ------------------------------------------------------------------- */

struct rig {
    struct run_fixture f;
    struct made_source source;
    struct sc_run_observer observer;
    struct sc_run_summary summary;
    struct sc_error error;
    size_t limit_pages, n_reports;
};

void rig_make(struct rig *rig, size_t n_instances);
enum sc_status rig_run(struct rig *rig);
/* Runs it until it ends, each time with one piece of memory more than the time before. */
void rig_run_short_of_memory(struct rig *rig);
void assert_done(struct rig *rig);
/* Bytes in hexadecimal and a new line; nothing for NULL. */
void put_bytes(struct sc_text *out, const void *bytes, size_t n);
/* All that a loaded run says, as text. */
char *describe(const struct rig *rig);
/* The run says what was expected; lets go of the rig. */
void assert_ends_as(struct rig *rig, const char *expected);
/* The same of a run of one trace at a time. */
char *undisturbed(size_t n_instances, bool fails, bool thinks);
void assert_sampled_once(const struct rig *rig);
/* Changes the database from outside. */
void alter(const struct rig *rig, const char *sql);

#endif
