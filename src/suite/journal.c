/* See journal.h. */
#include "suite/journal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { MOST_BYTES = 16 << 20 };

static enum sc_status check_entry(const char *place, json_t *entry, struct sc_error *error)
{
    static const int64_t none = 0;
    static const double no_time = 0;
    int64_t integer;
    double real;
    SC_TRY(sc_json_int(entry, "status", (struct sc_json_ints){0, 255}, NULL, &integer, error));
    SC_TRY(
        sc_json_int(entry, "traces", (struct sc_json_ints){0, INT64_MAX}, &none, &integer, error));
    SC_TRY(sc_json_real(entry, "seconds", (struct sc_json_reals){0, 1e12}, &no_time, &real, error));
    if (json_string_value(json_object_get(entry, "key")) != NULL &&
        json_string_value(json_object_get(entry, "model")) != NULL)
        return SC_OK;
    return sc_fail(error, SC_ERR_FORMAT, "\"%.100s\": expected key and model", place);
}

static enum sc_status check(json_t *file, struct sc_error *error)
{
    const char *place;
    json_t *entry;
    json_object_foreach(file, place, entry)
    {
        if (!json_is_object(entry))
            return sc_fail(error, SC_ERR_FORMAT, "\"%.100s\": expected an object", place);
        SC_TRY(check_entry(place, entry, error));
    }
    return SC_OK;
}

enum sc_status sc_suite_journal_open(struct sc_suite_journal *journal, const char *folder,
                                     struct sc_error *error)
{
    assert(journal != NULL && folder != NULL);
    *journal = (struct sc_suite_journal){.path = sc_path_join(folder, "suite.json")};
    if (journal->path == NULL)
        return sc_fail_nomem(error, "suite.json");
    bool found;
    SC_TRY(sc_file_look(journal->path, &found, error));
    if (!found) {
        journal->file = json_object();
        return journal->file != NULL ? SC_OK : sc_fail_nomem(error, "suite.json");
    }
    SC_TRY(sc_json_read(journal->path, MOST_BYTES, &journal->file, error));
    enum sc_status status = check(journal->file, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%s (without it every run is looked at again)", journal->path);
    return status;
}

void sc_suite_journal_close(struct sc_suite_journal *journal)
{
    sc_free(journal->path);
    json_decref(journal->file);
    *journal = (struct sc_suite_journal){0};
}

bool sc_suite_journal_find(const struct sc_suite_journal *journal, const char *place,
                           struct sc_suite_entry *entry)
{
    const json_t *found = json_object_get(journal->file, place);
    if (found == NULL)
        return false;
    *entry = (struct sc_suite_entry){
        .key = json_string_value(json_object_get(found, "key")),
        .model = json_string_value(json_object_get(found, "model")),
        .status = (int)json_integer_value(json_object_get(found, "status")),
        .seconds = json_number_value(json_object_get(found, "seconds")),
        .traces = (uint64_t)json_integer_value(json_object_get(found, "traces"))};
    return true;
}

enum sc_status sc_suite_journal_put(struct sc_suite_journal *journal, const char *place,
                                    const struct sc_suite_entry *entry, struct sc_error *error)
{
    struct sc_text text = {0};
    json_t *made =
        json_pack("{s:s,s:s,s:i,s:f,s:I}", "key", entry->key, "model", entry->model, "status",
                  entry->status, "seconds", entry->seconds, "traces", (json_int_t)entry->traces);
    if (made == NULL || json_object_set_new(journal->file, place, made) != 0)
        return sc_fail_nomem(error, journal->path);
    sc_json_write(&text, journal->file);
    sc_text_putc(&text, '\n');
    enum sc_status status = text.failed ? sc_fail_nomem(error, journal->path)
                                        : sc_file_write(journal->path, text.data, text.len, error);
    sc_text_free(&text);
    return status;
}

double sc_suite_journal_rate(const struct sc_suite_journal *journal, const char *model)
{
    double seconds = 0, traces = 0;
    const char *place;
    json_t *entry;
    json_object_foreach(journal->file, place, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "model")), model) != 0)
            continue;
        seconds += json_number_value(json_object_get(entry, "seconds"));
        traces += json_number_value(json_object_get(entry, "traces"));
    }
    return traces > 0 ? seconds / traces : NAN;
}
