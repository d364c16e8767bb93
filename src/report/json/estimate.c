/* See estimate.h. */
#include "report/json/estimate.h"

void sc_json_put_estimate(struct sc_json_writer *out, const char *key, const struct sc_estimate *e)
{
    sc_json_put_object(out, key);
    sc_json_put_number(out, "value", e->value);
    sc_json_put_number(out, "low", e->low);
    sc_json_put_number(out, "high", e->high);
    if (e->reason != NULL)
        sc_json_put_string(out, "reason", e->reason);
    sc_json_put_end_object(out);
}
