/*
 * Importance sampling for a prompt: what it is sampled from beside the model (`proposal` of
 * safeconf/risk.h), and what came of it as JSON.  docs/RISK.md says what is estimated.
 */
#ifndef SC_RISK_PROPOSAL_H
#define SC_RISK_PROPOSAL_H

#include "base/json_writer.h"
#include "exploration/importance_sampling.h"
#include "risk/asker.h"

enum sc_proposal_kind { SC_PROPOSAL_MODEL, SC_PROPOSAL_PREFILL, SC_PROPOSAL_SYSTEM };

/* All zero but for what its caller sets; sc_risk_proposal_close in any case. */
struct sc_risk_proposal {
    const char *wanted; /* set by the caller: a model, prefill:TEXT or system:TEXT; NULL: none */
    size_t n_traces;    /* set by the caller; the model's own share included */
    enum sc_proposal_kind kind;
    const char *words;      /* of a prefill or system message; inside `wanted` */
    struct sc_opened model; /* of another model */
    char fingerprint[33];   /* its content */
};

/* Refuses what cannot be one; NULL: there is none. */
enum sc_status sc_risk_proposal_check(const char *wanted, size_t n_traces, struct sc_error *error);
/* The model that it names; NULL: none. */
const char *sc_risk_proposal_model(const char *wanted);
/* Takes `wanted` apart and opens a model that it names, as the target is opened and framed.
 * Refuses one with another tokenizer: its tokens would be other words. */
enum sc_status sc_risk_proposal_open(struct sc_risk_proposal *proposal,
                                     const struct sc_opened *target,
                                     const struct sc_engine_options *engine,
                                     const struct sc_chat_options *chat, struct sc_error *error);
void sc_risk_proposal_close(struct sc_risk_proposal *proposal);

/* What came of it for a prompt. */
struct sc_risk_importance {
    const struct sc_risk_proposal *proposal;
    struct sc_importance_shares shares;
    const char *reason; /* why there are none; else NULL */
};

/* framed: what the prompt is to the target. */
enum sc_status sc_risk_propose(const struct sc_risk_proposal *proposal, struct sc_risk_asker *asker,
                               const struct sc_instance *instance, const struct sc_framed *framed,
                               struct sc_importance_shares *out, struct sc_error *error);

/* Member "importance" of a line. */
void sc_risk_put_importance(struct sc_json_writer *json,
                            const struct sc_risk_importance *importance);
/* Member "proposal" of a configuration. */
void sc_risk_put_proposal(struct sc_json_writer *json, const struct sc_risk_proposal *proposal);

#endif
