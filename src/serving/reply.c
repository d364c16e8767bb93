/* See reply.h. */
#include "serving/reply.h"

#include "base/memory.h"

struct sc_serving_connection *sc_serving_place_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void sc_serving_turn(struct sc_serving_http *http, struct MHD_Connection *connection,
                     enum sc_serving_phase phase)
{
    struct sc_serving_connection *place = sc_serving_place_of(connection);
    pthread_mutex_lock(&http->house->lock);
    if (place != NULL)
        sc_serving_connection_turn(place, phase);
    pthread_mutex_unlock(&http->house->lock);
}

enum MHD_Result sc_serving_reply(struct sc_serving_http *http, struct MHD_Connection *connection,
                                 unsigned status, const char *type, struct sc_text *text)
{
    size_t n = text->len;
    char *bytes = sc_text_take(text);
    struct MHD_Response *response =
        bytes != NULL ? MHD_create_response_from_buffer_with_free_callback(n, bytes, sc_free)
                      : NULL;
    if (response == NULL) {
        sc_free(bytes);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    sc_serving_turn(http, connection, SC_SERVING_SENDS);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result sc_serving_refuse(struct sc_serving_http *http, struct MHD_Connection *connection,
                                  const struct sc_serving_refusal *refusal)
{
    struct sc_text text = {0};
    pthread_mutex_lock(&http->house->lock);
    if (refusal->status == MHD_HTTP_TOO_MANY_REQUESTS)
        http->house->counts.n_full++;
    else if (refusal->status < 500)
        http->house->counts.n_refused++;
    pthread_mutex_unlock(&http->house->lock);
    sc_serving_answer_refusal(refusal, &text);
    return sc_serving_reply(http, connection, refusal->status, "application/json", &text);
}

enum MHD_Result sc_serving_refuse_words(struct sc_serving_http *http,
                                        struct MHD_Connection *connection, unsigned status,
                                        const char *words)
{
    return sc_serving_refuse(http, connection,
                             &(struct sc_serving_refusal){.status = status, .text = words});
}
