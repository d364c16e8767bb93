/* The answers that an exploration found, as a tree: built from them, and as it stands in a line. */
#ifndef SC_RISK_TREE_H
#define SC_RISK_TREE_H

#include "base/json.h"
#include "base/json_writer.h"
#include "risk/line.h"
#include "tree/decided.h"

/* What is not known behind a branch stands there as a leaf that does not end. */
enum sc_status sc_risk_build_tree(const struct sc_risk_line *line, struct sc_tree *out,
                                  struct sc_error *error);

/* Its heaviest nodes, some 300, and sums of the others, as pages draw them (report/html/tree.h). */
void sc_risk_put_tree(struct sc_json_writer *out, const char *key, const struct sc_tree *tree,
                      const struct sc_decided *decided);
/* What stands in a line, without these sums; it borrows the line's texts; sc_tree_free.
 * SC_ERR_FORMAT: there is no tree in it. */
enum sc_status sc_risk_take_tree(const json_t *line, struct sc_tree *out, struct sc_error *error);

#endif
