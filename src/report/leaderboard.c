/* Several runs in one table: leaderboard.h. */
#include "report/leaderboard.h"

#include <assert.h>
#include <math.h>

#include "analysis/leaderboard.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "report/csv.h"
#include "report/render.h"
#include "report/screen.h"

/* ---- a terminal ------------------------------------------------------------------------------ */

/* The figures of a row. */
static const struct figure {
    const char *head, *path;
    double scale;
} figures[] = {{"refuses", "refusal_rate_unsafe", 100},
               {"over-ref.", "over_refusal", 100},
               {"harm", "harm_rate", 100},
               {"loose", "harm_rate_loose", 100},
               {"attack", "asr_at_k", 100},
               {"confid.", "avg_confidence", 1}};
enum { N_FIGURES = sizeof figures / sizeof *figures, NAME_WIDTH = 14, FIGURE_WIDTH = 10 };

static size_t column(size_t i)
{
    return NAME_WIDTH + 5 + i * FIGURE_WIDTH;
}

static void put_head(struct sc_screen *s, const struct sc_node *root)
{
    size_t begin = s->text->len;
    sc_text_puts(s->text, "   run, model");
    for (size_t i = 0; i < N_FIGURES; i++) {
        sc_screen_pad(s, begin, column(i));
        sc_text_puts(s->text, figures[i].head);
    }
    sc_text_putc(s->text, '\n');
    begin = s->text->len;
    sc_screen_pad(s, begin, column(0));
    sc_text_puts(s->text, "unsafe, %");
    sc_screen_pad(s, begin, column(1));
    sc_text_puts(s->text, "safe, %");
    sc_screen_pad(s, begin, column(2));
    sc_text_puts(s->text, sc_flag_at(root, "proxy") ? "proxy, %" : "strict, %");
    sc_screen_pad(s, begin, column(3));
    sc_text_puts(s->text, "%");
    sc_screen_pad(s, begin, column(4));
    sc_text_printf(s->text, "@%zu, %%\n", sc_count_at(root, "k"));
}

static void put_values(struct sc_screen *s, size_t begin, const struct sc_node *run)
{
    for (size_t i = 0; i < N_FIGURES; i++) {
        const struct sc_estimate *e = sc_estimate_at(run, figures[i].path);
        sc_screen_pad(s, begin, column(i));
        if (isfinite(e->value))
            sc_text_printf(s->text, "%.1f", figures[i].scale * e->value);
        else
            sc_text_puts(s->text, "none");
    }
    sc_text_putc(s->text, '\n');
}

static void put_intervals(struct sc_screen *s, size_t begin, const struct sc_node *run)
{
    for (size_t i = 0; i < N_FIGURES; i++) {
        const struct sc_estimate *e = sc_estimate_at(run, figures[i].path);
        int digits = figures[i].scale > 1 ? 0 : 1;
        if (!isfinite(e->low) || !isfinite(e->high))
            continue;
        sc_screen_pad(s, begin, column(i));
        sc_text_printf(s->text, "%.*f-%.*f", digits, figures[i].scale * e->low, digits,
                       figures[i].scale * e->high);
    }
    sc_text_putc(s->text, '\n');
}

/* Traces that say nothing are counted loudly. */
static void put_counts(struct sc_screen *s, const struct sc_node *run)
{
    static const struct {
        const char *what, *path;
    } lost[] = {{"unreached", "share_unreached"},
                {"unparsed", "share_unparsed"},
                {"failed", "share_failed"},
                {"withheld by a filter", "share_withheld"}};
    sc_text_printf(s->text, "   %zu prompts, ", sc_count_at(run, "n_instances"));
    sc_screen_name(s, sc_text_at(run, "policy"), 16);
    sc_text_printf(s->text, ", %zu traces", sc_count_at(run, "n_traces"));
    const struct sc_node *tokens = sc_node_at(run, "total_tokens");
    if (tokens->kind == SC_NODE_COUNT)
        sc_text_printf(s->text, ", %zu tokens", sc_node_count(tokens));
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        double share = sc_node_number(sc_node_find(run, lost[i].path));
        if (share > 0)
            sc_text_printf(s->text, ", %s %.1f %%", lost[i].what, 100 * share);
    }
    const char *basis = sc_node_text(sc_node_find(run, "confidence_basis"));
    if (basis != NULL)
        sc_text_printf(s->text, ", confidence %s", basis);
    sc_text_putc(s->text, '\n');
}

static void put_run(struct sc_screen *s, const struct sc_node *run)
{
    size_t begin = s->text->len;
    sc_text_printf(s->text, "%2zu ", sc_count_at(run, "rank"));
    sc_screen_name(s, sc_text_at(run, "name"), NAME_WIDTH);
    put_values(s, begin, run);
    begin = s->text->len;
    sc_text_puts(s->text, "   ");
    sc_screen_name(s, sc_text_at(run, "model"), NAME_WIDTH);
    put_intervals(s, begin, run);
    put_counts(s, run);
}

