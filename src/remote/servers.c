/* See servers.h.  Also what a URL must be to be a server's. */
#include "remote/servers.h"

#include <assert.h>
#include <curl/curl.h>
#include <math.h>
#include <string.h>

#include "base/keys.h"
#include "base/memory.h"

/* ---- URLs ------------------------------------------------------------------------------------ */

/* What is asked of a URL, and whether memory was wanting for an answer. */
struct parts {
    CURLU *url;
    bool lost;
};

/* Whether it has that part, and one of these two texts as it, where they are given. */
static bool has(struct parts *parts, CURLUPart part, const char *one, const char *other)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(parts->url, part, &text, 0);
    bool there =
        code == CURLUE_OK && (one == NULL || strcmp(text, one) == 0 || strcmp(text, other) == 0);
    parts->lost = parts->lost || code == CURLUE_OUT_OF_MEMORY;
    curl_free(text);
    return there;
}

/* Whether a URL can be a server's base.  What may be a password in it is not repeated. */
static enum sc_status check_parts(struct parts *parts, const char *url, struct sc_error *error)
{
    char shown[SC_LONGEST_SHOWN_URL];
    CURLUcode code = curl_url_set(parts->url, CURLUPART_URL, url, 0);
    parts->lost = code == CURLUE_OUT_OF_MEMORY;
    bool readable = code == CURLUE_OK;
    bool secret = readable && (has(parts, CURLUPART_USER, NULL, NULL) ||
                               has(parts, CURLUPART_PASSWORD, NULL, NULL));
    bool fits = readable && has(parts, CURLUPART_SCHEME, "http", "https") &&
                !has(parts, CURLUPART_QUERY, NULL, NULL) &&
                !has(parts, CURLUPART_FRAGMENT, NULL, NULL);
    if (parts->lost)
        return sc_fail_nomem(error, "URL of a server");
    if (secret)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "URL of a server: expected no user and no password in it");
    if (!fits)
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "URL of a server: expected such as http://127.0.0.1:8000/v1, found \"%s\"",
                       sc_url_shown(url, shown));
    return SC_OK;
}

enum sc_status sc_remote_check_url(const char *url, char **clean, struct sc_error *error)
{
    assert(url != NULL);
    if (clean != NULL)
        *clean = NULL;
    struct parts parts = {.url = curl_url()};
    if (parts.url == NULL)
        return sc_fail_nomem(error, "URL of a server");
    enum sc_status status = check_parts(&parts, url, error);
    curl_url_cleanup(parts.url);
    if (status != SC_OK || clean == NULL)
        return status;
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    *clean = sc_strndup(url, n);
    return *clean != NULL ? SC_OK : sc_fail_nomem(error, "URL of a server");
}

/* ---- opening --------------------------------------------------------------------------------- */

static size_t root_of(const char *url)
{
    const char *host = strstr(url, "://");
    return host != NULL ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url);
}

enum sc_status sc_servers_open(struct sc_remote_servers *servers, const char *const *urls, size_t n,
                               struct sc_error *error)
{
    *servers = (struct sc_remote_servers){0};
    if (n == 0 || n > SC_REMOTE_MOST_SERVERS)
        return sc_fail(error, SC_ERR_ARGUMENT, "URLs of servers: expected 1 to %d, found %zu",
                       SC_REMOTE_MOST_SERVERS, n);
    servers->all = sc_alloc_zero(n, sizeof *servers->all);
    if (servers->all == NULL)
        return sc_fail_nomem(error, "a server's client");
    servers->n = n;
    for (size_t i = 0; i < n; i++) {
        SC_TRY(sc_remote_check_url(urls[i], &servers->all[i].url, error));
        servers->all[i].n_root = root_of(servers->all[i].url);
    }
    return SC_OK;
}

void sc_servers_close(struct sc_remote_servers *servers)
{
    for (size_t i = 0; i < servers->n; i++)
        sc_free(servers->all[i].url);
    sc_free(servers->all);
    *servers = (struct sc_remote_servers){0};
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* One that failed is tried with a single request when it has rested. */
static bool is_ready(const struct sc_remote_server *server, double now)
{
    return server->n_failed_in_row == 0 || (server->rests_until <= now && server->n_in_flight == 0);
}

struct sc_remote_server *sc_servers_choose(const struct sc_remote_servers *servers, double now,
                                           struct sc_remote_server *avoid)
{
    struct sc_remote_server *best = NULL, *first = &servers->all[0];
    for (size_t i = 0; i < servers->n; i++) {
        struct sc_remote_server *server = &servers->all[i];
        if (server->rests_until < first->rests_until)
            first = server;
        if (server != avoid && is_ready(server, now) &&
            (best == NULL || server->n_in_flight < best->n_in_flight))
            best = server;
    }
    if (best == NULL && avoid != NULL && is_ready(avoid, now))
        return avoid;
    return best != NULL ? best : first;
}

void sc_servers_succeeded(struct sc_remote_server *server)
{
    server->n_failed_in_row = 0;
    server->unreachable = false;
    server->answered = true;
    server->rests_until = 0;
}

void sc_servers_failed(struct sc_remote_server *server, bool unreachable, double now, double pause,
                       const struct sc_remote_options *options)
{
    double rest = options->backoff * exp2(fmin((double)server->n_failed_in_row, 30));
    rest = fmax(fmin(rest, options->longest_backoff), pause);
    server->n_failed_in_row++;
    server->unreachable = unreachable;
    server->rests_until = fmax(server->rests_until, now + rest);
}

bool sc_servers_all_unreachable(const struct sc_remote_servers *servers)
{
    for (size_t i = 0; i < servers->n; i++) {
        if (!servers->all[i].unreachable)
            return false;
    }
    return true;
}

bool sc_servers_other_may_work(const struct sc_remote_servers *servers,
                               const struct sc_remote_server *server)
{
    for (size_t i = 0; i < servers->n; i++) {
        const struct sc_remote_server *other = &servers->all[i];
        if (other != server && other->n_failed_in_row == 0)
            return true;
    }
    return false;
}
