/*
 * What a run knows of its instances while it is going on: which traces are there, under way or
 * wanted, and what the policies have decided.  Used by runner.c, resume.c and cuts.c.
 *
 * Every policy sees the same traces (common random numbers): an instance needs the largest prefix
 * that any policy asks for and is finished when all have stopped.  Policies read prefixes of
 * finished traces in the order of their index, so neither the order in which traces end nor a
 * restart in between can change a decision.
 *
 * Under the policy budget, which is alone, an instance wants what the phase that is going on has
 * given it, and waits then for the others (budget.h); with the last phase it is finished.
 */
#ifndef SC_EXPERIMENT_RUN_STATE_H
#define SC_EXPERIMENT_RUN_STATE_H

#include "decision/budget.h"
#include "experiment/run/runner.h"
#include "experiment/run/trace_maker.h"
#include "experiment/run/turns.h"
#include "experiment/store/failures.h"

enum sc_trace_stage { SC_TRACE_WANTED, SC_TRACE_IN_FLIGHT, SC_TRACE_DONE };

/* One trace of an instance, as far as policies look at it. */
struct sc_trace_state {
    enum sc_trace_stage stage;
    bool failed;
    enum sc_verdict verdict;
    double metrics[SC_N_METRICS];
    size_t n_tokens;
    struct sc_low *lows; /* [n_lows], when a policy of the run reads them */
    size_t n_lows;
    struct sc_low_scan scan; /* in flight */
    struct sc_chain chain;   /* in flight, of a conversation: the answers so far */
};

/* What a policy decided, once it has stopped. */
struct sc_stop {
    bool stopped;
    size_t n_traces;
    const char *reason;
    double bar;
};

struct sc_instance_state {
    struct sc_trace_state *traces; /* [n_traces] */
    size_t n_traces;
    size_t n_prefix;       /* finished traces from 0 on, without a gap */
    size_t n_wanted;       /* the largest prefix that a policy asks for */
    size_t n_next;         /* no wanted trace below */
    size_t n_turns;        /* of each of its traces, at least 1 */
    struct sc_stop *stops; /* [n_policies] */
    double bar; /* below which the traces after the warm-up are cut as they are sampled, or NaN */
    bool finished;
    size_t n_phases_ready; /* phases of the policy budget whose traces are all there */
};

/* Of the policy budget. */
struct sc_run_phase {
    bool on;                          /* the run has that policy */
    size_t phase, n_phases;           /* that is going on */
    struct sc_budget_prompt *prompts; /* [n_instances] */
    struct sc_budget_claim *heap;     /* [n_instances] */
    size_t n_ready;                   /* instances that have all that the phase gives them */
};

struct sc_run_state {
    const struct sc_runner_setup *setup;
    const struct sc_policy *policies;
    size_t n_policies, most_traces;
    struct sc_run_phase phase;
    bool has_deepconf, cuts_live;        /* a policy of the run reads lows; it is the only one */
    struct sc_instance_state *instances; /* [setup->n_instances] */
    struct sc_trace_maker maker;
    struct sc_policy_trace *view;    /* [most_traces]: the prefix as one policy sees it */
    struct sc_store_decision *fresh; /* [n_policies] decisions that sc_state_decide has just made */
    size_t n_fresh;
    struct sc_run_summary *summary;
    struct sc_failures failures; /* of all traces, those that were there already too */
};

/* On failure sc_state_free releases what was made. */
enum sc_status sc_state_init(struct sc_run_state *state, const struct sc_runner_setup *setup,
                             struct sc_run_summary *summary, struct sc_error *error);
void sc_state_free(struct sc_run_state *state);

/* Makes place for traces [0, n) of the instance. */
enum sc_status sc_state_make_place(struct sc_instance_state *instance, size_t n,
                                   struct sc_error *error);
/* Notes a trace that is done; counting it waits until it is stored. */
enum sc_status sc_state_take_trace(struct sc_run_state *state, size_t position,
                                   const struct sc_run_trace *trace, struct sc_error *error);
void sc_state_count_trace(struct sc_run_state *state, size_t position, uint32_t index);
/* After traces have been taken: extends the prefix and asks every policy that has not stopped.  New
 * decisions stand in `fresh`. */
enum sc_status sc_state_decide(struct sc_run_state *state, size_t position, struct sc_error *error);
/* Begins the next phase of the policy budget once all traces of the one before are there; *begun
 * false: they are not, or it was the last.  Asks all instances anew; one that is finished by traces
 * that were there already has its decision in `stops` alone, and is counted in *n_finished. */
enum sc_status sc_state_next_phase(struct sc_run_state *state, bool *begun, size_t *n_finished,
                                   struct sc_error *error);
/* Whether the instance waits for the next phase. */
bool sc_state_is_waiting(const struct sc_run_state *state,
                         const struct sc_instance_state *instance);
/* Moves n_next to the next wanted trace; false when there is none. */
bool sc_state_next_wanted(struct sc_instance_state *instance);
/* Lets go of an instance's traces; its decisions stay. */
void sc_state_close_instance(struct sc_run_state *state, struct sc_instance_state *instance);

/* ---- cuts (cuts.c) --------------------------------------------------------------------------- */

/* Adds to a decision of deepconf what it saw of the traces that it cut, where those are stored
 * whole for other policies.  `now` is the trace that has just ended and is not stored yet (may be
 * NULL); others are read from the store.  sc_cuts_drop releases them. */
enum sc_status sc_cuts_make(struct sc_run_state *state, size_t position,
                            const struct sc_run_trace *now, struct sc_store_decision *decision,
                            struct sc_error *error);
void sc_cuts_drop(struct sc_store_decision *decision);

/* ---- resuming (resume.c) --------------------------------------------------------------------- */

/* Takes up what the store holds: traces and decisions, mended where traces were removed. */
enum sc_status sc_state_resume(struct sc_run_state *state, struct sc_error *error);
/* Makes the store's decisions those of the state. */
enum sc_status sc_state_repair_decisions(struct sc_run_state *state, struct sc_error *error);

#endif
