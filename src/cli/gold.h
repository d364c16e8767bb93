/* People's labels beside verdicts, for detect: what they say, and how far both agree. */
#ifndef SC_CLI_GOLD_H
#define SC_CLI_GOLD_H

#include "benchmark/labels.h"
#include "cli/cli.h"

/* Begins with the column's name and the options' values; the rest as zeros.  Texts are borrowed. */
struct gold {
    const char *column;
    const struct cli_list *refusal, *compliance; /* values that the options give */
    bool matched[2][CLI_MOST_VALUES];            /* [refusal, compliance] a row has it */
    size_t table[3][3];                          /* [gold][said]: refusal, partial, compliance */
    size_t n_unknown;                            /* rows whose label says none of the three */
    struct label_values seen, misread;
};

void cli_gold_count(struct gold *gold, const char *label, enum sc_verdict said);
/* Refused: values of options that no row has. */
enum sc_status cli_gold_check(const struct gold *gold, struct sc_error *error);
/* Precision, recall, F1 and the table; what was not understood, and a note where labels and
 * verdicts disagree so much that the column may say something else. */
void cli_gold_report(const struct gold *gold, struct sc_text *out);

#endif
