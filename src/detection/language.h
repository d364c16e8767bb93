/*
 * In which language an answer is written, as far as the detector needs to know: which rules read
 * it, or that none do.
 */
#ifndef SC_DETECTION_LANGUAGE_H
#define SC_DETECTION_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

enum sc_language {
    SC_LANGUAGE_NONE,  /* no letters */
    SC_LANGUAGE_OTHER, /* one that no rules read */
    SC_ENGLISH,
    SC_CHINESE,
    SC_JAPANESE,
    SC_KOREAN,
    SC_FRENCH,
    SC_SPANISH,
    SC_GERMAN,
    SC_PORTUGUESE,
    SC_RUSSIAN,
    SC_ARABIC,
    SC_N_LANGUAGES
};

struct sc_language_guess {
    enum sc_language language;
    const char
        *name;   /* ISO 639-1 code, or for SC_LANGUAGE_OTHER that or the name of a script; "" */
    bool unsure; /* few words tell it: that of the prompt is as likely */
    bool mixed;  /* a second script holds a tenth of the letters or more */
};

/* Text of n bytes; bytes that are not valid UTF-8 are no letters. */
void sc_language_guess(const char *text, size_t n, struct sc_language_guess *out);
/* Where few words tell, it is taken for one in the same letters that is likely: the prompt's. */
void sc_language_lean(struct sc_language_guess *guess, enum sc_language likely);
/* "en", "zh" ...; "" for SC_LANGUAGE_NONE and SC_LANGUAGE_OTHER. */
const char *sc_language_code(enum sc_language language);

#endif
