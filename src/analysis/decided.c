/* Where a run's refusals are decided: decided.h. */
#include "analysis/decided.h"

#include <math.h>
#include <string.h>

#include "analysis/answer_tree.h"
#include "analysis/cluster.h"
#include "base/memory.h"

enum { N_RESAMPLES = SC_N_RESAMPLES / 4, QUOTE_COLUMNS = 40 };

/* ---- the trees ------------------------------------------------------------------------------- */

static enum sc_status add_tree(struct sc_decided_pool *pool, size_t i,
                               const struct sc_answer_tree *of, struct sc_error *error)
{
    struct sc_decided decided;
    SC_TRY(sc_tree_decide(&of->tree, &decided, error));
    return sc_decided_pool_add(pool, i, &of->tree, of->answers, &decided, error);
}

static enum sc_status add_instance(struct sc_analysis *a, size_t i, struct sc_decided_pool *pool,
                                   struct sc_error *error)
{
    struct sc_answer_tree of;
    SC_TRY(sc_answer_tree_make(a->run, i, a->largest, &of, error));
    if (of.tree.n == 0) {
        a->decided.n_without++;
        return SC_OK;
    }
    enum sc_status status = add_tree(pool, i, &of, error);
    for (size_t k = 0; k < of.n; k++)
        a->decided.reasoning |= a->run->instances[i].traces[of.traces[k]].n_reasoning > 0;
    sc_answer_tree_free(&of);
    return status;
}

static enum sc_status add_all(struct sc_analysis *a, struct sc_decided_pool *pool,
                              struct sc_error *error)
{
    for (size_t i = 0; i < a->run->n_instances; i++)
        if (a->views[a->largest].instances[i].decided)
            SC_TRY(add_instance(a, i, pool, error));
    return SC_OK;
}

/* ---- figures --------------------------------------------------------------------------------- */

static void estimate_depth(struct sc_analysis *a, const struct sc_decided_run *run, size_t d,
                           double *scratch, struct sc_error *error)
{
    struct sc_decided_section *out = &a->decided;
    double *plain = scratch, *null = scratch + run->n_wavering, *sorted = null + run->n_wavering;
    double sum_plain = 0, sum_null = 0, low = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->n_wavering; i++) {
        double here = run->null[i * SC_DECIDED_DEPTHS + d];
        if (!(here > 0))
            continue; /* all its answers stand alone by now */
        plain[n] = run->plain[i * SC_DECIDED_DEPTHS + d];
        null[n] = here;
        sum_plain += plain[n];
        sum_null += null[n++];
    }
    const double *shuffled = run->shuffled + d * SC_N_SHUFFLES;
    double total = run->entropy * (double)run->n_prompts;
    out->left[d] = sc_cluster_share(&(struct sc_shares){plain, null, n, false},
                                    (struct sc_draws){N_RESAMPLES, a->run->seed},
                                    "no answers begin alike", error);
    out->left[d].n = n;
    if (n > 0 && sum_plain <= 0) { /* resampling would see no variation */
        struct sc_estimate none = sc_wilson(0, n);
        out->left[d].low = 0;
        out->left[d].high = n < 5 ? NAN : none.high;
    }
    out->null[d] = (struct sc_estimate){
        sc_mean(shuffled, SC_N_SHUFFLES), sc_percentile(shuffled, SC_N_SHUFFLES, 2.5, sorted),
        sc_percentile(shuffled, SC_N_SHUFFLES, 97.5, sorted), SC_N_SHUFFLES, NULL};
    for (size_t r = 0; r < SC_N_SHUFFLES; r++)
        low += shuffled[r] <= sum_plain / sum_null;
    out->p[d] = (1 + low) / (1 + SC_N_SHUFFLES);
    out->plain[d] = sum_plain / total;
    out->plain_null[d] = sum_null / total;
}

static double first_at_most(const struct sc_estimate *left, size_t n, double most, int end)
{
    for (size_t d = 0; d < n; d++)
        if ((end < 0 ? left[d].low : end > 0 ? left[d].high : left[d].value) <= most)
            return (double)(d + 1);
    return NAN;
}

static struct sc_estimate depth_of(const struct sc_decided_section *s, double most)
{
    struct sc_estimate out = {first_at_most(s->left, s->n_depths, most, 0),
                              first_at_most(s->left, s->n_depths, most, -1),
                              first_at_most(s->left, s->n_depths, most, 1), s->n_wavering, NULL};
    if (isnan(out.value))
        out.reason = s->n_depths == SC_DECIDED_DEPTHS
                         ? "more is left after the first 64 tokens"
                         : "more is left where too few answers still begin alike to go on";
    return out;
}

