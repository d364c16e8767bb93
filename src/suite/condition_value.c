/* What a condition comes to on the figures of runs; condition.h.  In three values, after Kleene:
 * what is not known decides nothing that what is known does not decide alone. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "suite/condition_tree.h"
#include "suite/figures.h"

enum { MOST_SEEN = 2000 };

struct evaluation {
    const struct sc_condition *condition;
    const struct sc_condition_figures *figures;
    struct sc_condition_result *result;
};

/* A side of a comparison for one run. */
struct value {
    bool known;
    double number; /* NaN: it is a text or a truth value */
    const char *text;
    int flag;         /* -1: none */
    double low, high; /* of an estimate; NaN: no interval */
};

/* ---- what was seen ----------------------------------------------------------------------------
 */

static void begin_seen(struct evaluation *e, const struct sc_condition_reference *reference,
                       const char *name)
{
    struct sc_text *seen = &e->result->seen;
    if (seen->len > 0)
        sc_text_puts(seen, "; ");
    sc_text_puts(seen, reference->phase);
    if (name != NULL)
        sc_text_printf(seen, "[%s]", name);
    sc_text_printf(seen, ".%s", reference->path);
}

static bool is_full(const struct evaluation *e)
{
    return e->result->seen.len > MOST_SEEN;
}

static void say_number(struct sc_text *out, double value)
{
    sc_text_printf(out, "%.4g", value);
}

static void say_value(struct evaluation *e, const struct value *value)
{
    struct sc_text *seen = &e->result->seen;
    sc_text_puts(seen, " = ");
    if (isfinite(value->number))
        say_number(seen, value->number);
    else if (value->text != NULL)
        sc_text_printf(seen, "\"%.60s\"", value->text);
    else if (value->flag >= 0)
        sc_text_puts(seen, value->flag ? "true" : "false");
    if (isfinite(value->low) && isfinite(value->high)) {
        sc_text_puts(seen, " [");
        say_number(seen, value->low);
        sc_text_puts(seen, ", ");
        say_number(seen, value->high);
        sc_text_putc(seen, ']');
    }
}

/* ---- sides ------------------------------------------------------------------------------------
 */

static void say_unknown(struct evaluation *e, const struct sc_suite_figure *figure)
{
    struct sc_text *seen = &e->result->seen;
    if (figure->value == NULL)
        sc_text_puts(seen, " is no field of analysis.json");
    else
        sc_text_puts(seen, json_is_null(figure->value) ? " is not known" : " is no single figure");
    if (figure->reason != NULL)
        sc_text_printf(seen, " (%.200s)", figure->reason);
    e->result->unknown_path =
        e->result->unknown_path || figure->value == NULL || json_is_array(figure->value) ||
        (json_is_object(figure->value) && json_object_get(figure->value, "value") == NULL);
}

static struct value value_of(const struct sc_suite_figure *figure)
{
    const json_t *json = figure->value;
    struct value value = {.number = sc_suite_figure_number(figure),
                          .text = json_string_value(json),
                          .flag = json_is_boolean(json) ? json_boolean_value(json) : -1,
                          .low = sc_suite_figure_end(figure, "low"),
                          .high = sc_suite_figure_end(figure, "high")};
    value.known = isfinite(value.number) || value.text != NULL || value.flag >= 0;
    return value;
}

/* The side's value in the run number i of those that its reference names. */
static struct value side_value(struct evaluation *e, const struct sc_condition_side *side, size_t i)
{
    struct value value = {.number = side->text != NULL ? NAN : side->number,
                          .text = side->text,
                          .known = true,
                          .flag = -1,
                          .low = NAN,
                          .high = NAN};
    if (side->reference == SIZE_MAX)
        return value;
    const struct sc_condition_reference *reference = &e->condition->references[side->reference];
    const struct sc_condition_figures *from = e->figures;
    size_t n = from->count(from->context, reference->phase, reference->run);
    const char *why = NULL, *name = NULL;
    const json_t *analysis =
        i < n ? from->analysis(from->context, reference->phase, reference->run, i, &name, &why)
              : NULL;
    struct sc_suite_figure figure = {.value = NULL};
    value.known = false;
    if (analysis != NULL) {
        figure = sc_suite_figure_find(analysis, reference->path);
        value = value_of(&figure);
        e->result->proxy = e->result->proxy || figure.proxy;
    }
    e->result->awaits = e->result->awaits || analysis == NULL;
    if (is_full(e))
        return value;
    begin_seen(e, reference, reference->run != NULL || n > 1 ? name : NULL);
    if (value.known)
        say_value(e, &value);
    else if (analysis != NULL)
        say_unknown(e, &figure);
    else
        sc_text_printf(&e->result->seen, ": %s", why != NULL ? why : "there is no such run");
    return value;
}

/* ---- comparisons ------------------------------------------------------------------------------
 */

static enum sc_truth truth_of(bool holds)
{
    return holds ? SC_TRUTH_YES : SC_TRUTH_NO;
}

