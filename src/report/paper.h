/* A table in one of a paper's forms, row by row (tables.h says which tables there are). */
#ifndef SC_REPORT_PAPER_H
#define SC_REPORT_PAPER_H

#include "report/tables.h"

struct sc_paper {
    struct sc_text *out;
    enum sc_paper_form form;
    size_t n_columns, column; /* of the table that is open; those of the row that are written */
};

/* heads: as many as there are columns, then NULL.  name: a plain word. */
void sc_paper_begin(struct sc_paper *paper, const char *name, const char *caption,
                    const char *const *heads);
void sc_paper_cell(struct sc_paper *paper, const char *untrusted);
void sc_paper_end_row(struct sc_paper *paper); /* cells that were not written are empty */
void sc_paper_end(struct sc_paper *paper, const char *note);

#endif
