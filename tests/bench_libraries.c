/*
 * The products of a whole network (the shape of Qwen3-0.6B) by this project's kernels and by two
 * libraries, side by side: OpenBLAS (sgemm, f32) and oneDNN (matmul with weights in the layout that
 * it chooses itself; f32, bf16, and int8 with one scale per output where ours has one per 64
 * inputs).
 *
 *     bench_libraries [N_THREADS] [REPEATS]
 *
 * Prints median and best rows per second, the ways one after the other at each width.  Built where
 * both libraries are installed (libopenblas-dev, libdnnl-dev); not a test.
 */
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/system.h"
#include "kernels/kernels.h"

enum { N_LAYERS = 28, N_PER_LAYER = 7, N = N_LAYERS * N_PER_LAYER + 1 };
enum { MAX_WIDTH = 512, N_VOCAB = 151936, MAX_IN = 3072, MAX_REPEATS = 64 };

static const size_t layer_shapes[N_PER_LAYER][2] = {{2048, 1024}, {1024, 1024}, {1024, 1024},
                                                    {1024, 2048}, {3072, 1024}, {3072, 1024},
                                                    {1024, 3072}};

struct shape {
    size_t n_out, n_in;
};

static struct shape shape_of(size_t i)
{
    return i + 1 < N
               ? (struct shape){layer_shapes[i % N_PER_LAYER][0], layer_shapes[i % N_PER_LAYER][1]}
               : (struct shape){N_VOCAB, 1024};
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_libraries: %s\n", what);
    exit(1);
}

/* Memory on large pages, full of small numbers whatever the format. */
static void *numbers(size_t bytes)
{
    size_t large = (size_t)2 << 20;
    void *p = aligned_alloc(large, (bytes + large - 1) / large * large);
    if (!p) {
        fail("out of memory");
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    memset(p, 0x3c, bytes);
    return p;
}

/* One way to compute all products of a step; weights are made anew for each width. */
struct way {
    const char *name;
    enum sc_dtype dtype;
    bool (*begin)(const struct way *way, size_t width); /* false: not on this machine */
    void (*run)(const struct way *way, size_t width);
    void (*end)(void);
};

static struct sc_pool *pool;
static const struct sc_kernels *level;
static float *x, *y;

/* ---- ours ------------------------------------------------------------------------------------ */

static struct sc_packed packed[N];
static char *packed_memory, *rows;

struct product {
    const struct sc_matmul *matmul;
    const struct sc_packed *w;
    size_t width, n_panels, n_tasks;
};

static void product_task(void *context, size_t task, size_t worker)
{
    const struct product *p = context;
    size_t begin = p->n_panels * task / p->n_tasks, end = p->n_panels * (task + 1) / p->n_tasks;
    (void)worker;
    p->matmul->multiply(y, p->w->n_out, rows, p->width, p->w, begin, end, NULL);
}

static bool our_begin(const struct way *way, size_t width)
{
    const struct sc_matmul *matmul = &level->matmul[way->dtype];
    size_t bytes = 0;
    for (size_t i = 0; i < N; i++) {
        struct shape s = shape_of(i);
        packed[i] = (struct sc_packed){.dtype = way->dtype, .n_out = s.n_out, .n_in = s.n_in};
        packed[i].bytes = matmul->packed_bytes(s.n_out, s.n_in);
        bytes += (packed[i].bytes + 63) / 64 * 64;
    }
    packed_memory = numbers(bytes);
    char *at = packed_memory;
    for (size_t i = 0; i < N; at += (packed[i].bytes + 63) / 64 * 64, i++) {
        packed[i].data = at;
    }
    rows = sc_alloc_aligned(width * matmul->row_bytes(MAX_IN));
    if (!rows) {
        fail("out of memory");
    }
    for (size_t r = 0; r < width; r++) {
        matmul->prepare(rows + r * matmul->row_bytes(MAX_IN), x, MAX_IN);
    }
    return true;
}

static void our_run(const struct way *way, size_t width)
{
    const struct sc_matmul *matmul = &level->matmul[way->dtype];
    for (size_t i = 0; i < N; i++) {
        struct product p = {.matmul = matmul, .w = &packed[i], .width = width};
        p.n_panels = (packed[i].n_out + matmul->panel - 1) / matmul->panel;
        p.n_tasks = (size_t)sc_pool_n_threads(pool) * 8;
        sc_pool_run(pool, p.n_tasks, product_task, &p);
    }
}

static void our_end(void)
{
    free(packed_memory);
    sc_free(rows);
}

/* ---- OpenBLAS -------------------------------------------------------------------------------- */

static float *weights[N], *weights_memory;

static bool blas_begin(const struct way *way, size_t width)
{
    size_t n = 0;
    (void)way;
    (void)width;
    for (size_t i = 0; i < N; i++) {
        n += shape_of(i).n_out * shape_of(i).n_in;
    }
    weights_memory = numbers(n * sizeof *weights_memory);
    n = 0;
    for (size_t i = 0; i < N; i++) {
        weights[i] = weights_memory + n;
        n += shape_of(i).n_out * shape_of(i).n_in;
    }
    return true;
}

static void blas_run(const struct way *way, size_t width)
{
    (void)way;
    for (size_t i = 0; i < N; i++) {
        struct shape s = shape_of(i);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)width, (blasint)s.n_out,
                    (blasint)s.n_in, 1, x, (blasint)s.n_in, weights[i], (blasint)s.n_in, 0, y,
                    (blasint)s.n_out);
    }
}

