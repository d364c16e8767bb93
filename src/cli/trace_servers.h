/* safeconf trace --endpoint: a few traces of one prompt from servers. */
#ifndef SC_CLI_TRACE_SERVERS_H
#define SC_CLI_TRACE_SERVERS_H

#include <safeconf/analysis.h>

#include "cli/asked.h"
#include "cli/endpoint.h"

struct cli_trace_servers {
    const struct cli_endpoint *endpoint;
    const char *model; /* the servers' name for it; NULL: the only one */
    const struct cli_asked *asked;
    const struct sc_conversation *turns; /* all that is sent */
    const char *prompt, *prefill; /* what is asked last; what the answer begins with, or NULL */
    const struct sc_detector *detector;
    struct sc_sampling sampling; /* NaN and top_k -1: the servers' own */
    size_t n_traces, max_new_tokens, window, confidence_top_k;
    uint64_t seed;
    bool json, colour;
};

/* Samples and appends to *out what is to be shown; failed traces are counted, after a line. */
enum sc_status cli_trace_from_servers(const struct cli_trace_servers *asked, struct sc_text *out,
                                      size_t *n_failed, struct sc_error *error);

#endif
