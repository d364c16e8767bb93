/* See forms.h.  First parts are looked for by their first three bytes, all forms of a language at
 * once; what follows them is compared in place.  Of a list only the alternatives are compared that
 * begin with the three bytes that stand there. */
#include "detection/languages/forms.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"
#include "detection/scripts.h"

enum { GAP_BYTES = 70, LONGEST = 1500, N_KEYS = 2048, NORMS = SC_MOST_FORMS, TABLES = 2, SETS = 2 };
#define QUOTED '\1' /* stands for a byte between quotation marks */

static const struct sc_forms *const forms_of[SC_N_LANGUAGES] = {
    [SC_ENGLISH] = &sc_english_forms,   [SC_CHINESE] = &sc_chinese_forms,
    [SC_JAPANESE] = &sc_japanese_forms, [SC_KOREAN] = &sc_korean_forms,
    [SC_FRENCH] = &sc_french_forms,     [SC_SPANISH] = &sc_spanish_forms,
    [SC_GERMAN] = &sc_german_forms,     [SC_PORTUGUESE] = &sc_portuguese_forms,
    [SC_RUSSIAN] = &sc_russian_forms,   [SC_ARABIC] = &sc_arabic_forms};

/* ---- which forms can begin where ------------------------------------------------------------- */

/* Bit f % 64 of set f / 64: a first part of form f begins so; form NORMS: a word of norms. */
struct beginnings {
    uint64_t by_three[N_KEYS][SETS]; /* by the key of three bytes */
    uint64_t by_two[N_KEYS][SETS];   /* alternatives of two bytes */
    uint64_t twos[4];                /* the first bytes of these */
    uint64_t anywhere[SETS];         /* forms that may begin within a word */
};
static struct beginnings beginnings[SC_N_LANGUAGES][TABLES]; /* of answers, of prompts */
static pthread_once_t filled = PTHREAD_ONCE_INIT;

/* An alternative without its marks. */
struct alternative {
    const char *text;
    uint32_t head, mask;         /* its first bytes, four at most, and which of four they are */
    uint16_t n, next;            /* its bytes; the next that begins alike, as in `chains` */
    bool begins, ends, anywhere; /* "^", "$", "*" */
};

/* A part of a form, taken apart once.  A text that begins with none of `threes` and `bytes` has no
 * alternative of it. */
struct list {
    uint64_t threes[4];  /* hashes (key_of_first) of its alternatives */
    uint64_t bytes[4];   /* the first bytes of those with fewer */
    uint32_t first, n;   /* in `alternatives` */
    uint32_t chain;      /* in `chains`: that of the lowest bit of `threes`; in order */
    uint16_t before[4];  /* bits of `threes` in the words before each */
    uint16_t shorts;     /* the chain of alternatives with fewer than three bytes */
    bool clause, absent; /* "~", "!" */
    bool anywhere;       /* has alternatives with "*" */
};
enum { UNLESS = SC_FORM_PARTS, N_LISTS, MOST_ALTERNATIVES = 30000 };
static struct alternative alternatives[MOST_ALTERNATIVES];
static uint32_t n_alternatives;
/* Of each list and hash: the first alternative that begins so, counted from 1. */
static uint16_t chains[MOST_ALTERNATIVES];
static uint32_t n_chains;
static struct list lists[SC_N_LANGUAGES][TABLES][SC_MOST_FORMS][N_LISTS], norms_of[SC_N_LANGUAGES];

static uint32_t head_of(const char *s, size_t n)
{
    uint32_t head = 0;
    memcpy(&head, s, n < sizeof head ? n : sizeof head);
    return head;
}

/* Below N_KEYS. */
static uint16_t key_of(uint32_t head)
{
    return (uint16_t)((head * UINT32_C(2654435761)) >> 21);
}

/* Of the first three bytes, or of two letters of two bytes each; four can be read. */
static uint16_t key_of_first(const char *s)
{
    static const char three[4] = {'\xff', '\xff', '\xff', 0};
    bool letters = ((unsigned char)s[0] & 0xe0) == 0xc0 && (unsigned char)s[2] >= 0x80;
    uint32_t mask = head_of(three, 4) | (uint32_t)-letters;
    return key_of(head_of(s, 4) & mask);
}

