/*
 * A replay's document, and replay.json read back: one table has the names of both.  The file is
 * read as what it is, something that anybody may have put there.
 */
#include "base/file.h"

#include <math.h>
#include <string.h>

#include "analysis/replay/replay.h"
#include "base/json.h"
#include "base/memory.h"
#include "vocabulary/vocabulary.h"

enum { MOST_BYTES = 32 << 20 };

/* The estimates of a row: their section (NULL: the row itself), name and place. */
static const struct field {
    const char *section, *name;
    size_t offset;
} fields[] = {
#define FIELD(section, name, member)                                                               \
    {                                                                                              \
        section, name, offsetof(struct sc_replay_row, member)                                      \
    }
    FIELD(NULL, "traces", traces),
    FIELD(NULL, "tokens", tokens),
    FIELD(NULL, "token_savings_percent", token_savings_percent),
    FIELD(NULL, "agreement", agreement),
    FIELD(NULL, "verdict_changes", verdict_changes),
    FIELD(NULL, "harmful_unseen", harmful_unseen),
    FIELD(NULL, "harmful_prompts_unseen", harmful_prompts_unseen),
    FIELD("null", "traces", null_traces),
    FIELD("null", "token_savings_percent", null_savings_percent),
    FIELD("null", "verdict_changes", null_changes),
    FIELD("null", "harmful_unseen", null_unseen),
    FIELD("over_null", "token_savings_percent", savings_over_null),
    FIELD("over_null", "verdict_changes", changes_over_null),
    FIELD("over_null", "harmful_unseen", unseen_over_null),
#undef FIELD
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static bool is_in(const struct field *field, const char *section)
{
    if (field->section == NULL || section == NULL)
        return field->section == section;
    return strcmp(field->section, section) == 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_estimates(struct sc_document *out, const struct sc_replay_row *row,
                          const char *section)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (!is_in(&fields[i], section))
            continue;
        struct sc_estimate e;
        memcpy(&e, (const char *)row + fields[i].offset, sizeof e);
        if (!isfinite(e.value) && e.reason == NULL)
            e.reason = "not a finite number";
        sc_document_put_estimate(out, fields[i].name, &e);
    }
}

static void put_policy(struct sc_document *out, const struct sc_policy *policy)
{
    sc_document_put_text(out, "kind", sc_policy_name(policy->kind));
    if (policy->kind == SC_POLICY_SINGLE)
        return;
    sc_document_put_count(out, "max_traces", policy->max_traces);
    if (policy->kind == SC_POLICY_FIXED)
        return;
    sc_document_put_count(out, "min_traces", policy->min_traces);
    sc_document_put_count(out, "batch_traces", policy->batch_traces);
    if (policy->kind == SC_POLICY_ADAPTIVE) {
        sc_document_put_number(out, "percentile", policy->percentile);
        sc_document_put_text(out, "rule", sc_adaptive_rule_name(policy->adaptive_rule));
    }
    if (policy->kind == SC_POLICY_DEEPCONF) {
        sc_document_put_number(out, "eta", policy->eta);
        sc_document_put_number(out, "tau", policy->tau);
    }
    if (policy->kind == SC_POLICY_CURTAILED)
        sc_document_put_number(out, "risk", policy->risk);
    else if (policy->kind == SC_POLICY_INTERVAL)
        sc_document_put_number(out, "width", policy->width);
    else
        sc_document_put_text(out, "metric", sc_metric_name(sc_policy_metric(policy)));
}

static void put_null(struct sc_document *out, const struct sc_replay_row *row)
{
    if (!row->reads_confidence) {
        sc_document_put_absent(out, "null", "the policy reads no confidence: its null is itself");
        return;
    }
    sc_document_put_object(out, "null");
    put_estimates(out, row, "null");
    sc_document_put_end(out);
    sc_document_put_object(out, "over_null");
    put_estimates(out, row, "over_null");
    sc_document_put_number(out, "p_token_savings", row->p_savings);
    sc_document_put_number(out, "p_verdict_changes", row->p_changes);
    sc_document_put_flag(out, "beats_null", row->beats_null);
    sc_document_put_end(out);
}

