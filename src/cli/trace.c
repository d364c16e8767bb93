/* safeconf trace: a few traces of one prompt, each token coloured by its confidence. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "cli/asked.h"
#include "cli/endpoint.h"
#include "cli/fetch.h"
#include "cli/sampling_options.h"
#include "cli/shades.h"
#include "cli/trace_servers.h"
#include "detection/detection.h"
#include "engine/open.h"
#include "experiment/experiment.h"
#include "experiment/store/run_data.h"
#include "model/tokenizer/tokenizer.h"
#include "risk/answer.h"
#include "vocabulary/sampling.h"

struct trace_command {
    struct sc_sampling sampling;
    size_t n_traces, max_new_tokens, window;
    uint64_t seed;
    bool json, show_prompt, no_sharing;
    struct cli_asked asked;
    struct cli_detector detector;
    struct cli_endpoint endpoint;
    int colour; /* auto, always, never */
};

struct stored_trace {
    int32_t *ids;
    struct sc_token_stats *stats;
    size_t n;
    enum sc_finish finish;
    char *failure;
};

/* The source of requests and the place where traces are kept. */
struct collection {
    enum sc_reasoning_state reasoning; /* where the prompt ends */
    struct sc_trace_request request;   /* the same for all but the index */
    struct stored_trace *traces;
    size_t n_traces, n_requested;
};

static int next_request(void *context, struct sc_trace_request *request)
{
    struct collection *all = context;
    if (all->n_requested == all->n_traces)
        return -1;
    *request = all->request;
    request->trace_index = (uint32_t)all->n_requested++;
    return 1;
}

static enum sc_status keep_trace(void *context, const struct sc_trace_result *result,
                                 struct sc_error *error)
{
    struct collection *all = context;
    struct stored_trace *trace = &all->traces[result->request->trace_index];
    trace->finish = result->finish;
    trace->n = result->n;
    trace->ids = sc_alloc_array(result->n, sizeof *trace->ids);
    trace->stats = sc_alloc_array(result->n, sizeof *trace->stats);
    if (result->failure != NULL)
        trace->failure = sc_strdup(result->failure);
    if (trace->ids == NULL || trace->stats == NULL ||
        (result->failure != NULL && trace->failure == NULL))
        return sc_fail_nomem(error, "a trace");
    if (result->n > 0) {
        memcpy(trace->ids, result->ids, result->n * sizeof *trace->ids);
        memcpy(trace->stats, result->stats, result->n * sizeof *trace->stats);
    }
    return SC_OK;
}

static bool go_on(void *context, const struct sc_step_report *report)
{
    (void)context;
    (void)report;
    return !cli_interrupted();
}

static void free_traces(struct collection *all)
{
    for (size_t i = 0; all->traces != NULL && i < all->n_traces; i++) {
        sc_free(all->traces[i].ids);
        sc_free(all->traces[i].stats);
        sc_free(all->traces[i].failure);
    }
    sc_free(all->traces);
}

static enum sc_status sample_framed(const struct sc_opened *model,
                                    const struct trace_command *command, struct collection *all,
                                    struct sc_error *error)
{
    const struct sc_batch_options batch = {.parallel = command->n_traces,
                                           .max_new_tokens = command->max_new_tokens,
                                           .max_prompt = all->request.n_prompt,
                                           .no_sharing = command->no_sharing};
    const struct sc_trace_source source = {
        .context = all, .next = next_request, .done = keep_trace, .step = go_on};
    struct sc_batch_plan plan;
    SC_TRY(sc_batch_plan(model->engine, &batch, &plan, error));
    SC_TRY(sc_engine_run(model->engine, &plan, &batch, &source, error));
    return sc_model_unchanged(model->model, error);
}

