/* Replies that are there at once: pages, refusals, answers that are not long. */
#ifndef SC_SERVING_REPLY_H
#define SC_SERVING_REPLY_H

#include <microhttpd.h>

#include "serving/http.h"

/* The place of a connection in the list; NULL: there was no memory for one. */
struct sc_serving_connection *sc_serving_place_of(struct MHD_Connection *connection);
/* It comes to another phase, from now on. */
void sc_serving_turn(struct sc_serving_http *http, struct MHD_Connection *connection,
                     enum sc_serving_phase phase);

/* Sends a text, which becomes empty. */
enum MHD_Result sc_serving_reply(struct sc_serving_http *http, struct MHD_Connection *connection,
                                 unsigned status, const char *type, struct sc_text *text);
/* Sends an error object, and counts it. */
enum MHD_Result sc_serving_refuse(struct sc_serving_http *http, struct MHD_Connection *connection,
                                  const struct sc_serving_refusal *refusal);
enum MHD_Result sc_serving_refuse_words(struct sc_serving_http *http,
                                        struct MHD_Connection *connection, unsigned status,
                                        const char *words);

#endif
