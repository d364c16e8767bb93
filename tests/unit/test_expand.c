/* Nodes of a prompt's tree of answers: on models of 5 tokens and answers of at most 6 everything is
 * computed, and compared with what the same answers get when they are given or sampled. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/expand.h"
#include "engine/given.h"
#include "forward_logits.h"
#include "inference_fixture.h"

enum { VOCABULARY = 5, LONGEST = 6, MOST_ANSWERS = 6000, N_PROMPT = 37, MOST_NODES = 1500 };

static const struct sc_sampling samplings[] = {
    {.temperature = 0, .top_p = 1},
    {.temperature = 1, .top_p = 1},
    {.temperature = 0.4, .top_p = 1},
    {.temperature = 0.8, .top_p = 1, .top_k = 2},
    {.temperature = 1.3, .top_p = 0.8},
    {.temperature = 1, .top_p = 1, .min_p = 0.3},
    {.temperature = 1.2, .top_p = 0.9, .min_p = 0.1, .top_k = 3, .repetition_penalty = 1.4},
    {.temperature = 1, .top_p = 1, .repetition_penalty = 2},
};
enum { N_SAMPLINGS = sizeof samplings / sizeof *samplings };

static struct sc_error error;

static void succeeds(enum sc_status status)
{
    if (status != SC_OK)
        fail_msg("%s", error.text);
}

static void make_prompt(int32_t *prompt)
{
    for (size_t i = 0; i < N_PROMPT; i++)
        prompt[i] = (int32_t)(7 + i * 13 % 70);
}

static struct sc_expander *open(const struct sc_engine *engine, const struct sc_sampling *sampling,
                                size_t width, size_t max_bytes)
{
    const struct sc_expander_options options = {.sampling = *sampling,
                                                .max_prompt = 64,
                                                .max_new_tokens = LONGEST,
                                                .width = width,
                                                .max_branches = VOCABULARY,
                                                .max_bytes = max_bytes ? max_bytes : 64u << 20};
    struct sc_expander *expander;
    succeeds(sc_expander_open(&expander, engine, &options, &error));
    return expander;
}

/* ---- whole trees ----------------------------------------------------------------------------- */

/* A request with room for what it gives. */
struct asked {
    struct sc_node_request request;
    int32_t ids[VOCABULARY], drawn[VOCABULARY], path[LONGEST];
    double logprobs[VOCABULARY], drawn_logprobs[VOCABULARY], u[VOCABULARY];
    size_t depth;
    double logprob; /* of the path */
};

struct answer {
    int32_t ids[LONGEST];
    size_t n;
    double logprob;
};

struct tree {
    struct asked nodes[MOST_NODES];
    size_t n_nodes, n_answers;
    struct answer answers[MOST_ANSWERS];
    float figures[2 * MOST_NODES];
};

/* Asks for all that the tree lacks yet, forwards or backwards. */
static void ask(const struct sc_expanding *table, struct tree *t, size_t begin, bool backwards)
{
    static struct sc_node_request requests[MOST_NODES];
    size_t n = t->n_nodes - begin;
    for (size_t i = 0; i < n; i++) {
        struct asked *a = &t->nodes[begin + (backwards ? n - 1 - i : i)];
        a->request.branches.ids = a->ids;
        a->request.branches.logprobs = a->logprobs;
        a->request.branches.max = VOCABULARY;
        requests[i] = a->request;
    }
    succeeds(table->expand(table->context, requests, n, &error));
    for (size_t i = 0; i < n; i++) {
        t->nodes[begin + (backwards ? n - 1 - i : i)].request = requests[i];
        assert_true(requests[i].ok);
    }
}