/* What a trace command has open; all zero is fine. */
struct traced {
    struct trace_command *command;
    struct sc_open_detector detector;
    struct sc_conversation turns; /* all that is sent */
    const char *prompt, *prefill; /* what is asked last; what the answer begins with, or NULL */
    struct sc_opened model;
    struct collection all;
    struct sc_text out;
    size_t n_failed;
};

static enum sc_status sample(struct traced *t, struct sc_error *error)
{
    const struct trace_command *command = t->command;
    const struct sc_opened *model = &t->model;
    struct collection *all = &t->all;
    struct sc_framed framed;
    all->n_traces = command->n_traces;
    all->traces = sc_alloc_zero(all->n_traces, sizeof *all->traces);
    if (all->traces == NULL)
        return sc_fail_nomem(error, "traces");
    SC_TRY(sc_chat_encode(model->format, t->turns.messages, t->turns.n, &framed, error));
    all->reasoning = framed.reasoning;
    all->request =
        (struct sc_trace_request){.prompt = framed.ids,
                                  .n_prompt = framed.n,
                                  .instance_key = sc_hash64(t->prompt, strlen(t->prompt)),
                                  .n_traces = command->n_traces,
                                  .seed = command->seed,
                                  .sampling = command->sampling,
                                  .max_new_tokens = command->max_new_tokens,
                                  .end_ids = model->end_ids,
                                  .n_end_ids = model->n_end_ids};
    enum sc_status status = sample_framed(model, command, all, error);
    sc_framed_free(&framed);
    return status;
}

/* ---- printing -------------------------------------------------------------------------------- */

static enum sc_status find_cuts(const struct collection *all, float *cuts, struct sc_error *error)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < all->n_traces; i++)
        n += all->traces[i].n;
    float *values = sc_alloc_array(n, sizeof *values);
    if (values == NULL)
        return sc_fail_nomem(error, "confidences");
    for (size_t i = 0; i < all->n_traces; i++)
        for (size_t t = 0; t < all->traces[i].n; t++)
            values[k++] = all->traces[i].stats[t].confidence;
    cli_shade_cuts(values, n, cuts);
    sc_free(values);
    return SC_OK;
}

/* Tokens are bytes and may end inside a character: the rest waits for the next token, and the
 * character takes the shade of the token that completes it.  cuts NULL: no colours. */
static void add_tokens(struct sc_text *out, const struct sc_tokenizer *tokenizer,
                       const struct stored_trace *trace, const float *cuts)
{
    struct sc_text pending = {0};
    for (size_t t = 0; t < trace->n; t++) {
        size_t n;
        const char *bytes = sc_tokenizer_bytes(tokenizer, trace->ids[t], &n);
        bool last = t + 1 == trace->n;
        if (bytes == NULL || (last && trace->finish == SC_FINISH_STOP))
            n = 0; /* the end token has a figure but no text */
        sc_text_add(&pending, bytes != NULL ? bytes : "", n);
        if (pending.failed)
            break;
        size_t whole = last ? pending.len : sc_utf8_valid(pending.data, pending.len);
        if (!last && pending.len - whole >= 4)
            whole = pending.len; /* no character is that long: these bytes are none */
        if (cuts != NULL)
            sc_text_puts(out, cli_shade(trace->stats[t].confidence, cuts));
        for (size_t i = 0; i < whole;) {
            char piece[16];
            i += sc_visible_char(pending.data + i, whole - i, true, piece, sizeof piece);
            if (cuts != NULL && piece[0] == '\n')
                sc_text_puts(out, "\x1b[0m\n"); /* a shade must not run to the end of the line */
            else
                sc_text_puts(out, piece);
        }
        if (cuts != NULL)
            sc_text_puts(out, "\x1b[0m");
        memmove(pending.data, pending.data + whole, pending.len - whole + 1);
        pending.len -= whole;
    }
    out->failed |= pending.failed;
    sc_text_free(&pending);
}

/* Answer, verdict and metrics of a trace. */
struct found {
    char *answer;
    struct sc_detection detection;
    double metrics[SC_N_METRICS];
};

