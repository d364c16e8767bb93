/*
 * A run of a session, and what passes between it and its source: requests that are checked and get
 * a seat, answers that are handed over.
 */
#ifndef SC_ENGINE_SEATS_H
#define SC_ENGINE_SEATS_H

#include "engine/batch.h"

/* What sc_session_run works on. */
struct sc_sampling_run {
    struct sc_session *session;
    const struct sc_engine *engine;
    const struct sc_trace_source *source;
    const struct sc_batch_sizes *sizes;
    struct sc_batch *b;
    struct sc_step_report report;
    uint64_t n_taken; /* requests so far: the order of the next one */
    size_t n_drawing, n_drawn, n_decode_rows, n_rows, n_ending; /* n_drawn: tokens */
    size_t n_forcing;       /* strands that get their next token from a closing */
    uint32_t careful;       /* a seat whose trace runs alone (room.h); SC_NONE */
    bool gave_up;           /* in this round, something that was asked for */
    bool starved, finished; /* `next` said 0 since the last done(); said -1 */
    char failure[160];
    struct sc_error *error;
};

/* What is handed over of a trace. */
struct sc_answer {
    const int32_t *ids; /* [path->n] */
    const struct sc_token_stats *stats;
    const float *watched;
    const int32_t *top_ids;
    const float *top_logprobs;
    const struct sc_path *path;
};

/* What the source gets to see of an answer. */
struct sc_trace_result sc_answer_result(const struct sc_trace_request *request,
                                        const struct sc_answer *answer);

/* Whether a trace can be sampled at all; if not, run->failure says why. */
bool sc_request_check(struct sc_sampling_run *run, const struct sc_trace_request *request);
/* Hands over a request as failed, with run->failure. */
enum sc_status sc_request_refuse(struct sc_sampling_run *run,
                                 const struct sc_trace_request *request);

/* A seat for the request; there is a free one. */
uint32_t sc_seat_take(struct sc_sampling_run *run, const struct sc_trace_request *request);
/* Hands over the answer of a seat, whose member is in no group any more, and frees the seat. */
enum sc_status sc_seat_leave(struct sc_sampling_run *run, uint32_t seat,
                             const struct sc_answer *answer, enum sc_finish finish);

/* Hands over all traces of a group that were asked for; the others stay in it. */
enum sc_status sc_group_leave(struct sc_sampling_run *run, uint32_t group,
                              const struct sc_answer *answer, enum sc_finish finish);

/* A request of the group; it has one. */
const struct sc_trace_request *sc_group_lead(const struct sc_sampling_run *run, uint32_t group);

/* The tree has a group that is to begin: it waits, after those with older requests. */
void sc_tree_wait(struct sc_sampling_run *run, uint32_t tree);
/* Number i of those that wait does so no more. */
void sc_tree_wait_no_more(struct sc_sampling_run *run, size_t i);

#endif
