/* See events.h. */
#include "remote/events.h"

#include <assert.h>
#include <string.h>

static bool is_field(const char *line, size_t n_name, const char *name)
{
    return n_name == strlen(name) && memcmp(line, name, n_name) == 0;
}

static enum sc_events_result take_event(struct sc_events *e)
{
    if (!e->has_data)
        return SC_EVENTS_GO_ON;
    e->has_data = false;
    bool go_on =
        e->take(e->context, e->data.data != NULL ? e->data.data : (char[1]){0}, e->data.len);
    sc_text_clear(&e->data);
    return go_on ? SC_EVENTS_GO_ON : SC_EVENTS_STOPPED;
}

static enum sc_events_result take_line(struct sc_events *e, const char *line, size_t n)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of byte order, before the first line alone */
    if (!e->after_start && n >= 3 && memcmp(line, mark, 3) == 0) {
        line += 3;
        n -= 3;
    }
    e->after_start = true;
    if (n == 0)
        return take_event(e);
    const char *colon = memchr(line, ':', n);
    size_t n_name = colon != NULL ? (size_t)(colon - line) : n;
    if (!is_field(line, n_name, "data"))
        return SC_EVENTS_GO_ON;
    size_t begin = colon != NULL ? n_name + 1 : n;
    begin += begin < n && line[begin] == ' ';
    if (n - begin >= e->most - e->data.len)
        return SC_EVENTS_TOO_LONG;
    if (e->has_data)
        sc_text_putc(&e->data, '\n');
    sc_text_add(&e->data, line + begin, n - begin);
    e->has_data = true;
    return e->data.failed ? SC_EVENTS_NO_MEMORY : SC_EVENTS_GO_ON;
}

/* The line that ends here: what was kept of it, and the bytes up to its end. */
static enum sc_events_result end_line(struct sc_events *e, const char *bytes, size_t n)
{
    if (e->line.len == 0)
        return take_line(e, bytes, n);
    sc_text_add(&e->line, bytes, n);
    if (e->line.failed)
        return SC_EVENTS_NO_MEMORY;
    enum sc_events_result result = take_line(e, e->line.data, e->line.len);
    sc_text_clear(&e->line);
    return result;
}

/* The first end of a line in bytes [n], or n. */
static size_t find_end(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    size_t most = lf != NULL ? (size_t)(lf - bytes) : n;
    const char *cr = memchr(bytes, '\r', most);
    return cr != NULL ? (size_t)(cr - bytes) : most;
}

enum sc_events_result sc_events_feed(struct sc_events *e, const char *bytes, size_t n)
{
    assert(e->take != NULL && e->most > 0);
    size_t at = 0;
    while (at < n) {
        if (e->after_cr && bytes[at] == '\n')
            at++;
        e->after_cr = false;
        size_t length = find_end(bytes + at, n - at);
        if (length >= e->most - e->line.len)
            return SC_EVENTS_TOO_LONG;
        if (at + length == n) {
            sc_text_add(&e->line, bytes + at, length);
            return e->line.failed ? SC_EVENTS_NO_MEMORY : SC_EVENTS_GO_ON;
        }
        e->after_cr = bytes[at + length] == '\r';
        enum sc_events_result result = end_line(e, bytes + at, length);
        if (result != SC_EVENTS_GO_ON)
            return result;
        at += length + 1;
    }
    return SC_EVENTS_GO_ON;
}

enum sc_events_result sc_events_end(struct sc_events *e)
{
    if (e->line.len > 0) {
        enum sc_events_result result = end_line(e, "", 0);
        if (result != SC_EVENTS_GO_ON)
            return result;
    }
    return take_event(e);
}

void sc_events_clear(struct sc_events *e)
{
    sc_text_clear(&e->line);
    sc_text_clear(&e->data);
    e->line.failed = e->data.failed = false;
    e->has_data = e->after_cr = e->after_start = false;
}

void sc_events_free(struct sc_events *e)
{
    sc_text_free(&e->line);
    sc_text_free(&e->data);
}
