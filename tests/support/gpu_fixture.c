/* See gpu_fixture.h. */
#include "gpu_fixture.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void expect(enum sc_status status, const char *why)
{
    if (status != SC_OK)
        fail_msg("%s", why);
}

/* The emulated module, or the one whose file SAFECONF_TEST_GPU names (tools/check-gpu), where tests
 * of what is emulated alone are skipped. */
static const struct sc_gpu_module *find_module(const char *options)
{
    static const char *const emulated[] = {"cards=", "bytes=", "fail=", "ways="};
    const char *path = getenv("SAFECONF_TEST_GPU");
    if (path == NULL)
        return sc_gpu_module();
    for (size_t i = 0; i < sizeof emulated / sizeof *emulated; i++)
        if (options != NULL && strstr(options, emulated[i]) != NULL)
            skip();
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = file != NULL ? dlsym(file, SC_GPU_MODULE_SYMBOL) : NULL;
    sc_gpu_module_function *function;
    if (symbol == NULL)
        fail_msg("%s", dlerror());
    memcpy(&function, &symbol, sizeof function);
    return function();
}

struct gpu_fixture gpu_begin(const char *options)
{
    struct gpu_fixture f = {.module = find_module(options)};
    char why[SC_GPU_WHY] = "";
    setenv("SAFECONF_EMULATED_GPU", options != NULL ? options : "", 1);
    expect(f.module->open(&f.gpu, 0, why), why);
    expect(f.module->queue_open(f.gpu, &f.queue, why), why);
    return f;
}

void gpu_end(struct gpu_fixture *f)
{
    for (size_t i = 0; i < f->n_taken; i++)
        f->module->release(f->gpu, f->taken[i]);
    f->module->queue_close(f->queue);
    f->module->close(f->gpu);
}

void *gpu_room(struct gpu_fixture *f, size_t bytes)
{
    char why[SC_GPU_WHY] = "";
    void *memory = NULL;
    assert_true(f->n_taken < sizeof f->taken / sizeof *f->taken);
    expect(f->module->take(f->gpu, bytes, &memory, why), why);
    f->taken[f->n_taken++] = memory;
    return memory;
}

void *gpu_put(struct gpu_fixture *f, const void *from, size_t bytes)
{
    char why[SC_GPU_WHY] = "";
    void *memory = gpu_room(f, bytes);
    expect(f->module->store(f->gpu, memory, from, bytes, why), why);
    return memory;
}

void gpu_get(struct gpu_fixture *f, void *to, const void *from, size_t bytes)
{
    char why[SC_GPU_WHY] = "";
    expect(f->module->download(f->queue, to, from, bytes, why), why);
    expect(f->module->wait(f->queue, why), why);
}

enum sc_status gpu_try(struct gpu_fixture *f, const struct sc_gpu_launch *launch, char *why)
{
    enum sc_status status = f->module->launch(f->queue, launch, why);
    return status == SC_OK ? f->module->wait(f->queue, why) : status;
}

void gpu_run(struct gpu_fixture *f, const struct sc_gpu_launch *launch)
{
    char why[SC_GPU_WHY] = "";
    expect(gpu_try(f, launch, why), why);
}
