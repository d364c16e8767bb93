/* See table.h. */
#include <string.h>

#include "base/memory.h"
#include "benchmark/table.h"

enum sc_status sc_bad_rows_add(struct sc_bad_rows *rows, const char *source, size_t line,
                               const char *why, bool strict, struct sc_error *error)
{
    if (strict)
        return sc_fail(error, SC_ERR_FORMAT, "%s: line %zu: %s", source, line, why);
    if (rows->n < SC_BAD_ROWS_KEPT) {
        rows->lines[rows->n] = line;
        rows->reasons[rows->n] = sc_strdup(why);
        if (rows->reasons[rows->n] == NULL)
            return sc_fail_nomem(error, "rows that cannot be read");
    }
    rows->differ = rows->differ || (rows->n > 0 && strcmp(rows->reasons[0], why) != 0);
    rows->n++;
    return SC_OK;
}

static size_t n_kept(const struct sc_bad_rows *rows)
{
    return rows->n < SC_BAD_ROWS_KEPT ? rows->n : SC_BAD_ROWS_KEPT;
}

static void add_visible(struct sc_text *out, const char *text)
{
    sc_text_add_visible(out, text, strlen(text), false);
}

/* "file.csv: 7 rows cannot be read (lines 2, 3, 5, 8, 9 and 2 more): why" */
static void describe_alike(const struct sc_bad_rows *rows, const char *source, struct sc_text *out)
{
    add_visible(out, source);
    sc_text_printf(out, ": %zu rows cannot be read (lines ", rows->n);
    for (size_t i = 0; i < n_kept(rows); i++)
        sc_text_printf(out, "%s%zu", i == 0 ? "" : ", ", rows->lines[i]);
    if (rows->n > SC_BAD_ROWS_KEPT)
        sc_text_printf(out, " and %zu more", rows->n - SC_BAD_ROWS_KEPT);
    sc_text_puts(out, "): ");
    add_visible(out, rows->reasons[0]);
    sc_text_putc(out, '\n');
}

static void describe_each(const struct sc_bad_rows *rows, const char *source, struct sc_text *out)
{
    for (size_t i = 0; i < n_kept(rows); i++) {
        add_visible(out, source);
        sc_text_printf(out, ": line %zu: ", rows->lines[i]);
        add_visible(out, rows->reasons[i]);
        sc_text_putc(out, '\n');
    }
    if (rows->n > SC_BAD_ROWS_KEPT) {
        size_t n_more = rows->n - SC_BAD_ROWS_KEPT;
        add_visible(out, source);
        sc_text_printf(out, ": %zu more row%s cannot be read\n", n_more, n_more == 1 ? "" : "s");
    }
}

void sc_table_remarks(const char *source, const char *note, const struct sc_bad_rows *rows,
                      struct sc_text *out)
{
    if (note != NULL) {
        add_visible(out, source);
        sc_text_puts(out, ": ");
        add_visible(out, note);
        sc_text_putc(out, '\n');
    }
    if (rows->n > 1 && !rows->differ)
        describe_alike(rows, source, out);
    else
        describe_each(rows, source, out);
}

void sc_bad_rows_free(struct sc_bad_rows *rows)
{
    for (size_t i = 0; i < n_kept(rows); i++)
        sc_free(rows->reasons[i]);
    *rows = (struct sc_bad_rows){0};
}
