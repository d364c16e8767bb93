/*
 * The report on one screen, at most 100 columns.  Names from files and models are made visible,
 * never written raw; colour only when asked for.
 */
#include <assert.h>
#include <math.h>
#include <safeconf/source.h>
#include <string.h>

#include "report/render.h"
#include "report/screen.h"

struct screen {
    struct sc_screen to;
    const struct sc_node *root; /* the run's document */
    bool proxy;
};

static void heading(struct screen *s, const char *title)
{
    sc_screen_heading(&s->to, title);
}

static void name(struct screen *s, const char *untrusted, size_t max)
{
    sc_screen_name(&s->to, untrusted, max);
}

static void pad_to(struct screen *s, size_t line_begin, size_t column)
{
    size_t at = sc_text_columns(s->to.text->data != NULL ? s->to.text->data + line_begin : "",
                                s->to.text->failed ? 0 : s->to.text->len - line_begin);
    for (; at < column; at++)
        sc_text_putc(s->to.text, ' ');
}

/* "52.3 % [41.0, 63.1]" */
static void percent(struct screen *s, const struct sc_estimate *e)
{
    if (!isfinite(e->value))
        sc_text_puts(s->to.text, "none");
    else if (isfinite(e->low) && isfinite(e->high))
        sc_text_printf(s->to.text, "%.1f %% [%.1f, %.1f]", 100 * e->value, 100 * e->low,
                       100 * e->high);
    else
        sc_text_printf(s->to.text, "%.1f %%", 100 * e->value);
}

