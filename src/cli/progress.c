/* See progress.h. */
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Seconds between plain lines, where the environment names no others. */
static const double plain_interval = 15;

/* How each line of progress begins. */
#define BEGINNING "%zu/%zu prompts, %zu traces, %.0f tokens/s"
#define BEGINNING_READ "%zu/%zu prompts, %zu traces, %lf tokens/s%n"

/* Where the traces come from: how this process computes, or what the source is said to be. */
static void put_source(struct sc_text *line, const struct sc_run_facts *facts, bool here)
{
    sc_text_add_visible(line, facts->model, strlen(facts->model), false);
    if (here) {
        char computer[CLI_COMPUTER];
        sc_text_printf(line, " (%s, %s), ", facts->dtype,
                       cli_computer(facts->device, facts->kernels, facts->n_threads, computer));
        return;
    }
    sc_text_puts(line, " (");
    sc_text_add_visible(line, facts->source_kind, strlen(facts->source_kind), false);
    if (facts->software != NULL) {
        sc_text_puts(line, ", ");
        sc_text_add_visible(line, facts->software, strlen(facts->software), false);
    }
    if (facts->top_k > 0)
        sc_text_printf(line, ", %zu log-probabilities a token: %s), ", facts->top_k,
                       sc_logprob_kind_name(facts->logprobs));
    else
        sc_text_puts(line, ", no log-probabilities), ");
}

static void started(void *context, const struct sc_run_facts *facts)
{
    struct cli_progress *state = context;
    char weights[32], batch[32];
    bool here = strcmp(facts->source_kind, SC_SOURCE_IN_PROCESS) == 0;
    state->elsewhere = !here;
    if (state->quiet)
        return;
    struct sc_text line = {0};
    sc_text_puts(&line, facts->resumed ? "resuming: " : "");
    put_source(&line, facts, here);
    sc_text_add_visible(&line, facts->benchmark, strlen(facts->benchmark), false);
    sc_text_printf(&line, ": %zu prompt%s (%zu unsafe, %zu safe, %zu unknown)", facts->n_instances,
                   facts->n_instances == 1 ? "" : "s", facts->n_unsafe, facts->n_safe,
                   facts->n_unknown);
    if (facts->n_shards > 0)
        sc_text_printf(&line, ", shard %zu/%zu of %zu", facts->shard, facts->n_shards,
                       facts->n_all);
    if (facts->n_skipped)
        sc_text_printf(&line, " (%zu row%s without a prompt left out)", facts->n_skipped,
                       facts->n_skipped == 1 ? "" : "s");
    if (here)
        sc_text_printf(&line,
                       "; %zu traces in flight; memory: weights %s, traces and prompts up to %s",
                       facts->parallel, cli_bytes((double)facts->weight_bytes, weights),
                       cli_bytes((double)facts->batch_bytes, batch));
    else if (facts->parallel > 0)
        sc_text_printf(&line, "; up to %zu requests in flight", facts->parallel);
    if (!line.failed)
        fprintf(stderr, "%s\n", line.data);
    sc_text_free(&line);
    if (facts->remarks != NULL)
        fputs(facts->remarks, stderr);
    if (facts->demo)
        fprintf(stderr, "The bundled model is a demonstration: nothing about real models follows "
                        "from its results.\n");
}

void cli_progress_put(struct cli_progress *state, const char *line)
{
    if (!state->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    size_t length = strlen(line), width = cli_width(stderr) - 1,
           n = length < width ? length : width;
    fprintf(stderr, "\r%.*s%*s", (int)n, line,
            (int)(state->last_length > n ? state->last_length - n : 0), "");
    fflush(stderr);
    state->last_length = n;
}

static void progress(void *context, const struct sc_run_progress *now)
{
    struct cli_progress *state = context;
    if (state->quiet || (!state->terminal && now->seconds < state->next_line))
        return;
    char left[32], refused[32] = "-", flight[128], line[320];
    cli_time(now->seconds_left, left);
    if (now->n_judged)
        snprintf(refused, sizeof refused, "%.0f %%",
                 100.0 * (double)now->n_refused / (double)now->n_judged);
    if (!state->elsewhere)
        snprintf(flight, sizeof flight, "%llu tokens, %llu rows, width %zu/%zu",
                 (unsigned long long)now->n_tokens, (unsigned long long)now->n_rows, now->width,
                 now->parallel);
    else if (now->n_retries > 0)
        snprintf(flight, sizeof flight, "%zu/%zu requests in flight, %llu retries", now->width,
                 now->parallel, (unsigned long long)now->n_retries);
    else
        snprintf(flight, sizeof flight, "%zu/%zu requests in flight", now->width, now->parallel);
    int length = snprintf(line, sizeof line, BEGINNING ", %s, refused %s, %s left",
                          now->n_instances_done, now->n_instances, now->n_traces_done,
                          now->tokens_per_second, flight, refused, left);
    if (length < 0)
        return;
    cli_progress_put(state, line);
    state->next_line = now->seconds + state->interval;
}

static bool keep_going(void *context)
{
    (void)context;
    return !cli_interrupted();
}

struct sc_run_observer cli_progress_observer(struct cli_progress *state)
{
    const char *given = getenv(CLI_PROGRESS_VARIABLE);
    double seconds = given != NULL ? strtod(given, NULL) : 0;
    state->terminal = cli_terminal(stderr);
    state->next_line = state->interval = seconds > 0 ? seconds : plain_interval;
    return (struct sc_run_observer){
        .context = state, .started = started, .progress = progress, .keep_going = keep_going};
}

bool cli_progress_read(const char *line, struct sc_run_progress *out)
{
    int end = 0;
    *out = (struct sc_run_progress){0};
    return sscanf(line, BEGINNING_READ, &out->n_instances_done, &out->n_instances,
                  &out->n_traces_done, &out->tokens_per_second, &end) == 4 &&
           end > 0;
}

void cli_progress_end(struct cli_progress *state)
{
    if (state->last_length)
        fprintf(stderr, "\r%*s\r", (int)state->last_length, "");
    state->last_length = 0;
}
