/* What the readers of a tokenizer's parts share. */
#include <string.h>

#include "model/tokenizer/parts.h"

bool sc_is_off(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

bool sc_has_type(const json_t *object, const char *type)
{
    const char *found = json_string_value(json_object_get(object, "type"));

    return found != NULL && strcmp(found, type) == 0;
}

enum sc_status sc_unknown_type(const json_t *object, const char *expected, struct sc_error *error)
{
    const char *type = json_string_value(json_object_get(object, "type"));

    if (type == NULL)
        return sc_fail(error, SC_ERR_FORMAT, "expected an object with a type: %s", expected);
    return sc_fail(error, SC_ERR_UNSUPPORTED, "expected %s, found %.60s", expected, type);
}

enum sc_status sc_pattern_parse(struct sc_splitter **out, const json_t *value,
                                struct sc_error *error)
{
    const json_t *literal = json_object_get(value, "String");
    const json_t *pattern = json_object_get(value, "Regex");

    if (json_is_string(literal))
        return sc_splitter_new_literal(out, json_string_value(literal), json_string_length(literal),
                                       error);
    if (!json_is_string(pattern) ||
        strlen(json_string_value(pattern)) != json_string_length(pattern))
        return sc_fail(error, SC_ERR_FORMAT, "pattern: expected a String or a Regex");
    return sc_splitter_new(out, json_string_value(pattern), error);
}
