/* What all commands share in speaking to a person: errors, sizes, colours, signals. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"

int cli_report_error(const char *command, const struct sc_error *error)
{
    fprintf(stderr, "safeconf %s: %s\n", command,
            error->text[0] ? error->text : sc_status_text(error->status));
    if (error->status == SC_ERR_INTERRUPTED)
        return CLI_INTERRUPTED;
    return error->status == SC_ERR_ARGUMENT ? CLI_USAGE : CLI_FAILED;
}

int cli_usage_error(const char *command, const char *format, ...)
{
    char message[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct sc_error error = {0};
    sc_fail(&error, SC_ERR_ARGUMENT, "%s", message); /* makes the words of the user visible */
    return cli_report_error(command, &error);
}

void cli_say(const char *command, const char *format, ...)
{
    char *raw = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&raw, format, arguments);
    va_end(arguments);
    struct sc_text line = {0};
    if (length >= 0)
        sc_text_add_visible(&line, raw, (size_t)length, false);
    fprintf(stderr, "safeconf %s: %s\n", command,
            length < 0 || line.failed ? "out of memory" : line.data);
    sc_text_free(&line);
    free(raw);
}

enum sc_status cli_put(const struct sc_text *text, struct sc_error *error)
{
    if (text->failed)
        return sc_fail_nomem(error, "what is to be printed");
    if (fwrite(text->data != NULL ? text->data : "", 1, text->len, stdout) == text->len &&
        fflush(stdout) == 0)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "standard output: cannot write: %s", strerror(errno));
}

bool cli_write(const char *command, const struct sc_text *text)
{
    struct sc_error error = {0};
    if (cli_put(text, &error) == SC_OK)
        return true;
    cli_report_error(command, &error);
    return false;
}

int cli_rows_status(const char *command, size_t n_bad)
{
    if (n_bad == 0)
        return CLI_DONE;
    cli_say(command, "%zu row%s could not be read and %s left out", n_bad, n_bad == 1 ? "" : "s",
            n_bad == 1 ? "was" : "were");
    return CLI_SOME_TRACES_FAILED;
}

int cli_finish(int status)
{
    if ((status != CLI_DONE && status != CLI_SOME_TRACES_FAILED) ||
        (fflush(stdout) == 0 && !ferror(stdout)))
        return status;
    fprintf(stderr, "safeconf: standard output: cannot write: %s\n", strerror(errno));
    return CLI_FAILED;
}

bool cli_terminal(FILE *stream)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(stream)) && kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0;
}

bool cli_colour(FILE *stream)
{
    const char *wish = getenv("NO_COLOR");
    return cli_terminal(stream) && (wish == NULL || wish[0] == '\0');
}

size_t cli_width(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

const char *cli_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.3g %s", bytes, units[unit]);
    return out;
}

const char *cli_time(double seconds, char out[32])
{
    if (!isfinite(seconds) || seconds < 0)
        snprintf(out, 32, "--:--");
    else if (seconds < 3600)
        snprintf(out, 32, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(out, 32, "%.0fh%02d", floor(seconds / 3600), (int)fmod(seconds / 60, 60));
    return out;
}

/* Any thread may be the one that the signal comes to, while others read this. */
static atomic_int interrupted;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler must not wait for a lock");

static void on_signal(int number)
{
    int before = errno;
    if (atomic_exchange(&interrupted, 1)) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = before;
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of writing, not a death */
}

bool cli_interrupted(void)
{
    return atomic_load(&interrupted) != 0;
}
