/* Checkpoints: configuration, generation settings, shards, random models, finding a model by name.
 */
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernels/kernels.h"
#include "model/checkpoint/checkpoint.h"
#include "model_fixture.h"

static char folder[64];   /* for the whole program */
static char good[128];    /* a random tiny model in it */
static char *config_text; /* its config.json */

static int set_up(void **state)
{
    struct sc_error error = {0};
    char path[256];
    size_t n;

    (void)state;
    make_folder(folder, sizeof folder);
    snprintf(good, sizeof good, "%s/good", folder);
    snprintf(path, sizeof path, "%s/config.json", good);
    if (sc_model_write_random("tiny", NULL, SC_DTYPE_F32, 7, good, &error) != SC_OK) {
        printf("%s\n", error.text);
        return -1;
    }
    return sc_file_read(path, 1 << 20, &config_text, &n, &error) == SC_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sc_free(config_text);
    remove_folder(folder);
    return 0;
}

/* ---- config.json ----------------------------------------------------------------------------- */

/* config.json with one field set (or removed, value NULL), parsed. */
static enum sc_status with_field(const char *key, const char *value, struct sc_model_config *config,
                                 struct sc_error *error)
{
    json_t *top = parse_json(config_text), *wrapped;
    struct sc_text list = {0};
    bool given;

    if (value == NULL) {
        assert_int_equal(json_object_del(top, key), 0);
    } else {
        sc_text_printf(&list, "[%s]", value);
        wrapped = parse_json(list.data);
        json_object_set(top, key, json_array_get(wrapped, 0));
        json_decref(wrapped);
        sc_text_free(&list);
    }
    char *text = json_text(top);
    json_decref(top);
    enum sc_status status = sc_config_parse(text, strlen(text), config, &given, error);
    sc_free(text);
    return status;
}

static void a_configuration_is_read_field_by_field(void **state)
{
    struct sc_model_config config;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(with_field("rms_norm_eps", "1e-6", &config, &error), SC_OK);
    assert_int_equal(config.n_vocab, 512);
    assert_int_equal(config.hidden, 64);
    assert_int_equal(config.n_layers, 2);
    assert_int_equal(config.n_heads, 4);
    assert_int_equal(config.n_kv_heads, 2);
    assert_int_equal(config.head_dim, 32);
    assert_int_equal(config.ffn, 128);
    assert_int_equal(config.max_positions, 4096);
    assert_true(config.rms_eps == 1e-6f);
    assert_true(config.rope_theta == 1e6);
    assert_true(config.tied);
    assert_int_equal(config.dtype, SC_DTYPE_F32);
    /* vocab * hidden + 2 layers + norm, counted by hand */
    assert_int_equal(sc_config_n_parameters(&config), 131520);
}

static void config_variants_are_accepted(void **state)
{
    static const char *const cases[][2] = {
        {"head_dim", "16"},
        {"tie_word_embeddings", NULL},
        {"torch_dtype", "\"bfloat16\""},
        {"torch_dtype", "\"torch.float16\""},
        {"torch_dtype", NULL},
        {"rope_theta", "1e4"},
        {"rope_scaling", "{\"rope_type\": \"default\"}"},
        {"rope_parameters", "{\"rope_type\": \"default\", \"rope_theta\": 5000}"},
        {"sliding_window", "4096"},
        {"use_sliding_window", "null"},
        {"use_sliding_window", "true"},
        {"attention_bias", "true"},
        {"rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4.0}"},
        {"rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0}"},
        {"layer_types", "[\"full_attention\", \"full_attention\"]"},
        {"quantization_config", "null"},
        {"something_new", "{\"a\": [1]}"},
    };
    struct sc_model_config config;
    struct sc_error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(with_field(cases[i][0], cases[i][1], &config, &error), SC_OK);
    }
    assert_int_equal(with_field("head_dim", NULL, &config, &error), SC_OK);
    assert_int_equal(config.head_dim, 16);
    assert_int_equal(with_field("rope_parameters", "{\"rope_theta\": 5000}", &config, &error),
                     SC_OK);
    assert_true(config.rope_theta == 5000);
}

