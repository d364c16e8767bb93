/* The tree of a stored prompt's answers: answer_tree.h. */
#include "analysis/answer_tree.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

/* Whether the tokens of a stored trace can be told apart, by their ids or by their texts. */
static bool has_tokens(const struct sc_run_trace *trace)
{
    return trace->n_tokens_known && trace->n_turns == 0 &&
           (trace->ids != NULL || trace->text_ends != NULL || trace->n_tokens == 0);
}

/* Texts of tokens stand in for ids that are not known: a number for each text. */
static void name_tokens(const struct sc_run_trace *trace, size_t n, int32_t *ids)
{
    const char *text = trace->text != NULL ? trace->text : "";
    size_t length = strlen(text), begin = 0;
    for (size_t i = 0; i < n; i++) {
        size_t end = trace->text_ends[i];
        if (end < begin || end > length)
            end = begin;
        ids[i] = (int32_t)(sc_hash64(text + begin, end - begin) & INT32_MAX);
        begin = end;
    }
}

static struct sc_tree_answer answer_of(const struct sc_run_trace *seen,
                                       const struct sc_run_trace *stored, double mass)
{
    bool refuses = seen->verdict == SC_REFUSAL || seen->verdict == SC_PARTIAL;
    return (struct sc_tree_answer){.ids = stored->ids,
                                   .n = seen->n_tokens,
                                   .text = stored->text_ends != NULL ? stored->text : NULL,
                                   .text_ends = stored->text_ends,
                                   .stats = stored->stats,
                                   .mass = mass,
                                   .refused = refuses ? mass : 0,
                                   .complied = seen->verdict == SC_COMPLIANCE ? mass : 0,
                                   .n_traces = 1,
                                   .ended = true};
}

/* Counts the traces that did not fail, and the tokens that have to be named; false: there is to be
 * no tree. */
static bool count_answers(const struct sc_run_instance *instance, size_t policy, size_t *n,
                          size_t *n_named)
{
    *n = *n_named = 0;
    for (size_t t = 0; t < instance->decisions[policy].n_traces; t++) {
        const struct sc_run_trace *seen = sc_run_trace_seen(instance, policy, t);
        const struct sc_run_trace *stored = &instance->traces[t];
        if (seen->finish == SC_FINISH_FAILED)
            continue;
        if (!has_tokens(stored) || seen->n_tokens > stored->n_tokens)
            return false;
        ++*n;
        *n_named += stored->ids == NULL ? seen->n_tokens : 0;
    }
    return *n > 1;
}

enum sc_status sc_answer_tree_make(const struct sc_run *run, size_t instance, size_t policy,
                                   struct sc_answer_tree *out, struct sc_error *error)
{
    const struct sc_run_instance *of = &run->instances[instance];
    size_t n, n_named;
    *out = (struct sc_answer_tree){0};
    if (!count_answers(of, policy, &n, &n_named))
        return SC_OK;
    out->answers = sc_alloc_array(n, sizeof *out->answers);
    out->traces = sc_alloc_array(n, sizeof *out->traces);
    out->ids = sc_alloc_array(n_named, sizeof *out->ids);
    if (out->answers == NULL || out->traces == NULL || out->ids == NULL) {
        sc_answer_tree_free(out);
        return sc_fail_nomem(error, "tree of answers");
    }
    n_named = 0;
    for (size_t t = 0; t < of->decisions[policy].n_traces; t++) {
        const struct sc_run_trace *seen = sc_run_trace_seen(of, policy, t);
        if (seen->finish == SC_FINISH_FAILED)
            continue;
        struct sc_tree_answer *answer = &out->answers[out->n];
        *answer = answer_of(seen, &of->traces[t], 1 / (double)n);
        if (answer->ids == NULL) {
            name_tokens(&of->traces[t], answer->n, out->ids + n_named);
            answer->ids = out->ids + n_named;
            n_named += answer->n;
        }
        out->traces[out->n++] = t;
    }
    enum sc_status status = sc_tree_build(out->answers, out->n, false, &out->tree, error);
    if (status != SC_OK)
        sc_answer_tree_free(out);
    return status;
}

void sc_answer_tree_free(struct sc_answer_tree *tree)
{
    sc_tree_free(&tree->tree);
    sc_free(tree->answers);
    sc_free(tree->traces);
    sc_free(tree->ids);
    *tree = (struct sc_answer_tree){0};
}
