/* Qwen3 with mixtures of experts: what its config.json says, what is refused of it, its shapes. */
#include "model/arch/arch.h"
#include "model/checkpoint/checkpoint.h"
#include "model_fixture.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    make_folder(folder, sizeof folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* config.json of the first tiny shape, with a field set (value NULL: removed). */
static enum sc_status with_field(const char *key, const char *value, struct sc_model_config *config,
                                 struct sc_error *error)
{
    json_t *top = parse_json(
        "{\"model_type\":\"qwen3_moe\",\"vocab_size\":64,\"hidden_size\":32,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
        "\"head_dim\":16,\"intermediate_size\":48,\"max_position_embeddings\":128,"
        "\"rms_norm_eps\":1e-6,\"rope_theta\":1e6,\"num_experts\":6,\"num_experts_per_tok\":2,"
        "\"moe_intermediate_size\":24,\"norm_topk_prob\":true,\"mlp_only_layers\":[],"
        "\"decoder_sparse_step\":1}");
    if (value == NULL) {
        assert_int_equal(json_object_del(top, key), 0);
    } else {
        json_t *wrapped = parse_json(value);
        json_object_set(top, key, json_object_get(wrapped, "v"));
        json_decref(wrapped);
    }
    char *text = json_text(top);
    bool given;
    enum sc_status status = sc_config_parse(text, strlen(text), config, &given, error);
    sc_free(text);
    json_decref(top);
    return status;
}

static void experts_are_read(void **state)
{
    (void)state;
    struct sc_model_config config;
    struct sc_error error = {0};
    assert_int_equal(with_field("hidden_act", "{\"v\":\"silu\"}", &config, &error), SC_OK);
    assert_ptr_equal(config.family, &sc_family_qwen3_moe);
    assert_int_equal(config.layer.n_experts, 6);
    assert_int_equal(config.layer.n_experts_used, 2);
    assert_int_equal(config.layer.expert_ffn, 24);
    assert_true(config.layer.share_among_used);
    assert_false(config.tied);
    /* What may be missing, and the newer name of what may not. */
    assert_int_equal(with_field("norm_topk_prob", NULL, &config, &error), SC_OK);
    assert_false(config.layer.share_among_used);
    assert_int_equal(with_field("mlp_only_layers", NULL, &config, &error), SC_OK);
    assert_int_equal(with_field("decoder_sparse_step", NULL, &config, &error), SC_OK);
    assert_int_equal(with_field("num_local_experts", "{\"v\":7}", &config, &error), SC_OK);
    assert_int_equal(config.layer.n_experts, 6);
}

static void what_would_change_the_numbers_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"num_experts", NULL},
        {"num_experts", "{\"v\":0}"},
        {"num_experts", "{\"v\":100000}"},
        {"num_experts", "{\"v\":\"6\"}"},
        {"num_experts_per_tok", NULL},
        {"num_experts_per_tok", "{\"v\":7}"},
        {"num_experts_per_tok", "{\"v\":0}"},
        {"moe_intermediate_size", NULL},
        {"moe_intermediate_size", "{\"v\":-1}"},
        {"norm_topk_prob", "{\"v\":1}"},
        {"mlp_only_layers", "{\"v\":[1]}"},
        {"mlp_only_layers", "{\"v\":5}"},
        {"decoder_sparse_step", "{\"v\":2}"},
        {"decoder_sparse_step", "{\"v\":\"1\"}"},
        {"attention_bias", "{\"v\":true}"},
        {"use_sliding_window", "{\"v\":true}"},
        {"hidden_act", "{\"v\":\"gelu\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_model_config config;
        struct sc_error error = {0};
        if (with_field(cases[i][0], cases[i][1], &config, &error) == SC_OK)
            fail_msg("%s %s was taken", cases[i][0], cases[i][1] != NULL ? cases[i][1] : "missing");
        assert_clear(&error);
        const char *name = strcmp(cases[i][0], "num_experts") == 0 && cases[i][1] == NULL
                               ? "num_local_experts" /* either spelling would do */
                               : cases[i][0];
        assert_non_null(strstr(error.text, name));
    }
}

struct count {
    size_t n, n_numbers, n_of_experts;
};

static enum sc_status count_slot(void *context, const struct sc_tensor_slot *slot,
                                 struct sc_error *error)
{
    struct count *count = context;
    (void)error;
    count->n++;
    count->n_of_experts += slot->expert != SC_NO_EXPERT;
    count->n_numbers += (slot->n_rows ? slot->n_rows : 1) * slot->n_cols;
    return SC_OK;
}

