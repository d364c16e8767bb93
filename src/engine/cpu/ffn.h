/* The FFN of a layer. */
#ifndef SC_ENGINE_CPU_FFN_H
#define SC_ENGINE_CPU_FFN_H

#include "engine/cpu/forward.h"
#include "engine/cpu/products.h"

/* The matrices that a layer's FFN multiplies first, which are read after those of attention. */
struct sc_stage sc_ffn_stage(const struct sc_forward *forward, size_t layer);

/* From the step's prepared rows to forward->branch; next: what is multiplied after it. */
void sc_ffn_run(struct sc_forward *forward, struct sc_stage next);

#endif
