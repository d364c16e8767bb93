/* See labels.h.  Refuses nothing: what is not understood is unknown, and never becomes safe. */
#include "benchmark/labels.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\n\v\f"
#define LONGEST_WORD 32

/* ASCII alone, whatever the locale. */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static char small(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == ' ';
}

/* The text without outer blanks; *n its length. */
static const char *trim(const char *text, size_t *n)
{
    text += strspn(text, BLANKS);
    *n = strlen(text);
    while (*n > 0 && strchr(BLANKS, text[*n - 1]) != NULL)
        (*n)--;
    return text;
}

bool sc_label_equal(const char *a, const char *b)
{
    size_t n, m;
    const char *x = trim(a, &n), *y = trim(b, &m);
    return n == m && strncasecmp(x, y, n) == 0;
}

bool sc_label_blank(const char *text)
{
    static const char *const missing[] = {"", "nan", "null", "n/a", "<na>"};
    for (size_t i = 0; text != NULL && i < sizeof missing / sizeof *missing; i++)
        if (sc_label_equal(text, missing[i]))
            return true;
    return text == NULL;
}

/* In small letters, without outer blanks and separators between letters: "Non-Toxic" is "nontoxic"
 * and "-1" stays.  False: longer than any word. */
static bool fold(const char *text, char out[LONGEST_WORD])
{
    size_t n, length = 0;
    const char *word = trim(text, &n);
    for (size_t i = 0; i < n; i++) {
        bool inner = i > 0 && i + 1 < n && is_letter(word[i - 1]) && is_letter(word[i + 1]);
        if (is_separator(word[i]) && inner)
            continue;
        if (length + 1 == LONGEST_WORD)
            return false;
        out[length++] = small(word[i]);
    }
    out[length] = '\0';
    return true;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* ---- names of columns ------------------------------------------------------------------------ */

/* The next part of "is_safe", "is safe", "isSafe" or "IS_SAFE", in small letters; NULL at the end.
 */
static const char *next_part(const char *name, char out[LONGEST_WORD])
{
    size_t length = 0;
    while (*name != '\0' && !is_letter(*name))
        name++;
    if (*name == '\0')
        return NULL;
    for (; is_letter(*name); name++) {
        bool begins = length > 0 && is_upper(*name) && !is_upper(name[-1]);
        if (begins)
            break;
        if (length + 1 < LONGEST_WORD)
            out[length++] = small(*name);
    }
    out[length] = '\0';
    return name;
}

enum label_sense sc_label_sense(const char *column)
{
    static const char *const safe[] = {"safe",       "issafe",    "harmless",    "isharmless",
                                       "benign",     "isbenign",  "innocuous",   "nontoxic",
                                       "nonharmful", "unharmful", "isinnocuous", NULL};
    static const char *const unsafe[] = {"unsafe", "isunsafe",  "harmful",
                                         "toxic",  "malicious", NULL};
    static const char *const not [] = {"not", "non", "isnot", "never", "no", NULL};
    assert(column != NULL);
    char part[LONGEST_WORD];
    bool says_safe = false, says_unsafe = false, says_safety = false, negated = false;
    for (const char *rest = column; (rest = next_part(rest, part)) != NULL;) {
        if (is_one_of(part, safe))
            *(negated ? &says_unsafe : &says_safe) = true;
        if (is_one_of(part, unsafe))
            *(negated ? &says_safe : &says_unsafe) = true;
        says_safety = says_safety || strcmp(part, "safety") == 0;
        negated = is_one_of(part, not );
    }
    if ((says_safe && says_unsafe) || (says_safety && !says_safe && !says_unsafe))
        return LABEL_TRUE_SAYS_NOTHING;
    return says_safe ? LABEL_TRUE_IS_SAFE : LABEL_TRUE_IS_UNSAFE;
}

bool sc_label_column_known(const char *column)
{
    static const char *const names[] = {"label",       "labels",      "issafe",
                                        "safe",        "isunsafe",    "unsafe",
                                        "harmful",     "isharmful",   "harmless",
                                        "isharmless",  "benign",      "isbenign",
                                        "malicious",   "ismalicious", "toxic",
                                        "istoxic",     "toxicity",    "promptharmlabel",
                                        "harmlabel",   "promptlabel", "promptsafety",
                                        "safetylabel", "groundtruth", "groundtruthlabel",
                                        NULL};
    char folded[LONGEST_WORD];
    assert(column != NULL);
    return fold(column, folded) && is_one_of(folded, names);
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* 1 for "1" and "1.0", 0 for "0" and "0.00", -1 for all else: a score such as 0.97 is no label. */
static int read_bit(const char *word)
{
    if (word[0] != '0' && word[0] != '1')
        return -1;
    const char *rest = word + 1;
    if (rest[0] == '.')
        rest += 1 + strspn(rest + 1, "0");
    return *rest == '\0' ? word[0] - '0' : -1;
}

/* What says nothing of safety by itself: 1 for yes, 0 for no, -1: neither. */
static int read_yes_or_no(const char *word)
{
    if (strcmp(word, "true") == 0 || strcmp(word, "yes") == 0)
        return 1;
    if (strcmp(word, "false") == 0 || strcmp(word, "no") == 0)
        return 0;
    return read_bit(word);
}

static enum sc_label read_word(const char *text, enum label_sense sense)
{
    static const char *const unsafe[] = {
        "unsafe",         "harmful",      "toxic",       "malicious",
        "jailbreak",      "jailbreaking", "adversarial", "adversarialharmful",
        "vanillaharmful", "attack",       "injection",   "hateful",
        "dangerous",      "unethical",    "notsafe",     "offensive",
        "disallowed",     "prohibited",   NULL};
    static const char *const safe[] = {"safe",         "harmless",          "unharmful",
                                       "benign",       "nontoxic",          "nottoxic",
                                       "nonharmful",   "notharmful",        "notunsafe",
                                       "innocuous",    "adversarialbenign", "vanillabenign",
                                       "nonmalicious", "notmalicious",      "legit",
                                       "legitimate",   "allowed",           NULL};
    char word[LONGEST_WORD];
    if (!fold(text, word))
        return SC_LABEL_UNKNOWN;
    int yes = read_yes_or_no(word);
    if (yes >= 0 && sense == LABEL_TRUE_SAYS_NOTHING)
        return SC_LABEL_UNKNOWN;
    if (yes >= 0)
        return (yes == 1) == (sense == LABEL_TRUE_IS_UNSAFE) ? SC_LABEL_UNSAFE : SC_LABEL_SAFE;
    if (is_one_of(word, unsafe))
        return SC_LABEL_UNSAFE;
    return is_one_of(word, safe) ? SC_LABEL_SAFE : SC_LABEL_UNKNOWN;
}

static bool is_given(const char *text, const char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sc_label_equal(text, values[i]))
            return true;
    return false;
}

enum sc_label sc_label_read(const char *text, enum label_sense sense,
                            const struct sc_benchmark_options *options)
{
    const struct sc_benchmark_options *o = options;
    if (sc_label_blank(text))
        return SC_LABEL_UNKNOWN;
    if (is_given(text, o->unsafe_values, o->n_unsafe_values))
        return SC_LABEL_UNSAFE;
    if (is_given(text, o->safe_values, o->n_safe_values))
        return SC_LABEL_SAFE;
    if (o->n_unsafe_values > 0 && o->n_safe_values > 0)
        return SC_LABEL_UNKNOWN;
    if (o->n_unsafe_values > 0)
        return SC_LABEL_SAFE;
    return o->n_safe_values > 0 ? SC_LABEL_UNSAFE : read_word(text, sense);
}

/* ---- values that were found ------------------------------------------------------------------ */

void sc_label_values_add(struct label_values *values, const char *text)
{
    for (size_t i = 0; i < values->n; i++)
        if (sc_label_equal(values->texts[i], text)) {
            values->counts[i]++;
            return;
        }
    if (values->n == LABEL_VALUES_KEPT) {
        values->n_beyond++;
        return;
    }
    values->texts[values->n] = text;
    values->counts[values->n++] = 1;
}

void sc_label_values_describe(const struct label_values *values, size_t most, struct sc_text *out)
{
    enum { SHOWN_BYTES = 40 };
    size_t n_others = values->n_beyond;
    for (size_t i = 0; i < values->n; i++) {
        if (i >= most) {
            n_others += values->counts[i];
            continue;
        }
        size_t n;
        const char *text = trim(values->texts[i], &n);
        size_t shown = n <= SHOWN_BYTES ? n : sc_utf8_valid(text, SHOWN_BYTES);
        sc_text_puts(out, i > 0 ? ", \"" : "\"");
        sc_text_add_visible(out, text, shown, false);
        sc_text_printf(out, "%s\" (%zu)", shown < n ? "..." : "", values->counts[i]);
    }
    if (n_others > 0)
        sc_text_printf(out, " and %zu row%s with other values", n_others, n_others == 1 ? "" : "s");
}