static void tensors_of_experts_are_listed_and_counted(void **state)
{
    (void)state;
    struct sc_model_config config;
    struct sc_error error = {0};
    struct count count = {0};
    assert_int_equal(with_field("norm_topk_prob", "{\"v\":true}", &config, &error), SC_OK);
    assert_int_equal(sc_config_visit(&config, count_slot, &count, NULL), SC_OK);
    assert_int_equal(count.n, 3 + 2 * (9 + 6 * 3));
    assert_int_equal(count.n_of_experts, 2 * 6 * 3);
    assert_int_equal(count.n_numbers, sc_config_n_parameters(&config));
}

/* Published: 30.5 billion parameters, of which a token meets 3.3 with the embeddings. */
static void the_published_shape_has_its_parameters(void **state)
{
    (void)state;
    const struct sc_family *family = NULL;
    const struct sc_family_shape *shape = sc_family_find_shape("qwen3-30b-a3b", &family);
    assert_non_null(shape);
    const struct sc_model_config written = {.n_vocab = shape->n_vocab,
                                            .hidden = shape->hidden,
                                            .n_layers = shape->n_layers,
                                            .n_heads = shape->n_heads,
                                            .n_kv_heads = shape->n_kv_heads,
                                            .head_dim = shape->head_dim,
                                            .ffn = shape->ffn,
                                            .max_positions = shape->max_positions};
    struct sc_text text = {0};
    struct sc_model_config config;
    struct sc_error error = {0};
    bool given;
    family->write(&text, &written, shape, "bfloat16");
    if (sc_config_parse(text.data, text.len, &config, &given, &error) != SC_OK)
        fail_msg("%s", error.text);
    sc_text_free(&text);
    assert_int_equal(sc_config_n_parameters(&config), 30532122624);
    assert_int_equal(config.layer.n_experts, 128);
    assert_int_equal(config.layer.n_experts_used, 8);
    assert_true(config.layer.share_among_used);
}

static void random_models_may_have_fewer_layers(void **state)
{
    (void)state;
    static const char *const shapes[] = {"tiny", "tiny-qwen3-moe"};
    for (size_t i = 0; i < 2; i++)
        for (size_t n = 1; n <= 4; n += 3) {
            struct sc_random_options options = {.dtype = SC_DTYPE_BF16, .seed = 3, .n_layers = n};
            struct sc_error error = {0};
            struct sc_model *model = NULL;
            char path[128];
            snprintf(path, sizeof path, "%s/%s-%zu", folder, shapes[i], n);
            if (sc_model_write_random_as(shapes[i], &options, path, &error) != SC_OK ||
                sc_model_open(&model, path, &error) != SC_OK)
                fail_msg("%s", error.text);
            assert_int_equal(sc_model_config(model)->n_layers, n);
            sc_model_close(model);
        }
    struct sc_random_options options = {.n_layers = SC_MOST_LAYERS + 1};
    struct sc_error error = {0};
    assert_int_equal(sc_model_write_random_as("tiny", &options, folder, &error), SC_ERR_ARGUMENT);
    assert_clear(&error);
}

static void a_missing_expert_is_named(void **state)
{
    (void)state;
    struct sc_random_options options = {.dtype = SC_DTYPE_F32, .seed = 3};
    struct sc_error error = {0};
    struct sc_model *model = NULL;
    char path[128], config[256], *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/short", folder);
    assert_int_equal(sc_model_write_random_as("tiny-qwen3-moe", &options, path, &error), SC_OK);
    snprintf(config, sizeof config, "%s/config.json", path);
    assert_int_equal(sc_file_read(config, 1 << 20, &text, &n, &error), SC_OK);
    char *count = strstr(text, "\"num_experts\": 8");
    assert_non_null(count);
    count[15] = '9';
    put_file(path, "config.json", text, n);
    sc_free(text);
    assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_clear(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experts_are_read),
        cmocka_unit_test(what_would_change_the_numbers_is_refused_by_name),
        cmocka_unit_test(tensors_of_experts_are_listed_and_counted),
        cmocka_unit_test(the_published_shape_has_its_parameters),
        cmocka_unit_test(random_models_may_have_fewer_layers),
        cmocka_unit_test(a_missing_expert_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
