/* See connections.h. */
#include "serving/connections.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"

struct sc_serving_connection *sc_serving_connection_open(struct sc_serving_connections *all,
                                                         int socket)
{
    struct sc_serving_connection *connection = sc_alloc_zero(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->socket = socket;
    connection->next = all->first;
    if (all->first != NULL)
        all->first->previous = connection;
    all->first = connection;
    all->n++;
    sc_serving_connection_turn(connection, SC_SERVING_RECEIVES);
    return connection;
}

void sc_serving_connection_close(struct sc_serving_connections *all,
                                 struct sc_serving_connection *connection)
{
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        all->first = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    all->n--;
    sc_free(connection);
}

void sc_serving_connection_turn(struct sc_serving_connection *connection,
                                enum sc_serving_phase phase)
{
    connection->phase = phase;
    connection->since = sc_seconds();
}

static bool has_gone(int socket)
{
    struct pollfd asked = {.fd = socket, .events = POLLRDHUP};
    return poll(&asked, 1, 0) == 1 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void sc_serving_connections_watch(struct sc_serving_connections *all)
{
    const double now = sc_seconds();
    const bool crowded = all->n > SC_SERVING_MOST_CONNECTIONS / 4 * 3;
    for (struct sc_serving_connection *c = all->first; c != NULL; c = c->next) {
        if (c->phase == SC_SERVING_WAITS && c->job != NULL && c->job->has_ended)
            sc_serving_connection_turn(c, SC_SERVING_SENDS);
        const double allowed = c->phase == SC_SERVING_SENDS ? SC_SERVING_SEND_SECONDS
                               : crowded                    ? SC_SERVING_HURRY_SECONDS
                                                            : SC_SERVING_RECEIVE_SECONDS;
        if (c->phase == SC_SERVING_WAITS && c->job != NULL && has_gone(c->socket))
            c->job->is_cancelled = true;
        else if (c->phase == SC_SERVING_RECEIVES && now - c->since > 1 && has_gone(c->socket))
            shutdown(c->socket, SHUT_RDWR); /* what it wanted will not come */
        else if (c->phase != SC_SERVING_WAITS && now - c->since > allowed)
            shutdown(c->socket, SHUT_RDWR); /* whoever reads or writes there finds the end */
    }
}
