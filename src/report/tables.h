/* Tables for papers: a run's figures as LaTeX (booktabs) and Markdown. */
#ifndef SC_REPORT_TABLES_H
#define SC_REPORT_TABLES_H

#include "analysis/document/document.h"
#include "base/text.h"

enum sc_paper_form { SC_PAPER_LATEX, SC_PAPER_MARKDOWN, SC_N_PAPER_FORMS };

enum sc_paper_table {
    SC_PAPER_SUMMARY,
    SC_PAPER_QUADRANTS,
    SC_PAPER_HYPOTHESIS,
    SC_PAPER_METRICS,
    SC_PAPER_CATEGORIES,
    SC_PAPER_POLICIES,
    SC_N_PAPER_TABLES
};

/* File name without its ending, "summary" ...; and ".tex" or ".md". */
const char *sc_paper_table_name(enum sc_paper_table table);
const char *sc_paper_ending(enum sc_paper_form form);

/* One table with its caption and a note that says n, model, benchmark and what harm rests on.  A
 * figure has its 95 % interval in brackets. */
void sc_paper_table_write(struct sc_text *out, enum sc_paper_table table, enum sc_paper_form form,
                          const struct sc_node *root);

/* A text as that form shows it, whatever it holds: control characters visible, nothing that is a
 * command, a comment, markup or the end of a cell.  It is one line. */
void sc_paper_text(struct sc_text *out, enum sc_paper_form form, const char *untrusted);

#endif