static struct sc_estimate mean_mass(const struct sc_analysis *a, const double *mass, double *ones,
                                    struct sc_error *error)
{
    size_t n = a->decided.n_prompts;
    for (size_t i = 0; i < n; i++)
        ones[i] = 1;
    return sc_cluster_share(&(struct sc_shares){mass, ones, n, true},
                            (struct sc_draws){N_RESAMPLES, a->run->seed}, "no answer has a verdict",
                            error);
}

static enum sc_status estimate_all(struct sc_analysis *a, const struct sc_decided_run *run,
                                   struct sc_error *error)
{
    struct sc_decided_section *out = &a->decided;
    double *scratch =
        sc_alloc_array(sc_size_mul(run->n_prompts + SC_N_SHUFFLES, 3), sizeof *scratch);
    if (scratch == NULL)
        return sc_fail_nomem(error, "where refusals are decided");
    out->n_prompts = run->n_prompts;
    out->n_wavering = run->n_wavering;
    out->n_traces = run->n_traces;
    out->entropy = run->entropy;
    out->n_depths = run->n_depths;
    out->few = run->n_wavering == 0
                   ? "no prompt has both answers that refuse and answers that do not"
               : run->n_depths == 0 ? "too few answers begin alike"
                                    : NULL;
    for (size_t d = 0; d < run->n_depths; d++)
        estimate_depth(a, run, d, scratch, error);
    out->half = out->few != NULL ? sc_estimate_none(run->n_wavering, out->few) : depth_of(out, 0.5);
    out->tenth =
        out->few != NULL ? sc_estimate_none(run->n_wavering, out->few) : depth_of(out, 0.1);
    out->first_refusing = mean_mass(a, run->first_refusing, scratch, error);
    out->first_complying = mean_mass(a, run->first_complying, scratch, error);
    sc_free(scratch);
    return SC_OK;
}

/* ---- what was said --------------------------------------------------------------------------- */

/* Text of an answer's tokens [from, to); "" where it is not known. */
static char *said(const struct sc_answer_tree *of, size_t answer, size_t from, size_t to)
{
    const struct sc_tree_answer *at = &of->answers[answer];
    size_t begin = from > 0 && at->text_ends != NULL ? at->text_ends[from - 1] : 0;
    size_t end = to > 0 && at->text_ends != NULL ? at->text_ends[to - 1] : 0;
    struct sc_text text = {0};
    if (at->text != NULL && begin < end && end <= strlen(at->text))
        sc_text_add_repaired(&text, at->text + begin, end - begin);
    return sc_text_take(&text);
}

/* The token at a place, and what stands before it where that is asked for. */
static enum sc_status say_place(const struct sc_analysis *a, const struct sc_tree_place *place,
                                size_t from, char **before, char **token, struct sc_error *error)
{
    struct sc_answer_tree of;
    SC_TRY(sc_answer_tree_make(a->run, place->prompt, a->largest, &of, error));
    *token = said(&of, place->answer, from, place->depth);
    if (before != NULL)
        *before = said(&of, place->answer, 0, from);
    sc_answer_tree_free(&of);
    return *token != NULL && (before == NULL || *before != NULL)
               ? SC_OK
               : sc_fail_nomem(error, "texts of forks");
}

static enum sc_status say_places(struct sc_analysis *a, const struct sc_decided_run *run,
                                 struct sc_error *error)
{
    struct sc_decided_section *out = &a->decided;
    out->n_tested = run->n_tested;
    for (size_t i = 0; i < run->n_forks; i++) {
        const struct sc_run_fork *fork = &run->forks[i];
        size_t from = fork->fork_depth;
        out->forks[out->n_forks++] = *fork;
        SC_TRY(say_place(a, &fork->branch, from, &out->before[i], &out->branch[i], error));
        SC_TRY(say_place(a, &fork->other, from, NULL, &out->other[i], error));
    }
    for (size_t i = 0; i < run->n_first; i++) {
        out->first[out->n_first++] = run->first[i];
        SC_TRY(say_place(a, &run->first[i].place, 0, NULL, &out->first_text[i], error));
    }
    return SC_OK;
}

/* ---- words ----------------------------------------------------------------------------------- */