static void labelled_percent(struct screen *s, const char *label, const struct sc_node *from,
                             const char *path)
{
    sc_text_puts(s->to.text, label);
    percent(s, sc_estimate_at(from, path));
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* What could not be read, what was asked beside the prompts and what the token limit spoilt: lines
 * of their own, before all else. */
static void put_notes(struct screen *s)
{
    static const char *const notes[] = {
        "run.shard_note",        "benchmark.rows_note",    "overall.failure_note", "prompts.note",
        "overall.filtered_note", "overall.unreached_note", "overall.length_note"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        const struct sc_node *note = sc_node_find(s->root, notes[i]);
        if (note == NULL)
            continue;
        sc_screen_style(&s->to, "33");
        sc_screen_say(&s->to, sc_node_text(note), 0);
        sc_screen_style(&s->to, "0");
    }
}

/* Of a model elsewhere: what it is said to be, and what its log-probabilities are. */
static void put_source(struct screen *s)
{
    const struct sc_node *source = sc_node_at(s->root, "run.source");
    const char *software = sc_node_text(sc_node_find(source, "software"));
    const char *revision = sc_node_text(sc_node_find(source, "revision"));
    size_t top_k = sc_count_at(source, "top_k");
    if (strcmp(sc_text_at(source, "kind"), SC_SOURCE_IN_PROCESS) == 0)
        return;
    sc_text_puts(s->to.text, "source: ");
    name(s, sc_text_at(source, "kind"), 16);
    if (software != NULL) {
        sc_text_puts(s->to.text, ", ");
        name(s, software, 30);
    }
    if (revision != NULL) {
        sc_text_puts(s->to.text, ", revision ");
        name(s, revision, 12);
    }
    if (top_k > 0)
        sc_text_printf(s->to.text, ", %zu log-probabilities a token (%s)\n", top_k,
                       sc_text_at(source, "logprobs"));
    else
        sc_text_puts(s->to.text, ", no log-probabilities of the likeliest tokens\n");
}

static void put_head(struct screen *s)
{
    const struct sc_node *overall = sc_node_at(s->root, "overall");
    size_t n_prompts = sc_count_at(overall, "n_instances");
    size_t n_traces = sc_count_at(overall, "n_traces");
    size_t n_unfinished = sc_count_at(overall, "n_instances_unfinished");
    sc_screen_style(&s->to, "1");
    name(s, sc_text_at(s->root, "run.model"), 36);
    sc_text_puts(s->to.text, " on ");
    name(s, sc_text_at(s->root, "run.benchmark"), 28);
    sc_screen_style(&s->to, "0");
    sc_text_puts(s->to.text, ", policy ");
    name(s, sc_text_at(s->root, "run.policy"), 20);
    sc_text_printf(s->to.text, "\n%zu %s, %zu %s (%.2f per prompt), ", n_prompts,
                   n_prompts == 1 ? "prompt" : "prompts", n_traces,
                   n_traces == 1 ? "trace" : "traces",
                   n_prompts ? (double)n_traces / (double)n_prompts : 0.0);
    if (sc_absent_at(overall, "total_tokens"))
        sc_text_puts(s->to.text, "tokens not given\n");
    else
        sc_text_printf(s->to.text, "%zu tokens\n", sc_count_at(overall, "total_tokens"));
    put_source(s);
    if (n_unfinished)
        sc_text_printf(s->to.text, "Not finished: %zu prompts are left out.\n", n_unfinished);
    put_notes(s);
    sc_text_putc(s->to.text, '\n');
}

/* The four sentences, each after its number. */
static void put_summary(struct screen *s)
{
    int number = 1;
    for (const struct sc_node *said = sc_node_at(s->root, "summary")->first; said != NULL;
         said = said->next) {
        sc_screen_style(&s->to, "1");
        sc_text_printf(s->to.text, "%d. ", number++);
        sc_screen_style(&s->to, "0");
        sc_screen_say(&s->to, sc_node_text(said), 3);
    }
    sc_text_putc(s->to.text, '\n');
}

static void quadrant_line(struct screen *s, const char *quadrant, int line)
{
    const struct sc_node *group = sc_node_at(s->root, quadrant);
    size_t n = sc_count_at(s->root, "overall.n_instances");
    size_t count = sc_count_at(group, "count");
    switch (line) {
    case 0:
        heading(s, quadrant);
        break;
    case 1:
        sc_text_printf(s->to.text, "%zu %s (%.0f %%), %zu unsafe", count,
                       count == 1 ? "prompt" : "prompts",
                       n ? 100.0 * (double)count / (double)n : 0.0, sc_count_at(group, "n_unsafe"));
        break;
    case 2:
        labelled_percent(s, "refuses ", group, "refusal_rate");
        break;
    default:
        labelled_percent(s, s->proxy ? "harm (proxy) " : "harm ", group, "harm_rate");
        break;
    }
}

struct quadrant_row {
    const char *title, *sign, *refusal, *compliance;
};

/* Its two quadrants side by side. */
static void put_quadrant_row(struct screen *s, const struct quadrant_row *row, double threshold)
{
    size_t left = 12, right = left + (s->to.width - left) / 2;
    size_t invisible = s->to.colour ? strlen("\x1b[1m\x1b[0m") : 0;
    for (int line = 0; line < 4; line++) {
        size_t begin = s->to.text->len;
        if (line == 0)
            sc_text_puts(s->to.text, row->title);
        else if (line == 1)
            sc_text_printf(s->to.text, " %s %.3g", row->sign, threshold);
        pad_to(s, begin, left);
        quadrant_line(s, row->refusal, line);
        pad_to(s, begin, right + (line == 0 ? invisible : 0));
        quadrant_line(s, row->compliance, line);
        sc_text_putc(s->to.text, '\n');
    }
}

/* One quadrant, where two have no place beside each other. */
static void put_quadrant(struct screen *s, const char *quadrant, const char *sign, double threshold)
{
    quadrant_line(s, quadrant, 0);
    sc_text_printf(s->to.text, " (confidence %s %.3g)\n", sign, threshold);
    for (int line = 1; line < 4; line++) {
        sc_text_puts(s->to.text, "  ");
        quadrant_line(s, quadrant, line);
        sc_text_putc(s->to.text, '\n');
    }
}

/* " (of 5 processed log-probabilities)", behind the name of a confidence; nothing where it is the
 * usual one. */
static void put_basis(struct screen *s)
{
    const char *basis = sc_node_text(sc_node_find(s->root, "run.confidence_basis"));
    if (basis != NULL)
        sc_text_printf(s->to.text, " (%s)", basis);
}

static void put_quadrants(struct screen *s)
{
    static const struct quadrant_row rows[] = {
        {"confident", ">=", "confident_refusal", "confident_compliance"},
        {"uncertain", "<", "uncertain_refusal", "uncertain_compliance"}};
    double threshold = sc_number_at(s->root, "run.confident_threshold");
    bool narrow = s->to.width < 78;
    if (!isfinite(threshold)) {
        sc_text_puts(s->to.text, "No confidence is given, so there are no quadrants.\n\n");
        return;
    }
    if (sc_node_find(s->root, "run.confidence_basis") != NULL) {
        sc_text_puts(s->to.text, "By confidence");
        put_basis(s);
        sc_text_puts(s->to.text, ":\n");
    }
    size_t begin = s->to.text->len;
    if (!narrow) {
        pad_to(s, begin, 12);
        sc_text_puts(s->to.text, "refused");
        pad_to(s, begin, 12 + (s->to.width - 12) / 2);
        sc_text_puts(s->to.text, "did not refuse\n");
    }
    for (size_t row = 0; row < 2; row++)
        if (narrow) {
            put_quadrant(s, rows[row].refusal, rows[row].sign, threshold);
            put_quadrant(s, rows[row].compliance, rows[row].sign, threshold);
        } else {
            put_quadrant_row(s, &rows[row], threshold);
        }
    sc_text_putc(s->to.text, '\n');
}

static void put_confidence(struct screen *s)
{
    const struct sc_node *overall = sc_node_at(s->root, "overall");
    double refusals = sc_number_at(overall, "avg_confidence_refusals");
    double answers = sc_number_at(overall, "avg_confidence_answers");
    size_t n_refused = sc_count_at(overall, "n_traces_refused");
    size_t n_answers = sc_count_at(overall, "n_traces_judged") - n_refused -
                       sc_count_at(overall, "n_traces_empty");
    heading(s, "Confidence");
    put_basis(s);
    sc_text_printf(s->to.text, "      %s: ", sc_text_at(s->root, "run.metric"));
    if (isfinite(refusals))
        sc_text_printf(s->to.text, "refusals %.3f", refusals);
    else
        sc_text_puts(s->to.text, n_refused > 0 ? "refusals not given" : "no refusals");
    if (isfinite(answers))
        sc_text_printf(s->to.text, ", answers %.3f\n", answers);
    else
        sc_text_puts(s->to.text, n_answers > 0 ? ", answers not given\n" : ", no answers\n");
}

/* What the confusion matrix leaves out is said where there is some. */
static void put_counts(struct screen *s, const struct sc_node *from)
{
    static const struct {
        const char *label, *path;
        bool always;
    } counts[] = {{"tp", "tp", true},
                  {"fn", "fn", true},
                  {"fp", "fp", true},
                  {"tn", "tn", true},
                  {"split", "split", false},
                  {"no label", "unknown", false},
                  {"not judged", "not_judged", false}};
    sc_text_puts(s->to.text, "     ");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].always || sc_count_at(from, counts[i].path) > 0)
            sc_text_printf(s->to.text, "  %s %zu", counts[i].label,
                           sc_count_at(from, counts[i].path));
    sc_text_putc(s->to.text, '\n');
}

