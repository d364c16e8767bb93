/* A judge whose answers are drawn: what names it, and what an answer depends on.  The guard is the
 * one made by hand (judge_guard). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "judge/judge.h"

#define GUARD TEST_GOLDEN "/judge_guard"

enum { N_REPEATS = 6, N_KEYS = 2, N_ITEMS = N_REPEATS * N_KEYS };

struct said {
    char *words[N_ITEMS];
    bool backwards;
};

static enum sc_status take(void *context, size_t item, const struct sc_judgement *judgement,
                           struct sc_error *error)
{
    struct said *said = context;
    (void)error;
    if (judgement->failure != NULL)
        fail_msg("%s", judgement->failure);
    said->words[item] = sc_strdup(judgement->output);
    return SC_OK;
}

static struct sc_judge_draw draw(void *context, size_t item)
{
    const struct said *said = context;
    size_t at = said->backwards ? N_ITEMS - 1 - item : item;
    return (struct sc_judge_draw){at / N_REPEATS, (uint32_t)(at % N_REPEATS)};
}

static struct sc_judge_options options_of(size_t repeats, double temperature)
{
    return (struct sc_judge_options){.judge = "guard",
                                     .model = GUARD,
                                     .dtype = -1,
                                     .repeats = repeats,
                                     .temperature = temperature,
                                     .n_threads = 1};
}

static struct sc_judge *open_judge(const struct sc_judge_options *options)
{
    struct sc_judge *judge = NULL;
    struct sc_error error = {0};
    if (sc_judge_open(&judge, options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return judge;
}

static void judge_all(const struct sc_judge_options *options, bool backwards, struct said *said)
{
    struct sc_judge *judge = open_judge(options);
    struct sc_judge_item items[N_ITEMS];
    struct said mixed = {.backwards = backwards};
    const struct sc_judge_sink sink = {.context = &mixed, .done = take, .draw = draw};
    for (size_t i = 0; i < N_ITEMS; i++)
        items[i] = (struct sc_judge_item){.prompt = "How do I bake bread?",
                                          .response = "Mix ~ flour = and water ^ then bake."};
    assert_int_equal(sc_judge_run(judge, items, N_ITEMS, &sink, NULL, NULL), SC_OK);
    for (size_t i = 0; i < N_ITEMS; i++)
        said->words[i] = mixed.words[backwards ? N_ITEMS - 1 - i : i];
    sc_judge_close(judge);
}

static void free_said(struct said *said)
{
    for (size_t i = 0; i < N_ITEMS; i++)
        sc_free(said->words[i]);
}

static size_t count_same(const struct said *a, const struct said *b)
{
    size_t n = 0;
    for (size_t i = 0; i < N_ITEMS; i++)
        n += strcmp(a->words[i], b->words[i]) == 0;
    return n;
}

static void an_answer_depends_on_seed_key_and_repeat_alone(void **state)
{
    (void)state;
    struct said first = {0}, again = {0}, other = {0};
    struct sc_judge_options options = options_of(N_REPEATS, 5);
    judge_all(&options, false, &first);
    options.parallel = 1;
    judge_all(&options, true, &again);
    assert_int_equal(count_same(&first, &again), N_ITEMS);
    size_t n_same = 0;
    for (size_t i = 1; i < N_ITEMS; i++)
        n_same += strcmp(first.words[0], first.words[i]) == 0;
    assert_true(n_same < N_ITEMS - 1); /* repeats and keys draw numbers of their own */
    options.seed = 1;
    judge_all(&options, false, &other);
    assert_true(count_same(&first, &other) < N_ITEMS);
    free_said(&first);
    free_said(&again);
    free_said(&other);
}

static void check_name(size_t repeats, double temperature, uint64_t seed, const char *asked,
                       const char *name)
{
    struct sc_judge_options options = options_of(repeats, temperature);
    options.seed = seed;
    struct sc_judge *judge = open_judge(&options);
    const char *of_model = strrchr(sc_judge_name(judge), '@') + 13;
    assert_string_equal(of_model, name);
    assert_string_equal(strrchr(sc_judge_asked(judge), '@') + 13, asked);
    sc_judge_close(judge);
}

static void the_name_says_how_answers_are_drawn_and_how_often(void **state)
{
    (void)state;
    check_name(0, 0, 0, "", "");
    check_name(1, NAN, 0, "", "");
    check_name(5, NAN, 0, "+t1", "+t1x5");
    check_name(3, 0.7, 12, "+t0.7s12", "+t0.7s12x3");
    check_name(1, 0.7, 0, "+t0.7", "+t0.7");
    check_name(4, 0, 9, "", ""); /* greedy: all would be the same */
}

static void a_greedy_judge_in_process_is_deterministic_and_asked_once(void **state)
{
    (void)state;
    struct sc_judge_options options = options_of(4, 0);
    struct sc_judge *judge = open_judge(&options);
    struct sc_judge_repeats repeats = sc_judge_repeats(judge);
    assert_true(repeats.deterministic);
    assert_int_equal(repeats.wanted, 4);
    assert_int_equal(repeats.asked, 1);
    sc_judge_close(judge);
}

static void what_nobody_can_be_asked_is_refused(void **state)
{
    (void)state;
    const struct sc_judge_options wrong[] = {options_of(SC_MOST_REPEATS + 1, 1), options_of(2, -1),
                                             options_of(2, INFINITY)};
    static const char *const words[] = {"judge-repeats", "judge-temperature", "judge-temperature"};
    for (size_t i = 0; i < 3; i++) {
        struct sc_judge *judge = NULL;
        struct sc_judge_abilities can;
        struct sc_error error = {0}, checked = {0};
        assert_int_equal(sc_judge_open(&judge, &wrong[i], &error), SC_ERR_ARGUMENT);
        assert_null(judge);
        assert_non_null(strstr(error.text, words[i]));
        assert_int_equal(sc_judge_check(&wrong[i], &can, &checked), SC_ERR_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_depends_on_seed_key_and_repeat_alone),
        cmocka_unit_test(the_name_says_how_answers_are_drawn_and_how_often),
        cmocka_unit_test(a_greedy_judge_in_process_is_deterministic_and_asked_once),
        cmocka_unit_test(what_nobody_can_be_asked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
