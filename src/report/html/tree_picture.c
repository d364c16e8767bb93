/*
 * A tree of answers as a picture that needs no script: stretches from left to right, each as high
 * as its mass, children beside their parent.  Colours are classes of page.css.
 */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "report/html/cells.h"
#include "report/html/tree.h"

enum {
    WIDTH = 1100,
    FIRST = 180,
    COLUMN = 190,
    MOST_COLUMNS = 5,
    LEAST = 15,
    ROW = 37,
    TALL = 480
};
#define LETTER 7.0 /* pixels that one takes, on average */

/* A node's place. */
struct place {
    double y, height, next; /* where the next child begins */
    double small_mass, small_refused, small_complied;
    size_t column, n_small, small; /* small: the first of these */
    bool shown, has_kids;
};

struct picture {
    struct sc_text *out;
    const struct sc_tree *tree;
    struct place *places; /* [tree->n] */
    double all;           /* mass */
};

static double known_of(const struct sc_tree_node *node)
{
    return node->refused + node->complied;
}

static size_t count_leaves(const struct picture *p, double least)
{
    size_t n = 0;
    for (size_t i = 1; i < p->tree->n; i++) /* of those that may be shown */
        n += p->tree->nodes[i].mass >= least * p->all &&
             (i + 1 == p->tree->n || p->tree->nodes[i + 1].parent != i);
    return n;
}

static void place_nodes(struct picture *p, double least)
{
    double wanted = ROW * (double)count_leaves(p, least);
    double height = fmax(3 * ROW, fmin(TALL, wanted));
    p->places[0] = (struct place){.height = height, .shown = true};
    for (size_t i = 1; i < p->tree->n; i++) {
        const struct sc_tree_node *node = &p->tree->nodes[i];
        struct place *at = &p->places[i], *parent = &p->places[node->parent];
        *at = (struct place){.y = parent->next,
                             .height = height * node->mass / p->all,
                             .column = parent->column + 1};
        at->next = at->y;
        if (!parent->shown || at->column > MOST_COLUMNS)
            continue;
        at->shown = at->height >= LEAST && node->mass >= least * p->all;
        parent->has_kids = true;
        parent->next += at->height;
        if (at->shown)
            continue;
        parent->small = parent->n_small++ > 0 ? parent->small : i;
        parent->small_mass += node->mass;
        parent->small_refused += node->refused;
        parent->small_complied += node->complied;
    }
}

/* What stands in a box: a text, figures below it where there is room. */
struct box {
    double x, y, width, height;
    double share, refused, known;
    const char *said;
};

/* Figures of refusals are of the answers whose end is known; said where these are not all. */
static void put_figures(const struct picture *p, const struct box *box)
{
    if (box->share < 1)
        sc_text_printf(p->out, "%.3g\xc2\xa0%% \xc2\xb7 ", 100 * box->share);
    double known = box->known / (box->share * p->all);
    if (box->known > 0 && known < 0.995)
        sc_text_printf(p->out, "%.2g\xc2\xa0%% known: ", 100 * known);
    if (box->known > 0)
        sc_text_printf(p->out, "refuses %.3g\xc2\xa0%%", 100 * box->refused / box->known);
    else
        sc_text_puts(p->out, "not known");
}

static void put_box(const struct picture *p, const struct box *box)
{
    double room = floor((box->width - 16) / LETTER);
    size_t columns = room < 4 ? 4 : (size_t)room;
    int shade = box->known > 0 ? (int)lround(10 * box->refused / box->known) : -1;
    double base = box->y + (box->height >= 32 ? 14 : box->height / 2 + 4);
    sc_text_printf(p->out, "<g class=\"%s%d\"><title>", shade < 0 ? "none" : "share",
                   shade < 0 ? 0 : shade);
    sc_html_text(p->out, box->said);
    sc_text_puts(p->out, ": ");
    put_figures(p, box);
    sc_text_printf(p->out,
                   "</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\"/>"
                   "<rect class=\"edge\" x=\"%.1f\" y=\"%.1f\" width=\"5\" height=\"%.1f\"/>"
                   "<text x=\"%.1f\" y=\"%.1f\">",
                   box->x, box->y + 1, box->width - 2, fmax(1, box->height - 2), box->x, box->y + 1,
                   fmax(1, box->height - 2), box->x + 10, base);
    sc_html_name(p->out, box->said, columns);
    sc_text_puts(p->out, "</text>");
    if (box->height >= 32) {
        sc_text_printf(p->out, "<text class=\"soft\" x=\"%.1f\" y=\"%.1f\">", box->x + 10,
                       base + 14);
        put_figures(p, box);
        sc_text_puts(p->out, "</text>");
    }
    sc_text_puts(p->out, "</g>\n");
}

static double left_of(size_t column)
{
    return column == 0 ? 0 : FIRST + (double)(column - 1) * COLUMN;
}

static void put_node(const struct picture *p, size_t i)
{
    const struct sc_tree_node *node = &p->tree->nodes[i];
    const struct place *at = &p->places[i];
    double x = left_of(at->column);
    double right = at->has_kids ? left_of(at->column + 1) : WIDTH;
    put_box(p, &(struct box){x, at->y, right - x, at->height, node->mass / p->all, node->refused,
                             known_of(node), sc_html_tree_words(p->tree, i)});
    if (at->n_small == 0)
        return;
    char words[40];
    double height = p->places[0].height * at->small_mass / p->all;
    snprintf(words, sizeof words, "%zu more", at->n_small);
    const char *said = at->n_small == 1 ? sc_html_tree_words(p->tree, at->small) : words;
    put_box(p, &(struct box){left_of(at->column + 1), at->y + at->height - height,
                             WIDTH - left_of(at->column + 1), height, at->small_mass / p->all,
                             at->small_refused, at->small_refused + at->small_complied,
                             height >= 11 ? said : ""});
}

void sc_html_tree(struct sc_text *out, const struct sc_tree *tree, double least)
{
    struct picture p = {.out = out, .tree = tree, .all = tree->nodes[0].mass};
    p.places = sc_alloc_zero(tree->n, sizeof *p.places);
    if (p.places == NULL) {
        out->failed = true;
        return;
    }
    if (p.all > 0) {
        place_nodes(&p, least);
        sc_text_printf(out,
                       "<div class=\"scroll\"><svg class=\"tree-picture\" viewBox=\"0 0 %d %.0f\" "
                       "role=\"img\" aria-label=\"Tree of answers: branches as high as their "
                       "share. The list below has the same.\">\n",
                       WIDTH, ceil(p.places[0].height));
        for (size_t i = 0; i < tree->n; i++)
            if (p.places[i].shown)
                put_node(&p, i);
        sc_text_puts(out, "</svg></div>\n");
    }
    sc_text_puts(out, "<details><summary>The tree as a list</summary>\n");
    sc_html_tree_list(out, tree, least);
    sc_text_puts(out, "</details>\n");
    sc_free(p.places);
}