static void config_errors_name_the_field(void **state)
{
    static const struct {
        const char *key, *value, *says;
    } cases[] = {
        {"model_type", "\"mamba\"", "mamba"},
        {"model_type", "\"qwen4_moe\"", "qwen4_moe"},
        {"model_type", NULL, "model_type"},
        {"model_type", "3", "model_type"},
        {"num_hidden_layers", NULL, NULL},
        {"num_hidden_layers", "-3", NULL},
        {"num_hidden_layers", "2.0", NULL},
        {"num_hidden_layers", "\"2\"", NULL},
        {"num_hidden_layers", "1000000", NULL},
        {"hidden_size", "2147483648", NULL},
        {"vocab_size", "2147483648", NULL},
        {"vocab_size", "0", NULL},
        {"intermediate_size", "null", NULL},
        {"num_attention_heads", "0", NULL},
        {"num_attention_heads", "5", NULL},
        {"num_key_value_heads", "3", "num_key_value_heads"},
        {"head_dim", "31", NULL},
        {"head_dim", "0", NULL},
        {"max_position_embeddings", "0", NULL},
        {"rms_norm_eps", "-1", NULL},
        {"rms_norm_eps", "\"small\"", NULL},
        {"rope_theta", NULL, NULL},
        {"rope_theta", "0", NULL},
        {"rope_scaling", "{\"rope_type\": \"mrope\", \"factor\": 4.0}", "mrope"},
        {"rope_scaling", "{\"type\": \"linear\"}", "factor"},
        {"rope_scaling", "{\"factor\": 2.0}", NULL},
        {"rope_scaling", "7", NULL},
        {"rope_parameters", "{\"rope_type\": \"llama3\", \"rope_theta\": 1000}", "factor"},
        {"attention_bias", "\"yes\"", NULL},
        {"use_sliding_window", "1", NULL},
        {"layer_types", "[\"full_attention\", \"sliding_attention\"]", "sliding_attention"},
        {"hidden_act", "\"gelu\"", "gelu"},
        {"torch_dtype", "\"float8_e4m3fn\"", "float8_e4m3fn"},
        {"torch_dtype", "16", NULL},
        {"tie_word_embeddings", "1", NULL},
        {"quantization_config", "{\"bits\": 4}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sc_model_config config;
        struct sc_error error = {0};

        assert_int_not_equal(with_field(cases[i].key, cases[i].value, &config, &error), SC_OK);
        assert_clear(&error);
        assert_non_null(strstr(error.text, cases[i].says != NULL ? cases[i].says : cases[i].key));
    }
}

static void config_must_be_an_object(void **state)
{
    static const char *const texts[] = {"",      "{\"hidden_size\": ", "[1]",     "null", "3",
                                        "{} {}", "{\"a\":1,\"a\":2}",  "\xff\xfe"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sc_model_config config;
        struct sc_error error = {0};
        bool given;

        assert_int_not_equal(sc_config_parse(texts[i], strlen(texts[i]), &config, &given, &error),
                             SC_OK);
        assert_clear(&error);
    }
}

/* ---- generation_config.json
 * ------------------------------------------------------------------------ */

static void what_generation_config_leaves_out_is_the_familys(void **state)
{
    struct sc_generation_config g;
    struct sc_error error = {0};
    const char *text = "{\"eos_token_id\":[151645,151643],\"temperature\":0.7,\"top_k\":40,"
                       "\"top_p\":0.8,\"min_p\":0.05,\"repetition_penalty\":1.05,"
                       "\"do_sample\":true}";

    (void)state;
    assert_int_equal(sc_generation_parse(text, strlen(text), &sc_family_qwen3.sampling, &g, &error),
                     SC_OK);
    assert_int_equal(g.n_end_ids, 2);
    assert_int_equal(g.end_ids[1], 151643);
    assert_true(g.sampling.temperature == 0.7 && g.sampling.top_k == 40);
    assert_true(g.sampling.top_p == 0.8 && g.sampling.min_p == 0.05);
    assert_true(g.sampling.repetition_penalty == 1.05);

    text = "{\"eos_token_id\":7,\"do_sample\":false}";
    assert_int_equal(sc_generation_parse(text, strlen(text), &sc_family_qwen3.sampling, &g, &error),
                     SC_OK);
    assert_int_equal(g.n_end_ids, 1);
    assert_int_equal(g.end_ids[0], 7);
    assert_true(g.sampling.temperature == 0.0);

    assert_int_equal(
        sc_generation_parse("{\"top_k\":null}", 14, &sc_family_qwen3.sampling, &g, &error), SC_OK);
    assert_int_equal(g.n_end_ids, 0);
    assert_true(g.sampling.temperature == 0.6 && g.sampling.top_k == 20);
    assert_true(g.sampling.top_p == 0.95 && g.sampling.min_p == 0.0);
    assert_true(g.sampling.repetition_penalty == 0);
}

static void generation_errors_are_clear(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{\"eos_token_id\":\"x\"}",
        "{\"eos_token_id\":-1}",
        "{\"eos_token_id\":[1,\"x\"]}",
        "{\"eos_token_id\":[1,2,3,4,5,6,7,8,9]}",
        "{\"eos_token_id\":4294967296}",
        "{\"temperature\":-0.1}",
        "{\"temperature\":\"hot\"}",
        "{\"top_p\":0}",
        "{\"top_p\":1.5}",
        "{\"top_k\":-1}",
        "{\"top_k\":2.5}",
        "{\"min_p\":1}",
        "{\"repetition_penalty\":0}",
        "{\"repetition_penalty\":-1.1}",
        "{\"repetition_penalty\":1e9}",
        "{\"repetition_penalty\":\"1.1\"}",
        "{\"do_sample\":\"no\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sc_generation_config g;
        struct sc_error error = {0};

        assert_int_not_equal(
            sc_generation_parse(texts[i], strlen(texts[i]), &sc_family_qwen3.sampling, &g, &error),
            SC_OK);
        assert_clear(&error);
    }
}

/* ---- opening
 * --------------------------------------------------------------------------------------- */

static void copy_good(const char *to)
{
    char command[512];

    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, good, to);
    assert_int_equal(system(command), 0);
}

