/* See tail.h. */
#include "detection/tail.h"

#include <assert.h>
#include <string.h>

enum { LONGEST_PERIOD = 256, LEAST_COPIES = 4, LEAST_BYTES = 160 };

static size_t without_blanks(const char *text, size_t n)
{
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r' ||
                     text[n - 1] == '\n'))
        n--;
    return n;
}

/* How many bytes at the end are what stands `period` bytes before them. */
static size_t repeated(const char *text, size_t n, size_t period)
{
    size_t length = 0;
    while (length + period < n && text[n - 1 - length] == text[n - 1 - length - period])
        length++;
    return length;
}

size_t sc_without_tail(const char *text, size_t n)
{
    assert(text != NULL);
    size_t end = without_blanks(text, n);
    for (size_t period = 1; period <= LONGEST_PERIOD && period < end; period++) {
        size_t length = repeated(text, end, period);
        if (length < (LEAST_COPIES - 1) * period || length + period < LEAST_BYTES)
            continue;
        size_t once = end - length;
        while (once > 0 && ((unsigned char)text[once] & 0xC0) == 0x80)
            once--; /* not within a character */
        return without_blanks(text, once);
    }
    return end;
}
