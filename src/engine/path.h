/*
 * Where an answer stands: what follows from the tokens that it has, and from nothing else.  The
 * length it may have, a reasoning under a budget, the tokens of a closing that are still to be put
 * in; and whether it has ended.
 */
#ifndef SC_ENGINE_PATH_H
#define SC_ENGINE_PATH_H

#include "engine/inference.h"

struct sc_path {
    size_t n, limit;               /* tokens so far; at most */
    size_t left;                   /* positions of the context behind the prompt */
    bool reasons;                  /* under a budget that has not ended */
    size_t forced_begin, n_forced; /* tokens that were put in so far */
    size_t n_to_force;             /* tokens that are still to be put in */
};

/* Tokens that a trace of the request may have. */
size_t sc_path_most(const struct sc_trace_request *request);

/* An answer without tokens; max_positions: the model's context, which the prompt leaves room in. */
void sc_path_begin(struct sc_path *path, const struct sc_trace_request *request,
                   size_t max_positions);
/* Adds a token; says whether it was sampled: else it is the next of the closing. */
bool sc_path_add(struct sc_path *path, const struct sc_trace_request *request, int32_t id);
/* The token that is put in next, where n_to_force > 0. */
int32_t sc_path_forced(const struct sc_path *path, const struct sc_trace_request *request);
/* Whether the answer has ended with the token that was added last, whoever wants it kept. */
bool sc_path_ended(const struct sc_path *path, const struct sc_trace_request *request, int32_t id,
                   bool sampled, enum sc_finish *finish);

#endif
