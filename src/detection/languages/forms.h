/*
 * How sentences are read by forms, parts of words that follow one another within a sentence: those
 * of languages other than English by them alone, English ones besides the reading of their words
 * (english.c).  One file a language holds its forms; what they give a sentence are the same kinds
 * (grammar.h) in all languages, so the same rules decide.
 *
 * A part is a list of alternatives divided by "|", in lower case, with straight apostrophes and
 * without emphasis; what stands in quotation marks matches nothing.
 *   "^ab"  only at the beginning of the sentence, "¿" and "¡" aside
 *   "ab$"  where words are divided by spaces: only at the end of a word; else only at the end of
 * the sentence, marks aside
 *   "*ab"  where words are divided by spaces: anywhere in a word; else alternatives begin a word
 * and a part, other than the first, that begins with
 *   "~"  follows in the same clause: no comma, semicolon, colon or dash between
 *   "!"  must not follow at once, and takes the form back where it does
 * Alternatives of a first part have two bytes or more.  Chinese is compared in simplified signs
 * (chinese_signs.c); Arabic without vowel signs and tatweel, with alef for its forms with hamza or
 * madda, yeh for alef maqsura and heh for teh marbuta.
 */
#ifndef SC_DETECTION_FORMS_H
#define SC_DETECTION_FORMS_H

#include "detection/grammar.h"
#include "detection/language.h"

enum { SC_MOST_FORMS = 127, SC_FORM_PARTS = 4 };

struct sc_form {
    unsigned kinds;                   /* enum kind; in `prompt` enum trait */
    const char *parts[SC_FORM_PARTS]; /* in this order; the first that is NULL ends them */
    const char *unless; /* NULL, or what anywhere in the sentence takes the form back */
    size_t gap;         /* most bytes between two parts; 0: 70 */
};

struct sc_forms {
    const struct sc_form *answer; /* at most SC_MOST_FORMS */
    size_t n_answer;
    const struct sc_form *prompt; /* what a prompt asks for: enum trait */
    size_t n_prompt;
    const char *norms; /* words of norms, which are counted: alternatives */
    bool words;        /* words are divided by spaces */
};

#define SC_FORMS(list) (list), sizeof(list) / sizeof *(list)

/* One file each. */
extern const struct sc_forms sc_english_forms, sc_chinese_forms, sc_japanese_forms, sc_korean_forms,
    sc_french_forms, sc_spanish_forms, sc_german_forms, sc_portuguese_forms, sc_russian_forms,
    sc_arabic_forms;

/* The simplified sign of a Chinese one, the plain "you" for the polite one; others as they are.
 * Safe from several threads. */
uint32_t sc_simplified_sign(uint32_t cp);

/* The kinds that forms give a sentence of the text; 0 in a language without forms.
 * *n_norms: its words of norms.  Safe from several threads. */
unsigned sc_form_kinds(enum sc_language language, const char *text, const struct sentence *sentence,
                       size_t *n_norms);
/* Adds what the forms of the language see in a prompt. */
void sc_form_traits(enum sc_language language, const char *prompt, struct prompt_traits *out);

#endif
