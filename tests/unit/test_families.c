/*
 * Networks of every family against transformers: logits and greedy continuations of random models,
 * which tests/golden/make_family_golden.py has recorded.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/cpu.h"
#include "engine/open.h"
#include "family_cases.h"
#include "forward_logits.h"

struct opened {
    struct sc_model *model;
    struct sc_engine *engine;
};

static struct opened open_engine(const char *path, enum sc_dtype dtype, const char *kernels)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct opened o = {0};
    struct sc_error error = {0};
    if (sc_model_open(&o.model, path, &error) != SC_OK)
        fail_msg("%s", error.text);
    options.dtype = (int)dtype;
    options.n_threads = 2;
    options.kernels = kernels;
    if (sc_engine_open(&o.engine, o.model, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return o;
}

static void close_engine(struct opened *o)
{
    sc_engine_close(o->engine);
    sc_model_close(o->model);
}

static double log_sum(const float *z, size_t n)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, (double)z[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)z[i] - most);
    return most + log(sum);
}

/* Of the logits that the case has, and of the logarithms of their sums. */
static double largest_error(const json_t *one, const float *z, size_t n_vocab)
{
    json_t *positions = json_object_get(one, "positions"), *sums, *position;
    const char *key;
    double worst = 0;
    json_object_foreach(positions, key, position)
    {
        const float *row = z + (size_t)atoi(key) * n_vocab;
        const size_t n_ids = json_array_size(position);
        assert_true(n_ids > 0);
        for (size_t k = 0; k < n_ids; k++) {
            const size_t id = ((size_t)atoi(key) + k * (n_vocab / n_ids)) % n_vocab;
            const double expected = json_number_value(json_array_get(position, k));
            worst = fmax(worst, fabs((double)row[id] - expected));
        }
    }
    sums = json_object_get(one, "log_sums");
    assert_int_equal(json_array_size(sums), size_in(one, "n"));
    for (size_t i = 0; i < json_array_size(sums); i++)
        worst = fmax(worst, fabs(log_sum(z + i * n_vocab, n_vocab) -
                                 json_number_value(json_array_get(sums, i))));
    return worst;
}

static double error_of(const json_t *one, const struct opened *o)
{
    int32_t ids[MOST_TOKENS];
    const size_t n = size_in(one, "n");
    fill_tokens(o->model, ids, n);
    float *z = forward_logits(o->engine, ids, n);
    const double worst = largest_error(one, z, sc_engine_n_vocab(o->engine));
    free(z);
    return worst;
}

static void logits_are_those_of_transformers_on_every_instruction_set(void **state)
{
    const char *name;
    json_t *one;
    double worst = 0;
    size_t n = 0;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        char path[160];
        double of_case = 0;
        prepare(one, path, sizeof path);
        for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++) {
            struct opened o = open_engine(path, SC_DTYPE_F32, (*at)->name);
            of_case = fmax(of_case, error_of(one, &o));
            close_engine(&o);
        }
        print_message("%-55s largest error %.1e\n", name, of_case);
        if (!(of_case < 1e-4))
            fail_msg("%s: expected logits within 1e-4 of the recorded ones, found %.1e (or are the "
                     "weights of this shape drawn in another way now?)",
                     name, of_case);
        worst = fmax(worst, of_case);
        n++;
    }
    print_message("%zu cases: largest error %.1e\n", n, worst);
    assert_true(n > 40);
}

struct continued {
    int32_t ids[MOST_TOKENS];
    size_t n;
};

static enum sc_status keep_ids(void *context, const struct sc_sampled_trace *trace,
                               struct sc_error *error)
{
    struct continued *c = context;
    if (trace->failure != NULL)
        return sc_fail(error, SC_ERR_NUMERIC, "%s", trace->failure);
    assert_true(trace->n <= MOST_TOKENS);
    memcpy(c->ids, trace->ids, trace->n * sizeof *c->ids);
    c->n = trace->n;
    return SC_OK;
}

