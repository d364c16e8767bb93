/*
 * Speed of the kernels by themselves on one thread, and of the products of a whole network (the
 * shape of Qwen3-0.6B) on all, per level, dtype and width.
 *
 *     bench_kernels [LEVEL] [f32|bf16|int8] [N_THREADS] [REPEATS]
 *
 * Prints medians over the repeats: rows per second (tokens, were there nothing but products), bytes
 * of weights read per second and operations per second, times of the other kernels, and how fast
 * attention reads what no cache holds.  Not a test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/system.h"
#include "kernels/machine.h"

enum { N_LAYERS = 28, N_PER_LAYER = 7, MAX_WIDTH = 64, N_VOCAB = 151936, MAX_IN = 3072 };

static const size_t shapes[N_PER_LAYER][2] = {{2048, 1024}, {1024, 1024}, {1024, 1024},
                                              {1024, 2048}, {3072, 1024}, {3072, 1024},
                                              {1024, 3072}};

struct product {
    const struct sc_matmul *matmul;
    const struct sc_packed *w;
    const void *rows;
    float *y;
    size_t width, n_panels, n_tasks;
};

static void product_task(void *context, size_t task, size_t worker)
{
    const struct product *p = context;
    (void)worker;
    size_t begin = p->n_panels * task / p->n_tasks;
    size_t end = p->n_panels * (task + 1) / p->n_tasks;
    p->matmul->multiply(p->y, p->w->n_out, p->rows, p->width, p->w, begin, end, NULL);
}

/* One thread (no pool) is timed by its own processor time, which other programs disturb less. */
static double now(struct sc_pool *pool)
{
    if (pool != NULL && sc_pool_n_threads(pool) > 1)
        return sc_seconds();
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double time_once(struct sc_pool *pool, const struct sc_matmul *matmul,
                        const struct sc_packed *all, size_t n, const void *rows, float *y,
                        size_t width)
{
    double begin = now(pool);
    for (size_t i = 0; i < n; i++) {
        struct product p = {.matmul = matmul, .w = &all[i], .rows = rows, .y = y, .width = width};
        p.n_panels = (all[i].n_out + matmul->panel - 1) / matmul->panel;
        p.n_tasks = (size_t)sc_pool_n_threads(pool) * 4;
        sc_pool_run(pool, p.n_tasks, product_task, &p);
    }
    return now(pool) - begin;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench(struct sc_pool *pool, const struct sc_kernels *level, enum sc_dtype dtype,
                  int repeats)
{
    static struct sc_packed all[N_LAYERS * N_PER_LAYER + 1];
    const struct sc_matmul *matmul = &level->matmul[dtype];
    size_t n = N_LAYERS * N_PER_LAYER + 1, bytes = 0, weights = 0;
    for (size_t i = 0; i < n; i++) {
        all[i] = (struct sc_packed){.dtype = dtype, .n_out = N_VOCAB, .n_in = 1024};
        if (i + 1 < n) {
            all[i].n_out = shapes[i % N_PER_LAYER][0];
            all[i].n_in = shapes[i % N_PER_LAYER][1];
        }
        all[i].bytes = matmul->packed_bytes(all[i].n_out, all[i].n_in);
        bytes += all[i].bytes;
        weights += all[i].n_out * all[i].n_in;
    }
    bytes += n * 64;
    char *arena = aligned_alloc((size_t)2 << 20, bytes), *at = arena;
    float *x = sc_alloc_aligned(MAX_IN * sizeof *x);
    float *y = sc_alloc_aligned((size_t)MAX_WIDTH * N_VOCAB * sizeof *y);
    char *rows = sc_alloc_aligned(MAX_WIDTH * matmul->row_bytes(MAX_IN));
    if (arena == NULL || x == NULL || y == NULL || rows == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    if (getenv("NO_HUGE") == NULL) {
        madvise(arena, bytes, MADV_HUGEPAGE);
    }
    for (size_t i = 0; i < n; i++, at += (all[i - 1].bytes + 63) / 64 * 64) {
        all[i].data = at;
    }
    memset(arena, 0x3c, bytes); /* small numbers in either format */
    memset(y, 0, (size_t)MAX_WIDTH * N_VOCAB * sizeof *y);
    for (size_t i = 0; i < MAX_IN; i++) {
        x[i] = (float)(i % 7) - 3;
    }
    for (size_t r = 0; r < MAX_WIDTH; r++) {
        matmul->prepare(rows + r * matmul->row_bytes(MAX_IN), x, MAX_IN);
    }
    static const size_t widths[] = {1, 2, 3, 4, 8, 12, 16, 32, 48, 64};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        double seconds[64];
        for (int j = 0; j < repeats; j++) {
            seconds[j] = time_once(pool, matmul, all, n, rows, y, widths[i]);
        }
        qsort(seconds, (size_t)repeats, sizeof *seconds, compare);
        double median = seconds[repeats / 2];
        printf("%-8s %-4s width %2zu: %7.1f rows/s %6.1f GB/s %6.1f GFLOP/s\n", level->name,
               sc_dtype_name(dtype), widths[i], (double)widths[i] / median,
               (double)bytes / median * 1e-9,
               2 * (double)weights * (double)widths[i] / median * 1e-9);
        fflush(stdout);
    }
    free(arena);
    sc_free(x);
    sc_free(y);
    sc_free(rows);
}

/* One panel, from the cache and on one thread: what the product's instructions reach when they wait
 * for nothing. */
static void bench_panel(const struct sc_kernels *level, enum sc_dtype dtype, int repeats)
{
    enum { N_IN = 1024, N_CALLS = 1000 };
    static const size_t widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64};
    const struct sc_matmul *matmul = &level->matmul[dtype];
    struct sc_packed w = {.dtype = dtype, .n_out = matmul->panel, .n_in = N_IN};
    w.bytes = matmul->packed_bytes(w.n_out, N_IN);
    w.data = sc_alloc_aligned(w.bytes);
    float *y = sc_alloc_aligned(MAX_WIDTH * w.n_out * sizeof *y);
    char *rows = sc_alloc_aligned(MAX_WIDTH * matmul->row_bytes(N_IN));
    if (w.data == NULL || y == NULL || rows == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memset(w.data, 0x3c, w.bytes);
    float x[N_IN];
    for (size_t i = 0; i < N_IN; i++) {
        x[i] = (float)(i % 7) - 3;
    }
    for (size_t r = 0; r < MAX_WIDTH; r++) {
        matmul->prepare(rows + r * matmul->row_bytes(N_IN), x, N_IN);
    }
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        double seconds[64];
        for (int j = 0; j < repeats; j++) {
            double begin = now(NULL);
            for (int k = 0; k < N_CALLS; k++) {
                matmul->multiply(y, w.n_out, rows, widths[i], &w, 0, 1, NULL);
            }
            seconds[j] = now(NULL) - begin;
        }
        qsort(seconds, (size_t)repeats, sizeof *seconds, compare);
        double operations = 2.0 * N_IN * N_CALLS * (double)(w.n_out * widths[i]);
        printf("%-8s %-4s cached width %2zu: %6.1f GFLOP/s on one thread\n", level->name,
               sc_dtype_name(dtype), widths[i], operations / seconds[repeats / 2] * 1e-9);
    }
    sc_free(w.data);
    sc_free(y);
    sc_free(rows);
}

/* The median time of one call in nanoseconds, from repeats of enough calls to be measured. */
struct row_bench {
    const struct sc_kernels *level;
    const struct sc_attention *attention;
    float *x, *y;
    char *stored;
    size_t n, n_queries;
};

static void run_scores(const struct row_bench *b)
{
    b->attention->scores(b->y, b->n, b->x, b->n_queries, b->stored, b->n, 128, 0.1f, NULL);
}

static void run_mix(const struct row_bench *b)
{
    b->attention->mix(b->y, b->x, b->n, b->n_queries, b->stored, b->n, 128, NULL);
}

static void run_logits(const struct row_bench *b)
{
    double sum, weighted;
    float max = b->level->logit_max(b->x, b->n);
    b->level->logit_sums(b->x, b->n, max, &sum, &weighted);
    b->y[0] += (float)(sum + weighted);
}

static void run_above(const struct row_bench *b)
{
    size_t scanned;
    b->level->logit_above(b->x, b->n, 2.9f, (int32_t *)(void *)b->y, 1024, &scanned);
}

static void run_silu(const struct row_bench *b)
{
    b->level->silu_mul(b->y, b->x, b->x, b->n);
}

static void run_gelu(const struct row_bench *b)
{
    b->level->gelu_mul(b->y, b->x, b->x, b->n);
}

static void run_softcap(const struct row_bench *b)
{
    memcpy(b->y, b->x, b->n * sizeof *b->y);
    b->level->softcap(b->y, b->n, 30);
}

static void run_norm(const struct row_bench *b)
{
    b->level->rms_norm(b->y, b->x, b->x, b->n, 1e-6f);
}

static void run_softmax(const struct row_bench *b)
{
    memcpy(b->y, b->x, b->n * sizeof *b->y);
    b->level->softmax(b->y, b->n);
}

static void bench_row(const char *what, const struct row_bench *b, double operations,
                      void (*run)(const struct row_bench *), int repeats)
{
    double seconds[64];
    size_t n_calls = 1 + 2000000 / (b->n * b->n_queries * 16);
    for (int i = 0; i < repeats; i++) {
        double begin = sc_seconds();
        for (size_t j = 0; j < n_calls; j++) {
            run(b);
        }
        seconds[i] = (sc_seconds() - begin) / (double)n_calls;
    }
    qsort(seconds, (size_t)repeats, sizeof *seconds, compare);
    double median = seconds[repeats / 2];
    printf("%-8s %-12s n %6zu queries %2zu: %10.0f ns %7.2f GFLOP/s\n", b->level->name, what, b->n,
           b->n_queries, median * 1e9, operations / median * 1e-9);
}

/* Two queries over stretches of keys and of values that no cache holds, as in a step of 16 traces
 * of 64 own tokens; with `ahead`, a stretch is asked for while the one before it is read. */
static void bench_cold(const struct sc_kernels *level, enum sc_dtype dtype, int repeats, bool ahead)
{
    enum { N_POS = 64, N_QUERIES = 2, HEAD_DIM = 128, N_STRETCHES = 2 * 8 * 16 * N_LAYERS };
    const struct sc_attention *a = &level->attention[dtype];
    size_t stretch_bytes = N_POS * HEAD_DIM * a->element_bytes;
    char *stored = sc_alloc_aligned(N_STRETCHES * stretch_bytes);
    float *queries = sc_alloc_aligned(N_QUERIES * HEAD_DIM * sizeof *queries);
    if (stored == NULL || queries == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    sc_prefer_large_pages(stored, N_STRETCHES * stretch_bytes);
    memset(stored, 0x3c, N_STRETCHES * stretch_bytes);
    for (size_t i = 0; i < N_QUERIES * HEAD_DIM; i++) {
        queries[i] = (float)(i % 7) - 3;
    }
    float scores[N_QUERIES * N_POS] = {0}, out[N_QUERIES * HEAD_DIM] = {0};
    double seconds[64];
    for (int repeat = 0; repeat < repeats; repeat++) {
        double begin = sc_seconds();
        for (size_t i = 0; i < N_STRETCHES; i++) {
            const char *at = stored + i * 97 % N_STRETCHES * stretch_bytes; /* they lie apart */
            struct sc_stretch then = {stored + (i + 1) * 97 % N_STRETCHES * stretch_bytes,
                                      stretch_bytes};
            struct sc_ahead next = {&then, 0, ahead ? stretch_bytes : 0};
            if (i % 2) {
                a->mix(out, scores, N_POS, N_QUERIES, at, N_POS, HEAD_DIM, &next);
            } else {
                a->scores(scores, N_POS, queries, N_QUERIES, at, N_POS, HEAD_DIM, 1e-3f, &next);
            }
        }
        seconds[repeat] = sc_seconds() - begin;
    }
    qsort(seconds, (size_t)repeats, sizeof *seconds, compare);
    printf("%-8s %-4s attention from memory, %s: %6.1f GB/s\n", level->name, sc_dtype_name(dtype),
           ahead ? "asked for ahead" : "not asked for",
           (double)(N_STRETCHES * stretch_bytes) / seconds[repeats / 2] * 1e-9);
    sc_free(queries);
    sc_free(stored);
}

static void bench_rows(const struct sc_kernels *level, enum sc_dtype dtype, int repeats)
{
    static const size_t n_pos[] = {32, 300, 1000}, n_queries[] = {1, 2, 16};
    struct row_bench b = {.level = level, .attention = &level->attention[dtype]};
    b.x = sc_alloc_aligned(N_VOCAB * sizeof *b.x);
    b.y = sc_alloc_aligned(N_VOCAB * sizeof *b.y);
    b.stored = sc_alloc_aligned(1000 * 128 * sizeof(float));
    if (b.x == NULL || b.y == NULL || b.stored == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memset(b.stored, 0x3c, 1000 * 128 * sizeof(float));
    for (size_t i = 0; i < N_VOCAB; i++) {
        b.x[i] = (float)((double)(i * 2654435761u % 1000003) / 1000003 * 6 - 3);
        b.y[i] = 0;
    }
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            b.n = n_pos[i];
            b.n_queries = n_queries[j];
            double operations = 2.0 * 128 * (double)(b.n * b.n_queries);
            bench_row("scores", &b, operations, run_scores, repeats);
            bench_row("mix", &b, operations, run_mix, repeats);
        }
    }
    b.n_queries = 1;
    b.n = N_VOCAB;
    bench_row("max and sums", &b, 0, run_logits, repeats);
    bench_row("above", &b, 0, run_above, repeats);
    b.n = 3072;
    bench_row("silu_mul", &b, 0, run_silu, repeats);
    bench_row("gelu_mul", &b, 0, run_gelu, repeats);
    bench_row("softcap", &b, 0, run_softcap, repeats);
    b.n = 1024;
    bench_row("rms_norm", &b, 0, run_norm, repeats);
    b.n = 300;
    bench_row("softmax", &b, 0, run_softmax, repeats);
    sc_free(b.x);
    sc_free(b.y);
    sc_free(b.stored);
}

int main(int argc, char **argv)
{
    const struct sc_kernels *level = sc_kernels_find(argc > 1 && *argv[1] ? argv[1] : NULL);
    int dtype = argc > 2 ? sc_dtype_parse(argv[2]) : SC_DTYPE_BF16;
    int n_threads = argc > 3 ? atoi(argv[3]) : sc_available_cores();
    int repeats = argc > 4 ? atoi(argv[4]) : 5;
    struct sc_pool *pool;
    if (level == NULL || dtype < 0 || level->matmul[dtype].multiply == NULL || repeats < 1 ||
        repeats > 64 || sc_pool_new(&pool, n_threads, NULL) != SC_OK) {
        fprintf(stderr,
                "usage: bench_kernels [LEVEL] [f32|bf16|int8] [N_THREADS] [REPEATS <= 64]\n");
        return 2;
    }
    struct sc_machine *machine;
    if (sc_machine_open(&machine, level, pool, NULL) != SC_OK) {
        return 1;
    }
    for (enum sc_machine_loop loop = 0; loop < SC_N_LOOPS; loop++) {
        sc_machine_sample(machine, loop, 0.2);
    }
    printf("%s, %d threads: reads %.1f GB/s, f32 %.0f, bf16 %.0f GFLOP/s, int8 %.0f GOP/s\n",
           level->name, n_threads, sc_machine_best(machine, SC_LOOP_READ) * 1e-9,
           sc_machine_best(machine, SC_LOOP_F32) * 1e-9,
           sc_machine_best(machine, SC_LOOP_BF16) * 1e-9,
           sc_machine_best(machine, SC_LOOP_INT8) * 1e-9);
    sc_machine_close(machine);
    bench_panel(level, (enum sc_dtype)dtype, repeats);
    enum sc_dtype stored = dtype == SC_DTYPE_F32 ? SC_DTYPE_F32 : SC_DTYPE_BF16;
    bench_rows(level, stored, repeats);
    bench_cold(level, stored, repeats, false);
    bench_cold(level, stored, repeats, true);
    bench(pool, level, (enum sc_dtype)dtype, repeats);
    sc_pool_free(pool);
    return 0;
}
