/* See language.h.  Scripts tell most languages apart; Latin and Cyrillic letters need words. */
#include "detection/language.h"

#include <string.h>

#include "detection/language_words.h"
#include "detection/scripts.h"

static const char *const codes[SC_N_LANGUAGES] = {
    [SC_ENGLISH] = "en", [SC_CHINESE] = "zh", [SC_JAPANESE] = "ja", [SC_KOREAN] = "ko",
    [SC_FRENCH] = "fr",  [SC_SPANISH] = "es", [SC_GERMAN] = "de",   [SC_PORTUGUESE] = "pt",
    [SC_RUSSIAN] = "ru", [SC_ARABIC] = "ar"};

const char *sc_language_code(enum sc_language language)
{
    return codes[language] != NULL ? codes[language] : "";
}

/* Letters beyond those of Arabic: of Persian, or of Urdu. */
static const char *other_arabic(const char *text, size_t n)
{
    static const char *const persian[] = {"پ", "چ", "ژ", "گ", "ک", "ی"};
    static const char *const urdu[] = {"ٹ", "ڈ", "ڑ", "ے", "ں", "ہ"};
    size_t letters = 0, n_persian = 0, n_urdu = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        if (((unsigned char)text[i] & 0xF8) != 0xD8)
            continue;
        letters++;
        unsigned char lead = (unsigned char)text[i], next = (unsigned char)text[i + 1];
        if (lead == 0xD8 || (lead == 0xD9 && next < 0xB9)) { /* those of Arabic */
            i++;
            continue;
        }
        for (size_t k = 0; k < 6; k++) {
            n_persian += memcmp(text + i, persian[k], 2) == 0;
            n_urdu += memcmp(text + i, urdu[k], 2) == 0;
        }
        i++;
    }
    return 25 * n_urdu > letters ? "ur" : 25 * n_persian > letters ? "fa" : NULL;
}

void sc_language_guess(const char *text, size_t n, struct sc_language_guess *out)
{
    bool mixed;
    const char *script = sc_script_of(text, n, &mixed);
    *out = (struct sc_language_guess){.mixed = mixed, .name = ""};
    if (script == NULL)
        return;
    static const struct {
        const char *script;
        enum sc_language language;
    } of_script[] = {{"Latin", SC_ENGLISH},   {"Cyrillic", SC_RUSSIAN},  {"Arabic", SC_ARABIC},
                     {"Chinese", SC_CHINESE}, {"Japanese", SC_JAPANESE}, {"Korean", SC_KOREAN}};
    out->language = SC_LANGUAGE_OTHER;
    out->name = script;
    for (size_t i = 0; i < sizeof of_script / sizeof *of_script; i++)
        if (strcmp(of_script[i].script, script) == 0)
            out->language = of_script[i].language;
    if (out->language == SC_ENGLISH || out->language == SC_RUSSIAN) {
        struct sc_language_words words;
        sc_language_words(text, n, out->language == SC_RUSSIAN, &words);
        out->unsure = words.score < 6;
        if (words.language == SC_LANGUAGE_OTHER)
            out->name = words.code;
        if (words.language != SC_LANGUAGE_NONE)
            out->language = words.language;
    } else if (out->language == SC_ARABIC) {
        const char *other = other_arabic(text, n);
        out->name = other != NULL ? other : out->name;
        out->language = other != NULL ? SC_LANGUAGE_OTHER : SC_ARABIC;
    }
    if (out->language != SC_LANGUAGE_OTHER)
        out->name = codes[out->language];
}

static bool is_latin(enum sc_language language)
{
    return language == SC_ENGLISH || language == SC_FRENCH || language == SC_SPANISH ||
           language == SC_GERMAN || language == SC_PORTUGUESE;
}

void sc_language_lean(struct sc_language_guess *guess, enum sc_language likely)
{
    if (!guess->unsure || !is_latin(guess->language) || !is_latin(likely))
        return;
    guess->language = likely;
    guess->name = codes[likely];
}
