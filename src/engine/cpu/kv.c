/* See kv.h. */
#include "engine/cpu/kv.h"

#include "base/memory.h"

size_t sc_kv_bytes(const struct sc_cpu *cpu, size_t n_positions)
{
    const struct sc_model_config *c = &cpu->config;
    size_t per_position =
        sc_size_mul(2 * c->n_kv_heads, c->head_dim * cpu->attention->element_bytes);
    return sc_size_mul(n_positions, sc_size_mul(c->n_layers, per_position));
}

size_t sc_kv_offset(const struct sc_cpu *cpu, size_t n_positions, size_t layer,
                    enum sc_kv_kind kind, size_t head)
{
    const struct sc_model_config *c = &cpu->config;
    size_t stretch = (2 * layer + (size_t)kind) * c->n_kv_heads + head;
    return stretch * n_positions * c->head_dim * cpu->attention->element_bytes;
}
