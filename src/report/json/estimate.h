/* An estimate in a JSON file: {"value", "low", "high"}, and "reason" where there is one. */
#ifndef SC_REPORT_JSON_ESTIMATE_H
#define SC_REPORT_JSON_ESTIMATE_H

#include "base/json_writer.h"
#include "statistics/statistics.h"

void sc_json_put_estimate(struct sc_json_writer *out, const char *key,
                          const struct sc_estimate *estimate);

#endif
