/* Importance sampling with engines: on models of 5 tokens and answers of at most 4, whose
 * probabilities are all known, proposals that are another prompt, an opening, another model, or
 * filter more than the model does. */
#include <math.h>

#include "base/memory.h"
#include "engine/given.h"
#include "exploration/importance_sampling.h"
#include "inference_fixture.h"

enum { VOCABULARY = 5, LONGEST = 4, MOST_ANSWERS = 400, N_PROMPT = 20, OPENING = 2 };

static struct sc_error error;

static void succeeds(enum sc_status status)
{
    if (status != SC_OK)
        fail_msg("%s", error.text);
}

/* ---- what answers mean ----------------------------------------------------------------------- */

static size_t count(const int32_t *ids, size_t n, int32_t token)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += ids[i] == token;
    return found;
}

static enum sc_verdict verdict_of(const struct sc_answer *a)
{
    if (count(a->ids, a->n, 3) == 0)
        return SC_COMPLIANCE;
    return a->ids[0] == 3 ? SC_PARTIAL : SC_REFUSAL;
}

static enum sc_harm harm_of(const struct sc_answer *a)
{
    size_t twos = count(a->ids, a->n, 2);
    return twos == 0 ? SC_HARMLESS : twos == 1 ? SC_CONTROVERSIAL : SC_HARMFUL;
}

struct reader {
    size_t n_read, n_judged;
    double last; /* probability */
    size_t unjudged_from;
};

static enum sc_status read(void *context, const struct sc_answer *answer, enum sc_verdict *verdict,
                           struct sc_error *unused)
{
    struct reader *r = context;
    (void)unused;
    assert_in_range(answer->n, 1, LONGEST);
    assert_int_equal(answer->stopped, answer->ids[answer->n - 1] == 0);
    assert_true(r->n_read == 0 || answer->probability <= r->last);
    r->last = answer->probability;
    r->n_read++;
    *verdict = verdict_of(answer);
    return SC_OK;
}

static enum sc_status judge(void *context, const struct sc_answer *answers,
                            const enum sc_verdict *verdicts, size_t n, enum sc_harm *harms,
                            struct sc_error *unused)
{
    struct reader *r = context;
    (void)unused;
    r->n_judged += n;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(verdicts[i], verdict_of(&answers[i]));
        harms[i] = i < r->unjudged_from ? harm_of(&answers[i]) : SC_UNJUDGED;
    }
    return SC_OK;
}

/* ---- the truth ------------------------------------------------------------------------------- */

struct truth {
    int32_t ids[MOST_ANSWERS][LONGEST];
    struct sc_given_answer answers[MOST_ANSWERS];
    size_t n;
    double of[SC_N_SHARES], opened; /* begins with the opening */
};

static void grow(struct truth *t, int32_t *ids, size_t n)
{
    for (int32_t id = 0; id < VOCABULARY; id++) {
        ids[n] = id;
        if (id != 0 && n + 1 < LONGEST) {
            grow(t, ids, n + 1);
            continue;
        }
        memcpy(t->ids[t->n], ids, (n + 1) * sizeof *ids);
        t->answers[t->n] = (struct sc_given_answer){.ids = t->ids[t->n], .n = n + 1};
        t->n++;
    }
}

static const int32_t opening[OPENING] = {2, 1};

static struct truth *truth_of(const struct sc_importance_source *model)
{
    struct truth *t = sc_alloc_zero(1, sizeof *t);
    int32_t ids[LONGEST];
    const struct sc_given_prompt prompt = {model->engine, model->prompt, model->n_prompt,
                                           model->sampling, LONGEST};
    double total = 0;
    grow(t, ids, 0);
    succeeds(sc_score_answers(&prompt, t->answers, t->n, &error));
    for (size_t i = 0; i < t->n; i++) {
        const struct sc_answer a = {.ids = t->ids[i], .n = t->answers[i].n};
        double p = exp(t->answers[i].logprob);
        enum sc_verdict verdict = verdict_of(&a);
        enum sc_harm harm = harm_of(&a);
        total += p;
        t->of[SC_SHARE_REFUSAL] += verdict == SC_COMPLIANCE ? 0 : p;
        t->of[SC_SHARE_COMPLIANCE] += verdict == SC_COMPLIANCE ? p : 0;
        t->of[SC_SHARE_HARMFUL] += harm == SC_HARMFUL ? p : 0;
        t->of[SC_SHARE_HARMFUL_STRICT] += harm == SC_HARMLESS ? 0 : p;
        t->opened += a.n > OPENING && memcmp(a.ids, opening, sizeof opening) == 0 ? p : 0;
    }
    assert_true(fabs(total - 1) < 1e-12);
    return t;
}

/* ---- proposals ------------------------------------------------------------------------------- */

static int32_t prompts[2][N_PROMPT + OPENING];
static const int32_t end = 0;

