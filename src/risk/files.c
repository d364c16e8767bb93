/*
 * See files.h.  A line that a process which ended left unfinished is cut off; any other one
 * that cannot be read is an error with its number.
 */
#include "risk/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "experiment/store/config.h"

enum { MOST_BYTES = 1 << 30 };

/* ---- lines ----------------------------------------------------------------------------------- */

static enum sc_status take_up(void *context, json_t *line, struct sc_error *error)
{
    struct sc_risk_folder *folder = context;
    const char *id = json_string_value(json_object_get(line, "instance_id"));
    if (id == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "expected an instance_id, found none");
    json_object_del(line, "tree");
    if (json_array_append(folder->lines, line) != 0 ||
        json_object_set(folder->by_id, id, line) != 0)
        return sc_fail_nomem(error, "lines of prompts");
    return SC_OK;
}

bool sc_risk_folder_has(const struct sc_risk_folder *folder, const char *instance_id)
{
    return json_object_get(folder->by_id, instance_id) != NULL;
}

/* One line of n bytes. */
static enum sc_status read_line(const char *text, size_t n, sc_risk_take_line *take, void *context,
                                struct sc_error *error)
{
    json_t *line = NULL;
    SC_TRY(sc_json_parse(text, n, "line", &line, error));
    enum sc_status status = take(context, line, error);
    json_decref(line);
    return status;
}

static enum sc_status read_lines(const char *path, const char *data, size_t n,
                                 sc_risk_take_line *take, void *context, struct sc_error *error)
{
    size_t number = 0;
    for (size_t at = 0; at < n; number++) {
        const char *end = memchr(data + at, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - (data + at)) : n - at;
        enum sc_status status = read_line(data + at, length, take, context, error);
        if (status != SC_OK) {
            sc_error_prefix(error, "%s: line %zu", path, number + 1);
            return status;
        }
        at += length + 1;
    }
    return SC_OK;
}

/* Bytes up to and with the last end of a line. */
static size_t whole_lines(const char *data, size_t n)
{
    while (n > 0 && data[n - 1] != '\n')
        n--;
    return n;
}

enum sc_status sc_risk_folder_read(const struct sc_risk_folder *folder, sc_risk_take_line *take,
                                   void *context, struct sc_error *error)
{
    char *data = NULL;
    size_t n = 0;
    SC_TRY(sc_file_read(folder->lines_path, MOST_BYTES, &data, &n, error));
    enum sc_status status =
        read_lines(folder->lines_path, data, whole_lines(data, n), take, context, error);
    sc_free(data);
    return status;
}

/* ---- the folder ------------------------------------------------------------------------------ */

static enum sc_status check_configuration(const struct sc_risk_folder *folder,
                                          struct sc_error *error)
{
    json_t *file = NULL;
    struct sc_text stored = {0};
    SC_TRY(sc_json_read(folder->summary_path, MOST_BYTES, &file, error));
    sc_json_write(&stored, json_object_get(file, "configuration"));
    json_decref(file);
    enum sc_status status =
        stored.failed
            ? sc_fail_nomem(error, folder->summary_path)
            : sc_config_compare_as(stored.data, folder->configuration, folder->summary_path,
                                   "the folder holds prompts explored with another configuration",
                                   error);
    sc_text_free(&stored);
    return status;
}

/* Binds the folder to its configuration, before there is a line. */
static enum sc_status write_configuration(const struct sc_risk_folder *folder,
                                          struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_printf(&text, "{\"configuration\":%s,\"summary\":null}\n", folder->configuration);
    enum sc_status status = text.failed
                                ? sc_fail_nomem(error, "risk.json")
                                : sc_file_write(folder->summary_path, text.data, text.len, error);
    sc_text_free(&text);
    return status;
}

/* Whether the last of whole lines has bytes that never came: power went while it was written, and
 * its end reached the disk before its beginning.  The lines before it were there when it began. */
static bool is_torn(const char *data, size_t n)
{
    size_t begin = n > 0 ? whole_lines(data, n - 1) : 0;
    return memchr(data + begin, '\0', n - begin) != NULL;
}

