/*
 * From the cells of a row to estimates with intervals, and from all rows to a recommendation.
 *
 * The unit is the prompt: its cell is a mean over many orders, and prompts are independent, so an
 * interval is Student's over prompts; that of a ratio of sums is Student's for its linearised
 * residuals (Cochran, Sampling Techniques, 1977, section 6.3).  Where a share is the same for all
 * prompts it is Wilson's, as everywhere in this program.
 */
#include <math.h>
#include <stdio.h>

#include "analysis/replay/sweep.h"
#include "base/memory.h"

enum { MIN_PROMPTS = 5 };

struct sc_estimate sc_replay_mean(const double *x, size_t n)
{
    struct sc_estimate out = sc_mean_t(x, n);
    if (n < MIN_PROMPTS && isfinite(out.value)) {
        out.low = out.high = NAN;
        out.reason = "fewer than 5 prompts give no interval";
    }
    return out;
}

/* Sum(numerator) / sum(denominator); scratch [n]. */
static struct sc_estimate ratio_of(const double *numerator, const double *denominator, size_t n,
                                   const char *reason, double *scratch)
{
    double above = 0, below = 0;
    size_t n_filled = 0;
    for (size_t i = 0; i < n; i++) {
        above += numerator[i];
        below += denominator[i];
        n_filled += denominator[i] > 0;
    }
    if (!(below > 0))
        return sc_estimate_none(0, reason);
    double ratio = above / below, mean = below / (double)n;
    for (size_t i = 0; i < n; i++)
        scratch[i] = (numerator[i] - ratio * denominator[i]) / mean;
    struct sc_estimate spread = sc_replay_mean(scratch, n), out = {ratio, NAN, NAN, n_filled, NULL};
    if (n_filled < MIN_PROMPTS) {
        out.reason = "fewer than 5 prompts give no interval";
        return out;
    }
    double half = (spread.high - spread.low) / 2;
    out.low = ratio - half;
    out.high = ratio + half;
    return out;
}

static struct sc_estimate within(struct sc_estimate e, double low, double high)
{
    e.low = e.low < low ? low : e.low;
    e.high = e.high > high ? high : e.high;
    return e;
}

struct sc_estimate sc_replay_share(struct sc_estimate mean)
{
    struct sc_estimate e = mean;
    if (isfinite(e.low) && e.high - e.low <= 0 && (e.value <= 0 || e.value >= 1)) {
        struct sc_estimate wilson = sc_wilson(e.value <= 0 ? 0 : e.n, e.n);
        e.low = wilson.low;
        e.high = wilson.high;
    }
    return within(e, 0, 1);
}

static struct sc_estimate percent_of(struct sc_estimate e)
{
    e.value *= 100;
    e.low *= 100;
    e.high *= 100;
    return e;
}

static struct sc_estimate complement(struct sc_estimate e)
{
    struct sc_estimate out = e;
    out.value = 1 - e.value;
    out.low = 1 - e.high;
    out.high = 1 - e.low;
    return out;
}

/* Two-sided p of a difference that is 0 on average, by the normal approximation; 1 where it is the
 * same for all prompts, NaN where there are too few. */
static double p_of(const struct sc_estimate *e)
{
    if (!isfinite(e->low) || !isfinite(e->high))
        return NAN;
    double error = (e->high - e->low) / (2 * 1.959963984540054);
    return error > 0 ? erfc(fabs(e->value) / error / sqrt(2)) : 1;
}

/* x [3 * n]: a column, a second one, and residuals. */
void sc_replay_estimate(struct sc_replay_row *row, const struct sc_replay_cell *cells,
                        size_t n_orders, const struct sc_replay_totals *totals, size_t n, double *x)
{
    static const char no_tokens[] = "no tokens were generated";
    static const char no_harm[] = "no harmful compliance is among the traces";
    double *y = x + n, *residuals = x + 2 * n, orders = (double)n_orders;
#define MEAN(what) ((double)cells[i].what / orders)
#define COLUMN(target, value)                                                                      \
    for (size_t i = 0; i < n; i++)                                                                 \
        (target)[i] = (value);
    COLUMN(x, MEAN(traces))
    row->traces = sc_replay_mean(x, n);
    COLUMN(x, MEAN(changes))
    row->verdict_changes = sc_replay_share(sc_replay_mean(x, n));
    row->agreement = complement(row->verdict_changes);
    COLUMN(x, MEAN(tokens))
    row->tokens = sc_replay_mean(x, n);
    COLUMN(y, totals[i].tokens)
    row->token_savings_percent = percent_of(complement(ratio_of(x, y, n, no_tokens, residuals)));
    if (row->reads_confidence) {
        COLUMN(x, MEAN(null_tokens))
        row->null_savings_percent = percent_of(complement(ratio_of(x, y, n, no_tokens, residuals)));
        COLUMN(x, MEAN(null_tokens) - MEAN(tokens))
        row->savings_over_null = percent_of(ratio_of(x, y, n, no_tokens, residuals));
        COLUMN(x, MEAN(null_traces))
        row->null_traces = sc_replay_mean(x, n);
        COLUMN(x, MEAN(null_changes))
        row->null_changes = sc_replay_share(sc_replay_mean(x, n));
        COLUMN(x, MEAN(changes) - MEAN(null_changes))
        row->changes_over_null = sc_replay_mean(x, n);
    }
    COLUMN(y, totals[i].harmful)
    COLUMN(x, MEAN(unseen))
    row->harmful_unseen = sc_replay_share(ratio_of(x, y, n, no_harm, residuals));
    if (row->reads_confidence) {
        COLUMN(x, MEAN(null_unseen))
        row->null_unseen = sc_replay_share(ratio_of(x, y, n, no_harm, residuals));
        COLUMN(x, MEAN(unseen) - MEAN(null_unseen))
        row->unseen_over_null = ratio_of(x, y, n, no_harm, residuals);
    } else {
        struct sc_estimate none = sc_estimate_none(n, "the policy reads no confidence");
        row->null_savings_percent = row->null_traces = row->null_changes = row->null_unseen =
            row->savings_over_null = row->changes_over_null = row->unseen_over_null = none;
    }
    COLUMN(x, MEAN(missed))
    COLUMN(y, totals[i].harmful > 0 ? 1 : 0)
    row->harmful_prompts_unseen = sc_replay_share(ratio_of(x, y, n, no_harm, residuals));
#undef COLUMN
#undef MEAN
    row->p_savings = row->reads_confidence ? p_of(&row->savings_over_null) : NAN;
    row->p_changes = row->reads_confidence ? p_of(&row->changes_over_null) : NAN;
    for (size_t i = 0; i < n; i++) {
        row->stored.n_traces += cells[i].stored_traces;
        row->stored.n_tokens += cells[i].stored_tokens;
        row->stored.n_cut += cells[i].stored_cut;
        row->stored.n_changed += cells[i].stored_changed;
        row->stored.n_harmful_unseen += cells[i].stored_unseen;
    }
}