static unsigned char hash_of_key(unsigned key)
{
    return (unsigned char)(key >> 3);
}

static bool has_bit(const uint64_t *bits, unsigned char i)
{
    return (bits[i >> 6] >> (i & 63)) & 1;
}

static void set_bit(uint64_t *bits, unsigned char i)
{
    bits[i >> 6] |= UINT64_C(1) << (i & 63);
}

/* The alternative of n bytes. */
static struct alternative read_alternative(const char *text, size_t n)
{
    static const char ones[4] = {'\xff', '\xff', '\xff', '\xff'};
    struct alternative out = {0};
    for (; n > 0 && (*text == '^' || *text == '*'); text++, n--) {
        out.begins |= *text == '^';
        out.anywhere |= *text == '*';
    }
    if (n > 0 && text[n - 1] == '$') {
        out.ends = true;
        n--;
    }
    assert(n > 0 && n < UINT16_MAX);
    out.text = text;
    out.n = (uint16_t)n;
    out.head = head_of(text, n);
    out.mask = head_of(ones, n);
    return out;
}

static unsigned count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Where the chain of a hash that `threes` has begins. */
static uint16_t *chain_of(const struct list *list, unsigned char hash)
{
    uint64_t below = list->threes[hash >> 6] & ((UINT64_C(1) << (hash & 63)) - 1);
    return &chains[list->chain + list->before[hash >> 6] + count_bits(below)];
}

static unsigned char hash_of(const struct alternative *a)
{
    return hash_of_key(key_of_first(a->text));
}

/* Chains the alternatives of the list that begin alike, in their order. */
static void chain_list(struct list *list)
{
    unsigned n = 0;
    for (size_t w = 0; w < 4; w++) {
        list->before[w] = (uint16_t)n;
        n += count_bits(list->threes[w]);
    }
    list->chain = n_chains;
    n_chains += n;
    for (uint32_t k = list->n; k > 0; k--) {
        struct alternative *a = &alternatives[list->first + k - 1];
        uint16_t *chain = a->n >= 3 ? chain_of(list, hash_of(a)) : &list->shorts;
        a->next = *chain;
        *chain = (uint16_t)k;
    }
}

static void read_list(struct list *out, const char *text)
{
    out->first = n_alternatives;
    if (text == NULL)
        return;
    out->clause = *text == '~';
    out->absent = *text == '!';
    text += out->clause || out->absent;
    while (*text != '\0') {
        size_t n = strcspn(text, "|");
        assert(n_alternatives < MOST_ALTERNATIVES);
        struct alternative *a = &alternatives[n_alternatives++];
        *a = read_alternative(text, n);
        if (a->n >= 3)
            set_bit(out->threes, hash_of(a));
        else
            set_bit(out->bytes, (unsigned char)*a->text);
        out->anywhere |= a->anywhere;
        out->n++;
        text += n + (text[n] == '|');
    }
    assert(out->n < UINT16_MAX);
    chain_list(out);
}

static void note_beginnings(struct beginnings *out, const struct list *list, size_t form)
{
    for (uint32_t k = 0; k < list->n; k++) {
        const struct alternative *a = &alternatives[list->first + k];
        assert(a->n >= 2);
        uint64_t *sets = a->n >= 3 ? out->by_three[key_of_first(a->text)]
                                   : out->by_two[key_of(head_of(a->text, 2))];
        sets[form / 64] |= UINT64_C(1) << form % 64;
        if (a->n == 2)
            set_bit(out->twos, (unsigned char)*a->text);
        if (a->anywhere)
            out->anywhere[form / 64] |= UINT64_C(1) << form % 64;
    }
}

