/* Where refusals are decided, as figures with names. */
#include "analysis/document/sections.h"

static void put_forks(struct sc_document *out, const struct sc_decided_section *s)
{
    sc_document_put_array(out, "forks");
    for (size_t i = 0; i < s->n_forks; i++) {
        const struct sc_run_fork *f = &s->forks[i];
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "after", s->before[i]);
        sc_document_put_text(out, "branch", s->branch[i]);
        sc_document_put_text(out, "most_frequent_other", s->other[i]);
        sc_document_put_count(out, "tokens_before", f->fork_depth);
        sc_document_put_number(out, "refuses", f->refusing);
        sc_document_put_number(out, "refuses_otherwise", f->otherwise);
        sc_document_put_estimate(out, "difference", &f->swing);
        sc_document_put_number(out, "p_adjusted", f->p);
        sc_document_put_count(out, "n_traces", f->n);
        sc_document_put_count(out, "n_traces_otherwise", f->n_others);
        sc_document_put_count(out, "n_prompts", f->n_prompts);
        sc_document_put_number(out, "mass", f->mass);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
}

static void put_first_token(struct sc_document *out, const struct sc_decided_section *s)
{
    sc_document_put_object(out, "first_token");
    sc_document_put_text(out, "meaning",
                         "shares of answers whose first token all but settles it: of those with it "
                         "at least 95 % refuse (or at most 5 %), and there are at least 20");
    sc_document_put_estimate(out, "refusal_mass", &s->first_refusing);
    sc_document_put_estimate(out, "compliance_mass", &s->first_complying);
    sc_document_put_array(out, "tokens");
    for (size_t i = 0; i < s->n_first; i++) {
        const struct sc_first_token *f = &s->first[i];
        struct sc_estimate refuses = sc_wilson(f->refused, f->n);
        sc_document_put_object(out, NULL);
        sc_document_put_text(out, "text", s->first_text[i]);
        sc_document_put_number(out, "mass", f->mass);
        /* as if traces were independent: of a table to be read, not to be concluded from */
        sc_document_put_number(out, "refuses", refuses.value);
        sc_document_put_count(out, "n_traces", f->n);
        sc_document_put_count(out, "n_prompts", f->n_prompts);
        sc_document_put_end(out);
    }
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_depths(struct sc_document *out, const struct sc_decided_section *s)
{
    static const char *const estimates[] = {"left", "null"};
    const struct {
        const char *key;
        const double *values;
    } numbers[] = {
        {"p", s->p}, {"left_uncorrected", s->plain}, {"null_uncorrected", s->plain_null}};
    sc_document_put_array(out, "depth");
    for (size_t d = 0; d < s->n_depths; d++)
        sc_document_put_count(out, NULL, d + 1);
    sc_document_put_end(out);
    for (int e = 0; e < 2; e++) {
        sc_document_put_array(out, estimates[e]);
        for (size_t d = 0; d < s->n_depths; d++)
            sc_document_put_estimate(out, NULL, e == 0 ? &s->left[d] : &s->null[d]);
        sc_document_put_end(out);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sc_document_put_array(out, numbers[i].key);
        for (size_t d = 0; d < s->n_depths; d++)
            sc_document_put_number(out, NULL, numbers[i].values[d]);
        sc_document_put_end(out);
    }
    sc_document_put_estimate(out, "half_after", &s->half);
    sc_document_put_estimate(out, "nine_tenths_after", &s->tenth);
}

void sc_document_put_decided(struct sc_document *out, const struct sc_analysis *a)
{
    const struct sc_decided_section *s = &a->decided;
    if (s->absent != NULL) {
        sc_document_put_absent(out, "decided", s->absent);
        return;
    }
    sc_document_put_object(out, "decided");
    sc_document_put_text(out, "meaning",
                         "share of the entropy of refusing against complying that is left once the "
                         "first tokens of an answer are known, within prompts, corrected for "
                         "chance; null: the same of verdicts shuffled within prompts");
    sc_document_put_text(out, "text", s->text.data);
    sc_document_put_text(out, "policy", a->run->policy_names[a->largest]);
    sc_document_put_count(out, "n_prompts", s->n_prompts);
    sc_document_put_count(out, "n_wavering", s->n_wavering);
    sc_document_put_count(out, "n_left_out", s->n_without);
    sc_document_put_count(out, "n_traces", s->n_traces);
    sc_document_put_flag(out, "reasoning_counts", s->reasoning);
    sc_document_put_number(out, "entropy", s->entropy);
    put_depths(out, s);
    put_first_token(out, s);
    sc_document_put_count(out, "n_forks_tested", s->n_tested);
    put_forks(out, s);
    sc_document_put_end(out);
}
