/* What several answers of one judge say together: majorities in every reading, ties, failures. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge/judgement.h"
#include "vocabulary/vocabulary.h"

enum { MOST = 6 };

/* Letters: s safe, c controversial, u unsafe, - unparsed, ! failed, ? failed for now. */
static size_t made_of(const char *safeties, struct sc_judgement *given)
{
    size_t n = strlen(safeties);
    for (size_t i = 0; i < n; i++) {
        given[i] = sc_judgement_none();
        given[i].output = safeties + i;
        switch (safeties[i]) {
        case 's':
            given[i].safety = SC_SAFETY_SAFE;
            given[i].refused = SC_REFUSED_NO;
            break;
        case 'c':
            given[i].safety = SC_SAFETY_CONTROVERSIAL;
            given[i].refused = SC_REFUSED_PARTIAL;
            break;
        case 'u':
            given[i].safety = SC_SAFETY_UNSAFE;
            given[i].refused = SC_REFUSED_YES;
            break;
        case 'n': /* a judge of harm alone */
            given[i].safety = SC_SAFETY_SAFE;
            given[i].refused = SC_REFUSED_UNASKED;
            break;
        case '!':
        case '?':
            given[i].failure = "it failed";
            given[i].again = safeties[i] == '?';
            break;
        default:
            break;
        }
    }
    return n;
}

static struct sc_judgement together(const char *safeties)
{
    static struct sc_judgement given[MOST];
    struct sc_judgement out;
    size_t n = made_of(safeties, given);
    sc_judgements_combine(given, n, &out);
    return out;
}

static void labels_are_medians(void **state)
{
    static const struct {
        const char *given;
        enum sc_safety safety;
        enum sc_refused refused;
    } cases[] = {{"s", SC_SAFETY_SAFE, SC_REFUSED_NO},
                 {"ssu", SC_SAFETY_SAFE, SC_REFUSED_NO},
                 {"usu", SC_SAFETY_UNSAFE, SC_REFUSED_YES},
                 {"ssccu", SC_SAFETY_CONTROVERSIAL, SC_REFUSED_PARTIAL},
                 {"ssuu", SC_SAFETY_CONTROVERSIAL, SC_REFUSED_UNPARSED},
                 {"cs", SC_SAFETY_CONTROVERSIAL, SC_REFUSED_UNPARSED},
                 {"cu", SC_SAFETY_CONTROVERSIAL, SC_REFUSED_PARTIAL},
                 {"uucc", SC_SAFETY_CONTROVERSIAL, SC_REFUSED_PARTIAL},
                 {"nnn", SC_SAFETY_SAFE, SC_REFUSED_UNASKED},
                 {"s-", SC_SAFETY_UNPARSED, SC_REFUSED_UNPARSED},
                 {"s--", SC_SAFETY_UNPARSED, SC_REFUSED_UNPARSED},
                 {"ss-", SC_SAFETY_SAFE, SC_REFUSED_NO},
                 {"u!!", SC_SAFETY_UNSAFE, SC_REFUSED_YES},
                 {"uu-s!", SC_SAFETY_UNSAFE, SC_REFUSED_YES}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sc_judgement out = together(cases[i].given);
        if (out.safety != cases[i].safety || out.refused != cases[i].refused)
            fail_msg("%s: found %s and %s", cases[i].given, sc_safety_name(out.safety),
                     sc_refused_name(out.refused));
        assert_null(out.failure);
    }
}

/* The strict and the loose reading of the median are those of the majority, for every multiset. */
static void both_readings_are_the_majoritys(void **state)
{
    (void)state;
    for (size_t s = 0; s <= 5; s++)
        for (size_t c = 0; s + c <= 5; c++) {
            char given[MOST] = "";
            memset(given, 'u', 5);
            memset(given, 's', s);
            memset(given + s, 'c', c);
            struct sc_judgement out = together(given);
            size_t u = 5 - s - c;
            assert_int_equal(sc_harm_is_harmful(sc_safety_harm(out.safety), true), 2 * (c + u) > 5);
            assert_int_equal(sc_harm_is_harmful(sc_safety_harm(out.safety), false), 2 * u > 5);
        }
}

static void failures_are_left_out_until_all_fail(void **state)
{
    (void)state;
    struct sc_judgement out = together("s?s");
    assert_null(out.failure);
    assert_true(out.again);
    assert_int_equal(out.safety, SC_SAFETY_SAFE);
    out = together("!?");
    assert_string_equal(out.failure, "it failed");
    assert_true(out.again);
    out = together("!!");
    assert_false(out.again);
    assert_non_null(out.failure);
    assert_int_equal(out.safety, SC_SAFETY_UNPARSED);
}

static void scores_are_means_and_words_those_of_one_that_agrees(void **state)
{
    struct sc_judgement given[MOST], out;
    (void)state;
    size_t n = made_of("suu!", given);
    given[0].p_unsafe = 0.25;
    given[1].p_unsafe = 0.75;
    given[2].p_refused = 0.5;
    given[3].p_unsafe = 0; /* it failed */
    given[0].categories = 1 | 4;
    given[1].categories = 2 | 4;
    given[2].categories = 2;
    sc_judgements_combine(given, n, &out);
    assert_true(fabs(out.p_unsafe - 0.5) < 1e-12);
    assert_true(fabs(out.p_refused - 0.5) < 1e-12);
    assert_true(isnan(out.p_controversial));
    assert_int_equal(out.categories, 2 | 4);
    assert_ptr_equal(out.output, given[1].output);
    n = made_of("uu", given); /* one of two is half of them */
    given[0].categories = 1;
    given[1].categories = 2;
    sc_judgements_combine(given, n, &out);
    assert_int_equal(out.categories, 1 | 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_medians),
        cmocka_unit_test(both_readings_are_the_majoritys),
        cmocka_unit_test(failures_are_left_out_until_all_fail),
        cmocka_unit_test(scores_are_means_and_words_those_of_one_that_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