static void a_model_opens_with_every_tensor_checked(void **state)
{
    struct sc_model *model = NULL;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(sc_model_open(&model, good, &error), SC_OK);
    assert_int_equal(sc_model_embedding(model)->n_rows, 512);
    assert_int_equal(sc_model_embedding(model)->n_cols, 64);
    assert_ptr_equal(sc_model_output(model)->data, sc_model_embedding(model)->data);
    assert_int_equal(sc_model_final_norm(model)->n_cols, 64);
    const struct sc_layer_tensors *layer = sc_model_layer(model, 1);
    assert_int_equal(layer->q.n_rows, 128);
    assert_int_equal(layer->k.n_rows, 64);
    assert_int_equal(layer->o.n_cols, 128);
    assert_int_equal(layer->down.n_cols, 128);
    assert_int_equal(layer->q_norm.n_cols, 32);
    assert_int_equal(layer->q_norm.n_rows, 1);
    assert_int_equal(sc_model_generation(model)->n_end_ids, 2);
    assert_int_equal(sc_model_generation(model)->end_ids[0], 511);
    sc_model_close(model);
    sc_model_close(NULL);
}

static void missing_files_are_named(void **state)
{
    char path[128], file[256];
    struct sc_model *model = NULL;
    struct sc_error error = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/absent", folder);
    assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_clear(&error);
    assert_null(model);

    snprintf(path, sizeof path, "%s/no-weights", folder);
    copy_good(path);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(unlink(file), 0);
    error = (struct sc_error){0};
    assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_non_null(strstr(error.text, "model.safetensors"));

    put_file(path, "model.safetensors", "", 0);
    error = (struct sc_error){0};
    assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_clear(&error);

    /* Without generation_config.json the published values stand. */
    snprintf(path, sizeof path, "%s/no-generation", folder);
    copy_good(path);
    snprintf(file, sizeof file, "%s/generation_config.json", path);
    assert_int_equal(unlink(file), 0);
    error = (struct sc_error){0};
    assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_int_equal(sc_model_generation(model)->n_end_ids, 0);
    assert_true(sc_model_generation(model)->sampling.top_p == 0.95);
    sc_model_close(model);
}