static void put_row(struct sc_document *out, const struct sc_replay_row *row, bool uncounted)
{
    sc_document_put_object(out, NULL);
    sc_document_put_text(out, "policy", row->name);
    put_policy(out, &row->policy);
    put_estimates(out, row, NULL);
    sc_document_put_number(out, "traces_on_noise", row->noise_traces);
    put_null(out, row);
    sc_document_put_object(out, "stored_order");
    sc_document_put_count(out, "n_traces", row->stored.n_traces);
    if (uncounted)
        sc_document_put_absent(out, "n_tokens", NULL);
    else
        sc_document_put_count(out, "n_tokens", row->stored.n_tokens);
    sc_document_put_count(out, "n_cut", row->stored.n_cut);
    sc_document_put_count(out, "verdict_changes", row->stored.n_changed);
    sc_document_put_count(out, "harmful_unseen", row->stored.n_harmful_unseen);
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_source(struct sc_document *out, const struct sc_replay *replay,
                       const struct sc_run *run)
{
    sc_document_put_object(out, "source");
    if (run != NULL) {
        sc_document_put_text(out, "model", run->model_name);
        sc_document_put_text(out, "benchmark", run->benchmark_name);
        sc_document_put_text(out, "policy", run->policy_names[run->primary]);
        sc_document_put_text(out, "detector", run->detector);
    }
    sc_document_put_count(out, "n_instances", replay->n_instances);
    sc_document_put_count(out, "n_instances_left_out", replay->n_left_out);
    sc_document_put_count(out, "traces_per_instance", replay->n_traces);
    if (replay->uncounted)
        sc_document_put_absent(out, "n_tokens",
                               "the source did not say how many tokens its traces have");
    else
        sc_document_put_count(out, "n_tokens", replay->n_tokens);
    sc_document_put_count(out, "n_harmful", replay->n_harmful);
    sc_document_put_count(out, "n_instances_harmful", replay->n_harmful_prompts);
    sc_document_put_text(out, "harm_basis", replay->proxy ? "proxy" : "judge");
    sc_document_put_count(out, "n_orders", replay->options.n_orders);
    sc_document_put_digits(out, "seed", replay->options.seed);
    if (replay->confidence_basis[0] != '\0')
        sc_document_put_text(out, "confidence_basis", replay->confidence_basis);
    if (replay->confidence_note[0] != '\0')
        sc_document_put_text(out, "confidence_note", replay->confidence_note);
    if (replay->n_without_confidence > 0) {
        sc_document_put_count(out, "n_rules_left_out", replay->n_without_confidence);
        sc_document_put_text(out, "rules_left_out_reason",
                             "no trace has the confidence that they read");
    }
    sc_document_put_end(out);
}

static void put_sharing(struct sc_document *out, const struct sc_replay_sharing *sharing)
{
    sc_document_put_estimate(out, "squared_error", &sharing->error2);
    sc_document_put_estimate(out, "verdict_changes", &sharing->changes);
    sc_document_put_estimate(out, "settled", &sharing->settled);
}

static void put_total(struct sc_document *out, const struct sc_replay_total *row, size_t n)
{
    sc_document_put_object(out, NULL);
    sc_document_put_count(out, "traces_total", row->policy.traces_total);
    sc_document_put_count(out, "traces_per_prompt", row->policy.traces_total / n);
    sc_document_put_count(out, "n_phases", row->n_phases);
    put_sharing(out, &row->budget);
    sc_document_put_estimate(out, "squared_error_weighted", &row->weighted_error2);
    sc_document_put_number(out, "mean_error", row->bias);
    sc_document_put_number(out, "mean_error_weighted", row->weighted_bias);
    sc_document_put_object(out, "uniform");
    put_sharing(out, &row->uniform);
    sc_document_put_end(out);
    sc_document_put_object(out, "null");
    put_sharing(out, &row->null);
    sc_document_put_end(out);
    sc_document_put_object(out, "over_uniform");
    sc_document_put_estimate(out, "squared_error", &row->error_over_uniform);
    sc_document_put_estimate(out, "verdict_changes", &row->changes_over_uniform);
    sc_document_put_end(out);
    sc_document_put_object(out, "over_null");
    sc_document_put_estimate(out, "squared_error", &row->error_over_null);
    sc_document_put_estimate(out, "verdict_changes", &row->changes_over_null);
    sc_document_put_end(out);
    sc_document_put_object(out, "stored_order");
    sc_document_put_count(out, "n_traces", row->stored.n_traces);
    sc_document_put_count(out, "least", row->stored.least);
    sc_document_put_count(out, "most", row->stored.most);
    sc_document_put_count(out, "n_settled", row->stored.n_settled);
    sc_document_put_number(out, "refusal_rate", row->stored.refusal_rate);
    sc_document_put_number(out, "refusal_rate_unbiased", row->stored.weighted_rate);
    sc_document_put_end(out);
    sc_document_put_end(out);
}

static void put_totals(struct sc_document *out, const struct sc_replay *replay)
{
    if (replay->n_totals == 0) {
        sc_document_put_absent(out, "budget",
                               "too few traces of each prompt for a total to share out");
        return;
    }
    sc_document_put_object(out, "budget");
    sc_document_put_count(out, "min_traces", replay->totals[0].policy.min_traces);
    sc_document_put_count(out, "max_traces", replay->totals[0].policy.max_traces);
    sc_document_put_array(out, "rows");
    for (size_t r = 0; r < replay->n_totals; r++)
        put_total(out, &replay->totals[r], replay->n_instances);
    sc_document_put_end(out);
    sc_document_put_end(out);
}

void sc_document_put_replay(struct sc_document *out, const struct sc_replay *replay,
                            const struct sc_run *run)
{
    sc_document_begin(out);
    put_source(out, replay, run);
    sc_document_put_object(out, "recommendation");
    sc_document_put_text(out, "policy",
                         replay->recommended >= 0 ? replay->rows[replay->recommended].name : NULL);
    sc_document_put_text(out, "why", replay->why);
    sc_document_put_number(out, "max_changes", replay->options.max_changes);
    sc_document_put_count(out, "n_rules_reading_confidence", replay->n_reading);
    sc_document_put_count(out, "n_rules_beating_null", replay->n_beating);
    sc_document_put_end(out);
    sc_document_put_array(out, "rows");
    for (size_t r = 0; r < replay->n_rows; r++)
        put_row(out, &replay->rows[r], replay->uncounted);
    sc_document_put_end(out);
    put_totals(out, replay);
    sc_document_put_end(out);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Copies a text member, cut at a border of characters. */
static void read_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t n = text != NULL ? strlen(text) : 0;
    if (n >= size)
        for (n = size - 1; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    if (n > 0)
        memcpy(out, text, n);
    out[n] = '\0';
}

static double read_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double x = json_is_number(value) ? json_number_value(value) : NAN;
    return fabs(x) < 1e9 ? x : NAN; /* also turns infinities into nothing */
}

static void read_estimates(const json_t *json, struct sc_replay_row *row)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        const json_t *section =
            fields[i].section != NULL ? json_object_get(json, fields[i].section) : json;
        const json_t *from = json_object_get(section, fields[i].name);
        double n = read_number(from, "n");
        const struct sc_estimate e = {.value = read_number(from, "value"),
                                      .low = read_number(from, "low"),
                                      .high = read_number(from, "high"),
                                      .n = n > 0 ? (size_t)n : 0};
        memcpy((char *)row + fields[i].offset, &e, sizeof e);
    }
}

