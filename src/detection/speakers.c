/* See speakers.h. */
#include "detection/speakers.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum voice { NO_VOICE, TAME, FREE, LETTERED };

/* How labels begin: as they are written, in any case at the beginning of a line. */
static const struct name {
    const char *text;
    enum voice voice;
} names[] = {
    {"CLASSIC", TAME},
    {"ChatGPT", TAME},
    {"GPT", TAME},
    {"Normal", TAME},
    {"Standard", TAME},
    {"Default", TAME},
    {"Filtered", TAME},
    {"Censored", TAME},
    {"Safe", TAME},
    {"JAILBREAK", FREE},
    {"JAILBROKEN", FREE},
    {"DAN", FREE},
    {"AIM", FREE},
    {"STAN", FREE},
    {"DUDE", FREE},
    {"UCAR", FREE},
    {"BasedGPT", FREE},
    {"AntiGPT", FREE},
    {"Anti-GPT", FREE},
    {"EvilBot", FREE},
    {"Evil", FREE},
    {"Mongo Tom", FREE},
    {"Developer Mode", FREE},
    {"DevMode", FREE},
    {"God Mode", FREE},
    {"Unfiltered", FREE},
    {"Uncensored", FREE},
    {"Unrestricted", FREE},
    {"Unlocked", FREE},
    {"No filter", FREE},
    {"Assistant ", LETTERED},
    {"AI ", LETTERED},
    {"Model ", LETTERED},
    {"Bot ", LETTERED},
    /* French, Spanish, Portuguese, German */
    {"CLASSIQUE", TAME},
    {"Filtr\xc3\xa9", TAME},
    {"Non filtr\xc3\xa9", FREE},
    {"Sans filtre", FREE},
    {"Non censur\xc3\xa9", FREE},
    {"Sans restriction", FREE},
    {"Sans limite", FREE},
    {"CL\xc3\x81SICO", TAME},
    {"Cl\xc3\xa1sico", TAME},
    {"CL\xc3\x81SSICO", TAME},
    {"Cl\xc3\xa1ssico", TAME},
    {"Est\xc3\xa1ndar", TAME},
    {"Filtrad", TAME},
    {"Sin filtro", FREE},
    {"Sin censura", FREE},
    {"Sin restriccion", FREE},
    {"Sin l\xc3\xadmite", FREE},
    {"Padr\xc3\xa3o", TAME},
    {"Sem filtro", FREE},
    {"Sem censura", FREE},
    {"Sem restri", FREE},
    {"Klassisch", TAME},
    {"Gefiltert", TAME},
    {"Ungefiltert", FREE},
    {"Unzensiert", FREE},
    {"Uneingeschr\xc3\xa4nkt", FREE},
    {"Entfesselt", FREE},
    /* Russian: classic, usual, standard; jailbreak, without filters, limits or censorship */
    {"Классическ", TAME},
    {"КЛАССИ", TAME},
    {"Обычн", TAME},
    {"ОБЫЧН", TAME},
    {"Стандартн", TAME},
    {"Джейлбрейк", FREE},
    {"ДЖЕЙЛБРЕЙК", FREE},
    {"Без фильтр", FREE},
    {"БЕЗ ФИЛЬТР", FREE},
    {"Без огранич", FREE},
    {"БЕЗ ОГРАНИЧ", FREE},
    {"Без цензур", FREE},
    {"Нефильтрованн", FREE},
    /* Arabic: ordinary, classic; jailbreak, without limits, filter or censorship */
    {"عادي", TAME},
    {"العادي", TAME},
    {"الوضع العادي", TAME},
    {"الرد العادي", TAME},
    {"كلاسيكي", TAME},
    {"كسر الحماية", FREE},
    {"بدون قيود", FREE},
    {"بلا قيود", FREE},
    {"غير مقيد", FREE},
    {"بدون فلتر", FREE},
    {"بدون رقابة", FREE},
    {"بلا رقابة", FREE},
    /* Chinese: ordinary, normal, standard, classic; jailbreak, without limits or filter, developer
     */
    {"普通", TAME},
    {"正常", TAME},
    {"标准", TAME},
    {"經典", TAME},
    {"经典", TAME},
    {"越狱", FREE},
    {"越獄", FREE},
    {"无限制", FREE},
    {"無限制", FREE},
    {"未过滤", FREE},
    {"无过滤", FREE},
    {"开发者模式", FREE},
    {"開發者模式", FREE},
    /* Japanese: the same, and "usual" */
    {"通常", TAME},
    {"標準", TAME},
    {"クラシック", TAME},
    {"脱獄", FREE},
    {"ジェイルブレイク", FREE},
    {"制限なし", FREE},
    {"フィルターなし", FREE},
    {"開発者モード", FREE},
    /* Korean: ordinary, basic, standard, classic; jailbreak, without limits or filter, developer */
    {"일반", TAME},
    {"기본", TAME},
    {"표준", TAME},
    {"클래식", TAME},
    {"탈옥", FREE},
    {"제한 없", FREE},
    {"제한없", FREE},
    {"무제한", FREE},
    {"필터 없", FREE},
    {"개발자 모드", FREE},
};
enum { N_NAMES = sizeof names / sizeof *names };

