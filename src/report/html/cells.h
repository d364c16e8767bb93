/*
 * Cells, rows and words of the page's tables.  Figures are nodes of the run's document: a table is
 * a list of columns, and often of rows, that name them by their path.  Every name that comes from a
 * file or a model goes through sc_html_text; labels and heads are this program's own words and
 * HTML.
 */
#ifndef SC_REPORT_HTML_CELLS_H
#define SC_REPORT_HTML_CELLS_H

#include "analysis/document/document.h"
#include "base/text.h"

/* Escaped; NULL is nothing. */
void sc_html_text(struct sc_text *out, const char *untrusted);
/* Escaped and visible, in at most so many columns. */
void sc_html_name(struct sc_text *out, const char *untrusted, size_t columns);
/* Percent-encoded, so that any id is one value in the fragment of an address. */
void sc_html_fragment(struct sc_text *out, const char *untrusted);
/* An estimate with its interval, in percent, in running text. */
void sc_html_percent(struct sc_text *out, const struct sc_node *from, const char *path);
/* What is to be said behind the name of a confidence: " (of 5 processed log-probabilities)", or
 * nothing. */
void sc_html_basis(struct sc_text *out, const struct sc_node *root);
/* The same as a sentence of a caption, or as a caption of its own. */
void sc_html_basis_sentence(struct sc_text *out, const struct sc_node *root);
void sc_html_basis_caption(struct sc_text *out, const struct sc_node *root);
const char *sc_html_harm_word(const struct sc_node *root); /* "harm" or "harm (proxy)" */

/* ---- forms: a figure as <td>; an estimate has its interval below it, or why there is none -----
 */

typedef void sc_html_form(struct sc_text *out, const struct sc_node *figure);

/* Estimates. */
sc_html_form sc_html_percent_cell;  /* of a share */
sc_html_form sc_html_points_cell;   /* of a difference of shares */
sc_html_form sc_html_percents_cell; /* of what is in percent already */
sc_html_form sc_html_2_digits_cell, sc_html_3_digits_cell;
sc_html_form sc_html_n_cell; /* its n alone */
/* Others. */
sc_html_form sc_html_count_cell;  /* ABSENT: "none" */
sc_html_form sc_html_tokens_cell; /* ABSENT: "not given" */
sc_html_form sc_html_p_cell;

/* ---- tables ---------------------------------------------------------------------------------- */

/* A list of columns ends with one that has no form. */
struct sc_html_column {
    const char *head, *head_proxy; /* head_proxy: without a judge; NULL: the same */
    const char *path;              /* below the row's node; NULL: that node itself */
    sc_html_form *form;
};
/* A list of rows ends with one that has no label. */
struct sc_html_row {
    const char *label, *path; /* path: of the row's node */
};

void sc_html_heads(struct sc_text *out, const struct sc_html_column *columns, bool proxy);
void sc_html_cells(struct sc_text *out, const struct sc_node *row,
                   const struct sc_html_column *columns);
void sc_html_rows(struct sc_text *out, const struct sc_node *from, const struct sc_html_row *rows,
                  const struct sc_html_column *columns);

#endif
