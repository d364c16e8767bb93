/*
 * Steps of rotary positions, and the ways in which they are stretched.
 *
 * Refuses by name what it does not know, and fields that contradict each other.  Sources: for
 * "linear" and "dynamic" the model cards that introduced them, for "yarn" arXiv:2309.00071, for
 * "longrope" arXiv:2402.13753, for "llama3" the model card of Llama 3.1; where those leave
 * something open, what transformers does.
 *
 * "dynamic" changes its base with the length of a sequence, but only past
 * max_position_embeddings: up to there it is plain, and further positions are refused.
 */
#include "model/arch/rope.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "model/arch/fields.h"

#define TWO_PI 6.283185307179586476925286766559

/* One object that says how positions turn. */
struct block {
    const json_t *object; /* rope_scaling, rope_parameters or one of its members; NULL: none */
    const json_t *top;
    const char *field; /* its name, for messages */
    const struct sc_rope_rules *rules;
    double theta;
    size_t dim; /* numbers of a head that turn */
    size_t max_positions;
    size_t original; /* positions that the model knew before it was stretched */
};

/* The status of a reading inside the block, whose name is put before its message. */
static enum sc_status inside(const struct block *block, enum sc_status status,
                             struct sc_error *error)
{
    if (status != SC_OK)
        sc_error_prefix(error, "%s", block->field);
    return status;
}

static enum sc_status read_number(const struct block *block, const char *key,
                                  struct sc_json_reals range, const double *fallback, double *out,
                                  struct sc_error *error)
{
    return inside(block, sc_json_real(block->object, key, range, fallback, out, error), error);
}

static enum sc_status read_factor(const struct block *block, const double *fallback, double *factor,
                                  struct sc_error *error)
{
    return read_number(block, "factor", (struct sc_json_reals){1e-6, 1e6}, fallback, factor, error);
}

/* ---- the kinds ------------------------------------------------------------------------------- */

/* theta^(-2i / dim) for every pair. */
static void turn_plainly(const struct block *block, struct sc_rope *rope)
{
    *rope = (struct sc_rope){.n = (block->dim + 1) / 2, .scale = 1};
    assert(rope->n <= SC_MOST_ROPE_PAIRS);
    for (size_t i = 0; i < rope->n; i++)
        rope->step[i] = pow(block->theta, -2.0 * (double)i / (double)block->dim);
}

static enum sc_status read_linear(const struct block *block, struct sc_model_config *config,
                                  struct sc_rope *rope, struct sc_error *error)
{
    double factor = 1;
    (void)config;
    SC_TRY(read_factor(block, NULL, &factor, error));
    for (size_t i = 0; i < rope->n; i++)
        rope->step[i] /= factor;
    return SC_OK;
}

static enum sc_status read_dynamic(const struct block *block, struct sc_model_config *config,
                                   struct sc_rope *rope, struct sc_error *error)
{
    double factor = 1;
    (void)config;
    (void)rope;
    return read_factor(block, NULL, &factor, error);
}

/* Short waves stay, long ones are stretched, those between a little of both. */
static enum sc_status read_llama3(const struct block *block, struct sc_model_config *config,
                                  struct sc_rope *rope, struct sc_error *error)
{
    const struct sc_json_reals range = {1e-6, 1e6};
    double factor = 1, low = 1, high = 4, original = (double)block->original;
    (void)config;
    SC_TRY(read_factor(block, NULL, &factor, error));
    SC_TRY(read_number(block, "low_freq_factor", range, NULL, &low, error));
    SC_TRY(read_number(block, "high_freq_factor", range, NULL, &high, error));
    if (high <= low)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: high_freq_factor: expected more than low_freq_factor %g, found %g",
                       block->field, low, high);
    for (size_t i = 0; i < rope->n; i++) {
        double step = rope->step[i], wave = TWO_PI / step;
        double smooth = (original / wave - low) / (high - low);
        if (wave > original / low)
            rope->step[i] = step / factor;
        else if (wave >= original / high)
            rope->step[i] = (1 - smooth) * step / factor + smooth * step;
    }
    return SC_OK;
}

