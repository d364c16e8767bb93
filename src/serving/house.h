/*
 * What the threads of a server share: the model, requests in hand, counters.
 *
 *   connections   (http.c) read requests, put them in hand, and write answers
 *   sampling      (sampling.c) one thread runs the engine; traces of all requests side by side
 *   scoring       (scoring.c) one thread scores prompts that are echoed
 *   watch         (serving.c) the caller's thread looks after time limits and clients that have
 * gone
 */
#ifndef SC_SERVING_HOUSE_H
#define SC_SERVING_HOUSE_H

#include "serving/job.h"

/* A list of jobs, each of which is in one at most. */
struct sc_serving_list {
    struct sc_serving_job *first, *last;
};
void sc_serving_list_put(struct sc_serving_list *list, struct sc_serving_job *job);
void sc_serving_list_take(struct sc_serving_list *list, struct sc_serving_job *job);

/* Since the start. */
struct sc_serving_counts {
    uint64_t n_requests, n_refused, n_full, n_cancelled, n_failed; /* n_full: 429 */
    uint64_t n_prompt_tokens, n_tokens;                            /* asked for; sampled */
    uint64_t n_steps, n_rows;                                      /* of the engine */
    double width;                                                  /* sum over the steps */
};

struct sc_serving_house {
    struct sc_serving_model model;
    struct sc_session *session;
    struct sc_batch_plan plan;
    size_t most_jobs; /* in hand */

    pthread_mutex_t lock;   /* of all that follows */
    pthread_cond_t arrived; /* a job was put into a list, or it is to end */
    struct sc_serving_prompts prompts;
    struct sc_serving_list to_sample, to_score;
    size_t n_jobs;      /* in hand: until they have ended */
    size_t n_in_flight; /* traces in the engine */
    bool is_ending;     /* takes no more */
    bool is_dropping;   /* and finishes nothing */
    struct sc_serving_counts counts;
    struct sc_serving_counts before; /* of earlier runs of the session */
    /* Has a job's connection go on; called with the lock. */
    void (*wake)(struct sc_serving_job *job);
};

/* The job goes into the list that it belongs to, with a holder more; the lock is held. */
void sc_serving_house_put(struct sc_serving_house *house, struct sc_serving_job *job);
/* The job is in no list any more and has ended; the lock is held.  failure: why nothing came of it,
 * or NULL.  It may be freed with this. */
void sc_serving_house_end(struct sc_serving_house *house, struct sc_serving_job *job,
                          const char *failure);
/* Ends jobs that nobody waits for and of which nothing is under way; the lock is held. */
void sc_serving_house_tidy(struct sc_serving_house *house);

#endif