static void read_forms(size_t language, size_t table, const struct sc_form *forms, size_t n)
{
    assert(n <= SC_MOST_FORMS);
    for (size_t f = 0; f < n; f++) {
        struct list *of_form = lists[language][table][f];
        for (size_t p = 0; p < SC_FORM_PARTS; p++)
            read_list(&of_form[p], forms[f].parts[p]);
        read_list(&of_form[UNLESS], forms[f].unless);
        note_beginnings(&beginnings[language][table], &of_form[0], f);
    }
}

static void fill(void)
{
    for (size_t l = 0; l < SC_N_LANGUAGES; l++) {
        const struct sc_forms *forms = forms_of[l];
        if (forms == NULL)
            continue;
        read_forms(l, 0, forms->answer, forms->n_answer);
        read_forms(l, 1, forms->prompt, forms->n_prompt);
        read_list(&norms_of[l], forms->norms);
        note_beginnings(&beginnings[l][0], &norms_of[l], NORMS);
    }
}

/* ---- a sentence as it is compared ------------------------------------------------------------ */

/* Of a byte: where a word goes on there, so that only alternatives with "*" can begin; where a
 * sign does, so that none can. */
enum { IN_WORD = 1 << 15, IN_SIGN = 1 << 14, KEY = N_KEYS - 1 };

struct plain {
    char text[LONGEST + 8];
    uint16_t places[LONGEST + 8]; /* the key of three bytes from each on, and what it is */
    size_t n;
    bool words;
};

