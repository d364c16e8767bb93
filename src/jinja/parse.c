/* Statements; a template as a whole.  Expressions: parse_expression.c. */
#include <string.h>

#include "base/text.h"
#include "jinja/parser.h"

static enum sc_status parse_body(struct parser *p, const char *const *ends, struct node **out);

static bool at_end_tag(const struct parser *p, const char *const *ends)
{
    for (; ends != NULL && *ends != NULL; ends++)
        if (sc_jinja_at_name(p, *ends))
            return true;
    return false;
}

static enum sc_status expect_kind(struct parser *p, enum token_kind kind, const char *expected)
{
    if (p->now.kind != kind)
        return sc_jinja_unexpected(p, expected);
    return sc_jinja_advance(p);
}

/* The body behind a tag up to one of the end tags, which is stepped over but for its name. */
static enum sc_status parse_block(struct parser *p, const char *const *ends, struct node **out)
{
    bool colon;
    int line = p->now.line;

    SC_TRY(sc_jinja_skip_operator(p, ":", &colon));
    SC_TRY(expect_kind(p, TOKEN_BLOCK_END, "\"%}\""));
    SC_TRY(parse_body(p, ends, out));
    if (p->now.kind == TOKEN_END)
        return sc_jinja_fail_at(p->run, line, "the block is not closed: \"%s\" is missing",
                                ends[1] != NULL ? ends[1] : ends[0]);
    return SC_OK;
}

/* The same where one tag alone may end it, stepped over. */
static enum sc_status parse_closed(struct parser *p, const char *end, struct node **out)
{
    const char *const ends[] = {end, NULL};

    SC_TRY(parse_block(p, ends, out));
    return sc_jinja_advance(p);
}

/* ---- what is assigned to ---- */

static enum sc_status parse_target(struct parser *p, bool attributes, struct node **out);

static enum sc_status parse_single_target(struct parser *p, bool attributes, struct node **out)
{
    static const char *const constants[] = {"true", "false", "none", "True", "False", "None", NULL};
    bool bracket;

    SC_TRY(sc_jinja_skip_operator(p, "(", &bracket));
    if (bracket) {
        SC_TRY(parse_target(p, false, out));
        return sc_jinja_expect_operator(p, ")");
    }
    if (p->now.kind != TOKEN_NAME || at_end_tag(p, constants))
        return sc_jinja_unexpected(p, "a name to assign to");
    SC_TRY(sc_jinja_node(p, NODE_NAME, p->now.line, out));
    SC_TRY(sc_jinja_take_symbol(p, &(*out)->symbol));
    if (attributes && sc_jinja_at_operator(p, ".")) {
        const struct string *name;
        SC_TRY(sc_jinja_advance(p));
        if (p->now.kind != TOKEN_NAME)
            return sc_jinja_unexpected(p, "a name");
        SC_TRY(sc_jinja_name_string(p, &p->now, &name));
        (*out)->kind = NODE_ATTRIBUTE_TARGET;
        (*out)->value = (struct value){.kind = VALUE_STRING, .string = name};
        (*out)->symbol->read = true;
        return sc_jinja_advance(p);
    }
    (*out)->symbol->assigned = true;
    return SC_OK;
}

/* A name, ns.attribute where `attributes`, or several with commas between them. */
static enum sc_status parse_target(struct parser *p, bool attributes, struct node **out)
{
    struct node *tuple, **last;
    bool comma;

    SC_TRY(sc_jinja_enter(p->run));
    SC_TRY(parse_single_target(p, attributes, out));
    if (sc_jinja_at_operator(p, ",")) {
        SC_TRY(sc_jinja_node(p, NODE_TUPLE, p->now.line, &tuple));
        tuple->items = *out;
        last = &(*out)->next;
        for (;;) {
            SC_TRY(sc_jinja_skip_operator(p, ",", &comma));
            if (!comma || p->now.kind == TOKEN_BLOCK_END || sc_jinja_at_operator(p, ")") ||
                sc_jinja_at_name(p, "in") || sc_jinja_at_operator(p, "="))
                break;
            SC_TRY(parse_single_target(p, attributes, last));
            last = &(*last)->next;
        }
        *out = tuple;
    }
    sc_jinja_leave(p->run);
    return SC_OK;
}

/* ---- statements; the tag's name is the present token ---- */

