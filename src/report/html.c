/* placeholder */
#include "report/analysis_json.h"
enum sc_status sc_analysis_html(const struct sc_analysis *analysis, struct sc_text *out,
                                struct sc_error *error)
{
    (void)analysis;
    (void)out;
    (void)error;
    return SC_OK;
}
