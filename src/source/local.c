/*
 * The source in this process: a model, its tokenizer and an engine.
 *
 * Owns what the three make of a prompt (frame, ids) and of an answer (text, reasoning).  Every
 * prompt is encoded once and its ids are kept until it is dropped.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/options.h"
#include "engine/inference.h"
#include "engine/open.h"
#include "model/chat/chat.h"
#include "model/model.h"
#include "model/tokenizer/tokenizer.h"
#include "source/source.h"
#include "source/text_ends.h"
#include "vocabulary/sampling.h"

struct prompt {
    uint64_t key; /* index in `prompts`, from 1 */
    int32_t *ids; /* [n_ids] */
    size_t n_ids;
    enum sc_reasoning_state reasoning; /* where the prompt ends */
};

struct local {
    struct sc_model_source_options options;
    struct sc_source_wish wish;
    struct sc_sampling sampling; /* resolved */
    struct sc_opened model;
    const struct sc_engine *engine; /* the model's, or the caller's */
    char fingerprint[33];
    struct prompt **prompts; /* [n_prompts]; NULL where dropped */
    size_t n_prompts, cap_prompts, longest;
    struct sc_batch_options batch;
    struct sc_batch_plan plan;
    const struct sc_feed *feed;     /* while sampling */
    struct sc_chat_closing closing; /* with a budget for reasoning */
    size_t most_new;                /* tokens of a trace */
    uint32_t *text_ends;            /* [most_new] */
    size_t n_given;                 /* traces of this sampling */
    size_t n_trimmed;               /* prompts whose beginning of the answer lost blanks */
    struct sc_text remarks;         /* on the prompts */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Takes the model's own value where the wish leaves it open. */
/* Tokens of a trace: of its answer, and with a budget those of the reasoning and its closing. */
static enum sc_status find_limit(struct local *local, struct sc_error *error)
{
    const struct sc_source_wish *wish = &local->wish;
    const struct sc_opened *model = &local->model;
    if (wish->max_new_tokens >= model->context && !wish->limit_is_default)
        return sc_fail(error, SC_ERR_LIMIT,
                       "max-new-tokens: expected less than the model's context of %zu, found %zu",
                       model->context, wish->max_new_tokens);
    local->most_new = wish->max_new_tokens;
    if (wish->thinking_budget == 0)
        return SC_OK;
    SC_TRY(sc_chat_closing(model->tokenizer, &local->closing, error));
    size_t reasoning = wish->thinking_budget + local->closing.n;
    if (reasoning >= model->context)
        return sc_fail(error, SC_ERR_LIMIT,
                       "thinking-budget: expected, with %zu tokens that close the reasoning, less "
                       "than the model's context of %zu, found %zu",
                       local->closing.n, model->context, wish->thinking_budget);
    local->most_new += reasoning;
    return SC_OK;
}

static enum sc_status pack_weights(struct local *local, struct sc_error *error)
{
    struct sc_engine_options engine = sc_engine_options_default();
    engine.dtype = local->options.dtype;
    engine.n_threads = local->options.n_threads;
    engine.kernels = local->options.kernels;
    engine.device = local->options.device;
    engine.confidence_top_k = (int)local->wish.confidence_top_k;
    engine.keep_going = local->options.keep_going;
    engine.context = local->options.context;
    SC_TRY(sc_opened_start(&local->model, &engine, error));
    local->engine = local->model.engine;
    return SC_OK;
}

/* A run's configuration says all of this, so the engine must be what it would have been. */
static enum sc_status take_engine(struct local *local, struct sc_error *error)
{
    const struct sc_engine *engine = local->options.engine;
    SC_TRY(sc_opened_suits(&local->model, engine, error));
    size_t top_k = sc_engine_confidence_top_k(engine);
    if (top_k != local->wish.confidence_top_k)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "confidence-top-k: expected that of the engine, %zu, found %zu", top_k,
                       local->wish.confidence_top_k);
    local->engine = engine;
    return SC_OK;
}

