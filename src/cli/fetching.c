/* See fetching.h. */
#include "cli/fetching.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

/* Seconds between plain lines, and between two of a terminal. */
static const double plain_interval = 10, terminal_interval = 0.2;

void cli_fetching_begin(struct cli_fetching *state, bool quiet)
{
    *state = (struct cli_fetching){.quiet = quiet, .terminal = cli_terminal(stderr)};
    state->began = sc_seconds();
    state->next_line = state->began + (state->terminal ? terminal_interval : plain_interval);
}

static void describe(struct sc_text *line, const struct sc_download_progress *p)
{
    char done[32], total[32], speed[32], left[32];
    if (p->n_waiting > 0 && p->n_bytes == 0) {
        sc_text_puts(line, "waiting for another process that fetches the same");
        return;
    }
    if (p->n_bytes == 0)
        return;
    if (p->n_files_total > 8)
        sc_text_printf(line, "%zu of %zu files, ", p->n_files, p->n_files_total);
    sc_text_puts(line, cli_bytes((double)p->n_bytes, done));
    if (p->n_bytes_total > 0)
        sc_text_printf(line, " of %s", cli_bytes((double)p->n_bytes_total, total));
    if (p->bytes_per_second > 0)
        sc_text_printf(line, ", %s/s", cli_bytes(p->bytes_per_second, speed));
    sc_text_printf(line, ", %s left", cli_time(p->seconds_left, left));
}

static void rewrite(struct cli_fetching *state, const struct sc_text *line)
{
    size_t width = cli_width(stderr) - 1, n = line->len < width ? line->len : width;
    fprintf(stderr, "\r%.*s%*s", (int)n, line->data,
            (int)(state->last_length > n ? state->last_length - n : 0), "");
    fflush(stderr);
    state->last_length = n;
}

bool cli_fetching_step(void *context, const struct sc_download_progress *progress)
{
    struct cli_fetching *state = context;
    double now = sc_seconds();
    if (state->quiet || now < state->next_line)
        return !cli_interrupted();
    struct sc_text line = {0};
    describe(&line, progress);
    if (line.len > 0 && !line.failed && state->terminal)
        rewrite(state, &line);
    else if (line.len > 0 && !line.failed)
        fprintf(stderr, "%s\n", line.data);
    sc_text_free(&line);
    state->next_line = now + (state->terminal ? terminal_interval : plain_interval);
    return !cli_interrupted();
}

void cli_fetching_end(struct cli_fetching *state)
{
    if (state->last_length > 0)
        fprintf(stderr, "\r%*s\r", (int)state->last_length, "");
    state->last_length = 0;
}

bool cli_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool cli_confirm(const char *question)
{
    char answer[64];
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    return answer[0] == 'y' || answer[0] == 'Y';
}