static void blas_end(void)
{
    free(weights_memory);
}

/* ---- oneDNN ---------------------------------------------------------------------------------- */

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static struct {
    dnnl_primitive_t primitive;
    dnnl_memory_t memories[3]; /* source, weights, destination */
} products[N];

static void ask(dnnl_status_t status)
{
    if (status != dnnl_success) {
        fail("oneDNN refused");
    }
}

static bool dnn_product(size_t i, size_t width, enum sc_dtype dtype)
{
    struct shape s = shape_of(i);
    dnnl_data_type_t type = dtype == SC_DTYPE_F32    ? dnnl_f32
                            : dtype == SC_DTYPE_BF16 ? dnnl_bf16
                                                     : dnnl_s8;
    dnnl_data_type_t source_type = dtype == SC_DTYPE_INT8 ? dnnl_u8 : type;
    dnnl_dims_t source_dims = {(dnnl_dim_t)width, (dnnl_dim_t)s.n_in};
    dnnl_dims_t weight_dims = {(dnnl_dim_t)s.n_in, (dnnl_dim_t)s.n_out};
    dnnl_dims_t target_dims = {(dnnl_dim_t)width, (dnnl_dim_t)s.n_out};
    dnnl_memory_desc_t source, weight, target;
    ask(dnnl_memory_desc_init_by_tag(&source, 2, source_dims, source_type, dnnl_ab));
    ask(dnnl_memory_desc_init_by_tag(&weight, 2, weight_dims, type, dnnl_format_tag_any));
    ask(dnnl_memory_desc_init_by_tag(&target, 2, target_dims, dnnl_f32, dnnl_ab));
    dnnl_primitive_attr_t attributes;
    ask(dnnl_primitive_attr_create(&attributes));
    static float scales[N_VOCAB];
    if (dtype == SC_DTYPE_INT8) {
        for (size_t o = 0; o < s.n_out; o++) {
            scales[o] = 0.01f + (float)o * 1e-9f;
        }
        ask(dnnl_primitive_attr_set_output_scales(attributes, (dnnl_dim_t)s.n_out, 2, scales));
    }
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t description;
    ask(dnnl_matmul_desc_init(&operation, &source, &weight, NULL, &target));
    if (dnnl_primitive_desc_create(&description, &operation, attributes, engine, NULL)) {
        return false;
    }
    const dnnl_memory_desc_t *chosen =
        dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    ask(dnnl_primitive_create(&products[i].primitive, description));
    ask(dnnl_memory_create(&products[i].memories[0], &source, engine, x));
    ask(dnnl_memory_create(&products[i].memories[1], chosen, engine,
                           numbers(dnnl_memory_desc_get_size(chosen))));
    ask(dnnl_memory_create(&products[i].memories[2], &target, engine, y));
    dnnl_primitive_desc_destroy(description);
    dnnl_primitive_attr_destroy(attributes);
    return true;
}

