/*
 * What a server is, and what its log-probabilities mean, found out by asking before anything is
 * sampled: identity.h what it says of itself, trial.h what is asked, rule.h what is concluded.
 * docs/SERVERS.md counts the requests.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "source/server/fields.h"
#include "source/server/identity.h"
#include "source/server/listed.h"
#include "source/server/meaning.h"
#include "vocabulary/reasoning.h"

enum {
    SEED = 20260731,
    ANSWER_TOKENS = 16, /* of the answers that are to be alike */
    N_SEEDED = 4,       /* of them */
    IDS_TRIES = 3,
    ASKED_AGAIN = 6 /* answers that ended at once */
};

struct probing {
    struct sc_trials trials;
    struct sc_remote *remote;
    const struct sc_source_wish *wish;
    struct sc_server_facts *facts;
    json_t *template_args;  /* before any refusal */
    size_t n_top;           /* log-probabilities to ask for */
    struct sc_answer first; /* to context 0 in the form that the server takes */
    size_t n_again;         /* see trial.h */
    bool told;              /* an answer told how many log-probabilities there are */
};

static const char *url_of(const struct probing *p)
{
    return sc_remote_url(p->remote, 1);
}

static enum sc_status remark(struct probing *p, struct sc_error *error)
{
    return p->facts->remarks.failed ? sc_fail_nomem(error, "remarks on a server") : SC_OK;
}

static enum sc_status copy(const char *word, char **out, struct sc_error *error)
{
    sc_free(*out);
    *out = word != NULL ? sc_strdup(word) : NULL;
    return word == NULL || *out != NULL ? SC_OK : sc_fail_nomem(error, "what a server is");
}

/* ---- the model ------------------------------------------------------------------------------- */

static enum sc_status check_model(struct probing *p, const struct sc_identity *identity,
                                  size_t server, struct sc_error *error)
{
    const char *wanted = p->trials.model, *url = sc_remote_url(p->remote, server);
    if (wanted == NULL && !identity->lists)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "model: %s does not list its models: expected --model with its name for one",
                       url);
    if (wanted == NULL && identity->only == NULL)
        return sc_fail(
            error, SC_ERR_ARGUMENT,
            "model: expected the name of one of the %zu models of %s (%s), found nothing",
            identity->n_models, url, identity->names.data);
    if (wanted == NULL || !identity->lists || identity->has_model)
        return SC_OK;
    if (identity->n_models <= SC_SERVER_MOST_LISTED)
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected one that %s has (%s), found \"%s\"",
                       url, identity->names.data, wanted);
    sc_text_puts(&p->facts->remarks,
                 "the model is not among those that the server lists; it was asked all the same\n");
    return remark(p, error);
}

static enum sc_status take_identity(struct probing *p, struct sc_identity *identity,
                                    struct sc_error *error)
{
    struct sc_server_facts *facts = p->facts;
    facts->software = identity->software;
    facts->revision = identity->revision;
    facts->context = identity->context;
    identity->software = identity->revision = NULL;
    if (p->trials.model == NULL)
        SC_TRY(copy(identity->only, &facts->name, error));
    else
        SC_TRY(copy(p->trials.model, &facts->name, error));
    p->trials.model = facts->name;
    p->trials.software = facts->software;
    return SC_OK;
}

/* The other servers are to be what the first one is. */
static enum sc_status match_identity(struct probing *p, const struct sc_identity *identity,
                                     size_t server, struct sc_error *error)
{
    const char *one = p->facts->software, *other = identity->software;
    if ((one == NULL) == (other == NULL) && (one == NULL || strcmp(one, other) == 0))
        return SC_OK;
    return sc_fail(error, SC_ERR_CONFLICT, "%s: expected %s like %s, found %s",
                   sc_remote_url(p->remote, server), one != NULL ? one : "unnamed software",
                   url_of(p), other != NULL ? other : "unnamed software");
}

static enum sc_status take_server(struct probing *p, struct sc_identity *identity, size_t server,
                                  struct sc_error *error)
{
    SC_TRY(check_model(p, identity, server, error));
    return server == 1 ? take_identity(p, identity, error)
                       : match_identity(p, identity, server, error);
}

