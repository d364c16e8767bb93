/* See layer_kinds.h. */
#include "layer_kinds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "model/checkpoint/checkpoint.h"

/* Sizes that are no multiple of a register, of a group of int8 or of each other; heads of the sizes
 * that families have; one to sixteen queries to a key. */
const struct network_shape network_shapes[] = {
    {48, 3, 4, 2, 20, 72, 97},   {36, 2, 16, 1, 6, 130, 64},  {100, 2, 3, 3, 80, 44, 131},
    {72, 2, 2, 1, 256, 100, 33}, {130, 2, 6, 2, 96, 70, 101}, {40, 2, 2, 1, 512, 64, 70},
};
const size_t n_network_shapes = sizeof network_shapes / sizeof *network_shapes;

const struct layer_kind layer_kinds[] = {
    {.name = "plain"},
    {.name = "biases", .layer = {.qkv_bias = true, .output_bias = true}},
    {.name = "heads normed", .layer = {.qk_norm = SC_QK_NORM_PER_HEAD, .qkv_bias = true}},
    {.name = "norms after", .layer = {.norms = SC_NORM_AFTER, .qk_norm = SC_QK_NORM_WHOLE}},
    {.name = "capped, with windows",
     .layer = {.norms = SC_NORM_BEFORE_AND_AFTER,
               .activation = SC_ACTIVATION_GELU_TANH,
               .window = 40,
               .attention_scale = 0.3f,
               .attention_softcap = 2,
               .logit_softcap = 4,
               .embedding_scale = 7.3125f},
     .local = EVEN_LOCAL},
    {.name = "angles of local layers",
     .layer = {.norms = SC_NORM_BEFORE_AND_AFTER,
               .qk_norm = SC_QK_NORM_PER_HEAD,
               .activation = SC_ACTIVATION_GELU_TANH,
               .window = 33,
               .embedding_scale = 3},
     .local = EVEN_LOCAL,
     .local_angles = true},
    {.name = "partly turned", .layer = {.window = 5}, .local = ALL_LOCAL, .partly = true},
    {.name = "windows of one", .layer = {.window = 1}, .local = EVEN_LOCAL},
    {.name = "windows of a page", .layer = {.window = 32}, .local = ALL_LOCAL},
    {.name = "windows never reached", .layer = {.window = 500}, .local = ALL_LOCAL},
    {.name = "long sequences", .partly = true, .long_angles = true},
    {.name = "long sequences with windows",
     .layer = {.window = 50, .attention_softcap = 3},
     .local = ALL_LOCAL,
     .long_angles = true},
};
const size_t n_layer_kinds = sizeof layer_kinds / sizeof *layer_kinds;

/* ---- the checkpoint -------------------------------------------------------------------------- */

static double uniform(struct sc_random *random)
{
    return ((double)sc_random_below(random, 1 << 24) + 0.5) / (1 << 24) * 2 - 1;
}

struct writing {
    struct sc_text header, data;
    struct sc_random random;
};

/* Gains stand around 1; a matrix keeps the size of what it multiplies, and logits differ. */
static enum sc_status write_slot(void *context, const struct sc_tensor_slot *slot,
                                 struct sc_error *error)
{
    struct writing *w = context;
    size_t n = (slot->n_rows > 0 ? slot->n_rows : 1) * slot->n_cols, begin = w->data.len;
    bool top = slot->layer == SC_NO_LAYER;
    double size = sqrt(3.0 / (double)slot->n_cols) * (top ? 3 : 1);
    (void)error;
    for (size_t i = 0; i < n; i++) {
        double x = uniform(&w->random);
        float value = (float)(slot->n_rows > 0 ? x * size : 1 + x / 2);
        sc_text_add(&w->data, (const char *)&value, sizeof value);
    }
    sc_text_printf(&w->header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", begin > 0 ? "," : "",
                   slot->name);
    if (slot->n_rows > 0)
        sc_text_printf(&w->header, "%zu,", slot->n_rows);
    sc_text_printf(&w->header, "%zu],\"data_offsets\":[%zu,%zu]}", slot->n_cols, begin,
                   w->data.len);
    return SC_OK;
}

static void put(const char *folder, const char *name, const struct sc_text *a,
                const struct sc_text *b)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    uint64_t n = a->len;
    if (b != NULL)
        assert_int_equal(fwrite(&n, sizeof n, 1, file), 1);
    assert_int_equal(fwrite(a->data, 1, a->len, file), a->len);
    if (b != NULL)
        assert_int_equal(fwrite(b->data, 1, b->len, file), b->len);
    assert_int_equal(fclose(file), 0);
}

