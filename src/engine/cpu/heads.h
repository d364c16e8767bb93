/* What a layer computes before attention: queries, and keys and values in their store. */
#ifndef SC_ENGINE_CPU_HEADS_H
#define SC_ENGINE_CPU_HEADS_H

#include "engine/cpu/forward.h"
#include "engine/cpu/products.h"

/* The matrices of queries, keys and values. */
struct sc_stage sc_heads_stage(const struct sc_forward *forward, size_t layer);

/* From the step's prepared rows; next: what is multiplied after it. */
void sc_heads_run(struct sc_forward *forward, struct sc_stage next);

/* The same in two parts, for steps of which not all rows go on: keys and values first. */
void sc_heads_run_keys(struct sc_forward *forward);
void sc_heads_run_queries(struct sc_forward *forward, struct sc_stage next);

#endif