static enum sc_status identify(struct probing *p, size_t server, struct sc_error *error)
{
    struct sc_identity identity;
    SC_TRY(sc_identity_ask(p->remote, server, p->trials.model, &identity, error));
    enum sc_status status = take_server(p, &identity, server, error);
    sc_identity_free(&identity);
    return status;
}

/* ---- the form of a request ------------------------------------------------------------------- */

/* What may help where the server has no such path. */
static const char *advice_on_path(const struct probing *p)
{
    const char *url = url_of(p);
    size_t n = strlen(url);
    if (n < 3 || strcmp(url + n - 3, "/v1") != 0)
        return "; the bases of most servers end in /v1";
    return p->trials.probe->endpoint == SC_ENDPOINT_CHAT
               ? "; a server of completions alone needs --tokenizer"
               : "";
}

static enum sc_status fail_refused(const struct probing *p, const struct sc_answer *answer,
                                   struct sc_error *error)
{
    if (answer->http_status == 404 || answer->http_status == 405)
        return sc_fail(error, SC_ERR_IO, "%s: no answer from %s for the model \"%s\": %s%s",
                       url_of(p), sc_endpoint_path(p->trials.probe->endpoint), p->trials.model,
                       answer->words, advice_on_path(p));
    return sc_fail(error, SC_ERR_IO, "%s: %s", url_of(p), answer->words);
}

static struct sc_trial plain_trial(const struct probing *p, size_t context, double temperature)
{
    return (struct sc_trial){
        .context = context, .temperature = temperature, .n_top = p->n_top, .max_tokens = 1};
}

/* Whether a field that nobody asked for was refused; it is then left out from here on. */
static bool leave_out(struct probing *p)
{
    const struct sc_answer *answer = &p->first;
    const struct sc_chat_options *chat = &p->trials.probe->options->chat;
    struct sc_trials *trials = &p->trials;
    if (answer->outcome != SC_REMOTE_REFUSED)
        return false;
    if (!trials->completion_tokens && trials->probe->endpoint == SC_ENDPOINT_CHAT &&
        strstr(answer->words, "max_completion_tokens") != NULL)
        return trials->completion_tokens = true;
    if (!trials->plain &&
        (strstr(answer->words, "temperature") != NULL || strstr(answer->words, "top_p") != NULL))
        return trials->plain = true;
    bool asked = p->wish->thinking || chat->n_template_args > 0;
    if (trials->template_args == NULL || asked || strstr(answer->words, "template") == NULL)
        return false;
    trials->template_args = NULL;
    sc_text_puts(&p->facts->remarks, "the server takes nothing for its chat template\n");
    return true;
}

/* Asks for a token of context 0 with so many log-probabilities; whether the server took it.  Some
 * say that they fail (500) where they do not take something, and do so every time. */
static enum sc_status try_form(struct probing *p, size_t n_top, bool *taken, struct sc_error *error)
{
    p->n_top = n_top;
    struct sc_trial trial = plain_trial(p, 0, 1);
    trial.most_tries = p->trials.ids ? IDS_TRIES : 0;
    do {
        sc_answer_free(&p->first);
        SC_TRY(sc_trial_ask(&p->trials, &trial, &p->first, error));
    } while (leave_out(p));
    SC_TRY(remark(p, error));
    *taken = p->first.outcome == SC_REMOTE_ANSWERED;
    bool silent = p->first.outcome == SC_REMOTE_FAILED && p->first.http_status < 500;
    if (silent || p->first.http_status == 401)
        return sc_fail(error, SC_ERR_IO, "%s: %s", url_of(p), p->first.words);
    return SC_OK;
}

/* The largest number below `below` that a server names in its refusal, or 0. */
static size_t number_in(const char *words, size_t below)
{
    size_t best = 0;
    for (const char *c = words; *c != '\0';) {
        if (!isdigit((unsigned char)*c)) {
            c++;
            continue;
        }
        char *end;
        unsigned long long value = strtoull(c, &end, 10);
        if (value < below && value > best)
            best = (size_t)value;
        c = end;
    }
    return best;
}

/* Log-probabilities in the number that is wanted were refused: asks for as many as the words allow,
 * or for the usual limits. */
