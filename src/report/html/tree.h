/*
 * A tree of answers on a page, sampled or explored.  On a page without scripts (still.h):
 * sc_html_tree, a picture and lists.  On one with scripts src/report/page/tree.js draws it from
 * data that stand in the page's JSON.
 *
 * A page that draws trees puts sc_embedded_tree_js before its own script, into the same element,
 * and calls safeconfTree(data, texts), which returns an element: data as sc_html_put_tree wrote it;
 * texts: where the data do not hold them, the whole texts of the answers by their numbers.  What it
 * looks like is in page.css.
 */
#ifndef SC_REPORT_HTML_TREE_H
#define SC_REPORT_HTML_TREE_H

#include "base/json_writer.h"
#include "tree/decided.h"

/* Where the texts of a tree's answers stand in the page already. */
struct sc_tree_texts {
    const struct sc_tree_answer *answers; /* that it was built from */
    const size_t *numbers;                /* of each: its number in the page */
};

/* An object under `key`: {"exact", "nodes": [[parent, depth, mass, refused, complied, n_below,
 * probability, text or [number, begin, end] in UTF-16 units, ended]], "left": [[tokens, share]],
 * "forks": [[node, other, refusing, otherwise, low, high]]}.  Masses of a sampled tree are counts
 * of traces.  Branches below `least` of all mass are summed at their parent: one node, whose
 * n_below is their number and whose text is null; n_below of others is 0.  decided, texts: may be
 * NULL. */
void sc_html_put_tree(struct sc_json_writer *out, const char *key, const struct sc_tree *tree,
                      double least, const struct sc_decided *decided,
                      const struct sc_tree_texts *texts);

/* Without scripts: a picture of the branches from `least` of all mass on that are high enough to be
 * seen, and the same as lists, folded.  Escaped; not known: masses of which no end is known. */
void sc_html_tree(struct sc_text *out, const struct sc_tree *tree, double least);
/* As nested lists, of branches from `least` of all mass on, at most 200; escaped. */
void sc_html_tree_list(struct sc_text *out, const struct sc_tree *tree, double least);

/* What a node adds to the text, or in parentheses why that is nothing; not escaped. */
const char *sc_html_tree_words(const struct sc_tree *tree, size_t node);

#endif
