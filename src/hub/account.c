#include "hub/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/hub_cache.h"
#include "base/memory.h"
#include "base/text.h"
#include "remote/remote.h"

enum { MOST_TOKEN_BYTES = 4096 };

/* The value of a variable; NULL where it is not set or empty. */
static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && *value != '\0' ? value : NULL;
}

static bool is_true(const char *variable)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    const char *value = value_of(variable);
    for (size_t i = 0; value != NULL && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

static enum sc_status address(const char *variable, const char *usual, char **out,
                              struct sc_error *error)
{
    assert(out != NULL);
    const char *given = value_of(variable);
    enum sc_status status = sc_remote_check_url(given != NULL ? given : usual, out, error);
    if (status != SC_OK)
        sc_error_prefix(error, "%s", variable);
    return status;
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

/* The path of the file that may hold the token; *path NULL: nothing says where. */
static enum sc_status token_file(char **path, struct sc_error *error)
{
    const char *given = value_of("HF_TOKEN_PATH");
    char *home = NULL;
    *path = NULL;
    if (given == NULL)
        SC_TRY(sc_hub_home(&home, error));
    if (given != NULL || home != NULL)
        *path = given != NULL ? sc_strdup(given) : sc_path_join(home, "token");
    bool lost = *path == NULL && (given != NULL || home != NULL);
    sc_free(home);
    return lost ? sc_fail_nomem(error, "access token") : SC_OK;
}

static enum sc_status read_token_file(char **text, struct sc_error *error)
{
    size_t n;
    char *path = NULL;
    *text = NULL;
    bool found = false;
    SC_TRY(token_file(&path, error));
    enum sc_status status = path != NULL ? sc_file_look(path, &found, error) : SC_OK;
    if (found && !sc_is_folder(path))
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
    if (given == NULL)
        given = value_of("HUGGING_FACE_HUB_TOKEN");
    if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
        return SC_OK;
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
    return is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
}
