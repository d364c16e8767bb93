/*
 * Text: a growing buffer, UTF-8, and making untrusted text harmless for a terminal, JSON or HTML.
 */
#ifndef SC_BASE_TEXT_H
#define SC_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A growing string.  data is NULL or ends with NUL.  When memory runs out `failed` is set and
 * further appends do nothing, so a caller checks once at the end. */
struct sc_text {
    char *data;
    size_t len, cap;
    bool failed;
};

void sc_text_free(struct sc_text *text);
void sc_text_clear(struct sc_text *text); /* keeps the memory */
void sc_text_add(struct sc_text *text, const char *bytes, size_t n);
void sc_text_puts(struct sc_text *text, const char *string);
void sc_text_putc(struct sc_text *text, char c);
void sc_text_printf(struct sc_text *text, const char *format, ...) SC_PRINTF(2, 3);
/* Takes the string out (the caller releases it with sc_free); NULL when failed.  Empty gives "". */
char *sc_text_take(struct sc_text *text);

/* Untrusted text made visible for a terminal: C0, C1 and DEL as \xNN (newline and tab stay when
 * keep_newlines), bidirectional and other invisible format characters as \u{NNNN}, bytes that are
 * not valid UTF-8 as \xNN. */
void sc_text_add_visible(struct sc_text *text, const char *untrusted, size_t n, bool keep_newlines);
/* The same on one line and in at most `columns` (at least 4): runs of blanks, tabs and line ends
 * are one blank, and what does not fit is "..." */
void sc_text_add_shortened(struct sc_text *text, const char *untrusted, size_t columns);
/* Columns that valid UTF-8 takes on a terminal: characters of East Asia take two, marks none. */
size_t sc_text_columns(const char *s, size_t n);
/* The visible form of the first character of s (n > 0 bytes) in out [size >= 16], without
 * allocating; returns the bytes of s that it stands for. */
size_t sc_visible_char(const char *s, size_t n, bool keep_newlines, char *out, size_t size);
/* Escaped for HTML text and for attribute values in either quotes; control and bidirectional
 * characters other than newline and tab are shown as \u{NNNN}. */
void sc_text_add_html(struct sc_text *text, const char *untrusted, size_t n);

/* Decodes one code point at s (n > 0 bytes there); returns its length in bytes and sets *cp, or
 * returns 0 when the bytes are not valid UTF-8 (overlong, surrogate, past U+10FFFF, cut off). */
size_t sc_utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Writes cp (at most 4 bytes); returns the length. */
size_t sc_utf8_encode(uint32_t cp, char *out);
/* Offset of the first byte that is not valid UTF-8, or n when all are. */
size_t sc_utf8_valid(const char *s, size_t n);
/* Appends n bytes, with U+FFFD for each maximal run that is not valid UTF-8 (as Python's and
 * WHATWG's replacement) and for NUL. */
void sc_text_add_repaired(struct sc_text *text, const char *bytes, size_t n);
/* A code point that must not reach a reader raw: C0 (but newline and tab), DEL, C1, bidirectional
 * and other invisible format characters, fillers and selectors that show nothing, line and
 * paragraph separators, tags and noncharacters. */
bool sc_codepoint_is_hidden(uint32_t cp);

/* sc_is_name_char: a letter or digit of ASCII, '-', '_' or '.': what may stand in the name of a
 * file, a judge or a policy.  sc_is_word_char: a letter or digit of ASCII, '_' or part of a
 * character beyond it. */
bool sc_is_name_char(char c);
bool sc_is_word_char(char c);
/* Whether a name is one of our own but for case, hyphens and underscores: "OR-Bench" is "orbench".
 * own has neither of them and no capitals. */
bool sc_is_spelt_like(const char *name, const char *own);
/* Appends n bytes of a name with `instead` for every byte that sc_is_name_char denies; returns
 * whether there was none. */
bool sc_text_add_name(struct sc_text *text, const char *name, size_t n, char instead);

#endif
