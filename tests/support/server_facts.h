/* Facts of a server, as a test compares them. */
#ifndef TEST_SERVER_FACTS_H
#define TEST_SERVER_FACTS_H

#include "source/server/server.h"

bool same_facts(const struct sc_server_facts *a, const struct sc_server_facts *b);

#endif