static void put_rate_row(struct screen *s, const char *label, const char *seen,
                         const struct sc_estimate *corrected)
{
    size_t begin = s->to.text->len;
    sc_text_printf(s->to.text, "  %s", label);
    pad_to(s, begin, 16);
    percent(s, sc_estimate_at(s->root, seen));
    if (corrected != NULL) {
        pad_to(s, begin, 38);
        percent(s, corrected);
    }
    sc_text_putc(s->to.text, '\n');
}

/* Only where the judge was measured on the user's labels. */
static void put_harm_rates(struct screen *s)
{
    const struct sc_node *harm = sc_node_find(s->root, "harm");
    if (harm == NULL)
        return;
    heading(s, "Harm rate");
    sc_text_puts(s->to.text, "       answers               with judge's errors\n");
    put_rate_row(s, "strict", "overall.harm_rate",
                 sc_estimate_at(harm, "strict.rate_corrected_for_judge.all"));
    put_rate_row(s, "loose", "overall.harm_rate_loose",
                 sc_estimate_at(harm, "loose.rate_corrected_for_judge.all"));
}

static void put_rates(struct screen *s)
{
    static const struct {
        const char *label, *seen, *corrected;
    } rows[] = {{"unsafe", "overall.refusal_rate_unsafe", "unsafe"},
                {"safe", "overall.refusal_rate_safe", "safe"},
                {"all", "overall.refusal_rate", "all"}};
    const struct sc_node *confusion = sc_node_at(s->root, "confusion");
    const struct sc_node *corrected = sc_node_at(s->root, "refusal.rate_corrected_for_detector");
    bool measured = sc_node_find(s->root, "refusal.detector.measured_on") != NULL;
    heading(s, "Refusal rate");
    sc_text_printf(s->to.text, "    prompts%s\n",
                   measured ? "               with detector's errors" : "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put_rate_row(s, rows[i].label, rows[i].seen,
                     measured ? sc_estimate_at(corrected, rows[i].corrected) : NULL);
    if (sc_node_find(s->root, "policies.0.refusal_rate_unbiased") != NULL)
        put_rate_row(s, "unbiased", "policies.0.refusal_rate_unbiased", NULL);
    put_rate_row(s, "agreement", "overall.agreement", NULL);
    put_harm_rates(s);
    heading(s, "Confusion");
    put_counts(s, confusion);
    put_rate_row(s, "sensitivity", "confusion.sensitivity", NULL);
    put_rate_row(s, "specificity", "confusion.specificity", NULL);
    put_confidence(s);
    sc_text_putc(s->to.text, '\n');
}

