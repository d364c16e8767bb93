/*
 * A request in hand: from when it was read until the last byte of its answer is on its way.
 *
 * Two sides hold it, the connection and whoever samples; the last one to let go frees it.  All of
 * it but what is fixed at the beginning is guarded by the house's lock, except that a job that has
 * ended is changed by nobody.
 */
#ifndef SC_SERVING_JOB_H
#define SC_SERVING_JOB_H

#include "serving/choice.h"
#include "serving/model.h"
#include "serving/prompts.h"

enum { SC_SERVING_JOB_BYTES = 16 << 20 }; /* of tokens and scores, at most */

/* What is measured of the tokens of a prompt that is echoed. */
struct sc_serving_scores {
    float *logprob, *confidence, *entropy; /* [n] as sc_engine_score gives them */
    struct sc_top top;                     /* rows of the whole prompt */
};

struct sc_serving_job {
    struct sc_serving_request request;
    struct sc_serving_rules rules;
    char id[40];
    int64_t created; /* seconds since 1970 */
    int32_t end_ids[8 + SC_SERVING_MOST_STOP_IDS];
    size_t n_end_ids;
    struct sc_serving_prompt **prompts; /* [n_prompts] */
    size_t n_prompts;
    size_t most_new;                   /* tokens of a choice; 0: the prompts are only scored */
    struct sc_serving_scores *scores;  /* [n_prompts] of an echo with log-probabilities; NULL */
    struct sc_serving_choice *choices; /* [n_choices] those of a prompt side by side */
    size_t n_choices;
    size_t n_asked, n_done; /* choices that were asked for, and that ended */
    size_t n_sampled;       /* tokens */
    bool is_cancelled;      /* nobody waits for it any more */
    bool has_ended, has_news;
    char failure[200]; /* why nothing came of the whole */
    int n_holders;
    struct sc_serving_job *previous, *next; /* in the list of those that are sampled */
    /* What wakes the connection that waits; NULL: none does. */
    void *waiter;
};

/* The prompts of a request as ids.  *field as in sc_serving_request_read. */
struct sc_serving_encoding {
    struct sc_serving_encoded *prompts; /* [n] */
    size_t n;
};
enum sc_status sc_serving_job_encode(struct sc_serving_model *model,
                                     const struct sc_serving_request *request,
                                     struct sc_serving_encoding *out, char field[64],
                                     struct sc_error *error);
void sc_serving_encoding_free(struct sc_serving_encoding *encoding);

/* Makes a job of a request, which becomes its own and is empty afterwards.  The house's lock, which
 * guards the book, is held. */
enum sc_status sc_serving_job_new(struct sc_serving_job **out, const struct sc_serving_model *model,
                                  struct sc_serving_request *request,
                                  const struct sc_serving_encoding *encoding,
                                  struct sc_serving_prompts *book, struct sc_error *error);
/* One holder less.  Prompts are given back to the book, so the house's lock is held. */
void sc_serving_job_leave(struct sc_serving_job *job);

/* Tokens of all prompts. */
size_t sc_serving_job_n_prompt(const struct sc_serving_job *job);

#endif
