/* Kernels alone, on the emulated GPU or a real one: arrays go there, a kernel runs, arrays come
 * back.  Whatever fails stops the test. */
#ifndef GPU_FIXTURE_H
#define GPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/gpu/emulated/emulated.h"

struct gpu_fixture {
    const struct sc_gpu_module *module;
    void *gpu, *queue;
    void *taken[256];
    size_t n_taken;
};

/* options: words of SAFECONF_EMULATED_GPU, or NULL.  With SAFECONF_TEST_GPU in the environment the
 * test runs on the module of that file, a real card's. */
struct gpu_fixture gpu_begin(const char *options);
/* Gives all memory back. */
void gpu_end(struct gpu_fixture *fixture);

void *gpu_room(struct gpu_fixture *fixture, size_t bytes); /* of the card */
void *gpu_put(struct gpu_fixture *fixture, const void *from, size_t bytes);
void gpu_get(struct gpu_fixture *fixture, void *to, const void *from, size_t bytes);
/* Runs a kernel to its end. */
void gpu_run(struct gpu_fixture *fixture, const struct sc_gpu_launch *launch);
/* The same where it is to fail; why [SC_GPU_WHY]. */
enum sc_status gpu_try(struct gpu_fixture *fixture, const struct sc_gpu_launch *launch, char *why);

#endif