char *write_network(const struct network_shape *s)
{
    char *folder = strdup("/tmp/safeconf-kinds-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    struct sc_text text = {0};
    sc_text_printf(&text,
                   "{\"model_type\":\"qwen3\",\"vocab_size\":%zu,\"hidden_size\":%zu,"
                   "\"num_hidden_layers\":%zu,\"num_attention_heads\":%zu,"
                   "\"num_key_value_heads\":%zu,\"head_dim\":%zu,\"intermediate_size\":%zu,"
                   "\"max_position_embeddings\":%d,\"rms_norm_eps\":1e-6,\"rope_theta\":1e4,"
                   "\"tie_word_embeddings\":false,\"torch_dtype\":\"float32\"}",
                   s->n_vocab, s->hidden, s->n_layers, s->n_heads, s->n_kv_heads, s->head_dim,
                   s->ffn, (int)KINDS_CONTEXT);
    static struct sc_model_config config;
    struct sc_error error = {0};
    bool given;
    if (sc_config_parse(text.data, text.len, &config, &given, &error) != SC_OK)
        fail_msg("%s", error.text);
    struct writing w = {.random = {SC_STREAM_BENCHMARK, s->hidden, 0, 0}};
    sc_text_puts(&w.header, "{");
    sc_config_visit(&config, write_slot, &w, NULL);
    sc_text_puts(&w.header, "}");
    put(folder, "config.json", &text, NULL);
    put(folder, "model.safetensors", &w.header, &w.data);
    sc_text_free(&text);
    sc_text_free(&w.header);
    sc_text_free(&w.data);
    return folder;
}

void remove_network(char *folder)
{
    static const char *const names[] = {"config.json", "model.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

struct vectors {
    struct sc_random random;
    float *next;
};

static const float *draw(struct vectors *v, bool wanted, size_t n, double around)
{
    if (!wanted)
        return NULL;
    const float *vector = v->next;
    for (size_t i = 0; i < n; i++)
        *v->next++ = (float)(around + uniform(&v->random) / 2);
    return vector;
}

static void set_vectors(const struct sc_model_config *c, struct vectors *v,
                        struct sc_layer_weights *w)
{
    const struct sc_layer_kind *kind = &c->layer;
    bool whole = kind->qk_norm == SC_QK_NORM_WHOLE, after = kind->norms != SC_NORM_BEFORE;
    bool qk = kind->qk_norm != SC_QK_NORM_NONE, before = kind->norms != SC_NORM_AFTER;
    size_t q = c->n_heads * c->head_dim, k = c->n_kv_heads * c->head_dim;
    w->input_norm = draw(v, before, c->hidden, 1);
    w->ffn_norm = draw(v, before, c->hidden, 1);
    w->attention_out_norm = draw(v, after, c->hidden, 1);
    w->ffn_out_norm = draw(v, after, c->hidden, 1);
    w->q_norm = draw(v, qk, whole ? q : c->head_dim, 1);
    w->k_norm = draw(v, qk, whole ? k : c->head_dim, 1);
    w->q_bias = draw(v, kind->qkv_bias, q, 0);
    w->k_bias = draw(v, kind->qkv_bias, k, 0);
    w->v_bias = draw(v, kind->qkv_bias, k, 0);
    w->o_bias = draw(v, kind->output_bias, c->hidden, 0);
}

static void set_rope(struct sc_rope *rope, size_t n, double theta, double scale)
{
    *rope = (struct sc_rope){.n = n, .scale = scale};
    for (size_t i = 0; i < n; i++)
        rope->step[i] = pow(theta, -(double)i / (double)n);
}

static void set_angles(const struct layer_kind *kind, struct sc_model_config *c)
{
    size_t n = kind->partly ? (c->head_dim / 2 + 1) / 2 : c->head_dim / 2;
    double scale = kind->partly ? 1.19 : 1;
    set_rope(&c->rope[SC_ROPE_GLOBAL], n, 1e4, scale);
    c->rope[SC_ROPE_LOCAL] = c->rope[SC_ROPE_GLOBAL];
    if (kind->local_angles)
        set_rope(&c->rope[SC_ROPE_LOCAL], n, 100, 1);
    if (kind->long_angles) {
        set_rope(&c->rope[SC_ROPE_LONG], n, 1e6, 1.3);
        c->long_from = KINDS_LONG_FROM;
    }
    for (size_t l = 0; l < c->n_layers; l++)
        if (kind->local == ALL_LOCAL || (kind->local == EVEN_LOCAL && l % 2 == 0))
            c->local_layers[l / 64] |= (uint64_t)1 << (l % 64);
}

struct sc_cpu *kinds_cpu(const struct kinds_fixture *f)
{
    return f->engine->weights;
}

struct kinds_fixture kinds_open(const char *folder, const struct layer_kind *kind, int dtype,
                                int threads, const char *kernels)
{
    struct sc_engine_options options = sc_engine_options_default();
    struct kinds_fixture f = {0};
    struct sc_error error = {0};
    if (sc_model_open(&f.model, folder, &error) != SC_OK)
        fail_msg("%s", error.text);
    options.dtype = dtype;
    options.n_threads = threads > 0 ? threads : 2;
    options.kernels = kernels;
    if (sc_engine_open(&f.engine, f.model, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    struct sc_cpu *cpu = kinds_cpu(&f);
    struct sc_model_config *c = &cpu->config;
    c->layer = kind->layer;
    set_angles(kind, c);
    f.engine->config = *c;
    size_t widest = 4 * c->hidden + 2 * c->hidden + 6 * c->n_heads * c->head_dim;
    f.vectors = malloc(c->n_layers * widest * sizeof *f.vectors);
    assert_non_null(f.vectors);
    struct vectors v = {{SC_STREAM_BENCHMARK, 7, 0, 0}, f.vectors};
    for (size_t l = 0; l < c->n_layers; l++)
        set_vectors(c, &v, &cpu->layers[l]);
    return f;
}

void kinds_close(struct kinds_fixture *f)
{
    sc_engine_close(f->engine);
    sc_model_close(f->model);
    free(f->vectors);
}
