/* Trees of answers on a page: tree.h. */
#include "report/html/tree.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/html/cells.h"

enum { MOST_LISTED = 200, LISTED_COLUMNS = 100 };

/* ---- as data --------------------------------------------------------------------------------- */

static size_t utf16_units(const char *s, size_t n)
{
    size_t units = 0;
    for (size_t i = 0; i < n && s[i] != '\0'; i++) {
        unsigned char c = (unsigned char)s[i];
        units += (c & 0xc0) != 0x80;
        units += c >= 0xf0;
    }
    return units;
}

static void put_rounded(struct sc_json_writer *out, double x)
{
    double scale = x > 0 ? pow(10, 3 - floor(log10(x))) : 1;
    sc_json_put_number(out, NULL, isfinite(x) ? round(x * scale) / scale : NAN);
}

/* What a node adds to the text: the text, or where it stands. */
static void put_text(struct sc_json_writer *out, const struct sc_tree *tree, size_t i,
                     const struct sc_tree_texts *texts)
{
    const struct sc_tree_node *node = &tree->nodes[i];
    size_t from = i > 0 ? tree->nodes[node->parent].depth : 0;
    const struct sc_tree_answer *answer = texts != NULL ? &texts->answers[node->answer] : NULL;
    if (answer == NULL || answer->text == NULL || answer->text_ends == NULL ||
        node->text[0] == '\0') {
        sc_json_put_string(out, NULL, node->text);
        return;
    }
    sc_json_put_array(out, NULL);
    sc_json_put_count(out, NULL, texts->numbers[node->answer]);
    sc_json_put_count(out, NULL,
                      from > 0 ? utf16_units(answer->text, answer->text_ends[from - 1]) : 0);
    sc_json_put_count(out, NULL, utf16_units(answer->text, answer->text_ends[node->depth - 1]));
    sc_json_put_end_array(out);
}

/* A mass, as it is written. */
static void put_mass(struct sc_json_writer *out, const struct sc_tree *tree, double mass)
{
    if (tree->exact)
        put_rounded(out, mass);
    else
        sc_json_put_count(out, NULL, (uint64_t)llround(mass * (double)tree->nodes[0].n_traces));
}

static void put_parent(struct sc_json_writer *out, uint32_t parent, const uint32_t *numbers)
{
    sc_json_put_integer(out, NULL, parent == SC_NO_PARENT ? -1 : (int64_t)numbers[parent]);
}

/* Small branches of a node, together. */
struct small {
    double mass, refused, complied;
    size_t n;
};

static void put_small(struct sc_json_writer *out, const struct sc_tree *tree, const struct small *s,
                      size_t parent, const uint32_t *numbers)
{
    sc_json_put_array(out, NULL);
    sc_json_put_count(out, NULL, numbers[parent]);
    sc_json_put_count(out, NULL, tree->nodes[parent].depth);
    put_mass(out, tree, s->mass);
    put_mass(out, tree, s->refused);
    put_mass(out, tree, s->complied);
    sc_json_put_count(out, NULL, s->n);
    sc_json_put_null(out, NULL);
    sc_json_put_null(out, NULL);
    sc_json_put_bool(out, NULL, false);
    sc_json_put_end_array(out);
}

/* numbers [n] out: of the nodes that are written; UINT32_MAX for others. */
static void put_nodes(struct sc_json_writer *out, const struct sc_tree *tree, double least,
                      const struct sc_tree_texts *texts, uint32_t *numbers, struct small *small)
{
    uint32_t n = 0;
    memset(small, 0, tree->n * sizeof *small);
    sc_json_put_array(out, "nodes");
    for (size_t i = 0; i < tree->n; i++) {
        const struct sc_tree_node *node = &tree->nodes[i];
        numbers[i] = UINT32_MAX;
        if (i > 0 && numbers[node->parent] == UINT32_MAX)
            continue;
        if (i > 0 && node->mass < least * tree->nodes[0].mass) {
            struct small *at = &small[node->parent];
            at->mass += node->mass;
            at->refused += node->refused;
            at->complied += node->complied;
            at->n++;
            continue;
        }
        numbers[i] = n++;
        sc_json_put_array(out, NULL);
        put_parent(out, node->parent, numbers);
        sc_json_put_count(out, NULL, node->depth);
        put_mass(out, tree, node->mass);
        put_mass(out, tree, node->refused);
        put_mass(out, tree, node->complied);
        sc_json_put_count(out, NULL, 0);
        put_rounded(out, node->probability);
        put_text(out, tree, i, texts);
        sc_json_put_bool(out, NULL, node->ended);
        sc_json_put_end_array(out);
    }
    for (size_t i = 0; i < tree->n; i++)
        if (small[i].n > 0)
            put_small(out, tree, &small[i], i, numbers);
    sc_json_put_end_array(out);
}

