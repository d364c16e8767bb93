/* The list of --policies: name[:traces | :least-most][@percentile, or deepconf's eta], commas
 * between. */
#ifndef SC_CLI_POLICIES_H
#define SC_CLI_POLICIES_H

#include "decision/decision.h"

/* Reads the list into out [most]; *n: how many.  What an item leaves out is that of `pattern`.
 * Refuses by name what is not of this form, and what the policy named would not read. */
enum sc_status cli_read_policies(const char *list, const struct sc_policy *pattern,
                                 struct sc_policy *out, size_t most, size_t *n,
                                 struct sc_error *error);

#endif
