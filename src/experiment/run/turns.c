/* See turns.h. */
#include "experiment/run/turns.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static bool is_users(const struct sc_message *message)
{
    return strcmp(message->role, sc_role_name(SC_ROLE_USER)) == 0;
}

size_t sc_turn_count(const struct sc_instance *instance, bool multi_turn)
{
    size_t n = 0;
    for (size_t i = 0; multi_turn && i < instance->conversation.n; i++)
        n += is_users(&instance->conversation.messages[i]);
    return n > 1 ? n : 1;
}

uint64_t sc_turn_key(const char *id, size_t turn)
{
    uint64_t key = sc_hash64(id, strlen(id));
    unsigned char named[16];
    if (turn == 0)
        return key;
    for (int b = 0; b < 8; b++) {
        named[b] = (unsigned char)(key >> (8 * b));
        named[8 + b] = (unsigned char)((uint64_t)turn >> (8 * b));
    }
    return sc_hash64(named, sizeof named);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static struct sc_message of_assistant(const char *text)
{
    return (struct sc_message){sc_role_name(SC_ROLE_ASSISTANT), text};
}

/* All that is sent; messages has room for the conversation, an answer behind each turn and a
 * prefill.  Returns how many there are. */
static size_t list_messages(const struct sc_turn *turn, struct sc_message *messages)
{
    const struct sc_instance *instance = turn->instance;
    const struct sc_conversation *conversation = &instance->conversation;
    size_t n_turns = sc_turn_count(instance, turn->multi_turn), n_asked = 0, n = 0;
    if (conversation->n == 0)
        messages[n++] = (struct sc_message){sc_role_name(SC_ROLE_USER), instance->prompt};
    for (size_t i = 0; i < conversation->n; i++) {
        messages[n++] = conversation->messages[i];
        if (n_turns == 1 || !is_users(&conversation->messages[i]))
            continue;
        if (n_asked++ == turn->n_answers)
            break;
        messages[n++] = of_assistant(turn->answers[n_asked - 1].answer);
    }
    if (instance->prefill != NULL && turn->n_answers + 1 == n_turns)
        messages[n++] = of_assistant(instance->prefill);
    return n;
}

enum sc_status sc_turn_prepare(const struct sc_source *source, const struct sc_turn *turn,
                               void **handle, struct sc_error *error)
{
    assert(turn->n_answers < sc_turn_count(turn->instance, turn->multi_turn));
    *handle = NULL;
    size_t most = 2 * turn->instance->conversation.n + 2;
    struct sc_message *messages = sc_alloc_array(most, sizeof *messages);
    if (messages == NULL)
        return sc_fail_nomem(error, "messages of a prompt");
    size_t n = list_messages(turn, messages);
    enum sc_status status = source->functions->prepare(source->context, messages, n, handle, error);
    sc_free(messages);
    return status;
}

enum sc_status sc_turn_foresee(const struct sc_source *source, const struct sc_instance *instance,
                               struct sc_error *error)
{
    size_t n = sc_turn_count(instance, true) - 1;
    struct sc_error why = {0};
    void *handle = NULL;
    if (n == 0)
        return SC_OK;
    struct sc_run_trace *nothing = sc_alloc_zero(n, sizeof *nothing);
    if (nothing == NULL)
        return sc_fail_nomem(error, "turns of a prompt");
    static char empty[] = "";
    for (size_t i = 0; i < n; i++)
        nothing[i].answer = empty;
    const struct sc_turn last = {instance, true, nothing, n};
    enum sc_status status = sc_turn_prepare(source, &last, &handle, &why);
    sc_free(nothing);
    sc_source_drop(source, handle);
    if (status == SC_ERR_NOMEM || status == SC_ERR_INTERRUPTED)
        return sc_fail(error, status, "%s", why.text);
    return SC_OK;
}

/* ---- the answers so far ---------------------------------------------------------------------- */

static void drop_prompt(struct sc_chain *chain, const struct sc_source *source)
{
    sc_source_drop(source, chain->handle);
    chain->handle = NULL;
}

enum sc_status sc_chain_add(struct sc_chain *chain, const struct sc_source *source,
                            struct sc_run_trace *answer, struct sc_error *error)
{
    if (sc_grow((void **)&chain->turns, chain->n, &chain->cap, sizeof *chain->turns) != 0)
        return sc_fail_nomem(error, "turns of a trace");
    chain->turns[chain->n++] = *answer;
    *answer = (struct sc_run_trace){0};
    drop_prompt(chain, source);
    return SC_OK;
}

void sc_chain_give(struct sc_chain *chain, struct sc_run_trace *trace)
{
    assert(trace->turns == NULL);
    trace->turns = chain->turns;
    trace->n_turns = chain->n;
    trace->cap_turns = chain->cap;
    chain->turns = NULL;
    chain->n = chain->cap = 0;
}

void sc_chain_drop(struct sc_chain *chain, const struct sc_source *source)
{
    for (size_t i = 0; i < chain->n; i++)
        sc_run_trace_free(&chain->turns[i]);
    sc_free(chain->turns);
    drop_prompt(chain, source);
    *chain = (struct sc_chain){0};
}
