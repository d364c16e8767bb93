/* See gate.h. */
#include "serving/gate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

bool sc_serving_is_local(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

/* Whether the first n bytes are that name, in whatever case. */
static bool is_name(const char *text, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(text, name, n) == 0;
}

static bool is_port(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n >= 1 && n <= 5 && text[n] == '\0';
}

bool sc_serving_knows_host(const char *header, const char *listens_at)
{
    if (header == NULL)
        return false;
    bool bracketed = header[0] == '[';
    const char *end = bracketed ? strchr(header, ']') : header + strcspn(header, ":");
    if (end == NULL)
        return false;
    const char *name = header + bracketed, *after = end + bracketed;
    size_t n = (size_t)(end - name);
    if (*after != '\0' && (*after != ':' || !is_port(after + 1)))
        return false;
    if (bracketed)
        return is_name(name, n, "::1") || is_name(name, n, listens_at);
    return is_name(name, n, "localhost") || is_name(name, n, "127.0.0.1") ||
           is_name(name, n, listens_at);
}

bool sc_serving_has_key(const char *header, const char *key)
{
    static const char scheme[] = "Bearer ";
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *given = header + sizeof scheme - 1;
    size_t n_given = strlen(given), n = strlen(key);
    /* As many steps as the given one has bytes, which whoever asks knows. */
    unsigned differs = n_given != n;
    for (size_t i = 0; i < n_given; i++)
        differs |= (unsigned char)given[i] ^ (unsigned char)key[n > 0 ? i % n : 0];
    return differs == 0;
}

bool sc_serving_is_json(const char *header)
{
    static const char type[] = "application/json";
    const size_t n = sizeof type - 1;
    return header != NULL && strncasecmp(header, type, n) == 0 &&
           (header[n] == '\0' || strchr("; \t", header[n]) != NULL);
}