static enum sc_truth compare_numbers(enum sc_condition_operator operator, double a, double b)
{
    switch (operator) {
    case SC_LESS:
        return truth_of(a < b);
    case SC_LESS_EQUAL:
        return truth_of(a <= b);
    case SC_MORE:
        return truth_of(a > b);
    case SC_MORE_EQUAL:
        return truth_of(a >= b);
    case SC_EQUAL:
        return truth_of(a == b);
    default:
        return truth_of(a != b);
    }
}

static enum sc_truth undecided(struct evaluation *e, const char *why)
{
    if (!is_full(e))
        sc_text_printf(&e->result->seen, ", %s", why);
    return SC_TRUTH_UNDECIDED;
}

static enum sc_truth compare(struct evaluation *e, enum sc_condition_operator operator,
                             const struct value * a, const struct value *b)
{
    if (!a->known || !b->known)
        return SC_TRUTH_UNDECIDED;
    if (operator== SC_EXCLUDES || operator== SC_INCLUDES) {
        if (!isfinite(a->low) || !isfinite(a->high))
            return undecided(e, "which has no interval");
        bool within = a->low <= b->number && b->number <= a->high;
        return truth_of(within == (operator== SC_INCLUDES));
    }
    if (isfinite(a->number) && isfinite(b->number))
        return compare_numbers(operator, a->number, b->number);
    bool texts = a->text != NULL && b->text != NULL;
    if (!texts || (operator!= SC_EQUAL && operator!= SC_UNEQUAL))
        return undecided(e, "which cannot be compared so");
    return truth_of((strcmp(a->text, b->text) == 0) == (operator== SC_EQUAL));
}

static enum sc_truth of_run(struct evaluation *e, const struct sc_condition_node *node, size_t i)
{
    struct value left = side_value(e, &node->left, i);
    e->result->n_compared++;
    if (node->kind == SC_IS_COMPARED) {
        struct value right = side_value(e, &node->right, 0);
        return compare(e, node->operator, & left, &right);
    }
    if (!left.known)
        return SC_TRUTH_UNDECIDED;
    return left.flag >= 0 ? truth_of(left.flag)
                          : undecided(e, "which is neither true nor false: compare it");
}

/* ---- the tree ---------------------------------------------------------------------------------
 */

/* The one value settles the whole, whatever the others are; else one that is not known leaves it
 * open. */
static enum sc_truth combine(enum sc_truth a, enum sc_truth b, enum sc_truth settles)
{
    if (a == settles || b == settles)
        return settles;
    return a == SC_TRUTH_UNDECIDED || b == SC_TRUTH_UNDECIDED ? SC_TRUTH_UNDECIDED : a;
}

static enum sc_truth of_runs(struct evaluation *e, const struct sc_condition_node *node)
{
    const struct sc_condition_reference *reference =
        node->left.reference != SIZE_MAX ? &e->condition->references[node->left.reference] : NULL;
    if (reference == NULL || reference->quantifier == SC_OF_THE_ONE)
        return of_run(e, node, 0);
    enum sc_truth settles = reference->quantifier == SC_OF_ANY ? SC_TRUTH_YES : SC_TRUTH_NO;
    size_t n = e->figures->count(e->figures->context, reference->phase, reference->run);
    enum sc_truth truth = of_run(e, node, 0);
    for (size_t i = 1; i < n && truth != settles; i++)
        truth = combine(truth, of_run(e, node, i), settles);
    return truth;
}

static enum sc_truth evaluate(struct evaluation *e, size_t at)
{
    const struct sc_condition_node *node = &e->condition->nodes[at];
    if (node->kind == SC_IS_NOT) {
        enum sc_truth truth = evaluate(e, node->a);
        return truth == SC_TRUTH_UNDECIDED ? truth : truth_of(truth == SC_TRUTH_NO);
    }
    if (node->kind != SC_IS_AND && node->kind != SC_IS_OR)
        return of_runs(e, node);
    enum sc_truth settles = node->kind == SC_IS_OR ? SC_TRUTH_YES : SC_TRUTH_NO;
    enum sc_truth first = evaluate(e, node->a);
    return first == settles ? first : combine(first, evaluate(e, node->b), settles);
}

enum sc_status sc_condition_evaluate(const struct sc_condition *condition,
                                     const struct sc_condition_figures *figures,
                                     struct sc_condition_result *result, struct sc_error *error)
{
    assert(condition != NULL && figures != NULL && result != NULL);
    *result = (struct sc_condition_result){.truth = SC_TRUTH_UNDECIDED};
    struct evaluation evaluation = {condition, figures, result};
    enum sc_truth truth = evaluate(&evaluation, condition->root);
    result->truth = truth;
    return result->seen.failed ? sc_fail_nomem(error, "condition") : SC_OK;
}

void sc_condition_result_free(struct sc_condition_result *result)
{
    sc_text_free(&result->seen);
}
