#include "hub/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { MOST_TOKEN_BYTES = 4096 };

/* The value of a variable; NULL where it is not set or empty. */
static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* Whether it is an address to which a path can be appended. */
static bool is_base(const char *url)
{
    bool known = strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0;
    for (const char *p = url; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '?' || *p == '#')
            return false;
    return known && strchr(url, ':')[3] != '\0' && strchr(url, ':')[3] != '/';
}

static enum sc_status address(const char *variable, const char *usual, char **out,
                              struct sc_error *error)
{
    assert(out != NULL);
    const char *given = value_of(variable);
    const char *url = given != NULL ? given : usual;
    *out = NULL;
    if (!is_base(url))
        return sc_fail(error, SC_ERR_ARGUMENT,
                       "%s: expected an address such as %s, found \"%.200s\"", variable, usual,
                       url);
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    *out = sc_strndup(url, n);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "address");
}

enum sc_status sc_hub_endpoint(char **out, struct sc_error *error)
{
    return address("HF_ENDPOINT", "https://huggingface.co", out, error);
}

enum sc_status sc_hub_rows_endpoint(char **out, struct sc_error *error)
{
    return address("HF_DATASETS_SERVER", "https://datasets-server.huggingface.co", out, error);
}

enum sc_status sc_raw_endpoint(char **out, struct sc_error *error)
{
    return address("SAFECONF_RAW_ENDPOINT", "https://raw.githubusercontent.com", out, error);
}

/* The path of the file that may hold the token; *path NULL: no variable says where. */
static enum sc_status token_file(char **path, struct sc_error *error)
{
    static const struct {
        const char *variable, *below;
    } places[] = {{"HF_TOKEN_PATH", NULL},
                  {"HF_HOME", "token"},
                  {"XDG_CACHE_HOME", "huggingface/token"},
                  {"HOME", ".cache/huggingface/token"}};
    *path = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = value_of(places[i].variable);
        if (value == NULL)
            continue;
        *path = places[i].below != NULL ? sc_path_join(value, places[i].below) : sc_strdup(value);
        return *path != NULL ? SC_OK : sc_fail_nomem(error, "path of the access token");
    }
    return SC_OK;
}

static enum sc_status read_token_file(char **text, struct sc_error *error)
{
    char *path;
    size_t n;
    *text = NULL;
    SC_TRY(token_file(&path, error));
    enum sc_status status = SC_OK;
    if (path != NULL && sc_file_exists(path) && !sc_is_folder(path))
        status = sc_file_read(path, MOST_TOKEN_BYTES, text, &n, error);
    sc_free(path);
    return status;
}

/* The token without the blanks around it; *out NULL: nothing is left. */
static enum sc_status clean_token(const char *text, const char *from, char **out,
                                  struct sc_error *error)
{
    static const char blanks[] = " \t\r\n";
    const char *begin = text + strspn(text, blanks);
    size_t n = strlen(begin);
    while (n > 0 && strchr(blanks, begin[n - 1]) != NULL)
        n--;
    for (size_t i = 0; i < n; i++)
        if (begin[i] <= ' ' || begin[i] > '~')
            return sc_fail(error, SC_ERR_ARGUMENT,
                           "%s: expected an access token of one word, found something else", from);
    if (n == 0)
        return SC_OK;
    *out = sc_strndup(begin, n);
    return *out != NULL ? SC_OK : sc_fail_nomem(error, "access token");
}

enum sc_status sc_hub_token(char **out, struct sc_error *error)
{
    assert(out != NULL);
    *out = NULL;
    const char *given = value_of("HF_TOKEN");
    if (given != NULL)
        return clean_token(given, "HF_TOKEN", out, error);
    char *text;
    SC_TRY(read_token_file(&text, error));
    enum sc_status status =
        text != NULL ? clean_token(text, "the file of the access token", out, error) : SC_OK;
    sc_free(text);
    return status;
}

bool sc_hub_is_offline(void)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    const char *value = value_of("HF_HUB_OFFLINE");
    for (size_t i = 0; value != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}
