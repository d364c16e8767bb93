/* The thread that runs the engine. */
#ifndef SC_SERVING_SAMPLING_H
#define SC_SERVING_SAMPLING_H

#include "serving/house.h"

/* Runs until the house is ending and nothing is in hand, or it is dropping; context: the house. */
void *sc_serving_sample(void *context);

#endif
