/* See meaning.h. */
#include "source/server/meaning.h"

#include <assert.h>
#include <math.h>

#include "source/server/listed.h"

/* Temperatures closer to 1 than this, as 1 - 1/t, tell nothing. */
static const double least_distance = 0.5;

/* A token's log-probability in a prompt may differ by so much from what it had when generated. */
static const double forced_tolerance = 0.5;

struct finding {
    const struct sc_meaning *of;
    const struct sc_sampling *own;
    double other;                                                         /* temperature beside 1 */
    struct sc_answer neutral[SC_TRIAL_CONTEXTS], warm[SC_TRIAL_CONTEXTS]; /* at 1, and at other */
    size_t n_contexts; /* asked; neutral[0] stays empty: it is the first answer */
};

static enum sc_status remark(const struct finding *f, struct sc_error *error)
{
    return f->of->facts->remarks.failed ? sc_fail_nomem(error, "remarks on a server") : SC_OK;
}

static const struct sc_answer *neutral_of(const struct finding *f, size_t context)
{
    return context == 0 ? f->of->first : &f->neutral[context];
}

/* ---- two temperatures ------------------------------------------------------------------------ */

static double other_temperature(double own)
{
    return own > 0 && fabs(1 - 1 / own) >= least_distance ? own : 0.5;
}

static struct sc_trial trial_of(const struct finding *f, size_t context, double temperature)
{
    return (struct sc_trial){
        .context = context, .temperature = temperature, .n_top = f->of->n_top, .max_tokens = 1};
}

/* One list alone tells nothing: without the first one the other is not asked for. */
static enum sc_status ask_pair(struct finding *f, size_t context, struct sc_error *error)
{
    const struct sc_trial neutral = trial_of(f, context, 1), warm = trial_of(f, context, f->other);
    f->n_contexts = context + 1;
    if (context > 0)
        SC_TRY(sc_trial_ask(f->of->trials, &neutral, &f->neutral[context], error));
    if (sc_trial_list(neutral_of(f, context)).n == 0)
        return SC_OK;
    return sc_trial_ask(f->of->trials, &warm, &f->warm[context], error);
}

static enum sc_status decide(const struct finding *f, struct sc_rule_finding *finding,
                             struct sc_error *error)
{
    struct sc_rule_pair pairs[SC_TRIAL_CONTEXTS];
    for (size_t i = 0; i < f->n_contexts; i++)
        pairs[i] = (struct sc_rule_pair){.neutral = sc_trial_list(neutral_of(f, i)),
                                         .other = sc_trial_list(&f->warm[i])};
    return sc_rule_decide(pairs, f->n_contexts, f->other, finding, error);
}

/* Asks in one context after another until the rule can tell. */
static enum sc_status find_kind(struct finding *f, struct sc_error *error)
{
    struct sc_rule_finding finding = {.kind = SC_LOGPROBS_UNKNOWN};
    for (size_t i = 0; i < SC_TRIAL_CONTEXTS && finding.kind == SC_LOGPROBS_UNKNOWN; i++) {
        SC_TRY(ask_pair(f, i, error));
        SC_TRY(decide(f, &finding, error));
    }
    f->of->facts->logprobs = finding.kind;
    if (finding.why != NULL)
        sc_text_printf(&f->of->facts->remarks,
                       "what the server's log-probabilities are those of could not be told: %s\n",
                       finding.why);
    return remark(f, error);
}

/* ---- the run's own sampling ------------------------------------------------------------------ */

static bool has_filters(const struct sc_sampling *own)
{
    return own->top_p < 1 || own->min_p > 0 || own->top_k > 0;
}

/* How a context's list changes when the run's own sampling takes the place of a neutral one. */
static enum sc_status compare_in(const struct finding *f, size_t context,
                                 const struct sc_answer *before, enum sc_rule_change *change,
                                 struct sc_error *error)
{
    struct sc_trial trial = trial_of(f, context, NAN);
    struct sc_answer answer;
    trial.sampling = SC_TRIAL_OWN;
    SC_TRY(sc_trial_ask(f->of->trials, &trial, &answer, error));
    const struct sc_rule_list lists[] = {sc_trial_list(before), sc_trial_list(&answer)};
    enum sc_status status = sc_rule_compare(&lists[0], &lists[1], change, error);
    sc_answer_free(&answer);
    return status;
}

/* The same in the first context that has both lists. */
static enum sc_status compare_own(const struct finding *f, bool at_other,
                                  enum sc_rule_change *change, struct sc_error *error)
{
    *change = SC_RULE_NO_LISTS;
    for (size_t i = 0; i < f->n_contexts && *change == SC_RULE_NO_LISTS; i++) {
        const struct sc_answer *before = at_other ? &f->warm[i] : neutral_of(f, i);
        if (sc_trial_list(before).n > 0)
            SC_TRY(compare_in(f, i, before, change, error));
    }
    return SC_OK;
}