static void continue_greedily(const json_t *one, const struct opened *o, struct continued *out)
{
    int32_t ids[MOST_TOKENS];
    const size_t n_prompt = size_in(one, "n_prompt");
    const size_t n_new = json_array_size(json_object_get(one, "generated"));
    struct sc_session_options options = sc_session_options_default();
    struct sc_session *session = NULL;
    struct sc_error error = {0};
    options.parallel = 1;
    options.max_prompt_tokens = n_prompt;
    options.max_new_tokens = n_new;
    fill_tokens(o->model, ids, n_prompt);
    assert_int_equal(sc_session_open(&session, o->engine, &options, &error), SC_OK);
    struct sc_sample_options sample = sc_sample_options_default(o->model);
    sample.prompt = ids;
    sample.n_prompt = n_prompt;
    sample.instance_id = "greedy";
    sample.sampling = (struct sc_sampling){.temperature = 0, .top_p = 1};
    sample.n_end_ids = 0;
    sample.context = out;
    sample.trace = keep_ids;
    if (sc_session_sample(session, &sample, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_session_close(session);
}

static void greedy_continuations_are_those_of_transformers(void **state)
{
    const char *name;
    json_t *one;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        char path[160];
        struct continued got = {.n = 0};
        const json_t *expected = json_object_get(one, "generated");
        prepare(one, path, sizeof path);
        struct opened o = open_engine(path, SC_DTYPE_F32, NULL);
        continue_greedily(one, &o, &got);
        close_engine(&o);
        assert_int_equal(got.n, json_array_size(expected));
        for (size_t i = 0; i < got.n; i++)
            if (got.ids[i] != json_integer_value(json_array_get(expected, i)))
                fail_msg("%s: token %zu: expected %d, found %d", name, i,
                         (int)json_integer_value(json_array_get(expected, i)), (int)got.ids[i]);
    }
}

/* ---- other arithmetic ------------------------------------------------------------------------ */

/* All logits of a case, [n][*n_vocab]; free(). */
static float *logits_in(const json_t *one, const char *path, enum sc_dtype dtype,
                        const char *kernels, size_t *n_numbers)
{
    int32_t ids[MOST_TOKENS];
    const size_t n = size_in(one, "n");
    struct opened o = open_engine(path, dtype, kernels);
    fill_tokens(o.model, ids, n);
    float *z = forward_logits(o.engine, ids, n);
    *n_numbers = n * sc_engine_n_vocab(o.engine);
    close_engine(&o);
    return z;
}

struct difference {
    double largest, root_mean_square, correlation;
};

static struct difference difference_of(const float *a, const float *b, size_t n)
{
    double largest = 0, squares = 0, mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)a[i] - (double)b[i];
        largest = fmax(largest, fabs(d));
        squares += d * d;
        mean_a += (double)a[i] / (double)n;
        mean_b += (double)b[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        const double x = (double)a[i] - mean_a, y = (double)b[i] - mean_b;
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return (struct difference){largest, sqrt(squares / (double)n), ab / sqrt(aa * bb)};
}

static bool has_arithmetic(const struct sc_kernels *kernels, enum sc_dtype dtype)
{
    return kernels->matmul[dtype].multiply != NULL;
}

static struct difference moved_by(const json_t *one, const char *path, enum sc_dtype dtype,
                                  const char *kernels)
{
    size_t n = 0;
    float *plain = logits_in(one, path, SC_DTYPE_F32, kernels, &n);
    float *other = logits_in(one, path, dtype, kernels, &n);
    const struct difference moved = difference_of(other, plain, n);
    free(plain);
    free(other);
    return moved;
}

/* What its roundings explain is recorded: a network in float64 that makes them and no other.  Where
 * a rounding changes which experts a token takes, its logits jump: only upwards is that bounded. */
static void bf16_moves_logits_as_far_as_its_roundings_explain(void **state)
{
    const char *name;
    json_t *one;
    size_t n = 0;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        const json_t *explained = json_object_get(one, "bf16");
        char path[160];
        if (explained == NULL)
            continue;
        const double largest = json_number_value(json_array_get(explained, 0));
        const double usual = json_number_value(json_array_get(explained, 1));
        const bool has_experts = strstr(name, "moe") != NULL;
        prepare(one, path, sizeof path);
        for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++) {
            if (!has_arithmetic(*at, SC_DTYPE_BF16))
                continue;
            const struct difference moved = moved_by(one, path, SC_DTYPE_BF16, (*at)->name);
            print_message("%-20s %-14s largest %.4f of %.4f, usual %.5f of %.5f\n", name,
                          (*at)->name, moved.largest, largest, moved.root_mean_square, usual);
            assert_true(has_experts || moved.root_mean_square > usual / 1.25);
            assert_true(moved.root_mean_square < usual * 1.25);
            assert_true(moved.largest < largest * 1.6);
            n++;
        }
    }
    assert_true(n > 0);
}