/* The temperature of attention that YaRN advises: 0.1 m ln(factor) + 1. */
static double yarn_scale(double factor, double m)
{
    return factor <= 1 ? 1 : 0.1 * m * log(factor) + 1;
}

static enum sc_status read_yarn_scale(const struct block *block, double factor, double *scale,
                                      struct sc_error *error)
{
    const struct sc_json_reals range = {0, 1e6};
    const double none = 0;
    double m = 0, m_all = 0;
    SC_TRY(read_number(block, "mscale", range, &none, &m, error));
    SC_TRY(read_number(block, "mscale_all_dim", range, &none, &m_all, error));
    const double advised = m > 0 && m_all > 0 ? yarn_scale(factor, m) / yarn_scale(factor, m_all)
                                              : yarn_scale(factor, 1);
    return read_number(block, "attention_factor", range, &advised, scale, error);
}

/* The pair, as a real number, that turns `times` times within the original positions. */
static double yarn_pair(const struct block *block, double times)
{
    return (double)block->dim * log((double)block->original / (times * TWO_PI)) /
           (2 * log(block->theta));
}

/* Between the pairs that turn beta_fast and beta_slow times, steps go over from themselves to
 * step / factor. */
static enum sc_status read_yarn_ramp(const struct block *block, double *low, double *high,
                                     struct sc_error *error)
{
    const struct sc_json_reals range = {1e-6, 1e6};
    const double fast_default = 32, slow_default = 1;
    const bool yes = true;
    double fast = 0, slow = 0;
    bool truncate = true;
    SC_TRY(read_number(block, "beta_fast", range, &fast_default, &fast, error));
    SC_TRY(read_number(block, "beta_slow", range, &slow_default, &slow, error));
    SC_TRY(inside(block, sc_json_bool(block->object, "truncate", &yes, &truncate, error), error));
    if (block->theta <= 1)
        return sc_fail(error, SC_ERR_FORMAT, "rope_theta: expected more than 1 for \"yarn\"");
    *low = yarn_pair(block, fast);
    *high = yarn_pair(block, slow);
    if (truncate) {
        *low = floor(*low);
        *high = ceil(*high);
    }
    *low = fmax(*low, 0);
    *high = fmin(*high, (double)block->dim - 1);
    if (*low == *high)
        *high += 0.001;
    return SC_OK;
}

static enum sc_status read_yarn(const struct block *block, struct sc_model_config *config,
                                struct sc_rope *rope, struct sc_error *error)
{
    const double stretched = (double)block->max_positions / (double)block->original;
    double factor = 1, low = 0, high = 0;
    SC_TRY(read_factor(block, &stretched, &factor, error));
    SC_TRY(read_yarn_scale(block, factor, &rope->scale, error));
    SC_TRY(read_yarn_ramp(block, &low, &high, error));
    for (size_t i = 0; i < rope->n; i++) {
        double part = fmin(fmax(((double)i - low) / (high - low), 0), 1);
        rope->step[i] = rope->step[i] / factor * part + rope->step[i] * (1 - part);
    }
    const double positions = floor((double)block->original * factor);
    if (positions > (double)config->max_positions && positions <= (double)SC_MOST_POSITIONS)
        config->max_positions = (size_t)positions;
    return SC_OK;
}

/* steps[i] / list[i] */
static enum sc_status divide_steps(const struct block *block, const char *key, struct sc_rope *rope,
                                   struct sc_error *error)
{
    const json_t *list = json_object_get(block->object, key);
    if (!json_is_array(list) || json_array_size(list) != rope->n)
        return sc_fail(error, SC_ERR_FORMAT,
                       "%s: %s: expected a list of %zu numbers, found %s of "
                       "%zu",
                       block->field, key, rope->n, sc_json_kind(list), json_array_size(list));
    for (size_t i = 0; i < rope->n; i++) {
        const json_t *value = json_array_get(list, i);
        double factor = json_number_value(value);
        if (!json_is_number(value) || !(factor >= 1e-6 && factor <= 1e6))
            return sc_fail(error, SC_ERR_FORMAT,
                           "%s: %s[%zu]: expected a number between 1e-6 and 1e6", block->field, key,
                           i);
        rope->step[i] /= factor;
    }
    return SC_OK;
}

