/* See trace_servers.h.  What the server does not give is not shown, and null in JSON. */
#include "cli/trace_servers.h"

#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "cli/shades.h"
#include "detection/detection.h"
#include "experiment/reading.h"
#include "experiment/store/run_data.h"
#include "source/source.h"

/* A trace as it was given. */
struct kept {
    bool done;
    enum sc_finish finish;
    char *failure, *text, *answer, *reasoning; /* NULL: none */
    size_t n_tokens, n_reasoning;
    bool n_tokens_known;
    unsigned figures;
    struct sc_token_stats *stats; /* [n_tokens] or NULL, and so on */
    int32_t *ids;
    uint32_t *ends;
};

struct collection {
    const struct cli_trace_servers *asked;
    struct sc_source source;
    struct sc_source_info info;
    void *prompt;
    struct kept *traces; /* [n_traces] */
    size_t n_requested;
};

/* ---- sampling -------------------------------------------------------------------------------- */

static int next(void *context, struct sc_source_request *request)
{
    struct collection *all = context;
    if (all->n_requested == all->asked->n_traces)
        return -1;
    *request = (struct sc_source_request){
        .prompt = all->prompt,
        .instance_key = sc_hash64(all->asked->prompt, strlen(all->asked->prompt)),
        .trace_index = (uint32_t)all->n_requested++};
    return 1;
}

/* false: no memory. */
static bool copy_text(const char *from, char **to)
{
    *to = sc_strdup(from);
    return *to != NULL || from == NULL;
}

static bool copy_array(const void *from, size_t n, size_t size, void *to)
{
    void *copy = from != NULL ? sc_alloc_array(n, size) : NULL;
    if (copy != NULL && n > 0)
        memcpy(copy, from, n * size);
    memcpy(to, &copy, sizeof copy);
    return copy != NULL || from == NULL;
}

static enum sc_status keep(void *context, const struct sc_source_request *request,
                           const struct sc_source_trace *trace, struct sc_error *error)
{
    struct collection *all = context;
    struct kept *kept = &all->traces[request->trace_index];
    *kept = (struct kept){.done = true,
                          .finish = trace->finish,
                          .n_tokens = trace->n_tokens,
                          .n_reasoning = trace->n_reasoning,
                          .n_tokens_known = trace->n_tokens_known,
                          .figures = trace->figures};
    bool copied = copy_text(trace->failure, &kept->failure) &&
                  copy_text(trace->text, &kept->text) && copy_text(trace->answer, &kept->answer) &&
                  copy_text(trace->reasoning, &kept->reasoning) &&
                  copy_array(trace->stats, trace->n_tokens, sizeof *kept->stats, &kept->stats) &&
                  copy_array(trace->ids, trace->n_tokens, sizeof *kept->ids, &kept->ids) &&
                  copy_array(trace->text_ends, trace->n_tokens, sizeof *kept->ends, &kept->ends);
    return copied ? SC_OK : sc_fail_nomem(error, "a trace");
}

static bool go_on(void *context, const struct sc_source_progress *progress)
{
    (void)context;
    (void)progress;
    return !cli_interrupted();
}

static enum sc_status sample(struct collection *all, struct sc_error *error)
{
    const struct cli_trace_servers *asked = all->asked;
    const struct sc_chat_options chat = cli_chat_options(asked->asked);
    const struct sc_source_wish wish = {.size = sizeof wish,
                                        .sampling = asked->sampling,
                                        .max_new_tokens = asked->max_new_tokens,
                                        .confidence_top_k = asked->confidence_top_k,
                                        .thinking = asked->asked->thinking,
                                        .special = asked->asked->special,
                                        .seed = asked->seed,
                                        .n_turns = 1};
    const struct sc_feed feed = {.context = all, .next = next, .done = keep, .step = go_on};
    all->traces = sc_alloc_zero(asked->n_traces, sizeof *all->traces);
    if (all->traces == NULL)
        return sc_fail_nomem(error, "traces");
    SC_TRY(cli_endpoint_open(asked->endpoint, asked->model, &chat, &all->source, error));
    const struct sc_source_functions *functions = all->source.functions;
    void *context = all->source.context;
    all->info.size = sizeof all->info;
    SC_TRY(functions->describe(context, &wish, &all->info, error));
    SC_TRY(
        functions->prepare(context, asked->turns->messages, asked->turns->n, &all->prompt, error));
    cli_catch_signals();
    SC_TRY(functions->sample(context, &feed, error));
    return sc_source_unchanged(&all->source, error);
}

