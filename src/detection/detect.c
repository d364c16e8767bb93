/*
 * The verdict on an answer: refusal, partial, compliance or empty.
 *
 * The answer is read sentence by sentence (sentences.c), each sentence gets kinds (languages/),
 * which add up to an outline (outline.c), and ordered rules decide from that (rules.c).  Nothing is
 * allocated, so nothing can fail.  Limits and measurements: docs/DETECTION.md.
 */
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"
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

void sc_detect_refusal(const char *prompt, const char *answer, struct sc_detection *out)
{
    sc_detect_refusal_with(NULL, prompt, answer, out);
}

void sc_detect_refusal_with(struct sc_user_rules *user, const char *prompt, const char *answer,
                            struct sc_detection *out)
{
    size_t n = answer != NULL ? strlen(answer) : 0;
    if (is_empty(answer, n)) {
        *out = (struct sc_detection){.verdict = SC_EMPTY, .rule = "empty", .clear = true};
        return;
    }
    if (sc_user_rules_decide(user, answer, n, out))
        return;
    struct prompt_traits traits;
    sc_prompt_read(prompt, &traits);
    traits.letter = is_letter(answer, n);
    traits.writing |= traits.letter;
    struct outline outline;
    sc_outline_read(&outline, answer, n, &traits);
    size_t next = 0;
    do
        sc_rules_apply(&outline, &traits, &next, out);
    while (sc_user_rules_disable(user, out->rule));
    out->clear =
        outline.n_sentences < MAX_SENTENCES && sc_outline_is_clear(&outline, &traits, out->verdict);
}
