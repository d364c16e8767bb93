/* See align.h. */
#include "source/server/align.h"

#include <string.h>

#include "base/memory.h"

#define REPLACEMENT "\xef\xbf\xbd"
enum { MOST_OPEN = 16, MOST_HIDDEN = 2 };

static uint32_t *make_ends(const struct sc_align *align, struct sc_error *error)
{
    uint32_t *ends = align->n_text < UINT32_MAX ? sc_alloc_array(align->n, sizeof *ends) : NULL;
    if (ends == NULL)
        sc_fail_nomem(error, "ends of a trace's tokens");
    return ends;
}

/* The last border of a character at or before a place of the text. */
static size_t border(const struct sc_align *align, size_t at)
{
    while (at > 0 && at < align->n_text && ((unsigned char)align->text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Where a token begins, in bytes after a place where parts of characters were left open, or
 * SIZE_MAX.
 */
static size_t find_open(const struct sc_align *align, size_t at, const char *token, size_t n)
{
    for (size_t skip = 1; skip <= MOST_OPEN && at + skip + n <= align->n_text; skip++)
        if (border(align, at + skip) == at + skip && memcmp(align->text + at + skip, token, n) == 0)
            return at + skip;
    return SIZE_MAX;
}

/* How far the walk has come. */
struct walk {
    size_t at;
    bool open; /* bytes of unknown number follow: tokens that are parts of characters */
};

/* Bytes of a token before the U+FFFD at its end. */
static size_t whole_part(const char *token, size_t n)
{
    while (n >= 3 && memcmp(token + n - 3, REPLACEMENT, 3) == 0)
        n -= 3;
    return n;
}

/* false: token t does not stand there. */
static bool follow(const struct sc_align *align, struct walk *walk, size_t t, uint32_t *ends)
{
    const char *token = align->bytes + align->tokens[t].begin;
    size_t n = align->tokens[t].n, rest = align->n_text - walk->at;
    size_t whole = whole_part(token, n);
    if (n <= rest && memcmp(align->text + walk->at, token, n) == 0) {
        walk->at += n;
        walk->open = walk->open && n == 0;
    } else if (rest == 0) {
        /* a token that is not shown */
    } else if (whole < n && whole <= rest && memcmp(align->text + walk->at, token, whole) == 0) {
        walk->at += whole;
        walk->open = true;
    } else {
        size_t begin = walk->open ? find_open(align, walk->at, token, n) : SIZE_MAX;
        if (begin == SIZE_MAX)
            return false;
        ends[t - 1] = (uint32_t)begin; /* the token before completed the character */
        walk->at = begin + n;
        walk->open = false;
    }
    ends[t] = (uint32_t)border(align, walk->at);
    return true;
}

enum sc_status sc_align_text(const struct sc_align *align, uint32_t **out, struct sc_error *error)
{
    *out = NULL;
    uint32_t *ends = make_ends(align, error);
    if (ends == NULL)
        return SC_ERR_NOMEM;
    struct walk walk = {0};
    bool fits = true;
    for (size_t t = 0; t < align->n && fits; t++)
        fits = follow(align, &walk, t, ends);
    bool completed =
        walk.at == align->n_text || (walk.open && align->n_text - walk.at <= MOST_OPEN);
    if (!fits || !completed || align->n == 0) {
        sc_free(ends);
        return SC_OK;
    }
    ends[align->n - 1] = (uint32_t)align->n_text;
    *out = ends;
    return SC_OK;
}

/* ---- reasoning ------------------------------------------------------------------------------- */

/* Where the text begins among the tokens' bytes, at most MOST_HIDDEN tokens standing behind it, or
 * SIZE_MAX. */
static size_t find_text(const struct sc_align *align)
{
    for (size_t hidden = 0; hidden <= MOST_HIDDEN && hidden < align->n; hidden++) {
        const struct sc_listed_token *last = &align->tokens[align->n - 1 - hidden];
        size_t end = last->begin + last->n;
        if (end >= align->n_text &&
            memcmp(align->bytes + end - align->n_text, align->text, align->n_text) == 0)
            return end - align->n_text;
    }
    return SIZE_MAX;
}

/* Whether the reasoning, blanks aside, stands in the first n bytes. */
static bool holds_reasoning(const struct sc_align *align, size_t n)
{
    const char *begin = align->reasoning + strspn(align->reasoning, " \t\r\n");
    size_t length = strlen(begin);
    while (length > 0 && strchr(" \t\r\n", begin[length - 1]) != NULL)
        length--;
    return length <= n && memmem(align->bytes, n, begin, length) != NULL;
}

enum sc_status sc_align_behind_reasoning(const struct sc_align *align, uint32_t **out,
                                         size_t *n_reasoning, struct sc_error *error)
{
    *out = NULL;
    *n_reasoning = 0;
    size_t begin = align->n_text > 0 ? find_text(align) : SIZE_MAX;
    if (begin == SIZE_MAX || !holds_reasoning(align, begin))
        return SC_OK;
    uint32_t *ends = make_ends(align, error);
    if (ends == NULL)
        return SC_ERR_NOMEM;
    for (size_t t = 0; t < align->n; t++) {
        size_t end = align->tokens[t].begin + align->tokens[t].n;
        *n_reasoning += end <= begin;
        size_t said = end > begin ? end - begin : 0;
        ends[t] = (uint32_t)border(align, said < align->n_text ? said : align->n_text);
    }
    ends[align->n - 1] = (uint32_t)align->n_text;
    *out = ends;
    return SC_OK;
}
