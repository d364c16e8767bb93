/* The networks of layer_kinds.h on the emulated GPU, beside the processor's, and their logits. */
#ifndef GPU_KINDS_H
#define GPU_KINDS_H

#include "engine/gpu/session.h"
#include "layer_kinds.h"

enum { GPU_KINDS_VECTORS = 64 };

struct gpu_kinds {
    struct sc_engine *engine;
    struct sc_gpu_weights *weights; /* the engine's */
    void *vectors[GPU_KINDS_VECTORS];
    size_t n_vectors;
};

/* The same network as `cpu`; module: the file of the emulated one.  options: words of
 * SAFECONF_EMULATED_GPU, or NULL. */
struct gpu_kinds gpu_kinds_open(const struct kinds_fixture *cpu, const char *module,
                                const char *options);
void gpu_kinds_close(struct gpu_kinds *gpu);

struct sc_gpu_session *gpu_kinds_session(const struct gpu_kinds *gpu,
                                         const struct sc_session_sizes *sizes);
void gpu_kinds_end(const struct gpu_kinds *gpu, struct sc_gpu_session *session);

/* One step; stops the test where it fails. */
void gpu_kinds_step(struct sc_gpu_session *session, const struct sc_row *rows, size_t n_rows);
/* Logits [n_vocab] by their handle, after the step. */
void gpu_kinds_logits(struct sc_gpu_session *session, size_t handle, float *out);

#endif