static enum sc_status parse_set(struct parser *p, struct node *node)
{
    bool equals;

    SC_TRY(parse_target(p, true, &node->left));
    SC_TRY(sc_jinja_skip_operator(p, "=", &equals));
    if (equals)
        return sc_jinja_tuple(p, true, &node->right);
    node->kind = NODE_SET_BLOCK;
    SC_TRY(sc_jinja_filters(p, NULL, false, &node->right));
    return parse_closed(p, "endset", &node->body);
}

static enum sc_status parse_for(struct parser *p, struct node *node)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    bool has_test, otherwise;

    SC_TRY(parse_target(p, false, &node->left));
    if (!sc_jinja_at_name(p, "in"))
        return sc_jinja_unexpected(p, "\"in\"");
    SC_TRY(sc_jinja_advance(p));
    SC_TRY(sc_jinja_tuple(p, false, &node->right));
    SC_TRY(sc_jinja_skip_name(p, "if", &has_test));
    if (has_test)
        SC_TRY(sc_jinja_expression(p, &node->test));
    SC_TRY(sc_jinja_skip_name(p, "recursive", &node->recursive));
    p->n_loops++;
    SC_TRY(parse_block(p, ends, &node->body));
    p->n_loops--;
    SC_TRY(sc_jinja_skip_name(p, "else", &otherwise));
    if (otherwise)
        return parse_closed(p, "endfor", &node->otherwise);
    return sc_jinja_advance(p);
}

static enum sc_status parse_if(struct parser *p, struct node *node)
{
    static const char *const ends[] = {"elif", "endif", "else", NULL};
    bool more, otherwise;

    for (;; node = node->otherwise) {
        SC_TRY(sc_jinja_tuple(p, false, &node->test));
        SC_TRY(parse_block(p, ends, &node->body));
        SC_TRY(sc_jinja_skip_name(p, "elif", &more));
        if (!more)
            break;
        SC_TRY(sc_jinja_node(p, NODE_IF, p->now.line, &node->otherwise));
        node->otherwise->chained = true;
    }
    SC_TRY(sc_jinja_skip_name(p, "else", &otherwise));
    if (otherwise)
        return parse_closed(p, "endif", &node->otherwise);
    return sc_jinja_advance(p);
}

static enum sc_status parse_with(struct parser *p, struct node *node)
{
    for (struct node **last = &node->items; p->now.kind != TOKEN_BLOCK_END; last = &(*last)->next) {
        if (last != &node->items)
            SC_TRY(sc_jinja_expect_operator(p, ","));
        SC_TRY(parse_target(p, false, last));
        SC_TRY(sc_jinja_expect_operator(p, "="));
        last = &(*last)->next;
        SC_TRY(sc_jinja_expression(p, last));
    }
    return parse_closed(p, "endwith", &node->body);
}

/* The parameters of a macro or call block, "(a, b=1)". */
static enum sc_status parse_signature(struct parser *p, struct signature *signature)
{
    struct parameter **last = &signature->parameters;
    bool fallback = false, equals;

    SC_TRY(sc_jinja_expect_operator(p, "("));
    for (; !sc_jinja_at_operator(p, ")"); last = &(*last)->next) {
        if (signature->n)
            SC_TRY(sc_jinja_expect_operator(p, ","));
        if (signature->n++ == MAX_ARGUMENTS)
            return sc_jinja_fail_at(p->run, p->now.line, "more than %d parameters", MAX_ARGUMENTS);
        *last = sc_jinja_take(p->run, sizeof **last);
        if (*last == NULL)
            return p->run->failed;
        **last = (struct parameter){0};
        SC_TRY(sc_jinja_take_symbol(p, &(*last)->symbol));
        (*last)->symbol->assigned = true;
        for (const struct parameter *q = signature->parameters; q != *last; q = q->next)
            if (q->symbol == (*last)->symbol)
                return sc_jinja_fail_at(p->run, p->now.line, "two parameters of one name");
        SC_TRY(sc_jinja_skip_operator(p, "=", &equals));
        if (equals)
            SC_TRY(sc_jinja_expression(p, &(*last)->fallback));
        else if (fallback)
            return sc_jinja_fail_at(p->run, p->now.line,
                                    "a parameter without a value behind one with");
        fallback |= equals;
    }
    return sc_jinja_expect_operator(p, ")");
}

