/*
 * In which script an answer is written, and whether rules of refusal exist for it (languages.c).
 *
 * A script is not a language: Latin letters are English, for which the rules are made, and also
 * Turkish, for which there are none.  So this finds answers that the rules certainly do not read,
 * and not all of them.
 */
#ifndef SC_DETECTION_SCRIPTS_H
#define SC_DETECTION_SCRIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sc_script_kind {
    SC_SCRIPT_NONE,  /* no letters */
    SC_SCRIPT_LATIN, /* where the errors of the rules were measured, on English */
    SC_SCRIPT_READ,  /* another script that some rules read */
    SC_SCRIPT_UNREAD /* more than half of the letters are of scripts without rules */
};

/* Text of n bytes; bytes that are not valid UTF-8 are no letters.  *name: the most frequent
 * script of that kind, NULL when there are no letters.  Han beside Kana is Japanese.  *mixed (or
 * NULL): whether other scripts hold a tenth of the letters or more. */
enum sc_script_kind sc_script_of(const char *text, size_t n, const char **name, bool *mixed);

/* The lower case of a code point, as utf8proc_tolower has it. */
uint32_t sc_lower(uint32_t cp);

#endif
