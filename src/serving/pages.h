/* What a server says of itself: /v1/models, /version, /health, /metrics. */
#ifndef SC_SERVING_PAGES_H
#define SC_SERVING_PAGES_H

#include "serving/house.h"

void sc_serving_page_models(const struct sc_serving_model *model, const char *path,
                            struct sc_text *out);
void sc_serving_page_version(struct sc_text *out);
/* In the format of Prometheus; the lock is held. */
void sc_serving_page_metrics(const struct sc_serving_house *house, struct sc_text *out);

#endif
