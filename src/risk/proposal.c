/* See proposal.h. */
#include "risk/proposal.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "vocabulary/vocabulary.h"

enum { MOST_TRACES = 1000000 };

/* ---- opening --------------------------------------------------------------------------------- */

/* What follows a word and a colon, or NULL. */
static const char *after(const char *text, const char *word)
{
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 ? text + n : NULL;
}

enum sc_status sc_risk_proposal_check(const char *wanted, size_t n_traces, struct sc_error *error)
{
    if (wanted == NULL)
        return SC_OK;
    if (*wanted == '\0' || strcmp(wanted, "prefill:") == 0 || strcmp(wanted, "system:") == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "proposal: expected a model, or words behind the colon");
    if (n_traces < 1 || n_traces > MOST_TRACES)
        return sc_fail(error, SC_ERR_ARGUMENT, "proposal-traces: expected 1 to %d, found %zu",
                       MOST_TRACES, n_traces);
    return SC_OK;
}

const char *sc_risk_proposal_model(const char *wanted)
{
    return wanted == NULL || after(wanted, "prefill:") != NULL || after(wanted, "system:") != NULL
               ? NULL
               : wanted;
}

static enum sc_status check_alike(const struct sc_opened *proposal, const struct sc_opened *target,
                                  struct sc_error *error)
{
    if (strcmp(proposal->tokenizer_fingerprint, target->tokenizer_fingerprint) != 0 ||
        proposal->n_vocab != target->n_vocab)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "proposal: \"%s\": expected the tokenizer of \"%s\", found another one: "
                       "an answer's tokens are weighed under both",
                       proposal->name, target->name);
    return SC_OK;
}

enum sc_status sc_risk_proposal_open(struct sc_risk_proposal *proposal,
                                     const struct sc_opened *target,
                                     const struct sc_engine_options *engine,
                                     const struct sc_chat_options *chat, struct sc_error *error)
{
    const char *prefill = after(proposal->wanted, "prefill:");
    const char *system = after(proposal->wanted, "system:");
    proposal->words = prefill != NULL ? prefill : system;
    proposal->kind = prefill != NULL  ? SC_PROPOSAL_PREFILL
                     : system != NULL ? SC_PROPOSAL_SYSTEM
                                      : SC_PROPOSAL_MODEL;
    if (proposal->words != NULL)
        return SC_OK;
    SC_TRY(sc_opened_read(&proposal->model, proposal->wanted, error));
    SC_TRY(sc_opened_frame(&proposal->model, chat, error));
    SC_TRY(check_alike(&proposal->model, target, error));
    SC_TRY(sc_opened_start(&proposal->model, engine, error));
    const struct sc_interrupt interrupt = {engine->keep_going, engine->context};
    return sc_model_fingerprint_while(proposal->model.model, &interrupt, proposal->fingerprint,
                                      error);
}

