/* What may stand behind "is". */
#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/show.h"
#include "jinja/unicode.h"

static enum sc_status give(bool truth, struct value *out)
{
    *out = sc_jinja_bool(truth);
    return SC_OK;
}

#define KIND_TEST(name, holds)                                                                     \
    static enum sc_status is_##name(struct run *run, const struct call *call, struct value *out)   \
    {                                                                                              \
        struct value self = call->self;                                                            \
        (void)run;                                                                                 \
        return give(holds, out);                                                                   \
    }

KIND_TEST(defined, self.kind != VALUE_UNDEFINED)
KIND_TEST(undefined, self.kind == VALUE_UNDEFINED)
KIND_TEST(none, self.kind == VALUE_NONE)
KIND_TEST(boolean, self.kind == VALUE_BOOL)
KIND_TEST(true, self.kind == VALUE_BOOL && self.truth)
KIND_TEST(false, self.kind == VALUE_BOOL && !self.truth)
KIND_TEST(integer, self.kind == VALUE_INT)
KIND_TEST(float, self.kind == VALUE_FLOAT)
KIND_TEST(number, sc_jinja_is_number(self))
KIND_TEST(string, self.kind == VALUE_STRING)
KIND_TEST(mapping, self.kind == VALUE_DICT)
KIND_TEST(iterable, sc_jinja_can_iterate(self))
KIND_TEST(sequence, self.kind == VALUE_STRING || self.kind == VALUE_LIST ||
                        self.kind == VALUE_TUPLE || self.kind == VALUE_DICT ||
                        self.kind == VALUE_RANGE || self.kind == VALUE_UNDEFINED)
KIND_TEST(callable, (self.kind >= VALUE_FUNCTION && self.kind != VALUE_CYCLER) ||
                        self.kind == VALUE_UNDEFINED)
KIND_TEST(escaped, self.kind == VALUE_STRING && self.string->markup)
KIND_TEST(filter, self.kind == VALUE_STRING &&
                      run->interpreter->find_filter(self.string->bytes, self.string->n) != NULL)
KIND_TEST(test, self.kind == VALUE_STRING &&
                    run->interpreter->find_test(self.string->bytes, self.string->n) != NULL)

static enum sc_status cased(struct run *run, struct value value, enum letter_case as,
                            struct value *out)
{
    const struct string *s;

    SC_TRY(sc_jinja_show(run, value, &s));
    SC_TRY(sc_jinja_step_bytes(run, s->n * 4));
    return give(sc_jinja_all_cased(s, as), out);
}

static enum sc_status is_upper(struct run *run, const struct call *call, struct value *out)
{
    return cased(run, call->self, CASE_UPPER, out);
}

static enum sc_status is_lower(struct run *run, const struct call *call, struct value *out)
{
    return cased(run, call->self, CASE_LOWER, out);
}

/* Whether value % divisor is rest. */
static enum sc_status leaves(struct run *run, struct value value, struct value divisor,
                             int64_t rest, struct value *out)
{
    bool same;

    SC_TRY(sc_jinja_binary(run, OP_MODULO, value, divisor, &value));
    SC_TRY(sc_jinja_equal(run, value, sc_jinja_int(rest, false), &same));
    return give(same, out);
}

static enum sc_status is_odd(struct run *run, const struct call *call, struct value *out)
{
    return leaves(run, call->self, sc_jinja_int(2, false), 1, out);
}

static enum sc_status is_even(struct run *run, const struct call *call, struct value *out)
{
    return leaves(run, call->self, sc_jinja_int(2, false), 0, out);
}

static enum sc_status is_divisibleby(struct run *run, const struct call *call, struct value *out)
{
    return leaves(run, call->self, call->a[0], 0, out);
}

static enum sc_status is_sameas(struct run *run, const struct call *call, struct value *out)
{
    struct value a = call->self, b = call->a[0];
    bool same = a.kind == b.kind;

    if (same && (sc_jinja_is_number(a) || a.kind == VALUE_STRING))
        SC_TRY(sc_jinja_equal(run, a, b, &same));
    else if (same && a.kind != VALUE_NONE)
        same = a.list == b.list;
    return give(same, out);
}

#define RELATION_TEST(name, op)                                                                    \
    static enum sc_status is_##name(struct run *run, const struct call *call, struct value *out)   \
    {                                                                                              \
        bool holds;                                                                                \
        SC_TRY(sc_jinja_relation(run, op, call->self, call->a[0], &holds));                        \
        return give(holds, out);                                                                   \
    }

RELATION_TEST(equal, OP_EQUAL)
RELATION_TEST(unequal, OP_UNEQUAL)
RELATION_TEST(less, OP_LESS)
RELATION_TEST(at_most, OP_AT_MOST)
RELATION_TEST(greater, OP_GREATER)
RELATION_TEST(at_least, OP_AT_LEAST)
RELATION_TEST(in, OP_IN)

const struct builtin sc_jinja_tests[] = {{"defined", is_defined, NULL, 0},
                                         {"undefined", is_undefined, NULL, 0},
                                         {"none", is_none, NULL, 0},
                                         {"boolean", is_boolean, NULL, 0},
                                         {"true", is_true, NULL, 0},
                                         {"false", is_false, NULL, 0},
                                         {"integer", is_integer, NULL, 0},
                                         {"float", is_float, NULL, 0},
                                         {"number", is_number, NULL, 0},
                                         {"string", is_string, NULL, 0},
                                         {"mapping", is_mapping, NULL, 0},
                                         {"iterable", is_iterable, NULL, 0},
                                         {"sequence", is_sequence, NULL, 0},
                                         {"callable", is_callable, NULL, 0},
                                         {"escaped", is_escaped, NULL, 0},
                                         {"filter", is_filter, NULL, 0},
                                         {"test", is_test, NULL, 0},
                                         {"upper", is_upper, NULL, 0},
                                         {"lower", is_lower, NULL, 0},
                                         {"odd", is_odd, NULL, 0},
                                         {"even", is_even, NULL, 0},
                                         {"divisibleby", is_divisibleby, "num", 1},
                                         {"sameas", is_sameas, "other", 1},
                                         {"==", is_equal, "other", 1},
                                         {"eq", is_equal, "other", 1},
                                         {"equalto", is_equal, "other", 1},
                                         {"!=", is_unequal, "other", 1},
                                         {"ne", is_unequal, "other", 1},
                                         {"<", is_less, "other", 1},
                                         {"lt", is_less, "other", 1},
                                         {"lessthan", is_less, "other", 1},
                                         {"<=", is_at_most, "other", 1},
                                         {"le", is_at_most, "other", 1},
                                         {">", is_greater, "other", 1},
                                         {"gt", is_greater, "other", 1},
                                         {"greaterthan", is_greater, "other", 1},
                                         {">=", is_at_least, "other", 1},
                                         {"ge", is_at_least, "other", 1},
                                         {"in", is_in, "seq", 1},
                                         {NULL, NULL, NULL, 0}};
