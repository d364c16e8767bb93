/* Expressions, as Jinja2 reads them: the strongest operators bind first. */
#include <string.h>

#include "jinja/object.h"
#include "jinja/parser.h"

/* ---- what an expression is made of ---- */

static enum sc_status parse_condition(struct parser *p, struct node **out);
static enum sc_status parse_or(struct parser *p, struct node **out);
static enum sc_status parse_unary(struct parser *p, bool filters, struct node **out);

enum sc_status sc_jinja_expression(struct parser *p, struct node **out)
{
    return parse_condition(p, out);
}

static enum sc_status constant(struct parser *p, struct value value, struct node **out)
{
    SC_TRY(sc_jinja_node(p, NODE_CONSTANT, p->now.line, out));
    (*out)->value = value;
    return SC_OK;
}

/* Whether a macro reads the names that only macros have: all around it take part. */
static void note_read(struct parser *p, const struct symbol *symbol)
{
    for (struct signature *s = p->signature; s != NULL; s = s->outer) {
        s->reads_caller |= symbol == p->template->caller;
        s->reads_varargs |= symbol == p->template->varargs;
        s->reads_kwargs |= symbol == p->template->kwargs;
    }
}

static enum sc_status parse_name(struct parser *p, struct node **out)
{
    bool truth = sc_jinja_at_name(p, "true") || sc_jinja_at_name(p, "True");

    if (truth || sc_jinja_at_name(p, "false") || sc_jinja_at_name(p, "False")) {
        SC_TRY(constant(p, sc_jinja_bool(truth), out));
        return sc_jinja_advance(p);
    }
    if (sc_jinja_at_name(p, "none") || sc_jinja_at_name(p, "None")) {
        SC_TRY(constant(p, sc_jinja_none(), out));
        return sc_jinja_advance(p);
    }
    SC_TRY(sc_jinja_node(p, NODE_NAME, p->now.line, out));
    SC_TRY(sc_jinja_take_symbol(p, &(*out)->symbol));
    (*out)->symbol->read = true;
    note_read(p, (*out)->symbol);
    return SC_OK;
}

/* Texts side by side are one. */
static enum sc_status parse_strings(struct parser *p, struct node **out)
{
    struct builder b = sc_jinja_builder(p->run);

    SC_TRY(constant(p, p->now.value, out));
    SC_TRY(sc_jinja_advance(p));
    if (p->now.kind != TOKEN_STRING)
        return SC_OK;
    sc_jinja_add(&b, (*out)->value.string);
    for (; p->now.kind == TOKEN_STRING;) {
        sc_jinja_add(&b, p->now.value.string);
        SC_TRY(sc_jinja_advance(p));
    }
    return sc_jinja_built_value(&b, &(*out)->value);
}

/* Expressions with commas between them up to a bracket, which may follow a comma. */
static enum sc_status parse_list(struct parser *p, struct node **out)
{
    SC_TRY(sc_jinja_node(p, NODE_LIST, p->now.line, out));
    SC_TRY(sc_jinja_advance(p));
    for (struct node **last = &(*out)->items; !sc_jinja_at_operator(p, "]");
         last = &(*last)->next) {
        if (last != &(*out)->items) {
            SC_TRY(sc_jinja_expect_operator(p, ","));
            if (sc_jinja_at_operator(p, "]"))
                break;
        }
        SC_TRY(sc_jinja_expression(p, last));
    }
    return sc_jinja_expect_operator(p, "]");
}

static enum sc_status parse_dict(struct parser *p, struct node **out)
{
    SC_TRY(sc_jinja_node(p, NODE_DICT, p->now.line, out));
    SC_TRY(sc_jinja_advance(p));
    for (struct node **last = &(*out)->items; !sc_jinja_at_operator(p, "}");
         last = &(*last)->next) {
        if (last != &(*out)->items) {
            SC_TRY(sc_jinja_expect_operator(p, ","));
            if (sc_jinja_at_operator(p, "}"))
                break;
        }
        SC_TRY(sc_jinja_expression(p, last));
        SC_TRY(sc_jinja_expect_operator(p, ":"));
        last = &(*last)->next;
        SC_TRY(sc_jinja_expression(p, last));
    }
    return sc_jinja_expect_operator(p, "}");
}

