/*
 * Added tokens: those that are looked for in a text, rather than made by merging.
 *
 * Most are control tokens, such as <|im_end|> or <think>, and those are recognised only where none
 * of their bytes came from outside.  Some vocabularies also list runs of spaces, ends of lines and
 * tags of HTML here: these are ordinary text to the model, and recognised in any text as in
 * training. Read next: encode.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/unicode.h"

#define ADDED_MAX 65536
/* Of the bytes of tokens, for each of the text: tokens that are published take one or two, but
 * where many begin with what a text repeats, each of its places may be as long as a token. */
#define STEPS_PER_BYTE 50
#define STEPS_ANYWAY 10000
#define ADDED_BYTES_MAX 1024 /* of one: as far as a text is compared at each place */

enum sc_status sc_added_set_add(struct sc_added_set *set, const struct sc_added *token,
                                struct sc_error *error)
{
    enum sc_status status = SC_OK;

    if (set->n == ADDED_MAX)
        status = sc_fail(error, SC_ERR_LIMIT, "expected at most %d added tokens", ADDED_MAX);
    else if (token->n > ADDED_BYTES_MAX)
        status = sc_fail(error, SC_ERR_LIMIT, "added token %d: expected at most %d bytes",
                         (int)token->id, ADDED_BYTES_MAX);
    else if (sc_grow((void **)&set->tokens, set->n, &set->cap, sizeof *set->tokens) != 0)
        status = sc_fail_nomem(error, "added tokens");
    if (status != SC_OK) {
        sc_free(token->text);
        return status;
    }
    set->tokens[set->n++] = *token;
    return SC_OK;
}

void sc_added_set_free(struct sc_added_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        sc_free(set->tokens[i].text);
    sc_free(set->tokens);
    *set = (struct sc_added_set){0};
}

