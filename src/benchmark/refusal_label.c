/* See refusal_label.h.  What is not understood is no label, and never a compliance. */
#include "benchmark/refusal_label.h"

#include <string.h>

#include "benchmark/labels.h"

enum { LONGEST_LABEL = 64 };

bool sc_refusal_label_is_compliance(const char *column)
{
    return strcasestr(column, "compl") != NULL && strcasestr(column, "refus") == NULL &&
           strcasestr(column, "not") == NULL && strcasestr(column, "non") == NULL;
}

/* Words that say yes or no, alone: 1, 0, or -1. */
static int yes_or_no(const char *label)
{
    static const char *const yes[] = {"yes", "true", "1", "1.0"};
    static const char *const no[] = {"no", "false", "0", "0.0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (sc_label_equal(label, yes[i]))
            return 1;
        if (sc_label_equal(label, no[i]))
            return 0;
    }
    return -1;
}

int sc_refusal_label_read(const char *label, bool yes_is_compliance)
{
    static const struct {
        const char *word;
        int verdict;
    } words[] = {{"partial", SC_PARTIAL},      {"incompl", -1},
                 {"not compl", SC_REFUSAL},    {"non-compl", SC_REFUSAL},
                 {"noncompl", SC_REFUSAL},     {"not_compl", SC_REFUSAL},
                 {"compl", SC_COMPLIANCE},     {"not refus", SC_COMPLIANCE},
                 {"not_refus", SC_COMPLIANCE}, {"non-refus", SC_COMPLIANCE},
                 {"non_refus", SC_COMPLIANCE}, {"no refus", SC_COMPLIANCE},
                 {"no_refus", SC_COMPLIANCE},  {"refus", SC_REFUSAL}};
    int yes = yes_or_no(label);
    if (yes >= 0)
        return (yes == 1) != yes_is_compliance ? SC_REFUSAL : SC_COMPLIANCE;
    if (strlen(label) > LONGEST_LABEL)
        return -1; /* a sentence, whose words may say anything */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(label, words[i].word) != NULL)
            return words[i].verdict;
    return -1;
}
