/* See scripts.h.  Ranges are those of the Unicode blocks of each script, version 15. */
#include "detection/scripts.h"

#include <utf8proc.h>

#include "base/text.h"

struct script {
    const char *name;
    bool read; /* rules read a language that is written in it */
};

enum {
    LATIN,
    CYRILLIC,
    ARABIC,
    HAN,
    KANA,
    HANGUL,
    GREEK,
    ARMENIAN,
    HEBREW,
    DEVANAGARI,
    BENGALI,
    GURMUKHI,
    GUJARATI,
    TAMIL,
    TELUGU,
    KANNADA,
    MALAYALAM,
    SINHALA,
    THAI,
    LAO,
    TIBETAN,
    BURMESE,
    GEORGIAN,
    ETHIOPIC,
    KHMER,
    MONGOLIAN,
    OTHER,
    N_SCRIPTS
};
static const struct script scripts[N_SCRIPTS] = {
    [LATIN] = {"Latin", true},          [CYRILLIC] = {"Cyrillic", true},
    [ARABIC] = {"Arabic", true},        [HAN] = {"Chinese", true},
    [KANA] = {"Japanese", true},        [HANGUL] = {"Korean", true},
    [GREEK] = {"Greek", false},         [ARMENIAN] = {"Armenian", false},
    [HEBREW] = {"Hebrew", false},       [DEVANAGARI] = {"Devanagari", false},
    [BENGALI] = {"Bengali", false},     [GURMUKHI] = {"Gurmukhi", false},
    [GUJARATI] = {"Gujarati", false},   [TAMIL] = {"Tamil", false},
    [TELUGU] = {"Telugu", false},       [KANNADA] = {"Kannada", false},
    [MALAYALAM] = {"Malayalam", false}, [SINHALA] = {"Sinhala", false},
    [THAI] = {"Thai", false},           [LAO] = {"Lao", false},
    [TIBETAN] = {"Tibetan", false},     [BURMESE] = {"Burmese", false},
    [GEORGIAN] = {"Georgian", false},   [ETHIOPIC] = {"Ethiopic", false},
    [KHMER] = {"Khmer", false},         [MONGOLIAN] = {"Mongolian", false},
    [OTHER] = {"another", false},
};

/* In ascending order. */
static const struct {
    uint32_t first, last;
    unsigned char script;
} blocks[] = {
    {0x0041, 0x024F, LATIN},      {0x0250, 0x02AF, LATIN},     {0x0370, 0x03FF, GREEK},
    {0x0400, 0x052F, CYRILLIC},   {0x0530, 0x058F, ARMENIAN},  {0x0590, 0x05FF, HEBREW},
    {0x0600, 0x06FF, ARABIC},     {0x0750, 0x077F, ARABIC},    {0x08A0, 0x08FF, ARABIC},
    {0x0900, 0x097F, DEVANAGARI}, {0x0980, 0x09FF, BENGALI},   {0x0A00, 0x0A7F, GURMUKHI},
    {0x0A80, 0x0AFF, GUJARATI},   {0x0B80, 0x0BFF, TAMIL},     {0x0C00, 0x0C7F, TELUGU},
    {0x0C80, 0x0CFF, KANNADA},    {0x0D00, 0x0D7F, MALAYALAM}, {0x0D80, 0x0DFF, SINHALA},
    {0x0E00, 0x0E7F, THAI},       {0x0E80, 0x0EFF, LAO},       {0x0F00, 0x0FFF, TIBETAN},
    {0x1000, 0x109F, BURMESE},    {0x10A0, 0x10FF, GEORGIAN},  {0x1100, 0x11FF, HANGUL},
    {0x1200, 0x139F, ETHIOPIC},   {0x1780, 0x17FF, KHMER},     {0x1800, 0x18AF, MONGOLIAN},
    {0x1C80, 0x1C8F, CYRILLIC},   {0x1C90, 0x1CBF, GEORGIAN},  {0x1E00, 0x1EFF, LATIN},
    {0x1F00, 0x1FFF, GREEK},      {0x2D00, 0x2D2F, GEORGIAN},  {0x2D80, 0x2DDF, ETHIOPIC},
    {0x3040, 0x30FF, KANA},       {0x3130, 0x318F, HANGUL},    {0x31F0, 0x31FF, KANA},
    {0x3400, 0x9FFF, HAN},        {0xA640, 0xA69F, CYRILLIC},  {0xA720, 0xA7FF, LATIN},
    {0xA960, 0xA97F, HANGUL},     {0xAB30, 0xAB6F, LATIN},     {0xAC00, 0xD7FF, HANGUL},
    {0xF900, 0xFAFF, HAN},        {0xFB00, 0xFB06, LATIN},     {0xFB13, 0xFB17, ARMENIAN},
    {0xFB1D, 0xFB4F, HEBREW},     {0xFB50, 0xFDFF, ARABIC},    {0xFE70, 0xFEFF, ARABIC},
    {0xFF21, 0xFF5A, LATIN},      {0xFF66, 0xFF9F, KANA},      {0xFFA0, 0xFFDC, HANGUL},
    {0x20000, 0x323AF, HAN},
};

