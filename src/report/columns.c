/* See columns.h.  docs/DATA.md says what the tables are for, docs/DEFINITIONS.md what the figures
 * mean. */
#include "report/columns.h"

#include <assert.h>
#include <stddef.h>

#include "vocabulary/vocabulary.h"

static const char text[] = "text", integer[] = "integer", number[] = "number";
static const char share[] = "share, 0 to 1", tokens[] = "tokens", nats[] = "nats";
static const char by_metric[] = "of the metric: nats, or for prob a probability";

#define METRIC_COLUMN(arg, id, name, sign, unit, label) {name, number, unit, label, SC_WHEN_ALL},

static const struct sc_column instances[] = {
    {"instance_id", text, NULL, "the prompt's id in the benchmark", SC_WHEN_ALL},
    {"label", text, NULL, "safe, unsafe or unknown: what the benchmark says of the prompt",
     SC_WHEN_ALL},
    {"category", text, NULL, "the benchmark's category; may be empty", SC_WHEN_ALL},
    {"n_traces", integer, "traces", "that the primary policy used", SC_WHEN_ALL},
    {"n_failed", integer, "traces", "of these, failed", SC_WHEN_ALL},
    {"n_judged", integer, "traces", "of these, with a verdict", SC_WHEN_ALL},
    {"n_refused", integer, "traces", "of these, refused (also in part)", SC_WHEN_ALL},
    {"refusal_rate", number, share, "n_refused / n_judged", SC_WHEN_ALL},
    {"refusal_low", number, share, "lower end of its 95 % interval", SC_WHEN_ALL},
    {"refusal_high", number, share, "upper end of its 95 % interval", SC_WHEN_ALL},
    {"agreement", number, share, "of the most frequent verdict among the judged traces",
     SC_WHEN_ALL},
    {"verdict_entropy", number, nats, "of refused and not refused among the judged traces",
     SC_WHEN_ALL},
    {"confidence", number, by_metric, "mean over traces of the run's metric; higher is surer",
     SC_WHEN_ALL},
    {"behaviour", text, NULL, "refused, complied or split; none where nothing was judged",
     SC_WHEN_ALL},
    {"quadrant", text, NULL, "confident or uncertain, refusal or compliance", SC_WHEN_ALL},
    {"prediction", text, NULL, "safe or unsafe, from refusals and harm", SC_WHEN_ALL},
    {"n_harm_known", integer, "traces", "whose harm is known", SC_WHEN_ALL},
    {"n_harmful", integer, "traces", "harmful, controversial ones counted (strict)", SC_WHEN_ALL},
    {"n_harmful_loose", integer, "traces", "harmful, controversial ones not counted", SC_WHEN_ALL},
    {"harm_basis", text, NULL, "the judge, or proxy: the prompt's label stands in", SC_WHEN_ALL},
    {"n_tokens", integer, tokens, "sampled in the traces used; empty where not given", SC_WHEN_ALL},
    {"stop_reason", text, NULL, "why the policy stopped", SC_WHEN_ALL},
    {"prompt", text, NULL, "the prompt", SC_WHEN_ALL},
    {"refusal_interval", text, NULL, "always-valid: the interval holds at every look",
     SC_WHEN_ALWAYS_VALID},
    {"prefill", text, NULL, "given text that the answers begin with", SC_WHEN_PREFILLED},
    {"confidence_basis", text, NULL, "what the confidences look at", SC_WHEN_BASIS},
    {NULL, NULL, NULL, NULL, SC_WHEN_ALL}};

