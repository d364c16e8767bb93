/* Which hub is asked and where its files are kept here: what the environment says, in the names
 * that the hub's own tools read (docs/HUB.md). */
#ifndef SC_HUB_PLACE_H
#define SC_HUB_PLACE_H

#include "base/error.h"

struct sc_hub_place {
    char *endpoint;       /* HF_ENDPOINT, or https://huggingface.co; no slash at its end */
    char *cache;          /* folder */
    char *token;          /* NULL: none.  Never shown. */
    bool offline;         /* HF_HUB_OFFLINE: nothing is asked */
    double stall_timeout; /* HF_HUB_DOWNLOAD_TIMEOUT, seconds; 0: the default */
};

enum sc_status sc_hub_place_read(struct sc_hub_place *out, struct sc_error *error);
void sc_hub_place_free(struct sc_hub_place *place); /* zeros are fine */
/* The endpoint without its scheme, for people. */
const char *sc_hub_place_name(const struct sc_hub_place *place);

#endif