static enum sc_status new_signature(struct parser *p, struct signature **out)
{
    *out = sc_jinja_take(p->run, sizeof **out);
    if (*out == NULL)
        return p->run->failed;
    **out = (struct signature){.outer = p->signature};
    return SC_OK;
}

/* The body of something that is called: names of its own, loops of its own. */
static enum sc_status parse_called_body(struct parser *p, struct signature *signature,
                                        const char *end, struct node **out)
{
    size_t n_loops = p->n_loops;

    p->signature = signature;
    p->n_loops = 0;
    SC_TRY(parse_closed(p, end, out));
    p->n_loops = n_loops;
    p->signature = signature->outer;
    return SC_OK;
}

static enum sc_status parse_macro(struct parser *p, struct node *node)
{
    SC_TRY(sc_jinja_take_symbol(p, &node->symbol));
    node->symbol->assigned = true;
    SC_TRY(new_signature(p, &node->signature));
    SC_TRY(parse_signature(p, node->signature));
    return parse_called_body(p, node->signature, "endmacro", &node->body);
}

static enum sc_status parse_call_block(struct parser *p, struct node *node)
{
    SC_TRY(new_signature(p, &node->signature));
    if (sc_jinja_at_operator(p, "("))
        SC_TRY(parse_signature(p, node->signature));
    SC_TRY(sc_jinja_expression(p, &node->left));
    if (node->left->kind != NODE_CALL)
        return sc_jinja_fail_at(p->run, node->line, "{%% call %%} expects a call");
    return parse_called_body(p, node->signature, "endcall", &node->body);
}

static enum sc_status parse_generation(struct parser *p, struct node *node)
{
    SC_TRY(new_signature(p, &node->signature));
    return parse_called_body(p, node->signature, "endgeneration", &node->body);
}

static enum sc_status parse_filter_block(struct parser *p, struct node *node)
{
    SC_TRY(sc_jinja_filters(p, NULL, true, &node->right));
    return parse_closed(p, "endfilter", &node->body);
}

static enum sc_status parse_print(struct parser *p, struct node *node)
{
    SC_TRY(sc_jinja_node(p, NODE_CONCAT, node->line, &node->left));
    for (struct node **last = &node->left->items; p->now.kind != TOKEN_BLOCK_END;
         last = &(*last)->next) {
        if (last != &node->left->items)
            SC_TRY(sc_jinja_expect_operator(p, ","));
        SC_TRY(sc_jinja_expression(p, last));
    }
    return SC_OK;
}

static enum sc_status parse_jump(struct parser *p, struct node *node)
{
    if (p->n_loops == 0)
        return sc_jinja_fail_at(p->run, node->line, "\"%s\" outside of a loop",
                                node->kind == NODE_BREAK ? "break" : "continue");
    return SC_OK;
}

static enum sc_status refuse(struct parser *p)
{
    static const char *const known[] = {"include", "import", "from",  "extends",    "block",
                                        "do",      "trans",  "debug", "autoescape", NULL};

    return sc_fail(p->run->error, SC_ERR_UNSUPPORTED, "line %d: the tag \"%.*s\" is %s",
                   p->now.line, (int)(p->now.n < 60 ? p->now.n : 60), p->now.bytes,
                   at_end_tag(p, known)                                  ? "not for chat templates"
                   : p->now.n > 3 && memcmp(p->now.bytes, "end", 3) == 0 ? "out of place"
                                                                         : "not known");
}

static enum sc_status parse_statement(struct parser *p, struct node **out)
{
    static const struct {
        const char *name;
        enum node_kind kind;
        enum sc_status (*parse)(struct parser *p, struct node *node);
    } statements[] = {{"if", NODE_IF, parse_if},
                      {"for", NODE_FOR, parse_for},
                      {"set", NODE_SET, parse_set},
                      {"with", NODE_WITH, parse_with},
                      {"macro", NODE_MACRO, parse_macro},
                      {"call", NODE_CALL_BLOCK, parse_call_block},
                      {"filter", NODE_FILTER_BLOCK, parse_filter_block},
                      {"generation", NODE_GENERATION, parse_generation},
                      {"print", NODE_PRINT, parse_print},
                      {"break", NODE_BREAK, parse_jump},
                      {"continue", NODE_CONTINUE, parse_jump}};

