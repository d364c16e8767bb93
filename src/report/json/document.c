#include "report/json/document.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "report/render.h"

static void put_reason(struct sc_json_writer *out, const char *key, const char *reason)
{
    char name[96];
    snprintf(name, sizeof name, "%s_reason", key);
    sc_json_put_string(out, name, reason);
}

static void put_estimate(struct sc_json_writer *out, const char *key, const struct sc_estimate *e)
{
    if (!isfinite(e->value) && key != NULL) {
        sc_json_put_null(out, key);
        put_reason(out, key, e->reason != NULL ? e->reason : "not computed");
        return;
    }
    sc_json_put_object(out, key);
    sc_json_put_number(out, "value", e->value);
    sc_json_put_number(out, "low", e->low);
    sc_json_put_number(out, "high", e->high);
    sc_json_put_count(out, "n", e->n);
    if (e->reason != NULL)
        sc_json_put_string(out, "reason", e->reason);
    sc_json_put_end_object(out);
}

static void put_parsed(struct sc_json_writer *out, const char *key, const json_t *value)
{
    struct sc_text compact = {0};
    sc_json_write(&compact, value);
    if (compact.failed)
        out->text->failed = true;
    else
        sc_json_put_raw(out, key, compact.data);
    sc_text_free(&compact);
}

static void put_node(struct sc_json_writer *out, const struct sc_node *node)
{
    switch (node->kind) {
    case SC_NODE_OBJECT:
        sc_json_put_object(out, node->key);
        for (const struct sc_node *inner = node->first; inner != NULL; inner = inner->next)
            put_node(out, inner);
        sc_json_put_end_object(out);
        break;
    case SC_NODE_ARRAY:
        sc_json_put_array(out, node->key);
        for (const struct sc_node *inner = node->first; inner != NULL; inner = inner->next)
            put_node(out, inner);
        sc_json_put_end_array(out);
        break;
    case SC_NODE_ESTIMATE:
        put_estimate(out, node->key, &node->as.estimate);
        break;
    case SC_NODE_NUMBER:
        sc_json_put_number(out, node->key, node->as.number);
        if (isnan(node->as.number) && node->reason != NULL)
            put_reason(out, node->key, node->reason);
        break;
    case SC_NODE_COUNT:
        sc_json_put_count(out, node->key, node->as.count);
        break;
    case SC_NODE_DIGITS: {
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRIu64, node->as.count);
        sc_json_put_string(out, node->key, digits);
        break;
    }
    case SC_NODE_TEXT:
        sc_json_put_string(out, node->key, node->as.text);
        break;
    case SC_NODE_FLAG:
        sc_json_put_bool(out, node->key, node->as.flag);
        break;
    case SC_NODE_ABSENT:
        sc_json_put_null(out, node->key);
        if (node->reason != NULL)
            put_reason(out, node->key, node->reason);
        break;
    case SC_NODE_JSON:
        put_parsed(out, node->key, node->as.json);
        break;
    }
}

void sc_json_put_document(struct sc_json_writer *out, const struct sc_document *document)
{
    put_node(out, document->root);
}

enum sc_status sc_render_json(const struct sc_document *document, struct sc_text *out,
                              struct sc_error *error)
{
    struct sc_json_writer writer = {.text = out, .pretty = true, .pretty_depth = 3};
    sc_json_put_document(&writer, document);
    sc_text_putc(out, '\n');
    return out->failed ? sc_fail_nomem(error, "analysis.json") : SC_OK;
}
