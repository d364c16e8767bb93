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

/* ---- the child's side: between fork and exec nothing is allocated ------------------------------
 */

static void become(char **argv, int nothing, int output, pid_t parent)
{
    setpgid(0, 0); /* a terminal's Ctrl-C comes to us alone, who pass it on */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    /* Without us nobody reads what it says: it still ends in order, not at its next word. */
    signal(SIGPIPE, SIG_IGN);
    if (getppid() != parent || dup2(output, 2) < 0)
        _exit(CLI_FAILED);
    if (dup2(nothing, 0) >= 0 && dup2(nothing, 1) >= 0)
        execv("/proc/self/exe", argv);
    /* no strerror, which may allocate */
    const char *why = strerrordesc_np(errno);
    const char *const words[] = {"safeconf: the program cannot start itself (/proc/self/exe): ",
                                 why != NULL ? why : "the system does not say why", "\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (write(2, words[i], strlen(words[i])) < 0)
            break;
    _exit(CLI_FAILED);
}

/* ---- ours -------------------------------------------------------------------------------------
 */

static void end_line(struct cli_child_process *process)
{
    const struct cli_child *child = &process->child;
    struct sc_text shown = {0};
    struct sc_text *line = &process->line;
    sc_text_add_visible(&shown, line->data != NULL ? line->data : "", line->len, false);
    bool whole = !shown.failed && shown.len > 0;
    if (whole && (child->take == NULL || !child->take(child->context, shown.data))) {
        if (!child->quiet)
            fprintf(stderr, "[%s] %s\n", child->name, shown.data);
        snprintf(process->result.last_line, sizeof process->result.last_line, "%s", shown.data);
    }
    sc_text_free(&shown);
    sc_text_clear(line);
}

static void take(struct cli_child_process *process, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || process->line.len > 4000)
            end_line(process);
        if (bytes[i] != '\n')
            sc_text_putc(&process->line, bytes[i]);
    }
}

/* Reads what is there; closes at the end. */
static void drain(struct cli_child_process *process)
{
    char bytes[4096];
    while (process->output >= 0) {
        ssize_t n = read(process->output, bytes, sizeof bytes);
        if (n > 0) {
            take(process, bytes, (size_t)n);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) {
            close(process->output);
            process->output = -1;
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* Asks the child to stop, once, when we were asked to or its time is over. */
static void stop_in_time(struct cli_child_process *process)
{
    bool late = sc_seconds() >= process->child.deadline;
    if (process->asked || (!late && !cli_interrupted()))
        return;
    process->asked = true;
    process->result.out_of_time = late && !cli_interrupted();
    kill(process->pid, SIGINT);
}

static void end(struct cli_child_process *process, int status)
{
    struct cli_child_result *result = &process->result;
    end_line(process);
    sc_text_free(&process->line);
    if (process->output >= 0)
        close(process->output);
    process->output = -1;
    process->pid = 0;
    result->seconds = sc_seconds() - process->began;
    result->status = WIFEXITED(status) ? WEXITSTATUS(status)
                                       : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    if (WIFSIGNALED(status))
        snprintf(result->last_line, sizeof result->last_line, "ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static enum sc_status fail_start(struct sc_error *error, const char *what)
{
    return sc_fail(error, SC_ERR_IO, "%s: %s", what, strerror(errno));
}

static enum sc_status start(struct cli_child_process *process, char **argv, struct sc_error *error)
{
    int ends[2], nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return fail_start(error, "/dev/null: cannot open");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fail_start(error, "a pipe to a run");
        close(nothing);
        return SC_ERR_IO;
    }
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, nothing, ends[1], parent);
    int why = errno;
    close(nothing);
    close(ends[1]);
    errno = why;
    if (pid < 0) {
        close(ends[0]);
        return fail_start(error, "the process of a run");
    }
    setpgid(pid, pid); /* whoever of both is first */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    process->began = sc_seconds();
    process->pid = pid;
    process->output = ends[0];
    return SC_OK;
}

enum sc_status cli_child_start(struct cli_child_process *process, const struct cli_child *child,
                               struct sc_error *error)
{
    assert(child->words != NULL && child->name != NULL);
    static char name[] = "safeconf";
    *process = (struct cli_child_process){.child = *child, .output = -1};
    char **argv = sc_alloc_array(child->n_words + 2, sizeof *argv);
    if (argv == NULL)
        return sc_fail_nomem(error, "words of a run");
    argv[0] = name;
    for (size_t i = 0; i < child->n_words; i++)
        argv[i + 1] = child->words[i];
    argv[child->n_words + 1] = NULL;
    enum sc_status status = start(process, argv, error);
    sc_free(argv);
    return status;
}

void cli_child_wait(const struct cli_child_process *processes, size_t n)
{
    struct pollfd outputs[CLI_MOST_CHILDREN];
    assert(n <= CLI_MOST_CHILDREN);
    for (size_t i = 0; i < n; i++)
        outputs[i] = (struct pollfd){.fd = processes[i].output, .events = POLLIN};
    poll(outputs, n, poll_milliseconds);
}

/* A process that the child left behind may hold its output open: the child's own end counts. */
bool cli_child_step(struct cli_child_process *process)
{
    int status = 0;
    if (process->pid == 0)
        return false;
    stop_in_time(process);
    pid_t ended = waitpid(process->pid, &status, WNOHANG);
    drain(process);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return true;
    end(process, status);
    return false;
}

enum sc_status cli_child_run(const struct cli_child *child, struct cli_child_result *result,
                             struct sc_error *error)
{
    struct cli_child_process process;
    *result = (struct cli_child_result){0};
    SC_TRY(cli_child_start(&process, child, error));
    do
        cli_child_wait(&process, 1);
    while (cli_child_step(&process));
    *result = process.result;
    return SC_OK;
}
