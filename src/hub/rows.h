/*
 * A data set's rows as the hub's interface for them gives them: pages of JSON, to be written as
 * lines.  Refused: pages that are not the next one, cells that were cut, a set of which only a part
 * can be had.  What stands in a cell is whoever reads the lines to judge.  Private to this room.
 */
#ifndef SC_HUB_ROWS_H
#define SC_HUB_ROWS_H

#include "base/text.h"

enum { SC_ROWS_A_PAGE = 100 };

#define SC_ROWS_MOST_BYTES ((size_t)8 << 20) /* of a page */
#define SC_ROWS_MOST ((uint64_t)1 << 20)     /* of a set */

/* What the pages of one set have in common; zeros before the first. */
struct sc_rows {
    uint64_t n_total; /* that the interface says there are; 0 before the first page */
    uint64_t n;       /* read so far */
    char *features;   /* of the first page, as JSON; sc_rows_free */
    struct sc_text lines;
};

/* Reads the page that begins at row rows->n (n bytes of text) and appends a line for each row: its
 * cells as an object in the order of the columns. */
enum sc_status sc_rows_add_page(struct sc_rows *rows, const char *text, size_t n,
                                struct sc_error *error);
void sc_rows_free(struct sc_rows *rows);

/* What an answer that is no page says is wrong, made visible, on one line; "" where it says
 * nothing.
 */
void sc_rows_complaint(const char *text, size_t n, char *out, size_t size);

#endif