static void release(struct collection *all)
{
    for (size_t i = 0; all->traces != NULL && i < all->asked->n_traces; i++) {
        struct kept *kept = &all->traces[i];
        sc_free(kept->failure);
        sc_free(kept->text);
        sc_free(kept->answer);
        sc_free(kept->reasoning);
        sc_free(kept->stats);
        sc_free(kept->ids);
        sc_free(kept->ends);
    }
    sc_free(all->traces);
    if (all->source.functions != NULL)
        sc_source_drop(&all->source, all->prompt);
    sc_source_close(&all->source);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static float figure(const struct kept *trace, enum sc_figure which, size_t t)
{
    if (trace->stats == NULL || !(trace->figures >> which & 1))
        return NAN;
    const struct sc_token_stats *stats = &trace->stats[t];
    return which == SC_FIGURE_LOGPROB           ? stats->logprob
           : which == SC_FIGURE_SAMPLED_LOGPROB ? stats->sampled_logprob
                                                : stats->confidence;
}

static enum sc_status find_metrics(const struct kept *trace, size_t window, double *metrics,
                                   struct sc_error *error)
{
    size_t n = trace->stats != NULL ? trace->n_tokens : 0;
    float *figures = sc_alloc_array(n, 2 * sizeof *figures);
    if (figures == NULL)
        return sc_fail_nomem(error, "figures of a trace");
    for (size_t t = 0; t < n; t++) {
        figures[t] = figure(trace, SC_FIGURE_CONFIDENCE, t);
        figures[n + t] = figure(trace, SC_FIGURE_LOGPROB, t);
    }
    sc_trace_metrics(figures, figures + n, n, window, metrics);
    sc_free(figures);
    return SC_OK;
}

/* All confidences that there are. */
static enum sc_status find_cuts(const struct collection *all, float *cuts, struct sc_error *error)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < all->asked->n_traces; i++)
        n += all->traces[i].n_tokens;
    float *values = sc_alloc_array(n, sizeof *values);
    if (values == NULL)
        return sc_fail_nomem(error, "confidences");
    for (size_t i = 0; i < all->asked->n_traces; i++)
        for (size_t t = 0; t < all->traces[i].n_tokens; t++) {
            values[k] = figure(&all->traces[i], SC_FIGURE_CONFIDENCE, t);
            k += isfinite(values[k]) ? 1 : 0;
        }
    cli_shade_cuts(values, k, cuts);
    sc_free(values);
    return SC_OK;
}

static void add_shaded(struct sc_text *out, const char *text, size_t n, const char *shade)
{
    sc_text_puts(out, shade);
    for (size_t i = 0; i < n;) {
        char piece[16];
        i += sc_visible_char(text + i, n - i, true, piece, sizeof piece);
        if (*shade != '\0' && piece[0] == '\n')
            sc_text_puts(out, CLI_SHADE_END "\n"); /* it must not run to the end of the line */
        else
            sc_text_puts(out, piece);
    }
    if (*shade != '\0')
        sc_text_puts(out, CLI_SHADE_END);
}

/* The text, each token in its shade where it is known which bytes are its; cuts NULL: none. */
static void add_text(struct sc_text *out, const struct kept *trace, const float *cuts)
{
    size_t at = 0;
    for (size_t t = 0; cuts != NULL && trace->ends != NULL && t < trace->n_tokens; t++) {
        const char *shade = cli_shade(figure(trace, SC_FIGURE_CONFIDENCE, t), cuts);
        add_shaded(out, trace->text + at, trace->ends[t] - at, shade);
        at = trace->ends[t];
    }
    add_shaded(out, trace->text + at, strlen(trace->text + at), "");
}

static void add_number(struct sc_text *out, const char *name, double value)
{
    if (isfinite(value))
        sc_text_printf(out, " %s %.2f", name, value);
    else
        sc_text_printf(out, " %s not given", name);
}

static void add_readable(struct sc_text *out, size_t index, const struct kept *trace,
                         const struct sc_detection *found, const double *metrics, const float *cuts)
{
    sc_text_printf(out, "trace %zu: %s (%s), ", index, sc_verdict_name(found->verdict),
                   found->rule);
    if (trace->n_tokens_known)
        sc_text_printf(out, "%zu tokens, ", trace->n_tokens);
    sc_text_printf(out, "%s; confidence", sc_finish_name(trace->finish));
    add_number(out, "mean", metrics[SC_METRIC_MEAN]);
    sc_text_puts(out, ",");
    add_number(out, "lowest window", metrics[SC_METRIC_LOWEST]);
    sc_text_putc(out, '\n');
    if (trace->reasoning != NULL) {
        sc_text_puts(out, "reasoning said apart: ");
        sc_text_add_visible(out, trace->reasoning, strlen(trace->reasoning), true);
        sc_text_putc(out, '\n');
    }
    add_text(out, trace, cuts);
    sc_text_puts(out, "\n\n");
}

