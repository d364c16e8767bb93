/* See error.h. */
#include "base/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *sc_status_text(enum sc_status status)
{
    switch (status) {
#define SC_STATUS_CASE(name, value, text)                                                          \
    case SC_##name:                                                                                \
        return text;
        SC_STATUS_MAP(SC_STATUS_CASE)
#undef SC_STATUS_CASE
    }
    return "unknown status";
}

/* Copies a message that may hold untrusted bytes into a place of fixed size, as one visible line,
 * without allocating: an error must be reportable when memory is gone.  cut: the message was longer
 * than what is given.  A message that does not fit ends in "...", for which room is kept. */
static void copy_visible(char *out, size_t size, const char *message, bool cut)
{
    static const char dots[] = "...";
    assert(size > sizeof dots);
    size_t n = strlen(message), used = 0;
    for (size_t i = 0; i < n;) {
        char piece[16];
        size_t taken = sc_visible_char(message + i, n - i, false, piece, sizeof piece);
        size_t length = strlen(piece);
        bool last = i + taken == n && !cut;
        if (used + length + (last ? 1 : sizeof dots) > size) {
            memcpy(out + used, dots, sizeof dots);
            return;
        }
        memcpy(out + used, piece, length);
        used += length;
        i += taken;
    }
    out[used] = '\0';
}

enum sc_status sc_fail(struct sc_error *error, enum sc_status status, const char *format, ...)
{
    if (error == NULL || error->status != SC_OK)
        return status;
    char message[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    bool cut = n >= (int)sizeof message;
    copy_visible(error->text, sizeof error->text, n >= 0 ? message : format, cut);
    error->status = status;
    return status;
}

enum sc_status sc_fail_nomem(struct sc_error *error, const char *what)
{
    return sc_fail(error, SC_ERR_NOMEM, "out of memory: %s", what);
}

void sc_error_prefix(struct sc_error *error, const char *format, ...)
{
    if (error == NULL || error->status == SC_OK)
        return;
    char prefix[sizeof error->text / 2], message[2 * sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    snprintf(message, sizeof message, "%s: %s", prefix, error->text);
    copy_visible(error->text, sizeof error->text, message, false);
}