void sc_risk_proposal_close(struct sc_risk_proposal *proposal)
{
    sc_opened_close(&proposal->model);
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* A and B with a blank line between; A may be NULL. */
static char *joined(const char *a, const char *between, const char *b)
{
    struct sc_text text = {0};
    sc_text_puts(&text, a != NULL ? a : "");
    sc_text_puts(&text, a != NULL ? between : "");
    sc_text_puts(&text, b);
    return sc_text_take(&text);
}

struct words {
    char *system, *prefill; /* NULL: none */
};

/* The system message and the beginning of the answer that the proposal's prompt has. */
static bool find_words(const struct sc_risk_proposal *proposal, const struct sc_instance *instance,
                       const char *system, struct words *words)
{
    bool more_system = proposal->kind == SC_PROPOSAL_SYSTEM;
    bool more_prefill = proposal->kind == SC_PROPOSAL_PREFILL;
    *words = (struct words){.system = more_system ? joined(system, "\n\n", proposal->words)
                                                  : sc_strdup(system),
                            .prefill = more_prefill ? joined(instance->prefill, "", proposal->words)
                                                    : sc_strdup(instance->prefill)};
    return (words->system != NULL || (!more_system && system == NULL)) &&
           (words->prefill != NULL || (!more_prefill && instance->prefill == NULL));
}

static enum sc_status encode(const struct sc_risk_proposal *proposal,
                             const struct sc_opened *target, const struct sc_instance *instance,
                             struct words *words, struct sc_message *messages,
                             struct sc_framed *framed, struct sc_error *error)
{
    const struct sc_conversation *turns = &instance->conversation;
    const char *role = sc_role_name(SC_ROLE_SYSTEM);
    bool has_system = turns->n > 0 && strcmp(turns->messages[0].role, role) == 0;
    size_t n = 0;
    if (!find_words(proposal, instance, has_system ? turns->messages[0].text : NULL, words))
        return sc_fail_nomem(error, "words of a proposal");
    if (words->system != NULL)
        messages[n++] = (struct sc_message){role, words->system};
    for (size_t i = has_system; i < turns->n; i++)
        messages[n++] = turns->messages[i];
    if (turns->n == 0)
        messages[n++] = (struct sc_message){sc_role_name(SC_ROLE_USER), instance->prompt};
    if (words->prefill != NULL)
        messages[n++] = (struct sc_message){sc_role_name(SC_ROLE_ASSISTANT), words->prefill};
    const struct sc_opened *frame = proposal->kind == SC_PROPOSAL_MODEL ? &proposal->model : target;
    return sc_chat_encode(frame->format, messages, n, framed, error);
}

/* What the prompt is to the proposal; sc_framed_free. */
static enum sc_status frame(const struct sc_risk_proposal *proposal, const struct sc_opened *target,
                            const struct sc_instance *instance, struct sc_framed *framed,
                            struct sc_error *error)
{
    struct words words = {0};
    struct sc_message *messages = sc_alloc_array(instance->conversation.n + 3, sizeof *messages);
    if (messages == NULL)
        return sc_fail_nomem(error, "messages of a prompt");
    enum sc_status status = encode(proposal, target, instance, &words, messages, framed, error);
    sc_free(words.system);
    sc_free(words.prefill);
    sc_free(messages);
    return status;
}

/* Tokens of an opening: the proposal's prompt goes on where the target's ends. */
static enum sc_status find_opening(const struct sc_risk_proposal *proposal,
                                   const struct sc_framed *target, const struct sc_framed *framed,
                                   size_t *n, struct sc_error *error)
{
    *n = 0;
    if (proposal->kind != SC_PROPOSAL_PREFILL)
        return SC_OK;
    if (framed->n <= target->n ||
        memcmp(framed->ids, target->ids, target->n * sizeof *target->ids) != 0)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "proposal: its opening does not go on where the prompt's tokens end");
    *n = framed->n - target->n;
    return SC_OK;
}

/* ---- sampling -------------------------------------------------------------------------------- */

/* framed: out, what the prompt is to the proposal. */
static enum sc_status sample(const struct sc_risk_proposal *proposal, struct sc_risk_asker *asker,
                             const struct sc_instance *instance, const struct sc_framed *target,
                             struct sc_framed *framed, struct sc_importance_shares *out,
                             struct sc_error *error)
{
    SC_TRY(frame(proposal, &asker->model, instance, framed, error));
    struct sc_risk_reader reader;
    const struct sc_reading reading = sc_risk_reading(&reader, asker, instance, target);
    bool other = proposal->kind == SC_PROPOSAL_MODEL;
    struct sc_importance_options options = {
        .model = {asker->engine, target->ids, target->n, asker->sampling},
        .proposal = {other ? proposal->model.engine : asker->engine, framed->ids, framed->n,
                     asker->sampling},
        .n_traces = proposal->n_traces,
        .own_share = SC_IMPORTANCE_OWN_SHARE,
        .max_new_tokens = sc_risk_room(asker, target),
        .end_ids = asker->model.end_ids,
        .n_end_ids = asker->model.n_end_ids,
        .seed = asker->explore.seed,
        .instance = sc_hash64(instance->id, strlen(instance->id)),
        .max_judged = asker->explore.max_judged,
        .max_bytes = asker->max_bytes,
        .stop = sc_risk_is_stopped,
        .stop_context = asker};
    SC_TRY(find_opening(proposal, target, framed, &options.n_opening, error));
    return sc_importance_sample(&options, &reading, out, error);
}