static bool at_tuple_end(const struct parser *p, bool conditional)
{
    return p->now.kind == TOKEN_PRINT_END || p->now.kind == TOKEN_BLOCK_END ||
           sc_jinja_at_operator(p, ")") || (!conditional && sc_jinja_at_name(p, "recursive"));
}

/* Expressions with commas between them; `brackets`: none at all is the empty tuple. */
static enum sc_status parse_items(struct parser *p, bool conditional, bool brackets,
                                  struct node **out)
{
    struct node *tuple, **last;
    bool comma = false;

    SC_TRY(sc_jinja_node(p, NODE_TUPLE, p->now.line, &tuple));
    last = &tuple->items;
    while (!at_tuple_end(p, conditional)) {
        SC_TRY(conditional ? parse_condition(p, last) : parse_or(p, last));
        last = &(*last)->next;
        bool more;
        SC_TRY(sc_jinja_skip_operator(p, ",", &more));
        comma |= more;
        if (!more)
            break;
    }
    if (tuple->items == NULL && !brackets)
        return sc_jinja_unexpected(p, "an expression");
    *out = comma || tuple->items == NULL ? tuple : tuple->items;
    return SC_OK;
}

enum sc_status sc_jinja_tuple(struct parser *p, bool conditional, struct node **out)
{
    return parse_items(p, conditional, false, out);
}

static enum sc_status parse_primary(struct parser *p, struct node **out)
{
    switch (p->now.kind) {
    case TOKEN_NAME:
        return parse_name(p, out);
    case TOKEN_STRING:
        return parse_strings(p, out);
    case TOKEN_INTEGER:
    case TOKEN_FLOAT:
        SC_TRY(constant(p, p->now.value, out));
        return sc_jinja_advance(p);
    default:
        break;
    }
    if (sc_jinja_at_operator(p, "[")) {
        return parse_list(p, out);
    } else if (sc_jinja_at_operator(p, "{")) {
        return parse_dict(p, out);
    } else if (sc_jinja_at_operator(p, "(")) {
        SC_TRY(sc_jinja_advance(p));
        SC_TRY(parse_items(p, true, true, out));
        return sc_jinja_expect_operator(p, ")");
    }
    return sc_jinja_unexpected(p, "an expression");
}

/* ---- subscripts, calls, filters, tests ---- */

static bool at_slice_end(const struct parser *p)
{
    return sc_jinja_at_operator(p, "]") || sc_jinja_at_operator(p, ",");
}

/* One of the three parts of a slice; left out, it is a constant none. */
static enum sc_status slice_part(struct parser *p, struct node **out)
{
    if (sc_jinja_at_operator(p, ":") || at_slice_end(p))
        return constant(p, sc_jinja_none(), out);
    return sc_jinja_expression(p, out);
}

/* [a], or [a:b:c] where *slice. */
static enum sc_status parse_subscripted(struct parser *p, struct node **out, bool *slice)
{
    bool more;

    SC_TRY(slice_part(p, out));
    SC_TRY(sc_jinja_skip_operator(p, ":", slice));
    if (!*slice)
        return SC_OK;
    SC_TRY(slice_part(p, &(*out)->next));
    SC_TRY(sc_jinja_skip_operator(p, ":", &more));
    if (more)
        return slice_part(p, &(*out)->next->next);
    return constant(p, sc_jinja_none(), &(*out)->next->next);
}

static enum sc_status parse_brackets(struct parser *p, struct node *left, struct node **out)
{
    struct node *key;
    int line = p->now.line;
    bool slice, more;

    SC_TRY(sc_jinja_advance(p));
    if (at_slice_end(p))
        return sc_jinja_unexpected(p, "an expression");
    SC_TRY(parse_subscripted(p, &key, &slice));
    SC_TRY(sc_jinja_node(p, slice ? NODE_SLICE : NODE_ITEM, line, out));
    (*out)->left = left;
    if (slice)
        (*out)->items = key;
    else
        (*out)->right = key;
    if (!slice && sc_jinja_at_operator(p, ",")) {
        struct node *tuple, **last;
        SC_TRY(sc_jinja_node(p, NODE_TUPLE, line, &tuple));
        tuple->items = key;
        last = &key->next;
        for (;;) {
            SC_TRY(sc_jinja_skip_operator(p, ",", &more));
            if (!more)
                break;
            SC_TRY(sc_jinja_expression(p, last));
            last = &(*last)->next;
        }
        (*out)->right = tuple;
    }
    return sc_jinja_expect_operator(p, "]");
}

