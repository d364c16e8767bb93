/*
 * Conversations whose turns are asked one after another (--multi-turn generate): the model's own
 * answers stand between the user's turns, and a trace is the whole of it.
 *
 * What is asked of an instance in each turn, with which random numbers, and what is kept of the
 * answers before the last one.  The runner asks (runner.c); a conversation that is interrupted is
 * lost and begins anew.
 */
#ifndef SC_EXPERIMENT_RUN_TURNS_H
#define SC_EXPERIMENT_RUN_TURNS_H

#include "benchmark/benchmark.h"
#include "experiment/store/run_data.h"
#include "source/source.h"

/* A trace whose last turn has not ended yet; zeros before its first answer. */
struct sc_chain {
    struct sc_run_trace *turns; /* [n] the answers so far */
    size_t n, cap;
    void *handle; /* the source's: the prompt of turn n; NULL in the first one */
};

/* Turns of an instance: with multi_turn those of the user, else one. */
size_t sc_turn_count(const struct sc_instance *instance, bool multi_turn);

/* Names the random numbers of a turn (from 0): in the first one by the instance's id alone. */
uint64_t sc_turn_key(const char *id, size_t turn);

/* What is asked, in a turn behind the answers [n_answers] before it, or without multi_turn at once:
 * the source's prompt.  Failures are those of its `prepare`. */
struct sc_turn {
    const struct sc_instance *instance;
    bool multi_turn;
    const struct sc_run_trace *answers; /* their reasoning is left out */
    size_t n_answers;
};
enum sc_status sc_turn_prepare(const struct sc_source *source, const struct sc_turn *turn,
                               void **handle, struct sc_error *error);

/* Has the source take the longest prompt that the instance's turns can come to, but for the answers
 * between them, and let go of it: so that it can plan for it.  That it does not fit is no error. */
enum sc_status sc_turn_foresee(const struct sc_source *source, const struct sc_instance *instance,
                               struct sc_error *error);

/* Moves an answer to the end of the chain and lets go of the prompt that it was given to. */
enum sc_status sc_chain_add(struct sc_chain *chain, const struct sc_source *source,
                            struct sc_run_trace *answer, struct sc_error *error);
/* Moves the answers to the trace that ends the conversation. */
void sc_chain_give(struct sc_chain *chain, struct sc_run_trace *trace);
/* Lets go of all that it holds; zeros are fine. */
void sc_chain_drop(struct sc_chain *chain, const struct sc_source *source);

#endif
