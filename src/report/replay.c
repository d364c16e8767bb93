/*
 * A replay as JSON and as tables for a terminal.  Names of policies are our own words; what comes
 * from a run is written as JSON strings only.
 */
#include "analysis/replay/replay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* ---- JSON ------------------------------------------------------------------------------------ */

/* What cannot be made becomes NULL, which the caller sees once. */
struct object {
    json_t *json;
    bool failed;
};

static void put(struct object *object, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(object->json, key, value) != 0)
        object->failed = true;
}

static void put_count(struct object *object, const char *key, uint64_t value)
{
    put(object, key, json_integer((json_int_t)value));
}

static void put_text(struct object *object, const char *key, const char *text)
{
    put(object, key, text != NULL ? json_string(text) : json_null());
}

/* {"value","low","high","n"}; null, and KEY_reason beside it, when there is none. */
static void put_estimate(struct object *object, const char *key, const struct sc_estimate *e)
{
    char reason_key[80];
    snprintf(reason_key, sizeof reason_key, "%s_reason", key);
    if (!isfinite(e->value)) {
        put(object, key, json_null());
        put_text(object, reason_key, e->reason != NULL ? e->reason : "not a finite number");
        return;
    }
    struct object inner = {json_object(), false};
    put(&inner, "value", sc_json_number(e->value));
    put(&inner, "low", sc_json_number(e->low));
    put(&inner, "high", sc_json_number(e->high));
    put_count(&inner, "n", e->n);
    if (e->reason != NULL)
        put_text(&inner, "reason", e->reason);
    object->failed = object->failed || inner.failed;
    put(object, key, inner.json);
}

static void put_policy(struct object *object, const struct sc_policy *policy)
{
    put_text(object, "kind", sc_policy_name(policy->kind));
    if (policy->kind == SC_POLICY_SINGLE)
        return;
    put_count(object, "max_traces", policy->max_traces);
    if (policy->kind == SC_POLICY_FIXED)
        return;
    put_count(object, "min_traces", policy->min_traces);
    put_count(object, "batch_traces", policy->batch_traces);
    if (policy->kind == SC_POLICY_ADAPTIVE) {
        put(object, "percentile", json_real(policy->percentile));
        put_text(object, "rule", sc_adaptive_rule_name(policy->adaptive_rule));
    }
    if (policy->kind == SC_POLICY_DEEPCONF) {
        put(object, "eta", json_real(policy->eta));
        put(object, "tau", json_real(policy->tau));
    }
    if (policy->kind == SC_POLICY_CURTAILED)
        put(object, "risk", json_real(policy->risk));
    else
        put_text(object, "metric", sc_metric_name(sc_policy_metric(policy)));
}

static json_t *row_json(const struct sc_replay_row *row)
{
    struct object out = {json_object(), false};
    struct object null = {json_object(), false}, over = {json_object(), false};
    struct object stored = {json_object(), false};
    put_text(&out, "policy", row->name);
    put_policy(&out, &row->policy);
    put_estimate(&out, "traces", &row->traces);
    put_estimate(&out, "tokens", &row->tokens);
    put_estimate(&out, "token_savings_percent", &row->token_savings_percent);
    put_estimate(&out, "agreement", &row->agreement);
    put_estimate(&out, "verdict_changes", &row->verdict_changes);
    put_estimate(&out, "harmful_unseen", &row->harmful_unseen);
    put_estimate(&out, "harmful_prompts_unseen", &row->harmful_prompts_unseen);
    put(&out, "traces_on_noise", sc_json_number(row->noise_traces));
    if (row->reads_confidence) {
        put_estimate(&null, "traces", &row->null_traces);
        put_estimate(&null, "token_savings_percent", &row->null_savings_percent);
        put_estimate(&null, "verdict_changes", &row->null_changes);
        put_estimate(&null, "harmful_unseen", &row->null_unseen);
        put_estimate(&over, "token_savings_percent", &row->savings_over_null);
        put_estimate(&over, "verdict_changes", &row->changes_over_null);
        put_estimate(&over, "harmful_unseen", &row->unseen_over_null);
        put(&over, "p_token_savings", sc_json_number(row->p_savings));
        put(&over, "p_verdict_changes", sc_json_number(row->p_changes));
        put(&over, "beats_null", json_boolean(row->beats_null));
    }
    put_count(&stored, "n_traces", row->stored.n_traces);
    put_count(&stored, "n_tokens", row->stored.n_tokens);
    put_count(&stored, "n_cut", row->stored.n_cut);
    put_count(&stored, "verdict_changes", row->stored.n_changed);
    put_count(&stored, "harmful_unseen", row->stored.n_harmful_unseen);
    out.failed = out.failed || null.failed || over.failed || stored.failed;
    if (row->reads_confidence) {
        put(&out, "null", null.json);
        put(&out, "over_null", over.json);
    } else {
        json_decref(null.json);
        json_decref(over.json);
        put(&out, "null", json_null());
        put_text(&out, "null_reason", "the policy reads no confidence: its null is itself");
    }
    put(&out, "stored_order", stored.json);
    if (!out.failed)
        return out.json;
    json_decref(out.json);
    return NULL;
}

