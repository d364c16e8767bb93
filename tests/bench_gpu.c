/*
 * What a card does at its best, through a module alone (engine/gpu/module.h): copies on it and to
 * it, products of bf16 by the library, launches one by one and recorded.
 *
 *   bench_gpu MODULE [small]
 *
 * small: sizes for an emulated card.  Prints lines of "NAME VALUE"; speeds are of the best of some
 * repetitions, and a copy counts what is read and what is written.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/gpu/module.h"

enum { REPEATS = 8, MOST_WAYS = 8, LAUNCHES = 400, HIDDEN = 64 };

static const struct sc_gpu_module *module;
static void *gpu, *queue;
static char why[SC_GPU_WHY];

static void expect(enum sc_status status, const char *what)
{
    if (status == SC_OK)
        return;
    fprintf(stderr, "bench_gpu: %s: %s\n", what, why);
    exit(1);
}

static void load(const char *path)
{
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    sc_gpu_module_function *function = NULL;
    void *symbol = file != NULL ? dlsym(file, SC_GPU_MODULE_SYMBOL) : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "bench_gpu: %s\n", dlerror());
        exit(1);
    }
    memcpy(&function, &symbol, sizeof function);
    module = function();
    if (module->version != SC_GPU_MODULE_VERSION || module->bytes != sizeof *module) {
        fprintf(stderr, "bench_gpu: %s is of another version\n", path);
        exit(1);
    }
}

static void *room(size_t bytes)
{
    void *memory;
    expect(module->take(gpu, bytes, &memory, why), "memory of the card");
    return memory;
}

static void begin(void)
{
    expect(module->mark(queue, 0, why), "a mark");
}

/* Seconds since begin, once all is done. */
static double end(void)
{
    expect(module->mark(queue, 1, why), "a mark");
    expect(module->wait(queue, why), "the work");
    return module->seconds(queue, 0, 1);
}

static double smaller(double x, double y)
{
    return y < x ? y : x;
}

static void measure_copies(size_t bytes)
{
    void *from = room(bytes), *to = room(bytes), *host;
    double on_card = 1e9, to_card = 1e9, from_card = 1e9;
    expect(module->take_host(gpu, bytes, &host, why), "memory of the host");
    memset(host, 0, bytes);
    for (int i = 0; i < REPEATS; i++) {
        begin();
        expect(module->upload(queue, from, host, bytes, why), "a copy to the card");
        to_card = smaller(to_card, end());
        begin();
        expect(module->copy(queue, to, from, bytes, why), "a copy on the card");
        on_card = smaller(on_card, end());
        begin();
        expect(module->download(queue, host, to, bytes, why), "a copy from the card");
        from_card = smaller(from_card, end());
    }
    printf("copy_bytes_per_second %.4g\n", 2 * (double)bytes / on_card);
    printf("to_card_bytes_per_second %.4g\n", (double)bytes / to_card);
    printf("from_card_bytes_per_second %.4g\n", (double)bytes / from_card);
    module->release_host(gpu, host);
    module->release(gpu, from);
    module->release(gpu, to);
}

/* Numbers of bf16 between -2 and 2 with all bits in use: products of zeros are faster. */
static void *matrix(uint32_t n, uint32_t seed)
{
    const size_t count = (size_t)n * n;
    uint16_t *numbers = malloc(count * sizeof *numbers);
    void *memory = room(count * sizeof *numbers);
    if (numbers == NULL)
        exit(1);
    uint32_t x = seed;
    for (size_t i = 0; i < count; i++) {
        x = x * 1664525u + 1013904223u;
        numbers[i] = (uint16_t)((x >> 16 & 0x80ffu) | 0x3f00u);
    }
    expect(module->store(gpu, memory, numbers, count * sizeof *numbers, why), "a matrix");
    free(numbers);
    return memory;
}

static void measure_products(uint32_t n)
{
    const struct sc_gpu_product_shape shape = {n, n, n, n, n, true};
    void *y = room((size_t)n * n * sizeof(float)), *x = matrix(n, 1), *w = matrix(n, 2);
    const struct sc_gpu_operands operands = {y, x, w};
    void *ways[MOST_WAYS];
    size_t n_ways;
    double best = 1e9;
    expect(module->find_ways(gpu, &shape, n, ways, MOST_WAYS, &n_ways, why), "ways of a product");
    for (size_t way = 0; way < n_ways; way++) {
        for (int i = 0; i < REPEATS; i++) {
            begin();
            expect(module->multiply(queue, ways[way], &operands, why), "a product");
            best = smaller(best, end());
        }
        module->forget_way(gpu, ways[way]);
    }
    if (n_ways > 0)
        printf("bf16_flops %.4g\n", 2.0 * n * n * n / best);
    module->release(gpu, y);
    module->release(gpu, x);
    module->release(gpu, w);
}

/* A kernel that has no rows, and so does nothing. */
static void launch_all(const struct sc_gpu_embed *arguments)
{
    const struct sc_gpu_launch launch = {SC_GPU_embed, {1, 1, 1},        64, 0,
                                         arguments,    sizeof *arguments};
    for (int i = 0; i < LAUNCHES; i++)
        expect(module->launch(queue, &launch, why), "a launch");
}

static void measure_launches(void)
{
    const uint32_t n_rows = 0;
    void *memory = room(HIDDEN * sizeof(float)), *counts = room(sizeof n_rows), *recording;
    expect(module->store(gpu, counts, &n_rows, sizeof n_rows, why), "a count");
    const struct sc_gpu_embed arguments = {.x = memory,
                                           .embedding = {memory, HIDDEN, false},
                                           .tokens = memory,
                                           .n_rows = counts,
                                           .x_stride = HIDDEN,
                                           .hidden = HIDDEN,
                                           .scale = 1};
    double alone = 1e9, recorded = 1e9;
    expect(module->record(queue, why), "a recording");
    launch_all(&arguments);
    expect(module->record_end(queue, &recording, why), "a recording");
    for (int i = 0; i < REPEATS; i++) {
        begin();
        launch_all(&arguments);
        alone = smaller(alone, end());
        begin();
        expect(module->replay(queue, recording, why), "a replay");
        recorded = smaller(recorded, end());
    }
    printf("launch_seconds %.3g\n", alone / LAUNCHES);
    printf("recorded_launch_seconds %.3g\n", recorded / LAUNCHES);
    module->forget(queue, recording);
    module->release(gpu, memory);
    module->release(gpu, counts);
}

int main(int argc, char **argv)
{
    const bool is_small = argc > 2 && strcmp(argv[2], "small") == 0;
    struct sc_gpu_card card;
    if (argc < 2)
        return fprintf(stderr, "bench_gpu MODULE [small]\n"), 2;
    load(argv[1]);
    expect(module->describe(0, &card, why), "the card");
    expect(module->open(&gpu, 0, why), "the card");
    expect(module->queue_open(gpu, &queue, why), "a queue");
    printf("card %s\narithmetic %s\nlibrary %s\nversions %s\n", card.name, card.arithmetic,
           card.library[0] != '\0' ? card.library : "none", card.versions);
    printf("bytes %zu\nfree_bytes %zu\nprocessors %u\nshared_bytes %zu\n", card.bytes,
           card.free_bytes, card.n_processors, card.shared_bytes);
    measure_copies(is_small ? (size_t)1 << 16 : (size_t)1 << 30);
    measure_products(is_small ? 64 : 8192);
    measure_launches();
    module->queue_close(queue);
    module->close(gpu);
    return 0;
}
