/* Products on the emulated GPU: our own kernels, and which ways are taken. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/gpu/own_products.h"
#include "engine/gpu/products.h"
#include "engine/gpu/trials.h"
#include "gpu_fixture.h"
#include "kernels/kernels.h"

static uint64_t state_of_chance = 1;

static float chance(void)
{
    state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(state_of_chance >> 32) * 0x1p-31F;
}

/* A matrix or rows, as the card has them and as the host computes with them. */
struct numbers {
    size_t n_rows, n, stride;
    bool bf16;
    float *host; /* [n_rows][n] */
    void *card;  /* [n_rows][stride] */
};

/* Rows past n_rows, up to n_all, are NaN. */
static struct numbers numbers_new(struct gpu_fixture *f, size_t n_rows, size_t n_all, size_t n,
                                  bool bf16)
{
    struct numbers x = {n_rows, n, sc_gpu_stride(n), bf16, NULL, NULL};
    const size_t size = bf16 ? 2 : 4;
    x.host = malloc(n_rows * n * sizeof *x.host);
    unsigned char *bytes = calloc(n_all * x.stride, size);
    assert_true(x.host != NULL && bytes != NULL);
    memset(bytes + n_rows * x.stride * size, 0xff, (n_all - n_rows) * x.stride * size);
    for (size_t i = 0; i < n_rows * n; i++) {
        float number = chance();
        const uint16_t half = sc_bf16_from_f32(number);
        unsigned char *to = bytes + (i / n * x.stride + i % n) * size;
        if (bf16)
            number = sc_f32_from_bf16(half);
        memcpy(to, bf16 ? (const void *)&half : (const void *)&number, size);
        x.host[i] = number;
    }
    x.card = gpu_put(f, bytes, n_all * x.stride * size);
    free(bytes);
    return x;
}

static void compare(const float *y, size_t stride, const struct numbers *x, const struct numbers *w)
{
    for (size_t r = 0; r < x->n_rows; r++)
        for (size_t o = 0; o < w->n_rows; o++) {
            double sum = 0;
            for (size_t k = 0; k < w->n; k++)
                sum += (double)x->host[r * x->n + k] * (double)w->host[o * w->n + k];
            if (!(fabs((double)y[r * stride + o] - sum) < 1e-5 * (1 + fabs(sum))))
                fail_msg("row %zu, output %zu: %.9g, expected %.9g", r, o,
                         (double)y[r * stride + o], sum);
        }
}

static struct sc_gpu_matrix matrix_of(const struct numbers *w)
{
    return (struct sc_gpu_matrix){
        w->card, (uint32_t)w->n_rows, (uint32_t)w->n, (uint32_t)w->stride, w->bf16, NULL};
}

/* ---- own kernels ----------------------------------------------------------------------------- */

/* y [x->n_rows][stride of outputs] by one kernel; the caller frees it. */
static float *multiply(struct gpu_fixture *f, const struct sc_gpu_own_kernel *kernel,
                       const struct numbers *x, const struct numbers *w, size_t from, size_t n)
{
    const struct sc_gpu_matrix matrix = matrix_of(w);
    const struct sc_gpu_queue queue = {f->module, f->queue};
    const size_t stride = sc_gpu_stride(w->n_rows), bytes = n * stride * sizeof(float);
    struct sc_gpu_product_run run = {
        .x = (const char *)x->card + from * x->stride * (x->bf16 ? 2u : 4u), .n_rows = (uint32_t)n};
    sc_gpu_own_prepare(&run, &matrix);
    float *y = malloc(bytes);
    char why[SC_GPU_WHY];
    void *room;
    assert_int_equal(f->module->take(f->gpu, bytes, &room, why), SC_OK);
    run.y = room;
    assert_int_equal(sc_gpu_own_launch(&queue, kernel, &run,
                                       (uint32_t)((n + kernel->rows - 1) / kernel->rows), NULL),
                     SC_OK);
    gpu_get(f, y, run.y, bytes);
    f->module->release(f->gpu, room);
    return y;
}

