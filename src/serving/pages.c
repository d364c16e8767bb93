/* See pages.h. */
#include "serving/pages.h"

#include <inttypes.h>

#include "base/json_writer.h"

static void put_model(struct sc_json_writer *json, const struct sc_serving_model *model)
{
    sc_json_put_object(json, NULL);
    sc_json_put_string(json, "id", model->name);
    sc_json_put_string(json, "object", "model");
    sc_json_put_count(json, "created", 0);
    sc_json_put_string(json, "owned_by", "safeconf");
    sc_json_put_count(json, "max_model_len", model->opened.context);
    sc_json_put_end_object(json);
}

/* path: behind /models, such as "/demo"; "" lists all. */
void sc_serving_page_models(const struct sc_serving_model *model, const char *path,
                            struct sc_text *out)
{
    struct sc_json_writer json = {.text = out};
    if (*path != '\0') {
        put_model(&json, model);
        return;
    }
    sc_json_put_object(&json, NULL);
    sc_json_put_string(&json, "object", "list");
    sc_json_put_array(&json, "data");
    put_model(&json, model);
    sc_json_put_end_array(&json);
    sc_json_put_end_object(&json);
}

void sc_serving_page_version(struct sc_text *out)
{
    struct sc_json_writer json = {.text = out};
    sc_json_put_object(&json, NULL);
    sc_json_put_string(&json, "version", SAFECONF_VERSION);
    sc_json_put_end_object(&json);
}

static void add_metric(struct sc_text *out, const char *name, const char *type, const char *help,
                       double value)
{
    sc_text_printf(out, "# HELP safeconf_%s %s\n# TYPE safeconf_%s %s\nsafeconf_%s %.17g\n", name,
                   help, name, type, name, value);
}

void sc_serving_page_metrics(const struct sc_serving_house *house, struct sc_text *out)
{
    const struct sc_serving_counts *n = &house->counts;
    const struct {
        const char *name, *type, *help;
        double value;
    } metrics[] = {
        {"requests_total", "counter", "Requests that were taken.", (double)n->n_requests},
        {"requests_refused_total", "counter", "Requests that were refused as wrong.",
         (double)n->n_refused},
        {"requests_full_total", "counter", "Requests that were refused as too many.",
         (double)n->n_full},
        {"requests_cancelled_total", "counter", "Requests whose client went away.",
         (double)n->n_cancelled},
        {"requests_failed_total", "counter", "Requests that were taken and failed.",
         (double)n->n_failed},
        {"prompt_tokens_total", "counter", "Tokens of prompts.", (double)n->n_prompt_tokens},
        {"generated_tokens_total", "counter", "Tokens that were sampled.", (double)n->n_tokens},
        {"steps_total", "counter", "Passes of the network.", (double)n->n_steps},
        {"rows_total", "counter", "Rows of answers in these; equal beginnings are one.",
         (double)n->n_rows},
        {"step_width_sum", "counter", "Sum of the steps' widths.", n->width},
        {"requests_in_hand", "gauge", "Requests that are answered or wait.", (double)house->n_jobs},
        {"requests_limit", "gauge", "At most so many.", (double)house->most_jobs},
        {"traces_in_flight", "gauge", "Answers in the engine.", (double)house->n_in_flight},
        {"rows_limit", "gauge", "Rows of answers in a step, at most.",
         (double)house->plan.parallel},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        add_metric(out, metrics[i].name, metrics[i].type, metrics[i].help, metrics[i].value);
}
