/*
 * How a token is drawn, whatever the device.  The order of the filters is temperature, top-k,
 * top-p, min-p, each on what the one before left, and at least one candidate always stays;
 * cpu/sampler.c says it exactly.
 */
#ifndef SC_ENGINE_SAMPLING_H
#define SC_ENGINE_SAMPLING_H

#include <safeconf/vocabulary.h>

/* Why these options cannot be sampled with, or NULL. */
const char *sc_sampling_refused(const struct sc_sampling *sampling);

#endif