static enum sc_status find_verdict(const struct traced *t, const struct stored_trace *trace,
                                   struct found *out, struct sc_error *error)
{
    const struct sc_answered asked = {.model = &t->model,
                                      .detector = &t->detector.reads,
                                      .prompt = t->prompt,
                                      .prefill = t->prefill,
                                      .reasoning = t->all.reasoning};
    return sc_answered_read(&asked, trace->ids, trace->n, &out->answer, &out->detection, error);
}

static enum sc_status find_metrics(const struct traced *t, const struct stored_trace *trace,
                                   struct found *out, struct sc_error *error)
{
    float *figures = sc_alloc_array(trace->n, 2 * sizeof *figures);
    if (figures == NULL)
        return sc_fail_nomem(error, "figures of a trace");
    for (size_t i = 0; i < trace->n; i++) {
        figures[i] = trace->stats[i].confidence;
        figures[trace->n + i] = trace->stats[i].logprob;
    }
    sc_trace_metrics(figures, figures + trace->n, trace->n, t->command->window, out->metrics);
    sc_free(figures);
    return SC_OK;
}

static void add_readable(struct sc_text *out, const struct sc_tokenizer *tokenizer, size_t index,
                         const struct stored_trace *trace, const struct found *found,
                         const float *cuts)
{
    sc_text_printf(out,
                   "trace %zu: %s (%s), %zu tokens, %s; confidence mean %.2f, lowest window "
                   "%.2f\n",
                   index, sc_verdict_name(found->detection.verdict), found->detection.rule,
                   trace->n, sc_finish_name(trace->finish), found->metrics[SC_METRIC_MEAN],
                   found->metrics[SC_METRIC_LOWEST]);
    add_tokens(out, tokenizer, trace, cuts);
    sc_text_puts(out, "\n\n");
}

/* prefill: NULL where there is none. */
static void add_json(struct sc_text *out, size_t index, const struct stored_trace *trace,
                     const struct found *found, const char *prefill)
{
    sc_text_printf(out,
                   "{\"trace\":%zu,\"verdict\":\"%s\",\"finish_reason\":\"%s\",\"answer\":", index,
                   sc_verdict_name(found->detection.verdict), sc_finish_name(trace->finish));
    sc_text_add_json_string(out, found->answer);
    if (prefill != NULL) {
        sc_text_puts(out, ",\"prefill\":");
        sc_text_add_json_string(out, prefill);
    }
    sc_text_puts(out, ",\"metrics\":{");
    for (int m = 0; m < SC_N_METRICS; m++) {
        double value = found->metrics[m];
        sc_text_printf(out, "%s\"%s\":", m ? "," : "", sc_metric_name((enum sc_metric)m));
        if (isfinite(value))
            sc_text_printf(out, "%.9g", value);
        else
            sc_text_puts(out, "null");
    }
    sc_text_puts(out, "},\"tokens\":[");
    for (size_t t = 0; t < trace->n; t++) {
        const struct sc_token_stats *s = &trace->stats[t];
        sc_text_printf(out,
                       "%s{\"id\":%d,\"logprob\":%.9g,\"sampled_logprob\":%.9g,"
                       "\"confidence\":%.9g,\"entropy\":%.9g}",
                       t ? "," : "", trace->ids[t], (double)s->logprob, (double)s->sampled_logprob,
                       (double)s->confidence, (double)s->entropy);
    }
    sc_text_puts(out, "]}\n");
}

static enum sc_status add_trace(struct traced *t, size_t i, const float *cuts, struct found *found,
                                struct sc_error *error)
{
    const struct stored_trace *trace = &t->all.traces[i];
    SC_TRY(find_verdict(t, trace, found, error));
    SC_TRY(find_metrics(t, trace, found, error));
    if (t->command->json)
        add_json(&t->out, i, trace, found, t->prefill);
    else
        add_readable(&t->out, t->model.tokenizer, i, trace, found, cuts);
    return SC_OK;
}

