/* The tree of a prompt's answers, and where it is decided: against tests/golden/decided.json
 * (NumPy, SciPy, scikit-learn; make_decided_golden.py there), by hand, and on noise. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "statistics/mantel_haenszel.h"
#include "tree/pool.h"

enum { MOST_ANSWERS = 256, MOST_TOKENS = 40 };
static json_t *golden;

static int load(void **state)
{
    json_error_t error;
    (void)state;
    golden = json_load_file(TEST_GOLDEN "/decided.json", 0, &error);
    if (golden == NULL)
        print_error("decided.json: line %d: %s\n", error.line, error.text);
    return golden == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9))
        fail_msg("expected %.17g, found %.17g", expected, found);
}

/* Answers of a prompt, with room. */
struct prompt {
    struct sc_tree_answer answers[MOST_ANSWERS];
    int32_t ids[MOST_ANSWERS][MOST_TOKENS];
    size_t n;
};

/* Each trace has the same share. */
static void add(struct prompt *p, size_t n_tokens, bool refuses)
{
    p->answers[p->n] = (struct sc_tree_answer){.ids = p->ids[p->n],
                                               .n = n_tokens,
                                               .refused = refuses,
                                               .complied = !refuses,
                                               .mass = 1,
                                               .n_traces = 1,
                                               .ended = true};
    p->n++;
}

static void share(struct prompt *p)
{
    for (size_t i = 0; i < p->n; i++) {
        p->answers[i].mass /= (double)p->n;
        p->answers[i].refused /= (double)p->n;
        p->answers[i].complied /= (double)p->n;
    }
}

/* Order, sums and depths, whatever it was built from. */
static void check_shape(const struct sc_tree *tree)
{
    assert_int_equal(tree->nodes[0].parent, SC_NO_PARENT);
    for (size_t i = 1; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i], *parent = &tree->nodes[node->parent];
        assert_true(node->parent < i && node->depth >= parent->depth);
        assert_true(node->token < 0 || node->depth > parent->depth);
        assert_true(node->refused + node->complied <= node->mass + 1e-12);
        uint32_t above = (uint32_t)i - 1; /* depth first: behind its parent or a sibling's last */
        while (above != node->parent) {
            assert_int_not_equal(above, 0);
            above = tree->nodes[above].parent;
        }
    }
    for (size_t i = 0; i < tree->n; i++) {
        double mass = 0, last = INFINITY;
        uint64_t n = 0;
        size_t n_children = 0;
        for (size_t k = i + 1; k < tree->n; k++)
            if (tree->nodes[k].parent == i) {
                mass += tree->nodes[k].mass;
                n += tree->nodes[k].n_traces;
                assert_true(tree->nodes[k].mass <= last);
                last = tree->nodes[k].mass;
                n_children++;
            }
        assert_true(i == 0 || n_children != 1);
        if (n_children > 0) {
            assert_true(fabs(mass - tree->nodes[i].mass) < 1e-12);
            assert_int_equal(n, tree->nodes[i].n_traces);
            assert_false(tree->nodes[i].ended);
        }
    }
}

/* ---- the shape ------------------------------------------------------------------------------- */

static void a_tree_by_hand(void **state)
{
    (void)state;
    static const int32_t can[] = {5, 6, 7, 2}, cannot[] = {5, 6, 8, 9, 2}, sure[] = {4, 2};
    static const uint32_t ends[] = {1, 5, 7, 8, 8}, sure_ends[] = {4, 4}, can_ends[] = {1, 5, 6, 6};
    const struct sc_tree_answer answers[] = {
        {can, 4, "I can!", can_ends, NULL, 0.125, 0, 0.125, 1, true},
        {cannot, 5, "I can't.", ends, NULL, 0.25, 0.25, 0, 2, true},
        {sure, 2, "Sure", sure_ends, NULL, 0.375, 0, 0.375, 3, true},
        {cannot, 5, "I can't.", ends, NULL, 0.125, 0.125, 0, 1, true},
        {can, 2, "I can", ends, NULL, 0.125, 0, 0, 1, true}, /* a cut one: nothing is known of it */
    };
    struct sc_tree tree;
    assert_int_equal(sc_tree_build(answers, 5, false, &tree, NULL), SC_OK);
    check_shape(&tree);
    assert_int_equal(tree.n, 6);
    static const struct {
        uint32_t parent, depth;
        int32_t token;
        const char *text, *whole;
        uint64_t n;
    } expected[] = {{SC_NO_PARENT, 0, -1, "", "", 8}, {0, 2, 5, "I can", "I can", 5},
                    {1, 5, 8, "'t.", "I can't.", 3},  {1, 2, -1, "", "I can", 1},
                    {1, 4, 7, "!", "I can!", 1},      {0, 2, 4, "Sure", "Sure", 3}};
    for (size_t i = 0; i < tree.n; i++) {
        char *whole = sc_tree_text(&tree, i);
        assert_int_equal(tree.nodes[i].parent, expected[i].parent);
        assert_int_equal(tree.nodes[i].depth, expected[i].depth);
        assert_int_equal(tree.nodes[i].token, expected[i].token);
        assert_string_equal(tree.nodes[i].text, expected[i].text);
        assert_string_equal(whole, expected[i].whole);
        assert_int_equal(tree.nodes[i].n_traces, expected[i].n);
        sc_free(whole);
    }
    sc_tree_free(&tree);
    sc_tree_free(&tree); /* zeros are fine */
}

