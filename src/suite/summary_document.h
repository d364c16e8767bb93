/* The document of a suite's summary and its forms, for the files of the summary. */
#ifndef SC_SUITE_SUMMARY_DOCUMENT_H
#define SC_SUITE_SUMMARY_DOCUMENT_H

#include "analysis/document/document.h"
#include "suite/summary.h"

/* What the rows borrow from. */
struct sc_summary_rows {
    json_t **analyses;  /* [n]: the figures of each run, or NULL */
    char **reasons;     /* [n]: why there are none, or NULL */
    double *p, *p_holm; /* [n] of the test within categories */
    size_t n, n_tests;
};
enum sc_status sc_summary_load(const struct sc_suite_summary *summary, struct sc_summary_rows *rows,
                               struct sc_error *error);
void sc_summary_rows_free(struct sc_summary_rows *rows);

enum sc_status sc_summary_document(const struct sc_suite_summary *summary,
                                   const struct sc_summary_rows *rows, struct sc_document *document,
                                   struct sc_error *error);

void sc_summary_terminal(const struct sc_document *document, size_t width, bool colour,
                         struct sc_text *out);
enum sc_status sc_summary_html(const struct sc_document *document, struct sc_text *out,
                               struct sc_error *error);

#endif