/* All answers: token 0 ends one. */
static void explore(const struct sc_expanding *table, struct tree *t, bool backwards)
{
    t->n_nodes = 1;
    t->n_answers = 0;
    t->nodes[0] = (struct asked){.request.parent = SC_NO_NODE};
    for (size_t begin = 0, depth = 0; depth < LONGEST && begin < t->n_nodes; depth++) {
        size_t end = t->n_nodes;
        ask(table, t, begin, backwards);
        for (; begin < end; begin++) {
            const struct asked *a = &t->nodes[begin];
            const struct sc_branches *b = &a->request.branches;
            t->figures[2 * begin] = b->confidence;
            t->figures[2 * begin + 1] = b->entropy;
            assert_true(b->rest == 0);
            for (size_t i = 0; i < b->n; i++) {
                assert_true(i == 0 || a->logprobs[i] <= a->logprobs[i - 1]);
                double logprob = a->logprob + a->logprobs[i];
                if (a->ids[i] != 0 && depth + 1 < LONGEST) {
                    assert_true(t->n_nodes < MOST_NODES);
                    struct asked *child = &t->nodes[t->n_nodes++];
                    *child =
                        (struct asked){.request = {.parent = a->request.node, .token = a->ids[i]},
                                       .depth = depth + 1,
                                       .logprob = logprob};
                    memcpy(child->path, a->path, sizeof a->path);
                    child->path[depth] = a->ids[i];
                    continue;
                }
                assert_true(t->n_answers < MOST_ANSWERS);
                struct answer *answer = &t->answers[t->n_answers++];
                memcpy(answer->ids, a->path, sizeof a->path);
                answer->ids[depth] = a->ids[i];
                answer->n = depth + 1;
                answer->logprob = logprob;
            }
        }
    }
}

static void release_all(const struct sc_expanding *table, const struct tree *t)
{
    for (size_t i = 0; i < t->n_nodes; i++)
        table->release(table->context, t->nodes[i * 7919 % t->n_nodes].request.node);
}

static double total(const struct tree *t)
{
    double sum = 0, rest = 0;
    for (size_t i = 0; i < t->n_answers; i++) {
        double x = exp(t->answers[i].logprob), next = sum + x;
        rest += fabs(sum) >= x ? sum - next + x : x - next + sum;
        sum = next;
    }
    return sum + rest;
}

/* Answers that are given get the probabilities that the tree has for them. */
static void check_given(const struct sc_engine *engine, const struct sc_sampling *sampling,
                        const int32_t *prompt, const struct tree *t)
{
    static struct sc_given_answer given[MOST_ANSWERS];
    static double logprobs[MOST_ANSWERS][LONGEST];
    const struct sc_given_prompt of = {engine, prompt, N_PROMPT, *sampling, LONGEST};
    for (size_t i = 0; i < t->n_answers; i++)
        given[i] = (struct sc_given_answer){
            .ids = t->answers[i].ids, .n = t->answers[i].n, .logprobs = logprobs[i]};
    succeeds(sc_score_answers(&of, given, t->n_answers, &error));
    for (size_t i = 0; i < t->n_answers; i++) {
        double sum = 0;
        for (size_t j = 0; j < given[i].n; j++)
            sum += logprobs[i][j];
        assert_true(fabs(sum - given[i].logprob) <= 1e-14);
        if (!(fabs(given[i].logprob - t->answers[i].logprob) <= 1e-12))
            fail_msg("answer %zu: given %.17g, in the tree %.17g", i, given[i].logprob,
                     t->answers[i].logprob);
    }
}

static void whole_trees_are_whole_and_what_given_answers_get(void **state)
{
    (void)state;
    struct tree *t = sc_alloc_zero(1, sizeof *t);
    int32_t prompt[N_PROMPT];
    make_prompt(prompt);
    const char *names[] = {"tied_bf16", "odd_f32"};
    for (size_t m = 0; m < 2; m++) {
        struct fixture f = fixture_open(names[m], -1, 2, NULL, VOCABULARY, 3);
        for (size_t s = 0; s < N_SAMPLINGS; s++) {
            struct sc_expander *expander = open(f.engine, &samplings[s], 0, 0);
            struct sc_expanding table = sc_expander_table(expander);
            succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
            explore(&table, t, false);
            assert_true(fabs(total(t) - 1) < 1e-12);
            assert_true(samplings[s].temperature > 0 ? t->n_answers > 10 : t->n_answers == 1);
            assert_int_equal(sc_expander_n_rows(expander), t->n_nodes - 1);
            check_given(f.engine, &samplings[s], prompt, t);
            release_all(&table, t);
            sc_expander_close(expander);
        }
        fixture_close(&f);
    }
    sc_free(t);
}

/* ---- an independent reference ---------------------------------------------------------------- */

