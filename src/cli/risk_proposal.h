/*
 * Importance sampling for a prompt: what it is sampled from beside the model (--proposal), and what
 * came of it as JSON.  docs/RISK.md says what is estimated.
 */
#ifndef SC_CLI_RISK_PROPOSAL_H
#define SC_CLI_RISK_PROPOSAL_H

#include "base/json_writer.h"
#include "cli/cli.h"
#include "cli/risk_asker.h"
#include "exploration/importance_sampling.h"

enum cli_proposal_kind { CLI_PROPOSAL_MODEL, CLI_PROPOSAL_PREFILL, CLI_PROPOSAL_SYSTEM };

/* All zero but for what its caller sets; cli_risk_proposal_close in any case. */
struct cli_risk_proposal {
    const char *wanted; /* set by the caller: a model, prefill:TEXT or system:TEXT; NULL: none */
    size_t n_traces;    /* set by the caller; the model's own share included */
    enum cli_proposal_kind kind;
    const char *words;      /* of a prefill or system message; inside `wanted` */
    struct sc_opened model; /* of another model */
};

/* Why `wanted` cannot be one, or NULL. */
const char *cli_risk_proposal_refused(const char *wanted);
/* Takes `wanted` apart and opens a model that it names, as the target is opened and framed.
 * Refuses one with another tokenizer: its tokens would be other words. */
enum sc_status cli_risk_proposal_open(struct cli_risk_proposal *proposal,
                                      const struct sc_opened *target,
                                      const struct cli_model_options *options,
                                      const struct sc_chat_options *chat, struct sc_error *error);
void cli_risk_proposal_close(struct cli_risk_proposal *proposal);

/* What came of it for a prompt. */
struct cli_risk_importance {
    const struct cli_risk_proposal *proposal;
    struct sc_importance_shares shares;
    const char *reason; /* why there are none; else NULL */
};

/* framed: what the prompt is to the target. */
enum sc_status cli_risk_propose(const struct cli_risk_proposal *proposal,
                                struct cli_risk_asker *asker, const struct sc_instance *instance,
                                const struct sc_framed *framed, struct sc_importance_shares *out,
                                struct sc_error *error);

/* Member "importance" of a line. */
void cli_risk_put_importance(struct sc_json_writer *json,
                             const struct cli_risk_importance *importance);
/* Member "proposal" of a configuration. */
void cli_risk_put_proposal(struct sc_json_writer *json, const struct cli_risk_proposal *proposal);

#endif
