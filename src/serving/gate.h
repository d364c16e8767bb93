/* Who may ask: what is looked at before a request is read. */
#ifndef SC_SERVING_GATE_H
#define SC_SERVING_GATE_H

#include <stdbool.h>

/* Whether a Host header names this server: the loopback names, and the address that it listens at.
 * A page of the web that was made to resolve to this machine names another. */
bool sc_serving_knows_host(const char *header, const char *listens_at);
/* Whether an Authorization header has the key, in time that does not tell where they differ. */
bool sc_serving_has_key(const char *header, const char *key);
/* Whether a Content-Type is JSON. */
bool sc_serving_is_json(const char *header);
/* Whether only this machine reaches an address. */
bool sc_serving_is_local(const char *host);

#endif
