/* The tree of named figures: its nodes lie in blocks that are released together. */
#include "analysis/document/document.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/vocabulary.h"

enum { NODES_IN_BLOCK = 256 };

struct sc_node_block {
    struct sc_node_block *next;
    size_t n;
    struct sc_node nodes[NODES_IN_BLOCK];
};

void sc_document_free(struct sc_document *document)
{
    while (document->blocks != NULL) {
        struct sc_node_block *block = document->blocks;
        document->blocks = block->next;
        sc_free(block);
    }
    *document = (struct sc_document){0};
}

/* ---- building -------------------------------------------------------------------------------- */

static struct sc_node *new_node(struct sc_document *document)
{
    struct sc_node_block *block = document->blocks;
    if (document->failed)
        return NULL;
    if (block == NULL || block->n == NODES_IN_BLOCK) {
        block = sc_alloc_zero(1, sizeof *block);
        if (block == NULL) {
            document->failed = true;
            return NULL;
        }
        block->next = document->blocks;
        document->blocks = block;
    }
    return &block->nodes[block->n++];
}

/* Appends a node to what is open; NULL when memory ran out. */
static struct sc_node *put(struct sc_document *document, enum sc_node_kind kind, const char *key)
{
    struct sc_node *node = new_node(document);
    if (node == NULL)
        return NULL;
    node->kind = kind;
    node->key = key;
    if (document->depth == 0) {
        assert(document->root == NULL && kind == SC_NODE_OBJECT);
        document->root = node;
        return node;
    }
    struct sc_node *parent = document->open[document->depth - 1].node;
    struct sc_node *last = document->open[document->depth - 1].last;
    assert((parent->kind == SC_NODE_OBJECT) == (key != NULL));
    if (last != NULL)
        last->next = node;
    else
        parent->first = node;
    document->open[document->depth - 1].last = node;
    return node;
}

static void open_node(struct sc_document *document, enum sc_node_kind kind, const char *key)
{
    struct sc_node *node = put(document, kind, key);
    if (node == NULL)
        return;
    assert(document->depth < SC_DOCUMENT_MOST_DEPTH);
    document->open[document->depth].node = node;
    document->open[document->depth++].last = NULL;
}

void sc_document_begin(struct sc_document *document)
{
    *document = (struct sc_document){0};
    open_node(document, SC_NODE_OBJECT, NULL);
}

void sc_document_put_object(struct sc_document *document, const char *key)
{
    open_node(document, SC_NODE_OBJECT, key);
}

void sc_document_put_array(struct sc_document *document, const char *key)
{
    open_node(document, SC_NODE_ARRAY, key);
}

void sc_document_put_end(struct sc_document *document)
{
    if (document->failed)
        return;
    assert(document->depth > 0);
    document->depth--;
}

void sc_document_put_estimate(struct sc_document *document, const char *key,
                              const struct sc_estimate *estimate)
{
    struct sc_node *node = put(document, SC_NODE_ESTIMATE, key);
    if (node != NULL)
        node->as.estimate = *estimate;
}

void sc_document_put_number_or(struct sc_document *document, const char *key, double value,
                               const char *reason)
{
    struct sc_node *node = put(document, SC_NODE_NUMBER, key);
    if (node == NULL)
        return;
    node->as.number = value;
    node->reason = reason;
}

void sc_document_put_number(struct sc_document *document, const char *key, double value)
{
    sc_document_put_number_or(document, key, value, NULL);
}

void sc_document_put_count(struct sc_document *document, const char *key, uint64_t value)
{
    struct sc_node *node = put(document, SC_NODE_COUNT, key);
    if (node != NULL)
        node->as.count = value;
}

void sc_document_put_digits(struct sc_document *document, const char *key, uint64_t value)
{
    struct sc_node *node = put(document, SC_NODE_DIGITS, key);
    if (node != NULL)
        node->as.count = value;
}

void sc_document_put_text(struct sc_document *document, const char *key, const char *value)
{
    struct sc_node *node = put(document, SC_NODE_TEXT, key);
    if (node != NULL)
        node->as.text = value;
}

void sc_document_put_flag(struct sc_document *document, const char *key, bool value)
{
    struct sc_node *node = put(document, SC_NODE_FLAG, key);
    if (node != NULL)
        node->as.flag = value;
}

void sc_document_put_absent(struct sc_document *document, const char *key, const char *reason)
{
    struct sc_node *node = put(document, SC_NODE_ABSENT, key);
    if (node != NULL)
        node->reason = reason;
}

