/*
 * Writing for a terminal: a line's columns, words that are broken between lines, estimates.  Names
 * and sentences that hold what a file or a model wrote are made visible here, never written raw.
 */
#ifndef SC_REPORT_SCREEN_H
#define SC_REPORT_SCREEN_H

#include <safeconf/vocabulary.h>

#include "base/text.h"

enum { SC_SCREEN_LEAST_WIDTH = 60, SC_SCREEN_MOST_WIDTH = 100 };

struct sc_screen {
    struct sc_text *text;
    size_t width; /* columns, within the limits above */
    bool colour;
};
/* A screen with the width put within the limits. */
struct sc_screen sc_screen_of(struct sc_text *text, size_t width, bool colour);

/* "\x1b[CODEm" where there is colour. */
void sc_screen_style(struct sc_screen *s, const char *code);
void sc_screen_heading(struct sc_screen *s, const char *title);
/* An untrusted name, visible, at most max columns; NULL is "?". */
void sc_screen_name(struct sc_screen *s, const char *untrusted, size_t max);
/* An untrusted text as one paragraph from column `indent` on, the cursor being there already;
 * a line end follows. */
void sc_screen_say(struct sc_screen *s, const char *untrusted, size_t indent);
/* Blanks, one at least, up to a column of the line that begins at byte line_begin of the text and
 * that holds no styles. */
void sc_screen_pad(struct sc_screen *s, size_t line_begin, size_t column);
/* "-20.8 [-31.0, -10.5]", points. */
void sc_screen_points(struct sc_screen *s, const struct sc_estimate *e);

#endif
