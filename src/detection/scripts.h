/*
 * In which script a text is written: what tells most languages apart (language.c), and the name of
 * those that no rules read.
 */
#ifndef SC_DETECTION_SCRIPTS_H
#define SC_DETECTION_SCRIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most frequent script of a text of n bytes; bytes that are not valid UTF-8 are no letters.
 * Scripts without rules count together against the others; Han beside Kana is Japanese.  NULL: no
 * letters.  *mixed (or NULL): whether other scripts hold a tenth of the letters or more. */
const char *sc_script_of(const char *text, size_t n, bool *mixed);

/* The lower case of a code point, as utf8proc_tolower has it. */
uint32_t sc_lower(uint32_t cp);

#endif
