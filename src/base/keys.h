/*
 * Keys in the environment, and programs that need none of them: what another program is started
 * with.
 */
#ifndef SC_BASE_KEYS_H
#define SC_BASE_KEYS_H

#include <stdbool.h>

/* Whether a variable may hold a key, by its name: one that ends with KEY, TOKEN, SECRET or
 * PASSWORD, in any case.  setting: "NAME=value", or the name alone. */
bool sc_is_key_variable(const char *setting);

/* This process's environment without such variables, for exec: an array that the caller releases
 * with sc_free, whose texts stay the environment's own.  NULL: no memory. */
char **sc_environment_without_keys(void);

#endif
