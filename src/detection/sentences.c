/*
 * Splits an answer into sentences of classed words, in place: nothing is copied or allocated.
 * Markdown marks are skipped, apostrophes of all kinds are one, contractions become two words
 * ("can't" is "can" + "not"), a single newline is a space unless a list or heading begins.
 */
#include <string.h>

#include "detection/grammar.h"

static bool starts(const struct cursor *c, size_t at, const char *mark)
{
    size_t n = strlen(mark);
    return c->n - at >= n && memcmp(c->text + at, mark, n) == 0;
}

/* Whether a quotation mark or a mark beyond ASCII can begin with the byte: most do not. */
static bool may_begin_mark(char byte)
{
    switch ((unsigned char)byte) {
    case '"':
    case 0xc2:
    case 0xd8:
    case 0xe2:
    case 0xe3:
    case 0xef:
        return true;
    default:
        return false;
    }
}

/* Bytes of an apostrophe at `at`, or 0. */
static size_t apostrophe(const struct cursor *c, size_t at)
{
    switch ((unsigned char)c->text[at]) {
    case '\'':
        return 1;
    case '`':
        return at + 1 < c->n && c->text[at + 1] != '`';
    case 0xe2:
        return starts(c, at, "\xe2\x80\x99") || starts(c, at, "\xe2\x80\x98") ? 3 : 0;
    case 0xca:
        return starts(c, at, "\xca\xbc") ? 2 : 0;
    case 0xef:
        return starts(c, at, "\xef\xbc\x87") ? 3 : 0;
    default:
        return 0;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80;
}

/* A letter that begins no mark of any kind. */
static bool is_plain_letter(char c)
{
    return is_letter(c) && !may_begin_mark(c) && (unsigned char)c != 0xca;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Double quotes: 1 opens, 2 closes, 3 either (German closes with an English opening one, and with
 * guillemets both ways); *bytes its length. */
static int quote_at(const struct cursor *c, size_t at, size_t *bytes)
{
    if (!may_begin_mark(c->text[at]))
        return 0;
    *bytes = 3;
    if (starts(c, at, "\xe2\x80\x9e"))
        return 1;
    if (starts(c, at, "\xe2\x80\x9c"))
        return 3;
    if (starts(c, at, "\xe2\x80\x9d"))
        return 2;
    *bytes = 2;
    if (starts(c, at, "\xc2\xab") || starts(c, at, "\xc2\xbb"))
        return 3;
    *bytes = 1;
    return c->text[at] == '"' ? 3 : 0;
}

/* Bytes of punctuation beyond ASCII (dashes, ellipsis, bullets, ideographic marks), or 0; *ends is
 * set for a full stop. */
static size_t mark_at(const struct cursor *c, size_t at, bool *ends)
{
    const unsigned char *s = (const unsigned char *)c->text + at;
    size_t left = c->n - at;
    *ends = false;
    if (!may_begin_mark(c->text[at]) || left < 2 || s[0] < 0x80)
        return 0;
    if (s[0] == 0xd8 && s[1] == 0x9f) { /* the Arabic question mark */
        *ends = true;
        return 2;
    }
    if (left < 3)
        return 0;
    if (s[0] == 0xe3 && s[1] == 0x80 && (s[2] == 0x81 || s[2] == 0x82)) {
        *ends = s[2] == 0x82;
        return 3;
    }
    if (s[0] == 0xef && s[1] == 0xbc && memchr("\x81\x9f\x8c\x9a\x9b", s[2], 5) != NULL) {
        *ends = s[2] == 0x81 || s[2] == 0x9f; /* else a comma, colon or semicolon */
        return 3;
    }
    /* U+2010 ... U+2027, less the single quotes */
    if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x90 && s[2] <= 0xa7 && s[2] != 0x98 &&
        s[2] != 0x99 && s[2] != 0x9c && s[2] != 0x9d)
        return 3;
    return 0;
}

/* Bytes of a list marker (with its blanks) at the beginning of a line, or 0. */
static size_t item_marker(const struct cursor *c, size_t at)
{
    size_t i = at;
    while (i < c->n && c->text[i] == '*')
        i++;
    if (i - at == 1 && i < c->n && is_space(c->text[i]))
        return i - at + 1;
    if (i - at != 0 && i - at != 2)
        return 0;
    if (starts(c, i, "\xe2\x80\xa2"))
        return i - at + 3;
    if (i < c->n && (c->text[i] == '-' || c->text[i] == '+') && i + 1 < c->n &&
        is_space(c->text[i + 1]))
        return i - at + 2;
    size_t digits = i;
    while (i < c->n && i - digits < 3 && c->text[i] >= '0' && c->text[i] <= '9')
        i++;
    if (i > digits && i + 1 < c->n && (c->text[i] == '.' || c->text[i] == ')') &&
        (is_space(c->text[i + 1]) || c->text[i + 1] == '*' ||
         (unsigned char)c->text[i + 1] >= 0xe3))
        return i - at + 2;
    if (i > digits && starts(c, i, "、"))
        return i - at + strlen("、");
    return 0;
}

static size_t skip_blanks(const struct cursor *c, size_t at)
{
    while (at < c->n && (c->text[at] == ' ' || c->text[at] == '\t' || c->text[at] == '\r'))
        at++;
    return at;
}

static void add_token(struct sentence *s, uint64_t classes, size_t at, bool quoted)
{
    s->n_words++;
    if (s->n_tokens < MAX_TOKENS)
        s->tokens[s->n_tokens++] =
            (struct token){.classes = classes, .at = (uint32_t)at, .quoted = quoted};
}

/* Adds a word of n lower-case bytes whose apostrophe, if any, is at `cut` (else cut = n). */
static void add_word(struct sentence *s, const char *word, size_t n, size_t cut, size_t at,
                     bool quoted)
{
    const char *tail = word + cut + (cut < n);
    size_t n_tail = n - cut - (cut < n);
    if (cut < n && n_tail == 1 && *tail == 't' && cut > 1 && word[cut - 1] == 'n') {
        size_t stem = cut - 1; /* "ca", "do", "wo" ...; "can" keeps its n */
        add_token(s, sc_word_classes(word, stem), at, quoted);
        add_token(s, W_NEG, at, quoted);
        return;
    }
    add_token(s, sc_word_classes(word, cut), at, quoted);
    if (cut == n)
        return;
    if (n_tail == 1 && *tail == 'm')
        add_token(s, W_BE, at, quoted);
    else if (n_tail == 2 && memcmp(tail, "re", 2) == 0)
        add_token(s, W_BE, at, quoted);
    else if (n_tail == 2 && memcmp(tail, "ve", 2) == 0)
        add_token(s, W_HAVE, at, quoted);
    else if ((n_tail == 2 && memcmp(tail, "ll", 2) == 0) || (n_tail == 1 && *tail == 'd'))
        add_token(s, W_MODAL, at, quoted);
    else if (n_tail == 1 && *tail == 's' &&
             (sc_word_classes(word, cut) & (W_THIS | W_THERE | W_HERE)))
        add_token(s, W_BE, at, quoted);
}

/* Words written without their apostrophe, and "cannot". */
static bool add_fused(struct sentence *s, const char *word, size_t n, size_t at, bool quoted)
{
    static const struct {
        const char *word;
        uint64_t first, second;
    } fused[] = {{"cannot", W_MODAL, W_NEG}, {"cant", W_MODAL, W_NEG},   {"wont", W_MODAL, W_NEG},
                 {"dont", W_DO, W_NEG},      {"im", W_I, W_BE},          {"isnt", W_BE, W_NEG},
                 {"gonna", W_ABLE, W_TO},    {"couldnt", W_MODAL, W_NEG}};
    for (size_t i = 0; i < sizeof fused / sizeof fused[0]; i++)
        if (strlen(fused[i].word) == n && memcmp(fused[i].word, word, n) == 0) {
            add_token(s, fused[i].first, at, quoted);
            add_token(s, fused[i].second, at, quoted);
            return true;
        }
    return false;
}

/* Reads a word at c->at.  Where words are not divided by spaces, two signs are one. */
static void read_word(struct cursor *c, struct sentence *s)
{
    char word[40];
    size_t n = 0, cut = SIZE_MAX, begin = c->at, n_ideographs = 0;
    while (c->at < c->n) {
        char ch = c->text[c->at];
        n_ideographs += (unsigned char)ch >= 0xe3 && (unsigned char)ch <= 0xe9;
        if (is_plain_letter(ch)) {
            c->at++;
            if (n < sizeof word)
                word[n++] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
            continue;
        }
        size_t bytes;
        bool ends;
        size_t quote = apostrophe(c, c->at);
        if (quote) {
            if (c->at + quote >= c->n || !is_letter(c->text[c->at + quote]) ||
                quote_at(c, c->at + quote, &bytes) || cut != SIZE_MAX)
                break;
            cut = n < sizeof word ? n : sizeof word - 1;
            c->at += quote;
            ch = '\'';
        } else if (ch == '-') {
            if (c->at + 1 >= c->n || !is_letter(c->text[c->at + 1]))
                break;
            c->at++;
        } else if (!is_letter(ch) || quote_at(c, c->at, &bytes) || mark_at(c, c->at, &ends)) {
            break;
        } else {
            c->at++;
        }
        if (n < sizeof word)
            word[n++] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
    }
    if (!c->english) {
        s->n_words += 1 + (n_ideographs > 1 ? n_ideographs / 2 - 1 : 0);
        return;
    }
    if (cut == SIZE_MAX || cut > n)
        cut = n;
    if (cut == n && add_fused(s, word, n, begin, c->in_quote))
        return;
    add_word(s, word, n, cut, begin, c->in_quote);
}

/* At a newline (c->at is behind it): does the sentence end here? */
static bool line_ends_sentence(const struct cursor *c, const struct sentence *s)
{
    size_t at = skip_blanks(c, c->at);
    if (at >= c->n || c->text[at] == '\n' || s->heading || s->item)
        return true;
    return item_marker(c, at) > 0 || starts(c, at, "```") || c->text[at] == '#' ||
           c->text[at] == '>' || c->text[at] == '|';
}

/* Skips what may stand at the beginning of a line and notes what it says of the sentence. */
static void begin_line(struct cursor *c, struct sentence *s)
{
    c->line_start = false;
    c->at = skip_blanks(c, c->at);
    if (starts(c, c->at, "```")) {
        c->in_code = !c->in_code;
        const char *newline = memchr(c->text + c->at, '\n', c->n - c->at);
        c->at = newline != NULL ? (size_t)(newline - c->text) + 1 : c->n;
        c->line_start = true;
        return;
    }
    bool fresh = s->n_words == 0;
    if (c->at < c->n && c->text[c->at] == '>' && fresh) {
        s->quoted = true;
        c->at = skip_blanks(c, c->at + 1);
    }
    if (c->at < c->n && c->text[c->at] == '#' && fresh) {
        s->heading = true;
        while (c->at < c->n && c->text[c->at] == '#')
            c->at++;
    }
    size_t marker = item_marker(c, c->at);
    if (marker > 0 && fresh) {
        s->item = true;
        c->at += marker;
    }
}

/* Quotes rarely run on over a blank line: an odd one must not turn the rest inside out. */
static void take_newline(struct cursor *c)
{
    c->line_start = true;
    size_t at = skip_blanks(c, c->at);
    if (at < c->n && c->text[at] == '\n')
        c->in_quote = false;
}

static bool stop_ends_sentence(const struct cursor *c, char stop)
{
    size_t bytes, at = c->at;
    while (at < c->n && (c->text[at] == stop || c->text[at] == '!' || c->text[at] == '?'))
        at++;
    return at >= c->n || is_space(c->text[at]) || c->text[at] == '*' || c->text[at] == ')' ||
           c->text[at] == '_' || quote_at(c, at, &bytes) || apostrophe(c, at);
}

static void note_comma(struct sentence *s)
{
    if (s->n_tokens > 0)
        s->tokens[s->n_tokens - 1].comma = true;
}

bool sc_sentence_next(struct cursor *c, struct sentence *s)
{
    s->n_tokens = s->n_words = 0;
    s->item = s->quoted = s->heading = s->question = s->ends_colon = s->code = false;
    s->label = s->verse = false;
    s->begin = c->at;
    while (c->at < c->n) {
        if (c->line_start) {
            begin_line(c, s);
            continue;
        }
        char ch = c->text[c->at];
        size_t bytes;
        bool ends = false;
        int quote = quote_at(c, c->at, &bytes);
        if (quote) {
            c->in_quote = quote == 1 || (quote == 3 && !c->in_quote);
            c->at += bytes;
            continue;
        }
        size_t mark = mark_at(c, c->at, &ends), lone = apostrophe(c, c->at);
        if (lone > 0) {
            c->at += lone; /* not within a word: read_word takes those */
        } else if (mark > 0) {
            s->ends_colon = starts(c, c->at, "：");
            s->label |= s->ends_colon && s->n_words > 0 && s->n_words <= 2;
            s->question = ends && (starts(c, c->at, "？") || starts(c, c->at, "؟"));
            c->at += mark;
            note_comma(s);
        } else if (is_letter(ch)) {
            if (s->n_words == 0) {
                s->begin = c->at;
                s->quoted |= c->in_quote;
                s->code = c->in_code;
            }
            read_word(c, s);
        } else {
            c->at++;
            if (ch == '.' || ch == '!' || ch == '?') {
                ends = stop_ends_sentence(c, ch);
                s->question = ends && ch == '?';
            } else if (ch == '\n') {
                s->heading |= s->n_words > 0 && s->ends_colon;
                ends = line_ends_sentence(c, s);
                s->verse |= s->n_words > 0 && !ends;
                take_newline(c);
            } else if (ch == ',' || ch == ';' || ch == ':') {
                note_comma(s);
                s->label |= ch == ':' && s->n_words > 0 && s->n_words <= 2;
            }
            if (!is_space(ch) && ch != '*' && ch != '_')
                s->ends_colon = ch == ':';
        }
        if (mark == 0 && is_letter(ch))
            s->ends_colon = false;
        if (ends && s->n_words > 0)
            break;
        if (ends && ch == '\n')
            s->item = s->quoted = s->heading = false;
    }
    s->end = c->at;
    return s->n_words > 0;
}
