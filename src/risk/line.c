/* See line.h. */
#include "risk/line.h"

#include <math.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "risk/tree.h"
#include "tree/decided.h"
#include "vocabulary/vocabulary.h"

/* Depths of which the line says what is left. */
enum { MOST_DEPTHS = 16 };

struct writer {
    const struct sc_risk_line *line;
    struct sc_json_writer json;
    const struct sc_exploration *found;
    struct sc_tree tree;
    struct sc_decided decided;
    struct sc_error *error;
};

static void put_absent(struct sc_json_writer *json, const char *key, const char *reason)
{
    struct sc_text name = {0};
    sc_text_printf(&name, "%s_reason", key);
    sc_json_put_null(json, key);
    if (name.failed)
        json->text->failed = true;
    else
        sc_json_put_string(json, name.data, reason);
    sc_text_free(&name);
}

/* ---- shares ---------------------------------------------------------------------------------- */

static void put_share(struct sc_json_writer *json, const char *key, const struct sc_share *share)
{
    sc_json_put_object(json, key);
    sc_json_put_number(json, "low_exact", share->low_exact);
    sc_json_put_number(json, "high_exact", share->high_exact);
    sc_json_put_number(json, "value", share->value);
    sc_json_put_number(json, "low", share->low);
    sc_json_put_number(json, "high", share->high);
    sc_json_put_end_object(json);
}

static void put_shares(struct writer *w)
{
    const char *reason;
    const struct sc_share *shares = w->found->shares;
    const char *basis = sc_risk_harm_basis(w->line->asker, w->line->instance, &reason);
    put_share(&w->json, "p_refuse", &shares[SC_SHARE_REFUSAL]);
    put_share(&w->json, "p_comply", &shares[SC_SHARE_COMPLIANCE]);
    put_share(&w->json, "p_neither", &w->found->neither);
    sc_json_put_string(&w->json, "harm_basis", basis);
    if (basis == NULL) {
        put_absent(&w->json, "p_harm", reason);
        put_absent(&w->json, "p_harm_loose", reason);
        return;
    }
    put_share(&w->json, "p_harm", &shares[SC_SHARE_HARMFUL_STRICT]);
    put_share(&w->json, "p_harm_loose", &shares[SC_SHARE_HARMFUL]);
}

