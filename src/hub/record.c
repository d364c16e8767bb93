#include "hub/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"

enum { MOST_RECORD_BYTES = 1 << 20 };

/* A text of an object into a buffer; false where there is none or it does not fit. */
static bool take_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool is_sha256(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static enum sc_status read_part(const json_t *files, const char *path, struct sc_set_part *part,
                                struct sc_error *error)
{
    const char *name = sc_set_file_name(part->file);
    const json_t *entry = json_object_get(files, name);
    if (entry == NULL)
        return SC_OK;
    if (!take_text(entry, "sha256", part->sha256, sizeof part->sha256) || !is_sha256(part->sha256))
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: \"%s\": expected the SHA-256 of a file, found something else (without "
                       "this file and the one it is about, it is fetched anew)",
                       path, name);
    if (!take_text(entry, "revision", part->revision, sizeof part->revision))
        part->revision[0] = '\0';
    if (!take_text(entry, "fetched", part->fetched, sizeof part->fetched))
        part->fetched[0] = '\0';
    return SC_OK;
}

/* *record NULL: there is none. */
static enum sc_status open_record(const struct sc_set_state *state, char **path, json_t **record,
                                  struct sc_error *error)
{
    *record = NULL;
    *path = sc_path_join(state->folder, SC_RECORD_NAME);
    if (*path == NULL)
        return sc_fail_nomem(error, "record of a set");
    bool found;
    SC_TRY(sc_file_look(*path, &found, error));
    return found ? sc_json_read(*path, MOST_RECORD_BYTES, record, error) : SC_OK;
}

enum sc_status sc_record_read(struct sc_set_state *state, struct sc_error *error)
{
    assert(state != NULL && state->folder != NULL);
    char *path;
    json_t *record;
    enum sc_status status = open_record(state, &path, &record, error);
    const json_t *files = json_object_get(record, "files");
    for (size_t i = 0; i < state->n_parts && status == SC_OK; i++)
        status = read_part(files, path, &state->parts[i], error);
    json_decref(record);
    sc_free(path);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool is_written(const struct sc_set_state *state, const char *name)
{
    for (size_t i = 0; i < state->n_parts; i++)
        if (state->parts[i].sha256[0] != '\0' &&
            strcmp(sc_set_file_name(state->parts[i].file), name) == 0)
            return true;
    return false;
}

static void put_part(struct sc_json_writer *out, const struct sc_set_part *part)
{
    sc_json_put_object(out, sc_set_file_name(part->file));
    sc_json_put_string(out, "path", part->file->path);
    if (part->file->split != NULL)
        sc_json_put_string(out, "split", part->file->split);
    sc_json_put_string(out, "revision", part->revision);
    sc_json_put_count(out, "bytes", part->bytes);
    sc_json_put_string(out, "sha256", part->sha256);
    sc_json_put_string(out, "fetched", part->fetched);
    sc_json_put_end_object(out);
}

/* What the old record says of files that are none of the parts. */
static void put_others(struct sc_json_writer *out, const struct sc_set_state *state,
                       json_t *old_files)
{
    const char *name;
    json_t *entry;
    json_object_foreach(old_files, name, entry)
    {
        struct sc_text text = {0};
        if (is_written(state, name))
            continue;
        sc_json_write(&text, entry);
        if (text.failed)
            out->text->failed = true;
        else
            sc_json_put_raw(out, name, text.data);
        sc_text_free(&text);
    }
}

static void put_record(struct sc_text *text, const struct sc_set *set, const char *page,
                       const struct sc_set_state *state, json_t *old)
{
    struct sc_json_writer out = {.text = text, .pretty = true, .pretty_depth = 3};
    sc_json_put_object(&out, NULL);
    sc_json_put_string(&out, "set", set->name);
    sc_json_put_string(&out, "title", set->title);
    sc_json_put_string(&out, "page", page);
    sc_json_put_string(&out, "licence", set->licence);
    sc_json_put_object(&out, "files");
    for (size_t i = 0; i < state->n_parts; i++)
        if (state->parts[i].sha256[0] != '\0')
            put_part(&out, &state->parts[i]);
    put_others(&out, state, json_object_get(old, "files"));
    sc_json_put_end_object(&out);
    sc_json_put_end_object(&out);
    sc_text_putc(text, '\n');
}

enum sc_status sc_record_write(const struct sc_set *set, const struct sc_set_state *state,
                               struct sc_error *error)
{
    assert(set != NULL && state != NULL);
    char *path, *page = sc_set_page(set);
    json_t *old;
    struct sc_text text = {0};
    enum sc_status status = open_record(state, &path, &old, error);
    if (status != SC_OK)
        goto done;
    if (page != NULL)
        put_record(&text, set, page, state, old);
    status = page == NULL || text.failed ? sc_fail_nomem(error, "record of a set")
                                         : sc_file_write(path, text.data, text.len, error);
done:
    json_decref(old);
    sc_text_free(&text);
    sc_free(page);
    sc_free(path);
    return status;
}
