/* What all commands share in speaking to a person: errors, sizes, colours, signals. */
#include <errno.h>
#include <signal.h>
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

bool cli_write(const char *command, const struct sc_text *text)
{
    if (!text->failed &&
        fwrite(text->data != NULL ? text->data : "", 1, text->len, stdout) == text->len &&
        fflush(stdout) == 0)
        return true;
    fprintf(stderr, "safeconf %s: standard output: cannot write: %s\n", command,
            text->failed ? "out of memory" : strerror(errno));
    return false;
}

bool cli_colour(FILE *stream)
{
    const char *wish = getenv("NO_COLOR");
    return isatty(fileno(stream)) && (wish == NULL || wish[0] == '\0');
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

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    if (interrupted) {
        signal(number, SIG_DFL);
        raise(number);
    }
    interrupted = 1;
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
    return interrupted != 0;
}