static bool dnn_begin(const struct way *way, size_t width)
{
    for (size_t i = 0; i < N; i++) {
        if (!dnn_product(i, width, way->dtype)) {
            return false;
        }
    }
    return true;
}

static void dnn_run(const struct way *way, size_t width)
{
    (void)way;
    (void)width;
    for (size_t i = 0; i < N; i++) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, products[i].memories[0]},
                                       {DNNL_ARG_WEIGHTS, products[i].memories[1]},
                                       {DNNL_ARG_DST, products[i].memories[2]}};
        ask(dnnl_primitive_execute(products[i].primitive, stream, 3, arguments));
    }
    ask(dnnl_stream_wait(stream));
}

static void dnn_end(void)
{
    for (size_t i = 0; i < N; i++) {
        void *data;
        ask(dnnl_memory_get_data_handle(products[i].memories[1], &data));
        for (size_t j = 0; j < 3; j++) {
            dnnl_memory_destroy(products[i].memories[j]);
        }
        dnnl_primitive_destroy(products[i].primitive);
        free(data);
    }
}

/* ---------------------------------------------------------------------------------------------- */

static const struct way ways[] = {
    {"ours f32", SC_DTYPE_F32, our_begin, our_run, our_end},
    {"OpenBLAS f32", SC_DTYPE_F32, blas_begin, blas_run, blas_end},
    {"oneDNN f32", SC_DTYPE_F32, dnn_begin, dnn_run, dnn_end},
    {"ours bf16", SC_DTYPE_BF16, our_begin, our_run, our_end},
    {"oneDNN bf16", SC_DTYPE_BF16, dnn_begin, dnn_run, dnn_end},
    {"ours int8", SC_DTYPE_INT8, our_begin, our_run, our_end},
    {"oneDNN int8", SC_DTYPE_INT8, dnn_begin, dnn_run, dnn_end},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static int compare(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static void measure(const struct way *way, size_t width, int repeats)
{
    double seconds[MAX_REPEATS];
    if (!way->begin(way, width)) {
        printf("%-14s width %3zu: not on this machine\n", way->name, width);
        return;
    }
    way->run(way, width); /* warms up */
    for (int i = 0; i < repeats; i++) {
        double begin = sc_seconds();
        way->run(way, width);
        seconds[i] = sc_seconds() - begin;
    }
    way->end();
    qsort(seconds, (size_t)repeats, sizeof *seconds, compare);
    printf("%-14s width %3zu: %7.1f rows/s, best %7.1f\n", way->name, width,
           (double)width / seconds[repeats / 2], (double)width / seconds[0]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t widths[] = {1, 8, 32, MAX_WIDTH};
    int n_threads = argc > 1 ? atoi(argv[1]) : sc_available_cores();
    int repeats = argc > 2 ? atoi(argv[2]) : 5;
    level = sc_kernels_find(NULL);
    if (n_threads < 1 || repeats < 1 || repeats > MAX_REPEATS ||
        sc_pool_new(&pool, n_threads, NULL)) {
        fprintf(stderr, "usage: bench_libraries [N_THREADS] [REPEATS <= %d]\n", MAX_REPEATS);
        return 2;
    }
    ask(dnnl_engine_create(&engine, dnnl_cpu, 0));
    ask(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    x = numbers((size_t)MAX_WIDTH * MAX_IN * sizeof *x);
    y = numbers((size_t)MAX_WIDTH * N_VOCAB * sizeof *y);
    printf("%s, %d threads, oneDNN %d.%d, %s\n", level->name, n_threads, dnnl_version()->major,
           dnnl_version()->minor, openblas_get_config());
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        for (size_t j = 0; j < N_WAYS; j++) {
            measure(&ways[j], widths[i], repeats);
        }
    }
    return 0;
}
