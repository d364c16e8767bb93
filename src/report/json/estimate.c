#include "report/json/estimate.h"

#include <math.h>
#include <stdio.h>

void sc_put_estimate(struct sc_json_writer *out, const char *key,
                     const struct sc_estimate *estimate)
{
    bool known = isfinite(estimate->value);
    if (!known && key != NULL) {
        char name[96];
        snprintf(name, sizeof name, "%s_reason", key);
        sc_json_put_null(out, key);
        sc_json_put_string(out, name, estimate->reason != NULL ? estimate->reason : "not computed");
        return;
    }
    sc_json_put_object(out, key);
    sc_json_put_number(out, "value", estimate->value);
    sc_json_put_number(out, "low", estimate->low);
    sc_json_put_number(out, "high", estimate->high);
    sc_json_put_count(out, "n", estimate->n);
    if (estimate->reason != NULL)
        sc_json_put_string(out, "reason", estimate->reason);
    sc_json_put_end_object(out);
}