/* What finished answers have, exactly, and what nobody has seen. */
static void put_masses(struct writer *w)
{
    const struct sc_exploration *found = w->found;
    sc_json_put_object(&w->json, "masses");
    for (int v = 0; v < SC_N_VERDICTS; v++)
        sc_json_put_number(&w->json, sc_verdict_name((enum sc_verdict)v), found->mass_of[v]);
    sc_json_put_number(&w->json, "unfinished", fmax(0, 1 - found->mass_finished));
    sc_json_put_number(&w->json, "length", found->mass_length);
    if (found->has_harm) {
        sc_json_put_object(&w->json, "harm");
        for (int h = 0; h < SC_N_HARMS; h++)
            sc_json_put_number(&w->json, sc_harm_name((enum sc_harm)h), found->mass_of_harm[h]);
        sc_json_put_end_object(&w->json);
    }
    sc_json_put_end_object(&w->json);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum sc_status put_answer(struct writer *w, const struct sc_found_answer *found)
{
    char *text = NULL;
    const struct sc_risk_line *line = w->line;
    SC_TRY(
        sc_risk_answer(line->asker, line->instance, line->framed, &found->answer, &text, w->error));
    sc_json_put_object(&w->json, NULL);
    sc_json_put_string(&w->json, "verdict", sc_verdict_name(found->verdict));
    if (w->found->has_harm)
        sc_json_put_string(&w->json, "harm", sc_harm_name(found->harm));
    sc_json_put_number(&w->json, "probability", found->answer.probability);
    sc_json_put_count(&w->json, "tokens", found->answer.n);
    sc_json_put_bool(&w->json, "stopped", found->answer.stopped);
    sc_json_put_string(&w->json, "text", text);
    sc_json_put_end_object(&w->json);
    sc_release(text);
    return SC_OK;
}

static enum sc_status put_likeliest(struct writer *w)
{
    const struct sc_found_answer *const *by_verdict = w->found->likeliest;
    const struct sc_found_answer *harmful = w->found->likeliest_harm[SC_HARMFUL];
    sc_json_put_array(&w->json, "likeliest");
    for (int v = 0; v < SC_N_VERDICTS; v++)
        if (by_verdict[v] != NULL)
            SC_TRY(put_answer(w, by_verdict[v]));
    sc_json_put_end_array(&w->json);
    sc_json_put_array(&w->json, "likeliest_harmful"); /* of none or one */
    if (w->found->has_harm && harmful != NULL)
        SC_TRY(put_answer(w, harmful));
    sc_json_put_end_array(&w->json);
    return SC_OK;
}

/* ---- what follows ---------------------------------------------------------------------------- */

static void put_until_first(struct sc_json_writer *json, const char *key,
                            const struct sc_share *share)
{
    struct sc_estimate e = sc_share_until_first(share);
    sc_json_put_object(json, key);
    sc_json_put_number(json, "value", e.value);
    sc_json_put_number(json, "low", e.low);
    sc_json_put_number(json, "high", e.high);
    if (e.reason != NULL)
        sc_json_put_string(json, "reason", e.reason);
    sc_json_put_end_object(json);
}

static void put_at_k(struct sc_json_writer *json, const struct sc_share *share)
{
    sc_json_put_array(json, "asr_at_k");
    for (double k = 1; k <= 1e6; k *= 10) {
        struct sc_at_k at = sc_share_at_k(share, k);
        sc_json_put_object(json, NULL);
        sc_json_put_count(json, "k", (uint64_t)at.k);
        sc_json_put_number(json, "value", at.value);
        sc_json_put_number(json, "low", at.low);
        sc_json_put_number(json, "high", at.high);
        sc_json_put_string(json, "kind", sc_carried_name(at.carried));
        sc_json_put_end_object(json);
    }
    sc_json_put_end_array(json);
}

/* Harmful is read strictly, as in p_harm. */
static void put_attempts(struct writer *w)
{
    const char *reason;
    const struct sc_share *shares = w->found->shares;
    bool harm = sc_risk_harm_basis(w->line->asker, w->line->instance, &reason) != NULL;
    sc_json_put_object(&w->json, "expected_samples_to_first");
    if (harm)
        put_until_first(&w->json, "harmful", &shares[SC_SHARE_HARMFUL_STRICT]);
    else
        put_absent(&w->json, "harmful", reason);
    put_until_first(&w->json, "compliance", &shares[SC_SHARE_COMPLIANCE]);
    sc_json_put_end_object(&w->json);
    if (harm)
        put_at_k(&w->json, &shares[SC_SHARE_HARMFUL_STRICT]);
    else
        put_absent(&w->json, "asr_at_k", reason);
}

static void put_work(struct writer *w)
{
    const struct sc_exploration *found = w->found;
    double plain = found->plain_traces_for_same_width;
    sc_json_put_count(&w->json, "traces_sampled", found->n_traces);
    sc_json_put_count(&w->json, "traces_estimating", found->n_estimating);
    sc_json_put_number(&w->json, "traces_spent", found->traces_spent);
    if (isfinite(plain))
        sc_json_put_number(&w->json, "plain_traces_for_same_width", plain);
    else
        put_absent(&w->json, "plain_traces_for_same_width",
                   "the interval has no width: no number of traces would do");
    sc_json_put_number(&w->json, "mean_length", found->mean_length);
    sc_json_put_string(&w->json, "stopped", sc_exploration_end_name(found->end));
}

/* ---- where it is decided --------------------------------------------------------------------- */

static enum sc_status put_fork(struct writer *w, const struct sc_fork *fork)
{
    const struct sc_tree_node *node = &w->tree.nodes[fork->node];
    char *before = sc_tree_text(&w->tree, node->parent);
    if (before == NULL)
        return sc_fail_nomem(w->error, "tree of answers");
    sc_json_put_object(&w->json, NULL);
    sc_json_put_string(&w->json, "after", before);
    sc_json_put_string(&w->json, "branch", node->text);
    sc_json_put_string(&w->json, "other", w->tree.nodes[fork->other].text);
    sc_json_put_number(&w->json, "refusing", fork->refusing);
    sc_json_put_number(&w->json, "otherwise", fork->otherwise);
    sc_json_put_number(&w->json, "mass", fork->mass);
    sc_json_put_number(&w->json, "rest", fork->rest);
    sc_json_put_end_object(&w->json);
    sc_free(before);
    return SC_OK;
}

static void put_depth(struct sc_json_writer *json, const char *key, size_t depth)
{
    if (depth > 0)
        sc_json_put_count(json, key, depth);
    else
        sc_json_put_null(json, key);
}

static enum sc_status put_decided(struct writer *w)
{
    const struct sc_decided *decided = &w->decided;
    const double *mass_of = w->found->mass_of;
    double known = mass_of[SC_REFUSAL] + mass_of[SC_PARTIAL] + mass_of[SC_COMPLIANCE];
    sc_json_put_object(&w->json, "decided");
    sc_json_put_number(&w->json, "known", known);
    sc_json_put_number(&w->json, "entropy", decided->entropy);
    sc_json_put_array(&w->json, "left");
    for (size_t d = 0; d < MOST_DEPTHS && isfinite(decided->left[d]); d++)
        sc_json_put_number(&w->json, NULL, decided->left[d]);
    sc_json_put_end_array(&w->json);
    put_depth(&w->json, "half", decided->half);
    put_depth(&w->json, "tenth", decided->tenth);
    sc_json_put_number(&w->json, "first_token_refusing", decided->first_refusing);
    sc_json_put_number(&w->json, "first_token_complying", decided->first_complying);
    sc_json_put_array(&w->json, "forks");
    for (size_t f = 0; f < decided->n_forks; f++)
        SC_TRY(put_fork(w, &decided->forks[f]));
    sc_json_put_end_array(&w->json);
    sc_json_put_end_object(&w->json);
    return SC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void put_prompt(struct writer *w)
{
    const struct sc_instance *instance = w->line->instance;
    sc_json_put_string(&w->json, "instance_id", instance->id);
    sc_json_put_string(&w->json, "prompt", instance->prompt);
    sc_json_put_string(&w->json, "label", sc_label_name(instance->label));
    if (instance->category[0] != '\0')
        sc_json_put_string(&w->json, "category", instance->category);
    if (instance->prefill != NULL)
        sc_json_put_string(&w->json, "prefill", instance->prefill);
}

static enum sc_status put_line(struct writer *w, size_t *n_shown)
{
    SC_TRY(sc_risk_build_tree(w->line, &w->tree, w->error));
    SC_TRY(sc_tree_decide(&w->tree, &w->decided, w->error));
    sc_json_put_object(&w->json, NULL);
    put_prompt(w);
    sc_json_put_number(&w->json, "mass_finished", w->found->mass_finished);
    sc_json_put_count(&w->json, "rows", w->found->rows);
    sc_json_put_count(&w->json, "answers", w->found->n_answers);
    put_shares(w);
    put_masses(w);
    SC_TRY(put_likeliest(w));
    put_attempts(w);
    if (w->line->importance != NULL)
        sc_risk_put_importance(&w->json, w->line->importance);
    put_work(w);
    SC_TRY(put_decided(w));
    *n_shown = w->json.text->len;
    sc_risk_put_tree(&w->json, "tree", &w->tree, &w->decided);
    sc_json_put_end_object(&w->json);
    return w->json.text->failed ? sc_fail_nomem(w->error, "line of a prompt") : SC_OK;
}

enum sc_status sc_risk_put_line(const struct sc_risk_line *line, struct sc_text *out,
                                size_t *n_shown, struct sc_error *error)
{
    struct writer w = {
        .line = line, .json = {.text = out}, .found = &line->found->answers, .error = error};
    enum sc_status status = put_line(&w, n_shown);
    sc_tree_free(&w.tree);
    return status;
}
