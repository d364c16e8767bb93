/* See json_estimate.h. */
#include "base/json_estimate.h"

#include "base/json.h"

/* What jansson allocates for each, its places in lists and tables included, as allocators round. */
enum { LIST = 104, OBJECT = 176, ITEM = 36, MEMBER = 40, TEXT = 40 };

/* No text of so many bytes takes more than is allowed: nothing costs more a byte. */
#define SMALL_BYTES ((size_t)(SC_JSON_MEMORY / OBJECT))

static uint64_t memory_of(const char *text, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '[':
            bytes += LIST;
            break;
        case '{':
            bytes += OBJECT;
            break;
        case ',':
            bytes += ITEM;
            break;
        case ':':
            bytes += MEMBER;
            break;
        case '"':
            bytes += TEXT;
            for (i++; i < n && text[i] != '"'; i++)
                i += text[i] == '\\';
            break;
        default:
            break;
        }
    }
    return bytes;
}

enum sc_status sc_json_check_memory(const char *text, size_t n, const char *what,
                                    struct sc_error *error)
{
    if (n <= SMALL_BYTES)
        return SC_OK;
    uint64_t allowed = SC_JSON_MEMORY + 8 * (uint64_t)n;
    if (allowed > SC_JSON_MOST_MEMORY)
        allowed = SC_JSON_MOST_MEMORY;
    uint64_t bytes = memory_of(text, n);
    return bytes <= allowed
               ? SC_OK
               : sc_fail(error, SC_ERR_LIMIT,
                         "%s: expected JSON whose values take at most %d MB of memory, found some "
                         "%d MB in %zu bytes",
                         what, (int)(allowed >> 20), (int)(bytes >> 20), n);
}
