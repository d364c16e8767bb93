/* The page's section on where refusals are decided; its chart is page.js. */
#include <math.h>
#include <stdio.h>

#include "report/html/parts.h"

enum { FORK_COLUMNS = 60, TOKEN_COLUMNS = 24 };

static void share_cell(struct sc_text *out, double share)
{
    if (isfinite(share))
        sc_text_printf(out, "<td>%.1f&nbsp;%%</td>", 100 * share);
    else
        sc_text_puts(out, "<td>none</td>");
}

static void quoted(struct sc_text *out, const char *untrusted, size_t columns)
{
    sc_text_puts(out, "<q>");
    sc_html_name(out, untrusted, columns);
    sc_text_puts(out, "</q>");
}

static void put_depths(struct sc_text *out, const struct sc_node *decided)
{
    static const size_t depths[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
    size_t n = 0;
    for (const struct sc_node *d = sc_node_at(decided, "depth")->first; d != NULL; d = d->next)
        n++;
    if (n == 0)
        return;
    sc_text_puts(
        out, "<div class=\"scroll\"><table><caption>Share of the entropy of refusing against "
             "complying that is left once the first tokens are known, within prompts, corrected "
             "for chance: 100&nbsp;% where they tell nothing. Shuffled: the same of verdicts "
             "shuffled within prompts, the middle 95&nbsp;% of 199; p is against these."
             "</caption><thead><tr><th scope=\"col\">tokens</th><th scope=\"col\">left</th><th "
             "scope=\"col\">shuffled</th><th scope=\"col\">p</th><th scope=\"col\">prompts</th>"
             "</tr></thead><tbody>\n");
    for (size_t i = 0; i < sizeof depths / sizeof *depths && depths[i] <= n; i++) {
        char path[32];
        sc_text_printf(out, "<tr><th scope=\"row\">%zu</th>", depths[i]);
        snprintf(path, sizeof path, "left.%zu", depths[i] - 1);
        sc_html_percent_cell(out, sc_node_at(decided, path));
        snprintf(path, sizeof path, "null.%zu", depths[i] - 1);
        sc_html_percent_cell(out, sc_node_at(decided, path));
        snprintf(path, sizeof path, "p.%zu", depths[i] - 1);
        sc_html_p_cell(out, sc_node_at(decided, path));
        snprintf(path, sizeof path, "left.%zu", depths[i] - 1);
        sc_html_n_cell(out, sc_node_at(decided, path));
        sc_text_puts(out, "</tr>\n");
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void put_fork(struct sc_text *out, const struct sc_node *fork)
{
    sc_text_puts(out, "<tr><th scope=\"row\">");
    if (sc_count_at(fork, "tokens_before") > 0)
        quoted(out, sc_text_at(fork, "after"), FORK_COLUMNS);
    else
        sc_text_puts(out, "(the beginning)");
    sc_text_puts(out, "</th><td class=\"said\">");
    quoted(out, sc_text_at(fork, "branch"), TOKEN_COLUMNS);
    sc_text_puts(out, "</td>");
    share_cell(out, sc_number_at(fork, "refuses"));
    sc_text_puts(out, "<td class=\"said\">");
    quoted(out, sc_text_at(fork, "most_frequent_other"), TOKEN_COLUMNS);
    sc_text_puts(out, "</td>");
    share_cell(out, sc_number_at(fork, "refuses_otherwise"));
    sc_html_points_cell(out, sc_node_at(fork, "difference"));
    sc_html_p_cell(out, sc_node_at(fork, "p_adjusted"));
    sc_text_printf(out, "<td>%zu and %zu<small>%zu prompts</small></td></tr>\n",
                   sc_count_at(fork, "n_traces"), sc_count_at(fork, "n_traces_otherwise"),
                   sc_count_at(fork, "n_prompts"));
}

static void put_forks(struct sc_text *out, const struct sc_node *decided)
{
    const struct sc_node *first = sc_node_at(decided, "forks")->first;
    if (first == NULL) {
        sc_text_printf(out, "<p class=\"hint\">No fork stands out of %zu tested.</p>\n",
                       sc_count_at(decided, "n_forks_tested"));
        return;
    }
    sc_text_printf(
        out,
        "<div class=\"scroll\"><table><caption>Forks with the largest swing by their "
        "mass: answers that go on with a token against those to the same prompts that go "
        "on otherwise (Mantel and Haenszel over prompts). p is times the %zu that were "
        "tested.</caption><thead><tr><th scope=\"col\">after</th><th scope=\"col\" "
        "class=\"said\">with</th><th scope=\"col\">refuses</th><th scope=\"col\" "
        "class=\"said\">otherwise, mostly</th><th scope=\"col\">refuses</th><th "
        "scope=\"col\">points</th><th scope=\"col\">p</th><th scope=\"col\">answers</th>"
        "</tr></thead><tbody>\n",
        sc_count_at(decided, "n_forks_tested"));
    for (const struct sc_node *fork = first; fork != NULL; fork = fork->next)
        put_fork(out, fork);
    sc_text_puts(out, "</tbody></table></div>\n");
}

static void put_first_tokens(struct sc_text *out, const struct sc_node *decided)
{
    const struct sc_node *of = sc_node_at(decided, "first_token");
    sc_text_puts(out,
                 "<p class=\"hint\">Answers whose first token all but settles it (of those with "
                 "it at least 95&nbsp;% refuse, or at most 5&nbsp;%; at least 20 answers): ");
    sc_html_percent(out, of, "refusal_mass");
    sc_text_puts(out, " begin with one of refusal, ");
    sc_html_percent(out, of, "compliance_mass");
    sc_text_puts(out,
                 " with one of compliance.</p>\n<div class=\"scroll\"><table><caption>The most "
                 "frequent first tokens; mass is the mean over prompts</caption><thead><tr><th "
                 "scope=\"col\">token</th><th scope=\"col\">mass</th><th scope=\"col\">refuses"
                 "</th><th scope=\"col\">answers</th><th scope=\"col\">prompts</th></tr>"
                 "</thead><tbody>\n");
    for (const struct sc_node *t = sc_node_at(of, "tokens")->first; t != NULL; t = t->next) {
        sc_text_puts(out, "<tr><th scope=\"row\">");
        quoted(out, sc_text_at(t, "text"), TOKEN_COLUMNS);
        sc_text_puts(out, "</th>");
        share_cell(out, sc_number_at(t, "mass"));
        share_cell(out, sc_number_at(t, "refuses"));
        sc_text_printf(out, "<td>%zu</td><td>%zu</td></tr>\n", sc_count_at(t, "n_traces"),
                       sc_count_at(t, "n_prompts"));
    }
    sc_text_puts(out, "</tbody></table></div>\n");
}

void sc_html_decided(struct sc_text *out, const struct sc_node *root)
{
    const struct sc_node *decided = sc_node_at(root, "decided");
    if (decided->kind == SC_NODE_ABSENT) {
        sc_text_printf(out, "<p>Not known: %s.</p>\n", decided->reason);
        return;
    }
    sc_text_puts(out, "<p class=\"finding\">");
    sc_html_text(out, sc_text_at(decided, "text"));
    sc_text_puts(out, sc_flag_at(decided, "reasoning_counts")
                          ? " Tokens of reasoning are counted with the others.</p>\n"
                          : "</p>\n");
    put_depths(out, decided);
    put_forks(out, decided);
    put_first_tokens(out, decided);
}