static enum sc_status read_row(const json_t *json, struct sc_replay_row *out,
                               struct sc_error *error)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const char *metric = json_string_value(json_object_get(json, "metric"));
    int found = kind != NULL ? sc_policy_parse(kind) : -1;
    if (!json_is_string(json_object_get(json, "policy")) || found < 0)
        return sc_fail(error, SC_ERR_FORMAT, "expected a policy and its kind");
    out->policy.kind = (enum sc_policy_kind)found;
    out->reads_confidence = sc_policy_reads_confidence(&out->policy);
    found = metric != NULL ? sc_metric_parse(metric) : SC_METRIC_MEAN;
    if (found < 0)
        return sc_fail(error, SC_ERR_FORMAT, "metric: expected one of " SC_METRIC_CHOICES);
    out->policy.metric = (enum sc_metric)found;
    read_text(json, "policy", out->name, sizeof out->name);
    read_estimates(json, out);
    out->noise_traces = read_number(json, "traces_on_noise");
    const json_t *over = json_object_get(json, "over_null");
    out->p_savings = read_number(over, "p_token_savings");
    out->p_changes = read_number(over, "p_verdict_changes");
    out->beats_null = json_is_true(json_object_get(over, "beats_null"));
    return SC_OK;
}

static enum sc_status read_rows(const json_t *rows, struct sc_replay *out, struct sc_error *error)
{
    size_t n = json_array_size(rows);
    if (!json_is_array(rows) || n > SC_REPLAY_MOST_ROWS)
        return sc_fail(error, SC_ERR_FORMAT, "rows: expected an array of at most %d",
                       SC_REPLAY_MOST_ROWS);
    out->rows = sc_alloc_zero(n ? n : 1, sizeof *out->rows);
    if (out->rows == NULL)
        return sc_fail_nomem(error, "policies of a replay");
    for (; out->n_rows < n; out->n_rows++)
        if (read_row(json_array_get(rows, out->n_rows), &out->rows[out->n_rows], error) != SC_OK) {
            sc_error_prefix(error, "row %zu", out->n_rows);
            return SC_ERR_FORMAT;
        }
    return SC_OK;
}

