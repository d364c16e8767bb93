/*
 * The runner: from instances to stored, judged traces until every policy has stopped.
 *
 * It knows no model.  Where traces come from (this machine's engine, in time a server, in tests a
 * made-up one) and how text becomes ids and back are handed in.
 */
#ifndef SC_EXPERIMENT_RUN_RUNNER_H
#define SC_EXPERIMENT_RUN_RUNNER_H

#include "base/error.h"
#include "engine/inference.h"
#include "experiment/experiment.h"
#include "experiment/store/store.h"

/* What makes traces: runs until the source says that there is no more. */
struct sc_backend {
    void *context;
    enum sc_status (*run)(void *context, const struct sc_trace_source *source,
                          struct sc_error *error);
};

struct sc_language {
    void *context;
    /* The prompt in its chat frame. *ids: sc_free it. */
    enum sc_status (*encode)(void *context, const char *prompt, int32_t **ids, size_t *n_ids,
                             struct sc_error *error);
    /* Valid UTF-8 without NUL, without special tokens. *text: sc_free it. */
    enum sc_status (*decode)(void *context, const int32_t *ids, size_t n_ids, char **text,
                             struct sc_error *error);
    /* As sc_chat_reasoning_length. */
    size_t (*reasoning_length)(void *context, const int32_t *ids, size_t n_ids);
};

struct sc_runner_setup {
    struct sc_store *store;
    const struct sc_instance *instances; /* [n_instances], those of the store */
    size_t n_instances;
    const struct sc_run_options *options; /* policies, max_new_tokens, window, seed, judge */
    struct sc_sampling sampling;          /* resolved */
    const int32_t *end_ids;
    size_t n_end_ids;
    size_t max_prompt;    /* tokens; the traces of a longer prompt fail */
    const char *detector; /* with its version */
    struct sc_language language;
    struct sc_backend backend;
    const struct sc_run_observer *observer; /* may be NULL */
};

/* Takes up what the store holds, samples what is missing, and fills the summary's progress,
 * failures and time in storage also when it does not finish. */
enum sc_status sc_runner_run(const struct sc_runner_setup *setup, struct sc_run_summary *summary,
                             struct sc_error *error);

/* ---- parts, used by runner.c ----------------------------------------------------------------- */

/* Makes traces fit to be stored: text, segments, metrics, verdict. */
struct sc_trace_maker {
    const struct sc_language *language;
    const char *detector;
    size_t max_new_tokens, window;
    int32_t *ids;                 /* [max_new_tokens] */
    struct sc_token_stats *stats; /* [max_new_tokens] */
    float *confidence, *logprob;  /* [max_new_tokens] */
    uint32_t *text_ends;          /* [max_new_tokens] */
};
/* For each token, where the text of the tokens up to it ends, in bytes of `text`, which is the
 * decoded text of all n: as far as the text of these tokens alone agrees with it, at the border of
 * a character.  A character whose bytes come from several tokens thus belongs to the one that
 * completes it; special tokens have no text.  The last end is the length of the text. */
enum sc_status sc_token_text_ends(const struct sc_language *language, const int32_t *ids, size_t n,
                                  const char *text, uint32_t *ends, struct sc_error *error);
enum sc_status sc_trace_maker_init(struct sc_trace_maker *maker, const struct sc_language *language,
                                   const struct sc_run_options *options, const char *detector,
                                   struct sc_error *error);
void sc_trace_maker_free(struct sc_trace_maker *maker);
/* result->request may be NULL.  ids, stats, text_ends, detector and rule of *out stay the maker's
 * or static; sc_trace_maker_drop releases the rest. */
enum sc_status sc_trace_make(struct sc_trace_maker *maker, const char *prompt, uint32_t index,
                             const struct sc_trace_result *result, struct sc_run_trace *out,
                             struct sc_error *error);
void sc_trace_maker_drop(struct sc_run_trace *trace);

/* Progress as the observer sees it, at most ten times a second. */
enum { SC_RATE_SAMPLES = 64 };
struct sc_progress_meter {
    double started, reported;
    struct {
        double time;
        uint64_t n_tokens;
    } samples[SC_RATE_SAMPLES]; /* a ring of the last seconds */
    size_t n_samples;
};
void sc_progress_start(struct sc_progress_meter *meter);
/* Fills rate and times from the counters and calls the observer if it is time, or always with
 * `last`. */
void sc_progress_report(struct sc_progress_meter *meter, struct sc_run_progress *progress,
                        const struct sc_run_observer *observer, bool last);

#endif