static size_t script_of(uint32_t cp)
{
    size_t low = 0, high = sizeof blocks / sizeof *blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cp > blocks[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof blocks / sizeof *blocks && cp >= blocks[low].first ? blocks[low].script
                                                                           : OTHER;
}

/* The script of the code point, N_SCRIPTS when it is no letter. */
static size_t script_of_letter(uint32_t cp)
{
    /* where nothing but letters stands */
    if (cp >= 0xAC00 && cp <= 0xD7A3)
        return HANGUL;
    if (cp >= 0x4E00 && cp <= 0x9F00)
        return HAN;
    if ((cp >= 0x3041 && cp <= 0x3096) || (cp >= 0x30A1 && cp <= 0x30FA))
        return KANA;
    if (cp >= 0x0400 && cp <= 0x0481)
        return CYRILLIC;
    if ((cp >= 0x0620 && cp <= 0x063F) || (cp >= 0x0641 && cp <= 0x064A))
        return ARABIC;
    if (cp >= 0x00C0 && cp <= 0x017F && cp != 0xD7 && cp != 0xF7)
        return LATIN;
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
    bool letter = category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
                  category == UTF8PROC_CATEGORY_LT || category == UTF8PROC_CATEGORY_LO;
    return letter ? script_of(cp) : N_SCRIPTS;
}

uint32_t sc_lower(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    if (cp >= 0xC0 && cp <= 0xFF)
        return cp <= 0xDE && cp != 0xD7 ? cp + 32 : cp;
    if (cp >= 0x0400 && cp <= 0x045F)
        return cp < 0x0410 ? cp + 80 : cp < 0x0430 ? cp + 32 : cp;
    if ((cp >= 0x0600 && cp <= 0x06FF) || (cp >= 0x3000 && cp <= 0x9FFF) ||
        (cp >= 0xAC00 && cp <= 0xD7FF)) /* have no cases */
        return cp;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

const char *sc_script_of(const char *text, size_t n, bool *mixed)
{
    size_t letters[N_SCRIPTS + 1] = {0}, total = 0, unread = 0;
    for (size_t i = 0; i < n;) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80) { /* most of most answers */
            letters[LATIN] += (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
            i++;
            continue;
        }
        uint32_t cp = 0;
        size_t length = sc_utf8_decode(text + i, n - i, &cp);
        if (length)
            letters[script_of_letter(cp)]++;
        i += length ? length : 1;
    }
    if (letters[KANA] * 10 >= letters[HAN] && letters[KANA] > 0) {
        letters[KANA] += letters[HAN];
        letters[HAN] = 0;
    }
    for (size_t s = 0; s < N_SCRIPTS; s++) {
        total += letters[s];
        unread += scripts[s].read ? 0 : letters[s];
    }
    bool is_unread = 2 * unread > total;
    size_t most = is_unread ? OTHER : LATIN;
    for (size_t s = 0; s < N_SCRIPTS; s++)
        if (scripts[s].read != is_unread && letters[s] > letters[most])
            most = s;
    if (mixed != NULL)
        *mixed = 10 * (total - letters[most]) >= total && total > 0;
    return total > 0 ? scripts[most].name : NULL;
}