static struct sc_importance_options options_of(const struct sc_engine *model,
                                               const struct sc_engine *proposal)
{
    for (size_t i = 0; i < N_PROMPT; i++) {
        prompts[0][i] = (int32_t)(5 + i * 11 % 60);
        prompts[1][i] = (int32_t)(5 + i * 17 % 60);
    }
    const struct sc_sampling sampling = {.temperature = 0.8, .top_p = 1, .top_k = 4};
    return (struct sc_importance_options){.model = {model, prompts[0], N_PROMPT, sampling},
                                          .proposal = {proposal, prompts[1], N_PROMPT, sampling},
                                          .n_traces = 150,
                                          .own_share = SC_IMPORTANCE_OWN_SHARE,
                                          .max_new_tokens = LONGEST,
                                          .end_ids = &end,
                                          .n_end_ids = 1,
                                          .instance = 77,
                                          .parallel = 16,
                                          .max_bytes = 64u << 20};
}

static struct sc_importance_shares sample(const struct sc_importance_options *options)
{
    struct reader reader = {.unjudged_from = SIZE_MAX};
    const struct sc_reading reading = {&reader, read, judge};
    struct sc_importance_shares out;
    succeeds(sc_importance_sample(options, &reading, &out, &error));
    assert_int_equal(reader.n_read, out.n_answers);
    assert_int_equal(reader.n_judged, out.n_answers);
    assert_int_equal(out.n_traces, options->n_traces);
    assert_int_equal(out.n_unjudged, 0);
    assert_true(out.n_weighed <= out.n_sampled + out.n_traces * options->n_opening);
    return out;
}

enum { SEEDS = 120 };

/* Over seeds: no bias in any of the shares, and the truth within most intervals. */
static void check(struct sc_importance_options *options, const char *name)
{
    struct truth *truth = truth_of(&options->model);
    double sum[SC_N_SHARES] = {0}, squares[SC_N_SHARES] = {0};
    size_t covered[SC_N_SHARES] = {0};
    for (options->seed = 0; options->seed < SEEDS; options->seed++) {
        const struct sc_importance_shares shares = sample(options);
        for (size_t k = 0; k < SC_N_SHARES; k++) {
            const struct sc_estimate *e = &shares.of[k].estimate;
            sum[k] += e->value - truth->of[k];
            squares[k] += (e->value - truth->of[k]) * (e->value - truth->of[k]);
            covered[k] += e->low <= truth->of[k] && truth->of[k] <= e->high;
        }
    }
    for (size_t k = 0; k < SC_N_SHARES; k++) {
        double mean = sum[k] / SEEDS, deviation = sqrt(squares[k] / SEEDS / SEEDS);
        if (fabs(mean) > 3.5 * deviation)
            fail_msg("%s, share %zu of %g: bias %g, error %g", name, k, truth->of[k], mean,
                     deviation);
        if (covered[k] < SEEDS * 88 / 100)
            fail_msg("%s, share %zu of %g: covered %zu of %d", name, k, truth->of[k], covered[k],
                     SEEDS);
    }
    sc_free(truth);
}

static void estimates_are_those_of_the_model(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, VOCABULARY, 3);
    struct fixture g = fixture_open("odd_f32", -1, 2, NULL, VOCABULARY, 3);
    struct sc_importance_options options = options_of(f.engine, f.engine);
    check(&options, "another prompt");
    /* Without traces of the model, and with nothing filtered: hotter. */
    options.own_share = 0;
    options.proposal.prompt = options.model.prompt;
    options.model.sampling.top_k = options.proposal.sampling.top_k = 0;
    options.proposal.sampling.temperature = 1.2;
    options.n_traces = 400;
    check(&options, "another temperature alone");
    options = options_of(f.engine, g.engine);
    check(&options, "another model");
    options = options_of(f.engine, f.engine);
    options.own_share = 1;
    check(&options, "the model alone");
    fixture_close(&g);
    fixture_close(&f);
}

static void an_opening_is_part_of_the_answer(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, VOCABULARY, 3);
    struct sc_importance_options options = options_of(f.engine, f.engine);
    memcpy(prompts[1], prompts[0], sizeof prompts[0]);
    memcpy(prompts[1] + N_PROMPT, opening, sizeof opening);
    options.proposal.n_prompt = N_PROMPT + OPENING;
    options.n_opening = OPENING;
    options.n_traces = 300;
    check(&options, "an opening");
    struct truth *truth = truth_of(&options.model);
    options.n_traces = 2000;
    struct sc_importance_shares shares = sample(&options);
    assert_true(shares.of[0].gap && fabs(shares.of[0].covered - truth->opened) < 0.02);
    /* Alone it tells of the answers that begin so, and says that. */
    options.own_share = 0;
    shares = sample(&options);
    assert_true(shares.of[0].gap && fabs(shares.of[0].covered - truth->opened) < 1e-5);
    assert_non_null(shares.of[0].estimate.reason);
    assert_int_equal(shares.n_own, 0);
    sc_free(truth);
    options.n_opening = LONGEST;
    struct reader reader = {0};
    const struct sc_reading reading = {&reader, read, NULL};
    assert_int_equal(sc_importance_sample(&options, &reading, &shares, &error), SC_ERR_LIMIT);
    fixture_close(&f);
}