static void odd_answers_make_trees(void **state)
{
    (void)state;
    struct sc_tree tree;
    const struct sc_tree_answer nothing = {NULL, 0, NULL, NULL, NULL, 1, 0, 0, 1, true};
    assert_int_equal(sc_tree_build(&nothing, 1, false, &tree, NULL), SC_OK);
    assert_int_equal(tree.n, 2);
    check_shape(&tree);
    sc_tree_free(&tree);
    /* text that is shorter than said, broken, or goes backwards */
    static const int32_t ids[] = {1, 2, 3};
    static const uint32_t ends[] = {2, 1, 900}, broken_ends[] = {1, 2, 3};
    const struct sc_tree_answer hostile[] = {
        {ids, 3, "ab", ends, NULL, 0.5, 0, 0, 1, true},
        {ids, 1, "\xff\xfe<script>", broken_ends, NULL, 0.25, 0, 0, 1, true},
        {ids, 2, NULL, NULL, NULL, 0.25, 0, 0, 1, true}};
    assert_int_equal(sc_tree_build(hostile, 3, false, &tree, NULL), SC_OK);
    check_shape(&tree);
    sc_tree_free(&tree);
    assert_int_equal(sc_tree_build(hostile + 1, 1, true, &tree, NULL), SC_OK);
    assert_string_equal(tree.nodes[1].text, "\xef\xbf\xbd");
    sc_tree_free(&tree);
}