/* What may stand before a name: "Respuesta sin filtro", "As DAN". */
static const char *const leads[] = {"Response ", "Answer ",         "Version ",        "Mode ",
                                    "As ",       "R\xc3\xa9ponse ", "Respuesta ",      "Resposta ",
                                    "Modo ",     "Vers\xc3\xa3o ",  "Versi\xc3\xb3n ", "Antwort ",
                                    "Modus ",    "Ответ ",          "Режим "};

#define CLOSED_LOCK "\xf0\x9f\x94\x92"
#define OPEN_LOCK "\xf0\x9f\x94\x93"

struct label {
    size_t at, end;
    enum voice voice;
    char letter; /* of LETTERED */
};

struct text {
    const char *bytes;
    size_t n;
};

static bool starts(struct text t, size_t at, const char *mark)
{
    size_t m = strlen(mark);
    return t.n - at >= m && memcmp(t.bytes + at, mark, m) == 0;
}

/* Bytes of one of the marks at `at`, or 0. */
static size_t one_of(struct text t, size_t at, const char *const *marks, size_t n_marks)
{
    for (size_t i = 0; i < n_marks; i++)
        if (starts(t, at, marks[i]))
            return strlen(marks[i]);
    return 0;
}

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether the byte begins the name, in whatever case. */
static bool may_begin(char byte, const char *name)
{
    return ((byte ^ name[0]) & ~0x20) == 0;
}

static size_t lead_at(struct text t, size_t at)
{
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        if (at >= t.n || !may_begin(t.bytes[at], leads[i]))
            continue;
        size_t m = strlen(leads[i]);
        if (t.n - at >= m && strncasecmp(t.bytes + at, leads[i], m) == 0)
            return m;
    }
    return 0;
}

/* Reads a name; in the midst of a line only as it is listed. */
static bool read_name(struct text t, bool line_start, struct label *label)
{
    size_t at = label->end + (line_start ? lead_at(t, label->end) : 0);
    for (size_t i = 0; at < t.n && i < N_NAMES; i++) {
        if (!may_begin(t.bytes[at], names[i].text))
            continue;
        size_t m = strlen(names[i].text);
        if (t.n - at < m || (line_start ? strncasecmp(t.bytes + at, names[i].text, m)
                                        : strncmp(t.bytes + at, names[i].text, m)) != 0)
            continue;
        size_t end = at + m;
        bool lettered = names[i].voice == LETTERED;
        if (lettered && (end >= t.n || !((t.bytes[end] >= 'A' && t.bytes[end] <= 'D') ||
                                         (t.bytes[end] >= '1' && t.bytes[end] <= '4'))))
            continue;
        label->letter = lettered ? t.bytes[end] : '\0';
        end += lettered;
        if (end < t.n && (unsigned char)t.bytes[end - 1] < 0x80 && is_ascii_letter(t.bytes[end]) &&
            t.bytes[end - 1] != 'd' && t.bytes[end - 1] != 't') /* "Gefilterte", "Filtrado" */
            continue;
        label->voice = names[i].voice;
        label->end = end;
        return true;
    }
    return false;
}

/* From behind the name to behind what closes the label: a bracket, a colon and bold type, or the
 * end of a heading. */
