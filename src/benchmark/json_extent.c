/* See json_extent.h. */
#include "benchmark/json_extent.h"

#include <assert.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t sc_json_skip_space(const char *data, size_t n, size_t at)
{
    while (at < n && is_space(data[at]))
        at++;
    return at;
}

/* Behind the text whose opening quote is at `at`; `at` itself: it never ends. */
static size_t text_end(const char *data, size_t n, size_t at)
{
    for (size_t i = at + 1; i < n; i++) {
        if (data[i] == '\\')
            i++;
        else if (data[i] == '"')
            return i + 1;
    }
    return at;
}

size_t sc_json_value_end(const char *data, size_t n, size_t at)
{
    if (at >= n)
        return at;
    if (data[at] == '"')
        return text_end(data, n, at);
    if (data[at] != '{' && data[at] != '[') {
        size_t end = at;
        while (end < n && !is_space(data[end]) && strchr(",:[]{}\"", data[end]) == NULL)
            end++;
        return end;
    }
    size_t depth = 0;
    for (size_t i = at; i < n; i++) {
        if (data[i] == '"') {
            size_t end = text_end(data, n, i);
            if (end == i)
                return at;
            i = end - 1;
        } else if (data[i] == '{' || data[i] == '[') {
            depth++;
        } else if ((data[i] == '}' || data[i] == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return at;
}

enum json_step sc_json_walk_next(struct json_walk *walk)
{
    const char *data = walk->data;
    size_t n = walk->n, at = walk->at;
    bool first = !walk->started;
    if (first) {
        assert(at < n && (data[at] == '[' || data[at] == '{'));
        walk->started = true;
        walk->members = data[at] == '{';
        at++;
    }
    char close = walk->members ? '}' : ']';
    at = sc_json_skip_space(data, n, at);
    if (at < n && data[at] == close) {
        walk->at = at + 1;
        return JSON_END;
    }
    if (!first) {
        if (at == n || data[at] != ',')
            return JSON_BROKEN;
        at = sc_json_skip_space(data, n, at + 1);
    }
    if (walk->members) {
        walk->key_begin = at;
        walk->key_end = at < n && data[at] == '"' ? text_end(data, n, at) : at;
        if (walk->key_end == at)
            return JSON_BROKEN;
        at = sc_json_skip_space(data, n, walk->key_end);
        if (at == n || data[at] != ':')
            return JSON_BROKEN;
        at = sc_json_skip_space(data, n, at + 1);
    }
    walk->begin = at;
    walk->end = walk->at = sc_json_value_end(data, n, at);
    return walk->end == at ? JSON_BROKEN : JSON_ITEM;
}
