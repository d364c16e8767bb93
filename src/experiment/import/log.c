/*
 * A log of inspect_ai as a table (log.h).
 *
 * Of an archive only samples and the header are read, the last entry where there are several
 * of a name, as the tool's own readers do; no name of an entry is ever a path.  A sample that
 * cannot be read is a row that cannot.  Numbers that JSON has not (NaN, Infinity) are null.
 */
#include "experiment/import/log.h"

#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/file.h"
#include "base/memory.h"
#include "benchmark/json_extent.h"

/* Of the file, and of all rows. */
#define MOST_BYTES ((size_t)1 << 30)

/* The text of a row, and where it belongs. */
struct line {
    size_t place; /* of its id in the data set; SIZE_MAX: not there */
    long long epoch;
    size_t order;
    size_t begin, end; /* of reader.text */
    char *fault;       /* why there is no row, or NULL */
};

struct reader {
    const char *name;
    struct sc_import_log *log;
    struct sc_error *error;
    char **ids; /* [n_ids] of the data set, in its order */
    size_t n_ids;
    size_t *sorted; /* [n_ids] places of ids, by id */
    struct line *lines;
    size_t n_lines, cap_lines;
    struct sc_text text;
};

void sc_import_log_free(struct sc_import_log *log)
{
    sc_free(log->model);
    *log = (struct sc_import_log){0};
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static enum sc_status parse(const struct reader *r, const char *json, size_t n, json_t **out,
                            struct sc_error *error)
{
    struct sc_text plain = {0};
    sc_import_add_plain(&plain, json, n);
    enum sc_status status = plain.failed || plain.data == NULL
                                ? sc_fail_nomem(error, r->name)
                                : sc_json_parse(plain.data, plain.len, r->name, out, error);
    sc_text_free(&plain);
    return status;
}

/* ---- what is said of all samples ------------------------------------------------------------- */

/* The text of an id, which may be a number; NULL: none, or no memory. */
static char *id_text(const json_t *id)
{
    char digits[32];
    if (json_is_string(id))
        return sc_strdup(json_string_value(id));
    snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(id));
    return sc_strdup(digits);
}

static int compare_places(const void *a, const void *b, void *context)
{
    const size_t *x = a, *y = b;
    char *const *ids = context;
    int order = strcmp(ids[*x], ids[*y]);
    return order != 0 ? order : *x < *y ? -1 : *x > *y;
}

static enum sc_status read_ids(struct reader *r, const json_t *list)
{
    size_t n = json_array_size(list);
    r->ids = sc_alloc_zero(n, sizeof *r->ids);
    r->sorted = sc_alloc_array(n, sizeof *r->sorted);
    if (r->ids == NULL || r->sorted == NULL)
        return sc_fail_nomem(r->error, r->name);
    for (; r->n_ids < n; r->n_ids++) {
        r->ids[r->n_ids] = id_text(json_array_get(list, r->n_ids));
        r->sorted[r->n_ids] = r->n_ids;
        if (r->ids[r->n_ids] == NULL)
            return sc_fail_nomem(r->error, r->name);
    }
    qsort_r(r->sorted, n, sizeof *r->sorted, compare_places, r->ids);
    return SC_OK;
}

static size_t place_of(const struct reader *r, const char *id)
{
    size_t low = 0, high = r->n_ids;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->ids[r->sorted[middle]], id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_ids && strcmp(r->ids[r->sorted[low]], id) == 0 ? r->sorted[low] : SIZE_MAX;
}

static size_t size_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) && json_integer_value(value) > 0 &&
                   json_integer_value(value) <= 1000000
               ? (size_t)json_integer_value(value)
               : 0;
}

/* What our own logs say of their figures. */
static void read_own(struct sc_import_log *log, const json_t *said)
{
    const char *kind = json_string_value(json_object_get(said, "logprobs"));
    const json_t *confidence =
        json_object_get(json_object_get(said, "configuration"), "confidence");
    int logprobs = kind != NULL ? sc_logprob_kind_parse(kind) : -1;
    log->own = true;
    if (logprobs >= 0)
        log->logprobs = (enum sc_logprob_kind)logprobs;
    log->top_k = size_at(confidence, "top_k");
}