static void check_shape(const char *options, bool bf16, size_t n_rows, size_t n_out, size_t n_in)
{
    struct gpu_fixture f = gpu_begin(options);
    const struct numbers x = numbers_new(&f, n_rows, n_rows + 1, n_in, bf16);
    const struct numbers w = numbers_new(&f, n_out, n_out, n_in, bf16);
    const struct sc_gpu_own_kernel *kernel;
    const size_t stride = sc_gpu_stride(n_out);
    float *first = NULL;
    for (size_t i = 0; (kernel = sc_gpu_own_kernel_at(bf16, i)) != NULL; i++) {
        float *y = multiply(&f, kernel, &x, &w, 0, n_rows);
        if (i == 0)
            compare(y, stride, &x, &w);
        else
            for (size_t r = 0; r < n_rows; r++)
                assert_memory_equal(y + r * stride, first + r * stride, n_out * sizeof *y);
        if (i == 0)
            first = y;
        else
            free(y);
    }
    free(first);
    free(x.host);
    free(w.host);
    gpu_end(&f);
}

/* Every kernel on odd shapes, the same bits from all. */
static void test_own(void **state)
{
    (void)state;
    static const struct {
        size_t n_rows, n_out, n_in;
    } shapes[] = {{1, 1, 1},     {8, 8, 64},    {3, 130, 100}, {70, 33, 200},
                  {33, 40, 513}, {9, 16, 1100}, {130, 131, 70}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t bf16 = 0; bf16 < 2; bf16++)
            check_shape("order=ascending", bf16 == 1, shapes[i].n_rows, shapes[i].n_out,
                        shapes[i].n_in);
    for (size_t bf16 = 0; bf16 < 2; bf16++) {
        check_shape("order=descending", bf16 == 1, 20, 50, 900);
        check_shape("order=shuffled", bf16 == 1, 20, 50, 900);
    }
}

/* A row's sums are the same bits alone and among others, for every number of rows and wherever it
 * stands, by whichever kernels a card of few or many processors takes. */
static void test_own_company(void **state)
{
    (void)state;
    enum { ROWS = 301, OUT = 8, IN = 126 };
    for (size_t bf16 = 0; bf16 < 2; bf16++) {
        struct gpu_fixture f = gpu_begin(NULL);
        const struct numbers x = numbers_new(&f, ROWS, ROWS, IN, bf16 == 1);
        const struct numbers w = numbers_new(&f, OUT, OUT, IN, bf16 == 1);
        const size_t stride = sc_gpu_stride(OUT);
        float *all = multiply(&f, sc_gpu_own_kernel(bf16 == 1, OUT, ROWS, 4), &x, &w, 0, ROWS);
        for (size_t n = 1; n < ROWS; n++) {
            const size_t from = (n * 71) % (ROWS - n);
            float *y =
                multiply(&f, sc_gpu_own_kernel(bf16 == 1, OUT, (uint32_t)n, n % 3 == 0 ? 4 : 200),
                         &x, &w, from, n);
            for (size_t r = 0; r < n; r++)
                assert_memory_equal(y + r * stride, all + (from + r) * stride, OUT * sizeof *y);
            free(y);
        }
        free(all);
        free(x.host);
        free(w.host);
        gpu_end(&f);
    }
}

/* ---- ways ------------------------------------------------------------------------------------ */

struct network {
    struct gpu_fixture f;
    struct sc_gpu_weights weights;
    struct sc_gpu_layer layers[2];
    struct numbers w[6];
};

enum { HIDDEN = 56, FFN = 100, VOCAB = 150 };

static void network_begin(struct network *n, const char *options, bool bf16)
{
    *n = (struct network){.f = gpu_begin(options)};
    char why[SC_GPU_WHY];
    n->weights.module = n->f.module;
    n->weights.gpu = n->f.gpu;
    n->weights.layers = n->layers;
    n->weights.config.n_layers = 2;
    n->weights.config.layer.n_experts = 3;
    assert_int_equal(n->f.module->describe(0, &n->weights.card, why), SC_OK);
    static const size_t outs[] = {2 * FFN, HIDDEN, VOCAB, 3, 3 * 2 * 20};
    static const size_t ins[] = {HIDDEN, FFN, HIDDEN, HIDDEN, HIDDEN};
    for (size_t i = 0; i < 5; i++)
        n->w[i] = numbers_new(&n->f, outs[i], outs[i], ins[i], bf16 && i != 3);
    for (size_t l = 0; l < 2; l++) {
        n->layers[l].gate_up = matrix_of(&n->w[0]);
        n->layers[l].down = matrix_of(&n->w[1]);
    }
    n->weights.output = matrix_of(&n->w[2]);
    n->layers[1].router = matrix_of(&n->w[3]);
    n->layers[1].experts_gate_up = matrix_of(&n->w[4]);
}