void sc_document_put_json(struct sc_document *document, const char *key, const json_t *value)
{
    struct sc_node *node = put(document, SC_NODE_JSON, key);
    if (node != NULL)
        node->as.json = value;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What follows the key, or the index of an array's element, at the start of the path; NULL when the
 * path begins otherwise. */
static const char *rest_after(const char *path, const char *key, size_t index)
{
    if (key != NULL) {
        size_t n = strlen(key);
        return strncmp(path, key, n) == 0 ? path + n : NULL;
    }
    char *end;
    if (*path < '0' || *path > '9' || strtoull(path, &end, 10) != index)
        return NULL;
    return end;
}

const struct sc_node *sc_node_find(const struct sc_node *from, const char *path)
{
    assert(path != NULL);
    if (from == NULL || (from->kind != SC_NODE_OBJECT && from->kind != SC_NODE_ARRAY))
        return NULL;
    size_t index = 0;
    for (const struct sc_node *node = from->first; node != NULL; node = node->next) {
        const char *rest = rest_after(path, node->key, index++);
        if (rest != NULL && *rest == '\0')
            return node;
        const struct sc_node *found =
            rest != NULL && *rest == '.' ? sc_node_find(node, rest + 1) : NULL;
        if (found != NULL) /* else go on: a name may hold points */
            return found;
    }
    return NULL;
}

double sc_node_number(const struct sc_node *node)
{
    if (node == NULL)
        return NAN;
    switch (node->kind) {
    case SC_NODE_ESTIMATE:
        return node->as.estimate.value;
    case SC_NODE_NUMBER:
        return node->as.number;
    case SC_NODE_COUNT:
    case SC_NODE_DIGITS:
        return (double)node->as.count;
    default:
        return NAN;
    }
}

const char *sc_node_text(const struct sc_node *node)
{
    return node != NULL && node->kind == SC_NODE_TEXT ? node->as.text : NULL;
}

/* ---- reading what must be there -------------------------------------------------------------- */

/* Where assertions are off, a wrong path is shown as a figure that is not known. */
static const struct sc_node nowhere = {.kind = SC_NODE_ABSENT, .reason = "no such figure"};

const struct sc_node *sc_node_at(const struct sc_node *from, const char *path)
{
    const struct sc_node *node = sc_node_find(from, path);
    assert(node != NULL);
    return node != NULL ? node : &nowhere;
}

const struct sc_estimate *sc_node_estimate(const struct sc_node *node)
{
    static const struct sc_estimate none = {NAN, NAN, NAN, 0, "no such figure"};
    assert(node->kind == SC_NODE_ESTIMATE);
    return node->kind == SC_NODE_ESTIMATE ? &node->as.estimate : &none;
}

size_t sc_node_count(const struct sc_node *node)
{
    assert(node->kind == SC_NODE_COUNT);
    return node->kind == SC_NODE_COUNT ? (size_t)node->as.count : 0;
}

const struct sc_estimate *sc_estimate_at(const struct sc_node *from, const char *path)
{
    return sc_node_estimate(sc_node_at(from, path));
}

double sc_number_at(const struct sc_node *from, const char *path)
{
    const struct sc_node *node = sc_node_at(from, path);
    assert(node->kind == SC_NODE_NUMBER || node->kind == SC_NODE_ESTIMATE ||
           node->kind == SC_NODE_COUNT);
    return sc_node_number(node);
}

size_t sc_count_at(const struct sc_node *from, const char *path)
{
    return sc_node_count(sc_node_at(from, path));
}

const char *sc_text_at(const struct sc_node *from, const char *path)
{
    const struct sc_node *node = sc_node_at(from, path);
    assert(node->kind == SC_NODE_TEXT);
    return sc_node_text(node);
}

bool sc_flag_at(const struct sc_node *from, const char *path)
{
    const struct sc_node *node = sc_node_at(from, path);
    assert(node->kind == SC_NODE_FLAG);
    return node->kind == SC_NODE_FLAG && node->as.flag;
}

bool sc_absent_at(const struct sc_node *from, const char *path)
{
    return sc_node_at(from, path)->kind == SC_NODE_ABSENT;
}

bool sc_document_is_proxy(const struct sc_node *run_document)
{
    return sc_judge_is_none(sc_text_at(run_document, "run.judge"));
}
