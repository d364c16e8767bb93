/*
 * The forms of a paper's table: LaTeX with booktabs, and Markdown with pipes.  Everything that is
 * written into a cell, a caption or a note goes through sc_paper_text.
 */
#include "report/paper.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

/* ---- texts ----------------------------------------------------------------------------------- */

/* What stands for the byte at text[at]; NULL: itself. */
static const char *latex_of(const char *text, size_t at)
{
    static const struct {
        char byte;
        const char *latex;
    } table[] = {{'\\', "\\textbackslash{}"},
                 {'~', "\\textasciitilde{}"},
                 {'^', "\\textasciicircum{}"},
                 {'<', "\\textless{}"},
                 {'>', "\\textgreater{}"},
                 {'|', "\\textbar{}"},
                 {'"', "\\char34{}"}, /* some languages make it a command */
                 {'`', "\\char96{}"},
                 {'{', "\\{"},
                 {'}', "\\}"},
                 {'$', "\\$"},
                 {'&', "\\&"},
                 {'#', "\\#"},
                 {'_', "\\_"},
                 {'%', "\\%"}};
    char c = text[at];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].byte == c)
            return table[i].latex;
    if ((c == '-' || c == '\'' || c == ',') && text[at + 1] == c) /* two would be one other sign */
        return c == '-' ? "-{}" : c == ',' ? ",{}" : "'{}";
    if ((c == '[' || c == '*') &&
        strspn(text, " ") == at) /* would belong to the row's end before */
        return c == '[' ? "{[}" : "{*}";
    return NULL;
}

/* Whether the point at text[at] ends "www.", which some readers take for an address. */
static bool ends_www(const char *text, size_t at)
{
    return text[at] == '.' && at >= 3 && strncasecmp(text + at - 3, "www", 3) == 0;
}

static const char *markdown_of(const char *text, size_t at)
{
    static const struct {
        char byte;
        const char *markdown;
    } table[] = {{'<', "&lt;"}, {'>', "&gt;"},  {'&', "&amp;"}, {'@', "&#64;"},
                 {'|', "\\|"},  {'\\', "\\\\"}, {'`', "\\`"},   {'*', "\\*"},
                 {'_', "\\_"},  {'#', "\\#"},   {'$', "\\$"},   {'~', "\\~"}};
    char c = text[at], next = text[at + (c != '\0')];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].byte == c)
            return table[i].markdown;
    if (c == ']' && (next == '(' || next == '[')) /* would be a link */
        return "\\]";
    if (c == '[' && next == '^') /* a footnote */
        return "\\[";
    if (c == ':' && next != ' ' && next != '\0') /* an address, or a small picture */
        return "&#58;";
    if (ends_www(text, at))
        return "&#46;";
    if (c == '{' && strchr("{%#", next) != NULL) /* makers of sites run templates in pages */
        return "&#123;";
    return NULL;
}

/* Signs of our own that LaTeX has no letters for. */
static size_t latex_sign(struct sc_text *out, const char *at)
{
    static const struct {
        const char *bytes, *latex;
    } signs[] = {{"\xe2\x88\x92", "$-$"}, {"\xe2\x80\x93", "--"}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (strncmp(at, signs[i].bytes, strlen(signs[i].bytes)) != 0)
            continue;
        sc_text_puts(out, signs[i].latex);
        return strlen(signs[i].bytes);
    }
    return 0;
}

/* Of text without control characters. */
static void add_escaped(struct sc_text *out, enum sc_paper_form form, const char *text)
{
    for (size_t at = 0; text[at] != '\0';) {
        bool joins = form == SC_PAPER_LATEX && out->len > 0 && out->data[out->len - 1] == '-' &&
                     (text[at] == '-' || (unsigned char)text[at] == 0xe2);
        sc_text_puts(out, joins ? "{}" : ""); /* a hyphen beside the two of a dash */
        size_t n_sign = form == SC_PAPER_LATEX ? latex_sign(out, text + at) : 0;
        if (n_sign > 0) {
            at += n_sign;
            continue;
        }
        const char *instead = form == SC_PAPER_LATEX ? latex_of(text, at) : markdown_of(text, at);
        if (instead != NULL)
            sc_text_puts(out, instead);
        else
            sc_text_putc(out, text[at]);
        at++;
    }
}

