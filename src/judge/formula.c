/*
 * See formula.h.  A formula is read by descent, with a bound on its depth, into operations on a
 * stack: the operands first.
 */
#include "judge/formula.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { MOST_DEPTH = 32, MOST_STEPS = 256, LONGEST_NUMBER = 32 };

enum kind { NUMBER, NAME, ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE };

struct step {
    enum kind kind;
    double number;
    size_t name; /* its index */
};

struct sc_formula {
    struct step steps[MOST_STEPS];
    size_t n;
};

struct parsing {
    const char *text, *at;
    const char *const *names;
    size_t n_names;
    struct sc_formula *formula;
    size_t depth;
};

static enum sc_status parse_sum(struct parsing *p, struct sc_error *error);

static void skip_blanks(struct parsing *p)
{
    p->at += strspn(p->at, " \t\r\n");
}

static enum sc_status unexpected(const struct parsing *p, const char *expected,
                                 struct sc_error *error)
{
    struct sc_text found = {0};
    if (*p->at != '\0')
        sc_text_add_shortened(&found, p->at, 20);
    sc_fail(error, SC_ERR_FORMAT, "formula: expected %s at character %zu, found %s%s%s", expected,
            (size_t)(p->at - p->text) + 1, found.len ? "\"" : "",
            found.len ? found.data : "its end", found.len ? "\"" : "");
    sc_text_free(&found);
    return SC_ERR_FORMAT;
}

static enum sc_status add(struct parsing *p, struct step step, struct sc_error *error)
{
    if (p->formula->n == MOST_STEPS)
        return sc_fail(error, SC_ERR_LIMIT, "formula: expected at most %d operations", MOST_STEPS);
    p->formula->steps[p->formula->n++] = step;
    return SC_OK;
}

/* Digits with a point: no exponent, no hexadecimal, no locale. */
static enum sc_status parse_number(struct parsing *p, struct sc_error *error)
{
    size_t n = strspn(p->at, "0123456789.");
    char digits[LONGEST_NUMBER + 1], *end;
    if (n > LONGEST_NUMBER)
        return unexpected(p, "a shorter number", error);
    memcpy(digits, p->at, n);
    digits[n] = '\0';
    double number = strtod(digits, &end);
    if (*end != '\0' || end == digits)
        return unexpected(p, "a number", error);
    p->at += n;
    return add(p, (struct step){.kind = NUMBER, .number = number}, error);
}

static enum sc_status parse_name(struct parsing *p, struct sc_error *error)
{
    size_t n = 0;
    while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')
        n++;
    for (size_t i = 0; i < p->n_names; i++)
        if (strlen(p->names[i]) == n && memcmp(p->names[i], p->at, n) == 0) {
            p->at += n;
            return add(p, (struct step){.kind = NAME, .name = i}, error);
        }
    return unexpected(p, "the name of a part", error);
}

static enum sc_status parse_group(struct parsing *p, struct sc_error *error)
{
    p->at++;
    SC_TRY(parse_sum(p, error));
    if (*p->at != ')')
        return unexpected(p, ")", error);
    p->at++;
    return SC_OK;
}

static enum sc_status parse_value(struct parsing *p, struct sc_error *error)
{
    bool negative = false;
    for (skip_blanks(p); *p->at == '-' || *p->at == '+'; skip_blanks(p))
        negative ^= *p->at++ == '-';
    char c = *p->at;
    if (c == '(')
        SC_TRY(parse_group(p, error));
    else if (isdigit((unsigned char)c) || c == '.')
        SC_TRY(parse_number(p, error));
    else if (isalpha((unsigned char)c) || c == '_')
        SC_TRY(parse_name(p, error));
    else
        return unexpected(p, "a number, a name or (", error);
    skip_blanks(p);
    return negative ? add(p, (struct step){.kind = NEGATE}, error) : SC_OK;
}

static enum sc_status parse_product(struct parsing *p, struct sc_error *error)
{
    SC_TRY(parse_value(p, error));
    while (*p->at == '*' || *p->at == '/') {
        enum kind kind = *p->at++ == '*' ? MULTIPLY : DIVIDE;
        SC_TRY(parse_value(p, error));
        SC_TRY(add(p, (struct step){.kind = kind}, error));
    }
    return SC_OK;
}

static enum sc_status parse_sum(struct parsing *p, struct sc_error *error)
{
    if (p->depth == MOST_DEPTH)
        return sc_fail(error, SC_ERR_LIMIT, "formula: expected at most %d levels of parentheses",
                       MOST_DEPTH);
    p->depth++;
    SC_TRY(parse_product(p, error));
    while (*p->at == '+' || *p->at == '-') {
        enum kind kind = *p->at++ == '+' ? ADD : SUBTRACT;
        SC_TRY(parse_product(p, error));
        SC_TRY(add(p, (struct step){.kind = kind}, error));
    }
    p->depth--;
    return SC_OK;
}

/* A part that is read and then not used is a slip. */
static enum sc_status check_names(const struct parsing *p, struct sc_error *error)
{
    for (size_t i = 0; i < p->n_names; i++) {
        bool used = false;
        for (size_t s = 0; s < p->formula->n; s++)
            used |= p->formula->steps[s].kind == NAME && p->formula->steps[s].name == i;
        if (!used)
            return sc_fail(error, SC_ERR_FORMAT, "formula: expected every part, found no \"%s\"",
                           p->names[i]);
    }
    return SC_OK;
}

static enum sc_status parse(struct parsing *p, struct sc_error *error)
{
    SC_TRY(parse_sum(p, error));
    if (*p->at != '\0')
        return unexpected(p, "an operator or the end", error);
    return check_names(p, error);
}

enum sc_status sc_formula_parse(struct sc_formula **out, const char *text, const char *const *names,
                                size_t n_names, struct sc_error *error)
{
    *out = NULL;
    struct sc_formula *formula = sc_alloc_zero(1, sizeof *formula);
    if (formula == NULL)
        return sc_fail_nomem(error, "formula");
    struct parsing p = {
        .text = text, .at = text, .names = names, .n_names = n_names, .formula = formula};
    enum sc_status status = parse(&p, error);
    if (status != SC_OK) {
        sc_formula_free(formula);
        return status;
    }
    *out = formula;
    return SC_OK;
}

void sc_formula_free(struct sc_formula *formula)
{
    sc_free(formula);
}

static double apply(enum kind kind, double a, double b)
{
    switch (kind) {
    case ADD:
        return a + b;
    case SUBTRACT:
        return a - b;
    case MULTIPLY:
        return a * b;
    case DIVIDE:
        return a / b;
    case NUMBER:
    case NAME:
    case NEGATE:
        break;
    }
    return NAN;
}

double sc_formula_value(const struct sc_formula *formula, const double *values)
{
    double stack[MOST_STEPS];
    size_t n = 0;
    for (size_t i = 0; i < formula->n; i++) {
        const struct step *step = &formula->steps[i];
        if (step->kind == NUMBER || step->kind == NAME) {
            stack[n++] = step->kind == NUMBER ? step->number : values[step->name];
        } else if (step->kind == NEGATE) {
            stack[n - 1] = -stack[n - 1];
        } else {
            assert(n >= 2);
            n--;
            stack[n - 1] = apply(step->kind, stack[n - 1], stack[n]);
        }
    }
    assert(n == 1);
    return isfinite(stack[0]) ? stack[0] : NAN;
}