static enum sc_status read_eval(struct reader *r, const json_t *eval)
{
    const char *model = json_string_value(json_object_get(eval, "model"));
    const json_t *said = json_object_get(json_object_get(eval, "metadata"), "safeconf");
    r->log->kind = SC_LOG_INSPECT;
    r->log->logprobs = SC_LOGPROBS_UNKNOWN;
    if (model != NULL && (r->log->model = sc_strdup(model)) == NULL)
        return sc_fail_nomem(r->error, r->name);
    if (json_object_get(json_object_get(eval, "packages"), "safeconf") != NULL &&
        json_is_object(said))
        read_own(r->log, said);
    return read_ids(r, json_object_get(json_object_get(eval, "dataset"), "sample_ids"));
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum sc_status add_line(struct reader *r, const struct line *line)
{
    if (sc_grow((void **)&r->lines, r->n_lines, &r->cap_lines, sizeof *r->lines))
        return sc_fail_nomem(r->error, r->name);
    r->lines[r->n_lines] = *line;
    r->lines[r->n_lines].order = r->n_lines;
    r->n_lines++;
    return SC_OK;
}

/* A sample that cannot be read keeps its place, with the reason. */
static enum sc_status add_fault(struct reader *r, const char *why)
{
    struct line line = {.place = SIZE_MAX, .fault = sc_strdup(why)};
    if (line.fault == NULL)
        return sc_fail_nomem(r->error, r->name);
    enum sc_status status = add_line(r, &line);
    if (status != SC_OK)
        sc_free(line.fault);
    return status;
}

static enum sc_status add_row(struct reader *r, const json_t *row)
{
    struct line line = {.begin = r->text.len,
                        .epoch = json_integer_value(json_object_get(row, "epoch"))};
    char *id = id_text(json_object_get(row, "id"));
    if (id == NULL)
        return sc_fail_nomem(r->error, r->name);
    line.place = place_of(r, id);
    sc_free(id);
    sc_json_write(&r->text, row);
    line.end = r->text.len;
    if (r->text.failed)
        return sc_fail_nomem(r->error, r->name);
    if (r->text.len > MOST_BYTES)
        return sc_fail(r->error, SC_ERR_FORMAT, "%s: expected samples of at most %zu bytes in all",
                       r->name, MOST_BYTES);
    return add_line(r, &line);
}

/* Notes a sample's fault in `why`; other failures end the reading. */
static enum sc_status take_sample(struct reader *r, json_t *sample, struct sc_error *why)
{
    json_t *row = NULL;
    SC_TRY(sc_import_log_row(sample, r->log, &row, why));
    enum sc_status status = add_row(r, row);
    json_decref(row);
    return status;
}

static enum sc_status settle(struct reader *r, enum sc_status status, const struct sc_error *why)
{
    if ((status == SC_ERR_FORMAT || status == SC_ERR_LIMIT) && why->status == status)
        return add_fault(r, why->text);
    return status == SC_OK || r->error->status != SC_OK
               ? status
               : sc_fail(r->error, status, "%s", why->text);
}

/* A sample, or a fault where it is none. */
static enum sc_status take_json(struct reader *r, const char *json, size_t n)
{
    json_t *sample = NULL;
    struct sc_error why = {0};
    enum sc_status status = parse(r, json, n, &sample, &why);
    if (status != SC_OK)
        goto done;
    status = take_sample(r, sample, &why);
done:
    json_decref(sample);
    return settle(r, status, &why);
}

/* ---- archives -------------------------------------------------------------------------------- */

static bool is_sample_name(const char *name)
{
    size_t n = strlen(name);
    return strncmp(name, "samples/", 8) == 0 && n > 13 && strcmp(name + n - 5, ".json") == 0;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const size_t *x = a, *y = b;
    int order = strcmp(sc_archive_name(context, *x), sc_archive_name(context, *y));
    return order != 0 ? order : *x < *y ? -1 : *x > *y;
}

static int compare_numbers(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The entries that are samples, the last of each name, in the archive's order. */
static size_t find_samples(struct sc_archive *archive, size_t *entries)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < sc_archive_count(archive); i++)
        if (is_sample_name(sc_archive_name(archive, i)))
            entries[n++] = i;
    qsort_r(entries, n, sizeof *entries, compare_names, archive);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || strcmp(sc_archive_name(archive, entries[i]),
                                 sc_archive_name(archive, entries[i + 1])) != 0)
            entries[kept++] = entries[i];
    qsort(entries, kept, sizeof *entries, compare_numbers);
    return kept;
}

static enum sc_status take_entry(struct reader *r, struct sc_archive *archive, size_t entry)
{
    struct sc_text json = {0};
    struct sc_error why = {0};
    enum sc_status status = sc_archive_read(archive, entry, &json, &why);
    if (status == SC_ERR_LIMIT) /* of the archive */
        sc_fail(r->error, status, "%s", why.text);
    else
        status = status == SC_OK ? take_json(r, json.data != NULL ? json.data : "", json.len)
                                 : settle(r, status, &why);
    sc_text_free(&json);
    return status;
}

