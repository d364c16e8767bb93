/* Given answers: what each gets among others, what is refused.  That it is what sampling would give
 * is seen in test_expand.c. */
#include "base/memory.h"
#include "base/random.h"
#include "engine/given.h"
#include "inference_fixture.h"

enum { N_PROMPT = 37 };

static struct sc_error error;

static void succeeds(enum sc_status status)
{
    if (status != SC_OK)
        fail_msg("%s", error.text);
}

static void given_answers_of_all_lengths_get_what_each_gets_alone(void **state)
{
    (void)state;
    enum { N = 40 };
    static int32_t ids[N][120];
    struct sc_given_answer together[N];
    int32_t prompt[N_PROMPT];
    for (size_t i = 0; i < N_PROMPT; i++)
        prompt[i] = (int32_t)(7 + i * 13 % 70);
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    const struct sc_given_prompt of = {
        f.engine,
        prompt,
        N_PROMPT,
        {.temperature = 0.9, .top_p = 0.98, .repetition_penalty = 1.2},
        120};
    struct sc_random random = {SC_STREAM_WEIGHTS, 3, 0, 0};
    for (size_t i = 0; i < N; i++) {
        size_t n = i % 5 == 0 ? 120 - i : 1 + sc_random_below(&random, 40);
        for (size_t j = 0; j < n; j++)
            ids[i][j] = (int32_t)sc_random_below(&random, 131);
        together[i] = (struct sc_given_answer){.ids = ids[i], .n = n};
    }
    succeeds(sc_score_answers(&of, together, N, &error));
    for (size_t i = 0; i < N; i++) {
        struct sc_given_answer alone = {.ids = ids[i], .n = together[i].n};
        succeeds(sc_score_answers(&of, &alone, 1, &error));
        assert_memory_equal(&alone.logprob, &together[i].logprob, sizeof(double));
    }
    fixture_close(&f);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct sc_sampling plain = {.temperature = 1, .top_p = 1};
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 5, 3);
    int32_t prompt[300] = {0};
    int32_t ids[] = {1, 2, 5};
    struct sc_given_answer answer = {.ids = ids, .n = 3};
    struct sc_given_prompt of = {f.engine, prompt, 3, plain, 3};
    error = (struct sc_error){0};
    assert_int_equal(sc_score_answers(&of, &answer, 1, &error), SC_ERR_ARGUMENT);
    ids[2] = 4;
    of.max_new_tokens = 2;
    assert_int_equal(sc_score_answers(&of, &answer, 1, &error), SC_ERR_LIMIT);
    of.max_new_tokens = 3;
    succeeds(sc_score_answers(&of, &answer, 1, &error));
    assert_true(answer.logprob < 0 && answer.logprob > -100);
    answer.n = 0;
    succeeds(sc_score_answers(&of, &answer, 1, &error));
    assert_true(answer.logprob == 0);
    prompt[1] = -1;
    assert_int_equal(sc_score_answers(&of, &answer, 1, &error), SC_ERR_ARGUMENT);
    prompt[1] = 0;
    of.n = 255; /* the context is 256 */
    answer.n = 2;
    assert_int_equal(sc_score_answers(&of, &answer, 1, &error), SC_ERR_LIMIT);
    of.n = 0;
    assert_int_equal(sc_score_answers(&of, &answer, 1, &error), SC_ERR_ARGUMENT);
    fixture_close(&f);
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, 5, 3);
    int32_t prompt[3] = {1, 2, 3}, ids[2] = {1, 2};
    struct sc_given_answer answer = {.ids = ids, .n = 2};
    const struct sc_given_prompt of = {f.engine, prompt, 3, {.temperature = 1, .top_p = 1}, 3};
    size_t n = 0;
    for (;; n++) {
        sc_memory_fail_at(n);
        error = (struct sc_error){0};
        enum sc_status status = sc_score_answers(&of, &answer, 1, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_memory_fail_at(SIZE_MAX);
    assert_true(n > 7);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_answers_of_all_lengths_get_what_each_gets_alone),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