static void network_end(struct network *n)
{
    for (size_t i = 0; i < 5; i++)
        free(n->w[i].host);
    gpu_end(&n->f);
}

/* y [rounded] of the rows from `from` on, by sc_gpu_multiply. */
static float *multiplied(struct network *n, const struct sc_gpu_matrix *matrix,
                         const struct numbers *x, size_t from, size_t n_rows)
{
    const struct sc_gpu_queue queue = {n->f.module, n->f.queue};
    const size_t rounded = sc_gpu_round_rows(n_rows);
    const size_t bytes = rounded * sc_gpu_stride(matrix->n_out) * sizeof(float);
    const size_t x_row = x->stride * (x->bf16 ? 2u : 4u);
    char why[SC_GPU_WHY];
    void *room, *rows;
    float *y = malloc(bytes);
    assert_int_equal(n->f.module->take(n->f.gpu, bytes, &room, why), SC_OK);
    assert_int_equal(n->f.module->take(n->f.gpu, rounded * x_row, &rows, why), SC_OK);
    assert_int_equal(n->f.module->copy(n->f.queue, rows, (const char *)x->card + from * x_row,
                                       n_rows * x_row, why),
                     SC_OK);
    assert_int_equal(sc_gpu_multiply(&queue, matrix, rows, room, n_rows, NULL), SC_OK);
    gpu_get(&n->f, y, room, bytes);
    n->f.module->release(n->f.gpu, rows);
    n->f.module->release(n->f.gpu, room);
    return y;
}

static void check_matrix(struct network *n, const struct sc_gpu_matrix *matrix,
                         const struct numbers *w)
{
    enum { ROWS = 300 };
    struct numbers x = numbers_new(&n->f, ROWS, ROWS, w->n, w->bf16);
    const size_t stride = sc_gpu_stride(w->n_rows);
    float *all = multiplied(n, matrix, &x, 0, ROWS);
    compare(all, stride, &x, w);
    for (size_t rows = 1; rows < ROWS; rows += rows < 12 ? 1 : rows < 64 ? 13 : 55) {
        const size_t from = (rows * 71) % (ROWS - rows);
        float *y = multiplied(n, matrix, &x, from, rows);
        for (size_t r = 0; r < rows; r++)
            assert_memory_equal(y + r * stride, all + (from + r) * stride, w->n_rows * sizeof *y);
        free(y);
    }
    free(all);
    free(x.host);
}

static void check_ways(const char *options, bool bf16, const char *described)
{
    struct network n;
    char text[96];
    network_begin(&n, options, bf16);
    assert_int_equal(sc_gpu_products_open(&n.weights, NULL), SC_OK);
    sc_gpu_products_describe(&n.weights, text, sizeof text);
    assert_string_equal(text, described);
    assert_ptr_equal(n.layers[0].down.product, n.layers[1].down.product);
    assert_ptr_not_equal(n.layers[0].down.product, n.layers[0].gate_up.product);
    assert_null(n.layers[0].router.product);
    check_matrix(&n, &n.layers[0].gate_up, &n.w[0]);
    check_matrix(&n, &n.layers[1].down, &n.w[1]);
    check_matrix(&n, &n.weights.output, &n.w[2]);
    check_matrix(&n, &n.layers[1].router, &n.w[3]);
    sc_gpu_products_close(&n.weights);
    network_end(&n);
}

static void test_ways(void **state)
{
    (void)state;
    for (size_t bf16 = 0; bf16 < 2; bf16++) {
        check_ways("ways=same", bf16 == 1,
                   bf16 == 1 ? "loops, own kernels for 2 of 5 shapes" /* of 56 outputs too */
                             : "loops, own kernels for 1 of 5 shapes");
        check_ways("ways=none", bf16 == 1, "own kernels");
        check_ways("ways=other", bf16 == 1, "own kernels");
    }
}

/* As multiply and launch of the emulated module, but terms or outputs are those beside. */
static enum sc_status multiply_wrongly(void *queue, void *way,
                                       const struct sc_gpu_operands *operands, char *why)
{
    const struct sc_gpu_operands beside = {operands->y, (const char *)operands->x + 4, operands->w};
    return sc_gpu_module()->multiply(queue, way, &beside, why);
}

