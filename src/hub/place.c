/* See place.h. */
#include "hub/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/hub_cache.h"
#include "base/memory.h"
#include "hub/account.h"

enum { LONGEST_TIMEOUT = 86400 };

static enum sc_status read_timeout(double *out, struct sc_error *error)
{
    const char *text = getenv("HF_HUB_DOWNLOAD_TIMEOUT");
    char *end;
    if (text == NULL || *text == '\0')
        return SC_OK;
    *out = strtod(text, &end);
    if (*end == '\0' && *out >= 1 && *out <= LONGEST_TIMEOUT)
        return SC_OK;
    return sc_fail(error, SC_ERR_ARGUMENT,
                   "HF_HUB_DOWNLOAD_TIMEOUT: expected 1 to %d seconds, found \"%.40s\"",
                   LONGEST_TIMEOUT, text);
}

static enum sc_status read_all(struct sc_hub_place *place, struct sc_error *error)
{
    SC_TRY(sc_hub_endpoint(&place->endpoint, error));
    SC_TRY(read_timeout(&place->stall_timeout, error));
    place->offline = sc_hub_is_offline();
    SC_TRY(sc_hub_cache(&place->cache, error));
    if (place->cache == NULL)
        return sc_fail(error, SC_ERR_IO,
                       "cache of the hub: expected HF_HUB_CACHE, HF_HOME or HOME, found none");
    return sc_hub_token(&place->token, error);
}

enum sc_status sc_hub_place_read(struct sc_hub_place *out, struct sc_error *error)
{
    *out = (struct sc_hub_place){0};
    enum sc_status status = read_all(out, error);
    if (status != SC_OK)
        sc_hub_place_free(out);
    return status;
}

void sc_hub_place_free(struct sc_hub_place *place)
{
    if (place->token != NULL)
        explicit_bzero(place->token, strlen(place->token));
    sc_free(place->token);
    sc_free(place->cache);
    sc_free(place->endpoint);
    *place = (struct sc_hub_place){0};
}

const char *sc_hub_place_name(const struct sc_hub_place *place)
{
    const char *after = strstr(place->endpoint, "://");
    return after != NULL ? after + 3 : place->endpoint;
}
