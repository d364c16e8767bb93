/*
 * Networks of every family on the emulated GPU: figures of given texts against the processor's.
 */
#include <math.h>
#include <string.h>

#include "family_cases.h"
#include "gpu_networks.h"

struct figures {
    float logprob[MOST_TOKENS], confidence[MOST_TOKENS], entropy[MOST_TOKENS];
};

static void score(const char *path, enum sc_dtype dtype, const char *gpu, size_t n, size_t n_rows,
                  struct figures *out)
{
    struct gpu_network o = open_network(path, dtype, gpu);
    const struct sc_score_arrays arrays = {out->logprob, out->confidence, out->entropy};
    struct sc_error error = {0};
    int32_t ids[MOST_TOKENS];
    memset(out, 0, sizeof *out);
    fill_tokens(o.model, ids, n);
    if (sc_score_in_steps(o.engine, ids, n, n_rows, &arrays, &error) != SC_OK)
        fail_msg("%s: %s", path, error.text);
    close_network(&o);
}

struct difference {
    double largest, squares;
    size_t n;
};

static void add_difference(struct difference *d, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const double x = fabs((double)a[i] - (double)b[i]);
        d->largest = isfinite(x) ? fmax(d->largest, x) : INFINITY;
        d->squares += x * x;
        d->n++;
    }
}

/* logprob[0] is nobody's. */
static struct difference difference_of(const struct figures *a, const struct figures *b, size_t n)
{
    struct difference d = {0};
    add_difference(&d, a->logprob + 1, b->logprob + 1, n - 1);
    add_difference(&d, a->confidence, b->confidence, n);
    add_difference(&d, a->entropy, b->entropy, n);
    return d;
}

static double usual(const struct difference *d)
{
    return sqrt(d->squares / (double)d->n);
}

/* Rows of a step: a whole text, and parts of it. */
static const size_t steps[] = {1000, 17, 33};

static void figures_of_every_family_are_the_processors(void **state)
{
    const char *name;
    json_t *one;
    double worst = 0;
    size_t i = 0;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        char path[160];
        struct figures expected, got;
        const size_t n = size_in(one, "n");
        prepare(one, path, sizeof path);
        score(path, SC_DTYPE_F32, NULL, n, 1000, &expected);
        score(path, SC_DTYPE_F32, gpu_manner(i), n, steps[i % 3], &got);
        const struct difference d = difference_of(&expected, &got, n);
        if (!(d.largest < 1e-4))
            fail_msg("%s: largest difference %.1e", name, d.largest);
        worst = fmax(worst, d.largest);
        i++;
    }
    print_message("%zu cases: largest difference %.1e\n", i, worst);
    assert_true(i > 40);
}

/* With bf16 both are off by roundings of the same numbers: neither by more than the other does.
 * Where a rounding changes which experts a token takes, figures jump. */
static void bf16_is_as_far_off_as_the_processors(void **state)
{
    const char *name;
    json_t *one;
    size_t i = 0;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        char path[160];
        struct figures exact, expected, got;
        const size_t n = size_in(one, "n");
        if (json_object_get(one, "bf16") == NULL || strstr(name, "moe") != NULL)
            continue;
        prepare(one, path, sizeof path);
        score(path, SC_DTYPE_F32, NULL, n, 1000, &exact);
        score(path, SC_DTYPE_BF16, NULL, n, 1000, &expected);
        score(path, SC_DTYPE_BF16, gpu_manner(i++), n, 1000, &got);
        const struct difference of_processor = difference_of(&exact, &expected, n);
        const struct difference of_gpu = difference_of(&exact, &got, n);
        const struct difference between = difference_of(&expected, &got, n);
        print_message("%-16s usual %.5f of %.5f, between %.5f\n", name, usual(&of_gpu),
                      usual(&of_processor), usual(&between));
        assert_true(usual(&of_gpu) < 1.25 * usual(&of_processor));
        assert_true(usual(&of_gpu) > usual(&of_processor) / 1.25);
        assert_true(usual(&between) < usual(&of_processor));
    }
    assert_true(i > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_of_every_family_are_the_processors),
        cmocka_unit_test(bf16_is_as_far_off_as_the_processors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
