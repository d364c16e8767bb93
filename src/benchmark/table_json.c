/*
 * Rows of JSON: one value a line, values one after another (pretty-printed), a list, or a list
 * somewhere below the keys of an object.
 *
 * A row is an object, whose members are the cells, a text, or a list; a text or a list is the
 * prompt.  Each row is parsed by itself, so that one that is damaged fails alone.  Refused:
 * brackets that do not match, an object in which rows are found at several places or at none that
 * was named.
 */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "benchmark/json_extent.h"
#include "benchmark/json_reader.h"

/* How deep the keys of an object are followed to where its rows lie. */
#define MAX_DEPTH 8

/* ---- one row --------------------------------------------------------------------------------- */

/* A list of texts or of messages; none of numbers. */
static bool may_be_prompt(const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item) && !json_is_object(item))
            return false;
    }
    return json_array_size(list) > 0;
}

static enum sc_status put_row(struct table_builder *b, json_t *row, size_t line)
{
    size_t column = 0;
    if (json_is_string(row) || may_be_prompt(row)) {
        SC_TRY(sc_table_find_column(b, TABLE_PROMPT_COLUMN, 0, line, &column));
        b->n_texts += json_is_string(row);
        return sc_json_put_cell(b, column, row);
    }
    if (!json_is_object(row))
        return sc_table_fail_row(b,
                                 "expected a JSON object, a text, or a list of texts or messages");
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        SC_TRY(sc_table_find_column(b, key, column, line, &column));
        SC_TRY(sc_json_put_cell(b, column, value));
        column++;
    }
    return SC_OK;
}

static enum sc_status read_row(struct json_reader *r, size_t begin, size_t end)
{
    json_t *row;
    size_t line = sc_json_line_of(r, begin);
    SC_TRY(sc_table_begin_row(r->b, line));
    SC_TRY(sc_json_parse_value(r, begin, end, &row));
    if (row == NULL)
        return SC_OK;
    enum sc_status status = put_row(r->b, row, line);
    json_decref(row);
    return status;
}

/* ---- many rows ------------------------------------------------------------------------------- */

static enum sc_status read_lines(struct json_reader *r)
{
    for (size_t at = 0; at < r->n;) {
        struct table_line line = sc_table_line_at(r->data, r->n, at);
        if (!sc_table_is_blank(r->data + at, line.length))
            SC_TRY(read_row(r, at, at + line.length));
        at = line.next;
    }
    return SC_OK;
}

/* The parser's own words on brackets that do not match. */
static enum sc_status fail_broken(struct json_reader *r)
{
    json_t *all = NULL;
    if (r->n <= JSON_MAX_ROW_BYTES)
        SC_TRY(sc_json_parse(r->data, r->n, r->b->name, &all, r->b->error));
    json_decref(all);
    return sc_fail(r->b->error, SC_ERR_FORMAT, "%s: expected JSON: brackets that match",
                   r->b->name);
}

static enum sc_status read_sequence(struct json_reader *r, size_t at)
{
    while (at < r->n) {
        size_t end = sc_json_value_end(r->data, r->n, at);
        if (end == at)
            return sc_fail(r->b->error, SC_ERR_FORMAT,
                           "%s: line %zu: the JSON value that begins here never ends", r->b->name,
                           sc_json_line_of(r, at));
        SC_TRY(read_row(r, at, end));
        at = sc_json_skip_space(r->data, r->n, end);
    }
    return SC_OK;
}

/* The items of the list at `at`. */
static enum sc_status read_list(struct json_reader *r, size_t at)
{
    struct json_walk walk = {.data = r->data, .n = r->n, .at = at};
    enum json_step step;
    while ((step = sc_json_walk_next(&walk)) == JSON_ITEM)
        SC_TRY(read_row(r, walk.begin, walk.end));
    return step == JSON_END ? SC_OK : fail_broken(r);
}

/* ---- rows below a key ------------------------------------------------------------------------ */

enum { MOST_PLACES = 16 };

/* Lists that rows may be in. */
struct places {
    struct {
        char *path; /* "data.rows" */
        size_t at;
        char first; /* of the list's items: '{', '"' or '[' */
    } items[MOST_PLACES];
    size_t n;
};

static void places_free(struct places *places)
{
    for (size_t i = 0; i < places->n; i++)
        sc_free(places->items[i].path);
    *places = (struct places){0};
}

/* What a list begins with: '{', '"' or another character; 0: nothing. */
static char first_of(const struct json_reader *r, size_t at)
{
    size_t first = sc_json_skip_space(r->data, r->n, at + 1);
    return first < r->n && r->data[first] != ']' ? r->data[first] : '\0';
}

static enum sc_status add_place(const struct json_reader *r, struct places *places,
                                const char *path, size_t at)
{
    if (places->n == MOST_PLACES)
        return SC_OK;
    char *copy = sc_strdup(path);
    if (copy == NULL)
        return sc_fail_nomem(r->b->error, "table");
    places->items[places->n].path = copy;
    places->items[places->n].first = first_of(r, at);
    places->items[places->n++].at = at;
    return SC_OK;
}

