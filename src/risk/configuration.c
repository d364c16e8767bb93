/* See configuration.h.  Threads and memory change no line, and folders only name places. */
#include "risk/configuration.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_writer.h"
#include "experiment/store/config.h"
#include "vocabulary/vocabulary.h"

static void put_model(struct sc_json_writer *out, const struct sc_risk_basis *basis)
{
    const struct sc_opened *model = &basis->asker->model;
    sc_json_put_object(out, "model");
    sc_json_put_string(out, "name", model->name);
    sc_json_put_bool(out, "demo", model->demo);
    sc_json_put_string(out, "fingerprint", basis->asker->fingerprint);
    sc_json_put_string(out, "tokenizer", model->tokenizer_fingerprint);
    sc_json_put_string(out, "dtype", sc_dtype_name(sc_engine_dtype(basis->asker->engine)));
    sc_json_put_string(out, "kernels", sc_engine_kernels(basis->asker->engine));
    sc_json_put_string(out, "frame", sc_chat_format_identity(model->format));
    sc_json_put_bool(out, "thinking", basis->thinking);
    sc_json_put_bool(out, "special", basis->special);
    sc_json_put_end_object(out);
}

static void put_benchmark(struct sc_json_writer *out, const struct sc_risk_basis *basis)
{
    const struct sc_benchmark *benchmark = basis->benchmark;
    char instances[17];
    sc_instances_hash(benchmark->instances, benchmark->n_instances, instances);
    sc_json_put_object(out, "benchmark");
    sc_json_put_string(out, "name", benchmark->name);
    sc_json_put_count(out, "n_instances", benchmark->n_instances);
    sc_json_put_string(out, "instances", instances);
    sc_json_put_end_object(out);
}

static void put_sampling(struct sc_json_writer *out, const struct sc_risk_asker *asker)
{
    const struct sc_sampling *sampling = &asker->sampling;
    sc_json_put_object(out, "sampling");
    sc_json_put_number(out, "temperature", sampling->temperature);
    sc_json_put_number(out, "top_p", sampling->top_p);
    sc_json_put_integer(out, "top_k", sampling->top_k);
    sc_json_put_number(out, "min_p", sampling->min_p);
    sc_json_put_number(out, "repetition_penalty", sampling->repetition_penalty);
    sc_json_put_count(out, "max_new_tokens", asker->max_new_tokens);
    sc_json_put_end_object(out);
}

static void put_exploration(struct sc_json_writer *out,
                            const struct sc_exploration_options *explore)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%" PRIu64, explore->seed);
    sc_json_put_object(out, "exploration");
    sc_json_put_integer(out, "version", 1);
    sc_json_put_number(out, "width", explore->width);
    sc_json_put_count(out, "rows", explore->max_rows);
    sc_json_put_number(out, "mass", explore->mass);
    sc_json_put_count(out, "branches", explore->max_branches);
    sc_json_put_count(out, "step", explore->step);
    sc_json_put_count(out, "judge_answers", explore->max_judged);
    sc_json_put_string(out, "seed", seed);
    sc_json_put_end_object(out);
}

enum sc_status sc_risk_configuration(const struct sc_risk_basis *basis, char **json,
                                     struct sc_error *error)
{
    const struct sc_risk_asker *asker = basis->asker;
    struct sc_text text = {0};
    struct sc_json_writer out = {.text = &text, .canonical = true};
    sc_json_put_object(&out, NULL);
    put_model(&out, basis);
    put_benchmark(&out, basis);
    put_sampling(&out, asker);
    put_exploration(&out, &asker->explore);
    if (basis->proposal != NULL)
        sc_risk_put_proposal(&out, basis->proposal);
    sc_json_put_string(&out, "detector", asker->detector.name);
    sc_json_put_string(&out, "judge",
                       asker->judge != NULL ? sc_judge_name(asker->judge) : SC_NO_JUDGE);
    sc_json_put_end_object(&out);
    *json = sc_text_take(&text);
    return *json != NULL ? SC_OK : sc_fail_nomem(error, "configuration");
}