static enum sc_status cut_unfinished(const struct sc_risk_folder *folder, struct sc_error *error)
{
    char *data = NULL;
    size_t n = 0;
    SC_TRY(sc_file_read(folder->lines_path, MOST_BYTES, &data, &n, error));
    size_t whole = whole_lines(data, n);
    if (whole == n && is_torn(data, n))
        whole = whole_lines(data, n - 1);
    sc_free(data);
    if (whole == n || ftruncate(folder->descriptor, (off_t)whole) == 0)
        return SC_OK;
    return sc_fail(error, SC_ERR_IO, "%s: cannot cut off an unfinished line: %s",
                   folder->lines_path, strerror(errno));
}

static enum sc_status open_folder(struct sc_risk_folder *folder, struct sc_error *error)
{
    folder->lines_path = sc_path_join(folder->path, "risk.jsonl");
    folder->summary_path = sc_path_join(folder->path, "risk.json");
    if (folder->lines_path == NULL || folder->summary_path == NULL)
        return sc_fail_nomem(error, folder->path);
    SC_TRY(sc_make_folders(folder->path, error));
    SC_TRY(sc_lock_take(&folder->lock, folder->path, error));
    folder->locked = true;
    bool summary, lines;
    SC_TRY(sc_file_look(folder->summary_path, &summary, error));
    SC_TRY(sc_file_look(folder->lines_path, &lines, error));
    if (summary)
        SC_TRY(check_configuration(folder, error));
    else if (lines)
        return sc_fail(error, SC_ERR_CONFLICT, "%s: found without risk.json, which says of what",
                       folder->lines_path);
    else
        SC_TRY(write_configuration(folder, error));
    folder->descriptor = open(folder->lines_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (folder->descriptor < 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot open: %s", folder->lines_path,
                       strerror(errno));
    SC_TRY(sc_sync_folder(folder->path, error));
    SC_TRY(cut_unfinished(folder, error));
    SC_TRY(sc_risk_folder_read(folder, take_up, folder, error));
    folder->n_resumed = json_array_size(folder->lines);
    return SC_OK;
}

enum sc_status sc_risk_folder_open(struct sc_risk_folder *folder, const char *path,
                                   const char *configuration, struct sc_error *error)
{
    assert(configuration != NULL);
    *folder = (struct sc_risk_folder){.path = path,
                                      .configuration = sc_strdup(configuration),
                                      .descriptor = -1,
                                      .lines = json_array(),
                                      .by_id = json_object()};
    if (folder->configuration == NULL || folder->lines == NULL || folder->by_id == NULL)
        return sc_fail_nomem(error, "lines of prompts");
    return path != NULL ? open_folder(folder, error) : SC_OK;
}

static enum sc_status write_through(const struct sc_risk_folder *folder, const struct sc_text *line,
                                    struct sc_error *error)
{
    size_t at = 0;
    while (at < line->len) {
        ssize_t n = write(folder->descriptor, line->data + at, line->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", folder->lines_path,
                           strerror(errno));
        at += (size_t)n;
    }
    if (fsync(folder->descriptor) != 0)
        return sc_fail(error, SC_ERR_IO, "%s: cannot write: %s", folder->lines_path,
                       strerror(errno));
    return SC_OK;
}

enum sc_status sc_risk_folder_add(struct sc_risk_folder *folder, const struct sc_text *line,
                                  struct sc_error *error)
{
    struct sc_text ended = {0};
    enum sc_status status = SC_OK;
    SC_TRY(read_line(line->data, line->len, take_up, folder, error));
    if (folder->path == NULL)
        return SC_OK;
    sc_text_add(&ended, line->data, line->len);
    sc_text_putc(&ended, '\n');
    status = ended.failed ? sc_fail_nomem(error, folder->lines_path)
                          : write_through(folder, &ended, error);
    sc_text_free(&ended);
    return status;
}

void sc_risk_folder_close(struct sc_risk_folder *folder)
{
    if (folder->locked)
        sc_lock_release(&folder->lock);
    if (folder->path != NULL && folder->descriptor >= 0)
        close(folder->descriptor);
    json_decref(folder->lines);
    json_decref(folder->by_id);
    sc_free(folder->lines_path);
    sc_free(folder->summary_path);
    sc_free(folder->configuration);
    *folder = (struct sc_risk_folder){.descriptor = -1};
}
