/* What a judgement leads to, kept in run.db and counted (pass.h). */
#include <math.h>
#include <stdio.h>

#include "experiment/judging/pass.h"

enum sc_status sc_pass_keep(struct sc_pass *pass, const struct sc_pass_answer *answer,
                            const struct sc_judgement *judgement, bool is_new,
                            struct sc_error *error)
{
    struct sc_classify_summary *summary = pass->summary;
    struct sc_store_opinion opinion = {.position = answer->position,
                                       .trace = answer->index,
                                       .detector = summary->detector,
                                       .judge = pass->options->harms ? summary->judge : NULL,
                                       .harm = SC_UNJUDGED};
    char rule[SC_PASS_RULE_SIZE];
    sc_pass_verdict(pass, answer, judgement, rule, &opinion);
    if (opinion.judge != NULL)
        opinion.harm = sc_pass_harm(pass, answer, judgement);
    SC_TRY(sc_store_put_opinion(pass->store, &opinion, is_new ? judgement : NULL,
                                pass->judge != NULL ? sc_judge_name(pass->judge) : NULL, error));
    summary->verdicts[opinion.verdict]++;
    summary->harms[opinion.harm]++;
    if (answer->failed)
        summary->n_failed++;
    else if (sc_pass_is_blank(answer))
        summary->n_empty++;
    else if (sc_pass_decided_by_rules(pass, answer))
        summary->n_by_rules++;
    else
        summary->n_by_judge++;
    if (judgement != NULL) {
        summary->n_asked += is_new;
        summary->n_stored += !is_new;
        summary->n_not_judged += judgement->failure != NULL;
        summary->n_again += judgement->again;
    }
    return SC_OK;
}

static void count_prompt(struct sc_pass *pass, size_t position,
                         const struct sc_judgement *judgement)
{
    enum sc_harm harm =
        judgement->failure != NULL ? SC_UNJUDGED : sc_safety_harm(judgement->safety);
    pass->summary->prompts[pass->instances[position].label][harm]++;
}

void sc_pass_label(struct sc_pass *pass, size_t row, const struct sc_judgement *judgement)
{
    struct sc_store_opinion opinion = {0};
    char rule[SC_PASS_RULE_SIZE];
    const struct sc_pass_answer *answer = &pass->labelled_answers[row];
    sc_pass_verdict(pass, answer, judgement, rule, &opinion);
    pass->readings[row] = (struct sc_label_reading){
        .verdict = opinion.verdict,
        .harm = pass->options->harms ? sc_pass_harm(pass, answer, judgement) : SC_UNJUDGED,
        .p_unsafe = judgement != NULL ? judgement->p_unsafe : NAN,
        .p_refused = judgement != NULL ? judgement->p_refused : NAN};
    if (judgement != NULL)
        pass->summary->n_again += judgement->again;
}

enum sc_status sc_pass_deliver(struct sc_pass *pass, size_t subject,
                               const struct sc_judgement *judgement, bool is_new,
                               struct sc_error *error)
{
    pass->summary->n_wanted++;
    pass->summary->n_missing += judgement->failure != NULL;
    if (judgement->failure != NULL)
        snprintf(pass->failure, sizeof pass->failure, "%s", judgement->failure);
    if (subject < pass->n_answers) {
        pass->answers[subject].answered = true;
        return sc_pass_keep(pass, &pass->answers[subject], judgement, is_new, error);
    }
    size_t position = subject - pass->n_answers;
    if (position < pass->n_instances) {
        pass->prompt_answered[position] = true;
        count_prompt(pass, position, judgement);
        return is_new ? sc_store_put_prompt_judgement(pass->store, position, judgement,
                                                      sc_judge_name(pass->judge), error)
                      : SC_OK;
    }
    size_t row = position - pass->n_instances;
    pass->labelled_answers[row].answered = true;
    sc_pass_label(pass, row, judgement);
    return SC_OK;
}
