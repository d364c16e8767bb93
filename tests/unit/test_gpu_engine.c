/* An engine and its sessions on the emulated GPU: where the weights lie and what they are there,
 * and that every failure gives all back, which the emulated card asserts. */
#include <stdlib.h>

#include "engine/batch.h"
#include "engine/gpu/weights.h"
#include "kernels/kernels.h"
#include "model_fixture.h"

static char folder[64]; /* for the whole program */

static int set_up(void **state)
{
    (void)state;
    make_folder(folder, sizeof folder);
    setenv("SAFECONF_GPU_MODULE", TEST_GPU_MODULE, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static struct sc_model *make_model(const char *shape, enum sc_dtype dtype)
{
    struct sc_error error = {0};
    struct sc_model *model = NULL;
    static int n_made;
    char path[256];
    snprintf(path, sizeof path, "%s/%d", folder, n_made++);
    if (sc_model_write_random(shape, NULL, dtype, 7, path, &error) != SC_OK ||
        sc_model_open(&model, path, &error) != SC_OK)
        fail_msg("%s", error.text);
    return model;
}

static struct sc_engine *open_on(const struct sc_model *model, int dtype, const char *device)
{
    struct sc_engine *engine = NULL;
    struct sc_error error = {0};
    struct sc_engine_options options = sc_engine_options_default();
    options.dtype = dtype;
    options.device = device;
    if (sc_engine_open(&engine, model, &options, &error) != SC_OK)
        fail_msg("%s", error.text);
    return engine;
}

/* ---- weights --------------------------------------------------------------------------------- */

/* A copy of what is on the card; sc_free. */
static void *fetched(const struct sc_gpu_weights *w, const void *from, size_t bytes)
{
    void *queue = NULL, *copy = sc_alloc_array(bytes, 1);
    char why[SC_GPU_WHY] = "";
    if (w->module->queue_open(w->gpu, &queue, why) != SC_OK ||
        w->module->download(queue, copy, from, bytes, why) != SC_OK ||
        w->module->wait(queue, why) != SC_OK)
        fail_msg("%s", why);
    w->module->queue_close(queue);
    return copy;
}

/* Rows of a tensor are rows of the matrix from `first` on, rounded as its numbers are, with zeros
 * behind them. */
static void expect_rows(const struct sc_gpu_weights *w, const struct sc_gpu_matrix *m, size_t first,
                        const struct sc_tensor *t, size_t n_rows)
{
    float *row = sc_alloc_array(t->n_cols, sizeof *row);
    assert_int_equal(m->n_in, t->n_cols);
    assert_int_equal(m->stride % SC_GPU_ROUND, 0);
    assert_int_equal((uintptr_t)m->data % SC_GPU_ALIGNMENT, 0);
    assert_true(first + n_rows <= m->n_out);
    const size_t row_bytes = m->stride * (m->bf16 ? sizeof(uint16_t) : sizeof(float));
    void *rows = fetched(w, (const unsigned char *)m->data + first * row_bytes, n_rows * row_bytes);
    for (size_t r = 0; r < n_rows; r++) {
        sc_tensor_row(t, r, row);
        for (size_t i = 0; i < m->stride; i++) {
            const float wanted = i >= t->n_cols ? 0
                                 : m->bf16      ? sc_f32_from_bf16(sc_bf16_from_f32(row[i]))
                                                : row[i];
            const size_t at = r * m->stride + i;
            const float number =
                m->bf16 ? sc_f32_from_bf16(((uint16_t *)rows)[at]) : ((float *)rows)[at];
            assert_true(number == wanted);
        }
    }
    sc_free(rows);
    sc_free(row);
}

static void expect_vector(const struct sc_gpu_weights *w, const float *there,
                          const struct sc_tensor *t, float offset)
{
    float *vector = NULL, *row = sc_alloc_array(t->n_cols > 0 ? t->n_cols : 1, sizeof *row);
    if (t->data == NULL)
        assert_null(there);
    else {
        vector = fetched(w, there, sc_gpu_stride(t->n_cols) * sizeof *vector);
        sc_tensor_row(t, 0, row);
    }
    for (size_t i = 0; t->data != NULL && i < sc_gpu_stride(t->n_cols); i++)
        assert_true(vector[i] == (i < t->n_cols ? row[i] + offset : 0));
    sc_free(vector);
    sc_free(row);
}

static void expect_biases(const struct sc_gpu_weights *w, const float *there,
                          const struct sc_layer_tensors *t)
{
    const struct sc_tensor *const parts[] = {&t->q_bias, &t->k_bias, &t->v_bias};
    size_t at = 0;
    if (t->q_bias.data == NULL) {
        assert_null(there);
        return;
    }
    const size_t n = parts[0]->n_cols + parts[1]->n_cols + parts[2]->n_cols;
    float *bias = fetched(w, there, sc_gpu_stride(n) * sizeof *bias);
    for (size_t p = 0; p < 3; p++) {
        float *row = sc_alloc_array(parts[p]->n_cols, sizeof *row);
        sc_tensor_row(parts[p], 0, row);
        for (size_t i = 0; i < parts[p]->n_cols; i++)
            assert_true(bias[at++] == row[i]);
        sc_free(row);
    }
    for (; at % SC_GPU_ROUND != 0; at++)
        assert_true(bias[at] == 0);
    sc_free(bias);
}

static void expect_ffn(const struct sc_gpu_weights *w, const struct sc_layer_tensors *t,
                       const struct sc_gpu_layer *layer)
{
    const size_t width = w->config.layer.expert_ffn, hidden = w->config.hidden;
    if (w->config.layer.n_experts == 0) {
        expect_rows(w, &layer->gate_up, 0, &t->gate, w->config.ffn);
        expect_rows(w, &layer->gate_up, w->config.ffn, &t->up, w->config.ffn);
        expect_rows(w, &layer->down, 0, &t->down, hidden);
        return;
    }
    assert_false(layer->router.bf16);
    expect_rows(w, &layer->router, 0, &t->router, w->config.layer.n_experts);
    for (size_t e = 0; e < w->config.layer.n_experts; e++) {
        expect_rows(w, &layer->experts_gate_up, e * 2 * width, &t->experts[e].gate, width);
        expect_rows(w, &layer->experts_gate_up, e * 2 * width + width, &t->experts[e].up, width);
        expect_rows(w, &layer->experts_down, e * hidden, &t->experts[e].down, hidden);
    }
}

static void expect_layer(const struct sc_gpu_weights *w, const struct sc_layer_tensors *t,
                         const struct sc_gpu_layer *layer)
{
    const float offset = w->config.layer.gain_offset;
    expect_rows(w, &layer->qkv, 0, &t->q, t->q.n_rows);
    expect_rows(w, &layer->qkv, t->q.n_rows, &t->k, t->k.n_rows);
    expect_rows(w, &layer->qkv, t->q.n_rows + t->k.n_rows, &t->v, t->v.n_rows);
    assert_int_equal(layer->qkv.n_out, t->q.n_rows + t->k.n_rows + t->v.n_rows);
    expect_rows(w, &layer->o, 0, &t->o, t->o.n_rows);
    expect_biases(w, layer->qkv_bias, t);
    expect_vector(w, layer->o_bias, &t->o_bias, 0);
    expect_vector(w, layer->input_norm, &t->input_norm, offset);
    expect_vector(w, layer->ffn_norm, &t->ffn_norm, offset);
    expect_vector(w, layer->attention_out_norm, &t->attention_out_norm, offset);
    expect_vector(w, layer->ffn_out_norm, &t->ffn_out_norm, offset);
    expect_vector(w, layer->q_norm, &t->q_norm, offset);
    expect_vector(w, layer->k_norm, &t->k_norm, offset);
    expect_ffn(w, t, layer);
}

static void expect_weights(const struct sc_model *model, const struct sc_gpu_weights *w)
{
    const struct sc_tensor *embedding = sc_model_embedding(model), *output = sc_model_output(model);
    assert_int_equal(w->embedding.bf16, w->bf16 && embedding->dtype == SC_DTYPE_BF16);
    expect_rows(w, &w->embedding, 0, embedding, embedding->n_rows);
    expect_rows(w, &w->output, 0, output, w->n_vocab);
    assert_int_equal(w->output.n_out, w->n_vocab);
    assert_int_equal(w->output.bf16, w->bf16);
    assert_int_equal(w->output.data == w->embedding.data,
                     output == embedding && w->embedding.bf16 == w->bf16);
    expect_vector(w, w->final_norm, sc_model_final_norm(model), w->config.layer.gain_offset);
    for (size_t l = 0; l < w->config.n_layers; l++)
        expect_layer(w, sc_model_layer(model, l), &w->layers[l]);
}

static void weights_lie_on_the_card_as_the_processor_rounds_them(void **state)
{
    (void)state;
    const char *const shapes[] = {"tiny",       "tiny-gemma2", "tiny-qwen2-b",
                                  "tiny-olmo2", "tiny-phi3-b", "tiny-qwen3-moe"};
    const enum sc_dtype stored[] = {SC_DTYPE_F32, SC_DTYPE_BF16, SC_DTYPE_F16};
    const enum sc_dtype computed[] = {SC_DTYPE_F32, SC_DTYPE_BF16};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t i = 0; i < 3; i++) {
            struct sc_model *model = make_model(shapes[s], stored[i]);
            for (size_t k = 0; k < 2; k++) {
                struct sc_engine *engine = open_on(model, (int)computed[k], "cuda");
                const struct sc_gpu_weights *w = engine->weights;
                expect_weights(model, w);
                assert_int_equal(w->bf16, computed[k] == SC_DTYPE_BF16);
                assert_int_equal(sc_engine_dtype(engine), computed[k]);
                assert_int_equal(sc_engine_weight_bytes(engine), w->weight_bytes);
                sc_engine_close(engine);
            }
            sc_model_close(model);
        }
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void an_engine_says_what_computes(void **state)
{
    (void)state;
    struct sc_model *model = make_model("tiny", SC_DTYPE_BF16);
    struct sc_engine *on_card = open_on(model, -1, "cuda:0"),
                     *automatic = open_on(model, -1, "auto"),
                     *on_processor = open_on(model, -1, NULL);
    assert_string_equal(sc_engine_device(on_card), "cuda:0 emulated GPU");
    assert_int_equal(strncmp(sc_engine_kernels(on_card), "emulated-emulated+loops+sums-", 29), 0);
    assert_int_equal(sc_engine_dtype(on_card), SC_DTYPE_BF16);
    assert_string_equal(sc_engine_device(automatic), "cuda:0 emulated GPU");
    assert_null(sc_engine_device_reason(automatic));
    assert_string_equal(sc_engine_device(on_processor), "cpu");
    sc_engine_close(on_card);
    sc_engine_close(automatic);
    sc_engine_close(on_processor);
    sc_model_close(model);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void a_plan_knows_two_memories(void **state)
{
    (void)state;
    enum { MIB = 1 << 20 };
    struct sc_model *model = make_model("tiny", SC_DTYPE_F32);
    struct sc_batch_options options = {.max_prompt = 500, .max_new_tokens = 500};
    struct sc_batch_plan wide, narrow, less;
    struct sc_error error = {0};
    setenv("SAFECONF_EMULATED_GPU", "bytes=1073741824", 1);
    struct sc_engine *engine = open_on(model, -1, "cuda");
    assert_int_equal(sc_batch_plan(engine, &options, &wide, &error), SC_OK);
    assert_int_equal(wide.parallel, 256);
    assert_int_equal(wide.prefill_rows, 768);
    assert_true(wide.device_bytes > 0 && wide.device_bytes < wide.total_bytes);
    /* A memory limit is one of all memory. */
    options.max_bytes = wide.total_bytes / 3;
    assert_int_equal(sc_batch_plan(engine, &options, &less, &error), SC_OK);
    assert_true(less.total_bytes <= options.max_bytes && less.parallel < wide.parallel);
    sc_engine_close(engine);
    /* A card of which little is left beside the reserve of 512 MiB. */
    options.max_bytes = 0;
    setenv("SAFECONF_EMULATED_GPU", "bytes=557842432", 1); /* 532 MiB */
    engine = open_on(model, -1, "cuda");
    assert_int_equal(sc_batch_plan(engine, &options, &narrow, &error), SC_OK);
    assert_true(narrow.parallel < wide.parallel && narrow.device_bytes < 20 * MIB);
    sc_engine_close(engine);
    setenv("SAFECONF_EMULATED_GPU", "bytes=537395200", 1); /* 512.5 MiB */
    engine = open_on(model, -1, "cuda");
    assert_int_equal(sc_batch_plan(engine, &options, &narrow, &error), SC_ERR_LIMIT);
    assert_non_null(strstr(error.text, "engine: memory of the device for one trace of 500 + 500"));
    sc_engine_close(engine);
    setenv("SAFECONF_EMULATED_GPU", "", 1);
    sc_model_close(model);
}

/* Host memory that is not there, at each of the calls that take it: an error, and all is given
 * back. */
static void exhausted_memory_is_an_error(void **state)
{
    (void)state;
    struct sc_model *model = make_model("tiny-qwen3-moe", SC_DTYPE_BF16);
    struct sc_engine_options options = sc_engine_options_default();
    const struct sc_session_options sizes = {
        .size = sizeof sizes, .parallel = 2, .max_prompt_tokens = 8, .max_new_tokens = 8};
    enum sc_status status = SC_ERR_NOMEM;
    size_t n = 0;
    options.device = "cuda";
    options.n_threads = 1;
    for (; status != SC_OK; n++) {
        struct sc_engine *engine = NULL;
        struct sc_session *session = NULL;
        struct sc_error error = {0};
        sc_memory_fail_at(n);
        status = sc_engine_open(&engine, model, &options, &error);
        status = status != SC_OK ? status : sc_session_open(&session, engine, &sizes, &error);
        assert_false(status == SC_OK && sc_memory_failed());
        sc_memory_fail_at(SIZE_MAX);
        if (status != SC_OK)
            assert_clear(&error);
        assert_true(status == SC_OK || status == SC_ERR_NOMEM);
        sc_session_close(session);
        sc_engine_close(engine);
    }
    assert_true(n > 10);
    sc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_lie_on_the_card_as_the_processor_rounds_them),
        cmocka_unit_test(an_engine_says_what_computes),
        cmocka_unit_test(a_plan_knows_two_memories),
        cmocka_unit_test(exhausted_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
