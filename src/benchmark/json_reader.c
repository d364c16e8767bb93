/* See json_reader.h. */
#include "benchmark/json_reader.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

size_t sc_json_line_of(struct json_reader *r, size_t offset)
{
    assert(offset <= r->n);
    /* The end of a line is looked for once, however many values it holds. */
    while (r->at < offset) {
        if (r->next <= r->at)
            r->next = sc_table_line_at(r->data, r->n, r->at).next;
        if (r->next > offset)
            break;
        r->line++;
        r->at = r->next;
    }
    return r->line;
}

/* Cell text of a value: a text as it is, others as compact JSON; NULL when memory is exhausted. */
static char *value_text(const json_t *value)
{
    if (json_is_string(value))
        return sc_strndup(json_string_value(value), json_string_length(value));
    struct sc_text text = {0};
    sc_json_write(&text, value);
    return sc_text_take(&text);
}

enum sc_status sc_json_put_cell(struct table_builder *b, size_t column, const json_t *value)
{
    if (json_is_null(value))
        return sc_table_put_cell(b, column, NULL, false);
    char *text = value_text(value);
    if (text == NULL)
        return sc_fail_nomem(b->error, "table");
    return sc_table_put_cell(b, column, text, json_is_object(value) || json_is_array(value));
}

/* Its message counts lines from the row's own; the file's line is what helps. */
static enum sc_status fail_parse(struct table_builder *b, const struct sc_error *why)
{
    const char *tail = strstr(why->text, "expected JSON");
    if (why->status != SC_ERR_FORMAT && (why->status != SC_ERR_LIMIT || tail == NULL))
        return sc_fail(b->error, why->status, "%s: %s", b->name, why->text);
    return sc_table_fail_row(b, "%s", tail != NULL ? tail : "expected JSON");
}

enum sc_status sc_json_parse_value(struct json_reader *r, size_t begin, size_t end, json_t **value)
{
    char fault[80];
    *value = NULL;
    if (end - begin > JSON_MAX_ROW_BYTES)
        return sc_table_fail_row(r->b, "longer than %zu bytes", JSON_MAX_ROW_BYTES);
    if (sc_table_text_fault(r->data + begin, end - begin, fault, sizeof fault))
        return sc_table_fail_row(r->b, "%s", fault);
    struct sc_error why = {0};
    if (sc_json_parse_any(r->data + begin, end - begin, "", value, &why) != SC_OK)
        return fail_parse(r->b, &why);
    return SC_OK;
}