/* header.json, or where the log was never finished its beginning. */
static enum sc_status read_header(struct reader *r, struct sc_archive *archive)
{
    static const char *const names[] = {"header.json", "_journal/start.json"};
    struct sc_text json = {0};
    json_t *header = NULL;
    size_t entry = SIZE_MAX;
    for (size_t k = 0; k < sizeof names / sizeof *names && entry == SIZE_MAX; k++)
        for (size_t i = 0; i < sc_archive_count(archive); i++)
            if (strcmp(sc_archive_name(archive, i), names[k]) == 0)
                entry = i;
    if (entry == SIZE_MAX)
        return sc_fail(r->error, SC_ERR_UNSUPPORTED,
                       "%s: a ZIP archive that is no log of inspect_ai: unpack it", r->name);
    enum sc_status status = sc_archive_read(archive, entry, &json, r->error);
    if (status != SC_OK)
        goto done;
    status = parse(r, json.data != NULL ? json.data : "", json.len, &header, r->error);
    if (status != SC_OK)
        goto done;
    status = read_eval(r, json_object_get(header, "eval"));
done:
    json_decref(header);
    sc_text_free(&json);
    return status;
}

static enum sc_status read_entries(struct reader *r, struct sc_archive *archive)
{
    SC_TRY(read_header(r, archive));
    size_t *entries = sc_alloc_array(sc_archive_count(archive), sizeof *entries);
    if (entries == NULL)
        return sc_fail_nomem(r->error, r->name);
    size_t n = find_samples(archive, entries);
    enum sc_status status = SC_OK;
    for (size_t i = 0; i < n && status == SC_OK; i++)
        status = take_entry(r, archive, entries[i]);
    sc_free(entries);
    return status;
}

static enum sc_status read_archive(struct reader *r, const char *data, size_t n)
{
    struct sc_archive *archive = NULL;
    SC_TRY(sc_archive_open(&archive, data, n, r->name, r->error));
    enum sc_status status = read_entries(r, archive);
    sc_archive_close(archive);
    return status;
}

/* ---- one object ------------------------------------------------------------------------------ */

/* Where the members of a log that is one object lie; begin == end: not there. */
struct members {
    size_t eval, eval_end, samples;
    bool version;
};

static bool is_key(const struct json_walk *walk, const char *key)
{
    size_t n = strlen(key);
    return walk->key_end - walk->key_begin == n &&
           memcmp(walk->data + walk->key_begin, key, n) == 0;
}

/* Whether it is a log: an object with "version", "eval" and "samples". */
static bool find_members(const char *data, size_t n, struct members *out)
{
    struct json_walk walk = {.data = data, .n = n, .at = sc_json_skip_space(data, n, 0)};
    *out = (struct members){0};
    if (walk.at >= n || data[walk.at] != '{')
        return false;
    while (sc_json_walk_next(&walk) == JSON_ITEM) {
        out->version = out->version || is_key(&walk, "\"version\"");
        if (is_key(&walk, "\"eval\"") && data[walk.begin] == '{') {
            out->eval = walk.begin;
            out->eval_end = walk.end;
        }
        if (is_key(&walk, "\"samples\"") && data[walk.begin] == '[')
            out->samples = walk.begin;
    }
    return out->version && out->eval_end > 0 && out->samples > 0;
}

static enum sc_status read_object(struct reader *r, const char *data, size_t n,
                                  const struct members *members)
{
    json_t *eval = NULL;
    SC_TRY(parse(r, data + members->eval, members->eval_end - members->eval, &eval, r->error));
    enum sc_status status = read_eval(r, eval);
    json_decref(eval);
    SC_TRY(status);
    struct json_walk walk = {.data = data, .n = n, .at = members->samples};
    enum json_step step;
    while ((step = sc_json_walk_next(&walk)) == JSON_ITEM)
        SC_TRY(take_json(r, data + walk.begin, walk.end - walk.begin));
    return step == JSON_END ? SC_OK
                            : sc_fail(r->error, SC_ERR_FORMAT,
                                      "%s: expected JSON: brackets that match", r->name);
}

/* ---- the table ------------------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The reasons of rows that cannot be read go where readers of other files put theirs. */
static enum sc_status put_faults(struct reader *r, struct sc_table *out)
{
    for (size_t i = 0; i < r->n_lines && i < out->n_rows; i++) {
        if (r->lines[i].fault == NULL || out->faults[i] != NULL)
            continue;
        out->faults[i] = r->lines[i].fault;
        r->lines[i].fault = NULL;
        out->n_faults++;
    }
    return SC_OK;
}