/* What was seen at the last k, and the forecasts for the last that is forecast. */
static void put_attempts(struct screen *s)
{
    static const struct {
        const char *label, *path;
    } rows[] = {{"beta", "forecast.attempts.beta_binomial"},
                {"scaled", "forecast.attempts.scaled_beta"},
                {"power", "forecast.attempts.power_law"}};
    const struct sc_node *seen = sc_node_at(s->root, "asr_at_k.strict")->first;
    while (seen != NULL && seen->next != NULL)
        seen = seen->next;
    if (seen == NULL || !isfinite(sc_estimate_at(seen, "asr")->value))
        return;
    heading(s, s->proxy ? "Attack success (proxy)" : "Attack success");
    sc_text_printf(s->to.text, "\n  @%-14zu", sc_count_at(seen, "k"));
    percent(s, sc_estimate_at(seen, "asr"));
    sc_text_putc(s->to.text, '\n');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sc_node *method = sc_node_at(s->root, rows[i].path);
        const struct sc_node *last = sc_node_at(method, "at_k")->first;
        while (last != NULL && last->next != NULL)
            last = last->next;
        if (last == NULL || !isfinite(sc_estimate_at(last, "asr")->value))
            continue;
        size_t begin = s->to.text->len;
        sc_text_printf(s->to.text, "  @%zu", sc_count_at(last, "k"));
        pad_to(s, begin, 8);
        sc_text_puts(s->to.text, rows[i].label);
        pad_to(s, begin, 17);
        percent(s, sc_estimate_at(last, "asr"));
        sc_text_printf(s->to.text, "  %s%s\n",
                       sc_flag_at(last, "extrapolated") ? "extrapolated" : "",
                       sc_flag_at(method, "doubtful") ? ", doubtful" : "");
    }
    sc_text_putc(s->to.text, '\n');
}

static void side_line(struct screen *s, const struct sc_node *split, bool low)
{
    size_t begin = s->to.text->len;
    sc_text_printf(s->to.text, "  %-2s %.3g", low ? "<" : ">=", sc_number_at(split, "threshold"));
    pad_to(s, begin, 16);
    percent(s, sc_estimate_at(split, low ? "harm_rate_low" : "harm_rate_high"));
    pad_to(s, begin, 38);
    sc_text_printf(s->to.text, "%7zu  %7zu\n", sc_count_at(split, low ? "n_low" : "n_high"),
                   sc_count_at(split, low ? "prompts_low" : "prompts_high"));
}

/* The figures of the third sentence. */
static void put_hypothesis(struct screen *s)
{
    const struct sc_node *test = sc_node_at(s->root, "hypothesis_test");
    const struct sc_node *split = sc_node_at(test, s->proxy ? "answers_proxy" : "answers");
    const struct sc_estimate *difference = sc_estimate_at(split, "risk_difference");
    const struct sc_estimate *odds =
        sc_estimate_at(test, "length_controlled.confidence_at_equal_length.odds_ratio");
    heading(s, "Are low-confidence answers riskier?");
    put_basis(s);
    sc_text_printf(s->to.text, " %s\n", sc_text_at(test, "finding"));
    if (!isfinite(difference->value))
        return;
    sc_text_printf(s->to.text, "  confidence    %-22sanswers  prompts\n",
                   s->proxy ? "harm (proxy)" : "harm");
    side_line(s, split, true);
    side_line(s, split, false);
    sc_text_puts(s->to.text, "  points        ");
    sc_screen_points(&s->to, difference);
    sc_text_putc(s->to.text, '\n');
    if (isfinite(odds->value) && isfinite(odds->low) && isfinite(odds->high))
        sc_text_printf(s->to.text,
                       "  odds          %.2f [%.2f, %.2f] per SD less confidence\n"
                       "                (between answers of equal length)\n",
                       odds->value, odds->low, odds->high);
}

