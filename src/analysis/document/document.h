/*
 * What is said of a run, as a tree of named figures: built once, then shown as JSON, CSV, HTML or
 * on a terminal.  A figure's name stands where it is put into the tree (sections.c, hypothesis.c,
 * detectors.c, replay.c) and is found again by its path, "overall.refusal_rate" or
 * "policies.0.avg_traces".
 *
 * Keys and texts are borrowed: they live as long as the run and the analysis that it was built
 * from.
 */
#ifndef SC_ANALYSIS_DOCUMENT_DOCUMENT_H
#define SC_ANALYSIS_DOCUMENT_DOCUMENT_H

#include "base/error.h"
#include "base/json.h"
#include "statistics/statistics.h"

enum sc_node_kind {
    SC_NODE_OBJECT,
    SC_NODE_ARRAY,
    SC_NODE_ESTIMATE, /* value not finite: it could not be computed, for its reason */
    SC_NODE_NUMBER,   /* NaN: there is none, for `reason` where that is given */
    SC_NODE_COUNT,
    SC_NODE_DIGITS, /* a count that readers of JSON might round: text there */
    SC_NODE_TEXT,   /* NULL: there is none */
    SC_NODE_FLAG,
    SC_NODE_ABSENT, /* a section that there is not, for `reason` */
    SC_NODE_JSON    /* the run's configuration, as it is */
};

struct sc_node {
    enum sc_node_kind kind;
    const char *key; /* NULL in an array */
    union {
        struct sc_estimate estimate;
        double number;
        uint64_t count;
        const char *text;
        bool flag;
        const json_t *json;
    } as;
    const char *reason;                 /* of NUMBER and ABSENT; may be NULL */
    const struct sc_node *first, *next; /* of an object's or array's members, in order */
};

enum { SC_DOCUMENT_MOST_DEPTH = 12 };

struct sc_node_block;
struct sc_document {
    struct sc_node *root; /* an object */
    struct sc_node_block *blocks;
    bool failed; /* memory ran out; the tree is then incomplete */
    /* while it is built: the objects and arrays that are open, and their last members */
    struct {
        struct sc_node *node, *last;
    } open[SC_DOCUMENT_MOST_DEPTH];
    size_t depth;
};

void sc_document_free(struct sc_document *document);

/* ---- building: like writing JSON.  key NULL: an element of an array. ------------------------- */

void sc_document_begin(struct sc_document *document); /* opens the root */
void sc_document_put_object(struct sc_document *document, const char *key);
void sc_document_put_array(struct sc_document *document, const char *key);
void sc_document_put_end(struct sc_document *document); /* of the innermost that is open */
void sc_document_put_estimate(struct sc_document *document, const char *key,
                              const struct sc_estimate *estimate);
void sc_document_put_number(struct sc_document *document, const char *key, double value);
void sc_document_put_number_or(struct sc_document *document, const char *key, double value,
                               const char *reason);
void sc_document_put_count(struct sc_document *document, const char *key, uint64_t value);
void sc_document_put_digits(struct sc_document *document, const char *key, uint64_t value);
void sc_document_put_text(struct sc_document *document, const char *key, const char *value);
void sc_document_put_flag(struct sc_document *document, const char *key, bool value);
void sc_document_put_absent(struct sc_document *document, const char *key, const char *reason);
void sc_document_put_json(struct sc_document *document, const char *key, const json_t *value);

/* ---- reading --------------------------------------------------------------------------------- */

/* The node at a path below `from`, or NULL.  Elements of arrays are named by their index, from 0.
 */
const struct sc_node *sc_node_find(const struct sc_node *from, const char *path);
/* What a number node, a count or an estimate says; NaN for others and for NULL. */
double sc_node_number(const struct sc_node *node);
/* The text, or NULL. */
const char *sc_node_text(const struct sc_node *node);

/* ---- reading what every document of its kind has ---------------------------------------------
 * For those who show one: a path that leads nowhere, or to a node of another kind, is an error of
 * the program. */

const struct sc_node *sc_node_at(const struct sc_node *from, const char *path);
const struct sc_estimate *sc_node_estimate(const struct sc_node *node);
size_t sc_node_count(const struct sc_node *node);
const struct sc_estimate *sc_estimate_at(const struct sc_node *from, const char *path);
double sc_number_at(const struct sc_node *from, const char *path); /* of what has one; NaN: none */
size_t sc_count_at(const struct sc_node *from, const char *path);
const char *sc_text_at(const struct sc_node *from, const char *path); /* NULL: there is none */
bool sc_flag_at(const struct sc_node *from, const char *path);
/* Whether the node is there to say that there is no such section or count. */
bool sc_absent_at(const struct sc_node *from, const char *path);

/* Whether a run's document says that labels of prompts stand in for harm. */
bool sc_document_is_proxy(const struct sc_node *run_document);

#endif