/* The closing mark of a quotation that opens here, "" for one that is its own; NULL: none opens. */
static const char *closing_mark(const char *text, size_t n)
{
    static const char *const pairs[][2] = {{"“", "”"},   {"„", "“"},   {"«", "»"},
                                           {"「", "」"}, {"『", "』"}, {"\"", "\""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t m = strlen(pairs[i][0]);
        if (m <= n && memcmp(text, pairs[i][0], m) == 0)
            return pairs[i][1];
    }
    return NULL;
}

/* Bytes of a quotation at the beginning of the text, its marks included; it may run to the end of
 * the sentence where a blank stands before it (`opens`) or its mark can do nothing but open; 0:
 * none. */
static size_t quotation(const char *text, size_t n, bool opens)
{
    const char *mark = closing_mark(text, n);
    if (mark == NULL)
        return 0;
    size_t m = strlen(mark);
    for (size_t i = 1; i + m <= n; i++)
        if (memcmp(text + i, mark, m) == 0)
            return i + m;
    bool only_opens = strcmp(mark, "”") == 0 || strcmp(mark, "」") == 0 || strcmp(mark, "』") == 0;
    return (opens || only_opens) && n > 1 && text[1] != ' ' ? n : 0;
}

/* A sign as it is compared; 0: not at all. */
static uint32_t folded(uint32_t cp)
{
    if (cp == 0x2019 || cp == 0x2018)
        return '\'';
    if (cp == 0xa0 || cp == 0x202f) /* no-break spaces */
        return ' ';
    if (cp < 0x0600 || cp > 0x06ff)
        return sc_lower(cp);
    if ((cp >= 0x064b && cp <= 0x0652) || cp == 0x0670 || cp == 0x0640)
        return 0; /* vowel signs, tatweel */
    if (cp == 0x0622 || cp == 0x0623 || cp == 0x0625 || cp == 0x0671)
        return 0x0627;
    return cp == 0x0649 ? 0x064a : cp == 0x0629 ? 0x0647 : cp;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Whether a mark that is no letter ends before byte i: "¿", "¡", a no-break space, "—" ... */
static bool after_mark(const struct plain *s, size_t i)
{
    return (i >= 2 && s->text[i - 2] == '\xc2') ||
           (i >= 3 && s->text[i - 3] == '\xe2' && s->text[i - 2] == '\x80');
}

static void note_places(struct plain *s)
{
    bool word_before = false;
    for (size_t i = 0; i <= s->n; i++) {
        unsigned place = key_of_first(s->text + i);
        bool word = is_word_byte(s->text[i]);
        if (s->words && word && word_before && !after_mark(s, i))
            place |= IN_WORD;
        if (((unsigned char)s->text[i] & 0xc0) == 0x80)
            place |= IN_SIGN;
        s->places[i] = (uint16_t)place;
        word_before = word;
    }
}

static void read_plain(const char *text, size_t n, enum sc_language language, struct plain *out)
{
    out->n = 0;
    out->words = forms_of[language]->words;
    for (size_t i = 0; i < n && out->n < LONGEST;) {
        unsigned char byte = (unsigned char)text[i];
        size_t quoted = byte == '"' || byte == 0xc2 || byte == 0xe2 || byte == 0xe3
                            ? quotation(text + i, n - i, i > 0 && text[i - 1] == ' ')
                            : 0;
        if (quoted > 0) {
            for (size_t j = 0; j < quoted && out->n < LONGEST; j += 3)
                out->text[out->n++] = QUOTED;
            i += quoted;
            continue;
        }
        if (byte < 0x80) {
            i++;
            bool blank = byte == '\n' || byte == '\t' || byte == ' ';
            if (byte == '*' || byte == '_' || byte == '\r')
                continue; /* emphasis */
            if (blank && (out->n == 0 || out->text[out->n - 1] == ' '))
                continue;
            out->text[out->n++] = blank                        ? ' '
                                  : byte >= 'A' && byte <= 'Z' ? (char)(byte + 32)
                                                               : (char)byte;
            continue;
        }
        uint32_t read;
        size_t bytes = sc_utf8_decode(text + i, n - i, &read);
        const char *sign = text + i;
        i += bytes > 0 ? bytes : 1;
        if (bytes == 0)
            continue;
        uint32_t cp = folded(read);
        if (cp == 0)
            continue;
        if (language == SC_CHINESE)
            cp = sc_simplified_sign(cp);
        if (cp == read) {
            for (size_t k = 0; k < bytes; k++)
                out->text[out->n++] = sign[k];
            continue;
        }
        char encoded[4];
        size_t m = sc_utf8_encode(cp, encoded);
        memcpy(out->text + out->n, encoded, m);
        out->n += m;
    }
    memset(out->text + out->n, 0, 4);
    note_places(out);
}

/* Whether nothing but marks and blanks follows byte i. */
static bool ends_sentence(const struct plain *s, size_t i)
{
    while (i < s->n) {
        uint32_t cp;
        size_t bytes = sc_utf8_decode(s->text + i, s->n - i, &cp);
        utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
        if (bytes == 0 || (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO))
            return false;
        i += bytes;
    }
    return true;
}

/* Of an alternative whose first bytes stand at byte i. */
static bool matches(const struct plain *s, size_t i, const struct alternative *a)
{
    if (a->n > s->n - i || (a->n > 4 && memcmp(s->text + i + 4, a->text + 4, a->n - 4u) != 0))
        return false;
    if (a->begins && i > 0 && !(s->words && i == 2 && after_mark(s, i)))
        return false;
    if (!a->anywhere && (s->places[i] & IN_WORD))
        return false;
    if (!a->ends)
        return true;
    return s->words ? !is_word_byte(s->text[i + a->n]) : ends_sentence(s, i + a->n);
}

/* Whether an alternative of the list may match at byte i. */
static bool may_match(const struct plain *s, size_t i, const struct list *list)
{
    unsigned place = s->places[i];
    if ((place & IN_WORD) && !list->anywhere)
        return false;
    return has_bit(list->threes, hash_of_key(place & KEY)) ||
           has_bit(list->bytes, (unsigned char)s->text[i]);
}

/* The first of the chain that matches at byte i, or 0; those from `before` on do not count. */
static uint16_t match_chain(const struct plain *s, size_t i, const struct list *list,
                            uint16_t chain, uint16_t before)
{
    uint32_t head = head_of(s->text + i, 4);
    while (chain != 0 && chain < before) {
        const struct alternative *a = &alternatives[list->first + chain - 1];
        if ((head & a->mask) == a->head && matches(s, i, a))
            return chain;
        chain = a->next;
    }
    return 0;
}

/* Where the first alternative of the list that matches at byte i ends, or 0. */
static size_t match_list(const struct plain *s, size_t i, const struct list *list)
{
    if (!may_match(s, i, list))
        return 0;
    unsigned char hash = hash_of_key(s->places[i] & KEY);
    uint16_t found = 0;
    if (has_bit(list->threes, hash))
        found = match_chain(s, i, list, *chain_of(list, hash), UINT16_MAX);
    uint16_t other = match_chain(s, i, list, list->shorts, found > 0 ? found : UINT16_MAX);
    found = other > 0 ? other : found;
    return found > 0 ? i + alternatives[list->first + found - 1].n : 0;
}

/* Whether a mark that divides clauses stands at byte i. */
static bool divides_clauses(const struct plain *s, size_t i)
{
    static const char *const marks[] = {"，", "；", "：", "،", "؛", "—", "–"};
    char c = s->text[i];
    if ((unsigned char)c < 0x80)
        return c == ',' || c == ';' || c == ':';
    if (c != '\xef' && c != '\xd8' && c != '\xe2')
        return false;
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
        if (strncmp(s->text + i, marks[m], strlen(marks[m])) == 0)
            return true;
    return false;
}

/* The end of the first match in [from, from + gap], or 0; with "~" within the clause. */
static size_t find_list(const struct plain *s, size_t from, size_t gap, const struct list *list)
{
    for (size_t i = from; i < s->n && i <= from + gap; i++) {
        if (s->places[i] & IN_SIGN)
            continue;
        if (list->clause && divides_clauses(s, i))
            return 0;
        size_t end = may_match(s, i, list) ? match_list(s, i, list) : 0;
        if (end > 0)
            return end;
    }
    return 0;
}

/* Whether the parts of the form follow one another from byte i on. */
static bool parts_match(const struct plain *s, size_t i, const struct sc_form *form,
                        const struct list *parts)
{
    size_t gap = form->gap > 0 ? form->gap : GAP_BYTES;
    size_t end = match_list(s, i, &parts[0]);
    for (size_t p = 1; p < SC_FORM_PARTS && form->parts[p] != NULL && end > 0; p++) {
        if (!parts[p].absent)
            end = find_list(s, end, gap, &parts[p]);
        else if (match_list(s, end, &parts[p]) > 0)
            end = 0;
    }
    return end > 0;
}

static bool takes_back(const struct plain *s, const struct sc_form *form, const struct list *parts)
{
    return form->unless != NULL && find_list(s, 0, s->n, &parts[UNLESS]) > 0;
}

/* The forms, those that are done aside, that can begin at byte i; false: none. */
static bool find_candidates(const struct plain *s, size_t i, const struct beginnings *keys,
                            const uint64_t done[SETS], uint64_t out[SETS])
{
    unsigned place = s->places[i];
    const uint64_t *by_three = keys->by_three[place & KEY], *by_two = NULL;
    if (has_bit(keys->twos, (unsigned char)s->text[i]))
        by_two = keys->by_two[key_of(head_of(s->text + i, 2))];
    uint64_t any = 0;
    for (size_t set = 0; set < SETS; set++) {
        out[set] = by_three[set] | (by_two != NULL ? by_two[set] : 0);
        out[set] &= ~done[set] & (place & IN_WORD ? keys->anywhere[set] : UINT64_MAX);
        any |= out[set];
    }
    return any != 0;
}

/* The kinds of all forms of a table that match; words of norms are counted in *n_norms. */
static unsigned match_forms(const struct plain *s, enum sc_language language, size_t table,
                            const struct sc_form *forms, size_t *n_norms)
{
    const struct beginnings *keys = &beginnings[language][table];
    unsigned kinds = 0;
    uint64_t done[SETS] = {0};
    for (size_t i = 0; i + 1 < s->n; i++) {
        if ((s->places[i] & IN_SIGN) || s->text[i] == ' ')
            continue;
        uint64_t candidates[SETS];
        if (!find_candidates(s, i, keys, done, candidates))
            continue;
        for (size_t set = 0; set < SETS; set++) {
            for (uint64_t left = candidates[set]; left != 0; left &= left - 1) {
                size_t bit = (size_t)__builtin_ctzll(left), f = 64 * set + bit;
                if (f == NORMS) {
                    *n_norms += match_list(s, i, &norms_of[language]) > 0;
                } else if (parts_match(s, i, &forms[f], lists[language][table][f])) {
                    /* what takes it back does so wherever it begins */
                    if (!takes_back(s, &forms[f], lists[language][table][f]))
                        kinds |= forms[f].kinds;
                    done[set] |= UINT64_C(1) << bit;
                }
            }
        }
    }
    return kinds;
}

/* Bytes of a quotation mark at the beginning of the text: it closes what the sentence before
 * opened, whose stop stands before it. */
static size_t closing_after(const char *text)
{
    static const char *const marks[] = {"”", "“", "»", "«", "\""};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(text, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 0;
}

/* Whether a dash opens the line, as before what a person in a story says. */
static bool is_dialogue(const char *text, size_t begin)
{
    while (begin > 0 && text[begin - 1] == ' ')
        begin--;
    if (begin < 3 || memcmp(text + begin - 3, "—", 3) != 0)
        return false;
    begin -= 3;
    while (begin > 0 && text[begin - 1] == ' ')
        begin--;
    return begin == 0 || text[begin - 1] == '\n';
}

unsigned sc_form_kinds(enum sc_language language, const char *text, const struct sentence *sentence,
                       size_t *n_norms)
{
    *n_norms = 0;
    const struct sc_forms *forms = forms_of[language];
    if (forms == NULL)
        return 0;
    pthread_once(&filled, fill);
    struct plain plain;
    size_t n = sentence->end - sentence->begin + closing_after(text + sentence->end);
    read_plain(text + sentence->begin, n, language, &plain);
    unsigned kinds = match_forms(&plain, language, 0, forms->answer, n_norms);
    if (sentence->question && sentence->n_words < 30)
        kinds |= KIND_ASKING;
    if (*n_norms >= 2)
        kinds |= KIND_NORM;
    if (sentence->quoted || is_dialogue(text, sentence->begin))
        kinds &= ~(unsigned)(KIND_LEAD | KIND_DENY | KIND_ROLE | KIND_SORRY | KIND_LIMIT);
    return kinds;
}

void sc_form_traits(enum sc_language language, const char *prompt, struct prompt_traits *out)
{
    const struct sc_forms *forms = forms_of[language];
    if (forms == NULL)
        return;
    pthread_once(&filled, fill);
    struct plain plain;
    size_t n_norms = 0;
    read_plain(prompt, strlen(prompt), language, &plain);
    unsigned traits = match_forms(&plain, language, 1, forms->prompt, &n_norms);
    out->why |= (traits & TRAIT_WHY) != 0;
    out->negated |= (traits & TRAIT_NEGATED) != 0;
    out->yes_or_no |= (traits & TRAIT_YES_OR_NO) != 0;
    out->writing |= (traits & TRAIT_WRITING) != 0;
    out->method |= (traits & TRAIT_METHOD) != 0;
    out->prevents |= (traits & TRAIT_PREVENTS) != 0;
    out->factual |= (traits & TRAIT_FACTUAL) != 0;
    out->itself |= (traits & TRAIT_ITSELF) != 0;
    out->advice |= (traits & TRAIT_ADVICE) != 0;
    unsigned told = 0; /* where no form names harm, any prompt may be about it */
    for (size_t f = 0; f < forms->n_prompt; f++)
        told |= forms->prompt[f].kinds;
    out->harmful |= (traits & TRAIT_HARMFUL) || !(told & TRAIT_HARMFUL);
    out->argues |= (traits & TRAIT_ARGUES) != 0;
    out->seeks_harm |= (traits & TRAIT_SEEKS_HARM) != 0;
    out->letter |= (traits & TRAIT_DECLINES) != 0;
    for (size_t f = 0; f < forms->n_prompt; f++)
        out->seeks_none |= !out->seeks_harm && (forms->prompt[f].kinds & TRAIT_SEEKS_HARM);
    out->about_norms |= n_norms > 1;
}