static enum sc_status read_longrope(const struct block *block, struct sc_model_config *config,
                                    struct sc_rope *rope, struct sc_error *error)
{
    const double stretched = (double)block->max_positions / (double)block->original;
    double factor = 1, original = (double)block->original;
    SC_TRY(read_factor(block, &stretched, &factor, error));
    const double advised = factor <= 1 || original <= 1 ? 1 : sqrt(1 + log(factor) / log(original));
    SC_TRY(read_number(block, "attention_factor", (struct sc_json_reals){0, 1e6}, &advised,
                       &rope->scale, error));
    config->rope[SC_ROPE_LONG] = *rope;
    config->long_from = block->original;
    SC_TRY(divide_steps(block, "long_factor", &config->rope[SC_ROPE_LONG], error));
    return divide_steps(block, "short_factor", rope, error);
}

/* ---- which kind, and where it stands --------------------------------------------------------- */

typedef enum sc_status read_kind(const struct block *block, struct sc_model_config *config,
                                 struct sc_rope *rope, struct sc_error *error);

static const struct {
    const char *type;
    read_kind *read;
} kinds[] = {
    {"linear", read_linear}, {"dynamic", read_dynamic},   {"yarn", read_yarn},
    {"llama3", read_llama3}, {"longrope", read_longrope},
};

/* The type in either spelling; NULL: nothing stretches. */
static enum sc_status find_type(const struct block *block, const char **type,
                                struct sc_error *error)
{
    const json_t *object = block->object;
    const char *key = sc_field_is_set(object, "rope_type") ? "rope_type" : "type";
    *type = NULL;
    if (sc_field_is_set(object, key)) {
        const char *name = sc_field_text(json_object_get(object, key));
        *type = strcmp(name, "default") != 0 ? name : NULL;
    } else if (sc_field_is_set(object, "factor")) {
        return sc_fail(error, SC_ERR_FORMAT, "%s: expected a rope_type beside factor, found none",
                       block->field);
    }
    if (block->rules->always_long && *type != NULL &&
        (strcmp(*type, "su") == 0 || strcmp(*type, "yarn") == 0))
        *type = "longrope";
    return SC_OK;
}

static enum sc_status read_kind_of(const struct block *block, struct sc_model_config *config,
                                   struct sc_rope *rope, struct sc_error *error)
{
    const char *type = NULL;
    SC_TRY(find_type(block, &type, error));
    turn_plainly(block, rope);
    if (type == NULL)
        return SC_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].type, type) == 0 &&
            !(block->rules->local_base && kinds[i].read == read_longrope))
            return kinds[i].read(block, config, rope, error);
    return sc_fail(error, SC_ERR_UNSUPPORTED,
                   "%s: rope_type: expected default, linear, dynamic, yarn, llama3 or longrope, "
                   "found \"%.60s\"",
                   block->field, type);
}

static enum sc_status read_dim(struct block *block, size_t head_dim, struct sc_error *error)
{
    const json_t *owner =
        sc_field_is_set(block->object, "partial_rotary_factor") ? block->object : block->top;
    const double whole = 1;
    double part = 1;
    SC_TRY(sc_json_real(owner, "partial_rotary_factor", (struct sc_json_reals){0, 1}, &whole, &part,
                        error));
    block->dim = (size_t)((double)head_dim * part);
    if (part < 1 && !block->rules->may_be_part)
        return sc_fail(error, SC_ERR_UNSUPPORTED,
                       "partial_rotary_factor: expected 1 for this family, found %g", part);
    if (block->dim == 0)
        return sc_fail(error, SC_ERR_FORMAT,
                       "partial_rotary_factor: %g leaves nothing of head_dim %zu to turn", part,
                       head_dim);
    return SC_OK;
}

