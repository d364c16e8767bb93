/* What closes a reasoning whose budget is used up: the makers' words, where they stand in a trace,
 * and that they are measured nowhere. */
#include <math.h>

#include "experiment/run/trace_maker.h"
#include "model/chat/chat.h"
#include "model/model.h"
#include "model/tokenizer/parts.h"
#include "model/tokenizer/tokenizer.h"
#include "model_fixture.h"

static struct sc_tokenizer *small_one(void)
{
    json_t *top = small_tokenizer();
    char *text = json_text(top);
    struct sc_tokenizer *out = NULL;
    assert_int_equal(sc_tokenizer_parse(&out, text, strlen(text), NULL, 0, NULL), SC_OK);
    sc_free(text);
    json_decref(top);
    return out;
}

static void the_closing_is_the_makers_text_with_one_control_token(void **state)
{
    struct sc_tokenizer *tokenizer = small_one();
    struct sc_chat_closing closing;
    char *text = NULL;
    size_t n_ends = 0;
    (void)state;
    assert_int_equal(sc_chat_closing(tokenizer, &closing, NULL), SC_OK);
    assert_int_equal(closing.end_id, sc_tokenizer_id(tokenizer, "</think>"));
    for (size_t i = 0; i < closing.n; i++)
        n_ends += closing.ids[i] == closing.end_id;
    assert_int_equal(n_ends, 1);
    assert_int_equal(sc_tokenizer_decode(tokenizer, closing.ids, closing.n, true, &text, NULL),
                     SC_OK);
    assert_string_equal(text, "\n\nConsidering the limited time by the user, I have to give the "
                              "solution based on the thinking directly now.\n</think>\n\n");
    sc_release(text);
    sc_free(closing.ids);
    sc_tokenizer_close(tokenizer);
}

static void memory_that_runs_out_leaves_nothing(void **state)
{
    struct sc_tokenizer *tokenizer = small_one();
    struct sc_chat_closing closing;
    (void)state;
    for (size_t fail_at = 0;; fail_at++) {
        sc_memory_fail_at(fail_at);
        enum sc_status status = sc_chat_closing(tokenizer, &closing, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
        assert_null(closing.ids);
    }
    sc_free(closing.ids);
    sc_tokenizer_close(tokenizer);
}

static void a_closing_is_found_where_the_budget_puts_it(void **state)
{
    int32_t text[] = {90, 7, 91}, ids[] = {1, 2, 3, 90, 7, 91, 5, 6};
    const struct sc_chat_closing closing = {7, text, 3};
    (void)state;
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 8), 3);
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 5), 2); /* cut off within it */
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 3), 0);
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 0), 0);
    assert_int_equal(sc_chat_closing_in(&closing, 0, ids, 8), 0);
    ids[3] = 89; /* a prompt that asked for no reasoning */
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 8), 0);
    ids[3] = 90;
    ids[1] = 7; /* it was closed by itself */
    assert_int_equal(sc_chat_closing_in(&closing, 3, ids, 8), 0);
}

static const struct sc_instance instance = {.prompt = "prompt"};

enum { N = 9, FORCED_AT = 3, N_FORCED = 2, N_REASONING = 5 };

static struct sc_source_trace given_trace(struct sc_token_stats *stats)
{
    for (size_t i = 0; i < N; i++) {
        float c = 5 + (float)i;
        stats[i] = (struct sc_token_stats){-0.5f, -0.25f, c, 1};
        if (i >= FORCED_AT && i < FORCED_AT + N_FORCED)
            stats[i] = (struct sc_token_stats){NAN, NAN, NAN, NAN};
    }
    return (struct sc_source_trace){.finish = SC_FINISH_STOP,
                                    .text = "thought. answer",
                                    .answer = "answer",
                                    .n_tokens_known = true,
                                    .n_tokens = N,
                                    .n_reasoning = N_REASONING,
                                    .figures = SC_ALL_FIGURES,
                                    .stats = stats,
                                    .forced_begin = FORCED_AT,
                                    .n_forced = N_FORCED};
}

static void metrics_pass_over_tokens_that_were_put_in(void **state)
{
    const struct sc_trace_maker maker = {.detector = "patterns/1", .window = 2};
    struct sc_token_stats stats[N];
    struct sc_source_trace given = given_trace(stats);
    struct sc_run_trace made;
    (void)state;
    stats[FORCED_AT].confidence = 1e9f; /* whatever the source leaves there */
    assert_int_equal(sc_trace_make(&maker, &instance, 0, &given, &made, NULL), SC_OK);
    assert_int_equal(made.finish, SC_FINISH_STOP);
    assert_true(isnan(made.stats[FORCED_AT].confidence));
    assert_int_equal(made.n_tokens, N);
    assert_int_equal(sc_run_trace_cost(&made), N - N_FORCED);
    const float sampled[] = {5, 6, 7, 10, 11, 12, 13};
    const float logprob[] = {-0.5f, -0.5f, -0.5f, -0.5f, -0.5f, -0.5f, -0.5f};
    double all[SC_N_METRICS], reasoning[SC_N_METRICS], answer[SC_N_METRICS];
    sc_trace_metrics(sampled, logprob, 7, 2, all);
    sc_trace_metrics(sampled, logprob, 3, 2, reasoning);
    sc_trace_metrics(sampled + 3, logprob + 3, 4, 2, answer);
    assert_memory_equal(made.metrics, all, sizeof all);
    assert_memory_equal(made.reasoning_metrics, reasoning, sizeof reasoning);
    assert_memory_equal(made.answer_metrics, answer, sizeof answer);
    sc_run_trace_free(&made);
}

static void a_sampled_token_without_a_figure_is_still_a_failure(void **state)
{
    const struct sc_trace_maker maker = {.detector = "patterns/1", .window = 2};
    struct sc_token_stats stats[N];
    struct sc_source_trace given = given_trace(stats);
    struct sc_run_trace made;
    (void)state;
    given.n_forced = N_FORCED - 1;
    assert_int_equal(sc_trace_make(&maker, &instance, 0, &given, &made, NULL), SC_OK);
    assert_int_equal(made.finish, SC_FINISH_FAILED);
    assert_string_equal(made.failure, "not a finite number: figures of token 4");
    sc_run_trace_free(&made);
    const size_t wrong[][2] = {{N, 1}, {0, N + 1}, {SIZE_MAX, 2}, {2, SIZE_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        given.forced_begin = wrong[i][0];
        given.n_forced = wrong[i][1];
        assert_int_equal(sc_trace_make(&maker, &instance, 0, &given, &made, NULL), SC_ERR_INTERNAL);
    }
}

static void sampled_tokens_of_a_beginning_are_counted(void **state)
{
    const struct sc_run_trace trace = {
        .n_tokens = 9, .forced_begin = 3, .n_forced = 2, .n_earlier = 10};
    const size_t expected[] = {0, 1, 2, 3, 3, 3, 4, 5, 6, 7};
    (void)state;
    for (size_t n = 0; n <= 9; n++)
        assert_int_equal(sc_run_trace_sampled_of(&trace, n), expected[n]);
    assert_int_equal(sc_run_trace_cost(&trace), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closing_is_the_makers_text_with_one_control_token),
        cmocka_unit_test(memory_that_runs_out_leaves_nothing),
        cmocka_unit_test(a_closing_is_found_where_the_budget_puts_it),
        cmocka_unit_test(metrics_pass_over_tokens_that_were_put_in),
        cmocka_unit_test(a_sampled_token_without_a_figure_is_still_a_failure),
        cmocka_unit_test(sampled_tokens_of_a_beginning_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
