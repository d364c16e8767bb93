/* Whether the servers are still what they were when the probe asked them (server.h). */
#include <string.h>

#include "source/server/identity.h"
#include "source/server/server.h"

/* What is not said now, or was not said then, is no change. */
static bool differs(const char *then, const char *now)
{
    return then != NULL && now != NULL && strcmp(then, now) != 0;
}

static enum sc_status compare(const struct sc_server_facts *facts, const struct sc_identity *now,
                              const char *url, struct sc_error *error)
{
    static const char rest[] = "what is stored stays, and the same command goes on when the server "
                               "is what it was";
    if (now->lists && !now->has_model && now->n_models <= SC_SERVER_MOST_LISTED)
        return sc_fail(error, SC_ERR_CONFLICT,
                       "%s changed: it had the model \"%s\" and now has %s; %s", url, facts->name,
                       now->names.data, rest);
    if (differs(facts->software, now->software))
        return sc_fail(error, SC_ERR_CONFLICT, "%s changed: it was %s and now is %s; %s", url,
                       facts->software, now->software, rest);
    if (differs(facts->revision, now->revision))
        return sc_fail(error, SC_ERR_CONFLICT,
                       "%s changed: its model was at revision %s and now is at %s; %s", url,
                       facts->revision, now->revision, rest);
    return SC_OK;
}

static enum sc_status check_server(struct sc_remote *remote, size_t server,
                                   const struct sc_server_facts *facts, struct sc_error *error)
{
    struct sc_identity now;
    struct sc_error silent = {0};
    enum sc_status status = sc_identity_ask(remote, server, facts->name, &now, &silent);
    if (status == SC_ERR_NOMEM)
        return sc_fail(error, status, "%s", silent.text);
    if (status != SC_OK) /* who does not answer has not changed: sampling will see to it */
        return SC_OK;
    status = compare(facts, &now, sc_remote_url(remote, server), error);
    sc_identity_free(&now);
    return status;
}

enum sc_status sc_server_unchanged(struct sc_remote *remote, const struct sc_server_facts *facts,
                                   struct sc_error *error)
{
    for (size_t server = 1; server <= facts->n_servers; server++)
        SC_TRY(check_server(remote, server, facts, error));
    return SC_OK;
}
