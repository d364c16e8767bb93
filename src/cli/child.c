/* See child.h. */
#include "cli/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"

static const int poll_milliseconds = 100;

/* What the child writes, line by line. */
struct lines {
    const struct cli_child *child;
    struct cli_child_result *result;
    struct sc_text line;
};

/* ---- the child's side: between fork and exec nothing is allocated ------------------------------
 */

static void become(char **argv, int output, pid_t parent)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0); /* a terminal's Ctrl-C comes to us alone, who pass it on */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (nothing < 0 || getppid() != parent || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 ||
        dup2(output, 2) < 0)
        _exit(CLI_FAILED);
    execv("/proc/self/exe", argv);
    static const char message[] = "safeconf: the program cannot start itself (/proc/self/exe)\n";
    if (write(2, message, sizeof message - 1) < 0)
        _exit(CLI_FAILED);
    _exit(CLI_FAILED);
}

/* ---- ours -------------------------------------------------------------------------------------
 */

static void end_line(struct lines *lines)
{
    struct sc_text shown = {0};
    struct sc_text *line = &lines->line;
    sc_text_add_visible(&shown, line->data != NULL ? line->data : "", line->len, false);
    if (!shown.failed && shown.len > 0) {
        if (!lines->child->quiet)
            fprintf(stderr, "[%s] %s\n", lines->child->name, shown.data);
        snprintf(lines->result->last_line, sizeof lines->result->last_line, "%s", shown.data);
    }
    sc_text_free(&shown);
    sc_text_clear(line);
}

static void take(struct lines *lines, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || lines->line.len > 4000)
            end_line(lines);
        if (bytes[i] != '\n')
            sc_text_putc(&lines->line, bytes[i]);
    }
}

/* Reads what is there; false at the end. */
static bool drain(struct lines *lines, int input)
{
    char bytes[4096];
    for (;;) {
        ssize_t n = read(input, bytes, sizeof bytes);
        if (n > 0)
            take(lines, bytes, (size_t)n);
        else if (n == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN || errno == EWOULDBLOCK;
    }
}

/* Asks the child to stop, once, when we were asked to or its time is over. */
static void stop_in_time(struct lines *lines, pid_t pid, bool *asked)
{
    bool late = sc_seconds() >= lines->child->deadline;
    if (*asked || (!late && !cli_interrupted()))
        return;
    *asked = true;
    lines->result->out_of_time = late && !cli_interrupted();
    kill(pid, SIGINT);
}

/* A process that the child left behind may hold its output open: the child's own end counts. */
static int follow(struct lines *lines, pid_t pid, int input)
{
    bool asked = false, open = true;
    int status = 0;
    for (;;) {
        struct pollfd wait = {.fd = open ? input : -1, .events = POLLIN};
        poll(&wait, 1, poll_milliseconds);
        stop_in_time(lines, pid, &asked);
        pid_t ended = waitpid(pid, &status, WNOHANG);
        open = open && drain(lines, input);
        if (ended == pid || (ended < 0 && errno != EINTR))
            return status;
    }
}

static enum sc_status fail_start(struct sc_error *error, const char *what)
{
    return sc_fail(error, SC_ERR_IO, "%s: %s", what, strerror(errno));
}

static enum sc_status start(char **argv, struct lines *lines, struct sc_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_start(error, "a pipe to a run");
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, ends[1], parent);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return fail_start(error, "the process of a run");
    }
    setpgid(pid, pid); /* whoever of both is first */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    double began = sc_seconds();
    int status = follow(lines, pid, ends[0]);
    close(ends[0]);
    end_line(lines);
    lines->result->seconds = sc_seconds() - began;
    lines->result->status = WIFEXITED(status) ? WEXITSTATUS(status)
                                              : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    if (WIFSIGNALED(status))
        snprintf(lines->result->last_line, sizeof lines->result->last_line,
                 "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return SC_OK;
}

enum sc_status cli_child_run(const struct cli_child *child, struct cli_child_result *result,
                             struct sc_error *error)
{
    assert(child->words != NULL && child->name != NULL && result != NULL);
    static char name[] = "safeconf";
    struct lines lines = {.child = child, .result = result};
    *result = (struct cli_child_result){0};
    char **argv = sc_alloc_array(child->n_words + 2, sizeof *argv);
    if (argv == NULL)
        return sc_fail_nomem(error, "words of a run");
    argv[0] = name;
    for (size_t i = 0; i < child->n_words; i++)
        argv[i + 1] = child->words[i];
    argv[child->n_words + 1] = NULL;
    enum sc_status status = start(argv, &lines, error);
    sc_text_free(&lines.line);
    sc_free(argv);
    return status;
}
