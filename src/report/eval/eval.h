/*
 * A run as a log of inspect_ai (.eval, version 2 of its format): a ZIP archive of JSON.  Samples
 * are instances, epochs their traces.  docs/EXPORT.md says what stands where.
 *
 *   export.c     which samples there are, and the archive
 *   header.c     header.json, _journal/start.json, reductions.json
 *   sample.c     samples/ID_epoch_N.json and the lines of summaries.json
 *   message.c    what was asked and answered, and the figures of its tokens
 *   score.c      refusal, harm and confidence, of a trace and of all
 *
 * The format demands times and identifiers.  Every time is the first day that ZIP knows, and every
 * identifier a key of the configuration, so that the same run gives the same bytes and the file
 * says of no machine when it worked.
 */
#ifndef SC_REPORT_EVAL_EVAL_H
#define SC_REPORT_EVAL_EVAL_H

#include "analysis/analysis.h"
#include "base/json_writer.h"

#define SC_EVAL_TIME "1980-01-01T00:00:00+00:00"

enum sc_eval_score { SC_EVAL_REFUSAL, SC_EVAL_HARM, SC_EVAL_CONFIDENCE, SC_N_EVAL_SCORES };
const char *sc_eval_score_name(enum sc_eval_score score); /* "refusal" ... */

/* One trace of one instance. */
struct sc_eval_sample {
    size_t instance, trace;
};

/* A run on its way into a log. */
struct sc_eval_log {
    const struct sc_analysis *analysis;
    const struct sc_run *run; /* the analysis's */
    size_t policy;            /* whose traces they are, as it saw them */
    char key[17];             /* of the configuration and the policy */
    char **ids;               /* [run->n_instances] fit for the name of an entry, no two alike */
    struct sc_eval_sample *samples; /* [n_samples] */
    size_t n_samples, n_failed, n_prompts, most_traces;
    uint64_t n_prompt_tokens, n_tokens; /* of all samples, as far as they are known */
    bool finished;                      /* the policy has decided every instance */
};

const struct sc_run_trace *sc_eval_trace(const struct sc_eval_log *log,
                                         struct sc_eval_sample sample);

void sc_eval_put_start(struct sc_json_writer *out, const struct sc_eval_log *log);
void sc_eval_put_header(struct sc_json_writer *out, const struct sc_eval_log *log);
void sc_eval_put_reductions(struct sc_json_writer *out, const struct sc_eval_log *log);

void sc_eval_put_sample(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample);
/* What a viewer reads of it before it opens it: long texts shortened. */
void sc_eval_put_summary(struct sc_json_writer *out, const struct sc_eval_log *log,
                         struct sc_eval_sample sample);

/* The member "input": the prompt, or the messages with the answers' beginning.  most: bytes of a
 * text; SIZE_MAX: all. */
void sc_eval_put_input(struct sc_json_writer *out, const struct sc_run_instance *instance,
                       size_t most);
/* The members "messages" and "output". */
void sc_eval_put_answer(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample);
/* The member "events". */
void sc_eval_put_call(struct sc_json_writer *out, const struct sc_eval_log *log,
                      struct sc_eval_sample sample);
/* The member "model_usage"; nothing where no number of tokens is known. */
void sc_eval_put_usage(struct sc_json_writer *out, const struct sc_eval_log *log,
                       uint64_t n_prompt_tokens, uint64_t n_tokens);

/* The member "scores" of a sample; nothing where it has none. */
void sc_eval_put_scores(struct sc_json_writer *out, const struct sc_eval_log *log,
                        struct sc_eval_sample sample);
/* The member "scores" of the results. */
void sc_eval_put_results(struct sc_json_writer *out, const struct sc_eval_log *log);
/* What the score of an instance's traces comes to; NaN: nothing. */
double sc_eval_reduced(const struct sc_eval_log *log, enum sc_eval_score score, size_t instance);

#endif
