/* Conditions from their text: or, and, not, parentheses, comparisons; condition.h. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "suite/condition_tree.h"

enum { MOST_DEPTH = 32 };

struct reader {
    const char *text, *at;
    struct sc_condition *out;
    size_t depth;
    struct sc_error *error;
};

static enum sc_status parse_or(struct reader *r, size_t *node);

/* ---- words ------------------------------------------------------------------------------------
 */

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
        r->at++;
}

static enum sc_status fail(const struct reader *r, const char *expected)
{
    size_t letter = (size_t)(r->at - r->text) + 1;
    if (*r->at == '\0')
        return sc_fail(r->error, SC_ERR_FORMAT, "letter %zu: expected %s, found the end", letter,
                       expected);
    return sc_fail(r->error, SC_ERR_FORMAT, "letter %zu: expected %s, found \"%.40s\"", letter,
                   expected, r->at);
}

/* Passes a word that is not the beginning of a longer one. */
static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    char next = strncmp(r->at, word, n) == 0 ? r->at[n] : 'x';
    if (sc_is_name_char(next) || next == '[')
        return false;
    r->at += n;
    skip_blanks(r);
    return true;
}

static bool take_sign(struct reader *r, const char *sign)
{
    size_t n = strlen(sign);
    if (strncmp(r->at, sign, n) != 0)
        return false;
    r->at += n;
    skip_blanks(r);
    return true;
}

/* ---- sides of a comparison ---------------------------------------------------------------------
 */

/* PHASE, PHASE[RUN] and the path behind it, letters in quotes included: where each ends. */
static enum sc_status measure_reference(struct reader *r, size_t *n_phase, size_t *n_all)
{
    const char *p = r->at;
    while (sc_is_name_char(*p) && *p != '.')
        p++;
    *n_phase = (size_t)(p - r->at);
    if (*n_phase == 0)
        return fail(r, "a figure such as baseline.overall.refusal_rate.high, or a number");
    if (*p == '[') {
        const char *close = strchr(p, ']');
        if (close == NULL)
            return fail(r, "] behind the name of the run");
        p = close + 1;
    }
    if (*p != '.') {
        r->at = p;
        return fail(r, "a dot and the path of a figure behind the phase");
    }
    while (sc_is_name_char(*p) || *p == '"') {
        const char *close = *p == '"' ? strchr(p + 1, '"') : p;
        if (close == NULL)
            return fail(r, "a closing \"");
        p = close + 1;
    }
    *n_all = (size_t)(p - r->at);
    return SC_OK;
}

static enum sc_status read_reference(struct reader *r, enum sc_quantifier quantifier,
                                     struct sc_condition_side *side)
{
    struct sc_condition *out = r->out;
    size_t n_phase = 0, n_all = 0;
    SC_TRY(measure_reference(r, &n_phase, &n_all));
    if (out->n_references == SC_CONDITION_MOST_NODES)
        return fail(r, "a shorter condition");
    char *word = sc_strndup(r->at, n_all);
    if (word == NULL)
        return sc_fail_nomem(r->error, "condition");
    struct sc_condition_reference *reference = &out->references[out->n_references];
    *reference = (struct sc_condition_reference){
        .phase = word, .path = word + n_phase + 1, .quantifier = quantifier};
    if (word[n_phase] == '[') {
        char *close = strchr(word, ']');
        reference->run = word + n_phase + 1;
        reference->path = close + 2;
        *close = '\0';
    }
    word[n_phase] = '\0';
    side->reference = out->n_references;
    out->words[out->n_references++] = word;
    r->at += n_all;
    skip_blanks(r);
    return SC_OK;
}

/* A word that is a number from its beginning to its end. */
static bool take_number(struct reader *r, double *number)
{
    char *end;
    if (strspn(r->at, "+-.0123456789") == 0)
        return false;
    *number = strtod(r->at, &end);
    if (end == r->at || sc_is_name_char(*end) || *end == '[' || !isfinite(*number))
        return false;
    r->at = end;
    skip_blanks(r);
    return true;
}

static enum sc_status read_text(struct reader *r, struct sc_condition_side *side)
{
    const char *close = strchr(r->at + 1, *r->at);
    if (close == NULL)
        return fail(r, "a text between quotes");
    side->text = sc_strndup(r->at + 1, (size_t)(close - r->at - 1));
    if (side->text == NULL)
        return sc_fail_nomem(r->error, "condition");
    r->at = close + 1;
    skip_blanks(r);
    return SC_OK;
}

static enum sc_status read_side(struct reader *r, struct sc_condition_side *side)
{
    if (take_number(r, &side->number))
        return SC_OK;
    if (*r->at == '"' || *r->at == '\'')
        return read_text(r, side);
    enum sc_quantifier quantifier = take_word(r, "any")   ? SC_OF_ANY
                                    : take_word(r, "all") ? SC_OF_ALL
                                                          : SC_OF_THE_ONE;
    return read_reference(r, quantifier, side);
}

/* ---- the tree ---------------------------------------------------------------------------------
 */

static enum sc_status add_node(struct reader *r, enum sc_condition_kind kind, size_t *node)
{
    struct sc_condition *out = r->out;
    if (out->n_nodes == SC_CONDITION_MOST_NODES)
        return fail(r, "a shorter condition");
    *node = out->n_nodes++;
    out->nodes[*node] = (struct sc_condition_node){
        .kind = kind, .left = {.reference = SIZE_MAX}, .right = {.reference = SIZE_MAX}};
    return SC_OK;
}

