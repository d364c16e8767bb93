/* What a stored trace amounts to by itself (run_data.h): what it cost, whether it can count. */
#include <string.h>

#include "experiment/store/run_data.h"
#include "vocabulary/reasoning.h"

size_t sc_sampled_of(size_t n, size_t forced_begin, size_t n_forced)
{
    size_t behind = n > forced_begin ? n - forced_begin : 0;
    return n - (behind < n_forced ? behind : n_forced);
}

size_t sc_run_trace_sampled_of(const struct sc_run_trace *trace, size_t n)
{
    return sc_sampled_of(n, trace->forced_begin, trace->n_forced);
}

size_t sc_run_trace_cost(const struct sc_run_trace *trace)
{
    return trace->n_earlier + sc_run_trace_sampled_of(trace, trace->n_tokens);
}

/* A source that counts no tokens shows its reasoning as text that is not the answer's, or apart. */
bool sc_run_trace_is_unreached(const struct sc_run_trace *trace)
{
    bool open = trace->finish == SC_FINISH_UNKNOWN && !sc_reasoning_is_closed(trace->text);
    bool stopped = trace->finish == SC_FINISH_LENGTH || trace->finish == SC_FINISH_CUT || open;
    return stopped && (trace->n_reasoning > 0 || trace->reasoning != NULL ||
                       strlen(trace->text) > strlen(trace->answer));
}