/* TeX reads no line of more than 200,000 bytes, and a sign may become sixteen. */
static void shorten(struct sc_text *visible)
{
    enum { LONGEST = 4000 };
    if (visible->failed || visible->len <= LONGEST)
        return;
    size_t n = LONGEST;
    while (((unsigned char)visible->data[n] & 0xC0) == 0x80)
        n--;
    visible->data[visible->len = n] = '\0';
    sc_text_puts(visible, "...");
}

void sc_paper_text(struct sc_text *out, enum sc_paper_form form, const char *untrusted)
{
    struct sc_text visible = {0};
    sc_text_add_visible(&visible, untrusted, strlen(untrusted), false);
    shorten(&visible);
    if (visible.failed)
        out->failed = true;
    else if (visible.data != NULL)
        add_escaped(out, form, visible.data);
    sc_text_free(&visible);
}

const char *sc_paper_ending(enum sc_paper_form form)
{
    return form == SC_PAPER_LATEX ? ".tex" : ".md";
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void separate(struct sc_paper *paper)
{
    bool latex = paper->form == SC_PAPER_LATEX;
    if (paper->column > 0)
        sc_text_puts(paper->out, latex ? " & " : " | ");
    else if (!latex)
        sc_text_puts(paper->out, "| ");
    paper->column++;
}

void sc_paper_cell(struct sc_paper *paper, const char *untrusted)
{
    separate(paper);
    sc_paper_text(paper->out, paper->form, untrusted);
}

void sc_paper_end_row(struct sc_paper *paper)
{
    for (assert(paper->column <= paper->n_columns); paper->column < paper->n_columns;)
        separate(paper);
    sc_text_puts(paper->out, paper->form == SC_PAPER_LATEX ? " \\\\\n" : " |\n");
    paper->column = 0;
}

void sc_paper_begin(struct sc_paper *paper, const char *name, const char *caption,
                    const char *const *heads)
{
    bool latex = paper->form == SC_PAPER_LATEX;
    for (paper->n_columns = 0; heads[paper->n_columns] != NULL;)
        paper->n_columns++;
    if (latex)
        sc_text_puts(paper->out, "% \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\small\n"
                                 "\\caption{");
    else
        sc_text_puts(paper->out, "**");
    sc_paper_text(paper->out, paper->form, caption);
    if (latex) {
        sc_text_printf(paper->out, "}\n\\label{tab:safeconf-%s}\n\\begin{tabular}{l", name);
        for (size_t i = 1; i < paper->n_columns; i++)
            sc_text_putc(paper->out, 'r');
        sc_text_puts(paper->out, "}\n\\toprule\n");
    } else {
        sc_text_puts(paper->out, "**\n\n");
    }
    for (size_t i = 0; i < paper->n_columns; i++)
        sc_paper_cell(paper, heads[i]);
    sc_paper_end_row(paper);
    sc_text_puts(paper->out, latex ? "\\midrule\n" : "|---|");
    for (size_t i = 1; !latex && i < paper->n_columns; i++)
        sc_text_puts(paper->out, "---:|");
    sc_text_puts(paper->out, latex ? "" : "\n");
}

void sc_paper_end(struct sc_paper *paper, const char *note)
{
    bool latex = paper->form == SC_PAPER_LATEX;
    if (latex)
        sc_text_puts(paper->out, "\\bottomrule\n\\end{tabular}\n\n\\smallskip\n"
                                 "\\begin{minipage}{\\linewidth}\\footnotesize\n");
    else
        sc_text_putc(paper->out, '\n');
    sc_paper_text(paper->out, paper->form, note);
    sc_text_puts(paper->out, latex ? "\n\\end{minipage}\n\\end{table}\n" : "\n");
}
