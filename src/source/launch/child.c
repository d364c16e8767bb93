/* See child.h.  Between fork and exec, and in the keeper, nothing of this library is called. */
#include "source/launch/child.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/keys.h"
#include "base/memory.h"

enum { LOOK_MS = 100, MOST_READ = 64 << 10, MOST_DESCRIPTORS = 65536 };

/* What the keeper tells: the program's process, or why it could not be started. */
struct notice {
    pid_t program;
    int error;
};

static int status_of(int waited)
{
    return WIFSIGNALED(waited) ? 128 + WTERMSIG(waited) : WEXITSTATUS(waited);
}

/* ---- in the new processes -------------------------------------------------------------------- */

static void reset_signals(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes descriptors first ... last; last -1: all from there on. */
static void close_range_of(int first, int last)
{
    if (last >= 0 && last < first)
        return;
    if (close_range((unsigned)first, last < 0 ? ~0u : (unsigned)last, 0) == 0)
        return;
    for (int fd = first; fd <= (last < 0 ? MOST_DESCRIPTORS : last); fd++) /* older kernels */
        close(fd);
}

/* Closes all but the first three and two others (-1: none). */
static void close_others(int kept, int kept_too)
{
    int low = kept < kept_too ? kept : kept_too, high = kept < kept_too ? kept_too : kept;
    if (low >= 3)
        close_range_of(3, low - 1);
    close_range_of(low >= 3 ? low + 1 : 3, high >= 3 ? high - 1 : -1);
    if (high >= 3)
        close_range_of(high + 1, -1);
}

static void use_log(int log)
{
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0)
        dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
}

_Noreturn static void become(char *const *words, char *const *environment, pid_t parent, int report)
{
    struct notice notice = {.program = getpid()};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    reset_signals();
    execvpe(words[0], words, environment);
    notice.error = errno;
    ssize_t written = write(report, &notice, sizeof notice);
    (void)written;
    _exit(127);
}

/* Sends a signal to every process whose parent this one is; how many there are. */
static size_t signal_children(int number)
{
    DIR *processes = opendir("/proc");
    size_t n = 0;
    if (processes == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[sizeof entry->d_name + 16], line[512];
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = file >= 0 ? read(file, line, sizeof line - 1) : -1;
        if (file >= 0)
            close(file);
        line[length > 0 ? length : 0] = '\0';
        const char *after_name = strrchr(line, ')'); /* "PID (NAME) S PARENT ..." */
        if (after_name == NULL || strlen(after_name) < 5 ||
            strtol(after_name + 4, NULL, 10) != getpid())
            continue;
        kill(pid, number);
        n++;
    }
    closedir(processes);
    return n;
}

static double keeper_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Takes the children that have ended; false: none is left.  *status: of the program. */
static bool reap(pid_t program, int *status)
{
    int waited;
    pid_t pid;
    while ((pid = waitpid(-1, &waited, WNOHANG)) > 0)
        if (pid == program)
            *status = status_of(waited);
    return pid == 0;
}

/* Waits until the program, or everybody, has ended; false: the time is over. */
static bool wait_for(pid_t program, bool everybody, double seconds, int *status)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    double until = keeper_seconds() + seconds;
    while (reap(program, status)) {
        if (!everybody && *status >= 0)
            return true;
        if (keeper_seconds() >= until)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* Ends the program with its group, and then whatever the keeper has come to be the parent of. */
static void end_all(pid_t program, int *status)
{
    kill(-program, SIGTERM);
    wait_for(program, false, SC_CHILD_GRACE, status);
    signal_children(SIGTERM);
    wait_for(program, true, 1, status);
    kill(-program, SIGKILL);
    do
        signal_children(SIGKILL);
    while (!wait_for(program, true, 0.02, status));
}

_Noreturn static void keep(pid_t program, int control)
{
    int status = -1;
    struct pollfd end = {.fd = control, .events = POLLIN};
    for (;;) {
        bool asked = poll(&end, 1, LOOK_MS) > 0;
        bool any = reap(program, &status);
        if (asked || status >= 0 || !any)
            break;
    }
    end_all(program, &status);
    _exit(status >= 0 ? status : 0);
}

_Noreturn static void be_keeper(char *const *words, char *const *environment, int log, int control,
                                int report)
{
    pid_t self;
    setsid();
    self = getpid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "safeconf-keeper");
    use_log(log);
    close_others(control, report);
    /* Whoever ends the processes of this name ends the run, and the pipe says so. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    struct notice notice = {.program = fork()};
    if (notice.program == 0) {
        close(control);
        become(words, environment, self, report);
    }
    notice.error = notice.program < 0 ? errno : 0;
    ssize_t written = write(report, &notice, sizeof notice);
    if (notice.program < 0 || written != sizeof notice)
        _exit(127);
    setpgid(notice.program, notice.program); /* whichever of both comes first */
    close(report);
    keep(notice.program, control);
}

/* ---- in this process ------------------------------------------------------------------------- */

/* Reads what the keeper tells, until the program has begun or could not. */
static struct notice read_notices(int report)
{
    struct notice notice = {.error = EPIPE}, one;
    ssize_t n;
    do {
        n = read(report, &one, sizeof one);
        if (n == sizeof one)
            notice = one;
    } while ((n == sizeof one && notice.error == 0) || (n < 0 && errno == EINTR));
    return notice;
}

