/* The thread that scores prompts which are echoed with their log-probabilities. */
#ifndef SC_SERVING_SCORING_H
#define SC_SERVING_SCORING_H

#include "serving/house.h"

/* Runs until the house is ending and nothing is in hand, or it is dropping; context: the house. */
void *sc_serving_score(void *context);

#endif