static enum sc_status parse_attribute(struct parser *p, struct node *left, struct node **out)
{
    const struct string *name;
    int line = p->now.line;

    SC_TRY(sc_jinja_advance(p));
    if (p->now.kind == TOKEN_INTEGER) {
        SC_TRY(sc_jinja_node(p, NODE_ITEM, line, out));
        (*out)->left = left;
        SC_TRY(constant(p, p->now.value, &(*out)->right));
        return sc_jinja_advance(p);
    }
    if (p->now.kind != TOKEN_NAME)
        return sc_jinja_unexpected(p, "a name or number");
    SC_TRY(sc_jinja_node(p, NODE_ATTRIBUTE, line, out));
    (*out)->left = left;
    SC_TRY(sc_jinja_name_string(p, &p->now, &name));
    (*out)->value = sc_jinja_string_value(name);
    return sc_jinja_advance(p);
}

static enum sc_status parse_keyword(struct parser *p, struct written_arguments *arguments)
{
    struct written_keyword *keyword = sc_jinja_take(p->run, sizeof *keyword), **last;

    if (keyword == NULL)
        return p->run->failed;
    *keyword = (struct written_keyword){0};
    SC_TRY(sc_jinja_name_string(p, &p->now, &keyword->name));
    for (last = &arguments->keywords; *last != NULL; last = &(*last)->next)
        if (sc_jinja_same((*last)->name, keyword->name))
            return sc_jinja_fail_at(p->run, p->now.line, "the argument \"%.*s\" is given twice",
                                    (int)(p->now.n < 60 ? p->now.n : 60), p->now.bytes);
    *last = keyword;
    arguments->n_keywords++;
    SC_TRY(sc_jinja_advance(p));
    SC_TRY(sc_jinja_advance(p));
    return sc_jinja_expression(p, &keyword->value);
}

static enum sc_status parse_argument(struct parser *p, struct written_arguments *arguments)
{
    bool late = arguments->double_star != NULL, is_star, is_double;
    struct node **last = &arguments->values;

    if (arguments->n + arguments->n_keywords == MAX_ARGUMENTS)
        return sc_jinja_fail_at(p->run, p->now.line, "more than %d arguments", MAX_ARGUMENTS);
    SC_TRY(sc_jinja_skip_operator(p, "*", &is_star));
    SC_TRY(sc_jinja_skip_operator(p, "**", &is_double));
    if (late || (is_star && arguments->star != NULL))
        return sc_jinja_fail_at(p->run, p->now.line, "an argument behind those of \"*\" or \"**\"");
    if (is_star)
        return sc_jinja_expression(p, &arguments->star);
    if (is_double)
        return sc_jinja_expression(p, &arguments->double_star);
    if (p->now.kind == TOKEN_NAME && p->next.kind == TOKEN_OPERATOR && p->next.op == '=')
        return parse_keyword(p, arguments);
    if (arguments->star != NULL || arguments->keywords != NULL)
        return sc_jinja_fail_at(p->run, p->now.line, "an argument without a name behind one with");
    while (*last != NULL)
        last = &(*last)->next;
    arguments->n++;
    return sc_jinja_expression(p, last);
}

static enum sc_status parse_arguments(struct parser *p, struct written_arguments **out)
{
    struct written_arguments *arguments = sc_jinja_take(p->run, sizeof *arguments);

    if (arguments == NULL)
        return p->run->failed;
    *arguments = (struct written_arguments){0};
    *out = arguments;
    SC_TRY(sc_jinja_expect_operator(p, "("));
    for (bool first = true; !sc_jinja_at_operator(p, ")"); first = false) {
        if (!first) {
            SC_TRY(sc_jinja_expect_operator(p, ","));
            if (sc_jinja_at_operator(p, ")"))
                break;
        }
        SC_TRY(parse_argument(p, arguments));
    }
    return sc_jinja_expect_operator(p, ")");
}

static enum sc_status parse_call(struct parser *p, struct node *left, struct node **out)
{
    SC_TRY(sc_jinja_node(p, NODE_CALL, p->now.line, out));
    (*out)->left = left;
    if (left->kind == NODE_NAME && left->symbol->called_line == 0)
        left->symbol->called_line = left->line;
    return parse_arguments(p, &(*out)->arguments);
}