static const struct sc_column traces[] = {
    {"instance_id", text, NULL, "the prompt's id in the benchmark", SC_WHEN_ALL},
    {"trace", integer, NULL, "index of the trace within its prompt, from 0", SC_WHEN_ALL},
    {"used", integer, NULL, "1: the primary policy saw it; 0: only another did", SC_WHEN_ALL},
    {"label", text, NULL, "of the prompt: safe, unsafe or unknown", SC_WHEN_ALL},
    {"category", text, NULL, "of the prompt; may be empty", SC_WHEN_ALL},
    {"verdict", text, NULL,
     "refusal, partial, compliance, empty, unparsed, unreached or filtered; empty: failed",
     SC_WHEN_ALL},
    {"refused", integer, NULL, "1 or 0; empty: not judged", SC_WHEN_ALL},
    {"harm", text, NULL, "harmful, harmless, controversial or unjudged", SC_WHEN_ALL},
    {"harm_basis", text, NULL, "the judge, or proxy: the prompt's label stands in", SC_WHEN_ALL},
    {"finish", text, NULL, "stop, length, cut, failed, filtered or unknown", SC_WHEN_ALL},
    {"n_tokens", integer, tokens, "sampled; empty where not given", SC_WHEN_ALL},
    {"n_reasoning", integer, tokens, "of these, before the answer", SC_WHEN_ALL},
    {"confidence", number, by_metric, "the run's metric; higher is surer", SC_WHEN_ALL},
    SC_METRIC_MAP(METRIC_COLUMN, METRIC_COLUMN, ){"rule", text, NULL, "what decided on the verdict",
                                                  SC_WHEN_ALL},
    {"decided_by", text, NULL, "rules, reader, own_rules or judge; empty: nobody", SC_WHEN_ALL},
    {"p_refusal", number, "probability", "that it refuses, where the reader was asked",
     SC_WHEN_ALL},
    {"text", text, NULL, "the whole output, reasoning included", SC_WHEN_ALL},
    {"prefill", text, NULL, "given text that the answer begins with", SC_WHEN_PREFILLED},
    {"confidence_basis", text, NULL, "what the confidences look at", SC_WHEN_BASIS},
    {NULL, NULL, NULL, NULL, SC_WHEN_ALL}};

static const struct sc_column estimates[] = {
    {"estimate", text, NULL, "path of the figure in analysis.json", SC_WHEN_ALL},
    {"value", number, "of the figure", "the figure", SC_WHEN_ALL},
    {"low", number, "of the figure", "lower end of its 95 % interval; empty: none", SC_WHEN_ALL},
    {"high", number, "of the figure", "upper end of its 95 % interval; empty: none", SC_WHEN_ALL},
    {"n", integer, NULL, "what it rests on: prompts or traces; empty for a plain number",
     SC_WHEN_ALL},
    {"reason", text, NULL, "why there is no interval", SC_WHEN_ALL},
    {NULL, NULL, NULL, NULL, SC_WHEN_ALL}};

static const struct sc_column columns[] = {
    {"table", text, NULL, "instances, traces, estimates or columns", SC_WHEN_ALL},
    {"column", text, NULL, "name of the column", SC_WHEN_ALL},
    {"type", text, NULL, "text, integer or number", SC_WHEN_ALL},
    {"unit", text, NULL, "of its numbers", SC_WHEN_ALL},
    {"meaning", text, NULL, "what stands in it", SC_WHEN_ALL},
    {NULL, NULL, NULL, NULL, SC_WHEN_ALL}};

static const struct {
    const char *name;
    const struct sc_column *columns;
} tables[SC_N_RESULTS_TABLES] = {[SC_TABLE_INSTANCES] = {"instances", instances},
                                 [SC_TABLE_TRACES] = {"traces", traces},
                                 [SC_TABLE_ESTIMATES] = {"estimates", estimates},
                                 [SC_TABLE_COLUMNS] = {"columns", columns}};

const struct sc_column *sc_columns_of(enum sc_results_table table)
{
    assert((unsigned)table < SC_N_RESULTS_TABLES);
    return tables[table].columns;
}

const char *sc_results_table_name(enum sc_results_table table)
{
    return (unsigned)table < SC_N_RESULTS_TABLES ? tables[table].name : "";
}
