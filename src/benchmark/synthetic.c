/*
 * The built-in benchmark: templates x targets from synthetic.json, half unsafe, half safe.
 *
 * For each label the targets are shuffled once (seeded) and taken in rounds; in round r the target
 * at place j meets the template at place (j + r).  So a run covers all targets before it repeats
 * one, uses the templates evenly, never repeats a pair, and the first K of N are the run of K.
 */
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/random.h"
#include "benchmark/loaders.h"
#include "benchmark/wrapping.h"

#define STANDARD_N 200

struct half {
    const char *word; /* in ids */
    enum sc_label label;
    const json_t *targets;
    size_t n_targets;
    size_t *target_order, *template_order;
};

static size_t *shuffled(size_t n, uint64_t seed, const char *use)
{
    size_t *order = sc_alloc_array(n, sizeof *order);
    if (order == NULL)
        return NULL;
    struct sc_random random = {
        .stream = SC_STREAM_BENCHMARK, .seed = seed, .key = sc_hash64(use, strlen(use))};
    sc_random_order(&random, n, order);
    return order;
}

static const char *field(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static char *fill(const char *template, const char *target)
{
    struct sc_text text = {0};
    const char *mark = strstr(template, "{target}");
    sc_text_add(&text, template, mark != NULL ? (size_t)(mark - template) : strlen(template));
    if (mark != NULL) {
        sc_text_puts(&text, target);
        sc_text_puts(&text, mark + strlen("{target}"));
    }
    return sc_text_take(&text);
}

static enum sc_status add(const struct sc_benchmark_options *options, struct sc_instance_list *list,
                          const json_t *templates, const struct half *half, size_t k,
                          struct sc_error *error)
{
    size_t n_templates = json_array_size(templates);
    size_t place = k % half->n_targets, round = k / half->n_targets;
    size_t target = half->target_order[place];
    size_t template = half->template_order[(place + round) % n_templates];
    const json_t *what = json_array_get(half->targets, target);
    const json_t *how = json_array_get(templates, template);

    struct sc_text id = {0}, extra = {0};
    sc_text_printf(&id, "synthetic_%s_%02zu_%02zu", half->word, target, template);
    struct sc_json_writer out = {.text = &extra, .canonical = true};
    sc_json_put_object(&out, NULL);
    sc_json_put_string(&out, "target", field(what, "target"));
    sc_json_put_string(&out, "register", field(how, "register"));
    sc_json_put_end_object(&out);
    struct sc_instance item = {.id = sc_text_take(&id),
                               .prompt = fill(field(how, "text"), field(what, "target")),
                               .label = half->label,
                               .category = sc_strdup(field(what, "category")),
                               .extra = sc_text_take(&extra)};
    bool kept_own;
    enum sc_status status = item.extra == NULL || item.prompt == NULL
                                ? sc_fail_nomem(error, "synthetic benchmark")
                                : sc_wrap(options, NULL, NULL, &item, &kept_own, error);
    if (status != SC_OK) {
        sc_instance_free(&item);
        return status;
    }
    return sc_instance_list_add(list, item, error);
}

/* Both halves with their shuffled orders, which are the caller's to free, also after an error. */
static enum sc_status make_halves(struct half halves[2], const json_t *content, uint64_t seed,
                                  struct sc_error *error)
{
    size_t n_templates = json_array_size(json_object_get(content, "templates"));
    for (int i = 0; i < 2; i++) {
        struct half *half = &halves[i];
        bool unsafe = i == 0;
        half->word = unsafe ? "unsafe" : "safe";
        half->label = unsafe ? SC_LABEL_UNSAFE : SC_LABEL_SAFE;
        half->targets = json_object_get(content, unsafe ? "harmful" : "benign");
        half->n_targets = json_array_size(half->targets);
        if (n_templates == 0 || half->n_targets == 0)
            return sc_fail(error, SC_ERR_INTERNAL,
                           "synthetic benchmark: no templates or no targets");
        half->target_order = shuffled(half->n_targets, seed, half->word);
        half->template_order =
            shuffled(n_templates, seed, unsafe ? "unsafe templates" : "safe templates");
        if (half->target_order == NULL || half->template_order == NULL)
            return sc_fail_nomem(error, "synthetic benchmark");
    }
    return SC_OK;
}

static enum sc_status make(struct half halves[2], const json_t *content,
                           const struct sc_benchmark_options *options, struct sc_benchmark *out,
                           struct sc_instance_list *list, struct sc_error *error)
{
    const json_t *templates = json_object_get(content, "templates");
    SC_TRY(make_halves(halves, content, options->seed, error));
    size_t fewest =
        halves[0].n_targets < halves[1].n_targets ? halves[0].n_targets : halves[1].n_targets;
    size_t n = options->n_instances ? options->n_instances : STANDARD_N;
    size_t most = 2 * json_array_size(templates) * fewest;
    if (n > most)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark synthetic: expected at most %zu instances, found %zu", most, n);
    out->n_available = most;
    for (size_t i = 0; i < n; i++)
        SC_TRY(add(options, list, templates, &halves[i % 2], i / 2, error));
    out->name = sc_strdup("synthetic");
    out->source = sc_strdup("built in");
    if (out->name == NULL || out->source == NULL)
        return sc_fail_nomem(error, "synthetic benchmark");
    sc_instance_list_fingerprint(list, out->fingerprint);
    return SC_OK;
}

enum sc_status sc_synthetic_make(const struct sc_benchmark_options *options,
                                 struct sc_benchmark *out, struct sc_instance_list *list,
                                 struct sc_error *error)
{
    if (options->split != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT, "benchmark synthetic: has no splits, found '%s'",
                       options->split);
    if (options->label != NULL || options->n_unsafe_values > 0 || options->n_safe_values > 0)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark synthetic: has labels of its own: --label, --unsafe-value and "
                       "--safe-value go with a file");
    if (options->messages_column != NULL || options->system_column != NULL ||
        options->prefill_column != NULL)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "benchmark synthetic: has no columns: --messages-column, --system-column "
                       "and --prefill-column go with a file");
    SC_TRY(sc_wrapping_check(options, error));
    json_t *content = NULL;
    SC_TRY(sc_json_parse((const char *)sc_embedded_synthetic_json, sc_embedded_synthetic_json_size,
                         "synthetic benchmark", &content, error));
    struct half halves[2] = {0};
    enum sc_status status = make(halves, content, options, out, list, error);
    for (int i = 0; i < 2; i++) {
        sc_free(halves[i].target_order);
        sc_free(halves[i].template_order);
    }
    json_decref(content);
    return status;
}
