/* The files of a comparison of runs, and its public functions: diff.h. */
#include "report/diff.h"

#include <safeconf/analysis.h>

#include "analysis/diff/diff.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/result.h"
#include "report/render.h"

/* A comparison and the text of its file, released together. */
struct work {
    struct sc_diff diff;
    struct sc_text json, html;
};

static void work_free(struct work *w)
{
    sc_diff_free(&w->diff);
    sc_text_free(&w->json);
    sc_text_free(&w->html);
}

static enum sc_status make_json(const char *const *folders, size_t n, bool by_id, struct work *w,
                                struct sc_error *error)
{
    SC_TRY(sc_diff_make(folders, n, by_id, &w->diff, error));
    return sc_render_json(&w->diff.document, &w->json, error);
}

static enum sc_status write_all(const char *const *folders, size_t n,
                                const struct sc_diff_wish *wish, struct work *w,
                                struct sc_error *error)
{
    SC_TRY(make_json(folders, n, wish->by_id, w, error));
    SC_TRY(sc_make_folders(wish->out, error));
    SC_TRY(sc_render_write(wish->out, "diff.json", &w->json, error));
    SC_TRY(sc_render_diff_html(&w->diff.document, &w->html, error));
    SC_TRY(sc_render_write(wish->out, "diff.html", &w->html, error));
    if (wish->json != NULL)
        sc_text_add(wish->json, w->json.data, w->json.len);
    if (wish->terminal != NULL)
        SC_TRY(sc_render_diff_terminal(&w->diff.document, wish->width, wish->colour, wish->terminal,
                                       error));
    return SC_OK;
}

enum sc_status sc_report_diff(const char *const *folders, size_t n, const struct sc_diff_wish *wish,
                              struct sc_error *error)
{
    struct work work = {0};
    enum sc_status status = write_all(folders, n, wish, &work, error);
    work_free(&work);
    return status;
}

static enum sc_status check_folders(const char *const *folders, size_t n, struct sc_error *error)
{
    for (size_t i = 0; folders != NULL && i < n; i++)
        if (folders[i] == NULL)
            return sc_fail(error, SC_ERR_ARGUMENT, "diff: folder %zu: expected a name, found none",
                           i);
    if (folders == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "diff: expected the folders of runs");
    return SC_OK;
}

enum sc_status sc_diff_write(const char *const *folders, size_t n, const char *out,
                             struct sc_error *error)
{
    SC_TRY(check_folders(folders, n, error));
    if (out == NULL || out[0] == '\0')
        return sc_fail(error, SC_ERR_ARGUMENT, "diff: expected a folder for its files");
    return sc_report_diff(folders, n, &(struct sc_diff_wish){.out = out}, error);
}

enum sc_status sc_diff_json(const char *const *folders, size_t n, char **json,
                            struct sc_error *error)
{
    if (json == NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "diff: expected a place for the result");
    *json = NULL;
    SC_TRY(check_folders(folders, n, error));
    struct work work = {0};
    enum sc_status status = make_json(folders, n, false, &work, error);
    status = sc_text_hand_out(&work.json, status, json, error);
    work_free(&work);
    return status;
}