/* log P of each token, -INFINITY where it is filtered out: from logits, by the definitions. */
static void reference(const float *logits, const struct sc_sampling *s, const bool *seen,
                      double *out)
{
    double z[VOCABULARY], w[VOCABULARY], sum = 0, kept = 0, max = -INFINITY;
    size_t order[VOCABULARY], n = VOCABULARY;
    float by = (float)s->repetition_penalty;
    for (size_t i = 0; i < VOCABULARY; i++) {
        float own = logits[i];
        if (by > 0 && seen[i])
            own = own < 0 ? own * by : own / by;
        z[i] = (double)own;
        max = z[i] > max ? z[i] : max;
        size_t at = i;
        for (; at > 0 && z[order[at - 1]] < z[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    if (s->top_k > 0 && (size_t)s->top_k < n)
        n = (size_t)s->top_k;
    for (size_t i = 0; i < n; i++) {
        w[i] = exp((z[order[i]] - max) / s->temperature);
        sum += w[i];
    }
    if (s->top_p < 1) {
        size_t i = 0;
        for (double reached = 0; i < n && reached < s->top_p * sum; i++)
            reached += w[i];
        n = i;
    }
    while (n > 1 && w[n - 1] < s->min_p)
        n--;
    for (size_t i = 0; i < n; i++)
        kept += w[i];
    for (size_t i = 0; i < VOCABULARY; i++)
        out[order[i]] = i < n ? (z[order[i]] - max) / s->temperature - log(kept) : -INFINITY;
}

static void branches_are_those_of_the_definitions(void **state)
{
    (void)state;
    struct tree *t = sc_alloc_zero(1, sizeof *t);
    int32_t text[N_PROMPT + LONGEST];
    make_prompt(text);
    struct fixture f = fixture_open("odd_f32", -1, 2, NULL, VOCABULARY, 3);
    for (size_t s = 1; s < N_SAMPLINGS; s++) {
        struct sc_expander *expander = open(f.engine, &samplings[s], 0, 0);
        struct sc_expanding table = sc_expander_table(expander);
        succeeds(sc_expander_begin(expander, text, N_PROMPT, &error));
        explore(&table, t, false);
        for (size_t i = 0; i < t->n_nodes; i += 1 + i / 5) {
            const struct asked *a = &t->nodes[i];
            memcpy(text + N_PROMPT, a->path, sizeof a->path);
            float *logits = forward_logits(f.engine, text, N_PROMPT + a->depth);
            bool seen[VOCABULARY] = {0};
            double expected[VOCABULARY];
            for (size_t p = 0; p < N_PROMPT + a->depth; p++)
                if (text[p] < VOCABULARY)
                    seen[text[p]] = true;
            reference(logits + (N_PROMPT + a->depth - 1) * VOCABULARY, &samplings[s], seen,
                      expected);
            free(logits);
            size_t n = 0;
            for (size_t id = 0; id < VOCABULARY; id++)
                n += expected[id] > -INFINITY;
            assert_int_equal(n, a->request.branches.n);
            for (size_t b = 0; b < n; b++)
                if (!(fabs(a->logprobs[b] - expected[a->ids[b]]) < 1e-12))
                    fail_msg("sampling %zu, node %zu: expected %.17g, found %.17g", s, i,
                             expected[a->ids[b]], a->logprobs[b]);
        }
        sc_expander_close(expander);
    }
    fixture_close(&f);
    sc_free(t);
}

/* ---- sampled traces -------------------------------------------------------------------------- */

struct sampled {
    const struct tree *tree;
    size_t n;
};

static enum sc_status check_trace(void *context, const struct sc_sampled_trace *trace,
                                  struct sc_error *unused)
{
    struct sampled *s = context;
    (void)unused;
    size_t node = 0;
    for (size_t i = 0; i < trace->n; i++) {
        const struct asked *a = &s->tree->nodes[node];
        const struct sc_branches *b = &a->request.branches;
        size_t at = 0;
        while (at < b->n && a->ids[at] != trace->ids[i])
            at++;
        assert_true(at < b->n);
        float expected = (float)a->logprobs[at], found = trace->stats[i].sampled_logprob;
        assert_true(fabsf(found - expected) <= 2e-6f * (1 + fabsf(expected)));
        assert_memory_equal(&b->confidence, &trace->stats[i].confidence, sizeof(float));
        assert_memory_equal(&b->entropy, &trace->stats[i].entropy, sizeof(float));
        if (i + 1 == trace->n)
            break;
        for (node++; s->tree->nodes[node].request.parent != a->request.node ||
                     s->tree->nodes[node].request.token != trace->ids[i];)
            node++;
    }
    s->n++;
    return SC_OK;
}

static void sampled_traces_have_the_figures_of_their_nodes(void **state)
{
    (void)state;
    struct tree *t = sc_alloc_zero(1, sizeof *t);
    int32_t prompt[N_PROMPT], end = 0;
    make_prompt(prompt);
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, VOCABULARY, 3);
    struct sc_session *session;
    const struct sc_session_options room = {
        .size = sizeof room, .parallel = 7, .max_prompt_tokens = 64, .max_new_tokens = LONGEST};
    succeeds(sc_session_open(&session, f.engine, &room, &error));
    for (size_t s = 0; s < N_SAMPLINGS; s++) {
        struct sc_expander *expander = open(f.engine, &samplings[s], 0, 0);
        struct sc_expanding table = sc_expander_table(expander);
        succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
        explore(&table, t, false);
        struct sampled sampled = {.tree = t};
        struct sc_sample_options options = sc_sample_options_default(NULL);
        options.prompt = prompt;
        options.n_prompt = N_PROMPT;
        options.n_traces = 100;
        options.sampling = samplings[s];
        options.end_ids = &end;
        options.n_end_ids = 1;
        options.context = &sampled;
        options.trace = check_trace;
        succeeds(sc_session_sample(session, &options, &error));
        assert_int_equal(sampled.n, 100);
        sc_expander_close(expander);
    }
    sc_session_close(session);
    fixture_close(&f);
    sc_free(t);
}

/* ---- company --------------------------------------------------------------------------------- */

static int by_ids(const void *a, const void *b)
{
    const struct answer *x = a, *y = b;
    int order = memcmp(x->ids, y->ids, sizeof x->ids);
    return order != 0 ? order : x->n < y->n ? -1 : x->n > y->n;
}

static void order_width_and_threads_change_no_bit(void **state)
{
    (void)state;
    struct tree *first = sc_alloc_zero(1, sizeof *first), *t = sc_alloc_zero(1, sizeof *t);
    int32_t prompt[N_PROMPT];
    make_prompt(prompt);
    const size_t widths[] = {32, 1, 3, 500};
    for (size_t w = 0; w < 4; w++) {
        struct fixture f = fixture_open("tied_bf16", -1, w % 2 ? 1 : 3, NULL, VOCABULARY, 3);
        struct sc_expander *expander = open(f.engine, &samplings[6], widths[w], 0);
        struct sc_expanding table = sc_expander_table(expander);
        assert_int_equal(sc_expander_width(expander), widths[w]);
        succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
        explore(&table, t, w == 2);
        qsort(t->answers, t->n_answers, sizeof *t->answers, by_ids);
        if (w == 0)
            memcpy(first, t, sizeof *t);
        assert_int_equal(t->n_answers, first->n_answers);
        assert_int_equal(t->n_nodes, first->n_nodes);
        assert_memory_equal(t->figures, first->figures, 2 * t->n_nodes * sizeof *t->figures);
        for (size_t i = 0; i < t->n_answers; i++)
            assert_memory_equal(&t->answers[i], &first->answers[i], sizeof *t->answers);
        /* The same prompt again, and another one between. */
        succeeds(sc_expander_begin(expander, prompt + 3, N_PROMPT - 3, &error));
        explore(&table, t, false);
        succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
        explore(&table, t, false);
        assert_memory_equal(t->figures, first->figures, 2 * t->n_nodes * sizeof *t->figures);
        sc_expander_close(expander);
        fixture_close(&f);
    }
    sc_free(first);
    sc_free(t);
}

/* ---- what is not listed ---------------------------------------------------------------------- */

static void the_rest_and_what_is_drawn_of_it_belong_to_the_list(void **state)
{
    (void)state;
    enum { N = 131, LISTED = 5 };
    int32_t prompt[N_PROMPT], all[N];
    double logprobs[N];
    make_prompt(prompt);
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, 0, 20);
    const struct sc_expander_options options = {.sampling = {.temperature = 1, .top_p = 1},
                                                .max_prompt = N_PROMPT,
                                                .max_new_tokens = LONGEST,
                                                .max_branches = N,
                                                .max_bytes = 64u << 20};
    struct sc_expander *expander;
    succeeds(sc_expander_open(&expander, f.engine, &options, &error));
    struct sc_expanding table = sc_expander_table(expander);
    succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
    struct sc_node_request whole = {.parent = SC_NO_NODE,
                                    .branches = {.max = N, .ids = all, .logprobs = logprobs}};
    succeeds(table.expand(table.context, &whole, 1, &error));
    assert_int_equal(whole.branches.n, N);
    assert_true(whole.branches.rest == 0);
    struct asked a = {.request = {.parent = SC_NO_NODE}};
    for (size_t i = 0; i < VOCABULARY; i++)
        a.u[i] = ((double)i + 0.5) / VOCABULARY;
    a.request.branches = (struct sc_branches){.max = LISTED,
                                              .ids = a.ids,
                                              .logprobs = a.logprobs,
                                              .u = a.u,
                                              .n_drawn = VOCABULARY,
                                              .drawn = a.drawn,
                                              .drawn_logprobs = a.drawn_logprobs};
    succeeds(table.expand(table.context, &a.request, 1, &error));
    double sum = 0;
    assert_int_equal(a.request.branches.n, LISTED);
    for (size_t i = 0; i < LISTED; i++) {
        assert_int_equal(a.ids[i], all[i]);
        assert_true(fabs(a.logprobs[i] - logprobs[i]) < 1e-12);
        sum += exp(a.logprobs[i]);
    }
    assert_true(fabs(sum + a.request.branches.rest - 1) < 1e-12);
    for (size_t d = 0; d < VOCABULARY; d++) {
        size_t at = 0;
        while (all[at] != a.drawn[d])
            at++;
        assert_in_range(at, LISTED, N - 1);
        assert_true(fabs(a.drawn_logprobs[d] - logprobs[at]) < 1e-12);
        /* What was drawn is a branch like any other. */
        struct asked below = {.request = {.parent = a.request.node, .token = a.drawn[d]}};
        below.request.branches =
            (struct sc_branches){.max = LISTED, .ids = below.ids, .logprobs = below.logprobs};
        succeeds(table.expand(table.context, &below.request, 1, &error));
        assert_true(below.request.ok && below.request.branches.n == LISTED);
    }
    sc_expander_close(expander);
    fixture_close(&f);
}

/* ---- room ------------------------------------------------------------------------------------ */

static struct sc_node_request request_of(struct asked *a, uint32_t parent, int32_t token)
{
    return (struct sc_node_request){
        .parent = parent,
        .token = token,
        .branches = {.max = VOCABULARY, .ids = a->ids, .logprobs = a->logprobs}};
}

/* Nodes below the beginning, one by one, until there is room for no more. */
static size_t fill(const struct sc_expanding *table, uint32_t beginning, uint32_t *nodes,
                   size_t most)
{
    struct asked a;
    for (size_t n = 0; n < most; n++) {
        struct sc_node_request request = request_of(&a, beginning, (int32_t)(n % VOCABULARY));
        error = (struct sc_error){0};
        if (table->expand(table->context, &request, 1, &error) == SC_ERR_LIMIT) {
            assert_non_null(strstr(error.text, "nodes of answers"));
            return n;
        }
        assert_true(request.ok);
        nodes[n] = request.node;
    }
    return most;
}

static void short_memory_is_a_limit_that_loses_nothing(void **state)
{
    (void)state;
    int32_t prompt[N_PROMPT];
    make_prompt(prompt);
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, VOCABULARY, 3);
    struct sc_expander_options options = {.sampling = samplings[1],
                                          .max_prompt = N_PROMPT,
                                          .max_new_tokens = LONGEST,
                                          .width = 4,
                                          .max_branches = VOCABULARY,
                                          .max_bytes = 1};
    struct sc_expander *expander;
    error = (struct sc_error){0};
    assert_int_equal(sc_expander_open(&expander, f.engine, &options, &error), SC_ERR_LIMIT);
    assert_non_null(strstr(error.text, "expected at most 1 bytes"));
    size_t bytes = 1;
    do
        bytes += bytes / 20 + 1;
    while ((options.max_bytes = bytes, error = (struct sc_error){0},
            sc_expander_open(&expander, f.engine, &options, &error)) != SC_OK);
    size_t most = sc_expander_most(expander);
    assert_true(most >= SC_PAGE_POSITIONS && most <= 100 * SC_PAGE_POSITIONS);
    struct sc_expanding table = sc_expander_table(expander);
    uint32_t *nodes = sc_alloc_array(most + 1, sizeof *nodes);
    succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
    struct asked beginning, again;
    struct sc_node_request first = request_of(&beginning, SC_NO_NODE, 0);
    succeeds(table.expand(table.context, &first, 1, &error));
    assert_int_equal(fill(&table, first.node, nodes, most + 1), most);
    /* The beginning takes no room. */
    struct sc_node_request other = request_of(&again, SC_NO_NODE, 0);
    succeeds(table.expand(table.context, &other, 1, &error));
    assert_memory_equal(beginning.logprobs, again.logprobs, sizeof again.logprobs);
    /* One goes, one comes, below a node that was kept. */
    for (size_t i = 0; i + 1 < most; i++) {
        table.release(table.context, nodes[i]);
        struct asked a;
        struct sc_node_request below[2] = {request_of(&a, nodes[most - 1], 1),
                                           request_of(&a, nodes[most - 1], 2)};
        error = (struct sc_error){0};
        assert_int_equal(table.expand(table.context, below, 2, &error), SC_ERR_LIMIT);
        succeeds(table.expand(table.context, below, 1, &error));
        assert_true(below[0].ok);
        nodes[i] = below[0].node;
    }
    for (size_t i = 0; i < most; i++)
        table.release(table.context, nodes[most - 1 - i]);
    table.release(table.context, other.node);
    assert_int_equal(fill(&table, first.node, nodes, most + 1), most);
    sc_free(nodes);
    sc_expander_close(expander);
    fixture_close(&f);
}

