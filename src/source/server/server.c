/*
 * A server as a source of traces: its table of functions, what it says of itself, and prompts.
 *
 * With a tokenizer at hand prompts are framed here and go to /completions, as ids where the server
 * takes them; without, messages go to /chat/completions and the server frames them.  What it is and
 * what its numbers mean is found out first (probe.c).  Next: sampling.c (requests in flight),
 * answer.c (what comes back), framing.c.
 */
#include "source/server/server.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/text.h"
#include "source/server/fields.h"
#include "source/server/served.h"
#include "vocabulary/sampling.h"

/* Servers whose further fields are known. */
static bool is_software(const struct sc_served *served, const char *name)
{
    return sc_software_is(served->facts.software, name);
}

/* Our own server takes the fields that vLLM adds. */
static bool is_like_vllm(const struct sc_served *served)
{
    return is_software(served, "vllm") || is_software(served, "safeconf");
}

static bool is_sglang(const struct sc_served *served)
{
    return is_software(served, "sglang");
}

static bool has_tokenizer(const struct sc_served *served)
{
    return served->framing.tokenizer != NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum sc_status open_framing(struct sc_served *served, struct sc_error *error)
{
    if (served->options.tokenizer == NULL) {
        if (served->wish.special)
            return sc_fail(error, SC_ERR_UNSUPPORTED,
                           "special: a server frames messages itself: expected --tokenizer with "
                           "it, so that prompts are framed here");
        return SC_OK;
    }
    struct sc_chat_options chat = served->options.chat;
    chat.thinking = served->wish.thinking;
    chat.special = served->wish.special;
    return sc_server_framing_open(&served->framing, served->options.tokenizer, &chat, error);
}

/* Room for every token with its candidates in the longer of the two shapes, within reason. */
static size_t most_bytes(const struct sc_served *served)
{
    const size_t most = (size_t)1 << 30;
    size_t tokens = sc_size_mul(served->wish.max_new_tokens, served->options.n_choices);
    size_t wanted = sc_size_add((size_t)1 << 20,
                                sc_size_mul(tokens, 800 + 400 * served->wish.confidence_top_k));
    return wanted < most ? wanted : most;
}

/* The second client asks, while the first one samples, whether a server is still what it was. */
static enum sc_status open_remotes(struct sc_served *served, struct sc_error *error)
{
    const struct sc_server_options *options = &served->options;
    struct sc_remote_options remote = sc_remote_options_default();
    remote.urls = options->urls;
    remote.n_urls = options->n_urls;
    remote.key = options->key;
    remote.parallel = options->parallel;
    remote.timeout = options->timeout;
    remote.stall_timeout = fmin(remote.stall_timeout, options->timeout);
    remote.most_failures = options->most_failures;
    remote.max_response = most_bytes(served);
    remote.seed = served->wish.seed;
    remote.keep_going = options->keep_going;
    remote.context = options->context;
    SC_TRY(sc_remote_open(&served->remote, &remote, error));
    remote.parallel = 1;
    remote.n_retries = 0;
    remote.connect_timeout = 2;
    remote.timeout = remote.stall_timeout = 5;
    return sc_remote_open(&served->watch, &remote, error);
}

/* ---- what is asked --------------------------------------------------------------------------- */

/* The wish; where it leaves something open what the model's makers advise, if their file is at
 * hand; else nobody knows. */
static void resolve_sampling(struct sc_served *served)
{
    const struct sc_sampling unknown = sc_sampling_open();
    served->sampling = sc_sampling_settle(
        &served->wish.sampling, has_tokenizer(served) ? &served->framing.sampling : &unknown);
}

/* A prompt in the form in which prompts will be sent, with the sampling that they will get. */
static enum sc_status probe(struct sc_served *served, struct sc_error *error)
{
    const struct sc_message hello = {"user", "What is the capital of France, and why?"};
    struct sc_framed framed = {0};
    struct sc_source_wish wish = served->wish;
    wish.sampling = served->sampling;
    struct sc_server_probe asked = {.remote = served->remote,
                                    .options = &served->options,
                                    .wish = &wish,
                                    .endpoint = SC_ENDPOINT_CHAT,
                                    .text = hello.text};
    if (has_tokenizer(served)) {
        SC_TRY(sc_chat_encode(served->framing.format, &hello, 1, &framed, error));
        asked.endpoint = SC_ENDPOINT_COMPLETION;
        asked.text = framed.text;
        asked.ids = framed.ids;
        asked.n_ids = framed.n;
    }
    enum sc_status status = sc_server_probe_run(&asked, &served->facts, error);
    sc_framed_free(&framed);
    return status;
}

/* Whether what is asked for leaves the model's own distribution as it is. */
static bool leaves_distribution(const struct sc_sampling *sampling)
{
    return sampling->temperature == 1 && sampling->top_p == 1 && sampling->top_k == 0 &&
           sampling->min_p == 0 &&
           (sampling->repetition_penalty == 0 || sampling->repetition_penalty == 1);
}

/* Puts a value into the object, which takes it; false: out of memory. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

/* Fields of a chat: variables of its template, and the other name of the limit, which is the same
 * for all prompts. */
static bool put_chat_fields(const struct sc_served *served, json_t *more)
{
    const struct sc_server_facts *facts = &served->facts;
    if (facts->template_args != NULL &&
        json_object_set(more, "chat_template_kwargs", facts->template_args) != 0)
        return false;
    json_int_t limit = (json_int_t)served->wish.max_new_tokens;
    return !facts->completion_tokens || (put(more, "max_tokens", json_null()) &&
                                         put(more, "max_completion_tokens", json_integer(limit)));
}

/* Fields of servers that take ids or texts of ours: what ends an answer as in this process, and
 * nothing put around a text. */
static bool put_completion_fields(const struct sc_served *served, json_t *more)
{
    bool made = true;
    if (is_like_vllm(served) || is_sglang(served)) {
        json_t *ends = json_array();
        made = put(more, "stop_token_ids", ends);
        for (size_t i = 0; made && i < served->framing.n_end_ids; i++)
            made = json_array_append_new(ends, json_integer(served->framing.end_ids[i])) == 0;
    }
    if (made && is_like_vllm(served))
        made = put(more, "add_special_tokens", json_false());
    /* Two tokens of one text would be one candidate. */
    if (made && is_like_vllm(served) && served->facts.top_k > 0)
        made = put(more, "return_tokens_as_token_ids", json_true());
    if (made && served->facts.gives_ids)
        made = put(more, "return_token_ids", json_true());
    return made;
}

/* Fields of every request; `begun`: of those whose answer is begun by the last message. */
static enum sc_status make_fields(const struct sc_served *served, bool begun, json_t **out,
                                  struct sc_error *error)
{
    json_t *more = *out = json_object();
    /* A null leaves a field out. */
    if (more == NULL || !sc_fields_put_filters(more, &served->sampling, served->facts.software) ||
        (!served->facts.takes_seed && !put(more, "seed", json_null())) ||
        !(has_tokenizer(served) ? put_completion_fields(served, more)
                                : put_chat_fields(served, more)) ||
        (begun && (!put(more, "continue_final_message", json_true()) ||
                   !put(more, "add_generation_prompt", json_false()))))
        return sc_fail_nomem(error, "a request to a server");
    return SC_OK;
}

/* ---- describing ------------------------------------------------------------------------------ */

static enum sc_status check_limit(const struct sc_served *served, struct sc_error *error)
{
    const struct sc_source_wish *wish = &served->wish;
    size_t context = served->facts.context;
    if (context > 0 && wish->max_new_tokens >= context && !wish->limit_is_default)
        return sc_fail(error, SC_ERR_LIMIT,
                       "max-new-tokens: expected less than the model's context of %zu, found %zu",
                       context, wish->max_new_tokens);
    return SC_OK;
}

/* Whether the template is told so without being asked to. */
static bool is_told_not_to_think(const struct sc_served *served)
{
    const struct sc_chat_options *chat = &served->options.chat;
    static const char name[] = "enable_thinking=";
    for (size_t i = 0; i < chat->n_template_args; i++)
        if (strncmp(chat->template_args[i], name, sizeof name - 1) == 0)
            return false;
    return json_is_false(json_object_get(served->facts.template_args, "enable_thinking"));
}

/* What the frame follows from: whoever makes it. */
static enum sc_status find_frame(struct sc_served *served, struct sc_error *error)
{
    if (has_tokenizer(served)) {
        const char *identity = sc_chat_format_identity(served->framing.format);
        served->frame = sc_strdup(identity);
        return served->frame != NULL || identity == NULL ? SC_OK
                                                         : sc_fail_nomem(error, "frame of prompts");
    }
    struct sc_text frame = {0};
    sc_text_puts(&frame, "the server's");
    if (is_told_not_to_think(served))
        sc_text_puts(&frame, ", enable_thinking=false");
    for (size_t i = 0; i < served->options.chat.n_template_args; i++)
        sc_text_printf(&frame, ", %s", served->options.chat.template_args[i]);
    served->frame = sc_text_take(&frame);
    return served->frame != NULL ? SC_OK : sc_fail_nomem(error, "frame of prompts");
}

static enum sc_status find_remarks(struct sc_served *served, struct sc_error *error)
{
    struct sc_text *remarks = &served->remarks;
    sc_text_printf(remarks, "prompts go to %s%s\n", sc_endpoint_path(served->facts.endpoint),
                   is_told_not_to_think(served) ? ", framed by the server without reasoning"
                   : !has_tokenizer(served)     ? ", framed by the server"
                   : served->facts.takes_ids    ? " as token ids, framed here"
                                                : " as text, framed here");
    if (has_tokenizer(served) && served->framing.remarks.len > 0)
        sc_text_puts(remarks, served->framing.remarks.data);
    if (served->facts.remarks.len > 0)
        sc_text_puts(remarks, served->facts.remarks.data);
    return remarks->failed ? sc_fail_nomem(error, "remarks on the server") : SC_OK;
}

static unsigned figures_of(const struct sc_server_rules *rules)
{
    unsigned figures = 0;
    if (rules->k == 0)
        return 0;
    bool processed = rules->logprobs == SC_LOGPROBS_PROCESSED;
    figures |= 1u << SC_FIGURE_CONFIDENCE;
    figures |= processed ? 0 : 1u << SC_FIGURE_LOGPROB;
    figures |= processed || rules->undistorted ? 1u << SC_FIGURE_SAMPLED_LOGPROB : 0;
    return figures;
}

static void fill_info(const struct sc_served *served, struct sc_source_info *info)
{
    const struct sc_server_facts *facts = &served->facts;
    bool framed = has_tokenizer(served);
    *info = (struct sc_source_info){.size = sizeof *info,
                                    .kind = "server",
                                    .name = facts->model != NULL ? facts->model : facts->name,
                                    .tokenizer = framed ? served->framing.fingerprint : NULL,
                                    .n_vocab = framed ? served->framing.n_tokens : 0,
                                    .end_ids = framed ? served->framing.end_ids : NULL,
                                    .n_end_ids = framed ? served->framing.n_end_ids : 0,
                                    .sampling = served->sampling,
                                    .logprobs = facts->logprobs,
                                    .top_k = served->rules.k,
                                    .reproducible = facts->reproducible,
                                    .figures = figures_of(&served->rules),
                                    .ids = served->rules.wants_ids,
                                    .text_ends = served->rules.k > 0,
                                    .frame = served->frame,
                                    .remarks = served->remarks.data,
                                    .thinking_budget = 0,
                                    .n_turns = served->wish.n_turns,
                                    .software = facts->software,
                                    .revision = facts->revision};
}

static enum sc_status served_describe(void *context, const struct sc_source_wish *wish,
                                      struct sc_source_info *info, struct sc_error *error)
{
    struct sc_served *served = context;
    assert(served->remote == NULL && wish->max_new_tokens > 0);
    served->wish = *wish;
    SC_TRY(open_framing(served, error));
    SC_TRY(open_remotes(served, error));
    resolve_sampling(served);
    SC_TRY(probe(served, error));
    SC_TRY(check_limit(served, error));
    const struct sc_server_facts *facts = &served->facts;
    size_t k = facts->top_k < wish->confidence_top_k ? facts->top_k : wish->confidence_top_k;
    served->rules = (struct sc_server_rules){
        .framing = has_tokenizer(served) ? &served->framing : NULL,
        .logprobs = facts->logprobs,
        .k = k,
        .undistorted = facts->logprobs == SC_LOGPROBS_RAW && leaves_distribution(&served->sampling),
        .thinking = wish->thinking,
        .wants_ids = has_tokenizer(served) && k > 0,
        .remote = served->remote};
    SC_TRY(make_fields(served, false, &served->more, error));
    SC_TRY(make_fields(served, true, &served->more_begun, error));
    SC_TRY(find_frame(served, error));
    SC_TRY(find_remarks(served, error));
    fill_info(served, info);
    return SC_OK;
}

/* ---- prompts --------------------------------------------------------------------------------- */

static void served_drop(void *context, void *dropped)
{
    struct sc_served_prompt *prompt = dropped;
    (void)context;
    if (prompt == NULL)
        return;
    sc_free(prompt->ids);
    sc_free(prompt->text);
    json_decref(prompt->messages);
    sc_free(prompt);
}

/* An answer that reaches the end of the context ends there, as in this process. */
static enum sc_status fit_context(const struct sc_served *served, struct sc_served_prompt *prompt,
                                  size_t n_ids, struct sc_error *error)
{
    size_t context = served->facts.context;
    if (context == 0)
        return SC_OK;
    if (n_ids == 0 || n_ids >= context)
        return sc_fail(
            error, SC_ERR_LIMIT,
            "prompt: expected 1 to %zu tokens (the context less one for the answer), found %zu",
            context - 1, n_ids);
    if (prompt->max_tokens > context - n_ids)
        prompt->max_tokens = context - n_ids;
    return SC_OK;
}

static enum sc_status take_framed(struct sc_served *served, struct sc_served_prompt *prompt,
                                  struct sc_framed *framed, struct sc_error *error)
{
    prompt->reasoning = framed->reasoning;
    served->n_trimmed += framed->trimmed;
    SC_TRY(fit_context(served, prompt, framed->n, error));
    if (!served->facts.takes_ids) /* vLLM is told to put nothing around a text */
        return sc_server_framing_text(&served->framing, framed, !is_like_vllm(served),
                                      &prompt->text, error);
    prompt->ids = framed->ids;
    prompt->n_ids = framed->n;
    framed->ids = NULL;
    return SC_OK;
}

static enum sc_status frame_here(struct sc_served *served, const struct sc_message *messages,
                                 size_t n, struct sc_served_prompt *prompt, struct sc_error *error)
{
    struct sc_framed framed;
    SC_TRY(sc_chat_encode(served->framing.format, messages, n, &framed, error));
    enum sc_status status = take_framed(served, prompt, &framed, error);
    sc_framed_free(&framed);
    return status;
}

static enum sc_status frame_there(struct sc_served *served, const struct sc_message *messages,
                                  size_t n, struct sc_served_prompt *prompt, struct sc_error *error)
{
    prompt->begun = n > 0 && strcmp(messages[n - 1].role, "assistant") == 0;
    if (prompt->begun && !is_like_vllm(served) && !is_sglang(served))
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "prefill: expected a server that goes on with a message of the assistant's "
                       "(vLLM, SGLang), found %s; --tokenizer frames prompts here",
                       served->facts.software != NULL ? served->facts.software : "another");
    json_t *list = prompt->messages = json_array();
    for (size_t i = 0; i < n && list != NULL; i++) {
        json_t *message = json_object();
        if (json_array_append_new(list, message) != 0 ||
            !put(message, "role", json_string(messages[i].role)) ||
            !put(message, "content", json_string(messages[i].text)))
            return sc_fail_nomem(error, "prompt");
    }
    return list != NULL ? SC_OK : sc_fail_nomem(error, "prompt");
}

