/*
 * A report of garak (.report.jsonl) as a table (log.h): one row an attempt, as it stood last.
 *
 * Its prompt is a text, a message or a conversation, by the version that wrote it.  Scores of
 * detectors become hits or none by the report's own threshold; whether a hit is a harm, nobody but
 * the user can say.  Other lines (settings, sums, trees) are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "benchmark/table_builder.h"
#include "experiment/import/log.h"

/* From which score on garak counts a hit, where the report does not say it. */
#define USUAL_THRESHOLD 0.5

/* The text of an attempt's row, and whose it is. */
struct attempt {
    char *uuid;
    size_t order, begin, end; /* of reader.text */
};

struct reader {
    const char *name;
    struct sc_import_log *log;
    struct sc_error *error;
    double threshold;
    struct attempt *attempts;
    size_t n, cap;
    struct sc_text text;
};

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Takes the value in any case. */
static enum sc_status put_new(json_t *object, const char *key, json_t *value,
                              struct sc_error *error)
{
    return json_object_set_new(object, key, value) == 0 ? SC_OK : sc_fail_nomem(error, "attempt");
}

/* ---- prompts and answers --------------------------------------------------------------------- */

/* The text of a message, which older reports hold as such; NULL: there is none. */
static const char *message_text(const json_t *message)
{
    return json_is_string(message) ? json_string_value(message) : text_at(message, "text");
}

/* A conversation, as messages. */
static enum sc_status put_turns(json_t *row, const json_t *turns, struct sc_error *error)
{
    size_t i;
    json_t *turn;
    SC_TRY(put_new(row, "prompt", json_array(), error));
    json_t *messages = json_object_get(row, "prompt");
    json_array_foreach(turns, i, turn)
    {
        const char *role = text_at(turn, "role");
        const char *text = message_text(json_object_get(turn, "content"));
        if (role == NULL || text == NULL)
            return put_new(row, "fault", json_string("a turn of the prompt has no text"), error);
        if (json_array_append_new(messages,
                                  json_pack("{s:s,s:s}", "role", role, "content", text)) != 0)
            return sc_fail_nomem(error, "attempt");
    }
    return SC_OK;
}

static enum sc_status put_prompt(json_t *row, const json_t *prompt, struct sc_error *error)
{
    const json_t *turns = json_object_get(prompt, "turns");
    const json_t *only = json_array_get(turns, 0);
    const char *role = text_at(only, "role");
    const char *text = message_text(prompt);
    if (json_array_size(turns) == 1 && role != NULL && strcmp(role, "user") == 0)
        text = message_text(json_object_get(only, "content"));
    if (text != NULL)
        return put_new(row, "prompt", json_string(text), error);
    if (json_array_size(turns) > 1)
        return put_turns(row, turns, error);
    return put_new(row, "fault", json_string("the prompt has no text"), error);
}

static enum sc_status put_outputs(json_t *row, const json_t *outputs, struct sc_error *error)
{
    size_t i;
    json_t *output;
    SC_TRY(put_new(row, "output", json_array(), error));
    json_t *answers = json_object_get(row, "output");
    json_array_foreach(outputs, i, output)
    {
        const char *text = message_text(output);
        json_t *answer = text != NULL ? json_pack("{s:s}", "text", text)
                                      : json_pack("{s:s}", "error", "no output");
        if (json_array_append_new(answers, answer) != 0)
            return sc_fail_nomem(error, "attempt");
    }
    return SC_OK;
}

/* Whether an attempt asked once: its conversations are the prompt and one answer. */
static bool asked_once(const json_t *attempt)
{
    size_t n = json_array_size(json_object_get(json_object_get(attempt, "prompt"), "turns"));
    size_t i;
    json_t *conversation;
    json_array_foreach(json_object_get(attempt, "conversations"), i, conversation)
    {
        if (n > 0 && json_array_size(json_object_get(conversation, "turns")) > n + 1)
            return false;
    }
    return true;
}

/* ---- detectors ------------------------------------------------------------------------------- */

