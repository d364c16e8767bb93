/* Families of networks: what a table entry says. */
#include "model/arch/arch.h"
#include "model/arch/write.h"
#include "model/checkpoint/checkpoint.h"
#include "model_fixture.h"

static const char config_text[] =
    "{\"model_type\":\"qwen3\",\"vocab_size\":64,\"hidden_size\":32,\"num_hidden_layers\":2,"
    "\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":16,"
    "\"intermediate_size\":48,\"max_position_embeddings\":128,\"rms_norm_eps\":1e-6,"
    "\"rope_theta\":1e6,\"tie_word_embeddings\":false}";

static struct sc_model_config parse(void)
{
    struct sc_model_config config;
    struct sc_error error = {0};
    bool given;
    if (sc_config_parse(config_text, strlen(config_text), &config, &given, &error) != SC_OK)
        fail_msg("%s", error.text);
    return config;
}

static void an_unknown_family_is_named_beside_the_known_ones(void **state)
{
    (void)state;
    static const char text[] = "{\"model_type\":\"mamba\"}";
    struct sc_model_config config;
    struct sc_error error = {0};
    bool given;
    assert_int_equal(sc_config_parse(text, strlen(text), &config, &given, &error),
                     SC_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "\"mamba\""));
    assert_non_null(strstr(error.text, "qwen3"));
}

static void qwen3_norms_queries_and_keys_per_head(void **state)
{
    (void)state;
    struct sc_model_config config = parse();
    assert_ptr_equal(config.family, &sc_family_qwen3);
    assert_int_equal(config.layer.norms, SC_NORM_BEFORE);
    assert_int_equal(config.layer.qk_norm, SC_QK_NORM_PER_HEAD);
    assert_int_equal(config.layer.activation, SC_ACTIVATION_SILU);
}

struct count {
    size_t n, n_numbers;
};

static enum sc_status count_slot(void *context, const struct sc_tensor_slot *slot,
                                 struct sc_error *error)
{
    struct count *count = context;
    (void)error;
    count->n++;
    count->n_numbers += (slot->n_rows ? slot->n_rows : 1) * slot->n_cols;
    return SC_OK;
}

static void parameters_are_counted_as_the_tensors_are_listed(void **state)
{
    (void)state;
    struct sc_model_config config = parse();
    for (int tied = 0; tied < 2; tied++) {
        struct count count = {0};
        config.tied = tied;
        assert_int_equal(sc_config_visit(&config, count_slot, &count, NULL), SC_OK);
        assert_int_equal(count.n, 2 * 11 + 2 + !tied);
        assert_int_equal(count.n_numbers, sc_config_n_parameters(&config));
    }
}

/* Every shape of every family: what a model of random weights says in config.json is read as that
 * shape. */
static void what_a_family_writes_it_reads(void **state)
{
    (void)state;
    struct sc_text names = sc_family_shape_names();
    size_t n = 0;
    for (char *name = strtok(names.data, ", "); name != NULL; name = strtok(NULL, ", "), n++) {
        const struct sc_family *family = NULL;
        const struct sc_family_shape *s = sc_family_find_shape(name, &family);
        struct sc_model_config back, config = {.family = family,
                                               .n_vocab = s->n_vocab,
                                               .hidden = s->hidden,
                                               .n_layers = s->n_layers,
                                               .n_heads = s->n_heads,
                                               .n_kv_heads = s->n_kv_heads,
                                               .head_dim = s->head_dim,
                                               .ffn = s->ffn,
                                               .max_positions = s->max_positions,
                                               .tied = s->tied};
        struct sc_text text = {0};
        struct sc_error error = {0};
        bool given = false;
        if (family->write != NULL)
            family->write(&text, &config, s, "float32");
        else
            sc_family_write(&text, &config, s, "float32", NULL);
        if (sc_config_parse(text.data, text.len, &back, &given, &error) != SC_OK)
            fail_msg("%s: %s", name, error.text);
        assert_true(given);
        assert_int_equal(back.dtype, SC_DTYPE_F32);
        assert_ptr_equal(back.family, family);
        assert_int_equal(back.n_vocab, s->n_vocab);
        assert_int_equal(back.hidden, s->hidden);
        assert_int_equal(back.n_layers, s->n_layers);
        assert_int_equal(back.n_heads, s->n_heads);
        assert_int_equal(back.n_kv_heads, s->n_kv_heads);
        assert_int_equal(back.head_dim, s->head_dim);
        assert_int_equal(back.ffn, s->ffn);
        assert_int_equal(back.tied, s->tied);
        assert_true(back.max_positions >= s->max_positions);
        assert_true(s->end_id < (int32_t)s->n_vocab && s->pad_id < (int32_t)s->n_vocab);
        sc_text_free(&text);
    }
    assert_true(n > 40);
    sc_text_free(&names);
}

/* As the model cards say, in thousands of millions: the embedding and, where it is another matrix,
 * the output count. */
static void published_shapes_have_the_published_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        double billions;
    } cases[] = {{"qwen2.5-0.5b", 0.494},      {"qwen2.5-7b", 7.616},
                 {"qwen3-0.6b", 0.596},        {"llama-3.2-1b", 1.236},
                 {"llama-3.2-3b", 3.213},      {"llama-3.1-8b", 8.030},
                 {"llama-2-7b", 6.738},        {"tinyllama-1.1b", 1.100},
                 {"smollm2-135m", 0.1345},     {"smollm2-360m", 0.3618},
                 {"smollm2-1.7b", 1.711},      {"mistral-7b-v0.3", 7.248},
                 {"mistral-nemo-12b", 12.25},  {"gemma-2-2b", 2.614},
                 {"gemma-2-9b", 9.242},        {"gemma-3-270m", 0.2681},
                 {"gemma-3-1b", 0.9999},       {"phi-3-mini", 3.821},
                 {"phi-4-mini", 3.836},        {"phi-4", 14.66},
                 {"olmo-2-1b", 1.485},         {"olmo-2-7b", 7.299},
                 {"mistral-small-24b", 23.57}, {"smollm3-3b", 3.075}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct sc_family *family = NULL;
        const struct sc_family_shape *s = sc_family_find_shape(cases[i].shape, &family);
        if (s == NULL)
            fail_msg("%s", cases[i].shape);
        const struct sc_model_config config = {.family = family,
                                               .layer.qkv_bias = family == &sc_family_qwen2,
                                               .n_vocab = s->n_vocab,
                                               .hidden = s->hidden,
                                               .n_layers = s->n_layers,
                                               .n_heads = s->n_heads,
                                               .n_kv_heads = s->n_kv_heads,
                                               .head_dim = s->head_dim,
                                               .ffn = s->ffn,
                                               .tied = s->tied};
        const double n = (double)sc_config_n_parameters(&config) / 1e9;
        if (!(n > cases[i].billions * 0.9985 && n < cases[i].billions * 1.0015))
            fail_msg("%s: expected %g, found %.4f", cases[i].shape, cases[i].billions, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_family_is_named_beside_the_known_ones),
        cmocka_unit_test(qwen3_norms_queries_and_keys_per_head),
        cmocka_unit_test(parameters_are_counted_as_the_tensors_are_listed),
        cmocka_unit_test(what_a_family_writes_it_reads),
        cmocka_unit_test(published_shapes_have_the_published_number_of_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
