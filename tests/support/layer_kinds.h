/*
 * Small networks of random weights with layers of every kind, whatever families there are: a
 * checkpoint is written and opened, and then the engine is told of gains, biases, windows and
 * angles that no file has.
 */
#ifndef LAYER_KINDS_H
#define LAYER_KINDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/cpu/cpu.h"

struct network_shape {
    size_t hidden, n_layers, n_heads, n_kv_heads, head_dim, ffn, n_vocab;
};
extern const struct network_shape network_shapes[];
extern const size_t n_network_shapes;
enum { KINDS_CONTEXT = 160, KINDS_LONG_FROM = 60 };

enum local_layers { NO_LOCAL, EVEN_LOCAL, ALL_LOCAL };
struct layer_kind {
    const char *name;
    struct sc_layer_kind layer;
    enum local_layers local;
    bool local_angles; /* local layers turn by their own */
    bool partly;       /* a part of each head turns, by scaled cosines and sines */
    bool long_angles;  /* sequences past KINDS_LONG_FROM positions turn by others */
};
extern const struct layer_kind layer_kinds[];
extern const size_t n_layer_kinds;

struct kinds_fixture {
    struct sc_model *model;
    struct sc_engine *engine;
    float *vectors;
};

/* A folder with a checkpoint of that shape, f32; remove_network releases it. */
char *write_network(const struct network_shape *shape);
void remove_network(char *folder);

/* threads 0: two; kernels NULL: the best. */
struct kinds_fixture kinds_open(const char *folder, const struct layer_kind *kind, int dtype,
                                int threads, const char *kernels);
struct sc_cpu *kinds_cpu(const struct kinds_fixture *fixture);
void kinds_close(struct kinds_fixture *fixture);

#endif
