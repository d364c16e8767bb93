/* Logits themselves, which never leave a device otherwise. */
#ifndef FORWARD_LOGITS_H
#define FORWARD_LOGITS_H

#include "engine/cpu/cpu.h"

/* Those after each of n tokens, [n][n_vocab] of the engine; the caller's to free().  Stops the test
 * where memory runs out. */
float *forward_logits(const struct sc_engine *engine, const int32_t *ids, size_t n);

#endif