static enum sc_status make_table(struct reader *r, const struct sc_table_options *options,
                                 struct sc_table *out)
{
    struct sc_text rows = {0};
    struct sc_table_options how = *options;
    size_t n_good = 0;
    how.lines = true;
    how.rows_key = NULL;
    for (size_t i = 0; i < r->n_lines; i++)
        n_good += r->lines[i].fault == NULL;
    if (n_good == 0)
        return sc_fail(r->error, SC_ERR_FORMAT, "%s: none of %zu samples can be read%s%s", r->name,
                       r->n_lines, r->n_lines > 0 ? ": " : "",
                       r->n_lines > 0 ? r->lines[0].fault : "");
    qsort(r->lines, r->n_lines, sizeof *r->lines, compare_lines);
    for (size_t i = 0; i < r->n_lines; i++) {
        const struct line *line = &r->lines[i];
        if (line->fault == NULL)
            sc_text_add(&rows, r->text.data + line->begin, line->end - line->begin);
        else
            sc_text_puts(&rows, "{}");
        sc_text_putc(&rows, '\n');
    }
    sc_text_free(&r->text);
    enum sc_status status = rows.failed
                                ? sc_fail_nomem(r->error, r->name)
                                : sc_table_parse(r->name, rows.data, rows.len, &how, out, r->error);
    sc_text_free(&rows);
    return status == SC_OK ? put_faults(r, out) : status;
}

/* Whether the first value is an object with these keys; they end with NULL. */
static bool begins_with_keys(const char *data, size_t n, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        struct json_walk walk = {.data = data, .n = n, .at = sc_json_skip_space(data, n, 0)};
        bool there = false;
        if (walk.at >= n || data[walk.at] != '{')
            return false;
        while (!there && sc_json_walk_next(&walk) == JSON_ITEM)
            there = is_key(&walk, *keys);
        if (!there)
            return false;
    }
    return true;
}

static bool is_garak(const char *data, size_t n)
{
    return begins_with_keys(data, n, (const char *const[]){"\"entry_type\"", NULL});
}

/* Files of those tools that hold no answers, or not all of them. */
static enum sc_status refuse_others(const struct reader *r, const char *data, size_t n)
{
    static const char *const hits[] = {"\"attempt_id\"", "\"attempt_idx\"", "\"detector\"", NULL};
    static const char *const results[] = {"\"results\"", "\"configs\"", "\"n-samples\"", NULL};
    if (begins_with_keys(data, n, hits))
        return sc_fail(r->error, SC_ERR_UNSUPPORTED,
                       "%s: garak's hits alone, which would make every answer one: import the "
                       ".report.jsonl beside it",
                       r->name);
    if (begins_with_keys(data, n, results))
        return sc_fail(r->error, SC_ERR_UNSUPPORTED,
                       "%s: results of lm-evaluation-harness without the answers: import the "
                       "samples_*.jsonl beside it (lm_eval --log_samples)",
                       r->name);
    return SC_OK;
}

static void reader_free(struct reader *r)
{
    for (size_t i = 0; i < r->n_ids; i++)
        sc_free(r->ids[i]);
    for (size_t i = 0; i < r->n_lines; i++)
        sc_free(r->lines[i].fault);
    sc_free(r->ids);
    sc_free(r->sorted);
    sc_free(r->lines);
    sc_text_free(&r->text);
}

enum sc_status sc_import_table_parse(const char *name, const char *data, size_t n,
                                     const struct sc_table_options *options, struct sc_table *out,
                                     struct sc_import_log *log, struct sc_error *error)
{
    struct members members;
    struct sc_error own = {0};
    struct reader r = {.name = name, .log = log, .error = error != NULL ? error : &own};
    bool archive = sc_archive_is(data, n);
    if (!archive)
        SC_TRY(refuse_others(&r, data, n));
    if (!archive && is_garak(data, n))
        return sc_import_garak_parse(name, data, n, options, out, log, r.error);
    if (!archive && (options->rows_key != NULL || !find_members(data, n, &members)))
        return sc_table_parse(name, data, n, options, out, error);
    enum sc_status status =
        archive ? read_archive(&r, data, n) : read_object(&r, data, n, &members);
    if (status != SC_OK)
        goto done;
    status = make_table(&r, options, out);
done:
    reader_free(&r);
    return status;
}

enum sc_status sc_import_table_read(const char *path, const struct sc_table_options *options,
                                    struct sc_table *out, struct sc_import_log *log,
                                    struct sc_error *error)
{
    char *data = NULL;
    size_t n = 0;
    SC_TRY(sc_input_read(path, MOST_BYTES, &data, &n, error));
    enum sc_status status =
        sc_import_table_parse(sc_input_name(path), data, n, options, out, log, error);
    sc_free(data);
    return status;
}
