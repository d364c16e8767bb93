/* config.json of every family: what it is read as, and what is refused by name. */
#include <math.h>

#include "model/arch/arch.h"
#include "model/arch/write.h"
#include "model/checkpoint/checkpoint.h"
#include "model_fixture.h"

/* config.json that a model of random weights of this shape has; json_decref. */
static json_t *config_of(const char *shape)
{
    const struct sc_family *family = NULL;
    const struct sc_family_shape *s = sc_family_find_shape(shape, &family);
    assert_non_null(s);
    const struct sc_model_config config = {.family = family,
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
    if (family->write != NULL)
        family->write(&text, &config, s, "bfloat16");
    else
        sc_family_write(&text, &config, s, "bfloat16", NULL);
    json_t *top = parse_json(text.data);
    sc_text_free(&text);
    return top;
}

static enum sc_status parse(const json_t *top, struct sc_model_config *config,
                            struct sc_error *error)
{
    bool given;
    char *text = json_text(top);
    enum sc_status status = sc_config_parse(text, strlen(text), config, &given, error);
    sc_free(text);
    return status;
}

/* The configuration of a shape with the members of `edits` (JSON; null removes) set. */
static enum sc_status read_edited(const char *shape, const char *edits,
                                  struct sc_model_config *config, struct sc_error *error)
{
    json_t *top = config_of(shape), *members = parse_json(edits), *value;
    const char *key;
    *error = (struct sc_error){0};
    json_object_foreach(members, key, value)
    {
        if (json_is_null(value))
            json_object_del(top, key);
        else
            json_object_set(top, key, value);
    }
    enum sc_status status = parse(top, config, error);
    json_decref(members);
    json_decref(top);
    return status;
}

static struct sc_model_config accepted(const char *shape, const char *edits)
{
    struct sc_model_config config;
    struct sc_error error;
    if (read_edited(shape, edits, &config, &error) != SC_OK)
        fail_msg("%s %s: %s", shape, edits, error.text);
    return config;
}

static void what_would_change_numbers_is_refused_by_name(void **state)
{
    static const struct {
        const char *shape, *edits, *says;
    } cases[] = {
        {"tiny-qwen2", "{\"hidden_act\":\"gelu\"}", "hidden_act"},
        {"tiny-qwen2", "{\"use_mrope\":true}", "use_mrope"},
        {"tiny-qwen2", "{\"partial_rotary_factor\":0.5}", "partial_rotary_factor"},
        {"tiny-qwen2-b", "{\"sliding_window\":0}", "sliding_window"},
        {"tiny-qwen2-b", "{\"sliding_window\":\"16\"}", "sliding_window"},
        {"tiny-qwen2-b", "{\"max_window_layers\":-1}", "max_window_layers"},
        {"tiny-qwen2-b", "{\"layer_types\":[\"full_attention\"]}", "layer_types"},
        {"tiny-qwen2-b", "{\"layer_types\":7}", "layer_types"},
        {"tiny-qwen2",
         "{\"layer_types\":[\"full_attention\",\"full_attention\",\"chunked_attention\"]}",
         "chunked_attention"},
        {"tiny-qwen2",
         "{\"layer_types\":[\"full_attention\",\"full_attention\",\"sliding_attention\"]}",
         "sliding_attention"},
        {"tiny-llama", "{\"mlp_bias\":true}", "mlp_bias"},
        {"tiny-llama", "{\"attention_bias\":3}", "attention_bias"},
        {"tiny-llama", "{\"hidden_act\":\"relu2\"}", "relu2"},
        {"tiny-llama", "{\"num_key_value_heads\":2}", "num_key_value_heads"},
        {"tiny-mistral", "{\"attention_bias\":true}", "attention_bias"},
        {"tiny-mistral",
         "{\"layer_types\":[\"full_attention\",\"sliding_attention\",\"sliding_attention\"]}",
         "layer_types[0]"},
        {"tiny-gemma2", "{\"hidden_activation\":\"gelu\"}", "hidden_activation"},
        {"tiny-gemma2", "{\"query_pre_attn_scalar\":0}", "query_pre_attn_scalar"},
        {"tiny-gemma2", "{\"attn_logit_softcapping\":-1}", "attn_logit_softcapping"},
        {"tiny-gemma2", "{\"use_bidirectional_attention\":true}", "use_bidirectional_attention"},
        {"tiny-gemma3", "{\"sliding_window_pattern\":0}", "sliding_window_pattern"},
        {"tiny-gemma3", "{\"rope_scaling\":null,\"rope_parameters\":{\"rope_type\":\"default\"}}",
         "full_attention"},
        {"tiny-gemma3", "{\"rope_scaling\":{\"rope_type\":\"longrope\",\"factor\":2}}", "longrope"},
        {"tiny-gemma3-b", "{\"rope_parameters\":{\"full_attention\":3}}", "full_attention"},
        {"tiny-phi3", "{\"partial_rotary_factor\":0.01}", "partial_rotary_factor"},
        {"tiny-phi3", "{\"partial_rotary_factor\":1.5}", "partial_rotary_factor"},
        {"tiny-phi3", "{\"partial_rotary_factor\":0.5}", "factor: expected a list of 4"},
        {"tiny-phi3", "{\"attention_bias\":true}", "attention_bias"},
        {"tiny-phi3", "{\"original_max_position_embeddings\":0}",
         "original_max_position_embeddings"},
        {"tiny-smollm3", "{\"no_rope_layers\":[1,1]}", "no_rope_layers"},
        {"tiny-smollm3", "{\"no_rope_layers\":[1,1,1,1,2]}", "no_rope_layers[4]"},
        {"tiny-smollm3", "{\"no_rope_layers\":true}", "no_rope_layers"},
        {"tiny-smollm3", "{\"no_rope_layer_interval\":0}", "no_rope_layer_interval"},
        {"tiny-smollm3", "{\"use_sliding_window\":true}", "use_sliding_window"},
        {"tiny-olmo2", "{\"hidden_act\":\"gelu\"}", "hidden_act"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_model_config config;
        struct sc_error error;
        if (read_edited(cases[i].shape, cases[i].edits, &config, &error) == SC_OK)
            fail_msg("%s %s: expected a refusal", cases[i].shape, cases[i].edits);
        assert_clear(&error);
        if (strstr(error.text, cases[i].says) == NULL)
            fail_msg("%s: expected %s in: %s", cases[i].edits, cases[i].says, error.text);
    }
}

static void rotary_fields_that_are_wrong_are_refused_by_name(void **state)
{
    static const struct {
        const char *scaling, *says;
    } cases[] = {
        {"7", "rope_scaling"},
        {"{\"factor\":2}", "rope_type"},
        {"{\"rope_type\":\"ntk\",\"factor\":2}", "\"ntk\""},
        {"{\"type\":3,\"factor\":2}", "rope_type"},
        {"{\"rope_type\":\"linear\"}", "factor"},
        {"{\"rope_type\":\"linear\",\"factor\":0}", "factor"},
        {"{\"rope_type\":\"linear\",\"factor\":\"2\"}", "factor"},
        {"{\"rope_type\":\"dynamic\"}", "factor"},
        {"{\"rope_type\":\"llama3\",\"factor\":8}", "low_freq_factor"},
        {"{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4}",
         "high_freq_factor"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"beta_fast\":-1}", "beta_fast"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"beta_slow\":0}", "beta_slow"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"truncate\":1}", "truncate"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"attention_factor\":-1}", "attention_factor"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"original_max_position_embeddings\":0}",
         "original_max_position_embeddings"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"original_max_position_embeddings\":1.5}",
         "original_max_position_embeddings"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"rope_theta\":1}", "rope_theta"},
        {"{\"rope_type\":\"yarn\",\"factor\":4,\"rope_theta\":0}", "rope_theta"},
        {"{\"rope_type\":\"longrope\",\"short_factor\":[1,1,1,1]}", "long_factor"},
        {"{\"rope_type\":\"longrope\",\"long_factor\":[1,1,1,1]}", "short_factor"},
        {"{\"rope_type\":\"longrope\",\"long_factor\":[1,1,1,1],\"short_factor\":[1,1,1]}",
         "short_factor"},
        {"{\"rope_type\":\"longrope\",\"long_factor\":[1,1,1,0],\"short_factor\":[1,1,1,1]}",
         "long_factor[3]"},
        {"{\"rope_type\":\"longrope\",\"long_factor\":[1,1,\"1\",1],\"short_factor\":[1,1,1,1]}",
         "long_factor[2]"},
        {"{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}", "partial_rotary_factor"},
        {"{\"full_attention\":3}", "full_attention"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_model_config config;
        struct sc_error error;
        char edits[512];
        snprintf(edits, sizeof edits, "{\"rope_scaling\":%s}", cases[i].scaling);
        if (read_edited("tiny-llama", edits, &config, &error) == SC_OK)
            fail_msg("%s: expected a refusal", edits);
        assert_clear(&error);
        if (strstr(error.text, cases[i].says) == NULL)
            fail_msg("%s: expected %s in: %s", edits, cases[i].says, error.text);
    }
}

static void two_spellings_must_not_contradict_each_other(void **state)
{
    struct sc_model_config config;
    struct sc_error error;
    (void)state;
    accepted("tiny-llama", "{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2},"
                           "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":2}}");
    accepted("tiny-llama", "{\"rope_scaling\":{},\"rope_parameters\":{\"rope_theta\":5}}");
    assert_int_equal(read_edited("tiny-llama",
                                 "{\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2},"
                                 "\"rope_parameters\":{\"rope_type\":\"linear\",\"factor\":4}}",
                                 &config, &error),
                     SC_ERR_FORMAT);
    assert_non_null(strstr(error.text, "rope_scaling and rope_parameters"));
}

static size_t n_local(const struct sc_model_config *config)
{
    size_t n = 0;
    for (size_t i = 0; i < config->n_layers; i++)
        n += sc_layer_is_local(config, i);
    return n;
}

static void published_windows_are_read(void **state)
{
    (void)state;
    struct sc_model_config c = accepted("gemma-2-2b", "{}");
    assert_int_equal(c.layer.window, 4096);
    assert_int_equal(n_local(&c), 13);
    assert_true(sc_layer_is_local(&c, 0) && !sc_layer_is_local(&c, 1));
    c = accepted("gemma-3-1b", "{}");
    assert_int_equal(c.layer.window, 512);
    assert_int_equal(n_local(&c), 22);
    assert_true(sc_layer_is_local(&c, 4) && !sc_layer_is_local(&c, 5));
    c = accepted("mistral-7b-v0.1", "{}");
    assert_int_equal(c.layer.window, 4096);
    assert_int_equal(n_local(&c), 32);
    assert_int_equal(accepted("mistral-7b-v0.3", "{}").layer.window, 0);
    assert_int_equal(accepted("qwen2.5-7b", "{}").layer.window, 0);
    assert_int_equal(accepted("phi-3-mini", "{}").layer.window, 2047);
    /* a window of more positions than there are is none */
    assert_int_equal(accepted("phi-4-mini", "{}").layer.window, 0);
    /* what a file without the field means */
    assert_int_equal(accepted("mistral-7b-v0.3", "{\"sliding_window\":null}").layer.window, 4096);
    c = accepted("qwen2.5-7b", "{\"use_sliding_window\":true,\"sliding_window\":1000}");
    assert_int_equal(c.layer.window, 0); /* max_window_layers 28: all see everything */
    c = accepted("qwen2.5-7b", "{\"use_sliding_window\":true,\"sliding_window\":1000,"
                               "\"max_window_layers\":20}");
    assert_int_equal(c.layer.window, 1000);
    assert_int_equal(n_local(&c), 8);
    assert_true(!sc_layer_is_local(&c, 19) && sc_layer_is_local(&c, 20));
}

static void the_context_is_as_long_as_its_positions_are_known(void **state)
{
    (void)state;
    assert_int_equal(accepted("llama-3.1-8b", "{}").max_positions, 131072);
    assert_int_equal(accepted("gemma-3-4b", "{}").max_positions, 131072);
    assert_int_equal(accepted("phi-4-mini", "{}").max_positions, 131072);
    /* YaRN says how many positions there are to be; other kinds do not. */
    const char *yarn = "{\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4.0,"
                       "\"original_max_position_embeddings\":32768}}";
    assert_int_equal(accepted("qwen2.5-7b", yarn).max_positions, 131072);
    assert_int_equal(accepted("qwen3-8b", yarn).max_positions, 131072);
    assert_int_equal(accepted("qwen2.5-7b", "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}")
                         .max_positions,
                     32768);
    assert_int_equal(
        accepted("qwen2.5-7b", "{\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4}}")
            .max_positions,
        32768);
}

static void long_sequences_have_steps_of_their_own(void **state)
{
    (void)state;
    struct sc_model_config c = accepted("phi-4-mini", "{}");
    assert_int_equal(c.rope[SC_ROPE_GLOBAL].n, 48);
    assert_int_equal(c.long_from, 4096);
    assert_true(fabs(c.rope[SC_ROPE_GLOBAL].scale - sqrt(1 + log(32) / log(4096))) < 1e-12);
    assert_true(c.rope[SC_ROPE_LONG].scale == c.rope[SC_ROPE_GLOBAL].scale);
    assert_true(c.rope[SC_ROPE_LONG].step[47] < c.rope[SC_ROPE_GLOBAL].step[47]);
    assert_int_equal(accepted("phi-4", "{}").long_from, 0);
    c = accepted("gemma-3-4b", "{}");
    assert_true(fabs(c.rope[SC_ROPE_GLOBAL].step[1] / (pow(1e6, -2.0 / 256) / 8) - 1) < 1e-12);
    assert_true(fabs(c.rope[SC_ROPE_LOCAL].step[1] / pow(1e4, -2.0 / 256) - 1) < 1e-12);
}

/* The published gemma-3-4b-it says little: the rest is what its class has. */
static void a_model_of_more_than_text_is_read_for_its_text(void **state)
{
    static const char text[] =
        "{\"model_type\":\"gemma3\",\"torch_dtype\":\"bfloat16\",\"vision_config\":{},"
        "\"text_config\":{\"hidden_size\":2560,\"intermediate_size\":10240,\"model_type\":"
        "\"gemma3_text\",\"num_hidden_layers\":34,\"rope_scaling\":{\"factor\":8.0,"
        "\"rope_type\":\"linear\"},\"sliding_window\":1024}}";
    struct sc_model_config c, whole = accepted("gemma-3-4b", "{}");
    struct sc_error error = {0};
    bool given = false;
    (void)state;
    if (sc_config_parse(text, strlen(text), &c, &given, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_true(given && c.dtype == SC_DTYPE_BF16 && c.tied);
    assert_true(c.is_part && !whole.is_part);
    assert_memory_equal(&c.layer, &whole.layer, sizeof c.layer);
    assert_memory_equal(&c.rope, &whole.rope, sizeof c.rope);
    assert_memory_equal(&c.local_layers, &whole.local_layers, sizeof c.local_layers);
    assert_int_equal(sc_config_n_parameters(&c), sc_config_n_parameters(&whole));
    static const char *const wrong[] = {
        "{\"model_type\":\"gemma3\"}", "{\"model_type\":\"gemma3\",\"text_config\":3}",
        "{\"model_type\":\"mistral3\",\"text_config\":{\"model_type\":\"llama\"}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error = (struct sc_error){0};
        assert_int_not_equal(sc_config_parse(wrong[i], strlen(wrong[i]), &c, &given, &error),
                             SC_OK);
        assert_clear(&error);
    }
}

/* Each allocation of a reading that fails is a failed reading. */
static void memory_that_runs_out_is_an_error(void **state)
{
    static const char *const shapes[] = {"tiny-phi3", "tiny-gemma3-b", "tiny-qwen2-b"};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        json_t *top = config_of(shapes[i]);
        char *text = json_text(top);
        json_decref(top);
        enum sc_status status = SC_ERR_NOMEM;
        for (size_t k = 0; status != SC_OK; k++) {
            struct sc_model_config config;
            struct sc_error error = {0};
            bool given;
            assert_true(k < 2000);
            sc_memory_fail_at(k);
            status = sc_config_parse(text, strlen(text), &config, &given, &error);
            assert_false(status == SC_OK && sc_memory_failed());
            sc_memory_fail_at(SIZE_MAX);
            if (status != SC_OK)
                assert_clear(&error);
        }
        sc_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_change_numbers_is_refused_by_name),
        cmocka_unit_test(rotary_fields_that_are_wrong_are_refused_by_name),
        cmocka_unit_test(two_spellings_must_not_contradict_each_other),
        cmocka_unit_test(published_windows_are_read),
        cmocka_unit_test(the_context_is_as_long_as_its_positions_are_known),
        cmocka_unit_test(long_sequences_have_steps_of_their_own),
        cmocka_unit_test(a_model_of_more_than_text_is_read_for_its_text),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