static enum sc_status print_trace(struct traced *t, size_t i, const float *cuts,
                                  struct sc_error *error)
{
    const struct stored_trace *trace = &t->all.traces[i];
    if (trace->finish == SC_FINISH_FAILED) {
        t->n_failed++;
        cli_say("trace", "trace %zu failed: %s", i,
                trace->failure != NULL ? trace->failure : "no reason given");
        return SC_OK;
    }
    struct found found = {0};
    enum sc_status status = add_trace(t, i, cuts, &found, error);
    sc_release(found.answer);
    return status;
}

static bool in_colour(const struct trace_command *command)
{
    return command->colour == 1 || (command->colour == 0 && cli_colour(stdout));
}

static enum sc_status print_traces(struct traced *t, struct sc_error *error)
{
    bool colour = in_colour(t->command);
    float cuts[CLI_N_SHADES - 1];
    SC_TRY(find_cuts(&t->all, cuts, error));
    if (t->prefill != NULL && !t->command->json) {
        sc_text_puts(&t->out, "Each answer begins with this, which is given and not sampled: ");
        sc_text_add_visible(&t->out, t->prefill, strlen(t->prefill), true);
        sc_text_puts(&t->out, "\n\n");
    }
    for (size_t i = 0; i < t->all.n_traces; i++)
        SC_TRY(print_trace(t, i, colour ? cuts : NULL, error));
    if (colour && !t->command->json)
        cli_add_shades(&t->out, cuts);
    return SC_OK;
}

/* The turns, and which of them are the prompt and the prefill. */
static enum sc_status ask(struct traced *t, const char *prompt, struct sc_error *error)
{
    SC_TRY(cli_ask(&t->command->asked, prompt, &t->turns, error));
    bool has_prefill = t->command->asked.prefill != NULL;
    t->prompt = t->turns.messages[t->turns.n - 1 - has_prefill].text;
    t->prefill = has_prefill ? t->turns.messages[t->turns.n - 1].text : NULL;
    return SC_OK;
}

/* What is left open is the servers' affair. */
static enum sc_status ask_servers(struct traced *t, const struct cli_options *options,
                                  const struct cli_model_options *wanted, struct sc_error *error)
{
    const struct trace_command *command = t->command;
    const struct cli_trace_servers asked = {.endpoint = &command->endpoint,
                                            .model =
                                                cli_given(options, "model") ? wanted->model : NULL,
                                            .asked = &command->asked,
                                            .turns = &t->turns,
                                            .prompt = t->prompt,
                                            .prefill = t->prefill,
                                            .sampling = command->sampling,
                                            .n_traces = command->n_traces,
                                            .max_new_tokens = command->max_new_tokens,
                                            .window = command->window,
                                            .detector = &t->detector.reads,
                                            .confidence_top_k = wanted->confidence_top_k,
                                            .seed = command->seed,
                                            .json = command->json,
                                            .colour = in_colour(command)};
    return cli_trace_from_servers(&asked, &t->out, &t->n_failed, error);
}

