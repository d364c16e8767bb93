/* See reading.h. */
#include "experiment/reading.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "vocabulary/reasoning.h"

const char *sc_prefill_answer(const char *prefill)
{
    if (prefill == NULL || sc_reasoning_length(prefill) == strlen(prefill))
        return "";
    return sc_after_reasoning(prefill);
}

enum sc_status sc_answer_whole(const char *prefill, const char *answer, char **whole,
                               struct sc_error *error)
{
    struct sc_text text = {0};
    sc_text_puts(&text, sc_prefill_answer(prefill));
    sc_text_puts(&text, answer);
    *whole = sc_text_take(&text);
    return *whole != NULL ? SC_OK : sc_fail_nomem(error, "an answer after its prefill");
}

/* From bytes of the whole to bytes of what follows the first n; what lies before is gone. */
static void move_back(size_t *begin, size_t *end, size_t n)
{
    *end = *end > n ? *end - n : 0;
    *begin = *end > 0 && *begin > n ? *begin - n : 0;
}

/* The verdict on a whole text; an error rather than one that lacks what a user's rule would find.
 */
static enum sc_status detect(const struct sc_detector *detector, const char *prompt,
                             const char *answer, struct sc_detection *out, struct sc_error *error)
{
    sc_detect_with(detector, prompt, answer, out);
    return detector != NULL && sc_user_rules_ran_out(detector->rules)
               ? sc_fail_nomem(error, "reading an answer")
               : SC_OK;
}

enum sc_status sc_answer_detect(const struct sc_detector *detector, const char *prompt,
                                const char *prefill, const char *answer, struct sc_detection *out,
                                struct sc_error *error)
{
    size_t n_prefill = strlen(sc_prefill_answer(prefill));
    char *whole = NULL;
    if (n_prefill == 0 || answer[strspn(answer, " \t\r\n")] == '\0')
        return detect(detector, prompt, answer, out, error);
    SC_TRY(sc_answer_whole(prefill, answer, &whole, error));
    enum sc_status status = detect(detector, prompt, whole, out, error);
    sc_free(whole);
    SC_TRY(status);
    move_back(&out->begin, &out->end, n_prefill);
    size_t n_pieces = 0;
    for (size_t i = 0; i < out->n_pieces; i++) {
        struct sc_piece piece = out->pieces[i];
        move_back(&piece.begin, &piece.end, n_prefill);
        if (piece.begin < piece.end)
            out->pieces[n_pieces++] = piece;
    }
    out->n_pieces = n_pieces;
    return SC_OK;
}
