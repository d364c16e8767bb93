/* Which of the languages written in Latin and Cyrillic letters a text is in.  Private to this room.
 */
#ifndef SC_DETECTION_LANGUAGE_WORDS_H
#define SC_DETECTION_LANGUAGE_WORDS_H

#include "detection/language.h"

struct sc_language_words {
    enum sc_language language; /* SC_LANGUAGE_NONE: nothing tells */
    const char *code;          /* ISO 639-1; "" */
    size_t n_words;            /* that were looked at, outside code */
    unsigned score;            /* of words and letters that tell; few languages' weigh more */
};

/* Text of n bytes.  Safe from several threads. */
void sc_language_words(const char *text, size_t n, bool cyrillic, struct sc_language_words *out);

#endif