static void sizes_must_match_the_weights(void **state)
{
    static const char *const cases[][2] = {
        {"num_hidden_layers", "3"}, {"hidden_size", "128"},      {"vocab_size", "4000000"},
        {"head_dim", "64"},         {"intermediate_size", "64"}, {"num_hidden_layers", "4096"}};
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/sizes", folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *top = parse_json(config_text);
        struct sc_model *model = NULL;
        struct sc_error error = {0};
        char *text;

        copy_good(path);
        json_object_set_new(top, cases[i][0], json_integer(atoi(cases[i][1])));
        text = json_text(top);
        put_string(path, "config.json", text);
        sc_free(text);
        json_decref(top);
        assert_int_equal(sc_model_open(&model, path, &error), SC_ERR_FORMAT);
        assert_clear(&error);
    }
}

/* Cuts the good model's file into two shards by rewriting its header. */
static void make_shards(const char *path, const char *second_name)
{
    char file[256], *bytes;
    size_t n, header_bytes = 0, n_seen = 0, n_all;
    struct sc_error error = {0};
    json_t *header, *parts[2] = {json_object(), json_object()}, *map = json_object(), *index;
    const char *name, *files[2] = {"one.safetensors", second_name};
    json_t *value;
    char *text;

    copy_good(path);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(sc_file_read(file, 1 << 24, &bytes, &n, &error), SC_OK);
    assert_int_equal(unlink(file), 0);
    for (size_t i = 0; i < 8; i++) {
        header_bytes |= (size_t)(unsigned char)bytes[i] << (8 * i);
    }
    assert_int_equal(sc_json_parse(bytes + 8, header_bytes, "header", &header, &error), SC_OK);
    n_all = json_object_size(header);
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") != 0) {
            size_t shard = 2 * n_seen++ >= n_all;

            json_object_set(parts[shard], name, value);
            json_object_set_new(map, name, json_string(files[shard]));
        }
    }
    for (size_t i = 0; i < 2; i++) {
        struct sc_text shard = {0};
        uint64_t length;

        text = json_text(parts[i]);
        length = strlen(text);
        for (size_t k = 0; k < 8; k++) {
            sc_text_putc(&shard, (char)(length >> (8 * k)));
        }
        sc_text_puts(&shard, text);
        sc_text_add(&shard, bytes + 8 + header_bytes, n - 8 - header_bytes);
        put_file(path, strchr(files[i], '/') == NULL ? files[i] : "two", shard.data, shard.len);
        sc_text_free(&shard);
        sc_free(text);
        json_decref(parts[i]);
    }
    index = json_pack("{s:o}", "weight_map", map);
    text = json_text(index);
    put_string(path, "model.safetensors.index.json", text);
    sc_free(text);
    json_decref(index);
    json_decref(header);
    sc_free(bytes);
}

static void shards_are_joined(void **state)
{
    char path[128], file[256], whole[33], sharded[33];
    struct sc_model *model = NULL;
    struct sc_error error = {0};

    (void)state;
    assert_int_equal(sc_model_open(&model, good, &error), SC_OK);
    sc_model_fingerprint(model, whole);
    sc_model_close(model);
    snprintf(path, sizeof path, "%s/shards", folder);
    make_shards(path, "two.safetensors");
    assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
    /* The same weights in other files are the same model. */
    sc_model_fingerprint(model, sharded);
    assert_string_equal(whole, sharded);
    sc_model_close(model);

    snprintf(file, sizeof file, "%s/two.safetensors", path);
    assert_int_equal(unlink(file), 0);
    assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_non_null(strstr(error.text, "two.safetensors"));
}

static void shard_names_stay_in_the_folder(void **state)
{
    static const char *const names[] = {
        "../shards/two", "/etc/passwd", "sub/two", "..", ".two", ""};
    char path[128];

    (void)state;
    snprintf(path, sizeof path, "%s/escape", folder);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sc_model *model = NULL;
        struct sc_error error = {0};
        json_t *index = json_pack("{s:{s:s}}", "weight_map", "model.norm.weight", names[i]);
        char *text = json_text(index), file[256];

        copy_good(path);
        snprintf(file, sizeof file, "%s/model.safetensors", path);
        assert_int_equal(unlink(file), 0);
        put_string(path, "model.safetensors.index.json", text);
        assert_int_equal(sc_model_open(&model, path, &error), SC_ERR_FORMAT);
        assert_non_null(strstr(error.text, "plain name"));
        sc_free(text);
        json_decref(index);
    }
}