static void a_proposal_that_filters_more_has_a_gap(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, VOCABULARY, 3);
    struct sc_importance_options options = options_of(f.engine, f.engine);
    options.proposal.sampling.top_k = 2;
    check(&options, "a filter");
    options.n_traces = 1000;
    struct sc_importance_shares shares = sample(&options);
    assert_true(shares.of[0].gap && shares.of[0].covered < 0.95);
    assert_null(shares.of[0].estimate.reason);
    options.own_share = 0;
    shares = sample(&options);
    assert_true(shares.of[0].gap && shares.of[0].covered < 0.95);
    assert_non_null(shares.of[0].estimate.reason);
    /* And one that filters less wastes traces, no more. */
    options = options_of(f.engine, f.engine);
    options.model.sampling.top_k = 2;
    check(&options, "no filter");
    fixture_close(&f);
}

static void results_follow_from_seed_and_instance(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 1, NULL, VOCABULARY, 3);
    struct fixture g = fixture_open("tied_bf16", -1, 3, NULL, VOCABULARY, 3);
    struct sc_importance_options options = options_of(f.engine, f.engine);
    const struct sc_importance_shares first = sample(&options);
    options = options_of(g.engine, g.engine);
    options.parallel = 3;
    const struct sc_importance_shares other = sample(&options);
    options.seed = 1;
    const struct sc_importance_shares seed = sample(&options);
    assert_int_equal(first.n_sampled, other.n_sampled);
    for (size_t k = 0; k < SC_N_SHARES; k++) {
        assert_memory_equal(&first.of[k].estimate.value, &other.of[k].estimate.value,
                            3 * sizeof(double));
        assert_true(first.of[k].effective < seed.of[k].effective ||
                    first.of[k].effective > seed.of[k].effective);
    }
    fixture_close(&f);
    fixture_close(&g);
}

static bool stops(void *context)
{
    size_t *steps = context;
    return ++*steps > 2;
}

static void what_was_not_judged_is_not_harmless(void **state)
{
    (void)state;
    struct fixture f = fixture_open("tied_bf16", -1, 2, NULL, VOCABULARY, 3);
    struct sc_importance_options options = options_of(f.engine, f.engine);
    const struct sc_importance_shares all = sample(&options);
    struct reader reader = {.unjudged_from = SIZE_MAX};
    struct sc_reading reading = {&reader, read, judge};
    struct sc_importance_shares shares;
    options.max_judged = 10;
    succeeds(sc_importance_sample(&options, &reading, &shares, &error));
    const struct sc_estimate *some = &shares.of[SC_SHARE_HARMFUL].estimate;
    assert_int_equal(shares.n_unjudged, shares.n_answers - 10);
    assert_int_equal(reader.n_judged, 10);
    assert_true(shares.has_harm);
    assert_true(some->value <= all.of[SC_SHARE_HARMFUL].estimate.value);
    assert_true(some->high > all.of[SC_SHARE_HARMFUL].estimate.high);
    /* Nobody judges. */
    reader = (struct reader){0};
    reading.judge = NULL;
    succeeds(sc_importance_sample(&options, &reading, &shares, &error));
    assert_true(isnan(shares.of[SC_SHARE_HARMFUL].estimate.value) && !shares.has_harm);
    assert_non_null(shares.of[SC_SHARE_HARMFUL].estimate.reason);
    assert_true(!isnan(shares.of[SC_SHARE_REFUSAL].estimate.value));
    /* Interrupted, short of memory, beyond the context. */
    size_t steps = 0;
    options.stop = stops;
    options.stop_context = &steps;
    error = (struct sc_error){0};
    assert_int_equal(sc_importance_sample(&options, &reading, &shares, &error), SC_ERR_INTERRUPTED);
    options.stop = NULL;
    for (size_t n = 0;; n++) {
        sc_memory_fail_at(n);
        error = (struct sc_error){0};
        reader = (struct reader){0};
        enum sc_status status = sc_importance_sample(&options, &reading, &shares, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        if (status == SC_OK)
            break;
        assert_int_equal(status, SC_ERR_NOMEM);
    }
    sc_memory_fail_at(SIZE_MAX);
    options.max_new_tokens = 250;
    error = (struct sc_error){0};
    assert_int_equal(sc_importance_sample(&options, &reading, &shares, &error), SC_ERR_LIMIT);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimates_are_those_of_the_model),
        cmocka_unit_test(an_opening_is_part_of_the_answer),
        cmocka_unit_test(a_proposal_that_filters_more_has_a_gap),
        cmocka_unit_test(results_follow_from_seed_and_instance),
        cmocka_unit_test(what_was_not_judged_is_not_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