static bool read_close(struct text t, bool bracket, bool heading, struct label *label)
{
    static const char *const brackets[] = {"]", ")", "}", ">", "\xe3\x80\x91", "\xef\xbc\x89"};
    static const char *const colons[] = {":", "\xef\xbc\x9a"};
    for (size_t at = label->end; at < t.n && at < label->end + 32; at++) {
        if (t.bytes[at] == '\n') {
            label->end = heading ? at : label->end;
            return heading;
        }
        size_t n = bracket ? one_of(t, at, brackets, 6) : one_of(t, at, colons, 2);
        if (n == 0)
            continue;
        at += n;
        while (at < t.n && strchr("*_): ]", t.bytes[at]) != NULL && t.bytes[at] != '\0')
            at++;
        label->end = at;
        return true;
    }
    return false;
}

/* Where a label may stand: in a line, at its beginning, or there in the type of a heading. */
enum place { WITHIN, LINE, HEADING };

/* Reads a label at `at`, where a line begins (behind blanks and marks of type) or in one. */
static bool read_label(struct text t, size_t at, enum place place, struct label *label)
{
    static const char *const brackets[] = {"[", "(", "{", "<", "\xe3\x80\x90", "\xef\xbc\x88"};
    *label = (struct label){.at = at, .end = at};
    size_t bracket = 0;
    enum voice locks = NO_VOICE;
    for (size_t n; label->end < t.n; label->end += n) {
        if (bracket == 0 && (n = one_of(t, label->end, brackets, 6)) > 0)
            bracket = n;
        else if (starts(t, label->end, CLOSED_LOCK) || starts(t, label->end, OPEN_LOCK)) {
            locks = starts(t, label->end, CLOSED_LOCK) ? TAME : FREE;
            n = strlen(CLOSED_LOCK);
        } else if (t.bytes[label->end] == ' ' || t.bytes[label->end] == '*')
            n = 1;
        else
            break;
    }
    if (place == WITHIN && bracket == 0 && locks == NO_VOICE)
        return false;
    size_t behind_lock = label->end;
    if (read_name(t, place != WITHIN, label) && read_close(t, bracket > 0, place == HEADING, label))
        return true;
    label->end = behind_lock;
    label->voice = locks;
    return locks != NO_VOICE && (bracket == 0 || read_close(t, true, false, label));
}

/* At most most + 1 of them. */
static size_t find_labels(struct text t, struct label *labels, size_t most)
{
    size_t n = 0;
    enum place place = LINE;
    for (size_t at = 0; at < t.n && n <= most; at++) {
        char c = t.bytes[at];
        if (c == '\n') {
            place = LINE;
            continue;
        }
        if (place != WITHIN && strchr(" \t\r*_#>-", c) != NULL && c != '\0') {
            place = c == '#' || c == '*' ? HEADING : place;
            continue;
        }
        bool may = place != WITHIN || c == '[' || c == '(' || c == '\xf0';
        if (may && read_label(t, at, place, &labels[n])) {
            at = labels[n].end - 1;
            n++;
        }
        place = WITHIN;
    }
    return n;
}

static void add_part(struct text t, size_t begin, size_t end, struct sc_voices *out)
{
    while (end > begin && strchr(" \t\r\n*_#>-", t.bytes[end - 1]) != NULL)
        end--;
    while (begin < end && strchr(" \t\r\n*_#>-", t.bytes[begin]) != NULL)
        begin++;
    if (begin < end)
        out->parts[out->n++] = (struct sc_piece){begin, end};
}

void sc_voices_find(const char *text, size_t n, struct sc_voices *out)
{
    assert(text != NULL && out != NULL);
    struct text t = {text, n};
    struct label labels[SC_MOST_VOICES];
    size_t n_labels = find_labels(t, labels, SC_MOST_VOICES - 1), count[LETTERED + 1] = {0};
    *out = (struct sc_voices){0};
    if (n_labels == 0 || n_labels == SC_MOST_VOICES) /* more: a dialogue */
        return;
    bool letters_differ = false;
    for (size_t i = 0; i < n_labels; i++) {
        count[labels[i].voice]++;
        letters_differ |= labels[i].voice == LETTERED && labels[i].letter != labels[0].letter &&
                          labels[0].voice == LETTERED;
    }
    out->unmarked = n_labels == 1 && count[FREE] == 1;
    if (!out->unmarked && !(count[TAME] > 0 && count[FREE] > 0) && !letters_differ)
        return;
    if (out->unmarked)
        add_part(t, 0, labels[0].at, out);
    for (size_t i = 0; i < n_labels; i++)
        add_part(t, labels[i].end, i + 1 < n_labels ? labels[i + 1].at : n, out);
    if (out->unmarked && out->n < 2)
        out->n = 0;
}
