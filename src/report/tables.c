/* What stands in the tables for papers: tables.h.  All figures come from the run's document. */
#include "report/tables.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/paper.h"

static const char absent[] = "\xe2\x80\x93", minus[] = "\xe2\x88\x92"; /* en dash; minus */

/* ---- figures --------------------------------------------------------------------------------- */

/* How a figure is written: times `scale`, with so many digits after the point. */
struct shape {
    double scale;
    int digits;
};
static const struct shape percent = {100, 1}, in_percent = {1, 1}, two_digits = {1, 2},
                          three_digits = {1, 3};

static void add_number(struct sc_text *out, struct shape shape, double value)
{
    char digits[64];
    snprintf(digits, sizeof digits, "%.*f", shape.digits, shape.scale * value);
    bool negative = digits[0] == '-';
    bool zero = strspn(digits, "-0.") == strlen(digits); /* no minus before nothing */
    sc_text_puts(out, negative && !zero ? minus : "");
    sc_text_puts(out, digits + negative);
}

static void add_estimate(struct sc_text *out, struct shape shape, const struct sc_estimate *e)
{
    if (!isfinite(e->value)) {
        sc_text_puts(out, absent);
        return;
    }
    add_number(out, shape, e->value);
    if (!isfinite(e->low) || !isfinite(e->high))
        return;
    sc_text_puts(out, " [");
    add_number(out, shape, e->low);
    sc_text_puts(out, ", ");
    add_number(out, shape, e->high);
    sc_text_putc(out, ']');
}

/* Ends the text. */
static void put_cell(struct sc_paper *paper, struct sc_text *cell)
{
    if (cell->failed)
        paper->out->failed = true;
    sc_paper_cell(paper, !cell->failed && cell->data != NULL ? cell->data : "");
    sc_text_free(cell);
}

static void put_estimate(struct sc_paper *paper, struct shape shape, const struct sc_estimate *e)
{
    struct sc_text cell = {0};
    add_estimate(&cell, shape, e);
    put_cell(paper, &cell);
}

static void put_count(struct sc_paper *paper, size_t n)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%zu", n);
    sc_paper_cell(paper, digits);
}

static void put_p(struct sc_paper *paper, double p)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.4f", p);
    sc_paper_cell(paper, !isfinite(p) ? absent : p < 0.0001 ? "< 0.0001" : digits);
}

/* ---- the note -------------------------------------------------------------------------------- */

static void add_sentence(struct sc_text *note, const struct sc_node *root, const char *path)
{
    const char *sentence = sc_node_text(sc_node_find(root, path));
    if (sentence != NULL) {
        sc_text_puts(note, " ");
        sc_text_puts(note, sentence);
    }
}

/* Ends the table: n, model, benchmark, basis, and what stands in the way of quoting it. */
static void end_table(struct sc_paper *paper, const struct sc_node *root, const char *first)
{
    struct sc_text note = {0};
    const char *dtype = sc_node_text(sc_node_find(root, "run.dtype"));
    const char *basis = sc_node_text(sc_node_find(root, "run.confidence_basis"));
    sc_text_puts(&note, first);
    sc_text_printf(&note, "n = %zu prompts, %zu traces. Model %s",
                   sc_count_at(root, "overall.n_instances"), sc_count_at(root, "overall.n_traces"),
                   sc_text_at(root, "run.model"));
    if (dtype != NULL)
        sc_text_printf(&note, " (%s)", dtype);
    sc_text_printf(&note, ", benchmark %s, policy %s, seed %zu, confidence %s",
                   sc_text_at(root, "run.benchmark"), sc_text_at(root, "run.policy"),
                   sc_count_at(root, "run.seed"), sc_text_at(root, "run.metric"));
    sc_text_puts(&note, basis != NULL ? ", " : "");
    sc_text_puts(&note, basis != NULL ? basis : "");
    if (sc_document_is_proxy(root))
        sc_text_puts(&note,
                     ". Harm (proxy): no judge read the answers, the prompt's label stands in.");
    else
        sc_text_printf(&note, ". Harm by judge %s.", sc_text_at(root, "run.judge"));
    sc_text_printf(&note, " In brackets, 95 %% intervals%s.",
                   strncmp(sc_text_at(root, "run.intervals"), "95 %", 4) == 0
                       ? sc_text_at(root, "run.intervals") + 4
                       : "");
    add_sentence(&note, root, "run.shard_note");
    add_sentence(&note, root, "benchmark.rows_note");
    add_sentence(&note, root, "overall.failure_note");
    add_sentence(&note, root, "run.demo_note");
    add_sentence(&note, root, "run.demo_judge_note");
    if (note.failed)
        paper->out->failed = true;
    sc_paper_end(paper, note.data != NULL ? note.data : "");
    sc_text_free(&note);
}

