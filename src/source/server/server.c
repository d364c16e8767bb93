/* A server as a source.  Until it samples, opening one is refused in words. */
#include "source/server/server.h"

#include <safeconf/source.h>

struct sc_server_options sc_server_options_default(void)
{
    return (struct sc_server_options){.size = sizeof(struct sc_server_options),
                                      .parallel = 32,
                                      .n_choices = 1,
                                      .timeout = 600,
                                      .most_failures = 20};
}

enum sc_status sc_source_open_server(const struct sc_server_options *options, struct sc_source *out,
                                     struct sc_error *error)
{
    (void)out;
    return sc_fail(error, SC_ERR_ARGUMENT, "a server as a source: %s",
                   options == NULL || options->n_urls == 0 ? "no URL" : "this build has none");
}