static enum sc_status launch_wrongly(void *queue, const struct sc_gpu_launch *launch, char *why)
{
    struct sc_gpu_launch beside = *launch;
    struct sc_gpu_product_run run;
    if (launch->argument_bytes == sizeof run && launch->threads == SC_GPU_PRODUCT_THREADS) {
        memcpy(&run, launch->arguments, sizeof run);
        run.w = (const char *)run.w + (size_t)run.stride * 2;
        run.n_out--;
        beside.arguments = &run;
    }
    return sc_gpu_module()->launch(queue, &beside, why);
}

/* Ways that are wrong are not taken; a card whose own sums are wrong is refused. */
static void test_wrong(void **state)
{
    (void)state;
    struct network n;
    struct sc_error error = {0};
    char text[96];
    network_begin(&n, "ways=same", true);
    struct sc_gpu_module wrong = *n.f.module;
    wrong.multiply = multiply_wrongly;
    n.weights.module = &wrong;
    assert_int_equal(sc_gpu_products_open(&n.weights, NULL), SC_OK);
    sc_gpu_products_describe(&n.weights, text, sizeof text);
    assert_string_equal(text, "own kernels");
    sc_gpu_products_close(&n.weights);
    wrong.launch = launch_wrongly;
    assert_int_equal(sc_gpu_products_open(&n.weights, &error), SC_ERR_INTERNAL);
    assert_string_equal(error.text,
                        "the device emulated computes wrongly: a product of 200 outputs "
                        "and 56 terms");
    network_end(&n);
}

/* What figures follow from is another thing where sums are other bits, and only then. */
static void test_name(void **state)
{
    (void)state;
    static const char *const options[] = {"ways=same", "ways=same,order=shuffled", "ways=none",
                                          "ways=other"};
    char names[4][64];
    for (size_t i = 0; i < 4; i++) {
        struct network n;
        state_of_chance = 1; /* the same weights */
        network_begin(&n, options[i], true);
        assert_int_equal(sc_gpu_products_open(&n.weights, NULL), SC_OK);
        strcpy(names[i], "card");
        sc_gpu_products_name(&n.weights, names[i], sizeof names[i]);
        sc_gpu_products_close(&n.weights);
        network_end(&n);
    }
    assert_int_equal(strncmp(names[0], "card+sums-", 10), 0);
    assert_string_equal(names[0], names[1]);
    assert_string_not_equal(names[0], names[2]);
    assert_string_equal(names[2], names[3]); /* own kernels both */
}

static void test_rounding(void **state)
{
    (void)state;
    static const size_t n[] = {1, 8, 9, 33, 200, 257, 1000, 1024, 1025, 2048, 3000};
    static const size_t rounded[] = {8, 8, 16, 64, 256, 384, 1024, 1024, 1032, 2048, 3072};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        assert_int_equal(sc_gpu_round_rows(n[i]), rounded[i]);
    for (size_t i = 1; i < 3000; i++)
        assert_true(sc_gpu_round_rows(i) >= i &&
                    sc_gpu_round_rows(sc_gpu_round_rows(i)) == sc_gpu_round_rows(i));
}

/* Each call that can fail does in turn, and all that was taken is given back. */
static void test_failures(void **state)
{
    (void)state;
    struct network n;
    bool opened = false;
    network_begin(&n, "ways=same", true);
    void *gpu = n.weights.gpu;
    n.weights.config.n_layers = 1; /* one shape and one of experts are enough */
    n.layers[0].gate_up.data = n.weights.output.data = NULL;
    n.layers[0].experts_gate_up = n.layers[1].experts_gate_up;
    for (unsigned long at = 1; !opened; at++) {
        struct sc_error error = {0};
        char options[64], why[SC_GPU_WHY];
        snprintf(options, sizeof options, "ways=same,fail=%lu", 1 + at);
        setenv("SAFECONF_EMULATED_GPU", options, 1);
        assert_int_equal(n.f.module->open(&n.weights.gpu, 0, why), SC_OK);
        opened = sc_gpu_products_open(&n.weights, &error) == SC_OK;
        assert_true(opened || strstr(error.text, "as was asked") != NULL);
        sc_gpu_products_close(&n.weights);
        n.f.module->close(n.weights.gpu); /* which asserts that all was given back */
        assert_true(at < 2000);
    }
    n.weights.gpu = gpu;
    network_end(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),     cmocka_unit_test(test_own_company),
        cmocka_unit_test(test_ways),    cmocka_unit_test(test_name),
        cmocka_unit_test(test_wrong),   cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