static void broken_indexes_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"weight_map\":[]}",
                                        "{\"weight_map\":{}}",
                                        "{\"weight_map\":{\"a\":1}}",
                                        "{\"weight_map\":{\"a\":\"gone.safetensors\"}}"};
    char path[128], file[256];

    (void)state;
    snprintf(path, sizeof path, "%s/index", folder);
    copy_good(path);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(unlink(file), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sc_model *model = NULL;
        struct sc_error error = {0};

        put_string(path, "model.safetensors.index.json", texts[i]);
        assert_int_not_equal(sc_model_open(&model, path, &error), SC_OK);
        assert_clear(&error);
    }
}

static void opening_survives_failing_allocations(void **state)
{
    char path[128];
    bool done = false;

    (void)state;
    snprintf(path, sizeof path, "%s/oom", folder);
    make_shards(path, "two.safetensors");
    for (size_t at = 0; !done; at++) {
        struct sc_model *model = NULL;
        struct sc_error error = {0};
        enum sc_status status;

        assert_in_range(at, 0, 100000);
        sc_memory_fail_at(at);
        status = sc_model_open(&model, path, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        assert_true(!done || status == SC_OK);
        assert_true((status == SC_OK) == (model != NULL));
        assert_int_equal(error.status, status);
        sc_model_close(model);
    }
}

/* ---- random models
 * --------------------------------------------------------------------------------- */

static void moments(const struct sc_tensor *tensor, double *mean, double *sigma)
{
    size_t n = tensor->n_rows * tensor->n_cols;
    double sum = 0, squares = 0;

    assert_int_equal(tensor->dtype, SC_DTYPE_F32);
    for (size_t i = 0; i < n; i++) {
        float x;

        memcpy(&x, (const char *)tensor->data + 4 * i, 4);
        sum += x;
        squares += (double)x * x;
    }
    *mean = sum / (double)n;
    *sigma = sqrt(squares / (double)n - *mean * *mean);
}

static void random_weights_are_normal(void **state)
{
    struct sc_model *model = NULL;
    struct sc_error error = {0};
    double mean, sigma;

    (void)state;
    assert_int_equal(sc_model_open(&model, good, &error), SC_OK);
    moments(sc_model_embedding(model), &mean, &sigma); /* 32768 of them */
    assert_true(fabs(mean) < 4 * 0.15 / sqrt(32768));
    assert_true(fabs(sigma - 0.15) < 0.003);
    moments(sc_model_final_norm(model), &mean, &sigma); /* 64 */
    assert_true(fabs(mean - 1) < 4 * 0.2 / 8 && sigma > 0.1 && sigma < 0.3);
    sc_model_close(model);
}

static void random_models_follow_the_seed(void **state)
{
    static const struct {
        uint64_t seed;
        enum sc_dtype dtype;
    } cases[] = {{7, SC_DTYPE_F32}, {8, SC_DTYPE_F32}, {7, SC_DTYPE_BF16}, {7, SC_DTYPE_F16}};
    char prints[4][33], path[128];
    struct sc_error error = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sc_model *model = NULL;

        snprintf(path, sizeof path, "%s/seed%zu", folder, i);
        assert_int_equal(
            sc_model_write_random("tiny", NULL, cases[i].dtype, cases[i].seed, path, &error),
            SC_OK);
        assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
        assert_int_equal(sc_model_config(model)->dtype, cases[i].dtype);
        assert_int_equal(sc_model_embedding(model)->dtype, cases[i].dtype);
        sc_model_fingerprint(model, prints[i]);
        sc_model_close(model);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(prints[i], prints[k]);
        }
    }
    {
        struct sc_model *model = NULL;
        char again[33];

        assert_int_equal(sc_model_open(&model, good, &error), SC_OK);
        sc_model_fingerprint(model, again);
        sc_model_close(model);
        assert_string_equal(again, prints[0]);
    }
}

