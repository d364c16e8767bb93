/*
 * Answers in two voices, as prompts for a jailbreak ask for them: "[CLASSIC] ... [JAILBREAK] ...",
 * "GPT: ... DAN: ...", a closed and an open lock.  Each voice is read for itself.  Names of people
 * in a scene are no such labels.
 */
#ifndef SC_DETECTION_SPEAKERS_H
#define SC_DETECTION_SPEAKERS_H

#include <safeconf/analysis.h>

enum { SC_MOST_VOICES = 8 };

struct sc_voices {
    struct sc_piece parts[SC_MOST_VOICES]; /* without their labels, none of them blank */
    size_t n;                              /* 0: one voice, or a dialogue; otherwise 2 or more */
    bool unmarked;                         /* the first part is what stands before the only label */
};

/* Text of n bytes. */
void sc_voices_find(const char *text, size_t n, struct sc_voices *out);

#endif
