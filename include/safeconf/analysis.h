/* What is made of answers: refusals in text. */
#ifndef SAFECONF_ANALYSIS_H
#define SAFECONF_ANALYSIS_H

#include <safeconf/vocabulary.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- refusal detection ------------------------------------------------------------------------
 */

struct sc_detection {
    enum sc_verdict verdict;
    const char *rule;  /* identifier of the rule that decided; static */
    size_t begin, end; /* the bytes of the answer that decided; begin == end: none */
    bool clear;        /* nothing in the answer speaks for another verdict */
};

/* Reads an answer (without its reasoning segment) to a prompt (may be NULL) by rules alone. */
SC_API void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out);

#ifdef __cplusplus
}
#endif
#endif