static void put_source(struct object *out, const struct sc_replay *replay, const struct sc_run *run)
{
    struct object source = {json_object(), false};
    if (run != NULL) {
        put_text(&source, "model", run->model_name);
        put_text(&source, "benchmark", run->benchmark_name);
        put_text(&source, "policy", run->policy_names[run->primary]);
        put_text(&source, "detector", run->detector);
    }
    put_count(&source, "n_instances", replay->n_instances);
    put_count(&source, "n_instances_left_out", replay->n_left_out);
    put_count(&source, "traces_per_instance", replay->n_traces);
    put_count(&source, "n_tokens", replay->n_tokens);
    put_count(&source, "n_harmful", replay->n_harmful);
    put_count(&source, "n_instances_harmful", replay->n_harmful_prompts);
    put_text(&source, "harm_basis", replay->proxy ? "proxy" : "judge");
    put_count(&source, "n_orders", replay->options.n_orders);
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)replay->options.seed);
    put_text(&source, "seed", seed);
    out->failed = out->failed || source.failed;
    put(out, "source", source.json);
}

enum sc_status sc_replay_json(const struct sc_replay *replay, const struct sc_run *run,
                              struct sc_text *text, struct sc_error *error)
{
    struct object out = {json_object(), false}, advice = {json_object(), false};
    json_t *rows = json_array();
    put_source(&out, replay, run);
    put_text(&advice, "policy",
             replay->recommended >= 0 ? replay->rows[replay->recommended].name : NULL);
    put_text(&advice, "why", replay->why);
    put(&advice, "max_changes", json_real(replay->options.max_changes));
    put_count(&advice, "n_rules_reading_confidence", replay->n_reading);
    put_count(&advice, "n_rules_beating_null", replay->n_beating);
    out.failed = out.failed || advice.failed;
    put(&out, "recommendation", advice.json);
    for (size_t r = 0; r < replay->n_rows; r++)
        if (json_array_append_new(rows, row_json(&replay->rows[r])) != 0)
            out.failed = true;
    put(&out, "rows", rows);
    if (!out.failed)
        sc_json_write(text, out.json);
    bool failed = out.failed || text->failed;
    json_decref(out.json);
    return failed ? sc_fail_nomem(error, "replay.json") : SC_OK;
}

/* ---- terminal -------------------------------------------------------------------------------- */

static void put_percent(struct sc_text *out, int width, double value)
{
    if (isfinite(value))
        sc_text_printf(out, " %*.1f", width, value);
    else
        sc_text_printf(out, " %*s", width, "-");
}

static void put_row(struct sc_text *out, const struct sc_replay_row *row, bool recommended)
{
    char over[40] = "-";
    const struct sc_estimate *e = &row->savings_over_null;
    if (row->reads_confidence && isfinite(e->low))
        snprintf(over, sizeof over, "%+.1f [%+.1f, %+.1f]", e->value, e->low, e->high);
    else if (row->reads_confidence && isfinite(e->value))
        snprintf(over, sizeof over, "%+.1f", e->value);
    sc_text_printf(out, "%s %-25s %6.2f",
                   recommended       ? "*"
                   : row->beats_null ? "+"
                                     : " ",
                   row->name, row->traces.value);
    if (isfinite(row->noise_traces))
        sc_text_printf(out, " %6.2f", row->noise_traces);
    else
        sc_text_printf(out, " %6s", "-");
    put_percent(out, 6, row->token_savings_percent.value);
    sc_text_printf(out, " %20s", over);
    put_percent(out, 7, 100 * row->verdict_changes.value);
    put_percent(out, 6, 100 * row->harmful_unseen.value);
    sc_text_putc(out, '\n');
}

/* Words with line breaks before column 79. */
static void put_wrapped(struct sc_text *out, const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t n = strcspn(words, " ");
        if (column > 0 && column + 1 + n > 78) {
            sc_text_putc(out, '\n');
            column = 0;
        } else if (column > 0) {
            sc_text_putc(out, ' ');
            column++;
        }
        sc_text_add(out, words, n);
        column += n;
        words += n + strspn(words + n, " ");
    }
    sc_text_putc(out, '\n');
}

enum sc_status sc_replay_terminal(const struct sc_replay *replay, enum sc_metric metric, bool all,
                                  struct sc_text *out, struct sc_error *error)
{
    sc_text_printf(
        out, "Replay of %zu prompts with %zu traces each (%llu tokens) in %zu random orders\n",
        replay->n_instances, replay->n_traces, (unsigned long long)replay->n_tokens,
        replay->options.n_orders);
    if (replay->n_left_out)
        sc_text_printf(out,
                       "Left out: %zu prompts with fewer whole traces. Those that are left may "
                       "be unlike them.\n",
                       replay->n_left_out);
    sc_text_printf(out, "%s: %zu, of %zu prompts\n\n",
                   replay->proxy ? "Harmful compliances (proxy: the prompt is labelled unsafe)"
                                 : "Harmful answers",
                   replay->n_harmful, replay->n_harmful_prompts);
    sc_text_printf(out, "  %-25s %6s %6s %6s %20s %7s %6s\n", "", "", "on", "tokens",
                   "saved more than", "verdict", "unseen");
    sc_text_printf(out, "  %-25s %6s %6s %6s %20s %7s %6s\n", "policy", "traces", "noise",
                   "saved %", "its null [95 %]", "changed", "harm %");
    for (size_t r = 0; r < replay->n_rows; r++) {
        const struct sc_replay_row *row = &replay->rows[r];
        if (!all && row->policy.kind == SC_POLICY_ADAPTIVE && row->policy.metric != metric)
            continue;
        put_row(out, row, (int)r == replay->recommended);
    }
    sc_text_puts(out,
                 "\nNull: the same rule with the confidences shuffled between a prompt's traces. "
                 "Noise: traces\nthat it uses on pure noise. * recommended, + beats its null "
                 "(Holm, 5 %).\n\n");
    put_wrapped(out, replay->why);
    return out->failed ? sc_fail_nomem(error, "replay") : SC_OK;
}