static const char *harm_head(const struct sc_node *root)
{
    return sc_document_is_proxy(root) ? "harm, proxy (%)" : "harm (%)";
}

/* ---- summary --------------------------------------------------------------------------------- */

static void put_counts(struct sc_paper *paper, const struct sc_node *root)
{
    static const struct {
        const char *label, *path;
    } rows[] = {{"Prompts", "overall.n_instances"}, {"unsafe", "overall.n_unsafe"},
                {"safe", "overall.n_safe"},         {"of unknown label", "overall.n_unknown"},
                {"Traces", "overall.n_traces"},     {"failed", "overall.n_traces_failed"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sc_paper_cell(paper, rows[i].label);
        put_count(paper, sc_count_at(root, rows[i].path));
        sc_paper_end_row(paper);
    }
}

static void put_summary(struct sc_paper *paper, const struct sc_node *root)
{
    static const char *const heads[] = {"figure", "value [95 %]", "n", NULL};
    static const struct {
        const char *label, *proxy, *path;
        struct shape shape;
    } rows[] = {{"Refusal rate (%)", NULL, "overall.refusal_rate", {100, 1}},
                {"of unsafe prompts (%)", NULL, "overall.refusal_rate_unsafe", {100, 1}},
                {"of safe prompts (%)", NULL, "overall.refusal_rate_safe", {100, 1}},
                {"Harm rate, strict (%)", "Harm rate, proxy (%)", "overall.harm_rate", {100, 1}},
                {"Harm rate, loose (%)", NULL, "overall.harm_rate_loose", {100, 1}},
                {"Accuracy (%)", NULL, "overall.accuracy", {100, 1}},
                {"Agreement of a prompt's traces (%)", NULL, "overall.agreement", {100, 1}},
                {"Prompts that waver (%)", NULL, "wavering.share", {100, 1}},
                {"Confidence", NULL, "overall.avg_confidence", {1, 2}},
                {"of refusals", NULL, "overall.avg_confidence_refusals", {1, 2}},
                {"of answers", NULL, "overall.avg_confidence_answers", {1, 2}},
                {"Traces per prompt", NULL, "overall.avg_traces", {1, 2}},
                {"Tokens per trace", NULL, "overall.avg_tokens_per_trace", {1, 1}}};
    bool proxy = sc_document_is_proxy(root);
    sc_paper_begin(paper, "summary", "Summary of the run", heads);
    put_counts(paper, root);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (proxy && strcmp(rows[i].path, "overall.harm_rate_loose") == 0)
            continue; /* a label knows no controversial answers */
        const struct sc_estimate *e = sc_estimate_at(root, rows[i].path);
        sc_paper_cell(paper, proxy && rows[i].proxy != NULL ? rows[i].proxy : rows[i].label);
        put_estimate(paper, rows[i].shape, e);
        put_count(paper, e->n);
        sc_paper_end_row(paper);
    }
    end_table(paper, root, "");
}

/* ---- quadrants ------------------------------------------------------------------------------- */