/* Each answer is a beginning of the next: as deep as there are answers. */
static void deep_trees_take_no_recursion(void **state)
{
    (void)state;
    enum { N = 20000 };
    int32_t *ids = calloc(2 * N, sizeof *ids);
    struct sc_tree_answer *answers = calloc(N, sizeof *answers);
    for (size_t i = 0; i < N; i++)
        answers[i] = (struct sc_tree_answer){
            .ids = ids, .n = i + 1, .mass = 1.0 / N, .refused = i % 2 ? 1.0 / N : 0, .n_traces = 1};
    struct sc_tree tree;
    struct sc_decided decided;
    assert_int_equal(sc_tree_build(answers, N, true, &tree, NULL), SC_OK);
    assert_int_equal(tree.n, 2 * N);
    assert_int_equal(sc_tree_decide(&tree, &decided, NULL), SC_OK);
    char *text = sc_tree_text(&tree, tree.n - 1);
    assert_string_equal(text, "");
    sc_free(text);
    sc_tree_free(&tree);
    free(answers);
    free(ids);
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    struct prompt *p = calloc(1, sizeof *p);
    for (size_t i = 0; i < 12; i++) {
        p->ids[i][0] = (int32_t)(i % 3);
        p->ids[i][1] = (int32_t)i;
        add(p, 2, i % 2);
    }
    share(p);
    for (size_t fail = 0;; fail++) {
        struct sc_tree tree = {0};
        struct sc_decided decided;
        struct sc_decided_pool *pool = NULL;
        struct sc_decided_run run;
        sc_memory_fail_at(fail);
        enum sc_status status = sc_tree_build(p->answers, p->n, false, &tree, NULL);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            status = sc_tree_decide(&tree, &decided, NULL);
        if (status == SC_OK)
            status = sc_decided_pool_open(&pool, 1, NULL);
        if (status == SC_OK)
            status = sc_decided_pool_add(pool, 0, &tree, p->answers, &decided, NULL);
        if (status == SC_OK)
            status = sc_decided_pool_finish(pool, &run, NULL);
        sc_memory_fail_at(SIZE_MAX);
        sc_tree_free(&tree);
        sc_decided_pool_close(pool);
        if (status == SC_OK) {
            assert_true(fail > 12);
            break;
        }
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    free(p);
}

/* ---- what is left ---------------------------------------------------------------------------- */

static void entropies_are_those_of_others(void **state)
{
    (void)state;
    size_t i, t, k;
    json_t *one, *answer, *id;
    json_array_foreach(json_object_get(golden, "prompts"), i, one)
    {
        struct prompt *p = calloc(1, sizeof *p);
        json_array_foreach(json_object_get(one, "answers"), t, answer)
        {
            json_array_foreach(answer, k, id) p->ids[t][k] = (int32_t)json_integer_value(id);
            add(p, json_array_size(answer),
                json_is_true(json_array_get(json_object_get(one, "refuses"), t)));
        }
        share(p);
        struct sc_tree tree;
        struct sc_decided decided;
        assert_int_equal(sc_tree_build(p->answers, p->n, false, &tree, NULL), SC_OK);
        check_shape(&tree);
        assert_int_equal(sc_tree_decide(&tree, &decided, NULL), SC_OK);
        for (k = 0; k < json_array_size(json_object_get(one, "plain")); k++) {
            near(decided.plain[k],
                 json_number_value(json_array_get(json_object_get(one, "plain"), k)));
            near(decided.null[k],
                 json_number_value(json_array_get(json_object_get(one, "null"), k)));
        }
        sc_tree_free(&tree);
        free(p);
    }
    json_array_foreach(json_object_get(golden, "chance"), i, one)
        near(sc_entropy_by_chance((size_t)json_integer_value(json_object_get(one, "n")),
                                  (size_t)json_integer_value(json_object_get(one, "refused")),
                                  (size_t)json_integer_value(json_object_get(one, "m"))),
             json_number_value(json_object_get(one, "entropy")));
}

static void strata_are_those_of_others(void **state)
{
    (void)state;
    size_t i, k;
    json_t *one, *row;
    json_array_foreach(json_object_get(golden, "strata"), i, one)
    {
        struct sc_mantel_haenszel sums = {0};
        json_array_foreach(json_object_get(one, "rows"), k, row)
        {
            size_t c[4];
            for (size_t j = 0; j < 4; j++)
                c[j] = (size_t)json_integer_value(json_array_get(row, j));
            sc_mantel_haenszel_add(&sums, &(struct sc_two_groups){c[0], c[1], c[2], c[3]});
        }
        struct sc_estimate e = sc_mantel_haenszel_difference(&sums);
        near(e.value, json_number_value(json_object_get(one, "difference")));
        near(e.low, json_number_value(json_object_get(one, "low")));
        near(e.high, json_number_value(json_object_get(one, "high")));
        near(sc_mantel_haenszel_test(&sums), json_number_value(json_object_get(one, "p")));
    }
    assert_true(isnan(sc_mantel_haenszel_difference(&(struct sc_mantel_haenszel){0}).value));
}

/* P(refuse) = 1/2; the first token says it in three cases of four, the second in all. */
static void an_exact_tree_by_hand(void **state)
{
    (void)state;
    static const int32_t ids[4][2] = {{1, 3}, {1, 4}, {2, 3}, {2, 4}};
    const struct sc_tree_answer answers[] = {
        {ids[0], 2, NULL, NULL, NULL, 0.375, 0.375, 0, 0, true},
        {ids[1], 2, NULL, NULL, NULL, 0.125, 0, 0.125, 0, true},
        {ids[2], 2, NULL, NULL, NULL, 0.125, 0.125, 0, 0, true},
        {ids[3], 2, NULL, NULL, NULL, 0.375, 0, 0.375, 0, true}};
    struct sc_tree tree;
    struct sc_decided d;
    assert_int_equal(sc_tree_build(answers, 4, true, &tree, NULL), SC_OK);
    assert_int_equal(sc_tree_decide(&tree, &d, NULL), SC_OK);
    near(d.entropy, log(2));
    near(d.known, 1);
    near(d.left[0], sc_entropy_of_share(0.25) / log(2));
    near(d.left[1], 0);
    near(d.left[63], 0);
    assert_int_equal(d.half, 2);
    assert_int_equal(d.tenth, 2);
    near(d.first_refusing, 0);
    assert_int_equal(d.n_forks, 3);
    for (size_t i = 0; i < 3; i++)
        near(fabs(d.forks[i].swing.value), tree.nodes[d.forks[i].node].parent == 0 ? 0.5 : 1);
    assert_true(isnan(d.forks[0].p));
    sc_tree_free(&tree);
}

/* Beside the branch that a fork is about stands the heaviest of the others. */
static void beside_a_branch_stands_the_heaviest_other(void **state)
{
    (void)state;
    static const int32_t ids[3][1] = {{1}, {2}, {3}};
    const struct sc_tree_answer answers[] = {{ids[0], 1, NULL, NULL, NULL, 0.5, 0.5, 0, 0, true},
                                             {ids[1], 1, NULL, NULL, NULL, 0.3, 0, 0.3, 0, true},
                                             {ids[2], 1, NULL, NULL, NULL, 0.2, 0, 0.2, 0, true}};
    struct sc_tree tree;
    struct sc_decided d;
    assert_int_equal(sc_tree_build(answers, 3, true, &tree, NULL), SC_OK);
    assert_int_equal(sc_tree_decide(&tree, &d, NULL), SC_OK);
    assert_int_equal(d.n_forks, 1);
    assert_int_equal(tree.nodes[d.forks[0].node].token, 1);
    assert_int_equal(tree.nodes[d.forks[0].other].token, 2);
    sc_tree_free(&tree);
}

static void nothing_known_is_nothing_said(void **state)
{
    (void)state;
    static const int32_t ids[] = {1, 2};
    const struct sc_tree_answer unknown[] = {{ids, 2, NULL, NULL, NULL, 1, 0, 0, 4, true}};
    const struct sc_tree_answer refuses[] = {{ids, 2, NULL, NULL, NULL, 1, 1, 0, 5, true}};
    struct sc_tree tree;
    struct sc_decided d;
    assert_int_equal(sc_tree_build(unknown, 1, false, &tree, NULL), SC_OK);
    assert_int_equal(sc_tree_decide(&tree, &d, NULL), SC_OK);
    assert_true(isnan(d.entropy) && isnan(d.left[0]) && d.n_forks == 0 && d.half == 0);
    sc_tree_free(&tree);
    assert_int_equal(sc_tree_build(refuses, 1, false, &tree, NULL), SC_OK);
    assert_int_equal(sc_tree_decide(&tree, &d, NULL), SC_OK);
    assert_true(d.entropy <= 0 && isnan(d.left[0]));
    near(d.first_refusing, 1);
    sc_tree_free(&tree);
}

/* ---- runs: what is there is found, noise is not ------------------------------------------------
 */

struct made {
    size_t n_prompts, n_traces;
    double settled; /* probability that the second token is that of the verdict */
    uint64_t seed;
};

/* First token: a coin that knows nothing; second: the verdict's, or a coin; then noise. */
static void make_prompt(struct prompt *p, const struct made *made, size_t number)
{
    struct sc_random r = {.stream = SC_STREAM_WEIGHTS, .seed = made->seed, .key = number};
    double rate = 0.2 + 0.6 * sc_random_next(&r);
    p->n = 0;
    for (size_t t = 0; t < made->n_traces; t++) {
        int32_t *ids = p->ids[t];
        bool refuses = sc_random_next(&r) < rate, coin = sc_random_next(&r) < 0.5;
        ids[0] = coin ? 10 : 11;
        ids[1] = sc_random_next(&r) < made->settled ? 20 + refuses : 20 + coin;
        for (size_t k = 2; k < 6; k++)
            ids[k] = (int32_t)sc_random_below(&r, 3);
        add(p, 6, refuses);
    }
    share(p);
}

static struct sc_decided_pool *make_run(const struct made *made, struct sc_decided_run *out)
{
    struct prompt *p = calloc(1, sizeof *p);
    struct sc_decided_pool *pool;
    assert_int_equal(sc_decided_pool_open(&pool, made->seed, NULL), SC_OK);
    for (size_t i = 0; i < made->n_prompts; i++) {
        struct sc_tree tree;
        struct sc_decided decided;
        make_prompt(p, made, i);
        assert_int_equal(sc_tree_build(p->answers, p->n, false, &tree, NULL), SC_OK);
        assert_int_equal(sc_tree_decide(&tree, &decided, NULL), SC_OK);
        assert_int_equal(sc_decided_pool_add(pool, i, &tree, p->answers, &decided, NULL), SC_OK);
        sc_tree_free(&tree);
    }
    assert_int_equal(sc_decided_pool_finish(pool, out, NULL), SC_OK);
    free(p);
    return pool;
}

/* What is left after d + 1 tokens, over all prompts. */
static double left_of(const struct sc_decided_run *run, size_t d)
{
    double plain = 0, null = 0;
    for (size_t i = 0; i < run->n_wavering; i++) {
        plain += run->plain[i * SC_DECIDED_DEPTHS + d];
        null += run->null[i * SC_DECIDED_DEPTHS + d];
    }
    return plain / null;
}

static double share_below(const struct sc_decided_run *run, size_t d, double left)
{
    double n = 0;
    for (size_t r = 0; r < SC_N_SHUFFLES; r++)
        n += run->shuffled[d * SC_N_SHUFFLES + r] <= left;
    return n / SC_N_SHUFFLES;
}

static void noise_decides_nothing(void **state)
{
    (void)state;
    enum { N_RUNS = 40 };
    double mean[4] = {0};
    size_t n_below = 0, n_forks = 0;
    for (size_t r = 0; r < N_RUNS; r++) {
        const struct made made = {.n_prompts = 60, .n_traces = 10, .settled = 0, .seed = 100 + r};
        struct sc_decided_run run;
        struct sc_decided_pool *pool = make_run(&made, &run);
        assert_true(run.n_depths >= 3 && run.n_tested > 0);
        for (size_t d = 0; d < 3; d++)
            mean[d] += left_of(&run, d) / N_RUNS;
        n_below += share_below(&run, 1, left_of(&run, 1)) <= 0.05;
        n_forks += run.n_forks > 0;
        double shuffled = 0;
        for (size_t s = 0; s < SC_N_SHUFFLES; s++)
            shuffled += run.shuffled[SC_N_SHUFFLES + s] / SC_N_SHUFFLES;
        assert_true(fabs(shuffled - 1) < 0.02); /* their mean is what is known exactly */
        sc_decided_pool_close(pool);
    }
    for (size_t d = 0; d < 3; d++)
        assert_true(fabs(mean[d] - 1) < 0.02);
    assert_in_range(n_below, 0, 6); /* 5 % of 40 are 2 */
    assert_in_range(n_forks, 0, 6);
}

static void what_decides_is_found(void **state)
{
    (void)state;
    const struct made made = {.n_prompts = 80, .n_traces = 10, .settled = 0.96, .seed = 5};
    struct sc_decided_run run;
    struct sc_decided_pool *pool = make_run(&made, &run);
    assert_true(fabs(left_of(&run, 0) - 1) < 0.1);
    assert_true(left_of(&run, 1) < 0.25);
    assert_true(share_below(&run, 1, left_of(&run, 1)) <= 0);
    assert_true(run.n_forks >= 2);
    for (size_t i = 0; i < 2; i++) { /* the second token, behind either first one */
        const struct sc_run_fork *f = &run.forks[i];
        assert_int_equal(f->branch.depth, 2);
        assert_int_equal(f->other.depth, 2);
        assert_true(fabs(f->swing.value) > 0.85 && f->swing.low <= f->swing.value);
        near(f->refusing - f->otherwise, f->swing.value);
        assert_true(f->p < 1e-6 && f->n_prompts > 20);
    }
    assert_int_equal(run.n_first, 2);
    near(run.first[0].mass + run.first[1].mass, 1);
    sc_decided_pool_close(pool);
}

/* A beginning that refused prompts happen to have decides nothing within any of them. */
static void prompts_that_differ_are_no_fork(void **state)
{
    (void)state;
    struct prompt *p = calloc(1, sizeof *p);
    struct sc_decided_pool *pool;
    struct sc_decided_run run;
    assert_int_equal(sc_decided_pool_open(&pool, 1, NULL), SC_OK);
    for (size_t i = 0; i < 40; i++) {
        struct sc_tree tree;
        struct sc_decided decided;
        p->n = 0;
        for (size_t t = 0; t < 10; t++) {
            p->ids[t][0] = t == 0 ? (i % 2 ? 7 : 8) : (i % 2 ? 8 : 7);
            add(p, 1, i % 2);
        }
        share(p);
        assert_int_equal(sc_tree_build(p->answers, p->n, false, &tree, NULL), SC_OK);
        assert_int_equal(sc_tree_decide(&tree, &decided, NULL), SC_OK);
        assert_int_equal(sc_decided_pool_add(pool, i, &tree, p->answers, &decided, NULL), SC_OK);
        sc_tree_free(&tree);
    }
    assert_int_equal(sc_decided_pool_finish(pool, &run, NULL), SC_OK);
    assert_int_equal(run.n_wavering, 0);
    assert_int_equal(run.n_forks, 0);
    assert_int_equal(run.n_depths, 0);
    sc_decided_pool_close(pool);
    free(p);
}

/* Two traces that part are no finding, ten against ten are one. */
static void few_traces_are_no_finding(void **state)
{
    (void)state;
    struct prompt *p = calloc(1, sizeof *p);
    for (size_t n = 1; n <= 10; n += 9) {
        struct sc_tree tree;
        struct sc_decided d;
        p->n = 0;
        for (size_t t = 0; t < 2 * n; t++) {
            p->ids[t][0] = 3;
            p->ids[t][1] = (int32_t)(t % 2);
            add(p, 2, t % 2);
        }
        share(p);
        assert_int_equal(sc_tree_build(p->answers, p->n, false, &tree, NULL), SC_OK);
        assert_int_equal(sc_tree_decide(&tree, &d, NULL), SC_OK);
        assert_int_equal(d.n_forks, n == 10);
        assert_int_equal(d.half, n == 10 ? 2 : 0);
        sc_tree_free(&tree);
    }
    free(p);
}

/* Three traces of which one refuses, and two of them go together for a token.  By shuffles that
 * know nothing of the last one the refusal stays with the third trace twice running, one time in
 * nine. */
static void shuffles_know_nothing_of_each_other(void **state)
{
    (void)state;
    struct prompt *p = calloc(1, sizeof *p);
    struct sc_tree tree;
    struct sc_decided decided;
    struct sc_decided_pool *pool;
    struct sc_decided_run run;
    size_t n_alone = 0, n_twice = 0;
    for (size_t t = 0; t < 3; t++) {
        p->ids[t][0] = t < 2 ? 3 : 4;
        p->ids[t][1] = (int32_t)t;
        add(p, 2, t == 0);
    }
    share(p);
    assert_int_equal(sc_tree_build(p->answers, p->n, false, &tree, NULL), SC_OK);
    assert_int_equal(sc_tree_decide(&tree, &decided, NULL), SC_OK);
    assert_int_equal(sc_decided_pool_open(&pool, 1, NULL), SC_OK);
    assert_int_equal(sc_decided_pool_add(pool, 0, &tree, p->answers, &decided, NULL), SC_OK);
    assert_int_equal(sc_decided_pool_finish(pool, &run, NULL), SC_OK);
    for (size_t r = 0; r < SC_N_SHUFFLES; r++) {
        n_alone += run.shuffled[r] <= 0;
        n_twice += r > 0 && run.shuffled[r] <= 0 && run.shuffled[r - 1] <= 0;
    }
    assert_in_range(n_alone, 45, 90);
    assert_in_range(n_twice, 10, 40);
    sc_decided_pool_close(pool);
    sc_tree_free(&tree);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_by_hand),
        cmocka_unit_test(odd_answers_make_trees),
        cmocka_unit_test(deep_trees_take_no_recursion),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(entropies_are_those_of_others),
        cmocka_unit_test(strata_are_those_of_others),
        cmocka_unit_test(an_exact_tree_by_hand),
        cmocka_unit_test(beside_a_branch_stands_the_heaviest_other),
        cmocka_unit_test(nothing_known_is_nothing_said),
        cmocka_unit_test(noise_decides_nothing),
        cmocka_unit_test(what_decides_is_found),
        cmocka_unit_test(prompts_that_differ_are_no_fork),
        cmocka_unit_test(few_traces_are_no_finding),
        cmocka_unit_test(shuffles_know_nothing_of_each_other),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
