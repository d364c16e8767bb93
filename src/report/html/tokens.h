/* Tokens for the page: where each ends in its text, and its confidence, as short text. */
#ifndef SC_REPORT_HTML_TOKENS_H
#define SC_REPORT_HTML_TOKENS_H

#include "base/json_writer.h"
#include "experiment/store/run_data.h"

/* How confidences are written and coloured. */
struct sc_token_scale {
    double low, high;  /* least and greatest of the run; NaN: no token has a confidence */
    double deep, pale; /* the 2 % quantile, fully coloured; the median, not coloured */
    size_t n_left;     /* tokens that the page still has room for */
    size_t n_without;  /* traces that were left without */
};

/* Reads the confidences of all stored tokens (of a sample where they are very many). */
enum sc_status sc_token_scale_make(const struct sc_run *run, struct sc_token_scale *out,
                                   struct sc_error *error);

/* Three characters a token, none of them special in JSON or HTML, from the alphabet A-Z a-z 0-9 - _
 * of 64 digits: its length in UTF-16 units, then its confidence on the scale in two digits (0 to
 * 4095).  63 says that the length follows in three digits.  Nothing when the trace was loaded
 * without tokens, or the page is full. */
void sc_put_tokens(struct sc_json_writer *out, const char *key, const struct sc_run_trace *trace,
                   struct sc_token_scale *scale);

#endif