    if (p->now.kind != TOKEN_NAME)
        return sc_jinja_unexpected(p, "the name of a tag");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!sc_jinja_at_name(p, statements[i].name))
            continue;
        SC_TRY(sc_jinja_node(p, statements[i].kind, p->now.line, out));
        SC_TRY(sc_jinja_advance(p));
        SC_TRY(sc_jinja_enter(p->run));
        SC_TRY(statements[i].parse(p, *out));
        sc_jinja_leave(p->run);
        return SC_OK;
    }
    return refuse(p);
}

static enum sc_status parse_text(struct parser *p, struct node **out)
{
    const struct string *text;

    SC_TRY(sc_jinja_node(p, NODE_TEXT, p->now.line, out));
    SC_TRY(sc_jinja_name_string(p, &p->now, &text));
    (*out)->value = (struct value){.kind = VALUE_STRING, .string = text};
    return sc_jinja_advance(p);
}

static enum sc_status parse_output(struct parser *p, struct node **out)
{
    SC_TRY(sc_jinja_advance(p));
    SC_TRY(sc_jinja_node(p, NODE_PRINT, p->now.line, out));
    SC_TRY(sc_jinja_tuple(p, true, &(*out)->left));
    return expect_kind(p, TOKEN_PRINT_END, "\"}}\"");
}

/* Up to the end of the source or behind "{%" of one of the tags. */
static enum sc_status parse_body(struct parser *p, const char *const *ends, struct node **out)
{
    for (;; out = &(*out)->next) {
        switch (p->now.kind) {
        case TOKEN_END:
            return SC_OK;
        case TOKEN_TEXT:
            SC_TRY(parse_text(p, out));
            break;
        case TOKEN_PRINT_BEGIN:
            SC_TRY(parse_output(p, out));
            break;
        default:
            SC_TRY(sc_jinja_advance(p));
            if (at_end_tag(p, ends))
                return SC_OK;
            SC_TRY(parse_statement(p, out));
            SC_TRY(expect_kind(p, TOKEN_BLOCK_END, "\"%}\""));
            break;
        }
    }
}

/* What is called by a name that nothing can ever be behind: no built-in function, not assigned to,
 * and no value that is given to templates can be called. */
static enum sc_status check_functions(struct parser *p)
{
    const struct sc_jinja *t = p->template;

    for (const struct symbol *s = t->symbols; s != NULL; s = s->next) {
        bool special = s == t->loop || s == t->caller || s == t->varargs || s == t->kwargs;
        if (s->called_line && s->function == NULL && !s->assigned && !s->tested && !special)
            return sc_fail(p->run->error, SC_ERR_UNSUPPORTED,
                           "line %d: the function \"%.*s\" is not known", s->called_line,
                           (int)(s->name.n < 60 ? s->name.n : 60), s->name.bytes);
    }
    return SC_OK;
}

static enum sc_status parse_all(struct parser *p, const char *source, size_t n)
{
    struct sc_jinja *t = p->template;

    SC_TRY(sc_jinja_lexer_init(&p->lexer, p->run, source, n));
    SC_TRY(sc_jinja_symbol(p, "loop", 4, &t->loop));
    SC_TRY(sc_jinja_symbol(p, "caller", 6, &t->caller));
    SC_TRY(sc_jinja_symbol(p, "varargs", 7, &t->varargs));
    SC_TRY(sc_jinja_symbol(p, "kwargs", 6, &t->kwargs));
    SC_TRY(sc_jinja_next_token(&p->lexer, &p->now));
    p->next = p->now;
    if (p->now.kind != TOKEN_END)
        SC_TRY(sc_jinja_next_token(&p->lexer, &p->next));
    SC_TRY(parse_body(p, NULL, &t->body));
    return check_functions(p);
}

enum sc_status sc_jinja_read(struct sc_jinja *template, const char *source, size_t n,
                             const struct builtins *builtins, struct sc_error *error)
{
    struct run run = {.arena = template->arena,
                      .max_steps = SIZE_MAX,
                      .max_depth = 200,
                      .line = 1,
                      .error = error};
    struct parser parser = {.template = template, .run = &run, .builtins = builtins};
    enum sc_status status = parse_all(&parser, source, n);

    template->arena = run.arena;
    return status;
}