static enum sc_status open_model(struct local *local, struct sc_error *error)
{
    struct sc_opened *model = &local->model;
    SC_TRY(sc_opened_read(model, local->options.model, error));
    struct sc_chat_options chat = local->options.chat;
    chat.thinking = local->wish.thinking;
    chat.special = local->wish.special;
    SC_TRY(sc_opened_frame(model, &chat, error));
    SC_TRY(find_limit(local, error));
    SC_TRY(local->options.engine != NULL ? take_engine(local, error) : pack_weights(local, error));
    const struct sc_interrupt interrupt = {local->options.keep_going, local->options.context};
    return sc_model_fingerprint_while(model->model, &interrupt, local->fingerprint, error);
}

/* Greedy traces of a prompt are all the same, which people do not expect of a run. */
static enum sc_status remark_on_sampling(struct local *local, struct sc_error *error)
{
    struct sc_text *remarks = &local->model.remarks;
    bool greedy = sc_model_generation(local->model.model)->greedy;
    if (!greedy || !isnan(local->wish.sampling.temperature))
        return SC_OK;
    sc_text_puts(remarks, "generation_config.json says do_sample false: answers are greedy "
                          "(temperature 0), all traces of a prompt the same; --temperature gives "
                          "another\n");
    return remarks->failed ? sc_fail_nomem(error, "remarks on the model") : SC_OK;
}

static enum sc_status local_describe(void *context, const struct sc_source_wish *wish,
                                     struct sc_source_info *info, struct sc_error *error)
{
    struct local *local = context;
    const struct sc_opened *model = &local->model;
    if (model->model != NULL)
        return sc_fail(
            error, SC_ERR_ARGUMENT,
            "source: the model in this process serves one run: open another for the next");
    assert(wish->max_new_tokens > 0);
    local->wish = *wish;
    SC_TRY(open_model(local, error));
    local->sampling = sc_sampling_settle(&wish->sampling, &model->sampling);
    SC_TRY(remark_on_sampling(local, error));
    local->text_ends = sc_alloc_array(local->most_new, sizeof *local->text_ends);
    if (local->text_ends == NULL)
        return sc_fail_nomem(error, "ends of a trace's tokens");
    *info = (struct sc_source_info){
        .size = sizeof *info,
        .kind = SC_SOURCE_IN_PROCESS,
        .name = model->name,
        .fingerprint = local->fingerprint,
        .tokenizer = model->tokenizer_fingerprint,
        .dtype = sc_dtype_name(sc_engine_dtype(local->engine)),
        .kernels = sc_engine_kernels(local->engine),
        .demo = model->demo,
        .revision = model->revision,
        .n_vocab = model->n_vocab,
        .end_ids = model->end_ids,
        .n_end_ids = model->n_end_ids,
        .sampling = local->sampling,
        .logprobs = SC_LOGPROBS_RAW,
        .top_k = wish->confidence_top_k,
        .reproducible = SC_REPRODUCIBLE_YES,
        .figures = SC_ALL_FIGURES,
        .ids = true,
        .text_ends = true,
        .frame = sc_chat_format_identity(model->format),
        .remarks = model->remarks.data,
        .thinking_budget = wish->thinking_budget,
        .n_turns = wish->n_turns,
        .device = sc_engine_device(local->engine),
    };
    return SC_OK;
}

/* ---- prompts --------------------------------------------------------------------------------- */

/* The longest prompt that leaves room for one token of its answer.  An answer that reaches the end
 * of the context ends there, with the finish `length`. */
static size_t longest_allowed(const struct local *local)
{
    return local->model.context - 1;
}

static void free_prompt(struct prompt *prompt)
{
    if (prompt == NULL)
        return;
    sc_free(prompt->ids);
    sc_free(prompt);
}

static enum sc_status encode(struct local *local, const struct sc_message *messages, size_t n,
                             struct prompt *prompt, struct sc_error *error)
{
    struct sc_framed framed;
    SC_TRY(sc_chat_encode(local->model.format, messages, n, &framed, error));
    *prompt = (struct prompt){.ids = framed.ids, .n_ids = framed.n, .reasoning = framed.reasoning};
    local->n_trimmed += framed.trimmed;
    framed.ids = NULL;
    sc_framed_free(&framed);
    size_t allowed = longest_allowed(local);
    if (prompt->n_ids == 0 || prompt->n_ids > allowed)
        return sc_fail(
            error, SC_ERR_LIMIT,
            "prompt: expected 1 to %zu tokens (the context less one for the answer), found %zu",
            allowed, prompt->n_ids);
    return SC_OK;
}