static enum sc_status served_prepare(void *context, const struct sc_message *messages, size_t n,
                                     void **out, struct sc_error *error)
{
    struct sc_served *served = context;
    assert(served->remote != NULL);
    struct sc_served_prompt *prompt = sc_alloc_zero(1, sizeof *prompt);
    if (prompt == NULL)
        return sc_fail_nomem(error, "prompt");
    prompt->max_tokens = served->wish.max_new_tokens;
    enum sc_status status = has_tokenizer(served) ? frame_here(served, messages, n, prompt, error)
                                                  : frame_there(served, messages, n, prompt, error);
    if (status != SC_OK) {
        served_drop(served, prompt);
        return status;
    }
    *out = prompt;
    return SC_OK;
}

static enum sc_status served_plan(void *context, struct sc_source_plan *plan,
                                  struct sc_error *error)
{
    struct sc_served *served = context;
    sc_text_clear(&served->plan_remarks);
    if (served->n_trimmed > 0)
        sc_text_printf(&served->plan_remarks,
                       "%zu prompt%s: the chat template leaves out blanks around what the answer "
                       "begins with\n",
                       served->n_trimmed, served->n_trimmed == 1 ? "" : "s");
    if (served->plan_remarks.failed)
        return sc_fail_nomem(error, "remarks on the prompts");
    *plan = (struct sc_source_plan){
        .parallel = sc_size_mul(served->options.parallel, served->options.n_choices),
        .remarks = served->plan_remarks.len > 0 ? served->plan_remarks.data : NULL};
    return SC_OK;
}

