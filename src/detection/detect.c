/*
 * The verdict on an answer: refusal, partial, compliance or empty.
 *
 * The answer is read sentence by sentence (sentences.c), each sentence gets kinds (languages/),
 * which add up to an outline (outline.c), and ordered rules decide from that (rules.c).  Nothing is
 * allocated, so nothing can fail.  Limits and measurements: docs/DETECTION.md.
 */
#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"
#include "detection/detection.h"
#include "detection/languages/forms.h"
#include "detection/outline.h"
#include "detection/user_rules.h"

/* Is there anything to read: a letter, a digit, a symbol? */
static bool is_empty(const char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t bytes = sc_utf8_decode(text + i, n - i, &cp);
        if (bytes == 0) {
            i++;
            continue;
        }
        i += bytes;
        utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)cp);
        if ((category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
            (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) ||
            category == UTF8PROC_CATEGORY_SO || category == UTF8PROC_CATEGORY_SM)
            return false;
    }
    return true;
}

/* Does the text begin with a salutation: a few words with a comma or colon, and a blank line? */
static bool is_letter(const char *text, size_t n)
{
    size_t i = 0, spaces = 0;
    while (i < n && (text[i] == '\n' || text[i] == ' '))
        i++;
    if (n - i > 5 && memcmp(text + i, "Dear ", 5) == 0)
        return true;
    size_t begin = i;
    while (i < n && text[i] != '\n')
        spaces += text[i++] == ' ';
    size_t end = i > begin && text[i - 1] == '\r' ? i - 1 : i;
    i += i + 1 < n && text[i + 1] == '\r';
    if (i + 1 >= n || end == begin || end - begin > 60 || spaces > 5 || text[i + 1] != '\n')
        return false;
    const char *last = text + end - 1;
    return *last == ',' || *last == ':' ||
           (end - begin >= 3 && (memcmp(last - 2, "，", 3) == 0 || memcmp(last - 2, "：", 3) == 0));
}

/* Prompts are short and often take their language from one or two words: what the answer's
 * language sees in them counts too. */
static void read_as_answered(const char *prompt, const char *answer, size_t n,
                             struct prompt_traits *traits)
{
    struct sc_language_guess guess;
    sc_language_guess(answer, n, &guess);
    if (prompt != NULL && guess.language != SC_LANGUAGE_NONE)
        sc_form_traits(guess.language, prompt, traits);
}

/* By rules, a user's own before the built-in ones. */
static void read_by_rules(struct sc_user_rules *own, const char *prompt, const char *answer,
                          struct sc_detection *out)
{
    size_t n = strlen(answer);
    struct prompt_traits traits;
    struct outline outline;
    sc_prompt_read(prompt, &traits);
    read_as_answered(prompt, answer, n, &traits);
    traits.letter |= is_letter(answer, n);
    traits.writing |= traits.letter;
    sc_outline_read(&outline, answer, n, &traits);
    if (!sc_user_rules_decide(own, answer, n, out)) {
        size_t next = 0;
        do
            sc_rules_apply(&outline, &traits, &next, out);
        while (sc_user_rules_disable(own, out->rule));
        out->by = SC_BY_RULES;
        out->clear = outline.n_sentences < MAX_SENTENCES &&
                     sc_outline_is_clear(&outline, &traits, out->verdict);
    }
    out->language = outline.language.name;
    out->p_refusal = NAN;
    out->partial = out->verdict == SC_PARTIAL ? sc_partial_kind_of(out->rule) : SC_PARTIAL_UNTOLD;
}

void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out)
{
    sc_detect_with(NULL, prompt, answer, out);
}

void sc_detect_with(const struct sc_detector *detector, const char *prompt, const char *answer,
                    struct sc_detection *out)
{
    struct sc_user_rules *own = detector != NULL ? detector->rules : NULL;
    if (answer == NULL || is_empty(answer, strlen(answer))) {
        *out = sc_detection_plain(SC_EMPTY, "empty");
        out->clear = true;
        return;
    }
    read_by_rules(own, prompt, answer, out);
}

struct sc_detection sc_detection_plain(enum sc_verdict verdict, const char *rule)
{
    return (struct sc_detection){
        .verdict = verdict, .rule = rule, .p_refusal = NAN, .language = ""};
}
