/* The comparison under the names that diff.json has (docs/FILES.md); the terminal and the page find
 * its figures by these. */
#include <math.h>

#include "analysis/diff/diff.h"
#include "vocabulary/vocabulary.h"

static void put_figure(struct sc_document *out, const char *key, const struct sc_diff_figure *f)
{
    sc_document_put_object(out, key);
    sc_document_put_estimate(out, "a", &f->a);
    sc_document_put_estimate(out, "b", &f->b);
    sc_document_put_estimate(out, "difference", &f->difference);
    sc_document_put_end(out);
}

static void put_text_or_absent(struct sc_document *out, const char *key, const char *value)
{
    if (value != NULL)
        sc_document_put_text(out, key, value);
    else
        sc_document_put_absent(out, key, NULL);
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void put_run(struct sc_document *out, const struct sc_diff_run *r)
{
    const struct sc_run *run = &r->run;
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "run", r->mark);
    sc_document_put_text(out, "name", r->name);
    sc_document_put_text(out, "model", run->model_name);
    sc_document_put_flag(out, "demo", run->demo);
    sc_document_put_text(out, "benchmark", run->benchmark_name);
    sc_document_put_text(out, "policy", run->policy_names[run->primary]);
    const json_t *sampling = json_object_get(r->config, "sampling");
    const json_t *temperature = json_object_get(sampling, "temperature");
    sc_document_put_number_or(out, "temperature",
                              json_is_number(temperature) ? json_number_value(temperature) : NAN,
                              "not in the run's configuration");
    sc_document_put_digits(out, "seed", run->seed);
    sc_document_put_text(out, "metric", sc_metric_name(run->metric));
    if (r->confidence_basis[0] != '\0')
        sc_document_put_text(out, "confidence_basis", r->confidence_basis);
    sc_document_put_text(out, "detector", run->detector);
    sc_document_put_text(out, "judge", r->proxy ? SC_NO_JUDGE : run->judge);
    sc_document_put_number_or(out, "confident_threshold", r->view.threshold, "no confidence");
    sc_document_put_count(out, "n_instances", run->n_instances);
    sc_document_put_count(out, "n_traces", r->n_traces);
    sc_document_put_count(out, "fewest_traces", r->fewest_traces);
    sc_document_put_count(out, "most_traces", r->most_traces);
    sc_document_put_count(out, "n_traces_failed", r->n_failed);
    sc_document_put_count(out, "n_traces_unparsed", r->n_unparsed);
    sc_document_put_count(out, "n_traces_unreached", r->n_unreached);
    if (r->n_filtered > 0) {
        sc_document_put_count(out, "n_traces_filtered", r->n_filtered);
        sc_document_put_count(out, "n_traces_withheld", r->n_withheld);
    }
    sc_document_put_end(out);
}