static enum sc_status make_traces(struct traced *t, const struct cli_options *options,
                                  const struct cli_model_options *wanted, struct sc_error *error)
{
    const struct sc_chat_options chat = cli_chat_options(&t->command->asked);
    SC_TRY(cli_endpoint_check(options, &t->command->endpoint, error));
    t->command->endpoint.yes = wanted->yes;
    SC_TRY(sc_detector_open(&t->detector, (enum sc_detector_kind)t->command->detector.kind,
                            t->command->detector.rules, error));
    SC_TRY(ask(t, options->positionals[0], error));
    if (cli_endpoint_wanted(&t->command->endpoint) && t->command->show_prompt)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "--show-prompt: does not go with --endpoint: chat --model shows the frame "
                       "of a tokenizer");
    if (cli_endpoint_wanted(&t->command->endpoint))
        return ask_servers(t, options, wanted, error);
    if (t->command->show_prompt) {
        SC_TRY(
            cli_model_fetch(&(struct cli_fetch){.name = wanted->model, .yes = wanted->yes}, error));
        SC_TRY(sc_opened_read(&t->model, wanted->model, error));
        SC_TRY(sc_opened_frame(&t->model, &chat, error));
        return cli_show_framed(t->model.format, &t->turns, &t->out, error);
    }
    SC_TRY(cli_model_open(&t->model, wanted, error));
    SC_TRY(sc_opened_frame(&t->model, &chat, error));
    t->command->sampling = sc_sampling_settle(&t->command->sampling, &t->model.sampling);
    if (t->model.remarks.len > 0)
        fputs(t->model.remarks.data, stderr);
    cli_catch_signals();
    SC_TRY(sample(t, error));
    return print_traces(t, error);
}

static int trace_prompt(const struct cli_options *options, const struct cli_model_options *wanted,
                        struct trace_command *command)
{
    struct traced t = {.command = command};
    struct sc_error error = {0};
    int exit_status = CLI_DONE;
    if (make_traces(&t, options, wanted, &error) != SC_OK)
        exit_status = cli_report_error("trace", &error);
    else if (!cli_write("trace", &t.out))
        exit_status = CLI_FAILED;
    else if (t.n_failed)
        exit_status = CLI_SOME_TRACES_FAILED;
    sc_text_free(&t.out);
    free_traces(&t.all);
    sc_conversation_free(&t.turns);
    sc_detector_close(&t.detector);
    sc_opened_close(&t.model);
    return exit_status;
}

int cli_trace(int argc, char **argv)
{
    struct cli_model_options wanted = cli_model_options_default();
    struct trace_command command = {
        .n_traces = 3, .window = 32, .detector = {.kind = (int)sc_detector_default()}};
    struct cli_options options = {
        .command = "trace",
        .synopsis = "PROMPT [--traces N] [options]",
        .summary =
            "Samples a few traces of one prompt and prints them, each token coloured by its\n"
            "confidence.  Control characters in model output are shown, never sent.",
        .max_positionals = 1};
    cli_add_model_options(&options, &wanted);
    cli_add_endpoint(&options, &command.endpoint);
    cli_add_size(&options, "traces", &command.n_traces, 1, 1000, "how many (3)");
    cli_add_size(&options, "max-new-tokens", &command.max_new_tokens, 1, 1e6, CLI_MAX_NEW_TOKENS);
    cli_add_sampling(&options, &command.sampling);
    cli_add_asked(&options, &command.asked);
    cli_add_flag(&options, "show-prompt", &command.show_prompt,
                 "print what the model is shown, and sample nothing");
    cli_add_uint64(&options, "seed", &command.seed, "of every trace (0)");
    cli_add_size(&options, "confidence-top-k", &wanted.confidence_top_k, 1, 1024,
                 "tokens that a confidence looks at (20)");
    cli_add_size(&options, "window", &command.window, 1, 1e6, "tokens of a confidence window (32)");
    cli_add_detector(&options, &command.detector);
    cli_add_choice(&options, "color", &command.colour, "auto|always|never",
                   "colour the tokens (auto)");
    cli_add_flag(&options, "no-sharing", &command.no_sharing, CLI_NO_SHARING);
    cli_add_flag(&options, "json", &command.json, "an object per trace");
    int parsed = cli_parse(&options, argc, argv);
    if (parsed >= 0)
        return parsed;
    if (options.n_positionals != 1)
        return cli_usage_error("trace", "expected a prompt");
    if (command.max_new_tokens == 0)
        command.max_new_tokens = sc_default_new_tokens(command.asked.thinking);
    return trace_prompt(&options, &wanted, &command);
}
