/* What concerns the whole process and the whole library (safeconf/core.h): the only file that
 * changes what a process has one of. */
#include <curl/curl.h>
#include <gsl/gsl_errno.h>
#include <pthread.h>
#include <safeconf/core.h>

#include "base/error.h"
#include "base/json.h"

const char *sc_version(void)
{
    return SAFECONF_VERSION;
}

int sc_api_version(void)
{
    return SAFECONF_API_VERSION;
}

static CURLcode curl_code;

static void setup(void)
{
    sc_json_use_own_memory();
    gsl_set_error_handler_off();
    curl_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum sc_status sc_process_setup(struct sc_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, setup);
    if (curl_code != CURLE_OK)
        return sc_fail(error, SC_ERR_INTERNAL, "libcurl: %s", curl_easy_strerror(curl_code));
    return SC_OK;
}