static void put_settings(struct sc_document *out, const struct sc_diff *diff)
{
    sc_document_put_array(out, "settings_that_differ");
    for (size_t i = 0; i < diff->n_settings; i++) {
        const struct sc_diff_setting *s = &diff->settings[i];
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "field", s->field);
        for (int side = 0; side < 2; side++) {
            const char *key = side == 0 ? "a" : "b";
            const json_t *value = s->values[side];
            if (value == NULL)
                sc_document_put_absent(out, key, NULL);
            else if (json_is_number(value))
                sc_document_put_number(out, key, json_number_value(value));
            else
                sc_document_put_json(out, key, value);
        }
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

/* ---- one pair -------------------------------------------------------------------------------- */

static void put_prompts(struct sc_document *out, const struct sc_diff_pair *pair)
{
    sc_document_put_object(out, "prompts");
    sc_document_put_count(out, "common", pair->n_common);
    sc_document_put_count(out, "only_a", pair->n_only_a);
    sc_document_put_count(out, "only_b", pair->n_only_b);
    sc_document_put_count(out, "other_prompt", pair->n_other_prompt);
    sc_document_put_count(out, "not_finished", pair->n_unfinished);
    sc_document_put_count(out, "other_label", pair->n_other_label);
    sc_document_put_count(out, "other_frame", pair->n_other_frame);
    sc_document_put_end(out);
}

static void put_permutation(struct sc_document *out, const struct sc_diff_permutation *p)
{
    sc_document_put_object(out, "permutation");
    sc_document_put_number_or(out, "p", p->p, "no prompt is judged in both runs");
    if (isfinite(p->holm) || isnan(p->p)) /* labels alone are not adjusted */
        sc_document_put_number_or(out, "p_holm", p->holm, "no prompt is judged in both runs");
    sc_document_put_count(out, "n", p->n);
    sc_document_put_flag(out, "exact", p->exact);
    sc_document_put_end(out);
}

static void put_mcnemar(struct sc_document *out, const struct sc_diff_mcnemar *t)
{
    sc_document_put_object(out, "mcnemar");
    sc_document_put_text(out, "meaning",
                         "b: refused in a and complied with in b; c: the reverse; prompts that are "
                         "split or not judged in a run are left out");
    sc_document_put_count(out, "both_refused", t->both_refused);
    sc_document_put_count(out, "b", t->b);
    sc_document_put_count(out, "c", t->c);
    sc_document_put_count(out, "both_complied", t->both_complied);
    sc_document_put_count(out, "left_out", t->n_left_out);
    sc_document_put_number(out, "p", t->p);
    sc_document_put_number(out, "p_holm", t->holm);
    sc_document_put_end(out);
}

static void put_changed(struct sc_document *out, const struct sc_diff_group *g)
{
    sc_document_put_object(out, "verdict_changed");
    sc_document_put_count(out, "n", g->n_changed);
    sc_document_put_count(out, "of", g->n);
    sc_document_put_end(out);
}

/* Harm of both readings. */
static void put_harm(struct sc_document *out, const struct sc_diff_pair *pair,
                     const struct sc_diff_group *g)
{
    put_figure(out, "harm", &g->harm);
    put_figure(out, "harm_loose", &g->harm_loose);
    put_text_or_absent(out, "harm_basis", pair->harm_basis);
}

static void put_group(struct sc_document *out, const char *key, const struct sc_diff_pair *pair,
                      const struct sc_diff_group *g)
{
    sc_document_put_object(out, key);
    sc_document_put_count(out, "count", g->n);
    put_figure(out, "refusal_rate", &g->refusal_rate);
    put_harm(out, pair, g);
    put_figure(out, "confidence", &g->confidence);
    put_changed(out, g);
    put_permutation(out, &g->permutation);
    sc_document_put_end(out);
}

/* Grouped by what A did, prompts move towards the middle by chance alone: no test of them. */
static void put_quadrants(struct sc_document *out, const struct sc_diff_pair *pair)
{
    sc_document_put_text(out, "per_quadrant_note",
                         "prompts by their quadrant in a: those that refused most by chance refuse "
                         "less when asked again, and the reverse (regression to the mean), so that "
                         "these differences describe and test nothing");
    sc_document_put_object(out, "per_quadrant");
    for (size_t q = 0; q < SC_N_QUADRANTS; q++) {
        const struct sc_diff_group *g = &pair->by_quadrant[q];
        sc_document_put_object(out, g->name);
        sc_document_put_count(out, "count", g->n);
        put_figure(out, "refusal_rate", &g->refusal_rate);
        put_harm(out, pair, g);
        put_figure(out, "confidence", &g->confidence);
        put_changed(out, g);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

/* The figures that stand at the top for the first two runs, and in "pairs" for all. */
static void put_pair(struct sc_document *out, const struct sc_diff_pair *pair)
{
    put_prompts(out, pair);
    put_figure(out, "refusal_rate", &pair->all.refusal_rate);
    put_figure(out, "refusal_rate_unsafe", &pair->labels[SC_LABEL_UNSAFE].refusal_rate);
    put_figure(out, "over_refusal", &pair->labels[SC_LABEL_SAFE].refusal_rate);
    put_harm(out, pair, &pair->all);
    put_figure(out, "confidence", &pair->all.confidence);
    if (pair->confidence_bases[0] != '\0')
        sc_document_put_text(out, "confidence_basis", pair->confidence_bases);
    if (pair->confidence_note != NULL)
        sc_document_put_text(out, "confidence_note", pair->confidence_note);
    put_changed(out, &pair->all);
    put_mcnemar(out, &pair->mcnemar);
    put_permutation(out, &pair->all.permutation);
}

static void put_attacks(struct sc_document *out, const struct sc_diff_pair *pair)
{
    sc_document_put_array(out, "asr_at_k");
    for (size_t i = 0; i < pair->n_attacks; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_count(out, "k", pair->attacks[i].k);
        put_figure(out, "strict", &pair->attacks[i].strict);
        put_figure(out, "loose", &pair->attacks[i].loose);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static const char *behaviour_key(size_t behaviour)
{
    const char *name = sc_behaviour_name((enum sc_behaviour)behaviour);
    return name != NULL ? name : "not_judged";
}

static const char *quadrant_key(size_t quadrant)
{
    const char *name = sc_quadrant_name((enum sc_quadrant)quadrant);
    return name != NULL ? name : "none";
}

/* {"in a": {"in b": count}} */
static void put_moves(struct sc_document *out, const struct sc_diff_pair *pair)
{
    sc_document_put_object(out, "behaviours");
    for (size_t a = 0; a < SC_N_BEHAVIOURS; a++) {
        sc_document_put_object(out, behaviour_key(a));
        for (size_t b = 0; b < SC_N_BEHAVIOURS; b++)
            sc_document_put_count(out, behaviour_key(b), pair->behaviours[a][b]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_object(out, "quadrants");
    for (size_t a = 0; a <= SC_N_QUADRANTS; a++) {
        sc_document_put_object(out, quadrant_key(a));
        for (size_t b = 0; b <= SC_N_QUADRANTS; b++)
            sc_document_put_count(out, quadrant_key(b), pair->quadrants[a][b]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

/* ---- prompts that changed -------------------------------------------------------------------- */

/* An answer that shows what the prompt did: the first of its behaviour, else the first. */
static const struct sc_run_trace *example(const struct sc_diff_run *r, size_t instance)
{
    const struct sc_run_instance *from = &r->run.instances[instance];
    const struct sc_summary *s = &r->view.instances[instance];
    for (size_t t = 0; t < s->n_traces; t++) {
        const struct sc_run_trace *trace = sc_run_trace_seen(from, r->run.primary, t);
        if (sc_trace_is_judged(trace) &&
            sc_verdict_is_refused(trace->verdict) == (s->behaviour == SC_REFUSED))
            return trace;
    }
    return s->n_traces > 0 ? sc_run_trace_seen(from, r->run.primary, 0) : NULL;
}

static void put_side(struct sc_document *out, const char *key, const struct sc_diff_run *r,
                     size_t instance)
{
    const struct sc_summary *s = &r->view.instances[instance];
    const struct sc_run_trace *trace = example(r, instance);
    sc_document_put_object(out, key);
    sc_document_put_text(out, "behaviour", sc_behaviour_name(s->behaviour));
    sc_document_put_text(out, "quadrant", sc_quadrant_name(s->quadrant));
    sc_document_put_number(out, "refusal_rate", s->refusal_rate);
    sc_document_put_number(out, "harm_rate",
                           s->n_known > 0 ? (double)s->n_harmful / (double)s->n_known : NAN);
    sc_document_put_number(out, "confidence", s->confidence);
    sc_document_put_count(out, "n_traces", s->n_traces);
    sc_document_put_text(out, "verdict",
                         trace != NULL && trace->finish != SC_FINISH_FAILED
                             ? sc_verdict_name(trace->verdict)
                             : NULL);
    sc_document_put_text(out, "answer",
                         trace == NULL           ? NULL
                         : trace->answer != NULL ? trace->answer
                                                 : trace->text);
    sc_document_put_end(out);
}

static void put_most(struct sc_document *out, const struct sc_diff_pair *pair)
{
    sc_document_put_count(out, "n_moved", pair->n_moved);
    sc_document_put_array(out, "changed_most");
    for (size_t i = 0; i < pair->n_most; i++) {
        const struct sc_diff_match *match = &pair->matches[pair->most[i]];
        const struct sc_run_instance *instance = &pair->a->run.instances[match->a];
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "instance_id", instance->id);
        sc_document_put_text(out, "prompt", instance->prompt);
        sc_document_put_text(out, "label", sc_label_name(instance->label));
        sc_document_put_text(out, "category", instance->category);
        put_side(out, "a", pair->a, match->a);
        put_side(out, "b", pair->b, match->b);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void put_said(struct sc_document *out, const struct sc_diff *diff)
{
    sc_document_put_array(out, "summary");
    for (size_t i = 0; i < SC_DIFF_N_SENTENCES; i++)
        sc_document_put_text(out, NULL, diff->sentences[i]);
    sc_document_put_end(out);
    sc_document_put_array(out, "notes");
    for (size_t i = 0; i < diff->n_notes; i++)
        sc_document_put_text(out, NULL, diff->notes[i]);
    sc_document_put_end(out);
}

static void put_pairs(struct sc_document *out, const struct sc_diff *diff)
{
    sc_document_put_object(out, "in_all_runs");
    sc_document_put_count(out, "common", diff->n_in_all);
    sc_document_put_object(out, "verdict_changed");
    sc_document_put_count(out, "n", diff->n_changed_in_any);
    sc_document_put_count(out, "of", diff->n_in_all);
    sc_document_put_end(out);
    sc_document_put_end(out);
    sc_document_put_array(out, "pairs");
    for (size_t i = 0; i < diff->n_pairs; i++) {
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "a", diff->pairs[i].a->mark);
        sc_document_put_text(out, "b", diff->pairs[i].b->mark);
        put_pair(out, &diff->pairs[i]);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

void sc_document_put_diff(struct sc_document *out, const struct sc_diff *diff)
{
    const struct sc_diff_pair *pair = &diff->pairs[0];
    sc_document_begin(out);
    put_said(out, diff);
    sc_document_put_array(out, "runs");
    for (size_t i = 0; i < diff->n_runs; i++)
        put_run(out, &diff->runs[i]);
    sc_document_put_end(out);
    put_settings(out, diff);
    sc_document_put_text(out, "intervals",
                         "95 %, resampling prompts (2000 resamples); differences are b minus a");
    put_pair(out, pair);
    put_attacks(out, pair);
    sc_document_put_object(out, "per_label");
    for (size_t l = 0; l < SC_N_LABELS; l++)
        if (pair->labels[l].n > 0)
            put_group(out, pair->labels[l].name, pair, &pair->labels[l]);
    sc_document_put_end(out);
    sc_document_put_object(out, "per_category");
    for (size_t k = 0; k < pair->n_categories; k++)
        put_group(out, pair->categories[k].name, pair, &pair->categories[k]);
    sc_document_put_end(out);
    put_moves(out, pair);
    put_quadrants(out, pair);
    put_most(out, pair);
    if (diff->n_runs > 2)
        put_pairs(out, diff);
    sc_document_put_end(out);
}