static void add_json(struct sc_text *text, const struct collection *all, size_t index,
                     const struct sc_detection *found, const double *metrics)
{
    const struct kept *trace = &all->traces[index];
    struct sc_json_writer out = {.text = text};
    sc_json_put_object(&out, NULL);
    sc_json_put_count(&out, "trace", index);
    sc_json_put_string(&out, "verdict", sc_verdict_name(found->verdict));
    sc_json_put_string(&out, "finish_reason", sc_finish_name(trace->finish));
    sc_json_put_string(&out, "answer", trace->answer != NULL ? trace->answer : trace->text);
    if (trace->reasoning != NULL)
        sc_json_put_string(&out, "reasoning", trace->reasoning);
    if (all->asked->prefill != NULL)
        sc_json_put_string(&out, "prefill", all->asked->prefill);
    sc_json_put_string(&out, "logprobs", sc_logprob_kind_name(all->info.logprobs));
    sc_json_put_count(&out, "top_k", all->info.top_k);
    sc_json_put_object(&out, "metrics");
    for (int m = 0; m < SC_N_METRICS; m++)
        sc_json_put_number(&out, sc_metric_name((enum sc_metric)m), metrics[m]);
    sc_json_put_end_object(&out);
    sc_json_put_array(&out, "tokens");
    for (size_t t = 0; trace->stats != NULL && t < trace->n_tokens; t++) {
        sc_json_put_object(&out, NULL);
        sc_json_put_number(&out, "id", trace->ids != NULL ? trace->ids[t] : (double)NAN);
        for (int f = 0; f < SC_N_FIGURES; f++)
            sc_json_put_number(
                &out, sc_figure_name((enum sc_figure)f),
                f == SC_FIGURE_ENTROPY ? (double)NAN : (double)figure(trace, (enum sc_figure)f, t));
        sc_json_put_end_object(&out);
    }
    sc_json_put_end_array(&out);
    sc_json_put_end_object(&out);
    sc_text_putc(text, '\n');
}

static enum sc_status add_trace(const struct collection *all, size_t index, const float *cuts,
                                struct sc_text *out, struct sc_error *error)
{
    const struct cli_trace_servers *asked = all->asked;
    const struct kept *trace = &all->traces[index];
    struct sc_detection found = {0};
    double metrics[SC_N_METRICS];
    SC_TRY(sc_answer_detect(asked->detector, asked->prompt, asked->prefill,
                            trace->answer != NULL ? trace->answer : trace->text, &found, error));
    if (found.verdict == SC_EMPTY && trace->finish == SC_FINISH_LENGTH &&
        (trace->n_reasoning > 0 || trace->answer != NULL || trace->reasoning != NULL))
        found = sc_detection_plain(SC_UNREACHED, SC_UNREACHED_RULE);
    SC_TRY(find_metrics(trace, asked->window, metrics, error));
    if (asked->json)
        add_json(out, all, index, &found, metrics);
    else
        add_readable(out, index, trace, &found, metrics, cuts);
    return SC_OK;
}

static enum sc_status show(const struct collection *all, struct sc_text *out, size_t *n_failed,
                           struct sc_error *error)
{
    const struct cli_trace_servers *asked = all->asked;
    float cuts[CLI_N_SHADES - 1];
    SC_TRY(find_cuts(all, cuts, error));
    if (asked->prefill != NULL && !asked->json) {
        sc_text_puts(out, "Each answer begins with this, which is given and not sampled: ");
        sc_text_add_visible(out, asked->prefill, strlen(asked->prefill), true);
        sc_text_puts(out, "\n\n");
    }
    for (size_t i = 0; i < asked->n_traces; i++) {
        const struct kept *trace = &all->traces[i];
        if (trace->finish == SC_FINISH_FAILED || !trace->done) {
            ++*n_failed;
            cli_say("trace", "trace %zu failed: %s", i,
                    trace->failure != NULL ? trace->failure : "no reason given");
            continue;
        }
        SC_TRY(add_trace(all, i, asked->colour ? cuts : NULL, out, error));
    }
    if (asked->colour && !asked->json && all->info.top_k > 0)
        cli_add_shades(out, cuts);
    if (!asked->json && all->info.top_k > 0 &&
        (all->info.logprobs != SC_LOGPROBS_RAW || all->info.top_k < asked->confidence_top_k))
        sc_text_printf(out, "(confidence of %zu log-probabilities a token: %s)\n", all->info.top_k,
                       sc_logprob_kind_name(all->info.logprobs));
    return SC_OK;
}

/* They may name what the server says of itself. */
static void say_remarks(const char *remarks)
{
    struct sc_text visible = {0};
    if (remarks != NULL)
        sc_text_add_visible(&visible, remarks, strlen(remarks), true);
    if (visible.len > 0 && !visible.failed)
        fputs(visible.data, stderr);
    sc_text_free(&visible);
}

enum sc_status cli_trace_from_servers(const struct cli_trace_servers *asked, struct sc_text *out,
                                      size_t *n_failed, struct sc_error *error)
{
    struct collection all = {.asked = asked};
    enum sc_status status = sample(&all, error);
    if (status != SC_OK)
        goto done;
    say_remarks(all.info.remarks);
    status = show(&all, out, n_failed, error);
done:
    release(&all);
    return status;
}
