/*
 * Attention of a step's rows in one layer.  A task is one kv head of one group of rows, which read
 * together what their histories begin with alike.
 */
#ifndef SC_ENGINE_CPU_ATTENTION_H
#define SC_ENGINE_CPU_ATTENTION_H

#include "engine/cpu/forward.h"

/* Queries that read the keys and values of one kv head. */
size_t sc_heads_per_kv(const struct sc_model_config *config);

/* Sets the sizes of attention's tasks and takes what one worker needs for them. */
void sc_attention_layout(struct sc_forward *forward, struct sc_arena *worker);

/* Groups of the step's rows, which is done whenever those change. */
void sc_attention_group(struct sc_forward *forward);

/* From forward->queries and the stored keys and values of the layer to forward->q. */
void sc_attention_run(struct sc_forward *forward);

#endif