static enum sc_status parse_postfix(struct parser *p, struct node *left, struct node **out)
{
    for (;; left = *out) {
        *out = left;
        if (sc_jinja_at_operator(p, "."))
            SC_TRY(parse_attribute(p, left, out));
        else if (sc_jinja_at_operator(p, "["))
            SC_TRY(parse_brackets(p, left, out));
        else if (sc_jinja_at_operator(p, "("))
            SC_TRY(parse_call(p, left, out));
        else
            return SC_OK;
    }
}

static enum sc_status unknown(struct parser *p, int line, const char *what, const char *name,
                              size_t n)
{
    return sc_fail(p->run->error, SC_ERR_UNSUPPORTED, "line %d: the %s \"%.*s\" is not known", line,
                   what, (int)(n < 60 ? n : 60), name);
}

/* The name of a filter or test that is an argument, where it is written there. */
static enum sc_status check_named(struct parser *p, const struct node *filter)
{
    const char *name = filter->builtin->name;
    const struct node *node = filter->arguments != NULL ? filter->arguments->values : NULL;
    bool by_attribute = strcmp(name, "selectattr") == 0 || strcmp(name, "rejectattr") == 0;
    bool tests = by_attribute || strcmp(name, "select") == 0 || strcmp(name, "reject") == 0;

    if (!tests && strcmp(name, "map") != 0)
        return SC_OK;
    if (by_attribute && node != NULL)
        node = node->next;
    if (node == NULL || node->kind != NODE_CONSTANT || node->value.kind != VALUE_STRING)
        return SC_OK;
    const struct string *s = node->value.string;
    if ((tests ? p->builtins->test : p->builtins->filter)(s->bytes, s->n) == NULL)
        return unknown(p, node->line, tests ? "test" : "filter", s->bytes, s->n);
    return SC_OK;
}

enum sc_status sc_jinja_filters(struct parser *p, struct node *left, bool at_name,
                                struct node **out)
{
    bool more = at_name;

    for (*out = left;; more = false) {
        if (!more)
            SC_TRY(sc_jinja_skip_operator(p, "|", &more));
        if (!more)
            return SC_OK;
        if (p->now.kind != TOKEN_NAME)
            return sc_jinja_unexpected(p, "the name of a filter");
        SC_TRY(sc_jinja_node(p, NODE_FILTER, p->now.line, out));
        (*out)->left = left;
        (*out)->builtin = p->builtins->filter(p->now.bytes, p->now.n);
        if ((*out)->builtin == NULL)
            return unknown(p, p->now.line, "filter", p->now.bytes, p->now.n);
        SC_TRY(sc_jinja_advance(p));
        if (sc_jinja_at_operator(p, "("))
            SC_TRY(parse_arguments(p, &(*out)->arguments));
        SC_TRY(check_named(p, *out));
        left = *out;
    }
}

/* The one argument of a test that stands without brackets. */
static enum sc_status bare_argument(struct parser *p, struct written_arguments **out)
{
    struct node *node;

    *out = sc_jinja_take(p->run, sizeof **out);
    if (*out == NULL)
        return p->run->failed;
    **out = (struct written_arguments){.n = 1};
    SC_TRY(parse_primary(p, &node));
    return parse_postfix(p, node, &(*out)->values);
}

static bool at_bare_argument(const struct parser *p)
{
    if (p->now.kind == TOKEN_NAME)
        return !sc_jinja_at_name(p, "else") && !sc_jinja_at_name(p, "or") &&
               !sc_jinja_at_name(p, "and");
    return p->now.kind == TOKEN_STRING || p->now.kind == TOKEN_INTEGER ||
           p->now.kind == TOKEN_FLOAT || sc_jinja_at_operator(p, "[") ||
           sc_jinja_at_operator(p, "{");
}

static enum sc_status parse_test(struct parser *p, struct node *left, struct node **out)
{
    struct node *test, *negated;
    bool is_not;