/* The key of a member; NULL: not a text (*status says whether memory was why). */
static char *member_key(const struct json_reader *r, const struct json_walk *walk,
                        enum sc_status *status)
{
    json_t *key = NULL;
    struct sc_error why = {0};
    *status = sc_json_parse_any(r->data + walk->key_begin, walk->key_end - walk->key_begin, "",
                                &key, &why);
    char *text = *status == SC_OK ? sc_strdup(json_string_value(key)) : NULL;
    if (*status == SC_OK && text == NULL)
        *status = SC_ERR_NOMEM;
    json_decref(key);
    if (*status == SC_ERR_NOMEM)
        sc_fail_nomem(r->b->error, "table");
    else
        *status = SC_OK;
    return text;
}

static enum sc_status find_below(const struct json_reader *r, size_t at, const char *path,
                                 size_t depth, struct places *places);

/* The member at the walk's place, whose path is PATH.KEY: a place itself, or places below it. */
static enum sc_status find_at(const struct json_reader *r, const struct json_walk *walk,
                              const char *path, size_t depth, struct places *places)
{
    char first = r->data[walk->begin];
    if (first != '[' && first != '{')
        return SC_OK;
    enum sc_status status;
    char *key = member_key(r, walk, &status);
    if (key == NULL)
        return status;
    struct sc_text text = {0};
    sc_text_printf(&text, "%s%s%s", path, *path != '\0' ? "." : "", key);
    sc_free(key);
    char *below = sc_text_take(&text);
    if (below == NULL)
        return sc_fail_nomem(r->b->error, "table");
    const char *wanted = r->b->options->rows_key;
    char item = first == '[' ? first_of(r, walk->begin) : '\0';
    if (wanted != NULL ? strcmp(wanted, below) == 0 : item == '{' || item == '"' || item == '[')
        status = add_place(r, places, below, walk->begin);
    else if (first == '{' && depth < MAX_DEPTH)
        status = find_below(r, walk->begin, below, depth + 1, places);
    sc_free(below);
    return status;
}

static enum sc_status find_below(const struct json_reader *r, size_t at, const char *path,
                                 size_t depth, struct places *places)
{
    struct json_walk walk = {.data = r->data, .n = r->n, .at = at};
    while (sc_json_walk_next(&walk) == JSON_ITEM)
        SC_TRY(find_at(r, &walk, path, depth, places));
    return SC_OK;
}

/* Whether the object at `at` is itself a row: it has a member that is a prompt. */
static enum sc_status is_row(const struct json_reader *r, size_t at, bool *row)
{
    static const char *const prompts[] = {TABLE_PROMPT_COLUMN, "messages", "conversations",
                                          "conversation", "turns"};
    struct json_walk walk = {.data = r->data, .n = r->n, .at = at};
    *row = false;
    while (!*row && sc_json_walk_next(&walk) == JSON_ITEM) {
        enum sc_status status;
        char *key = member_key(r, &walk, &status);
        SC_TRY(status);
        for (size_t i = 0; key != NULL && i < sizeof prompts / sizeof *prompts; i++)
            *row = *row || strcmp(key, prompts[i]) == 0;
        sc_free(key);
    }
    return SC_OK;
}

static void add_paths(struct sc_text *out, const struct places *places, size_t without)
{
    bool first = true;
    for (size_t i = 0; i < places->n && out->len < 300; i++) {
        if (i == without)
            continue;
        char item = places->items[i].first;
        sc_text_printf(out, "%s%s (%s)", first ? "" : ", ", places->items[i].path,
                       item == '{'   ? "objects"
                       : item == '"' ? "texts"
                                     : "lists");
        first = false;
    }
}

static enum sc_status fail_places(const struct json_reader *r, const struct places *places)
{
    struct sc_text paths = {0};
    add_paths(&paths, places, SIZE_MAX);
    enum sc_status status =
        sc_fail(r->b->error, SC_ERR_ARGUMENT,
                "%s: rows may lie at several places: name one with --rows-key: %s", r->b->name,
                paths.data != NULL ? paths.data : "");
    sc_text_free(&paths);
    return status;
}

/* The one place, or the one with objects among others: *chosen. */
static enum sc_status choose_place(const struct json_reader *r, const struct places *places,
                                   size_t *chosen)
{
    size_t n_objects = 0;
    *chosen = 0;
    for (size_t i = 0; i < places->n; i++) {
        bool objects = places->items[i].first == '{';
        n_objects += objects;
        *chosen = objects ? i : *chosen;
    }
    if (places->n > 1 && n_objects != 1)
        return fail_places(r, places);
    struct sc_text *note = &r->b->note;
    sc_text_printf(note, "rows are read below \"%s\"", places->items[*chosen].path);
    if (places->n > 1) {
        sc_text_puts(note, ", not below ");
        add_paths(note, places, *chosen);
        sc_text_puts(note, " (--rows-key)");
    }
    return SC_OK;
}

