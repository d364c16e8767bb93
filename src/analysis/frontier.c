/*
 * replay.json, read as what it is: a file that anybody may have put there.  Names are cut to fit
 * and shown as text; numbers must be finite; what is missing is not shown.
 */
#include "analysis/frontier.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"

#define MOST_BYTES ((size_t)32 << 20)

/* Copies a text member, cut at a border of characters. */
static void read_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t n = text != NULL ? strlen(text) : 0;
    if (n >= size)
        for (n = size - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    if (n > 0)
        memcpy(out, text, n);
    out[n] = '\0';
}

static double read_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double x = json_is_number(value) ? json_number_value(value) : NAN;
    return fabs(x) < 1e9 ? x : NAN; /* also turns infinities into nothing */
}

static double read_value(const json_t *object, const char *key)
{
    return read_number(json_object_get(object, key), "value");
}

static bool read_point(const json_t *row, struct sc_frontier_point *out)
{
    const json_t *saved = json_object_get(row, "token_savings_percent");
    const json_t *changed = json_object_get(row, "verdict_changes");
    const json_t *null = json_object_get(row, "null"), *over = json_object_get(row, "over_null");
    const json_t *null_saved = json_object_get(null, "token_savings_percent");
    if (!json_is_object(row) || !json_is_string(json_object_get(row, "policy")))
        return false;
    read_text(row, "policy", out->name, sizeof out->name);
    read_text(row, "kind", out->kind, sizeof out->kind);
    read_text(row, "metric", out->metric, sizeof out->metric);
    out->saved = read_number(saved, "value");
    out->saved_low = read_number(saved, "low");
    out->saved_high = read_number(saved, "high");
    out->changed = 100 * read_number(changed, "value");
    out->changed_low = 100 * read_number(changed, "low");
    out->changed_high = 100 * read_number(changed, "high");
    out->unseen = 100 * read_value(row, "harmful_unseen");
    out->null_saved = read_number(null_saved, "value");
    out->null_changed = 100 * read_value(null, "verdict_changes");
    out->null_low = read_number(null_saved, "low");
    out->null_high = read_number(null_saved, "high");
    out->beats_null = json_is_true(json_object_get(over, "beats_null"));
    return true;
}

enum sc_status sc_frontier_read(const char *folder, struct sc_frontier *out, bool *found,
                                struct sc_error *error)
{
    json_t *top = NULL;
    char *path = sc_path_join(folder, "replay.json");
    enum sc_status status = SC_OK;
    *out = (struct sc_frontier){0};
    *found = false;
    if (path == NULL)
        return sc_fail_nomem(error, "path of replay.json");
    if (!sc_file_exists(path))
        goto done;
    *found = true;
    status = sc_json_read(path, MOST_BYTES, &top, error);
    if (status != SC_OK)
        goto done;
    const json_t *rows = json_object_get(top, "rows");
    const json_t *advice = json_object_get(top, "recommendation");
    size_t n = json_array_size(rows);
    if (!json_is_array(rows) || n > SC_FRONTIER_MOST) {
        status = sc_fail(error, SC_ERR_FORMAT, "%s: rows: expected an array of at most %d", path,
                         SC_FRONTIER_MOST);
        goto done;
    }
    out->points = sc_alloc_zero(n ? n : 1, sizeof *out->points);
    if (out->points == NULL) {
        status = sc_fail_nomem(error, path);
        goto done;
    }
    for (; out->n < n; out->n++)
        if (!read_point(json_array_get(rows, out->n), &out->points[out->n])) {
            status = sc_fail(error, SC_ERR_FORMAT, "%s: row %zu: expected an object with a policy",
                             path, out->n);
            goto done;
        }
    read_text(advice, "policy", out->recommended, sizeof out->recommended);
    read_text(advice, "why", out->why, sizeof out->why);
    const char *basis =
        json_string_value(json_object_get(json_object_get(top, "source"), "harm_basis"));
    out->proxy = basis != NULL && strcmp(basis, "proxy") == 0;
done:
    json_decref(top);
    sc_free(path);
    if (status != SC_OK)
        sc_frontier_free(out);
    return status;
}

void sc_frontier_free(struct sc_frontier *frontier)
{
    sc_free(frontier->points);
    *frontier = (struct sc_frontier){0};
}
