/* A condition as a tree, for the files that read and evaluate it. */
#ifndef SC_SUITE_CONDITION_TREE_H
#define SC_SUITE_CONDITION_TREE_H

#include "suite/condition.h"

enum sc_condition_kind {
    SC_IS_OR,
    SC_IS_AND,
    SC_IS_NOT,
    SC_IS_COMPARED, /* left OPERATOR right */
    SC_IS_FLAG      /* left alone */
};
enum sc_condition_operator {
    SC_LESS,
    SC_LESS_EQUAL,
    SC_MORE,
    SC_MORE_EQUAL,
    SC_EQUAL,
    SC_UNEQUAL,
    SC_EXCLUDES,
    SC_INCLUDES
};

/* A side of a comparison: a reference, a text or a number. */
struct sc_condition_side {
    size_t reference; /* SIZE_MAX: none */
    char *text;       /* owned; NULL: none */
    double number;
};

/* Positions of nodes; 0 is the first that was made. */
struct sc_condition_node {
    enum sc_condition_kind kind;
    size_t a, b; /* of OR and AND; of NOT: a */
    struct sc_condition_side left, right;
    enum sc_condition_operator operator;
};

struct sc_condition {
    struct sc_condition_node nodes[SC_CONDITION_MOST_NODES];           /* [n_nodes] */
    struct sc_condition_reference references[SC_CONDITION_MOST_NODES]; /* [n_references] */
    char *words[SC_CONDITION_MOST_NODES]; /* [n_references], owned: what the references point to */
    size_t n_nodes, n_references, root;
};

#endif
