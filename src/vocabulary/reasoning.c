/* See reasoning.h. */
#include "vocabulary/reasoning.h"

#include <string.h>

size_t sc_reasoning_length(const char *text)
{
    const char *end = strstr(text, SC_REASONING_CLOSES);
    if (end != NULL)
        return (size_t)(end - text) + strlen(SC_REASONING_CLOSES);
    const char *begin = text + strspn(text, " \t\r\n");
    bool opens = strncmp(begin, SC_REASONING_OPENS, strlen(SC_REASONING_OPENS)) == 0;
    return opens ? strlen(text) : 0;
}

bool sc_reasoning_is_closed(const char *text)
{
    return strstr(text, SC_REASONING_CLOSES) != NULL;
}

const char *sc_after_reasoning(const char *text)
{
    const char *said = text;
    for (const char *next; (next = strstr(said, SC_REASONING_CLOSES)) != NULL;)
        said = next + strlen(SC_REASONING_CLOSES);
    return said == text ? text : said + strspn(said, "\n");
}
