/*
 * Tables written column by column.  An object is one when its members are lists of the same length,
 * one of them not of texts and lists alone (else they may be several lists of prompts, which is not
 * for us to decide) and none of objects; or when they are objects with the same numbers as keys.
 */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "benchmark/json_extent.h"
#include "benchmark/json_reader.h"

/* Columns side by side, each at its own place in the text. */
struct json_columns {
    struct json_walk *walks; /* [n] */
    size_t n, cap;
    bool lists; /* else objects */
    bool mixed; /* an item that is no text and no list */
};

static bool is_number(const char *key, size_t n)
{
    if (n < 3)
        return false;
    for (size_t i = 1; i + 1 < n; i++)
        if (!isdigit((unsigned char)key[i]))
            return false;
    return true;
}

static bool same_key(const struct json_walk *a, const struct json_walk *b)
{
    size_t n = a->key_end - a->key_begin;
    return n == b->key_end - b->key_begin &&
           memcmp(a->data + a->key_begin, b->data + b->key_begin, n) == 0;
}

/* One item of every column; false: the columns do not go together. */
static bool step_all(struct json_columns *c, enum json_step *step)
{
    for (size_t i = 0; i < c->n; i++) {
        struct json_walk *walk = &c->walks[i];
        enum json_step here = sc_json_walk_next(walk);
        if (here == JSON_BROKEN || (i > 0 && here != *step))
            return false;
        *step = here;
        if (here == JSON_END)
            continue;
        char first = walk->data[walk->begin];
        c->mixed = c->mixed || (first != '"' && first != '[');
        if (c->lists && first == '{')
            return false;
        if (!c->lists &&
            (!is_number(walk->data + walk->key_begin, walk->key_end - walk->key_begin) ||
             !same_key(walk, &c->walks[0])))
            return false;
    }
    return true;
}

/* Whether the columns, walked to their ends, are the same rows. */
static bool go_together(struct json_columns *c)
{
    size_t n_rows = 0;
    for (enum json_step step = JSON_ITEM; step == JSON_ITEM; n_rows++)
        if (!step_all(c, &step))
            return false;
    return n_rows > 1 && (!c->lists || (c->mixed && c->n > 1));
}

/* Begins a walk at every member of the object; *alike: they are lists, or objects, all of them. */
static enum sc_status begin_all(struct json_reader *r, size_t at, struct json_columns *c,
                                bool *alike)
{
    struct json_walk members = {.data = r->data, .n = r->n, .at = at};
    enum json_step step;
    *alike = false;
    while ((step = sc_json_walk_next(&members)) == JSON_ITEM) {
        char first = r->data[members.begin];
        if ((first != '[' && first != '{') || (c->n > 0 && c->lists != (first == '[')) ||
            c->n == TABLE_MAX_COLUMNS)
            return SC_OK;
        c->lists = first == '[';
        if (sc_grow((void **)&c->walks, c->n, &c->cap, sizeof *c->walks) != 0)
            return sc_fail_nomem(r->b->error, "table");
        c->walks[c->n++] = (struct json_walk){.data = r->data, .n = r->n, .at = members.begin};
    }
    *alike = step == JSON_END && c->n > 0;
    return SC_OK;
}

static enum sc_status add_column(struct json_reader *r, const char *name)
{
    size_t before = r->b->n_columns, column;
    SC_TRY(sc_table_find_column(r->b, name, before, r->line, &column));
    if (r->b->n_columns > before)
        return SC_OK;
    return sc_fail(r->b->error, SC_ERR_FORMAT, "%s: two columns named '%.60s'", r->b->name, name);
}

static enum sc_status add_columns(struct json_reader *r, size_t at)
{
    struct json_walk members = {.data = r->data, .n = r->n, .at = at};
    while (sc_json_walk_next(&members) == JSON_ITEM) {
        json_t *key = NULL;
        SC_TRY(sc_json_parse_any(r->data + members.key_begin, members.key_end - members.key_begin,
                                 r->b->name, &key, r->b->error));
        enum sc_status status = add_column(r, json_string_value(key));
        json_decref(key);
        SC_TRY(status);
    }
    return SC_OK;
}

/* The row that the walks stand at. */
static enum sc_status read_row(struct json_reader *r, const struct json_columns *c)
{
    SC_TRY(sc_table_begin_row(r->b, sc_json_line_of(r, c->walks[0].begin)));
    for (size_t i = 0; i < c->n; i++) {
        json_t *value;
        SC_TRY(sc_json_parse_value(r, c->walks[i].begin, c->walks[i].end, &value));
        if (value == NULL)
            return SC_OK;
        enum sc_status status = sc_json_put_cell(r->b, i, value);
        json_decref(value);
        SC_TRY(status);
    }
    return SC_OK;
}

static enum sc_status read_columns(struct json_reader *r, size_t at, struct json_columns *c,
                                   bool *found)
{
    SC_TRY(begin_all(r, at, c, found));
    *found = *found && go_together(c);
    if (!*found)
        return SC_OK;
    c->n = 0;
    SC_TRY(begin_all(r, at, c, found));
    SC_TRY(add_columns(r, at));
    sc_text_puts(&r->b->note, "the members of the object are read as columns");
    for (enum json_step step; step_all(c, &step) && step == JSON_ITEM;)
        SC_TRY(read_row(r, c));
    return SC_OK;
}

enum sc_status sc_table_read_columns(struct json_reader *r, size_t at, bool *found)
{
    struct json_columns columns = {0};
    enum sc_status status = read_columns(r, at, &columns, found);
    sc_free(columns.walks);
    return status;
}