/* ---- the object ------------------------------------------------------------------------------ */

static enum sc_status served_decode(void *context, const int32_t *ids, size_t n,
                                    struct sc_source_words *words, struct sc_error *error)
{
    const struct sc_served *served = context;
    const struct sc_server_framing *framing = &served->framing;
    *words = (struct sc_source_words){0};
    if (!has_tokenizer(served))
        return sc_fail(error, SC_ERR_UNSUPPORTED, "ids: expected a tokenizer");
    bool ended = false;
    for (size_t i = 0; n > 0 && i < framing->n_end_ids; i++)
        ended = ended || ids[n - 1] == framing->end_ids[i];
    words->n_reasoning =
        sc_chat_reasoning_after(framing->tokenizer, SC_REASONING_AHEAD,
                                sc_chat_format_thinks(framing->format), ids, n, ended);
    SC_TRY(sc_tokenizer_decode(framing->tokenizer, ids, n, false, &words->text, error));
    if (words->n_reasoning == 0)
        return SC_OK;
    enum sc_status status =
        sc_tokenizer_decode(framing->tokenizer, ids + words->n_reasoning, n - words->n_reasoning,
                            false, &words->answer, error);
    if (status != SC_OK) {
        sc_free(words->text);
        words->text = NULL;
    }
    return status;
}

