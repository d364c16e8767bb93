/* How tokens are drawn, where a wish may leave some of it to the model's makers. */
#ifndef SC_VOCABULARY_SAMPLING_H
#define SC_VOCABULARY_SAMPLING_H

#include <safeconf/vocabulary.h>

#include "base/error.h"

/* A wish that leaves all of it open: NaN, and top_k -1. */
struct sc_sampling sc_sampling_open(void);
/* Refuses what no model could be asked for; what is open is fine. */
enum sc_status sc_sampling_check(const struct sc_sampling *wish, struct sc_error *error);
/* The wish, and `own` where it is open. */
struct sc_sampling sc_sampling_settle(const struct sc_sampling *wish,
                                      const struct sc_sampling *own);

#endif
