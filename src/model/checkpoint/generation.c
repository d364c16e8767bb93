/*
 * generation_config.json: how the model's makers advise to sample, and which tokens end an answer.
 *
 * A missing file or field gives what the family's makers publish (arch/), not the library defaults
 * of other programs.  Read next: model.c, chat/frame.c.
 */
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "model/checkpoint/checkpoint.h"

#define WHERE "generation_config.json"

static enum sc_status read_real(const json_t *top, const char *key, double low, double high,
                                double *value, struct sc_error *error)
{
    const double fallback = *value;
    return sc_json_real(top, key, (struct sc_json_reals){low, high}, &fallback, value, error);
}

static enum sc_status add_end(struct sc_generation_config *generation, const json_t *value,
                              struct sc_error *error)
{
    const size_t most = SC_MOST_END_IDS;
    json_int_t id = json_integer_value(value);
    if (!json_is_integer(value) || id < 0 || id >= INT32_MAX)
        return sc_fail(error, SC_ERR_FORMAT, "eos_token_id: expected token ids");
    if (generation->n_end_ids == most)
        return sc_fail(error, SC_ERR_LIMIT, "eos_token_id: expected at most %zu ids", most);
    generation->end_ids[generation->n_end_ids++] = (int32_t)id;
    return SC_OK;
}

static enum sc_status read_ends(const json_t *top, struct sc_generation_config *generation,
                                struct sc_error *error)
{
    const json_t *ends = json_object_get(top, "eos_token_id");
    if (ends == NULL || json_is_null(ends))
        return SC_OK;
    if (!json_is_array(ends))
        return add_end(generation, ends, error);
    for (size_t i = 0; i < json_array_size(ends); i++)
        SC_TRY(add_end(generation, json_array_get(ends, i), error));
    return SC_OK;
}

/* ---- what is not applied ----------------------------------------------------------------------
 */

/* A setting that changes what is sampled, and the number at which it changes nothing; NaN: none
 * does, the setting is a list or an object that is there or not. */
static const struct {
    const char *key;
    double neutral;
} unapplied[] = {
    {"num_beams", 1},
    {"num_beam_groups", 1},
    {"diversity_penalty", 0},
    {"penalty_alpha", 0},
    {"no_repeat_ngram_size", 0},
    {"encoder_no_repeat_ngram_size", 0},
    {"encoder_repetition_penalty", 1},
    {"typical_p", 1},
    {"epsilon_cutoff", 0},
    {"eta_cutoff", 0},
    {"guidance_scale", 1},
    {"min_length", 0},
    {"min_new_tokens", 0},
    {"forced_bos_token_id", NAN},
    {"forced_eos_token_id", NAN},
    {"bad_words_ids", NAN},
    {"suppress_tokens", NAN},
    {"begin_suppress_tokens", NAN},
    {"sequence_bias", NAN},
    {"exponential_decay_length_penalty", NAN},
    {"stop_strings", NAN},
    {"watermarking_config", NAN},
};

static bool asks_for(const json_t *value, double neutral)
{
    if (value == NULL || json_is_null(value) || json_is_false(value))
        return false;
    if (!isnan(neutral))
        return !json_is_number(value) || json_number_value(value) != neutral;
    return json_is_array(value)    ? json_array_size(value) > 0
           : json_is_object(value) ? json_object_size(value) > 0
                                   : true;
}

/* "num_beams 4, bad_words_ids" */
static void list_unapplied(const json_t *top, struct sc_generation_config *generation)
{
    size_t used = 0, size = sizeof generation->unapplied;
    for (size_t i = 0; i < sizeof unapplied / sizeof *unapplied; i++) {
        const json_t *value = json_object_get(top, unapplied[i].key);
        char number[32] = "";
        if (!asks_for(value, unapplied[i].neutral))
            continue;
        if (json_is_number(value))
            snprintf(number, sizeof number, " %g", json_number_value(value));
        int n = snprintf(generation->unapplied + used, size - used, "%s%s%s", used > 0 ? ", " : "",
                         unapplied[i].key, number);
        used += n > 0 && (size_t)n < size - used ? (size_t)n : 0;
    }
}

/* ---- all together ---------------------------------------------------------------------------- */

static enum sc_status read_fields(const json_t *top, struct sc_generation_config *generation,
                                  struct sc_error *error)
{
    struct sc_sampling *sampling = &generation->sampling;
    SC_TRY(read_real(top, "temperature", 0.0, 100.0, &sampling->temperature, error));
    SC_TRY(read_real(top, "top_p", 1e-9, 1.0, &sampling->top_p, error));
    SC_TRY(read_real(top, "min_p", 0.0, 0.999999, &sampling->min_p, error));
    SC_TRY(read_real(top, "repetition_penalty", 0.01, 100.0, &sampling->repetition_penalty, error));
    const int64_t top_k_default = sampling->top_k;
    int64_t top_k = 0;
    SC_TRY(sc_json_int(top, "top_k", (struct sc_json_ints){0, INT32_MAX}, &top_k_default, &top_k,
                       error));
    const bool yes = true;
    bool sample = true;
    SC_TRY(sc_json_bool(top, "do_sample", &yes, &sample, error));
    SC_TRY(read_ends(top, generation, error));
    sampling->top_k = (int32_t)top_k;
    generation->greedy = !sample;
    if (!sample)
        sampling->temperature = 0.0;
    list_unapplied(top, generation);
    return SC_OK;
}

enum sc_status sc_generation_parse(const char *text, size_t n, const struct sc_sampling *sampling,
                                   struct sc_generation_config *generation, struct sc_error *error)
{
    json_t *top = NULL;
    *generation = (struct sc_generation_config){.sampling = *sampling};
    SC_TRY(sc_json_parse(text, n, WHERE, &top, error));
    enum sc_status status = json_is_object(top)
                                ? read_fields(top, generation, error)
                                : sc_fail(error, SC_ERR_FORMAT, "expected an object at the top");
    if (status != SC_OK)
        sc_error_prefix(error, WHERE);
    json_decref(top);
    return status;
}
