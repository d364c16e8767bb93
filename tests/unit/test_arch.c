/* Families of networks: what a table entry says. */
#include "model/arch/arch.h"
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

/* A model of random weights is read back as what it was written as, in every family. */
static void what_a_family_writes_it_reads(void **state)
{
    (void)state;
    struct sc_model_config config = parse(), back;
    struct sc_text text = {0};
    struct sc_error error = {0};
    bool given = false;
    config.family->write(&text, &config, &config.family->shapes[0], "float32");
    if (sc_config_parse(text.data, text.len, &back, &given, &error) != SC_OK)
        fail_msg("%s", error.text);
    config.dtype = SC_DTYPE_F32;
    assert_true(given);
    assert_memory_equal(&config.layer, &back.layer, sizeof back.layer);
    assert_int_equal(sc_config_n_parameters(&back), sc_config_n_parameters(&config));
    sc_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_family_is_named_beside_the_known_ones),
        cmocka_unit_test(qwen3_norms_queries_and_keys_per_head),
        cmocka_unit_test(parameters_are_counted_as_the_tensors_are_listed),
        cmocka_unit_test(what_a_family_writes_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
