#include "hub/rows.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

void sc_rows_free(struct sc_rows *rows)
{
    sc_free(rows->features);
    sc_text_free(&rows->lines);
    *rows = (struct sc_rows){0};
}

/* ---- one row --------------------------------------------------------------------------------- */

static enum sc_status check_row(const json_t *item, uint64_t index, struct sc_error *error)
{
    const json_t *number = json_object_get(item, "row_idx");
    const json_t *cut = json_object_get(item, "truncated_cells");
    if (!json_is_object(json_object_get(item, "row")))
        return sc_fail(error, SC_ERR_FORMAT, "row %llu: expected its cells in \"row\", found %s",
                       (unsigned long long)index, sc_json_kind(json_object_get(item, "row")));
    if (!json_is_integer(number) || json_integer_value(number) < 0 ||
        (uint64_t)json_integer_value(number) != index)
        return sc_fail(error, SC_ERR_FORMAT, "expected row %llu, found another",
                       (unsigned long long)index);
    if (cut != NULL && !json_is_null(cut) && json_array_size(cut) > 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "row %llu: cell \"%.100s\" is cut short, so the set cannot be had this way",
                       (unsigned long long)index,
                       json_is_string(json_array_get(cut, 0))
                           ? json_string_value(json_array_get(cut, 0))
                           : "?");
    return SC_OK;
}

static enum sc_status add_row(struct sc_rows *rows, const json_t *item, struct sc_error *error)
{
    SC_TRY(check_row(item, rows->n, error));
    sc_json_write(&rows->lines, json_object_get(item, "row"));
    sc_text_putc(&rows->lines, '\n');
    rows->n++;
    return rows->lines.failed ? sc_fail_nomem(error, "rows") : SC_OK;
}

/* ---- a page ---------------------------------------------------------------------------------- */

/* The columns must stay what they are, for their order is that of the cells. */
static enum sc_status check_features(struct sc_rows *rows, const json_t *page,
                                     struct sc_error *error)
{
    const json_t *features = json_object_get(page, "features");
    if (!json_is_array(features) || json_array_size(features) == 0)
        return sc_fail(error, SC_ERR_FORMAT, "expected columns in \"features\", found %s",
                       sc_json_kind(features));
    struct sc_text text = {0};
    sc_json_write(&text, features);
    char *now = sc_text_take(&text);
    if (now == NULL)
        return sc_fail_nomem(error, "columns");
    if (rows->features == NULL) {
        rows->features = now;
        return SC_OK;
    }
    bool same = strcmp(now, rows->features) == 0;
    sc_free(now);
    return same ? SC_OK
                : sc_fail(error, SC_ERR_FORMAT, "the columns are not those of the page before");
}

static enum sc_status check_total(struct sc_rows *rows, const json_t *page, struct sc_error *error)
{
    const json_t *total = json_object_get(page, "num_rows_total");
    const json_t *partial = json_object_get(page, "partial");
    if (json_is_true(partial))
        return sc_fail(error, SC_ERR_FORMAT, "only a part of the set can be had this way");
    if (!json_is_integer(total) || json_integer_value(total) <= 0 ||
        (uint64_t)json_integer_value(total) > SC_ROWS_MOST)
        return sc_fail(error, SC_ERR_FORMAT,
                       "num_rows_total: expected 1 to %llu rows, found something else",
                       (unsigned long long)SC_ROWS_MOST);
    uint64_t n = (uint64_t)json_integer_value(total);
    if (rows->n_total != 0 && rows->n_total != n)
        return sc_fail(error, SC_ERR_FORMAT, "expected a set of %llu rows as before, found %llu",
                       (unsigned long long)rows->n_total, (unsigned long long)n);
    rows->n_total = n;
    return SC_OK;
}

static enum sc_status add_page(struct sc_rows *rows, const json_t *page, struct sc_error *error)
{
    SC_TRY(check_total(rows, page, error));
    SC_TRY(check_features(rows, page, error));
    const json_t *items = json_object_get(page, "rows");
    uint64_t left = rows->n_total - rows->n;
    size_t expected = left < SC_ROWS_A_PAGE ? (size_t)left : SC_ROWS_A_PAGE;
    if (!json_is_array(items) || json_array_size(items) != expected)
        return sc_fail(error, SC_ERR_FORMAT, "expected %zu rows from row %llu on, found %zu",
                       expected, (unsigned long long)rows->n, json_array_size(items));
    for (size_t i = 0; i < expected; i++)
        SC_TRY(add_row(rows, json_array_get(items, i), error));
    return SC_OK;
}

enum sc_status sc_rows_add_page(struct sc_rows *rows, const char *text, size_t n,
                                struct sc_error *error)
{
    assert(rows != NULL && (rows->n_total == 0 || rows->n < rows->n_total));
    json_t *page = NULL;
    SC_TRY(sc_json_parse_nul(text, n, "page of rows", &page, error));
    enum sc_status status =
        json_is_object(page)
            ? add_page(rows, page, error)
            : sc_fail(error, SC_ERR_FORMAT, "page of rows: expected an object, found %s",
                      sc_json_kind(page));
    json_decref(page);
    return status;
}

void sc_rows_complaint(const char *text, size_t n, char *out, size_t size)
{
    assert(out != NULL && size > 0);
    json_t *answer = NULL;
    struct sc_text line = {0};
    struct sc_error ignored = {0};
    out[0] = '\0';
    if (sc_json_parse_foreign(text, n, "", &answer, &ignored) != SC_OK)
        return;
    const char *said = json_string_value(json_object_get(answer, "error"));
    if (said != NULL)
        sc_text_add_shortened(&line, said, 200);
    if (line.len > 0 && line.len < size && !line.failed)
        memcpy(out, line.data, line.len + 1);
    sc_text_free(&line);
    json_decref(answer);
}
