/* The files of a suite's summary; summary.h. */
#include "suite/summary.h"

#include <assert.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/render.h"
#include "suite/summary_document.h"

/* What is released together. */
struct work {
    struct sc_summary_rows rows;
    struct sc_document document;
    struct sc_text json, html;
};

static enum sc_status write_all(const struct sc_suite_summary *summary, struct work *w,
                                struct sc_text *terminal, struct sc_error *error)
{
    SC_TRY(sc_summary_load(summary, &w->rows, error));
    SC_TRY(sc_summary_document(summary, &w->rows, &w->document, error));
    SC_TRY(sc_render_json(&w->document, &w->json, error));
    SC_TRY(sc_summary_html(&w->document, &w->html, error));
    SC_TRY(sc_make_folders(summary->out, error));
    SC_TRY(sc_render_write(summary->out, "summary.json", &w->json, error));
    SC_TRY(sc_render_write(summary->out, "summary.html", &w->html, error));
    sc_summary_terminal(&w->document, summary->width, summary->colour, terminal);
    if (terminal->failed)
        return sc_fail_nomem(error, "summary of a suite");
    for (size_t i = 0; i < w->rows.n; i++)
        if (w->rows.reasons[i] != NULL)
            return sc_fail(error, SC_ERR_IO, "%s", w->rows.reasons[i]);
    return SC_OK;
}

enum sc_status sc_suite_summary_write(const struct sc_suite_summary *summary,
                                      struct sc_text *terminal, struct sc_error *error)
{
    assert(summary != NULL && terminal != NULL);
    struct work work = {0};
    enum sc_status status = write_all(summary, &work, terminal, error);
    sc_summary_rows_free(&work.rows);
    sc_document_free(&work.document);
    sc_text_free(&work.json);
    sc_text_free(&work.html);
    return status;
}
