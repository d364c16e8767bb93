/* See easy.h. */
#include "remote/easy.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static bool set_roots(CURL *easy)
{
    static const char *const variables[] = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                                            "CURL_CA_BUNDLE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *path = getenv(variables[i]);
        if (path == NULL || *path == '\0')
            continue;
        CURLoption option = sc_is_folder(path) ? CURLOPT_CAPATH : CURLOPT_CAINFO;
        return curl_easy_setopt(easy, option, path) == CURLE_OK;
    }
    return true;
}

bool sc_easy_set_up(CURL *easy)
{
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "safeconf/" SAFECONF_VERSION) == CURLE_OK &&
           set_roots(easy);
}

bool sc_easy_ended_in_header(CURL *easy, CURLcode code)
{
    enum { TOO_LARGE = 100 }; /* CURLE_TOO_LARGE of libcurl from 8.6 on */
    curl_off_t first_byte = 0, n_body = 0;
    if (code != CURLE_OUT_OF_MEMORY && (int)code != TOO_LARGE)
        return false;
    curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &n_body);
    return first_byte > 0 && n_body == 0;
}

const char *sc_easy_words(CURLcode code, char *buffer)
{
    char *at = strrchr(buffer, '@'), *quote = strchr(buffer, '\'');
    if (*buffer == '\0')
        return curl_easy_strerror(code);
    if (at == NULL)
        return buffer;
    char *begin = quote != NULL && quote < at ? quote + 1 : buffer;
    char *scheme = strstr(begin, "://");
    begin = scheme != NULL && scheme < at ? scheme + 3 : begin;
    memset(begin, '.', (size_t)(at - begin));
    if (at - begin > 3)
        memmove(begin + 3, at, strlen(at) + 1);
    return buffer;
}

enum sc_status sc_secret_check(const char *what, const char *secret, struct sc_error *error)
{
    size_t n = 0;
    while (secret != NULL && secret[n] > ' ' && secret[n] <= '~' && n < SC_LONGEST_SECRET)
        n++;
    if (secret != NULL && (n == 0 || secret[n] != '\0'))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: expected 1 to %d visible ASCII characters, found another", what,
                       SC_LONGEST_SECRET);
    return SC_OK;
}