static void a_parent_that_was_released_stays_for_what_is_below(void **state)
{
    (void)state;
    struct tree *t = sc_alloc_zero(1, sizeof *t);
    int32_t prompt[N_PROMPT];
    make_prompt(prompt);
    struct fixture f = fixture_open("odd_f32", -1, 2, NULL, VOCABULARY, 3);
    struct sc_expander *expander = open(f.engine, &samplings[1], 0, 0);
    struct sc_expanding table = sc_expander_table(expander);
    succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
    explore(&table, t, false);
    /* One path, each node released as soon as the next one is there, among nodes that come and go.
     */
    succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
    struct asked a, noise[VOCABULARY];
    uint32_t parent = SC_NO_NODE;
    size_t node = 0;
    for (size_t depth = 0; depth < LONGEST; depth++) {
        struct sc_node_request request = request_of(&a, parent, t->nodes[node].request.token);
        succeeds(table.expand(table.context, &request, 1, &error));
        assert_int_equal(request.branches.n, t->nodes[node].request.branches.n);
        assert_memory_equal(a.logprobs, t->nodes[node].logprobs,
                            request.branches.n * sizeof(double));
        if (depth + 1 == LONGEST)
            break;
        struct sc_node_request siblings[VOCABULARY];
        for (size_t i = 0; i < VOCABULARY; i++)
            siblings[i] = request_of(&noise[i], request.node, (int32_t)i);
        succeeds(table.expand(table.context, siblings, VOCABULARY, &error));
        for (size_t i = 0; i < VOCABULARY; i++)
            table.release(table.context, siblings[i].node);
        if (parent != SC_NO_NODE)
            table.release(table.context, parent);
        parent = request.node;
        uint32_t above = t->nodes[node].request.node;
        while (t->nodes[node].request.parent != above)
            node++;
    }
    sc_expander_close(expander);
    fixture_close(&f);
    sc_free(t);
}