/* The scores of one detector as hits, true and false, or null where it has none. */
static json_t *hits_of(const struct reader *r, const json_t *scores)
{
    json_t *hits = json_array(), *score;
    size_t i;
    json_array_foreach(scores, i, score)
    {
        json_t *hit = json_is_number(score) ? json_boolean(json_number_value(score) >= r->threshold)
                                            : json_null();
        if (json_array_append_new(hits, hit) != 0) {
            json_decref(hits);
            return NULL;
        }
    }
    return hits;
}

/* "dan.DAN" is a field of a field, so that the names of columns reach it. */
static enum sc_status put_detector(const struct reader *r, json_t *into, const char *name,
                                   const json_t *scores, struct sc_error *error)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL || dot == name || dot[1] == '\0')
        return put_new(into, name, hits_of(r, scores), error);
    char *module = sc_strndup(name, (size_t)(dot - name));
    if (module == NULL)
        return sc_fail_nomem(error, "attempt");
    enum sc_status status = SC_OK;
    if (!json_is_object(json_object_get(into, module)))
        status = put_new(into, module, json_object(), error);
    json_t *inner = json_object_get(into, module);
    sc_free(module);
    SC_TRY(status);
    return put_new(inner, dot + 1, hits_of(r, scores), error);
}

static enum sc_status put_detectors(const struct reader *r, json_t *row, json_t *results,
                                    struct sc_error *error)
{
    const char *name;
    json_t *scores;
    SC_TRY(put_new(row, "detector_results", json_object(), error));
    json_object_foreach(results, name, scores)
    {
        SC_TRY(put_detector(r, json_object_get(row, "detector_results"), name, scores, error));
    }
    return SC_OK;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static enum sc_status put_text(json_t *row, const char *key, const char *text,
                               struct sc_error *error)
{
    return text != NULL ? put_new(row, key, json_string(text), error) : SC_OK;
}

static enum sc_status fill_row(const struct reader *r, json_t *row, const json_t *attempt,
                               struct sc_error *error)
{
    const char *probe = text_at(attempt, "probe_classname");
    json_t *results = json_object_get(attempt, "detector_results");
    SC_TRY(put_prompt(row, json_object_get(attempt, "prompt"), error));
    SC_TRY(put_outputs(row, json_object_get(attempt, "outputs"), error));
    SC_TRY(put_text(row, "probe", probe, error));
    SC_TRY(put_text(row, "category", probe, error));
    SC_TRY(put_text(row, "goal", text_at(attempt, "goal"), error));
    SC_TRY(put_text(row, "intent", text_at(attempt, "intent"), error));
    SC_TRY(put_detectors(r, row, results, error));
    if (asked_once(attempt))
        return SC_OK;
    SC_TRY(put_new(row, "prompt", json_null(), error));
    return put_new(row, "fault",
                   json_string("several answers in one conversation, which are no trace"), error);
}

static enum sc_status take_attempt(struct reader *r, const json_t *attempt)
{
    const char *uuid = text_at(attempt, "uuid");
    struct attempt made = {.order = r->n, .begin = r->text.len};
    json_t *row = json_object();
    enum sc_status status =
        row != NULL ? fill_row(r, row, attempt, r->error) : sc_fail_nomem(r->error, r->name);
    if (status != SC_OK)
        goto done;
    sc_json_write(&r->text, row);
    made.end = r->text.len;
    made.uuid = sc_strdup(uuid != NULL ? uuid : "");
    if (made.uuid == NULL || r->text.failed ||
        sc_grow((void **)&r->attempts, r->n, &r->cap, sizeof *r->attempts)) {
        sc_free(made.uuid);
        status = sc_fail_nomem(r->error, r->name);
        goto done;
    }
    r->attempts[r->n++] = made;
done:
    json_decref(row);
    return status;
}

/* Whose answers they are, and from which score on there is a hit. */
static enum sc_status take_setup(struct reader *r, const json_t *setup)
{
    static const char *const names[] = {"plugins.target_name", "plugins.model_name",
                                        "plugins.target_type", "plugins.model_type"};
    const json_t *threshold = json_object_get(setup, "run.eval_threshold");
    if (json_is_number(threshold))
        r->threshold = json_number_value(threshold);
    for (size_t i = 0; i < sizeof names / sizeof *names && r->log->model == NULL; i++) {
        const char *name = text_at(setup, names[i]);
        if (name == NULL || *name == '\0')
            continue;
        r->log->model = sc_strdup(name);
        if (r->log->model == NULL)
            return sc_fail_nomem(r->error, r->name);
    }
    return SC_OK;
}

static enum sc_status take_line(struct reader *r, const char *line, size_t n)
{
    json_t *value = NULL;
    struct sc_text plain = {0};
    sc_import_add_plain(&plain, line, n);
    enum sc_status status =
        plain.failed ? SC_ERR_NOMEM : sc_json_parse(plain.data, plain.len, r->name, &value, NULL);
    sc_text_free(&plain);
    if (status == SC_ERR_NOMEM)
        return sc_fail_nomem(r->error, r->name);
    const char *type = text_at(value, "entry_type");
    if (status != SC_OK || type == NULL) {
        r->log->n_damaged++;
        status = SC_OK;
    } else if (strcmp(type, "attempt") == 0) {
        status = take_attempt(r, value);
    } else if (strcmp(type, "start_run setup") == 0) {
        status = take_setup(r, value);
    }
    json_decref(value);
    return status;
}

static enum sc_status take_lines(struct reader *r, const char *data, size_t n)
{
    for (size_t at = 0; at < n;) {
        struct table_line line = sc_table_line_at(data, n, at);
        if (!sc_table_is_blank(data + at, line.length))
            SC_TRY(take_line(r, data + at, line.length));
        at = line.next;
    }
    return SC_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static int compare_uuids(const void *a, const void *b)
{
    const struct attempt *x = a, *y = b;
    int order = strcmp(x->uuid, y->uuid);
    return order != 0 ? order : x->order < y->order ? -1 : x->order > y->order;
}

static int compare_orders(const void *a, const void *b)
{
    const struct attempt *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* An attempt is written when it was answered and again when it was judged: the last one stays. */
static void drop_earlier(struct reader *r)
{
    size_t kept = 0;
    qsort(r->attempts, r->n, sizeof *r->attempts, compare_uuids);
    for (size_t i = 0; i < r->n; i++) {
        if (i + 1 < r->n && r->attempts[i].uuid[0] != '\0' &&
            strcmp(r->attempts[i].uuid, r->attempts[i + 1].uuid) == 0)
            sc_free(r->attempts[i].uuid);
        else
            r->attempts[kept++] = r->attempts[i];
    }
    r->n = kept;
    qsort(r->attempts, r->n, sizeof *r->attempts, compare_orders);
}

static enum sc_status make_table(struct reader *r, const struct sc_table_options *options,
                                 struct sc_table *out)
{
    struct sc_text rows = {0};
    struct sc_table_options how = *options;
    how.lines = true;
    if (r->n == 0)
        return sc_fail(r->error, SC_ERR_FORMAT, "%s: a report of garak without an attempt",
                       r->name);
    drop_earlier(r);
    for (size_t i = 0; i < r->n; i++) {
        sc_text_add(&rows, r->text.data + r->attempts[i].begin,
                    r->attempts[i].end - r->attempts[i].begin);
        sc_text_putc(&rows, '\n');
    }
    enum sc_status status = rows.failed
                                ? sc_fail_nomem(r->error, r->name)
                                : sc_table_parse(r->name, rows.data, rows.len, &how, out, r->error);
    sc_text_free(&rows);
    return status;
}

enum sc_status sc_import_garak_parse(const char *name, const char *data, size_t n,
                                     const struct sc_table_options *options, struct sc_table *out,
                                     struct sc_import_log *log, struct sc_error *error)
{
    struct reader r = {.name = name, .log = log, .error = error, .threshold = USUAL_THRESHOLD};
    log->kind = SC_LOG_GARAK;
    enum sc_status status = take_lines(&r, data, n);
    if (status != SC_OK)
        goto done;
    status = make_table(&r, options, out);
done:
    for (size_t i = 0; i < r.n; i++)
        sc_free(r.attempts[i].uuid);
    sc_free(r.attempts);
    sc_text_free(&r.text);
    return status;
}