/* Through the last norm's gain, and nothing else changes. */
static void logits_are_larger_by_the_head_scale(void **state)
{
    static const char *const shapes[] = {"tiny", "tiny-gemma2"}; /* gains, and distances from 1 */
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct sc_model *models[2];
        float gain[2][1024], offset = 0;
        for (size_t i = 0; i < 2; i++) {
            struct sc_random_options options = {
                .dtype = SC_DTYPE_F32, .seed = 7, .head_scale = i == 1 ? 4 : 0};
            char path[128];
            snprintf(path, sizeof path, "%s/scale-%s%zu", folder, shapes[s], i);
            assert_int_equal(sc_model_write_random_as(shapes[s], &options, path, NULL), SC_OK);
            assert_int_equal(sc_model_open(&models[i], path, NULL), SC_OK);
            const struct sc_tensor *norm = sc_model_final_norm(models[i]);
            assert_true(norm->n_cols <= 1024);
            sc_tensor_row(norm, 0, gain[i]);
            offset = sc_model_config(models[i])->layer.gain_offset;
        }
        const struct sc_tensor *plain = sc_model_embedding(models[0]);
        for (size_t i = 0; i < plain->n_cols; i++)
            assert_float_equal(offset + gain[1][i], 4 * (offset + gain[0][i]), 1e-5);
        assert_memory_equal(plain->data, sc_model_embedding(models[1])->data,
                            plain->n_rows * sc_tensor_row_bytes(plain));
        sc_model_close(models[0]);
        sc_model_close(models[1]);
    }
}