static int compare_added(const void *a, const void *b)
{
    const struct sc_added *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int order = memcmp(x->text, y->text, n);

    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

enum sc_status sc_added_set_order(struct sc_added_set *set, struct sc_error *error)
{
    size_t at = 0;

    if (set->n > 0)
        qsort(set->tokens, set->n, sizeof *set->tokens, compare_added);
    for (size_t byte = 0; byte <= 256; byte++) {
        while (at < set->n && (unsigned char)set->tokens[at].text[0] < byte)
            at++;
        set->first[byte] = at;
        if (byte > 0)
            set->begins[byte - 1] = set->first[byte] > set->first[byte - 1];
    }
    for (size_t i = 1; i < set->n; i++) {
        if (compare_added(&set->tokens[i - 1], &set->tokens[i]) == 0) {
            return sc_fail(error, SC_ERR_FORMAT, "added_tokens: ids %d and %d have the same text",
                           (int)set->tokens[i - 1].id, (int)set->tokens[i].id);
        }
    }
    return SC_OK;
}

/* ---- which are text -------------------------------------------------------------------------- */

static bool is_blank(const char *content, size_t n)
{
    for (size_t at = 0; at < n;) {
        uint32_t point;
        size_t length = sc_utf8_decode(content + at, n - at, &point);
        if (length == 0 || !(sc_unicode_is_space(point) || point == 0x2581))
            return false;
        at += length;
    }
    return true;
}

bool sc_added_is_text(const char *content, size_t n)
{
    static const char *const tags[] = {
        "table", "caption", "thead", "tbody", "tfoot", "tr",  "th",         "td",
        "h1",    "h2",      "h3",    "h4",    "h5",    "h6",  "blockquote", "strong",
        "em",    "b",       "i",     "u",     "sub",   "sup", "code"}; /* not "s": <s> begins a text
                                                                          elsewhere */

    if (is_blank(content, n))
        return true;
    if (n < 3 || content[0] != '<' || content[n - 1] != '>')
        return false;
    size_t begin = content[1] == '/' ? 2 : 1;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (strlen(tags[i]) == n - 1 - begin &&
            memcmp(tags[i], content + begin, n - 1 - begin) == 0)
            return true;
    return false;
}

/* ---- looking for them ------------------------------------------------------------------------ */

/* Of tokens [begin, end), which share their first `depth` bytes and are longer, the first whose
 * next byte is not below `byte`. */
static size_t first_with(const struct sc_added_set *set, size_t begin, size_t end, size_t depth,
                         unsigned byte)
{
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;

        if ((unsigned char)set->tokens[middle].text[depth] < byte)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* The longest added token at text [n], of which the first `trusted` bytes came from nowhere
 * outside; NULL if there is none.  Byte by byte, and so no longer than what matches, however many
 * tokens there are. */
static const struct sc_added *added_at(const struct sc_added_set *set, const char *text, size_t n,
                                       size_t trusted, size_t *steps)
{
    size_t byte = (unsigned char)text[0];
    size_t begin = set->first[byte], end = set->first[byte + 1];
    const struct sc_added *longest = NULL;

    for (size_t depth = 1; begin < end; depth++) {
        const struct sc_added *token = &set->tokens[begin];
        ++*steps;

        if (token->n == depth) {
            if (token->is_text || depth <= trusted)
                longest = token;
            begin++;
        }
        if (depth == n)
            break;
        byte = (unsigned char)text[depth];
        begin = first_with(set, begin, end, depth, (unsigned)byte);
        end = first_with(set, begin, end, depth, (unsigned)byte + 1);
    }
    return longest;
}

/* The code point that ends before `at`; *begin is where it begins. */
static uint32_t point_before(const char *text, size_t at, size_t *begin)
{
    uint32_t point = 0;

    *begin = at - 1;
    while (*begin > 0 && ((unsigned char)text[*begin] & 0xC0) == 0x80)
        --*begin;
    sc_utf8_decode(text + *begin, at - *begin, &point);
    return point;
}

static bool is_single_word(const struct sc_added_scan *scan, size_t begin, size_t end)
{
    size_t before;
    uint32_t point = 0;

    if (begin > 0 && sc_unicode_is_word(point_before(scan->text, begin, &before)))
        return false;
    if (end < scan->n)
        sc_utf8_decode(scan->text + end, scan->n - end, &point);
    return end == scan->n || !sc_unicode_is_word(point);
}

/* No further than where the last token ended. */
static size_t skip_spaces_before(const struct sc_added_scan *scan, size_t at)
{
    while (at > scan->begin) {
        size_t begin;
        if (!sc_unicode_is_space(point_before(scan->text, at, &begin)))
            break;
        at = begin;
    }
    return at;
}

static size_t skip_spaces_after(const struct sc_added_scan *scan, size_t at)
{
    if (at < scan->begin) /* among those behind the last token */
        at = scan->begin;
    while (at < scan->n) {
        uint32_t point = 0;
        size_t length = sc_utf8_decode(scan->text + at, scan->n - at, &point);
        if (length == 0 || !sc_unicode_is_space(point))
            break;
        at += length;
    }
    return at;
}

/* The bytes from `at` on that came from nowhere outside. */
static size_t trusted_at(struct sc_added_scan *scan)
{
    size_t place = scan->offset + scan->at, rest = scan->n - scan->at;

    while (scan->span < scan->n_outside && scan->outside[scan->span].end <= place)
        scan->span++;
    if (scan->span == scan->n_outside)
        return rest;
    const struct sc_jinja_span *span = &scan->outside[scan->span];
    if (span->begin <= place)
        return 0;
    return span->begin - place < rest ? span->begin - place : rest;
}

/* Where from `at` on a byte stands that a token begins with, or the end. */
static size_t skip_others(const struct sc_added_set *set, const char *text, size_t n, size_t at)
{
    while (at < n && !set->begins[(unsigned char)text[at]])
        at++;
    return at;
}

/* Source of the order of these steps: added_vocabulary.rs of Hugging Face tokenizers. */
const struct sc_added *sc_added_next(struct sc_added_scan *scan, size_t *begin, size_t *end)
{
    if (scan->set->n == 0)
        scan->at = scan->n;
    for (;;) {
        scan->at = skip_others(scan->set, scan->text, scan->n, scan->at);
        if (scan->at == scan->n)
            break;
        scan->too_many = scan->steps > STEPS_PER_BYTE * scan->n + STEPS_ANYWAY;
        if (scan->too_many)
            break;
        const struct sc_added *token = added_at(scan->set, scan->text + scan->at,
                                                scan->n - scan->at, trusted_at(scan), &scan->steps);
        if (token == NULL) {
            scan->at++;
            continue;
        }
        size_t first = scan->at, last = first + token->n;
        scan->at = last;
        if (token->single_word && !is_single_word(scan, first, last))
            continue;
        if (token->left)
            first = skip_spaces_before(scan, first);
        if (token->right)
            last = skip_spaces_after(scan, last);
        *begin = scan->begin;
        *end = first > scan->begin ? first : scan->begin;
        scan->begin = last;
        return token;
    }
    *begin = scan->begin;
    *end = scan->n;
    return NULL;
}
