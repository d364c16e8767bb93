/*
 * What all regular expressions share: memory from base/memory.h, and how far one goes in a text.
 * PCRE2's own limits hold for one place where a match may begin, not for a text of many; a pattern
 * compiled with PCRE2_AUTO_CALLOUT calls this before each of its items, and what it moved since is
 * counted.
 */
#ifndef SC_BASE_PATTERN_STEPS_H
#define SC_BASE_PATTERN_STEPS_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>

/* What a byte of text may take; published patterns of tokenizers take about five. */
#define SC_STEPS_PER_BYTE 100

struct sc_pattern_steps {
    size_t at; /* where the match stood when it was last heard of */
    uint64_t left;
};

/* PCRE2's memory is the library's: pcre2_general_context_free it; NULL when there is none. */
pcre2_general_context *sc_pattern_memory(void);

/* For pcre2_set_callout, with a struct sc_pattern_steps; PCRE2_ERROR_CALLOUT: none is left. */
int sc_pattern_count_steps(pcre2_callout_block *block, void *steps);

#endif