static void int8_moves_logits_little(void **state)
{
    const char *name;
    json_t *one;
    (void)state;
    json_object_foreach(json_object_get(golden, "cases"), name, one)
    {
        char path[160];
        if (json_object_get(one, "bf16") == NULL)
            continue;
        prepare(one, path, sizeof path);
        for (const struct sc_kernels *const *at = sc_kernels_available(); *at != NULL; at++) {
            if (!has_arithmetic(*at, SC_DTYPE_INT8))
                continue;
            const struct difference moved = moved_by(one, path, SC_DTYPE_INT8, (*at)->name);
            print_message("%-20s %-14s correlation %.5f, usual %.4f\n", name, (*at)->name,
                          moved.correlation, moved.root_mean_square);
            assert_true(moved.correlation > 0.99);
        }
    }
}

static float scale_in(const char *path, enum sc_dtype dtype)
{
    struct opened o = open_engine(path, dtype, "portable");
    const struct sc_cpu *cpu = o.engine->weights;
    const float scale = cpu->config.layer.embedding_scale;
    close_engine(&o);
    return scale;
}

/* sqrt(48) is 6.9282; the nearest number of bf16 is 6.9375. */
static void scaled_embeddings_are_scaled_as_in_the_weights_own_dtype(void **state)
{
    char path[160];
    struct sc_error error = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/scaled", folder);
    assert_int_equal(sc_model_write_random("tiny-gemma2", NULL, SC_DTYPE_BF16, 1, path, &error),
                     SC_OK);
    assert_true(scale_in(path, SC_DTYPE_F32) == sqrtf(48));
    assert_true(scale_in(path, SC_DTYPE_BF16) == 6.9375F);
    assert_true(scale_in(path, SC_DTYPE_INT8) == 6.9375F);
    weights_of("tiny-gemma2", 1, path, sizeof path);
    write_config(path, NULL, NULL);
    assert_true(scale_in(path, SC_DTYPE_BF16) == sqrtf(48));
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The same weights under names that begin with `prefix` in place of "model.", and the output matrix
 * behind `output_prefix`. */
static void rename_tensors(const char *path, const char *prefix, const char *output_prefix)
{
    char file[256];
    char *bytes = NULL;
    const char *key;
    json_t *header = NULL, *renamed = json_object(), *value;
    size_t n = 0, length = 0;
    struct sc_error error = {0};
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(sc_file_read(file, (size_t)8 << 20, &bytes, &n, &error), SC_OK);
    for (size_t i = 0; i < 8; i++)
        length |= (size_t)(unsigned char)bytes[i] << (8 * i);
    assert_int_equal(sc_json_parse(bytes + 8, length, "header", &header, &error), SC_OK);
    json_object_foreach(header, key, value)
    {
        char name[192];
        const bool inside = strncmp(key, "model.", 6) == 0;
        if (strcmp(key, "__metadata__") == 0)
            continue;
        snprintf(name, sizeof name, "%s%s", inside ? prefix : output_prefix,
                 inside ? key + 6 : key);
        json_object_set(renamed, name, value);
    }
    char *text = json_text(renamed);
    struct sc_text out = {0};
    const size_t written = strlen(text);
    for (size_t i = 0; i < 8; i++)
        sc_text_putc(&out, (char)(written >> (8 * i) & 0xff));
    sc_text_puts(&out, text);
    sc_text_add(&out, bytes + 8 + length, n - 8 - length);
    put_file(path, "model.safetensors", out.data, out.len);
    sc_text_free(&out);
    sc_free(text);
    sc_free(bytes);
    json_decref(renamed);
    json_decref(header);
}

/* config.json as the text_config of a model of more than text. */
static void wrap_config(const char *path, const char *model_type)
{
    char from[256];
    json_t *config = NULL;
    struct sc_error error = {0};
    snprintf(from, sizeof from, "%s/published.json", path);
    assert_int_equal(sc_json_read(from, 1 << 20, &config, &error), SC_OK);
    json_t *whole = json_pack("{s:s,s:O,s:O,s:{s:i}}", "model_type", model_type, "torch_dtype",
                              json_object_get(config, "torch_dtype"), "text_config", config,
                              "vision_config", "hidden_size", 7);
    json_object_del(json_object_get(whole, "text_config"), "torch_dtype");
    char *text = json_text(whole);
    put_string(path, "config.json", text);
    sc_free(text);
    json_decref(whole);
    json_decref(config);
}

/* What is said when the model is opened. */
static void check_remark(const char *path, bool is_part)
{
    struct sc_opened opened = {0};
    struct sc_error error = {0};
    assert_int_equal(sc_opened_read(&opened, path, &error), SC_OK);
    const char *remarks = opened.remarks.data != NULL ? opened.remarks.data : "";
    assert_int_equal(strstr(remarks, "pictures") != NULL, is_part);
    sc_opened_close(&opened);
}

static void tensors_of_models_of_more_than_text_are_found(void **state)
{
    static const struct {
        const char *of, *wrapper, *prefix, *output_prefix;
    } cases[] = {
        {"tiny-gemma3", NULL, "language_model.model.", "language_model."},
        {"tiny-gemma3", "gemma3", "language_model.model.", "language_model."},
        {"tiny-gemma3", "gemma3", "model.language_model.", ""},
        {"tiny-gemma3", NULL, "", ""},
        {"tiny-mistral", "mistral3", "language_model.model.", "language_model."},
        {"tiny-mistral", "mistral3", "model.language_model.", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const json_t *one = json_object_get(json_object_get(golden, "cases"), cases[i].of);
        char path[160];
        struct sc_error error = {0};
        const char *shape = json_string_value(json_object_get(one, "shape"));
        const size_t seed = size_in(one, "seed");
        snprintf(path, sizeof path, "%s/renamed-%zu", folder, i);
        assert_int_equal(sc_model_write_random(shape, NULL, SC_DTYPE_F32, seed, path, &error),
                         SC_OK);
        char *config = sc_path_join(path, "config.json");
        char *published = sc_path_join(path, "published.json");
        assert_int_equal(rename(config, published), 0);
        sc_free(config);
        sc_free(published);
        rename_tensors(path, cases[i].prefix, cases[i].output_prefix);
        if (cases[i].wrapper != NULL)
            wrap_config(path, cases[i].wrapper);
        else
            write_config(path, NULL, NULL);
        check_remark(path, cases[i].wrapper != NULL);
        struct opened o = open_engine(path, SC_DTYPE_F32, NULL);
        assert_true(error_of(one, &o) < 1e-4);
        close_engine(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_transformers_on_every_instruction_set),
        cmocka_unit_test(greedy_continuations_are_those_of_transformers),
        cmocka_unit_test(bf16_moves_logits_as_far_as_its_roundings_explain),
        cmocka_unit_test(int8_moves_logits_little),
        cmocka_unit_test(scaled_embeddings_are_scaled_as_in_the_weights_own_dtype),
        cmocka_unit_test(tensors_of_models_of_more_than_text_are_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
