/* Equal texts are judged once, and what is said of one is said of all.  The guard is the one made
 * by hand (judge_guard). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "judge/alike.h"

#define GUARD TEST_GOLDEN "/judge_guard"

enum { N = 9 };

static const struct sc_message hello[] = {{"user", "Hello"}, {"assistant", "Hi!"}};
static const struct sc_message howdy[] = {{"user", "Hello"}, {"assistant", "Howdy!"}};

/* 0, 3 and 7 are the same, and 2 and 8. */
static const struct sc_judge_item items[N] = {
    {.prompt = "How do I bake bread?", .response = "Mix ~ flour = and water."},
    {.prompt = "How do I bake bread?", .response = ""},
    {.prompt = "How do I bake bread?"},
    {.prompt = "How do I bake bread?", .response = "Mix ~ flour = and water."},
    {.prompt = "How do I bake bread?", .response = "No ^ no."},
    {.prompt = "How do I bake bread?",
     .response = "Mix ~ flour = and water.",
     .turns = hello,
     .n_turns = 2},
    {.prompt = "How do I bake bread?",
     .response = "Mix ~ flour = and water.",
     .turns = howdy,
     .n_turns = 2},
    {.prompt = "How do I bake bread?", .response = "Mix ~ flour = and water."},
    {.prompt = "How do I bake bread?"},
};

struct said {
    char *words[N];
    struct sc_judgement judgements[N];
    int n_done[N];
    uint32_t repeats[N];
    size_t n_steps;
};

static enum sc_status take(void *context, size_t item, const struct sc_judgement *judgement,
                           struct sc_error *error)
{
    struct said *said = context;
    (void)error;
    assert_null(judgement->failure);
    said->n_done[item]++;
    said->words[item] = sc_strdup(judgement->output);
    said->judgements[item] = *judgement;
    said->judgements[item].output = NULL;
    return SC_OK;
}

static struct sc_judge_draw draw(void *context, size_t item)
{
    return (struct sc_judge_draw){item, ((const struct said *)context)->repeats[item]};
}

static bool step(void *context, const struct sc_judge_counts *counts)
{
    ((struct said *)context)->n_steps += counts->n_done <= N;
    return true;
}

static void said_free(struct said *said)
{
    for (size_t i = 0; i < N; i++)
        sc_free(said->words[i]);
}

static void equal_items_are_of_one_kind(void **state)
{
    static const size_t first[] = {0, 1, 2, 4, 5, 6};
    static const size_t next[N] = {3,          SC_NO_ITEM, 8,          7,         SC_NO_ITEM,
                                   SC_NO_ITEM, SC_NO_ITEM, SC_NO_ITEM, SC_NO_ITEM};
    struct said said = {0};
    const struct sc_judge_sink sink = {.context = &said, .draw = draw};
    struct sc_alike alike;
    (void)state;
    assert_int_equal(sc_alike_find(items, N, &sink, &alike, NULL), SC_OK);
    assert_int_equal(alike.n, sizeof first / sizeof *first);
    assert_memory_equal(alike.first, first, sizeof first);
    assert_memory_equal(alike.next, next, sizeof next);
    sc_alike_free(&alike);
    /* Another repeat is another question. */
    said.repeats[3] = 1;
    assert_int_equal(sc_alike_find(items, N, &sink, &alike, NULL), SC_OK);
    assert_int_equal(alike.n, 7);
    assert_int_equal(alike.next[0], 7);
    assert_int_equal(alike.next[3], SC_NO_ITEM);
    sc_alike_free(&alike);
}