/* How many files a folder holds; -1 when it is missing. */
static int n_files(const char *path)
{
    char command[512];
    int n = -1;

    if (!sc_is_folder(path)) {
        return -1;
    }
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

static void random_models_refuse_what_they_cannot_do(void **state)
{
    char path[128], empty[128];
    struct sc_error error = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/refused", folder);
    assert_int_equal(sc_model_write_random("qwen3-9b", NULL, SC_DTYPE_BF16, 1, path, &error),
                     SC_ERR_ARGUMENT);
    assert_clear(&error);
    error = (struct sc_error){0};
    assert_int_equal(sc_model_write_random("tiny", NULL, SC_DTYPE_INT8, 1, path, &error),
                     SC_ERR_ARGUMENT);
    assert_clear(&error);
    error = (struct sc_error){0};
    assert_int_equal(sc_model_write_random("tiny", NULL, SC_DTYPE_F32, 1, good, &error),
                     SC_ERR_CONFLICT);
    assert_clear(&error);
    /* A tokenizer that is missing: no half model and no folder is left behind. */
    snprintf(empty, sizeof empty, "%s/absent", folder);
    error = (struct sc_error){0};
    assert_int_not_equal(sc_model_write_random("tiny", empty, SC_DTYPE_F32, 1, path, &error),
                         SC_OK);
    assert_clear(&error);
    assert_int_equal(n_files(path), -1);
    if (sc_file_exists(REAL_TOKENIZER)) {
        error = (struct sc_error){0};
        assert_int_equal(
            sc_model_write_random("tiny", REAL_TOKENIZER, SC_DTYPE_F32, 1, path, &error),
            SC_ERR_ARGUMENT);
        assert_non_null(strstr(error.text, "151669"));
        assert_int_equal(n_files(path), -1);
    }
}

static void random_models_take_a_tokenizer(void **state)
{
    char path[128], from[128];
    struct sc_error error = {0};
    struct sc_model *model = NULL;
    json_t *tokenizer = small_tokenizer();
    char *text = json_text(tokenizer);

    (void)state;
    snprintf(from, sizeof from, "%s/tokenizer", folder);
    snprintf(path, sizeof path, "%s/with-tokenizer", folder);
    assert_int_equal(mkdir(from, 0777), 0);
    put_string(from, "tokenizer.json", text);
    put_string(from, "tokenizer_config.json", "{}");
    assert_int_equal(sc_model_write_random("tiny", from, SC_DTYPE_BF16, 1, path, &error), SC_OK);
    assert_int_equal(n_files(path), 6); /* with a template, which this tokenizer comes without */
    assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
    /* The end of an answer is the tokenizer's. */
    assert_int_equal(sc_model_generation(model)->end_ids[0], 272);
    assert_int_equal(sc_model_generation(model)->end_ids[1], 270);
    sc_model_close(model);
    sc_free(text);
    json_decref(tokenizer);
}

/* The ends of answers of another family's tokenizer, and its template. */
static void random_models_end_as_their_tokenizer_does(void **state)
{
    char path[128], from[128];
    struct sc_error error = {0};
    struct sc_model *model = NULL;
    json_t *tokenizer = small_tokenizer(), *added = json_object_get(tokenizer, "added_tokens");

    (void)state;
    json_object_set_new(json_array_get(added, 0), "content", json_string("<eos>"));
    json_object_set_new(json_array_get(added, 2), "content", json_string("<end_of_turn>"));
    char *text = json_text(tokenizer);
    snprintf(from, sizeof from, "%s/tokenizer-of-another", folder);
    snprintf(path, sizeof path, "%s/of-another", folder);
    assert_int_equal(mkdir(from, 0777), 0);
    put_string(from, "tokenizer.json", text);
    put_string(from, "chat_template.jinja", "{{ messages[0].content }}");
    if (sc_model_write_random("tiny-gemma3", from, SC_DTYPE_BF16, 1, path, &error) != SC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(n_files(path), 5);
    assert_int_equal(sc_model_open(&model, path, &error), SC_OK);
    assert_int_equal(sc_model_generation(model)->n_end_ids, 2);
    assert_int_equal(sc_model_generation(model)->end_ids[0], 272);
    assert_int_equal(sc_model_generation(model)->end_ids[1], 270);
    assert_int_equal(sc_model_generation(model)->sampling.top_k, 64);
    sc_model_close(model);
    sc_free(text);
    json_decref(tokenizer);
}

/* A limit on file sizes stands in for a full disk. */
static void random_models_leave_nothing_on_a_full_disk(void **state)
{
    const struct rlimit tight = {100000, RLIM_INFINITY};
    struct rlimit before;
    char path[128];
    struct sc_error error = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/full", folder);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum sc_status status = sc_model_write_random("tiny", NULL, SC_DTYPE_F32, 1, path, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SC_ERR_IO);
    assert_non_null(strstr(error.text, "cannot write"));
    assert_int_equal(n_files(path), -1);
}

static void random_models_survive_failing_allocations(void **state)
{
    char path[128];
    bool done = false;

    (void)state;
    snprintf(path, sizeof path, "%s/random-oom", folder);
    for (size_t at = 0; !done; at++) {
        struct sc_error error = {0};
        enum sc_status status;

        assert_in_range(at, 0, 10000);
        sc_memory_fail_at(at);
        status = sc_model_write_random("tiny", NULL, SC_DTYPE_BF16, 1, path, &error);
        done = sc_memory_count() <= at;
        sc_memory_fail_at(SIZE_MAX);
        if (done) {
            assert_int_equal(status, SC_OK);
            assert_int_equal(n_files(path), 3);
        } else {
            assert_int_not_equal(status, SC_OK);
            assert_int_equal(n_files(path), -1);
        }
    }
}

/* ---- finding a model
 * --------------------------------------------------------------------------------- */

static void located(const char *name, const char *expected)
{
    struct sc_error error = {0};
    char *found = NULL;

    assert_int_equal(sc_model_locate(name, &found, &error), SC_OK);
    assert_string_equal(found, expected);
    sc_free(found);
}

static void not_located(const char *name, const char *says)
{
    struct sc_error error = {0};
    char *found = NULL;

    assert_int_not_equal(sc_model_locate(name, &found, &error), SC_OK);
    assert_null(found);
    assert_clear(&error);
    assert_non_null(strstr(error.text, says));
}

static void a_name_is_a_folder_only_where_a_model_is_in_it(void **state)
{
    (void)state;
    located(good, good);
    located(folder, folder);
    not_located("", "model");
    not_located("/absent/entirely", "no such folder");
    not_located("no-such-model", "share/safeconf/models/no-such-model");
    not_located("../../etc", "no such folder");
}

/* A link to itself: neither a folder nor none. */
static void why_a_model_cannot_be_looked_at_is_said(void **state)
{
    char path[128];
    struct sc_error error = {0};
    struct sc_model *model = NULL;
    (void)state;
    snprintf(path, sizeof path, "%s/loop", folder);
    assert_int_equal(symlink(path, path), 0);
    not_located(path, "Too many levels of symbolic links");
    assert_int_equal(sc_model_open(&model, path, &error), SC_ERR_IO);
    assert_non_null(strstr(error.text, "Too many levels of symbolic links"));
    unlink(path);
}

static void a_hub_name_is_found_in_the_local_cache(void **state)
{
    char cache[128], path[512], snapshot[512];
    struct sc_error error = {0};

    (void)state;
    snprintf(cache, sizeof cache, "%s/hub", folder);
    snprintf(path, sizeof path, "%s/models--Owner--Some-Model-1.7B/refs", cache);
    assert_int_equal(sc_make_folders(path, &error), SC_OK);
    put_string(path, "main", "0123abcd\n");
    snprintf(snapshot, sizeof snapshot, "%s/models--Owner--Some-Model-1.7B/snapshots/0123abcd",
             cache);
    setenv("HF_HUB_CACHE", cache, 1);
    not_located("Owner/Some-Model-1.7B", "snapshots");
    assert_int_equal(sc_make_folders(snapshot, &error), SC_OK);
    located("Owner/Some-Model-1.7B", snapshot);
    not_located("Owner/Another", "models--Owner--Another");
    not_located("Owner/Some/Model", "no such folder");
    put_string(path, "main", "../../../elsewhere");
    not_located("Owner/Some-Model-1.7B", "snapshot");

    put_string(path, "main", "0123abcd");
    unsetenv("HF_HUB_CACHE");
    setenv("HF_HOME", folder, 1);
    located("Owner/Some-Model-1.7B", snapshot);
    unsetenv("HF_HOME");
}

static void put_bundled(const char *root, char path[PATH_MAX])
{
    struct sc_error error = {0};
    snprintf(path, PATH_MAX, "%s/only-here", root);
    assert_int_equal(sc_make_folders(path, &error), SC_OK);
    put_string(path, "config.json", "{}");
}

static void bundled_models_lie_where_a_variable_says(void **state)
{
    char root[128], path[PATH_MAX];
    (void)state;
    snprintf(root, sizeof root, "%s/own", folder);
    put_bundled(root, path);
    not_located("only-here", "only-here");
    setenv("SAFECONF_MODELS", root, 1);
    located("only-here", path);
    not_located("elsewhere", "own/elsewhere");
    setenv("SAFECONF_MODELS", "", 1);
    not_located("only-here", "only-here");
    unsetenv("SAFECONF_MODELS");
}

/* Of this program the library is a part, so that they lie beside it; it must have been called by
 * its whole path, as the tests are. */
static void bundled_models_lie_beside_the_library(void **state)
{
    char root[PATH_MAX], path[PATH_MAX], file[PATH_MAX + 20];
    Dl_info here;
    (void)state;
    if (dladdr(&folder, &here) == 0 || here.dli_fname[0] != '/')
        skip();
    snprintf(root, sizeof root - 16, "%s", here.dli_fname);
    strcpy(strrchr(root, '/'), "/models");
    put_bundled(root, path);
    located("only-here", path);
    snprintf(file, sizeof file, "%s/config.json", path);
    unlink(file);
    rmdir(path);
    rmdir(root);
    not_located("only-here", "only-here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_configuration_is_read_field_by_field),
        cmocka_unit_test(config_variants_are_accepted),
        cmocka_unit_test(config_errors_name_the_field),
        cmocka_unit_test(config_must_be_an_object),
        cmocka_unit_test(what_generation_config_leaves_out_is_the_familys),
        cmocka_unit_test(generation_errors_are_clear),
        cmocka_unit_test(a_model_opens_with_every_tensor_checked),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(sizes_must_match_the_weights),
        cmocka_unit_test(shards_are_joined),
        cmocka_unit_test(shard_names_stay_in_the_folder),
        cmocka_unit_test(broken_indexes_are_refused),
        cmocka_unit_test(opening_survives_failing_allocations),
        cmocka_unit_test(random_weights_are_normal),
        cmocka_unit_test(random_models_follow_the_seed),
        cmocka_unit_test(logits_are_larger_by_the_head_scale),
        cmocka_unit_test(random_models_refuse_what_they_cannot_do),
        cmocka_unit_test(random_models_take_a_tokenizer),
        cmocka_unit_test(random_models_end_as_their_tokenizer_does),
        cmocka_unit_test(random_models_leave_nothing_on_a_full_disk),
        cmocka_unit_test(random_models_survive_failing_allocations),
        cmocka_unit_test(a_name_is_a_folder_only_where_a_model_is_in_it),
        cmocka_unit_test(why_a_model_cannot_be_looked_at_is_said),
        cmocka_unit_test(a_hub_name_is_found_in_the_local_cache),
        cmocka_unit_test(bundled_models_lie_where_a_variable_says),
        cmocka_unit_test(bundled_models_lie_beside_the_library),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