static enum sc_status fail_rows_key(const struct json_reader *r, const char *found)
{
    return sc_fail(r->b->error, SC_ERR_ARGUMENT,
                   "%s: --rows-key %s: expected a list below that key, found %s", r->b->name,
                   r->b->options->rows_key, found);
}

/* Where the rows lie below the object at `at`, named or found; places->n stays 0 where it is itself
 * a row. */
static enum sc_status find_place(struct json_reader *r, size_t at, struct places *places,
                                 size_t *chosen)
{
    bool row = false;
    *chosen = 0;
    if (r->b->options->rows_key == NULL) {
        SC_TRY(is_row(r, at, &row));
        if (row)
            return SC_OK;
        SC_TRY(find_below(r, at, "", 0, places));
        return places->n > 0 ? choose_place(r, places, chosen) : SC_OK;
    }
    SC_TRY(find_below(r, at, "", 0, places));
    if (places->n == 0)
        return fail_rows_key(r, "none");
    return r->data[places->items[0].at] == '[' ? SC_OK : fail_rows_key(r, "an object");
}

/* An object that is the whole file: columns, what holds the rows, or a row. */
static enum sc_status read_object(struct json_reader *r, size_t at, size_t end)
{
    bool columns = false;
    if (r->b->options->rows_key == NULL)
        SC_TRY(sc_table_read_columns(r, at, &columns));
    if (columns)
        return SC_OK;
    struct places places = {0};
    size_t chosen;
    enum sc_status status = find_place(r, at, &places, &chosen);
    if (status != SC_OK)
        goto done;
    status = places.n > 0 ? read_list(r, places.items[chosen].at) : read_row(r, at, end);
done:
    places_free(&places);
    return status;
}

/* ---- which of them --------------------------------------------------------------------------- */

/* Whether the list at `at` holds objects that are no messages, as the list of a file does. */
static bool holds_rows(const struct json_reader *r, size_t at)
{
    struct json_walk list = {.data = r->data, .n = r->n, .at = at};
    if (sc_json_walk_next(&list) != JSON_ITEM || r->data[list.begin] != '{')
        return false;
    struct json_walk walk = {.data = r->data, .n = r->n, .at = list.begin};
    while (sc_json_walk_next(&walk) == JSON_ITEM) {
        size_t n = walk.key_end - walk.key_begin;
        const char *key = r->data + walk.key_begin;
        if ((n == 6 && memcmp(key, "\"role\"", 6) == 0) ||
            (n == 6 && memcmp(key, "\"from\"", 6) == 0))
            return false;
    }
    return true;
}

/* Whether values are written over several lines: a bracket stands alone on the first, or the first
 * value is whole only with later ones. */
static enum sc_status find_sequence(const struct json_reader *r, size_t first, size_t end, bool *is)
{
    size_t length = sc_table_line_at(r->data, r->n, first).length;
    *is = end > first + length && sc_table_is_blank(r->data + first + 1, length - 1);
    if (*is || end <= first + length)
        return SC_OK;
    json_t *value = NULL;
    enum sc_status status = sc_json_parse(r->data + first, end - first, "", &value, NULL);
    json_decref(value);
    *is = status == SC_OK || status == SC_ERR_LIMIT; /* too much of it: reading says so */
    return status == SC_ERR_NOMEM ? sc_fail_nomem(r->b->error, r->b->name) : SC_OK;
}

static enum sc_status read_all(struct json_reader *r, bool lines)
{
    size_t first = sc_json_skip_space(r->data, r->n, 0);
    if (first == r->n)
        return SC_OK;
    char c = r->data[first];
    size_t end = sc_json_value_end(r->data, r->n, first);
    size_t next = sc_json_skip_space(r->data, r->n, end);
    bool single = end > first && next == r->n;
    bool one_line = end <= first + sc_table_line_at(r->data, r->n, first).length;
    if (r->b->options->rows_key != NULL && (!single || c != '{'))
        return sc_fail(r->b->error, SC_ERR_ARGUMENT,
                       "%s: --rows-key is for a file that is one JSON object", r->b->name);
    if (r->b->options->rows_key != NULL)
        return read_object(r, first, end);
    if (single && c == '[' && (!lines || !one_line || holds_rows(r, first)))
        return read_list(r, first);
    if (single && c == '{' && (!lines || !one_line))
        return read_object(r, first, end);
    if (!single && c == '[' && !lines && (end == first || r->data[next] != '['))
        return fail_broken(r);
    bool sequence;
    SC_TRY(find_sequence(r, first, end, &sequence));
    return sequence ? read_sequence(r, first) : read_lines(r);
}

enum sc_status sc_table_read_json(struct table_builder *b, const char *data, size_t n, bool lines)
{
    struct json_reader r = {.b = b, .data = data, .n = n, .line = 1};
    b->typed = true;
    return read_all(&r, lines);
}