/* theta_key: where the block itself has no rope_theta. */
static enum sc_status read_block(struct block *block, const char *theta_key,
                                 struct sc_model_config *config, struct sc_rope *rope,
                                 struct sc_error *error)
{
    const char *original = "original_max_position_embeddings";
    const struct sc_json_reals range = {1.0, 1e12};
    const bool own = sc_field_is_set(block->object, "rope_theta");
    SC_TRY(sc_json_real(own ? block->object : block->top, own ? "rope_theta" : theta_key, range,
                        NULL, &block->theta, error));
    SC_TRY(read_dim(block, config->head_dim, error));
    block->original = block->max_positions = config->max_positions;
    if (sc_field_is_set(block->top, original))
        SC_TRY(sc_field_size(block->top, original, SC_MOST_POSITIONS, &block->original, error));
    else if (sc_field_is_set(block->object, original))
        SC_TRY(inside(
            block,
            sc_field_size(block->object, original, SC_MOST_POSITIONS, &block->original, error),
            error));
    return read_kind_of(block, config, rope, error);
}

/* The one of the two spellings that says something. */
static enum sc_status find_owner(const json_t *top, const json_t **owner, const char **field,
                                 struct sc_error *error)
{
    static const char *const names[] = {"rope_scaling", "rope_parameters"};
    *owner = NULL;
    *field = names[1];
    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_object_get(top, names[i]);
        if (value == NULL || json_is_null(value))
            continue;
        if (!json_is_object(value))
            return sc_fail(error, SC_ERR_FORMAT, "%s: expected an object or null, found %s",
                           names[i], sc_json_kind(value));
        if (json_object_size(value) == 0)
            continue;
        if (*owner != NULL && !json_equal(*owner, value))
            return sc_fail(error, SC_ERR_FORMAT,
                           "rope_scaling and rope_parameters: expected one of them, found two that "
                           "differ");
        *owner = value;
        *field = names[i];
    }
    return SC_OK;
}

/* rope_parameters of one type of layers, or NULL. */
static enum sc_status find_nested(const json_t *owner, const char *type, const json_t **object,
                                  struct sc_error *error)
{
    *object = json_object_get(owner, type);
    if (json_is_null(*object))
        *object = NULL;
    if (*object != NULL && !json_is_object(*object))
        return sc_fail(error, SC_ERR_FORMAT, "rope_parameters: %s: expected an object, found %s",
                       type, sc_json_kind(*object));
    return SC_OK;
}

enum sc_status sc_rope_read(const json_t *top, const struct sc_rope_rules *rules,
                            struct sc_model_config *config, struct sc_error *error)
{
    const json_t *owner = NULL, *local = NULL;
    struct block block = {.top = top, .rules = rules};
    assert(config->head_dim > 0 && config->max_positions > 0);
    SC_TRY(find_owner(top, &owner, &block.field, error));
    block.object = owner;
    const bool nested =
        sc_field_is_set(owner, "full_attention") || sc_field_is_set(owner, "sliding_attention");
    if (nested) {
        SC_TRY(find_nested(owner, "full_attention", &block.object, error));
        SC_TRY(find_nested(owner, "sliding_attention", &local, error));
    } else if (rules->local_base && owner != NULL && strcmp(block.field, "rope_parameters") == 0) {
        return sc_fail(error, SC_ERR_FORMAT,
                       "rope_parameters: expected full_attention and sliding_attention, found "
                       "neither");
    }
    SC_TRY(read_block(&block, "rope_theta", config, &config->rope[SC_ROPE_GLOBAL], error));
    config->rope_theta = block.theta;
    config->rope[SC_ROPE_LOCAL] = config->rope[SC_ROPE_GLOBAL];
    if (local == NULL && !rules->local_base)
        return SC_OK;
    block.object = local;
    return read_block(&block, rules->local_base ? "rope_local_base_freq" : "rope_theta", config,
                      &config->rope[SC_ROPE_LOCAL], error);
}