/* ---- failures -------------------------------------------------------------------------------- */

static size_t n_forward, fails_at;
static const struct sc_device *device_below;
static int32_t bad_token = -1;
static int32_t fed[64];

static enum sc_status failing_forward(void *session, const struct sc_row *rows, size_t n_rows,
                                      const struct sc_interrupt *interrupt,
                                      struct sc_step_seconds *seconds, struct sc_error *e)
{
    if (++n_forward == fails_at)
        return sc_fail(e, SC_ERR_IO, "made up: lost");
    for (size_t i = 0; i < n_rows && i < 64; i++)
        fed[i] = rows[i].token;
    return device_below->forward(session, rows, n_rows, interrupt, seconds, e);
}

static enum sc_status failing_branch(void *session, struct sc_branching *rows, size_t n,
                                     struct sc_error *e)
{
    enum sc_status status = device_below->branch(session, rows, n, e);
    for (size_t i = 0; i < n; i++)
        if (rows[i].context.n_answer > 0 &&
            rows[i].context.answer[rows[i].context.n_answer - 1] == bad_token)
            rows[i].ok = false;
    return status;
}

static void failures_keep_what_was_there(void **state)
{
    (void)state;
    int32_t prompt[N_PROMPT];
    make_prompt(prompt);
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, VOCABULARY, 3);
    device_below = f.engine->device;
    struct sc_device device = *device_below;
    device.forward = failing_forward;
    device.branch = failing_branch;
    struct sc_engine engine = *f.engine;
    engine.device = &device;
    struct sc_expander *expander = open(&engine, &samplings[1], 2, 0);
    struct sc_expanding table = sc_expander_table(expander);
    succeeds(sc_expander_begin(expander, prompt, N_PROMPT, &error));
    struct asked a, rooms[4];
    fails_at = 1;
    struct sc_node_request first = request_of(&a, SC_NO_NODE, 0), below[4];
    assert_int_equal(table.expand(table.context, &first, 1, &error), SC_ERR_IO);
    assert_int_equal(first.node, SC_NO_NODE);
    succeeds(table.expand(table.context, &first, 1, &error));
    /* The second step of a call fails: none of the call's nodes stays. */
    for (size_t i = 0; i < 4; i++)
        below[i] = request_of(&rooms[i], first.node, (int32_t)i);
    n_forward = 0;
    fails_at = 2;
    error = (struct sc_error){0};
    assert_int_equal(table.expand(table.context, below, 4, &error), SC_ERR_IO);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(below[i].node, SC_NO_NODE);
    /* Logits that are no numbers fail their node alone. */
    fails_at = 0;
    bad_token = 2;
    succeeds(table.expand(table.context, below, 4, &error));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(below[i].ok, i != 2);
        assert_int_equal(below[i].node == SC_NO_NODE, i == 2);
        if (i != 2)
            table.release(table.context, below[i].node);
    }
    bad_token = -1;
    table.release(table.context, first.node);
    size_t most = sc_expander_most(expander);
    assert_true(most > 1000);
    sc_expander_close(expander);
    fixture_close(&f);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, VOCABULARY, 3);
    struct sc_expander *expander = open(f.engine, &samplings[1], 0, 0);
    int32_t prompt[300] = {0};
    error = (struct sc_error){0};
    assert_int_equal(sc_expander_begin(expander, prompt, 0, &error), SC_ERR_ARGUMENT);
    assert_int_equal(sc_expander_begin(expander, prompt, 65, &error), SC_ERR_LIMIT);
    assert_int_equal(sc_expander_begin(expander, prompt, 300, &error), SC_ERR_LIMIT);
    prompt[3] = 131;
    assert_int_equal(sc_expander_begin(expander, prompt, 5, &error), SC_ERR_ARGUMENT);
    sc_expander_close(expander);
    const struct sc_expander_options wrong = {
        .sampling = {.temperature = -1}, .max_prompt = 1, .max_new_tokens = 1, .max_branches = 1};
    assert_int_equal(sc_expander_open(&expander, f.engine, &wrong, &error), SC_ERR_ARGUMENT);
    assert_null(expander);
    sc_expander_close(NULL);
    fixture_close(&f);
}

static void lack_of_memory_is_an_error(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, VOCABULARY, 3);
    const struct sc_expander_options options = {.sampling = samplings[1],
                                                .max_prompt = 8,
                                                .max_new_tokens = 4,
                                                .max_branches = 3,
                                                .max_bytes = 16u << 20};
    struct sc_expander *expander;
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        error = (struct sc_error){0};
        enum sc_status status = sc_expander_open(&expander, f.engine, &options, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_memory_fail_at(SIZE_MAX);
    sc_expander_close(expander);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_trees_are_whole_and_what_given_answers_get),
        cmocka_unit_test(branches_are_those_of_the_definitions),
        cmocka_unit_test(sampled_traces_have_the_figures_of_their_nodes),
        cmocka_unit_test(order_width_and_threads_change_no_bit),
        cmocka_unit_test(the_rest_and_what_is_drawn_of_it_belong_to_the_list),
        cmocka_unit_test(short_memory_is_a_limit_that_loses_nothing),
        cmocka_unit_test(a_parent_that_was_released_stays_for_what_is_below),
        cmocka_unit_test(failures_keep_what_was_there),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(lack_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
