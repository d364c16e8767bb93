/* See language.h.  Scripts tell most languages apart; Latin letters need words. */
#include "detection/language.h"

#include <string.h>

#include "detection/scripts.h"

static const char *const codes[SC_N_LANGUAGES] = {
    [SC_ENGLISH] = "en", [SC_CHINESE] = "zh", [SC_JAPANESE] = "ja", [SC_KOREAN] = "ko",
    [SC_FRENCH] = "fr",  [SC_SPANISH] = "es", [SC_GERMAN] = "de",   [SC_PORTUGUESE] = "pt",
    [SC_RUSSIAN] = "ru", [SC_ARABIC] = "ar"};

/* Frequent words that are no words of the others, each between spaces. */
static const struct {
    enum sc_language language;
    const char *words;
} frequent[] = {
    {SC_ENGLISH,
     " the of and to is that it for you with are this not have be as or can your from i "
     "we they but if there which would should how what will an my do a me "},
    {SC_FRENCH,
     " que dit le la les un te des de en et est une du dans pour vous je ne pas qui sur avec "
     "au ce cette il sont votre ou nous mais puis comment quel quelle quels quelles mon ma mes ton "
     "tes "
     "ses leur par plus qu elle fait faire peut tout si aux ces quand comme sans "},
    {SC_SPANISH,
     " el la los las y a me veo es de en no más un una te aquí también puedes algunas varias del "
     "para por "
     "con lo su que se como pero puedo este esta "
     "al tu hay algo mi mis tus sus son sin sobre si ser tiene puede hacer porque cuando muy ya "
     "eso esa ese esto nos les fue soy niego cuando donde quien estoy "},
    {SC_GERMAN,
     " der die das und ist nicht ich sie zu den mit ein eine von für auf dem kann es sind "
     "oder werden bei aus im auch wie dass wenn nur aber ihre ihnen mich dir dich mir leider "
     "keine wurde zum zur hier habe diese du kannst was "},
    {SC_PORTUGUESE,
     " o os e a me é de em um uma da não para com que se você por ao dos das posso isso mas seu "
     "sua "
     "como meu minha meus suas esse essa este esta eu ele ela são foi ser ter já só muito "
     "quando porque sem nos ao pela pelo pode fazer vou nem ou na devo preciso esteja lhe "
     "consigo pedido à "},
};

/* Letters and marks of two bytes that the others do not have. */
static const struct {
    enum sc_language language;
    const char *letters;
} own_letters[] = {
    {SC_FRENCH, "èœîûÈ"}, {SC_SPANISH, "ñ¿¡"}, {SC_GERMAN, "ßäöüÄÖÜ"}, {SC_PORTUGUESE, "ãõ"}};

/* The language of the letter that begins at s, or SC_LANGUAGE_NONE. */
static enum sc_language letter_language(const char *s)
{
    for (size_t k = 0; k < sizeof own_letters / sizeof *own_letters; k++)
        for (const char *l = own_letters[k].letters; *l; l += 2)
            if (l[0] == s[0] && l[1] == s[1])
                return own_letters[k].language;
    return SC_LANGUAGE_NONE;
}

const char *sc_language_code(enum sc_language language)
{
    return codes[language] != NULL ? codes[language] : "";
}

/* The word of n bytes, in lower case, between spaces. */
static bool stands_in(const char *words, const char *word, size_t n)
{
    char key[16] = " ";
    if (n + 3 > sizeof key)
        return false;
    memcpy(key + 1, word, n);
    memcpy(key + 1 + n, " ", 2);
    return strstr(words, key) != NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static enum sc_language latin_language(const char *text, size_t n)
{
    enum { N = sizeof frequent / sizeof *frequent, MOST_WORDS = 120 };
    size_t count[N] = {0}, n_words = 0;
    for (size_t i = 0; i < n && n_words < MOST_WORDS;) {
        char word[12];
        size_t m = 0;
        for (; i < n && is_letter(text[i]); i++) {
            enum sc_language own = (unsigned char)text[i] >= 0xc2 && i + 1 < n
                                       ? letter_language(text + i)
                                       : SC_LANGUAGE_NONE;
            for (size_t k = 0; own != SC_LANGUAGE_NONE && k < N; k++)
                count[k] += frequent[k].language == own;
            if (m < sizeof word)
                word[m] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
            m++;
        }
        if (m == 0) {
            i++;
            continue;
        }
        n_words++;
        for (size_t k = 0; k < N && m <= sizeof word; k++)
            count[k] += stands_in(frequent[k].words, word, m);
    }
    size_t most = 0;
    for (size_t k = 1; k < N; k++)
        if (count[k] > count[most])
            most = k;
    return frequent[most].language;
}

void sc_language_guess(const char *text, size_t n, struct sc_language_guess *out)
{
    const char *script;
    bool mixed;
    enum sc_script_kind kind = sc_script_of(text, n, &script, &mixed);
    *out = (struct sc_language_guess){.mixed = mixed, .name = ""};
    if (kind == SC_SCRIPT_NONE)
        return;
    static const struct {
        const char *script;
        enum sc_language language;
    } of_script[] = {{"Cyrillic", SC_RUSSIAN},
                     {"Arabic", SC_ARABIC},
                     {"Chinese", SC_CHINESE},
                     {"Japanese", SC_JAPANESE},
                     {"Korean", SC_KOREAN}};
    out->language = SC_LANGUAGE_OTHER;
    out->name = script;
    if (kind == SC_SCRIPT_LATIN)
        out->language = latin_language(text, n);
    for (size_t i = 0; i < sizeof of_script / sizeof *of_script; i++)
        if (strcmp(of_script[i].script, script) == 0)
            out->language = of_script[i].language;
    if (out->language != SC_LANGUAGE_OTHER)
        out->name = codes[out->language];
}