static enum sc_status served_check(void *context, struct sc_error *error)
{
    const struct sc_served *served = context;
    return served->changed.status == SC_OK
               ? SC_OK
               : sc_fail(error, served->changed.status, "%s", served->changed.text);
}

static void served_close(void *context)
{
    struct sc_served *served = context;
    sc_remote_close(served->remote);
    sc_remote_close(served->watch);
    sc_server_facts_free(&served->facts);
    sc_server_framing_close(&served->framing);
    json_decref(served->more);
    json_decref(served->more_begun);
    sc_free(served->frame);
    sc_text_free(&served->remarks);
    sc_text_free(&served->plan_remarks);
    sc_free(served);
}

static const struct sc_source_functions functions = {
    .size = sizeof functions,
    .describe = served_describe,
    .prepare = served_prepare,
    .drop = served_drop,
    .plan = served_plan,
    .sample = sc_served_sample,
    .decode = served_decode,
    .check = served_check,
    .close = served_close,
};

struct sc_server_options sc_server_options_default(void)
{
    const struct sc_remote_options remote = sc_remote_options_default();
    return (struct sc_server_options){.size = sizeof(struct sc_server_options),
                                      .chat = sc_chat_options_default(),
                                      .parallel = 32,
                                      .n_choices = 1,
                                      .timeout = remote.timeout,
                                      .most_failures = remote.most_failures};
}