/* Where the first tokens of an answer decide on refusing. */
static void put_decided(struct screen *s)
{
    const struct sc_node *decided = sc_node_at(s->root, "decided");
    if (decided->kind == SC_NODE_ABSENT)
        return;
    sc_text_putc(s->to.text, '\n');
    heading(s, "Where is it decided?");
    sc_text_putc(s->to.text, '\n');
    sc_screen_say(&s->to, sc_text_at(decided, "text"), 0);
}

/* At most 80 columns, so that it stays a table on any terminal. */
static void put_policy(struct screen *s, const struct sc_node *policy)
{
    size_t begin = s->to.text->len;
    bool reference = sc_flag_at(policy, "reference");
    double traces = sc_number_at(policy, "avg_traces");
    double fewer = sc_number_at(policy, "tokens_below_reference_percent");
    double refuses = sc_number_at(policy, "refusal_rate");
    double null_traces = sc_number_at(policy, "null_avg_traces");
    sc_text_puts(s->to.text, sc_flag_at(policy, "primary") ? "* " : "  ");
    name(s, sc_text_at(policy, "name"), 17);
    pad_to(s, begin, 20);
    if (isfinite(traces))
        sc_text_printf(s->to.text, "%6.2f", traces);
    pad_to(s, begin, 26);
    if (sc_absent_at(policy, "total_tokens"))
        sc_text_printf(s->to.text, " %10s", "not given");
    else
        sc_text_printf(s->to.text, " %10zu", sc_count_at(policy, "total_tokens"));
    if (reference)
        sc_text_puts(s->to.text, "     ref.");
    else if (isfinite(fewer))
        sc_text_printf(s->to.text, " %6.1f %%", fewer);
    pad_to(s, begin, 46);
    if (isfinite(refuses))
        sc_text_printf(s->to.text, " %6.1f %%", 100 * refuses);
    pad_to(s, begin, 55);
    if (!reference)
        sc_text_printf(s->to.text, " %8zu %8zu", sc_count_at(policy, "verdict_changes"),
                       sc_count_at(policy, "harmful_answers_unseen"));
    if (isfinite(null_traces)) {
        pad_to(s, begin, 73);
        sc_text_printf(s->to.text, " %6.2f", null_traces);
    }
    sc_text_putc(s->to.text, '\n');
}

static void put_policies(struct screen *s)
{
    const struct sc_node *first = sc_node_at(s->root, "policies")->first;
    if (first == NULL || first->next == NULL)
        return;
    sc_text_putc(s->to.text, '\n');
    heading(s, "Policies");
    sc_text_puts(s->to.text, s->proxy
                                 ? " (unseen: harmful answers, proxy; null: traces with shuffled "
                                   "confidences)\n"
                                 : " (unseen: harmful answers; null: traces with shuffled "
                                   "confidences)\n");
    sc_text_puts(s->to.text, "  name              traces     tokens    fewer  refuses  changed   "
                             "unseen    null\n");
    for (const struct sc_node *policy = first; policy != NULL; policy = policy->next)
        put_policy(s, policy);
}

enum sc_status sc_render_terminal(const struct sc_document *document, size_t width, bool colour,
                                  struct sc_text *out, struct sc_error *error)
{
    assert(document->root != NULL && !document->failed);
    struct screen s = {.to = sc_screen_of(out, width, colour),
                       .root = document->root,
                       .proxy = sc_document_is_proxy(document->root)};
    put_head(&s);
    put_summary(&s);
    put_quadrants(&s);
    put_rates(&s);
    put_attempts(&s);
    put_hypothesis(&s);
    put_decided(&s);
    put_policies(&s);
    return out->failed ? sc_fail_nomem(error, "terminal report") : SC_OK;
}
