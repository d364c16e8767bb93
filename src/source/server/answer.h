/*
 * From what a server lists of an answer to a trace with its figures.  Private to this folder.
 *
 * Of a token's figures these are given:
 *
 *   logprob          of the chosen token, where the server's log-probabilities are not processed
 *   sampled_logprob  the same number where they are processed; where they are raw and nothing was
 *                    done to the distribution (temperature 1, no filter, no penalty), logprob
 *   confidence       of the k likeliest tokens (vocabulary/likeliest.h), where each token of the
 *                    trace has k of them; one that is listed beyond the k because it was chosen
 *                    does not count
 *   entropy          never; where the log-probabilities are raw its bounds
 *
 * A figure that one token of a trace lacks is absent in the whole trace.
 */
#ifndef SC_SOURCE_SERVER_ANSWER_H
#define SC_SOURCE_SERVER_ANSWER_H

#include <safeconf/source.h>

#include "remote/choices.h"
#include "remote/remote.h"
#include "source/server/framing.h"

/* What figures follow from; the same for all traces. */
struct sc_server_rules {
    const struct sc_server_framing *framing; /* NULL: there is no tokenizer */
    enum sc_logprob_kind logprobs;
    size_t k;         /* likeliest tokens that a confidence looks at; 0: none are given */
    bool undistorted; /* tokens are drawn from the model's own distribution */
    bool thinking;    /* the model is asked to reason */
    bool wants_ids;   /* ids are looked for where the server names none */
    const struct sc_remote *remote; /* whose key is masked in texts */
};

/* A trace on its way; starts as zeros. */
struct sc_server_trace {
    struct sc_token_stats *stats;      /* [n] */
    float *entropy_low, *entropy_high; /* [n] */
    size_t n, cap;                     /* tokens that were measured */
    bool no_logprob, no_confidence;    /* of some token */
    size_t n_cut;                      /* tokens after which it was cut; 0: it was not */
    uint32_t *ends;                    /* [n] */
    int32_t *ids;                      /* [n] */
    char *answer;
};

/* Measures the tokens of the choice that have not been. */
enum sc_status sc_server_trace_measure(const struct sc_server_rules *rules,
                                       const struct sc_choice *choice,
                                       struct sc_server_trace *trace, struct sc_error *error);
/* The figures that the tokens so far have. */
unsigned sc_server_trace_figures(const struct sc_server_rules *rules,
                                 const struct sc_server_trace *trace);

/* Fills what becomes of a choice that is whole, or that was cut; texts of it are masked on the way.
 * state: where the prompt left the model; n_generated: tokens that the server counts, 0 where it
 * does not count this choice alone.  *out lives as long as trace and choice. */
enum sc_status sc_server_trace_finish(const struct sc_server_rules *rules, struct sc_choice *choice,
                                      enum sc_reasoning_state state, size_t n_generated,
                                      struct sc_server_trace *trace, struct sc_source_trace *out,
                                      struct sc_error *error);
void sc_server_trace_free(struct sc_server_trace *trace);

#endif