static enum sc_status local_prepare(void *context, const struct sc_message *messages, size_t n,
                                    void **out, struct sc_error *error)
{
    struct local *local = context;
    assert(local->engine != NULL);
    if (sc_grow((void **)&local->prompts, local->n_prompts, &local->cap_prompts,
                sizeof(struct prompt *)) != 0)
        return sc_fail_nomem(error, "prompts");
    struct prompt *prompt = sc_alloc_zero(1, sizeof *prompt);
    if (prompt == NULL)
        return sc_fail_nomem(error, "prompt");
    enum sc_status status = encode(local, messages, n, prompt, error);
    if (status != SC_OK) {
        free_prompt(prompt);
        return status;
    }
    if (prompt->n_ids > local->longest)
        local->longest = prompt->n_ids;
    local->prompts[local->n_prompts++] = prompt;
    prompt->key = local->n_prompts;
    *out = prompt;
    return SC_OK;
}

static void local_drop(void *context, void *dropped)
{
    struct local *local = context;
    struct prompt *prompt = dropped;
    local->prompts[prompt->key - 1] = NULL;
    free_prompt(prompt);
}

/* The longest prompt, with the answers that a later turn's will hold: twice their tokens, since
 * their text may be encoded in more than were sampled. */
static size_t longest_to_come(const struct local *local)
{
    size_t longest = local->longest > 0 ? local->longest : 1;
    if (local->wish.n_turns > 1)
        longest = sc_size_add(longest,
                              sc_size_mul(2 * local->wish.max_new_tokens, local->wish.n_turns - 1));
    return longest < longest_allowed(local) ? longest : longest_allowed(local);
}

static enum sc_status remark_on_prompts(struct local *local, struct sc_error *error)
{
    if (local->n_trimmed > 0)
        sc_text_printf(&local->remarks,
                       "%zu prompt%s: the chat template leaves out blanks around what the answer "
                       "begins with\n",
                       local->n_trimmed, local->n_trimmed == 1 ? "" : "s");
    return local->remarks.failed ? sc_fail_nomem(error, "remarks on the prompts") : SC_OK;
}

/* Sizes the batch by the longest prompt that will run. */
static enum sc_status local_plan(void *context, struct sc_source_plan *plan, struct sc_error *error)
{
    struct local *local = context;
    local->batch = (struct sc_batch_options){.parallel = local->options.parallel,
                                             .max_new_tokens = local->most_new,
                                             .max_prompt = longest_to_come(local),
                                             .max_bytes = local->options.max_bytes,
                                             .no_sharing = local->options.no_sharing};
    SC_TRY(sc_batch_plan(local->engine, &local->batch, &local->plan, error));
    SC_TRY(remark_on_prompts(local, error));
    *plan = (struct sc_source_plan){
        .remarks = local->remarks.data,
        .parallel = local->plan.parallel,
        .n_threads = sc_engine_n_threads(local->engine),
        .weight_bytes = sc_engine_weight_bytes(local->engine),
        .batch_bytes = local->plan.total_bytes,
    };
    return SC_OK;
}

/* ---- text ------------------------------------------------------------------------------------ */

static enum sc_status decode(void *context, const int32_t *ids, size_t n_ids, char **text,
                             struct sc_error *error)
{
    const struct local *local = context;
    return sc_tokenizer_decode(local->model.tokenizer, ids, n_ids, false, text, error);
}

static bool ends_answer(const struct sc_opened *model, int32_t id)
{
    for (size_t i = 0; i < model->n_end_ids; i++)
        if (model->end_ids[i] == id)
            return true;
    return false;
}