    SC_TRY(sc_jinja_advance(p));
    SC_TRY(sc_jinja_skip_name(p, "not", &is_not));
    if (p->now.kind != TOKEN_NAME)
        return sc_jinja_unexpected(p, "the name of a test");
    SC_TRY(sc_jinja_node(p, NODE_TEST, p->now.line, &test));
    test->left = left;
    test->builtin = p->builtins->test(p->now.bytes, p->now.n);
    if (test->builtin == NULL)
        return unknown(p, p->now.line, "test", p->now.bytes, p->now.n);
    if (left->kind == NODE_NAME &&
        (sc_jinja_at_name(p, "defined") || sc_jinja_at_name(p, "undefined")))
        left->symbol->tested = true;
    SC_TRY(sc_jinja_advance(p));
    if (sc_jinja_at_operator(p, "("))
        SC_TRY(parse_arguments(p, &test->arguments));
    else if (sc_jinja_at_name(p, "is"))
        return sc_jinja_fail_at(p->run, p->now.line, "tests with \"is\" cannot follow each other");
    else if (at_bare_argument(p))
        SC_TRY(bare_argument(p, &test->arguments));
    *out = test;
    if (is_not) {
        SC_TRY(sc_jinja_node(p, NODE_NOT, test->line, &negated));
        negated->left = test;
        *out = negated;
    }
    return SC_OK;
}

static enum sc_status parse_filters_and_tests(struct parser *p, struct node *left,
                                              struct node **out)
{
    for (;; left = *out) {
        *out = left;
        if (sc_jinja_at_operator(p, "|"))
            SC_TRY(sc_jinja_filters(p, left, false, out));
        else if (sc_jinja_at_name(p, "is"))
            SC_TRY(parse_test(p, left, out));
        else if (sc_jinja_at_operator(p, "("))
            SC_TRY(parse_call(p, left, out));
        else
            return SC_OK;
    }
}

/* ---- operators, the strongest first ---- */

static enum sc_status parse_unary(struct parser *p, bool filters, struct node **out)
{
    bool minus = sc_jinja_at_operator(p, "-");
    struct node *node;

    SC_TRY(sc_jinja_enter(p->run));
    if (minus || sc_jinja_at_operator(p, "+")) {
        SC_TRY(sc_jinja_node(p, minus ? NODE_NEGATIVE : NODE_POSITIVE, p->now.line, &node));
        SC_TRY(sc_jinja_advance(p));
        SC_TRY(parse_unary(p, false, &node->left));
    } else {
        SC_TRY(parse_primary(p, &node));
    }
    SC_TRY(parse_postfix(p, node, out));
    if (filters)
        SC_TRY(parse_filters_and_tests(p, *out, out));
    sc_jinja_leave(p->run);
    return SC_OK;
}

static enum sc_status binary(struct parser *p, enum node_kind kind, enum operation op,
                             struct node *left, struct node **out)
{
    SC_TRY(sc_jinja_node(p, kind, p->now.line, out));
    (*out)->op = (uint8_t)op;
    (*out)->left = left;
    return sc_jinja_advance(p);
}

static enum sc_status parse_power(struct parser *p, struct node **out)
{
    SC_TRY(parse_unary(p, true, out));
    while (sc_jinja_at_operator(p, "**")) {
        SC_TRY(binary(p, NODE_BINARY, OP_POWER, *out, out));
        SC_TRY(parse_unary(p, true, &(*out)->right));
    }
    return SC_OK;
}

struct operator_of {
    const char *text;
    enum operation op;
};

static const struct operator_of *find_operator(const struct parser *p,
                                               const struct operator_of *operators, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sc_jinja_at_operator(p, operators[i].text))
            return &operators[i];
    return NULL;
}

