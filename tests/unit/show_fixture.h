/* A run's analysis shown in one of its forms. */
#ifndef TEST_SHOW_FIXTURE_H
#define TEST_SHOW_FIXTURE_H

#include "analysis/analysis.h"
#include "report/render.h"

enum fixture_form { FIXTURE_JSON, FIXTURE_TERMINAL, FIXTURE_PAGE };
struct fixture_view {
    enum fixture_form form;
    size_t width;
    bool colour;
};
static enum sc_status fixture_show(const struct sc_run *run, struct fixture_view view,
                                   struct sc_text *out, struct sc_error *error)
{
    struct sc_analysis analysis;
    enum sc_status status = sc_analysis_make(run, &analysis, error);
    if (status != SC_OK)
        return status;
    if (view.form == FIXTURE_JSON)
        status = sc_render_json(&analysis.document, out, error);
    else if (view.form == FIXTURE_TERMINAL)
        status = sc_render_terminal(&analysis.document, view.width, view.colour, out, error);
    else
        status = sc_render_html(&analysis, out, error);
    sc_analysis_free(&analysis);
    return status;
}

#endif