static bool take_operator(struct reader *r, enum sc_condition_operator *operator)
{
    /* The longer one first. */
    static const struct {
        const char *sign;
        enum sc_condition_operator operator;
    } signs[] = {{"<=", SC_LESS_EQUAL}, {"<", SC_LESS},   {">=", SC_MORE_EQUAL},
                 {">", SC_MORE},        {"==", SC_EQUAL}, {"!=", SC_UNEQUAL}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        *operator= signs[i].operator;
        if (take_sign(r, signs[i].sign))
            return true;
    }
    *operator= SC_EXCLUDES;
    if (take_word(r, "excludes"))
        return true;
    *operator= SC_INCLUDES;
    return take_word(r, "includes");
}

static bool is_quantified(const struct reader *r, const struct sc_condition_side *side)
{
    return side->reference != SIZE_MAX &&
           r->out->references[side->reference].quantifier != SC_OF_THE_ONE;
}

static enum sc_status parse_comparison(struct reader *r, size_t *node)
{
    SC_TRY(add_node(r, SC_IS_FLAG, node));
    struct sc_condition_node *made = &r->out->nodes[*node];
    const char *begin = r->at;
    SC_TRY(read_side(r, &made->left));
    if (!take_operator(r, &made->operator)) {
        if (made->left.reference != SIZE_MAX)
            return SC_OK;
        return fail(r, "<, <=, >, >=, ==, !=, excludes or includes");
    }
    made->kind = SC_IS_COMPARED;
    bool of_interval = made->operator== SC_EXCLUDES || made->operator== SC_INCLUDES;
    if (of_interval && made->left.reference == SIZE_MAX) {
        r->at = begin;
        return fail(r, "an estimate before excludes or includes");
    }
    begin = r->at;
    SC_TRY(read_side(r, &made->right));
    bool bad = is_quantified(r, &made->right) ||
               (of_interval && (made->right.reference != SIZE_MAX || made->right.text != NULL));
    if (!bad)
        return SC_OK;
    r->at = begin;
    return fail(r, of_interval ? "a number behind excludes or includes"
                               : "any and all before the operator alone");
}

static enum sc_status parse_unary(struct reader *r, size_t *node)
{
    if (r->depth == MOST_DEPTH)
        return fail(r, "fewer parentheses");
    r->depth++;
    if (take_word(r, "not")) {
        SC_TRY(add_node(r, SC_IS_NOT, node));
        SC_TRY(parse_unary(r, &r->out->nodes[*node].a));
    } else if (take_sign(r, "(")) {
        SC_TRY(parse_or(r, node));
        if (!take_sign(r, ")"))
            return fail(r, "and, or, or )");
    } else {
        SC_TRY(parse_comparison(r, node));
    }
    r->depth--;
    return SC_OK;
}

static enum sc_status join(struct reader *r, enum sc_condition_kind kind, size_t other,
                           size_t *node)
{
    size_t first = *node;
    SC_TRY(add_node(r, kind, node));
    r->out->nodes[*node].a = first;
    r->out->nodes[*node].b = other;
    return SC_OK;
}

static enum sc_status parse_and(struct reader *r, size_t *node)
{
    SC_TRY(parse_unary(r, node));
    while (take_word(r, "and")) {
        size_t other = 0;
        SC_TRY(parse_unary(r, &other));
        SC_TRY(join(r, SC_IS_AND, other, node));
    }
    return SC_OK;
}

static enum sc_status parse_or(struct reader *r, size_t *node)
{
    SC_TRY(parse_and(r, node));
    while (take_word(r, "or")) {
        size_t other = 0;
        SC_TRY(parse_and(r, &other));
        SC_TRY(join(r, SC_IS_OR, other, node));
    }
    return SC_OK;
}

static enum sc_status parse_all(struct reader *r)
{
    if (strlen(r->text) > SC_CONDITION_LONGEST)
        return sc_fail(r->error, SC_ERR_FORMAT, "expected at most %d letters, found %zu",
                       SC_CONDITION_LONGEST, strlen(r->text));
    skip_blanks(r);
    SC_TRY(parse_or(r, &r->out->root));
    return *r->at == '\0' ? SC_OK : fail(r, "and, or, or the end");
}

enum sc_status sc_condition_parse(const char *text, struct sc_condition **out,
                                  struct sc_error *error)
{
    assert(text != NULL && out != NULL);
    *out = NULL;
    struct sc_condition *condition = sc_alloc_zero(1, sizeof *condition);
    if (condition == NULL)
        return sc_fail_nomem(error, "condition");
    struct reader reader = {.text = text, .at = text, .out = condition, .error = error};
    enum sc_status status = parse_all(&reader);
    if (status != SC_OK) {
        sc_condition_free(condition);
        return status;
    }
    *out = condition;
    return SC_OK;
}

void sc_condition_free(struct sc_condition *condition)
{
    if (condition == NULL)
        return;
    for (size_t i = 0; i < condition->n_references; i++)
        sc_free(condition->words[i]);
    for (size_t i = 0; i < condition->n_nodes; i++) {
        sc_free(condition->nodes[i].left.text);
        sc_free(condition->nodes[i].right.text);
    }
    sc_free(condition);
}

const struct sc_condition_reference *sc_condition_reference(const struct sc_condition *condition,
                                                            size_t i)
{
    return i < condition->n_references ? &condition->references[i] : NULL;
}
