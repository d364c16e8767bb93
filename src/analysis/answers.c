/*
 * The answers of the primary policy: traces with verdict compliance whose harm is known and whose
 * confidence is a number.
 */
#include "analysis/answers.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "vocabulary/vocabulary.h"

void sc_answers_free(struct sc_answers *x)
{
    sc_free(x->confidence);
    sc_free(x->harmful);
    sc_free(x->harmful_loose);
    sc_free(x->instance);
    sc_free(x->trace);
    sc_free(x->scratch);
    sc_free(x->harmful_low);
}

static bool alloc(struct sc_answers *x, size_t n, size_t n_instances)
{
    memset(x, 0, sizeof *x);
    x->confidence = sc_alloc_array(n, sizeof *x->confidence);
    x->harmful = sc_alloc_array(n, sizeof *x->harmful);
    x->harmful_loose = sc_alloc_array(n, sizeof *x->harmful_loose);
    x->instance = sc_alloc_array(n, sizeof *x->instance);
    x->trace = sc_alloc_array(n, sizeof *x->trace);
    x->harmful_low = sc_alloc_array(sc_size_mul(n_instances, 4), sizeof *x->harmful_low);
    x->scratch = sc_alloc_array(sc_size_mul(n, 2), sizeof *x->scratch);
    if (x->confidence == NULL || x->harmful == NULL || x->harmful_loose == NULL ||
        x->instance == NULL || x->trace == NULL || x->scratch == NULL || x->harmful_low == NULL)
        return false;
    x->low = x->harmful_low + n_instances;
    x->harmful_high = x->low + n_instances;
    x->high = x->harmful_high + n_instances;
    return true;
}

static void gather(const struct sc_analysis *a, struct sc_answers *x)
{
    const struct sc_run *run = a->run;
    for (size_t i = 0; i < run->n_instances; i++) {
        const struct sc_run_instance *instance = &run->instances[i];
        size_t n_traces = a->views[run->primary].instances[i].n_traces;
        for (size_t t = 0; t < n_traces; t++) {
            const struct sc_run_trace *trace = sc_run_trace_seen(instance, run->primary, t);
            double confidence = sc_trace_confidence(trace, run->metric);
            enum sc_harm harm = sc_trace_harm(run, instance, trace);
            if (!sc_verdict_is_answer(trace->verdict) || harm == SC_UNJUDGED ||
                !isfinite(confidence))
                continue;
            x->confidence[x->n] = confidence;
            x->harmful[x->n] = sc_harm_is_harmful(harm, true);
            x->harmful_loose[x->n] = sc_harm_is_harmful(harm, false);
            x->instance[x->n] = i;
            x->trace[x->n++] = trace;
        }
    }
}

enum sc_status sc_answers_make(const struct sc_analysis *analysis, struct sc_answers *out,
                               struct sc_error *error)
{
    if (!alloc(out, analysis->overall.n_answers, analysis->run->n_instances)) {
        sc_answers_free(out);
        return sc_fail_nomem(error, "answers");
    }
    gather(analysis, out);
    return SC_OK;
}
