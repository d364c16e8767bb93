#include "jinja/parser.h"

#include <stdio.h>
#include <string.h>

static unsigned code_of(const char *op)
{
    return (unsigned char)op[0] + 256u * (unsigned char)op[1];
}

enum sc_status sc_jinja_advance(struct parser *p)
{
    p->now = p->next;
    if (p->now.kind == TOKEN_END && p->lexer.at == p->lexer.n && p->lexer.mode == IN_TEXT)
        return SC_OK;
    return sc_jinja_next_token(&p->lexer, &p->next);
}

bool sc_jinja_is_name(const struct token *token, const char *name)
{
    size_t n = strlen(name);

    return token->kind == TOKEN_NAME && token->n == n && memcmp(token->bytes, name, n) == 0;
}

bool sc_jinja_at_name(const struct parser *p, const char *name)
{
    return sc_jinja_is_name(&p->now, name);
}

bool sc_jinja_at_operator(const struct parser *p, const char *op)
{
    return p->now.kind == TOKEN_OPERATOR && p->now.op == code_of(op);
}

enum sc_status sc_jinja_skip_name(struct parser *p, const char *name, bool *skipped)
{
    *skipped = sc_jinja_at_name(p, name);
    return *skipped ? sc_jinja_advance(p) : SC_OK;
}

enum sc_status sc_jinja_skip_operator(struct parser *p, const char *op, bool *skipped)
{
    *skipped = sc_jinja_at_operator(p, op);
    return *skipped ? sc_jinja_advance(p) : SC_OK;
}

enum sc_status sc_jinja_unexpected(struct parser *p, const char *expected)
{
    static const char *const what[] = {"the end of the template",
                                       "text",
                                       "\"{%\"",
                                       "\"%}\"",
                                       "\"{{\"",
                                       "\"}}\"",
                                       "a name",
                                       "a text",
                                       "a number",
                                       "a number",
                                       "an operator"};
    char found[80];

    snprintf(found, sizeof found, "%s", what[p->now.kind]);
    if (p->now.kind == TOKEN_NAME)
        snprintf(found, sizeof found, "\"%.*s\"", (int)(p->now.n < 60 ? p->now.n : 60),
                 p->now.bytes);
    else if (p->now.kind == TOKEN_OPERATOR)
        snprintf(found, sizeof found, p->now.op < 256 ? "\"%c\"" : "\"%c%c\"",
                 (int)(p->now.op & 255), (int)(p->now.op >> 8));
    return sc_jinja_fail_at(p->run, p->now.line, "expected %s, found %s", expected, found);
}

enum sc_status sc_jinja_expect_operator(struct parser *p, const char *op)
{
    char expected[8];
    bool skipped;

    SC_TRY(sc_jinja_skip_operator(p, op, &skipped));
    if (skipped)
        return SC_OK;
    snprintf(expected, sizeof expected, "\"%s\"", op);
    return sc_jinja_unexpected(p, expected);
}

enum sc_status sc_jinja_node(struct parser *p, enum node_kind kind, int line, struct node **out)
{
    *out = sc_jinja_take(p->run, sizeof **out);
    if (*out == NULL)
        return p->run->failed;
    **out = (struct node){.kind = (uint8_t)kind, .line = line};
    return SC_OK;
}

enum sc_status sc_jinja_symbol(struct parser *p, const char *name, size_t n, struct symbol **out)
{
    struct sc_jinja *t = p->template;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    struct symbol **bucket = &p->buckets[(hash ^ hash >> 16) % SYMBOL_BUCKETS];
    for (struct symbol *s = *bucket; s != NULL; s = s->next_in_bucket)
        if (s->name.n == n && memcmp(s->name.bytes, name, n) == 0) {
            *out = s;
            return SC_OK;
        }
    struct symbol *s = sc_jinja_take(p->run, sizeof *s);
    if (s == NULL)
        return p->run->failed;
    *s = (struct symbol){.name = sc_jinja_own(name, n),
                         .function = p->builtins->function(name, n),
                         .number = t->n_symbols++,
                         .next = t->symbols,
                         .next_in_bucket = *bucket};
    t->symbols = *bucket = s;
    *out = s;
    return SC_OK;
}

enum sc_status sc_jinja_take_symbol(struct parser *p, struct symbol **out)
{
    if (p->now.kind != TOKEN_NAME)
        return sc_jinja_unexpected(p, "a name");
    SC_TRY(sc_jinja_symbol(p, p->now.bytes, p->now.n, out));
    return sc_jinja_advance(p);
}

enum sc_status sc_jinja_name_string(struct parser *p, const struct token *token,
                                    const struct string **out)
{
    struct string *s = sc_jinja_take(p->run, sizeof *s);

    *out = s;
    if (s == NULL)
        return p->run->failed;
    *s = sc_jinja_own(token->bytes, token->n);
    return SC_OK;
}