enum sc_status sc_risk_propose(const struct sc_risk_proposal *proposal, struct sc_risk_asker *asker,
                               const struct sc_instance *instance, const struct sc_framed *framed,
                               struct sc_importance_shares *out, struct sc_error *error)
{
    struct sc_framed of_proposal = {0};
    enum sc_status status = sample(proposal, asker, instance, framed, &of_proposal, out, error);
    sc_framed_free(&of_proposal);
    return status;
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void put_estimate(struct sc_json_writer *json, const struct sc_importance *of)
{
    sc_json_put_number(json, "value", of->estimate.value);
    sc_json_put_number(json, "low", of->estimate.low);
    sc_json_put_number(json, "high", of->estimate.high);
    sc_json_put_number(json, "normalised", of->normalised);
    sc_json_put_number(json, "effective_events", of->effective_events);
    sc_json_put_string(json, "reason", of->estimate.reason);
}

static void put_share(struct sc_json_writer *json, const char *key, const struct sc_importance *of)
{
    sc_json_put_object(json, key);
    put_estimate(json, of);
    sc_json_put_end_object(json);
}

/* What goes for all shares, then those of the rarer question in the object itself: harm where
 * somebody says what is harmful, else compliance. */
static void put_shares(struct sc_json_writer *json, const struct sc_importance_shares *shares)
{
    const struct sc_importance *of = shares->of;
    bool harm = shares->has_harm;
    sc_json_put_string(json, "of", harm ? "harm" : "compliance");
    put_estimate(json, &of[harm ? SC_SHARE_HARMFUL_STRICT : SC_SHARE_COMPLIANCE]);
    sc_json_put_count(json, "n", shares->n_traces);
    sc_json_put_count(json, "own", shares->n_own);
    sc_json_put_count(json, "answers", shares->n_answers);
    sc_json_put_number(json, "effective", of->effective);
    sc_json_put_number(json, "largest_weight_share", of->largest_weight_share);
    sc_json_put_number(json, "covered", of->covered);
    sc_json_put_bool(json, "gap", of->gap);
    put_share(json, "p_refuse", &of[SC_SHARE_REFUSAL]);
    put_share(json, "p_comply", &of[SC_SHARE_COMPLIANCE]);
    if (harm) {
        put_share(json, "p_harm", &of[SC_SHARE_HARMFUL_STRICT]);
        put_share(json, "p_harm_loose", &of[SC_SHARE_HARMFUL]);
        sc_json_put_count(json, "unjudged", shares->n_unjudged);
    }
}

/* A model by its name, which tells no place. */
static void put_name(struct sc_json_writer *json, const struct sc_risk_proposal *proposal)
{
    sc_json_put_string(json, "proposal",
                       proposal->kind == SC_PROPOSAL_MODEL ? proposal->model.name
                                                           : proposal->wanted);
}

void sc_risk_put_importance(struct sc_json_writer *json,
                            const struct sc_risk_importance *importance)
{
    sc_json_put_object(json, "importance");
    put_name(json, importance->proposal);
    if (importance->reason == NULL) {
        put_shares(json, &importance->shares);
    } else {
        sc_json_put_null(json, "value");
        sc_json_put_string(json, "reason", importance->reason);
    }
    sc_json_put_end_object(json);
}

void sc_risk_put_proposal(struct sc_json_writer *json, const struct sc_risk_proposal *proposal)
{
    sc_json_put_object(json, "proposal");
    put_name(json, proposal);
    if (proposal->kind == SC_PROPOSAL_MODEL) {
        sc_json_put_string(json, "fingerprint", proposal->fingerprint);
        sc_json_put_string(json, "frame", sc_chat_format_identity(proposal->model.format));
    }
    sc_json_put_count(json, "traces", proposal->n_traces);
    sc_json_put_number(json, "own_share", SC_IMPORTANCE_OWN_SHARE);
    sc_json_put_end_object(json);
}