static enum sc_status fork_keeper(struct sc_child *child, const struct sc_child_program *start,
                                  int log, int control, int report[2], struct sc_error *error)
{
    char *const *words = start->words;
    char **without = start->keys ? NULL : sc_environment_without_keys();
    if (without == NULL && !start->keys)
        return sc_fail_nomem(error, words[0]);
    child->keeper = fork();
    if (child->keeper == 0)
        be_keeper(words, without != NULL ? without : environ, log, control, report[1]);
    sc_free(without);
    close(report[1]);
    report[1] = -1;
    if (child->keeper < 0)
        return sc_fail(error, SC_ERR_IO, "%s: %s", words[0], strerror(errno));
    struct notice notice = read_notices(report[0]);
    child->program = notice.program;
    if (notice.error == 0)
        return SC_OK;
    waitpid(child->keeper, NULL, 0);
    return sc_fail(error, SC_ERR_IO, "%s: %s", words[0], strerror(notice.error));
}

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum sc_status sc_child_start(struct sc_child *child, const struct sc_child_program *start,
                              const char *log, struct sc_error *error)
{
    assert(start->words[0] != NULL);
    int control[2] = {-1, -1}, report[2] = {-1, -1};
    int file = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    enum sc_status status = SC_OK;
    *child = (struct sc_child){.control = -1};
    if (file < 0 || pipe2(control, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0)
        status =
            sc_fail(error, SC_ERR_IO, "%s: %s", file < 0 ? log : start->words[0], strerror(errno));
    else
        status = fork_keeper(child, start, file, control[0], report, error);
    close_one(file);
    close_one(control[0]);
    close_one(report[0]);
    close_one(report[1]);
    if (status != SC_OK) {
        close_one(control[1]);
        *child = (struct sc_child){.control = -1};
        return status;
    }
    child->control = control[1];
    return SC_OK;
}

static void take_status(struct sc_child *child, pid_t pid, int waited)
{
    child->ended = true;
    child->status = pid == child->keeper ? status_of(waited) : 0;
    /* A keeper that was killed has left its program behind. */
    if (pid != child->keeper || WIFSIGNALED(waited))
        kill(-child->program, SIGKILL);
}

bool sc_child_runs(struct sc_child *child)
{
    int waited = 0;
    if (child->keeper == 0 || child->ended)
        return false;
    pid_t pid = waitpid(child->keeper, &waited, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return true;
    take_status(child, pid, waited);
    return false;
}

void sc_child_end(struct sc_child *child)
{
    if (child->keeper == 0)
        return;
    close(child->control);
    int waited = 0;
    pid_t pid = -1;
    while (!child->ended && (pid = waitpid(child->keeper, &waited, 0)) < 0 && errno == EINTR) {
    }
    if (!child->ended)
        take_status(child, pid, waited);
    *child = (struct sc_child){.control = -1};
}

/* ---- short programs -------------------------------------------------------------------------- */

bool sc_program_exists(const char *name)
{
    const char *path = getenv("PATH");
    struct sc_text full = {0};
    bool found = false;
    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0 && !sc_is_folder(name);
    for (const char *at = path; at != NULL && !found; at = strchr(at, ':')) {
        at += *at == ':';
        sc_text_clear(&full);
        sc_text_add(&full, at, strcspn(at, ":"));
        sc_text_printf(&full, "%s%s", full.len > 0 ? "/" : "./", name);
        found = !full.failed && access(full.data, X_OK) == 0 && !sc_is_folder(full.data);
    }
    sc_text_free(&full);
    return found;
}

_Noreturn static void be_short(char *const *words, char *const *environment, int out)
{
    setpgid(0, 0);
    use_log(out);
    close_others(-1, -1);
    reset_signals();
    execvpe(words[0], words, environment);
    _exit(127);
}

/* Reads until the end, the time or the limit. */
static void read_all(int from, double seconds, struct sc_text *out)
{
    char piece[4096];
    double until = sc_seconds() + seconds;
    for (;;) {
        double left = until - sc_seconds();
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int n_ready = left > 0 ? poll(&ready, 1, (int)(left * 1e3) + 1) : 0;
        if (n_ready < 0 && errno == EINTR)
            continue;
        ssize_t n = n_ready > 0 ? read(from, piece, sizeof piece) : 0;
        if (n <= 0 || out->len + (size_t)n > MOST_READ)
            return;
        sc_text_add(out, piece, (size_t)n);
    }
}

enum sc_status sc_child_read(char *const *words, double seconds, struct sc_text *out, int *status,
                             struct sc_error *error)
{
    int ends[2], waited = 0;
    char **environment = sc_environment_without_keys();
    if (environment == NULL)
        return sc_fail_nomem(error, words[0]);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        sc_free(environment);
        return sc_fail(error, SC_ERR_IO, "%s: %s", words[0], strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0)
        be_short(words, environment, ends[1]);
    sc_free(environment);
    close(ends[1]);
    if (pid > 0)
        setpgid(pid, pid); /* whichever of both comes first */
    if (pid > 0)
        read_all(ends[0], seconds, out);
    close(ends[0]);
    if (pid < 0)
        return sc_fail(error, SC_ERR_IO, "%s: %s", words[0], strerror(errno));
    kill(-pid, SIGKILL); /* one that has closed its output has said all */
    while (waitpid(pid, &waited, 0) < 0 && errno == EINTR) {
    }
    *status = status_of(waited);
    return out->failed ? sc_fail_nomem(error, "what a program says") : SC_OK;
}
