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
enum sc_status sc_report_html(const struct sc_run *run, struct sc_text *out, struct sc_error *error)
{
    struct sc_analysis analysis;
    enum sc_status status = sc_analysis_make(run, &analysis, error);
    if (status != SC_OK)
        return status;
    status = sc_analysis_html(&analysis, out, error);
    sc_analysis_free(&analysis);
    return status;
}