static enum sc_status check_options(const struct sc_server_options *options, struct sc_error *error)
{
    if (options->n_urls == 0)
        return sc_fail(error, SC_ERR_ARGUMENT, "URL of a server: expected one, found none");
    for (size_t i = 0; i < options->n_urls; i++)
        SC_TRY(sc_remote_check_url(options->urls[i], NULL, error));
    if (options->parallel == 0 || options->parallel > 65536)
        return sc_fail(error, SC_ERR_ARGUMENT, "requests in flight: expected 1 to 65536, found %zu",
                       options->parallel);
    if (options->n_choices == 0 || options->n_choices > 128)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "traces in one request: expected 1 to 128, found %zu", options->n_choices);
    if (!(options->timeout > 0) || options->most_failures == 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "server: expected a time and a number of failures above 0");
    if (options->model != NULL && options->model[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected the server's name of it");
    if (options->model != NULL &&
        sc_utf8_valid(options->model, strlen(options->model)) != strlen(options->model))
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected UTF-8, found other bytes");
    return SC_OK;
}

enum sc_status sc_source_open_server(const struct sc_server_options *given, struct sc_source *out,
                                     struct sc_error *error)
{
    *out = (struct sc_source){0};
    struct sc_server_options options = sc_server_options_default();
    if (given == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "server: expected options, found none");
    SC_TRY(sc_options_take(&options, sizeof options, given, given->size, "server", error));
    SC_TRY(check_options(&options, error));
    struct sc_served *served = sc_alloc_zero(1, sizeof *served);
    if (served == NULL)
        return sc_fail_nomem(error, "source of traces");
    served->options = options;
    *out = (struct sc_source){&functions, served};
    return SC_OK;
}