static enum sc_status parse_product(struct parser *p, struct node **out)
{
    static const struct operator_of operators[] = {
        {"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"//", OP_FLOOR_DIVIDE}, {"%", OP_MODULO}};
    const struct operator_of *found;

    SC_TRY(parse_power(p, out));
    while ((found = find_operator(p, operators, 4)) != NULL) {
        SC_TRY(binary(p, NODE_BINARY, found->op, *out, out));
        SC_TRY(parse_power(p, &(*out)->right));
    }
    return SC_OK;
}

static enum sc_status parse_concat(struct parser *p, struct node **out)
{
    struct node *concat, **last;
    bool more;

    SC_TRY(parse_product(p, out));
    if (!sc_jinja_at_operator(p, "~"))
        return SC_OK;
    SC_TRY(sc_jinja_node(p, NODE_CONCAT, p->now.line, &concat));
    concat->items = *out;
    last = &(*out)->next;
    for (;;) {
        SC_TRY(sc_jinja_skip_operator(p, "~", &more));
        if (!more)
            break;
        SC_TRY(parse_product(p, last));
        last = &(*last)->next;
    }
    *out = concat;
    return SC_OK;
}

static enum sc_status parse_sum(struct parser *p, struct node **out)
{
    static const struct operator_of operators[] = {{"+", OP_ADD}, {"-", OP_SUBTRACT}};
    const struct operator_of *found;

    SC_TRY(parse_concat(p, out));
    while ((found = find_operator(p, operators, 2)) != NULL) {
        SC_TRY(binary(p, NODE_BINARY, found->op, *out, out));
        SC_TRY(parse_concat(p, &(*out)->right));
    }
    return SC_OK;
}

/* The comparison at the present token, which is stepped over; *found false where there is none. */
static enum sc_status take_comparison(struct parser *p, enum operation *op, bool *found)
{
    static const struct operator_of operators[] = {{"==", OP_EQUAL},  {"!=", OP_UNEQUAL},
                                                   {"<", OP_LESS},    {"<=", OP_AT_MOST},
                                                   {">", OP_GREATER}, {">=", OP_AT_LEAST}};
    const struct operator_of *known = find_operator(p, operators, 6);

    *found = true;
    if (known != NULL) {
        *op = known->op;
        return sc_jinja_advance(p);
    }
    *op = OP_IN;
    if (sc_jinja_at_name(p, "in"))
        return sc_jinja_advance(p);
    *op = OP_NOT_IN;
    *found = sc_jinja_at_name(p, "not") && sc_jinja_is_name(&p->next, "in");
    if (!*found)
        return SC_OK;
    SC_TRY(sc_jinja_advance(p));
    return sc_jinja_advance(p);
}

static enum sc_status parse_comparison(struct parser *p, struct node **out)
{
    struct node *comparison = NULL, **last = NULL;
    enum operation op;
    bool found;

    SC_TRY(parse_sum(p, out));
    for (;;) {
        int line = p->now.line;
        SC_TRY(take_comparison(p, &op, &found));
        if (!found)
            break;
        if (comparison == NULL) {
            SC_TRY(sc_jinja_node(p, NODE_COMPARE, line, &comparison));
            comparison->left = *out;
            last = &comparison->items;
        }
        SC_TRY(sc_jinja_node(p, NODE_OPERAND, line, last));
        (*last)->op = (uint8_t)op;
        SC_TRY(parse_sum(p, &(*last)->left));
        last = &(*last)->next;
    }
    if (comparison != NULL)
        *out = comparison;
    return SC_OK;
}

static enum sc_status parse_not(struct parser *p, struct node **out)
{
    if (!sc_jinja_at_name(p, "not"))
        return parse_comparison(p, out);
    SC_TRY(sc_jinja_enter(p->run));
    SC_TRY(sc_jinja_node(p, NODE_NOT, p->now.line, out));
    SC_TRY(sc_jinja_advance(p));
    SC_TRY(parse_not(p, &(*out)->left));
    sc_jinja_leave(p->run);
    return SC_OK;
}

static enum sc_status parse_and(struct parser *p, struct node **out)
{
    SC_TRY(parse_not(p, out));
    while (sc_jinja_at_name(p, "and")) {
        SC_TRY(binary(p, NODE_AND, 0, *out, out));
        SC_TRY(parse_not(p, &(*out)->right));
    }
    return SC_OK;
}

static enum sc_status parse_or(struct parser *p, struct node **out)
{
    SC_TRY(parse_and(p, out));
    while (sc_jinja_at_name(p, "or")) {
        SC_TRY(binary(p, NODE_OR, 0, *out, out));
        SC_TRY(parse_and(p, &(*out)->right));
    }
    return SC_OK;
}

static enum sc_status parse_condition(struct parser *p, struct node **out)
{
    bool otherwise;

    SC_TRY(sc_jinja_enter(p->run));
    SC_TRY(parse_or(p, out));
    while (sc_jinja_at_name(p, "if")) {
        SC_TRY(binary(p, NODE_CONDITION, 0, *out, out));
        SC_TRY(parse_or(p, &(*out)->test));
        SC_TRY(sc_jinja_skip_name(p, "else", &otherwise));
        if (otherwise)
            SC_TRY(parse_condition(p, &(*out)->right));
    }
    sc_jinja_leave(p->run);
    return SC_OK;
}
