/* What a log of our own says of tokens beside their log-probabilities (answers.h). */
#include <math.h>
#include <stddef.h>

#include "base/memory.h"
#include "experiment/import/answers.h"

/* What rounding may put beyond 0. */
#define ROUNDING 1e-3

static const size_t offsets[SC_N_FIGURES] = {
    [SC_FIGURE_LOGPROB] = offsetof(struct sc_token_stats, logprob),
    [SC_FIGURE_SAMPLED_LOGPROB] = offsetof(struct sc_token_stats, sampled_logprob),
    [SC_FIGURE_CONFIDENCE] = offsetof(struct sc_token_stats, confidence),
    [SC_FIGURE_ENTROPY] = offsetof(struct sc_token_stats, entropy),
};

static float *figure_at(struct sc_token_stats *stats, size_t token, int figure)
{
    return (float *)((char *)(stats + token) + offsets[figure]);
}

/* From 0 to n; 0 where it is not said. */
static enum sc_status read_size(const json_t *value, const char *key, size_t n, size_t *out,
                                struct sc_error *error)
{
    int64_t number = 0;
    const int64_t none = 0;
    SC_TRY(sc_json_int(value, key, (struct sc_json_ints){0, (int64_t)n}, &none, &number, error));
    *out = (size_t)number;
    return SC_OK;
}

static bool is_forced(const struct sc_import_tokens *tokens, size_t token)
{
    return token >= tokens->forced_begin && token - tokens->forced_begin < tokens->n_forced;
}

/* One list, of a number for each token; a token without one, that was not put in, takes the figure
 * from all. */
static enum sc_status read_figure(const json_t *list, int figure, struct sc_import_tokens *out,
                                  struct sc_error *error)
{
    bool whole = true;
    if (list == NULL)
        return SC_OK;
    if (json_array_size(list) != out->n)
        return sc_fail(error, SC_ERR_FORMAT, "figures: expected %zu for each of %s, found %zu",
                       out->n, sc_figure_name((enum sc_figure)figure), json_array_size(list));
    for (size_t i = 0; i < out->n; i++) {
        const json_t *value = json_array_get(list, i);
        double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (isfinite(number) &&
            (figure >= SC_FIGURE_CONFIDENCE ? number < -ROUNDING : number > ROUNDING))
            return sc_fail(error, SC_ERR_FORMAT, "figures: token %zu: %g is no %s", i, number,
                           sc_figure_name((enum sc_figure)figure));
        *figure_at(out->given, i, figure) = (float)number;
        whole = whole && (isfinite((float)number) || is_forced(out, i));
    }
    out->figures |= whole ? 1u << figure : 0;
    return SC_OK;
}

static enum sc_status make_given(struct sc_import_tokens *out, struct sc_error *error)
{
    out->given = sc_alloc_array(out->n, sizeof *out->given);
    if (out->given == NULL)
        return sc_fail_nomem(error, "figures of tokens");
    for (size_t i = 0; i < out->n; i++)
        out->given[i] =
            (struct sc_token_stats){out->logprobs != NULL ? out->logprobs[i] : NAN, NAN, NAN, NAN};
    out->figures = out->logprobs != NULL ? 1u << SC_FIGURE_LOGPROB : 0;
    return SC_OK;
}

enum sc_status sc_import_figures(const json_t *value, struct sc_import_tokens *out,
                                 struct sc_error *error)
{
    size_t n = 0;
    for (int f = 0; f < SC_N_FIGURES && n == 0; f++)
        n = json_array_size(json_object_get(value, sc_figure_name((enum sc_figure)f)));
    if (n == 0)
        return SC_OK;
    if (out->n > 0 && out->n != n)
        return sc_fail(error, SC_ERR_FORMAT,
                       "figures: expected as many as log-probabilities, %zu, found %zu", out->n, n);
    out->n = n;
    SC_TRY(make_given(out, error));
    SC_TRY(read_size(value, "n_reasoning", n, &out->n_reasoning, error));
    SC_TRY(read_size(value, "forced_begin", n, &out->forced_begin, error));
    SC_TRY(read_size(value, "n_forced", n - out->forced_begin, &out->n_forced, error));
    for (int f = 0; f < SC_N_FIGURES; f++)
        SC_TRY(
            read_figure(json_object_get(value, sc_figure_name((enum sc_figure)f)), f, out, error));
    return SC_OK;
}
