/*
 * Keys in the environment, programs that need none of them (what another program is started with),
 * and words of a person's that may hold one and are to be shown.
 */
#ifndef SC_BASE_KEYS_H
#define SC_BASE_KEYS_H

#include <stdbool.h>

/* Whether a variable may hold a key, by its name: one that ends with KEY, TOKEN, SECRET,
 * PASSWORD, PASSWD, PASSPHRASE or CREDENTIALS, in any case.  setting: "NAME=value", or the name
 * alone. */
bool sc_is_key_variable(const char *setting);

/* The name of a variable for a message: itself where it is spelt as such names are
 * (OPENAI_API_KEY), else words that stand for it, since what was given may be the key itself. */
const char *sc_key_variable_shown(const char *name);

/* A URL, or what was meant as one, for a message: without what may be a secret, a user and
 * password, a query and a fragment.  Returns shown. */
enum { SC_LONGEST_SHOWN_URL = 200 };
const char *sc_url_shown(const char *url, char shown[SC_LONGEST_SHOWN_URL]);
/* The same of a name where a URL may have been given for one; other names as they are. */
const char *sc_name_shown(const char *name, char shown[SC_LONGEST_SHOWN_URL]);

/* This process's environment without such variables, for exec: an array that the caller releases
 * with sc_free, whose texts stay the environment's own.  NULL: no memory. */
char **sc_environment_without_keys(void);

#endif