static struct sc_judge *open_judge(double temperature)
{
    const struct sc_judge_options options = {.judge = "guard",
                                             .model = GUARD,
                                             .dtype = -1,
                                             .repeats = temperature > 0 ? 2 : 1,
                                             .temperature = temperature,
                                             .n_threads = 1};
    struct sc_judge *judge = NULL;
    struct sc_error error = {0};
    if (sc_judge_open(&judge, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return judge;
}

static void assert_same(const struct said *a, const struct said *b, size_t i)
{
    const struct sc_judgement *x = &a->judgements[i], *y = &b->judgements[i];
    const double scores[][2] = {{x->p_unsafe, y->p_unsafe},
                                {x->p_controversial, y->p_controversial},
                                {x->safety_mass, y->safety_mass},
                                {x->p_refused, y->p_refused},
                                {x->refused_mass, y->refused_mass}};
    assert_string_equal(a->words[i], b->words[i]);
    assert_int_equal(x->safety, y->safety);
    assert_int_equal(x->refused, y->refused);
    assert_int_equal(x->categories, y->categories);
    assert_int_equal(x->n_tokens, y->n_tokens);
    for (size_t k = 0; k < sizeof scores / sizeof *scores; k++)
        assert_memory_equal(&scores[k][0], &scores[k][1], sizeof scores[k][0]);
}

static void equal_texts_are_judged_once_and_alike(void **state)
{
    struct sc_judge *judge = open_judge(0);
    struct said together = {0}, alone = {0};
    struct sc_judge_counts counts, one;
    uint64_t n_tokens = 0, n_generated = 0;
    size_t n_unparsed = 0, n_forced = 0;
    (void)state;
    const struct sc_judge_sink sink = {&together, take, draw, step};
    assert_int_equal(sc_judge_run(judge, items, N, &sink, &counts, NULL), SC_OK);
    for (size_t i = 0; i < N; i++) {
        struct said said = {0};
        const struct sc_judge_sink single = {.context = &said, .done = take};
        assert_int_equal(together.n_done[i], 1);
        assert_int_equal(sc_judge_run(judge, &items[i], 1, &single, &one, NULL), SC_OK);
        alone.words[i] = said.words[0];
        alone.judgements[i] = said.judgements[0];
        assert_same(&together, &alone, i);
        n_unparsed += one.n_unparsed;
        n_forced += one.n_forced;
        if (i != 3 && i != 7 && i != 8) {
            n_tokens += one.n_prompt_tokens;
            n_generated += one.n_generated;
        }
    }
    assert_true(together.n_steps > 0);
    assert_int_equal(counts.n_done, N);
    assert_int_equal(counts.n_same, 3);
    assert_int_equal(counts.n_unparsed, n_unparsed);
    assert_int_equal(counts.n_forced, n_forced);
    assert_int_equal(counts.n_prompt_tokens, n_tokens);
    assert_int_equal(counts.n_generated, n_generated);
    said_free(&together);
    said_free(&alone);
    sc_judge_close(judge);
}

static void drawn_answers_are_drawn_for_each(void **state)
{
    struct sc_judge *judge = open_judge(1);
    struct said said = {0};
    struct sc_judge_counts counts;
    (void)state;
    const struct sc_judge_sink sink = {&said, take, draw, NULL};
    assert_int_equal(sc_judge_run(judge, items, N, &sink, &counts, NULL), SC_OK);
    assert_int_equal(counts.n_done, N);
    assert_int_equal(counts.n_same, 0);
    said_free(&said);
    sc_judge_close(judge);
}

/* A sink that has enough ends the run, in the middle of equal ones too. */
static enum sc_status refuse_third(void *context, size_t item, const struct sc_judgement *judgement,
                                   struct sc_error *error)
{
    size_t *n = context;
    (void)item;
    (void)judgement;
    return ++*n == 3 ? sc_fail(error, SC_ERR_IO, "disk full") : SC_OK;
}

static void a_refused_judgement_ends_the_run(void **state)
{
    struct sc_judge *judge = open_judge(0);
    struct sc_error error = {0};
    size_t n = 0;
    (void)state;
    const struct sc_judge_item same[] = {items[0], items[0], items[0], items[0]};
    const struct sc_judge_sink sink = {.context = &n, .done = refuse_third};
    assert_int_equal(sc_judge_run(judge, same, 4, &sink, NULL, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "disk full"));
    assert_int_equal(n, 3);
    sc_judge_close(judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_items_are_of_one_kind),
        cmocka_unit_test(equal_texts_are_judged_once_and_alike),
        cmocka_unit_test(drawn_answers_are_drawn_for_each),
        cmocka_unit_test(a_refused_judgement_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
