/*
 * SIGBUS: a weight file is mapped, and where another program cuts it short there is nothing left to
 * read.  Nothing can be computed from there on; what was stored was stored in transactions.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli/cli.h"

/* The line of progress may stand unfinished there.  Set before the handler is. */
static bool on_terminal;

/* Calls only what a signal handler may. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    static const char text[] =
        "safeconf: a file that the program reads (a model's weights) was cut short while it was in "
        "use: expected all of it, found its end; what was stored before is whole\n";
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        /* A fault of another kind ends the program as it is: the instruction is tried again. */
        signal(number, SIG_DFL);
        return;
    }
    if (on_terminal && write(STDERR_FILENO, "\n", 1) < 0)
        _exit(CLI_FAILED);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(CLI_FAILED); /* there is nobody to tell */
    _exit(CLI_FAILED);
}

void cli_explain_bus_errors(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    on_terminal = isatty(STDERR_FILENO);
    sigaction(SIGBUS, &action, NULL);
}