static enum sc_status try_fewer(struct probing *p, const char *words, size_t wanted,
                                struct sc_error *error)
{
    const size_t numbers[] = {number_in(words, wanted), 20, 10, 5, 1};
    bool taken = false;
    for (size_t i = 0; !taken && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] > 0 && numbers[i] < wanted)
            SC_TRY(try_form(p, numbers[i], &taken, error));
    return taken ? SC_OK : try_form(p, 0, &taken, error);
}

/* Ids that were read as such are counted as such; where nothing is counted, they were taken. */
static bool counts_ids(const struct probing *p)
{
    size_t counted = p->first.completion.n_prompt_tokens;
    return counted == 0 || counted == p->trials.probe->n_ids;
}

static enum sc_status find_form(struct probing *p, struct sc_error *error)
{
    const size_t wanted = p->wish->confidence_top_k;
    bool taken = false;
    p->trials.ids = p->trials.probe->ids != NULL;
    SC_TRY(try_form(p, wanted, &taken, error));
    if (p->trials.ids && taken && !counts_ids(p)) {
        p->trials.ids = false;
        SC_TRY(try_form(p, wanted, &taken, error));
    }
    if (taken)
        return SC_OK;
    char words[sizeof p->first.words];
    memcpy(words, p->first.words, sizeof words);
    /* Was it the log-probabilities?  A 500 for ids took several tries, and text is likelier. */
    if (!p->trials.ids || p->first.http_status != 500)
        SC_TRY(try_form(p, 0, &taken, error));
    if (!taken && p->trials.ids) {
        p->trials.ids = false;
        SC_TRY(try_form(p, wanted, &taken, error));
        if (taken)
            return SC_OK;
        memcpy(words, p->first.words, sizeof words);
        SC_TRY(try_form(p, 0, &taken, error));
    }
    return taken ? try_fewer(p, words, wanted, error) : fail_refused(p, &p->first, error);
}

static enum sc_status take_echo(struct probing *p, struct sc_error *error)
{
    const json_t *root = p->first.root;
    const char *model = json_string_value(json_object_get(root, "model"));
    SC_TRY(copy(model != NULL && *model ? model : p->facts->name, &p->facts->model, error));
    p->facts->takes_ids = p->trials.ids;
    p->facts->completion_tokens = p->trials.completion_tokens;
    p->facts->template_args = json_incref(p->trials.template_args);
    if (p->trials.probe->ids != NULL && !p->trials.ids)
        sc_text_puts(&p->facts->remarks,
                     "the server takes no token ids: prompts are sent as text\n");
    return copy(json_string_value(json_object_get(root, "system_fingerprint")),
                &p->facts->system_fingerprint, error);
}

/* A tokenizer of another model frames prompts that this one cannot read, and ids hide it: how many
 * tokens the server makes of the text tells.  A few more or less are the ends of a text. */
static enum sc_status compare_counts(struct probing *p, struct sc_error *error)
{
    const size_t tolerance = 2;
    const struct sc_server_probe *probe = p->trials.probe;
    size_t ours = probe->n_ids, theirs = p->first.completion.n_prompt_tokens;
    if (probe->ids == NULL || probe->text == NULL)
        return SC_OK;
    if (p->trials.ids) {
        struct sc_trials trials = p->trials;
        struct sc_trial trial = plain_trial(p, 0, 1);
        struct sc_answer answer;
        trials.ids = false;
        trial.n_top = 0;
        SC_TRY(sc_trial_ask(&trials, &trial, &answer, error));
        theirs = answer.completion.n_prompt_tokens;
        sc_answer_free(&answer);
    }
    if (theirs == 0 || (theirs <= ours + tolerance && ours <= theirs + tolerance))
        return SC_OK;
    sc_text_printf(&p->facts->remarks,
                   "the server counts %zu tokens in a text of which the tokenizer here makes %zu: "
                   "is --tokenizer the served model's?\n",
                   theirs, ours);
    return remark(p, error);
}

/* ---- whether answers come again -------------------------------------------------------------- */

