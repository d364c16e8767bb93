/* See risk_results.h. */
#include "cli/risk_results.h"

#include "base/file.h"
#include "cli/risk_page.h"
#include "report/render.h"

/* The text of risk.json. */
static enum sc_status put_file(const struct cli_risk_folder *folder,
                               const struct cli_risk_failures *failures, struct sc_text *text,
                               struct sc_error *error)
{
    struct sc_json_writer out = {.text = text, .pretty = true, .pretty_depth = 3};
    sc_json_put_object(&out, NULL);
    sc_json_put_raw(&out, "configuration", folder->configuration);
    SC_TRY(cli_risk_summarize(folder->lines, failures, &out, error));
    sc_json_put_end_object(&out);
    sc_text_putc(text, '\n');
    return text->failed ? sc_fail_nomem(error, "risk.json") : SC_OK;
}

static enum sc_status finish(const struct cli_risk_folder *folder,
                             const struct cli_risk_failures *failures, struct sc_text *text,
                             json_t **file, struct sc_error *error)
{
    SC_TRY(put_file(folder, failures, text, error));
    SC_TRY(sc_json_parse(text->data, text->len, "risk.json", file, error));
    if (folder->path == NULL)
        return SC_OK;
    SC_TRY(sc_file_write(folder->summary_path, text->data, text->len, error));
    sc_text_clear(text);
    SC_TRY(cli_risk_page(folder, json_object_get(*file, "summary"), text, error));
    return sc_render_write(folder->path, "risk.html", text, error);
}

enum sc_status cli_risk_finish(const struct cli_risk_folder *folder,
                               const struct cli_risk_failures *failures, json_t **summary,
                               struct sc_error *error)
{
    struct sc_text text = {0};
    json_t *file = NULL;
    enum sc_status status = finish(folder, failures, &text, &file, error);
    *summary = status == SC_OK ? json_incref(json_object_get(file, "summary")) : NULL;
    json_decref(file);
    sc_text_free(&text);
    return status;
}
