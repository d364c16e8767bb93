/* What every handle of libcurl is set to here, whoever uses it: this room and the hub's. */
#ifndef SC_REMOTE_EASY_H
#define SC_REMOTE_EASY_H

#include <curl/curl.h>

#include "base/error.h"

/* HTTP/1.1 and HTTPS alone, no redirections by itself, certificates checked, no signals, kept
 * connections.  Roots of certificates: a file or a folder that SSL_CERT_FILE, REQUESTS_CA_BUNDLE or
 * CURL_CA_BUNDLE names, the first that is set; else the system's. */
bool sc_easy_set_up(CURL *easy);

/* Whether libcurl gave up in the header of an answer, for want of memory or because a line of it is
 * too long: it has one code for both. */
bool sc_easy_ended_in_header(CURL *easy, CURLcode code);
#define SC_EASY_NO_ROOM                                                                            \
    "no room for the header of the server's answer: out of memory, or a line of it has more than " \
    "100 KB"

/* What went wrong, in libcurl's words, of which an address of a proxy may be part: its user and
 * password are taken out.  buffer: of CURLOPT_ERRORBUFFER. */
const char *sc_easy_words(CURLcode code, char *buffer);

/* A secret that goes into a header line: visible ASCII, 1 to SC_LONGEST_SECRET characters, since
 * any other would end the line; NULL is none.  what names it in the message, which does not show
 * it. */
enum { SC_LONGEST_SECRET = 4096 };
enum sc_status sc_secret_check(const char *what, const char *secret, struct sc_error *error);

#endif