static void put_decided(struct sc_json_writer *out, const struct sc_decided *decided,
                        const uint32_t *numbers)
{
    static const size_t depths[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
    sc_json_put_array(out, "left");
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        double left = decided->left[depths[i] - 1];
        if (!isfinite(left))
            break;
        sc_json_put_array(out, NULL);
        sc_json_put_count(out, NULL, depths[i]);
        put_rounded(out, left);
        sc_json_put_end_array(out);
        if (left < 0.005)
            break;
    }
    sc_json_put_end_array(out);
    sc_json_put_array(out, "forks");
    for (size_t i = 0; i < decided->n_forks; i++) {
        const struct sc_fork *fork = &decided->forks[i];
        if (numbers[fork->node] == UINT32_MAX)
            continue;
        sc_json_put_array(out, NULL);
        sc_json_put_count(out, NULL, numbers[fork->node]);
        sc_json_put_integer(
            out, NULL, numbers[fork->other] == UINT32_MAX ? -1 : (int64_t)numbers[fork->other]);
        put_rounded(out, fork->refusing);
        put_rounded(out, fork->otherwise);
        sc_json_put_number(out, NULL, round(fork->swing.low * 1e4) / 1e4);
        sc_json_put_number(out, NULL, round(fork->swing.high * 1e4) / 1e4);
        sc_json_put_end_array(out);
    }
    sc_json_put_end_array(out);
}

void sc_html_put_tree(struct sc_json_writer *out, const char *key, const struct sc_tree *tree,
                      double least, const struct sc_decided *decided,
                      const struct sc_tree_texts *texts)
{
    uint32_t *numbers = sc_alloc_array(tree->n, sizeof *numbers);
    struct small *small = sc_alloc_array(tree->n, sizeof *small);
    if (numbers == NULL || small == NULL) {
        out->text->failed = true;
    } else {
        sc_json_put_object(out, key);
        sc_json_put_bool(out, "exact", tree->exact);
        put_nodes(out, tree, least, texts, numbers, small);
        if (decided != NULL)
            put_decided(out, decided, numbers);
        sc_json_put_end_object(out);
    }
    sc_free(numbers);
    sc_free(small);
}

/* ---- as lists -------------------------------------------------------------------------------- */

const char *sc_html_tree_words(const struct sc_tree *tree, size_t i)
{
    const struct sc_tree_node *node = &tree->nodes[i];
    return i == 0                  ? "all answers"
           : node->text[0] != '\0' ? node->text
           : node->ended           ? "(ends here)"
           : node->token < 0       ? "(not explored)"
                                   : "(nothing visible)";
}

static void put_item(struct sc_text *out, const struct sc_tree *tree, size_t i)
{
    const struct sc_tree_node *node = &tree->nodes[i];
    double known = node->refused + node->complied;
    bool said = node->text[0] != '\0';
    sc_text_puts(out, said ? "<li><q>" : "<li>");
    sc_html_name(out, sc_html_tree_words(tree, i), LISTED_COLUMNS);
    sc_text_printf(out, "%s %.3g&nbsp;%% of answers", said ? "</q>" : "",
                   100 * node->mass / tree->nodes[0].mass);
    if (known > 0 && known < 0.995 * node->mass)
        sc_text_printf(out, ", %.2g&nbsp;%% of them known", 100 * known / node->mass);
    if (known > 0)
        sc_text_printf(out, ", of which %.3g&nbsp;%% refuse", 100 * node->refused / known);
    sc_text_puts(out, node->ended ? "; ends" : "");
}

/* Closes items until `level` are open; the innermost has no list, those around it have. */
static void close_items(struct sc_text *out, size_t level, size_t *n_open)
{
    for (bool inner = true; *n_open > level; inner = false, --*n_open)
        sc_text_puts(out, inner ? "</li>\n" : "</ul></li>\n");
}

void sc_html_tree_list(struct sc_text *out, const struct sc_tree *tree, double least)
{
    size_t n_listed = 0, n_open = 1;
    uint32_t *open =
        sc_alloc_array(tree->n, sizeof *open); /* items that are open, each in the last */
    if (open == NULL) {
        out->failed = true;
        return;
    }
    open[0] = 0;
    sc_text_puts(out, "<ul class=\"tree-list\">\n");
    for (size_t i = 1; i < tree->n && n_listed < MOST_LISTED; i++) {
        size_t level = n_open;
        while (level > 0 && open[level - 1] != tree->nodes[i].parent)
            level--;
        if (level == 0 || tree->nodes[i].mass < least * tree->nodes[0].mass)
            continue;
        if (level == n_open && n_open > 1)
            sc_text_puts(out, "<ul>\n");
        close_items(out, level, &n_open);
        put_item(out, tree, i);
        open[n_open++] = (uint32_t)i;
        n_listed++;
    }
    close_items(out, 1, &n_open);
    sc_text_puts(out, "</ul>\n");
    sc_free(open);
}