static void put_quadrants(struct sc_paper *paper, const struct sc_node *root)
{
    static const struct {
        const char *label, *path;
    } rows[] = {{"confident refusal", "confident_refusal"},
                {"confident compliance", "confident_compliance"},
                {"uncertain refusal", "uncertain_refusal"},
                {"uncertain compliance", "uncertain_compliance"}};
    const char *const heads[] = {"quadrant",    "prompts",       "unsafe",     "share (%)",
                                 "refusal (%)", harm_head(root), "confidence", NULL};
    char first[160] = "";
    double threshold = sc_number_at(root, "run.confident_threshold");
    if (isfinite(threshold))
        snprintf(first, sizeof first, "Confident: a mean confidence of %.3f or more. ", threshold);
    sc_paper_begin(paper, "quadrants", "Prompts by confidence and behaviour", heads);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sc_node *group = sc_node_at(root, rows[i].path);
        sc_paper_cell(paper, rows[i].label);
        put_count(paper, sc_count_at(group, "count"));
        put_count(paper, sc_count_at(group, "n_unsafe"));
        put_estimate(paper, percent, sc_estimate_at(group, "share"));
        put_estimate(paper, percent, sc_estimate_at(group, "refusal_rate"));
        put_estimate(paper, percent, sc_estimate_at(group, "harm_rate"));
        put_estimate(paper, two_digits, sc_estimate_at(group, "mean_confidence"));
        sc_paper_end_row(paper);
    }
    end_table(paper, root, first);
}

/* ---- hypothesis ------------------------------------------------------------------------------ */

/* "13/151: 8.6 [3.0, 15.9]" */
static void put_side(struct sc_paper *paper, const struct sc_node *split, bool low)
{
    struct sc_text cell = {0};
    sc_text_printf(&cell, "%zu/%zu: ", sc_count_at(split, low ? "harmful_low" : "harmful_high"),
                   sc_count_at(split, low ? "n_low" : "n_high"));
    add_estimate(&cell, percent, sc_estimate_at(split, low ? "harm_rate_low" : "harm_rate_high"));
    put_cell(paper, &cell);
}

static void put_split(struct sc_paper *paper, const char *label, const struct sc_node *split)
{
    if (split == NULL)
        return;
    struct sc_text threshold = {0};
    add_estimate(&threshold, two_digits,
                 &(struct sc_estimate){sc_number_at(split, "threshold"), NAN, NAN, 0, NULL});
    sc_paper_cell(paper, label);
    put_cell(paper, &threshold);
    put_side(paper, split, true);
    put_side(paper, split, false);
    put_estimate(paper, percent, sc_estimate_at(split, "risk_difference"));
    put_estimate(paper, two_digits, sc_estimate_at(split, "risk_ratio"));
    sc_paper_end_row(paper);
}

static void put_hypothesis(struct sc_paper *paper, const struct sc_node *root)
{
    static const char *const heads[] = {"of those that did not refuse",
                                        "confidence below",
                                        "harmful below (%)",
                                        "harmful above (%)",
                                        "difference (points)",
                                        "ratio",
                                        NULL};
    const struct sc_node *test = sc_node_at(root, "hypothesis_test");
    bool proxy = sc_document_is_proxy(root);
    struct sc_text first = {0};
    sc_text_printf(&first, "Finding: %s. ", sc_text_at(test, "finding"));
    sc_paper_begin(paper, "hypothesis",
                   proxy ? "Are low-confidence non-refusals riskier? Harm by proxy"
                         : "Are low-confidence non-refusals riskier?",
                   heads);
    put_split(paper, proxy ? "answers, proxy" : "answers, strict",
              sc_node_find(test, proxy ? "answers_proxy" : "answers"));
    put_split(paper, "answers, loose", sc_node_find(test, "answers_loose"));
    put_split(paper, proxy ? "prompts, proxy" : "prompts, strict",
              sc_node_find(test, proxy ? "instances_proxy" : "instances"));
    end_table(paper, root, first.data != NULL ? first.data : "");
    sc_text_free(&first);
}

