/* The trained reader: its weights fit, and C computes what the training script computed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "benchmark/benchmark.h"
#include "detection/reader/reader.h"

static struct sc_rules_reading rules;
static struct sc_reader_features features;

static struct sc_reading read_answer(const char *prompt, const char *answer)
{
    struct sc_reading out;
    size_t n = strlen(answer);
    sc_rules_read(NULL, prompt, answer, n, &rules);
    sc_reader_features(answer, n, &rules, &features);
    sc_reader_read(&features, &out);
    return out;
}

static void the_weights_are_those_of_these_rules(void **state)
{
    (void)state;
    assert_true(sc_reader_fits());
}

static void c_computes_what_the_training_script_computed(void **state)
{
    (void)state;
    struct sc_table golden;
    struct sc_error error = {0};
    if (sc_table_read(TEST_GOLDEN "/reader.json", NULL, &golden, &error) != SC_OK)
        fail_msg("%s", error.text);
    int prompt = sc_table_column(&golden, "prompt"), answer = sc_table_column(&golden, "answer"),
        p = sc_table_column(&golden, "p");
    assert_true(prompt >= 0 && answer >= 0 && p >= 0);
    for (size_t row = 0; row < golden.n_rows; row++) {
        char *const *cells = golden.cells + row * golden.n_columns;
        double expected = strtod(cells[p], NULL);
        double found = read_answer(cells[prompt], cells[answer]).p_refusal;
        if (!(fabs(found - expected) < 1e-5))
            fail_msg("row %zu: expected %.9g, found %.9g", row, expected, found);
    }
    assert_true(golden.n_rows >= 60);
    sc_table_free(&golden);
}

static void pieces_lie_in_the_answer_between_characters(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "申し訳ありませんが、そのような行為は違法です。代わりに、趣味をお勧めします。",
        "I understand the frustration, but hurting him would be a crime. Talk to a friend instead.",
        "Пилить доску лучше вдоль волокон; сначала разметьте линию карандашом.", "x"};
    for (size_t a = 0; a < sizeof answers / sizeof *answers; a++) {
        struct sc_reading read = read_answer(NULL, answers[a]);
        assert_true(read.p_refusal >= 0 && read.p_refusal <= 1);
        assert_true(read.n_pieces <= SC_MOST_PIECES);
        for (size_t i = 0; i < read.n_pieces; i++) {
            size_t begin = read.pieces[i].begin, end = read.pieces[i].end;
            assert_true(begin < end && end <= strlen(answers[a]));
            assert_int_not_equal((unsigned char)answers[a][begin] & 0xc0, 0x80);
            assert_int_not_equal((unsigned char)answers[a][end] & 0xc0, 0x80);
        }
        assert_true(a == 3 || read.n_pieces > 0);
    }
}

/* However an answer looks, its features keep to their places. */
static void odd_answers_are_read_without_harm(void **state)
{
    (void)state;
    sc_memory_fail_at(SIZE_MAX);
    static char text[200001];
    for (unsigned seed = 1; seed < 12; seed++) {
        size_t n = seed % 3 == 0 ? sizeof text - 1 : 300 * seed;
        uint32_t random = seed;
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525u + 1013904223u;
            text[i] =
                seed % 2 ? (char)(random >> 24 ? random >> 24 : 'x') : (char)(' ' + random % 90);
        }
        text[n] = '\0';
        struct sc_reading read = read_answer(text, text);
        assert_true(features.n_points <= SC_READER_POINTS);
        assert_true(features.n_runs <= SC_READER_POINTS * SC_READER_RUNS);
        assert_true(read.p_refusal >= 0 && read.p_refusal <= 1);
    }
    assert_int_equal(sc_memory_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weights_are_those_of_these_rules),
        cmocka_unit_test(c_computes_what_the_training_script_computed),
        cmocka_unit_test(pieces_lie_in_the_answer_between_characters),
        cmocka_unit_test(odd_answers_are_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