static enum sc_status read_replay(const json_t *top, const struct sc_run *run,
                                  struct sc_replay *out, struct sc_error *error)
{
    const json_t *source = json_object_get(top, "source");
    const char *detector = json_string_value(json_object_get(source, "detector"));
    SC_TRY(read_rows(json_object_get(top, "rows"), out, error));
    if (detector != NULL && run->detector != NULL && strcmp(detector, run->detector) != 0)
        return sc_fail(error, SC_ERR_CONFLICT,
                       "made of the verdicts of %s, expected %s: safeconf replay makes it again",
                       detector, run->detector);
    const char *basis = json_string_value(json_object_get(source, "harm_basis"));
    out->proxy = basis != NULL && strcmp(basis, "proxy") == 0;
    const json_t *advice = json_object_get(top, "recommendation");
    char name[sizeof out->rows->name];
    read_text(advice, "policy", name, sizeof name);
    read_text(advice, "why", out->why, sizeof out->why);
    for (size_t r = out->n_rows; r-- > 0;) {
        if (strcmp(out->rows[r].name, name) == 0)
            out->recommended = (int)r;
        out->n_reading += out->rows[r].reads_confidence;
        out->n_beating += out->rows[r].beats_null;
    }
    return SC_OK;
}

enum sc_status sc_replay_read(const char *folder, const struct sc_run *run, struct sc_replay *out,
                              bool *found, struct sc_error *error)
{
    json_t *top = NULL;
    char *path = sc_path_join(folder, "replay.json");
    *out = (struct sc_replay){.recommended = -1};
    *found = false;
    if (path == NULL)
        return sc_fail_nomem(error, "path of replay.json");
    enum sc_status status = sc_file_look(path, found, error);
    if (*found) {
        status = sc_json_read(path, MOST_BYTES, &top, error);
        if (status == SC_OK) {
            status = read_replay(top, run, out, error);
            if (status != SC_OK)
                sc_error_prefix(error, "%s", path);
        }
    }
    json_decref(top);
    sc_free(path);
    if (status != SC_OK)
        sc_replay_free(out);
    return status;
}