enum sc_status sc_render_leaderboard_terminal(const struct sc_document *document, size_t width,
                                              bool colour, struct sc_text *out,
                                              struct sc_error *error)
{
    assert(document->root != NULL && !document->failed);
    const struct sc_node *root = document->root;
    const struct sc_node *runs = sc_node_at(root, "runs"), *notes = sc_node_at(root, "notes");
    struct sc_screen s = sc_screen_of(out, width, colour);
    sc_screen_heading(&s, "Runs by harm, the least first");
    sc_text_puts(out, " (95 % intervals below each figure)\n");
    put_head(&s, root);
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        put_run(&s, run);
    sc_text_putc(out, '\n');
    for (const struct sc_node *note = notes->first; note != NULL; note = note->next)
        sc_screen_say(&s, sc_node_text(note), 0);
    return out->failed ? sc_fail_nomem(error, "table of runs") : SC_OK;
}

/* ---- leaderboard.csv ------------------------------------------------------------------------- */

/* The columns of one node, or their names. */
static void put_column(struct sc_text *out, const struct sc_node *node, bool heads)
{
    static const char *const ends[] = {"", "_low", "_high"};
    if (node->kind == SC_NODE_ESTIMATE) {
        const struct sc_estimate *e = sc_node_estimate(node);
        const double values[] = {e->value, e->low, e->high};
        for (size_t i = 0; i < 3; i++) {
            sc_text_puts(out, i > 0 ? "," : "");
            if (heads)
                sc_text_printf(out, "%s%s", node->key, ends[i]);
            else if (isfinite(values[i]))
                sc_text_add_json_number(out, values[i]);
        }
    } else if (heads) {
        sc_text_puts(out, node->key);
    } else if (node->kind == SC_NODE_TEXT) {
        sc_csv_text(out, sc_node_text(node));
    } else if (node->kind == SC_NODE_FLAG) {
        sc_text_puts(out, node->as.flag ? "1" : "0");
    } else if (isfinite(sc_node_number(node))) {
        sc_text_add_json_number(out, sc_node_number(node));
    }
}

static void put_line(struct sc_text *out, const struct sc_node *run, bool heads)
{
    for (const struct sc_node *node = run->first; node != NULL; node = node->next) {
        sc_text_puts(out, node != run->first ? "," : "");
        put_column(out, node, heads);
    }
    sc_text_putc(out, '\n');
}

void sc_render_leaderboard_csv(const struct sc_document *document, struct sc_text *out)
{
    const struct sc_node *runs = sc_node_at(document->root, "runs");
    put_line(out, runs->first, true);
    for (const struct sc_node *run = runs->first; run != NULL; run = run->next)
        put_line(out, run, false);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* What is released together. */
struct work {
    struct sc_board board;
    struct sc_text json, csv;
};

static enum sc_status load(const char *const *folders, size_t n,
                           const struct sc_leaderboard_wish *wish, struct sc_board *board,
                           struct sc_error *error)
{
    SC_TRY(sc_board_begin(board, n, error));
    for (size_t i = 0; i < n; i++) {
        if (wish->keep_going != NULL && !wish->keep_going(wish->context))
            return sc_fail(error, SC_ERR_INTERRUPTED, "interrupted before a run was read");
        SC_TRY(sc_board_load(board, folders[i], error));
    }
    return sc_board_finish(board, error);
}

static enum sc_status make(const char *const *folders, size_t n,
                           const struct sc_leaderboard_wish *wish, struct work *w,
                           struct sc_error *error)
{
    const struct sc_document *document = &w->board.document;
    SC_TRY(load(folders, n, wish, &w->board, error));
    SC_TRY(sc_make_folders(wish->out, error));
    SC_TRY(sc_render_json(document, &w->json, error));
    SC_TRY(sc_render_write(wish->out, "leaderboard.json", &w->json, error));
    sc_render_leaderboard_csv(document, &w->csv);
    SC_TRY(sc_render_write(wish->out, "leaderboard.csv", &w->csv, error));
    return sc_render_leaderboard_terminal(document, wish->width, wish->colour, wish->terminal,
                                          error);
}

enum sc_status sc_report_leaderboard(const char *const *folders, size_t n,
                                     const struct sc_leaderboard_wish *wish, struct sc_error *error)
{
    struct work work = {0};
    enum sc_status status = make(folders, n, wish, &work, error);
    sc_board_free(&work.board);
    sc_text_free(&work.json);
    sc_text_free(&work.csv);
    return status;
}
