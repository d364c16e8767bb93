/* See launch.h. */
#include "source/launch/launch.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "remote/remote.h"
#include "source/launch/child.h"
#include "source/server/ask.h"

enum { LOG_TAIL = 64 << 10, LINE_COLUMNS = 160 };

struct sc_launch {
    enum sc_engine_kind kind;
    struct sc_child child;
    struct sc_remote *remote; /* to ask whether it answers */
    char url[64];
    char *log;
    off_t log_begin; /* of what this start has printed */
};

/* ---- what it prints -------------------------------------------------------------------------- */

/* The last bytes of what it has printed, whole lines of them. */
static void read_tail(const struct sc_launch *launch, struct sc_text *tail)
{
    int file = open(launch->log, O_RDONLY | O_CLOEXEC);
    struct stat info;
    char piece[4096];
    if (file < 0 || fstat(file, &info) != 0)
        goto done;
    off_t begin = info.st_size - LOG_TAIL;
    if (begin < launch->log_begin)
        begin = launch->log_begin;
    for (ssize_t n; (n = pread(file, piece, sizeof piece, begin)) > 0; begin += n)
        sc_text_add(tail, piece, (size_t)n);
done:
    if (file >= 0)
        close(file);
}

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line[i] > ' ')
            return false;
    return true;
}

/* Progress bars write over their line: what stands there last counts. */
static void add_shown(struct sc_text *out, const char *line, size_t n)
{
    struct sc_text copy = {0};
    size_t begin = 0;
    for (size_t i = 0; i + 1 < n; i++)
        if (line[i] == '\r' && !is_blank(line + i, n - i))
            begin = i + 1;
    sc_text_add_repaired(&copy, line + begin, n - begin);
    if (!copy.failed && copy.data != NULL)
        sc_text_add_shortened(out, copy.data, LINE_COLUMNS);
    sc_text_free(&copy);
}

/* The last line of what was printed, and the first one that tells of an error; visible, "" for
 * none. */
static void find_lines(const struct sc_launch *launch, struct sc_text *last, struct sc_text *wrong)
{
    struct sc_text tail = {0};
    read_tail(launch, &tail);
    const char *end = tail.data != NULL ? tail.data + tail.len : NULL;
    const char *found = NULL;
    for (const char *line = tail.data; line != NULL && line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop != NULL ? stop : end) - line);
        if (!is_blank(line, n))
            found = line;
        if (wrong->len == 0 && memmem(line, n, "Error: ", 7) != NULL)
            add_shown(wrong, line, n);
        line += n + 1;
    }
    if (found != NULL) {
        const char *stop = memchr(found, '\n', (size_t)(end - found));
        add_shown(last, found, (size_t)((stop != NULL ? stop : end) - found));
    }
    sc_text_free(&tail);
}

static const char *text_or_empty(const struct sc_text *text)
{
    return text->len > 0 ? text->data : "";
}

/* Fails with what happened and what the log says of it. */
static enum sc_status fail_with_log(const struct sc_launch *launch, const char *what,
                                    struct sc_error *error)
{
    struct sc_text last = {0}, wrong = {0};
    find_lines(launch, &last, &wrong);
    bool both = wrong.len > 0 && strcmp(text_or_empty(&wrong), text_or_empty(&last)) != 0;
    sc_fail(error, SC_ERR_IO, "engine: %s %s; %s ends: %s%s%s", sc_engine_name(launch->kind), what,
            launch->log, last.len > 0 ? last.data : "(nothing)", both ? "; first error: " : "",
            both ? wrong.data : "");
    sc_text_free(&last);
    sc_text_free(&wrong);
    return SC_ERR_IO;
}

