/* What concerns the whole process and the whole library (safeconf/core.h): the only file that
 * changes what a process has one of. */
#include <curl/curl.h>
#include <gsl/gsl_errno.h>
#include <pthread.h>
#include <safeconf/core.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sqlite_reason.h"

const char *sc_version(void)
{
    return SAFECONF_VERSION;
}

int sc_api_version(void)
{
    return SAFECONF_API_VERSION;
}

static CURLcode curl_code;

/* OpenSSL 3.0 crashes when memory ends while it sets itself up, for which it takes some 300 KB:
 * that there is more is seen to first. */
static bool has_memory(void)
{
    void *room = sc_alloc((size_t)1 << 20);
    sc_free(room);
    return room != NULL;
}

static void setup(void)
{
    sc_json_use_own_memory();
    sc_sqlite_listen();
    gsl_set_error_handler_off();
    curl_code = has_memory() ? curl_global_init(CURL_GLOBAL_DEFAULT) : CURLE_OUT_OF_MEMORY;
}

enum sc_status sc_process_setup(struct sc_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup);
    if (curl_code == CURLE_OUT_OF_MEMORY)
        return sc_fail_nomem(error, "libcurl");
    if (curl_code != CURLE_OK)
        return sc_fail(error, SC_ERR_INTERNAL, "libcurl: %s", curl_easy_strerror(curl_code));
    return SC_OK;
}
