/* See text_ends.h. */
#include "source/text_ends.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* Bytes in which two texts agree, whole characters only. */
static size_t common_length(const char *a, const char *b)
{
    size_t n = 0, border = 0;
    while (a[n] && a[n] == b[n]) {
        n++;
        if (((unsigned char)a[n] & 0xc0) != 0x80)
            border = n;
    }
    return border;
}

static bool ends_in_replacement(const char *text, size_t n)
{
    return n >= 3 && memcmp(text + n - 3, "\xef\xbf\xbd", 3) == 0;
}

/* Decodes stretches that begin where a character does, so that the time is in proportion to n.
 * Where bytes are not text for more than MOST_OPEN tokens, the ends are only about right. */
enum sc_status sc_token_text_ends(const struct sc_decoder *decoder, const int32_t *ids, size_t n,
                                  const char *text, uint32_t *ends, struct sc_error *error)
{
    enum { STRETCH = 16, MOST_OPEN = 256 };
    assert(decoder->decode != NULL && text != NULL);
    size_t length = strlen(text), from = 0, at = 0, last = 0;
    size_t next_from = 0, next_at = 0;
    if (length > UINT32_MAX)
        return sc_fail(error, SC_ERR_LIMIT, "text of a trace: %zu bytes are too many", length);
    for (size_t i = 0; i < n; i++) {
        char *part = NULL;
        SC_TRY(decoder->decode(decoder->context, ids + from, i + 1 - from, &part, error));
        size_t agree = common_length(part, text + at), n_part = strlen(part);
        last = at + agree > last ? at + agree : last;
        ends[i] = (uint32_t)last;
        if (agree == n_part && !ends_in_replacement(part, n_part)) {
            next_from = i + 1;
            next_at = at + agree;
        }
        sc_free(part);
        if (i + 1 - from >= MOST_OPEN && next_from == from) {
            next_from = i + 1;
            next_at = last;
        }
        if (i + 1 - from >= STRETCH) {
            from = next_from;
            at = next_at;
        }
    }
    if (n > 0)
        ends[n - 1] = (uint32_t)length;
    return SC_OK;
}