static void conclude(struct sc_server_facts *facts, const struct sc_sampling *own,
                     enum sc_rule_change change)
{
    struct sc_text *remarks = &facts->remarks;
    bool raw = facts->logprobs == SC_LOGPROBS_RAW;
    if (change == SC_RULE_FILTERED && has_filters(own)) {
        facts->logprobs = SC_LOGPROBS_PROCESSED;
        sc_text_puts(remarks,
                     "the server's log-probabilities are those that top-k, top-p and min-p "
                     "leave: what they exclude has none\n");
    } else if (!raw && own->temperature == 0 && change == SC_RULE_SAME) {
        facts->logprobs = SC_LOGPROBS_RAW;
        sc_text_puts(remarks, "the server's log-probabilities follow the temperature, but at 0, as "
                              "in this run, they are the model's own\n");
    } else if (raw && change == SC_RULE_OTHER) {
        facts->logprobs = SC_LOGPROBS_UNKNOWN;
        sc_text_puts(remarks,
                     "the server's log-probabilities change with this run's sampling in no "
                     "way that is known\n");
    }
}

/* The run's own sampling may do more than its temperature, or be greedy. */
static enum sc_status check_own(struct finding *f, struct sc_error *error)
{
    struct sc_server_facts *facts = f->of->facts;
    bool raw = facts->logprobs == SC_LOGPROBS_RAW, greedy = f->own->temperature == 0;
    bool at_other = f->own->temperature == f->other;
    /* Processed ones are known at the two temperatures that were tried. */
    bool comparable = raw || greedy || at_other || f->own->temperature == 1;
    if (facts->logprobs == SC_LOGPROBS_UNKNOWN || !comparable ||
        !(has_filters(f->own) || (!raw && greedy)))
        return SC_OK;
    enum sc_rule_change change;
    SC_TRY(compare_own(f, !raw && at_other, &change, error));
    conclude(facts, f->own, change);
    return remark(f, error);
}

/* ---- forced tokens --------------------------------------------------------------------------- */

static const struct sc_candidate *likeliest(const struct sc_rule_list *list)
{
    const struct sc_candidate *best = NULL;
    for (size_t i = 0; i < list->n; i++)
        if (best == NULL || list->items[i].logprob > best->logprob)
            best = &list->items[i];
    return best;
}

/* A token's log-probability as part of a prompt is the model's own, and so is to agree with a
 * generated one that is held to be that.  Where it does not, two temperatures outweigh it: there
 * are servers whose lists for a prompt are off by a place. */
static enum sc_status check_forced(struct finding *f, struct sc_error *error)
{
    enum { CONTEXT = 1 };
    double forced = NAN;
    struct sc_server_facts *facts = f->of->facts;
    if (f->of->trials->probe->endpoint == SC_ENDPOINT_CHAT || facts->logprobs != SC_LOGPROBS_RAW)
        return SC_OK;
    if (f->n_contexts <= CONTEXT)
        SC_TRY(ask_pair(f, CONTEXT, error));
    const struct sc_rule_list list = sc_trial_list(&f->neutral[CONTEXT]);
    const struct sc_candidate *token = likeliest(&list);
    if (token != NULL)
        SC_TRY(sc_trial_forced(f->of->trials, CONTEXT, token, &forced, error));
    if (isnan(forced) || fabs(forced - token->logprob) <= forced_tolerance)
        return SC_OK;
    sc_text_printf(
        &facts->remarks,
        "the server scores a token of a prompt otherwise (%.2f) than the same one when it "
        "is generated (%.2f); what is stored are figures of generated ones\n",
        forced, token->logprob);
    return remark(f, error);
}

/* ---- all together ---------------------------------------------------------------------------- */

static void count_listed(struct finding *f)
{
    size_t *top_k = &f->of->facts->top_k;
    for (size_t i = 0; i < f->n_contexts && *top_k == 0; i++)
        *top_k = sc_listed_count(&neutral_of(f, i)->completion, f->of->n_top);
}

static enum sc_status find(struct finding *f, struct sc_error *error)
{
    SC_TRY(find_kind(f, error));
    count_listed(f);
    SC_TRY(check_own(f, error));
    return check_forced(f, error);
}

enum sc_status sc_meaning_find(const struct sc_meaning *meaning, struct sc_error *error)
{
    assert(meaning->n_top > 0);
    const struct sc_sampling *own = &meaning->trials->probe->wish->sampling;
    struct finding f = {.of = meaning, .own = own, .other = other_temperature(own->temperature)};
    enum sc_status status = find(&f, error);
    for (size_t i = 0; i < SC_TRIAL_CONTEXTS; i++) {
        sc_answer_free(&f.neutral[i]);
        sc_answer_free(&f.warm[i]);
    }
    return status;
}