static enum sc_status fail_ended(const struct sc_launch *launch, const char *when,
                                 struct sc_error *error)
{
    char what[96];
    int status = launch->child.status;
    snprintf(what, sizeof what,
             status < 128 ? "ended with status %d %s" : "was ended by signal %d %s",
             status < 128 ? status : status - 128, when);
    return fail_with_log(launch, what, error);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* A port of the loopback interface that nobody listens on; 0: none. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    unsigned port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

/* Begins the log with what is started. */
static enum sc_status open_log(struct sc_launch *launch, const struct sc_command *command,
                               struct sc_error *error)
{
    struct sc_text head = {0};
    struct stat info = {0};
    sc_text_puts(&head, "$ ");
    sc_command_quote(command, &head);
    sc_text_putc(&head, '\n');
    int file = open(launch->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    bool written = file >= 0 && !head.failed &&
                   write(file, head.data, head.len) == (ssize_t)head.len && fstat(file, &info) == 0;
    int number = errno;
    if (file >= 0)
        close(file);
    bool failed = head.failed;
    sc_text_free(&head);
    launch->log_begin = info.st_size;
    if (failed)
        return sc_fail_nomem(error, "the log of an engine");
    return written ? SC_OK : sc_fail(error, SC_ERR_IO, "%s: %s", launch->log, strerror(number));
}

static enum sc_status open_remote(struct sc_launch *launch, struct sc_error *error)
{
    const char *urls[] = {launch->url};
    struct sc_remote_options options = sc_remote_options_default();
    options.urls = urls;
    options.n_urls = 1;
    options.parallel = 1;
    options.n_retries = 0;
    options.connect_timeout = 2;
    options.timeout = options.stall_timeout = 5;
    return sc_remote_open(&launch->remote, &options, error);
}

/* One question; whether it was answered with 200. */
static enum sc_status is_answered(const struct sc_launch *launch, const char *path, bool at_root,
                                  bool *answered, struct sc_error *error)
{
    const struct sc_question question = {
        .path = path, .at_root = at_root, .most_tries = 1, .server = 1};
    struct sc_answer answer;
    struct sc_error silent = {0};
    enum sc_status status = sc_ask(launch->remote, &question, &answer, &silent);
    *answered = status == SC_OK && answer.http_status == 200;
    sc_answer_free(&answer);
    return status == SC_ERR_NOMEM ? sc_fail(error, status, "%s", silent.text) : SC_OK;
}

/* It is ready when it says that it is well and lists its models: some do one before the other. */
static enum sc_status is_ready(const struct sc_launch *launch, bool *ready, struct sc_error *error)
{
    SC_TRY(is_answered(launch, "/health", true, ready, error));
    return *ready ? is_answered(launch, "/models", false, ready, error) : SC_OK;
}

static bool show(const struct sc_launch *launch, const struct sc_launch_start *start,
                 double seconds)
{
    struct sc_text last = {0}, wrong = {0};
    if (start->step == NULL)
        return true;
    find_lines(launch, &last, &wrong);
    bool go_on = start->step(start->context, seconds, text_or_empty(&last));
    sc_text_free(&last);
    sc_text_free(&wrong);
    return go_on;
}

static enum sc_status wait_ready(struct sc_launch *launch, const struct sc_launch_start *start,
                                 struct sc_error *error)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    double began = sc_seconds();
    for (;;) {
        bool ready = false;
        if (!sc_child_runs(&launch->child))
            return fail_ended(launch, "before it answered", error);
        SC_TRY(is_ready(launch, &ready, error));
        if (ready)
            return SC_OK;
        double seconds = sc_seconds() - began;
        if (!show(launch, start, seconds))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted");
        if (seconds > start->timeout) {
            char what[96];
            snprintf(what, sizeof what, "did not answer within %g seconds", start->timeout);
            return fail_with_log(launch, what, error);
        }
        nanosleep(&pause, NULL);
    }
}

/* Keys are of use to an engine alone that fetches the model itself. */
static enum sc_status start_words(struct sc_launch *launch, const struct sc_command *command,
                                  const char *model, struct sc_error *error)
{
    struct sc_child_program program = {.words = command->words,
                                       .keys = !sc_file_exists(model) && !sc_is_folder(model)};
    SC_TRY(open_log(launch, command, error));
    return sc_child_start(&launch->child, &program, launch->log, error);
}

static enum sc_status start_program(struct sc_launch *launch, const struct sc_launch_start *start,
                                    const struct sc_launch_options *options, struct sc_error *error)
{
    struct sc_command command;
    SC_TRY(sc_launch_command(start->choice, options, &command, error));
    enum sc_status status = start_words(launch, &command, options->model, error);
    sc_command_free(&command);
    return status;
}

static enum sc_status begin(struct sc_launch *launch, const struct sc_launch_start *start,
                            struct sc_error *error)
{
    struct sc_launch_options options = start->options;
    options.host = "127.0.0.1";
    options.port = free_port();
    if (options.port == 0)
        return sc_fail(error, SC_ERR_IO, "engine: no free port of the loopback interface: %s",
                       strerror(errno));
    launch->kind = start->choice->kind;
    launch->log = sc_strdup(start->log);
    if (launch->log == NULL)
        return sc_fail_nomem(error, "an engine");
    snprintf(launch->url, sizeof launch->url, "http://127.0.0.1:%u/v1", options.port);
    SC_TRY(start_program(launch, start, &options, error));
    SC_TRY(open_remote(launch, error));
    return wait_ready(launch, start, error);
}

enum sc_status sc_launch_begin(const struct sc_launch_start *start, struct sc_launch **out,
                               struct sc_error *error)
{
    assert(start->choice->program.n > 0 && start->log != NULL);
    *out = NULL;
    struct sc_launch *launch = sc_alloc_zero(1, sizeof *launch);
    if (launch == NULL)
        return sc_fail_nomem(error, "an engine");
    enum sc_status status = begin(launch, start, error);
    if (status != SC_OK) {
        sc_launch_end(launch);
        return status;
    }
    *out = launch;
    return SC_OK;
}

/* ---- later ----------------------------------------------------------------------------------- */

const char *sc_launch_url(const struct sc_launch *launch)
{
    return launch->url;
}

enum sc_status sc_launch_check(struct sc_launch *launch, struct sc_error *error)
{
    return sc_child_runs(&launch->child) ? SC_OK : fail_ended(launch, "in mid-run", error);
}

void sc_launch_end(struct sc_launch *launch)
{
    if (launch == NULL)
        return;
    sc_remote_close(launch->remote);
    sc_child_end(&launch->child);
    sc_free(launch->log);
    sc_free(launch);
}