/* The words of an answer to a prompt that ends in that state. */
static enum sc_status find_words(struct local *local, enum sc_reasoning_state state,
                                 const int32_t *ids, size_t n, struct sc_source_words *words,
                                 struct sc_error *error)
{
    bool ended = n > 0 && ends_answer(&local->model, ids[n - 1]);
    *words = (struct sc_source_words){0};
    size_t n_reasoning = sc_chat_reasoning_after(
        local->model.tokenizer, state, sc_chat_format_thinks(local->model.format), ids, n, ended);
    size_t budget = local->wish.thinking_budget;
    size_t n_forced = sc_chat_closing_in(&local->closing, budget, ids, n);
    if (n_forced > 0) /* what stands behind </think> was put in as well */
        n_reasoning = budget + n_forced;
    assert(n_reasoning <= n);
    words->n_reasoning = n_reasoning;
    SC_TRY(decode(local, ids, n, &words->text, error));
    if (n_reasoning == 0)
        return SC_OK;
    enum sc_status status =
        decode(local, ids + n_reasoning, n - n_reasoning, &words->answer, error);
    if (status != SC_OK) {
        sc_free(words->text);
        words->text = NULL;
    }
    return status;
}

static enum sc_status local_decode(void *context, const int32_t *ids, size_t n,
                                   struct sc_source_words *words, struct sc_error *error)
{
    return find_words(context, SC_REASONING_AHEAD, ids, n, words, error);
}

/* ---- sampling -------------------------------------------------------------------------------- */

/* A prompt that ends past a reasoning has none to come. */
static struct sc_reasoning_budget budget_of(const struct local *local, const struct prompt *prompt)
{
    if (prompt->reasoning == SC_REASONING_OVER)
        return (struct sc_reasoning_budget){0};
    return (struct sc_reasoning_budget){.n_tokens = local->wish.thinking_budget,
                                        .close_id = local->closing.end_id,
                                        .closing = local->closing.ids,
                                        .n_closing = local->closing.n};
}

static int local_next(void *context, struct sc_trace_request *request)
{
    struct local *local = context;
    struct sc_source_request wanted;
    int more = local->feed->next(local->feed->context, &wanted);
    if (more <= 0)
        return more;
    const struct prompt *prompt = wanted.prompt;
    *request = (struct sc_trace_request){.prompt_key = prompt->key,
                                         .prompt = prompt->ids,
                                         .n_prompt = prompt->n_ids,
                                         .instance_key = wanted.instance_key,
                                         .trace_index = wanted.trace_index,
                                         .n_traces = wanted.n_traces,
                                         .seed = local->wish.seed,
                                         .sampling = local->sampling,
                                         .max_new_tokens = local->wish.max_new_tokens,
                                         .budget = budget_of(local, prompt),
                                         .end_ids = local->model.end_ids,
                                         .n_end_ids = local->model.n_end_ids,
                                         .user = wanted.user};
    return more;
}

/* The request of the feed that became this one of the engine. */
static struct sc_source_request asked_for(const struct local *local,
                                          const struct sc_trace_request *request)
{
    return (struct sc_source_request){.prompt = local->prompts[request->prompt_key - 1],
                                      .instance_key = request->instance_key,
                                      .trace_index = request->trace_index,
                                      .n_traces = request->n_traces,
                                      .user = request->user};
}

static enum sc_status local_done(void *context, const struct sc_trace_result *result,
                                 struct sc_error *error)
{
    struct local *local = context;
    const struct sc_decoder decoder = {local, decode};
    struct sc_source_request request = asked_for(local, result->request);
    struct sc_source_words words = {0};
    const struct prompt *prompt = request.prompt;
    enum sc_status status =
        find_words(local, prompt->reasoning, result->ids, result->n, &words, error);
    if (status != SC_OK)
        goto done;
    status =
        sc_token_text_ends(&decoder, result->ids, result->n, words.text, local->text_ends, error);
    if (status != SC_OK)
        goto done;
    const struct sc_source_trace trace = {.finish = result->finish,
                                          .failure = result->failure,
                                          .text = words.text,
                                          .answer = words.answer,
                                          .n_tokens_known = true,
                                          .n_tokens = result->n,
                                          .n_reasoning = words.n_reasoning,
                                          .ids = result->ids,
                                          .figures = SC_ALL_FIGURES,
                                          .stats = result->stats,
                                          .text_ends = local->text_ends,
                                          .forced_begin = result->forced_begin,
                                          .n_forced = result->n_forced};
    local->n_given++;
    status = local->feed->done(local->feed->context, &request, &trace, error);
done:
    sc_free(words.text);
    sc_free(words.answer);
    return status;
}