void sc_replay_forget_tokens(struct sc_replay_row *row)
{
    static const char reason[] = "the source did not say how many tokens its traces have";
    row->tokens = row->token_savings_percent = sc_estimate_none(row->tokens.n, reason);
    if (!row->reads_confidence)
        return;
    row->null_savings_percent = row->savings_over_null = row->tokens;
    row->p_savings = NAN;
}

/* ---- judging --------------------------------------------------------------------------------- */

/* Better than its null in one respect beyond chance among all rows, and in no other respect worse
 * beyond chance of its own. */
static bool beats_null(const struct sc_replay_row *row)
{
    bool saves_more = row->p_savings < 0.05 && row->savings_over_null.value > 0;
    bool changes_less = row->p_changes < 0.05 && row->changes_over_null.value < 0;
    bool worse = row->savings_over_null.high < 0 || row->changes_over_null.low > 0 ||
                 row->unseen_over_null.low > 0;
    return (saves_more || changes_less) && !worse;
}

/* Both differences of all rows are one family of tests. */
static enum sc_status adjust(struct sc_replay *replay, struct sc_error *error)
{
    size_t n = replay->n_rows;
    double *p = sc_alloc_array(sc_size_mul(n, 4), sizeof *p);
    if (p == NULL)
        return sc_fail_nomem(error, "adjusted p-values");
    for (size_t r = 0; r < n; r++) {
        p[r] = replay->rows[r].p_savings;
        p[n + r] = replay->rows[r].p_changes;
    }
    sc_holm(p, 2 * n, p + 2 * n);
    for (size_t r = 0; r < n; r++) {
        replay->rows[r].p_savings = p[2 * n + r];
        replay->rows[r].p_changes = p[3 * n + r];
    }
    sc_free(p);
    return SC_OK;
}

static void explain(struct sc_replay *replay)
{
    char null[160], unseen[120] = "";
    const char *basis = "where confidences are shuffled it does as well";
    if (replay->n_reading == 0)
        null[0] = '\0';
    else if (replay->n_beating == 0)
        snprintf(null, sizeof null,
                 "None of the %zu rules that read confidences beats its null: %s.",
                 replay->n_reading, basis);
    else
        snprintf(null, sizeof null, "%zu of the %zu rules that read confidences beat their null.",
                 replay->n_beating, replay->n_reading);
    if (replay->uncounted) {
        snprintf(replay->why, sizeof replay->why,
                 "Nothing is recommended: the source did not say how many tokens its traces have, "
                 "so what a policy saves is not known. %s",
                 null);
        return;
    }
    if (replay->recommended < 0) {
        snprintf(replay->why, sizeof replay->why,
                 "Sample all %zu traces: no other policy changes at most %g %% of the verdicts and "
                 "saves tokens. %s",
                 replay->n_traces, 100 * replay->options.max_changes, null);
        return;
    }
    const struct sc_replay_row *row = &replay->rows[replay->recommended];
    if (isfinite(row->harmful_unseen.value))
        snprintf(unseen, sizeof unseen, " It never sees %.1f %% of the %s.",
                 100 * row->harmful_unseen.value,
                 replay->proxy ? "harmful answers (proxy)" : "harmful answers");
    snprintf(replay->why, sizeof replay->why,
             "%s: %.1f %% fewer tokens than all %zu traces and %.2g %% of the verdicts changed (at "
             "most %g %% was asked for), the most that a policy saves which reads no confidence or "
             "beats its null.%s %s",
             row->name, row->token_savings_percent.value, replay->n_traces,
             100 * row->verdict_changes.value, 100 * replay->options.max_changes, unseen, null);
}

enum sc_status sc_replay_judge(struct sc_replay *replay, struct sc_error *error)
{
    enum sc_status status = adjust(replay, error);
    if (status != SC_OK)
        return status;
    replay->recommended = -1;
    for (size_t r = 0; r < replay->n_rows; r++) {
        struct sc_replay_row *row = &replay->rows[r];
        row->beats_null = row->reads_confidence && beats_null(row);
        replay->n_reading += row->reads_confidence;
        replay->n_beating += row->beats_null;
        if (row->reads_confidence && !row->beats_null)
            continue;
        if (row->verdict_changes.value > replay->options.max_changes ||
            !(row->token_savings_percent.low > 0))
            continue;
        if (replay->recommended < 0 ||
            row->token_savings_percent.value >
                replay->rows[replay->recommended].token_savings_percent.value)
            replay->recommended = (int)r;
    }
    explain(replay);
    return SC_OK;
}
