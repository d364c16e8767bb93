/* What the files that parse share: the state, tokens, and expressions for statements. */
#ifndef SC_JINJA_PARSER_H
#define SC_JINJA_PARSER_H

#include "jinja/lexer.h"
#include "jinja/tree.h"

#define SYMBOL_BUCKETS 1024
#define MAX_ARGUMENTS 256

struct parser {
    struct sc_jinja *template;
    struct run *run; /* memory, depth and error */
    const struct builtins *builtins;
    struct lexer lexer;
    struct token now, next;
    struct symbol *buckets[SYMBOL_BUCKETS];
    struct signature *signature; /* of the innermost macro or call block */
    size_t n_loops;              /* around what is parsed, within that macro */
};

enum sc_status sc_jinja_advance(struct parser *p);
bool sc_jinja_is_name(const struct token *token, const char *name);
bool sc_jinja_at_name(const struct parser *p, const char *name);
bool sc_jinja_at_operator(const struct parser *p, const char *op);
/* Steps over a name or operator where it is the present token. */
enum sc_status sc_jinja_skip_name(struct parser *p, const char *name, bool *skipped);
enum sc_status sc_jinja_skip_operator(struct parser *p, const char *op, bool *skipped);
enum sc_status sc_jinja_expect_operator(struct parser *p, const char *op);
/* "expected X, found Y" at the present token. */
enum sc_status sc_jinja_unexpected(struct parser *p, const char *expected);

enum sc_status sc_jinja_node(struct parser *p, enum node_kind kind, int line, struct node **out);
/* The symbol of the present token, a name, which is stepped over. */
enum sc_status sc_jinja_take_symbol(struct parser *p, struct symbol **out);
enum sc_status sc_jinja_symbol(struct parser *p, const char *name, size_t n, struct symbol **out);
enum sc_status sc_jinja_name_string(struct parser *p, const struct token *token,
                                    const struct string **out);

enum sc_status sc_jinja_expression(struct parser *p, struct node **out);
/* One expression, or a tuple without brackets; `conditional`: whether "a if b" may stand there. */
enum sc_status sc_jinja_tuple(struct parser *p, bool conditional, struct node **out);
/* Filters "| a | b(c)" on a node, which may be NULL; `at_name`: the first "|" is left out. */
enum sc_status sc_jinja_filters(struct parser *p, struct node *left, bool at_name,
                                struct node **out);

#endif
