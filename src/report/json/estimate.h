/* An estimate as it stands in every JSON file that the program writes. */
#ifndef SC_REPORT_JSON_ESTIMATE_H
#define SC_REPORT_JSON_ESTIMATE_H

#include "base/json_writer.h"
#include "statistics/statistics.h"

/* {"value","low","high","n"}; not computed: null, and "KEY_reason" beside it.  An array element
 * that was not computed is {"value":null,...,"reason"}. */
void sc_put_estimate(struct sc_json_writer *out, const char *key,
                     const struct sc_estimate *estimate);

#endif