static void put_metrics(struct sc_paper *paper, const struct sc_node *root)
{
    static const char *const heads[] = {
        "metric", "ROC area", "p (Holm)", "precision-recall area", "risk-coverage area", NULL};
    const struct sc_node *test = sc_node_at(root, "hypothesis_test");
    const struct sc_node *p = sc_node_at(test, "auroc_p")->first;
    const struct sc_node *auprc = sc_node_at(test, "auprc_low_confidence_for_harm")->first;
    const struct sc_node *aurc = sc_node_at(test, "aurc")->first;
    const struct sc_node *auroc = sc_node_at(test, "auroc_low_confidence_for_harm")->first;
    char first[120] = "";
    double share = sc_number_at(test, "share_harmful");
    if (isfinite(share))
        snprintf(first, sizeof first,
                 "A metric that knows nothing: 0.5, and %.3f in the two last columns. ", share);
    sc_paper_begin(paper, "metrics", "How well low confidence tells harmful answers", heads);
    for (; auroc != NULL && p != NULL && auprc != NULL && aurc != NULL;
         auroc = auroc->next, p = p->next, auprc = auprc->next, aurc = aurc->next) {
        sc_paper_cell(paper, auroc->key);
        put_estimate(paper, three_digits, sc_node_estimate(auroc));
        put_p(paper, sc_number_at(p, "p_holm"));
        put_estimate(paper, three_digits, sc_node_estimate(auprc));
        put_estimate(paper, three_digits, sc_node_estimate(aurc));
        sc_paper_end_row(paper);
    }
    end_table(paper, root, first);
}

/* ---- categories and policies ----------------------------------------------------------------- */

static void put_categories(struct sc_paper *paper, const struct sc_node *root)
{
    const char *const heads[] = {"category",      "prompts",    "unsafe", "refusal (%)",
                                 harm_head(root), "confidence", NULL};
    sc_paper_begin(paper, "categories", "By category", heads);
    for (const struct sc_node *c = sc_node_at(root, "per_category")->first; c != NULL;
         c = c->next) {
        sc_paper_cell(paper, c->key != NULL && c->key[0] != '\0' ? c->key : "(none)");
        put_count(paper, sc_count_at(c, "count"));
        put_count(paper, sc_count_at(c, "n_unsafe"));
        put_estimate(paper, percent, sc_estimate_at(c, "refusal_rate"));
        put_estimate(paper, percent, sc_estimate_at(c, "harm_rate"));
        put_estimate(paper, two_digits, sc_estimate_at(c, "mean_confidence"));
        sc_paper_end_row(paper);
    }
    end_table(paper, root, "");
}

static void put_policies(struct sc_paper *paper, const struct sc_node *root)
{
    const char *const heads[] = {"policy",      "traces per prompt", "tokens saved (%)",
                                 "refusal (%)", harm_head(root),     "verdicts changed",
                                 NULL};
    sc_paper_begin(paper, "policies", "Policies on the same random numbers", heads);
    for (const struct sc_node *p = sc_node_at(root, "policies")->first; p != NULL; p = p->next) {
        sc_paper_cell(paper, sc_text_at(p, "name"));
        put_estimate(paper, two_digits, sc_estimate_at(p, "avg_traces"));
        put_estimate(paper, in_percent, sc_estimate_at(p, "token_savings_percent"));
        put_estimate(paper, percent, sc_estimate_at(p, "refusal_rate"));
        put_estimate(paper, percent, sc_estimate_at(p, "harm_rate"));
        struct sc_text changed = {0};
        if (!sc_flag_at(p, "reference"))
            sc_text_printf(&changed, "%zu of %zu", sc_count_at(p, "verdict_changes"),
                           sc_count_at(p, "n_compared"));
        put_cell(paper, &changed);
        sc_paper_end_row(paper);
    }
    end_table(paper, root, "");
}

/* ---- all ------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*put)(struct sc_paper *paper, const struct sc_node *root);
} tables[SC_N_PAPER_TABLES] = {[SC_PAPER_SUMMARY] = {"summary", put_summary},
                               [SC_PAPER_QUADRANTS] = {"quadrants", put_quadrants},
                               [SC_PAPER_HYPOTHESIS] = {"hypothesis", put_hypothesis},
                               [SC_PAPER_METRICS] = {"metrics", put_metrics},
                               [SC_PAPER_CATEGORIES] = {"categories", put_categories},
                               [SC_PAPER_POLICIES] = {"policies", put_policies}};

const char *sc_paper_table_name(enum sc_paper_table table)
{
    assert((unsigned)table < SC_N_PAPER_TABLES);
    return tables[table].name;
}

void sc_paper_table_write(struct sc_text *out, enum sc_paper_table table, enum sc_paper_form form,
                          const struct sc_node *root)
{
    assert((unsigned)table < SC_N_PAPER_TABLES);
    struct sc_paper paper = {.out = out, .form = form};
    tables[table].put(&paper, root);
}
