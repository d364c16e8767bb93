/*
 * Where keys and values lie.  A block of n positions is laid out
 * [layer][keys, values][kv head][n][head_dim], so what attention reads for one head is one
 * contiguous stretch.  A page of a prompt is a block; a trace has one block of its largest length
 * for the tokens that it generates, nothing more.
 */
#ifndef SC_ENGINE_CPU_KV_H
#define SC_ENGINE_CPU_KV_H

#include "engine/cpu/cpu.h"

enum sc_kv_kind { SC_KV_KEYS, SC_KV_VALUES };

/* Bytes of a block of n positions. */
size_t sc_kv_bytes(const struct sc_cpu *cpu, size_t n_positions);
/* Where the stretch of (layer, kind, head) starts in a block of n positions. */
size_t sc_kv_offset(const struct sc_cpu *cpu, size_t n_positions, size_t layer,
                    enum sc_kv_kind kind, size_t head);

#endif
