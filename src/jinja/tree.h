/* The tree that a template is parsed to, and what a parsed template holds. */
#ifndef SC_JINJA_TREE_H
#define SC_JINJA_TREE_H

#include "jinja/run.h"

enum node_kind {
    /* expressions */
    NODE_CONSTANT,         /* value */
    NODE_NAME,             /* symbol */
    NODE_LIST,             /* items */
    NODE_TUPLE,            /* items */
    NODE_DICT,             /* items: key, value, key, value ... */
    NODE_NOT,              /* left */
    NODE_NEGATIVE,         /* left */
    NODE_POSITIVE,         /* left */
    NODE_AND,              /* left, right */
    NODE_OR,               /* left, right */
    NODE_BINARY,           /* op: left, right */
    NODE_COMPARE,          /* left, then items: NODE_OPERAND */
    NODE_OPERAND,          /* op: left */
    NODE_CONCAT,           /* items */
    NODE_CONDITION,        /* left if test else right, which may be NULL */
    NODE_ATTRIBUTE,        /* left . value */
    NODE_ITEM,             /* left [right] */
    NODE_SLICE,            /* left [items: three, NODE_CONSTANT none where left out] */
    NODE_CALL,             /* left (arguments) */
    NODE_FILTER,           /* left | builtin (arguments); left NULL: of a block's text */
    NODE_TEST,             /* left is builtin (arguments) */
    NODE_ATTRIBUTE_TARGET, /* symbol . value, to be set */
    /* statements */
    NODE_TEXT,         /* value */
    NODE_PRINT,        /* left */
    NODE_IF,           /* test, body, otherwise */
    NODE_FOR,          /* left in right if test: body; otherwise */
    NODE_SET,          /* left = right */
    NODE_SET_BLOCK,    /* left = body through the filters `right`, which may be NULL */
    NODE_WITH,         /* items: target, value, target, value ...; body */
    NODE_MACRO,        /* symbol, signature, body */
    NODE_CALL_BLOCK,   /* left: NODE_CALL; signature, body */
    NODE_FILTER_BLOCK, /* right: filters; body */
    NODE_GENERATION,   /* body, with names of its own */
    NODE_BREAK,
    NODE_CONTINUE
};

enum operation {
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_FLOOR_DIVIDE,
    OP_MODULO,
    OP_POWER,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_AT_MOST,
    OP_GREATER,
    OP_AT_LEAST,
    OP_IN,
    OP_NOT_IN
};

/* A name that the template uses; one for each spelling. */
struct symbol {
    struct string name;
    const struct builtin *function; /* a built-in function of that name, or NULL */
    bool read, assigned, tested;    /* tested: "is defined" */
    int called_line;                /* where it is first called, 0 where it is not */
    size_t number;                  /* among the template's symbols */
    struct symbol *next, *next_in_bucket;
};

struct written_keyword {
    const struct string *name;
    struct node *value;
    struct written_keyword *next;
};
struct written_arguments {
    struct node *values; /* linked by next */
    size_t n;
    struct written_keyword *keywords;
    size_t n_keywords;
    struct node *star, *double_star; /* may be NULL */
};

struct parameter {
    struct symbol *symbol;
    struct node *fallback; /* may be NULL */
    struct parameter *next;
};
struct signature {
    struct parameter *parameters;
    size_t n;
    bool reads_caller, reads_varargs, reads_kwargs;
    struct signature *outer; /* while parsing */
};

struct node {
    uint8_t kind, op;
    bool recursive; /* of a loop */
    bool chained;   /* an "elif": one NODE_IF alone */
    int line;
    struct node *next;
    struct symbol *symbol;
    struct node *left, *right, *test, *items, *body, *otherwise;
    union {
        const struct builtin *builtin;
        struct signature *signature;
    };
    struct written_arguments *arguments;
    struct value value;
};

struct sc_jinja {
    struct arena arena;
    struct node *body;
    struct symbol *symbols;
    size_t n_symbols;
    struct symbol *loop, *caller, *varargs, *kwargs;
};

/* Built-in things by name; NULL where there is none. */
struct builtins {
    const struct builtin *(*filter)(const char *name, size_t n);
    const struct builtin *(*test)(const char *name, size_t n);
    const struct builtin *(*function)(const char *name, size_t n);
};

/* Fills a template whose arena has its limit set; what it took is in the arena either way. */
enum sc_status sc_jinja_read(struct sc_jinja *template, const char *source, size_t n,
                             const struct builtins *builtins, struct sc_error *error);

#endif