static enum sc_status remark_on_listed(struct probing *p, struct sc_error *error)
{
    size_t given = p->facts->top_k, wanted = p->wish->confidence_top_k;
    if (given == 0)
        sc_text_puts(&p->facts->remarks,
                     "the server gives no log-probabilities: there are no confidences\n");
    else if (given < wanted)
        sc_text_printf(&p->facts->remarks,
                       "the server gives the %zu likeliest token%s of the %zu that a confidence is "
                       "to look at%s\n",
                       given, given == 1 ? "" : "s", wanted,
                       sc_trials_with(&p->trials, "vllm")
                           ? "; vLLM gives as many as --max-logprobs says"
                           : "");
    return remark(p, error);
}

static void take_listed(struct probing *p, const struct sc_answer *answer)
{
    if (sc_trial_ended(answer))
        return;
    p->told = true;
    if (answer->completion.n_listed > 0)
        p->facts->top_k = sc_listed_count(&answer->completion, p->n_top);
    p->facts->gives_end = sc_listed_end(answer);
    p->facts->gives_ids = sc_listed_ids(answer);
}

static const json_t *said_in(const struct sc_answer *answer, const char *key)
{
    const json_t *choice = json_array_get(json_object_get(answer->root, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    return json_object_get(message != NULL ? message : choice, key);
}

/* Whether two answers say the same, reasoning included. */
static bool are_alike(const struct sc_answer *a, const struct sc_answer *b)
{
    static const char *const keys[] = {"content", "reasoning_content", "reasoning", "text"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *one = said_in(a, keys[i]), *other = said_in(b, keys[i]);
        if (one != other && json_equal(one, other) != 1)
            return false;
    }
    return true;
}

static enum sc_status ask_seeded(struct probing *p, uint32_t seed, struct sc_answer *answer,
                                 struct sc_error *error)
{
    const struct sc_trial trial = {.sampling = SC_TRIAL_OWN,
                                   .n_top = p->n_top,
                                   .max_tokens = ANSWER_TOKENS,
                                   .seeded = true,
                                   .seed = seed,
                                   .token_ids = sc_trials_with(&p->trials, "vllm") ||
                                                sc_trials_with(&p->trials, "safeconf")};
    return sc_trial_ask(&p->trials, &trial, answer, error);
}

/* Whether an answer reasons, as far as its beginning shows. */
static bool reasons(const struct sc_answer *answer)
{
    static const char *const keys[] = {"reasoning_content", "reasoning"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_string_length(said_in(answer, keys[i])) > 0)
            return true;
    const char *text = answer->completion.text != NULL ? answer->completion.text : "";
    text += strspn(text, " \t\r\n");
    return strncmp(text, SC_REASONING_OPENS, strlen(SC_REASONING_OPENS)) == 0;
}

static enum sc_status remark_on_reasoning(struct probing *p, const struct sc_answer *answer,
                                          struct sc_error *error)
{
    if (p->wish->thinking || p->trials.probe->endpoint != SC_ENDPOINT_CHAT ||
        !(reasons(answer) || reasons(&p->first)))
        return SC_OK;
    sc_text_printf(&p->facts->remarks, "answers come with reasoning, which was not asked for%s\n",
                   p->trials.template_args == NULL
                       ? ": --template-arg enable_thinking=false asks for none, where the server "
                         "and its template know that"
                       : "");
    return remark(p, error);
}

/* A request with a seed was refused: because of the seed, or of the run's sampling? */
static enum sc_status explain_refusal(struct probing *p, struct sc_error *error)
{
    const struct sc_trial trial = {
        .sampling = SC_TRIAL_OWN, .n_top = p->n_top, .max_tokens = ANSWER_TOKENS};
    struct sc_answer answer;
    SC_TRY(sc_trial_ask(&p->trials, &trial, &answer, error));
    bool taken = answer.outcome == SC_REMOTE_ANSWERED;
    if (taken)
        take_listed(p, &answer);
    else
        sc_fail(error, SC_ERR_UNSUPPORTED, "%s: the server does not take this run's sampling: %s",
                url_of(p), answer.words);
    sc_answer_free(&answer);
    if (!taken)
        return SC_ERR_UNSUPPORTED;
    sc_text_puts(&p->facts->remarks, "the server takes no seed\n");
    return remark(p, error);
}

/* The same request twice, and where that gave the same answer once more with another seed: if that
 * changes nothing either, the answers were alike for another reason.  Short ones may be alike by
 * chance, and so the other seed's is to come again as well. */
static enum sc_status compare_seeded(struct probing *p, struct sc_answer answers[N_SEEDED],
                                     struct sc_error *error)
{
    struct sc_server_facts *facts = p->facts;
    SC_TRY(ask_seeded(p, SEED, &answers[0], error));
    if (answers[0].outcome == SC_REMOTE_FAILED)
        return sc_fail(error, SC_ERR_IO, "%s: %s", url_of(p), answers[0].words);
    facts->takes_seed = answers[0].outcome == SC_REMOTE_ANSWERED;
    if (!facts->takes_seed)
        return explain_refusal(p, error);
    take_listed(p, &answers[0]);
    SC_TRY(ask_seeded(p, SEED, &answers[1], error));
    if (answers[1].outcome != SC_REMOTE_ANSWERED)
        return SC_OK;
    if (!are_alike(&answers[0], &answers[1])) {
        facts->reproducible = SC_REPRODUCIBLE_NO;
        return SC_OK;
    }
    facts->reproducible = SC_REPRODUCIBLE_YES;
    if (p->wish->sampling.temperature == 0)
        return SC_OK;
    SC_TRY(ask_seeded(p, SEED + 1, &answers[2], error));
    if (answers[2].outcome != SC_REMOTE_ANSWERED)
        return SC_OK;
    if (are_alike(&answers[0], &answers[2])) {
        facts->reproducible = SC_REPRODUCIBLE_UNKNOWN;
        return SC_OK;
    }
    if (answers[0].completion.cut)
        return SC_OK;
    SC_TRY(ask_seeded(p, SEED + 1, &answers[3], error));
    if (answers[3].outcome == SC_REMOTE_ANSWERED && !are_alike(&answers[2], &answers[3]))
        facts->reproducible = SC_REPRODUCIBLE_NO;
    return SC_OK;
}

static enum sc_status try_again(struct probing *p, struct sc_error *error)
{
    struct sc_answer answers[N_SEEDED] = {{0}};
    enum sc_status status = compare_seeded(p, answers, error);
    if (status == SC_OK)
        status = remark_on_reasoning(p, &answers[0], error);
    for (size_t i = 0; i < N_SEEDED; i++)
        sc_answer_free(&answers[i]);
    return status;
}

static enum sc_status try_stream(struct probing *p, struct sc_error *error)
{
    struct sc_trial trial = plain_trial(p, 0, 1);
    struct sc_answer answer;
    trial.stream = true;
    SC_TRY(sc_trial_ask(&p->trials, &trial, &answer, error));
    p->facts->streams = answer.outcome == SC_REMOTE_ANSWERED && answer.n_events > 0;
    sc_answer_free(&answer);
    return SC_OK;
}

/* ---- several servers ------------------------------------------------------------------------- */

static bool tells(const struct sc_answer *answer)
{
    return answer->outcome == SC_REMOTE_ANSWERED && !sc_trial_ended(answer);
}

/* Another server lists what the first one lists: the same name may stand for other weights.
 * *told: whether that could be seen, which is not so where one of the answers ended at once. */
static enum sc_status match_answers(const struct probing *p, const struct sc_answer *one,
                                    const struct sc_answer *other, size_t server, bool *told,
                                    struct sc_error *error)
{
    const struct sc_rule_list lists[] = {sc_trial_list(one), sc_trial_list(other)};
    const char *url = sc_remote_url(p->remote, server);
    enum sc_rule_change change;
    if (other->outcome != SC_REMOTE_ANSWERED)
        return sc_fail(error, SC_ERR_IO, "%s: %s", url, other->words);
    *told = tells(one) && tells(other);
    if (!*told)
        return SC_OK;
    SC_TRY(sc_rule_compare(&lists[0], &lists[1], &change, error));
    if (change == SC_RULE_SAME || (lists[0].n == 0 && lists[1].n == 0))
        return SC_OK;
    return sc_fail(
        error, SC_ERR_CONFLICT,
        "%s: expected the log-probabilities of %s for the same prompt, found others: the "
        "servers of a run are to be alike",
        url, url_of(p));
}

static enum sc_status try_match(const struct probing *p, size_t context, size_t server,
                                struct sc_answer answers[2], bool *told, struct sc_error *error)
{
    struct sc_trial trial = plain_trial(p, context, 1);
    if (context > 0)
        SC_TRY(sc_trial_ask(&p->trials, &trial, &answers[0], error));
    trial.server = server;
    SC_TRY(sc_trial_ask(&p->trials, &trial, &answers[1], error));
    return match_answers(p, context > 0 ? &answers[0] : &p->first, &answers[1], server, told,
                         error);
}

static enum sc_status match_in(const struct probing *p, size_t context, size_t server, bool *told,
                               struct sc_error *error)
{
    struct sc_answer answers[2] = {{0}};
    enum sc_status status = try_match(p, context, server, answers, told, error);
    sc_answer_free(&answers[0]);
    sc_answer_free(&answers[1]);
    return status;
}

static enum sc_status match_server(const struct probing *p, size_t server, struct sc_error *error)
{
    bool told = false;
    for (size_t context = 0; context < SC_TRIAL_CONTEXTS && !told; context++)
        SC_TRY(match_in(p, context, server, &told, error));
    return SC_OK;
}

/* ---- all together ---------------------------------------------------------------------------- */

/* Of a server that gives none nothing is found, whatever the chosen tokens that it lists agree
 * in: how many it gives is to be known before. */
static enum sc_status find_meaning(struct probing *p, struct sc_error *error)
{
    const struct sc_meaning meaning = {
        .trials = &p->trials, .n_top = p->n_top, .first = &p->first, .facts = p->facts};
    const bool none = p->n_top == 0 || (p->told && p->facts->top_k == 0);
    return none ? SC_OK : sc_meaning_find(&meaning, error);
}

static enum sc_status run(struct probing *p, struct sc_error *error)
{
    const size_t n = p->facts->n_servers;
    for (size_t server = 1; server <= n; server++)
        SC_TRY(identify(p, server, error));
    if (p->facts->endpoint == SC_ENDPOINT_CHAT)
        SC_TRY(sc_fields_template_args(&p->trials.probe->options->chat, p->wish->thinking,
                                       p->facts->software, &p->template_args, error));
    p->trials.template_args = p->template_args;
    SC_TRY(find_form(p, error));
    SC_TRY(take_echo(p, error));
    SC_TRY(compare_counts(p, error));
    take_listed(p, &p->first);
    SC_TRY(try_again(p, error));
    SC_TRY(find_meaning(p, error));
    SC_TRY(remark_on_listed(p, error));
    SC_TRY(try_stream(p, error));
    for (size_t server = 2; server <= n; server++)
        SC_TRY(match_server(p, server, error));
    return SC_OK;
}

enum sc_status sc_server_probe_run(const struct sc_server_probe *probe, struct sc_server_facts *out,
                                   struct sc_error *error)
{
    assert(probe->wish->confidence_top_k > 0);
    *out = (struct sc_server_facts){.endpoint = probe->endpoint,
                                    .logprobs = SC_LOGPROBS_UNKNOWN,
                                    .reproducible = SC_REPRODUCIBLE_UNKNOWN,
                                    .n_servers = probe->options->n_urls};
    struct probing p = {.trials = {.probe = probe, .model = probe->options->model},
                        .remote = probe->remote,
                        .wish = probe->wish,
                        .facts = out,
                        .n_again = ASKED_AGAIN};
    p.trials.n_again = &p.n_again;
    enum sc_status status = run(&p, error);
    sc_answer_free(&p.first);
    json_decref(p.template_args);
    if (status != SC_OK)
        sc_server_facts_free(out);
    return status;
}

void sc_server_facts_free(struct sc_server_facts *facts)
{
    sc_free(facts->name);
    sc_free(facts->model);
    sc_free(facts->software);
    sc_free(facts->revision);
    sc_free(facts->system_fingerprint);
    json_decref(facts->template_args);
    sc_text_free(&facts->remarks);
    *facts = (struct sc_server_facts){0};
}