static bool local_keep(void *context, const struct sc_trace_request *request,
                       const struct sc_token_stats *stats, size_t n)
{
    const struct local *local = context;
    struct sc_source_request wanted = asked_for(local, request);
    return local->feed->keep(local->feed->context, &wanted, stats, n);
}

static bool local_step(void *context, const struct sc_step_report *report)
{
    const struct local *local = context;
    const struct sc_source_progress progress = {
        .width = report->width,
        .parallel = report->parallel,
        .mean_width = report->n_steps ? report->width_sum / (double)report->n_steps : 0,
        .n_tokens = report->n_generated,
        .n_rows = report->n_rows,
        .seconds_prefill = report->seconds_prefill,
        .seconds_decode = report->seconds_decode,
        .seconds_sampling = report->seconds_sampling,
    };
    return local->feed->step(local->feed->context, &progress);
}

/* The stamps of the files were looked at before each trace was stored; the end of hours is worth
 * another look at every byte, which takes as long as the one at the beginning. */
static enum sc_status check_weights(const struct local *local, struct sc_error *error)
{
    const struct sc_interrupt interrupt = {local->options.keep_going, local->options.context};
    if (local->n_given == 0)
        return SC_OK;
    SC_TRY(sc_model_unchanged(local->model.model, error));
    return sc_model_check_fingerprint(local->model.model, &interrupt, local->fingerprint, error);
}

static enum sc_status local_sample(void *context, const struct sc_feed *feed,
                                   struct sc_error *error)
{
    struct local *local = context;
    local->n_given = 0;
    const struct sc_trace_source source = {.context = local,
                                           .next = local_next,
                                           .done = local_done,
                                           .keep = feed->keep != NULL ? local_keep : NULL,
                                           .step = feed->step != NULL ? local_step : NULL};
    local->feed = feed;
    enum sc_status status =
        sc_engine_run(local->engine, &local->plan, &local->batch, &source, error);
    local->feed = NULL;
    return status == SC_OK ? check_weights(local, error) : status;
}

/* ---- the object ------------------------------------------------------------------------------ */

static enum sc_status local_check(void *context, struct sc_error *error)
{
    const struct local *local = context;
    return sc_model_unchanged(local->model.model, error);
}

static void local_close(void *context)
{
    struct local *local = context;
    for (size_t i = 0; i < local->n_prompts; i++)
        free_prompt(local->prompts[i]);
    sc_free(local->prompts);
    sc_free(local->text_ends);
    sc_text_free(&local->remarks);
    sc_free(local->closing.ids);
    sc_opened_close(&local->model);
    sc_free(local);
}

static const struct sc_source_functions functions = {
    .size = sizeof functions,
    .describe = local_describe,
    .prepare = local_prepare,
    .drop = local_drop,
    .plan = local_plan,
    .sample = local_sample,
    .decode = local_decode,
    .check = local_check,
    .close = local_close,
};

struct sc_model_source_options sc_model_source_options_default(void)
{
    return (struct sc_model_source_options){.size = sizeof(struct sc_model_source_options),
                                            .model = "demo",
                                            .dtype = -1,
                                            .chat = sc_chat_options_default()};
}

enum sc_status sc_source_open_model(const struct sc_model_source_options *options,
                                    struct sc_source *out, struct sc_error *error)
{
    struct sc_model_source_options all = sc_model_source_options_default();
    if (options == NULL || out == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "source: expected options and where to put it");
    *out = (struct sc_source){0};
    SC_TRY(sc_options_take(&all, sizeof all, options, options->size, "source", error));
    if (all.model == NULL || *all.model == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "model: expected a name or a folder, found nothing");
    struct local *local = sc_alloc_zero(1, sizeof *local);
    if (local == NULL)
        return sc_fail_nomem(error, "source of traces");
    local->options = all;
    *out = (struct sc_source){&functions, local};
    return SC_OK;
}