static void put_left(struct sc_text *text, const struct sc_decided_section *s, size_t depth)
{
    const struct sc_estimate *left = &s->left[depth - 1];
    sc_text_printf(text, "%.0f %%", 100 * left->value);
    if (isfinite(left->low) && isfinite(left->high))
        sc_text_printf(text, " (%.0f to %.0f)", 100 * left->low, 100 * left->high);
}

static void put_quote(struct sc_text *text, const char *what)
{
    sc_text_puts(text, "\xc2\xab");
    sc_text_add_shortened(text, what, QUOTE_COLUMNS);
    sc_text_puts(text, "\xc2\xbb");
}

static void put_fork(struct sc_text *text, const struct sc_decided_section *s)
{
    const struct sc_run_fork *f = &s->forks[0];
    sc_text_puts(text, " The widest fork: ");
    if (f->fork_depth > 0) {
        sc_text_puts(text, "after ");
        put_quote(text, s->before[0]);
        sc_text_puts(text, " answers that go on with ");
    } else {
        sc_text_puts(text, "answers that begin with ");
    }
    put_quote(text, s->branch[0]);
    sc_text_printf(text, " refuse %.0f %% of the time, others to the same prompts %.0f %%.",
                   100 * f->refusing, 100 * f->otherwise);
}

static void say_decided(struct sc_decided_section *s)
{
    static const size_t depths[] = {1, 2, 4, 8, 16, 32, 64};
    size_t last = 0;
    if (s->few != NULL) {
        sc_text_printf(&s->text, "Where refusals are decided is not known: %s.", s->few);
        return;
    }
    sc_text_printf(&s->text, "Of what is open about refusing in the %zu prompt%s that waver%s, ",
                   s->n_wavering, s->n_wavering == 1 ? "" : "s", s->n_wavering == 1 ? "s" : "");
    for (size_t i = 0; i < sizeof depths / sizeof *depths && depths[i] <= s->n_depths; i++) {
        if (last > 0 && s->left[last - 1].value <= 0.1)
            break;
        sc_text_puts(&s->text, last > 0 ? ", " : "");
        put_left(&s->text, s, depths[i]);
        if (last == 0)
            sc_text_puts(&s->text, " is left after the first token");
        else
            sc_text_printf(&s->text, " after %zu", depths[i]);
        last = depths[i];
    }
    const struct sc_estimate *null = &s->null[last - 1];
    sc_text_printf(&s->text,
                   "; shuffled verdicts would leave %.0f to %.0f %% after %zu, so this is %s.",
                   100 * null->low, 100 * null->high, last,
                   s->p[last - 1] <= 0.05 ? "no accident" : "no more than chance shows");
    if (s->n_forks > 0)
        put_fork(&s->text, s);
    else
        sc_text_printf(&s->text, " No fork stands out of %zu tested.", s->n_tested);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum sc_status analyse(struct sc_analysis *a, struct sc_decided_pool *pool,
                              struct sc_error *error)
{
    struct sc_decided_section *out = &a->decided;
    struct sc_decided_run run;
    SC_TRY(add_all(a, pool, error));
    SC_TRY(sc_decided_pool_finish(pool, &run, error));
    if (run.n_prompts == 0) {
        out->absent = a->run->multi_turn
                          ? "earlier turns were generated, so answers to a prompt begin differently"
                          : "no prompt has two answers whose tokens and verdicts are known";
        return SC_OK;
    }
    SC_TRY(estimate_all(a, &run, error));
    SC_TRY(say_places(a, &run, error));
    say_decided(out);
    return out->text.failed ? sc_fail_nomem(error, "where refusals are decided") : SC_OK;
}

void sc_analyse_decided(struct sc_analysis *a, struct sc_error *error)
{
    struct sc_decided_pool *pool;
    if (sc_decided_pool_open(&pool, a->run->seed, error) != SC_OK)
        return;
    analyse(a, pool, error);
    sc_decided_pool_close(pool);
}

void sc_decided_section_free(struct sc_decided_section *section)
{
    for (size_t i = 0; i < SC_MOST_RUN_FORKS; i++) {
        sc_free(section->before[i]);
        sc_free(section->branch[i]);
        sc_free(section->other[i]);
    }
    for (size_t i = 0; i < SC_MOST_FIRST_TOKENS; i++)
        sc_free(section->first_text[i]);
    sc_text_free(&section->text);
}
